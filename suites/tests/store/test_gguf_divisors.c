/* What a GGUF file keeps of a rope: of llama3 a divisor for each frequency, of yarn its numbers. The suite is that of
 * test_gguf.c. */
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

/* The configuration of a file in which this text of the metadata is another of the same length. */
static char *config_changed(const char *file, const char *from, const char *to)
{
    size_t size;
    char *bytes = read_bytes(file, &size), *at = memmem(bytes, size, from, strlen(from));
    cr_assert(at && strlen(from) == strlen(to));
    memcpy(at, to, strlen(to));
    write_bytes(scratch("a.gguf"), bytes, size);
    free(bytes);
    struct store *store = open_store(scratch("a.gguf"));
    char *copy = strdup(store_document(store, "config.json"));
    store_free(store);
    return copy;
}

#define SMALL(name) ASSAY_SOURCE_DIR "/suites/data/gguf/" name ".gguf"

/* All of it, of an architecture of which llama.cpp reads all, and the temperature of queries; without that it is
 * another family. */
Test(gguf, yarn_is_read_as_far_as_llama_cpp_reads_it)
{
    static const struct {
        const char *file, *from, *to, *words[8];
    } rows[] = {
        {SMALL("mistral3"),
         "yarn",
         "yarn",
         {"\"model_type\":\t\"ministral3\"", "\"rope_type\":\t\"yarn\",\n\t\t\"factor\":\t8", "\"beta_fast\":\t1,",
          "\"beta_slow\":\t0.10", "\"mscale\":\t1,", "\"mscale_all_dim\":\t0.60",
          "\"original_max_position_embeddings\":\t12", "\"llama_4_scaling_beta\":\t0.10"}},
        {SMALL("mistral3"),
         "temperature_scale",
         "temperatura_scale",
         {"\"model_type\":\t\"mistral\"", "\"sliding_window\":\tnull"}},
        {SMALL("mistral3"), "yarn", "none", {"\"rope_type\":\t\"default\""}},
        {SMALL("mistral3"), "yarn", "nope", {"'mistral3.rope.scaling.type', which is \\\"nope\\\""}},
        {SMALL("longrope"),
         "longrope",
         "longrope",
         {"\"rope_type\":\t\"longrope\"", "\"short_factor\":\t[1, 1.125, 1.5, 2]",
          "\"long_factor\":\t[1.25, 2.5, 4, 8]", "\"original_max_position_embeddings\":\t16",
          "\"attention_factor\":\t1.22"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *config = config_changed(rows[i].file, rows[i].from, rows[i].to);
        for (size_t k = 0; k < 8 && rows[i].words[k]; k++)
            cr_expect(strstr(config, rows[i].words[k]), "row %zu: no %s in %s", i, rows[i].words[k], config);
        free(config);
    }
}
