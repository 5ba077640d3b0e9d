/* Continuations against gold of few bits: what a tie of experts decides is no fault, another choice is one. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activations/greedy.h"
#include "engine_fixture.h"
#include "fixtures.h"
#include "math/distribution.h"
#include "run/run.h"

#define ROUNDING 1.66e-3 /* bfloat16's */
#define CHANCES 128
#define FEW 8
#define SEVERAL 6

#define WIDEST 1024

/* Logits of the next token: [CHANCES + 1][width], the last exact. */
struct choices {
    size_t width;
    float logits[CHANCES + 1][WIDEST];
};

static bool choices_see(void *context, size_t which, const struct part *part, struct error *error)
{
    struct choices *choices = context;
    (void)error;
    if (part->point != POINT_HEAD)
        return true;
    cr_assert_leq(part->width, (size_t)WIDEST);
    choices->width = part->width;
    memcpy(choices->logits[which], part->values, part->width * sizeof *part->values);
    return true;
}

static void choose(struct model *model, int id, struct choices *choices)
{
    struct error error = {0};
    struct run *run = run_new(model, &error);
    cr_assert(run && run_add(run, &id, 1, 0, (struct rider){choices_see, choices, CHANCES}, &error));
    for (size_t i = 0; i < CHANCES; i++)
        cr_assert(run_add_rounded(run, &id, 1, 0, ROUNDING, (struct rider){choices_see, choices, i}, &error));
    cr_assert(run_execute(run, NULL, 0, &error), "%s", error_text(&error));
    run_free(run);
}

/* A token that several chances choose, but none of the first, which are also too near each other to leave it in doubt;
 * -1: none. */
static int chosen_late(const struct choices *choices)
{
    size_t exact = largest_index(choices->logits[CHANCES], choices->width), late = exact, times = 0;
    for (size_t i = 0; i < CHANCES && late == exact; i++)
        late = largest_index(choices->logits[i], choices->width);
    for (size_t i = 0; i < CHANCES; i++)
        times += largest_index(choices->logits[i], choices->width) == late;
    double margin = (double)choices->logits[CHANCES][exact] - (double)choices->logits[CHANCES][late], square = 0;
    for (size_t i = 0; i < FEW; i++) {
        double other = (double)choices->logits[i][exact] - (double)choices->logits[i][late];
        square += (other - margin) * (other - margin) / FEW;
    }
    return late != exact && times >= SEVERAL && margin > 8 * sqrt(square) ? (int)late : -1;
}

static enum verdict judged(struct bench *bench, int id, int next)
{
    struct error error = {0};
    struct limits limits;
    struct findings findings = {0};
    char header[512];
    snprintf(header, sizeof header,
             "{\"assay.golden\":\"1\",\"producer\":\"test\",\"dtype\":\"bfloat16\",\"cases\":\"[{\\\"id\\\":\\\"a\\\","
             "\\\"greedy\\\":[%d],\\\"ids\\\":[%d]}]\"}",
             next, id);
    write_tensors(scratch("few_bits.safetensors"), NULL, 0, header);
    struct golden *golden = golden_open(scratch("few_bits.safetensors"), &error);
    struct subject subject = {.store = bench->store, .config = bench->config, .model = bench->model};
    cr_assert(golden && limits_init(&limits, &error), "%s", error_text(&error));
    cr_assert(greedy_check(&subject, golden, &limits, &findings, &error), "%s", error_text(&error));
    enum verdict verdict = findings.items[0].verdict;
    findings_free(&findings);
    limits_free(&limits);
    golden_free(golden);
    return verdict;
}

Test(greedy, what_a_tie_of_experts_decides_in_few_runs_of_many_is_no_fault)
{
    struct bench bench = bench_open("mixtral", "mixtral");
    struct choices *choices = malloc(sizeof *choices);
    size_t found = 0;
    for (int id = 0; id < bench.config->vocabulary; id++) {
        choose(bench.model, id, choices);
        int late = chosen_late(choices);
        if (late < 0)
            continue;
        found++;
        cr_expect_neq(judged(&bench, id, late), VERDICT_FAIL, "id %d: %d in a few runs", id, late);
        size_t least = 0;
        for (size_t i = 0; i < choices->width; i++)
            least = choices->logits[CHANCES][i] < choices->logits[CHANCES][least] ? i : least;
        cr_expect_eq(judged(&bench, id, (int)least), VERDICT_FAIL, "id %d: the least likely token", id);
    }
    cr_expect_geq(found, 1, "no id whose next token hangs on rare rounding");
    free(choices);
    bench_close(&bench);
}
