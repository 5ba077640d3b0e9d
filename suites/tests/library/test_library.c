/* libassay by its header: logits are gold's, a check says what it is told to see, and whatever is asked in vain is
 * told. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "golden/golden.h"
#include "library/assay.h"
#include "limits/comparator.h"

#define MODEL ASSAY_SOURCE_DIR "/golden/nano/thinker"
#define GOLD ASSAY_SOURCE_DIR "/golden/nano/thinker.golden.safetensors"
#define LIMIT 3e-5 /* of the parity with gold, relative L2 */

static struct assay_model *open_model(void)
{
    char *error = NULL;
    struct assay_model *model = assay_open(MODEL, NULL, &error);
    cr_assert_not_null(model, "%s", error);
    cr_assert_null(error);
    return model;
}

/* Logits behind the first `count` ids of the case against the row of gold that is theirs. */
static double distance(struct assay_model *model, const struct golden *golden, size_t which, size_t count, size_t row)
{
    const struct golden_case *asked = golden_case_at(golden, which);
    const struct golden_tensor *tensor = golden_find(golden, which, "lm_head");
    size_t width = assay_vocabulary(model);
    float *found = malloc(width * sizeof *found), *gold = malloc(width * sizeof *gold);
    struct comparison comparison = {0};
    char *error = NULL;
    cr_assert_eq(tensor->width, width);
    cr_assert(assay_logits(model, asked->ids, count, found, &error), "%s: %s", asked->id, error);
    cr_assert(golden_read_rows(golden, tensor, row - tensor->first, 1, gold, NULL));
    comparison_add(&comparison, found, gold, width);
    free(found);
    free(gold);
    return comparison_relative(&comparison);
}

Test(library, logits_are_those_of_gold)
{
    struct assay_model *model = open_model();
    struct golden *golden = golden_open(GOLD, NULL);
    for (size_t i = 0; i < golden_case_count(golden); i++) {
        size_t count = golden_case_at(golden, i)->count;
        cr_expect_leq(distance(model, golden, i, count, count - 1), LIMIT);
        if (count > 2) {
            cr_expect_leq(distance(model, golden, i, 2, 1), LIMIT);
            cr_expect_gt(distance(model, golden, i, count, 1), LIMIT, "of another token");
        }
    }
    golden_free(golden);
    assay_close(model);
}

Test(library, texts_become_ids_and_texts_again)
{
    struct assay_model *model = open_model();
    struct golden *golden = golden_open(GOLD, NULL);
    const struct golden_case *asked = golden_case_at(golden, 0);
    int *ids = NULL;
    size_t count = 0;
    char *error = NULL, *text;
    cr_assert_not_null(asked->prompt);
    cr_assert(assay_tokenize(model, asked->prompt, &ids, &count, &error), "%s", error);
    cr_expect_eq(count, asked->count);
    cr_expect_arr_eq(ids, asked->ids, count * sizeof *ids);
    cr_assert_not_null(text = assay_text(model, ids, count, &error), "%s", error);
    cr_expect_str_eq(text, asked->prompt);
    assay_free(text);
    assay_free(ids);
    cr_expect_not_null(text = assay_text(model, NULL, 0, NULL));
    cr_expect_str_empty(text);
    assay_free(text);
    golden_free(golden);
    assay_close(model);
}

/* Runs the check; `says` is in its report, and in its error, NULL: there is none. */
static void judged(const struct assay_check *check, enum assay_verdict verdict, const char *says, const char *wrong)
{
    char *report = NULL, *error = NULL;
    enum assay_verdict found = assay_check(check, &report, &error);
    cr_expect_eq(found, verdict, "verdict %d, not %d: %s", found, verdict, error ? error : report);
    cr_expect_eq(says != NULL, report != NULL);
    if (says && report)
        cr_expect_not_null(strstr(report, says), "the report does not say %s", says);
    cr_expect_eq(wrong != NULL, error != NULL, "%s", error ? error : "no error");
    if (wrong && error)
        cr_expect_not_null(strstr(error, wrong), "the error does not say %s: %s", wrong, error);
    assay_free(report);
    assay_free(error);
    cr_expect_eq(assay_check(check, NULL, NULL), verdict);
}

Test(library, a_check_has_the_verdict_of_its_report)
{
    const char *const goldens[] = {GOLD}, *const nowhere[] = {GOLD, ASSAY_SOURCE_DIR "/golden/nowhere"};
    struct assay_check check = {.model = MODEL, .goldens = goldens, .golden_count = 1, .suite = "quick"};
    judged(&check, ASSAY_PASS, "\"verdict\":\t\"pass\"", NULL);
    check.suite = ASSAY_SOURCE_DIR "/suites/quick.json";
    judged(&check, ASSAY_PASS, "/suites/quick.json\"", NULL);
    check.suite = NULL; /* with texts, which are read */
    judged(&check, ASSAY_PASS, "\"text.verdict\"", NULL);
    check.suite = "quick";
    check.options.config = ASSAY_SOURCE_DIR "/golden/nano/qwen3_moe/config.json";
    judged(&check, ASSAY_FAIL, "\"verdict\":\t\"fail\"", NULL);
    check.options.config = NULL;
    check.golden_count = 2;
    check.goldens = nowhere;
    judged(&check, ASSAY_ERROR, NULL, "golden/nowhere");
    check.golden_count = 0;
    check.model = ASSAY_SOURCE_DIR "/nothing";
    judged(&check, ASSAY_ERROR, NULL, "/nothing");
    check.model = NULL;
    judged(&check, ASSAY_ERROR, NULL, "no path of a model");
    check.model = MODEL;
    check.suite = "quicker";
    judged(&check, ASSAY_ERROR, NULL, "quicker");
    check.suite = "quick";
    check.options.threads = -1;
    judged(&check, ASSAY_ERROR, NULL, "-1 threads");
}

Test(library, what_cannot_be_opened_is_told)
{
    const struct assay_options config = {.config = ASSAY_SOURCE_DIR "/golden/nano/nowhere.json"},
                               threads = {.threads = -1};
    const struct {
        const char *path;
        const struct assay_options *options;
        const char *says;
    } rows[] = {{ASSAY_SOURCE_DIR "/nothing", NULL, "/nothing"},
                {NULL, NULL, "no path of a model"},
                {MODEL, &config, "nowhere.json"},
                {MODEL, &threads, "-1 threads"},
                {GOLD, NULL, "thinker.golden"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *error = NULL;
        cr_expect_null(assay_open(rows[i].path, rows[i].options, &error));
        cr_expect(error && strstr(error, rows[i].says), "%zu: %s", i, error ? error : "no error");
        assay_free(error);
        cr_expect_null(assay_open(rows[i].path, rows[i].options, NULL));
    }
    assay_close(NULL);
    assay_free(NULL);
}

Test(library, ids_that_are_none_are_told)
{
    struct assay_model *model = open_model();
    float *logits = malloc(assay_vocabulary(model) * sizeof *logits);
    const int wrong[] = {(int)assay_vocabulary(model)}, right[] = {0};
    char *error = NULL;
    cr_expect_not(assay_logits(model, wrong, 1, logits, &error));
    cr_expect_not_null(error);
    assay_free(error);
    cr_expect_not(assay_logits(model, right, 0, logits, &error));
    cr_expect(error && strstr(error, "no ids were given"));
    assay_free(error);
    cr_expect_null(assay_text(model, &(int){-1}, 1, &error));
    cr_expect_not_null(error);
    assay_free(error);
    cr_expect(assay_logits(model, right, 1, logits, &error), "it goes on after an error");
    cr_expect_null(error);
    free(logits);
    assay_close(model);
}
