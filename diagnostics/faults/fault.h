/* The catalogue of faults: ways in which extractions and conversions really break, each as an overlay over a good
 * store, so that any command can work on a broken model without anything being written. */
#ifndef ASSAY_FAULTS_FAULT_H
#define ASSAY_FAULTS_FAULT_H

#include "run/subject.h"

struct fault_row {
    const char *name;
    const char *arguments; /* "LAYERS"; "": none */
    const char *does;
};

/* The rows of the catalogue; NULL behind the last. */
const struct fault_row *fault_at(size_t index);

/* What is wrong with NAME[:ARGS] as far as can be told without a model, in a buffer that the next call writes over;
 * NULL: nothing. */
const char *fault_judge(const char *spec);

/* Lays the faults over the store one after the other, each over what the ones before it left. The broken store is the
 * caller's; `store` and `config` are borrowed until it is freed. `source`: the original checkpoint, for faults that
 * depend on its shards when the store itself has none; NULL: none. `original`: its weights, for those that take some of
 * them, borrowed as well; NULL: not known. At least one; a fault that would change nothing is
 * an error. */
struct store *faults_over(const struct store *store, const struct model_config *config, const char *source,
                          const struct store *original, const char *const *specs, size_t count, struct error *error);

/* The same over what the subject holds, for good; none is fine. On failure those before the one that failed stay. */
bool faults_lay(struct subject *subject, const char *const *specs, size_t count, struct error *error);

#endif
