/* Unicode normal forms over UTF-8. Private to engine/text. */
#ifndef ASSAY_TEXT_UNICODE_FORM_H
#define ASSAY_TEXT_UNICODE_FORM_H

#include "base/buffer.h"
#include "base/error.h"

enum unicode_form { FORM_NFC, FORM_NFD, FORM_NFKC, FORM_NFKD };

struct unicode_scratch; /* grows with the longest run of marks; NULL to start with */
void unicode_scratch_free(struct unicode_scratch *scratch);

/* Appends the text in that form; `*changed` = false and nothing appended where it is in that form already. The time is
 * linear in the size, also for a text that is one run of marks. The text must be valid UTF-8. */
bool unicode_normalize(enum unicode_form form, struct unicode_scratch **scratch, const char *text, size_t size,
                       struct buffer *out, bool *changed, struct error *error);

#endif
