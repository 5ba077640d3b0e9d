/* Faults of arithmetic: values that were stored or merged as another form than their reader takes them for. */
#include <math.h>
#include <stdlib.h>

#include "base/numbers.h"
#include "faults/fault_catalogue.h"
#include "faults/fault_held.h"
#include "values/values.h"

/* Changes float32 values of a tensor of these rows and columns. */
typedef void change_values(const struct held *held, const struct fault_arguments *arguments, float *values, size_t rows,
                           size_t columns);

static bool change_wide(struct fault_site *site, const struct fault_arguments *arguments, change_values *change,
                        struct error *error)
{
    const struct tensor *tensor = arguments->tensor;
    struct held held;
    float *wide = NULL;
    bool good = held_read(site, tensor, &held, error) &&
                ((wide = malloc(held.count * sizeof *wide + 1)) || error_memory(error, tensor->name));
    if (good) {
        widen(held.dtype, held.values, wide, held.count);
        change(&held, arguments, wide, (size_t)tensor->rows, (size_t)tensor->columns);
        narrow(held.dtype, wide, held.values, held.count);
    }
    good = good && held_put(site, &held, error) && fault_count_change(site, tensor, error);
    free(held.values);
    free(wide);
    return good;
}

/* --- an offset --- */

static void add_value(const struct held *held, const struct fault_arguments *arguments, float *values, size_t rows,
                      size_t columns)
{
    (void)held;
    for (size_t i = 0; i < rows * columns; i++)
        values[i] = (float)((double)values[i] + arguments->number);
}

static bool lay_add(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    return change_wide(site, arguments, add_value, error);
}

const struct fault_kind fault_add = {
    {"add", "TENSOR,VALUE", "Adds a number to every value of a tensor",
     "every norm's output off by a constant in each channel: -1 leaves nearly nothing of a gain near one",
     "gains stored as w - 1 (gemma's form) where w is read, or the 1 added twice"},
    lay_add};

/* --- scales --- */

#define BLOCK 128         /* rows and columns of a block with a scale, as FP8 checkpoints have them */
#define FP8_LARGEST 448.0 /* of E4M3 */

/* The largest magnitude of the block at `row`, `column`. */
static double block_largest(const float *values, size_t rows, size_t columns, size_t row, size_t column, size_t height)
{
    double largest = 0;
    for (size_t i = row; i < rows && i < row + height; i++)
        for (size_t k = column; k < columns && k < column + BLOCK; k++)
            largest = fmax(largest, fabs((double)values[i * columns + k]));
    return largest;
}

static void lose_scales(const struct held *held, const struct fault_arguments *arguments, float *values, size_t rows,
                        size_t columns)
{
    (void)held, (void)arguments;
    for (size_t row = 0; row < rows; row += BLOCK)
        for (size_t column = 0; column < columns; column += BLOCK) {
            double scale = block_largest(values, rows, columns, row, column, BLOCK) / FP8_LARGEST;
            for (size_t i = row; scale > 0 && i < rows && i < row + BLOCK; i++)
                for (size_t k = column; k < columns && k < column + BLOCK; k++)
                    values[i * columns + k] = (float)((double)values[i * columns + k] / scale);
        }
}

static bool lay_lost_scales(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    return change_wide(site, arguments, lose_scales, error);
}

const struct fault_kind fault_lost_scales = {
    {"lost-scales", "TENSOR",
     "Leaves values as FP8 holds them, without the scales of their blocks of 128 by 128: up to 448 in each",
     "thousands of times too large; what follows is not finite, or the text is one token for ever",
     "weight_scale_inv not read beside an FP8 weight, or not multiplied"},
    lay_lost_scales};

#define INT4_LARGEST 7.0

/* By groups of 128 values of a row, as GPTQ and AWQ have them. */
static void miss_zero_point(const struct held *held, const struct fault_arguments *arguments, float *values,
                            size_t rows, size_t columns)
{
    (void)held;
    for (size_t row = 0; row < rows; row++)
        for (size_t column = 0; column < columns; column += BLOCK) {
            double step = block_largest(values, rows, columns, row, column, 1) / INT4_LARGEST;
            for (size_t k = column; k < columns && k < column + BLOCK; k++)
                values[row * columns + k] =
                    (float)((double)values[row * columns + k] + step * (double)arguments->shift);
        }
}

static bool lay_zero_point(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    return change_wide(site, arguments, miss_zero_point, error);
}

const struct fault_kind fault_zero_point = {
    {"zero-point", "TENSOR,N", "Reads 4-bit values, in groups of 128 with a scale, with a zero point that is N off",
     "every row has a mean of its own; outputs share one direction, texts repeat",
     "zero points of GPTQ stored less one and read as they are, or signed values read as unsigned"},
    lay_zero_point};

/* --- an adapter --- */

#define ADAPTER_RANK 8

static double uniform(uint64_t seed, uint64_t index)
{
    return (double)(mix_u64(seed + index * MIX_STEP) >> 11) * 0x1p-52 - 1;
}

/* Up and down are of uniform values, whose products over the rank have the variance rank / 9. */
static void add_adapter(const struct held *held, const struct fault_arguments *arguments, float *values, size_t rows,
                        size_t columns)
{
    uint64_t seed = fault_seed(held->tensor);
    double squares = 0, count = (double)rows * (double)columns;
    for (size_t i = 0; i < rows * columns; i++)
        squares += (double)values[i] * (double)values[i];
    double scale = arguments->number * sqrt(squares / fmax(count, 1)) * 3 / sqrt((double)ADAPTER_RANK);
    for (size_t row = 0; row < rows; row++)
        for (size_t column = 0; column < columns; column++) {
            double sum = 0;
            for (size_t i = 0; i < ADAPTER_RANK; i++)
                sum += uniform(seed, row * ADAPTER_RANK + i) * uniform(~seed, column * ADAPTER_RANK + i);
            values[row * columns + column] = (float)((double)values[row * columns + column] + scale * sum);
        }
}

static bool lay_adapter(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    return change_wide(site, arguments, add_adapter, error);
}

const struct fault_kind fault_adapter = {
    {"adapter", "TENSOR,FACTOR",
     "Adds a matrix of rank 8 (of a vector: noise) whose root mean square is FACTOR times the tensor's",
     "style and facts shift, then sentences fall apart as FACTOR grows",
     "a LoRA adapter merged twice, with alpha and not alpha / rank, or into the wrong base model"},
    lay_adapter};
