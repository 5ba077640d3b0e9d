/* The kinds of dumps that can be read, each a row where its reader is; the first that recognises a path reads it. */
#ifndef ASSAY_GOLDEN_READERS_H
#define ASSAY_GOLDEN_READERS_H

#include "golden/golden_internal.h"

/* Our own comes first: it is tried where no row recognises the path, so that its error is the one to be told. */
#define GOLDEN_READERS(X)                                                                                              \
    X(golden_native)                                                                                                   \
    X(golden_debug_tree)                                                                                               \
    X(golden_named)                                                                                                    \
    X(golden_logits_base)                                                                                              \
    X(golden_llama_debug)

#define GOLDEN_READER_DECLARE(reader) extern const struct golden_reader reader;
GOLDEN_READERS(GOLDEN_READER_DECLARE)
#undef GOLDEN_READER_DECLARE

#endif
