/* GPTQ and AWQ: numbers of a few bits, packed in words of 32, each (number - zero) * scale; a scale and a zero for each
 * output and each group of inputs. All lie with inputs down and outputs across, so that a row of the matrix is a column
 * here.
 *
 * GPTQ (AutoGPTQ's nn_modules/qlinear/qlinear_cuda.py) packs a column downwards and zeros across, without gaps; a zero
 * is stored less one, but in checkpoints of gptq_v2; g_idx tells the group of each input. AWQ (AutoAWQ's
 * utils/packing_utils.py) packs eight outputs across, in the order of `lanes`. Both multiply in the scale's dtype. */
#include <stdlib.h>
#include <string.h>

#include "store/storage.h"
#include "values/values.h"

enum { VALUES, ZEROS, SCALES, GROUPS };

#define WORD 32
#define LANES 8 /* outputs in a word of AWQ */

static const unsigned char lanes[LANES] = {0, 4, 1, 5, 2, 6, 3, 7};

static const enum dtype words[] = {DTYPE_I32, DTYPE_U32, DTYPE_COUNT};

static bool groups_take(struct assembly *assembly, uint64_t groups, const struct quantisation *said,
                        struct error *error)
{
    uint64_t size = said->group > 0 ? (uint64_t)said->group : 0, inputs = assembly->columns;
    bool listed = assembly->parts[GROUPS];
    if (!listed && (!size || inputs / size + (inputs % size != 0) != groups))
        size = inputs % groups == 0 ? inputs / groups : 0;
    if (!listed && !size)
        return part_refuse(assembly, SCALES, error, "has scales for %llu groups, which do not divide %llu inputs",
                           (unsigned long long)groups, (unsigned long long)inputs);
    assembly->group[1] = size;
    assembly->grid[1] = groups;
    return !listed || (part_typed(assembly, GROUPS, words, error) && part_shaped(assembly, GROUPS, 1, inputs, error));
}

/* A word holds several inputs of one output (`downwards`), or several outputs of one input. */
static bool columns_plan(struct assembly *assembly, const struct quantisation *said, bool downwards,
                         struct error *error)
{
    const struct tensor *values = assembly->parts[VALUES], *zeros = assembly->parts[ZEROS],
                        *scales = assembly->parts[SCALES];
    char text[TENSOR_SHAPE_TEXT];
    if (!part_typed(assembly, VALUES, words, error) || !part_typed(assembly, ZEROS, words, error) ||
        !part_typed(assembly, SCALES, storage_floats, error) || !part_fold(assembly, VALUES, 1, error) ||
        !part_fold(assembly, ZEROS, 1, error) || !part_fold(assembly, SCALES, 1, error))
        return false;
    uint64_t outputs = scales->columns, bits = zeros->columns * WORD / outputs;
    assembly->bits = bits > 8 ? 0 : (unsigned)bits;
    bool packs = bits == 4 || (downwards && (bits == 2 || bits == 3 || bits == 8));
    if (!packs || outputs * bits % WORD != 0 || zeros->columns != outputs * bits / WORD || zeros->rows != scales->rows)
        return part_refuse(assembly, ZEROS, error, "has shape %s, which are no zeros of %llu groups of %llu outputs",
                           shape_text(zeros->shape, zeros->rank, text), (unsigned long long)scales->rows,
                           (unsigned long long)outputs);
    uint64_t inputs = downwards ? values->rows * WORD / bits : values->rows;
    if (values->rank != 2 || (downwards ? values->columns != outputs || values->rows * WORD % bits != 0
                                        : values->columns != outputs / LANES))
        return part_refuse(assembly, VALUES, error, "has shape %s, which is not that of %llu outputs of %llu bits",
                           shape_text(values->shape, values->rank, text), (unsigned long long)outputs,
                           (unsigned long long)bits);
    assembly->rows = outputs;
    assembly->columns = inputs;
    assembly->dtype = scales->dtype;
    if (!groups_take(assembly, scales->rows, said, error))
        return false;
    part_turn(assembly, VALUES);
    part_turn(assembly, ZEROS);
    part_turn(assembly, SCALES);
    return true;
}

static bool gptq_plan(struct assembly *assembly, const struct quantisation *said, struct error *error)
{
    assembly->offset = strcmp(said->kind, "gptq_v2") != 0;
    return columns_plan(assembly, said, true, error);
}

static bool awq_plan(struct assembly *assembly, const struct quantisation *said, struct error *error)
{
    return columns_plan(assembly, said, false, error);
}

/* What the rows first .. first + count - 1 are made of. */
struct columns {
    uint8_t *numbers; /* [count, inputs] */
    uint8_t *zeros;   /* [count, groups] */
    float *scales;    /* [count, groups] */
    int32_t *group;   /* of each input; NULL: they follow each other */
};

static void columns_free(struct columns *columns)
{
    free(columns->numbers);
    free(columns->zeros);
    free(columns->scales);
    free(columns->group);
}

static bool columns_take(const struct assembly *assembly, uint64_t first, uint64_t count, struct columns *columns,
                         struct error *error)
{
    size_t inputs = (size_t)assembly->columns, groups = (size_t)assembly->grid[1];
    columns->numbers = malloc((size_t)count * inputs + 1);
    columns->zeros = malloc((size_t)count * groups + 1);
    if (!columns->numbers || !columns->zeros)
        return error_memory(error, assembly->parts[VALUES]->disk_name);
    columns->scales = part_floats(assembly, SCALES, first, count, error);
    if (!columns->scales)
        return false;
    if (!assembly->parts[GROUPS])
        return true;
    columns->group = part_take(assembly, GROUPS, 0, 1, error);
    for (size_t i = 0; columns->group && i < inputs; i++)
        if (columns->group[i] < 0 || (uint64_t)columns->group[i] >= groups)
            return part_refuse(assembly, GROUPS, error, "puts input %zu into group %d of %zu", i, columns->group[i],
                               groups);
    return columns->group;
}

/* out = (number - zero) * scale, rounded to the scale's dtype. */
static void columns_make(const struct assembly *assembly, const struct columns *columns, uint64_t count, float *out)
{
    size_t inputs = (size_t)assembly->columns, groups = (size_t)assembly->grid[1];
    for (size_t row = 0; row < count; row++) {
        const uint8_t *numbers = columns->numbers + row * inputs, *zeros = columns->zeros + row * groups;
        const float *scales = columns->scales + row * groups;
        float *to = out + row * inputs;
        for (size_t i = 0; i < inputs; i++) {
            size_t group = columns->group ? (size_t)columns->group[i] : i / (size_t)assembly->group[1];
            to[i] = scales[group] * (float)(numbers[i] - zeros[group] - assembly->offset);
        }
        if (assembly->dtype != DTYPE_F32)
            round_values(assembly->dtype, to, to, inputs);
    }
}

/* zeros[row, group] of rows whose zeros are packed across without gaps: the words of each group are put in a line
 * first. 32 outputs fill as many words as a number has bits. */
static bool zeros_take(const struct assembly *assembly, uint64_t first, uint64_t count, uint8_t *zeros,
                       struct error *error)
{
    size_t groups = (size_t)assembly->grid[1];
    uint64_t all = assembly->parts[ZEROS]->rows, begin = first / WORD * assembly->bits;
    uint64_t end = ((first + count + WORD - 1) / WORD) * assembly->bits;
    size_t across = (size_t)((end < all ? end : all) - begin);
    uint32_t *packed = part_take(assembly, ZEROS, begin, across, error);
    uint32_t *line = packed ? malloc(across * sizeof *line + 1) : NULL;
    uint8_t *numbers = line ? malloc((size_t)count + 1) : NULL;
    if (packed && !numbers)
        error_memory(error, assembly->parts[ZEROS]->disk_name);
    for (size_t group = 0; numbers && group < groups; group++) {
        for (size_t i = 0; i < across; i++)
            line[i] = packed[i * groups + group];
        unpack(line, assembly->bits, (size_t)(first % WORD), (size_t)count, numbers);
        for (size_t row = 0; row < count; row++)
            zeros[row * groups + group] = numbers[row];
    }
    bool good = numbers;
    free(packed);
    free(line);
    free(numbers);
    return good;
}

static bool gptq_widen(const struct assembly *assembly, uint64_t first, uint64_t count, float *out, struct error *error)
{
    struct columns columns = {0};
    size_t inputs = (size_t)assembly->columns, row_words = inputs * assembly->bits / WORD;
    bool good = columns_take(assembly, first, count, &columns, error) &&
                zeros_take(assembly, first, count, columns.zeros, error);
    uint32_t *packed = good ? part_take(assembly, VALUES, first, count, error) : NULL;
    for (size_t row = 0; packed && row < count; row++)
        unpack(packed + row * row_words, assembly->bits, 0, inputs, columns.numbers + row * inputs);
    if (packed)
        columns_make(assembly, &columns, count, out);
    free(packed);
    columns_free(&columns);
    return packed;
}

/* out[row, i] of words [rows / 8, width] of which each holds the numbers of eight rows. */
static bool lanes_take(const struct assembly *assembly, size_t part, uint64_t first, uint64_t count, uint8_t *out,
                       struct error *error)
{
    uint64_t begin = first / LANES, end = (first + count + LANES - 1) / LANES;
    size_t width = (size_t)assembly->parts[part]->columns;
    uint32_t *packed = part_take(assembly, part, begin, end - begin, error);
    for (size_t row = 0; packed && row < count; row++) {
        const uint32_t *from = packed + ((first + row) / LANES - begin) * width;
        unsigned shift = 4u * lanes[(first + row) % LANES];
        for (size_t i = 0; i < width; i++)
            out[row * width + i] = from[i] >> shift & 15;
    }
    free(packed);
    return packed;
}

static bool awq_widen(const struct assembly *assembly, uint64_t first, uint64_t count, float *out, struct error *error)
{
    struct columns columns = {0};
    bool good = columns_take(assembly, first, count, &columns, error) &&
                lanes_take(assembly, VALUES, first, count, columns.numbers, error) &&
                lanes_take(assembly, ZEROS, first, count, columns.zeros, error);
    if (good)
        columns_make(assembly, &columns, count, out);
    columns_free(&columns);
    return good;
}

const struct storage storage_gptq = {
    .name = "gptq",
    .methods = " gptq ",
    .behind = ".weight",
    .values = words,
    .parts = {{".qweight", PART_NEEDED}, {".qzeros", PART_NEEDED}, {".scales", PART_NEEDED}, {".g_idx", PART_ALIKE}},
    .plan = gptq_plan,
    .widen = gptq_widen,
};

const struct storage storage_awq = {
    .name = "awq",
    .methods = " awq ",
    .behind = ".weight",
    .values = words,
    .parts = {{".qweight", PART_NEEDED}, {".qzeros", PART_NEEDED}, {".scales", PART_NEEDED}},
    .plan = awq_plan,
    .widen = awq_widen,
};
