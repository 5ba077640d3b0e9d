/* The tokenizer of a model, as Hugging Face `tokenizers` does it, read from tokenizer.json.
 *
 * Compared with tokenizers 0.23.3. Understood: models BPE (over bytes or over characters), Unigram, WordPiece,
 * WordLevel; normalizers NFC, NFD, NFKC, NFKD, Lowercase, Prepend, Replace, Strip, StripAccents, Nmt, Precompiled,
 * BertNormalizer; pre-tokenizers Split, ByteLevel, Metaspace, Digits, Punctuation, Whitespace, WhitespaceSplit,
 * BertPreTokenizer, or none; post-processors ByteLevel, TemplateProcessing, BertProcessing, RobertaProcessing; decoders
 * ByteLevel, Replace, ByteFallback, Fuse, Strip, Metaspace, WordPiece; Sequence of any of them. Everything else is
 * refused by name. With a pre-tokenizer ByteLevel merges are over bytes, without one over characters, as SentencePiece
 * has them; there a character without a token is its bytes (<0x00> to <0xFF>) with "byte_fallback", else "unk_token".
 * Truncation and padding, which a tokenizer.json may ask for, are not done.
 *
 * One model no tokenizer.json of the original has, ScoredBPE with a "vocab" as Unigram's: SentencePiece's BPE by scores
 * and without merges, as llama.cpp does it, for what a GGUF file holds.
 *
 * Patterns are translated from Oniguruma's syntax to PCRE2's (pattern_translate.c), and what has no exact translation
 * is refused. The original mixes Unicode versions: 16 in patterns, 17 for digits and lower case, 16 beside added
 * tokens, 9 for normal forms, 8 for punctuation. All are reproduced, over a PCRE2 that may know 14 and an ICU that may
 * know 15 only.
 *
 * What is known to differ:
 * - Characters assigned after Unicode 14 are missing from scripts other than Han, from \p{C}, and are wrongly in
 * \P{...} and \D inside a character class (not outside one).
 * - (?i) folds one character to one (U+017F matches s), never one to several (ss does not match U+00DF), and adds
 *   nothing to a property inside a class (there the original has U+0345 in \p{L}, U+0399 in \p{M}); \p{Lu}, \p{Ll} and
 *   \p{Lt}, to which it would add a thousand, are refused there.
 * - A pattern that repeats a group a million times over one piece of text may run out of its 256 MiB: an error.
 * - A decoder Strip with "stop" takes all of a token that it is made of, where the original panics.
 * - Refused: Metaspace behind ByteLevel or another Metaspace; with "prepend_scheme" "first", which asks whence a word
 *   came, also behind a normalizer that may make other than one character of one.
 * - Precompiled cuts a text into grapheme clusters as ICU does, whose Unicode may be older.
 * - Refused, where the original picks one: duplicate ids, duplicate tokens, added tokens that match the same text.
 * An added token that the vocabulary lacks gets the next free id from the vocabulary's size on, whatever id the file
 * gives it: that is what the original does.
 *
 * A tokenizer keeps a cache and scratch memory: one thread at a time. */
#ifndef ASSAY_TEXT_TOKENIZER_H
#define ASSAY_TEXT_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

struct tokenizer;

/* `path`: tokenizer.json itself, or a folder that holds it, or else vocab.json with merges.txt, tekken.json, a
 * SentencePiece model (tokenizer.model, spiece.model), lines of tiktoken (tiktoken.model) or WordPiece's vocab.txt,
 * read as the class of the original reads it that tokenizer_config.json names, or that of the family that config.json
 * names; without either tokenizer.json is read as it is, vocab.json as GPT-2's, and a model or tiktoken's lines by what
 * they say of themselves. NULL on failure. */
struct tokenizer *tokenizer_open(const char *path, struct error *error);
/* The same from the text of a tokenizer.json that lies in no file: it has no SHA-256. `where` is for messages. */
struct tokenizer *tokenizer_parse(const char *where, const char *text, size_t size, struct error *error);
/* Both with departures, for experiments: names of text_variant.h. */
struct text_variants {
    const char *const *names;
    size_t count;
};
struct tokenizer *tokenizer_open_as(const char *path, const struct text_variants *variants, struct error *error);
struct tokenizer *tokenizer_parse_as(const char *where, const char *text, size_t size,
                                     const struct text_variants *variants, struct error *error);
void tokenizer_free(struct tokenizer *tokenizer);
/* The name of the file that the tokenizer of a folder is read from, static; NULL: there is none. */
const char *tokenizer_source_file(const char *folder);
/* Where a folder holds a tokenizer in a form that is not read, and not one that is: appends which, and what to do.
 * False, and nothing is appended: none is known of. */
bool tokenizer_unread(const char *folder, struct buffer *out);

/* Appends the ids of the text. Special and other added tokens are recognised inside it; `add_special` adds what the
 * post-processor's template adds (BOS, EOS). Bytes that are not UTF-8 count as U+FFFD, one for each maximal subpart. On
 * failure `out` is as it was. */
bool tokenizer_encode(struct tokenizer *tokenizer, const char *text, size_t size, bool add_special, struct ids *out,
                      struct error *error);

/* Appends the text of the ids, always valid UTF-8: what is not becomes U+FFFD, one for each maximal subpart.
 * `skip_special` leaves special tokens out. An id outside 0 .. tokenizer_size - 1 is an error; a gap inside gives
 * nothing. On failure `out` is as it was. */
bool tokenizer_decode(struct tokenizer *tokenizer, const int *ids, size_t count, bool skip_special, struct buffer *out,
                      struct error *error);

/* The largest id + 1. */
size_t tokenizer_size(const struct tokenizer *tokenizer);

/* SHA-256 of tokenizer.json in hexadecimal; "" where it was read from vocab.json or was no file. */
const char *tokenizer_sha256(const struct tokenizer *tokenizer);

/* The class of the original whose rules are used in place of those of tokenizer.json, which are others, as the original
 * does; NULL: they are the file's. */
const char *tokenizer_instead(const struct tokenizer *tokenizer);

/* The token has this id only because it was named, as "eos_token" say, and is in no vocabulary and no list of tokens:
 * then the original gives it the next free id. */
bool tokenizer_only_names(const struct tokenizer *tokenizer, int id);

/* The token as the file spells it (byte-level alphabet, or with U+2581 for a space, say), borrowed; NULL when there is
 * none with this id. */
const char *tokenizer_token(const struct tokenizer *tokenizer, int id);

/* All tokens, in the order of their ids, which may have gaps: `index` is below tokenizer_count. */
struct tokenizer_entry {
    int id;
    const char *text; /* as tokenizer_token gives it; borrowed */
    bool added;       /* found in a text as it stands, and made by no merge */
};
size_t tokenizer_count(const struct tokenizer *tokenizer);
struct tokenizer_entry tokenizer_at(const struct tokenizer *tokenizer, size_t index);

#endif
