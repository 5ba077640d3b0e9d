/* The inside of the reader of suites. */
#ifndef ASSAY_SUITES_INTERNAL_H
#define ASSAY_SUITES_INTERNAL_H

#include "suites/document.h"
#include "suites/suite.h"

/* Takes what the document itself says into the suite; what it extends was taken before. */
bool suite_take(const struct document *document, struct suite *suite, struct error *error);

/* What the document extends: its name or path, a string; NULL behind the last, and where it has not that form, which
 * suite_take tells. */
const cJSON *suite_extended(const struct document *document, size_t index);

/* Forgets what was said of the limit: the built-in one holds. */
bool suite_reset_limit(struct suite *suite, enum limit limit, struct error *error);
void suite_free_limits(struct suite *suite);

/* Frees the prompts that are there, and makes room for so many. */
bool suite_make_prompts(struct suite *suite, size_t count, struct error *error);
/* Those of whoever names none. */
bool suite_default_prompts(struct suite *suite, struct error *error);
void suite_free_prompts(struct suite *suite);

/* Name of a built-in suite by its place; how many there are; the text of one, NULL: there is none of that name. */
const char *bundled_name(size_t index);
size_t bundled_count(void);
const char *bundled_text(const char *name);

#endif
