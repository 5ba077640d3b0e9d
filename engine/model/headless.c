#include "model/headless.h"

#include <string.h>

#include "base/wording.h"
#include "model/weights.h"

/* By how the name of a class of the original ends; the first that fits decides, and any other class has a head. */
static const struct class_row {
    const char *ends;
    bool has_head;
    bool own; /* a head of another kind, over the last values of a text model */
} class_rows[] = {
    {"LMHeadModel", true, false},
    {"RewardModel", false, true},
    {"ForSequenceClassification", false, true},
    {"ForTokenClassification", false, true},
    {"ForQuestionAnswering", false, true},
    {"Model", false, false},
    {"", true, false},
};

static const struct class_row *class_of(const struct model_config *config)
{
    const struct class_row *row = class_rows;
    while (!text_ends_with(config->made_as, row->ends))
        row++;
    return row;
}

/* A base model is saved without the name that it has in a larger one. */
static bool spelled_as_base(const struct store *store)
{
    static const char layers[] = "layers.";
    size_t own = 0;
    for (size_t i = 0; i < store_text_count(store); i++) {
        const struct tensor *tensor = store_at(store, i);
        bool in_layer = strncmp(tensor->name, "model.layers.", strlen("model.layers.")) == 0;
        bool base = strncmp(tensor->disk_name, layers, strlen(layers)) == 0;
        if (in_layer && !base)
            return false;
        own += in_layer;
    }
    return own > 0;
}

void headless_settle(struct model_config *config, const struct store *store)
{
    const struct class_row *class = class_of(config);
    config->head = HEAD_LOGITS;
    if (!config->family || (store && store_find(store, weight_rows[WEIGHT_HEAD].name)))
        return;
    if (!class->has_head)
        config->head = config->tied && !class->own ? HEAD_BORROWED : HEAD_NONE;
    else if (!config->tied && store && spelled_as_base(store))
        config->head = HEAD_LEFT_OUT;
}

bool headless_own(const struct model_config *config, const struct tensor *tensor)
{
    static const char model[] = "model.";
    return config->head == HEAD_NONE && class_of(config)->own && !tensor->other &&
           strncmp(tensor->name, model, strlen(model)) != 0;
}
