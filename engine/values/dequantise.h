/* GGUF's block types to float32. */
#ifndef ASSAY_VALUES_DEQUANTISE_H
#define ASSAY_VALUES_DEQUANTISE_H

#include <stddef.h>

#include "values/dtype.h"

/* Widens `count` elements, whole blocks, of a type from DTYPE_Q4_0 to DTYPE_Q6_K. Bit for bit what the `gguf` Python
 * package computes (gguf/quants.py, dequantize). The source need not be aligned. */
void dequantise(enum dtype dtype, const void *values, float *out, size_t count);

#endif
