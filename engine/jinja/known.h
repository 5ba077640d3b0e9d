#ifndef ASSAY_JINJA_KNOWN_H
#define ASSAY_JINJA_KNOWN_H

#include "jinja/node.h"

/* Are all filters and tests known, but for those that Jinja looks for only when it comes to them? */
bool names_known(struct machine *machine, const struct node *nodes);

#endif
