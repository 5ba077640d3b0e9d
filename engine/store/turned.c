/* Matrices that lie as they are multiplied from the right, [columns, rows]: those of gpt2, whose modules are Conv1D of
 * transformers and not linear layers. Each is turned into a view of the matrix that a linear layer has. */
#include <stdio.h>
#include <string.h>

#include "base/wording.h"
#include "store/store_internal.h"

static const char joined[] = ".self_attn.c_attn.";

/* As the files spell them. */
static const char *const modules[] = {".c_attn.weight", ".c_proj.weight", ".c_fc.weight"};

/* Queries, keys and values of as many heads, one beside the other. */
static bool is_telling(const struct tensor *tensor)
{
    return !tensor->other && tensor->rank == 2 && text_ends_with(tensor->disk_name, modules[0]) &&
           strstr(tensor->name, joined) && tensor->shape[1] == 3 * tensor->shape[0];
}

/* Values have places of their own; and of one that lies as its transpose already, those of a line stand side by side.
 */
static bool lines_are_whole(const struct tensor *tensor)
{
    return dtype_block(tensor->dtype) == 1 && dtype_bits(tensor->dtype) % 8 == 0 &&
           (!tensor->transposed || tensor->stride == dtype_row_bytes(tensor->dtype, (size_t)tensor->shape[0]));
}

static bool is_turned(const struct tensor *tensor)
{
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
        if (text_ends_with(tensor->disk_name, modules[i]))
            return !tensor->other && tensor->rank == 2 && !tensor->assembly && lines_are_whole(tensor);
    return false;
}

static void turn(struct tensor *tensor)
{
    uint64_t rows = tensor->shape[1];
    tensor->shape[1] = tensor->columns = tensor->shape[0];
    tensor->shape[0] = tensor->rows = rows;
    tensor->transposed = !tensor->transposed;
}

/* "self_attn.c_attn" becomes "self_attn.qkv_proj", whose rows are cut apart. */
static bool rename_joined(struct store *store, struct tensor *tensor)
{
    char name[TENSOR_NAME_MAX];
    bool bias = tensor->rank == 1;
    const char *at = tensor->other || !(bias || is_turned(tensor)) ? NULL : strstr(tensor->name, joined);
    if (!at)
        return true;
    int length = snprintf(name, sizeof name, "%.*s.self_attn.qkv_proj.%s", (int)(at - tensor->name), tensor->name,
                          at + strlen(joined));
    tensor->name = length > 0 && (size_t)length < sizeof name ? store_string(store, name) : NULL;
    return tensor->name;
}

bool names_turn(struct store *store, struct error *error)
{
    bool told = false;
    for (size_t i = 0; i < store->count && !told; i++)
        told = is_telling(&store->tensors[i]);
    for (size_t i = 0; told && i < store->count; i++) {
        struct tensor *tensor = &store->tensors[i];
        if (is_turned(tensor))
            turn(tensor);
        if (!rename_joined(store, tensor))
            return error_memory(error, tensor->disk_name);
    }
    return true;
}
