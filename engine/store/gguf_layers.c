/* What only some architectures of GGUF files say: numbers that values are multiplied and bounded by, and which layers
 * have a window. */
#include <math.h>
#include <string.h>

#include "store/gguf_making.h"

#define WINDOW_MAX (1 << 30) /* as the reader of the configuration has it */

/* --- numbers --- */

/* What 0 stands for, in llama.cpp. */
enum zero { ITSELF, ONE, OF_HEAD }; /* OF_HEAD: 1 / the root of the size of a head */

static const struct number_row {
    const char *architecture, *key, *to;
    double absent; /* NAN: it must be there */
    enum zero zero;
} number_rows[] = {
    {"gemma2", "attn_logit_softcapping", "attn_logit_softcapping", 50, ITSELF},
    {"gemma2", "final_logit_softcapping", "final_logit_softcapping", 30, ITSELF},
    {"gemma3", "final_logit_softcapping", "final_logit_softcapping", 0, ITSELF},
    {"granite", "embedding_scale", "embedding_multiplier", 0, ONE},
    {"granite", "residual_scale", "residual_multiplier", 0, ONE},
    {"granite", "attention.scale", "attention_multiplier", 0, OF_HEAD},
    {"granite", "logit_scale", "logits_scaling", NAN, ITSELF},
    {"command-r", "logit_scale", "logit_scale", 0, ONE},
    {"cohere2", "logit_scale", "logit_scale", NAN, ONE},
};

static double head_size(const struct making *making)
{
    const cJSON *head = json_member(making->json, "head_dim");
    return head && head->valuedouble >= 1 ? head->valuedouble : 1;
}

static bool number_take(struct making *making, const struct number_row *row)
{
    double value = row->absent;
    if (!making_real(making, row->key, &value))
        return false;
    if (isnan(value) && isnan(row->absent))
        return making_lacks(making, row->key);
    if (row->zero != ITSELF && value >= 0 && value <= 0)
        value = row->zero == ONE ? 1 : 1 / sqrt(head_size(making));
    making_add_real(making->json, row->to, value);
    return true;
}

static const struct number_row *number_find(const struct making *making, const char *key)
{
    for (size_t i = 0; i < sizeof number_rows / sizeof *number_rows; i++)
        if (strcmp(number_rows[i].architecture, making->name) == 0 && strcmp(number_rows[i].key, key) == 0)
            return &number_rows[i];
    return NULL;
}

/* Those that the family has not: 0 and 1 stand for none. */
static bool make_numbers(struct making *making)
{
    static const char *const keys[] = {"attention.scale",         "logit_scale",          "residual_scale",
                                       "embedding_scale",         "expert_weights_scale", "attn_logit_softcapping",
                                       "final_logit_softcapping", "attention.clamp_kqv"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct number_row *row = number_find(making, keys[i]);
        double value = 0;
        if (row ? !number_take(making, row) : !making_real(making, keys[i], &value))
            return false;
        if (!(value >= 0 && value <= 0) && !(value >= 1 && value <= 1))
            making_refuse_number(making, keys[i], value, "");
    }
    return true;
}

/* What scores are divided by the root of. */
static bool make_scores(struct making *making)
{
    uint64_t layers = 0, hidden = 0, heads = 0;
    if (!making->row->wide_depth)
        return true;
    if (!making_whole(making, "block_count", &layers) || !making_whole(making, "embedding_length", &hidden) ||
        !making_whole(making, "attention.head_count", &heads))
        return false;
    bool wide = layers == making->row->wide_depth && heads && hidden >= heads;
    making_add_real(making->json, "query_pre_attn_scalar", wide ? (double)(hidden / heads) : head_size(making));
    return true;
}

/* --- windows --- */

bool making_find_window(struct making *making)
{
    const struct gguf_architecture *row = making->row;
    uint64_t window = row->needs_window ? UINT64_MAX : row->window, layers = 0;
    if (!row->pattern)
        return true;
    if (!making_whole(making, "attention.sliding_window", &window) || !making_whole(making, "block_count", &layers))
        return false;
    if (window == UINT64_MAX)
        return making_lacks(making, "attention.sliding_window");
    bool none = row->windowed_depth && layers != row->windowed_depth;
    making->window = none ? 0 : window < WINDOW_MAX ? window : WINDOW_MAX;
    return true;
}

/* A list with a truth for each layer, or every how many layers one has no window. */
static bool find_pattern(const struct making *making, const struct gguf_value **list, uint64_t *every)
{
    static const char key[] = "attention.sliding_window_pattern";
    char text[GGUF_KEY];
    const struct gguf_value *value = gguf_find(making->gguf, making_key(making, key, text));
    *list = NULL;
    *every = making->row->pattern;
    if (!value || value->type != GGUF_ARRAY)
        return making_whole(making, key, every);
    return gguf_get_array(making->gguf, text, GGUF_BOOL, list, making->error);
}

static bool make_windows(struct making *making)
{
    const struct gguf_value *list = NULL;
    uint64_t layers = 0, every = 0;
    if (!making->window) {
        if (making->row->pattern || making->row->no_window)
            cJSON_AddNullToObject(making->json, "sliding_window");
        return true;
    }
    if (!making_whole(making, "block_count", &layers) || !find_pattern(making, &list, &every))
        return false;
    if (list && list->count < layers)
        making_refuse(making, "the metadata '%s.attention.sliding_window_pattern' lists fewer than the %llu layers",
                      making->name, (unsigned long long)layers);
    cJSON_AddNumberToObject(making->json, "sliding_window", (double)making->window);
    cJSON *types = cJSON_AddArrayToObject(making->json, "layer_types");
    for (uint64_t layer = 0; layer < layers && layer < GGUF_LAYERS_MAX; layer++) {
        bool slides = list ? layer < list->count && making->gguf->header.data[list->at + layer]
                           : !every || (layer + 1) % every != 0;
        cJSON_AddItemToArray(types, cJSON_CreateString(slides ? "sliding_attention" : "full_attention"));
    }
    return true;
}

bool making_layers(struct making *making)
{
    return make_numbers(making) && make_scores(making) && make_windows(making);
}
