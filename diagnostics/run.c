#include "diagnostics/run.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/progress.h"

#define ACTIVATION_BYTES ((size_t)1 << 30)

struct entry {
    const int *ids;
    size_t count;
    size_t logits_from;
    struct rider rider;
    struct kv *kv;
    size_t passed; /* tokens of earlier chunks */
};

struct run {
    struct model *model;
    struct entry *entries;
    size_t count;
    size_t capacity;
    /* of the pass under way */
    size_t *members; /* sequence of the pass -> entry */
    struct progress progress;
    uint64_t layers_done;
};

struct run *run_new(struct model *model, struct error *error)
{
    struct run *run = calloc(1, sizeof *run);
    if (run)
        run->model = model;
    else
        error_memory(error, "run");
    return run;
}

bool run_add(struct run *run, const int *ids, size_t count, size_t logits_from, struct rider rider, struct error *error)
{
    void *entries = run->entries;
    if (!array_grow(&entries, &run->capacity, run->count, sizeof *run->entries))
        return error_memory(error, "run");
    run->entries = entries;
    run->entries[run->count++] = (struct entry){.ids = ids, .count = count, .logits_from = logits_from, .rider = rider};
    return true;
}

void run_free(struct run *run)
{
    if (!run)
        return;
    for (size_t i = 0; i < run->count; i++)
        kv_free(run->entries[i].kv);
    free(run->entries);
    free(run->members);
    free(run);
}

/* Cuts an activation into runs of rows of one sequence and hands each to its rider. */
static bool run_see(void *context, const struct activation *activation, struct error *error)
{
    struct run *run = context;
    if (activation->point == POINT_LAYER)
        progress_step(&run->progress, ++run->layers_done);
    for (size_t row = 0; row < activation->rows;) {
        const struct row *first = &activation->row_of[row];
        size_t rows = 1;
        while (row + rows < activation->rows && activation->row_of[row + rows].sequence == first->sequence)
            rows++;
        const struct entry *entry = &run->entries[run->members[first->sequence]];
        struct part part = {.point = activation->point,
                            .layer = activation->layer,
                            .path = activation->path,
                            .values = activation->values + row * activation->width,
                            .first = entry->passed + (size_t)first->token,
                            .rows = rows,
                            .width = activation->width};
        if (!entry->rider.see(entry->rider.context, entry->rider.which, &part, error))
            return false;
        row += rows;
    }
    return true;
}

/* One pass over entries first .. last - 1, or over the next chunk of those that have tokens left. */
static bool run_pass(struct run *run, size_t first, size_t last, size_t chunk, struct error *error)
{
    struct sequence *sequences = calloc(last - first, sizeof *sequences);
    size_t *members = realloc(run->members, (last - first) * sizeof *members);
    bool good = (sequences && members) || error_memory(error, "run");
    run->members = members ? members : run->members;
    size_t count = 0;
    for (size_t i = first; good && i < last; i++) {
        struct entry *entry = &run->entries[i];
        size_t left = entry->count - entry->passed;
        if (!left)
            continue;
        if (chunk && !entry->kv && !(entry->kv = kv_new(model_config_of(run->model), entry->count, error)))
            good = false;
        run->members[count] = i;
        size_t from = entry->logits_from > entry->passed ? entry->logits_from - entry->passed : 0;
        sequences[count++] = (struct sequence){.ids = entry->ids + entry->passed,
                                               .count = chunk && chunk < left ? chunk : left,
                                               .kv = entry->kv,
                                               .logits_from = from};
    }
    struct probe probe = {.see = run_see, .context = run};
    good = good && model_forward(run->model, sequences, count, &probe, error);
    for (size_t i = 0; good && i < count; i++)
        run->entries[run->members[i]].passed += sequences[i].count;
    free(sequences);
    return good;
}

/* Floats that one row needs at the busiest point of a pass, generously. */
static size_t row_floats(const struct model_config *config)
{
    size_t hidden = (size_t)config->hidden, q = (size_t)config->heads * (size_t)config->head_dim;
    size_t inner = 2 * (size_t)config->intermediate, experts = (size_t)config->experts_per_token * hidden;
    return 3 * hidden + 6 * q + (inner > experts ? inner : experts);
}

/* The end of the group that begins at `first`: at least one entry, then as many as fit. */
static size_t group_end(const struct run *run, size_t first)
{
    size_t rows = 0, most = ACTIVATION_BYTES / sizeof(float) / row_floats(model_config_of(run->model)), i = first;
    while (i < run->count && (i == first || rows + run->entries[i].count <= most))
        rows += run->entries[i++].count;
    return i;
}

static size_t group_passes(const struct run *run, size_t first, size_t last, size_t chunk)
{
    size_t longest = 0;
    for (size_t i = first; i < last; i++)
        longest = run->entries[i].count > longest ? run->entries[i].count : longest;
    return chunk ? (longest + chunk - 1) / chunk : 1;
}

bool run_execute(struct run *run, const char *title, size_t chunk, struct error *error)
{
    size_t passes = 0;
    for (size_t first = 0; first < run->count; first = group_end(run, first))
        passes += group_passes(run, first, group_end(run, first), chunk);
    run->progress = progress_begin(title, "layers", passes * (size_t)model_config_of(run->model)->layers);
    run->layers_done = 0;
    model_keep_weights(run->model, passes > 1);
    bool good = true;
    for (size_t first = 0; good && first < run->count; first = group_end(run, first)) {
        size_t last = group_end(run, first), count = group_passes(run, first, last, chunk);
        for (size_t pass = 0; good && pass < count; pass++)
            good = run_pass(run, first, last, chunk, error);
        for (size_t i = first; i < last; i++) {
            kv_free(run->entries[i].kv);
            run->entries[i].kv = NULL;
        }
    }
    progress_end(&run->progress);
    return good;
}
