/* SHA-256 through OpenSSL. */
#ifndef ASSAY_BASE_HASH_H
#define ASSAY_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define SHA256_BYTES 32
#define SHA256_TEXT 65 /* in hexadecimal, with its NUL */

struct sha256; /* a running digest */

struct sha256 *sha256_new(struct error *error);
bool sha256_update(struct sha256 *sha, const void *data, size_t size);
/* Lower-case hexadecimal, NUL-terminated. Ends the digest. */
bool sha256_finish(struct sha256 *sha, char hex[SHA256_TEXT]);

/* For many digests with one object: the digest of what was given, after which the next may be begun. */
bool sha256_take(struct sha256 *sha, unsigned char digest[SHA256_BYTES]);
void sha256_free(struct sha256 *sha);

void sha256_text(const unsigned char digest[SHA256_BYTES], char hex[SHA256_TEXT]);
/* False unless the text is 64 lower-case hexadecimal digits and nothing else. */
bool sha256_is_text(const char *text);

/* Of bytes in memory: what was read of a file that may be a pipe, which tells nothing a second time. */
bool sha256_bytes(const void *data, size_t size, char hex[SHA256_TEXT], struct error *error);
bool sha256_file(const char *path, char hex[SHA256_TEXT], struct error *error);

#endif
