/* How an error lies over tokens and heads: one factor, a few heads, one position, everything from one on. It is said
 * where it holds in all cases that were compared and explains the error, and it tells what to look for. */
#ifndef ASSAY_ACTIVATIONS_PATTERNS_H
#define ASSAY_ACTIVATIONS_PATTERNS_H

#include "limits/comparator.h"
#include "model/probe.h"

/* The rows of one place of one case, one by one. Start with {0}. */
struct row_tally {
    size_t rows, wrong;                         /* compared, and of them off by more than the place may be */
    size_t first, last;                         /* tokens that were compared, */
    size_t first_wrong, last_wrong, last_right; /* and of these kinds, if there are any */
    double unfitted2;   /* what is left of all rows once each is divided by a factor of its own */
    double least, most; /* of these factors */
};

/* Of one head, over all cases. */
struct head_tally {
    size_t rows, wrong;
};

/* Takes the row [width] of a token; `tolerance`: relative L2. */
void rows_add(struct row_tally *tally, size_t token, const float *subject, const float *gold, size_t width,
              double tolerance);
/* The same row by heads of width / count values. */
void heads_add(struct head_tally *heads, size_t count, const float *subject, const float *gold, size_t width,
               double tolerance);

/* One case of a place. */
struct seen_case {
    const struct comparison *comparison;
    const struct row_tally *rows;
};

/* All that is known of a place. */
struct seen_place {
    const struct seen_case *cases;
    size_t count;
    const struct head_tally *heads; /* [head_count] */
    size_t head_count;
    bool routed;    /* what experts do: which tokens go wrong is a matter of the router */
    bool attends;   /* tokens may have met since the last place that was compared */
    bool attention; /* it is attention itself */
};

struct pattern {
    const char *kind; /* "factor", "factors", "zeros", "heads", "token", "onset" */
    double number;    /* the factor; the token; NaN: none */
    char text[400];   /* a sentence */
};

/* False: there is none. */
bool pattern_find(const struct seen_place *place, struct pattern *pattern);

#endif
