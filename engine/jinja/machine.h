/* The machine that reads and carries out a template: its bounds, its memory, its error.
 *
 * Everything that a rendering makes lies in one arena, which is bounded and freed at its end; nothing is freed before.
 * Functions that have a machine return false, or NULL, when its error is set.
 *
 * The files of engine/jinja stand above each other, and none calls one above it:
 *   text_view, machine                                     pieces of text; bounds, memory, error
 *   value, print, sequence, strings, operators             values, and what is done to them
 *   lexer, node, cursor, expression, parser, scopes        the source, up to a tree of nodes
 *   call, bindings, loop, methods, attributes, predicates, series, filters, globals, known
 *                                                          what an expression can name
 *   evaluate, statements, template                         the tree, carried out
 * Where one must call upwards it does so through the machine (call_macro) or the loop (passes). */
#ifndef ASSAY_JINJA_MACHINE_H
#define ASSAY_JINJA_MACHINE_H

#include "base/buffer.h"
#include "base/error.h"
#include "jinja/text_view.h"

#define JINJA_SOURCE_MOST ((size_t)4 << 20)
#define JINJA_ARENA_MOST ((size_t)128 << 20)
#define JINJA_OUTPUT_MOST ((size_t)16 << 20)
#define JINJA_STEPS_MOST 10000000
#define JINJA_DEPTH_MOST 400    /* of nodes at work */
#define JINJA_NESTING_MOST 100  /* of the source, and of values */
#define JINJA_RANGE_MOST 100000 /* jinja2/sandbox.py, MAX_RANGE */

struct call;
struct chat_template_source;
struct macro;
struct value;

enum flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE };

struct machine {
    const struct chat_template_source *source;
    struct error *error;
    struct arena_block *arena;
    size_t arena_size;
    long steps;
    int depth, line;
    struct lexeme *lexemes;
    size_t lexeme_count, lexeme_capacity, at; /* of the parser */
    int loops, nesting;
    struct dict *variables;
    struct scope *scope;
    struct buffer *out;
    enum flow flow;
    const struct value *captured; /* of the captured block at work */
    /* macro_call of statements.h: an expression may call a macro, whose body is statements, and these stand above. */
    bool (*call_macro)(struct machine *machine, const struct macro *macro, const struct call *call, struct value *out);
};

/* False. The first error stays; it tells the template's name and the line at work. */
bool machine_fail(struct machine *machine, const char *format, ...) ASSAY_PRINTF(2, 3);
/* Counts work; an error when it is too much. A step stands for about 100 ns: what a builtin does to an operand is spent
 * by the operand's length. */
bool machine_spend(struct machine *machine, size_t work);
/* For a name that was held against `looked` others: long ones take long to tell apart. */
bool machine_spend_names(struct machine *machine, size_t looked, struct text name);
/* One level deeper; an error when it is too deep. Going up again: machine->depth--. */
bool machine_enter(struct machine *machine);
/* Zeroed; NULL when it is too much. */
void *machine_take(struct machine *machine, size_t size);
/* Copies the bytes. */
bool machine_copy(struct machine *machine, const char *data, size_t size, struct text *out);
/* Everything that was taken. */
void machine_free(struct machine *machine);

#endif
