#include "causes/cause_places.h"

#include <fnmatch.h>
#include <string.h>

#include "store/overlay.h"

/* "model.layers.2.mlp.experts.4-7" */
static void experts_text(const struct expected *first, const struct expected *last, struct buffer *out)
{
    const char *digits = strstr(first->name, ".experts.");
    buffer_append(out, first->name, digits ? (size_t)(digits - first->name) + strlen(".experts.") : 0);
    buffer_format(out, first->expert == last->expert ? "%d" : "%d-%d", first->expert, last->expert);
}

/* The end of those that one label stands for. */
static size_t run_end(const struct expected_list *list, size_t first)
{
    const struct expected *items = list->items;
    size_t end = first + 1;
    while (items[first].expert >= 0 && end < list->count && items[end].layer == items[first].layer &&
           items[end].expert >= 0 && items[end].expert - items[end - 1].expert <= 1)
        end++;
    return end;
}

static bool labels_add(const struct expected_list *list, struct finding *finding)
{
    size_t labels = 0;
    bool good = true;
    for (size_t i = 0; i < list->count; i = run_end(list, i))
        labels++;
    struct series *series = finding_series(finding, CAUSE_SERIES, "Where the cause is", "tensors", "", labels);
    if (!series)
        return false;
    series->kind = SERIES_TABLE;
    labels = 0;
    for (size_t i = 0, end; good && i < list->count; i = end) {
        struct buffer text = {0};
        end = run_end(list, i);
        if (end - i > 1)
            experts_text(&list->items[i], &list->items[end - 1], &text);
        else
            buffer_text(&text, list->items[i].name);
        good = text.data && series_label(series, labels++, text.data);
        buffer_free(&text);
    }
    return good;
}

bool cause_places_add(const struct store *store, const struct expected_list *list, struct finding *finding)
{
    const struct expected *first = list->items;
    bool layer = true, expert = true;
    if (!list->count)
        return true;
    for (size_t i = 1; i < list->count; i++) {
        layer = layer && list->items[i].layer == first->layer;
        expert = expert && layer && list->items[i].expert == first->expert;
    }
    if (layer)
        finding->where.layer = first->layer;
    if (expert)
        finding->where.expert = first->expert;
    if (list->count == 1) {
        const struct tensor *tensor = store_find(store, first->name);
        where_set(&finding->where.tensor, first->name);
        where_set(&finding->where.file, tensor ? tensor->file : NULL);
    }
    return labels_add(list, finding);
}

struct touching {
    const struct store *laid, *below;
    const char *pattern;               /* NULL: any name */
    const struct differing *differing; /* NULL: any tensor */
    struct expected_list list;
};

static bool is_different(const struct differing *differing, const char *name)
{
    for (size_t i = 0; i < differing->count; i++)
        if (strcmp(differing->items[i].name, name) == 0)
            return true;
    return false;
}

static bool see_weight(void *context, const struct expected *expected)
{
    struct touching *touching = context;
    const char *name = expected->name;
    if ((touching->pattern && fnmatch(touching->pattern, name, 0) != 0) ||
        !overlay_touches(touching->laid, touching->below, name) ||
        (touching->differing && !is_different(touching->differing, name)))
        return true;
    return expected_list_add(&touching->list, expected);
}

bool cause_places_of(const struct hunt_request *request, const struct hypothesis *hypothesis,
                     const struct differing *differing, struct finding *finding)
{
    struct hypothesis whole = *hypothesis;
    struct world world = {0};
    struct error none = {0};
    const struct store *below = request->ground.store;
    whole.settled = false;
    if (hypothesis->departure != DEPARTURE_FAULT)
        return true;
    /* What was solved for is laid already. */
    bool laid = hypothesis->solved || world_open(&request->ground, &whole, 1, &world, &none);
    struct touching touching = {.laid = hypothesis->solved ? hypothesis->solved : world.store,
                                .below = below,
                                .pattern = hypothesis->solved ? hypothesis_solves(hypothesis) : NULL,
                                .differing = hypothesis_restores(hypothesis) ? differing : NULL};
    bool good = !laid || (weights_each(request->config, see_weight, &touching) &&
                          cause_places_add(below, &touching.list, finding));
    expected_list_free(&touching.list);
    world_close(&world);
    error_clear(&none);
    return good;
}
