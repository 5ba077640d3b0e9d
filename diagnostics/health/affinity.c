#include "health/affinity.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "math/blas.h"
#include "math/kernels.h"
#include "values/values.h"

struct affinity {
    struct scan *scan;
    float **directions; /* [layers]: [experts, hidden]; NULL: not made yet, or there is nothing to make it of */
    int *left;          /* [layers]: experts to come */
    bool *tried;        /* [layers] */
    pthread_mutex_t lock;
};

struct affinity *affinity_new(struct scan *scan, struct error *error)
{
    size_t layers = (size_t)scan->config->layers;
    struct affinity *affinity = calloc(1, sizeof *affinity);
    if (affinity) {
        affinity->scan = scan;
        affinity->directions = calloc(layers + 1, sizeof *affinity->directions);
        affinity->left = calloc(layers + 1, sizeof *affinity->left);
        affinity->tried = calloc(layers + 1, sizeof *affinity->tried);
        pthread_mutex_init(&affinity->lock, NULL);
    }
    if (!affinity || !affinity->directions || !affinity->left || !affinity->tried) {
        affinity_free(affinity);
        error_memory(error, "weights");
        return NULL;
    }
    for (size_t i = 0; i < scan->count; i++) {
        const struct examined *examined = &scan->tensors[i];
        if (examined->weight != WEIGHT_EXPERT_UP || !examined->read)
            continue;
        assert(examined->layer >= 0 && (size_t)examined->layer < layers); /* the configuration names it */
        affinity->left[examined->layer]++;
    }
    return affinity;
}

void affinity_free(struct affinity *affinity)
{
    if (!affinity)
        return;
    for (int layer = 0; affinity->directions && layer < affinity->scan->config->layers; layer++)
        free(affinity->directions[layer]);
    free(affinity->directions);
    free(affinity->left);
    free(affinity->tried);
    pthread_mutex_destroy(&affinity->lock);
    free(affinity);
}

/* The rows less their mean, of unit length in the space that the experts read, which is behind the norm's gain: row r
 * becomes gain * unit(gain * (r - mean)). */
static void directions_make(float *rows, const float *gain, size_t experts, size_t hidden)
{
    for (size_t i = 0; i < hidden; i++) {
        double mean = 0;
        for (size_t expert = 0; expert < experts; expert++)
            mean += (double)rows[expert * hidden + i] / (double)experts;
        for (size_t expert = 0; expert < experts; expert++)
            rows[expert * hidden + i] = gain[i] * (rows[expert * hidden + i] - (float)mean);
    }
    for (size_t expert = 0; expert < experts; expert++) {
        float *row = rows + expert * hidden;
        float length = sqrtf(dot(row, row, hidden));
        for (size_t i = 0; i < hidden; i++)
            row[i] = length > 0 ? gain[i] * row[i] / length : 0;
    }
}

/* `*out` is NULL where the layer's router or norm is absent, or not finite, which is told elsewhere. */
static bool directions_read(const struct scan *scan, int layer, float **out, struct error *error)
{
    char name[160];
    float *gain;
    size_t experts = (size_t)scan->config->experts, hidden = (size_t)scan->config->hidden;
    const struct tensor *router =
        expected_name(WEIGHT_ROUTER, layer, -1, name, sizeof name) ? store_find(scan->store, name) : NULL;
    *out = NULL;
    if (!router || router->rank != 2 || router->rows != experts || router->columns != hidden ||
        !dtype_computes(router->dtype))
        return true;
    if (!scan_gain(scan, &scan->tensors[router - store_at(scan->store, 0)], &gain, error) || !gain)
        return !gain && !error->text;
    float *rows = malloc((experts * hidden + 1) * sizeof *rows);
    void *raw = malloc((size_t)router->bytes + 1);
    bool good = ((rows && raw) || error_memory(error, name)) && store_read(scan->store, router, raw, error);
    bool finite = good;
    if (good) {
        widen(router->dtype, raw, rows, experts * hidden);
        finite = all_finite(rows, experts * hidden) && all_finite(gain, hidden);
    }
    if (finite) {
        directions_make(rows, gain, experts, hidden);
        *out = rows;
    } else {
        free(rows);
    }
    free(raw);
    free(gain);
    return good;
}

/* Under the lock: the layer's directions, made at its first expert, with room for its table. */
static bool layer_begin(struct affinity *affinity, int layer, const float **directions, struct error *error)
{
    struct scan *scan = affinity->scan;
    size_t experts = (size_t)scan->config->experts;
    bool good = true;
    if (!affinity->tried[layer]) {
        affinity->tried[layer] = true;
        good = directions_read(scan, layer, &affinity->directions[layer], error);
        float *table = affinity->directions[layer] ? malloc(experts * experts * sizeof *table) : NULL;
        good = good && (table || !affinity->directions[layer] || error_memory(error, "weights"));
        for (size_t i = 0; table && i < experts * experts; i++)
            table[i] = NAN;
        scan->affinity[layer] = table;
    }
    *directions = scan->affinity[layer] ? affinity->directions[layer] : NULL;
    return good;
}

static void layer_end(struct affinity *affinity, int layer)
{
    pthread_mutex_lock(&affinity->lock);
    if (--affinity->left[layer] == 0) {
        free(affinity->directions[layer]);
        affinity->directions[layer] = NULL;
    }
    pthread_mutex_unlock(&affinity->lock);
}

bool affinity_add(struct affinity *affinity, int layer, int expert, const struct kept *up, struct error *error)
{
    const struct scan *scan = affinity->scan;
    size_t experts = (size_t)scan->config->experts,
           neurons = up->count < AFFINITY_NEURONS ? up->count : AFFINITY_NEURONS;
    assert(layer >= 0 && layer < scan->config->layers && expert >= 0 && (size_t)expert < experts);
    const float *directions;
    pthread_mutex_lock(&affinity->lock);
    bool good = layer_begin(affinity, layer, &directions, error);
    pthread_mutex_unlock(&affinity->lock);
    if (!good)
        return false;
    float *along = directions ? malloc(experts * neurons * sizeof *along + 1) : NULL;
    if (directions && !along)
        return error_memory(error, "weights");
    if (directions && neurons) {
        double energy = 0;
        product(PRODUCT_PLAIN, directions, (size_t)up->columns, up->values, up->count, along, neurons, experts, neurons,
                (size_t)up->columns);
        for (size_t i = 0; i < neurons; i++)
            energy += up->squares[i];
        for (size_t row = 0; row < experts; row++)
            scan->affinity[layer][(size_t)expert * experts + row] =
                energy > 0 ? (float)((double)dot(along + row * neurons, along + row * neurons, neurons) / energy) : NAN;
    }
    free(along);
    layer_end(affinity, layer);
    return true;
}
