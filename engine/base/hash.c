/* SHA-256 by OpenSSL's own functions: they take no memory, where those of EVP load a provider, and may end in a signal
 * when there is none for it. */
#define OPENSSL_API_COMPAT 0x10100000L
#include "base/hash.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

struct sha256 {
    SHA256_CTX context;
};

struct sha256 *sha256_new(struct error *error)
{
    struct sha256 *sha = malloc(sizeof *sha);
    if (sha && SHA256_Init(&sha->context) == 1)
        return sha;
    free(sha);
    error_memory(error, "SHA-256");
    return NULL;
}

bool sha256_update(struct sha256 *sha, const void *data, size_t size)
{
    return SHA256_Update(&sha->context, data, size) == 1;
}

bool sha256_take(struct sha256 *sha, unsigned char digest[SHA256_BYTES])
{
    return SHA256_Final(digest, &sha->context) == 1 && SHA256_Init(&sha->context) == 1;
}

void sha256_free(struct sha256 *sha)
{
    free(sha);
}

void sha256_text(const unsigned char digest[SHA256_BYTES], char hex[SHA256_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[2 * SHA256_BYTES] = '\0';
}

bool sha256_is_text(const char *text)
{
    return strlen(text) == SHA256_TEXT - 1 && strspn(text, "0123456789abcdef") == SHA256_TEXT - 1;
}

bool sha256_finish(struct sha256 *sha, char hex[SHA256_TEXT])
{
    unsigned char digest[SHA256_BYTES];
    bool good = sha256_take(sha, digest);
    if (good)
        sha256_text(digest, hex);
    sha256_free(sha);
    return good;
}

bool sha256_bytes(const void *data, size_t size, char hex[SHA256_TEXT], struct error *error)
{
    struct sha256 *sha = sha256_new(error);
    if (!sha)
        return false;
    bool good = sha256_update(sha, data, size);
    return (sha256_finish(sha, hex) && good) || error_set(error, "SHA-256 failed");
}

bool sha256_file(const char *path, char hex[SHA256_TEXT], struct error *error)
{
    int descriptor = file_open(path, NULL, error);
    if (descriptor < 0)
        return false;
    struct sha256 *sha = sha256_new(error);
    char *chunk = malloc(1 << 20);
    bool good = sha && (chunk || error_memory(error, path));
    ssize_t got = 0;
    while (good && (got = read(descriptor, chunk, 1 << 20)) > 0)
        good = sha256_update(sha, chunk, (size_t)got);
    if (got < 0)
        good = error_errno(error, "%s: cannot read", path);
    char unused[SHA256_TEXT];
    if (sha && !sha256_finish(sha, good ? hex : unused))
        good = error_set(error, "%s: SHA-256 failed", path);
    free(chunk);
    close(descriptor);
    return good;
}
