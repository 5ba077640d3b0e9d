/* The parts of an assembly: what they must be, and their rows. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/numbers.h"
#include "store/storage.h"
#include "values/values.h"

const enum dtype storage_floats[] = {DTYPE_F32, DTYPE_F16, DTYPE_BF16, DTYPE_COUNT};

bool part_refuse(const struct assembly *assembly, size_t part, struct error *error, const char *format, ...)
{
    const struct tensor *tensor = assembly->parts[part];
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        return error_memory(error, tensor->disk_name);
    error_set(error, "tensor '%s' in %s %s", tensor->disk_name, tensor->file, text);
    free(text);
    return false;
}

bool part_typed(const struct assembly *assembly, size_t part, const enum dtype *dtypes, struct error *error)
{
    for (const enum dtype *dtype = dtypes; *dtype != DTYPE_COUNT; dtype++)
        if (*dtype == assembly->parts[part]->dtype)
            return true;
    return part_refuse(assembly, part, error, "has dtype %s, which is none of %s",
                       dtype_name(assembly->parts[part]->dtype), assembly->storage->name);
}

/* Whole bytes are checked by the types that a part may have. */
static void part_set(struct tensor *tensor, uint64_t rows, uint64_t columns)
{
    tensor->rows = rows;
    tensor->columns = columns;
    tensor->stride = dtype_row_bytes(tensor->dtype, (size_t)columns);
}

bool part_fold(struct assembly *assembly, size_t part, int axes, struct error *error)
{
    struct tensor *tensor = assembly->parts[part];
    uint64_t rows = 1, columns = 1;
    bool good = true;
    for (int i = 0; good && i < tensor->rank; i++)
        good = i + axes < tensor->rank ? multiply_u64(rows, tensor->shape[i], &rows)
                                       : multiply_u64(columns, tensor->shape[i], &columns);
    if (!good)
        return part_refuse(assembly, part, error, "is too large");
    if (!rows || !columns)
        return part_refuse(assembly, part, error, "holds no values");
    part_set(tensor, rows, columns);
    return true;
}

bool part_rows(struct assembly *assembly, size_t part, int axes, uint64_t columns, struct error *error)
{
    const struct tensor *tensor = assembly->parts[part];
    char text[TENSOR_SHAPE_TEXT];
    uint64_t all;
    if (tensor->rank < 1 + axes || tensor->rank > 2 + axes || !columns || !multiply_u64(tensor->rows, columns, &all))
        return part_refuse(assembly, part, error, "has shape %s, which is no matrix and no stack of them",
                           shape_text(tensor->shape, tensor->rank, text));
    assembly->rows = tensor->rows;
    assembly->columns = columns;
    assembly->experts = tensor->rank == 2 + axes ? tensor->shape[0] : 0;
    return true;
}

bool part_shaped(struct assembly *assembly, size_t part, uint64_t rows, uint64_t columns, struct error *error)
{
    char text[TENSOR_SHAPE_TEXT];
    uint64_t all;
    if (!part_fold(assembly, part, 1, error))
        return false;
    struct tensor *tensor = assembly->parts[part];
    bool fits = tensor->rows == rows && tensor->columns == columns;
    bool line =
        (rows == 1 || columns == 1) && multiply_u64(rows, columns, &all) && tensor->rows == 1 && tensor->columns == all;
    if (!fits && !line)
        return part_refuse(assembly, part, error, "has shape %s, where its matrix calls for [%llu, %llu]",
                           shape_text(tensor->shape, tensor->rank, text), (unsigned long long)rows,
                           (unsigned long long)columns);
    part_set(tensor, rows, columns);
    return true;
}

void part_turn(struct assembly *assembly, size_t part)
{
    struct tensor *tensor = assembly->parts[part];
    uint64_t rows = tensor->columns;
    tensor->columns = tensor->rows;
    tensor->rows = rows;
    tensor->transposed = true;
}

bool part_read(const struct assembly *assembly, size_t part, uint64_t first, uint64_t count, void *out,
               struct error *error)
{
    return store_read_rows(assembly->store, assembly->parts[part], first, count, out, error);
}

void *part_take(const struct assembly *assembly, size_t part, uint64_t first, uint64_t count, struct error *error)
{
    const struct tensor *tensor = assembly->parts[part];
    void *raw = malloc(dtype_row_bytes(tensor->dtype, (size_t)(count * tensor->columns)) + 1);
    if (!raw) {
        error_memory(error, tensor->disk_name);
        return NULL;
    }
    if (part_read(assembly, part, first, count, raw, error))
        return raw;
    free(raw);
    return NULL;
}

float *part_floats(const struct assembly *assembly, size_t part, uint64_t first, uint64_t count, struct error *error)
{
    const struct tensor *tensor = assembly->parts[part];
    size_t values = (size_t)(count * tensor->columns);
    void *raw = part_take(assembly, part, first, count, error);
    float *wide = raw ? malloc(values * sizeof *wide + 1) : NULL;
    if (raw && !wide)
        error_memory(error, tensor->disk_name);
    if (wide)
        widen(tensor->dtype, raw, wide, values);
    free(raw);
    return wide;
}
