/* The topic of help that is made of the words of the checks (findings/check_words.h). */
#ifndef ASSAY_CLI_HELP_CHECKS_H
#define ASSAY_CLI_HELP_CHECKS_H

#include "base/buffer.h"
#include "base/json.h"
#include "findings/check_words.h"

/* Appends what is to be said of the check: title, id, meaning, remedy, and the limits of a suite that judge it. */
void help_check(const struct check_words *words, struct buffer *out);
/* All of them, question by question. */
void help_checks(struct buffer *out);
/* Appends the limits of severity, or all others: name, built-in value and cause. */
void help_limits(bool severity, struct buffer *out);
/* The checks with their words and limits. NULL: out of memory. */
cJSON *help_checks_json(void);

#endif
