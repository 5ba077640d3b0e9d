/* How a fault changes the values of a tensor as they are read. */
#include "faults/fault_edit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"

/* A new edit that is freed with the faults. */
static struct fault_edit *fault_edit(struct fault_site *site, struct error *error)
{
    struct fault_edit *edit = calloc(1, sizeof *edit);
    if (!edit)
        error_memory(error, site->spec);
    return edit && overlay_keep(site->overlay, edit, error) ? edit : NULL;
}

bool fault_can_compute(const struct fault_site *site, const struct tensor *tensor, struct error *error)
{
    return dtype_computes(tensor->dtype) ||
           error_set(error, "fault %s: tensor '%s' has dtype %s", site->spec, tensor->name, dtype_name(tensor->dtype));
}

/* One row, widened. */
static bool row_values(const struct store *store, const struct tensor *tensor, uint64_t row, float *out,
                       struct error *error)
{
    void *raw = malloc((size_t)tensor->stride + (size_t)(tensor->bytes / tensor->rows) + 1);
    bool good = (raw || error_memory(error, tensor->name)) && store_read_wide(store, tensor, row, 1, raw, out, error);
    free(raw);
    return good;
}

bool fault_count_change(struct fault_site *site, const struct tensor *tensor, struct error *error)
{
    const struct tensor *changed = store_find(site->overlay, tensor->name);
    size_t columns = (size_t)tensor->columns;
    float *before = malloc((columns + 1) * sizeof *before), *after = malloc((columns + 1) * sizeof *after);
    bool good = (before && after) || error_memory(error, site->spec), same = true;
    for (uint64_t row = 0; good && same && row < tensor->rows; row++) {
        good = row_values(site->below, tensor, row, before, error) &&
               row_values(site->overlay, changed, row, after, error);
        same = !good || memcmp(before, after, columns * sizeof *before) == 0;
    }
    site->changed += !same;
    free(before);
    free(after);
    return good;
}

bool fault_rewrite(struct fault_site *site, const struct tensor *tensor, overlay_rewrite_rows *rows,
                   struct fault_edit edit, struct error *error)
{
    struct fault_edit *kept = fault_can_compute(site, tensor, error) ? fault_edit(site, error) : NULL;
    if (!kept)
        return false;
    *kept = edit;
    return overlay_rewrite(site->overlay, tensor->name, rows, kept, error) && fault_count_change(site, tensor, error);
}

struct fault_span fault_share(const struct tensor *tensor, double share)
{
    bool matrix = tensor->rank >= 2;
    uint64_t units = matrix ? tensor->rows : tensor->columns, each = matrix ? tensor->columns : 1;
    /* that 0.07 x 100 is a little more than 7 is no reason to take 8 */
    uint64_t taken = share < 1 ? (uint64_t)ceil(share * (double)units * (1 - 0x1p-50)) : units;
    taken = taken < units ? taken : units;
    return (struct fault_span){.first = units / 2 * each, .count = taken * each};
}

/* What of elements first .. end - 1 is in begin .. begin + count - 1, which lie at `values`. */
static void edit_part(const struct fault_edit *edit, enum dtype dtype, uint64_t first, uint64_t end, uint64_t begin,
                      uint64_t count, char *values)
{
    first = first > begin ? first : begin;
    end = end < begin + count ? end : begin + count;
    if (first < end)
        edit->change(edit, dtype, first, (size_t)(end - first), values + (first - begin) * dtype_width(dtype));
}

static void edit_rows(void *context, const struct tensor *tensor, uint64_t first, uint64_t rows, void *values)
{
    const struct fault_edit *edit = context;
    uint64_t begin = first * tensor->columns, count = rows * tensor->columns, all = tensor->rows * tensor->columns;
    uint64_t end = edit->span.first + edit->span.count;
    edit_part(edit, tensor->dtype, edit->span.first, end < all ? end : all, begin, count, values);
    if (end > all)
        edit_part(edit, tensor->dtype, 0, end - all, begin, count, values);
}

bool fault_edit_values(struct fault_site *site, const struct tensor *tensor, struct fault_edit edit,
                       struct error *error)
{
    if (fault_can_compute(site, tensor, error) && !dtype_width(tensor->dtype) &&
        !overlay_widen(site->overlay, tensor->name, error))
        return false;
    return fault_rewrite(site, tensor, edit_rows, edit, error);
}

uint64_t fault_seed(const struct tensor *tensor)
{
    uint64_t seed = 0;
    for (const char *name = tensor->name; *name; name++)
        seed = mix_u64(seed ^ (unsigned char)*name);
    return seed;
}
