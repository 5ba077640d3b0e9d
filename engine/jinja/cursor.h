/* Where the parser is. A text of NULL stands for any. */
#ifndef ASSAY_JINJA_CURSOR_H
#define ASSAY_JINJA_CURSOR_H

#include "jinja/lexer.h"

/* The lexeme that is `ahead` of the next; behind the last there is LEX_END. */
const struct lexeme *cursor_peek(const struct machine *machine, size_t ahead);
/* Is it the next? */
bool cursor_is(const struct machine *machine, enum lexeme_kind kind, const char *text);
/* Goes behind it, if it is the next. */
bool cursor_skip(struct machine *machine, enum lexeme_kind kind, const char *text);
/* The same; an error if it is not. */
bool cursor_expect(struct machine *machine, enum lexeme_kind kind, const char *text);
/* False: says what was expected, and what is next. */
bool cursor_fail(struct machine *machine, const char *expected);
bool lexeme_is(const struct lexeme *lexeme, enum lexeme_kind kind, const char *text);

#endif
