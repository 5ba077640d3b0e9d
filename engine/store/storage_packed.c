/* Integers of 1 to 8 bits that follow each other in a row's words of 32, without gaps; half their range is subtracted,
 * and a zero of as many bits, which is packed down the rows. compressed-tensors, pack-quantized: unpack_from_int32 and
 * _dequantize, each step in the scales' dtype. */
#include <stdlib.h>
#include <string.h>

#include "store/storage.h"
#include "values/values.h"

enum { VALUES, SCALES, SHAPE, ZEROS };

#define WORD 32

static const enum dtype words[] = {DTYPE_I32, DTYPE_COUNT};
static const enum dtype wholes[] = {DTYPE_I64, DTYPE_I32, DTYPE_COUNT};

static uint64_t words_of(uint64_t numbers, unsigned bits)
{
    return numbers > UINT64_MAX / WORD ? 0 : (numbers * bits + WORD - 1) / WORD;
}

/* The shape that the tensor of the shape holds. */
static bool shape_take(struct assembly *assembly, struct error *error)
{
    const struct tensor *tensor = assembly->parts[SHAPE];
    int64_t shape[2] = {0};
    if (!part_typed(assembly, SHAPE, wholes, error) || !part_shaped(assembly, SHAPE, 1, 2, error))
        return false;
    void *raw = part_take(assembly, SHAPE, 0, 1, error);
    for (int i = 0; raw && i < 2; i++) {
        int32_t narrow_one;
        if (tensor->dtype == DTYPE_I64)
            memcpy(&shape[i], (char *)raw + 8 * i, 8);
        memcpy(&narrow_one, (char *)raw + 4 * i, 4);
        shape[i] = tensor->dtype == DTYPE_I64 ? shape[i] : narrow_one;
    }
    free(raw);
    if (raw && (shape[0] < 1 || shape[1] < 1 || (uint64_t)shape[0] != assembly->parts[VALUES]->rows))
        return part_refuse(assembly, SHAPE, error, "says [%lld, %lld], where %llu rows are packed", (long long)shape[0],
                           (long long)shape[1], (unsigned long long)assembly->parts[VALUES]->rows);
    assembly->rows = (uint64_t)shape[0];
    assembly->columns = (uint64_t)shape[1];
    return raw;
}

/* As many as the configuration says, or those that alone fill the words. */
static bool bits_take(struct assembly *assembly, const struct quantisation *said, struct error *error)
{
    uint64_t across = assembly->parts[VALUES]->columns;
    unsigned fitting = 0;
    if (said->bits > 0 && said->bits <= 8 && words_of(assembly->columns, (unsigned)said->bits) == across)
        fitting = (unsigned)said->bits;
    for (unsigned bits = 8, found = 0; bits >= 1 && !fitting; bits--) {
        if (words_of(assembly->columns, bits) != across)
            continue;
        if (found)
            break;
        found = bits;
        fitting = bits > 1 && words_of(assembly->columns, bits - 1) == across ? 0 : bits;
    }
    assembly->bits = fitting;
    return fitting || part_refuse(assembly, VALUES, error,
                                  "has %llu words in a row for %llu values, which are of no number of bits",
                                  (unsigned long long)across, (unsigned long long)assembly->columns);
}

static bool packed_plan(struct assembly *assembly, const struct quantisation *said, struct error *error)
{
    const struct tensor *scales = assembly->parts[SCALES];
    if (assembly->parts[VALUES]->rank != 2)
        return part_refuse(assembly, VALUES, error, "is no matrix");
    if (!part_fold(assembly, VALUES, 1, error) || !shape_take(assembly, error) || !bits_take(assembly, said, error) ||
        !part_typed(assembly, SCALES, storage_floats, error) || !part_fold(assembly, SCALES, 1, error))
        return false;
    uint64_t columns = assembly->columns, size = said->group > 0 ? (uint64_t)said->group : 0;
    bool one = scales->rows * scales->columns == 1;
    if (!one && scales->rank == 1 && !part_shaped(assembly, SCALES, assembly->rows, 1, error))
        return false;
    uint64_t groups = scales->columns;
    size = columns % groups == 0 ? columns / groups : size && columns / size + 1 == groups ? size : 0;
    if (!size || (!one && scales->rows != assembly->rows))
        return part_refuse(assembly, SCALES, error, "has %llu x %llu scales for %llu rows and %llu columns",
                           (unsigned long long)scales->rows, (unsigned long long)groups,
                           (unsigned long long)assembly->rows, (unsigned long long)columns);
    assembly->group[1] = size;
    assembly->grid[0] = scales->rows;
    assembly->grid[1] = groups;
    assembly->dtype = scales->dtype;
    if (!assembly->parts[ZEROS])
        return true;
    if (!part_typed(assembly, ZEROS, words, error) ||
        !part_shaped(assembly, ZEROS, words_of(assembly->rows, assembly->bits), groups, error))
        return false;
    part_turn(assembly, ZEROS); /* [groups, words] */
    return true;
}

/* zeros[count, groups], half the range subtracted. */
static int *zeros_take(const struct assembly *assembly, uint64_t first, uint64_t count, struct error *error)
{
    size_t groups = (size_t)assembly->grid[1], across = (size_t)assembly->parts[ZEROS]->columns;
    int half = 1 << (assembly->bits - 1);
    char *packed = part_take(assembly, ZEROS, 0, groups, error);
    int *zeros = packed ? malloc((size_t)count * groups * sizeof *zeros + 1) : NULL;
    uint8_t *numbers = zeros ? malloc((size_t)count + 1) : NULL;
    for (size_t group = 0; numbers && group < groups; group++) {
        unpack(packed + group * across * sizeof(uint32_t), assembly->bits, (size_t)first, (size_t)count, numbers);
        for (size_t row = 0; row < count; row++)
            zeros[row * groups + group] = numbers[row] - half;
    }
    if (packed && !numbers) {
        error_memory(error, assembly->parts[ZEROS]->disk_name);
        free(zeros);
        zeros = NULL;
    }
    free(packed);
    free(numbers);
    return zeros;
}

/* out[i] = (number[i] - half - zero) * scale; both differences are exact in any of the types. */
static void packed_make(const struct assembly *assembly, const uint8_t *values, const float *scales, const int *zeros,
                        float *out)
{
    size_t columns = (size_t)assembly->columns, size = (size_t)assembly->group[1];
    int half = 1 << (assembly->bits - 1);
    for (size_t i = 0; i < columns; i++)
        out[i] = (float)(values[i] - half - (zeros ? zeros[i / size] : 0)) * scales[i / size];
    if (assembly->dtype != DTYPE_F32)
        round_values(assembly->dtype, out, out, columns);
}

static bool packed_widen(const struct assembly *assembly, uint64_t first, uint64_t count, float *out,
                         struct error *error)
{
    size_t columns = (size_t)assembly->columns, groups = (size_t)assembly->grid[1];
    size_t across = (size_t)assembly->parts[VALUES]->columns * sizeof(uint32_t);
    bool one = assembly->grid[0] == 1, shifted = assembly->parts[ZEROS];
    char *packed = part_take(assembly, VALUES, first, count, error);
    float *scales = packed ? part_floats(assembly, SCALES, one ? 0 : first, one ? 1 : count, error) : NULL;
    int *zeros = scales && shifted ? zeros_take(assembly, first, count, error) : NULL;
    uint8_t *values = scales && (zeros || !shifted) ? malloc(columns + 1) : NULL;
    if (scales && (zeros || !shifted) && !values)
        error_memory(error, assembly->parts[VALUES]->disk_name);
    for (size_t row = 0; values && row < count; row++) {
        unpack(packed + row * across, assembly->bits, 0, columns, values);
        packed_make(assembly, values, scales + (one ? 0 : row * groups), zeros ? zeros + row * groups : NULL,
                    out + row * columns);
    }
    bool good = values;
    free(packed);
    free(scales);
    free(zeros);
    free(values);
    return good;
}

const struct storage storage_packed = {
    .name = "packed integers",
    .methods = " compressed-tensors ",
    .behind = ".weight",
    .values = words,
    .parts = {{".weight_packed", PART_NEEDED},
              {".weight_scale", PART_NEEDED},
              {".weight_shape", PART_NEEDED},
              {".weight_zero_point", PART_ALIKE},
              {".input_global_scale", PART_IDLE},
              {".input_scale", PART_IDLE}},
    .plan = packed_plan,
    .widen = packed_widen,
};
