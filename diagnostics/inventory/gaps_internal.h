/* The search for patterns, for the files that know kinds of them. */
#ifndef ASSAY_INVENTORY_GAPS_INTERNAL_H
#define ASSAY_INVENTORY_GAPS_INTERNAL_H

#include "inventory/gaps.h"

#define PATTERNS_MAX 1500                    /* candidates kept */
#define PATTERN_BITS_MAX ((size_t)256 << 20) /* bytes of their marks */

/* One candidate: the tensors that it would lose. */
struct pattern {
    const char *kind;    /* "one-shard-per-layer"; static */
    double bits;         /* that it takes to name it */
    unsigned char *lost; /* a bit for each item of the census */
    char *text;          /* what is absent, and so what the extractor did */
};

struct search {
    const struct census *census;
    const bool *misnamed; /* [census->count]: absent, and there under another name; NULL: none */
    const char *renaming; /* how; NULL: in no common way */
    struct pattern *patterns;
    size_t count;
    size_t capacity;
    bool memory; /* ran out of it */
};

/* Offers the tensors for which `lost` [census->count] is true; those that are optional do not count. Takes the content
 * of `text`. Where nothing absent is among them it is passed over. */
void search_offer(struct search *search, const char *kind, double bits, const bool *lost, struct buffer *text);

/* Each offers all candidates of its kinds. */
void gaps_try_products(struct search *search);
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
