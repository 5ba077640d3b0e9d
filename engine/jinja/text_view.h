/* A piece of UTF-8, borrowed from the source or the machine's arena. */
#ifndef ASSAY_JINJA_TEXT_VIEW_H
#define ASSAY_JINJA_TEXT_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    const char *data;
    size_t size;
};

#define TEXT(literal) ((struct text){literal, sizeof(literal) - 1})

/* Is it the word? */
bool text_is(struct text text, const char *word);
bool text_equal(struct text left, struct text right);
size_t text_length(struct text text);                                /* in characters */
struct text text_part(struct text text, size_t first, size_t count); /* in characters */
bool text_is_space(uint32_t code);                                   /* str.isspace */
/* Without the characters (NULL: white space) at these ends. */
struct text text_strip(struct text text, const struct text *characters, bool left, bool right);

#endif
