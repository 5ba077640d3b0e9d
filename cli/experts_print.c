#include "cli/experts_print.h"

#include <inttypes.h>

void experts_print(const struct model *model, FILE *file)
{
    const struct expert_counts counts = model_expert_counts(model, -1);
    uint64_t uses = counts.hits + counts.misses;
    if (!counts.experts)
        return;
    fprintf(file,
            "experts: %" PRIu64 " hits, %" PRIu64 " misses (%.1f %%), %" PRIu64 " evicted, %.1f MB read, %" PRIu64
            " of %" PRIu64 " kept\n",
            counts.hits, counts.misses, uses ? 100 * (double)counts.misses / (double)uses : 0.0, counts.evicted,
            (double)counts.read / 1e6, counts.kept, counts.experts);
}

static void counts_json(const struct expert_counts *counts, cJSON *out)
{
    cJSON_AddNumberToObject(out, "experts", (double)counts->experts);
    cJSON_AddNumberToObject(out, "hits", (double)counts->hits);
    cJSON_AddNumberToObject(out, "misses", (double)counts->misses);
    cJSON_AddNumberToObject(out, "evicted", (double)counts->evicted);
    cJSON_AddNumberToObject(out, "bytes_read", (double)counts->read);
    cJSON_AddNumberToObject(out, "kept", (double)counts->kept);
    cJSON_AddNumberToObject(out, "bytes_kept", (double)counts->kept_bytes);
}

void experts_json(const struct model *model, bool layers, cJSON *parent)
{
    const struct expert_counts counts = model_expert_counts(model, -1);
    if (!counts.experts)
        return;
    cJSON *object = cJSON_AddObjectToObject(parent, "experts");
    counts_json(&counts, object);
    cJSON *list = layers ? cJSON_AddArrayToObject(object, "layers") : NULL;
    for (int layer = 0; list && layer < model_config_of(model)->layers; layer++) {
        const struct expert_counts of_layer = model_expert_counts(model, layer);
        cJSON *item = cJSON_CreateObject();
        counts_json(&of_layer, item);
        cJSON_AddItemToArray(list, item);
    }
}
