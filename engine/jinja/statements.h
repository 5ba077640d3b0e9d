/* Statements, carried out. What they write goes to the machine's `out`. */
#ifndef ASSAY_JINJA_STATEMENTS_H
#define ASSAY_JINJA_STATEMENTS_H

#include "jinja/call.h"
#include "jinja/node.h"

/* A list of them, up to a break or continue, which the machine's `flow` tells. */
bool statements_run(struct machine *machine, const struct node *nodes);
/* What its body writes, as a string. */
bool macro_call(struct machine *machine, const struct macro *macro, const struct call *call, struct value *out);

#endif
