/* What the tests of stores share. A failed expectation fails the test that runs. */
#ifndef ASSAY_TESTS_STORE_FIXTURES_H
#define ASSAY_TESTS_STORE_FIXTURES_H

#include "fixtures.h"
#include "store/store.h"

/* Opens, or ends the test. */
struct store *open_store(const char *path);

/* A file or folder that is no store: the error names it, and has these words in it. */
void expect_not_opened(const char *path, const char *needle);

/* Exactly one problem, and all these words (NULL: none) are in it. */
void expect_problem(const struct store *store, const char *a, const char *b, const char *c);

/* The whole tensor, malloc'd. */
unsigned char *values_of(const struct store *store, const char *name);
void expect_values(const struct store *store, const char *name, const void *expected, size_t size);

/* A file of one tensor, U8 [4]. */
void write_one(const char *path, const char *name, const void *data);

/* FOLDER/model.safetensors.index.json with that JSON as its weight_map; the path. */
const char *write_index(const char *folder, const char *weight_map);

/* model.a U8 [4, 2] "aAbBcCdD", model.b U8 [4] "efgh", model.c U8 [2] "xy", and visual.v [2] "vw" of another component.
 */
struct store *open_three(void);

#endif
