/* A text, prepared once for all diagnostics of texts: characters with script and kind, words, markdown structure. */
#ifndef ASSAY_QUALITY_PASSAGE_H
#define ASSAY_QUALITY_PASSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum glyph_kind {
    GLYPH_SPACE,
    GLYPH_LETTER,
    GLYPH_MARK, /* belongs to the letter before it */
    GLYPH_DIGIT,
    GLYPH_SYMBOL, /* punctuation and everything else that prints */
    GLYPH_BAD     /* U+FFFD, control, private, unassigned, or a byte that is no UTF-8 */
};

/* What a place in the text is, as markdown has it. Only fenced code is code: an indented line may be anything. */
enum part { PART_PROSE, PART_LIST, PART_TABLE, PART_INLINE, PART_CODE };

/* Scripts that are written together are one: Han, Hiragana, Katakana and Bopomofo are USCRIPT_HAN. */
#define SCRIPT_NONE 0 /* common and inherited characters; USCRIPT_COMMON */

struct glyph {
    uint32_t code;
    uint32_t at;     /* first byte */
    uint16_t script; /* an ICU UScriptCode, or SCRIPT_NONE */
    uint8_t kind;    /* enum glyph_kind */
    uint8_t part;    /* enum part */
};

enum word_kind { WORD_LETTERS, WORD_NUMBER };
enum known { KNOWN_NOT_ASKED, KNOWN_YES, KNOWN_NO };

/* A word as ICU's word break finds it. */
struct word {
    uint32_t first, last; /* glyphs first .. last - 1 */
    uint64_t hash;        /* of its case-folded text */
    uint16_t script;      /* of its first letter */
    uint8_t kind;         /* enum word_kind */
    uint8_t part;         /* of its first glyph */
    uint8_t known;        /* to a dictionary: enum known, for wordness.c */
    bool technical;       /* part of a path, address, identifier, formula, or in capitals */
};

struct passage {
    const char *text; /* borrowed */
    size_t size;
    struct glyph *glyphs;
    size_t glyph_count;
    struct word *words;
    size_t word_count;
    unsigned char *again; /* [glyph_count] 1: in a stretch that stood in the text before; repetition.c */
    size_t invalid;       /* bytes that are no UTF-8 */
    bool structured;      /* the whole text is one JSON value, or markup that is well formed */
};

/* Characters of a passage from `first` to before `last`, and the words that lie in it wholly. */
struct view {
    const struct passage *passage;
    size_t first, last;
    size_t word_first, word_last;
};

/* `text` [size] is borrowed, and may hold any bytes. *passage is filled as far as it got; free it either way. */
bool passage_new(struct passage *passage, const char *text, size_t size, struct error *error);
void passage_free(struct passage *passage);

struct view passage_view(const struct passage *passage, size_t first, size_t last);

/* Byte offsets of a view. */
size_t view_from(const struct view *view);
size_t view_to(const struct view *view);

/* The glyph at which the line ends that `at` is in: its '\n', or `last`. */
size_t passage_line_end(const struct passage *passage, size_t at, size_t last);

/* Where a glyph ends, in bytes. */
size_t glyph_end(const struct passage *passage, size_t glyph);

/* The word's letters, case as it is; UTF-8, borrowed from the text. */
const char *word_text(const struct passage *passage, const struct word *word, size_t *size);

/* The hash of a word: FNV-1a over its case-folded code points. */
#define WORD_HASH_BEGIN 0xCBF29CE484222325u
uint64_t word_hash_next(uint64_t hash, uint32_t code);
/* Goes on with `*hash` over the first word of a list (UTF-8, words between single spaces); the next word. */
const char *word_list_next(const char *list, uint64_t *hash);

/* markup.c: tags of a text that are not in code, and how many of them are broken: not ended, closing what is not open.
 * What is still open at the end is not: texts are cut off. */
struct markup {
    size_t tags, broken;
    size_t closed; /* elements that are closed */
    bool document; /* nothing but white space lies before the first tag */
};
bool passage_markup(const struct passage *passage, size_t first, size_t last, struct markup *markup);

/* again.c: fills `again`. */
bool passage_again(struct passage *passage, struct error *error);

/* code_lines.c: marks code that is not fenced. */
void passage_code_lines(struct passage *passage);

/* structure.c: marks lists, tables, inline and fenced code in `glyphs`. */
bool passage_structure(struct passage *passage, struct error *error);

#endif
