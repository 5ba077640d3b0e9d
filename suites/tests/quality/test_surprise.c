/* What is measured of a judge's surprise, on bits made for it; the table for texts that a judge has read; marks. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "quality/quality.h"

/* 40 words of 4 bytes, a token each. */
#define WORDS 40
#define SIZE (4 * WORDS)

struct made {
    char text[SIZE + 1];
    size_t ends[WORDS];
    float bits[WORDS], alone[WORDS];
    struct surprise surprise;
};

static void make(struct made *made, float low, float high, size_t from, size_t to)
{
    for (size_t i = 0; i < WORDS; i++) {
        snprintf(made->text + 4 * i, 5, "%c%cn ", (int)('a' + i % 20), "aeiou"[i % 5]);
        made->ends[i] = 4 * (i + 1);
        made->bits[i] = i >= from && i < to ? high : low;
        made->alone[i] = made->bits[i] + 1;
    }
    made->surprise = (struct surprise){WORDS, made->ends, made->bits, made->alone};
}

static void take_whole(void *context, const struct measured *measured)
{
    if (strcmp(measured->kind, "whole") == 0)
        memcpy(context, measured->metrics, METRIC_COUNT * sizeof(double));
}

static void measure(const struct made *made, double *metrics)
{
    struct error error = {0};
    struct quality *quality = quality_open(NULL, &error);
    cr_assert(quality, "%s", error_text(&error));
    const struct quality_text text = {.text = made->text, .size = SIZE, .surprise = &made->surprise};
    cr_assert(quality_each_window(quality, &text, take_whole, metrics, &error), "%s", error_text(&error));
    quality_free(quality);
}

Test(surprise, metrics_of_bits_that_are_known)
{
    struct made made;
    double metrics[METRIC_COUNT];
    make(&made, 2, 12, 10, 26); /* 16 tokens of 12 bits among 24 of 2 */
    measure(&made, metrics);
    const struct {
        enum metric metric;
        double value;
    } rows[] = {{METRIC_SURPRISE, (24 * 2 + 16 * 12) / 160.0},
                {METRIC_SURPRISE_RUN, 12},
                {METRIC_SURPRISE_MOST, 3},
                {METRIC_SURPRISE_HIGH, 16 / 40.0},
                {METRIC_SURPRISE_MEDIAN, 2},
                {METRIC_COHERENCE, 40 / 160.0},
                {METRIC_COHERENCE_SHARE, 40 / (24 * 2 + 16 * 12 + 40.0)}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_float_eq(metrics[rows[i].metric], rows[i].value, 1e-6, "%s: %g, not %g", metric_names[rows[i].metric],
                           metrics[rows[i].metric], rows[i].value);
    make(&made, 2, 0, 0, 33); /* 132 bytes that cost nothing */
    measure(&made, metrics);
    cr_expect_float_eq(metrics[METRIC_SURPRISE_LEAST], 0, 1e-6, "%g", metrics[METRIC_SURPRISE_LEAST]);
    make(&made, 2, 0, 0, 8); /* no span of 128 bytes does */
    measure(&made, metrics);
    cr_expect_float_eq(metrics[METRIC_SURPRISE_LEAST], 24 * 2 / 128.0, 1e-6, "%g", metrics[METRIC_SURPRISE_LEAST]);
}

Test(surprise, few_tokens_say_nothing)
{
    struct made made;
    double metrics[METRIC_COUNT];
    make(&made, 2, 12, 0, 0);
    made.surprise.count = 7;
    measure(&made, metrics);
    cr_expect(isnan(metrics[METRIC_SURPRISE]) && isnan(metrics[METRIC_COHERENCE]));
    made.surprise.count = 0;
    measure(&made, metrics);
    cr_expect(isnan(metrics[METRIC_SURPRISE]));
}

#define EVIDENCE "{\"base\": -3, \"alarms\": [[0.1, 0], [0.001, 9]], \"trees\": [-1], \"judged\": "
#define JUDGED                                                                                                         \
    "{\"base\": 0, \"alarms\": [[0.1, 0], [0.001, 9]], \"trees\": [[\"surprise.mean\", 1.5, -4, 20], "                 \
    "[\"evidence.form\", -4.5, 0, 2]]}}"

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* Rules that are never met, with this table of evidence. */
static struct quality *open_with(const char *evidence, struct error *error)
{
    char folder[] = "/tmp/assay-surprise-XXXXXX", rules[64], table[64];
    cr_assert(mkdtemp(folder));
    snprintf(rules, sizeof rules, "%s/rules.json", folder);
    snprintf(table, sizeof table, "%s/table.json", folder);
    write_file(rules, "{\"window\": {\"words\": 60, \"characters\": 300}, \"least\": {\"words\": \">= 5\"}, \"leaks\": "
                      "{\"special\": {\"token\": \"<unk>\"}}, "
                      "\"evidence\": {\"alarms\": 0.01, \"table\": \"table.json\"}, \"rules\": [{\"rule\": "
                      "\"characters.none\", \"because\": \"-\", \"when\": {\"words\": \">= 1000\"}}]}");
    write_file(table, evidence);
    struct quality *quality = quality_open(rules, error);
    unlink(rules);
    unlink(table);
    rmdir(folder);
    return quality;
}

Test(surprise, where_a_judge_has_read_the_text_its_table_decides)
{
    struct error error = {0};
    struct made made;
    struct judgement judgement;
    struct quality *quality = open_with(EVIDENCE JUDGED, &error);
    cr_assert(quality, "%s", error_text(&error));
    const struct {
        float bits;
        bool judged;
        double evidence;
    } rows[] = {{9, true, 22}, {1, true, -2}, {9, false, -4}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        make(&made, rows[i].bits, 0, 0, 0);
        const struct quality_text text = {
            .text = made.text, .size = SIZE, .surprise = rows[i].judged ? &made.surprise : NULL};
        cr_assert(quality_judge(quality, &text, &judgement, &error), "%s", error_text(&error));
        cr_expect_float_eq(judgement.bits, rows[i].evidence, 1e-9, "row %zu: %g", i, judgement.bits);
        cr_expect_eq(judgement.verdict, rows[i].evidence > 0 ? QUALITY_GIBBERISH : QUALITY_NO_FAULT, "row %zu", i);
        if (rows[i].evidence > 0) {
            cr_expect_str_eq(judgement.hits[0].rule, "surprise.evidence");
            cr_expect(judgement.marks.count == 1 && judgement.marks.items[0].from == 0 &&
                      judgement.marks.items[0].to == SIZE);
        }
        judgement_free(&judgement);
    }
    quality_free(quality);
}

Test(surprise, a_table_for_judges_that_is_wrong_is_named)
{
    struct error error = {0};
    cr_assert(!open_with(
        EVIDENCE "{\"base\": 0, \"alarms\": [[0.1, 0], [0.001, 9]], \"trees\": [[\"surprise\", 1, 2, 3]]}}", &error));
    cr_assert(strstr(error_text(&error), "judged") && strstr(error_text(&error), "surprise"), "%s", error_text(&error));
    error_clear(&error);
}

Test(surprise, the_place_that_surprises_is_the_onset)
{
    struct error error = {0};
    struct made made;
    struct judgement judgement;
    struct quality *quality = open_with(EVIDENCE JUDGED, &error);
    cr_assert(quality, "%s", error_text(&error));
    make(&made, 3, 14, 20, WORDS);
    const struct quality_text text = {.text = made.text, .size = SIZE, .surprise = &made.surprise};
    cr_assert(quality_judge(quality, &text, &judgement, &error), "%s", error_text(&error));
    cr_assert(judgement.hit_count == 1);
    /* a mark begins where eight tokens have nine bits in the mean: a few before it are taken along */
    cr_expect(judgement.hits[0].onset >= 4 * 16 && judgement.hits[0].onset <= 4 * 20, "byte %zu",
              judgement.hits[0].onset);
    judgement_free(&judgement);
    quality_free(quality);
}

/* What the table that is built in makes of bits as SmolLM2 gives them: of those of prose it stays quiet, and as many as
 * noise has, with next to none saved by what stood before, are more evidence. */
Test(surprise, the_table_that_is_built_in_hears_a_judge)
{
    static const char text[] =
        "The ferry had run for sixty years before anyone thought of counting the people who used it. "
        "It crossed the narrow sound in eleven minutes, or in nine when the tide was kind, and it "
        "carried whatever came to the slip. Nobody bought a ticket in advance, and nobody waited.";
    struct error error = {0};
    struct quality *quality = quality_open(NULL, &error);
    cr_assert(quality, "%s", error_text(&error));
    size_t size = strlen(text), count = size / 4, ends[80];
    float bits[80], alone[80];
    double evidence[2];
    for (int noise = 0; noise < 2; noise++) {
        for (size_t i = 0; i < count; i++) {
            ends[i] = 4 * (i + 1);
            bits[i] = noise ? 12 + (float)(i % 3) : (float)(i % 5);
            alone[i] = bits[i] + (noise ? 0.1F : 1.5F);
        }
        const struct surprise surprise = {count, ends, bits, alone};
        const struct quality_text judged = {.text = text, .size = size, .surprise = &surprise};
        struct judgement judgement;
        cr_assert(quality_judge(quality, &judged, &judgement, &error), "%s", error_text(&error));
        evidence[noise] = judgement.bits - judgement.limit;
        cr_expect(noise || judgement.verdict == QUALITY_NO_FAULT, "%g bits of %g", judgement.bits, judgement.limit);
        judgement_free(&judgement);
    }
    cr_expect(evidence[1] > evidence[0] + 2, "%g and %g", evidence[0], evidence[1]);
    quality_free(quality);
}

Test(surprise, what_a_prompt_plainly_asks_for_is_no_fault)
{
    static const struct {
        const char *prompt;
        bool excused;
    } rows[] = {{"Write \"I will not talk in class\" ten times.", true},
                {"Schreibe den Satz 12 mal.", true},
                {"What do you do in class?", false},
                {NULL, false}};
    char text[400] = "";
    struct error error = {0};
    struct quality *quality = quality_open(NULL, &error);
    cr_assert(quality, "%s", error_text(&error));
    for (int i = 0; i < 10; i++)
        strcat(text, "I will not talk in class.\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct judgement judgement;
        const struct quality_text judged = {.text = text, .size = strlen(text), .prompt = rows[i].prompt};
        cr_assert(quality_judge(quality, &judged, &judgement, &error), "%s", error_text(&error));
        cr_expect_eq(judgement.verdict == QUALITY_GIBBERISH, !rows[i].excused, "%s: %s",
                     rows[i].prompt ? rows[i].prompt : "no prompt", quality_verdict_name(judgement.verdict));
        judgement_free(&judgement);
    }
    quality_free(quality);
}
