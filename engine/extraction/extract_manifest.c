/* The documents beside the files of an extraction: JSON with one row a line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "extraction/extract_internal.h"

/* Appends the row, behind a comma unless it is the first, and frees it. */
static void put_row(struct buffer *out, bool *first, cJSON *row)
{
    char *text = row ? json_document(row, false) : NULL;
    buffer_text(out, *first ? "\n    " : ",\n    ");
    out->failed = out->failed || !text;
    buffer_text(out, text ? text : "");
    *first = false;
    cJSON_free(text);
    cJSON_Delete(row);
}

cJSON *tensor_source(const struct store *store, const struct tensor *tensor)
{
    if (!tensor->file || store_altered(store, tensor))
        return NULL;
    cJSON *source = cJSON_CreateObject();
    cJSON_AddStringToObject(source, "file", path_base(tensor->file));
    cJSON_AddStringToObject(source, "name", tensor->disk_name);
    cJSON_AddNumberToObject(source, "begin", (double)tensor->offset);
    if (tensor->every_other)
        cJSON_AddTrueToObject(source, "every_other");
    if (tensor->band) {
        uint64_t row = tensor->bytes / (tensor->rank == 1 ? tensor->columns : tensor->rows);
        cJSON_AddNumberToObject(source, "band", (double)(tensor->band * row));
        cJSON_AddNumberToObject(source, "band_stride", (double)(tensor->pitch * row));
    }
    if (!tensor->transposed) {
        cJSON_AddNumberToObject(source, "end", (double)(tensor->offset + tensor->held));
        return source;
    }
    /* Its columns lie one after the other, as those of an expert of a fused tensor may, or of a module of gpt2. */
    uint64_t element = tensor->rows && tensor->columns ? tensor->bytes / tensor->rows / tensor->columns : 0;
    uint64_t run = tensor->every_other ? 2 * tensor->rows - 1 : tensor->rows;
    uint64_t end = element ? tensor->offset + (tensor->columns - 1) * tensor->stride + run * element : tensor->offset;
    cJSON_AddNumberToObject(source, "end", (double)end);
    cJSON_AddNumberToObject(source, "column_stride", (double)tensor->stride);
    return source;
}

/* What the manifest says that knows where tensors came from. */
struct provenance {
    const char *solved;
    cJSON *manifest;    /* NULL: there is none */
    const cJSON **rows; /* of its tensors */
    struct map by_name;
};

static bool provenance_take(const struct extract_request *request, struct provenance *provenance)
{
    struct error none = {0};
    const char *text = request->provenance;
    *provenance = (struct provenance){.solved = request->solved};
    provenance->manifest = text ? json_parse(EXTRACTION_MANIFEST, text, strlen(text), &none) : NULL;
    error_clear(&none);
    const cJSON *tensors = provenance->manifest ? json_member(provenance->manifest, "tensors") : NULL;
    size_t count = 0;
    provenance->rows = calloc((size_t)cJSON_GetArraySize(tensors) + 1, sizeof *provenance->rows);
    bool good = provenance->rows;
    for (const cJSON *row = tensors ? tensors->child : NULL; good && row; row = row->next) {
        const cJSON *name = json_member(row, "name");
        provenance->rows[count] = row;
        if (cJSON_IsString(name))
            good = map_add(&provenance->by_name, name->valuestring, strlen(name->valuestring), count, NULL);
        count++;
    }
    return good;
}

static void provenance_free(struct provenance *provenance)
{
    map_free(&provenance->by_name);
    free(provenance->rows);
    cJSON_Delete(provenance->manifest);
}

/* The former row's members about where the values came from. False: it does not know the tensor. */
static bool add_former(cJSON *row, const struct provenance *provenance, const char *name)
{
    static const char *const members[] = {"altered", "solved", "source"};
    size_t at = provenance->manifest ? map_find(&provenance->by_name, name, strlen(name)) : MAP_ABSENT;
    for (size_t i = 0; at != MAP_ABSENT && i < sizeof members / sizeof *members; i++) {
        const cJSON *member = json_member(provenance->rows[at], members[i]);
        if (member)
            cJSON_AddItemToObject(row, members[i], cJSON_Duplicate(member, true));
    }
    return at != MAP_ABSENT;
}

/* Where the values came from; those that a fault changed came from nowhere. */
static void add_source(cJSON *row, const struct extract_tensor *extracted, const struct provenance *provenance)
{
    bool altered = store_altered(extracted->origin_store, extracted->origin);
    if (!altered && add_former(row, provenance, extracted->origin->name))
        return;
    if (altered && provenance->solved)
        cJSON_AddStringToObject(row, "solved", provenance->solved);
    else if (altered)
        cJSON_AddBoolToObject(row, "altered", true);
    cJSON *source = tensor_source(extracted->origin_store, extracted->origin);
    if (!source)
        return;
    if (extracted->tensor->dtype != extracted->origin->dtype) /* somebody stores it as another */
        cJSON_AddStringToObject(source, "dtype", dtype_name(extracted->origin->dtype));
    cJSON_AddItemToObject(row, "source", source);
}

static cJSON *tensor_row(const struct extract_file *file, const struct extract_tensor *extracted,
                         const struct provenance *provenance)
{
    const struct tensor *tensor = extracted->tensor;
    cJSON *row = cJSON_CreateObject(), *shape = cJSON_CreateArray();
    cJSON_AddStringToObject(row, "name", tensor->name);
    cJSON_AddStringToObject(row, "file", file->path);
    cJSON_AddStringToObject(row, "dtype", dtype_name(tensor->dtype));
    for (int i = 0; i < tensor->rank; i++)
        cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)tensor->shape[i]));
    cJSON_AddItemToObject(row, "shape", shape);
    cJSON_AddNumberToObject(row, "begin", (double)extracted->begin);
    cJSON_AddStringToObject(row, "sha256", extracted->sha256);
    add_source(row, extracted, provenance);
    return row;
}

static cJSON *file_row(const char *path, const struct layout_place *place)
{
    cJSON *row = cJSON_CreateObject();
    cJSON_AddNumberToObject(row, "layer", place->layer);
    if (place->expert >= 0)
        cJSON_AddNumberToObject(row, "expert", place->expert);
    cJSON_AddStringToObject(row, "file", path);
    return row;
}

/* What the file holds counts, not what it is called: one row for each expert, each router in it. */
static void put_block_of(struct buffer *out, bool *first, const struct extract_file *file, enum block block)
{
    struct layout_place before = {.layer = -1, .expert = -1};
    for (size_t i = 0; i < file->count; i++) {
        struct layout_place place;
        if (!layout_place(file->tensors[i].tensor->name, &place) || place.block != block ||
            (place.layer == before.layer && place.expert == before.expert))
            continue;
        put_row(out, first, file_row(file->path, &place));
        before = place;
    }
}

static void put_block(struct buffer *out, const char *key, const struct extract_plan *plan, enum block block)
{
    bool first = true;
    buffer_format(out, ",\n  \"%s\": [", key);
    for (size_t i = 0; i < plan->count; i++)
        if (plan->files[i].fate != FILE_ABSENT)
            put_block_of(out, &first, &plan->files[i], block);
    buffer_text(out, first ? "]" : "\n  ]");
}

/* A file, its size, and the hash of all of it or of what no other row vouches for. */
static cJSON *vouch_row(const char *file, uint64_t size, const char *key, const char *hash)
{
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "file", file);
    cJSON_AddNumberToObject(row, "size", (double)size);
    cJSON_AddStringToObject(row, key, hash);
    return row;
}

static void put_files(struct buffer *out, const struct passport *passport)
{
    bool first = true;
    buffer_text(out, ",\n  \"files\": [");
    for (size_t i = 0; i < passport->file_count; i++)
        put_row(
            out, &first,
            vouch_row(passport->files[i].path, passport->files[i].size, "header_sha256", passport->files[i].sha256));
    buffer_text(out, first ? "]" : "\n  ]");
}

static void put_companions(struct buffer *out, const char *key, const struct passport *passport, bool documents)
{
    bool first = true;
    buffer_format(out, ",\n  \"%s\": [", key);
    for (size_t i = 0; i < passport->companion_count; i++) {
        const struct passport_companion *row = &passport->companions[i];
        if (row->document == documents)
            put_row(out, &first, vouch_row(row->name, row->size, "sha256", row->sha256));
    }
    buffer_text(out, first ? "]" : "\n  ]");
}

static void put_tensors(struct buffer *out, const struct extract_request *request, const struct extract_plan *plan)
{
    bool first = true;
    struct provenance provenance;
    out->failed = !provenance_take(request, &provenance) || out->failed;
    buffer_text(out, ",\n  \"tensors\": [");
    for (size_t i = 0; i < plan->count; i++)
        for (size_t k = 0; plan->files[i].fate != FILE_ABSENT && k < plan->files[i].count; k++)
            put_row(out, &first, tensor_row(&plan->files[i], &plan->files[i].tensors[k], &provenance));
    provenance_free(&provenance);
    buffer_text(out, first ? "]" : "\n  ]");
}

/* A broken copy says so, and so does one in which a damage was undone. */
static void put_faults(struct buffer *out, const struct extract_request *request)
{
    bool first = true;
    if (!request->fault_count)
        return;
    buffer_format(out, ",\n  \"%s\": [", request->mends ? "laid" : "faults");
    for (size_t i = 0; i < request->fault_count; i++)
        put_row(out, &first, cJSON_CreateString(request->faults[i]));
    buffer_text(out, "\n  ]");
}

/* A text that is written beside the files. */
static bool add_document(struct passport *passport, const char *name, const char *text, struct error *error)
{
    const struct companion document = {.name = (char *)name, .text = text};
    bool good = passport_take_companions(&document, 1, passport, error);
    if (good)
        passport->companions[passport->companion_count - 1].document = true;
    return good;
}

static bool passport_of(const struct extract_request *request, const struct extract_plan *plan,
                        const char *availability, struct passport *passport, struct error *error)
{
    *passport = (struct passport){.complete = !request->partial, .follows = true, .model = strdup(request->model)};
    bool good = passport->model || error_memory(error, request->folder);
    for (size_t i = 0; good && i < plan->count; i++) {
        const struct extract_file *file = &plan->files[i];
        if (file->fate == FILE_ABSENT) {
            passport->complete = false;
            continue;
        }
        struct passport_file *row = passport_add_file(passport, file->path);
        good = row || error_memory(error, file->path);
        if (!good)
            break;
        row->size = file->size;
        memcpy(row->sha256, file->header_sha256, sizeof row->sha256);
        for (size_t k = 0; good && k < file->count; k++) {
            const struct tensor *tensor = file->tensors[k].tensor;
            struct passport_tensor *vouched =
                passport_add_tensor(passport, tensor->name, tensor->dtype, tensor->rank, tensor->shape);
            good = vouched || error_memory(error, file->path);
            if (!good)
                break;
            vouched->file = passport->file_count - 1;
            vouched->begin = file->tensors[k].begin;
            memcpy(vouched->sha256, file->tensors[k].sha256, sizeof vouched->sha256);
        }
    }
    return good && passport_take_companions(request->companions, request->companion_count, passport, error) &&
           (!availability || add_document(passport, AVAILABILITY_FILE, availability, error)) &&
           passport_finish(passport, request->folder, error);
}

static char *manifest_text(const struct extract_request *request, const struct extract_plan *plan,
                           const struct passport *passport)
{
    struct buffer out = {0};
    cJSON *model = cJSON_CreateString(request->model);
    char *name = model ? json_document(model, false) : NULL;
    buffer_format(&out,
                  "{\n  \"model\": %s,\n  \"complete\": %s,\n  \"root\": \"%s\",\n"
                  "  \"thinker\": {\"layers\": %d, \"experts_per_layer\": %d, \"total_experts\": %d}",
                  name ? name : "\"\"", passport->complete ? "true" : "false", passport->root, request->layers,
                  request->experts, request->layers * request->experts);
    out.failed = out.failed || !name;
    put_faults(&out, request);
    put_companions(&out, "companions", passport, false);
    put_companions(&out, "documents", passport, true);
    put_block(&out, "experts", plan, BLOCK_EXPERTS);
    put_block(&out, "routers", plan, BLOCK_ROUTERS);
    put_files(&out, passport);
    put_tensors(&out, request, plan);
    buffer_text(&out, "\n}\n");
    cJSON_free(name);
    cJSON_Delete(model);
    return buffer_take(&out);
}

char *extract_manifest(const struct extract_request *request, const struct extract_plan *plan, const char *map,
                       struct error *error)
{
    struct passport passport = {0};
    char *text = NULL;
    if (passport_of(request, plan, map, &passport, error) && !(text = manifest_text(request, plan, &passport)))
        error_memory(error, EXTRACTION_MANIFEST);
    passport_free(&passport);
    return text;
}

struct expert {
    int layer, expert;
};

static int expert_order(const void *left, const void *right)
{
    const struct expert *a = left, *b = right;
    return a->layer != b->layer ? (a->layer > b->layer) - (a->layer < b->layer)
                                : (a->expert > b->expert) - (a->expert < b->expert);
}

/* Each expert that has a tensor, once for each tensor. */
static struct expert *experts_of(const struct extract_plan *plan, size_t *count)
{
    size_t tensors = 0;
    for (size_t i = 0; i < plan->count; i++)
        tensors += plan->files[i].count;
    struct expert *experts = calloc(tensors + 1, sizeof *experts);
    *count = 0;
    for (size_t i = 0; experts && i < plan->count; i++)
        for (size_t k = 0; plan->files[i].fate != FILE_ABSENT && k < plan->files[i].count; k++) {
            struct layout_place place;
            if (layout_place(plan->files[i].tensors[k].tensor->name, &place) && place.expert >= 0)
                experts[(*count)++] = (struct expert){place.layer, place.expert};
        }
    if (experts && *count)
        qsort(experts, *count, sizeof *experts, expert_order);
    return experts;
}

char *extract_availability(const struct extract_request *request, const struct extract_plan *plan)
{
    struct buffer out = {0};
    size_t count = 0;
    struct expert *experts = experts_of(plan, &count);
    int layer = -1;
    buffer_char(&out, '{');
    out.failed = out.failed || !experts;
    for (size_t i = 0; i < count && experts[i].layer < request->layers; i++) {
        if (i && expert_order(&experts[i - 1], &experts[i]) == 0)
            continue;
        if (experts[i].layer != layer)
            buffer_format(&out, "%s\n  \"%d\": [%d", i ? "]," : "", experts[i].layer, experts[i].expert);
        else
            buffer_format(&out, ", %d", experts[i].expert);
        layer = experts[i].layer;
    }
    buffer_text(&out, layer >= 0 ? "]\n}\n" : "\n}\n");
    free(experts);
    return buffer_take(&out);
}
