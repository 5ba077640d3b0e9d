#ifndef ASSAY_JINJA_SCOPES_H
#define ASSAY_JINJA_SCOPES_H

#include "jinja/node.h"

/* Fills `hidden` of all nodes; `*out` is that of the whole. */
bool scopes_find(struct machine *machine, struct node *nodes, struct hidden **out);

#endif
