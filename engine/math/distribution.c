#include "math/distribution.h"

#include <math.h>
#include <string.h>

double log_sum_exp(const float *values, size_t count)
{
    double largest = -INFINITY, sum = 0;
    for (size_t i = 0; i < count; i++)
        largest = (double)values[i] > largest ? (double)values[i] : largest;
    for (size_t i = 0; i < count; i++)
        sum += exp((double)values[i] - largest);
    return largest + log(sum);
}

double logits_entropy(const float *logits, size_t count, double *log_sum)
{
    double largest = -INFINITY, sum = 0, weighted = 0;
    for (size_t i = 0; i < count; i++)
        largest = (double)logits[i] > largest ? (double)logits[i] : largest;
    for (size_t i = 0; i < count; i++) {
        double below = (double)logits[i] - largest, share = exp(below);
        sum += share;
        weighted += share * below;
    }
    *log_sum = largest + log(sum);
    return log(sum) - weighted / sum;
}

size_t largest_index(const float *values, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (values[i] > values[best] || isnan(values[best]))
            best = i;
    return best;
}

size_t largest_indices(const float *values, size_t count, size_t most, size_t *out)
{
    size_t have = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = have;
        while (at > 0 && values[i] > values[out[at - 1]])
            at--;
        if (at >= most)
            continue;
        have += have < most;
        memmove(out + at + 1, out + at, (have - at - 1) * sizeof *out);
        out[at] = i;
    }
    return have;
}
