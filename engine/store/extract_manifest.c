/* The documents beside the files of an extraction: JSON with one row a line. */
#include <stdio.h>

#include "base/json.h"
#include "store/extract_internal.h"

/* Appends the row, behind a comma unless it is the first, and frees it. */
static void put_row(struct buffer *out, bool *first, cJSON *row)
{
    char *text = row ? cJSON_PrintUnformatted(row) : NULL;
    buffer_text(out, *first ? "\n    " : ",\n    ");
    out->failed = out->failed || !text;
    buffer_text(out, text ? text : "");
    *first = false;
    cJSON_free(text);
    cJSON_Delete(row);
}

/* Where the values came from; those that a fault changed came from nowhere. */
static void add_source(cJSON *row, const struct store *store, const struct tensor *tensor)
{
    if (store_altered(store, tensor))
        cJSON_AddBoolToObject(row, "altered", true);
    if (!tensor->file || store_altered(store, tensor))
        return;
    cJSON *source = cJSON_AddObjectToObject(row, "source");
    cJSON_AddStringToObject(source, "file", path_base(tensor->file));
    cJSON_AddStringToObject(source, "name", tensor->disk_name);
    cJSON_AddNumberToObject(source, "begin", (double)tensor->offset);
    if (!tensor->transposed) {
        cJSON_AddNumberToObject(source, "end", (double)(tensor->offset + tensor->held));
        return;
    }
    /* An expert of a fused tensor whose columns lie one after the other. */
    uint64_t element = tensor->rows && tensor->columns ? tensor->bytes / tensor->rows / tensor->columns : 0;
    uint64_t end = tensor->columns ? tensor->offset + (tensor->columns - 1) * tensor->stride + tensor->rows * element
                                   : tensor->offset;
    cJSON_AddNumberToObject(source, "end", (double)end);
    cJSON_AddNumberToObject(source, "column_stride", (double)tensor->stride);
}

static cJSON *tensor_row(const struct store *store, const struct extract_file *file,
                         const struct extract_tensor *extracted)
{
    const struct tensor *tensor = extracted->tensor;
    cJSON *row = cJSON_CreateObject(), *shape = cJSON_CreateArray();
    cJSON_AddStringToObject(row, "name", tensor->name);
    cJSON_AddStringToObject(row, "file", file->path);
    cJSON_AddStringToObject(row, "dtype", dtype_name(tensor->dtype));
    for (int i = 0; i < tensor->rank; i++)
        cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)tensor->shape[i]));
    cJSON_AddItemToObject(row, "shape", shape);
    cJSON_AddStringToObject(row, "sha256", extracted->sha256);
    add_source(row, store, tensor);
    return row;
}

static cJSON *file_row(const struct extract_file *file)
{
    cJSON *row = cJSON_CreateObject();
    cJSON_AddNumberToObject(row, "layer", file->layer);
    if (file->expert >= 0)
        cJSON_AddNumberToObject(row, "expert", file->expert);
    cJSON_AddStringToObject(row, "file", file->path);
    return row;
}

static void put_files(struct buffer *out, const char *key, const struct extract_plan *plan, enum block block)
{
    bool first = true;
    buffer_format(out, ",\n  \"%s\": [", key);
    for (size_t i = 0; i < plan->count; i++)
        if (plan->files[i].block == block && plan->files[i].fate != FILE_ABSENT)
            put_row(out, &first, file_row(&plan->files[i]));
    buffer_text(out, first ? "]" : "\n  ]");
}

static void put_tensors(struct buffer *out, const struct store *store, const struct extract_plan *plan)
{
    bool first = true;
    buffer_text(out, ",\n  \"tensors\": [");
    for (size_t i = 0; i < plan->count; i++)
        for (size_t k = 0; plan->files[i].fate != FILE_ABSENT && k < plan->files[i].count; k++)
            put_row(out, &first, tensor_row(store, &plan->files[i], &plan->files[i].tensors[k]));
    buffer_text(out, first ? "]" : "\n  ]");
}

/* A broken copy says so. */
static void put_faults(struct buffer *out, const struct extract_request *request)
{
    bool first = true;
    if (!request->fault_count)
        return;
    buffer_text(out, ",\n  \"faults\": [");
    for (size_t i = 0; i < request->fault_count; i++)
        put_row(out, &first, cJSON_CreateString(request->faults[i]));
    buffer_text(out, "\n  ]");
}

char *extract_manifest(const struct extract_request *request, const struct extract_plan *plan)
{
    struct buffer out = {0};
    bool complete = true;
    for (size_t i = 0; i < plan->count; i++)
        complete = complete && plan->files[i].fate != FILE_ABSENT;
    cJSON *model = cJSON_CreateString(request->model);
    char *name = model ? cJSON_PrintUnformatted(model) : NULL;
    buffer_format(&out,
                  "{\n  \"model\": %s,\n  \"complete\": %s,\n"
                  "  \"thinker\": {\"layers\": %d, \"experts_per_layer\": %d, \"total_experts\": %d}",
                  name ? name : "\"\"", complete ? "true" : "false", request->layers, request->experts,
                  request->layers * request->experts);
    put_faults(&out, request);
    put_files(&out, "experts", plan, BLOCK_EXPERTS);
    put_files(&out, "routers", plan, BLOCK_ROUTERS);
    put_tensors(&out, request->store, plan);
    buffer_text(&out, "\n}\n");
    cJSON_free(name);
    cJSON_Delete(model);
    return buffer_take(&out);
}

/* The experts of a layer come in the order of their files' names, which is theirs up to 999. */
char *extract_availability(const struct extract_request *request, const struct extract_plan *plan)
{
    struct buffer out = {0};
    bool first_layer = true;
    buffer_char(&out, '{');
    for (int layer = 0; layer < request->layers; layer++) {
        bool first = true;
        for (size_t i = 0; i < plan->count; i++) {
            const struct extract_file *file = &plan->files[i];
            if (file->block != BLOCK_EXPERTS || file->layer != layer || file->fate == FILE_ABSENT)
                continue;
            if (first)
                buffer_format(&out, "%s\n  \"%d\": [%d", first_layer ? "" : ",", layer, file->expert);
            else
                buffer_format(&out, ", %d", file->expert);
            first = first_layer = false;
        }
        if (!first)
            buffer_char(&out, ']');
    }
    buffer_text(&out, "\n}\n");
    return buffer_take(&out);
}
