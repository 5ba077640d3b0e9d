/* Where in the JSON of a configuration things stand. */
#ifndef ASSAY_MODEL_CONFIG_SOURCE_H
#define ASSAY_MODEL_CONFIG_SOURCE_H

#include "model/config.h"

#define SIZE_LIMIT (1 << 24) /* of a size that a configuration may give */

/* The text model's object, and the one around it (the same where there is none), which says whether the head is tied.
 */
struct config_source {
    const char *name;
    const cJSON *root;
    const cJSON *outer;
    const cJSON *text;
};

struct config_source config_source_find(const char *name, const cJSON *root);

/* Says why the model cannot be computed; the first reason is told. True. */
bool config_cannot(struct model_config *config, const char *format, ...) ASSAY_PRINTF(2, 3);

/* config_layers.c: what values are multiplied and bounded by; how a layer's blocks stand to each other; which layers
 * look back how far, and which are rotated. */
bool config_take_numbers(struct model_config *config, const struct config_source *source, struct error *error);
bool config_take_kv_heads(struct model_config *config, const struct config_source *source, struct error *error);
bool config_take_blocks(struct model_config *config, const struct config_source *source, struct error *error);
bool config_take_rotation(struct model_config *config, const struct config_source *source, struct error *error);
bool config_take_windows(struct model_config *config, const struct config_source *source, struct error *error);

/* A key whose null is false, and whose absence is `absent`. */
bool config_take_truth(const struct config_source *source, const char *key, bool absent, bool *value,
                       struct error *error);
bool config_take_linear(struct model_config *config, const struct config_source *source, struct error *error);

/* config_rope.c: how positions are told. */
bool config_take_rope(struct model_config *config, const struct config_source *source, struct error *error);

#endif
