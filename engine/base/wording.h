/* Small questions about texts, and texts made of names. */
#ifndef ASSAY_BASE_WORDING_H
#define ASSAY_BASE_WORDING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/* The "s" of so many things: "" for one. */
const char *text_plural(size_t count);

/* Is `begin` its beginning? */
bool text_begins_with(const char *text, const char *begin);
/* Is `end` its end? A text that is nothing else has that end too. */
bool text_ends_with(const char *text, const char *end);

/* Appends the names of a table's rows: "a, b or c", where `last` is " or ". `name` gives that of row `index`; NULL: the
 * row is not to be named. */
void names_join(struct buffer *out, size_t count, const char *(*name)(size_t index), const char *last);

/* The reverse for a list "a,c": marks the rows of these names in `marks` [count]. False: a name in it is that of no
 * row.
 */
bool names_mark(const char *list, size_t count, const char *(*name)(size_t index), bool *marks);

/* How many bytes have to be put in, taken out or replaced to make one of the other (Levenshtein); of each text at most
 * the first TEXT_DISTANCE_BYTES are looked at. */
#define TEXT_DISTANCE_BYTES 80
size_t text_distance(const char *a, const char *b);

/* The name that was probably meant: of those that are a slip or two away from `word`, or begin as it does (at least
 * three bytes), the nearest; NULL: none is. */
const char *names_nearest(const char *word, size_t count, const char *(*name)(size_t index));

/* Appends the word as a shell takes it: in quotes where it holds what a shell would read otherwise. */
void shell_word(struct buffer *out, const char *word);

#endif
