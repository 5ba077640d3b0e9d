/* SHA-256 through OpenSSL. */
#ifndef ASSAY_BASE_HASH_H
#define ASSAY_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct sha256; /* a running digest */

struct sha256 *sha256_new(struct error *error);
bool sha256_update(struct sha256 *sha, const void *data, size_t size);
/* Lower-case hexadecimal, NUL-terminated. Ends the digest. */
bool sha256_finish(struct sha256 *sha, char hex[65]);

bool sha256_file(const char *path, char hex[65], struct error *error);

#endif
