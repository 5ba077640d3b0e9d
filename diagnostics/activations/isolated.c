#include "activations/isolated.h"

#include <stdlib.h>

#include "activations/layers_internal.h"
#include "math/blas.h"
#include "run/run.h"

#define MEMORY ((uint64_t)512 << 20) /* of weights, where gold has so many tokens that they take several passes */

struct isolated {
    struct golden *const *goldens;
    struct layers **layers; /* [count] */
    size_t count;
    const struct model_config *config;
    int threads;
    int block; /* under way */
};

struct isolated *isolated_new(struct golden *const *goldens, size_t count, const struct model_config *config,
                              const struct limits *limits, int threads, struct error *error)
{
    struct isolated *isolated = calloc(1, sizeof *isolated);
    bool good =
        (isolated && (isolated->layers = calloc(count + 1, sizeof(struct layers *)))) || error_memory(error, "gold");
    if (good) {
        isolated->goldens = goldens;
        isolated->config = config;
        isolated->threads = threads;
        good = blas_prove(error);
    }
    for (; good && isolated->count < count; isolated->count += good)
        good = (isolated->layers[isolated->count] = layers_new(goldens[isolated->count], config, limits, error));
    if (good)
        return isolated;
    isolated_free(isolated);
    return NULL;
}

void isolated_free(struct isolated *isolated)
{
    if (!isolated)
        return;
    for (size_t i = 0; i < isolated->count; i++)
        layers_free(isolated->layers[i]);
    free(isolated->layers);
    free(isolated);
}

/* What sees the cases of one dump. */
struct viewer {
    struct layers *layers;
    int block;
};

static bool see(void *context, size_t which, const struct part *part, struct error *error)
{
    const struct viewer *viewer = context;
    return layers_see_block(viewer->layers, which, viewer->block, part, error);
}

/* The cases that can take part; `*any` is set when there are some. */
static bool add_cases(struct isolated *isolated, size_t index, struct viewer *viewer, struct run *run, bool *any,
                      struct error *error)
{
    const struct golden *golden = isolated->goldens[index];
    *viewer = (struct viewer){.layers = isolated->layers[index], .block = isolated->block};
    layers_forget(viewer->layers, isolated->block);
    for (size_t i = 0; i < golden_case_count(golden); i++) {
        const struct golden_case *golden_case = golden_case_at(golden, i);
        const struct golden_tensor *head = golden_find(golden, i, "lm_head");
        struct rider rider = {.see = see, .context = viewer, .which = i};
        if (!layers_can_feed(viewer->layers, i, isolated->block))
            continue;
        *any = true;
        if (!run_add(run, golden_case->ids, golden_case->count, head ? head->first : golden_case->count, rider, error))
            return false;
    }
    return true;
}

void isolated_watch(struct isolated *isolated, layers_watcher *watcher, void *context)
{
    for (size_t i = 0; i < isolated->count; i++)
        layers_watch(isolated->layers[i], watcher, context, i);
}

bool isolated_run(struct isolated *isolated, const struct store *store, int block, struct isolated_result *result,
                  struct error *error)
{
    return isolated_try(isolated, store, isolated->config, block, result, error);
}

bool isolated_try(struct isolated *isolated, const struct store *store, const struct model_config *config, int block,
                  struct isolated_result *result, struct error *error)
{
    const struct model_options options = {.threads = isolated->threads,
                                          .memory = MEMORY,
                                          .missing = MISSING_DEFAULT,
                                          .exact = true,
                                          .first_block = block,
                                          .end_block = block + 1};
    struct viewer *viewers = calloc(isolated->count + 1, sizeof *viewers);
    struct model *model = model_open(store, config, &options, error);
    struct run *run = model ? run_new(model, error) : NULL;
    bool good = run && (viewers || error_memory(error, "gold")), any = false;
    isolated->block = block;
    *result = (struct isolated_result){0};
    for (size_t i = 0; good && i < isolated->count; i++)
        good = add_cases(isolated, i, &viewers[i], run, &any, error);
    good = good && (!any || run_execute(run, "compare", 0, error));
    for (size_t i = 0; good && i < isolated->count; i++)
        layers_count(isolated->layers[i], block, result);
    run_free(run);
    model_free(model);
    free(viewers);
    return good;
}

size_t isolated_experts(const struct isolated *isolated, int block, int *experts, size_t most)
{
    size_t found = 0;
    bool sparse = block > 0 && block <= isolated->config->layers && isolated->config->sparse[block - 1];
    for (size_t i = 0; sparse && !found && i < isolated->count; i++)
        found = blame_experts(isolated->layers[i], block - 1, experts, most);
    return found;
}

bool isolated_report(const struct isolated *isolated, struct findings *findings, struct error *error)
{
    for (size_t i = 0; i < isolated->count; i++) {
        size_t first = findings->count;
        if (!layers_report_isolated(isolated->layers[i], findings, error))
            return false;
        findings_set_gold(findings, first, golden_path(isolated->goldens[i]));
    }
    return true;
}
