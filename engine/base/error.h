/* One error for the whole project.
 *
 * A function that can fail returns false (or NULL) and fills the error at the place where it happened, with the file,
 * the tensor, what was expected and what was found. Callers add context in front, and never overwrite. */
#ifndef ASSAY_BASE_ERROR_H
#define ASSAY_BASE_ERROR_H

#include <stdbool.h>

#define ASSAY_PRINTF(format_at, first) __attribute__((format(printf, format_at, first)))

/* Start with `struct error error = {0}`. `text` is owned; error_clear frees it. */
struct error {
    char *text;
};

/* Always returns false, so that a failing function can end with `return error_set(...)`. The first error wins: where
 * one is set already, the call changes nothing. `error` may be NULL. */
bool error_set(struct error *error, const char *format, ...) ASSAY_PRINTF(2, 3);

/* Puts "context: " in front of the text. Always returns false. */
bool error_context(struct error *error, const char *format, ...) ASSAY_PRINTF(2, 3);

/* The same for a failed call of the C library: appends strerror(errno). */
bool error_errno(struct error *error, const char *format, ...) ASSAY_PRINTF(2, 3);

bool error_memory(struct error *error, const char *what);

/* Never NULL. */
const char *error_text(const struct error *error);

void error_clear(struct error *error);

#endif
