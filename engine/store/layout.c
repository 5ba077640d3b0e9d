#include "store/layout.h"

#include <stdio.h>
#include <string.h>

#include "base/numbers.h"
#include "base/wording.h"

static const char *const block_names[BLOCK_COUNT] = {
    [BLOCK_EMBEDDINGS] = "embeddings",
    [BLOCK_ATTENTION] = "attention",
    [BLOCK_ROUTERS] = "routers",
    [BLOCK_EXPERTS] = "experts",
    [BLOCK_MLP] = "mlp",
    [BLOCK_NORMS] = "norms",
    [BLOCK_FINAL_NORM] = "final_norm",
    [BLOCK_LM_HEAD] = "lm_head",
};

/* The first row that fits decides. `begins` follows "model.layers.N." in rows of layers, else it begins the name. */
static const struct layout_row {
    bool of_layer;
    const char *begins;
    enum block block;
    const char *path;   /* format: layer; expert and layer in the row of experts */
    const char *prefix; /* put before the name; NULL: `begins` is exchanged for `instead` */
    const char *instead;
} layout_rows[] = {
    {true, "mlp.experts.", BLOCK_EXPERTS, "experts/thinker_expert_%03d_layer_%02d.safetensors", "thinker.", NULL},
    {true, "mlp.gate.", BLOCK_ROUTERS, "routers/thinker_router_layer_%02d.safetensors", "thinker.", NULL},
    {true, "self_attn.", BLOCK_ATTENTION, "attention/thinker_attention_layer_%02d.safetensors", "thinker.", NULL},
    {true, "input_layernorm.", BLOCK_NORMS, "norms/thinker_norms_layer_%02d.safetensors", "thinker.", NULL},
    {true, "post_attention_layernorm.", BLOCK_NORMS, "norms/thinker_norms_layer_%02d.safetensors", "thinker.", NULL},
    {true, "", BLOCK_MLP, "mlp/thinker_mlp_layer_%02d.safetensors", "thinker.", NULL},
    {false, "model.embed_tokens.", BLOCK_EMBEDDINGS, "embeddings/thinker_embeddings.safetensors", NULL,
     "embed_tokens."},
    {false, "lm_head.", BLOCK_LM_HEAD, "lm_head/thinker_lm_head.safetensors", NULL, "lm_head."},
    {false, "model.norm.", BLOCK_FINAL_NORM, "final_norm/thinker_final_norm.safetensors", "thinker.", NULL},
    {false, "model.", BLOCK_EMBEDDINGS, "embeddings/thinker_embeddings.safetensors", "thinker.", NULL},
    {false, "", BLOCK_EMBEDDINGS, "embeddings/thinker_embeddings.safetensors", "", NULL},
};

const char *block_name(enum block block)
{
    return block_names[block];
}

enum block block_parse(const char *name)
{
    int i = 0;
    while (i < BLOCK_COUNT && strcmp(block_names[i], name) != 0)
        i++;
    return (enum block)i;
}

static const char *name_of_block(size_t index)
{
    return block_names[index];
}

bool blocks_parse(const char *names, bool marks[BLOCK_COUNT])
{
    return names_mark(names, BLOCK_COUNT, name_of_block, marks);
}

/* The whole number that `text` begins with, followed by a dot; -1: none. `*rest` is set behind the dot. */
static int leading_index(const char *text, const char **rest)
{
    size_t digits = strspn(text, "0123456789");
    char number[8] = {0};
    long long value = 0;
    if (!digits || digits >= sizeof number || text[digits] != '.')
        return -1;
    memcpy(number, text, digits);
    if (!number_parse(number, 0, 999999, &value))
        return -1;
    *rest = text + digits + 1;
    return (int)value;
}

bool layout_place(const char *canonical, struct layout_place *place)
{
    static const char layers[] = "model.layers.";
    const char *rest = canonical, *unused;
    *place = (struct layout_place){.layer = -1, .expert = -1};
    if (strncmp(canonical, layers, strlen(layers)) == 0)
        place->layer = leading_index(canonical + strlen(layers), &rest);
    const struct layout_row *row = layout_rows;
    for (;; row++) {
        if (row->of_layer != (place->layer >= 0) || strncmp(rest, row->begins, strlen(row->begins)) != 0)
            continue;
        if (row->block != BLOCK_EXPERTS || (place->expert = leading_index(rest + strlen(row->begins), &unused)) >= 0)
            break;
    }
    place->block = row->block;
    int path = row->block == BLOCK_EXPERTS
                   ? snprintf(place->path, sizeof place->path, row->path, place->expert, place->layer)
                   : snprintf(place->path, sizeof place->path, row->path, place->layer);
    int name = row->prefix
                   ? snprintf(place->name, sizeof place->name, "%s%s", row->prefix, canonical)
                   : snprintf(place->name, sizeof place->name, "%s%s", row->instead, canonical + strlen(row->begins));
    return path < LAYOUT_PATH && name < LAYOUT_NAME;
}
