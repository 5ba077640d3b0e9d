/* The one comparator: how far values are from gold. A value that is not finite can never pass. */
#ifndef ASSAY_LIMITS_COMPARATOR_H
#define ASSAY_LIMITS_COMPARATOR_H

#include <stdbool.h>
#include <stddef.h>

/* Start with {0}. Sums in double. */
struct comparison {
    size_t count;
    size_t non_finite; /* values of the subject that are NaN or infinite where gold is finite, or the reverse */
    double error2;     /* sum of (subject - gold)^2 over finite pairs */
    double error4;     /* sum of its fourth power */
    double gold2;      /* of all finite gold values */
    double gold4;
    double subject2; /* over finite pairs, as is the product */
    double product;  /* sum of subject * gold */
    double largest;  /* max |subject - gold|; infinite once something is not finite */
    size_t worst;    /* index of the worst value, counted over all calls */
    float worst_subject;
    float worst_gold;
};

/* Goes on where the last call ended. A gold value that is not finite is matched only by the same one. */
void comparison_add(struct comparison *comparison, const float *subject, const float *gold, size_t count);

/* `add` covers what comes after `to`. */
void comparison_merge(struct comparison *to, const struct comparison *add);

/* ||subject - gold|| / ||gold||; infinite when a value was not finite or gold is all zero and the subject is not; NaN
 * when nothing was compared. */
double comparison_relative(const struct comparison *comparison);

/* In how many independent values the error lies: in all where those are Gaussian (kurtosis 3), in few where a few large
 * values hold most of gold or of the error, in one where the error is a factor that all have in common. What was
 * measured of the error's square is known to sqrt(2 / carriers) of itself. */
double comparison_carriers(const struct comparison *comparison);

/* Cosine of the angle between the two; NaN when undefined. */
double comparison_cosine(const struct comparison *comparison);

/* True only if something was compared, all of it was finite, and the relative error is at most `limit`. */
bool comparison_within(const struct comparison *comparison, double limit);

#endif
