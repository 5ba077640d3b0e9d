#include "model/config_unknown.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct usual_row {
    size_t offset; /* in struct model_config */
    int most;
    const char *keys[6]; /* the first that is there counts */
} usual_rows[] = {
#define SIZE(member, most, ...)                                                                                        \
    {                                                                                                                  \
        offsetof(struct model_config, member), most,                                                                   \
        {                                                                                                              \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }
    SIZE(layers, CONFIG_LAYERS_MAX, "num_hidden_layers", "n_layer", "num_layers", "n_layers"),
    SIZE(hidden, 1 << 24, "hidden_size", "n_embd", "d_model", "dim"),
    SIZE(vocabulary, 1 << 24, "vocab_size"),
    SIZE(experts, 65536, "num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts", "num_moe_experts"),
    SIZE(experts_per_token, 65536, "num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_k"),
    SIZE(context, 1 << 30, "max_position_embeddings", "n_positions", "max_seq_len"),
#undef SIZE
};

static void take_sizes(struct model_config *config, const cJSON *text)
{
    for (size_t i = 0; i < sizeof usual_rows / sizeof *usual_rows; i++) {
        const struct usual_row *row = &usual_rows[i];
        int *value = (int *)((char *)config + row->offset);
        for (size_t k = 0; k < sizeof row->keys / sizeof *row->keys && row->keys[k] && !*value; k++) {
            const cJSON *item = json_member(text, row->keys[k]);
            double number = cJSON_IsNumber(item) ? item->valuedouble : 0;
            if (number >= 1 && number <= row->most && !(number > floor(number)))
                *value = (int)number;
        }
    }
}

#define LISTS_MOST 64 /* that are looked at */

/* What the list says of each layer, as text: an item of an array, a character of a string. Owned. */
static char *said_of(const cJSON *list, const cJSON *item, int layer)
{
    return cJSON_IsArray(list) ? json_document(item, false) : strndup(list->valuestring + layer, 1);
}

/* Layers of one kind of which the list says the same stay of one kind. A list that says nearly of each layer something
 * else tells no kinds. False: out of memory. */
static bool split_kinds(struct model_config *config, const cJSON *list)
{
    char *said[CONFIG_LAYERS_MAX] = {NULL};
    int kinds[CONFIG_LAYERS_MAX], sayings[CONFIG_LAYERS_MAX], count = 0, different = 0;
    bool good = true;
    const cJSON *item = list->child;
    for (int layer = 0; good && layer < config->layers; layer++, item = item ? item->next : NULL)
        good = (said[layer] = said_of(list, item, layer));
    for (int layer = 0; good && layer < config->layers; layer++) {
        int same = 0, alike = 0;
        while (same < layer && strcmp(said[same], said[layer]) != 0)
            same++;
        sayings[layer] = same < layer ? sayings[same] : different++;
        while (alike < layer && (config->kind[alike] != config->kind[layer] || sayings[alike] != sayings[layer]))
            alike++;
        kinds[layer] = alike < layer ? kinds[alike] : count++;
    }
    if (good && 2 * different <= config->layers)
        memcpy(config->kind, kinds, (size_t)config->layers * sizeof *kinds);
    for (int layer = 0; layer < config->layers; layer++)
        cJSON_free(said[layer]);
    return good;
}

static bool is_of_layers(const struct model_config *config, const cJSON *list)
{
    if (cJSON_IsArray(list))
        return cJSON_GetArraySize(list) == config->layers;
    return cJSON_IsString(list) && strstr(list->string, "pattern") && /* "MEMEM*": a letter for each */
           strlen(list->valuestring) == (size_t)config->layers;
}

bool config_take_usual(struct model_config *config, const cJSON *text)
{
    const cJSON *list;
    int lists = 0;
    take_sizes(config, text);
    if (config->layers < 2)
        return true;
    cJSON_ArrayForEach(list, text)
    {
        if (lists < LISTS_MOST && is_of_layers(config, list) && (lists++, !split_kinds(config, list)))
            return false;
    }
    return true;
}
