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

static double number_of(const struct findings *findings, const char *check, const char *name)
{
    for (size_t i = 0; i < findings->count; i++)
        for (size_t k = 0; findings->items[i].summary && k < findings->items[i].fact_count; k++)
            if (strcmp(findings->items[i].check, check) == 0 && strcmp(findings->items[i].facts[k].name, name) == 0)
                return findings->items[i].facts[k].number;
    return NAN;
}

/* What compares numbers with gold: how far they are apart is measured by the rest of them. */
static bool is_measured(const char *check)
{
    static const char *const prefixes[] = {"layers.", "logits.", "perplexity",  "lens",     "greedy",
                                           "gold.",   "cause",   "hypothesis.", "experts.", "text."};
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

static void decide(const struct findings *findings, const struct severity_limits *limits, struct severity_facts *facts)
{
    double log_ratio = fabs(log(facts->perplexity));
    bool compared = !isnan(facts->nats) || !isnan(facts->perplexity), bad = any_fails(findings, true),
         other = any_fails(findings, false);
    facts->level = SEVERITY_BROKEN;
    if (facts->nats > limits->broken_nats)
        facts->why = "the distribution of the next token is another one";
    else if (log_ratio > limits->broken_perplexity)
        facts->why = "text is far less likely than under gold";
    else if (fails(findings, "text.verdict"))
        facts->why = "what it writes is no text";
    else if (!compared) {
        facts->level = SEVERITY_UNKNOWN;
        facts->why = "nothing compared its answers with gold's";
    } else if (!bad && !other) {
        facts->level = SEVERITY_IDENTICAL;
        facts->why = "all within gold's noise";
    } else if (other) {
        facts->level = SEVERITY_DEGRADED;
        facts->why = "what is wrong may show elsewhere than in gold's prompts";
    } else if (facts->nats > limits->harmless_nats || facts->top1 > 0 || log_ratio > limits->harmless_perplexity ||
               fails(findings, "greedy")) {
        facts->level = SEVERITY_DEGRADED;
        facts->why = "some answers are others than gold's";
    } else {
        facts->level = SEVERITY_HARMLESS;
        facts->why = "no decision is another one than gold's";
    }
}

struct severity_facts severity_of(const struct findings *findings, const struct severity_limits *limits)
{
    double ratio = largest_of(findings, "perplexity", "log ratio");
    double relative = largest_of(findings, "perplexity.text", NULL);
    double texts = largest_of(findings, "text.verdict", NULL);
    struct severity_facts facts = {.nats = largest_of(findings, "logits.kl", NULL),
                                   .top1 = largest_of(findings, "logits.top1", NULL),
                                   .perplexity = exp(fmax(ratio, log1p(relative))),
                                   .texts = texts / number_of(findings, "text.verdict", "texts")};
    decide(findings, limits, &facts);
    return facts;
}

void severity_text(const struct severity_facts *facts, struct buffer *out)
{
    size_t count = 0;
    buffer_format(out, "%s: %s", severity_name(facts->level), facts->why);
    if (!isnan(facts->nats))
        buffer_format(out, "%s%.3g nats from gold", count++ ? ", " : " (", facts->nats);
    if (!isnan(facts->top1))
        buffer_format(out, "%sanother most likely token at %.3g %% of positions", count++ ? ", " : " (",
                      100 * facts->top1);
    if (!isnan(facts->perplexity))
        buffer_format(out, "%sperplexity %.4g times gold's at worst", count++ ? ", " : " (", facts->perplexity);
    if (!isnan(facts->texts))
        buffer_format(out, "%s%.3g %% of texts at fault", count++ ? ", " : " (", 100 * facts->texts);
    buffer_text(out, count ? ")" : "");
}

bool severity_tells(const struct severity_facts *facts, enum verdict verdict)
{
    return facts->level != SEVERITY_UNKNOWN || verdict == VERDICT_FAIL;
}
