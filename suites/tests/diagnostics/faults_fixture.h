/* A small model, and what a fault leaves of it: what the tests of faults share. */
#ifndef ASSAY_TESTS_FAULTS_FIXTURE_H
#define ASSAY_TESTS_FAULTS_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "model/config.h"
#include "values/dtype.h"

#define ROWS 6
#define COLUMNS 4
#define ELEMENTS (ROWS * COLUMNS)
#define VECTOR 7
#define TENSORS 8

extern const char *const types[3];
extern struct store *base;
extern struct model_config *config;

/* Values that all of the types hold: `first`, first + 1 ... */
const char *counted(enum dtype dtype, int first, size_t count);
struct store *broken(const char *const *specs, size_t count);

/* The whole tensor, widened; malloc'd. */
float *widened(const struct store *store, const char *name);

/* The same bytes, shape and dtype as in the store without faults, but for the two named (NULL: none). */
void expect_others_same(const struct store *store, const char *a, const char *b);

/* However a reader cuts the rows, they are the same. */
void expect_cuts_agree(const struct store *store, const char *name);

struct share {
    const char *text;
    uint64_t rows, elements; /* of ROWS, of VECTOR */
};
extern const struct share shares[8];

#endif
