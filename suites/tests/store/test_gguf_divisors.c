/* What a GGUF file keeps of the llama3 rope: a divisor for each frequency. The suite is that of test_gguf.c. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "fixtures.h"
#include "store/store.h"
#include "store_fixtures.h"

#define FILE_OF ASSAY_SOURCE_DIR "/suites/data/gguf/llama-f32.gguf"
#define DIVISORS 6

/* The configuration of a file whose last divisors, the last values in it, are these. */
static char *config_with(const float *last, size_t count)
{
    size_t size;
    char *bytes = read_bytes(FILE_OF, &size);
    const float largest = 8;
    char *at = bytes + size;
    while (at > bytes && memcmp(at - 4, &largest, 4) != 0)
        at--;
    cr_assert(at > bytes + size - 64);
    memcpy(at - count * sizeof *last, last, count * sizeof *last);
    write_bytes(scratch("a.gguf"), bytes, size);
    free(bytes);
    struct store *store = open_store(scratch("a.gguf"));
    const char *config = store_document(store, "config.json");
    char *copy = strdup(config ? config : "");
    store_free(store);
    return copy;
}

Test(gguf, divisors_that_are_not_llama3_are_not_computed)
{
    char *config = config_with((const float[]){7.5f}, 1);
    cr_expect(strstr(config, "does not compute the divisors that tensor 'rope_freqs.weight' holds"), "%s", config);
    free(config);
}

/* Of a head of a few values no frequency lies between: then any context does that leaves each on its side. */
Test(gguf, divisors_that_tell_of_no_context_are_computed)
{
    char *config = config_with((const float[DIVISORS]){1, 1, 8, 8, 8, 8}, DIVISORS);
    cr_expect(strstr(config, "\"rope_type\":\t\"llama3\",\n\t\t\"factor\":\t8"), "%s", config);
    cr_expect_null(strstr(config, "divisors"));
    free(config);
}
