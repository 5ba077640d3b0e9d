#include "text/added_tokens.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>

#include "text/pattern.h"
#include "text/utf8.h"

#define TOKEN_SIZE_MOST 4096 /* bounds the search: a step of a position for each byte of a token */

static const char *added_bytes(const struct added_token *token)
{
    return token->normalized_content ? token->normalized_content : token->content;
}

static int added_order(const void *a, const void *b)
{
    return strcmp(added_bytes(*(const struct added_token *const *)a),
                  added_bytes(*(const struct added_token *const *)b));
}

bool added_set_build(struct added_set *set, const char *where, const struct added_token *tokens, size_t count,
                     bool normalized, struct error *error)
{
    set->sorted = calloc(count + 1, sizeof *set->sorted);
    set->sizes = calloc(count + 1, sizeof *set->sizes);
    if (!set->sorted || !set->sizes)
        return error_memory(error, where);
    for (size_t i = 0; i < count; i++)
        if (tokens[i].normalized == normalized && !tokens[i].unseen && *added_bytes(&tokens[i]))
            set->sorted[set->count++] = &tokens[i];
    if (set->count)
        qsort(set->sorted, set->count, sizeof *set->sorted, added_order);
    for (size_t i = 0; i < set->count; i++) {
        const char *bytes = added_bytes(set->sorted[i]);
        set->sizes[i] = strlen(bytes);
        if (set->sizes[i] > TOKEN_SIZE_MOST)
            return error_set(error, "%s: added token %d is longer than %d bytes", where, set->sorted[i]->id,
                             TOKEN_SIZE_MOST);
        if (i > 0 && strcmp(bytes, added_bytes(set->sorted[i - 1])) == 0)
            return error_set(error, "%s: added tokens %d and %d both match \"%.100s\"", where, set->sorted[i - 1]->id,
                             set->sorted[i]->id, bytes);
        set->first[(unsigned char)bytes[0] + 1]++;
    }
    for (size_t byte = 0; byte < 256; byte++)
        set->first[byte + 1] += set->first[byte];
    return true;
}

void added_set_free(struct added_set *set)
{
    free(set->sorted);
    free(set->sizes);
}

/* First of the tokens `low` .. `high` - 1, equal up to byte `depth`, whose byte there is at least `byte`. */
static size_t added_bound(const struct added_set *set, size_t low, size_t high, size_t depth, int byte)
{
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((unsigned char)added_bytes(set->sorted[middle])[depth] < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The longest token at the start of the text, or NULL. */
static const struct added_token *added_longest(const struct added_set *set, const char *text, size_t size,
                                               size_t *length)
{
    size_t low = set->first[(unsigned char)text[0]], high = set->first[(unsigned char)text[0] + 1];
    const struct added_token *longest = NULL;
    for (size_t depth = 1; low < high; depth++) {
        if (set->sizes[low] == depth) { /* sorted: the one that ends here comes first */
            longest = set->sorted[low++];
            *length = depth;
        }
        if (depth == size)
            break;
        int byte = (unsigned char)text[depth];
        low = added_bound(set, low, high, depth, byte);
        high = added_bound(set, low, high, depth, byte + 1);
    }
    return longest;
}

/* \w of Rust's regex crate, which knows Unicode 16. */
static bool is_word(uint32_t code)
{
    for (size_t i = 0; i < unicode_later_count; i++) {
        const struct unicode_range *range = &unicode_later[i];
        if (code >= range->first && code <= range->last)
            return strchr("LM", range->category[0]) || strcmp(range->category, "Nd") == 0;
    }
    const uint32_t mask = U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK;
    UChar32 c = (UChar32)code;
    return u_hasBinaryProperty(c, UCHAR_ALPHABETIC) || (U_GET_GC_MASK(c) & mask) ||
           u_hasBinaryProperty(c, UCHAR_JOIN_CONTROL);
}

static bool added_stands_alone(const char *text, size_t size, size_t start, size_t end)
{
    size_t before = start, after = end;
    return (start == 0 || !is_word(utf8_previous(text, &before))) && (end == size || !is_word(utf8_next(text, &after)));
}

struct added_cut {
    const char *text;
    size_t size;
    size_t done;       /* everything before is handed out */
    size_t space_from; /* a run of white space seen before: [space_from, space_to] */
    size_t space_to;
};

static size_t added_space_left(const struct added_cut *cut, size_t start)
{
    while (start > cut->done) {
        size_t before = start;
        if (!u_isUWhiteSpace((UChar32)utf8_previous(cut->text, &before)))
            break;
        start = before;
    }
    return start;
}

static size_t added_space_right(struct added_cut *cut, size_t end)
{
    if (end >= cut->space_from && end <= cut->space_to)
        return cut->space_to;
    cut->space_from = end;
    while (end < cut->size) {
        size_t after = end;
        if (!u_isUWhiteSpace((UChar32)utf8_next(cut->text, &after)))
            break;
        end = after;
    }
    return cut->space_to = end;
}

bool added_split(const struct added_set *set, const char *text, size_t size, added_piece *piece, void *context,
                 struct error *error)
{
    struct added_cut cut = {.text = text, .size = size, .space_from = SIZE_MAX};
    for (size_t at = 0; at < size && set->count;) {
        size_t length = 0;
        unsigned char byte = (unsigned char)text[at];
        const struct added_token *token =
            set->first[byte] < set->first[byte + 1] ? added_longest(set, text + at, size - at, &length) : NULL;
        if (!token) {
            at++;
            continue;
        }
        size_t start = at, end = at + length;
        at = end;
        if (token->single_word && !added_stands_alone(text, size, start, end))
            continue;
        if (token->lstrip)
            start = start < cut.done ? cut.done : added_space_left(&cut, start);
        if (token->rstrip)
            end = added_space_right(&cut, end);
        if (cut.done < start && !piece(context, NULL, text + cut.done, start - cut.done, error))
            return false;
        if (!piece(context, token, text + start, end > start ? end - start : 0, error))
            return false;
        cut.done = end;
    }
    return cut.done >= size || piece(context, NULL, text + cut.done, size - cut.done, error);
}
