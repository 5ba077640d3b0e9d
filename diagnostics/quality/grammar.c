/* Are the words in an order that English has? Small words that cannot follow one another, and stops inside sentences.
 */
#include <string.h>
#include <unicode/uchar.h>

#include "quality/cld2.h"
#include "quality/text_measure.h"

enum word_class {
    CLASS_DETERMINER = 1 << 0,
    CLASS_PREPOSITION = 1 << 1,
    CLASS_NOT_AFTER_DETERMINER = 1 << 2,
    CLASS_NOT_AFTER_PREPOSITION = 1 << 3
};

static unsigned word_classes(const struct passage *passage, const struct word *word)
{
    static const struct {
        const char *words;
        unsigned classes;
    } rows[] = {
        {" the a an my your our their every ", CLASS_DETERMINER},
        {" of with from into at during without between among ", CLASS_PREPOSITION},
        {" the a an my your our their every of in to for with from at by and or but because if he she they we i is are "
         "was "
         "were be been has have had do does did would could should than as into when while ",
         CLASS_NOT_AFTER_DETERMINER},
        {" is are was were be been has had and or but of to he she they we i because if than would could should ",
         CLASS_NOT_AFTER_PREPOSITION},
    };
    char key[20] = " ";
    size_t size;
    const char *text = word_text(passage, word, &size);
    unsigned classes = 0;
    if (size > 12)
        return 0;
    for (size_t i = 0; i < size; i++)
        key[i + 1] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
    strcpy(key + size + 1, " ");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strstr(rows[i].words, key))
            classes |= rows[i].classes;
    return classes;
}

/* Nothing but spaces lies between the two words. */
static bool follows(const struct passage *passage, const struct word *word)
{
    for (size_t i = word[0].last; i < word[1].first; i++)
        if (passage->glyphs[i].kind != GLYPH_SPACE || passage->glyphs[i].code == '\n')
            return false;
    return true;
}

/* A determiner or preposition with a word behind it: 1, or 2 where that cannot stand there; else 0. */
static int slot_kind(const struct view *view, size_t i)
{
    const struct passage *passage = view->passage;
    const struct word *word = &passage->words[i];
    if (i + 1 >= view->word_last || word->part != PART_PROSE || word[1].part != PART_PROSE || !follows(passage, word))
        return 0;
    unsigned here = word_classes(passage, &word[0]), next = word_classes(passage, &word[1]);
    if (!(here & (CLASS_DETERMINER | CLASS_PREPOSITION)))
        return 0;
    bool bad = (here & CLASS_DETERMINER && next & CLASS_NOT_AFTER_DETERMINER) ||
               (here & CLASS_PREPOSITION && next & CLASS_NOT_AFTER_PREPOSITION);
    return bad ? 2 : 1;
}

/* A full stop behind a word that ends in three small letters ("O.C." and "lb." do not), with a word behind it: 1; 2
 * where that begins with a small letter; else 0. */
static int stop_kind(const struct view *view, size_t i)
{
    const struct glyph *glyphs = view->passage->glyphs;
    if (glyphs[i].code != '.' || i < view->first + 3 || i + 2 >= view->last || glyphs[i].part != PART_PROSE ||
        glyphs[i + 1].code != ' ' || glyphs[i + 2].kind != GLYPH_LETTER)
        return 0;
    for (size_t k = i - 3; k < i; k++)
        if (!u_isULowercase((UChar32)glyphs[k].code))
            return 0;
    return u_isULowercase((UChar32)glyphs[i + 2].code) ? 2 : 1;
}

#define ENGLISH_LEAST 0.15

/* Function words of English, of all words; 0 where another language has more of its own. */
static double english_share(const struct view *view)
{
    double words = 0, counts[FUNCTION_LANGUAGES] = {0};
    for (size_t i = view->word_first; i < view->word_last; i++) {
        const struct word *word = &view->passage->words[i];
        if (word->kind != WORD_LETTERS || word->part > PART_LIST || word->technical)
            continue;
        unsigned languages = function_word_languages(word);
        words++;
        for (unsigned k = 0; k < FUNCTION_LANGUAGES; k++)
            counts[k] += languages >> k & 1;
    }
    for (unsigned k = 1; k < FUNCTION_LANGUAGES; k++)
        if (counts[k] > counts[0])
            return 0;
    return words > 0 ? counts[0] / words : 0;
}

void grammar_measure(struct measuring *measuring)
{
    const struct view *view = measuring->view;
    double slots = 0, bad = 0, stops = 0, lower = 0, *metrics = measuring->metrics;
    bool english = strcmp(measuring->languages->code[0], "en") == 0;
    if (!(english_share(view) >= ENGLISH_LEAST) || (measuring->languages->reliable && !english))
        return;
    for (size_t i = view->word_first; i < view->word_last; i++) {
        int kind = slot_kind(view, i);
        slots += kind > 0;
        bad += kind == 2;
    }
    for (size_t i = view->first; i < view->last; i++) {
        int kind = stop_kind(view, i);
        stops += kind > 0;
        lower += kind == 2;
    }
    metrics[METRIC_SLOTS] = slots;
    metrics[METRIC_BAD_SLOTS] = bad;
    metrics[METRIC_STOPS] = stops;
    metrics[METRIC_LOWER_AFTER_STOP] = lower;
    if (slots > 0)
        metrics[METRIC_BAD_SLOT_SHARE] = bad / slots;
}

bool grammar_mark(const struct view *view, struct marks *marks)
{
    const struct passage *passage = view->passage;
    for (size_t i = view->word_first; i < view->word_last; i++)
        if (slot_kind(view, i) == 2 && !marks_add(marks, passage->glyphs[passage->words[i].first].at,
                                                  glyph_end(passage, passage->words[i + 1].last - 1), DIAGNOSE_GRAMMAR))
            return false;
    for (size_t i = view->first; i < view->last; i++)
        if (stop_kind(view, i) == 2 &&
            !marks_add(marks, passage->glyphs[i].at, glyph_end(passage, i + 2), DIAGNOSE_GRAMMAR))
            return false;
    return true;
}
