/* Experts in memory: the least recently used make room for those that are needed.
 *
 * The three matrices of an expert are one entry, in the dtype that they are stored in. Which experts stay, come and go
 * is decided before a layer's experts run, by the thread that runs the pass; the threads of the pool then only read,
 * each its own expert, and nothing is locked. So what is hit and missed does not depend on the number of threads, no
 * expert is read twice for one run, and one that is at work is never dropped.
 *
 * The least recently used expert is the first to go, and goes when its layer has come by without using it. One that the
 * pass has not come to yet stays: a pass that uses more experts than fit would otherwise drop each of them just before
 * its turn, and find none. An expert for which there is no room then, or no memory, is read as it is used. */
#ifndef ASSAY_MODEL_EXPERT_CACHE_H
#define ASSAY_MODEL_EXPERT_CACHE_H

#include "model/model.h"
#include "model/slot.h"
#include "model/weights.h"

struct expert_cache;

/* Experts `slots` [layers][experts][pitch] of the store, of each its matrices first; both are borrowed. At most `bytes`
 * bytes, counted as they are allocated, and `most` experts (0: any number) are ever held. NULL: out of memory. */
struct expert_cache *expert_cache_new(const struct store *store, const struct slot *slots, size_t pitch, int layers,
                                      int experts, uint64_t bytes, size_t most, struct error *error);
void expert_cache_free(struct expert_cache *cache);

/* A pass over all layers begins. */
void expert_cache_pass(struct expert_cache *cache);

/* Different experts `experts` [count] of a layer are about to run: those that are in memory will stay, and with `keep`
 * there will be room for those of the others that fit. All that run between here and expert_cache_end are among them.
 */
void expert_cache_begin(struct expert_cache *cache, int layer, const int *experts, size_t count, bool keep);

/* gate, up and down of one of them, to be used until expert_cache_end; reads them if they have a place and are not
 * there yet. The caller reads those that have none from the store, `times` times. Safe for different experts at the
 * same time; once for each expert. */
bool expert_cache_take(struct expert_cache *cache, int layer, int expert, size_t times,
                       struct matrix out[EXPERT_MATRICES], struct error *error);

/* They have run. What could not be read is forgotten. */
void expert_cache_end(struct expert_cache *cache, int layer, const int *experts, size_t count);

/* Of one layer, or of all of them when `layer` is -1. */
struct expert_counts expert_cache_counts(const struct expert_cache *cache, int layer);

#endif
