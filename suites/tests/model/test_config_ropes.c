/* The kinds of rotation, against what transformers makes of them. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "config_fixture.h"
#include "model/model.h"

#define YARN "'head_dim': 16, 'rope_scaling': {'rope_type': 'yarn', "
#define DYNAMIC "'head_dim': 16, 'max_position_embeddings': 32, 'rope_scaling': {'rope_type': 'dynamic', "
#define LONG                                                                                                           \
    "'head_dim': 8, 'max_position_embeddings': 64, 'original_max_position_embeddings': 16, 'rope_scaling': "           \
    "{'rope_type': 'longrope', 'short_factor': [1, 1.1, 1.25, 2], 'long_factor': [1, 3, 9.5, 32]"

/* The bits of inv_freq and attention_scaling of the rotary embeddings of transformers 5.23, for a sequence of so many
 * tokens; with ATEN_CPU_CAPABILITY=default, as above. */
static const struct {
    const char *members;
    size_t length;
    unsigned hash;
    double strength;
} rows[] = {
    {"'head_dim': 16, 'rope_parameters': {'rope_type': 'yarn', 'factor': 4.0, 'rope_theta': 1e4}, "
     "'max_position_embeddings': 64",
     0, 0xcb541650, 1.138629436111989},
    {"'head_dim': 16, 'rope_scaling': {'type': 'yarn', 'factor': 4.0, 'original_max_position_embeddings': 32}, "
     "'rope_theta': 1e6",
     0, 0x96e1a49a, 1.138629436111989},
    {"'head_dim': 32, 'rope_scaling': {'rope_type': 'yarn', 'factor': 8.0, 'original_max_position_embeddings': 4096, "
     "'beta_fast': 16, 'beta_slow': 2.5, 'truncate': false}, 'rope_theta': 1e6",
     0, 0x8a9f9bd3, 1.2079441541679836},
    {"'head_dim': 24, 'rope_scaling': {'rope_type': 'yarn', 'factor': 40, 'original_max_position_embeddings': 4096, "
     "'mscale': 1.0, 'mscale_all_dim': 0.7, 'attn_factor': 3.0}",
     0, 0xfa595f36, 1.0879546075066122},
    {YARN "'factor': null, 'original_max_position_embeddings': 16}, 'max_position_embeddings': 128", 0, 0x0d17517c,
     1.2079441541679836},
    {YARN "'factor': 4.0, 'original_max_position_embeddings': 16, 'attention_factor': 1.5, 'beta_fast': 0}, "
          "'original_max_position_embeddings': 64",
     0, 0xcb541650, 1.5},
    {DYNAMIC "'factor': 4.0}", 0, 0x0040523e, 1},
    {DYNAMIC "'factor': 4.0}", 32, 0x0040523e, 1},
    {DYNAMIC "'factor': 4.0}", 33, 0x78bbc0e0, 1},
    {DYNAMIC "'factor': 2.5}, 'rope_theta': 5e5", 101, 0xcefdeb07, 1},
    {LONG "}", 16, 0x00c52f1d, 1.224744871391589},
    {LONG "}", 17, 0x7d761c1f, 1.224744871391589},
    {LONG ", 'factor': 2.0, 'attention_factor': 0.75}", 17, 0x7d761c1f, 0.75},
    {"'model_type': 'ministral3', 'head_dim': 16", 0, 0x4b602bfa, 1},
    {"'model_type': 'ministral3', 'head_dim': 16, 'rope_parameters': {'rope_type': 'yarn', 'factor': 16.0, "
     "'rope_theta': 1e6, 'beta_fast': 32.0, 'beta_slow': 1.0, 'mscale': 1.0, 'mscale_all_dim': 1.0, "
     "'original_max_position_embeddings': 8, 'llama_4_scaling_beta': 0.1}",
     0, 0x746b483b, 1},
};

static struct model_config *config_of(const char *members)
{
    struct error error = {0};
    cJSON *root = build(LLAMA, members);
    struct model_config *config = config_parse("test", root, &error);
    cr_assert(config, "%s: %s", members, error_text(&error));
    cJSON_Delete(root);
    return config;
}

Test(configuration, ropes_are_those_of_the_original)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct model_config *config = config_of(rows[i].members);
        cr_expect_str_empty(config->unsupported, "row %zu: %s", i, config->unsupported);
        cr_expect_eq(rope_hash(config, rows[i].length), rows[i].hash, "row %zu: %08x", i,
                     rope_hash(config, rows[i].length));
        cr_expect_float_eq(config->rope_strength, rows[i].strength, 1e-15, "row %zu: %.17g", i, config->rope_strength);
        free(config);
    }
}

Test(configuration, lengths_that_rotate_alike)
{
    static const struct {
        const char *members;
        size_t length, other;
        bool alike;
    } lengths[] = {
        {YARN "'factor': 4.0}", 1, 100000, true},
        {DYNAMIC "'factor': 2.0}", 1, 32, true},
        {DYNAMIC "'factor': 2.0}", 32, 33, false},
        {DYNAMIC "'factor': 2.0}", 33, 34, false},
        {LONG "}", 1, 16, true},
        {LONG "}", 16, 17, false},
        {LONG "}", 17, 1000, true},
    };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct model_config *config = config_of(lengths[i].members);
        cr_expect_eq(model_same_rotation(config, lengths[i].length, lengths[i].other), lengths[i].alike, "row %zu", i);
        free(config);
    }
}

/* What would be another model is refused by what is wrong with it. */
Test(configuration, ropes_say_what_they_need)
{
    static const struct {
        const char *members, *words;
    } refused[] = {
        {YARN "'beta_fast': 32}", "\"yarn\" needs \"factor\""},
        {DYNAMIC "'alpha': 2}", "\"dynamic\" needs \"factor\""},
        {"'head_dim': 2, 'rope_scaling': {'type': 'dynamic', 'factor': 2}", "heads of 2 values"},
        {YARN "'factor': 4}, 'rope_theta': 1", "rope_theta of 1"},
        {"'head_dim': 8, 'rope_scaling': {'type': 'longrope', 'short_factor': [1, 2, 3, 4], 'long_factor': [1]}",
         "\"long_factor\" should be an array of 4 numbers above 0"},
        {"'head_dim': 4, 'rope_scaling': {'type': 'longrope', 'short_factor': [1, 2], 'long_factor': [1, 0]}",
         "\"long_factor\" should be an array of 2 numbers above 0"},
        {"'head_dim': 4, 'rope_scaling': {'type': 'longrope', 'short_factor': [1, 2]}",
         "\"longrope\" needs \"long_factor\""},
        {"'head_dim': 4, 'rope_scaling': {'type': 'longrope', 'short_factor': [1, 2], 'long_factor': [1, 2]}, "
         "'original_max_position_embeddings': 1",
         "original_max_position_embeddings of 1"},
        {"'model_type': 'ministral3', 'rope_parameters': {'rope_theta': 1e4}", "\"llama_4_scaling_beta\""},
        {"'model_type': 'ministral3', 'rope_parameters': {'llama_4_scaling_beta': 0.1}",
         "\"original_max_position_embeddings\""},
        {YARN "'factor': 4, 'partial_rotary_factor': 0.5}", "partial_rotary_factor 0.5"},
        {"'rope_parameters': {'full_attention': {'rope_type': 'default'}}", "\"full_attention\""},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct model_config *config = config_of(refused[i].members);
        cr_expect(strstr(config->unsupported, refused[i].words), "row %zu: \"%s\"", i, config->unsupported);
        free(config);
    }
}
