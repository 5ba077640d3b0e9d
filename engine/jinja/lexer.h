/* The source as lexemes. */
#ifndef ASSAY_JINJA_LEXER_H
#define ASSAY_JINJA_LEXER_H

#include "jinja/machine.h"

enum lexeme_kind {
    LEX_END,
    LEX_DATA,
    LEX_BLOCK_BEGIN,
    LEX_BLOCK_END,
    LEX_VARIABLE_BEGIN,
    LEX_VARIABLE_END,
    LEX_NAME,
    LEX_STRING,
    LEX_INTEGER,
    LEX_FLOAT,
    LEX_OPERATOR,
};

struct lexeme {
    enum lexeme_kind kind;
    int line;
    struct text text; /* of a string: its value */
    int64_t integer;
    double real;
};

/* Fills `lexemes` of the machine. */
bool lex_source(struct machine *machine);

#endif
