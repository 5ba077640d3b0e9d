/* MLX, affine: numbers of 2 to 8 bits that follow each other in a row's words without gaps, number * scale + bias of
 * its group, each step rounded to the scales' dtype (mx.dequantize). How many bits they have follows from the size of
 * the groups, which the configuration tells, of some modules by themselves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/numbers.h"
#include "store/storage.h"
#include "values/values.h"

enum { VALUES, SCALES, BIASES };

#define WORD 32
#define SIZE 64 /* of groups where nothing tells it */

static const enum dtype words[] = {DTYPE_U32, DTYPE_I32, DTYPE_COUNT};

/* Do groups of that size fit? */
static bool size_fits(struct assembly *assembly, uint64_t size, uint64_t groups, uint64_t across)
{
    uint64_t columns = 0, bits;
    if (!size || !multiply_u64(size, groups, &columns) || across * WORD % columns != 0)
        return false;
    bits = across * WORD / columns;
    if (bits < 2 || bits > 8 || bits == 7)
        return false;
    assembly->bits = (unsigned)bits;
    assembly->group[1] = size;
    assembly->columns = columns;
    return true;
}

/* What the configuration says of this module, else of all; 0: nothing. */
static uint64_t size_said(const struct assembly *assembly, const struct quantisation *said)
{
    char module[TENSOR_NAME_MAX];
    uint64_t size = 0;
    const char *name = assembly->parts[VALUES]->disk_name;
    size_t stem = strlen(name) - strlen(assembly->storage->parts[VALUES].ending);
    snprintf(module, sizeof module, "%.*s", (int)stem, name);
    const cJSON *own = json_member(said->modules, module);
    if (json_uint64(json_member(own, "group_size"), &size) && size)
        return size;
    return said->group > 0 ? (uint64_t)said->group : 0;
}

static bool mlx_plan(struct assembly *assembly, const struct quantisation *said, struct error *error)
{
    const struct tensor *values = assembly->parts[VALUES], *scales = assembly->parts[SCALES];
    if (!part_fold(assembly, VALUES, 1, error) || !part_typed(assembly, SCALES, storage_floats, error) ||
        !part_fold(assembly, SCALES, 1, error))
        return false;
    uint64_t groups = scales->columns, across = values->columns, size = size_said(assembly, said);
    if (across > UINT64_MAX / WORD || !size_fits(assembly, size ? size : SIZE, groups, across))
        return part_refuse(
            assembly, SCALES, error,
            "has %llu scales in a row for %llu words, and the configuration tells no size of groups that "
            "fits them",
            (unsigned long long)groups, (unsigned long long)across);
    assembly->grid[1] = groups;
    assembly->dtype = scales->dtype;
    const enum dtype alike[] = {scales->dtype, DTYPE_COUNT};
    return part_rows(assembly, VALUES, 1, assembly->columns, error) &&
           part_shaped(assembly, SCALES, assembly->rows, groups, error) && part_typed(assembly, BIASES, alike, error) &&
           part_shaped(assembly, BIASES, assembly->rows, groups, error);
}

static bool mlx_widen(const struct assembly *assembly, uint64_t first, uint64_t count, float *out, struct error *error)
{
    size_t columns = (size_t)assembly->columns, size = (size_t)assembly->group[1], groups = (size_t)assembly->grid[1];
    size_t across = (size_t)assembly->parts[VALUES]->columns * sizeof(uint32_t);
    char *packed = part_take(assembly, VALUES, first, count, error);
    float *scales = packed ? part_floats(assembly, SCALES, first, count, error) : NULL;
    float *biases = scales ? part_floats(assembly, BIASES, first, count, error) : NULL;
    uint8_t *numbers = biases ? malloc(columns + 1) : NULL;
    if (biases && !numbers)
        error_memory(error, assembly->parts[VALUES]->disk_name);
    for (size_t row = 0; numbers && row < count; row++) {
        float *to = out + row * columns;
        unpack(packed + row * across, assembly->bits, 0, columns, numbers);
        for (size_t i = 0; i < columns; i++)
            to[i] = (float)numbers[i] * scales[row * groups + i / size];
        if (assembly->dtype != DTYPE_F32)
            round_values(assembly->dtype, to, to, columns);
        for (size_t i = 0; i < columns; i++)
            to[i] += biases[row * groups + i / size];
        if (assembly->dtype != DTYPE_F32)
            round_values(assembly->dtype, to, to, columns);
    }
    bool good = numbers;
    free(packed);
    free(scales);
    free(biases);
    free(numbers);
    return good;
}

const struct storage storage_mlx = {
    .name = "mlx",
    .methods = " mlx ",
    .behind = ".weight",
    .values = words,
    .parts = {{".weight", PART_NEEDED}, {".scales", PART_NEEDED, storage_floats}, {".biases", PART_NEEDED}},
    .plan = mlx_plan,
    .widen = mlx_widen,
};
