/* The limits of a run: each a number with its written cause. A suite may change them. */
#ifndef ASSAY_LIMITS_LIMITS_H
#define ASSAY_LIMITS_LIMITS_H

#include <stdbool.h>

#include "base/error.h"

enum limit {
    LIMIT_NOISE_MULTIPLE, /* how many times the noise that gold records an error may be */
    LIMIT_ROUNDING,       /* how many times what arithmetic of few bits costs the subject an error may be: end to end */
    LIMIT_ROUNDING_ALONE, /* and of a module alone */
    LIMIT_ROUNDING_CEILING, /* relative L2 that no such cost may raise a limit above */
    LIMIT_CEILING,          /* relative L2 that no noise may raise a limit above */
    LIMIT_FALLBACK_FLOAT64, /* relative L2, for gold without noise, by the dtype of its arithmetic */
    LIMIT_FALLBACK_FLOAT32,
    LIMIT_FALLBACK_FLOAT16,
    LIMIT_FALLBACK_BFLOAT16,
    LIMIT_RELATIVE,        /* relative L2 of an activation that is allowed whatever the noise */
    LIMIT_EXPERTS,         /* experts that no compared token went through */
    LIMIT_KL,              /* mean nats from gold, beyond what its own precision accounts for */
    LIMIT_NMSE,            /* what logits.nmse may be beyond what the precision of gold accounts for */
    LIMIT_TOP1,            /* share of positions with another most likely token, near-ties not counted */
    LIMIT_LENS,            /* layers of a case behind which another token is the most likely, near-ties not counted */
    LIMIT_GREEDY,          /* cases whose greedy continuation differs, near-ties not counted */
    LIMIT_TEXT_PERPLEXITY, /* |subject / gold - 1| on a text that gold records */
    LIMIT_TEXT_ENTROPY,    /* of a text: mean entropy of a step / that of a flat distribution over the vocabulary */
    LIMIT_TEXT_RELEVANCE,  /* share of texts that say nothing of their prompt, by a judge model */
    LIMIT_HARMLESS_NATS,   /* severity: mean nats from gold up to which a difference is harmless */
    LIMIT_HARMLESS_PERPLEXITY, /* ... and |log(perplexity / gold's)| */
    LIMIT_BROKEN_NATS,         /* beyond which the model is broken */
    LIMIT_BROKEN_PERPLEXITY,
    LIMIT_COUNT
};

struct limits {
    struct {
        double value;
        char *cause; /* owned */
    } rows[LIMIT_COUNT];
};

/* The defaults. False: out of memory. */
bool limits_init(struct limits *limits, struct error *error);
void limits_free(struct limits *limits);

/* By the name a suite uses ("layers.noise_multiple"); LIMIT_COUNT when there is none. */
enum limit limit_parse(const char *name);
const char *limit_name(enum limit limit);
/* The built-in value. */
double limit_default(enum limit limit);
bool limits_set(struct limits *limits, enum limit limit, double value, const char *cause, struct error *error);
/* To the built-in value and cause. */
bool limits_reset(struct limits *limits, enum limit limit, struct error *error);

/* How exactly gold is known at a place; relative L2, NaN: not known. */
struct accuracy {
    double noise;      /* that gold records: what float32 costs the original */
    double rounding;   /* what arithmetic of few bits costs the subject, where gold or subject were computed so */
    bool alone;        /* that of a module with golden input */
    const char *dtype; /* how finely the two can be compared at all: "float64", "bfloat16" */
};

/* What an activation may differ from gold: relative L2. `*cause` (may be NULL) is set to why, borrowed. */
double limits_tolerance(const struct limits *limits, const struct accuracy *accuracy, const char **cause);

/* The same, or what the suite allows whatever the precision (layers.relative) where that is more. */
double limits_activation(const struct limits *limits, const struct accuracy *accuracy, const char **cause);

/* limits_tolerance by the built-in limits, whatever a suite allows: within that, the arithmetic cannot tell two numbers
 * apart.
 */
double limits_precision(const struct accuracy *accuracy);

#endif
