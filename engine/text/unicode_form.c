/* The algorithm of UAX #15 over ICU's data, limited to Unicode 9: the original (crate unicode-normalization-alignments
 * 0.1.12) leaves every later character alone and does not count it as a mark. ICU's own normalizer works on UTF-16
 * only, and sorts a run of marks by insertion, which is quadratic for text that is nothing but marks. */
#include "text/unicode_form.h"

#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>

#include "text/utf8.h"

#define CODE_MASK 0x1FFFFFu
#define CLASS_SHIFT 24
#define UNICODE_VERSION_MOST 9

struct unicode_scratch {
    uint32_t *codes; /* canonical combining class << 24 | code point */
    size_t count;
    size_t capacity;
    uint32_t *sorted;
    size_t sorted_capacity;
};

static const struct form {
    const UNormalizer2 *(*instance)(UErrorCode *);
    UProperty quick_check;
    bool compose;
    uint32_t quiet; /* every code point below is in this form and no mark */
} forms[] = {
    [FORM_NFC] = {unorm2_getNFCInstance, UCHAR_NFC_QUICK_CHECK, true, 0x300},
    [FORM_NFD] = {unorm2_getNFCInstance, UCHAR_NFD_QUICK_CHECK, false, 0xC0},
    [FORM_NFKC] = {unorm2_getNFKCInstance, UCHAR_NFKC_QUICK_CHECK, true, 0xA0},
    [FORM_NFKD] = {unorm2_getNFKCInstance, UCHAR_NFKD_QUICK_CHECK, false, 0xA0},
};

void unicode_scratch_free(struct unicode_scratch *scratch)
{
    if (!scratch)
        return;
    free(scratch->codes);
    free(scratch->sorted);
    free(scratch);
}

static bool is_later(uint32_t code)
{
    UVersionInfo age;
    u_charAge((UChar32)code, age);
    return age[0] > UNICODE_VERSION_MOST;
}

static uint32_t class_of(uint32_t code)
{
    uint32_t class = u_getCombiningClass((UChar32)code);
    return class && is_later(code) ? 0 : class;
}

/* A quiet character stays what it is and joins nothing in front of it. */
static bool is_quiet(const struct form *form, uint32_t code)
{
    if (code < form->quiet)
        return true;
    if (u_getIntPropertyValue((UChar32)code, form->quick_check) == UNORM_YES && u_getCombiningClass((UChar32)code) == 0)
        return true;
    return is_later(code);
}

static bool push_code(struct unicode_scratch *scratch, uint32_t code)
{
    return array_push(scratch->codes, scratch->count, scratch->capacity, class_of(code) << CLASS_SHIFT | code);
}

/* Appends the full decomposition of the characters. */
static bool decompose(const UNormalizer2 *instance, struct unicode_scratch *scratch, const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        uint32_t code = utf8_next(text, &at);
        UChar units[64];
        UErrorCode status = U_ZERO_ERROR;
        int32_t length = unorm2_getDecomposition(instance, (UChar32)code, units, 64, &status);
        if (length <= 0 || U_FAILURE(status) || is_later(code)) {
            if (!push_code(scratch, code))
                return false;
            continue;
        }
        for (int32_t i = 0; i < length; i++) {
            uint32_t unit = units[i];
            if (unit >= 0xD800 && unit < 0xDC00 && i + 1 < length)
                unit = 0x10000 + ((unit - 0xD800) << 10) + (units[++i] - 0xDC00u);
            if (!push_code(scratch, unit))
                return false;
        }
    }
    return true;
}

static void sort_short(uint32_t *codes, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint32_t code = codes[i];
        size_t at = i;
        for (; at > 0 && codes[at - 1] >> CLASS_SHIFT > code >> CLASS_SHIFT; at--)
            codes[at] = codes[at - 1];
        codes[at] = code;
    }
}

static bool sort_long(struct unicode_scratch *scratch, uint32_t *codes, size_t count)
{
    if (scratch->sorted_capacity < count) {
        uint32_t *sorted = realloc(scratch->sorted, count * sizeof *sorted);
        if (!sorted)
            return false;
        scratch->sorted = sorted;
        scratch->sorted_capacity = count;
    }
    size_t places[257] = {0};
    for (size_t i = 0; i < count; i++)
        places[(codes[i] >> CLASS_SHIFT) + 1]++;
    for (size_t class = 1; class < 257; class ++)
        places[class] += places[class - 1];
    for (size_t i = 0; i < count; i++)
        scratch->sorted[places[codes[i] >> CLASS_SHIFT]++] = codes[i];
    memcpy(codes, scratch->sorted, count * sizeof *codes);
    return true;
}

/* Stable order by class within every run of characters whose class is not 0. */
static bool reorder(struct unicode_scratch *scratch)
{
    for (size_t from = 0, to; from < scratch->count; from = to + 1) {
        for (to = from; to < scratch->count && scratch->codes[to] >> CLASS_SHIFT; to++)
            ;
        if (to - from <= 16)
            sort_short(scratch->codes + from, to - from);
        else if (!sort_long(scratch, scratch->codes + from, to - from))
            return false;
    }
    return true;
}

/* Joins each character with the last starter, unless one of its own class or higher stands between. */
static void compose(const UNormalizer2 *instance, struct unicode_scratch *scratch)
{
    size_t kept = 0, starter = SIZE_MAX;
    int between = -1; /* class of the last character kept behind the starter */
    for (size_t i = 0; i < scratch->count; i++) {
        uint32_t code = scratch->codes[i];
        int class = (int)(code >> CLASS_SHIFT);
        if (starter != SIZE_MAX && between < class) {
            UChar32 joined = unorm2_composePair(instance, (UChar32)(scratch->codes[starter] & CODE_MASK),
                                                (UChar32)(code & CODE_MASK));
            if (joined >= 0 && !is_later((uint32_t)joined)) {
                scratch->codes[starter] = (uint32_t)joined;
                continue;
            }
        }
        if (class == 0)
            starter = kept;
        between = class == 0 ? -1 : class;
        scratch->codes[kept++] = code;
    }
    scratch->count = kept;
}

static bool normalize_segment(const struct form *form, const UNormalizer2 *instance, struct unicode_scratch *scratch,
                              const char *text, size_t size, struct buffer *out)
{
    scratch->count = 0;
    if (!decompose(instance, scratch, text, size) || !reorder(scratch))
        return false;
    if (form->compose)
        compose(instance, scratch);
    for (size_t i = 0; i < scratch->count; i++)
        utf8_append(out, scratch->codes[i] & CODE_MASK);
    return !out->failed;
}

bool unicode_normalize(enum unicode_form which, struct unicode_scratch **scratch, const char *text, size_t size,
                       struct buffer *out, bool *changed, struct error *error)
{
    const struct form *form = &forms[which];
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2 *instance = form->instance(&status);
    if (U_FAILURE(status))
        return error_set(error, "ICU cannot load its normalization data: %s", u_errorName(status));
    *changed = false;
    size_t done = 0, quiet = 0; /* text before `done` is written; the last quiet character begins at `quiet` */
    for (size_t at = 0; at < size;) {
        size_t here = at;
        if ((unsigned char)text[at] < 0x80 || is_quiet(form, utf8_next(text, &at))) {
            at += at == here;
            quiet = here;
            continue;
        }
        size_t end = at;
        while (at < size && !is_quiet(form, utf8_next(text, &at)))
            end = at;
        at = end;
        if (!*scratch && !(*scratch = calloc(1, sizeof **scratch)))
            return error_memory(error, "normalizer");
        buffer_append(out, text + done, quiet - done);
        if (!normalize_segment(form, instance, *scratch, text + quiet, end - quiet, out))
            return error_memory(error, "normalizer");
        *changed = true;
        quiet = done = end;
    }
    if (*changed)
        buffer_append(out, text + done, size - done);
    return !out->failed || error_memory(error, "normalizer");
}
