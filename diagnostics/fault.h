/* The catalogue of faults: ways in which extractions and conversions really break, each as an overlay over a good
 * store, so that any command can work on a broken model without anything being written. */
#ifndef ASSAY_DIAGNOSTICS_FAULT_H
#define ASSAY_DIAGNOSTICS_FAULT_H

#include "model/config.h"
#include "store/store.h"

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

struct faults;

/* Lays the faults over the store one after the other, each over what the ones before it left. `store` and `config` are
 * borrowed until faults_free. `source`: the original checkpoint, for faults that depend on its shards when the store
 * itself has none; NULL: none. A fault that would change nothing is an error. */
struct faults *faults_new(const struct store *store, const struct model_config *config, const char *source,
                          const char *const *specs, size_t count, struct error *error);
void faults_free(struct faults *faults);

/* The broken store, borrowed. */
struct store *faults_store(const struct faults *faults);

#endif
