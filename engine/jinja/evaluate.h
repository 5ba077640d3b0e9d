/* Expressions, evaluated: jinja2/compiler.py. */
#ifndef ASSAY_JINJA_EVALUATE_H
#define ASSAY_JINJA_EVALUATE_H

#include "jinja/node.h"

/* In the machine's scope. */
bool evaluate(struct machine *machine, const struct node *node, struct value *out);

#endif
