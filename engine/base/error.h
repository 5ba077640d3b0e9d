/* One error for the whole project.
 *
 * A function that can fail returns false (or NULL) and fills the error at the place where it happened, with the file,
 * the tensor, what was expected and what was found. Callers add context in front, and never overwrite. */
#ifndef ASSAY_BASE_ERROR_H
#define ASSAY_BASE_ERROR_H

#include <stdbool.h>

#define ASSAY_PRINTF(format_at, first) __attribute__((format(printf, format_at, first)))

/* What a caller may have to know of a failure; what there is to say of it stands in the text, which is for people. */
enum error_kind {
    ERROR_ANY,
    ERROR_MEMORY, /* the machine's fault, and no file's */
    ERROR_SHAPE,  /* a tensor has another shape than is called for */
    ERROR_DTYPE,  /* a tensor has a dtype that nothing here computes with */
    ERROR_MINE,   /* of two models that are compared it is the one under test that cannot be read */
};

/* Start with `struct error error = {0}`. `text` is owned; error_clear frees it. */
struct error {
    char *text;
    enum error_kind kind;
};

/* Always returns false, so that a failing function can end with `return error_set(...)`. The first error wins: where
 * one is set already, the call changes nothing. `error` may be NULL. */
bool error_set(struct error *error, const char *format, ...) ASSAY_PRINTF(2, 3);

bool error_set_kind(struct error *error, enum error_kind kind, const char *format, ...) ASSAY_PRINTF(3, 4);

/* Moves what `from` says into `error`, where the first one wins here too; `from` says nothing then. Returns false. */
bool error_take(struct error *error, struct error *from);

/* Puts "context: " in front of the text. Always returns false. */
bool error_context(struct error *error, const char *format, ...) ASSAY_PRINTF(2, 3);

/* The same for a failed call of the C library: appends strerror(errno). */
bool error_errno(struct error *error, const char *format, ...) ASSAY_PRINTF(2, 3);

bool error_memory(struct error *error, const char *what);

/* Never NULL. */
const char *error_text(const struct error *error);

void error_clear(struct error *error);

#endif
