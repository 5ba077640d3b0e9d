/* The table of evidence: what a tree sums, where a limit lies, which stretch of a text has most; and tables that are
 * wrong. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "quality/evidence.h"

#define TABLE(trees) "{\"base\": -1, \"alarms\": [[0.1, 0], [0.01, 4], [0.001, 6]], \"trees\": [" trees "]}"

static struct evidence *open_table(const char *text, struct error *error)
{
    cJSON *json = cJSON_Parse(text);
    cr_assert(json, "%s", text);
    struct evidence *evidence = evidence_parse("table.json", json, error);
    cJSON_Delete(json);
    return evidence;
}

static struct evidence *open_good(const char *text)
{
    struct error error = {0};
    struct evidence *evidence = open_table(text, &error);
    cr_assert(evidence, "%s", error_text(&error));
    return evidence;
}

Test(evidence, trees_are_summed_and_limits_belong_to_the_lower_side)
{
    static const struct {
        double again, letters, bits;
    } rows[] = {
        {0.2, 50, -1 - 2 + 0.5}, {0.5, 50, -1 - 2 + 0.5}, {0.6, 50, -1 + 3 + 0.5},
        {0.6, 5, -1 + 3 - 0.25}, {NAN, 50, -1 - 2 + 0.5}, {0.6, NAN, -1 + 3 + 0.5},
    };
    struct evidence *evidence =
        open_good(TABLE("[\"repetition.again\", 0.5, -2, 3], "
                        "[\"characters.letters\", 10, -0.25, [\"words\", 3, 0.5, 9], \"above\"]"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double metrics[METRIC_COUNT] = {0};
        metrics[METRIC_AGAIN] = rows[i].again;
        metrics[METRIC_LETTERS] = rows[i].letters;
        cr_expect_float_eq(evidence_bits(evidence, metrics, DIAGNOSE_COUNT), rows[i].bits, 1e-12, "row %zu", i);
    }
    evidence_free(evidence);
}

Test(evidence, a_diagnostic_that_is_left_out_counts_as_not_measured)
{
    struct evidence *evidence = open_good(TABLE("[\"repetition.again\", 0.5, -2, 3], [\"words\", 3, 0, 1]"));
    double metrics[METRIC_COUNT] = {[METRIC_AGAIN] = 0.9, [METRIC_WORDS] = 9};
    cr_expect_float_eq(evidence_bits(evidence, metrics, DIAGNOSE_COUNT), 3, 1e-12);
    cr_expect_float_eq(evidence_bits(evidence, metrics, DIAGNOSE_REPETITION), -2, 1e-12);
    cr_expect_float_eq(evidence_bits(evidence, metrics, DIAGNOSE_GRAMMAR), 3, 1e-12);
    evidence_free(evidence);
}

Test(evidence, a_limit_between_two_rates_and_past_them)
{
    struct evidence *evidence = open_good(TABLE("1"));
    static const double rates[] = {0.1, 0.01, 0.001, 0.0316227766, 0.0001, 1}, bits[] = {0, 4, 6, 2, 8, -4};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        cr_expect_float_eq(evidence_limit(evidence, rates[i]), bits[i], 1e-6, "%g", rates[i]);
    evidence_free(evidence);
}

Test(evidence, the_stretch_that_has_most)
{
    static const struct {
        double whole, windows[8];
        size_t count;
        double bits;
        size_t first, last;
        bool is_whole;
    } rows[] = {
        {-5, {-3, 4, 2, -1, 3, -9, 1, -2}, 8, 8 - 3, 1, 5, false},
        {6, {-3, 4, 2, -1, 3, -9, 1, -2}, 8, 6, 1, 5, true},
        {-1.5, {-3, -1}, 2, -1.5, 0, 2, true},
        {-5, {-3, -1}, 2, -2, 1, 2, false},
        {-5, {7}, 1, 7, 0, 1, false},
        {-5, {0}, 0, -5, 0, 0, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct evidence_total total = evidence_total(rows[i].whole, rows[i].windows, rows[i].count);
        cr_expect_float_eq(total.bits, rows[i].bits, 1e-12, "row %zu: %g", i, total.bits);
        cr_expect_eq(total.first, rows[i].first, "row %zu", i);
        cr_expect_eq(total.last, rows[i].last, "row %zu", i);
        cr_expect_eq(total.whole, rows[i].is_whole, "row %zu", i);
    }
}

Test(evidence, tables_that_are_wrong)
{
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"{\"alarms\": [[0.1, 0]], \"trees\": []}", "two pairs"},
        {"{\"trees\": [1]}", "alarms"},
        {"{\"alarms\": [[0.1, 0], [0.2, 1]], \"trees\": []}", "rates falling"},
        {"{\"alarms\": [[0.1, 1], [0.01, 0]], \"trees\": []}", "bits rising"},
        {"{\"alarms\": [[0, 1], [-1, 2]], \"trees\": []}", "alarms"},
        {TABLE("[\"beauty\", 1, 2, 3]"), "beauty"},
        {TABLE("[\"words\", 1, 2]"), "METRIC"},
        {TABLE("[\"words\", \"1\", 2, 3]"), "METRIC"},
        {TABLE("[\"words\", 1, 2, [\"words\", 2]]"), "METRIC"},
        {TABLE("null"), "METRIC"},
        {"{\"alarms\": [[0.1, 0], [0.01, 1]], \"trees\": [], \"leaves\": 1}", "leaves"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {0};
        struct evidence *evidence = open_table(rows[i].text, &error);
        cr_expect(!evidence, "taken: %s", rows[i].text);
        cr_expect(strstr(error_text(&error), "table.json") && strstr(error_text(&error), rows[i].words),
                  "%s: the error says '%s'", rows[i].text, error_text(&error));
        evidence_free(evidence);
        error_clear(&error);
    }
}

/* A tree as deep as a file can make it ends with an error, not with the stack. */
Test(evidence, a_tree_without_end)
{
    enum { DEPTH = 900 };
    struct error error = {0};
    cJSON *tree = cJSON_CreateNumber(1);
    for (int i = 0; i < DEPTH; i++) {
        cJSON *node = cJSON_CreateArray();
        cJSON_AddItemToArray(node, cJSON_CreateString("words"));
        cJSON_AddItemToArray(node, cJSON_CreateNumber(1));
        cJSON_AddItemToArray(node, cJSON_CreateNumber(1));
        cJSON_AddItemToArray(node, tree);
        tree = node;
    }
    cJSON *json = cJSON_Parse(TABLE(""));
    cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(json, "trees"), tree);
    cr_expect(!evidence_parse("table.json", json, &error) && strstr(error_text(&error), "too deep"), "%s",
              error_text(&error));
    error_clear(&error);
    cJSON_Delete(json);
}
