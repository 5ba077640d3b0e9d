/* Tensors in files that are named after another layer or expert. */
#include "store/store.h"

const struct tensor *store_misfiled(const struct store *store, size_t *at)
{
    const char *told = *at ? store_at(store, *at - 1)->file : NULL;
    for (; *at < store_text_count(store); ++*at) {
        const struct tensor *tensor = store_at(store, *at);
        if (tensor->file != told && tensor_is_misfiled(tensor)) {
            ++*at;
            return tensor;
        }
    }
    return NULL;
}
