#include "limits/comparator.h"

#include <math.h>

void comparison_add(struct comparison *c, const float *subject, const float *gold, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double s = (double)subject[i], g = (double)gold[i], error = fabs(s - g);
        bool same_bits = isfinite(s) ? false : (isnan(s) && isnan(g)) || (isinf(s) && isinf(g) && (s > 0) == (g > 0));
        c->gold2 += isfinite(g) ? g * g : 0;
        c->gold4 += isfinite(g) ? g * g * g * g : 0;
        if (!isfinite(s) || !isfinite(g)) {
            if (same_bits)
                continue;
            c->non_finite++;
            error = INFINITY;
        } else {
            c->error2 += error * error;
            c->error4 += error * error * error * error;
            c->subject2 += s * s;
            c->product += s * g;
        }
        if (error > c->largest || c->count + i == 0) {
            c->largest = error;
            c->worst = c->count + i;
            c->worst_subject = subject[i];
            c->worst_gold = gold[i];
        }
    }
    c->count += count;
}

void comparison_merge(struct comparison *to, const struct comparison *add)
{
    if (!to->count || add->largest > to->largest) {
        to->largest = add->largest;
        to->worst = to->count + add->worst;
        to->worst_subject = add->worst_subject;
        to->worst_gold = add->worst_gold;
    }
    to->count += add->count;
    to->non_finite += add->non_finite;
    to->error2 += add->error2;
    to->error4 += add->error4;
    to->gold2 += add->gold2;
    to->gold4 += add->gold4;
    to->subject2 += add->subject2;
    to->product += add->product;
}

double comparison_relative(const struct comparison *c)
{
    if (!c->count)
        return NAN;
    if (c->non_finite)
        return INFINITY;
    if (!(c->gold2 > 0))
        return c->error2 > 0 ? INFINITY : 0;
    return sqrt(c->error2 / c->gold2);
}

double comparison_carriers(const struct comparison *c)
{
    double values = c->gold4 > 0 ? 3 * c->gold2 * c->gold2 / c->gold4 : (double)c->count;
    double errors = c->error4 > 0 ? 3 * c->error2 * c->error2 / c->error4 : (double)c->count;
    double carriers = fmin(fmin(errors, values), (double)c->count);
    if (!(c->error2 > 0) || !(c->gold2 > 0) || !(carriers > 0))
        return carriers;
    double along = c->product - c->gold2, common = fmin(1, along * along / c->error2 / c->gold2);
    return 1 / (common * common + (1 - common) * (1 - common) / carriers);
}

double comparison_cosine(const struct comparison *c)
{
    double norms = sqrt(c->gold2) * sqrt(c->subject2);
    return norms > 0 && !c->non_finite ? c->product / norms : NAN;
}

bool comparison_within(const struct comparison *c, double limit)
{
    return !c->non_finite && comparison_relative(c) <= limit; /* also where the limit is infinite */
}
