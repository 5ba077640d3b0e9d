/* Which content words of the prompt occur in the text: evidence that they belong together; none is no evidence that
 * they do not. */
#include <stdlib.h>
#include <string.h>
#include <unicode/uscript.h>

#include "quality/text_measure.h"

#define STEM 5 /* letters that must agree */

static uint64_t stem_hash(const struct passage *passage, const struct word *word)
{
    uint64_t hash = WORD_HASH_BEGIN;
    for (size_t i = word->first; i < word->last && i < word->first + STEM; i++) {
        uint32_t code = passage->glyphs[i].code;
        hash = word_hash_next(hash, code >= 'A' && code <= 'Z' ? code + 32 : code);
    }
    return hash;
}

static bool is_content(const struct word *word)
{
    return word->kind == WORD_NUMBER ||
           ((word->last - word->first >= 3 || word->script == USCRIPT_HAN) && !function_word_languages(word));
}

static int stem_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Of the content words of a view, sorted; NULL: out of memory. */
static uint64_t *stems_new(const struct view *view, size_t *count)
{
    uint64_t *stems = malloc((view->word_last - view->word_first + 1) * sizeof *stems);
    *count = 0;
    for (size_t i = view->word_first; stems && i < view->word_last; i++)
        if (is_content(&view->passage->words[i]))
            stems[(*count)++] = stem_hash(view->passage, &view->passage->words[i]);
    if (stems)
        qsort(stems, *count, sizeof *stems, stem_compare);
    return stems;
}

/* Of a whole text only: a window says nothing of its own about the prompt. */
void overlap_measure(struct measuring *measuring)
{
    const struct view *view = measuring->view;
    struct passage prompt = {0};
    size_t count = 0;
    double overlap = 0;
    if (!measuring->prompt || view->first || view->last < view->passage->glyph_count)
        return;
    uint64_t *stems = stems_new(view, &count);
    bool good = stems && passage_new(&prompt, measuring->prompt, strlen(measuring->prompt), NULL);
    for (size_t i = 0; good && i < prompt.word_count; i++) {
        uint64_t stem = stem_hash(&prompt, &prompt.words[i]);
        overlap += is_content(&prompt.words[i]) && bsearch(&stem, stems, count, sizeof *stems, stem_compare);
    }
    measuring->memory = measuring->memory || !good;
    if (good)
        measuring->metrics[METRIC_OVERLAP] = overlap;
    passage_free(&prompt);
    free(stems);
}
