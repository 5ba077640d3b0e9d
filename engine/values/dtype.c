#include "values/dtype.h"

#include <string.h>

#include "base/wording.h"

static const struct dtype_row {
    const char *name;
    unsigned bits; /* of a block */
    size_t width;
    size_t block; /* 0: one element */
    bool widened; /* computed with, though nothing is narrowed to it */
    const char *torch, *alias, *numpy;
    double rounding;
} rows[DTYPE_COUNT] = {
    [DTYPE_F32] = {"F32", 32, .width = 4, .torch = "float32", .alias = "float", .numpy = "<f4"},
    [DTYPE_F16] = {"F16", 16, .width = 2, .torch = "float16", .alias = "half", .numpy = "<f2", .rounding = 1e-3},
    [DTYPE_BF16] = {"BF16", 16, .width = 2, .torch = "bfloat16", .rounding = 4e-3},
    [DTYPE_F64] = {"F64", 64, .widened = true, .torch = "float64", .numpy = "<f8"},
    [DTYPE_I64] = {"I64", 64, .numpy = "<i8"},
    [DTYPE_I32] = {"I32", 32, .numpy = "<i4"},
    [DTYPE_I16] = {"I16", 16},
    [DTYPE_I8] = {"I8", 8},
    [DTYPE_U64] = {"U64", 64},
    [DTYPE_U32] = {"U32", 32},
    [DTYPE_U16] = {"U16", 16},
    [DTYPE_U8] = {"U8", 8},
    [DTYPE_BOOL] = {"BOOL", 8},
    [DTYPE_F8_E4M3] = {"F8_E4M3", 8, .widened = true, .rounding = 5e-2, .torch = "float8_e4m3fn"},
    [DTYPE_F8_E5M2] = {"F8_E5M2", 8, .widened = true, .rounding = 0.1, .torch = "float8_e5m2"},
    [DTYPE_F8_E8M0] = {"F8_E8M0", 8, .widened = true, .torch = "float8_e8m0fnu"},
    [DTYPE_F8_E4M3FNUZ] = {"F8_E4M3FNUZ", 8},
    [DTYPE_F8_E5M2FNUZ] = {"F8_E5M2FNUZ", 8},
    [DTYPE_F6_E2M3] = {"F6_E2M3", 6},
    [DTYPE_F6_E3M2] = {"F6_E3M2", 6},
    [DTYPE_F4] = {"F4", 4},
    [DTYPE_C64] = {"C64", 64},
    [DTYPE_Q4_0] = {"Q4_0", 18 * 8, .block = 32, .widened = true, .rounding = 0.2},
    [DTYPE_Q4_1] = {"Q4_1", 20 * 8, .block = 32, .widened = true, .rounding = 0.2},
    [DTYPE_Q5_0] = {"Q5_0", 22 * 8, .block = 32, .widened = true, .rounding = 0.1},
    [DTYPE_Q5_1] = {"Q5_1", 24 * 8, .block = 32, .widened = true, .rounding = 0.1},
    [DTYPE_Q8_0] = {"Q8_0", 34 * 8, .block = 32, .widened = true, .rounding = 2e-2},
    [DTYPE_Q2_K] = {"Q2_K", 84 * 8, .block = 256, .widened = true, .rounding = 0.7},
    [DTYPE_Q3_K] = {"Q3_K", 110 * 8, .block = 256, .widened = true, .rounding = 0.4},
    [DTYPE_Q4_K] = {"Q4_K", 144 * 8, .block = 256, .widened = true, .rounding = 0.2},
    [DTYPE_Q5_K] = {"Q5_K", 176 * 8, .block = 256, .widened = true, .rounding = 0.1},
    [DTYPE_Q6_K] = {"Q6_K", 210 * 8, .block = 256, .widened = true, .rounding = 5e-2},
    [DTYPE_Q8_1] = {"Q8_1", 40 * 8, .block = 32},
    [DTYPE_Q8_K] = {"Q8_K", 292 * 8, .block = 256},
    [DTYPE_Q1_0] = {"Q1_0", 18 * 8, .block = 128},
    [DTYPE_IQ1_S] = {"IQ1_S", 50 * 8, .block = 256, .widened = true, .rounding = 1},
    [DTYPE_IQ1_M] = {"IQ1_M", 56 * 8, .block = 256, .widened = true, .rounding = 0.9},
    [DTYPE_IQ2_XXS] = {"IQ2_XXS", 66 * 8, .block = 256, .widened = true, .rounding = 0.7},
    [DTYPE_IQ2_XS] = {"IQ2_XS", 74 * 8, .block = 256, .widened = true, .rounding = 0.7},
    [DTYPE_IQ2_S] = {"IQ2_S", 82 * 8, .block = 256, .widened = true, .rounding = 0.6},
    [DTYPE_IQ3_XXS] = {"IQ3_XXS", 98 * 8, .block = 256, .widened = true, .rounding = 0.4},
    [DTYPE_IQ3_S] = {"IQ3_S", 110 * 8, .block = 256, .widened = true, .rounding = 0.4},
    [DTYPE_IQ4_NL] = {"IQ4_NL", 18 * 8, .block = 32, .widened = true, .rounding = 0.2},
    [DTYPE_IQ4_XS] = {"IQ4_XS", 136 * 8, .block = 256, .widened = true, .rounding = 0.2},
    [DTYPE_TQ1_0] = {"TQ1_0", 54 * 8, .block = 256, .widened = true, .rounding = 1},
    [DTYPE_TQ2_0] = {"TQ2_0", 66 * 8, .block = 256, .widened = true, .rounding = 1},
    [DTYPE_MXFP4] = {"MXFP4", 17 * 8, .block = 32, .widened = true, .rounding = 0.2},
    [DTYPE_NVFP4] = {"NVFP4", 36 * 8, .block = 64},
};

const char *dtype_name(enum dtype dtype)
{
    return rows[dtype].name;
}

bool dtype_parse(const char *name, enum dtype *dtype)
{
    for (int i = 0; i < DTYPE_SAFETENSORS; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *dtype = (enum dtype)i;
            return true;
        }
    }
    return false;
}

const char *dtype_torch(enum dtype dtype)
{
    return rows[dtype].torch;
}

enum dtype dtype_of_torch(const char *name)
{
    name += strncmp(name, "torch.", 6) == 0 ? 6 : 0;
    for (int i = 0; i < DTYPE_COUNT; i++)
        if ((rows[i].torch && strcmp(rows[i].torch, name) == 0) || (rows[i].alias && strcmp(rows[i].alias, name) == 0))
            return (enum dtype)i;
    return DTYPE_COUNT;
}

enum dtype dtype_of_numpy(const char *name)
{
    for (int i = 0; i < DTYPE_COUNT; i++)
        if (rows[i].numpy && strcmp(rows[i].numpy, name) == 0)
            return (enum dtype)i;
    return DTYPE_COUNT;
}

double dtype_rounding(enum dtype dtype)
{
    return rows[dtype].rounding;
}

size_t dtype_block(enum dtype dtype)
{
    return rows[dtype].block ? rows[dtype].block : 1;
}

unsigned dtype_bits(enum dtype dtype)
{
    return rows[dtype].bits;
}

size_t dtype_width(enum dtype dtype)
{
    return rows[dtype].width;
}

size_t dtype_row_bytes(enum dtype dtype, size_t columns)
{
    return columns / dtype_block(dtype) * rows[dtype].bits / 8;
}

bool dtype_computes(enum dtype dtype)
{
    return rows[dtype].width || rows[dtype].widened;
}

static const char *plain_name(size_t dtype)
{
    return !rows[dtype].block && (rows[dtype].width || rows[dtype].widened) ? rows[dtype].name : NULL;
}

static const char *block_name(size_t dtype)
{
    return rows[dtype].block && rows[dtype].widened ? rows[dtype].name : NULL;
}

void dtype_computed_list(struct buffer *out)
{
    names_join(out, DTYPE_COUNT, plain_name, " and ");
    buffer_text(out, ", and GGUF's ");
    names_join(out, DTYPE_COUNT, block_name, " and ");
}
