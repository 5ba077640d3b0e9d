#include "findings/severity.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {"identical", "harmless", "degraded", "broken", "unknown"};

const char *severity_name(enum severity severity)
{
    return names[severity];
}

bool severity_parse(const char *name, enum severity *severity)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) {
            *severity = (enum severity)i;
            return true;
        }
    return false;
}

static double value_of(const struct limits *limits, enum limit limit)
{
    return limits ? limits->rows[limit].value : limit_default(limit);
}

#define TEXTS_BROKEN 0.5 /* share of texts at fault: one may be chance */

struct severity_limits severity_limits_of(const struct limits *limits)
{
    return (struct severity_limits){
        .given = true,
        .of = {[SEVERITY_NATS] = {value_of(limits, LIMIT_HARMLESS_NATS), value_of(limits, LIMIT_BROKEN_NATS)},
               [SEVERITY_TOP1] = {0, NAN},
               [SEVERITY_PERPLEXITY] = {exp(value_of(limits, LIMIT_HARMLESS_PERPLEXITY)),
                                        exp(value_of(limits, LIMIT_BROKEN_PERPLEXITY))},
               [SEVERITY_CONTINUATIONS] = {0, NAN},
               [SEVERITY_TEXTS] = {NAN, TEXTS_BROKEN}}};
}

void severity_places(struct severity_facts *facts, struct severity_place places[SEVERITY_NUMBERS])
{
    places[SEVERITY_NATS] = (struct severity_place){"nats", &facts->nats};
    places[SEVERITY_TOP1] = (struct severity_place){"top1", &facts->top1};
    places[SEVERITY_PERPLEXITY] = (struct severity_place){"perplexity_ratio", &facts->perplexity};
    places[SEVERITY_CONTINUATIONS] = (struct severity_place){"continuations", &facts->continuations};
    places[SEVERITY_TEXTS] = (struct severity_place){"texts", &facts->texts};
}

/* The largest that was measured of a check as a whole, in that unit (NULL: in any); NaN: it was not. */
static double largest_of(const struct findings *findings, const char *check, const char *unit)
{
    double largest = NAN;
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        if (finding->summary && finding->has_measured && finding->verdict != VERDICT_SKIP &&
            strcmp(finding->check, check) == 0 && (!unit || (finding->unit && strcmp(finding->unit, unit) == 0)))
            largest = fmax(largest, fabs(finding->measured));
    }
    return largest;
}

/* The largest of a fact of a check as a whole; NaN: there is none. */
static double number_of(const struct findings *findings, const char *check, const char *name)
{
    double largest = NAN;
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].summary && strcmp(findings->items[i].check, check) == 0)
            largest = fmax(largest, finding_fact_number(&findings->items[i], name));
    return largest;
}

/* Over gold's: of the text that gold records, else of its cases. */
static double perplexity_of(const struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        double gold = finding_fact_number(&findings->items[i], "golden_perplexity");
        if (findings->items[i].summary && !isnan(gold))
            return finding_fact_number(&findings->items[i], "perplexity") / gold;
    }
    return number_of(findings, "logits.kl", "perplexity_ratio");
}

/* Every dump's divergence lies within what its precision accounts for. */
static bool within_noise(const struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        double within = finding_fact_number(finding, "within");
        if (finding->summary && strcmp(finding->check, "logits.kl") == 0 && !isnan(within) &&
            !(finding->measured <= within))
            return false;
    }
    return true;
}

/* What compares numbers with gold, or with those of an earlier run: how far they are apart is measured by the rest of
 * them. */
static bool is_measured(const char *check)
{
    static const char *const prefixes[] = {"layers.", "logits.",     "perplexity", "lens",  "greedy",   "gold.",
                                           "cause",   "hypothesis.", "experts.",   "text.", "baseline."};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(check, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static bool any_fails(const struct findings *findings, bool measured)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].verdict == VERDICT_FAIL && is_measured(findings->items[i].check) == measured)
            return true;
    return false;
}

static bool fails(const struct findings *findings, const char *check)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].summary && findings->items[i].verdict == VERDICT_FAIL &&
            strcmp(findings->items[i].check, check) == 0)
            return true;
    return false;
}

/* Each is NaN-proof: what was not measured, or has no bound, is not beyond it. */
static bool is_broken(enum severity_number number, double value, const struct severity_bounds *bounds)
{
    return number == SEVERITY_TEXTS ? value >= bounds->broken : value > bounds->broken;
}

static bool is_changed(enum severity_number number, double value, const struct severity_bounds *bounds)
{
    return value > bounds->harmless || (number == SEVERITY_PERPLEXITY && value < 1 / bounds->harmless);
}

static bool is_told(enum severity_number number, double value, const struct severity_bounds *bounds)
{
    (void)number;
    return !isnan(value) && !isnan(bounds->harmless);
}

/* Of gold's greedy continuations: those that differ where the check of them fails, else none; of several dumps the
 * most. NaN: none were compared. */
static double continuations_of(const struct findings *findings)
{
    double most = NAN;
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        double count = finding_fact_number(finding, "continuations");
        if (finding->summary && finding->has_measured && strcmp(finding->check, "greedy") == 0 && count > 0)
            most = fmax(most, finding->verdict == VERDICT_FAIL ? finding->measured / count : 0);
    }
    return most;
}

typedef bool number_is(enum severity_number number, double value, const struct severity_bounds *bounds);

/* The first number that is so; SEVERITY_NUMBERS: none. */
static enum severity_number first_that(number_is *is, struct severity_facts *facts,
                                       const struct severity_limits *limits)
{
    struct severity_place places[SEVERITY_NUMBERS];
    int i = 0;
    severity_places(facts, places);
    while (i < SEVERITY_NUMBERS && !is((enum severity_number)i, *places[i].number, &limits->of[i]))
        i++;
    return (enum severity_number)i;
}

bool severity_compared(const struct severity_facts *facts)
{
    return !isnan(facts->nats) || !isnan(facts->perplexity) || !isnan(facts->continuations);
}

static void decide(const struct findings *findings, const struct severity_limits *limits, struct severity_facts *facts)
{
    static const char *const broken_whys[] = {[SEVERITY_NATS] =
                                                  "the next-token distribution has little to do with gold's",
                                              [SEVERITY_PERPLEXITY] = "text is far less likely than under the original",
                                              [SEVERITY_TEXTS] = "most of the texts are gibberish"};
    bool compared = severity_compared(facts);
    bool gibberish = fails(findings, "text.verdict"), noise = within_noise(findings) && !(facts->top1 > 0);
    enum severity_number broken = first_that(is_broken, facts, limits);
    enum severity_number changed = noise ? SEVERITY_NUMBERS : first_that(is_changed, facts, limits);
    enum severity_number rule = SEVERITY_NUMBERS;
    if (changed == SEVERITY_NUMBERS && facts->continuations > 0)
        changed = SEVERITY_CONTINUATIONS;
    if (broken < SEVERITY_NUMBERS) {
        facts->level = SEVERITY_BROKEN;
        rule = broken;
        facts->why = broken_whys[broken];
    } else if (!compared && !gibberish) {
        facts->level = SEVERITY_UNKNOWN;
        facts->why = "nothing compared its answers with gold's";
    } else if (changed < SEVERITY_NUMBERS || gibberish) {
        facts->level = SEVERITY_DEGRADED;
        rule = changed;
        facts->why = compared ? "answers differ from gold's" : "some of the texts are gibberish";
    } else if (any_fails(findings, false)) {
        facts->level = SEVERITY_DEGRADED;
        facts->why = "what is wrong may show elsewhere than in gold's prompts";
    } else if (noise && !any_fails(findings, true)) {
        facts->level = SEVERITY_IDENTICAL;
        facts->why = "all within gold's noise";
    } else {
        facts->level = SEVERITY_HARMLESS;
        rule = first_that(is_told, facts, limits);
        facts->why = "every decision is gold's";
    }
    if (rule < SEVERITY_NUMBERS) {
        struct severity_place places[SEVERITY_NUMBERS];
        severity_places(facts, places);
        facts->rule = places[rule].name;
        facts->bounds = limits->of[rule];
    }
}

struct severity_facts severity_of(const struct findings *findings, const struct severity_limits *limits)
{
    double texts = largest_of(findings, "text.verdict", NULL);
    struct severity_facts facts = {.nats = largest_of(findings, "logits.kl", NULL),
                                   .top1 = largest_of(findings, "logits.top1", NULL),
                                   .perplexity = perplexity_of(findings),
                                   .continuations = continuations_of(findings),
                                   .texts = texts / number_of(findings, "text.verdict", "texts")};
    decide(findings, limits, &facts);
    return facts;
}

void severity_text(const struct severity_facts *facts, struct buffer *out)
{
    size_t count = 0;
    buffer_format(out, "%s: %s", severity_name(facts->level), facts->why ? facts->why : "");
    if (!isnan(facts->nats))
        buffer_format(out, "%s%.3g nats from gold", count++ ? ", " : " (", facts->nats);
    if (!isnan(facts->top1))
        buffer_format(out, "%sanother most likely token at %.3g %% of positions", count++ ? ", " : " (",
                      100 * facts->top1);
    if (!isnan(facts->perplexity))
        buffer_format(out, "%sperplexity %.4g times gold's", count++ ? ", " : " (", facts->perplexity);
    if (!isnan(facts->continuations))
        buffer_format(out, "%s%.3g %% of continuations differ", count++ ? ", " : " (", 100 * facts->continuations);
    if (!isnan(facts->texts))
        buffer_format(out, "%s%.3g %% of texts at fault", count++ ? ", " : " (", 100 * facts->texts);
    buffer_text(out, count ? ")" : "");
}

bool severity_tells(const struct severity_facts *facts, enum verdict verdict)
{
    return facts->level != SEVERITY_UNKNOWN || verdict == VERDICT_FAIL;
}
