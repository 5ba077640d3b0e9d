/* Faults that change values, or put them in another's place. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "diagnostics/fault_internal.h"
#include "math/kernels.h"

#define PAGE 4096

static bool can_compute(const struct fault_site *site, const struct tensor *tensor, struct error *error)
{
    return dtype_computes(tensor->dtype) ||
           error_set(error, "fault %s: tensor '%s' has dtype %s", site->spec, tensor->name, dtype_name(tensor->dtype));
}

/* One row, widened. */
static bool row_values(const struct store *store, const struct tensor *tensor, uint64_t row, float *out,
                       struct error *error)
{
    void *raw = malloc((size_t)tensor->stride + (size_t)(tensor->bytes / tensor->rows) + 1);
    bool good = (raw || error_memory(error, tensor->name)) && store_read_rows(store, tensor, row, 1, raw, error);
    if (good)
        widen(tensor->dtype, raw, out, (size_t)tensor->columns);
    free(raw);
    return good;
}

/* A factor that rounding swallows, or zeros where there were zeros, change nothing. */
static bool count_change(struct fault_site *site, const struct tensor *tensor, struct error *error)
{
    const struct tensor *changed = store_find(site->overlay, tensor->name);
    size_t columns = (size_t)tensor->columns;
    float *before = malloc((columns + 1) * sizeof *before), *after = malloc((columns + 1) * sizeof *after);
    bool good = (before && after) || error_memory(error, site->spec), same = true;
    for (uint64_t row = 0; good && same && row < tensor->rows; row++) {
        good = row_values(site->below, tensor, row, before, error) &&
               row_values(site->overlay, changed, row, after, error);
        same = !good || memcmp(before, after, columns * sizeof *before) == 0;
    }
    site->changed += !same;
    free(before);
    free(after);
    return good;
}

static bool rewrite(struct fault_site *site, const struct tensor *tensor, overlay_rewrite_rows *rows,
                    struct fault_edit edit, struct error *error)
{
    struct fault_edit *kept = can_compute(site, tensor, error) ? fault_edit(site, error) : NULL;
    if (!kept)
        return false;
    *kept = edit;
    return overlay_rewrite(site->overlay, tensor->name, rows, kept, error) && count_change(site, tensor, error);
}

/* Values are changed as they are stored; those that share a scale with others, widened. */
static bool rewrite_values(struct fault_site *site, const struct tensor *tensor, overlay_rewrite_rows *rows,
                           struct fault_edit edit, struct error *error)
{
    if (can_compute(site, tensor, error) && !dtype_width(tensor->dtype) &&
        !overlay_convert(site->overlay, tensor->name, DTYPE_F32, widen_values, error))
        return false;
    return rewrite(site, tensor, rows, edit, error);
}

/* --- one value after the other --- */

static void scale_rows(void *context, const struct tensor *tensor, uint64_t first, uint64_t rows, void *values)
{
    const struct fault_edit *edit = context;
    size_t width = dtype_width(tensor->dtype);
    (void)first;
    for (uint64_t i = 0; i < rows * tensor->columns; i++) {
        float value;
        widen(tensor->dtype, (char *)values + i * width, &value, 1);
        value = (float)((double)value * edit->factor);
        narrow(tensor->dtype, &value, (char *)values + i * width, 1);
    }
}

/* "TENSOR,FACTOR": the factor behind the last comma. */
bool fault_scale(struct fault_site *site, const char *arguments, struct error *error)
{
    const char *comma = strrchr(arguments, ',');
    char *end = NULL;
    double factor = comma ? strtod(comma + 1, &end) : NAN;
    if (!comma || end == comma + 1 || *end || !isfinite(factor))
        return error_set(error, "fault %s: TENSOR,FACTOR was expected", site->spec);
    const struct tensor *tensor = fault_tensor(site, arguments, (size_t)(comma - arguments), error);
    return tensor && rewrite_values(site, tensor, scale_rows, (struct fault_edit){.factor = factor}, error);
}

static void nan_rows(void *context, const struct tensor *tensor, uint64_t first, uint64_t rows, void *values)
{
    const struct fault_edit *edit = context;
    const float nan = NAN;
    if (edit->row >= first && edit->row - first < rows)
        narrow(tensor->dtype, &nan,
               (char *)values + ((edit->row - first) * tensor->columns + edit->column) * dtype_width(tensor->dtype), 1);
}

/* Up to two whole numbers behind the tensor's name, each after a comma. False: something else is there. */
static bool trailing_numbers(const char *arguments, size_t *name, uint64_t numbers[2], int *count)
{
    *name = strcspn(arguments, ",");
    *count = 0;
    for (const char *at = arguments + *name; *at;) {
        char number[24] = {0};
        long long value = 0;
        size_t length = strcspn(++at, ",");
        if (*count == 2 || !length || length >= sizeof number)
            return false;
        memcpy(number, at, length);
        if (!number_parse(number, 0, 1LL << 60, &value))
            return false;
        numbers[(*count)++] = (uint64_t)value;
        at += length;
    }
    return true;
}

bool fault_nan(struct fault_site *site, const char *arguments, struct error *error)
{
    uint64_t at[2] = {0, 0};
    size_t name;
    int count;
    if (!trailing_numbers(arguments, &name, at, &count) || count == 1)
        return error_set(error, "fault %s: TENSOR or TENSOR,ROW,COLUMN was expected", site->spec);
    const struct tensor *tensor = fault_tensor(site, arguments, name, error);
    if (tensor && (at[0] >= tensor->rows || at[1] >= tensor->columns))
        return error_set(error, "fault %s: tensor '%s' has %llu rows and %llu columns", site->spec, tensor->name,
                         (unsigned long long)tensor->rows, (unsigned long long)tensor->columns);
    return tensor && rewrite_values(site, tensor, nan_rows, (struct fault_edit){.row = at[0], .column = at[1]}, error);
}

static void zero_rows(void *context, const struct tensor *tensor, uint64_t first, uint64_t rows, void *values)
{
    const struct fault_edit *edit = context;
    uint64_t row = dtype_row_bytes(tensor->dtype, tensor->columns);
    uint64_t begin = edit->page * PAGE, end = begin + PAGE, here = first * row, last = (first + rows) * row;
    begin = begin > here ? begin : here;
    end = end < last ? end : last;
    if (begin < end)
        memset((char *)values + (begin - here), 0, (size_t)(end - begin));
}

bool fault_zero_page(struct fault_site *site, const char *arguments, struct error *error)
{
    uint64_t at[2] = {0, 0};
    size_t name;
    int count;
    if (!trailing_numbers(arguments, &name, at, &count) || count > 1)
        return error_set(error, "fault %s: TENSOR or TENSOR,PAGE was expected", site->spec);
    const struct tensor *tensor = fault_tensor(site, arguments, name, error);
    if (tensor && at[0] > (tensor->bytes - 1) / PAGE)
        return error_set(error, "fault %s: tensor '%s' has %llu bytes", site->spec, tensor->name,
                         (unsigned long long)tensor->bytes);
    return tensor && rewrite(site, tensor, zero_rows, (struct fault_edit){.page = at[0]}, error);
}

/* --- random --- */

/* Box and Muller's transform of two uniform values: of a counter, so that any is had without the ones before it. */
static double normal(uint64_t seed, uint64_t index)
{
    double u = ((double)(mix_u64(seed + 2 * index) >> 11) + 1) * 0x1p-53,
           v = (double)(mix_u64(seed + 2 * index + 1) >> 11) * 0x1p-53;
    return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

static void random_rows(void *context, const struct tensor *tensor, uint64_t first, uint64_t rows, void *values)
{
    const struct fault_edit *edit = context;
    for (uint64_t i = 0; i < rows * tensor->columns; i++) {
        float value = (float)(0.02 * normal(edit->seed, first * tensor->columns + i));
        narrow(tensor->dtype, &value, (char *)values + i * dtype_width(tensor->dtype), 1);
    }
}

static uint64_t name_seed(const char *name)
{
    uint64_t seed = 0;
    for (; *name; name++)
        seed = mix_u64(seed ^ (unsigned char)*name);
    return seed;
}

static bool is_projection(const char *name)
{
    static const char *const projections[] = {".self_attn.q_proj.weight", ".self_attn.k_proj.weight",
                                              ".self_attn.v_proj.weight", ".self_attn.o_proj.weight"};
    for (size_t i = 0; i < sizeof projections / sizeof *projections; i++)
        if (strstr(name, projections[i]))
            return true;
    return false;
}

bool fault_random_attention(struct fault_site *site, const char *arguments, struct error *error)
{
    bool layers[CONFIG_LAYERS_MAX] = {false};
    const char *end = fault_indices(site, arguments, "layer", site->config->layers, layers, error);
    if (!end || *end)
        return end ? error_set(error, "fault %s: '%s' after the list of layers", site->spec, end) : false;
    for (size_t i = 0; i < store_text_count(site->below); i++) {
        const struct tensor *tensor = store_at(site->below, i);
        int layer, expert;
        tensor_place(tensor, &layer, &expert);
        if (layer >= 0 && layer < CONFIG_LAYERS_MAX && layers[layer] && is_projection(tensor->name) &&
            !rewrite_values(site, tensor, random_rows, (struct fault_edit){.seed = name_seed(tensor->name)}, error))
            return false;
    }
    return true;
}

/* --- exchanges --- */

/* Reads every tensor below one prefix from the same name below the other. */
static bool read_from(struct fault_site *site, const char *prefix, const char *other, struct error *error)
{
    size_t length = strlen(prefix);
    for (size_t i = 0; i < store_text_count(site->below); i++) {
        const char *name = store_at(site->below, i)->name;
        char from[FAULT_TEXT];
        if (strncmp(name, prefix, length) != 0)
            continue;
        if (snprintf(from, sizeof from, "%s%s", other, name + length) >= (int)sizeof from)
            return error_set(error, "fault %s: tensor '%s' has too long a name", site->spec, name);
        if (!overlay_alias(site->overlay, name, from, error))
            return error_context(error, "fault %s", site->spec);
        site->changed++;
    }
    return true;
}

static bool exchange(struct fault_site *site, const char *a, const char *b, struct error *error)
{
    return read_from(site, a, b, error) && read_from(site, b, a, error);
}

bool fault_swap_experts(struct fault_site *site, const char *arguments, struct error *error)
{
    int layer = -1, a = -1, b = -1, used = 0, experts = site->config->experts;
    if (sscanf(arguments, "%d,%d,%d%n", &layer, &a, &b, &used) != 3 || arguments[used] || layer < 0 ||
        layer >= site->config->layers || a < 0 || a >= experts || b < 0 || b >= experts || a == b)
        return error_set(error, "fault %s: a layer below %d and two experts below %d were expected, as 3,17,81",
                         site->spec, site->config->layers, experts);
    char prefix[FAULT_TEXT], other[FAULT_TEXT];
    snprintf(prefix, sizeof prefix, "model.layers.%d.mlp.experts.%d.", layer, a);
    snprintf(other, sizeof other, "model.layers.%d.mlp.experts.%d.", layer, b);
    return exchange(site, prefix, other, error);
}

bool fault_swap_layers(struct fault_site *site, const char *arguments, struct error *error)
{
    int a = -1, b = -1, used = 0, layers = site->config->layers;
    if (sscanf(arguments, "%d,%d%n", &a, &b, &used) != 2 || arguments[used] || a < 0 || a >= layers || b < 0 ||
        b >= layers || a == b)
        return error_set(error, "fault %s: two layers below %d were expected, as 3,4", site->spec, layers);
    char prefix[FAULT_TEXT], other[FAULT_TEXT];
    snprintf(prefix, sizeof prefix, "model.layers.%d.", a);
    snprintf(other, sizeof other, "model.layers.%d.", b);
    return exchange(site, prefix, other, error);
}
