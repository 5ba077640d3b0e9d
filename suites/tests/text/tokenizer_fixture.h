/* What the tests of the tokenizer share. */
#ifndef ASSAY_TESTS_TOKENIZER_FIXTURE_H
#define ASSAY_TESTS_TOKENIZER_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#define DATA ASSAY_SOURCE_DIR "/suites/data/tokens"
#define FILE_MOST ((size_t)64 << 20)

/* xorshift: the same numbers everywhere. */
uint32_t next_random(uint32_t *state);

#endif
