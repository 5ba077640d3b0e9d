/* Which experiments are worth a try: by what is bad, and what usually goes wrong there. */
#ifndef ASSAY_CAUSES_CANDIDATES_H
#define ASSAY_CAUSES_CANDIDATES_H

#include "causes/differing.h"
#include "causes/hypothesis.h"

/* What is known before the experiments. */
struct evidence {
    const struct model_config *config;
    const struct model_config *gold; /* the configuration that gold records; NULL: none */
    const unsigned *bad;             /* [blocks] of bits of enum point: bad alone; block L + 1 is layer L */
    int blocks;
    const struct differing *differing; /* from the original, in layers that are bad; NULL: there is no original */
    bool weights_right; /* the weights are known to be right: only how they are computed with is in question */
};

/* Appends what could explain some of it: the simplest and likeliest first. False: out of memory. */
bool candidates_take(const struct evidence *evidence, struct hypotheses *out);

#endif
