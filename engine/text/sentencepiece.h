/* The file of a SentencePiece model (sentencepiece_model.proto). Private to engine/text. */
#ifndef ASSAY_TEXT_SENTENCEPIECE_H
#define ASSAY_TEXT_SENTENCEPIECE_H

#include <stdint.h>

#include "base/buffer.h"

enum piece_type { PIECE_NORMAL = 1, PIECE_UNKNOWN, PIECE_CONTROL, PIECE_USER_DEFINED, PIECE_UNUSED, PIECE_BYTE };

struct sentencepiece {
    char *text; /* owned; not empty */
    float score;
    enum piece_type type;
};

/* Start with {0}. */
struct sentencepieces {
    struct sentencepiece *pieces; /* by id */
    size_t count, capacity;
    bool unigram;
    bool byte_fallback;
    int64_t unk_id, bos_id, eos_id;          /* below 0: none */
    char *unk, *bos, *eos;                   /* the names of these; owned */
    bool dummy_prefix, remove_extra, escape; /* what the normalizer does with spaces */
    struct buffer charsmap;                  /* as in precompiled.h, without base64; empty: none */
};

/* `name` is what errors call it. What was read is freed with sentencepieces_free, also on failure. */
bool sentencepieces_read(const char *name, const char *data, size_t size, struct sentencepieces *out,
                         struct error *error);
void sentencepieces_free(struct sentencepieces *pieces);

#endif
