/* The confusion table of the quality rules: gibberish of many kinds, made here from a seed, and real paragraphs of many
 * languages that Debian installs (fortunes, the Debian FAQ). Prints how each corpus is judged, and fails when too much
 * gibberish passes or too many paragraphs do not. Exit status 77: no texts are installed.
 *
 *     confusion SAMPLES      texts of each row; CONFUSION_TEXTS in the environment: prints each with its rule
 *
 * Verse and drawings are no prose: files of them are left out. */
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/json.h"
#include "base/numbers.h"
#include "quality/quality.h"

#define FORTUNES "/usr/share/games/fortunes/"
#define FAQ "/usr/share/doc/debian/FAQ/{,*/}*."
#define CAUGHT_LEAST 0.95
#define ALARMS_MOST 0.01
#define FILE_MOST ((size_t)8 << 20)
#define PARAGRAPH_MOST 700 /* bytes */
#define EXIT_SKIPPED 77

static void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
static void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(2);
}

static uint64_t random_state = 20240607;

static size_t draw(size_t below)
{
    return (size_t)(mix_u64(++random_state) % below);
}

struct texts {
    char **items;
    size_t count, capacity;
};

static void texts_add(struct texts *texts, const char *text, size_t size)
{
    if (!array_grow(texts->items, texts->count, texts->capacity))
        die("out of memory");
    texts->items[texts->count++] = strndup(text, size);
}

static void texts_shuffle(struct texts *texts)
{
    for (size_t i = texts->count; i > 1; i--) {
        size_t other = draw(i);
        char *one = texts->items[i - 1];
        texts->items[i - 1] = texts->items[other];
        texts->items[other] = one;
    }
}

static void texts_free(struct texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(texts->items[i]);
    free(texts->items);
}

static struct texts words_of(const char *text)
{
    struct texts words = {0};
    while (*(text += strspn(text, " \n\t"))) {
        size_t size = strcspn(text, " \n\t");
        texts_add(&words, text, size);
        text += size;
    }
    return words;
}

/* Real paragraphs. */

enum { EN, DE, ES, FR, IT, RU, JA, ZH, LANGUAGES };
static const char *const language_names[LANGUAGES] = {"en", "de", "es", "fr", "it", "ru", "ja", "zh"};

static const struct source {
    int language;
    const char *pattern; /* for glob() */
} sources[] = {
    {EN, FORTUNES "{computers,cookie,debian,definitions,education,ethnic,food,fortunes,goedel,humorists,kids,law,linux,"
                  "linuxcookie,literature,love,magic,medicine,miscellaneous,news,paradoxum,people,perl,pets,platitudes,"
                  "politics,science,sports,startrek,tao,wisdom,work}"},
    {EN, FAQ "en.html"},
    {EN, ASSAY_SOURCE_DIR "/suites/data/text/english.txt"},
    {DE,
     FORTUNES "de/{anekdoten,bahnhof,computer,debian,fussball,kinderzitate,letzteworte,loewe,mathematiker,ms,murphy,"
              "regeln,sicherheitshinweise,sprichworte,sprueche,stilblueten,tips,unfug,witze,wusstensie,zitate}"},
    {DE, FAQ "de.html"},
    {ES, FORTUNES "es/*.fortunes"},
    {FR, FAQ "fr.html"},
    {IT, FORTUNES "it/{adams,computer,definizioni,formiche,italia,leggi,luttazzi,norm,zuse}"},
    {IT, FAQ "it.html"},
    {RU, FORTUNES "ru/{book,citates,computer,conscience,education,future,knowledge,life,man_and_woman,murphy,other,"
                  "programming,religion,success,time,truth,war,wealth,work}"},
    {RU, FAQ "ru.html"},
    {JA, FAQ "ja.html"},
    {ZH, FAQ "zh-cn.html"},
};

static void put_entity(struct buffer *out, const char **at)
{
    static const char *const rows[][2] = {
        {"&amp;", "&"},     {"&lt;", "<"},      {"&gt;", ">"},     {"&quot;", "\""},
        {"&nbsp;", " "},    {"&ldquo;", "\""},  {"&rdquo;", "\""}, {"&lsquo;", "'"},
        {"&rsquo;", "'"},   {"&#8217;", "'"},   {"&#8220;", "\""}, {"&#8221;", "\""},
        {"&#8212;", " - "}, {"&#8211;", " - "}, {"&#160;", " "},   {"&mdash;", " - "}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strncmp(*at, rows[i][0], strlen(rows[i][0])) == 0) {
            buffer_format(out, "%s", rows[i][1]);
            *at += strlen(rows[i][0]);
            return;
        }
    buffer_format(out, "&");
    ++*at;
}

/* One line, without tags if it is HTML; cut at white space. */
static void add_paragraph(struct texts *texts, int language, const char *text, size_t size, bool html)
{
    struct buffer out = {0};
    const char *at = text, *end = text + size;
    size_t characters = 0, words = 1;
    bool good = true;
    while (at < end) {
        if (html && *at == '<')
            at += strcspn(at, ">") + 1;
        else if (html && *at == '&')
            put_entity(&out, &at);
        else if (strchr(" \t\r\n", *at)) {
            at += strspn(at, " \t\r\n");
            buffer_format(&out, "%s", out.size ? " " : "");
        } else {
            good = good && (unsigned char)*at >= ' '; /* overstrikes and colours of a terminal */
            buffer_format(&out, "%c", *at++);
        }
    }
    if (out.size > PARAGRAPH_MOST) {
        size_t cut = PARAGRAPH_MOST;
        while (cut > PARAGRAPH_MOST / 2 && out.data[cut] != ' ')
            cut--;
        while (cut > 0 && ((unsigned char)out.data[cut] & 0xC0) == 0x80)
            cut--;
        out.size = cut;
    }
    for (size_t i = 0; i < out.size; i++) {
        characters += ((unsigned char)out.data[i] & 0xC0) != 0x80;
        words += out.data[i] == ' ';
    }
    bool spaceless = language == JA || language == ZH;
    if (good && (spaceless ? characters >= 40 : characters >= 60 && words >= 8))
        texts_add(texts, out.data, out.size);
    buffer_free(&out);
}

static void read_source(const char *path, int language, struct texts *texts)
{
    struct error error = {0};
    struct buffer file = {.maximum = FILE_MOST};
    size_t length = strlen(path);
    bool html = length > 5 && strcmp(path + length - 5, ".html") == 0;
    const char *begin = html ? "<p>" : "", *end = html ? "</p>" : strstr(path, FORTUNES) ? "\n%\n" : "\n\n";
    if (!file_read(path, FILE_MOST - 1, &file, &error))
        die("%s", error_text(&error));
    buffer_format(&file, "%c", 0);
    for (const char *at = file.data; (at = strstr(at, begin)) && *at;) {
        const char *stop = strstr(at += strlen(begin), end);
        size_t size = stop ? (size_t)(stop - at) : strlen(at);
        add_paragraph(texts, language, at, size, html);
        at += stop ? size + strlen(end) : size;
    }
    buffer_free(&file);
}

/* From each source as many, so that no long file fills a language. */
static void read_paragraphs(struct texts paragraphs[LANGUAGES])
{
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        glob_t found;
        if (glob(sources[i].pattern, GLOB_BRACE, NULL, &found) != 0)
            continue;
        for (size_t k = 0; k < found.gl_pathc; k++)
            read_source(found.gl_pathv[k], sources[i].language, &paragraphs[sources[i].language]);
        globfree(&found);
    }
    for (int i = 0; i < LANGUAGES; i++)
        texts_shuffle(&paragraphs[i]);
}

/* Material. */

struct material {
    struct texts paragraphs[LANGUAGES];
    struct texts dictionary[LANGUAGES]; /* words; none: not installed, or not in UTF-8 */
    struct texts tokens;                /* as bytes */
};

/* What a byte-level tokenizer writes for a byte, as the byte. */
static void put_token(struct buffer *out, const char *text)
{
    for (int32_t at = 0, size = (int32_t)strlen(text); at < size;) {
        UChar32 code, byte = -1, next = 256;
        U8_NEXT((const uint8_t *)text, at, size, code);
        for (UChar32 i = 0; i < 256 && byte < 0; i++) {
            bool plain = (i >= '!' && i <= '~') || (i >= 0xA1 && i <= 0xAC) || i >= 0xAE;
            if ((plain ? i : next) == code)
                byte = i;
            next += !plain;
        }
        if (byte > 0)
            buffer_format(out, "%c", (char)byte);
    }
}

static void read_tokens(const char *path, struct texts *tokens)
{
    struct error error = {0};
    cJSON *json = json_read(path, FILE_MOST, &error);
    if (!json)
        die("%s", error_text(&error));
    for (const cJSON *item = json_member(json_member(json, "model"), "vocab")->child; item; item = item->next) {
        struct buffer bytes = {0};
        put_token(&bytes, item->string);
        if (bytes.size)
            texts_add(tokens, bytes.data, bytes.size);
        buffer_free(&bytes);
    }
    cJSON_Delete(json);
}

static void read_dictionary(const char *name, struct texts *words)
{
    char path[256];
    struct buffer affixes = {.maximum = FILE_MOST}, list = {.maximum = FILE_MOST};
    struct error error = {0};
    snprintf(path, sizeof path, "/usr/share/hunspell/%s.aff", name);
    bool good = file_read(path, FILE_MOST - 1, &affixes, &error) && memmem(affixes.data, affixes.size, "SET UTF-8", 9);
    snprintf(path, sizeof path, "/usr/share/hunspell/%s.dic", name);
    if (good && file_read(path, FILE_MOST - 1, &list, &error))
        for (size_t at = 0; at < list.size;) {
            size_t size = 0, line = 0;
            while (at + line < list.size && list.data[at + line] != '\n')
                line++;
            while (size < line && !strchr("/\t\r ", list.data[at + size]))
                size++;
            if (size > 2 && !u_isdigit((unsigned char)list.data[at]))
                texts_add(words, list.data + at, size);
            at += line + 1;
        }
    error_clear(&error);
    buffer_free(&affixes);
    buffer_free(&list);
}

static void read_material(struct material *material)
{
    static const char *const dictionaries[LANGUAGES] = {"en_US", "de_DE", "es_ES", "fr", "it_IT", "ru_RU", NULL, NULL};
    read_paragraphs(material->paragraphs);
    for (int i = 0; i < LANGUAGES; i++)
        if (dictionaries[i])
            read_dictionary(dictionaries[i], &material->dictionary[i]);
    read_tokens(ASSAY_SOURCE_DIR "/golden/thinker-48/tokenizer.json", &material->tokens);
    read_tokens(ASSAY_SOURCE_DIR "/golden/nano/qwen3/tokenizer.json", &material->tokens);
}

/* Gibberish. A maker writes about `words` words of it, of the language where that matters; false: it cannot. */

typedef bool maker(const struct material *material, int language, size_t words, struct buffer *out);

static const char *any(const struct texts *texts)
{
    return texts->items[draw(texts->count)];
}

static bool make_tokens(const struct material *material, int language, size_t words, struct buffer *out)
{
    (void)language;
    for (size_t i = 0; i < 2 * words; i++)
        buffer_format(out, "%s", any(&material->tokens));
    return true;
}

/* One word or two, with or without a space between, again and again. */
static bool make_token_loop(const struct material *material, int language, size_t words, struct buffer *out)
{
    struct texts from = words_of(any(&material->paragraphs[language]));
    const char *space = draw(2) ? " " : "";
    size_t unit = draw(from.count), second = draw(3) ? unit : draw(from.count);
    for (size_t i = 0; i < words; i++)
        buffer_format(out, "%s%s", from.items[i % 2 ? second : unit], space);
    texts_free(&from);
    return true;
}

static bool loop(const struct material *material, int language, size_t words, size_t drift, struct buffer *out)
{
    struct texts from = words_of(any(&material->paragraphs[language]));
    size_t length = 3 + draw(5), first = from.count > length ? draw(from.count - length) : 0;
    length = first + length <= from.count ? length : from.count;
    for (size_t turn = 0; turn < 5 + words / length; turn++)
        for (size_t i = 0; i < length; i++)
            buffer_format(out, "%s ", drift && draw(drift) == 0 ? any(&from) : from.items[first + i]);
    texts_free(&from);
    return true;
}

static bool make_phrase_loop(const struct material *material, int language, size_t words, struct buffer *out)
{
    return loop(material, language, words, 0, out);
}

static bool make_drifting_loop(const struct material *material, int language, size_t words, struct buffer *out)
{
    return loop(material, language, words, 12, out);
}

/* The characters of a word in another order. */
static void put_shuffled(struct buffer *out, const char *word)
{
    struct texts letters = {0};
    for (int32_t at = 0, size = (int32_t)strlen(word); at < size;) {
        int32_t first = at;
        U8_FWD_1((const uint8_t *)word, at, size);
        texts_add(&letters, word + first, (size_t)(at - first));
    }
    texts_shuffle(&letters);
    for (size_t i = 0; i < letters.count; i++)
        buffer_format(out, "%s", letters.items[i]);
    texts_free(&letters);
}

static bool make_letters(const struct material *material, int language, size_t words, struct buffer *out)
{
    struct texts from = words_of(any(&material->paragraphs[language]));
    for (size_t i = 0; i < from.count && i < words; i++) {
        put_shuffled(out, from.items[i]);
        buffer_format(out, " ");
    }
    texts_free(&from);
    return true;
}

/* Pieces of words of all languages: what a vocabulary of many scripts gives. */
static bool make_soup(const struct material *material, int language, size_t words, struct buffer *out)
{
    (void)language;
    for (size_t i = 0; i < 2 * words; i++) {
        const struct texts *paragraphs = &material->paragraphs[draw(LANGUAGES)];
        if (!paragraphs->count)
            continue;
        struct texts from = words_of(any(paragraphs));
        const char *word = any(&from);
        int32_t size = (int32_t)strlen(word), end = 0;
        for (size_t k = 1 + draw(4); k > 0 && end < size; k--)
            U8_FWD_1((const uint8_t *)word, end, size);
        buffer_format(out, "%s%.*s", draw(5) < 2 ? " " : "", (int)end, word);
        texts_free(&from);
    }
    return true;
}

static bool make_dictionary_words(const struct material *material, int language, size_t words, struct buffer *out)
{
    for (size_t i = 0; i < words && material->dictionary[language].count; i++)
        buffer_format(out, "%s ", any(&material->dictionary[language]));
    return out->size;
}

#define ORDER_LEAST 30 /* words */

static bool make_order(const struct material *material, int language, size_t words, struct buffer *out)
{
    (void)words;
    for (size_t tries = 0; tries < 1000; tries++) {
        struct texts from = words_of(any(&material->paragraphs[language]));
        bool enough = from.count >= ORDER_LEAST;
        texts_shuffle(&from);
        for (size_t i = 0; enough && i < from.count; i++)
            buffer_format(out, "%s ", from.items[i]);
        texts_free(&from);
        if (enough)
            return true;
    }
    return false;
}

/* Two thirds of a paragraph, then a third of something else. */
static bool make_tail(const struct material *material, int language, size_t words, struct buffer *out)
{
    static maker *const makers[] = {make_tokens, make_token_loop,       make_phrase_loop,  make_letters,
                                    make_soup,   make_dictionary_words, make_drifting_loop};
    (void)words;
    for (size_t tries = 0; tries < 1000; tries++) {
        struct texts from = words_of(any(&material->paragraphs[language]));
        size_t good = from.count * (60 + draw(11)) / 100;
        bool enough = from.count >= 40;
        for (size_t i = 0; enough && i < good; i++)
            buffer_format(out, "%s ", from.items[i]);
        enough = enough && makers[draw(sizeof makers / sizeof *makers)](material, language, from.count - good, out);
        texts_free(&from);
        if (enough)
            return true;
        out->size = 0;
    }
    return false;
}

static const struct corpus {
    const char *name;
    maker *make;
    unsigned languages; /* 1 << language; of makers that do not care, one bit */
    bool counts;        /* towards the share that must be caught */
} corpora[] = {
#define LATIN (1 << EN | 1 << DE | 1 << ES | 1 << FR | 1 << IT)
    {"random tokens", make_tokens, 1 << EN, true},
    {"script soup", make_soup, 1 << EN, true},
    {"token loop", make_token_loop, LATIN | 1 << RU, true},
    {"phrase loop", make_phrase_loop, LATIN | 1 << RU, true},
    {"drifting loop", make_drifting_loop, LATIN | 1 << RU, true},
    {"letters shuffled", make_letters, LATIN | 1 << RU, true},
    {"dictionary words", make_dictionary_words, LATIN | 1 << RU, true},
    {"gibberish tail", make_tail, LATIN | 1 << RU, true},
    {"words shuffled", make_order, 1 << EN, true},
    {"words shuffled", make_order, (LATIN | 1 << RU) & ~(1 << EN), false},
};

/* The table. */

struct row {
    size_t verdicts[3], reasons[DIAGNOSE_COUNT];
};

static bool judge_one(struct quality *quality, const char *text, size_t size, struct row *row)
{
    struct judgement judgement;
    struct error error = {0};
    if (!quality_judge(quality, &(struct quality_text){.text = text, .size = size}, &judgement, &error))
        die("%s", error_text(&error));
    bool bad = judgement.verdict == QUALITY_GIBBERISH;
    row->verdicts[judgement.verdict]++;
    if (bad)
        row->reasons[judgement.hits->diagnostic]++;
    if (getenv("CONFUSION_TEXTS"))
        fprintf(stderr, "%s\t%.*s\n", bad ? judgement.hits->rule : "-", (int)size, text);
    judgement_free(&judgement);
    return bad;
}

static size_t row_count(const struct row *row)
{
    return row->verdicts[0] + row->verdicts[1] + row->verdicts[2];
}

static void row_print(const char *name, const char *language, const struct row *row, const char *note)
{
    size_t count = row_count(row);
    printf("%-18s %-4s %9zu %9zu %9zu %8.1f %%  ", name, language, row->verdicts[QUALITY_GIBBERISH],
           row->verdicts[QUALITY_NO_FAULT], row->verdicts[QUALITY_TOO_SHORT],
           count ? 100 * (double)row->verdicts[QUALITY_GIBBERISH] / (double)count : 0);
    for (int i = 0; i < DIAGNOSE_COUNT; i++)
        if (row->reasons[i])
            printf(" %s %zu", quality_diagnostic_name((enum quality_diagnostic)i), row->reasons[i]);
    printf("%s\n", note);
    fflush(stdout);
}

static void row_add(struct row *total, const struct row *row)
{
    for (int i = 0; i < 3; i++)
        total->verdicts[i] += row->verdicts[i];
    for (int i = 0; i < DIAGNOSE_COUNT; i++)
        total->reasons[i] += row->reasons[i];
}

static struct row judge_corpus(struct quality *quality, const struct corpus *corpus, const struct material *material,
                               int language, size_t samples)
{
    struct row row = {0};
    for (size_t i = 0; i < samples; i++) {
        struct buffer text = {0};
        if (corpus->make(material, language, 15 + draw(35), &text) && text.size)
            judge_one(quality, text.data, text.size, &row);
        buffer_free(&text);
    }
    return row;
}

static struct row judge_gibberish(struct quality *quality, const struct material *material, size_t samples)
{
    struct row total = {0};
    for (size_t i = 0; i < sizeof corpora / sizeof *corpora; i++)
        for (int language = 0; language < LANGUAGES; language++) {
            bool one = (corpora[i].languages & (corpora[i].languages - 1)) == 0;
            if (!(corpora[i].languages >> language & 1) || !material->paragraphs[language].count)
                continue;
            struct row row = judge_corpus(quality, &corpora[i], material, language, one ? 3 * samples : samples);
            if (!row_count(&row))
                continue;
            row_print(corpora[i].name,
                      corpora[i].make == make_tokens || corpora[i].make == make_soup ? "-" : language_names[language],
                      &row, corpora[i].counts ? "" : " (not counted)");
            if (corpora[i].counts)
                row_add(&total, &row);
        }
    return total;
}

static struct row judge_paragraphs(struct quality *quality, const struct material *material, size_t samples)
{
    struct row total = {0};
    for (int i = 0; i < LANGUAGES; i++) {
        struct row row = {0};
        for (size_t k = 0; k < material->paragraphs[i].count && k < 4 * samples; k++)
            if (judge_one(quality, material->paragraphs[i].items[k], strlen(material->paragraphs[i].items[k]), &row))
                fprintf(stderr, "false alarm, %s: %.300s\n", language_names[i], material->paragraphs[i].items[k]);
        row_print("real paragraphs", language_names[i], &row, "");
        row_add(&total, &row);
    }
    return total;
}

int main(int argc, char **argv)
{
    struct error error = {0};
    struct material material = {0};
    long long samples;
    if (argc != 2 || !number_parse(argv[1], 1, 100000, &samples))
        die("usage: confusion SAMPLES");
    read_material(&material);
    size_t languages = 0;
    for (int i = 0; i < LANGUAGES; i++)
        languages += material.paragraphs[i].count >= (size_t)samples;
    if (languages < 4) {
        printf("SKIPPED: texts of %zu languages are installed; scripts/setup tests installs more\n", languages);
        return EXIT_SKIPPED;
    }
    struct quality *quality = quality_open(NULL, &error);
    if (!quality)
        die("%s", error_text(&error));
    printf("%-18s %-4s %9s %9s %9s %10s   reasons\n", "corpus", "", "gibberish", "no fault", "too short", "caught");
    struct row bad = judge_gibberish(quality, &material, (size_t)samples);
    row_print("gibberish", "all", &bad, "");
    struct row good = judge_paragraphs(quality, &material, (size_t)samples);
    row_print("real paragraphs", "all", &good, "");
    double caught = (double)bad.verdicts[QUALITY_GIBBERISH] / (double)row_count(&bad);
    double alarms = (double)good.verdicts[QUALITY_GIBBERISH] / (double)row_count(&good);
    bool passes = caught >= CAUGHT_LEAST && alarms <= ALARMS_MOST;
    printf("%s: %.2f %% of the gibberish is caught, at least %.0f %% should be; %.2f %% of the paragraphs are called "
           "gibberish, at most %.0f %% may be\n",
           passes ? "PASS" : "FAIL", 100 * caught, 100 * CAUGHT_LEAST, 100 * alarms, 100 * ALARMS_MOST);
    quality_free(quality);
    texts_free(&material.tokens);
    for (int i = 0; i < LANGUAGES; i++) {
        texts_free(&material.paragraphs[i]);
        texts_free(&material.dictionary[i]);
    }
    return passes ? EXIT_SUCCESS : EXIT_FAILURE;
}
