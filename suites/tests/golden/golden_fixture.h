/* Dumps of gold for tests. */
#ifndef ASSAY_TESTS_GOLDEN_FIXTURE_H
#define ASSAY_TESTS_GOLDEN_FIXTURE_H

#include "golden/golden.h"
#include "store_fixtures.h"

#define NANO ASSAY_SOURCE_DIR "/golden/nano/"
#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

/* A key of the metadata and its text; a NULL text takes the key out. */
struct entry {
    const char *key, *text;
};

/* Writes a good dump with some entries changed, in the scratch folder; returns its path. */
const char *write_golden(const struct entry *changes, size_t count, const struct plain_tensor *tensors,
                         size_t tensor_count);

/* Fails the test if it does not open. */
struct golden *open_golden(const char *path);

/* Of a bundled nano model; free with free(). */
struct model_config *nano_config(const char *model);

#endif
