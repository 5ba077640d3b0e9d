/* GGUF's block types to float32. */
#ifndef ASSAY_VALUES_DEQUANTISE_H
#define ASSAY_VALUES_DEQUANTISE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "values/dtype.h"

/* Widens `count` elements, whole blocks, of a block type that dtype_computes. Bit for bit what the `gguf` Python
 * package computes (gguf/quants.py, dequantize). The source need not be aligned. */
void dequantise(enum dtype dtype, const void *values, float *out, size_t count);

/* Of one type each, `blocks` of them: dequantise_grid.c and dequantise_small.c. */
typedef void widen_blocks(const uint8_t *restrict block, float *restrict out, size_t blocks);
widen_blocks widen_iq1_s, widen_iq1_m, widen_iq2_xxs, widen_iq2_xs, widen_iq2_s, widen_iq3_xxs, widen_iq3_s;
widen_blocks widen_iq4_nl, widen_iq4_xs, widen_tq1_0, widen_tq2_0, widen_mxfp4;

static inline float half_at(const uint8_t *at)
{
    __extension__ _Float16 half;
    memcpy(&half, at, sizeof half);
    return (float)half;
}

#endif
