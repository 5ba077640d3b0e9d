/* Biases that only their tensors tell of, and that some layers have and others do not. */
#include <stdlib.h>

#include "base/numbers.h"
#include "inventory/inventory_internal.h"

struct holes {
    int *with, *without; /* layers */
    size_t with_count, without_count;
};

static void holes_find(const struct census *census, enum weight weight, struct holes *holes)
{
    holes->with_count = holes->without_count = 0;
    for (size_t i = 0; i < census->count; i++) {
        const struct census_item *item = &census->items[i];
        if (item->expected->weight != weight)
            continue;
        if (item->tensor)
            holes->with[holes->with_count++] = item->expected->layer;
        else
            holes->without[holes->without_count++] = item->expected->layer;
    }
}

static bool report_holes(enum weight weight, const struct holes *holes, struct findings *findings, struct buffer *text)
{
    struct buffer with = {0}, without = {0};
    numbers_ranges(&with, holes->with, holes->with_count);
    numbers_ranges(&without, holes->without, holes->without_count);
    bool good = true;
    for (size_t i = 0; good && i < holes->without_count; i++) {
        struct finding *place = inventory_place(findings, "inventory.biases", NULL, holes->without[i], -1);
        char name[160];
        if ((good = place && expected_name(weight, holes->without[i], -1, name, sizeof name))) {
            place->verdict = VERDICT_WARN;
            where_set(&place->where.tensor, name);
            finding_message(place, "There is no '%s', and nothing is added in its place.", name);
        }
    }
    buffer_format(text, "%s%s is there in layer%s %s and not in %s", text->size ? "; " : "", weight_class(weight),
                  holes->with_count > 1 ? "s" : "", with.data ? with.data : "", without.data ? without.data : "");
    buffer_free(&with);
    buffer_free(&without);
    return good;
}

static bool report_biases(const struct census *census, struct holes *holes, struct findings *findings)
{
    size_t at = findings->count, count = 0;
    struct buffer text = {0};
    bool good = true;
    for (int weight = 0; good && weight < WEIGHT_COUNT; weight++) {
        if (weight_rows[weight].part != PART_BIAS)
            continue;
        holes_find(census, (enum weight)weight, holes);
        if (!holes->with_count || !holes->without_count)
            continue;
        if (!count)
            good = findings_add(findings, "inventory.biases");
        count += holes->without_count;
        good = good && report_holes((enum weight)weight, holes, findings, &text);
    }
    if (good && count) {
        struct finding *finding = &findings->items[at];
        finding_measured(finding, (double)count, "tensors");
        finding_limit(finding, 0, "a model has a bias in all layers or in none, but only the tensors tell: a warning");
        finding->verdict = VERDICT_WARN;
        finding_message(finding, "%s: where it is absent nothing is added, as llama.cpp does.",
                        text.data ? text.data : "");
    }
    buffer_free(&text);
    return good;
}

bool inventory_biases(const struct census *census, struct findings *findings)
{
    if (!census->config->biases_open)
        return true;
    struct holes holes = {.with = malloc(CONFIG_LAYERS_MAX * sizeof *holes.with),
                          .without = malloc(CONFIG_LAYERS_MAX * sizeof *holes.without)};
    bool good = holes.with && holes.without && report_biases(census, &holes, findings);
    free(holes.with);
    free(holes.without);
    return good;
}
