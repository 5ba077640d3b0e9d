#include "model/family_fit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "math/activation.h"
#include "model/expected_set.h"
#include "model/family.h"

/* A copy in which the text model is of that type; NULL: out of memory. Free with cJSON_Delete. */
static cJSON *as_type(const cJSON *root, const char *type)
{
    cJSON *copy = cJSON_Duplicate(root, true), *value = cJSON_CreateString(type);
    const cJSON *levels[CONFIG_LEVELS];
    size_t depth = copy ? config_levels(copy, levels) : 0;
    cJSON *text = depth ? (cJSON *)levels[depth - 1] : NULL;
    if (!text || !value) {
        cJSON_Delete(value);
        cJSON_Delete(copy);
        return NULL;
    }
    if (cJSON_GetObjectItemCaseSensitive(text, "model_type"))
        cJSON_ReplaceItemInObjectCaseSensitive(text, "model_type", value);
    else
        cJSON_AddItemToObject(text, "model_type", value);
    return copy;
}

/* All that is called for is there, and nothing else. */
static bool tensors_fit(const struct model_config *config, const struct store *store)
{
    struct expected_set set;
    size_t used = 0, ignored = 0;
    bool fits = expected_set_take(config, &set);
    for (size_t i = 0; fits && i < set.list.count; i++) {
        const struct expected *expected = &set.list.items[i];
        const struct tensor *tensor = store_find(store, expected->name);
        used += tensor != NULL;
        fits = tensor ? tensor_same_shape(tensor, expected) : expected->optional;
    }
    for (size_t i = 0; fits && i < store_text_count(store); i++)
        ignored += tensor_is_ignored(store_at(store, i));
    expected_set_free(&set);
    return fits && used && used + ignored == store_text_count(store);
}

/* In how much it does otherwise than most. */
static int oddity(const struct model_config *config)
{
    const struct switches usual = {.activation = ACTIVATION_SILU};
    int odd = config->family->part != NULL;
    odd += memcmp(&config->switches, &usual, sizeof usual) != 0;
    odd += config->parallel_blocks + (config->attention_multiplier > 0) + (config->attention_cap > 0) +
           (config->logits_cap > 0) + (config->rope_kind != ROPE_DEFAULT) + (config->query_beta > 0);
    const double multipliers[] = {config->embedding_scale, config->embedding_multiplier, config->residual_multiplier,
                                  config->logits_multiplier};
    for (size_t i = 0; i < sizeof multipliers / sizeof *multipliers; i++)
        odd += multipliers[i] < 1 || multipliers[i] > 1;
    for (int layer = 0; layer < config->layers; layer++)
        if (config->window[layer] || config->rotation[layer] != ROTATED)
            return odd + 1;
    return odd;
}

const struct family *family_fitting(const char *name, const cJSON *root, const struct store *store)
{
    const struct family *best = NULL, *family;
    int least = 0;
    for (size_t i = 0; (family = family_at(i)); i++) {
        struct error unread = {0};
        cJSON *copy = as_type(root, family->model_types[0]);
        struct model_config *config = copy ? config_parse(name, copy, &unread) : NULL;
        if (config && !*config->unsupported && (!best || oddity(config) < least) && tensors_fit(config, store)) {
            best = family;
            least = oddity(config);
        }
        error_clear(&unread);
        free(config);
        cJSON_Delete(copy);
    }
    return best;
}

void family_fit_tell(const char *name, const cJSON *root, const struct store *store, struct model_config *config)
{
    const struct family *family = config->family ? NULL : family_fitting(name, root, store);
    size_t length = strlen(config->unsupported);
    if (family && length)
        snprintf(
            config->unsupported + length, sizeof config->unsupported - length,
            "; its tensors are those of %s, and --set model_type=%s computes it as one, which is for gold to judge",
            family->name, family->model_types[0]);
}
