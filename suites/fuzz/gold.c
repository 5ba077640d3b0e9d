/* Gold, in all the forms that it is read in. */
#include <stdlib.h>
#include <string.h>

#include "golden/golden.h"
#include "place.h"
#include "target.h"

#define VALUES_MOST ((size_t)1 << 18)

static void read_rows(const struct golden *golden, const struct golden_tensor *tensor)
{
    struct error error = {0};
    size_t rows = tensor->width ? VALUES_MOST / tensor->width : 0;
    rows = rows < tensor->rows ? rows : tensor->rows;
    float *values = rows ? malloc(rows * tensor->width * sizeof *values) : NULL;
    if (values)
        golden_read_rows(golden, tensor, tensor->rows - rows, rows, values, &error);
    (void)golden_statistics(golden, tensor)->mean.value;
    free(values);
    error_clear(&error);
}

/* As a subject of half the size sees it. */
static void restrict_to_less(struct golden *golden, struct model_config *config)
{
    struct error error = {0};
    struct buffer list = {0};
    bool other;
    if (!config)
        return;
    config->layers -= config->layers / 2;
    config->vocabulary -= config->vocabulary / 2; /* INT_MAX where no logits are */
    golden_restrict(golden, config, &list, &other, &error);
    for (size_t i = 0; i < golden_tensor_count(golden); i++)
        read_rows(golden, golden_tensor_at(golden, i));
    buffer_free(&list);
    error_clear(&error);
}

static void read_gold(const char *path)
{
    struct error error = {0};
    if (!golden_recognises(path))
        return;
    struct golden *golden = golden_open(path, &error);
    error_clear(&error);
    if (!golden)
        return;
    golden_settle(golden, &(struct golden_beside){.layers = 5}, &error);
    error_clear(&error);
    for (size_t i = 0; i < golden_case_count(golden); i++)
        golden_find(golden, golden_same_case(golden, golden_case_at(golden, i)), "lm_head");
    for (size_t i = 0; i < golden_tensor_count(golden); i++)
        read_rows(golden, golden_tensor_at(golden, i));
    struct model_config *config = golden_config(golden, &error);
    error_clear(&error);
    if (config)
        golden_fits(golden, config, &error);
    error_clear(&error);
    golden_begin_windows(golden, 1);
    restrict_to_less(golden, config);
    free(config);
    golden_free(golden);
    error_clear(&error);
}

void fuzz_golden(const uint8_t *data, size_t size)
{
    read_gold(place_file("gold.golden.safetensors", data, size));
}

void fuzz_npy(const uint8_t *data, size_t size)
{
    place_copy("npy/ids.npy", "suites/data/foreign/npy/short/input_ids.npy");
    place_file("npy/lm_head.npy", data, size);
    read_gold(place("npy"));
}

void fuzz_npy_ids(const uint8_t *data, size_t size)
{
    place_file("npy_ids/ids.npy", data, size);
    read_gold(place("npy_ids"));
}

/* The tensors' own files are absent, except those of the last layer's output. */
void fuzz_debug_tree(const uint8_t *data, size_t size)
{
    static const char *const summary = "tree/Model_debug_tree_SUMMARY.json";
    place_copy("tree/Qwen3ForCausalLM.lm_head_outputs.safetensors",
               "suites/data/foreign/tree/Qwen3ForCausalLM.lm_head_outputs.safetensors");
    place_copy("tree/Qwen3ForCausalLM_inputs_kwargs_input_ids.safetensors",
               "suites/data/foreign/tree/Qwen3ForCausalLM_inputs_kwargs_input_ids.safetensors");
    place_file(summary, data, size);
    read_gold(place_file("tree/Model_debug_tree_FULL_TENSORS.json", data, size));
    read_gold(place(summary));
}

void fuzz_logits_base(const uint8_t *data, size_t size)
{
    read_gold(place_file("base.kld", data, size));
}

void fuzz_llama_tokens(const uint8_t *data, size_t size)
{
    place_file("llamacpp-model-tokens.bin", data, size);
    read_gold(place_copy("llamacpp-model.bin", "suites/data/foreign/llamacpp-llama.bin"));
}

void fuzz_llama_prompt(const uint8_t *data, size_t size)
{
    place_file("llamacpp-other-prompt.txt", data, size);
    read_gold(place_copy("llamacpp-other.bin", "suites/data/foreign/llamacpp-llama.bin"));
}
