/* Names that a module's state_dict() gives, where each module was saved in a file of its own: they begin below the
 * module, and only the file's name says which it is. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "store/architecture.h"
#include "store/store_internal.h"

enum scope { SCOPE_BEGIN, SCOPE_LAYER, SCOPE_EXPERT, SCOPE_END };

static const struct short_row {
    enum scope scope;
    const char *name; /* below the layer, or the expert */
} short_rows[] = {
#define AS_ROW(id, scope, name, ...) {SCOPE_##scope, name},
    WEIGHT_ROWS(AS_ROW)
#undef AS_ROW
};

/* What a file may be of, in the order in which they are tried. */
static const struct module_row {
    bool of_expert;   /* that the file's name numbers */
    const char *word; /* in the file's name; NULL: whatever that is */
    const char *path; /* below the layer */
} module_rows[] = {
    {true, NULL, "mlp.experts.%d."},
    {false, "shared", "mlp.shared_expert."},
    {false, NULL, ""},
    {false, NULL, "self_attn."},
    {false, NULL, "mlp."},
};

/* Is it called so in the table, or does it hold all experts of a layer? */
static bool is_known(const char *name)
{
    int layer, expert;
    const char *rest = name_place(name, &layer, &expert);
    if (expert >= 0)
        rest = name_behind_expert(name, expert);
    for (size_t i = 0; rest && i < sizeof short_rows / sizeof *short_rows; i++)
        if (short_rows[i].scope == (expert >= 0 ? SCOPE_EXPERT : SCOPE_LAYER) && strcmp(short_rows[i].name, rest) == 0)
            return true;
    return expert < 0 && name_is_fused(name);
}

/* The name as one of that module; false: no module of that kind has one of that name. */
static bool name_within(const struct module_row *module, int layer, int expert, const char *disk_name, char *out,
                        size_t size)
{
    char path[64], whole[TENSOR_NAME_MAX];
    bool other;
    snprintf(path, sizeof path, module->path, expert);
    int length = snprintf(whole, sizeof whole, "model.layers.%d.%s%s", layer, path, disk_name);
    return length > 0 && (size_t)length < sizeof whole && name_canonical(whole, out, size, &other) && is_known(out);
}

bool name_by_file(const char *disk_name, const char *file, char *out, size_t size)
{
    int layer, expert, own_layer, own_expert;
    name_place(disk_name, &own_layer, &own_expert);
    file_place(file, &layer, &expert);
    for (size_t i = 0; layer >= 0 && own_layer < 0 && i < sizeof module_rows / sizeof *module_rows; i++) {
        const struct module_row *module = &module_rows[i];
        if ((!module->of_expert || expert >= 0) && (!module->word || strcasestr(path_base(file), module->word)) &&
            name_within(module, layer, expert, disk_name, out, size))
            return true;
    }
    return false;
}
