/* What a tensor that is not the original's is to it: each relation planted, and named. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/fault.h"
#include "health/relation.h"
#include "model/config.h"
#include "store/store.h"

#define NANO ASSAY_SOURCE_DIR "/golden/nano/"

static void expect_relation(const char *model, const char *fault, const char *tensor, const char *expected)
{
    struct error error = {0};
    struct buffer text = {0};
    char path[512];
    snprintf(path, sizeof path, NANO "%s", model);
    struct store *store = store_open(path, &error);
    snprintf(path, sizeof path, NANO "%s/config.json", model);
    struct model_config *config = store ? config_read(path, &error) : NULL;
    cr_assert(config, "%s", error_text(&error));
    struct store *laid = faults_over(store, config, &(struct fault_means){.original = store}, &fault, 1, &error);
    cr_assert(laid, "%s", error_text(&error));
    struct relations *relations = relations_new(laid, store, config->head_dim, &error);
    cr_assert(relations && relation_find(relations, tensor, &text, &error), "%s", error_text(&error));
    cr_expect(text.data && strstr(text.data, expected), "%s: '%s', not '%s'", fault, text.data ? text.data : "",
              expected);
    relations_free(relations);
    buffer_free(&text);
    store_free(laid);
    store_free(store);
    free(config);
}

#define Q "model.layers.2.self_attn.q_proj.weight"
#define K "model.layers.2.self_attn.k_proj.weight"
#define V "model.layers.2.self_attn.v_proj.weight"
#define UP "model.layers.2.mlp.experts.3.up_proj.weight"
#define NORM "model.layers.2.input_layernorm.weight"

TestSuite(relation, .timeout = 60);

Test(relation, is_named)
{
    static const struct {
        const char *fault, *tensor, *expected;
    } rows[] = {
        {"copy:" K "," V, K, "holds the original's " V},
        {"swap-layers:2,3", Q, "holds the original's model.layers.3.self_attn.q_proj.weight"},
        {"zeros:" Q, Q, "holds 0 and nothing else"},
        {"constant:" NORM ",1", NORM, "holds 1 and nothing else"},
        {"scale:" Q ",1.5", Q, "is 1.5 times the original's"},
        {"scale:" NORM ",-2", NORM, "is -2 times the original's"},
        {"add:" NORM ",-1", NORM, "is the original's with -1 added to every value"},
        {"byte-swap:" UP, UP, "bytes of every value in reverse order"},
        {"misread:" UP, UP, "read as"},
        {"transpose:" UP, UP, "is the original's transposed"},
        {"pair-heads:" Q, Q, "in the order for rotation of neighbours"},
        {"halve-heads:" Q, Q, "in the order for rotation of halves"},
        {"shift-rows:" Q ",3", Q, "shifted: row 0 is the original's row 3"},
        {"swap-router-rows:2,3,4", "model.layers.2.mlp.gate.weight", "rows 3 and 4 exchanged"},
        {"permute-rows:" Q, Q, "rows in another order"},
        {"zeros:" Q ",0.1", Q, "which are zeros"},
        {"zero-page:" Q, Q, "which are zeros (4096 bytes from byte 0"},
        {"initialise:" Q, Q, "has nothing in common"},
        {"shuffle:" NORM, NORM, "values in another order"},
        {"resize-rows:lm_head.weight,400", "lm_head.weight", "has shape [400, 40], the original's [408, 40]"},
        {"adapter:lm_head.weight,0.5", "lm_head.weight", "a matrix of rank 8"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_relation("thinker", rows[i].fault, rows[i].tensor, rows[i].expected);
}

/* A small error is none of them, and is said in numbers. */
Test(relation, without_a_name)
{
    expect_relation("qwen2", "scale:model.layers.1.self_attn.q_proj.weight,1.5,0.9",
                    "model.layers.1.self_attn.q_proj.weight", "in no way that is known here");
    expect_relation("qwen2", "lost-scales:model.layers.1.self_attn.q_proj.weight",
                    "model.layers.1.self_attn.q_proj.weight", "times the original's");
}
