#include "quality/quality.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/wording.h"
#include "generated/quality_evidence.h"
#include "generated/quality_measured.h"
#include "generated/quality_rules.h"
#include "quality/cld2.h"
#include "quality/evidence.h"
#include "quality/rules.h"
#include "quality/text_measure.h"
#include "quality/windows.h"

#define RULES_MOST ((size_t)1 << 20)
#define EVIDENCE_MOST ((size_t)16 << 20)
#define TEXT_MOST ((size_t)1 << 20)

struct quality {
    struct rules rules;
    struct dictionaries *dictionaries;
    struct evidence *evidence;
    double limit;                    /* bits of evidence that condemn */
    double half_limit, judged_limit; /* the same where a judge read the text: by form alone, and with the judge */
    char *installed;
};

const char *quality_verdict_name(enum quality_verdict verdict)
{
    static const char *const names[] = {"gibberish", "no fault found", "too short to tell"};
    return names[verdict];
}

/* The file, or `text`, which is built in as `name`. */
static cJSON *json_of(const char *path, size_t most, const char *name, const char *text, struct error *error)
{
    return path ? json_read(path, most, error) : json_parse(name, text, strlen(text), error);
}

static bool open_rules(struct quality *quality, const char *path, struct error *error)
{
    static const char name[] = "quality rules";
    cJSON *json = json_of(path, RULES_MOST, name, quality_rules, error);
    bool good = json && rules_parse(path ? path : name, json, &quality->rules, error);
    cJSON_Delete(json);
    return good;
}

static bool open_evidence(struct quality *quality, const char *path, struct error *error)
{
    static const char name[] = "quality evidence";
    cJSON *json = json_of(path, EVIDENCE_MOST, name, quality_evidence, error);
    quality->evidence = json ? evidence_parse(path ? path : name, json, error) : NULL;
    cJSON_Delete(json);
    if (!quality->evidence)
        return false;
    quality->limit = evidence_limit(quality->evidence, quality->rules.alarms);
    quality->half_limit = evidence_limit(quality->evidence, quality->rules.alarms / 2);
    if (evidence_judged(quality->evidence))
        quality->judged_limit = evidence_limit(evidence_judged(quality->evidence), quality->rules.alarms / 2);
    return true;
}

const char *quality_error_rates(void)
{
    return quality_measured;
}

struct quality *quality_open(const char *rules, struct error *error)
{
    struct quality *quality = calloc(1, sizeof *quality);
    if (!quality) {
        error_memory(error, "quality");
        return NULL;
    }
    if (open_rules(quality, rules, error) && open_evidence(quality, quality->rules.evidence, error) &&
        ((quality->dictionaries = dictionaries_new(NULL)) || error_memory(error, "dictionaries")))
        return quality;
    quality_free(quality);
    return NULL;
}

void quality_free(struct quality *quality)
{
    if (!quality)
        return;
    rules_free(&quality->rules);
    evidence_free(quality->evidence);
    dictionaries_leave(quality->dictionaries);
    free(quality->installed);
    free(quality);
}

const char *quality_dictionaries(struct quality *quality)
{
    struct buffer text = {0};
    for (size_t i = 0; !quality->installed && i < dictionaries_count(); i++)
        if (dictionaries_installed(quality->dictionaries, i))
            buffer_format(&text, "%s%s", text.size ? " " : "", dictionary_language(i));
    if (!quality->installed)
        quality->installed = text.size ? buffer_take(&text) : NULL;
    buffer_free(&text);
    return quality->installed ? quality->installed : "";
}

/* One text being judged. */
struct judging {
    struct quality *quality;
    const struct quality_text *text;
    const struct expects *expects; /* `asked` */
    struct expects asked;          /* what the text's says (borrowed), and what its prompt plainly asks for */
    struct passage passage;
    struct text_windows windows;
    double (*metrics)[METRIC_COUNT]; /* [windows] */
    double *bits;                    /* [windows + 1] of evidence in each, then in the whole text */
    double *form; /* [windows + 1] the same by form alone, for rules; without evidence, what they are given */
    bool brief;   /* too short to tell: there is no evidence, and no rule holds that wants some */
    bool weighs;  /* evidence: not brief, and no single JSON value */
    struct cld2_result main; /* of the whole text */
    struct judgement *out;
    bool *held; /* [rules]: it has its hit */
};

/* What a prompt asks for is no fault: these measures say nothing then. False: it asks for nothing. */
static bool excuse(const struct expects *expects, double *metrics)
{
    static const struct {
        enum expect_flag flag;
        const char *prefix;
    } rows[] = {{EXPECT_MAY_REPEAT, "repetition."},
                {EXPECT_CODE, "leakage.code"},
                {EXPECT_HTML, "leakage."},
                {EXPECT_JSON, "leakage.code"}};
    bool excused = false;
    for (size_t i = 0; expects && i < sizeof rows / sizeof *rows; i++)
        for (int k = 0; expects->flags[rows[i].flag] && k < METRIC_COUNT; k++)
            if (text_begins_with(metric_names[k], rows[i].prefix)) {
                metrics[k] = NAN;
                excused = true;
            }
    return excused;
}

/* `kind`: of the window; WINDOW_KIND_COUNT: the whole text, whose language is noted. */
static bool measure(struct judging *judging, const struct view *view, enum window_kind kind, double *metrics)
{
    struct quality *quality = judging->quality;
    struct cld2_result languages, effort;
    const char *text = judging->passage.text + view_from(view);
    size_t size = view_to(view) - view_from(view);
    struct measuring measuring = {.view = view,
                                  .expects = judging->expects,
                                  .prompt = judging->text->prompt,
                                  .surprise = judging->text->surprise,
                                  .dictionaries = quality->dictionaries,
                                  .leaks = &quality->rules.leaks,
                                  .languages = &languages,
                                  .main = kind == WINDOW_KIND_COUNT ? NULL : &judging->main,
                                  .effort = &effort,
                                  .metrics = metrics};
    for (int i = 0; i < METRIC_COUNT; i++)
        metrics[i] = NAN;
    cld2_detect(text, size, false, &languages);
    cld2_detect(text, size, true, &effort);
    characters_measure(&measuring);
    repetition_measure(&measuring);
    language_measure(&measuring);
    leakage_measure(&measuring);
    wordness_measure(&measuring);
    grammar_measure(&measuring);
    pairs_measure(&measuring);
    overlap_measure(&measuring);
    surprise_measure(&measuring);
    metrics[METRIC_KIND] = kind;
    metrics[METRIC_LENGTH] = log2(fmax((double)size, 1));
    if (kind == WINDOW_KIND_COUNT)
        judging->main = languages;
    return !measuring.memory;
}

/* Takes hit.numbers over; NULL, and no room, are a lack of memory. */
static bool hit_add(struct judgement *judgement, struct hit hit)
{
    if (!hit.numbers || !array_push(judgement->hits, judgement->hit_count, judgement->hit_capacity, hit)) {
        free(hit.numbers);
        return false;
    }
    return true;
}

/* Bits that every rule needs in a text of several windows, when log2 of their number is taken off: what no right answer
 * does in a few windows, one in a book may do. */
#define RULE_BITS (-8)

/* Rules that hold in the view and have no hit yet get one. */
static bool apply_rules(struct judging *judging, const struct view *view, bool whole, const double *metrics,
                        double bits)
{
    double chance = log2(fmax(1, (double)judging->windows.count));
    const struct rules *rules = &judging->quality->rules;
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->items[i];
        if (judging->held[i] || (rule->whole && !whole) ||
            !rule_holds(rule, metrics, judging->expects, judging->passage.structured) ||
            bits < (whole ? rule->bits : rule->bits + chance) ||
            (judging->weighs && chance > 0 && bits - chance < RULE_BITS))
            continue;
        judging->held[i] = true;
        if (!hit_add(judging->out, (struct hit){.rule = rule->name,
                                                .because = rule->because,
                                                .diagnostic = rule->diagnostic,
                                                .from = view_from(view),
                                                .to = view_to(view),
                                                .onset = view_from(view),
                                                .numbers = rule_numbers(rule, metrics)}))
            return false;
    }
    return true;
}

static bool measure_windows(struct judging *judging)
{
    const struct rules *rules = &judging->quality->rules;
    bool good = windows_new(&judging->windows, &judging->passage, rules->window_words, rules->window_characters);
    judging->metrics = malloc((judging->windows.count + 1) * sizeof *judging->metrics);
    good = good && judging->metrics;
    for (size_t i = 0; good && i < judging->windows.count; i++)
        good = measure(judging, &judging->windows.items[i].view, judging->windows.items[i].kind, judging->metrics[i]);
    return good;
}

/* Of a window; behind the last one, of the whole text. */
static const double *metrics_at(const struct judging *judging, size_t view)
{
    return view < judging->windows.count ? judging->metrics[view] : judging->out->metrics;
}

/* The table for a text that a judge has read; NULL: none has. */
static const struct evidence *judged_evidence(const struct judging *judging)
{
    return judging->text->surprise ? evidence_judged(judging->quality->evidence) : NULL;
}

/* The evidence by these measures, without those of a diagnostic. `form`: what form alone gives. */
static double metric_bits(const struct judging *judging, double *metrics, enum quality_diagnostic without, double *form)
{
    const struct evidence *judged = judged_evidence(judging);
    *form = evidence_bits(judging->quality->evidence, metrics, without);
    metrics[METRIC_FORM_BITS] = *form;
    return judged ? evidence_bits(judged, metrics, without) : *form;
}

/* The evidence in a view, and `*form`. What a prompt asks for is left out where that makes less of it, never more:
 * the trees have seen few texts of which it was not measured. */
static double view_bits(const struct judging *judging, const double *metrics, enum quality_diagnostic without,
                        double *form)
{
    double asked[METRIC_COUNT], asked_form;
    memcpy(asked, metrics, sizeof asked);
    double bits = metric_bits(judging, asked, without, form);
    if (!excuse(judging->expects, asked))
        return bits;
    double asked_bits = metric_bits(judging, asked, without, &asked_form);
    *form = fmin(*form, asked_form);
    return fmin(bits, asked_bits);
}

/* Fills `bits` and `form`: where none is weighed, with all that a rule can want; of a text too short to tell, with
 * none. */
static void weigh(struct judging *judging)
{
    size_t count = judging->windows.count;
    double rest = judging->brief && judging->quality->rules.alarms > 0 ? -INFINITY : INFINITY;
    for (size_t i = 0; i <= count; i++)
        if (judging->weighs)
            judging->bits[i] = view_bits(judging, metrics_at(judging, i), DIAGNOSE_COUNT, &judging->form[i]);
        else
            judging->bits[i] = judging->form[i] = rest;
}

/* What is left without a diagnostic's measures, by form alone or with the judge; `bits` [windows + 1] for its use. */
static double bits_without(const struct judging *judging, enum quality_diagnostic without, bool by_form, double *bits)
{
    size_t count = judging->windows.count;
    double form;
    for (size_t i = 0; i <= count; i++) {
        double all = view_bits(judging, metrics_at(judging, i), without, &form);
        bits[i] = by_form ? form : all;
    }
    return evidence_total(bits[count], bits, count).bits;
}

/* Rules of the whole text, then of its windows; a text of one window is judged as a whole. Of the worst of so many
 * windows some evidence comes by chance. */
static bool judge_rules(struct judging *judging)
{
    const struct view whole = passage_view(&judging->passage, 0, judging->passage.glyph_count);
    size_t count = judging->windows.count;
    judging->out->windows = count;
    bool good = apply_rules(judging, &whole, true, judging->out->metrics, judging->form[count]);
    for (size_t i = 0; good && count > 1 && i < count; i++)
        good = apply_rules(judging, &judging->windows.items[i].view, false, judging->metrics[i], judging->form[i]);
    return good;
}

/* What is said of evidence of each diagnostic. */
static const struct {
    const char *rule, *because;
} evidence_rows[DIAGNOSE_EXPECTED] = {
    [DIAGNOSE_CHARACTERS] = {"characters.evidence", "signs and characters as right texts do not have them"},
    [DIAGNOSE_REPETITION] = {"repetition.evidence", "it repeats itself as right texts do not"},
    [DIAGNOSE_LANGUAGE] = {"language.evidence", "scripts and languages as right texts do not mix them"},
    [DIAGNOSE_LEAKAGE] = {"leakage.evidence", "code, markup or a model's template as right texts do not have them"},
    [DIAGNOSE_WORDNESS] = {"wordness.evidence", "its words are not those of right texts"},
    [DIAGNOSE_GRAMMAR] = {"grammar.evidence", "its words do not follow one another as in right texts"},
    [DIAGNOSE_SURPRISE] = {"surprise.evidence", "a judge model finds its words as unlikely, or as likely, as right "
                                                "texts' are not"},
    [DIAGNOSE_COHERENCE] = {"coherence.evidence",
                            "by a judge model its sentences have less to do with one another than "
                            "those of right texts"},
};

/* Where a judge has read the text, form alone may condemn it as well, by what is further above its limit: each gets
 * half of the alarms. The reason is the diagnostic without whose measures there is least evidence left. */
static bool judge_evidence(struct judging *judging)
{
    struct judgement *out = judging->out;
    const struct text_windows *windows = &judging->windows;
    struct evidence_total total = evidence_total(judging->bits[windows->count], judging->bits, windows->count);
    enum quality_diagnostic reason = DIAGNOSE_CHARACTERS;
    double least = INFINITY;
    double alarms = judging->quality->rules.alarms;
    bool by_form = !judged_evidence(judging);
    out->limit = by_form ? judging->quality->limit : judging->quality->judged_limit;
    if (!by_form) {
        struct evidence_total form = evidence_total(judging->form[windows->count], judging->form, windows->count);
        double above = form.bits - judging->quality->half_limit;
        alarms /= 2;
        by_form = above > 0 && above > total.bits - out->limit;
        total = by_form ? form : total;
        out->limit = by_form ? judging->quality->half_limit : out->limit;
    }
    out->bits = total.bits;
    if (total.bits <= out->limit)
        return true;
    double *bits = malloc((windows->count + 1) * sizeof *bits);
    if (!bits)
        return false;
    for (int i = 0; i < DIAGNOSE_EXPECTED; i++) {
        double left = bits_without(judging, (enum quality_diagnostic)i, by_form, bits);
        reason = left < least ? (enum quality_diagnostic)i : reason;
        least = fmin(left, least);
    }
    free(bits);
    struct buffer numbers = {0};
    buffer_format(&numbers, "evidence of %.1f bits, %.1f without it; one right answer in %.0f reaches %.1f", total.bits,
                  least, 1 / alarms, out->limit);
    bool all = total.first == 0 && total.last == windows->count;
    size_t from = all ? 0 : view_from(&windows->items[total.first].view);
    return hit_add(out, (struct hit){.rule = evidence_rows[reason].rule,
                                     .because = evidence_rows[reason].because,
                                     .diagnostic = reason,
                                     .from = from,
                                     .to = all ? judging->passage.size : view_to(&windows->items[total.last - 1].view),
                                     .onset = from,
                                     .numbers = buffer_take(&numbers)});
}

static void judging_free(struct judging *judging)
{
    free(judging->held);
    free(judging->metrics);
    free(judging->bits);
    free(judging->form);
    windows_free(&judging->windows);
    passage_free(&judging->passage);
}

/* Everything that is measured of the text: of the whole into `metrics`, then of its windows. */
static bool measure_text(struct judging *judging, size_t size, double *metrics, struct error *error)
{
    if (!passage_new(&judging->passage, judging->text->text, size, error))
        return false;
    const struct view whole = passage_view(&judging->passage, 0, judging->passage.glyph_count);
    return (measure(judging, &whole, WINDOW_KIND_COUNT, metrics) && measure_windows(judging)) ||
           error_memory(error, "quality");
}

bool quality_each_window(struct quality *quality, const struct quality_text *text, window_visit *visit, void *context,
                         struct error *error)
{
    struct judging judging = {.quality = quality, .text = text};
    double metrics[METRIC_COUNT];
    bool good = measure_text(&judging, text->size, metrics, error);
    if (good)
        visit(context, &(struct measured){"whole", 0, text->size, metrics});
    for (size_t i = 0; good && i < judging.windows.count; i++) {
        const struct text_window *window = &judging.windows.items[i];
        visit(context, &(struct measured){window_kind_names[window->kind], view_from(&window->view),
                                          view_to(&window->view), judging.metrics[i]});
    }
    judging_free(&judging);
    return good;
}

bool judgement_add(struct judgement *judgement, enum quality_diagnostic diagnostic, const char *rule, size_t onset,
                   size_t size, const char *because, const char *numbers)
{
    if (diagnostic != DIAGNOSE_EXPECTED)
        judgement->verdict = QUALITY_GIBBERISH;
    return hit_add(judgement, (struct hit){.rule = rule,
                                           .because = because,
                                           .diagnostic = diagnostic,
                                           .to = size,
                                           .onset = onset,
                                           .numbers = strdup(numbers)});
}

static bool expect_hit(struct judging *judging, const char *rule, size_t onset, const char *because,
                       const char *numbers)
{
    return judgement_add(judging->out, DIAGNOSE_EXPECTED, rule, onset, judging->passage.size, because, numbers);
}

#define JSON_TRIES 100 /* brackets that something may begin at: each costs a look at the rest */
#define JSON_CUT 2     /* bytes before the end where a text that was cut off may already be wrong: half a literal */

#define JSON_PART 4 /* an array that is less of a text than one part of so many is a reference, "[1]" */

/* What JSON allows behind a bracket follows at `at`. */
static bool may_begin(char bracket, const char *at, const char *end)
{
    while (at < end && *at && strchr(" \t\r\n", *at))
        at++;
    return at < end && *at && strchr(bracket == '{' ? "\"}" : "\"[{]-0123456789tfn", *at);
}

/* Some object or array in the text is JSON, or would be but for its missing end. */
static bool holds_json(const char *text, size_t size)
{
    for (size_t i = 0, tries = 0; i < size && tries < JSON_TRIES; i++) {
        const char *end = NULL;
        if (text[i] != '{' && text[i] != '[')
            continue;
        tries++; /* "[the first]" is no JSON */
        cJSON *json = cJSON_ParseWithLengthOpts(text + i, size - i, &end, false);
        bool whole = cJSON_IsObject(json) || (cJSON_IsArray(json) && end - text - (long)i >= (long)(size / JSON_PART));
        bool cut = !json && end && end + JSON_CUT >= text + size && may_begin(text[i], text + i + 1, text + size);
        cJSON_Delete(json);
        if (whole || cut)
            return true;
    }
    return false;
}

/* Patterns and forms that the prompt asks for. */
static bool judge_expected(struct judging *judging)
{
    const struct expects *expects = judging->expects;
    const char *text = judging->passage.text;
    size_t size = judging->passage.size;
    static const char absent[] = "a pattern that is expected does not occur";
    static const char unknown[] = "a pattern needs more steps than it is given: what it would find is not known";
    bool good = true;
    for (size_t i = 0; good && expects && i < expects->matches.count; i++) {
        size_t at = pattern_list_find(&expects->matches, i, text, size);
        if (at == PATTERN_NONE || at == PATTERN_UNKNOWN)
            good = expect_hit(judging, "expected.matches", 0, at == PATTERN_NONE ? absent : unknown,
                              expects->matches.texts[i]);
    }
    for (size_t i = 0; good && expects && i < expects->forbids.count; i++) {
        size_t at = pattern_list_find(&expects->forbids, i, text, size);
        if (at != PATTERN_NONE)
            good = expect_hit(judging, "expected.forbids", at == PATTERN_UNKNOWN ? 0 : at,
                              at == PATTERN_UNKNOWN ? unknown : "a pattern that is forbidden occurs",
                              expects->forbids.texts[i]);
    }
    if (good && expects && expects->flags[EXPECT_JSON] && !holds_json(text, size))
        good = expect_hit(judging, "expected.json", 0, "there is no JSON in it that can be read", "");
    return good;
}

static bool too_short(const struct judging *judging)
{
    const struct rules *rules = &judging->quality->rules;
    for (size_t i = 0; i < rules->least_count; i++)
        if (condition_holds(&rules->least[i], judging->out->metrics))
            return false;
    return true;
}

static bool mark_all(struct judging *judging)
{
    const struct view view = passage_view(&judging->passage, 0, judging->passage.glyph_count);
    struct marks *marks = &judging->out->marks;
    bool good = characters_mark(&view, marks) && repetition_mark(&view, marks) && language_mark(&view, marks) &&
                leakage_mark(&view, &judging->quality->rules.leaks, marks) && wordness_mark(&view, marks) &&
                grammar_mark(&view, marks) && pairs_mark(&view, marks) && surprise_mark(judging->text->surprise, marks);
    size_t kept = 0;
    for (size_t i = 0; i < marks->count; i++)
        if (judgement_hit(judging->out, marks->items[i].diagnostic))
            marks->items[kept++] = marks->items[i];
    marks->count = kept;
    marks_settle(marks);
    return good;
}

/* Where each hit begins: at the first mark of its diagnostic that reaches into its window. */
static void find_onsets(struct judgement *judgement)
{
    for (size_t i = 0; i < judgement->hit_count; i++) {
        struct hit *hit = &judgement->hits[i];
        for (size_t k = 0; hit->diagnostic != DIAGNOSE_EXPECTED && k < judgement->marks.count; k++) {
            const struct mark *mark = &judgement->marks.items[k];
            if (mark->diagnostic != hit->diagnostic || mark->to <= hit->from || mark->from >= hit->to)
                continue;
            hit->onset = mark->from > hit->from ? mark->from : hit->from;
            break;
        }
    }
}

static bool judge_form(struct judging *judging)
{
    struct judgement *out = judging->out;
    judging->brief = too_short(judging);
    judging->weighs = !judging->brief && !judging->passage.structured && judging->quality->rules.alarms > 0;
    judging->bits = malloc((judging->windows.count + 1) * sizeof *judging->bits);
    judging->form = malloc((judging->windows.count + 1) * sizeof *judging->form);
    if (!judging->bits || !judging->form)
        return false;
    weigh(judging);
    if (!judge_rules(judging) || (judging->weighs && !judge_evidence(judging)))
        return false;
    out->verdict = out->hit_count ? QUALITY_GIBBERISH : judging->brief ? QUALITY_TOO_SHORT : QUALITY_NO_FAULT;
    return !out->hit_count || mark_all(judging);
}

bool quality_judge(struct quality *quality, const struct quality_text *text, struct judgement *out, struct error *error)
{
    struct judging judging = {.quality = quality, .text = text, .out = out};
    size_t size = text->size;
    *out = (struct judgement){.verdict = QUALITY_NO_FAULT, .bits = NAN};
    if (size > TEXT_MOST)
        for (size = TEXT_MOST; size && ((unsigned char)text->text[size] & 0xC0) == 0x80;)
            size--;
    out->judged = size;
    judging.asked = text->expects ? *text->expects : (struct expects){0};
    judging.expects = &judging.asked;
    asking_read(&quality->rules.asking, text->prompt, &judging.asked);
    judging.held = calloc(quality->rules.count + 1, sizeof *judging.held);
    bool good = (judging.held || error_memory(error, "quality")) && measure_text(&judging, size, out->metrics, error);
    if (good) {
        strncpy(out->language, judging.main.code[0], sizeof out->language - 1);
        good = (judge_form(&judging) && judge_expected(&judging)) || error_memory(error, "quality");
        find_onsets(out);
    }
    judging_free(&judging);
    return good;
}

void judgement_free(struct judgement *judgement)
{
    for (size_t i = 0; i < judgement->hit_count; i++)
        free(judgement->hits[i].numbers);
    free(judgement->hits);
    free(judgement->marks.items);
    *judgement = (struct judgement){0};
}

const struct hit *judgement_hit(const struct judgement *judgement, enum quality_diagnostic diagnostic)
{
    for (size_t i = 0; i < judgement->hit_count; i++)
        if (judgement->hits[i].diagnostic == diagnostic)
            return &judgement->hits[i];
    return NULL;
}
