/* What the tests of files share: a scratch folder, and safetensors files written byte by byte, not by the writer under
 * test. */
#ifndef ASSAY_TESTS_FIXTURES_H
#define ASSAY_TESTS_FIXTURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A new folder under /tmp, in a static buffer; one for each process. */
const char *scratch_make(void);
void scratch_remove(void);

/* A path inside the scratch folder; its parents are made. One of 64 static buffers, used in turn. */
const char *scratch(const char *format, ...) __attribute__((format(printf, 1, 2)));

void write_bytes(const char *path, const void *data, size_t size);
void write_text(const char *path, const char *text);
/* Malloc'd. */
char *read_bytes(const char *path, size_t *size);

/* A file of that header (which may be broken) and that many data bytes (byte i is i, modulo 251). */
void write_header(const char *path, const char *header, size_t header_size, size_t data_size);

struct plain_tensor {
    const char *name;
    const char *dtype;
    const char *shape; /* JSON */
    const void *data;  /* NULL: byte i is i, modulo 251 */
    size_t bytes;
};

/* A well-formed file of these tensors in that order. `metadata` is JSON or NULL. */
void write_tensors(const char *path, const struct plain_tensor *tensors, size_t count, const char *metadata);

#endif
