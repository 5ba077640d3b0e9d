#include "text/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "text/utf8.h"

/* A tokenizer file is untrusted: what its patterns may cost is bounded by the text, not by the match, of which a text
 * has as many as bytes. PCRE2 does not tell what a match has cost, but it can be kept from looking further than a
 * window, or from trying more often than a limit, and tells when that was not enough: then it gets more, and that is
 * what is counted. Work is bytes that may be looked at; a pattern counts for as many as it is long. */
#define WORK_LEAST ((uint64_t)1 << 26)
#define WORK_MOST 64u /* for each byte of the text */
#define WORK_STEP 4u
#define PATTERN_SIZE 256u
#define WINDOW_FIRST ((size_t)64)
#define STEPS_FIRST 256u
#define PATTERN_HEAP_KIB                                                                                               \
    (256u * 1024) /* for the interpreter, which runs where the compiled code's stack is too small */
#define PATTERN_STACK_MOST (16u * 1024 * 1024)

struct pattern {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    char *where;
    bool compiled; /* to machine code */
    uint32_t steps;
    uint64_t left; /* of the work that is allowed */
    uint64_t size; /* what a byte that it looks at counts for */
    size_t window; /* the first */
};

static pcre2_code *pattern_compile(const char *where, const char *regex, bool literal, struct error *error)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context) {
        error_memory(error, where);
        return NULL;
    }
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pcre2_set_bsr(context, PCRE2_BSR_UNICODE);
    uint32_t options = PCRE2_UTF | (literal ? PCRE2_LITERAL : PCRE2_UCP | PCRE2_MULTILINE);
    int code = 0;
    PCRE2_SIZE at = 0;
    pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)regex, strlen(regex), options, &code, &at, context);
    pcre2_compile_context_free(context);
    if (!compiled) {
        unsigned char reason[160] = "";
        pcre2_get_error_message(code, reason, sizeof reason);
        error_set(error, "%s: pattern \"%.300s\": %s", where, regex, (char *)reason);
    }
    return compiled;
}

static bool pattern_prepare(struct pattern *pattern)
{
    pattern->match = pcre2_match_data_create(1, NULL);
    pattern->context = pcre2_match_context_create(NULL);
    if (!pattern->match || !pattern->context)
        return false;
    pcre2_set_heap_limit(pattern->context, PATTERN_HEAP_KIB);
    pattern->compiled = pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD) == 0;
    if (pattern->compiled)
        pattern->stack = pcre2_jit_stack_create(32 * 1024, PATTERN_STACK_MOST, NULL);
    if (pattern->stack)
        pcre2_jit_stack_assign(pattern->context, NULL, pattern->stack);
    return true;
}

struct pattern *pattern_new(const char *where, const char *regex, bool literal, struct error *error)
{
    struct buffer translated = {0};
    if (!(literal ? buffer_text(&translated, regex) : pattern_translate(where, regex, &translated, error))) {
        error_memory(error, where);
        buffer_free(&translated);
        return NULL;
    }
    struct pattern *pattern = calloc(1, sizeof *pattern);
    if (pattern) {
        pattern->where = strdup(where);
        pattern->size = 1 + strlen(regex) / PATTERN_SIZE;
        pattern->window = WINDOW_FIRST;
        pattern_allow(pattern, 0);
        pattern->code = pattern_compile(where, translated.data, literal, error);
    }
    buffer_free(&translated);
    if (pattern && pattern->where && pattern->code && pattern_prepare(pattern))
        return pattern;
    error_memory(error, where);
    pattern_free(pattern);
    return NULL;
}

struct pattern *pattern_load(const char *where, const cJSON *json, struct error *error)
{
    const cJSON *pattern = json_member(json, "pattern");
    const char *regex = NULL, *literal = NULL;
    if (!json_get_string(pattern, where, "Regex", &regex, error) ||
        !json_get_string(pattern, where, "String", &literal, error))
        return NULL;
    if (!regex == !literal) {
        error_set(error, "%s: \"pattern\" should be {\"Regex\": ...} or {\"String\": ...}", where);
        return NULL;
    }
    return pattern_new(where, regex ? regex : literal, !regex, error);
}

void pattern_free(struct pattern *pattern)
{
    if (!pattern)
        return;
    pcre2_code_free(pattern->code);
    pcre2_match_data_free(pattern->match);
    pcre2_match_context_free(pattern->context);
    pcre2_jit_stack_free(pattern->stack);
    free(pattern->where);
    free(pattern);
}

void pattern_allow(struct pattern *pattern, size_t size)
{
    if (pattern)
        pattern->left = WORK_LEAST + WORK_MOST * (uint64_t)size;
}

void pattern_whole(struct pattern *pattern)
{
    pattern->window = SIZE_MAX;
}

static bool pattern_spend(struct pattern *pattern, uint64_t work)
{
    bool good = work <= pattern->left / pattern->size;
    pattern->left -= good ? work * pattern->size : pattern->left;
    return good;
}

/* In the text up to `end`, with so many steps. */
static int match_within(const struct pattern_cursor *cursor, size_t from, size_t end, uint32_t steps)
{
    struct pattern *pattern = cursor->pattern;
    PCRE2_SPTR text = (PCRE2_SPTR)cursor->text;
    uint32_t options = end < cursor->size ? PCRE2_PARTIAL_HARD : 0;
    int found = PCRE2_ERROR_JIT_STACKLIMIT;
    if (steps != pattern->steps)
        pcre2_set_match_limit(pattern->context, steps);
    pattern->steps = steps;
    if (pattern->compiled)
        found = pcre2_jit_match(pattern->code, text, end, from, options, pattern->match, pattern->context);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT)
        found = pcre2_match(pattern->code, text, end, from, options | PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, pattern->match,
                            pattern->context);
    return found;
}

/* Where a window ends: behind a whole character. */
static size_t window_end(const struct pattern_cursor *cursor, size_t from, size_t window)
{
    if (window >= cursor->size - from)
        return cursor->size;
    size_t end = from + window;
    while (end < cursor->size && ((unsigned char)cursor->text[end] & 0xC0) == 0x80)
        end++;
    return end;
}

static int pattern_find(const struct pattern_cursor *cursor)
{
    struct pattern *pattern = cursor->pattern;
    const PCRE2_SIZE *span = pcre2_get_ovector_pointer(pattern->match);
    size_t from = cursor->at, window = pattern->window;
    for (uint32_t steps = STEPS_FIRST;;) {
        size_t end = window_end(cursor, from, window);
        int found = match_within(cursor, from, end, steps);
        if (found == PCRE2_ERROR_MATCHLIMIT) {
            if (!pattern_spend(pattern, (uint64_t)steps * WORK_STEP))
                return found;
            steps = steps > UINT32_MAX / 4 ? UINT32_MAX : 4 * steps;
        } else if (end == cursor->size || (found >= 0 && span[1] < end)) {
            return found;
        } else if (found == PCRE2_ERROR_NOMATCH) {
            from = end; /* nothing begins before, nor would with more behind it */
        } else if (found == PCRE2_ERROR_PARTIAL || found >= 0) {
            from = span[0];
            if (!pattern_spend(pattern, end - from))
                return PCRE2_ERROR_MATCHLIMIT;
            window = window > SIZE_MAX / 2 ? window : 2 * window;
        } else {
            return found;
        }
    }
}

int pattern_next(struct pattern_cursor *cursor, size_t *start, size_t *end, struct error *error)
{
    while (cursor->at <= cursor->size) {
        int found = pattern_find(cursor);
        if (found == PCRE2_ERROR_NOMATCH)
            return 0;
        if (found < 0) {
            unsigned char reason[160] = "";
            pcre2_get_error_message(found, reason, sizeof reason);
            error_set(error, "%s: the pattern cannot be matched at byte %zu of a text of %zu bytes: %s",
                      cursor->pattern->where, cursor->at, cursor->size, (char *)reason);
            return -1;
        }
        const PCRE2_SIZE *span = pcre2_get_ovector_pointer(cursor->pattern->match);
        if (span[0] == span[1] && cursor->matched && cursor->at_last == span[1]) {
            if (cursor->at == cursor->size)
                return 0;
            utf8_next(cursor->text, &cursor->at);
            continue;
        }
        *start = span[0];
        *end = cursor->at = cursor->at_last = span[1];
        cursor->matched = true;
        return 1;
    }
    return 0;
}

bool pattern_replace(struct pattern *pattern, const char *content, const char *text, size_t size, struct buffer *out,
                     bool *changed, struct error *error)
{
    struct pattern_cursor cursor = {.pattern = pattern, .text = text, .size = size};
    size_t done = 0, start = 0, end = 0;
    int found = 0;
    *changed = false;
    while (size > 0 && (found = pattern_next(&cursor, &start, &end, error)) > 0) {
        buffer_append(out, text + done, start - done);
        buffer_text(out, content);
        done = end;
        *changed = true;
    }
    if (*changed)
        buffer_append(out, text + done, size - done);
    return found == 0;
}
