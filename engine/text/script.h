/* In which script a text is written. */
#ifndef ASSAY_TEXT_SCRIPT_H
#define ASSAY_TEXT_SCRIPT_H

#include <stddef.h>

/* The script of a text (valid UTF-8) by its Unicode name: "Latin", "Han"; "Common" when it has only characters that all
 * share (digits, punctuation, blanks), which do not count beside others; "mixed" for several; "bytes" when nothing but
 * U+FFFD and blanks is there, as tokens that end within a character give it; "none" without text. Static. */
const char *script_of(const char *text, size_t size);

#endif
