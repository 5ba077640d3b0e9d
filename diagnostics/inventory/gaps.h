/* What do the absent tensors have in common? Gaps have causes: a shard that was not read, a loop that ended too early,
 * a run that was killed, a pattern of file names that fits too little. Each is a row of one table that says which
 * tensors it would lose; a row counts when those are the ones that are absent, with fewer words than a list of them. */
#ifndef ASSAY_INVENTORY_GAPS_H
#define ASSAY_INVENTORY_GAPS_H

#include "findings/finding.h"
#include "inventory/joined.h"
#include "inventory/refit.h"

/* Adds inventory.pattern: it passes when nothing is absent, else fails with the one cause, or the few, that explain the
 * gaps, and with what they leave; its fact `loss` is that alone, as sentences. A place for each cause, the first in
 * order the one that explains most, with the facts `pattern` (its kind), `explains`, `contradicts` (blocks that it
 * would lose and that are there) and `saves_bits`; and for each other pattern that explains the same tensors, with
 * verdict warn. Without the census' origin, patterns of shards are not looked for, which the message says.
 *
 * How patterns are weighed (J. Rissanen, Modeling by shortest data description, 1978): choosing the u blocks with gaps
 * out of U freely takes log2 C(U, u) bits, and at least u. A pattern takes the bits that tell it from the others of its
 * table, those of its parameters, and those that list what it gets wrong. It counts when that saves GAPS_BITS or more:
 * by chance alone no more than one gap in 2^GAPS_BITS would look so. Of two that save the same, the first in order
 * counts. What else is there goes before all of them: tensors that hold the absent ones, or that show that the
 * configuration should not call for them, are seen and not inferred. */
#define GAPS_BITS 6

/* What else is there tells of absent tensors. */
struct gaps_beside {
    const bool *misnamed;        /* [census->count]: there under another name */
    const char *renaming;        /* "'gamma' for 'weight'"; NULL: in no common way */
    const struct refits *refits; /* configurations that do not call for them; NULL: none were looked for */
    const struct joined *joined; /* there in one with others; NULL: none were looked for */
};

/* `beside` may be NULL. */
bool gaps_check(const struct census *census, const struct gaps_beside *beside, struct findings *findings,
                struct error *error);

#endif
