/* Would another configuration fit the tensors that are there? A number in it that is stale, or was forgotten, makes
 * tensors look absent, misshapen or extra; the tensors themselves tell what it should be. */
#ifndef ASSAY_INVENTORY_REFIT_H
#define ASSAY_INVENTORY_REFIT_H

#include "findings/finding.h"
#include "inventory/census.h"

#define REFITS_MAX 3

struct refit {
    const char *key;              /* of config.json, static */
    int said, told;               /* by the configuration, by the tensors */
    size_t absent, shapes, extra; /* tensors that are explained */
    char *text;                   /* a sentence without capital and full stop */
};

/* Free with refits_free. */
struct refits {
    struct refit items[REFITS_MAX];
    size_t count;
    bool *explained; /* [census->count]: absent, and with all of them not called for */
    size_t wrong;    /* tensors that are absent, of another shape, or extra, before any */
};

/* Each key of the configuration whose value the tensors tell is tried: the set that it calls for is taken anew. It
 * counts when it explains two tensors or more, and nothing that was right becomes wrong by it: no tensor that is there
 * absent, misshapen or extra; and no tensor that the original has not called for. The one that explains most counts
 * first, the next ones are tried over it. False: out of memory. */
bool refits_find(const struct census *census, struct refits *refits);
void refits_free(struct refits *refits);

/* inventory.configuration, where there is one: a failure, or a warning where only extra tensors are explained, with a
 * place for each key. */
bool refits_report(const struct refits *refits, struct findings *findings);

#endif
