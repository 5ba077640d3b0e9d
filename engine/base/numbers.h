/* Numbers: overflow-checked arithmetic, order, and sets of them in words. */
#ifndef ASSAY_BASE_NUMBERS_H
#define ASSAY_BASE_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* False: the result does not fit. */
bool multiply_u64(uint64_t a, uint64_t b, uint64_t *result);
bool add_u64(uint64_t a, uint64_t b, uint64_t *result);

/* For qsort of doubles that are numbers: the smallest first. */
int double_order(const void *a, const void *b);
/* Sorts them; NaN where there is none. */
double doubles_median(double *values, size_t count);

/* What splitmix64 gives from the state `value` (Steele, Lea, Flood: Fast splittable pseudorandom number generators,
 * 2014); its next state is value + MIX_STEP. */
#define MIX_STEP 0x9E3779B97F4A7C15u
uint64_t mix_u64(uint64_t value);

/* "1, 5, 9-12" of sorted distinct values. */
void numbers_ranges(struct buffer *out, const int *sorted, size_t count);

/* A whole decimal number and nothing else. */
bool number_parse(const char *text, long long minimum, long long maximum, long long *value);
/* "3-17", or "3" for 3-3: from 0 to `maximum`, the last not below the first. */
bool range_parse(const char *text, int maximum, int *first, int *last);
/* "512", "64K", "1.5G": bytes, binary multiples. */
bool size_parse(const char *text, uint64_t *bytes);
/* "1.2 GB" style, decimal multiples, for people. */
void size_text(struct buffer *out, uint64_t bytes);

#endif
