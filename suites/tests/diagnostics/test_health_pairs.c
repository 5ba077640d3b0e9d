/* Rows that belong together, against naive cosines, and experts at the rows of their routers. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "health/health_experts.h"
#include "health/pairing.h"
#include "health_fixture.h"

/* --- pairs --- */

struct pair_case {
    size_t rows, columns, head, group, budget; /* bytes; 0: enough for all */
};

/* Means over the pairs whose row is kept: of all, and the least of blocks of PAIR_BLOCK, with where it begins. */
static struct pairing naive_pairing(const struct pair_case *sizes, const struct kept *kept, const float *mine,
                                    const float *other)
{
    struct pairing naive = {.mean = 0, .least = NAN};
    double block = 0;
    size_t pairs = sizes->rows * sizes->group, in_block = 0, begin = 0;
    for (size_t pair = 0; pair < pairs; pair++) {
        size_t row = pair / (sizes->head * sizes->group) * sizes->head + pair % sizes->head;
        const float *a = mine + row * sizes->columns, *b = other + pair * sizes->columns;
        double ab = 0, aa = 0, bb = 0;
        for (size_t i = 0; i < sizes->columns; i++)
            ab += (double)a[i] * (double)b[i], aa += (double)a[i] * (double)a[i], bb += (double)b[i] * (double)b[i];
        if (kept->slot[row] < 0 || !(aa * bb > 0))
            continue;
        begin = in_block ? begin : pair;
        naive.count++;
        naive.mean += ab * ab / (aa * bb) * (double)sizes->columns;
        block += ab * ab / (aa * bb) * (double)sizes->columns / PAIR_BLOCK;
        if (++in_block < PAIR_BLOCK)
            continue;
        if (!(block >= naive.least))
            naive.least = block, naive.least_at = begin, naive.least_count = pair + 1 - begin;
        block = 0;
        in_block = 0;
    }
    naive.mean = naive.count ? naive.mean / (double)naive.count : NAN;
    naive.least = naive.count < 2 * PAIR_BLOCK ? NAN : naive.least;
    return naive;
}

static void try_pairs(const struct pair_case *sizes, const float *mine, const float *other, size_t some)
{
    struct error error = {0};
    struct kept kept;
    struct partner partner;
    struct pairing pairing;
    size_t pairs = sizes->rows * sizes->group, columns = sizes->columns;
    float *turned = malloc((pairs * columns + 1) * sizeof *turned);
    double *squares = calloc(pairs + 1, sizeof *squares);
    for (size_t pair = 0; pair < pairs; pair++)
        for (size_t i = 0; i < columns; i++) {
            turned[i * pairs + pair] = other[pair * columns + i];
            squares[pair] += (double)other[pair * columns + i] * (double)other[pair * columns + i];
        }
    cr_assert(kept_begin(&kept, sizes->rows, columns, sizes->budget ? sizes->budget : SIZE_MAX / 2, &error));
    cr_expect(sizes->budget || kept.count == sizes->rows);
    for (size_t row = 0; row < sizes->rows; row += some)
        kept_take(&kept, row, mine + row * columns, sizes->rows - row < some ? sizes->rows - row : some);
    struct pairing naive = naive_pairing(sizes, &kept, mine, other);
    for (int by_column = 0; by_column < 2; by_column++) {
        size_t count = by_column ? columns : pairs, width = by_column ? pairs : columns;
        cr_assert(partner_begin(&partner, &kept, pairs, sizes->head, sizes->group, &error));
        for (size_t row = 0; row < count; row += some)
            (by_column ? partner_columns : partner_rows)(&partner, row, (by_column ? turned : other) + row * width,
                                                         count - row < some ? count - row : some);
        if (by_column)
            partner_column_squares(&partner, squares);
        partner_end(&partner, &pairing);
        cr_expect(pairing.count == naive.count, "%zu pairs, not %zu", pairing.count, naive.count);
        expect_near("mean", pairing.mean, naive.mean, 1e-4 * (1 + naive.mean));
        expect_near("least", pairing.least, naive.least, 1e-4 * (1 + naive.least));
        if (isfinite(naive.least))
            cr_expect(pairing.least_at == naive.least_at && pairing.least_count == naive.least_count,
                      "%zu rows kept of %zu: at %zu, not %zu", kept.count, sizes->rows, (size_t)pairing.least_at,
                      (size_t)naive.least_at);
        partner_free(&partner);
    }
    kept_free(&kept);
    free(turned);
    free(squares);
}

static const struct pair_case pair_cases[] = {
    {0, 5, 1, 1, 0},
    {1, 1, 1, 1, 0},
    {7, 13, 1, 1, 0},
    {16, 40, 1, 1, 0},
    {45, 33, 5, 3, 0}, /* three query heads of five for each key head */
    {128, 24, 16, 2, 0},
    {300, 21, 1, 1, 0},
    {300, 21, 1, 1, 1}, /* one tile */
    {300, 21, 1, 1, 100 * 21 * 4},
    {1000, 8, 10, 4, 333 * 8 * 4},
    {1000, 8, 1, 1, 500 * 8 * 4},
};

Test(health, pairs_are_what_naive_cosines_give)
{
    for (size_t k = 0; k < sizeof pair_cases / sizeof *pair_cases; k++) {
        const struct pair_case *sizes = &pair_cases[k];
        size_t pairs = sizes->rows * sizes->group, columns = sizes->columns;
        float *mine = gaussians(sizes->rows * columns, 0.1), *other = gaussians(pairs * columns, 3);
        for (size_t pair = 0; pair < pairs; pair++) { /* some in common, and now and then nothing at all */
            size_t row = pair / (sizes->head * sizes->group) * sizes->head + pair % sizes->head;
            for (size_t i = 0; i < columns; i++)
                other[pair * columns + i] =
                    pair % 29 == 3 ? 0 : other[pair * columns + i] + 40 * mine[row * columns + i];
        }
        for (size_t row = 0; row < sizes->rows; row += 17)
            memset(mine + row * columns, 0, columns * sizeof *mine);
        try_pairs(sizes, mine, other, 1);
        try_pairs(sizes, mine, other, 23);
        try_pairs(sizes, mine, other, 64);
        free(mine);
        free(other);
    }
}

Test(health, few_rows_are_kept_of_a_small_budget)
{
    struct error error = {0};
    for (size_t budget = 16 * 40 * 4; budget < 400 * 40 * 4; budget += 3000) {
        struct kept kept;
        size_t slots = 0;
        cr_assert(kept_begin(&kept, 333, 40, budget, &error));
        cr_expect(kept.count * 40 * 4 <= budget && kept.count >= 13);
        for (size_t row = 0; row < 333; row++)
            cr_expect(kept.slot[row] < 0 || kept.slot[row] == (int)slots++);
        cr_expect(slots == kept.count);
        kept_free(&kept);
    }
}

Test(health, strangers_have_one)
{
    struct error error = {0};
    struct kept kept;
    struct partner partner;
    struct pairing pairing;
    float *mine = gaussians(2000 * 64, 0.02), *other = gaussians(2000 * 64, 1);
    cr_assert(kept_begin(&kept, 2000, 64, SIZE_MAX / 2, &error));
    kept_take(&kept, 0, mine, 2000);
    cr_assert(partner_begin(&partner, &kept, 2000, 1, 1, &error));
    partner_rows(&partner, 0, other, 2000);
    partner_end(&partner, &pairing);
    expect_near("mean", pairing.mean, 1, 5 * sqrt(2.0 / 2000));
    cr_expect(pairing.with == PAIR_NONE && pairing.least < 1 && pairing.least > 0.3);
    partner_free(&partner);
    kept_free(&kept);
    free(mine);
    free(other);
}

/* --- experts --- */

#define EXPERTS 64

/* What the layer with that table tells; the row of expert e is rows[e]. Without `rows`: noise. */
static struct layer_match match_of(const int *rows, double strength, bool *claims)
{
    struct error error = {0};
    struct model_config *config = calloc(1, sizeof *config);
    float *table = malloc(EXPERTS * EXPERTS * sizeof *table);
    struct scan scan = {.config = config, .affinity = &table};
    struct layer_match match;
    config->layers = 1;
    config->experts = EXPERTS;
    for (size_t i = 0; i < EXPERTS * EXPERTS; i++)
        table[i] = (float)(0.02 + 0.002 * gaussian());
    for (size_t i = 0; rows && i < EXPERTS; i++) {
        table[i * EXPERTS + (size_t)rows[i]] += (float)strength;
        table[i * EXPERTS + 5] += 0.01f; /* all lie along one row, which tells nothing */
    }
    for (size_t i = 0; i < EXPERTS; i++)
        table[11 * EXPERTS + i] = NAN; /* absent */
    cr_assert(experts_match(&scan, 0, &match, claims, &error), "%s", error_text(&error));
    free(table);
    free(config);
    return match;
}

static void expect_match(const int *rows, int own, int wrong)
{
    bool claims;
    struct layer_match match = match_of(rows, 0.03, &claims);
    cr_expect(claims && match.told == EXPERTS - 1 && match.own == own && match.wrong == wrong,
              "%d told, %d at their own row, %d wrong", match.told, match.own, match.wrong);
    for (int i = 0; i < EXPERTS; i++)
        cr_expect(match.row[i] == (rows[i] == i || i == 11 ? EXPERT_NONE : rows[i]), "expert %d: row %d", i,
                  match.row[i]);
    free(match.row);
}

Test(health, experts_are_at_their_rows)
{
    int rows[EXPERTS];
    bool claims;
    for (int i = 0; i < EXPERTS; i++)
        rows[i] = i;
    expect_match(rows, EXPERTS - 1, 0);
    rows[3] = 40, rows[40] = 3;
    expect_match(rows, EXPERTS - 3, 2);
    rows[3] = 40, rows[40] = 60, rows[60] = 3;
    expect_match(rows, EXPERTS - 4, 3);
    for (int i = 0; i < EXPERTS; i++)
        rows[i] = (i + 1) % EXPERTS;
    expect_match(rows, 0, EXPERTS - 1);
    struct layer_match match = match_of(NULL, 0, &claims);
    cr_expect(!claims && !match.wrong && match.told < EXPERTS / 8);
    free(match.row);
}

/* One that seems to belong elsewhere, whose place nobody else takes, is said of any model. */
Test(health, one_expert_elsewhere_is_no_fault)
{
    int rows[EXPERTS];
    bool claims;
    for (int i = 0; i < EXPERTS; i++)
        rows[i] = i;
    rows[20] = 11; /* whose expert is absent */
    struct layer_match match = match_of(rows, 0.03, &claims);
    cr_expect(claims && match.wrong == 0 && match.own == EXPERTS - 2);
    free(match.row);
}

Test(health, a_layer_without_a_table_claims_nothing)
{
    struct error error = {0};
    struct model_config *config = calloc(1, sizeof *config);
    float *none = NULL;
    struct scan scan = {.config = config, .affinity = &none};
    struct layer_match match;
    bool claims = true;
    config->experts = 8;
    cr_assert(experts_match(&scan, 0, &match, &claims, &error));
    cr_expect(!claims && !match.told && !match.wrong && match.row[7] == EXPERT_NONE);
    free(match.row);
    free(config);
}
