/* Text in lines of a terminal. */
#ifndef ASSAY_CLI_PARAGRAPH_H
#define ASSAY_CLI_PARAGRAPH_H

#include "base/buffer.h"

/* Columns that help is written in. */
#define PARAGRAPH_WIDTH 100

/* Appends the words of the text (ASCII), which may begin on a line that holds `column` columns already, and go on below
 * each other, indented by so many; and a line feed. A word that is longer than a line stays whole. */
void paragraph_append(struct buffer *out, size_t column, size_t indent, const char *text);

/* Appends the lines of the text, each of which ends in a line feed; one that is too long goes on below itself, indented
 * as it is. */
void page_append(struct buffer *out, const char *text);

#endif
