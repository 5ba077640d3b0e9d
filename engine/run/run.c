#include "run/run.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/progress.h"

struct entry {
    const int *ids;
    size_t count;
    size_t logits_from;
    struct rider rider;
    struct kv *kv;
    size_t passed; /* tokens of earlier chunks */
    double rounding;
    bool with_next; /* goes with the next in any case */
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

bool part_within(const struct part *part, size_t first, size_t rows, struct part *out)
{
    size_t begin = part->first > first ? part->first : first;
    size_t end = part->first + part->rows < first + rows ? part->first + part->rows : first + rows;
    *out = *part;
    if (begin >= end)
        return false;
    out->values = part->values + (begin - part->first) * part->width;
    out->first = begin;
    out->rows = end - begin;
    return true;
}

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
    return run_add_rounded(run, ids, count, logits_from, 0, rider, error);
}

bool run_add_rounded(struct run *run, const int *ids, size_t count, size_t logits_from, double rounding,
                     struct rider rider, struct error *error)
{
    struct entry entry = {.ids = ids, .count = count, .logits_from = logits_from, .rider = rider, .rounding = rounding};
    return array_push(run->entries, run->count, run->capacity, entry) || error_memory(error, "run");
}

bool run_add_twin(struct run *run, const int *ids, size_t count, size_t logits_from, double rounding,
                  struct rider rider, struct error *error)
{
    if (!run_add_rounded(run, ids, count, logits_from, rounding, rider, error))
        return false;
    run->entries[run->count - 1].with_next = true;
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
                                               .whole = entry->count,
                                               .logits_from = from,
                                               .rounding = entry->rounding,
                                               .chance = entry->rider.which};
    }
    struct probe probe = {.see = run_see, .context = run};
    good = good && model_forward(run->model, sequences, count, &probe, error);
    for (size_t i = 0; good && i < count; i++)
        run->entries[run->members[i]].passed += sequences[i].count;
    free(sequences);
    return good;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* The widest feed-forward block that works on whole rows: experts do so by blocks of a few. */
static size_t widest_inner(const struct model_config *config)
{
    size_t widest = (size_t)config->shared_intermediate;
    for (int layer = 0; layer < config->layers; layer++)
        if (!config->sparse[layer])
            widest = larger(widest, (size_t)config->intermediate);
    return widest;
}

uint64_t run_bytes(const struct model_config *config, size_t rows, size_t cached)
{
    size_t hidden = (size_t)config->hidden, head = (size_t)config->head_dim, experts = (size_t)config->experts;
    size_t q = (size_t)config->heads * head, kv = (size_t)config->kv_heads * head;
    size_t busiest = larger(2 * q + 4 * kv, hidden + larger(2 * widest_inner(config), experts));
    uint64_t row = 3 * hidden + head + busiest, token = 2 * (uint64_t)config->layers * kv;
    return (rows * row + cached * token) * sizeof(float);
}

/* The end of the group that begins at `first`: at least one entry, then as many as fit. */
static size_t group_end(const struct run *run, size_t first, size_t chunk)
{
    const struct model_config *config = model_config_of(run->model);
    uint64_t bytes = 0;
    size_t i = first;
    for (; i < run->count; i++) {
        size_t count = run->entries[i].count;
        bytes += chunk ? run_bytes(config, chunk < count ? chunk : count, count) : run_bytes(config, count, 0);
        if (i > first && bytes > RUN_BYTES && !run->entries[i - 1].with_next)
            break;
    }
    return i;
}

static size_t group_passes(const struct run *run, size_t first, size_t last, size_t chunk)
{
    size_t longest = 0;
    for (size_t i = first; i < last; i++)
        longest = run->entries[i].count > longest ? run->entries[i].count : longest;
    return chunk ? (longest + chunk - 1) / chunk : 1;
}

size_t run_count(const struct run *run)
{
    return run->count;
}

bool run_execute(struct run *run, const char *title, size_t chunk, struct error *error)
{
    size_t passes = 0;
    for (size_t first = 0; first < run->count; first = group_end(run, first, chunk))
        passes += group_passes(run, first, group_end(run, first, chunk), chunk);
    run->progress = progress_begin(title, "layers", passes * (size_t)model_layers(run->model));
    run->layers_done = 0;
    model_keep_weights(run->model, passes > 1);
    bool good = true;
    for (size_t first = 0; good && first < run->count; first = group_end(run, first, chunk)) {
        size_t last = group_end(run, first, chunk), count = group_passes(run, first, last, chunk);
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
