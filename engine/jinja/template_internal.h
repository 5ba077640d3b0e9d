/* Lexemes, nodes, values and the machine that evaluates them. Private to engine/jinja.
 *
 * Everything that a rendering makes lies in one arena, which is bounded and freed at its end; nothing is freed before.
 * Functions return false when the machine's error is set. */
#ifndef ASSAY_JINJA_TEMPLATE_INTERNAL_H
#define ASSAY_JINJA_TEMPLATE_INTERNAL_H

#include <stdint.h>

#include "jinja/template.h"

#define CHAT_SOURCE_MOST ((size_t)4 << 20)
#define CHAT_ARENA_MOST ((size_t)128 << 20)
#define CHAT_OUTPUT_MOST ((size_t)16 << 20)
#define CHAT_STEPS_MOST 10000000
#define CHAT_DEPTH_MOST 400    /* of nodes at work */
#define CHAT_NESTING_MOST 100  /* of the source, and of values */
#define CHAT_RANGE_MOST 100000 /* jinja2/sandbox.py, MAX_RANGE */
#define CHAT_PARAMETERS 6

struct text {
    const char *data;
    size_t size;
};

#define TEXT(literal) ((struct text){literal, sizeof(literal) - 1})

/* --- values --- */

enum value_kind {
    VALUE_ABSENT, /* an argument that was not given, a variable that is not set yet */
    VALUE_UNDEFINED,
    VALUE_NONE,
    VALUE_BOOL,
    VALUE_INTEGER,
    VALUE_FLOAT,
    VALUE_STRING,
    VALUE_MARKUP, /* what `safe` makes: may only be printed */
    VALUE_LIST,
    VALUE_TUPLE,
    VALUE_RANGE,
    VALUE_VIEW,      /* keys, values and items of a dict */
    VALUE_GENERATOR, /* can be gone through once */
    VALUE_DICT,
    VALUE_NAMESPACE,
    VALUE_LOOP,
    VALUE_MACRO,
    VALUE_FUNCTION,
    VALUE_METHOD,
};

struct value {
    enum value_kind kind;
    union {
        bool truth;
        int64_t integer;
        double real;
        struct text text; /* of a string; what an undefined value is called */
        struct list *list;
        struct dict *dict;
        struct loop *loop;
        const struct macro *macro;
        const struct function_row *function;
        const struct method *method;
    };
};

struct list {
    struct value *items;
    size_t count, capacity;
    size_t taken;              /* of a generator */
    int64_t start, stop, step; /* of a range */
};

/* In the order of insertion. */
struct dict {
    struct value *keys, *values;
    size_t count, capacity;
};

struct keyword {
    struct text name;
    struct value value;
};

struct call {
    const struct value *values; /* by position */
    size_t count;
    const struct keyword *keywords;
    size_t keyword_count;
};

/* --- the source --- */

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

enum node_kind {
    NODE_CONSTANT,
    NODE_NAME,
    NODE_LIST,
    NODE_TUPLE,
    NODE_DICT, /* pairs: NODE_PAIR a, b */
    NODE_PAIR,
    NODE_ATTRIBUTE, /* a.text */
    NODE_ITEM,      /* a[b] */
    NODE_SLICE,     /* of a: items are start, stop, step; NODE_ABSENT where left out */
    NODE_ABSENT,
    NODE_CALL,     /* a(items) */
    NODE_ARGUMENT, /* text = a; text empty: by position */
    NODE_FILTER,   /* a | text(items) */
    NODE_TEST,     /* a is text(items) */
    NODE_NOT,
    NODE_NEGATIVE,
    NODE_POSITIVE,
    NODE_AND,
    NODE_OR,
    NODE_COMPARE, /* a, then items: NODE_OPERAND */
    NODE_OPERAND, /* operator text, a */
    NODE_BINARY,  /* a operator b */
    NODE_CONCAT,  /* items */
    NODE_CHOICE,  /* b if a else c */
    /* statements */
    NODE_DATA,
    NODE_PRINT,
    NODE_FOR,          /* target a, in b, if c, body, otherwise */
    NODE_IF,           /* test a, body, otherwise */
    NODE_SET,          /* target a, value b */
    NODE_SET_BLOCK,    /* target a, filters b over NODE_CAPTURED, body */
    NODE_FILTER_BLOCK, /* filters b over NODE_CAPTURED, body */
    NODE_CAPTURED,
    NODE_NAMESPACE_TARGET, /* text.other */
    NODE_MACRO,            /* text(items: NODE_ARGUMENT, a is the default), body */
    NODE_WITH,             /* items: NODE_PAIR target, value; body */
    NODE_SCOPE,            /* body */
    NODE_BREAK,
    NODE_CONTINUE,
};

/* Names that are not set when a scope begins. */
struct hidden {
    struct text name;
    struct hidden *next;
};

struct node {
    enum node_kind kind;
    int line;
    int operator; /* of binaries and operands: their character; see expression.c */
    struct text text, other;
    struct value value; /* of a constant */
    struct node *a, *b, *c;
    struct node *items, *body, *otherwise; /* lists, by `next` */
    struct node *next;
    struct hidden *hidden, *hidden_otherwise; /* in the scopes of body and otherwise */
};

/* --- the machine --- */

struct binding {
    struct text name;
    struct value value;
    struct binding *next;
};

struct scope {
    struct scope *parent;
    struct binding *bindings;
};

struct macro {
    const struct node *node;
    struct scope *scope; /* in which it was defined */
};

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
    struct value captured;
};

/* template.c */
bool chat_fail(struct machine *machine, const char *format, ...) ASSAY_PRINTF(2, 3);
/* Counts work; an error when it is too much. */
bool chat_spend(struct machine *machine, size_t work);
/* Zeroed; NULL when it is too much. */
void *chat_take(struct machine *machine, size_t size);
bool chat_copy(struct machine *machine, const char *data, size_t size, struct text *out);
bool text_is(struct text text, const char *word);
bool text_equal(struct text left, struct text right);

/* lexer.c: fills `lexemes`. */
bool chat_lex(struct machine *machine);

/* parser.c, expression.c, terms.c: NULL with an error */
struct node *chat_parse(struct machine *machine); /* a list of statements; NULL without an error: there are none */
const struct lexeme *chat_peek(const struct machine *machine, size_t ahead);
bool chat_next_is(const struct machine *machine, enum lexeme_kind kind, const char *text);
bool chat_skip(struct machine *machine, enum lexeme_kind kind, const char *text);
bool chat_expect(struct machine *machine, enum lexeme_kind kind, const char *text);
bool chat_fail_here(struct machine *machine, const char *expected);
bool chat_lexeme_is(const struct lexeme *lexeme, enum lexeme_kind kind, const char *text);
struct node *chat_node(struct machine *machine, enum node_kind kind, int line);
/* On the line of `a`. */
struct node *chat_node_of(struct machine *machine, enum node_kind kind, struct node *a, struct node *b);
struct node *chat_parse_term(struct machine *machine);
/* What stands behind a term: .name, [item], (arguments); with `filters` also filters and tests. */
struct node *chat_parse_behind(struct machine *machine, struct node *node, bool filters);
struct node *chat_parse_expression(struct machine *machine, bool choice);
/* Expressions with commas between. `end`: a name that ends them. `empty`: may be none. */
struct node *chat_parse_tuple(struct machine *machine, bool choice, const char *end, bool empty);
struct node *chat_parse_target(struct machine *machine, const char *end, bool namespaces);
/* "| a | b(c)" over the node; `named`: the first is next without its bar. */
struct node *chat_parse_filters(struct machine *machine, struct node *node, bool named);

/* known.c: are all filters and tests known, but for those that Jinja looks for only when it comes to them? */
bool chat_known(struct machine *machine, const struct node *nodes);

/* scopes.c: fills `hidden` of all nodes; `*out` is that of the whole. */
bool chat_scopes(struct machine *machine, struct node *nodes, struct hidden **out);

/* value.c */
struct value value_bool(bool truth);
struct value value_integer(int64_t integer);
struct value value_string(struct text text);
struct value value_undefined(struct text name);
bool value_copy(struct machine *machine, const char *data, size_t size, struct value *out);
/* Moves the buffer's content into the arena and frees it. */
bool value_take(struct machine *machine, struct buffer *buffer, struct value *out);
struct list *list_new(struct machine *machine);
bool list_push(struct machine *machine, struct list *list, const struct value *item);
struct value value_list(enum value_kind kind, struct list *list);
struct dict *dict_new(struct machine *machine);
/* An error for a key that Python cannot hash. */
bool dict_put(struct machine *machine, struct dict *dict, const struct value *key, const struct value *value);
/* NULL: not there, or an error is set. */
const struct value *dict_find(struct machine *machine, const struct dict *dict, const struct value *key);
const struct value *dict_member(const struct dict *dict, struct text name);
bool value_hashable(const struct value *value);
bool value_truth(const struct value *value);
bool value_is_number(const struct value *value); /* bool, integer, float */
double value_real(const struct value *value);
/* As the index of something: integers and bools. */
bool value_is_whole(const struct value *value, int64_t *out);
const char *value_type(const struct value *value); /* as Python calls it */
bool value_equal(struct machine *machine, const struct value *left, const struct value *right, bool *out);
/* -1, 0, 1; an error for what Python does not order. Not for NaN. */
bool value_compare(struct machine *machine, const struct value *left, const struct value *right, int *out);
bool value_from_json(struct machine *machine, const cJSON *json, struct value *out);

/* print.c */
bool value_print(struct machine *machine, const struct value *value, struct buffer *out); /* str() */
bool value_string_of(struct machine *machine, const struct value *value, struct text *out);
struct json_style {
    bool ascii, sorted, lines;
    struct text indent, item, key; /* between items; behind a key */
};
bool value_json(struct machine *machine, const struct value *value, const struct json_style *style, int level,
                struct buffer *out);

/* sequence.c */
size_t text_length(struct text text);                                /* in characters */
struct text text_part(struct text text, size_t first, size_t count); /* in characters */
bool text_is_space(uint32_t code);                                   /* str.isspace */
struct text text_strip(struct text text, const struct text *characters, bool left, bool right);
/* What `for` goes through; a generator is used up. */
bool value_items(struct machine *machine, const struct value *value, struct list **out);
bool value_length(struct machine *machine, const struct value *value, int64_t *out); /* -1: has none */
bool value_contains(struct machine *machine, const struct value *in, const struct value *item, bool *out);
bool value_slice(struct machine *machine, const struct value *from, const struct value bounds[3], struct value *out);
bool value_at(struct machine *machine, const struct value *from, int64_t index, struct value *out);
bool value_range(struct machine *machine, int64_t start, int64_t stop, int64_t step, struct value *out);

/* operators.c */
bool value_binary(struct machine *machine, int operator, const struct value * left, const struct value *right,
                  struct value *out);
bool value_sign(struct machine *machine, bool negative, const struct value *value, struct value *out);

/* evaluate.c */
bool chat_evaluate(struct machine *machine, const struct node *node, struct value *out);
bool chat_item(struct machine *machine, const struct value *from, const struct value *key, struct value *out);
bool chat_attribute(struct machine *machine, const struct value *from, struct text name, struct value *out);

/* statements.c */
bool chat_render(struct machine *machine, const struct node *nodes);
bool chat_call_macro(struct machine *machine, const struct macro *macro, const struct call *call, struct value *out);
bool chat_bind(struct machine *machine, struct text name, const struct value *value);
/* Makes the current scope begin with these names. */
bool chat_hide(struct machine *machine, const struct hidden *hidden);
bool loop_attribute(struct machine *machine, struct loop *loop, struct text name, struct value *out);

/* globals.c */
struct function_row {
    const char *name;
    bool (*run)(struct machine *machine, const struct call *call, struct value *out); /* NULL: known, not understood */
};
const struct function_row *chat_global(struct text name);
/* Puts the arguments of a call in the order of `parameters` (words; "-": by position only), VALUE_ABSENT where not
 * given. The first `needed` must be. */
bool call_bind(struct machine *machine, const char *name, const struct call *call, const char *parameters,
               size_t needed, struct value out[CHAT_PARAMETERS]);

/* filters.c */
bool chat_filter_known(struct text name); /* to Jinja */
bool chat_filter(struct machine *machine, struct text name, const struct value *value, const struct call *call,
                 struct value *out);
/* series.c: the filters over sequences */
typedef bool filter_run(struct machine *machine, const struct value *value, const struct value *arguments,
                        struct value *out);
typedef bool filter_open(struct machine *machine, const struct value *value, const struct call *call,
                         struct value *out);
filter_run filter_first, filter_last, filter_list, filter_join, filter_sort, filter_dictsort, filter_unique, filter_min,
    filter_items;
filter_open filter_map, filter_reject, filter_selectattr, filter_rejectattr;

/* predicates.c */
bool chat_test_known(struct text name);
bool chat_test(struct machine *machine, struct text name, const struct value *value, const struct call *call,
               bool *out);

/* methods.c */
struct method {
    const struct method_row *row;
    struct text name;
    struct value self;
};
/* What Python has under that name; `*out` is VALUE_ABSENT where it has nothing. */
bool chat_method_find(struct machine *machine, const struct value *self, struct text name, struct value *out);
bool chat_method_call(struct machine *machine, const struct method *method, const struct call *call, struct value *out);
typedef bool method_run(struct machine *machine, const struct value *self, const struct value *arguments,
                        struct value *out);
/* text_methods.c: those of strings */
method_run method_startswith, method_endswith, method_strip, method_lstrip, method_rstrip, method_split, method_replace,
    method_format, method_capitalize, method_title;
/* strings.c: what methods and filters of strings do */
/* u(pper), l(ower), c(apitalize), t(itle) */
bool string_case(struct machine *machine, struct text text, char how, struct value *out);
bool string_replace(struct machine *machine, struct text text, struct text old, struct text new, int64_t most,
                    struct value *out);
bool string_lines(struct machine *machine, struct text text, struct list **out);
bool string_split(struct machine *machine, struct text text, const struct text *separator, int64_t most,
                  struct list **out);
bool string_join(struct machine *machine, struct text separator, const struct list *items, struct value *out);

#endif
