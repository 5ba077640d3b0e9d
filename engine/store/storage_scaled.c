/* Numbers of 8 bits, each of them a value of the matrix once it is multiplied by a scale: one for the matrix, for a
 * row, or for a block.
 *
 * With weight_scale_inv as DeepSeek names it; transformers' Fp8Dequantize multiplies in float32. With weight_scale as
 * compressed-tensors, ModelOpt, FBGEMM and Quark name it; compressed-tensors' _dequantize computes in the scale's
 * dtype, so that each step rounds to that. A scale in E8M0, or in U8, is a power of two. */
#include <stdlib.h>

#include "store/storage.h"
#include "values/values.h"

#define BLOCK 128 /* rows and columns of a block where nothing says otherwise */

enum { VALUES, SCALES, ZEROS };

static const enum dtype fp8_values[] = {DTYPE_F8_E4M3, DTYPE_F8_E5M2, DTYPE_COUNT};
static const enum dtype scaled_values[] = {DTYPE_F8_E4M3, DTYPE_F8_E5M2, DTYPE_I8, DTYPE_COUNT};
static const enum dtype scale_types[] = {DTYPE_F32, DTYPE_F16, DTYPE_BF16, DTYPE_F8_E8M0, DTYPE_U8, DTYPE_COUNT};
static const enum dtype zero_types[] = {DTYPE_I8, DTYPE_F8_E4M3, DTYPE_F8_E5M2, DTYPE_COUNT};

static uint64_t divided_up(uint64_t length, uint64_t by)
{
    return length / by + (length % by != 0);
}

/* How many scales one matrix has, down and across: as many as the last two axes of the tensor say, or one for each row,
 * or one. */
static bool grid_take(struct assembly *assembly, struct error *error)
{
    const struct tensor *values = assembly->parts[VALUES], *scales = assembly->parts[SCALES];
    char text[TENSOR_SHAPE_TEXT];
    uint64_t experts = assembly->experts ? assembly->experts : 1, rows = assembly->rows / experts;
    if (!part_fold(assembly, SCALES, 1, error))
        return false;
    uint64_t count = scales->rows * scales->columns;
    bool one = count == experts, line = scales->rank == 1 && !assembly->experts && count == rows;
    bool stack = scales->rank == values->rank && (!assembly->experts || scales->shape[0] == experts);
    if (!one && !line && !stack)
        return part_refuse(assembly, SCALES, error, "has shape %s, which are no scales of %llu rows and %llu columns",
                           shape_text(scales->shape, scales->rank, text), (unsigned long long)rows,
                           (unsigned long long)assembly->columns);
    assembly->grid[0] = one ? 1 : line ? rows : scales->shape[scales->rank - 2];
    assembly->grid[1] = one || line ? 1 : scales->shape[scales->rank - 1];
    return true;
}

static bool grid_fits(struct assembly *assembly, uint64_t rows, uint64_t down, uint64_t across)
{
    if (!down || !across || divided_up(rows, down) != assembly->grid[0] ||
        divided_up(assembly->columns, across) != assembly->grid[1])
        return false;
    assembly->group[0] = down;
    assembly->group[1] = across;
    return true;
}

/* Blocks as the configuration says, where there are as many; else of one size, or of 128 and what is left. */
static bool blocks_take(struct assembly *assembly, const struct quantisation *said, struct error *error)
{
    uint64_t rows = assembly->rows / (assembly->experts ? assembly->experts : 1), columns = assembly->columns;
    const uint64_t *grid = assembly->grid;
    if (grid_fits(assembly, rows, said->block[0] > 0 ? (uint64_t)said->block[0] : 0,
                  said->block[1] > 0 ? (uint64_t)said->block[1] : 0) ||
        (rows % grid[0] == 0 && columns % grid[1] == 0 &&
         grid_fits(assembly, rows, rows / grid[0], columns / grid[1])) ||
        grid_fits(assembly, rows, BLOCK, BLOCK))
        return true;
    return part_refuse(assembly, SCALES, error,
                       "has %llu x %llu scales, which do not divide %llu rows and %llu columns",
                       (unsigned long long)grid[0], (unsigned long long)grid[1], (unsigned long long)rows,
                       (unsigned long long)columns);
}

static bool scaled_plan(struct assembly *assembly, const struct quantisation *said, struct error *error)
{
    const struct tensor *values = assembly->parts[VALUES];
    if (!part_typed(assembly, SCALES, scale_types, error) || !part_fold(assembly, VALUES, 1, error) ||
        !part_rows(assembly, VALUES, 1, values->columns, error))
        return false;
    if (!grid_take(assembly, error) || !blocks_take(assembly, said, error))
        return false;
    const struct tensor *scales = assembly->parts[SCALES];
    assembly->dtype = dtype_width(scales->dtype) ? scales->dtype : DTYPE_F32;
    uint64_t rows = scales->rows * scales->columns / assembly->grid[1];
    return part_shaped(assembly, SCALES, rows, assembly->grid[1], error) &&
           (!assembly->parts[ZEROS] || (part_typed(assembly, ZEROS, zero_types, error) &&
                                        part_shaped(assembly, ZEROS, rows, assembly->grid[1], error)));
}

static bool fp8_plan(struct assembly *assembly, const struct quantisation *said, struct error *error)
{
    bool good = scaled_plan(assembly, said, error);
    assembly->dtype = DTYPE_F32;
    return good;
}

/* As floats, whatever they are stored as. */
static float *numbers_take(const struct assembly *assembly, size_t part, uint64_t first, uint64_t count,
                           struct error *error)
{
    const struct tensor *tensor = assembly->parts[part];
    if (dtype_computes(tensor->dtype))
        return part_floats(assembly, part, first, count, error);
    size_t values = (size_t)(count * tensor->columns);
    unsigned char *raw = part_take(assembly, part, first, count, error);
    float *wide = raw ? malloc(values * sizeof *wide + 1) : NULL;
    if (raw && !wide)
        error_memory(error, tensor->disk_name);
    for (size_t i = 0; wide && i < values; i++)
        wide[i] = (float)(int8_t)raw[i];
    if (wide && tensor->dtype == DTYPE_U8)
        widen(DTYPE_F8_E8M0, raw, wide, values);
    free(raw);
    return wide;
}

/* The row of scales that a row of the matrices has, which lie one below the other. */
static uint64_t scale_row(const struct assembly *assembly, uint64_t row)
{
    uint64_t rows = assembly->rows / (assembly->experts ? assembly->experts : 1);
    return row / rows * assembly->grid[0] + row % rows / assembly->group[0];
}

/* out[i] = (out[i] - zero) * scale, both of its block, each step in `dtype`. */
static void scale_row_values(const struct assembly *assembly, const float *scales, const float *zeros, float *out)
{
    enum dtype dtype = assembly->dtype;
    uint64_t columns = assembly->columns, wide = assembly->group[1];
    for (uint64_t at = 0; at < columns; at += wide) {
        size_t count = (size_t)(columns - at < wide ? columns - at : wide);
        float scale = scales[at / wide], *to = out + at;
        for (size_t i = 0; zeros && i < count; i++)
            to[i] -= zeros[at / wide];
        if (zeros && dtype != DTYPE_F32)
            round_values(dtype, to, to, count);
        for (size_t i = 0; i < count; i++)
            to[i] *= scale;
    }
    if (dtype != DTYPE_F32)
        round_values(dtype, out, out, (size_t)columns);
}

static bool scaled_widen(const struct assembly *assembly, uint64_t first, uint64_t count, float *out,
                         struct error *error)
{
    uint64_t begin = scale_row(assembly, first), end = scale_row(assembly, first + count - 1) + 1;
    bool shifted = assembly->parts[ZEROS];
    float *values = numbers_take(assembly, VALUES, first, count, error);
    float *scales = values ? numbers_take(assembly, SCALES, begin, end - begin, error) : NULL;
    float *zeros = scales && shifted ? numbers_take(assembly, ZEROS, begin, end - begin, error) : NULL;
    bool good = scales && (zeros || !shifted);
    for (uint64_t row = 0; good && row < count; row++) {
        size_t at = (size_t)((scale_row(assembly, first + row) - begin) * assembly->grid[1]);
        float *to = out + row * assembly->columns;
        for (uint64_t i = 0; i < assembly->columns; i++)
            to[i] = values[row * assembly->columns + i];
        scale_row_values(assembly, scales + at, zeros ? zeros + at : NULL, to);
    }
    free(values);
    free(scales);
    free(zeros);
    return good;
}

const struct storage storage_fp8 = {
    .name = "fp8",
    .methods = " fp8 ",
    .behind = ".weight",
    .values = fp8_values,
    .rounding = 5e-2,
    .parts = {{".weight", PART_NEEDED},
              {".weight_scale_inv", PART_NEEDED},
              {".weight_zero_point", PART_ALIKE},
              {".input_scale", PART_IDLE},
              {".activation_scale", PART_IDLE}},
    .plan = fp8_plan,
    .widen = scaled_widen,
};

const struct storage storage_scaled = {
    .name = "values of 8 bits with a scale",
    .methods = " compressed-tensors modelopt fbgemm_fp8 quark ",
    .behind = ".weight",
    .values = scaled_values,
    .rounding = 5e-2,
    .parts = {{".weight", PART_NEEDED},
              {".weight_scale", PART_NEEDED},
              {".weight_zero_point", PART_ALIKE},
              {".input_scale", PART_IDLE},
              {".input_zero_point", PART_IDLE},
              {".output_scale", PART_IDLE},
              {".k_scale", PART_IDLE},
              {".v_scale", PART_IDLE}},
    .plan = scaled_plan,
    .widen = scaled_widen,
};
