/* JSON from files that nobody vouches for, on top of cJSON. */
#ifndef ASSAY_BASE_JSON_H
#define ASSAY_BASE_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

/* Parses exactly `size` bytes: valid UTF-8, no "\u0000" (cJSON would cut the string there), nested at most 1,000 deep,
 * no key twice in one object (readers differ in which of the two counts), nothing but white space after the value.
 * `name` is what the error calls it. The caller frees with cJSON_Delete. */
cJSON *json_parse(const char *name, const char *text, size_t size, struct error *error);
/* The same of a text that people write: errors begin with "name:LINE:COLUMN: ". */
cJSON *json_parse_lines(const char *name, const char *text, size_t size, struct error *error);

/* Appends the text of one JSON string, quotes and all, with white space around it allowed; unlike cJSON, "\u0000" is
 * kept. An escape for half a surrogate pair is an error: it has no UTF-8. */
bool json_parse_string(const char *name, const char *text, size_t size, struct buffer *out, struct error *error);

/* Appends the text as one JSON string, quotes and all; unlike cJSON, a NUL is kept. */
void json_append_string(struct buffer *out, const char *text, size_t size);

/* Reads and parses a file of at most `maximum` bytes. One that is no JSON is called what it is. */
cJSON *json_read(const char *path, size_t maximum, struct error *error);
/* The same, and appends the file's text. */
cJSON *json_read_text(const char *path, size_t maximum, struct buffer *text, struct error *error);

/* Getters. A member that is absent or null leaves `*value` alone and succeeds; one of another type is an error that
 * names `where` and the member. */
bool json_get_double(const cJSON *object, const char *where, const char *key, double *value, struct error *error);
bool json_get_bool(const cJSON *object, const char *where, const char *key, bool *value, struct error *error);
bool json_get_int(const cJSON *object, const char *where, const char *key, int minimum, int maximum, int *value,
                  struct error *error);
/* Borrowed from the object. */
bool json_get_string(const cJSON *object, const char *where, const char *key, const char **value, struct error *error);

/* A whole number from 0 to 2^53 - 1: those that a double holds exactly. */
bool json_uint64(const cJSON *item, uint64_t *value);

/* Every member of `object` (if it is one) is among `keys`, which NULL ends; else an error that names `where`, the
 * member and what it is of (NULL: the document itself). */
bool json_only(const cJSON *object, const char *where, const char *of, const char *const *keys, struct error *error);

/* The member, or NULL when it is absent or null. */
const cJSON *json_member(const cJSON *object, const char *key);

/* The document's text, to be freed with cJSON_free; NULL: out of memory, now or while any document of this thread was
 * made, whose rows may then lack members: whoever adds to a document need not look whether it grew. */
char *json_document(const cJSON *json, bool indented);

/* Adds a number, or the string "nan", "inf", "-inf" when it is not finite. */
bool json_add_number(cJSON *object, const char *key, double value);
cJSON *json_number(double value);

/* Index of the first byte that is not well-formed UTF-8, or `size`. */
size_t utf8_check(const char *text, size_t size);

#endif
