/* Where two configurations differ, and what that does to a computation. */
#ifndef ASSAY_MODEL_CONFIG_DIFFERENCE_H
#define ASSAY_MODEL_CONFIG_DIFFERENCE_H

#include "model/config.h"

enum difference_kind {
    DIFFERS_NOTHING, /* no value that is computed of a text differs for it */
    DIFFERS_PERHAPS, /* the configuration does not tell: where the head is the embedding in one of them, and may be
                        equal to it in the other; where one is of a family that is not known */
    DIFFERS_SIZE,    /* one has rows of the vocabulary, experts or layers that the other has not: removed, or added */
    DIFFERS_FUNCTION /* other numbers come of it */
};

struct config_difference {
    enum difference_kind kind;
    char name[64]; /* as config.json spells it */
    char here[64], there[64];
};

#define CONFIG_DIFFERENCES_MAX 128

/* Writes the differences and returns how many there are: all of those that a computation could tell apart, the kinds
 * mixed, and those of other names that it could not. Nothing is compared where one of them does not know it. */
size_t config_differences(const struct model_config *here, const struct model_config *there,
                          struct config_difference differences[CONFIG_DIFFERENCES_MAX]);

/* Appends "rope_theta is 10000 here and 1e+06 there". */
void config_difference_text(const struct config_difference *difference, struct buffer *out);

#endif
