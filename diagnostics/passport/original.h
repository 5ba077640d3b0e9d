/* An original: what an extraction is made from and held against. */
#ifndef ASSAY_PASSPORT_ORIGINAL_H
#define ASSAY_PASSPORT_ORIGINAL_H

#include "extraction/extract.h"
#include "run/subject.h"

#define COMPANIONS_MAX 16

/* Start with {0}; borrows from the subject. */
struct original {
    const struct store *store; /* the subject's, with tensors of types that safetensors does not have as F32 */
    struct store *overlay;     /* NULL: there are none */
    struct companion companions[COMPANIONS_MAX]; /* config.json, the tokenizer ...: also those that it does not have */
    size_t companion_count;
};

/* Free it either way. */
bool original_of(const struct subject *subject, struct original *original, struct error *error);
void original_free(struct original *original);

/* Fills in what an extraction is made of: store, companions, and what the configuration says of the model. */
void original_request(const struct subject *subject, const struct original *original, struct extract_request *request);

/* Writes the subject as an extraction. The request says where to, what of it, and how; what it is made of is filled in.
 */
bool original_extract(const struct subject *subject, struct extract_request *request, struct extract_result *result,
                      struct error *error);

/* False, with what is wrong, when the inventory fails: less than the whole would pass for the whole. */
bool original_is_whole(const struct subject *subject, struct error *error);

#endif
