/* Text and numbers for people, in any of the formats: for reports, and for what is printed before there is one. */
#ifndef ASSAY_REPORTS_TEXT_H
#define ASSAY_REPORTS_TEXT_H

#include <stdint.h>

#include "base/buffer.h"
#include "findings/finding.h"

enum text_form {
    TEXT_JSON,     /* valid UTF-8; control characters are left to the JSON printer */
    TEXT_PLAIN,    /* for a terminal: no control characters */
    TEXT_MARKUP,   /* HTML and XML 1.0, in text and in attributes with either quote */
    TEXT_PASSAGE,  /* the same for a text of many lines: line feeds and tabs stay */
    TEXT_MARKDOWN, /* GitHub's, also inside a table */
};

/* Decodes the code point at `text`, of which `size` > 0 bytes are left, and returns its length in bytes. A byte that
 * begins no well-formed sequence is U+FFFD of length 1. */
size_t text_decode(const char *text, size_t size, uint32_t *code);

/* Columns that a code point takes on a terminal: 0, 1 or 2. */
int text_columns(uint32_t code);
/* The same of a whole text [size]. */
size_t text_width(const char *text, size_t size);

/* Appends the text in the form; NULL appends nothing. */
void text_append(struct buffer *out, enum text_form form, const char *text);
/* At most `maximum` characters of it, with an ellipsis where it was cut. */
void text_append_short(struct buffer *out, enum text_form form, const char *text, size_t maximum);

/* The first `size` bytes of it, at most `maximum` characters; a joiner (U+200C, U+200D) that
 * stands between two characters beyond ASCII is left as it is, any other is shown. */
void text_append_part(struct buffer *out, enum text_form form, const char *text, size_t size, size_t maximum);
/* Bytes of the first `maximum` characters of the text [size]. */
size_t text_prefix(const char *text, size_t size, size_t maximum);
/* Characters of the text [size]. */
size_t text_characters(const char *text, size_t size);

/* A number in at most four significant digits: "0.8312", "4.2e-6", "5612", "nan", "inf". */
void number_append(struct buffer *out, double value);

/* A whole number with its thousands apart: "12,700". */
void grouped_append(struct buffer *out, unsigned long whole);
/* A number in three digits: "12,700", "0.83", "4.2e-6". */
void digits_append(struct buffer *out, double value);

/* The unit of what was measured, of one thing in the singular: "tensor", "id without a row", "prompt differs". */
void unit_append(struct buffer *out, enum text_form form, const struct finding *finding);
/* "0.83 nats" of a finding, "-" when nothing was measured; the limit likewise, without its unit. */
void measured_append(struct buffer *out, enum text_form form, const struct finding *finding);
void limit_append(struct buffer *out, const struct finding *finding);
/* "1,200 times the limit" when that says something: both there, limit > 0, at least 1.05 times. Else nothing. */
void excess_append(struct buffer *out, const struct finding *finding);

/* "layer 3, expert 81, model.layers.3.mlp", nothing when the finding has no place. */
void where_append(struct buffer *out, enum text_form form, const struct where *where);

/* "6 passed, 1 failed" of counts by verdict. */
void counts_append(struct buffer *out, const size_t counts[4]);

#endif
