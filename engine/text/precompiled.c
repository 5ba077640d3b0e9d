/* The map (of SentencePiece's normalizer): the size of a trie as 32 bits, little-endian; the trie, a double array of
 * units of 32 bits (as the library darts-clone has them); then the texts that it leads to, each with a NUL behind it.
 * Applied as tokenizers does it (normalizers/precompiled.rs and the crate spm_precompiled): by grapheme clusters, where
 * one of less than 6 bytes becomes what the shortest key makes of it that it begins with, else character by character.
 */
#include "text/precompiled.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/ubrk.h>
#include <unicode/utext.h>

#include "base/json.h"
#include "text/base64.h"
#include "text/utf8.h"

#define CLUSTER_LESS 6

struct precompiled {
    char *where;
    struct buffer bytes;
    size_t units;      /* of the trie, behind the first 4 bytes */
    const char *texts; /* behind the trie; a NUL is behind the last byte */
    size_t texts_size;
};

static uint32_t word_at(const struct precompiled *map, size_t at)
{
    const unsigned char *bytes = (const unsigned char *)map->bytes.data + at;
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static bool map_read(struct precompiled *map, const char *base64, struct error *error)
{
    if (!base64_decode(base64, strlen(base64), &map->bytes))
        return error_set(error, "%s: \"precompiled_charsmap\" is not base64", map->where);
    if (map->bytes.failed)
        return error_memory(error, map->where);
    size_t size = map->bytes.size, trie = size < 4 ? 0 : word_at(map, 0);
    if (size < 8 || trie < 4 || trie % 4 || trie > size - 4)
        return error_set(error, "%s: \"precompiled_charsmap\" has %zu bytes, and a trie of %zu", map->where, size,
                         trie);
    map->units = trie / 4;
    map->texts = map->bytes.data + 4 + trie;
    map->texts_size = size - 4 - trie;
    return utf8_check(map->texts, map->texts_size) == map->texts_size ||
           error_set(error, "%s: the texts of \"precompiled_charsmap\" are not UTF-8", map->where);
}

struct precompiled *precompiled_load(const char *where, const char *base64, struct error *error)
{
    struct precompiled *map = calloc(1, sizeof *map);
    if (map)
        map->where = strdup(where);
    if (!map || !map->where)
        error_memory(error, where);
    else if (map_read(map, base64, error))
        return map;
    precompiled_free(map);
    return NULL;
}

void precompiled_free(struct precompiled *map)
{
    if (!map)
        return;
    free(map->where);
    buffer_free(&map->bytes);
    free(map);
}

/* Units of a double array, as darts-clone has them. */
static bool unit_ends_key(uint32_t unit)
{
    return unit >> 8 & 1;
}

static uint32_t unit_value(uint32_t unit)
{
    return unit & 0x7FFFFFFFu;
}

static uint32_t unit_label(uint32_t unit)
{
    return unit & 0x800000FFu;
}

static uint32_t unit_offset(uint32_t unit)
{
    return unit >> 10 << ((unit & 0x200u) >> 6);
}

/* What the shortest key becomes that the text begins with; NULL: none. `*outside`: the trie leads out of the map. */
static const char *text_for(const struct precompiled *map, const char *text, size_t size, bool *outside)
{
    uint32_t node = unit_offset(word_at(map, 4));
    for (size_t i = 0; i < size && text[i]; i++) {
        node ^= (unsigned char)text[i];
        *outside = node >= map->units;
        if (*outside)
            return NULL;
        uint32_t unit = word_at(map, 4 + 4 * (size_t)node);
        if (unit_label(unit) != (unsigned char)text[i])
            return NULL;
        node ^= unit_offset(unit);
        if (!unit_ends_key(unit))
            continue;
        *outside = node >= map->units;
        uint32_t value = *outside ? 0 : unit_value(word_at(map, 4 + 4 * (size_t)node));
        *outside = *outside || value > map->texts_size || ((unsigned char)map->texts[value] & 0xC0) == 0x80;
        return *outside ? NULL : map->texts + value;
    }
    return NULL;
}

static bool piece_append(const struct precompiled *map, const char *text, size_t size, struct buffer *out,
                         struct error *error)
{
    bool outside = false;
    const char *becomes = size < CLUSTER_LESS ? text_for(map, text, size, &outside) : NULL;
    if (becomes)
        buffer_text(out, becomes);
    for (size_t at = 0; !becomes && !outside && at < size;) {
        size_t start = at;
        utf8_next(text, &at);
        const char *one = text_for(map, text + start, at - start, &outside);
        if (one)
            buffer_text(out, one);
        else
            buffer_append(out, text + start, at - start);
    }
    return !outside || error_set(error, "%s: the trie of \"precompiled_charsmap\" leads outside", map->where);
}

bool precompiled_apply(const struct precompiled *map, const char *text, size_t size, struct buffer *out,
                       struct error *error)
{
    UErrorCode status = U_ZERO_ERROR;
    UText *utext = utext_openUTF8(NULL, text, (int64_t)size, &status);
    UBreakIterator *clusters = ubrk_open(UBRK_CHARACTER, "", NULL, 0, &status);
    ubrk_setUText(clusters, utext, &status);
    bool good = U_SUCCESS(status) && size < INT32_MAX;
    if (!good)
        error_set(error, "%s: %s", map->where,
                  size < INT32_MAX ? u_errorName(status) : "a text of more than 2 GiB is too long");
    for (int32_t start = 0, end; good && (end = ubrk_next(clusters)) != UBRK_DONE; start = end)
        good = piece_append(map, text + start, (size_t)(end - start), out, error);
    ubrk_close(clusters);
    utext_close(utext);
    return good;
}
