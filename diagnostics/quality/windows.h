/* A text in windows, each of one kind: what a person would call a piece of prose, of a list, of a table, of code.
 * Private to diagnostics/quality. */
#ifndef ASSAY_QUALITY_WINDOWS_H
#define ASSAY_QUALITY_WINDOWS_H

#include "quality/passage.h"

enum window_kind { WINDOW_PROSE, WINDOW_LIST, WINDOW_TABLE, WINDOW_CODE, WINDOW_KIND_COUNT };
/* "prose", "list", "table", "code". */
extern const char *const window_kind_names[WINDOW_KIND_COUNT];

struct text_window {
    struct view view;
    enum window_kind kind;
};

struct text_windows {
    struct text_window *items; /* in the order of the text, no two of which overlap */
    size_t count, capacity;
};

/* Cuts the passage where its kind changes, and what is longer than so many words or characters into equal parts, at
 * white space. What holds nothing that prints is in none. False: out of memory. Free it either way. */
bool windows_new(struct text_windows *windows, const struct passage *passage, size_t words, size_t characters);
void windows_free(struct text_windows *windows);

#endif
