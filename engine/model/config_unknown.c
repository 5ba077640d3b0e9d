#include "model/config_unknown.h"

#include <math.h>
#include <stddef.h>

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

void config_take_usual(struct model_config *config, const cJSON *text)
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
