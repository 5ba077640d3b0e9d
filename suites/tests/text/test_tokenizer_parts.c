/* The parts of the tokenizer: merges, patterns, normal forms, scripts. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/map.h"
#include "text/bpe.h"
#include "text/pattern.h"
#include "text/script.h"
#include "text/unicode_form.h"
#include "tokenizer_fixture.h"

/* The way for short words, with its cache, against the heap. */
Test(tokenizer, short_and_long_words_merge_alike)
{
    struct map vocab = {0};
    char tokens[4][16][5]; /* every word of 1 to 4 letters a and b */
    int id = 0;
    struct error error = {0};
    for (size_t length = 1; length <= 4; length++) {
        for (size_t bits = 0; bits < (size_t)1 << length; bits++, id++) {
            char *token = tokens[length - 1][bits];
            for (size_t i = 0; i < length; i++)
                token[i] = bits >> i & 1 ? 'b' : 'a';
            cr_assert(map_add(&vocab, token, length, (size_t)id, NULL));
        }
    }
    struct bpe_options options = {.where = "test", .vocab = &vocab};
    struct bpe *bpe = bpe_new(&options, &error);
    cr_assert(bpe, "%s", error_text(&error));
    uint32_t random = 5;
    for (int merge = 0; merge < 25; merge++) {
        size_t left = 1 + next_random(&random) % 2, right = 1 + next_random(&random) % 2;
        char joined[5];
        memcpy(joined, tokens[left - 1][next_random(&random) % ((size_t)1 << left)], left);
        memcpy(joined + left, tokens[right - 1][next_random(&random) % ((size_t)1 << right)], right);
        cr_assert(bpe_merge(bpe, (int)map_find(&vocab, joined, left), (int)map_find(&vocab, joined + left, right),
                            (int)map_find(&vocab, joined, left + right), &error));
    }
    for (int round = 0; round < 20000; round++) {
        char word[24];
        size_t size = 1 + next_random(&random) % (round % 2 ? 24 : 6);
        for (size_t i = 0; i < size; i++)
            word[i] = next_random(&random) % 2 ? 'b' : 'a';
        struct ids first = {0}, second = {0};
        cr_assert(bpe_encode(bpe, word, size, &first, &error) && bpe_encode_long(bpe, word, size, &second, &error));
        cr_assert(first.count == second.count && memcmp(first.data, second.data, first.count * sizeof *first.data) == 0,
                  "%.*s", (int)size, word);
        ids_free(&first);
        ids_free(&second);
    }
    bpe_free(bpe);
    map_free(&vocab);
}

struct pattern_case {
    const char *regex, *text, *matches; /* the matches are joined with "|" */
};

static void expect_matches(const struct pattern_case *rows, size_t row_count)
{
    for (size_t i = 0; i < row_count; i++) {
        struct error error = {0};
        struct buffer matches = {0};
        struct pattern *pattern = pattern_new("test", rows[i].regex, false, &error);
        cr_assert(pattern, "%s", error_text(&error));
        struct pattern_cursor cursor = {.pattern = pattern, .text = rows[i].text, .size = strlen(rows[i].text)};
        for (size_t start, end, count = 0; pattern_next(&cursor, &start, &end, &error) > 0; count++) {
            if (count)
                buffer_char(&matches, '|');
            buffer_append(&matches, rows[i].text + start, end - start);
        }
        cr_expect_str_eq(matches.data ? matches.data : "", rows[i].matches, "%s", rows[i].regex);
        buffer_free(&matches);
        pattern_free(pattern);
    }
}

/* Oniguruma's meaning where PCRE2's differs: of classes, */
Test(tokenizer, patterns_mean_what_oniguruma_means)
{
    static const struct pattern_case rows[] = {
        {"\\s+", "a \xE1\xA0\x8E\t b", " |\t "}, /* U+180E is no space */
        {"\\S", "\xE1\xA0\x8E ", "\xE1\xA0\x8E"},
        {"[\\S]", "\xE1\xA0\x8E ", "\xE1\xA0\x8E"},
        {"\\w+", "e\xCC\x81_\xE2\x80\xBF 1-x", "e\xCC\x81_\xE2\x80\xBF|1|x"}, /* marks and connectors */
        {"\\w", "-\xC2\xB2", "\xC2\xB2"}, /* a superscript digit is a word character */
        {"[\\w]+|[^\\w]+", "a-\xC2\xBD\xC2\xB2z", "a|-\xC2\xBD\xC2\xB2|z"}, /* but not in a class */
        {"[\\p{Word}]+", "a\xC2\xB9z", "a|z"},
        {"\\p{Alpha}+", "a\xCD\xA3-", "a\xCD\xA3"}, /* U+0363 */
        {"(?i:[a-z])[\\p{Lu}]", "aAaa", "aA"},
        {"(?i)a(?-i:[\\p{Lu}])", "AaAB", "aA"},
        {"\\bb",
         "b e\xCC\x81"
         "b -b",
         "b|b"},
        {"\\h+", "xyz12fG", "12f"},
        {"\\p{L}+",
         "a\xF0\xB1\x8D\x90"
         "1",
         "a\xF0\xB1\x8D\x90"}, /* U+31350, of Unicode 15 */
        {"\\P{L}+",
         "1\xF0\xB1\x8D\x90"
         "2",
         "1|2"},
        {"[^\\p{N}]+",
         "1\xF0\x96\x84\xB0"
         "a",
         "a"}, /* U+16130, a digit of Unicode 16 */
        {"[a-c[x-z]]+", "bxzd", "bxz"},
        {"[(\\s|[.,])]+", "a( .,|)b", "( .,|)"},
        {"[a-z&&[^aeiou]]+", "hello", "h|ll"},
        {"[^a-z&&l-p]+", "xlmz", "x|z"},
        {"[\\d-x]+", "1-x", "1-x"},
    };
    expect_matches(rows, sizeof rows / sizeof *rows);
}

/* and of repetitions, lines, options and numbers. */
Test(tokenizer, repetitions_and_options_mean_what_oniguruma_means)
{
    static const struct pattern_case rows[] = {
        {"a{1,2}+", "aaaaa", "aaaaa"},
        {"a{,2}b", "aaab", "aab"},
        {"a{2}?b", "aab", "aab"},
        {"a{x}", "a{x}", "a{x}"},
        {"^b|c$", "a\nb\nc\nd", "b|c"},
        {"(?m:a.b)", "a\nb", "a\nb"},
        {"a(?i)b|c", "aC aB", "aC|aB"},
        {"(?i:'s|'t)", "x'S y'\xC5\xBF", "'S|'\xC5\xBF"},
        {"\\x41\\x{e9}\\u0042",
         "A\xC3\xA9"
         "B",
         "A\xC3\xA9"
         "B"},
        {"x*", "axb", "|x|"}, /* no empty match right behind a match */
    };
    expect_matches(rows, sizeof rows / sizeof *rows);
}

/* A long text is matched window by window: what is found is the same. */
Test(tokenizer, a_match_is_found_wherever_windows_end)
{
    static const char *const regexes[] = {"a+b", "a+(?=c)|b",     "a*",    "\\ba+\\b", "(?<=b)a+",
                                          "c$",  "\xC3\xA9+|a+c", "x|a+bc"};
    for (size_t i = 0; i < sizeof regexes / sizeof *regexes; i++)
        for (size_t run = 40; run < 300; run += 1 + run / 16) {
            struct error error = {0};
            struct buffer text = {0};
            size_t start, end, found = 0, whole = 0, last = 0, last_whole = 0;
            for (size_t k = 0; k < run; k++)
                buffer_text(&text, k % 2 && i == 6 ? "\xC3\xA9" : "a");
            buffer_text(&text, run % 2 ? "bc" : "b a\xC3\xA9 c");
            struct pattern *pattern = pattern_new("test", regexes[i], false, &error);
            cr_assert(pattern, "%s", error_text(&error));
            struct pattern_cursor cursor = {.pattern = pattern, .text = text.data, .size = text.size};
            for (; pattern_next(&cursor, &start, &end, &error) > 0; last = end)
                found += start + end;
            pattern_whole(pattern);
            cursor = (struct pattern_cursor){.pattern = pattern, .text = text.data, .size = text.size};
            for (; pattern_next(&cursor, &start, &end, &error) > 0; last_whole = end)
                whole += start + end;
            cr_expect(found == whole && last == last_whole && !error.text, "%s, %zu: %zu %zu, %zu %zu: %s", regexes[i],
                      run, found, whole, last, last_whole, error_text(&error));
            error_clear(&error);
            buffer_free(&text);
            pattern_free(pattern);
        }
}

/* A pattern that backtracks without end is stopped, not waited for. */
Test(tokenizer, a_hopeless_pattern_is_an_error, .timeout = 60)
{
    struct error error = {0};
    struct pattern *pattern = pattern_new("test", "(?:a|aa)+[bc](?<=zz.)|(?:a+)+b", false, &error);
    cr_assert(pattern, "%s", error_text(&error));
    static const char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac";
    struct pattern_cursor cursor = {.pattern = pattern, .text = text, .size = sizeof text - 1};
    size_t start = 0, end = 0;
    cr_expect_eq(pattern_next(&cursor, &start, &end, &error), -1);
    cr_expect(strstr(error_text(&error), "limit"), "%s", error_text(&error));
    error_clear(&error);
    pattern_free(pattern);
}

Test(tokenizer, normal_forms)
{
    static const struct {
        enum unicode_form form;
        const char *text, *expected; /* NULL: unchanged */
    } rows[] = {
        {FORM_NFC, "plain", NULL},
        {FORM_NFC, "e\xCC\x81", "\xC3\xA9"},
        {FORM_NFC, "\xC3\xA9", NULL},
        {FORM_NFD, "\xC3\xA9", "e\xCC\x81"},
        {FORM_NFC, "a\xCC\x81\xCC\xA3", "\xE1\xBA\xA1\xCC\x81"},            /* marks are put in order first */
        {FORM_NFC, "\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8", "\xEA\xB0\x81"}, /* Hangul */
        {FORM_NFD, "\xEA\xB0\x81", "\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8"},
        {FORM_NFC, "\xCD\x84", "\xCC\x88\xCC\x81"}, /* U+0344 */
        {FORM_NFKC, "\xEF\xAC\x81\xC2\xA0", "fi "},
        {FORM_NFKD, "\xC2\xBD",
         "1\xE2\x81\x84"
         "2"},
        {FORM_NFC, "a\xE0\xA3\x93\xCC\xA3", NULL}, /* U+08D3 is of Unicode 11: no mark to the original */
    };
    struct unicode_scratch *scratch = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer out = {0};
        struct error error = {0};
        bool changed = false;
        cr_assert(
            unicode_normalize(rows[i].form, &scratch, rows[i].text, strlen(rows[i].text), &out, &changed, &error));
        cr_expect_eq(changed && strcmp(out.data, rows[i].text) != 0, rows[i].expected != NULL, "row %zu", i);
        if (rows[i].expected)
            cr_expect_str_eq(out.data, rows[i].expected, "row %zu", i);
        buffer_free(&out);
    }
    unicode_scratch_free(scratch);
}

Test(script, of_a_text)
{
    static const struct {
        const char *text, *script;
    } rows[] = {
        {"", "none"},
        {" Paris", "Latin"},
        {"e\xCC\x81t\xC3\xA9", "Latin"},
        {"12", "Common"},
        {" ,\n", "Common"},
        {"北京", "Han"},
        {"北京2", "Han"},
        {"дом", "Cyrillic"},
        {"dом", "mixed"},
        {"かな", "Hiragana"},
        {"日本の", "mixed"},
        {"السلام", "Arabic"},
        {"\xEF\xBF\xBD", "bytes"},
        {"\xEF\xBF\xBD京", "Han"},
        {" \xEF\xBF\xBD", "bytes"},
        {"\xEF\xBF\xBD,", "Common"},
        {"\xF0\x9F\x98\x80", "Common"},
        {"\xF0\xA0\x80\x80", "Han"},
        {"한국", "Hangul"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_str_eq(script_of(rows[i].text, strlen(rows[i].text)), rows[i].script, "row %zu", i);
}
