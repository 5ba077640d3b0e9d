/* What a file is, told by its name and its first bytes, for the message when it cannot be read as what it was taken
 * for: a pointer, a page or a piece in its place, an unfinished download, the format of another program. */
#ifndef ASSAY_BASE_FILE_KIND_H
#define ASSAY_BASE_FILE_KIND_H

#include <stdbool.h>

#include "base/buffer.h"

/* What a reader takes a file for: that it is just this is no explanation, and is not given. */
enum file_kind {
    FILE_OTHER, /* what nothing here reads */
    FILE_TEXT,  /* JSON and other text */
    FILE_SAFETENSORS,
    FILE_GGUF,
    FILE_NUMPY,
    FILE_TORCH,
    FILE_KINDS
};

/* Appends what the file is and what to do: "is a Git LFS pointer to 4976698672 bytes: fetch the file itself (git lfs
 * pull)". False, and nothing is appended: that is not known. Never waits for a pipe. */
bool file_kind_say(const char *path, enum file_kind wanted, struct buffer *out);

/* The end of a reader that failed: `error` gets what the file is, or where that is not known what the reader `met`,
 * which says nothing then. Returns false. */
bool file_kind_error(const char *path, enum file_kind wanted, struct error *met, struct error *error);

#endif
