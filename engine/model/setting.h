/* A setting, KEY=VALUE: one key of config.json with another value, for an experiment (--set). */
#ifndef ASSAY_MODEL_SETTING_H
#define ASSAY_MODEL_SETTING_H

#include "model/config.h"

/* What is wrong with it as far as can be told without a model, in a buffer that the next call writes over; NULL:
 * nothing. */
const char *setting_judge(const char *setting);

/* Sets the key in `root`, where the file has it: of a multimodal model's configurations the text model's first
 * (config_levels), and a rope's number in the object that holds it. A key with dots names the objects around it. A
 * VALUE that is no JSON is a string. An error: the configuration cannot be read with it, or nothing that is computed
 * changes with it; `root` is then as it was. `name` is for messages. */
bool setting_apply(const char *name, const char *setting, cJSON **root, struct error *error);

/* Departures of a configuration: settings, then variants (variant.h). */
struct departures {
    const char *const *settings, *const *variants;
    size_t setting_count, variant_count;
};

/* The configuration in `*root`, which the settings change, with the variants. `name` is for messages. NULL: the error
 * says what is wrong with it, or with a departure. Owned by the caller, free with free(). */
struct model_config *config_departed(const char *name, cJSON **root, const struct departures *departures,
                                     struct error *error);

#endif
