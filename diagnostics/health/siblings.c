/* Which tensors of a layer belong to which. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "health/scan.h"
#include "model/probe.h"
#include "values/values.h"

bool unit_by_column(enum weight_unit unit)
{
    return unit != UNIT_HEAD_ROWS;
}

bool unit_by_heads(enum weight_unit unit)
{
    return unit == UNIT_HEAD_ROWS || unit == UNIT_HEAD_COLUMNS;
}

uint64_t tensor_kin(const struct scan *scan, const struct examined *examined)
{
    const char *name = examined->tensor->name;
    int layer, expert, kind = 0;
    if (scan->config->family)
        return examined->weight;
    const char *rest = name_place(name, &layer, &expert);
    const char *own = expert >= 0 ? name_behind_expert(rest, expert) : NULL;
    if (layer >= 0 && layer < scan->config->layers)
        kind = scan->config->kind[layer];
    uint64_t hash = XXH3_64bits_withSeed(name, name_stem(name, rest), (XXH64_hash_t)kind);
    if (own)
        hash = XXH3_64bits_withSeed(rest, name_stem(rest, own), hash);
    const char *end = own ? own : rest;
    hash = XXH3_64bits_withSeed(end, strlen(end), hash);
    return hash > KIN_NONE ? hash : hash + KIN_NONE + 1;
}

size_t scan_sibling(const struct scan *scan, const struct examined *of, enum weight weight)
{
    char name[160];
    if (weight == WEIGHT_COUNT || !expected_name(weight, of->layer, of->expert, name, sizeof name))
        return PAIR_NONE;
    const struct tensor *tensor = store_find(scan->store, name);
    size_t index = tensor ? (size_t)(tensor - store_at(scan->store, 0)) : PAIR_NONE;
    return tensor && scan->tensors[index].weight == weight && scan->tensors[index].read ? index : PAIR_NONE;
}

size_t scan_gain_of(const struct scan *scan, const struct examined *examined)
{
    const struct examined at = {.layer = examined->layer, .expert = -1};
    size_t gain = scan_sibling(scan, &at, weight_through(scan->config, examined->weight, examined->layer));
    return gain != PAIR_NONE && scan->tensors[gain].tensor->columns == examined->tensor->columns ? gain : PAIR_NONE;
}

bool scan_gain(const struct scan *scan, const struct examined *examined, float **gain, struct error *error)
{
    size_t index = scan_gain_of(scan, examined);
    *gain = NULL;
    if (index == PAIR_NONE)
        return true;
    const struct tensor *tensor = scan->tensors[index].tensor;
    void *raw = malloc((size_t)tensor->bytes + 1);
    float *values = malloc((size_t)tensor->columns * sizeof *values + 1);
    bool good = (raw && values) || error_memory(error, tensor->name);
    good = good && store_read(scan->store, tensor, raw, error);
    if (good) {
        widen(tensor->dtype, raw, values, (size_t)tensor->columns);
        for (size_t i = 0; i < tensor->columns; i++)
            values[i] += (float)weight_gain_offset(scan->config, scan->tensors[index].weight);
        *gain = values;
    } else {
        free(values);
    }
    free(raw);
    return good;
}
