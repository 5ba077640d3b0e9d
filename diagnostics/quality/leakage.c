/* Markup and code where prose was asked for. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <math.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>

#include "quality/text_measure.h"

#define STEPS_MOST 2000000

static const char *const group_names[LEAK_GROUP_COUNT] = {"special", "roles", "pieces", "markup", "code"};

static bool leak_add(const char *where, const cJSON *item, enum leak_group group, struct leak_list *leaks,
                     struct error *error)
{
    int problem = 0;
    size_t at = 0;
    unsigned char text[256] = "";
    if (!array_grow(leaks->items, leaks->count, leaks->capacity))
        return error_memory(error, where);
    if (!cJSON_IsString(item))
        return error_set(error, "%s: leak \"%s\" is no pattern", where, item->string);
    void *code = pcre2_compile((PCRE2_SPTR)item->valuestring, PCRE2_ZERO_TERMINATED,
                               PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE, &problem, &at, NULL);
    if (!code) {
        pcre2_get_error_message(problem, text, sizeof text);
        return error_set(error, "%s: leak \"%s\": pattern at %zu: %s", where, item->string, at, (char *)text);
    }
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    leaks->items[leaks->count++] = (struct leak){group, code};
    return true;
}

bool leaks_parse(const char *where, const cJSON *json, struct leak_list *leaks, struct error *error)
{
    for (const cJSON *list = cJSON_IsObject(json) ? json->child : NULL; list; list = list->next) {
        int group = 0;
        while (group < LEAK_GROUP_COUNT && strcmp(group_names[group], list->string) != 0)
            group++;
        if (group == LEAK_GROUP_COUNT || !cJSON_IsObject(list))
            return error_set(error,
                             "%s: \"leaks\": \"%s\" should be one of special, markup and code, and an object of "
                             "named patterns",
                             where, list->string);
        for (const cJSON *item = list->child; item; item = item->next)
            if (!leak_add(where, item, (enum leak_group)group, leaks, error))
                return false;
    }
    return leaks->count || error_set(error, "%s: \"leaks\" should be an object of groups of patterns", where);
}

void leaks_free(struct leak_list *leaks)
{
    for (size_t i = 0; i < leaks->count; i++)
        pcre2_code_free(leaks->items[i].code);
    free(leaks->items);
    *leaks = (struct leak_list){0};
}

typedef bool leak_visit(void *context, const struct leak *leak, size_t from, size_t to);

/* The glyph that begins at the byte, or behind it. */
static size_t glyph_at(const struct passage *passage, size_t byte)
{
    size_t low = 0, high = passage->glyph_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (passage->glyphs[middle].at < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool leak_each(const struct view *view, const struct leak *leak, pcre2_match_data *match,
                      pcre2_match_context *limits, leak_visit *visit, void *context)
{
    const struct passage *passage = view->passage;
    size_t to = view_to(view);
    for (size_t at = view_from(view); at < to;) {
        if (pcre2_match(leak->code, (PCRE2_SPTR)passage->text, to, at, PCRE2_NO_UTF_CHECK, match, limits) < 0)
            return true;
        const size_t *span = pcre2_get_ovector_pointer(match);
        size_t glyph = glyph_at(passage, span[0]);
        if (glyph < passage->glyph_count && passage->glyphs[glyph].part <= PART_TABLE && span[1] > span[0] &&
            !visit(context, leak, span[0], span[1]))
            return false;
        if (span[1] > at)
            at = span[1];
        else /* it matches nothing at all there */
            at = (glyph = glyph_at(passage, at + 1)) < passage->glyph_count ? passage->glyphs[glyph].at : to;
    }
    return true;
}

/* Nothing is found in a text that is no UTF-8: characters.c has judged it then. */
static bool leaks_each(const struct view *view, const struct leak_list *leaks, leak_visit *visit, void *context)
{
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    bool good = match && limits;
    if (good)
        pcre2_set_match_limit(limits, STEPS_MOST);
    for (size_t i = 0; good && !view->passage->invalid && i < leaks->count; i++)
        good = leak_each(view, &leaks->items[i], match, limits, visit, context);
    pcre2_match_context_free(limits);
    pcre2_match_data_free(match);
    return good;
}

struct leak_counts {
    double hits[LEAK_GROUP_COUNT], kinds[LEAK_GROUP_COUNT];
    const struct leak *last;
};

static bool count_leak(void *context, const struct leak *leak, size_t from, size_t to)
{
    struct leak_counts *counts = context;
    (void)from;
    (void)to;
    counts->kinds[leak->group] += leak != counts->last;
    counts->last = leak;
    counts->hits[leak->group]++;
    return true;
}

/* "addEventListener", not "McDonald" or "iPhone". */
static bool has_inner_capital(const struct passage *passage, const struct word *word)
{
    size_t inner = 0;
    for (size_t i = word->first + 2; i + 1 < word->last; i++)
        inner += u_isULowercase((UChar32)passage->glyphs[i - 1].code) &&
                 u_isULowercase((UChar32)passage->glyphs[i - 2].code) &&
                 u_isUUppercase((UChar32)passage->glyphs[i].code) &&
                 u_isULowercase((UChar32)passage->glyphs[i + 1].code);
    return inner > 0;
}

/* Lines that end or begin as code does. */
static double code_lines(const struct view *view)
{
    const struct glyph *glyphs = view->passage->glyphs;
    double lines = 0, code = 0;
    for (size_t i = view->first, end; i < view->last; i = end + 1) {
        end = passage_line_end(view->passage, i, view->last);
        size_t first = i, last = end;
        while (first < last && glyphs[first].kind == GLYPH_SPACE)
            first++;
        while (last > first && glyphs[last - 1].kind == GLYPH_SPACE)
            last--;
        if (first == last)
            continue;
        uint32_t head = glyphs[first].code, tail = glyphs[last - 1].code;
        lines++;
        code += (tail < 128 && strchr(";{}()[],:=\\>", (int)tail)) || (head < 128 && strchr("<{}#$@/+-.", (int)head)) ||
                first > i + 1;
    }
    return lines > 0 ? code / lines : NAN;
}

/* Brackets that close what is not open; what is open at the end is not wrong: texts are cut off. "a)" and "1)" close
 * nothing, nor does ":)". */
static void measure_brackets(struct measuring *measuring)
{
    static const char open[] = "([{", close[] = ")]}";
    const struct view *view = measuring->view;
    const struct glyph *glyphs = view->passage->glyphs;
    double brackets = 0, broken = 0;
    char stack[256];
    size_t depth = 0;
    struct markup markup;
    for (size_t i = view->first; i < view->last; i++) {
        uint32_t code = glyphs[i].code;
        const char *opens = code < 128 && code ? strchr(open, (int)code) : NULL;
        const char *closes = code < 128 && code ? strchr(close, (int)code) : NULL;
        if (opens && depth < sizeof stack)
            stack[depth++] = close[opens - open];
        brackets += opens || closes;
        if (!closes)
            continue;
        bool fits = depth > 0 && stack[depth - 1] == (char)code;
        bool item = !depth && code == ')' && glyphs[i].part <= PART_LIST;
        depth -= fits;
        broken += !fits && !item;
    }
    measuring->metrics[METRIC_BRACKETS] = brackets;
    measuring->metrics[METRIC_BROKEN_BRACKETS] = broken;
    measuring->metrics[METRIC_OPEN_BRACKETS] = (double)depth;
    measuring->memory = !passage_markup(view->passage, view->first, view->last, &markup) || measuring->memory;
    measuring->metrics[METRIC_TAGS] = (double)markup.tags;
    measuring->metrics[METRIC_BROKEN_TAGS] = (double)markup.broken;
}

void leakage_measure(struct measuring *measuring)
{
    const struct view *view = measuring->view;
    struct leak_counts counts = {0};
    double words = 0, inner = 0, *metrics = measuring->metrics, characters = (double)(view->last - view->first);
    measuring->memory = !leaks_each(view, measuring->leaks, count_leak, &counts) || measuring->memory;
    for (size_t i = view->word_first; i < view->word_last; i++) {
        const struct word *word = &view->passage->words[i];
        if (word->kind != WORD_LETTERS || word->part > PART_LIST)
            continue;
        words++;
        inner += has_inner_capital(view->passage, word);
    }
    metrics[METRIC_MARKUP] = counts.hits[LEAK_MARKUP];
    metrics[METRIC_MARKUP_RATE] = 100 * counts.hits[LEAK_MARKUP] / fmax(characters, 1);
    metrics[METRIC_CODE] = counts.hits[LEAK_CODE];
    metrics[METRIC_CODE_RATE] = 100 * counts.hits[LEAK_CODE] / fmax(characters, 1);
    metrics[METRIC_CODE_KINDS] = counts.kinds[LEAK_CODE];
    metrics[METRIC_SPECIAL] = counts.hits[LEAK_SPECIAL];
    metrics[METRIC_ROLES] = counts.hits[LEAK_ROLES];
    metrics[METRIC_TOKEN_PIECES] = counts.hits[LEAK_PIECES];
    measure_brackets(measuring);
    metrics[METRIC_CODE_LINES] = code_lines(view);
    if (words > 0)
        metrics[METRIC_INNER_CAPITALS] = inner / words;
}

static bool mark_leak(void *context, const struct leak *leak, size_t from, size_t to)
{
    (void)leak;
    return marks_add(context, from, to, DIAGNOSE_LEAKAGE);
}

bool leakage_mark(const struct view *view, const struct leak_list *leaks, struct marks *marks)
{
    const struct passage *passage = view->passage;
    for (size_t i = view->word_first; i < view->word_last; i++) {
        const struct word *word = &passage->words[i];
        if (word->kind == WORD_LETTERS && word->part <= PART_LIST && has_inner_capital(passage, word) &&
            !marks_add(marks, passage->glyphs[word->first].at, glyph_end(passage, word->last - 1), DIAGNOSE_LEAKAGE))
            return false;
    }
    return leaks_each(view, leaks, mark_leak, marks);
}
