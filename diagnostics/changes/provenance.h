/* What made two reports, and how that differs: the first thing to ask of a number that is another one. */
#ifndef ASSAY_CHANGES_PROVENANCE_H
#define ASSAY_CHANGES_PROVENANCE_H

#include "base/buffer.h"
#include "findings/report.h"

/* One thing that differs, in words: "weights" was "sha256 7e25...", is "sha256 03ab...". Owned. */
struct difference {
    const char *what; /* static: "version", "commit", "options", "suite", "gold", "weights", "subject" ... */
    char *was, *is;
};

#define DIFFERENCES_MAX 16
struct provenance {
    struct difference items[DIFFERENCES_MAX];
    size_t count;
};

/* Starts from {0}. False: out of memory. */
bool provenance_compare(const struct report *old, const struct report *now, struct provenance *provenance);
/* "version (0.1.0, now 0.2.0), gold (...)"; nothing when nothing differs. */
void provenance_text(const struct provenance *provenance, struct buffer *out);
void provenance_free(struct provenance *provenance);

/* The dump of `now` that `gold` of `old` is: of the same hash, else of the same path, else of the same file name, else
 * the only one of each. SIZE_MAX: none. */
size_t gold_matching(const struct report *old, size_t gold, const struct report *now);

/* Can numbers of the two be held against each other? Else `*why` says why not, to be freed (NULL: out of memory):
 * another command, another kind of model, another suite, other gold. */
bool provenance_comparable(const struct report *old, const struct report *now, char **why);

#endif
