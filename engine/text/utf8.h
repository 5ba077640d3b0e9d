/* UTF-8, code point by code point; and the byte-level alphabet. Private to engine/text and engine/jinja. */
#ifndef ASSAY_TEXT_UTF8_H
#define ASSAY_TEXT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* The code point at `*at`, which moves behind it. The text must be valid and `*at` less than its size. */
uint32_t utf8_next(const char *text, size_t *at);

/* The code point that ends at `*at` (> 0), which moves in front of it. */
uint32_t utf8_previous(const char *text, size_t *at);

/* Characters of valid text. */
size_t utf8_count(const char *text, size_t size);

/* How many bytes the one character takes that the text is; 0: it is none, or several. The text must be valid. */
size_t utf8_single(const char *text);

/* Writes 1 to 4 bytes and returns how many. */
size_t utf8_put(char out[4], uint32_t code);

bool utf8_append(struct buffer *out, uint32_t code);

/* Appends the text with U+FFFD for every maximal subpart of an ill-formed sequence (Unicode 16, section 3.9; Rust's
 * from_utf8_lossy and Python's errors="replace" agree). False: out of memory. */
bool utf8_lossy(const char *text, size_t size, struct buffer *out);

/* GPT-2's alphabet: every byte has a visible character, U+0021 to U+0143. */
uint32_t byte_level_char(unsigned char byte);
/* The byte of a character, -1 for a character outside the alphabet. */
int byte_level_byte(uint32_t code);

/* Appends the characters of the bytes. */
bool byte_level_text(const char *bytes, size_t size, struct buffer *out);
/* Appends the bytes of the characters; the text as it stands when a character is outside the alphabet. */
bool byte_level_bytes(const char *text, size_t size, struct buffer *out);

#endif
