/* What a model finds unlikely in a text, and what likelier after the rest of it: numbers from outside
 * (diagnostics/texts/witness.h), for the evidence. */
#ifndef ASSAY_QUALITY_SURPRISE_H
#define ASSAY_QUALITY_SURPRISE_H

#include <stddef.h>

/* Of each token of a text, in bits (-log2 of its probability). */
struct surprise {
    size_t count;
    size_t *ends; /* bytes of the text up to the end of the token; they never fall */
    float *bits;  /* after the text before it */
    float *alone; /* after nothing but its own sentence */
};

#endif
