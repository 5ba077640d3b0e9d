/* Are the words in an order that English has? Small words that cannot follow one another, and link-grammar on clean
 * sentences. */
#include <link-grammar/link-includes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/utext.h>

#include "base/map.h"
#include "quality/cld2.h"
#include "quality/text_measure.h"

#define SENTENCE_MOST 280 /* bytes */
#define SENTENCE_WORDS_LEAST 5
#define SENTENCE_WORDS_MOST 25
#define SENTENCES_MOST 8
#define NULLS_MOST 12
#define SECONDS_MOST 20 /* never reached by so few words: the time that a machine takes must not change a verdict */

struct grammar_parser {
    Dictionary dictionary;
    Parse_Options options;
    char **sentences; /* parsed before, keys of `known` */
    size_t count, capacity;
    struct map known; /* sentence -> words * 64 + nulls; NO_OPINION */
};
#define NO_OPINION ((size_t)1 << 40)

/* It writes to stderr otherwise. */
static void be_quiet(lg_errinfo *info, void *data)
{
    (void)info;
    (void)data;
}

struct grammar_parser *grammar_open(void)
{
    struct grammar_parser *parser = calloc(1, sizeof *parser);
    if (!parser)
        return NULL;
    lg_error_set_handler(be_quiet, NULL);
    parser->options = parse_options_create();
    parser->dictionary = parser->options ? dictionary_create_lang("en") : NULL;
    if (!parser->dictionary) {
        grammar_close(parser);
        return NULL;
    }
    parse_options_set_verbosity(parser->options, 0);
    parse_options_set_spell_guess(parser->options, 0);
    parse_options_set_linkage_limit(parser->options, 10);
    parse_options_set_max_parse_time(parser->options, SECONDS_MOST);
    parse_options_set_islands_ok(parser->options, false);
    return parser;
}

void grammar_close(struct grammar_parser *parser)
{
    if (!parser)
        return;
    if (parser->dictionary)
        dictionary_delete(parser->dictionary);
    if (parser->options)
        parse_options_delete(parser->options);
    for (size_t i = 0; i < parser->count; i++)
        free(parser->sentences[i]);
    free(parser->sentences);
    map_free(&parser->known);
    free(parser);
}

/* words * 64 + nulls, or NO_OPINION: it takes too long, or is no sentence. First without nulls, then with: that a
 * sentence can be parsed with nulls says nothing, how many it needs does. */
static size_t parse(struct grammar_parser *parser, const char *text)
{
    Sentence sentence = sentence_create(text, parser->dictionary);
    size_t opinion = NO_OPINION;
    int tokens = 0, linkages = 0;
    if (!sentence)
        return NO_OPINION;
    for (int most = 0; linkages == 0 && most <= NULLS_MOST; most += NULLS_MOST) {
        parse_options_set_min_null_count(parser->options, most ? 1 : 0);
        parse_options_set_max_null_count(parser->options, most);
        parse_options_reset_resources(parser->options);
        linkages = sentence_parse(sentence, parser->options);
        if (linkages < 0 || parse_options_resources_exhausted(parser->options))
            break;
        tokens = sentence_length(sentence);
    }
    if (linkages >= 0 && tokens > 0 && !parse_options_resources_exhausted(parser->options))
        opinion = (size_t)tokens * 64 + (size_t)(linkages ? sentence_null_count(sentence) : NULLS_MOST + 1);
    sentence_delete(sentence);
    return opinion;
}

/* The same, remembered: windows overlap. */
static size_t parse_once(struct grammar_parser *parser, const char *text)
{
    size_t known = map_find(&parser->known, text, strlen(text));
    if (known != MAP_ABSENT)
        return known;
    size_t opinion = parse(parser, text);
    if (!array_grow(parser->sentences, parser->count, parser->capacity))
        return opinion;
    char *key = strdup(text);
    if (key && map_add(&parser->known, key, strlen(key), opinion, NULL))
        parser->sentences[parser->count++] = key;
    else
        free(key);
    return opinion;
}

/* Letters, digits, white space and , ; : ' - only, in prose, to one full stop. Copies it in one line; words or 0. */
static size_t clean_sentence(const struct passage *passage, size_t first, size_t last, char out[SENTENCE_MOST + 1])
{
    size_t size = 0, words = 0;
    bool in_word = false;
    while (first < last && passage->glyphs[first].kind == GLYPH_SPACE)
        first++;
    while (last > first && passage->glyphs[last - 1].kind == GLYPH_SPACE)
        last--;
    if (first == last || !u_isUUppercase((UChar32)passage->glyphs[first].code) ||
        passage->glyphs[last - 1].code > 127 || !strchr(".!?", (int)passage->glyphs[last - 1].code))
        return 0;
    for (size_t i = first; i < last; i++) {
        uint32_t code = passage->glyphs[i].code == 0x2019 ? '\'' : passage->glyphs[i].code;
        bool letter = code < 128 && (passage->glyphs[i].kind == GLYPH_LETTER || passage->glyphs[i].kind == GLYPH_DIGIT);
        bool space = passage->glyphs[i].kind == GLYPH_SPACE;
        if (passage->glyphs[i].part != PART_PROSE || size == SENTENCE_MOST ||
            !(letter || space || (code < 128 && strchr(",;:'-", (int)code)) || i + 1 == last))
            return 0;
        words += letter && !in_word;
        in_word = letter || (in_word && !space);
        out[size++] = space ? ' ' : (char)code;
    }
    out[size] = 0;
    return words >= SENTENCE_WORDS_LEAST && words <= SENTENCE_WORDS_MOST ? words : 0;
}

static void measure_sentences(struct measuring *measuring)
{
    const struct view *view = measuring->view;
    const char *text = view->passage->text + view_from(view);
    UErrorCode status = U_ZERO_ERROR;
    UText *utext = utext_openUTF8(NULL, text, (int64_t)(view_to(view) - view_from(view)), &status);
    UBreakIterator *breaks = ubrk_open(UBRK_SENTENCE, "en", NULL, 0, &status);
    double sentences = 0, words = 0, nulls = 0;
    size_t glyph = view->first;
    char sentence[SENTENCE_MOST + 1];
    if (U_SUCCESS(status))
        ubrk_setUText(breaks, utext, &status);
    int32_t end = U_SUCCESS(status) ? ubrk_first(breaks) : UBRK_DONE;
    while (end != UBRK_DONE && (end = ubrk_next(breaks)) != UBRK_DONE && sentences < SENTENCES_MOST) {
        size_t first = glyph;
        while (glyph < view->last && view->passage->glyphs[glyph].at < view_from(view) + (size_t)end)
            glyph++;
        size_t opinion = clean_sentence(view->passage, first, glyph, sentence) ? parse_once(measuring->parser, sentence)
                                                                               : NO_OPINION;
        if (opinion == NO_OPINION)
            continue;
        sentences++;
        words += (double)(opinion / 64) - 2; /* without the walls */
        nulls += (double)(opinion % 64);
    }
    ubrk_close(breaks);
    utext_close(utext);
    measuring->metrics[METRIC_SENTENCES] = sentences;
    measuring->metrics[METRIC_PARSED_WORDS] = words;
    if (words > 0)
        measuring->metrics[METRIC_NULLS] = nulls / words;
}

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

void grammar_measure(struct measuring *measuring)
{
    const struct view *view = measuring->view;
    double slots = 0, bad = 0, stops = 0, lower = 0, *metrics = measuring->metrics;
    bool english = strcmp(measuring->languages->code[0], "en") == 0;
    if (!(metrics[METRIC_ENGLISH] >= ENGLISH_LEAST) || (measuring->languages->reliable && !english))
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
    if (measuring->parser)
        measure_sentences(measuring);
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
