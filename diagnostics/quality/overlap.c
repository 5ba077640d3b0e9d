/* Which content words of the prompt occur in the text: evidence that they belong together; none is no evidence that
 * they do not. */
#include <string.h>
#include <unicode/uscript.h>

#include "quality/measure.h"

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

void overlap_measure(struct measuring *measuring)
{
    const struct view *view = measuring->view;
    struct passage prompt = {0};
    double overlap = 0;
    if (!measuring->prompt)
        return;
    if (!passage_new(&prompt, measuring->prompt, strlen(measuring->prompt), NULL)) {
        measuring->memory = true;
        passage_free(&prompt);
        return;
    }
    for (size_t i = 0; i < prompt.word_count; i++) {
        bool found = false;
        for (size_t k = view->word_first; is_content(&prompt.words[i]) && !found && k < view->word_last; k++)
            found = is_content(&view->passage->words[k]) &&
                    stem_hash(&prompt, &prompt.words[i]) == stem_hash(view->passage, &view->passage->words[k]);
        overlap += found;
    }
    measuring->metrics[METRIC_OVERLAP] = overlap;
    passage_free(&prompt);
}
