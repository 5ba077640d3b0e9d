/* Byte pair encoding of words. Private to engine/text. */
#ifndef ASSAY_TEXT_BPE_H
#define ASSAY_TEXT_BPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/map.h"

struct bpe;

/* What a word is made of before any merge. */
enum bpe_alphabet {
    BPE_BYTES,      /* bytes, each spelled as its character of the byte-level alphabet */
    BPE_CHARACTERS, /* characters, as SentencePiece has it */
};

struct bpe_options {
    const char *where;       /* begins the error messages */
    const struct map *vocab; /* token, as it is spelled -> id; must outlive bpe_new only */
    enum bpe_alphabet alphabet;
    size_t merges;       /* how many will come, roughly */
    const char *unknown; /* unk_token, or NULL: what has no token then gives nothing */
    bool byte_fallback;  /* what has no token is its bytes, <0x00> to <0xFF>, where each of them has one */
    bool fuse_unknown;
    bool ignore_merges; /* a word that is a token is that token, whatever the merges say */
};

struct bpe *bpe_new(const struct bpe_options *options, struct error *error);
void bpe_free(struct bpe *bpe);

/* In the order of their rank. Of two merges of the same pair the later one counts. */
bool bpe_merge(struct bpe *bpe, int left, int right, int merged, struct error *error);

/* A token of one character, for BPE_CHARACTERS; its bytes must outlive the object. */
bool bpe_character(struct bpe *bpe, const char *bytes, size_t size, int id, struct error *error);

/* A whole token, as bytes, for `ignore_merges`; the bytes must outlive the object. */
bool bpe_whole(struct bpe *bpe, const char *bytes, size_t size, int id, struct error *error);

/* Appends the ids of one word, valid UTF-8 where it is made of characters: the pair of the lowest rank is merged first,
 * the leftmost of equals. O(n log n). */
bool bpe_encode(struct bpe *bpe, const char *bytes, size_t size, struct ids *out, struct error *error);

/* The same without cache and without the way for short words: what bpe_encode is tested against. */
bool bpe_encode_long(struct bpe *bpe, const char *bytes, size_t size, struct ids *out, struct error *error);

#endif
