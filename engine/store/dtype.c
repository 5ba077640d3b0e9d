#include "store/dtype.h"

#include <string.h>

static const struct dtype_row {
    const char *name;
    unsigned bits;
    size_t width;
} rows[DTYPE_COUNT] = {
    [DTYPE_F32] = {"F32", 32, 4},
    [DTYPE_F16] = {"F16", 16, 2},
    [DTYPE_BF16] = {"BF16", 16, 2},
    [DTYPE_F64] = {"F64", 64, 0},
    [DTYPE_I64] = {"I64", 64, 0},
    [DTYPE_I32] = {"I32", 32, 0},
    [DTYPE_I16] = {"I16", 16, 0},
    [DTYPE_I8] = {"I8", 8, 0},
    [DTYPE_U64] = {"U64", 64, 0},
    [DTYPE_U32] = {"U32", 32, 0},
    [DTYPE_U16] = {"U16", 16, 0},
    [DTYPE_U8] = {"U8", 8, 0},
    [DTYPE_BOOL] = {"BOOL", 8, 0},
    [DTYPE_F8_E4M3] = {"F8_E4M3", 8, 0},
    [DTYPE_F8_E5M2] = {"F8_E5M2", 8, 0},
    [DTYPE_F8_E8M0] = {"F8_E8M0", 8, 0},
    [DTYPE_F8_E4M3FNUZ] = {"F8_E4M3FNUZ", 8, 0},
    [DTYPE_F8_E5M2FNUZ] = {"F8_E5M2FNUZ", 8, 0},
    [DTYPE_F6_E2M3] = {"F6_E2M3", 6, 0},
    [DTYPE_F6_E3M2] = {"F6_E3M2", 6, 0},
    [DTYPE_F4] = {"F4", 4, 0},
    [DTYPE_C64] = {"C64", 64, 0},
};

const char *dtype_name(enum dtype dtype)
{
    return rows[dtype].name;
}

bool dtype_parse(const char *name, enum dtype *dtype)
{
    for (int i = 0; i < DTYPE_COUNT; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *dtype = (enum dtype)i;
            return true;
        }
    }
    return false;
}

unsigned dtype_bits(enum dtype dtype)
{
    return rows[dtype].bits;
}

size_t dtype_width(enum dtype dtype)
{
    return rows[dtype].width;
}
