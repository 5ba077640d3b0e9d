#include "health/pairing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clones.h"
#include "math/kernels.h"

/* Every `step`-th tile of rows is kept. */
static void choose_rows(struct kept *kept, size_t budget)
{
    uint64_t most = budget / sizeof(float) / (kept->columns ? kept->columns : 1);
    uint64_t tiles = (kept->rows + KEPT_TILE - 1) / KEPT_TILE, allowed = most / KEPT_TILE ? most / KEPT_TILE : 1;
    uint64_t step = (tiles + allowed - 1) / allowed;
    for (uint64_t row = 0; row < kept->rows; row++)
        kept->slot[row] = row / KEPT_TILE % step == 0 ? (int)kept->count++ : -1;
}

bool kept_begin(struct kept *kept, uint64_t rows, uint64_t columns, size_t budget, struct error *error)
{
    *kept = (struct kept){.rows = rows, .columns = columns, .slot = calloc((size_t)rows + 1, sizeof *kept->slot)};
    if (kept->slot)
        choose_rows(kept, budget);
    kept->values = malloc(((size_t)columns * kept->count + 1) * sizeof *kept->values);
    kept->squares = calloc(kept->count + 1, sizeof *kept->squares);
    kept->turned = malloc(((size_t)columns * KEPT_TILE + 1) * sizeof *kept->turned);
    return (kept->slot && kept->values && kept->squares && kept->turned) || error_memory(error, "weights");
}

void kept_free(struct kept *kept)
{
    free(kept->values);
    free(kept->slot);
    free(kept->squares);
    free(kept->turned);
    *kept = (struct kept){0};
}

/* out[c * pitch + r] = values[r * columns + c] */
CLONES static void turn(const float *restrict values, size_t rows, size_t columns, float *restrict out, size_t pitch)
{
    for (size_t column = 0; column < columns; column++)
        for (size_t row = 0; row < rows; row++)
            out[column * pitch + row] = values[row * columns + column];
}

/* Rows from `first` on that lie side by side where they are kept, at most KEPT_TILE; 0: this one is not kept. */
static size_t tile_rows(const struct kept *kept, const uint64_t *of, size_t count)
{
    size_t rows = 0;
    while (rows < count && rows < KEPT_TILE && kept->slot[of[rows]] >= 0 &&
           kept->slot[of[rows]] == kept->slot[of[0]] + (int)rows)
        rows++;
    return rows;
}

void kept_take(struct kept *kept, uint64_t first, const float *values, size_t count)
{
    size_t columns = (size_t)kept->columns;
    for (size_t at = 0; at < count;) {
        uint64_t of[KEPT_TILE];
        size_t left = count - at < KEPT_TILE ? count - at : KEPT_TILE;
        for (size_t i = 0; i < left; i++)
            of[i] = first + at + i;
        size_t rows = tile_rows(kept, of, left);
        if (rows)
            turn(values + at * columns, rows, columns, kept->values + kept->slot[of[0]], kept->count);
        for (size_t i = 0; i < rows; i++) {
            const float *row = values + (at + i) * columns;
            kept->squares[kept->slot[of[i]]] = (double)dot(row, row, columns);
        }
        at += rows ? rows : 1;
    }
}

bool partner_begin(struct partner *partner, struct kept *kept, uint64_t pairs, uint64_t head, uint64_t group,
                   struct error *error)
{
    *partner = (struct partner){.kept = kept,
                                .pairs = pairs,
                                .head = head,
                                .group = group,
                                .products = calloc((size_t)pairs + 1, sizeof *partner->products),
                                .squares = calloc((size_t)pairs + 1, sizeof *partner->squares)};
    return (partner->products && partner->squares) || error_memory(error, "weights");
}

void partner_free(struct partner *partner)
{
    free(partner->products);
    free(partner->squares);
    *partner = (struct partner){0};
}

static uint64_t kept_row(const struct partner *partner, uint64_t pair)
{
    return pair / (partner->head * partner->group) * partner->head + pair % partner->head;
}

/* sums[r] += a[c * KEPT_TILE + r] * b[c * pitch + r]; rows up to KEPT_TILE, those of `a` beyond them being zero. */
CLONES static void tile_products(const float *restrict a, const float *restrict b, size_t pitch, size_t columns,
                                 size_t rows, float *restrict sums)
{
    float all[KEPT_TILE] = {0};
    if (rows == KEPT_TILE)
        for (size_t column = 0; column < columns; column++)
            for (size_t row = 0; row < KEPT_TILE; row++)
                all[row] += a[column * KEPT_TILE + row] * b[column * pitch + row];
    else
        for (size_t column = 0; column < columns; column++)
            for (size_t row = 0; row < rows; row++)
                all[row] += a[column * KEPT_TILE + row] * b[column * pitch + row];
    memcpy(sums, all, rows * sizeof *sums);
}

void partner_rows(struct partner *partner, uint64_t first, const float *values, size_t count)
{
    const struct kept *kept = partner->kept;
    size_t columns = (size_t)kept->columns;
    for (size_t at = 0; at < count;) {
        uint64_t of[KEPT_TILE];
        float sums[KEPT_TILE];
        size_t left = count - at < KEPT_TILE ? count - at : KEPT_TILE;
        for (size_t i = 0; i < left; i++)
            of[i] = kept_row(partner, first + at + i);
        size_t rows = tile_rows(kept, of, left);
        if (rows) {
            turn(values + at * columns, rows, columns, kept->turned, KEPT_TILE);
            tile_products(kept->turned, kept->values + kept->slot[of[0]], kept->count, columns, rows, sums);
        }
        for (size_t i = 0; i < rows; i++) {
            const float *row = values + (at + i) * columns;
            partner->products[first + at + i] = (double)sums[i];
            partner->squares[first + at + i] = (double)dot(row, row, columns);
        }
        at += rows ? rows : 1;
    }
}

CLONES static void products_add(double *restrict sums, const float *restrict a, const float *restrict b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sums[i] += (double)(a[i] * b[i]);
}

void partner_columns(struct partner *partner, uint64_t first, const float *values, size_t count)
{
    const struct kept *kept = partner->kept;
    for (uint64_t pair = 0; pair < partner->pairs;) {
        uint64_t run = 1;
        int slot = kept->slot[kept_row(partner, pair)];
        while (pair + run < partner->pairs &&
               kept->slot[kept_row(partner, pair + run)] == (slot >= 0 ? slot + (int)run : -1))
            run++;
        for (size_t row = 0; slot >= 0 && row < count; row++)
            products_add(partner->products + pair, values + row * partner->pairs + pair,
                         kept->values + (first + row) * kept->count + (size_t)slot, (size_t)run);
        pair += run;
    }
}

void partner_column_squares(struct partner *partner, const double *squares)
{
    memcpy(partner->squares, squares, (size_t)partner->pairs * sizeof *squares);
}

void partner_end(const struct partner *partner, struct pairing *pairing)
{
    const struct kept *kept = partner->kept;
    double all = 0, block = 0;
    size_t in_block = 0;
    uint64_t begin = 0;
    *pairing = (struct pairing){.with = PAIR_NONE, .mean = NAN, .least = NAN};
    for (uint64_t pair = 0; pair < partner->pairs; pair++) {
        int slot = kept->slot[kept_row(partner, pair)];
        double norms = slot >= 0 ? kept->squares[slot] * partner->squares[pair] : 0;
        double cosine = norms > 0 ? partner->products[pair] * partner->products[pair] / norms : NAN;
        if (!isfinite(cosine))
            continue;
        begin = in_block ? begin : pair;
        all += cosine;
        block += cosine;
        pairing->count++;
        if (++in_block < PAIR_BLOCK)
            continue;
        double mean = block / PAIR_BLOCK * (double)kept->columns;
        if (!(mean >= pairing->least)) {
            pairing->least = mean;
            pairing->least_at = begin;
            pairing->least_count = pair + 1 - begin;
        }
        block = 0;
        in_block = 0;
    }
    if (pairing->count)
        pairing->mean = all / (double)pairing->count * (double)kept->columns;
    if (pairing->count < 2 * PAIR_BLOCK)
        pairing->least = NAN;
}
