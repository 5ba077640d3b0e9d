/* What the readers of dumps fill a golden with. */
#ifndef ASSAY_GOLDEN_MAKE_H
#define ASSAY_GOLDEN_MAKE_H

#include "golden/golden_internal.h"

/* Takes the ids over (`*ids` is empty afterwards, also on failure). A second case of that id is an error. */
bool golden_add_case(struct golden *golden, const char *id, struct ids *ids, struct error *error);

/* Adds a tensor of case `case_index`; its rows begin at token 0. `place.file` is taken over, `place.name` made here.
 * A second tensor of that name is an error. */
bool golden_add_tensor(struct golden *golden, const struct golden_tensor *tensor, const char *path,
                       struct golden_place place, struct error *error);

/* Adds to what golden_note_at tells, once. */
bool golden_note(struct golden *golden, struct error *error, const char *format, ...) ASSAY_PRINTF(3, 4);

/* Opens golden->path. */
bool golden_open_file(struct golden *golden, struct error *error);

/* The `read_rows` of dumps that hold plain arrays in the dtype of their place. */
bool golden_read_plain(const struct golden *golden, size_t index, size_t first, size_t count, float *out,
                       struct error *error);

/* Appends `count` token ids of `dtype` (I32 or I64, little-endian) at `offset` of the file. */
bool golden_read_ids(const char *path, uint64_t offset, enum dtype dtype, uint64_t count, struct ids *ids,
                     struct error *error);

#define GOLDEN_IDS_MAX ((size_t)1 << 24) /* of one case */

#endif
