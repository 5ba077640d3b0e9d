/* Models that were saved without a head over the vocabulary: to classify, to give a reward, to embed. */
#ifndef ASSAY_MODEL_HEADLESS_H
#define ASSAY_MODEL_HEADLESS_H

#include "model/config.h"
#include "store/store.h"

/* Sets config->head by the class that the file names, and by the weights (NULL: they are not at hand): a head that is
 * stored is used, whatever the class. As the original loads them (transformers, AutoModelForCausalLM), but that it
 * makes up a head where there is none. */
void headless_settle(struct model_config *config, const struct store *store);

/* Is it of the head of another kind that such a model has: outside the text model itself? */
bool headless_own(const struct model_config *config, const struct tensor *tensor);

#endif
