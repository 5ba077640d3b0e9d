/* Parts of a tokenizer.json that may be sequences of themselves: normalizers, pre-tokenizers, decoders. */
#ifndef ASSAY_TEXT_PART_H
#define ASSAY_TEXT_PART_H

#include "base/json.h"

/* What messages call a part, and the key of a Sequence that lists them; of more than `most`, `too_many` and `of_them`
 * are told around that number. */
struct part_kind {
    const char *what, *list;
    const char *too_many, *of_them;
    int most;
};

/* Loads one that is no Sequence. */
typedef bool part_load(void *context, const char *name, const char *where, const cJSON *json, struct error *error);

/* Calls `load` for each part of `json` that is no Sequence, in their order, until one fails. No more than the most lie
 * in one another, nor are there more by `*count`, which `load` raises (NULL: that is not asked). */
bool parts_load(const struct part_kind *kind, const char *where, const cJSON *json, const size_t *count,
                part_load *load, void *context, struct error *error);

#endif
