/* Hostile texts: none takes more work than its size allows. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "quality/quality.h"
#include "quality_fixture.h"
#include "work.h"

/* The blocks that judging a text took. Whatever the text, marks and hits lie in what is judged of it. */
static size_t work_of(struct quality *quality, const char *text, size_t size)
{
    size_t before = work_done();
    struct judgement judgement = judge(quality, text, size, NULL);
    size_t work = work_done() - before, most = size < MIB ? size : MIB;
    for (size_t i = 0; i < judgement.marks.count; i++)
        cr_assert(judgement.marks.items[i].from <= judgement.marks.items[i].to && judgement.marks.items[i].to <= most);
    for (size_t i = 0; i < judgement.hit_count; i++)
        cr_assert(judgement.hits[i].onset <= most && judgement.hits[i].to <= most);
    judgement_free(&judgement);
    return work;
}

/* Prose takes 1,750 blocks a byte, whatever its size. */
#define PROSE_BLOCKS 1500

/* Nothing crashes, hangs or is judged for ever: four times the text take four times the work, and a quarter more at
 * most; or no more than prose, for code and tables take less, and end where markdown is read no further. */
static void try_hostile(struct quality *quality, const char *what, const char *text, size_t size)
{
    size_t few = work_of(quality, text, size / 4), many = work_of(quality, text, size);
    cr_expect(many <= 5 * few || many <= PROSE_BLOCKS * size, "%s: %zu blocks for %zu bytes, %zu for %zu", what, few,
              size / 4, many, size);
}

/* The unit again and again. */
static void try_repeated(struct quality *quality, const char *unit, size_t size)
{
    char *text = malloc(size), what[64];
    size_t length = strlen(unit);
    for (size_t i = 0; i < size; i++)
        text[i] = unit[i % length];
    snprintf(what, sizeof what, "'%.20s' again and again", unit);
    try_hostile(quality, what, text, size);
    free(text);
}

static const char *const hostile_units[] = {
    "a",
    " ",
    "\n",
    ".",
    "[",
    "]",
    "<",
    "<a ",
    "<a",
    "</",
    "`",
    "`` ` ",
    "$",
    "$a",
    "\\[",
    "\"",
    "{",
    "(",
    "*",
    "* ",
    "_a",
    "a_a_",
    "**a",
    "1. ",
    "1.\n",
    "> ",
    "> 1. ",
    "- a\n",
    "|a|b|\n|-|-|\n",
    "a,b,c\n",
    "a-",
    "a/",
    "a;b",
    "漢",
    "ก",
    "é",
    "e\xCC\x81",
    "\xCC\x81",
    "\xFF",
    "\xF0\x9F\x98\x80",
    "한",
    "ا",
    "&amp;",
    "![",
    "[a](",
    "<!--",
    "<b>",
    "</b>",
    "http://a.",
    "a@",
    "It is so. ",
    "The old man said that she said that he said ",
    "let(",
    "; ",
    "a()",
    "InThe",
    "A",
    "1",
    "1,",
    "#",
    "~~~\n",
    "```\n",
    "    a\n",
    "\\",
    "\t",
    "\r\n",
    "the ",
    "The. ",
    "\xE2\x80\x8B",
};

/* As much as is judged of any text when ASSAY_NIGHTLY is set; else just more than 16 bits count, and less where each
 * byte costs more. */
static size_t hostile_size(void)
{
#if defined(__SANITIZE_ADDRESS__)
    const size_t usual = 6 << 10;
#else
    const size_t usual = 66 << 10;
#endif
    return getenv("ASSAY_NIGHTLY") ? MIB : usual;
}

Test(quality, units_again_and_again)
{
    struct quality *quality = judge_open(NULL);
    for (size_t i = 0; i < sizeof hostile_units / sizeof *hostile_units; i++)
        try_repeated(quality, hostile_units[i], hostile_size());
    quality_free(quality);
}

/* Letters, in words of a length, by a plain generator. */
static void fill_words(char *text, size_t size, size_t word, uint64_t seed)
{
    for (size_t i = 0; i < size; i++) {
        seed = mix_u64(seed + 1);
        text[i] = i % (word + 1) == word ? ' ' : (char)('a' + seed % 26);
    }
}

Test(quality, noise_of_all_kinds)
{
    enum { MARKS = 100000 };
    size_t size = hostile_size() / 4; /* words that no dictionary knows cost most: 20 us each */
    struct quality *quality = judge_open(NULL);
    char *text = malloc(size > 2 * MARKS + 1 ? size : 2 * MARKS + 1), what[64];
    static const size_t lengths[] = {1, 5, 20, 90, 250, 5000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        fill_words(text, size, lengths[i], i);
        snprintf(what, sizeof what, "words of %zu letters", lengths[i]);
        try_hostile(quality, what, text, size);
    }
    for (size_t i = 0; i < size; i++)
        text[i] = (char)(1 + mix_u64(i) % 255);
    try_hostile(quality, "bytes without NUL", text, size);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)mix_u64(i);
    try_hostile(quality, "bytes", text, size);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)(' ' + mix_u64(i) % 95);
    try_hostile(quality, "ASCII", text, size);
    memset(text, 0, size);
    struct judgement judgement = judge(quality, text, 4096, NULL);
    cr_expect(hits(&judgement, "characters.bad") || hits(&judgement, "characters.none"),
              "NUL is no character of a text");
    judgement_free(&judgement);
    text[0] = 'a';
    for (size_t i = 0; i < MARKS; i++)
        memcpy(text + 1 + 2 * i, "\xCC\x81", 2);
    try_hostile(quality, "a letter with 100,000 marks", text, 2 * MARKS + 1);
    for (size_t i = 0; i < size; i++) /* runs of backticks, each one longer than the last */
        text[i] = '`';
    for (size_t i = 0, run = 1; i < size; i += ++run)
        text[i] = ' ';
    try_hostile(quality, "runs of backticks", text, size);
    free(text);
    quality_free(quality);
}

#if !defined(__SANITIZE_ADDRESS__) /* the largest text of all, for one comparison */
Test(quality, of_two_mebibytes_one_is_judged)
{
    struct quality *quality = judge_open(NULL);
    char *text = malloc(2 * MIB);
    memset(text, 'a', 2 * MIB);
    size_t one = work_of(quality, text, MIB), two = work_of(quality, text, 2 * MIB);
    cr_expect_leq(two, one + one / 100, "%zu blocks for one, %zu for two", one, two);
    free(text);
    quality_free(quality);
}
#endif

/* Every cut of a text that holds everything, in a block of its exact size: no byte behind it is read. */
Test(quality, texts_that_are_cut_anywhere)
{
    static const char whole[] =
        "Ġé<b x=\"y\">```c\nint a;\n``` $x_1$ \\(y\\) |a|b|\n|-|-|\n|1|2|\n1. 今天 мир\n- `q` [a](b) "
        "&amp; e\xCC\x81 \xF0\x9F\x98\x80 \xFF {\"a\": [1]} It is. the of.";
    struct quality *quality = judge_open(NULL);
    for (size_t size = 0; size < sizeof whole; size++)
        for (size_t from = 0; from < 2; from++) {
            size_t first = from ? sizeof whole - 1 - size : 0, count = from && !size ? 0 : size;
            count = first + count < sizeof whole ? count : sizeof whole - 1 - first;
            char *exact = malloc(count ? count : 1);
            memcpy(exact, whole + first, count);
            struct judgement judgement = judge(quality, exact, count, NULL);
            judgement_free(&judgement);
            free(exact);
        }
    quality_free(quality);
}

/* A prompt of any length is no reason to take long. */
static size_t work_of_prompt(struct quality *quality, size_t size)
{
    struct error error = {0};
    struct judgement judgement;
    char *prompt = malloc(size + 1), *text = malloc(size);
    for (size_t i = 0; i < size; i++) {
        prompt[i] = "the cat "[i % 8];
        text[i] = "dog house "[i % 10];
    }
    prompt[size] = 0;
    size_t before = work_done();
    cr_assert(quality_judge(quality, &(struct quality_text){.text = text, .size = size, .prompt = prompt}, &judgement,
                            &error));
    size_t work = work_done() - before;
    cr_expect_eq(judgement.metrics[METRIC_OVERLAP], 0);
    judgement_free(&judgement);
    free(prompt);
    free(text);
    return work;
}

Test(quality, long_prompts)
{
    struct quality *quality = judge_open(NULL);
    size_t size = hostile_size() / 4, few = work_of_prompt(quality, size / 4), many = work_of_prompt(quality, size);
    cr_expect_leq(many, 5 * few, "%zu blocks for %zu bytes, %zu for %zu", few, size / 4, many, size);
    quality_free(quality);
}
