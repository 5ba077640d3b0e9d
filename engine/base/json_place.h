/* Where in its text a value of a JSON document stands, for people who have to mend it. */
#ifndef ASSAY_BASE_JSON_PLACE_H
#define ASSAY_BASE_JSON_PLACE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/* Both count from 1; a column is a character. */
struct json_place {
    size_t line, column;
};

/* The place of byte `offset` of the text [size]; behind its end, that of the end. */
struct json_place json_place_at(const char *text, size_t size, size_t offset);

/* The place of `item` in the text [size] that `root` was parsed from: of its key where it has one. A text that is not
 * that of `root` gives some place of it, and never reads beyond. */
struct json_place json_place_of(const char *text, size_t size, const cJSON *root, const cJSON *item);

/* Appends how `item` is reached from `root`: "prompts[1].expects"; nothing for `root` itself. Keys are cut at 80 bytes.
 * False: it is not below `root`. */
bool json_path(struct buffer *out, const cJSON *root, const cJSON *item);

/* Appends what a value is, for "found ...": "5", "\"text\"" (cut at 60 bytes), "a list of 3", "an object". */
void json_say(struct buffer *out, const cJSON *item);

#endif
