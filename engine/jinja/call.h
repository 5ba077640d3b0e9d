/* Calls, and how arguments meet parameters. */
#ifndef ASSAY_JINJA_CALL_H
#define ASSAY_JINJA_CALL_H

#include "jinja/value.h"

#define JINJA_PARAMETERS 6

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

/* A function that a template can call. */
struct function_row {
    const char *name;
    bool (*run)(struct machine *machine, const struct call *call, struct value *out); /* NULL: known, not understood */
};

/* Puts the arguments of a call in the order of `parameters` (words; "-": by position only), VALUE_ABSENT where not
 * given. The first `needed` must be. */
bool call_bind(struct machine *machine, const char *name, const struct call *call, const char *parameters,
               size_t needed, struct value out[JINJA_PARAMETERS]);

/* The value of a named argument; NULL: not given. */
const struct value *call_keyword(const struct call *call, struct text name);
/* The arguments behind the first `count`. */
struct call call_rest(const struct call *call, size_t count);

#endif
