/* Arithmetic as Python has it, in 64 bits. */
#ifndef ASSAY_JINJA_OPERATORS_H
#define ASSAY_JINJA_OPERATORS_H

#include "jinja/value.h"

/* The operator is its character; d: //, ^: **. */
bool value_binary(struct machine *machine, int operator, const struct value * left, const struct value *right,
                  struct value *out);
bool value_sign(struct machine *machine, bool negative, const struct value *value, struct value *out);

#endif
