/* What the tests of the configuration share: configurations that stand under the rows of a table. */
#ifndef ASSAY_TESTS_CONFIG_FIXTURE_H
#define ASSAY_TESTS_CONFIG_FIXTURE_H

#include <stddef.h>

#include "base/json.h"
#include "model/config.h"

/* A configuration that stands under all rows of a table, and where in it their members go. */
enum base { BARE, QWEN2, QWEN3, LLAMA, MIXTRAL, QWEN2_MOE, QWEN3_MOE, TEXT, OUTER, ROOT, ALONE, VL, BASES };

#define SMALL                                                                                                          \
    "'vocab_size': 50, 'hidden_size': 24, 'intermediate_size': 20, 'num_attention_heads': 4, 'num_key_value_heads': 2"
#define FOUR "'num_hidden_layers': 4, " SMALL
#define EXPERTS "'num_experts': 6, 'num_experts_per_tok': 2, 'moe_intermediate_size': 10"

extern const struct base_row {
    const char *json;
    const char *path[2];
    const char *fields; /* see fields_of */
} base_rows[BASES];

/* JSON with ' for ". */
cJSON *parse(const char *text);

/* The base with the members set; free with cJSON_Delete. */
cJSON *build(enum base base, const char *members);

/* FNV-1a of the rotary frequencies of a sequence of so many tokens, bit for bit. */
unsigned rope_hash(const struct model_config *config, size_t length);

#endif
