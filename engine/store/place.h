/* The place of a tensor in the model, as its name and that of its file say it. */
#ifndef ASSAY_STORE_PLACE_H
#define ASSAY_STORE_PLACE_H

#include <stdbool.h>
#include <stddef.h>

struct tensor;

/* The layer and the expert that a name is of, -1 where it is of none: the number behind "layers", "layer", "h", "blk",
 * "block" or "blocks", the first of them, and that behind "experts". Returns what is behind the layer and its dot; the
 * whole name where there is none. */
const char *name_place(const char *name, int *layer, int *expert);
/* The same of a module's path, which has no parameter behind it. */
void path_place(const char *path, int *layer, int *expert);
/* What is behind "experts", the number and its dot; NULL where the name has no such words. */
const char *name_behind_expert(const char *name, int expert);
/* Length of what is before the number that `rest` is behind. */
size_t name_stem(const char *name, const char *rest);
/* The same of the canonical name of a tensor; of none for one of another component. */
void tensor_place(const struct tensor *tensor, int *layer, int *expert);
/* The same of the name of its file in an extraction: thinker_expert_081_layer_17.safetensors. */
void tensor_file_place(const struct tensor *tensor, int *layer, int *expert);
/* The same of the name of a file, however it is spelled: layers.17.experts.81.safetensors. */
void file_place(const char *path, int *layer, int *expert);
/* Does that name say another layer or expert than the tensor is of? */
bool tensor_is_misfiled(const struct tensor *tensor);

#endif
