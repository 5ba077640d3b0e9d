/* Numbers of four bits, E2M1, two in a byte and the first in the lower half, with a scale for each group in a row.
 *
 * mxfp4 is gpt_oss's: transformers' _convert_moe_packed_tensors; groups of 32, scales that are powers of two, in
 * bfloat16. nvfp4 is ModelOpt's NVFP4QTensor.dequantize: groups of 16 with scales in E4M3, times one for the matrix, in
 * float32. Those of compressed-tensors (NVFP4PackedCompressor, MXFP4PackedCompressor) are packed alike; its scale of
 * the matrix divides, and the result is in bfloat16. */
#include <math.h>
#include <stdlib.h>

#include "store/storage.h"
#include "values/values.h"

enum { VALUES, SCALES, WHOLE };

static const float numbers[16] = {0.0f,  0.5f,  1.0f,  1.5f,  2.0f,  3.0f,  4.0f,  6.0f,
                                  -0.0f, -0.5f, -1.0f, -1.5f, -2.0f, -3.0f, -4.0f, -6.0f};

static const enum dtype words[] = {DTYPE_U32, DTYPE_COUNT};
static const enum dtype bytes[] = {DTYPE_U8, DTYPE_COUNT};
static const enum dtype powers[] = {DTYPE_U8, DTYPE_F8_E8M0, DTYPE_COUNT};
static const enum dtype e4m3[] = {DTYPE_F8_E4M3, DTYPE_COUNT};
static const enum dtype single[] = {DTYPE_F32, DTYPE_COUNT};

/* `axes` of the values are a row of the matrix. */
static bool fp4_plan(struct assembly *assembly, int axes, uint64_t group, const enum dtype *types, struct error *error)
{
    const struct tensor *values = assembly->parts[VALUES];
    unsigned each = dtype_bits(values->dtype) / 4;
    if (!part_fold(assembly, VALUES, axes, error) ||
        !part_rows(assembly, VALUES, axes, values->columns <= UINT64_MAX / 8 ? values->columns * each : 0, error) ||
        !part_typed(assembly, SCALES, types, error))
        return false;
    if (assembly->columns % group != 0)
        return part_refuse(assembly, VALUES, error, "has rows of %llu values, which are not groups of %llu",
                           (unsigned long long)assembly->columns, (unsigned long long)group);
    assembly->group[1] = group;
    assembly->grid[1] = assembly->columns / group;
    assembly->bits = 4;
    assembly->factor = 1;
    assembly->dtype = DTYPE_BF16;
    return part_shaped(assembly, SCALES, assembly->rows, assembly->grid[1], error);
}

/* The scale of the whole matrix, or of each expert's. */
static bool whole_plan(struct assembly *assembly, struct error *error)
{
    return part_typed(assembly, WHOLE, single, error) &&
           part_shaped(assembly, WHOLE, assembly->experts ? assembly->experts : 1, 1, error);
}

/* It adds exponents, so that a half of 2^128 is finite. */
static bool mxfp4_plan(struct assembly *assembly, const struct quantisation *said, struct error *error)
{
    bool good = fp4_plan(assembly, 2, 32, powers, error);
    (void)said;
    assembly->factor = 2;
    return good;
}

static bool mxfp4_packed_plan(struct assembly *assembly, const struct quantisation *said, struct error *error)
{
    (void)said;
    return fp4_plan(assembly, 1, 32, powers, error);
}

/* MLX has no scale of the matrix, and scales in E4M3 as bytes. */
static bool mlx_nvfp4_plan(struct assembly *assembly, const struct quantisation *said, struct error *error)
{
    bool good = fp4_plan(assembly, 1, 16, bytes, error);
    (void)said;
    assembly->parts[SCALES]->dtype = DTYPE_F8_E4M3;
    return good;
}

static bool nvfp4_packed_plan(struct assembly *assembly, const struct quantisation *said, struct error *error)
{
    (void)said;
    return fp4_plan(assembly, 1, 16, e4m3, error) && whole_plan(assembly, error);
}

static bool nvfp4_plan(struct assembly *assembly, const struct quantisation *said, struct error *error)
{
    bool good = nvfp4_packed_plan(assembly, said, error);
    assembly->dtype = DTYPE_F32;
    assembly->offset = true; /* its table has no negative zero */
    return good;
}

/* scales[count, groups] as float32, those that are powers of two by the factor that the numbers are multiplied by. */
static float *scales_take(const struct assembly *assembly, uint64_t first, uint64_t count, struct error *error)
{
    size_t all = (size_t)(count * assembly->grid[1]);
    if (assembly->parts[SCALES]->dtype == DTYPE_F8_E4M3)
        return part_floats(assembly, SCALES, first, count, error);
    unsigned char *raw = part_take(assembly, SCALES, first, count, error);
    float *scales = raw ? malloc(all * sizeof *scales + 1) : NULL;
    if (raw && !scales)
        error_memory(error, assembly->parts[SCALES]->disk_name);
    for (size_t i = 0; scales && i < all; i++)
        scales[i] = ldexpf(1 / (float)assembly->factor, raw[i] - 127);
    free(raw);
    return scales;
}

/* Takes the scale of the matrix that a row is of into the row's. */
static bool scales_whole(const struct assembly *assembly, bool divides, uint64_t first, uint64_t count, float *scales,
                         struct error *error)
{
    if (!assembly->parts[WHOLE])
        return true;
    float *whole = part_floats(assembly, WHOLE, 0, assembly->parts[WHOLE]->rows, error);
    uint64_t each = assembly->rows / assembly->parts[WHOLE]->rows, groups = assembly->grid[1];
    for (uint64_t i = 0; whole && i < count * groups; i++) {
        float by = whole[(first + i / groups) / each];
        scales[i] = divides ? scales[i] / by : scales[i] * by;
    }
    free(whole);
    return whole;
}

static bool fp4_widen(const struct assembly *assembly, bool divides, uint64_t first, uint64_t count, float *out,
                      struct error *error)
{
    size_t columns = (size_t)assembly->columns, group = (size_t)assembly->group[1], groups = (size_t)assembly->grid[1];
    float *scales = scales_take(assembly, first, count, error), factor = (float)assembly->factor;
    float zero = assembly->offset ? 0.0f : -0.0f; /* added to -0 the one makes 0, the other leaves it */
    uint8_t *packed = scales && scales_whole(assembly, divides, first, count, scales, error)
                          ? part_take(assembly, VALUES, first, count, error)
                          : NULL;
    for (size_t row = 0; packed && row < count; row++) {
        float *to = out + row * columns;
        const uint8_t *from = packed + row * columns / 2;
        for (size_t i = 0; i < columns; i++)
            to[i] = factor * (numbers[from[i / 2] >> i % 2 * 4 & 15] + zero) * scales[row * groups + i / group];
        if (assembly->dtype != DTYPE_F32)
            round_values(assembly->dtype, to, to, columns);
    }
    free(scales);
    free(packed);
    return packed;
}

static bool multiplied_widen(const struct assembly *assembly, uint64_t first, uint64_t count, float *out,
                             struct error *error)
{
    return fp4_widen(assembly, false, first, count, out, error);
}

static bool divided_widen(const struct assembly *assembly, uint64_t first, uint64_t count, float *out,
                          struct error *error)
{
    return fp4_widen(assembly, true, first, count, out, error);
}

const struct storage storage_mxfp4 = {
    .name = "mxfp4",
    .methods = " mxfp4 ",
    .behind = "",
    .values = bytes,
    .parts = {{"_blocks", PART_NEEDED}, {"_scales", PART_NEEDED}},
    .plan = mxfp4_plan,
    .widen = multiplied_widen,
};

const struct storage storage_mlx_mxfp4 = {
    .name = "mlx mxfp4",
    .methods = " mlx ",
    .behind = ".weight",
    .values = words,
    .parts = {{".weight", PART_NEEDED}, {".scales", PART_NEEDED, bytes}},
    .plan = mxfp4_packed_plan,
    .widen = multiplied_widen,
};

const struct storage storage_mlx_nvfp4 = {
    .name = "mlx nvfp4",
    .methods = " mlx ",
    .behind = ".weight",
    .values = words,
    .parts = {{".weight", PART_NEEDED}, {".scales", PART_NEEDED, bytes}},
    .plan = mlx_nvfp4_plan,
    .widen = multiplied_widen,
};

const struct storage storage_nvfp4 = {
    .name = "nvfp4",
    .methods = " modelopt nvfp4 ",
    .behind = ".weight",
    .values = bytes,
    .parts = {{".weight", PART_NEEDED},
              {".weight_scale", PART_NEEDED},
              {".weight_scale_2", PART_NEEDED},
              {".input_scale", PART_IDLE},
              {".k_scale", PART_IDLE},
              {".v_scale", PART_IDLE}},
    .plan = nvfp4_plan,
    .widen = multiplied_widen,
};

const struct storage storage_nvfp4_packed = {
    .name = "nvfp4 of compressed-tensors",
    .methods = " compressed-tensors ",
    .behind = ".weight",
    .values = bytes,
    .parts = {{".weight_packed", PART_NEEDED},
              {".weight_scale", PART_NEEDED},
              {".weight_global_scale", PART_NEEDED},
              {".input_global_scale", PART_IDLE},
              {".input_scale", PART_IDLE}},
    .plan = nvfp4_packed_plan,
    .widen = divided_widen,
};

const struct storage storage_mxfp4_packed = {
    .name = "mxfp4 of compressed-tensors",
    .methods = " compressed-tensors ",
    .behind = ".weight",
    .values = bytes,
    .parts = {{".weight_packed", PART_NEEDED}, {".weight_scale", PART_NEEDED}},
    .plan = mxfp4_packed_plan,
    .widen = multiplied_widen,
};
