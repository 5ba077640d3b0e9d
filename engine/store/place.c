#include "store/place.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "store/store.h"

static int number_behind(const char *name, const char *words)
{
    const char *at = strstr(name, words);
    size_t digits = at ? strspn(at + strlen(words), "0123456789") : 0;
    return digits && digits <= 9 ? atoi(at + strlen(words)) : -1;
}

void tensor_place(const struct tensor *tensor, int *layer, int *expert)
{
    *layer = tensor->other ? -1 : number_behind(tensor->name, "layers.");
    *expert = tensor->other ? -1 : number_behind(tensor->name, ".experts.");
}

void tensor_file_place(const struct tensor *tensor, int *layer, int *expert)
{
    const char *name = tensor->file ? path_base(tensor->file) : "";
    *layer = number_behind(name, "_layer_");
    *expert = number_behind(name, "_expert_");
}

bool tensor_is_misfiled(const struct tensor *tensor)
{
    int layer, expert, file_layer, file_expert;
    tensor_place(tensor, &layer, &expert);
    tensor_file_place(tensor, &file_layer, &file_expert);
    return (file_layer >= 0 && file_layer != layer) || (file_expert >= 0 && file_expert != expert);
}
