/* One block of the pass alone against gold: the embedding, one layer, or the final norm and the head. Every module is
 * fed its golden input (layers.h), so a block can be judged as soon as its own tensors are there, whatever else is
 * absent. */
#ifndef ASSAY_ACTIVATIONS_ISOLATED_H
#define ASSAY_ACTIVATIONS_ISOLATED_H

#include "activations/layers.h"
#include "findings/finding.h"
#include "golden/golden.h"
#include "limits/limits.h"
#include "store/architecture.h"

struct isolated;

/* All borrowed until isolated_free. `threads` as in model_options. */
struct isolated *isolated_new(struct golden *const *goldens, size_t count, const struct model_config *config,
                              const struct limits *limits, int threads, struct error *error);
void isolated_free(struct isolated *isolated);

/* Whoever looks at what is computed (layers_watch); its number of a dump is that among `goldens`. */
void isolated_watch(struct isolated *isolated, layers_watcher *watcher, void *context);

/* Runs the block with the tensors of `store`, reading no others, in the memory of one stripe of a matrix and the
 * experts at work. A block that was run before is judged anew. */
bool isolated_run(struct isolated *isolated, const struct store *store, int block, struct isolated_result *result,
                  struct error *error);
/* The same as another configuration computes, whose sizes are those of isolated_new's: an experiment. */
bool isolated_try(struct isolated *isolated, const struct store *store, const struct model_config *config, int block,
                  struct isolated_result *result, struct error *error);

/* The experts that explain all bad tokens of the block as it was run last (the fewest, by what tokens went through), by
 * the first dump that tells; `most` of them at most. 0: none tells. */
size_t isolated_experts(const struct isolated *isolated, int block, int *experts, size_t most);

/* Adds layers.isolated of all blocks that were run, for each dump. */
bool isolated_report(const struct isolated *isolated, struct findings *findings, struct error *error);

#endif
