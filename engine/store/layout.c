#include "store/layout.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/wording.h"
#include "store/place.h"

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

/* Of what lies in layers; experts: expert, layer. */
static const char *const layer_paths[BLOCK_COUNT] = {
    [BLOCK_ATTENTION] = "attention/thinker_attention_layer_%02d.safetensors",
    [BLOCK_ROUTERS] = "routers/thinker_router_layer_%02d.safetensors",
    [BLOCK_EXPERTS] = "experts/thinker_expert_%03d_layer_%02d.safetensors",
    [BLOCK_MLP] = "mlp/thinker_mlp_layer_%02d.safetensors",
    [BLOCK_NORMS] = "norms/thinker_norms_layer_%02d.safetensors",
};

/* What a word of a name tells of the block, whatever the architecture: of the first word that tells anything the first
 * row that fits. */
static const struct role_row {
    enum { WORD_IS, WORD_BEGINS, WORD_HOLDS } fits;
    const char *word;
    enum block block;
} role_rows[] = {
    {WORD_HOLDS, "norm", BLOCK_NORMS}, /* before post_attention_layernorm is taken for an attention */
    {WORD_BEGINS, "ln_", BLOCK_NORMS},          {WORD_HOLDS, "attn", BLOCK_ATTENTION},
    {WORD_HOLDS, "attention", BLOCK_ATTENTION}, {WORD_IS, "gate", BLOCK_ROUTERS},
    {WORD_IS, "router", BLOCK_ROUTERS},
};

/* Of what lies in no layer; the first row whose beginning fits decides. */
static const struct layout_row {
    const char *begins;
    enum block block;
    const char *path;
    const char *prefix; /* put before the name; NULL: `begins` is exchanged for `instead` */
    const char *instead;
} layout_rows[] = {
    {"model.embed_tokens.", BLOCK_EMBEDDINGS, "embeddings/thinker_embeddings.safetensors", NULL, "embed_tokens."},
    {"lm_head.", BLOCK_LM_HEAD, "lm_head/thinker_lm_head.safetensors", NULL, "lm_head."},
    {"model.norm.", BLOCK_FINAL_NORM, "final_norm/thinker_final_norm.safetensors", "thinker.", NULL},
    {"model.", BLOCK_EMBEDDINGS, "embeddings/thinker_embeddings.safetensors", "thinker.", NULL},
    {"", BLOCK_EMBEDDINGS, "embeddings/thinker_embeddings.safetensors", "", NULL},
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

static bool role_fits(const struct role_row *row, const char *word, size_t length)
{
    size_t own = strlen(row->word);
    for (size_t at = 0; own <= length && at <= (row->fits == WORD_HOLDS ? length - own : 0); at++)
        if (strncasecmp(word + at, row->word, own) == 0)
            return row->fits != WORD_IS || length == own;
    return false;
}

/* Of the name behind the layer's number. */
static enum block role_of(const char *rest)
{
    for (size_t length; *rest; rest += length + (rest[length] == '.')) {
        length = strcspn(rest, ".");
        for (size_t i = 0; i < sizeof role_rows / sizeof *role_rows; i++)
            if (role_fits(&role_rows[i], rest, length))
                return role_rows[i].block;
    }
    return BLOCK_MLP;
}

/* A name of the usual kind is written with the prefix that readers of extractions know, any other as it is. */
static bool place_in_layer(const char *canonical, const char *rest, struct layout_place *place)
{
    static const char usual[] = "model.";
    place->block = place->expert >= 0 ? BLOCK_EXPERTS : role_of(rest);
    const char *format = layer_paths[place->block];
    int path = place->block == BLOCK_EXPERTS
                   ? snprintf(place->path, sizeof place->path, format, place->expert, place->layer)
                   : snprintf(place->path, sizeof place->path, format, place->layer);
    int name = snprintf(place->name, sizeof place->name, "%s%s",
                        strncmp(canonical, usual, strlen(usual)) == 0 ? "thinker." : "", canonical);
    return path < LAYOUT_PATH && name < LAYOUT_NAME;
}

bool layout_place(const char *canonical, struct layout_place *place)
{
    *place = (struct layout_place){.layer = -1, .expert = -1};
    const char *rest = name_place(canonical, &place->layer, &place->expert);
    if (place->layer >= 0)
        return place_in_layer(canonical, rest, place);
    place->expert = -1;
    const struct layout_row *row = layout_rows;
    while (strncmp(canonical, row->begins, strlen(row->begins)) != 0)
        row++;
    place->block = row->block;
    int path = snprintf(place->path, sizeof place->path, "%s", row->path);
    int name = row->prefix
                   ? snprintf(place->name, sizeof place->name, "%s%s", row->prefix, canonical)
                   : snprintf(place->name, sizeof place->name, "%s%s", row->instead, canonical + strlen(row->begins));
    return path < LAYOUT_PATH && name < LAYOUT_NAME;
}
