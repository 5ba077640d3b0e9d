/* Parses statements. */
#ifndef ASSAY_JINJA_PARSER_H
#define ASSAY_JINJA_PARSER_H

#include "jinja/node.h"

/* A list of statements; NULL without an error: there are none. */
struct node *parse_template(struct machine *machine);

#endif
