#include "model/quantised.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How quantisers name what they put in the place of a matrix: an ending behind its name without ".weight". In the order
 * in which they are told. */
static const struct part_row {
    const char *ending;
    bool values;        /* the packed values: with them the matrix is there */
    const char *method; /* whose it is, where no other has it */
} part_rows[] = {
    {".weight", true, NULL},
    {".qweight", true, "gptq or awq"},
    {".weight_packed", true, "compressed-tensors"},
    {"_packed", true, "compressed-tensors"},
    {"_blocks", true, "mxfp4"},
    {".q_weight", true, "exl2"},
    {".trellis", true, "exl3"},
    {".W_q", true, "hqq"},
    {".codes", true, "aqlm"},
    {".Qidxs", true, "quip#"},
    {".weight._data", true, "quanto"},
    {".weight_scale_inv", false, "fp8"},
    {"_scale_inv", false, "fp8"},
    {".SCB", false, "bitsandbytes"},
    {".weight.absmax", false, "bitsandbytes"},
    {".weight.quant_map", false, "bitsandbytes"},
    {".weight.nested_absmax", false, "bitsandbytes"},
    {".weight.nested_quant_map", false, "bitsandbytes"},
    {".weight.quant_state.bitsandbytes__nf4", false, "bitsandbytes"},
    {".weight.quant_state.bitsandbytes__fp4", false, "bitsandbytes"},
    {".weight_format", false, "bitsandbytes"},
    {".biases", false, "mlx"},
    {".weight_scale_2", false, "modelopt"},
    {"_scale_2", false, "modelopt"},
    {".qzeros", false, "gptq or awq"},
    {".g_idx", false, "gptq"},
    {".scales", false, NULL},
    {"_scales", false, NULL},
    {".weight_scale", false, NULL},
    {"_scale", false, NULL},
    {".weight_scales", false, NULL},
    {".weight._scale", false, "quanto"},
    {".weight._zeropoint", false, "quanto"},
    {".weight_zero_point", false, "compressed-tensors"},
    {"_zero_point", false, "compressed-tensors"},
    {".weight_g_idx", false, "compressed-tensors"},
    {".weight_global_scale", false, "compressed-tensors"},
    {"_global_scale", false, "compressed-tensors"},
    {".input_global_scale", false, "compressed-tensors"},
    {".weight_shape", false, "compressed-tensors"},
    {"_shape", false, "compressed-tensors"},
    {".input_scale", false, NULL},
    {".output_scale", false, NULL},
    {".q_scale", false, "exl2"},
    {".q_scale_max", false, "exl2"},
    {".q_groups", false, "exl2"},
    {".q_group_map", false, "exl2"},
    {".q_invperm", false, "exl2"},
    {".q_perm", false, "exl2"},
    {".suh", false, "exl3"},
    {".svh", false, "exl3"},
    {".meta", false, "hqq"},
    {".codebooks", false, "aqlm"},
    {".SU", false, "quip#"},
    {".SV", false, "quip#"},
};

#define PARTS (sizeof part_rows / sizeof *part_rows)
#define PART_WEIGHT 0 /* its row */
#define PART_BIT(row) ((uint64_t)1 << (row))
_Static_assert(PARTS <= 64, "sets of parts are 64 bits");

/* A type whose values are no numbers of the model by themselves. */
static bool is_packed(enum dtype dtype)
{
    return dtype < DTYPE_SAFETENSORS && dtype != DTYPE_BOOL && dtype_bits(dtype) <= 32 && !dtype_computes(dtype);
}

/* The row of the longest ending that fits, and the length of the name before it; PARTS: none. */
static size_t part_of(const char *name, enum dtype dtype, size_t *stem)
{
    size_t length = strlen(name), best = PARTS;
    *stem = length;
    for (size_t i = 0; i < PARTS; i++) {
        size_t tail = strlen(part_rows[i].ending);
        if (tail >= length || length - tail >= *stem || strcmp(name + length - tail, part_rows[i].ending) != 0)
            continue;
        *stem = length - tail;
        best = i;
    }
    return best < PARTS && part_rows[best].values && !is_packed(dtype) ? PARTS : best;
}

static uint64_t value_bits(void)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < PARTS; i++)
        bits |= part_rows[i].values ? PART_BIT(i) : 0;
    return bits;
}

bool quantised_add(struct quantised *quantised, const char *name, enum dtype dtype, uint64_t bytes)
{
    size_t stem, row = part_of(name, dtype, &stem), found = MAP_ABSENT;
    if (row == PARTS)
        return true;
    if (!array_grow(quantised->found, quantised->count, quantised->capacity) ||
        !map_add(&quantised->stems, name, stem, quantised->count, &found))
        return false;
    if (found == MAP_ABSENT)
        quantised->found[found = quantised->count++] = (struct quantised_stem){.dtype = DTYPE_COUNT};
    struct quantised_stem *at = &quantised->found[found];
    at->parts |= PART_BIT(row);
    if (part_rows[row].values) {
        at->bytes = bytes;
        at->dtype = dtype;
    }
    return true;
}

static size_t stem_of(const char *name)
{
    static const char weight[] = ".weight";
    size_t length = strlen(name), tail = sizeof weight - 1;
    return length > tail && strcmp(name + length - tail, weight) == 0 ? length - tail : length;
}

static struct quantised_stem *stem_at(const struct quantised *quantised, const char *name)
{
    size_t found = map_find(&quantised->stems, name, stem_of(name));
    return found == MAP_ABSENT ? NULL : &quantised->found[found];
}

/* The `nth` name under which the matrix may be: its own, its substitute's, those of the stacks of experts. */
static const char *nth_name(const struct expected *expected, size_t nth, char fused[FUSED_NAME])
{
    if (nth < 2)
        return !nth ? expected->name : expected->substitute ? expected->substitute : "";
    return expected->expert >= 0 && name_fused(expected->name, nth - 2, fused, FUSED_NAME) ? fused : NULL;
}

static uint64_t parts_of(const struct quantised *quantised, const struct expected *expected)
{
    char fused[FUSED_NAME];
    uint64_t parts = 0;
    const char *name;
    for (size_t i = 0; (name = nth_name(expected, i, fused)); i++)
        parts |= stem_at(quantised, name) ? stem_at(quantised, name)->parts : 0;
    return parts;
}

/* Packed values, and something that tells that they are: a part that only quantisers write, or the configuration. */
static bool is_quantised(const struct quantised *quantised, uint64_t parts)
{
    return parts & value_bits() && (quantised->bare || quantised->said->document || parts & ~PART_BIT(PART_WEIGHT));
}

bool quantised_holds(const struct quantised *quantised, const struct expected *expected)
{
    return quantised->matrices && expected->rank == 2 && is_quantised(quantised, parts_of(quantised, expected));
}

bool quantised_part(const struct quantised *quantised, const struct tensor *tensor)
{
    size_t length, found = MAP_ABSENT;
    if (quantised->matrices && part_of(tensor->name, tensor->dtype, &length) < PARTS)
        found = map_find(&quantised->stems, tensor->name, length);
    return found != MAP_ABSENT && quantised->found[found].held;
}

/* --- counting --- */

struct counting {
    struct quantised *quantised;
    size_t matrices, packed; /* that are called for; of them under their own name, in a packed type */
};

static bool count_bare(void *context, const struct expected *expected)
{
    struct counting *counting = context;
    counting->matrices += expected->rank == 2;
    counting->packed += expected->rank == 2 && parts_of(counting->quantised, expected) & PART_BIT(PART_WEIGHT);
    return true;
}

/* One matrix that is there, packed. */
static void count(struct quantised *quantised, uint64_t parts, enum dtype dtype)
{
    quantised->matrices++;
    quantised->all |= parts;
    quantised->dtype = parts & PART_BIT(PART_WEIGHT) ? dtype : quantised->dtype;
}

static bool count_expected(void *context, const struct expected *expected)
{
    struct quantised *quantised = context;
    uint64_t parts = parts_of(quantised, expected);
    char fused[FUSED_NAME];
    const char *name;
    if (expected->rank != 2 || !is_quantised(quantised, parts))
        return true;
    for (size_t i = 0; (name = nth_name(expected, i, fused)); i++)
        if (stem_at(quantised, name))
            stem_at(quantised, name)->held = true;
    const struct quantised_stem *own = stem_at(quantised, expected->name);
    double bits = own ? 8 * (double)own->bytes / ((double)expected->shape[0] * (double)expected->shape[1]) : 0;
    if (bits > 0 && (bits < quantised->bits || !(quantised->bits > 0)))
        quantised->bits = bits; /* the fewest: rows that end within a word are filled up */
    count(quantised, parts, own ? own->dtype : DTYPE_COUNT);
    return true;
}

static void count_stems(struct quantised *quantised)
{
    for (size_t i = 0; i < quantised->count; i++) {
        struct quantised_stem *stem = &quantised->found[i];
        if (!is_quantised(quantised, stem->parts))
            continue;
        stem->held = true;
        count(quantised, stem->parts, stem->dtype);
    }
}

void quantised_count(struct quantised *quantised, const struct model_config *config)
{
    struct counting counting = {.quantised = quantised};
    quantised->said = &config->quantisation;
    quantised->dtype = DTYPE_COUNT;
    if (!quantised->count)
        return;
    weights_each(config, count_bare, &counting);
    quantised->bare = 2 * counting.packed > counting.matrices;
    if (config->family)
        weights_each(config, count_expected, quantised);
    else
        count_stems(quantised);
}

bool quantised_take(const struct store *store, const struct model_config *config, struct quantised *quantised)
{
    *quantised = (struct quantised){0};
    for (size_t i = 0; i < store_text_count(store); i++) {
        const struct tensor *tensor = store_at(store, i);
        if (!quantised_add(quantised, tensor->name, tensor->dtype, tensor->bytes))
            return false;
        quantised->computed += tensor_storage(tensor) != NULL;
        quantised->storage = tensor_storage(tensor) ? tensor_storage(tensor) : quantised->storage;
    }
    quantised_count(quantised, config);
    return true;
}

void quantised_free(struct quantised *quantised)
{
    map_free(&quantised->stems);
    free(quantised->found);
    *quantised = (struct quantised){0};
}

/* --- telling --- */

#define PARTS_TOLD 4

static void parts_text(const struct quantised *quantised, struct buffer *out)
{
    const char *comma = "";
    for (size_t i = 0, told = 0; i < PARTS && told < PARTS_TOLD; i++) {
        if (!(quantised->all & PART_BIT(i)))
            continue;
        buffer_format(out, "%s%s", comma, part_rows[i].ending + 1);
        if (i == PART_WEIGHT && quantised->dtype < DTYPE_COUNT)
            buffer_format(out, " of %s", dtype_name(quantised->dtype));
        comma = ", ";
        told++;
    }
}

/* What the parts tell where the configuration says nothing. */
static void method_text(const struct quantised *quantised, struct buffer *out)
{
    const char *method = NULL;
    for (size_t i = 0; i < PARTS && !method; i++)
        if (quantised->all & PART_BIT(i))
            method = part_rows[i].method;
    buffer_text(out, "quantised");
    if (method)
        buffer_format(out, " as by %s", method);
    double bits = round(quantised->bits);
    if (bits >= 1 && bits <= 8 && fabs(quantised->bits - bits) < 0.05)
        buffer_format(out, ", %g bit%s", bits, bits > 1 ? "s" : "");
    buffer_text(out, " (by names, types and sizes; the configuration does not say)");
}

void quantised_text(const struct quantised *quantised, struct buffer *out)
{
    bool one = quantised->matrices == 1;
    if (!quantised->matrices)
        return;
    buffer_text(out, "the model is ");
    if (quantised->said->document)
        quantisation_text(quantised->said, out);
    else
        method_text(quantised, out);
    buffer_format(out, ": %zu %s there as ", quantised->matrices, one ? "matrix is" : "matrices are");
    parts_text(quantised, out);
    buffer_text(out, ", which assay does not compute with: dequantise it, or check the original");
}
