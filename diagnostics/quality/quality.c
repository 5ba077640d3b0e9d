#include "quality/quality.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "generated/quality_rules.h"
#include "quality/cld2.h"
#include "quality/rules.h"
#include "quality/text_measure.h"

#define RULES_MOST ((size_t)1 << 20)
#define TEXT_MOST ((size_t)1 << 20)

struct quality {
    struct rules rules;
    struct dictionaries *dictionaries;
    struct grammar_parser *parser;
    char *installed;
};

const char *quality_verdict_name(enum quality_verdict verdict)
{
    static const char *const names[] = {"gibberish", "no fault found", "too short to tell"};
    return names[verdict];
}

struct quality *quality_open(const char *rules, struct error *error)
{
    struct quality *quality = calloc(1, sizeof *quality);
    if (!quality) {
        error_memory(error, "quality");
        return NULL;
    }
    const char *where = rules ? rules : "quality rules";
    cJSON *json =
        rules ? json_read(rules, RULES_MOST, error) : json_parse(where, quality_rules, strlen(quality_rules), error);
    bool good = json && rules_parse(where, json, &quality->rules, error) &&
                ((quality->dictionaries = dictionaries_new(NULL)) || error_memory(error, "dictionaries"));
    cJSON_Delete(json);
    if (good) {
        quality->parser = grammar_open();
        return quality;
    }
    quality_free(quality);
    return NULL;
}

void quality_free(struct quality *quality)
{
    if (!quality)
        return;
    rules_free(&quality->rules);
    dictionaries_leave(quality->dictionaries);
    grammar_close(quality->parser);
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

bool quality_has_grammar(const struct quality *quality)
{
    return quality->parser;
}

/* One text being judged. */
struct judging {
    struct quality *quality;
    const char *prompt;
    const struct expects *expects;
    struct passage passage;
    struct judgement *out;
    bool *held; /* [rules]: it has its hit */
};

static bool measure(struct judging *judging, const struct view *view, double *metrics, struct cld2_result *languages)
{
    struct quality *quality = judging->quality;
    struct cld2_result effort;
    struct measuring measuring = {.view = view,
                                  .expects = judging->expects,
                                  .prompt = judging->prompt,
                                  .dictionaries = quality->dictionaries,
                                  .parser = quality->parser,
                                  .leaks = &quality->rules.leaks,
                                  .languages = languages,
                                  .effort = &effort,
                                  .metrics = metrics};
    for (int i = 0; i < METRIC_COUNT; i++)
        metrics[i] = NAN;
    cld2_detect(judging->passage.text + view_from(view), view_to(view) - view_from(view), false, languages);
    cld2_detect(judging->passage.text + view_from(view), view_to(view) - view_from(view), true, &effort);
    characters_measure(&measuring);
    repetition_measure(&measuring);
    language_measure(&measuring);
    leakage_measure(&measuring);
    wordness_measure(&measuring);
    grammar_measure(&measuring);
    pairs_measure(&measuring);
    overlap_measure(&measuring);
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

/* Rules that hold in the view and have no hit yet get one. */
static bool apply_rules(struct judging *judging, const struct view *view, bool whole, const double *metrics)
{
    const struct rules *rules = &judging->quality->rules;
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->items[i];
        if (judging->held[i] || (rule->whole && !whole) ||
            !rule_holds(rule, metrics, judging->expects, judging->passage.structured))
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

/* Where a window that begins at `first` ends: so many words or characters, then at white space. */
static size_t window_end(const struct judging *judging, size_t first)
{
    const struct passage *passage = &judging->passage;
    const struct rules *rules = &judging->quality->rules;
    struct view rest = passage_view(passage, first, passage->glyph_count);
    size_t end = first + rules->window_characters;
    if (rest.word_last - rest.word_first > rules->window_words &&
        passage->words[rest.word_first + rules->window_words].first < end)
        end = passage->words[rest.word_first + rules->window_words].first;
    if (end >= passage->glyph_count)
        return passage->glyph_count;
    for (size_t i = end; i > first + (end - first) / 2; i--)
        if (passage->glyphs[i].kind == GLYPH_SPACE && passage->glyphs[i].part != PART_CODE)
            return i;
    return end;
}

/* Windows that overlap by half; the last one ends with the text. */
static bool judge_windows(struct judging *judging)
{
    const struct passage *passage = &judging->passage;
    double metrics[METRIC_COUNT];
    struct cld2_result languages;
    size_t first = 0, end = window_end(judging, 0);
    bool good = true;
    if (end + end / 4 >= passage->glyph_count)
        return true;
    while (good) {
        struct view view = passage_view(passage, first, end);
        good = measure(judging, &view, metrics, &languages) && apply_rules(judging, &view, false, metrics);
        judging->out->windows++;
        if (end >= passage->glyph_count)
            break;
        first += (end - first) / 2 ? (end - first) / 2 : 1;
        end = window_end(judging, first);
        if (passage->glyph_count - end < (end - first) / 4) /* a stub behind it belongs to it */
            end = passage->glyph_count;
    }
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
                grammar_mark(&view, marks) && pairs_mark(&view, marks);
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

bool quality_judge(struct quality *quality, const char *prompt, const char *text, size_t size,
                   const struct expects *expects, struct judgement *out, struct error *error)
{
    struct judging judging = {.quality = quality, .prompt = prompt, .expects = expects, .out = out};
    struct cld2_result languages;
    *out = (struct judgement){.verdict = QUALITY_NO_FAULT};
    if (size > TEXT_MOST)
        for (size = TEXT_MOST; size && ((unsigned char)text[size] & 0xC0) == 0x80;)
            size--;
    out->judged = size;
    judging.held = calloc(quality->rules.count + 1, sizeof *judging.held);
    bool good = (judging.held || error_memory(error, "quality")) && passage_new(&judging.passage, text, size, error);
    if (good) {
        const struct view whole = passage_view(&judging.passage, 0, judging.passage.glyph_count);
        good = (measure(&judging, &whole, out->metrics, &languages) &&
                apply_rules(&judging, &whole, true, out->metrics) && judge_windows(&judging)) ||
               error_memory(error, "quality");
    }
    if (good) {
        strncpy(out->language, languages.code[0], sizeof out->language - 1);
        if (out->hit_count)
            out->verdict = QUALITY_GIBBERISH;
        else if (too_short(&judging))
            out->verdict = QUALITY_TOO_SHORT;
        good = (!out->hit_count || mark_all(&judging)) && judge_expected(&judging);
        if (!good)
            error_memory(error, "quality");
        find_onsets(out);
    }
    free(judging.held);
    passage_free(&judging.passage);
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
