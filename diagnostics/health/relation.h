/* What a tensor that is not the original's is to it: the first relation that fits, in words. */
#ifndef ASSAY_HEALTH_RELATION_H
#define ASSAY_HEALTH_RELATION_H

#include "base/buffer.h"
#include "store/store.h"

struct relations;

/* Both borrowed. `head`: rows of a head; 0: not known. */
struct relations *relations_new(const struct store *store, const struct store *original, int head, struct error *error);
void relations_free(struct relations *relations);

/* Appends what the subject's tensor, whose values are not those of the original's tensor of that name, is instead: "is
 * 1.5 times the original's", "holds the original's model.layers.3.self_attn.k_proj.weight", "has its rows in another
 * order", ... Of a tensor of more values than RELATION_MOST the first rows tell;
 * nothing of a type that cannot be computed with. Reads
 * both, and, once, a row of every tensor of the original. */
#define RELATION_MOST ((uint64_t)1 << 24)
bool relation_find(struct relations *relations, const char *name, struct buffer *out, struct error *error);

#endif
