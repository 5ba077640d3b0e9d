/* The search for patterns: candidates, each the tensors that one cause would lose. */
#ifndef ASSAY_INVENTORY_GAPS_SEARCH_H
#define ASSAY_INVENTORY_GAPS_SEARCH_H

#include "base/buffer.h"
#include "inventory/census.h"

#define PATTERNS_MAX 1500                    /* candidates kept */
#define PATTERN_BITS_MAX ((size_t)256 << 20) /* bytes of their marks */

/* One candidate: the tensors that it would lose. */
struct pattern {
    const char *kind;    /* "one-shard-per-layer"; static */
    double bits;         /* that it takes to name it */
    unsigned char *lost; /* a bit for each item of the census */
    char *text;          /* what is absent, and so what the extractor did */
    bool seen;           /* what else is there shows it: it goes before all that is inferred */
    bool alone;          /* ... and speaks against whatever else would lose the same */
};

struct gaps_beside;

struct search {
    const struct census *census;
    const struct gaps_beside *beside; /* NULL: nothing is known */
    struct pattern *patterns;
    size_t count;
    size_t capacity;
    bool memory; /* ran out of it */
};

/* Offers the tensors for which `lost` [census->count] is true; those that are optional do not count. Takes the content
 * of `text`. Where nothing absent is among them it is passed over. */
void search_offer(struct search *search, const char *kind, double bits, const bool *lost, struct buffer *text);

/* The same of what is seen; `text` is copied. */
void search_offer_seen(struct search *search, const char *kind, const bool *lost, const char *text, bool alone);

/* Its candidates. */
void search_free(struct search *search);

#endif
