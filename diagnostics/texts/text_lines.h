/* Texts from a file of JSON lines: {"text", "prompt", "expects"}. */
#ifndef ASSAY_TEXTS_TEXT_LINES_H
#define ASSAY_TEXTS_TEXT_LINES_H

#include <cjson/cJSON.h>

#include "texts/texts.h"

/* Start with {0}; owns what the cases borrow. */
struct text_lines {
    struct text_case *cases; /* one for each line that is not blank, its id "line 3" */
    struct text_line {
        cJSON *json;
        struct expects expects;
        char id[24];
    } * lines;
    size_t count;
};

/* Reads all lines of the file, "-" being stdin. A line that is no such object, and a file without a line, are errors.
 * Free it either way. */
bool text_lines_read(const char *path, struct text_lines *lines, struct error *error);
void text_lines_free(struct text_lines *lines);

#endif
