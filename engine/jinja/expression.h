/* Parses expressions. NULL with an error. */
#ifndef ASSAY_JINJA_EXPRESSION_H
#define ASSAY_JINJA_EXPRESSION_H

#include "jinja/node.h"

/* With `choice` also "a if b else c". */
struct node *parse_expression(struct machine *machine, bool choice);
/* Expressions with commas between. `end`: a name that ends them. `empty`: may be none. */
struct node *parse_tuple(struct machine *machine, bool choice, const char *end, bool empty);
/* What is set: names, with `namespaces` also name.attribute; several are NODE_TUPLE. */
struct node *parse_target(struct machine *machine, const char *end, bool namespaces);
/* "| a | b(c)" over the node; `named`: the first is next without its bar. */
struct node *parse_filters(struct machine *machine, struct node *node, bool named);

#endif
