/* What stood in the text before: stretches of characters, however far back. Numbers are all the same: a list that
 * counts and says nothing else repeats itself. */
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include "base/numbers.h"
#include "quality/passage.h"

#define STRETCH 24     /* characters that make it the same, white space as one and case aside */
#define STRETCH_HAN 12 /* where half of the letters are Han or kana */
#define ROLL 0x9E3779B97F4A7C15u

struct again {
    struct passage *passage;
    uint32_t *codes, *glyphs; /* [count] folded, and where they stand */
    size_t count, length;
    uint64_t *seen; /* [mask + 1] hashes of stretches, none of which is 0 */
    size_t mask;
};

static bool again_fold(struct again *again)
{
    const struct passage *passage = again->passage;
    size_t letters = 0, han = 0, room = passage->glyph_count + 1;
    again->codes = malloc(room * sizeof *again->codes);
    again->glyphs = malloc(room * sizeof *again->glyphs);
    if (!again->codes || !again->glyphs)
        return false;
    for (size_t i = 0; i < passage->glyph_count; i++) {
        const struct glyph *glyph = &passage->glyphs[i];
        uint32_t code = glyph->kind == GLYPH_SPACE   ? ' '
                        : glyph->kind == GLYPH_DIGIT ? '0'
                                                     : (uint32_t)u_foldCase((UChar32)glyph->code, U_FOLD_CASE_DEFAULT);
        letters += glyph->kind == GLYPH_LETTER;
        han += glyph->script == USCRIPT_HAN;
        if ((code == ' ' || code == '0') && again->count && again->codes[again->count - 1] == code)
            continue;
        again->glyphs[again->count] = (uint32_t)i;
        again->codes[again->count++] = code;
    }
    again->length = 2 * han > letters ? STRETCH_HAN : STRETCH;
    return true;
}

/* The stretch stood there before; it does now. */
static bool again_before(struct again *again, uint64_t hash)
{
    size_t at = (size_t)mix_u64(hash) & again->mask;
    hash = hash ? hash : 1;
    while (again->seen[at] && again->seen[at] != hash)
        at = (at + 1) & again->mask;
    bool before = again->seen[at];
    again->seen[at] = hash;
    return before;
}

/* A rolling hash over `length` codes; what is marked already is not marked again, so this is linear. */
static void again_mark(struct again *again)
{
    uint64_t hash = 0, out = 1;
    size_t marked = 0; /* glyphs below it */
    for (size_t k = 0; k < again->length; k++)
        out *= ROLL;
    for (size_t i = 0; i < again->count; i++) {
        hash = hash * ROLL + again->codes[i] + 1;
        if (i >= again->length)
            hash -= out * (again->codes[i - again->length] + 1);
        if (i + 1 < again->length || !again_before(again, hash))
            continue;
        size_t first = again->glyphs[i + 1 - again->length], last = again->glyphs[i] + 1;
        first = first > marked ? first : marked;
        if (last > first)
            memset(again->passage->again + first, 1, last - first);
        marked = last > marked ? last : marked;
    }
}

bool passage_again(struct passage *passage, struct error *error)
{
    struct again again = {.passage = passage};
    size_t slots = 64;
    while (slots < 2 * passage->glyph_count)
        slots *= 2;
    again.mask = slots - 1;
    again.seen = calloc(slots, sizeof *again.seen);
    passage->again = calloc(passage->glyph_count + 1, 1);
    bool good = again.seen && passage->again && again_fold(&again);
    if (good)
        again_mark(&again);
    free(again.seen);
    free(again.codes);
    free(again.glyphs);
    return good || error_memory(error, "text");
}
