/* Small questions about texts, and texts made of names. */
#ifndef ASSAY_BASE_WORDING_H
#define ASSAY_BASE_WORDING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/* The "s" of so many things: "" for one. */
const char *text_plural(size_t count);

/* Is `end` its end? A text that is nothing else has that end too. */
bool text_ends_with(const char *text, const char *end);

/* Appends the names of a table's rows: "a, b or c", where `last` is " or ". `name` gives that of row `index`; NULL: the
 * row is not to be named. */
void names_join(struct buffer *out, size_t count, const char *(*name)(size_t index), const char *last);

/* The reverse for a list "a,c": marks the rows of these names in `marks` [count]. False: a name in it is that of no
 * row.
 */
bool names_mark(const char *list, size_t count, const char *(*name)(size_t index), bool *marks);

/* Appends the word as a shell takes it: in quotes where it holds what a shell would read otherwise. */
void shell_word(struct buffer *out, const char *word);

#endif
