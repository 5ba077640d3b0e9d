/* The tables of pairs.c, made by scripts/make_function_pairs.py. Private to diagnostics/quality. */
#ifndef ASSAY_QUALITY_FUNCTION_PAIRS_H
#define ASSAY_QUALITY_FUNCTION_PAIRS_H

/* Symbols 0 to PAIR_FIRST_WORD - 1 of every table; then its small words, then its endings. */
enum pair_symbol { PAIR_OTHER, PAIR_NAME, PAIR_NUMBER, PAIR_COMMA, PAIR_STOP, PAIR_FIRST_WORD };

#define PAIR_LANGUAGES 12
#define PAIR_CHANCE 'm'      /* the pair is as frequent as chance makes it */
#define PAIR_LETTER_BITS 0.5 /* of log2(seen / by chance), for every letter behind `PAIR_CHANCE` */

#define PAIR_USE_NONE 'A' /* 0 bits; PAIR_LETTER_BITS for every letter behind it */

struct pair_table {
    const char *language;
    unsigned symbols;
    unsigned words;          /* of them small words; the rest are endings */
    const char *word_list;   /* with spaces between; one that ends in an apostrophe is written onto the next word */
    const char *ending_list; /* last two letters of other words */
    const char *uses;        /* [words] letters: how rare a small word is among them, -log2(share) */
    const char *const *rows; /* [symbols] strings of `symbols` letters: the first symbol's row, the second's letter */
};

extern const struct pair_table pair_tables[PAIR_LANGUAGES];

#endif
