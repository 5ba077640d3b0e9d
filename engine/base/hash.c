#include "base/hash.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct sha256 {
    EVP_MD_CTX *context;
};

struct sha256 *sha256_new(struct error *error)
{
    struct sha256 *sha = malloc(sizeof *sha);
    if (sha)
        sha->context = EVP_MD_CTX_new();
    if (sha && sha->context && EVP_DigestInit_ex(sha->context, EVP_sha256(), NULL) == 1)
        return sha;
    if (sha)
        EVP_MD_CTX_free(sha->context);
    free(sha);
    error_memory(error, "SHA-256");
    return NULL;
}

bool sha256_update(struct sha256 *sha, const void *data, size_t size)
{
    return EVP_DigestUpdate(sha->context, data, size) == 1;
}

bool sha256_finish(struct sha256 *sha, char hex[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    bool good = EVP_DigestFinal_ex(sha->context, digest, &size) == 1 && size == 32;
    for (unsigned i = 0; good && i < size; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    EVP_MD_CTX_free(sha->context);
    free(sha);
    return good;
}

bool sha256_file(const char *path, char hex[65], struct error *error)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return error_errno(error, "%s", path);
    struct sha256 *sha = sha256_new(error);
    char *chunk = malloc(1 << 20);
    bool good = sha && (chunk || error_memory(error, path));
    ssize_t got = 0;
    while (good && (got = read(descriptor, chunk, 1 << 20)) > 0)
        good = sha256_update(sha, chunk, (size_t)got);
    if (got < 0)
        good = error_errno(error, "%s: cannot read", path);
    char unused[65];
    if (sha && !sha256_finish(sha, good ? hex : unused))
        good = error_set(error, "%s: SHA-256 failed", path);
    free(chunk);
    close(descriptor);
    return good;
}
