/* The catalogue of faults: ways in which extractions and conversions really break, each as an overlay over a good
 * store, so that any command can work on a broken model without anything being written. */
#ifndef ASSAY_FAULTS_FAULT_H
#define ASSAY_FAULTS_FAULT_H

#include "golden/golden.h"
#include "run/subject.h"

struct fault_row {
    const char *name;
    const char *arguments; /* "LAYERS"; "": none */
    const char *does;
    const char *symptom; /* what it looks like */
    const char *mistake; /* how it usually comes about */
};

/* The rows of the catalogue; NULL behind the last. */
const struct fault_row *fault_at(size_t index);

/* What is wrong with NAME[:ARGS] as far as can be told without a model, in a buffer that the next call writes over;
 * NULL: nothing. */
const char *fault_judge(const char *spec);

/* What some faults look at besides the weights; all borrowed until the broken store is freed, but for gold, which is
 * looked at when they are laid. {0}: nothing. */
struct fault_means {
    const char *source;            /* path of the original, for those that depend on its shards; NULL: none */
    const struct store *original;  /* its weights, for those that take some of them; NULL: not known */
    struct golden *const *goldens; /* for those that solve for weights: fit for this configuration (gold_fit) */
    size_t golden_count;
    double until; /* what clock_seconds says when these are to give up, with an error; 0: never */
};

/* Lays the faults over the store one after the other, each over what the ones before it left. The broken store is the
 * caller's; `store` and `config` are borrowed until it is freed. At least one; a fault that would change nothing is an
 * error. */
struct store *faults_over(const struct store *store, const struct model_config *config, const struct fault_means *means,
                          const char *const *specs, size_t count, struct error *error);

/* The same over what the subject holds, for good; none is fine. On failure those before the one that failed stay. */
bool faults_lay(struct subject *subject, struct golden *const *goldens, size_t golden_count, const char *const *specs,
                size_t count, struct error *error);

/* Does it solve for weights, so that gold is needed? */
bool fault_solves(const char *spec);

#endif
