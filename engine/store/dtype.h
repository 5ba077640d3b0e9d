/* Element types of stored tensors, by their safetensors names. */
#ifndef ASSAY_STORE_DTYPE_H
#define ASSAY_STORE_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dtype {
    DTYPE_F32,
    DTYPE_F16,
    DTYPE_BF16,
    DTYPE_F64,
    DTYPE_I64,
    DTYPE_I32,
    DTYPE_I16,
    DTYPE_I8,
    DTYPE_U64,
    DTYPE_U32,
    DTYPE_U16,
    DTYPE_U8,
    DTYPE_BOOL,
    DTYPE_F8_E4M3,
    DTYPE_F8_E5M2,
    DTYPE_F8_E8M0,
    DTYPE_F8_E4M3FNUZ,
    DTYPE_F8_E5M2FNUZ,
    DTYPE_F6_E2M3,
    DTYPE_F6_E3M2,
    DTYPE_F4,
    DTYPE_C64,
    DTYPE_COUNT
};

const char *dtype_name(enum dtype dtype);
bool dtype_parse(const char *name, enum dtype *dtype);

/* Bits of one element. */
unsigned dtype_bits(enum dtype dtype);

/* Bytes of one element of a type that the engine computes with: F32, F16 and BF16; 0 for the others. */
size_t dtype_width(enum dtype dtype);

#endif
