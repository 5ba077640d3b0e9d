/* Element types of stored tensors: those of safetensors by its names, those of GGUF by the names that its tools use. */
#ifndef ASSAY_VALUES_DTYPE_H
#define ASSAY_VALUES_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

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
    DTYPE_SAFETENSORS, /* the rows before are those that a safetensors file may hold */
    DTYPE_Q4_0 = DTYPE_SAFETENSORS,
    DTYPE_Q4_1,
    DTYPE_Q5_0,
    DTYPE_Q5_1,
    DTYPE_Q8_0,
    DTYPE_Q2_K,
    DTYPE_Q3_K,
    DTYPE_Q4_K,
    DTYPE_Q5_K,
    DTYPE_Q6_K,
    DTYPE_Q8_1,
    DTYPE_Q8_K,
    DTYPE_Q1_0,
    DTYPE_IQ1_S,
    DTYPE_IQ1_M,
    DTYPE_IQ2_XXS,
    DTYPE_IQ2_XS,
    DTYPE_IQ2_S,
    DTYPE_IQ3_XXS,
    DTYPE_IQ3_S,
    DTYPE_IQ4_NL,
    DTYPE_IQ4_XS,
    DTYPE_TQ1_0,
    DTYPE_TQ2_0,
    DTYPE_MXFP4,
    DTYPE_NVFP4,
    DTYPE_COUNT
};

const char *dtype_name(enum dtype dtype);
/* The names of safetensors only. */
bool dtype_parse(const char *name, enum dtype *dtype);

/* What torch and configurations call the type ("bfloat16"); NULL: nothing. */
const char *dtype_torch(enum dtype dtype);
/* The same backwards, of "torch.bfloat16" too and of torch's other names; DTYPE_COUNT: of none. */
enum dtype dtype_of_torch(const char *name);
/* What numpy's files call it ("<f4"); DTYPE_COUNT: none that is read here. */
enum dtype dtype_of_numpy(const char *name);

/* What the relative L2 error of a whole tensor stays below when its values are rounded to the type. Measured, at worst
 * of SmolLM2's matrices, Gaussian values and Student's t of 3 degrees: F16 2.1e-4, BF16 1.7e-3, Q8_0 8.6e-3, Q5_0 and
 * Q5_1 6.5e-2, Q4_0 and Q4_1 0.13; half as much again or more is allowed. The other block types by their bits, floats
 * of 8 bits by theirs. 0: nothing is known to be lost. */
double dtype_rounding(enum dtype dtype);

/* Elements that are stored together, sharing a scale; 1 for plain types. A row is whole blocks. */
size_t dtype_block(enum dtype dtype);
/* Bits of one block; of a plain type: of one element. */
unsigned dtype_bits(enum dtype dtype);

/* Bytes of a row of `columns` elements, a multiple of the block, in a type whose rows fill whole bytes. */
size_t dtype_row_bytes(enum dtype dtype, size_t columns);

/* The engine computes with the type, after widening it. */
bool dtype_computes(enum dtype dtype);
/* Appends which: "F32, F16, BF16, F64 ..., and GGUF's Q4_0, Q4_1 ...". */
void dtype_computed_list(struct buffer *out);

/* Bytes of one element of F32, F16 and BF16, which can be narrowed to; 0 for the others. */
size_t dtype_width(enum dtype dtype);

#endif
