/* Where each tensor of the original lies: in which shard, and where the files are there, at which byte of it. From a
 * checkpoint with an index, from any other store (each file is a shard), or from an index file alone, whose shards
 * nobody has to have. */
#ifndef ASSAY_STORE_ORIGIN_H
#define ASSAY_STORE_ORIGIN_H

#include "store/store.h"

struct origin;

struct origin_place {
    size_t shard;
    bool read; /* the shard's header was read, and the next two hold */
    uint64_t offset;
    enum dtype dtype;
};

/* The path is a file that origin_open reads as an index: one named *.json. It has no weights. */
bool origin_is_index(const char *path);

/* `path`: an index file, or whatever a store opens. `store`: the same, opened; NULL: it has not been, or cannot be.
 * Where a folder has an index, the index says which shard holds a tensor, whether or not the shards are there. `*out`
 * stays NULL, without an error, where the path has neither index nor weights. An index that is no index is an error
 * that names what is wrong. Owned by the caller; `store` is not used after the call. */
bool origin_open(const char *path, const struct store *store, struct origin **out, struct error *error);
void origin_free(struct origin *origin);

/* Of the shards, in the order of their names, numbers counting as numbers. */
size_t origin_shard_count(const struct origin *origin);
const char *origin_shard_name(const struct origin *origin, size_t shard);

/* By canonical name; an expert of a fused tensor lies where that does. False: the original does not hold it. */
bool origin_find(const struct origin *origin, const char *name, struct origin_place *place);

#endif
