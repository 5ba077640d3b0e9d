/* Faults that change values as they are read, one after the other. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "base/wording.h"
#include "faults/fault_catalogue.h"
#include "faults/fault_edit.h"
#include "values/values.h"

#define PAGE 4096

static void scale_values(const struct fault_edit *edit, enum dtype dtype, uint64_t index, size_t count, void *values)
{
    size_t width = dtype_width(dtype);
    (void)index;
    for (size_t i = 0; i < count; i++) {
        float value;
        widen(dtype, (char *)values + i * width, &value, 1);
        value = (float)((double)value * edit->number);
        narrow(dtype, &value, (char *)values + i * width, 1);
    }
}

static bool lay_scale(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    struct fault_edit edit = {
        .change = scale_values, .span = fault_share(arguments->tensor, arguments->share), .number = arguments->number};
    return fault_edit_values(site, arguments->tensor, edit, error);
}

const struct fault_kind fault_scale = {
    {"scale", "TENSOR,FACTOR[,SHARE]", "Multiplies a tensor",
     "values of the module too large or small by one factor; a norm after it hides that",
     "a scale applied twice, or left out"},
    lay_scale};

/* --- one value for all --- */

static void set_values(const struct fault_edit *edit, enum dtype dtype, uint64_t index, size_t count, void *values)
{
    size_t width = dtype_width(dtype);
    float value = (float)edit->number;
    (void)index;
    for (size_t i = 0; i < count; i++)
        narrow(dtype, &value, (char *)values + i * width, 1);
}

static bool set_span(struct fault_site *site, const struct tensor *tensor, struct fault_span span, double value,
                     struct error *error)
{
    struct fault_edit edit = {.change = set_values, .span = span, .number = value};
    return fault_edit_values(site, tensor, edit, error);
}

static bool set_one(struct fault_site *site, const struct fault_arguments *arguments, double value, struct error *error)
{
    const struct tensor *tensor = arguments->tensor;
    uint64_t row = arguments->numbers[0], column = arguments->numbers[1];
    if (row >= tensor->rows || column >= tensor->columns)
        return error_set(error, "fault %s: tensor '%s' has %llu rows and %llu columns", site->spec, tensor->name,
                         (unsigned long long)tensor->rows, (unsigned long long)tensor->columns);
    struct fault_span one = {.first = row * tensor->columns + column, .count = 1};
    return set_span(site, tensor, one, value, error);
}

static bool lay_nan(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    return set_one(site, arguments, NAN, error);
}

const struct fault_kind fault_nan = {{"nan", "TENSOR[,ROW,COLUMN]", "Makes one value NaN",
                                      "everything after it is NaN; the text is one token for ever, or none",
                                      "an overflow in a conversion to 16 bits"},
                                     lay_nan};

static bool lay_inf(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    return set_one(site, arguments, INFINITY, error);
}

const struct fault_kind fault_inf = {{"inf", "TENSOR[,ROW,COLUMN]", "Makes one value infinite",
                                      "one channel drowns all others, then all is NaN",
                                      "an overflow in a conversion to 16 bits"},
                                     lay_inf};

static bool lay_constant(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    struct fault_span span = fault_share(arguments->tensor, arguments->share);
    return set_span(site, arguments->tensor, span, arguments->number, error);
}

const struct fault_kind fault_constant = {
    {"constant", "TENSOR,VALUE[,SHARE]",
     "Makes all values of a tensor the same: a loader puts a norm of ones in place of an absent one",
     "the module forgets what it learned of its channels",
     "a default that a loader puts in the place of what is absent"},
    lay_constant};

static bool lay_zeros(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    return set_span(site, arguments->tensor, fault_share(arguments->tensor, arguments->share), 0, error);
}

const struct fault_kind fault_zeros = {{"zeros", "TENSOR[,SHARE]",
                                        "Zeroes a tensor. With SHARE, here and below: only that share of its rows (of "
                                        "a vector: its elements), from the middle on",
                                        "the module adds nothing", "a tensor that was allocated and never filled"},
                                       lay_zeros};

/* --- bytes --- */

static void zero_page_rows(void *context, const struct tensor *tensor, uint64_t first, uint64_t rows, void *values)
{
    const struct fault_edit *edit = context;
    uint64_t row = dtype_row_bytes(tensor->dtype, tensor->columns);
    uint64_t begin = edit->page * PAGE, end = begin + PAGE, here = first * row, last = (first + rows) * row;
    begin = begin > here ? begin : here;
    end = end < last ? end : last;
    if (begin < end)
        memset((char *)values + (begin - here), 0, (size_t)(end - begin));
}

static bool lay_zero_page(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    const struct tensor *tensor = arguments->tensor;
    uint64_t page = arguments->numbers[0];
    if (!tensor->bytes || page > (tensor->bytes - 1) / PAGE)
        return error_set(error, "fault %s: tensor '%s' has %llu bytes", site->spec, tensor->name,
                         (unsigned long long)tensor->bytes);
    return fault_rewrite(site, tensor, zero_page_rows, (struct fault_edit){.page = page}, error);
}

const struct fault_kind fault_zero_page = {
    {"zero-page", "TENSOR[,PAGE]", "Zeroes 4,096 bytes of a tensor: a hole in a file",
     "a few rows dead, some tokens or channels wrong; the rest as it was",
     "a file that was not written to its end, a sparse copy, a disk that lost a block"},
    lay_zero_page};

static void swap_bytes(const struct fault_edit *edit, enum dtype dtype, uint64_t index, size_t count, void *values)
{
    size_t width = dtype_width(dtype);
    (void)edit, (void)index;
    for (unsigned char *value = values; count--; value += width)
        for (size_t i = 0; i < width / 2; i++) {
            unsigned char byte = value[i];
            value[i] = value[width - 1 - i];
            value[width - 1 - i] = byte;
        }
}

static bool lay_byte_swap(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    const struct tensor *tensor = arguments->tensor;
    if (!dtype_width(tensor->dtype))
        return error_set(error, "fault %s: tensor '%s' has dtype %s, whose values are not of 2 or 4 bytes each",
                         site->spec, tensor->name, dtype_name(tensor->dtype));
    struct fault_edit edit = {.change = swap_bytes, .span = fault_share(tensor, arguments->share)};
    return fault_edit_values(site, tensor, edit, error);
}

const struct fault_kind fault_byte_swap = {
    {"byte-swap", "TENSOR[,SHARE]", "Reverses the bytes of every value: the wrong byte order",
     "values of any size; soon all is NaN", "a big-endian file, or one that was swapped twice"},
    lay_byte_swap};

/* --- as a framework initialises --- */

#define INITIAL_DEVIATION 0.02 /* initializer_range of transformers, where config.json says nothing else */

/* Box and Muller's transform of two uniform values: of a counter, so that any is had without the ones before it. */
static double normal(uint64_t seed, uint64_t index)
{
    double u = ((double)(mix_u64(seed + 2 * index) >> 11) + 1) * 0x1p-53,
           v = (double)(mix_u64(seed + 2 * index + 1) >> 11) * 0x1p-53;
    return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

static void random_values(const struct fault_edit *edit, enum dtype dtype, uint64_t index, size_t count, void *values)
{
    size_t width = dtype_width(dtype);
    for (size_t i = 0; i < count; i++) {
        float value = (float)(INITIAL_DEVIATION * normal(edit->seed, index + i));
        narrow(dtype, &value, (char *)values + i * width, 1);
    }
}

static bool is_bias(const struct tensor *tensor)
{
    return text_ends_with(tensor->name, ".bias");
}

static bool initialise(struct fault_site *site, const struct tensor *tensor, double share, struct error *error)
{
    struct fault_edit edit = {.change = tensor->rank >= 2 ? random_values : set_values,
                              .span = fault_share(tensor, share),
                              .number = is_bias(tensor) ? 0 : 1,
                              .seed = fault_seed(tensor)};
    return fault_edit_values(site, tensor, edit, error);
}

static bool lay_initialise(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    return initialise(site, arguments->tensor, arguments->share, error);
}

const struct fault_kind fault_initialise = {{"initialise", "TENSOR[,SHARE]",
                                             "Leaves a tensor as a framework initialises it: Gaussian values of "
                                             "standard deviation 0.02; a gain: ones; a bias: zeros",
                                             "the module adds noise; with attention or embedding, word salad",
                                             "a name that the loader does not know: newly initialised"},
                                            lay_initialise};

static bool is_projection(const char *name)
{
    static const char *const projections[] = {".self_attn.q_proj.weight", ".self_attn.k_proj.weight",
                                              ".self_attn.v_proj.weight", ".self_attn.o_proj.weight"};
    for (size_t i = 0; i < sizeof projections / sizeof *projections; i++)
        if (strstr(name, projections[i]))
            return true;
    return false;
}

static bool lay_random_attention(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    bool layers[CONFIG_LAYERS_MAX] = {false};
    if (!fault_layers(site, arguments->text, layers, error))
        return false;
    for (size_t i = 0; i < store_text_count(site->below); i++) {
        const struct tensor *tensor = store_at(site->below, i);
        int layer, expert;
        tensor_place(tensor, &layer, &expert);
        if (layer >= 0 && layer < CONFIG_LAYERS_MAX && layers[layer] && is_projection(tensor->name) &&
            !initialise(site, tensor, 1, error))
            return false;
    }
    return true;
}

const struct fault_kind fault_random_attention = {
    {"random-attention", "LAYERS",
     "Leaves the attention's projections as they were initialised: Gaussian values of standard deviation 0.02",
     "no word refers to another; word salad from the first sentence on",
     "projections under names that the loader does not know, left as they were initialised"},
    lay_random_attention};
