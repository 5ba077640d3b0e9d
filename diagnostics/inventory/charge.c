#include "inventory/charge.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "inventory/census.h"
#include "store/place.h"

void charge_free(struct charge *charge)
{
    free(charge->text);
    *charge = (struct charge){0};
}

ASSAY_PRINTF(3, 4)
static struct charge charge_of(const char *check, enum verdict verdict, const char *format, ...)
{
    struct charge charge = {.check = check, .verdict = verdict};
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&charge.text, format, arguments) < 0)
        charge.text = NULL;
    va_end(arguments);
    return charge;
}

static const char *file_of(const struct tensor *tensor)
{
    return tensor_file(tensor);
}

struct charge charge_unread(const char *problem)
{
    return charge_of("inventory.files", VERDICT_FAIL, "%s.", problem);
}

struct charge charge_beside(const char *note)
{
    return charge_of("inventory.files", VERDICT_WARN, "%s.", note);
}

struct charge charge_form(const struct expected *expected, const struct tensor *tensor)
{
    struct error refusal = {0};
    struct charge charge = {0};
    if (!weight_fits(expected, tensor, &refusal))
        charge = charge_of(refusal.kind == ERROR_DTYPE ? "inventory.dtype" : "inventory.shape", VERDICT_FAIL, "%s.",
                           error_text(&refusal));
    error_clear(&refusal);
    return charge;
}

struct charge charge_extra(const struct tensor *tensor)
{
    return charge_of("inventory.extra", VERDICT_WARN, "%s: tensor '%s' is not one that the configuration calls for.",
                     file_of(tensor), tensor->disk_name);
}

/* The folder that the file lies in is named after the block. */
static bool lies_with(const char *file, enum block block)
{
    const char *name = block_name(block);
    size_t folder = (size_t)(path_base(file) - file), length = strlen(name);
    return folder > length && strncmp(file + folder - 1 - length, name, length) == 0 &&
           (folder == length + 1 || file[folder - 2 - length] == '/');
}

struct charge charge_misplaced(const struct tensor *tensor)
{
    struct layout_place place;
    if (!tensor->file || !layout_place(tensor->name, &place) ||
        (!tensor_is_misfiled(tensor) && lies_with(tensor->file, place.block)))
        return (struct charge){0};
    return charge_of("inventory.misplaced", VERDICT_FAIL, "%s holds tensor '%s', which belongs into %s.", tensor->file,
                     tensor->disk_name, place.path);
}

struct charge charge_twice(const struct tensor *used, const struct tensor *tensor)
{
    const char *sizes = used->bytes == tensor->bytes && used->dtype == tensor->dtype ? "type and size agree"
                                                                                     : "their types or sizes differ";
    if (strcmp(file_of(used), file_of(tensor)) == 0)
        return charge_of("inventory.duplicates", VERDICT_FAIL,
                         "Tensor '%s' is in %s twice: as '%s', which is used, and as '%s'; %s.", tensor->name,
                         file_of(used), used->disk_name, tensor->disk_name, sizes);
    return charge_of("inventory.duplicates", VERDICT_FAIL, "Tensor '%s' is in %s, which is used, and in %s; %s.",
                     tensor->name, file_of(used), file_of(tensor), sizes);
}

struct charge charge_absent(const struct expected *expected)
{
    return charge_of("inventory.absent", VERDICT_FAIL, "Tensor '%s' is absent.", expected->name);
}

/* "gate_proj.weight", of a tensor of a block. */
static const char *within_block(const struct expected *expected)
{
    const char *name = weight_class(expected->weight);
    static const char *const outer[] = {"mlp.experts.", "mlp.shared_expert.", "self_attn.", "mlp."};
    for (size_t i = 0; i < sizeof outer / sizeof *outer; i++)
        if (strncmp(name, outer[i], strlen(outer[i])) == 0)
            return name + strlen(outer[i]);
    return name;
}

struct charge charge_part(const struct expected_set *set, size_t file, const size_t *items, size_t count,
                          const bool *there)
{
    struct buffer text = {0}, lists[2] = {{0}, {0}}; /* absent, there */
    const struct expected_file *block = &set->files[file];
    struct charge charge = {0};
    for (size_t i = 0; i < count; i++) {
        const struct expected *expected = &set->list.items[items[i]];
        struct buffer *list = &lists[there[items[i]]];
        if (!expected->optional)
            buffer_format(list, "%s%s", list->size ? ", " : "", within_block(expected));
    }
    if (lists[0].size && lists[1].size) {
        const struct census_unit unit = {.block = block->block, .layer = block->layer, .expert = block->expert};
        census_unit_text(&unit, &text);
        charge = charge_of("inventory.incomplete", VERDICT_FAIL, "Only a part of %s is there: %s; absent: %s.",
                           text.data ? text.data : "", lists[1].data, lists[0].data);
    }
    buffer_free(&text);
    buffer_free(&lists[0]);
    buffer_free(&lists[1]);
    return charge;
}
