/* The reader of our own dumps. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "golden/golden_make.h"
#include "golden/golden_readers.h"

static bool parse_ids(const char *path, const char *id, const char *key, const cJSON *list, int **out, size_t *count,
                      struct error *error)
{
    size_t size = cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 0;
    if (!size || size > GOLDEN_IDS_MAX)
        return error_set(error, "%s: case '%s': \"%s\" should be a list of 1 to %zu token ids", path, id, key,
                         GOLDEN_IDS_MAX);
    *out = malloc(size * sizeof **out);
    if (!*out)
        return error_memory(error, path);
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        uint64_t value = 0;
        if (!json_uint64(item, &value) || value > 0x7FFFFFFF)
            return error_set(error, "%s: case '%s': entry %zu of \"%s\" is no token id", path, id, *count, key);
        (*out)[(*count)++] = (int)value;
    }
    return true;
}

static bool parse_case(struct golden *golden, const cJSON *item, struct error *error)
{
    struct golden_case_data *data = &golden->cases[golden->case_count];
    const char *id = NULL, *prompt = NULL;
    if (!cJSON_IsObject(item) || !json_get_string(item, golden->path, "id", &id, error) ||
        !json_get_string(item, golden->path, "prompt", &prompt, error))
        return error_set(error, "%s: case %zu is not an object", golden->path, golden->case_count);
    /* ids name folders: a slash or "..", and they would lie elsewhere */
    if (!id || !*id || *id == '.' || strchr(id, '/'))
        return error_set(error,
                         "%s: the \"id\" of case %zu should be a name without a slash that does not begin with a dot",
                         golden->path, golden->case_count);
    data->public.perplexity = NAN;
    data->id = strdup(id);
    data->prompt = prompt ? strdup(prompt) : NULL;
    if (!data->id || (prompt && !data->prompt))
        return error_memory(error, golden->path);
    golden->case_count++;
    const cJSON *greedy = json_member(item, "greedy");
    if (!parse_ids(golden->path, id, "ids", json_member(item, "ids"), &data->ids, &data->public.count, error) ||
        (greedy && !(cJSON_IsArray(greedy) && !greedy->child) &&
         !parse_ids(golden->path, id, "greedy", greedy, &data->greedy, &data->public.greedy_count, error)) ||
        !json_get_double(item, golden->path, "perplexity", &data->public.perplexity, error))
        return false;
    data->public.id = data->id;
    data->public.ids = data->ids;
    data->public.prompt = data->prompt;
    data->public.greedy = data->greedy;
    size_t twice = MAP_ABSENT;
    if (!map_add(&golden->case_of, data->id, strlen(data->id), golden->case_count - 1, &twice))
        return error_memory(error, golden->path);
    return twice == MAP_ABSENT || error_set(error, "%s: case '%s' occurs twice", golden->path, id);
}

static bool parse_cases(struct golden *golden, const char *text, struct error *error)
{
    cJSON *list = json_parse(golden->path, text, strlen(text), error);
    if (!list)
        return error_context(error, "metadata \"cases\"");
    size_t count = cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 0;
    bool good = count > 0 || error_set(error, "%s: \"cases\" should be a list with at least one case", golden->path);
    if (good && !(golden->cases = calloc(count, sizeof *golden->cases)))
        good = error_memory(error, golden->path);
    for (const cJSON *item = list->child; good && item; item = item->next)
        good = parse_case(golden, item, error);
    cJSON_Delete(list);
    return good;
}

static bool parse_text(struct golden *golden, const char *text, struct error *error)
{
    cJSON *object = json_parse(golden->path, text, strlen(text), error);
    const char *sha256 = NULL;
    int context = 0, stride = 0, tokens = 0;
    golden->text.perplexity = NAN;
    bool good = object && json_get_string(object, golden->path, "sha256", &sha256, error) &&
                json_get_int(object, golden->path, "context", 2, 1 << 30, &context, error) &&
                json_get_int(object, golden->path, "stride", 1, 1 << 30, &stride, error) &&
                json_get_int(object, golden->path, "tokens", 2, 1 << 30, &tokens, error) &&
                json_get_double(object, golden->path, "perplexity", &golden->text.perplexity, error);
    if (good && (!sha256 || strlen(sha256) != 64 || !context || !stride || !tokens || !(golden->text.perplexity > 0)))
        good = error_set(error, "%s: metadata \"perplexity_text\" is incomplete", golden->path);
    if (good) {
        memcpy(golden->text.sha256, sha256, 65);
        golden->text.context = (size_t)context;
        golden->text.stride = (size_t)stride;
        golden->text.tokens = (size_t)tokens;
        golden->has_text = true;
    }
    cJSON_Delete(object);
    return good;
}

static const char *metadata_text(const struct golden *golden, const char *key)
{
    const cJSON *item = golden->metadata ? json_member(golden->metadata, key) : NULL;
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

static bool makes_gold(enum dtype dtype)
{
    return dtype == DTYPE_F64 || (dtype < DTYPE_COUNT && dtype_width(dtype));
}

/* The best comes first. */
static const char *gold_dtype(size_t place)
{
    enum dtype dtype = place ? (enum dtype)(place - 1) : DTYPE_F64;
    return makes_gold(dtype) && (!place || dtype != DTYPE_F64) ? dtype_torch(dtype) : NULL;
}

/* What arithmetic a dump may say it was made in, as torch spells it. */
static bool parse_dtype(struct golden *golden, struct error *error)
{
    enum dtype dtype = dtype_of_torch(golden->dtype);
    if (makes_gold(dtype)) {
        golden->dtype = dtype_torch(dtype);
        return true;
    }
    struct buffer names = {0};
    names_join(&names, DTYPE_COUNT + 1, gold_dtype, " or ");
    error_set(error, "%s: metadata \"dtype\" is \"%s\"; %s was expected", golden->path, golden->dtype,
              names.data ? names.data : "");
    buffer_free(&names);
    return false;
}

static bool parse_metadata(struct golden *golden, cJSON **noise, struct error *error)
{
    const char *version = metadata_text(golden, "assay.golden"), *cases = metadata_text(golden, "cases");
    const char *noise_text = metadata_text(golden, "noise"), *text = metadata_text(golden, "perplexity_text");
    golden->producer = metadata_text(golden, "producer");
    golden->dtype = metadata_text(golden, "dtype");
    golden->config = metadata_text(golden, "config");
    golden->tokenizer_sha256 = metadata_text(golden, "tokenizer_sha256");
    golden->weights_sha256 = metadata_text(golden, "weights_sha256");
    golden->has_noise = noise_text;
    if (!version)
        return error_set(error,
                         "%s: is not a golden dump: it has neither \"assay.golden\" in its metadata nor arrays that "
                         "are called input_ids, logits or hidden_states",
                         golden->path);
    if (strcmp(version, "1") != 0)
        return error_set(error, "%s: golden format \"%s\"; this version reads \"1\"", golden->path, version);
    if (!cases || !golden->producer || !golden->dtype)
        return error_set(error, "%s: metadata \"%s\" is absent", golden->path,
                         !cases              ? "cases"
                         : !golden->producer ? "producer"
                                             : "dtype");
    if (!parse_dtype(golden, error))
        return false;
    if (noise_text && !(*noise = json_parse(golden->path, noise_text, strlen(noise_text), error)))
        return error_context(error, "metadata \"noise\"");
    if (*noise && !cJSON_IsObject(*noise))
        return error_set(error, "%s: metadata \"noise\" should be an object", golden->path);
    return parse_cases(golden, cases, error) && (!text || parse_text(golden, text, error));
}

/* Noise by tensor name; cJSON looks members up one by one, a dump has thousands. */
static bool index_noise(const struct golden *golden, const cJSON *list, struct map *noise, struct error *error)
{
    for (const cJSON *item = list ? list->child : NULL; item; item = item->next) {
        /* a limit is a multiple of it: a run that is all noise would let everything pass */
        if (!cJSON_IsNull(item) && !(cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble < 1))
            return error_set(error, "%s: the noise of tensor '%s' is no number from 0 to below 1", golden->path,
                             item->string);
        if (!map_add(noise, item->string, strlen(item->string), (size_t)(const void *)item, NULL))
            return error_memory(error, golden->path);
    }
    return true;
}

static bool index_tensor(struct golden *golden, const struct safetensors_entry *entry, const struct map *noise,
                         struct error *error)
{
    const char *slash = strchr(entry->name, '/');
    size_t owner = slash ? map_find(&golden->case_of, entry->name, (size_t)(slash - entry->name)) : MAP_ABSENT;
    if (owner == MAP_ABSENT)
        return error_set(error, "%s: tensor '%s' belongs to no case of the dump", golden->path, entry->name);
    const struct golden_case *golden_case = &golden->cases[owner].public;
    char shape[TENSOR_SHAPE_TEXT];
    if (!dtype_width(entry->dtype))
        return error_set(error, "%s: tensor '%s' has dtype %s, which cannot be compared; F32, F16 or BF16 was expected",
                         golden->path, entry->name, dtype_name(entry->dtype));
    if (entry->rank < 2 || entry->rank > 3 || entry->shape[0] != golden_case->count || !entry->bytes)
        return error_set(error,
                         "%s: tensor '%s' has shape %s; a row for each of the %zu tokens of its case was expected",
                         golden->path, entry->name, shape_text(entry->shape, entry->rank, shape), golden_case->count);
    size_t found = map_find(noise, entry->name, strlen(entry->name));
    const cJSON *item = found == MAP_ABSENT ? NULL : (const cJSON *)(const void *)found;
    struct golden_tensor tensor = {.case_index = owner,
                                   .rows = golden_case->count,
                                   .width = (size_t)(entry->bytes / dtype_width(entry->dtype) / entry->shape[0]),
                                   .noise = cJSON_IsNumber(item) ? item->valuedouble : NAN};
    struct golden_place place = {.dtype = entry->dtype, .offset = entry->offset};
    return golden_add_tensor(golden, &tensor, slash + 1, place, error);
}

/* A dump that was cut down keeps noise of what it lost; but noise under a name that is not there beside a tensor
 * without any is a wrong name, and the tensor would be held to another limit than was meant. */
static bool noise_matches(const struct golden *golden, const cJSON *list, const struct map *noise, struct error *error)
{
    const char *unknown = NULL;
    for (const cJSON *item = list ? list->child : NULL; item && !unknown; item = item->next)
        if (map_find(&golden->tensor_of, item->string, strlen(item->string)) == MAP_ABSENT)
            unknown = item->string;
    for (size_t i = 0; unknown && i < golden->tensor_count; i++) {
        const char *name = golden->places[i].name;
        if (map_find(noise, name, strlen(name)) == MAP_ABSENT)
            return error_set(
                error, "%s: metadata \"noise\" names '%s', which the dump does not hold, and not '%s', which it does",
                golden->path, unknown, name);
    }
    return true;
}

static bool index_tensors(struct golden *golden, const struct safetensors *file, const cJSON *list, struct error *error)
{
    struct map noise = {0};
    bool good = index_noise(golden, list, &noise, error);
    for (size_t i = 0; good && i < file->count; i++)
        good = index_tensor(golden, &file->entries[i], &noise, error);
    good = good && noise_matches(golden, list, &noise, error);
    map_free(&noise);
    return good;
}

static bool native_open(struct golden *golden, struct error *error)
{
    struct safetensors file = {0};
    cJSON *noise = NULL;
    bool good = safetensors_open(golden->path, &file, error) && golden_open_file(golden, error);
    golden->metadata = file.metadata;
    file.metadata = NULL;
    good = good && parse_metadata(golden, &noise, error) && index_tensors(golden, &file, noise, error);
    cJSON_Delete(noise);
    safetensors_free(&file);
    return good;
}

/* A dump says what it is in its metadata. */
static bool native_recognises(const char *path)
{
    struct safetensors file = {0};
    bool dump = !file_is_folder(path) && safetensors_open(path, &file, NULL) && file.metadata &&
                json_member(file.metadata, "assay.golden");
    safetensors_free(&file);
    return dump;
}

const struct golden_reader golden_native = {native_recognises, native_open, golden_read_plain};
