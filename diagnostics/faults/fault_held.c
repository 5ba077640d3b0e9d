#include "faults/fault_held.h"

#include <stdlib.h>
#include <string.h>

#include "values/values.h"

size_t held_row(const struct tensor *tensor)
{
    return tensor->rank >= 2 ? (size_t)tensor->columns : 1;
}

static bool held_widen(struct held *held, struct error *error)
{
    float *values = malloc(held->count * sizeof *values + 1);
    if (!values)
        return error_memory(error, held->tensor->name);
    widen(held->dtype, held->values, values, held->count);
    free(held->values);
    held->values = (char *)values;
    held->dtype = DTYPE_F32;
    held->width = dtype_width(DTYPE_F32);
    return true;
}

bool held_read(const struct fault_site *site, const struct tensor *tensor, struct held *held, struct error *error)
{
    *held = (struct held){.tensor = tensor,
                          .dtype = tensor->dtype,
                          .width = dtype_width(tensor->dtype),
                          .count = (size_t)(tensor->rows * tensor->columns)};
    if (!fault_can_compute(site, tensor, error))
        return false;
    held->values = malloc((size_t)tensor->bytes + 1);
    return (held->values || error_memory(error, tensor->name)) &&
           store_read(site->below, tensor, held->values, error) && (held->width || held_widen(held, error));
}

bool held_put(struct fault_site *site, const struct held *held, struct error *error)
{
    const struct tensor *tensor = held->tensor;
    return overlay_replace(site->overlay, tensor->name, held->dtype, tensor->rank, tensor->shape, held->values,
                           error) ||
           error_context(error, "fault %s", site->spec);
}

bool held_changed(struct fault_site *site, const struct tensor *tensor, const struct fault_arguments *arguments,
                  held_change *change, struct error *error)
{
    struct held held;
    bool good = held_read(site, tensor, &held, error) && change(&held, arguments, error) &&
                held_put(site, &held, error) && fault_count_change(site, tensor, error);
    free(held.values);
    return good;
}

char *held_copy(const struct held *held, struct error *error)
{
    char *copy = malloc(held->count * held->width + 1);
    if (copy)
        memcpy(copy, held->values, held->count * held->width);
    else
        error_memory(error, held->tensor->name);
    return copy;
}
