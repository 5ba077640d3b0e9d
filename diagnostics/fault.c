#include "diagnostics/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/numbers.h"
#include "diagnostics/fault_internal.h"

static const struct catalogue_row {
    struct fault_row row;
    fault_apply *apply;
} catalogue[] = {
    {{"one-shard-per-layer", "",
      "Loses every tensor of a layer that lies in a later shard of the checkpoint than the layer's first: an extractor "
      "that opens one shard for each layer"},
     fault_one_shard_per_layer},
    {{"missing-norms", "LAYERS", "Loses both norms of the layers (1,5,9-12)"}, fault_missing_norms},
    {{"missing-experts", "LAYERS/EXPERTS", "Loses the experts in the layers (1,5/76-127)"}, fault_missing_experts},
    {{"incomplete-expert", "LAYER,EXPERT", "Loses up_proj and down_proj of one expert"}, fault_incomplete_expert},
    {{"missing", "TENSOR", "Loses one tensor"}, fault_missing_tensor},
    {{"random-attention", "LAYERS",
      "Leaves the attention's projections as they were initialised: normal, deviation 0.02"},
     fault_random_attention},
    {{"swap-experts", "LAYER,A,B", "Exchanges two experts, but not their router rows"}, fault_swap_experts},
    {{"swap-layers", "A,B", "Exchanges all tensors of two layers"}, fault_swap_layers},
    {{"nan", "TENSOR[,ROW,COLUMN]", "Makes one value no number"}, fault_nan},
    {{"zero-page", "TENSOR[,PAGE]", "Zeroes 4,096 bytes of a tensor: a hole in a file"}, fault_zero_page},
    {{"scale", "TENSOR,FACTOR", "Multiplies a tensor"}, fault_scale},
};
#define ROWS (sizeof catalogue / sizeof *catalogue)

struct faults {
    const struct store *store;
    struct store **overlays; /* the last is on top */
    size_t count;
    struct fault_edit **edits;
    size_t edit_count;
    size_t edit_capacity;
};

const struct fault_row *fault_at(size_t index)
{
    return index < ROWS ? &catalogue[index].row : NULL;
}

static const struct catalogue_row *catalogue_find(const char *spec)
{
    size_t length = strcspn(spec, ":");
    for (size_t i = 0; i < ROWS; i++)
        if (strlen(catalogue[i].row.name) == length && strncmp(catalogue[i].row.name, spec, length) == 0)
            return &catalogue[i];
    return NULL;
}

const char *fault_judge(const char *spec)
{
    static char message[FAULT_TEXT];
    const struct catalogue_row *row = catalogue_find(spec);
    bool arguments = strchr(spec, ':') != NULL;
    if (!row)
        snprintf(message, sizeof message, "there is no fault '%.60s'; \"assay faults\" lists them", spec);
    else if (arguments && !*row->row.arguments)
        snprintf(message, sizeof message, "the fault %s takes no arguments", row->row.name);
    else if (!arguments && *row->row.arguments)
        snprintf(message, sizeof message, "the fault %s needs arguments: %s:%s", row->row.name, row->row.name,
                 row->row.arguments);
    else
        return NULL;
    return message;
}

struct fault_edit *fault_edit(struct fault_site *site, struct error *error)
{
    struct faults *faults = site->faults;
    void *edits = faults->edits;
    struct fault_edit *edit = calloc(1, sizeof *edit);
    if (!edit || !array_grow(&edits, &faults->edit_capacity, faults->edit_count, sizeof *faults->edits)) {
        free(edit);
        error_memory(error, site->spec);
        return NULL;
    }
    faults->edits = edits;
    return faults->edits[faults->edit_count++] = edit;
}

/* One number or a range at `*text`; `*text` is set behind it. */
static bool take_range(const char **text, long long *first, long long *last)
{
    const char *at = *text;
    for (int i = 0; i < 2; i++) {
        size_t digits = strspn(at, "0123456789");
        char number[12] = {0};
        if (!digits || digits >= sizeof number)
            return false;
        memcpy(number, at, digits);
        if (!number_parse(number, 0, 1 << 30, i ? last : first))
            return false;
        at += digits;
        if (!i && *at != '-') {
            *last = *first;
            break;
        }
        at += !i;
    }
    *text = at;
    return *first <= *last;
}

const char *fault_indices(const struct fault_site *site, const char *text, const char *what, int count, bool *marks,
                          struct error *error)
{
    for (;;) {
        long long first = 0, last = 0;
        const char *begin = text;
        if (!take_range(&text, &first, &last) || (*text && *text != ',' && *text != '/')) {
            error_set(error, "fault %s: a list of %ss such as 1,5,9-12 was expected at '%.20s'", site->spec, what,
                      begin);
            return NULL;
        }
        if (last >= count) {
            error_set(error, "fault %s: there is no %s %lld; the model has %d", site->spec, what, last, count);
            return NULL;
        }
        for (long long i = first; i <= last; i++)
            marks[i] = true;
        if (*text != ',')
            return text;
        text++;
    }
}

const struct tensor *fault_tensor(const struct fault_site *site, const char *name, size_t length, struct error *error)
{
    const struct tensor *found = NULL;
    for (size_t i = 0; i < store_text_count(site->below); i++) {
        const struct tensor *tensor = store_at(site->below, i);
        size_t whole = strlen(tensor->name);
        if (whole < length || strncmp(tensor->name + whole - length, name, length) != 0)
            continue;
        if (whole == length)
            return tensor;
        if (tensor->name[whole - length - 1] != '.')
            continue;
        if (found) {
            error_set(error, "fault %s: both '%s' and '%s' end in '%.*s'", site->spec, found->name, tensor->name,
                      (int)length, name);
            return NULL;
        }
        found = tensor;
    }
    if (!found)
        error_set(error, "fault %s: %s has no tensor '%.*s'", site->spec, store_path(site->below), (int)length, name);
    return found;
}

static bool fault_lay(struct faults *faults, struct fault_site *site, struct error *error)
{
    const char *colon = strchr(site->spec, ':');
    const char *wrong = fault_judge(site->spec);
    if (wrong)
        return error_set(error, "%s", wrong);
    site->below = faults->count ? faults->overlays[faults->count - 1] : faults->store;
    if (!(site->overlay = overlay_new(site->below, error)))
        return false;
    faults->overlays[faults->count++] = site->overlay;
    if (!catalogue_find(site->spec)->apply(site, colon ? colon + 1 : "", error))
        return false;
    return site->changed || error_set(error, "fault %s: changes nothing in %s", site->spec, store_path(site->below));
}

struct faults *faults_new(const struct store *store, const struct model_config *config, const char *source,
                          const char *const *specs, size_t count, struct error *error)
{
    struct faults *faults = calloc(1, sizeof *faults);
    if (faults) {
        faults->store = store;
        faults->overlays = calloc(count + 1, sizeof *faults->overlays);
    }
    bool good = (faults && faults->overlays) || error_memory(error, "faults");
    for (size_t i = 0; good && i < count; i++) {
        struct fault_site site = {.config = config, .source = source, .spec = specs[i], .faults = faults};
        good = fault_lay(faults, &site, error);
    }
    if (good)
        return faults;
    faults_free(faults);
    return NULL;
}

void faults_free(struct faults *faults)
{
    if (!faults)
        return;
    while (faults->overlays && faults->count)
        store_free(faults->overlays[--faults->count]);
    for (size_t i = 0; i < faults->edit_count; i++)
        free(faults->edits[i]);
    free(faults->overlays);
    free(faults->edits);
    free(faults);
}

struct store *faults_store(const struct faults *faults)
{
    return faults->overlays[faults->count - 1];
}
