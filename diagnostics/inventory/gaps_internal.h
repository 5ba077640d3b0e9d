/* What the files that know kinds of patterns share. */
#ifndef ASSAY_INVENTORY_GAPS_INTERNAL_H
#define ASSAY_INVENTORY_GAPS_INTERNAL_H

#include "inventory/gaps.h"
#include "inventory/gaps_search.h"

/* Each offers all candidates of its kinds. */
void gaps_try_products(struct search *search);
void gaps_try_routers(struct search *search);
void gaps_try_orders(struct search *search);
void gaps_try_shards(struct search *search);

/* log2 of the number of ways to choose k of n. */
double bits_choose(double n, double k);

/* Describes the set of the `values` [n] (in increasing order) for which `in` is true, in the fewest bits: "all 48
 * layers", "the last layer (47)", "every 4th layer from 1 on (1, 5, 9 ...)", "experts whose number begins with 1 (1,
 * 10-19, 100-127)". Returns the bits. At least one is in. `*cause` (static) is what loses such a set; NULL: it is all,
 * or has no shape. */
double set_describe(const int *values, const bool *in, size_t n, const char *noun, struct buffer *out,
                    const char **cause);

/* Of absent units that have gaps: is this one wholly absent? */
static inline bool unit_whole(const struct census_unit *unit)
{
    return unit->absent == unit->items;
}

#endif
