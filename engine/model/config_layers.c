/* What only some families say: numbers that values are multiplied and bounded by, and in what layers differ. */
#include <math.h>
#include <string.h>

#include "model/config_source.h"
#include "model/family.h"
#include "store/architecture.h"

/* --- numbers --- */

static void number_take(struct model_config *config, enum number_use use, double value)
{
    double *const places[NUMBER_COUNT] = {[EMBEDDING_TIMES] = &config->embedding_multiplier,
                                          [RESIDUAL_TIMES] = &config->residual_multiplier,
                                          [ATTENTION_TIMES] = &config->attention_multiplier,
                                          [ATTENTION_ROOT] = &config->attention_multiplier,
                                          [ATTENTION_CAP] = &config->attention_cap,
                                          [LOGITS_TIMES] = &config->logits_multiplier,
                                          [LOGITS_DIVIDED] = &config->logits_multiplier,
                                          [LOGITS_CAP] = &config->logits_cap,
                                          [LOGITS_CAP_ALONE] = &config->logits_cap,
                                          [GATE_SLOPE] = &config->gate_slope,
                                          [GATE_LIMIT] = &config->gate_limit};
    *places[use] = use == ATTENTION_ROOT ? 1 / sqrt(value) : use == LOGITS_DIVIDED ? 1 / value : value;
}

bool config_take_numbers(struct model_config *config, const struct config_source *source, struct error *error)
{
    const struct family *family = config->family;
    config->sinks = family->sinks;
    config->embedding_multiplier = config->residual_multiplier = config->logits_multiplier = 1;
    config->embedding_scale = family->embedding_by_root ? sqrt((double)config->hidden) : 1;
    for (size_t i = 0; i < FAMILY_NUMBERS && family->numbers[i].use; i++) {
        enum number_use use = family->numbers[i].use;
        const char *key = family->numbers[i].key;
        bool null = cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(source->text, key));
        bool cap = use == ATTENTION_CAP || use == LOGITS_CAP || use == LOGITS_CAP_ALONE;
        if (use == LOGITS_CAP_ALONE && source->outer != source->text)
            continue;
        double value = null && cap ? 0 : family->numbers[i].absent;
        if (!json_get_double(source->text, source->name, key, &value, error))
            return false;
        if (!(value > 0) && !(cap && value >= 0))
            return error_set(error, "%s: %s %g should be above 0", source->name, key, value);
        number_take(config, use, value);
    }
    for (size_t i = 0; i < FAMILY_REFUSED && family->refused[i].key; i++) {
        const cJSON *item = json_member(source->text, family->refused[i].key);
        if (item && !(family->refused[i].usual ? cJSON_IsTrue(item) : cJSON_IsFalse(item)))
            config_cannot(config, "assay does not compute %s %s \"%s\"", config->model_type,
                          family->refused[i].usual ? "without" : "with", family->refused[i].key);
    }
    return true;
}

/* --- linear attention --- */

static bool take_linear_sizes(struct model_config *config, const struct config_source *source, struct error *error)
{
    const struct family *family = config->family;
    const struct {
        const char *key;
        int absent, *value;
    } sizes[] = {
        {"linear_num_value_heads", family->absent.linear_heads, &config->linear.heads},
        {"linear_value_head_dim", family->absent.linear_value_dim, &config->linear.value_dim},
        {"linear_num_key_heads", family->absent.linear_key_heads, &config->linear.key_heads},
        {"linear_key_head_dim", family->absent.linear_key_dim, &config->linear.key_dim},
        {"linear_conv_kernel_dim", family->absent.linear_taps, &config->linear.taps},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        *sizes[i].value = sizes[i].absent;
        if (!json_get_int(source->text, source->name, sizes[i].key, 1, 4096, sizes[i].value, error))
            return false;
    }
    return config->linear.heads % config->linear.key_heads == 0 ||
           error_set(error, "%s: linear_num_value_heads %d is no multiple of linear_num_key_heads %d", source->name,
                     config->linear.heads, config->linear.key_heads);
}

bool config_take_linear(struct model_config *config, const struct config_source *source, struct error *error)
{
    const cJSON *types = json_member(source->text, "layer_types");
    int interval = 4;
    if (!config->family->linear_layers)
        return true;
    config->gated_heads = config->family->gated_heads;
    if (!take_linear_sizes(config, source, error) ||
        !json_get_int(source->text, source->name, "full_attention_interval", 1, SIZE_LIMIT, &interval, error))
        return false;
    if (types && (!cJSON_IsArray(types) || cJSON_GetArraySize(types) != config->layers))
        return error_set(error, "%s: \"layer_types\" should be an array with a word for each of %d layers",
                         source->name, config->layers);
    for (int layer = 0; layer < config->layers; layer++) {
        const cJSON *type = types ? cJSON_GetArrayItem(types, layer) : NULL;
        const char *word = cJSON_IsString(type) ? type->valuestring : "";
        config->is_linear[layer] = types ? strcmp(word, "linear_attention") == 0 : (layer + 1) % interval != 0;
        if (types && !config->is_linear[layer] && strcmp(word, "full_attention") != 0)
            config_cannot(config,
                          "assay does not compute \"%s\", which \"layer_types\" holds; it computes full_attention and "
                          "linear_attention of %s",
                          word, config->model_type);
    }
    return true;
}

/* --- blocks --- */

/* As Python takes it: null is false. */
bool config_take_truth(const struct config_source *source, const char *key, bool absent, bool *value,
                       struct error *error)
{
    *value = absent && !cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(source->text, key));
    return json_get_bool(source->text, source->name, key, value, error);
}

bool config_take_kv_heads(struct model_config *config, const struct config_source *source, struct error *error)
{
    const struct family *family = config->family;
    const char *key = family->kv == KV_OF_FALCON ? "num_kv_heads" : "num_key_value_heads";
    bool grouped = true, single = false, there = cJSON_GetObjectItemCaseSensitive(source->text, key) != NULL;
    config->kv_heads = there || !family->absent.kv_heads ? config->heads : family->absent.kv_heads;
    if (family->kv == KV_AS_HEADS)
        return true;
    if (family->kv == KV_OF_FALCON && (!config_take_truth(source, "new_decoder_architecture", false, &grouped, error) ||
                                       !config_take_truth(source, "multi_query", true, &single, error)))
        return false;
    if (!grouped)
        config->kv_heads = single ? 1 : config->heads;
    return !grouped || json_get_int(source->text, source->name, key, 1, 65536, &config->kv_heads, error);
}

/* FalconDecoderLayer: others than these its class builds, but cannot run. */
static bool blocks_of_falcon(struct model_config *config, const struct config_source *source, struct error *error)
{
    bool parallel = true, newer = false;
    if (!config_take_truth(source, "parallel_attn", true, &parallel, error) ||
        !config_take_truth(source, "new_decoder_architecture", false, &newer, error))
        return false;
    int norms = newer ? 2 : 1;
    if (!json_get_int(source->text, source->name, "num_ln_in_parallel_attn", 0, 1 << 30, &norms, error))
        return false;
    if ((newer && (!parallel || norms < 1 || norms > 2)) || (!newer && parallel && norms == 2))
        config_cannot(config,
                      "\"num_ln_in_parallel_attn\" %d does not go with \"parallel_attn\" %s and "
                      "\"new_decoder_architecture\" %s",
                      norms, parallel ? "true" : "false", newer ? "true" : "false");
    config->parallel_blocks = parallel;
    if (parallel && !(newer && norms == 2))
        config->norms &= ~WEIGHT_BIT(WEIGHT_POST_NORM);
    return true;
}

bool config_take_blocks(struct model_config *config, const struct config_source *source, struct error *error)
{
    enum family_blocks blocks = config->family->blocks;
    config->parallel_blocks = blocks != BLOCKS_IN_TURN;
    if (blocks == BLOCKS_OF_FALCON)
        return blocks_of_falcon(config, source, error);
    return blocks != BLOCKS_NOT_DENIED ||
           json_get_bool(source->text, source->name, "use_parallel_residual", &config->parallel_blocks, error);
}

/* --- rotation --- */

/* The list of layers that are rotated, 1, and that are not, 0; or NULL. */
static bool take_rotated(struct model_config *config, const cJSON *list, const char *name, int interval,
                         struct error *error)
{
    if (list && (!cJSON_IsArray(list) || cJSON_GetArraySize(list) < config->layers))
        return error_set(error, "%s: \"no_rope_layers\" should be an array with 1 (rotated) or 0 for each of %d layers",
                         name, config->layers);
    for (int layer = 0; layer < config->layers; layer++) {
        const cJSON *item = list ? cJSON_GetArrayItem(list, layer) : NULL;
        bool rotated = item ? cJSON_IsTrue(item) || (cJSON_IsNumber(item) && fabs(item->valuedouble) > 0)
                            : (layer + 1) % interval != 0;
        config->rotation[layer] = rotated ? ROTATED : ROTATED_NOT;
    }
    return true;
}

bool config_take_rotation(struct model_config *config, const struct config_source *source, struct error *error)
{
    int interval = 4;
    for (int layer = 0; config->family->rotation == ROTATES_NEVER && layer < config->layers; layer++)
        config->rotation[layer] = ROTATED_NOT;
    if (config->family->rotation != ROTATES_BY_LIST)
        return true;
    return json_get_int(source->text, source->name, "no_rope_layer_interval", 1, SIZE_LIMIT, &interval, error) &&
           take_rotated(config, json_member(source->text, "no_rope_layers"), source->name, interval, error);
}

/* Where the windows decide. `any`: the file gives one, whether or not a layer has it. */
static void rotate_by_windows(struct model_config *config, bool any)
{
    enum family_rotation rule = config->family->rotation;
    for (int layer = 0; layer < config->layers; layer++) {
        bool windowed = config->window[layer];
        if (rule == ROTATES_LOCALLY && windowed)
            config->rotation[layer] = ROTATED_LOCALLY;
        if (!windowed && (rule == ROTATES_WINDOWED || (rule == ROTATES_WINDOWED_OR_ALL && any)))
            config->rotation[layer] = ROTATED_NOT;
    }
}

/* What the rules of family.h read. */
static const struct window_row {
    bool typed;    /* "layer_types" */
    bool switched; /* "use_sliding_window" */
} window_rows[] = {
    [WINDOW_NEVER] = {false, false},   [WINDOW_ALWAYS] = {false, false},  [WINDOW_TYPED] = {true, false},
    [WINDOW_SWITCHED] = {false, true}, [WINDOW_UPPER] = {true, true},     [WINDOW_ALTERNATING] = {true, true},
    [WINDOW_PATTERN] = {true, false},  [WINDOW_UNROTATED] = {true, true},
};

/* NULL, or one of the two kinds of attention for each layer. */
static bool check_layer_types(struct model_config *config, const cJSON *types, const char *name, struct error *error)
{
    const cJSON *type;
    if (!types)
        return true;
    if (!cJSON_IsArray(types) || cJSON_GetArraySize(types) != config->layers)
        return error_set(error, "%s: \"layer_types\" should be an array with a string for each of %d layers", name,
                         config->layers);
    cJSON_ArrayForEach(type, types)
    {
        const char *text = cJSON_IsString(type) ? type->valuestring : "";
        if (strcmp(text, "full_attention") != 0 && strcmp(text, "sliding_attention") != 0)
            config_cannot(config,
                          "assay does not compute \"%s\", which \"layer_types\" holds; it computes full_attention "
                          "and sliding_attention",
                          text);
    }
    return true;
}

struct window_numbers {
    int window, upper, pattern;
};

/* Where "layer_types" does not say. */
static bool slides(const struct model_config *config, const struct window_numbers *numbers, int layer)
{
    switch (config->family->window) {
    case WINDOW_UPPER:
        return layer >= numbers->upper;
    case WINDOW_ALTERNATING:
        return (layer + 1) % 2 && layer < numbers->upper;
    case WINDOW_PATTERN:
        return (layer + 1) % numbers->pattern != 0;
    case WINDOW_UNROTATED:
        return config->rotation[layer] == ROTATED_NOT;
    case WINDOW_NEVER:
        return false;
    case WINDOW_ALWAYS:
    case WINDOW_TYPED:
    case WINDOW_SWITCHED:
        break;
    }
    return true;
}

static bool take_pattern(struct model_config *config, const struct config_source *source, const cJSON *types,
                         int *pattern, struct error *error)
{
    static const char key[] = "sliding_window_pattern";
    *pattern = config->family->absent.pattern;
    if (types || !config->family->pattern_key)
        return true;
    if (!cJSON_IsString(json_member(source->text, key)))
        return json_get_int(source->text, source->name, key, 1, SIZE_LIMIT, pattern, error);
    config_cannot(config, "\"%s\" is a word, and \"layer_types\" is absent", key);
    return true;
}

bool config_take_windows(struct model_config *config, const struct config_source *source, struct error *error)
{
    const struct window_row *row = &window_rows[config->family->window];
    const cJSON *text = source->text, *types = row->typed ? json_member(text, "layer_types") : NULL;
    bool use = !row->switched, said = cJSON_GetObjectItemCaseSensitive(text, "sliding_window") != NULL;
    /* null is no window, unlike an absent key */
    struct window_numbers numbers = {said ? 0 : config->family->absent.window, config->family->absent.window_layers, 0};
    if (config->family->window == WINDOW_NEVER)
        return true;
    if ((row->switched && !json_get_bool(text, source->name, "use_sliding_window", &use, error)) ||
        !json_get_int(text, source->name, "sliding_window", 0, 1 << 30, &numbers.window, error) ||
        !json_get_int(text, source->name, "max_window_layers", 0, SIZE_LIMIT, &numbers.upper, error) ||
        !take_pattern(config, source, types, &numbers.pattern, error) ||
        !check_layer_types(config, types, source->name, error))
        return false;
    for (int layer = 0; use && layer < config->layers; layer++) {
        const cJSON *type = types ? cJSON_GetArrayItem(types, layer) : NULL;
        bool window = type ? cJSON_IsString(type) && strcmp(type->valuestring, "sliding_attention") == 0
                           : slides(config, &numbers, layer);
        config->window[layer] = window ? numbers.window : 0;
    }
    rotate_by_windows(config, numbers.window > 0);
    return true;
}
