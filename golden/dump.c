#include "golden/dump.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "store/safetensors.h"

struct dump {
    const struct model_config *config;
    size_t case_count;
    size_t *passed; /* tokens of each case in earlier passes */
    struct safetensors_writer *writer;
    struct safetensors_entry *entries;
    size_t entry_count;
    size_t *index; /* [cases][POINT_COUNT][layers or 1]: entry + 1, 0 when not dumped */
};

static size_t *dump_slot(struct dump *dump, size_t case_index, enum point point, int layer)
{
    size_t layers = (size_t)dump->config->layers;
    return &dump->index[(case_index * POINT_COUNT + point) * layers + (size_t)(layer < 0 ? 0 : layer)];
}

static bool dump_add_entry(struct dump *dump, const struct golden_case *golden_case, size_t case_index,
                           enum point point, int layer)
{
    struct safetensors_entry *entry = &dump->entries[dump->entry_count];
    struct buffer name = {0};
    char path[POINT_PATH];
    size_t heads = 0, width = point_width(dump->config, point, &heads);
    buffer_format(&name, "%s/%s", golden_case->id, point_path(point, layer, path));
    entry->name = buffer_take(&name);
    entry->dtype = DTYPE_F32;
    entry->shape[entry->rank++] = golden_case->count;
    if (heads)
        entry->shape[entry->rank++] = heads;
    entry->shape[entry->rank++] = heads ? width / heads : width;
    *dump_slot(dump, case_index, point, layer) = ++dump->entry_count;
    return entry->name;
}

/* In the order of the forward pass, case by case. */
static bool dump_lay_out(struct dump *dump, const struct golden_case *cases, const bool *points)
{
    for (size_t i = 0; i < dump->case_count; i++) {
        for (int layer = -1; layer <= dump->config->layers; layer++) {
            for (int point = 0; point < POINT_COUNT; point++) {
                bool after = point_rows[point].place == PLACE_BEHIND_LAYERS;
                bool here = point_in_layer((enum point)point) ? layer >= 0 && layer < dump->config->layers
                                                              : layer == (after ? dump->config->layers : -1);
                int at = point_in_layer((enum point)point) ? layer : -1;
                if (here && points[point] && point_exists(dump->config, (enum point)point, at) &&
                    !dump_add_entry(dump, &cases[i], i, (enum point)point, at))
                    return false;
            }
        }
    }
    return true;
}

static cJSON *ids_json(const int *ids, size_t count)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < count; i++)
        cJSON_AddItemToArray(list, cJSON_CreateNumber(ids[i]));
    return list;
}

static char *cases_json(const struct golden_case *cases, size_t count)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < count; i++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "id", cases[i].id);
        cJSON_AddItemToObject(item, "ids", ids_json(cases[i].ids, cases[i].count));
        /* the ids stand for the text; a prompt that is no UTF-8 would make the header unreadable */
        if (cases[i].prompt && utf8_check(cases[i].prompt, strlen(cases[i].prompt)) == strlen(cases[i].prompt))
            cJSON_AddStringToObject(item, "prompt", cases[i].prompt);
        if (cases[i].greedy)
            cJSON_AddItemToObject(item, "greedy", ids_json(cases[i].greedy, cases[i].greedy_count));
        if (isfinite(cases[i].perplexity))
            cJSON_AddNumberToObject(item, "perplexity", cases[i].perplexity);
        cJSON_AddItemToArray(list, item);
    }
    char *text = json_document(list, false);
    cJSON_Delete(list);
    return text;
}

static cJSON *dump_metadata(const struct golden_case *cases, size_t count, const struct dump_options *options)
{
    cJSON *metadata = cJSON_CreateObject();
    char *text = cases_json(cases, count);
    cJSON_AddStringToObject(metadata, "assay.golden", "1");
    cJSON_AddStringToObject(metadata, "producer", options->producer);
    cJSON_AddStringToObject(metadata, "dtype", options->dtype);
    cJSON_AddStringToObject(metadata, "cases", text ? text : "");
    if (options->config)
        cJSON_AddStringToObject(metadata, "config", options->config);
    if (options->tokenizer_sha256 && *options->tokenizer_sha256)
        cJSON_AddStringToObject(metadata, "tokenizer_sha256", options->tokenizer_sha256);
    cJSON_free(text);
    return metadata;
}

struct dump *dump_create(const char *path, const struct model_config *config, const struct golden_case *cases,
                         size_t count, const struct dump_options *options, struct error *error)
{
    struct dump *dump = calloc(1, sizeof *dump);
    size_t layers = (size_t)config->layers;
    if (dump) {
        dump->config = config;
        dump->case_count = count;
        dump->passed = calloc(count, sizeof *dump->passed);
        dump->entries = calloc(count * POINT_COUNT * layers, sizeof *dump->entries);
        dump->index = calloc(count * POINT_COUNT * layers, sizeof *dump->index);
    }
    if (!dump || !dump->passed || !dump->entries || !dump->index || !dump_lay_out(dump, cases, options->points)) {
        error_memory(error, path);
        dump_discard(dump);
        return NULL;
    }
    cJSON *metadata = dump_metadata(cases, count, options);
    dump->writer = safetensors_create(path, dump->entries, dump->entry_count, metadata, error);
    cJSON_Delete(metadata);
    if (dump->writer)
        return dump;
    dump_discard(dump);
    return NULL;
}

static bool dump_see(void *context, const struct activation *activation, struct error *error)
{
    struct dump *dump = context;
    size_t row_bytes = activation->width * sizeof(float);
    for (size_t row = 0; row < activation->rows; row++) {
        size_t case_index = (size_t)activation->row_of[row].sequence;
        size_t entry = *dump_slot(dump, case_index, activation->point, activation->layer);
        size_t token = dump->passed[case_index] + (size_t)activation->row_of[row].token;
        if (entry && !safetensors_put(dump->writer, entry - 1, token * row_bytes,
                                      activation->values + row * activation->width, row_bytes, error))
            return false;
    }
    return true;
}

struct probe dump_probe(struct dump *dump)
{
    return (struct probe){.see = dump_see, .context = dump};
}

void dump_advance(struct dump *dump, size_t case_index, size_t tokens)
{
    dump->passed[case_index] += tokens;
}

static void dump_free(struct dump *dump)
{
    for (size_t i = 0; dump->entries && i < dump->entry_count; i++)
        free(dump->entries[i].name);
    free(dump->entries);
    free(dump->index);
    free(dump->passed);
    free(dump);
}

bool dump_commit(struct dump *dump, struct error *error)
{
    bool good = safetensors_commit(dump->writer, error);
    dump_free(dump);
    return good;
}

void dump_discard(struct dump *dump)
{
    if (!dump)
        return;
    safetensors_discard(dump->writer);
    dump_free(dump);
}
