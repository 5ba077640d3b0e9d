/* Is it made of words? Dictionaries, function words, Han words. */
#include <math.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include "quality/cld2.h"
#include "quality/text_measure.h"

#define ADDRESS_LEAST 40
#define HANGUL_LETTERS 3 /* in a syllable */

static bool is_title(const struct passage *passage, const struct word *word)
{
    if (!u_isUUppercase((UChar32)passage->glyphs[word->first].code))
        return false;
    for (size_t i = word->first + 1; i < word->last; i++)
        if (u_isUUppercase((UChar32)passage->glyphs[i].code))
            return false;
    return true;
}

/* A dictionary has an opinion on it. */
static bool is_asked(const struct word *word)
{
    return word->kind == WORD_LETTERS && word->part <= PART_LIST && !word->technical && word->last - word->first >= 2;
}

/* What the dictionaries of one script say about a view. An unknown word with a capital is half a word: most are names.
 */
struct opinion {
    double asked, known;
    double content, content_known; /* of them, those of small letters that are no function words */
    double run, longest;           /* of unknown words */
};

static struct opinion ask(const struct measuring *measuring, uint16_t script, const size_t *dictionaries, size_t count,
                          bool note)
{
    const struct view *view = measuring->view;
    struct opinion opinion = {0};
    for (size_t i = view->word_first; i < view->word_last; i++) {
        struct word *word = &view->passage->words[i];
        if (!is_asked(word) || word->script != script)
            continue;
        size_t size;
        const char *text = word_text(view->passage, word, &size);
        bool known = false, title = is_title(view->passage, word);
        for (size_t k = 0; !known && k < count; k++)
            known = dictionaries_know(measuring->dictionaries, dictionaries[k], text, size);
        opinion.asked += known || !title ? 1 : 0.5;
        opinion.content += !title && !function_word_languages(word);
        opinion.content_known += known && !title && !function_word_languages(word);
        opinion.known += known;
        opinion.run = known ? 0 : opinion.run + (title ? 0 : 1);
        opinion.longest = fmax(opinion.longest, opinion.run);
        if (note)
            word->known = known ? KNOWN_YES : KNOWN_NO;
    }
    return opinion;
}

#define CANDIDATES_MOST 6

/* English (of Latin letters), and the languages that CLD2 finds. */
static size_t candidates(const struct measuring *measuring, uint16_t script, size_t out[CANDIDATES_MOST])
{
    size_t count = 0;
    const struct cld2_result *effort = measuring->effort;
    const char *codes[] = {script == USCRIPT_LATIN ? "en" : "", effort->code[0], effort->code[1], effort->code[2]};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        size_t found = *codes[i] ? dictionaries_find(measuring->dictionaries, codes[i]) : DICTIONARY_NONE;
        bool there = found == DICTIONARY_NONE || dictionary_script(found) != script;
        for (size_t k = 0; k < count; k++)
            there = there || out[k] == found;
        if (!there)
            out[count++] = found;
    }
    return count;
}

#define ENOUGH 0.85 /* of the words are known: no other language is tried */

/* The best opinion that a language, with English beside it, gives. */
static struct opinion ask_script(const struct measuring *measuring, uint16_t script)
{
    size_t list[CANDIDATES_MOST], count = candidates(measuring, script, list);
    struct opinion best = {0};
    if (count)
        best = ask(measuring, script, list, count, true);
    for (size_t i = 0; i < dictionaries_count(); i++) {
        if (!dictionary_common(i) || dictionary_script(i) != script || (count && best.known >= ENOUGH * best.asked) ||
            dictionaries_find(measuring->dictionaries, dictionary_language(i)) == DICTIONARY_NONE)
            continue;
        size_t pair[2] = {i, list[0]};
        struct opinion other = ask(measuring, script, pair, count ? 2 : 1, false);
        if (!count || other.known * best.asked > best.known * other.asked)
            best = ask(measuring, script, pair, count ? 2 : 1, true);
        count = count ? count : 1;
        list[0] = i;
    }
    return best;
}

#define SURE 0.8       /* of the text are of the language that CLD2 finds */
#define REAL_SCORE 800 /* per kilobyte, of real text; a language that noise is taken for has less */

/* A language that no installed dictionary is of, and no noise that is taken for one: nothing can be said. */
static bool speaks_another(const struct measuring *measuring)
{
    const struct cld2_result *languages = measuring->languages;
    return languages->reliable && languages->percent[0] >= 100 * SURE && languages->score[0] >= REAL_SCORE &&
           strcmp(languages->code[0], "un") != 0 &&
           dictionaries_find(measuring->dictionaries, languages->code[0]) == DICTIONARY_NONE;
}

static void measure_dictionary(struct measuring *measuring)
{
    const struct view *view = measuring->view;
    static const uint16_t scripts[] = {USCRIPT_LATIN,  USCRIPT_CYRILLIC,   USCRIPT_GREEK, USCRIPT_HEBREW,
                                       USCRIPT_ARABIC, USCRIPT_DEVANAGARI, USCRIPT_THAI,  USCRIPT_HANGUL};
    unsigned seen[USCRIPT_CODE_LIMIT] = {0};
    double asked = 0, known = 0, content = 0, content_known = 0, longest = 0, *metrics = measuring->metrics;
    for (size_t i = view->word_first; i < view->word_last; i++) {
        const struct word *word = &view->passage->words[i];
        if (is_asked(word) && word->script < USCRIPT_CODE_LIMIT)
            seen[word->script]++;
    }
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        if (!seen[scripts[i]])
            continue;
        struct opinion opinion = ask_script(measuring, scripts[i]);
        asked += opinion.asked;
        known += opinion.known;
        content += opinion.content;
        content_known += opinion.content_known;
        longest = fmax(longest, opinion.longest);
    }
    metrics[METRIC_DICTIONARY_WORDS] = asked;
    if (asked > 0 && !speaks_another(measuring)) {
        metrics[METRIC_DICTIONARY] = known / asked;
        metrics[METRIC_DICTIONARY_RUN] = longest;
        metrics[METRIC_CONTENT_WORDS] = content;
        metrics[METRIC_CONTENT_KNOWN] = content > 0 ? content_known / content : NAN;
    }
}

/* Letters in a row that are no address: no dot, slash or digit near. */
static double longest_word(const struct view *view)
{
    double longest = 0;
    for (size_t i = view->word_first; i < view->word_last; i++) {
        const struct word *word = &view->passage->words[i];
        if (word->kind != WORD_LETTERS || word->part > PART_LIST || word->script == USCRIPT_HAN ||
            word->script == USCRIPT_THAI || word->technical || word->known == KNOWN_YES)
            continue;
        double letters = (double)(word->last - word->first);
        longest = fmax(longest, word->script == USCRIPT_HANGUL ? HANGUL_LETTERS * letters : letters);
    }
    return longest;
}

static void measure_functions(struct measuring *measuring)
{
    const struct view *view = measuring->view;
    double words = 0, titles = 0, counts[FUNCTION_LANGUAGES] = {0}, most = 0, run = 0, longest = 0, letters = 0,
           fragments = 0, singles = 0;
    for (size_t i = view->word_first; i < view->word_last; i++) {
        const struct word *word = &view->passage->words[i];
        if (word->kind != WORD_LETTERS || word->part > PART_LIST || word->script == USCRIPT_HAN || word->technical)
            continue;
        titles += is_title(view->passage, word);
        unsigned languages = function_word_languages(word);
        words++;
        for (unsigned k = 0; k < FUNCTION_LANGUAGES; k++)
            counts[k] += languages >> k & 1;
        run = languages ? run + 1 : 0;
        longest = fmax(longest, run);
        letters += (double)(word->last - word->first);
        singles += word->last - word->first == 1;
        fragments +=
            word->last - word->first <= 2 && word->script == USCRIPT_LATIN ? (double)(word->last - word->first) : 0;
    }
    if (words < 1)
        return;
    for (unsigned k = 0; k < FUNCTION_LANGUAGES; k++)
        most = fmax(most, counts[k]);
    measuring->metrics[METRIC_FUNCTION_WORDS] = most / words;
    measuring->metrics[METRIC_HAS_FUNCTION_WORDS] = function_words_of(measuring->languages->code[0]);
    measuring->metrics[METRIC_PLAIN_WORDS] = words;
    measuring->metrics[METRIC_TITLES] = titles / words;
    measuring->metrics[METRIC_FUNCTION_RUN] = longest;
    measuring->metrics[METRIC_FRAGMENTS] = fragments / letters;
    measuring->metrics[METRIC_SINGLES] = singles / words;
    measuring->metrics[METRIC_WORD_LETTERS] = letters / words;
}

/* How many words of small letters, with nothing but spaces between them and none a function word of any language, end
 * with this one, `before` of them with the one before it. */
static size_t content_run(const struct view *view, size_t i, size_t before)
{
    const struct passage *passage = view->passage;
    const struct word *word = &passage->words[i];
    bool joined = i > view->word_first && passage->words[i - 1].last + 1 == word->first &&
                  passage->glyphs[word->first - 1].code == ' ';
    bool content = word->kind == WORD_LETTERS && word->part <= PART_LIST && !word->technical &&
                   word->script != USCRIPT_HAN && !u_isUUppercase((UChar32)passage->glyphs[word->first].code) &&
                   !function_word_languages(word);
    return !content ? 0 : joined ? before + 1 : 1;
}

static void measure_content(struct measuring *measuring)
{
    const struct view *view = measuring->view;
    size_t run = 0, longest = 0;
    for (size_t i = view->word_first; i < view->word_last; i++) {
        run = content_run(view, i, run);
        longest = run > longest ? run : longest;
    }
    measuring->metrics[METRIC_CONTENT_RUN] = (double)longest;
}

/* Real Chinese and Japanese is mostly words of several characters; a salad of them is not. */
static void measure_han(struct measuring *measuring)
{
    const struct view *view = measuring->view;
    double han = 0, in_words = 0, kana = 0;
    for (size_t i = view->word_first; i < view->word_last; i++) {
        const struct word *word = &view->passage->words[i];
        double count = 0;
        if (word->part > PART_LIST)
            continue;
        for (size_t k = word->first; k < word->last; k++)
            count += view->passage->glyphs[k].script == USCRIPT_HAN;
        for (size_t k = word->first; k < word->last; k++)
            kana += view->passage->glyphs[k].code >= 0x3041 && view->passage->glyphs[k].code <= 0x30FF;
        han += count;
        in_words += count > 1 ? count : 0;
    }
    measuring->metrics[METRIC_HAN] = han;
    if (han > 0)
        measuring->metrics[METRIC_HAN_WORDS] = in_words / han;
    if (han > 0)
        measuring->metrics[METRIC_KANA] = kana / han;
}

/* Base64 and the like: at least two of each in it, and no vowel rules. */
static double mixed_run(const struct view *view)
{
    double longest = 0, run = 0, kinds[3] = {0};
    for (size_t i = view->first; i < view->last; i++) {
        const struct glyph *glyph = &view->passage->glyphs[i];
        bool capital = glyph->code >= 'A' && glyph->code <= 'Z', small = glyph->code >= 'a' && glyph->code <= 'z';
        bool digit = glyph->code >= '0' && glyph->code <= '9';
        if (!capital && !small && !digit && glyph->code != '+' && glyph->code != '/' && glyph->code != '=') {
            run = kinds[0] = kinds[1] = kinds[2] = 0;
            continue;
        }
        run++;
        kinds[0] += capital;
        kinds[1] += small;
        kinds[2] += digit;
        if (kinds[0] >= 2 && kinds[1] >= 2 && kinds[2] >= 2)
            longest = fmax(longest, run);
    }
    return longest;
}

static void measure_prose(struct measuring *measuring)
{
    const struct view *view = measuring->view;
    double prose = 0;
    for (size_t i = view->first; i < view->last; i++)
        prose += view->passage->glyphs[i].part == PART_PROSE;
    if (view->last > view->first)
        measuring->metrics[METRIC_PROSE_SHARE] = prose / (double)(view->last - view->first);
}

void wordness_measure(struct measuring *measuring)
{
    measure_dictionary(measuring);
    measuring->metrics[METRIC_LONGEST] = longest_word(measuring->view);
    measure_functions(measuring);
    measure_content(measuring);
    measure_han(measuring);
    measuring->metrics[METRIC_MIXED_RUN] = mixed_run(measuring->view);
    measure_prose(measuring);
}

#define RUN_MARKED 8 /* words without a function word between: real texts have fewer */

bool wordness_mark(const struct view *view, struct marks *marks)
{
    const struct passage *passage = view->passage;
    size_t run = 0;
    for (size_t i = view->word_first; i < view->word_last; i++) {
        const struct word *word = &passage->words[i];
        run = content_run(view, i, run);
        if (run >= RUN_MARKED && !marks_add(marks, passage->glyphs[passage->words[i + 1 - run].first].at,
                                            glyph_end(passage, word->last - 1), DIAGNOSE_WORDNESS))
            return false;
        if ((word->known == KNOWN_NO || (word->last - word->first >= ADDRESS_LEAST && word->script != USCRIPT_HAN)) &&
            !marks_add(marks, passage->glyphs[word->first].at, glyph_end(passage, word->last - 1), DIAGNOSE_WORDNESS))
            return false;
    }
    return true;
}
