/* One safetensors file: its header, read strictly. https://github.com/huggingface/safetensors (format section of
 * README).
 *
 * At least as strict as the official reader: header of at most 100 MB of valid UTF-8 JSON that begins with '{'; whole
 * numbers only; no duplicate keys; at most eight dimensions, and four million values in the whole header; sizes =
 * shape x dtype with overflow checked; tensors tile the data without holes or overlaps, and the file ends where they
 * do. */
#ifndef ASSAY_STORE_SAFETENSORS_H
#define ASSAY_STORE_SAFETENSORS_H

#include "base/file.h"
#include "base/json.h"
#include "store/store.h"

struct safetensors_entry {
    char *name;
    enum dtype dtype;
    int rank;
    uint64_t shape[TENSOR_RANK_MAX];
    uint64_t offset; /* from the start of the file */
    uint64_t bytes;
};

struct safetensors {
    struct safetensors_entry *entries; /* in the order of their offsets */
    size_t count;
    cJSON *metadata;         /* object of strings, or NULL */
    struct file_state state; /* of the file when its header was read */
};

/* All owned by `*file`; free with safetensors_free. */
bool safetensors_open(const char *path, struct safetensors *file, struct error *error);
void safetensors_free(struct safetensors *file);

/* Is the file shorter than its own first bytes say, as one is that is still being written? False for one that is whole,
 * and for one that no more bytes would make a safetensors file. */
bool safetensors_falls_short(const char *path);

/* Writing: first all names and shapes, then the values in any order. */
struct safetensors_writer;

/* `entries` gives name, dtype, rank and shape; offsets are worked out here. Tensors lie in the order given. `metadata`
 * is an object of strings or NULL; both are borrowed during the call. */
struct safetensors_writer *safetensors_create(const char *path, const struct safetensors_entry *entries, size_t count,
                                              const cJSON *metadata, struct error *error);
/* Part of tensor `index`: `size` bytes at `offset` of its data. Out of its bounds is an error. */
bool safetensors_put(struct safetensors_writer *writer, size_t index, uint64_t offset, const void *data, size_t size,
                     struct error *error);
/* Syncs and renames; an error when bytes of some tensor were never written. Ends the writer, also on error. */
bool safetensors_commit(struct safetensors_writer *writer, struct error *error);
/* The same, but the file waits under its temporary name for file_commit_all; NULL on error. */
struct file_writer *safetensors_stage(struct safetensors_writer *writer, struct error *error);
void safetensors_discard(struct safetensors_writer *writer);

#endif
