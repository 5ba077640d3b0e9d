/* How a tokenizer may depart from the model's own, as a text is read with the wrong one: each row changes what
 * tokenizer.json says, and nothing else. For experiments (--text-variant). */
#ifndef ASSAY_TEXT_TEXT_VARIANT_H
#define ASSAY_TEXT_TEXT_VARIANT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/json.h"

struct text_variant_row {
    const char *name;
    const char *does;    /* how the text is read */
    const char *symptom; /* what it looks like */
    const char *mistake; /* how it usually comes about */
};

/* The rows of the table; NULL behind the last. */
const struct text_variant_row *text_variant_at(size_t index);

/* What is wrong with the name, in a buffer that the next call writes over; NULL: nothing. */
const char *text_variant_judge(const char *name);

/* Changes the content of a tokenizer.json, one after the other. One that could change nothing of it is an error;
 * `where` is for messages. */
bool text_variants_apply(const char *where, cJSON *json, const char *const *names, size_t count, struct error *error);

#endif
