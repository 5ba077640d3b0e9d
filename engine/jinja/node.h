/* The tree that a template is parsed to. */
#ifndef ASSAY_JINJA_NODE_H
#define ASSAY_JINJA_NODE_H

#include "jinja/value.h"

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

struct node *node_new(struct machine *machine, enum node_kind kind, int line);
/* On the line of `a`. */
struct node *node_over(struct machine *machine, enum node_kind kind, struct node *a, struct node *b);

#endif
