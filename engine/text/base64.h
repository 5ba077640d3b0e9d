/* RFC 4648, section 4, with padding. Private to engine/text. */
#ifndef ASSAY_TEXT_BASE64_H
#define ASSAY_TEXT_BASE64_H

#include "base/buffer.h"

/* Appends the bytes. False: it is no base64, and `out` may hold a part; whether memory was out shows in `out`. */
bool base64_decode(const char *text, size_t size, struct buffer *out);

bool base64_encode(const char *bytes, size_t size, struct buffer *out);

#endif
