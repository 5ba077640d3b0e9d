/* The functions that a template finds. */
#ifndef ASSAY_JINJA_GLOBALS_H
#define ASSAY_JINJA_GLOBALS_H

#include "jinja/call.h"

/* NULL: there is no such function. */
const struct function_row *global_find(struct text name);

#endif
