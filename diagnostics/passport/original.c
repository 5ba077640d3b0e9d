#include "passport/original.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "inventory/inventory.h"
#include "store/overlay.h"

/* Adds the file, without a path when it is not there. `path` is taken over. */
static bool companion_add(struct original *original, char *path, const char *name)
{
    struct companion *item = &original->companions[original->companion_count++];
    bool there = path && (file_exists(path) || file_is_link(path));
    *item = (struct companion){.path = there ? path : NULL, .name = strdup(name)};
    if (!there)
        free(path);
    return path && item->name;
}

/* What the weights' own file says. */
static bool companion_add_document(struct original *original, const struct subject *subject, const char *name)
{
    struct companion *item = &original->companions[original->companion_count++];
    *item = (struct companion){.name = strdup(name), .text = store_document(subject->store, name)};
    return item->name;
}

/* Says that the tokenizer was made, not copied; an extraction of an extraction still says so. */
static bool companion_add_origin(struct original *original, const struct subject *subject)
{
    if (!subject->tokenizer_document)
        return companion_add(
            original, subject->tokenizer_folder ? path_join(subject->tokenizer_folder, TOKENIZER_ORIGIN) : strdup(""),
            TOKENIZER_ORIGIN);
    struct companion *item = &original->companions[original->companion_count++];
    *item = (struct companion){.name = strdup(TOKENIZER_ORIGIN),
                               .text = "tokenizer.json was made from the metadata of a GGUF file.\n"};
    return item->name;
}

/* config.json and what lies beside it. */
static bool companions_of_config(const struct subject *subject, struct original *original)
{
    if (!subject->config_path)
        return companion_add_document(original, subject, "config.json");
    char *own = path_folder(subject->config_path);
    struct companion *config = &original->companions[original->companion_count];
    bool good = own && companion_add(original, strdup(subject->config_path), "config.json");
    config->text = subject->config_text; /* as it was read: a pipe says it once */
    good = good && companion_add(original, path_join(own, "generation_config.json"), "generation_config.json");
    free(own);
    return good;
}

/* What belongs to a model beside its weights. */
static bool companions_find(const struct subject *subject, struct original *original, struct error *error)
{
    static const char *const files[] = {"tokenizer.json",      "tokenizer_config.json",   "vocab.json",
                                        "merges.txt",          "special_tokens_map.json", "added_tokens.json",
                                        "chat_template.jinja", "chat_template.json"};
    const char *tokenizer = subject->tokenizer_folder;
    bool good = companions_of_config(subject, original) &&
                (!subject->tokenizer_document || (companion_add_document(original, subject, files[0]) &&
                                                  companion_add_document(original, subject, files[1]))) &&
                companion_add_origin(original, subject);
    const char *source = tokenizer ? tokenizer_source_file(tokenizer) : NULL;
    for (size_t i = subject->tokenizer_document ? 2 : 0; good && i < sizeof files / sizeof *files; i++) {
        good = companion_add(original, tokenizer ? path_join(tokenizer, files[i]) : strdup(""), files[i]);
        source = source && strcmp(source, files[i]) == 0 ? NULL : source;
    }
    if (good && source) /* none of these: tokenizer.model, say */
        good = companion_add(original, path_join(tokenizer, source), source);
    return good || error_memory(error, "extraction");
}

void original_free(struct original *original)
{
    for (size_t i = 0; i < original->companion_count; i++) {
        free(original->companions[i].path);
        free(original->companions[i].name);
    }
    store_free(original->overlay);
    *original = (struct original){0};
}

/* Tensors of types that safetensors does not have become F32, in a store over the other; the same store where there are
 * none. */
static const struct store *store_widened(const struct store *store, struct store **overlay, struct error *error)
{
    for (size_t i = 0; i < store_text_count(store); i++) {
        const struct tensor *tensor = store_at(store, i);
        if (tensor->dtype < DTYPE_SAFETENSORS)
            continue;
        if (!dtype_computes(tensor->dtype)) {
            error_set(error, "%s: tensor '%s' has dtype %s, which cannot be widened", store_path(store),
                      tensor->disk_name, dtype_name(tensor->dtype));
            return NULL;
        }
        if (!*overlay && !(*overlay = overlay_new(store, error)))
            return NULL;
        if (!overlay_widen(*overlay, tensor->name, error))
            return NULL;
    }
    return *overlay ? *overlay : store;
}

/* An extraction of less than the whole would pass for one of the whole. */
bool original_is_whole(const struct subject *subject, struct error *error)
{
    struct findings findings = {0};
    bool good = inventory_check(subject->store, subject->config, &findings, error);
    for (size_t i = 0; good && i < findings.count; i++)
        if (findings.items[i].summary && findings.items[i].verdict == VERDICT_FAIL)
            good = error_set(error, "%s is not whole: %s", store_path(subject->store), findings.items[i].message);
    findings_free(&findings);
    return good;
}

bool original_of(const struct subject *subject, struct original *original, struct error *error)
{
    original->store = store_widened(subject->store, &original->overlay, error);
    return original->store && companions_find(subject, original, error);
}

/* Of a family that is not known: as many as the names count. */
static void count_by_names(const struct store *store, struct extract_request *request)
{
    request->layers = request->experts = 0;
    for (size_t i = 0; i < store_text_count(store); i++) {
        int layer, expert;
        tensor_place(store_at(store, i), &layer, &expert);
        request->layers = layer >= request->layers ? layer + 1 : request->layers;
        request->experts = expert >= request->experts ? expert + 1 : request->experts;
    }
}

void original_request(const struct subject *subject, const struct original *original, struct extract_request *request)
{
    request->store = original->store;
    request->companions = original->companions;
    request->companion_count = original->companion_count;
    request->model = subject->config->model_type;
    request->layers = subject->config->layers;
    request->experts = subject->config->experts;
    if (!subject->config->family)
        count_by_names(original->store, request);
}

bool original_extract(const struct subject *subject, struct extract_request *request, struct extract_result *result,
                      struct error *error)
{
    struct original original = {0};
    bool good = original_of(subject, &original, error);
    original_request(subject, &original, request);
    good = good && extract_store(request, result, error);
    original_free(&original);
    return good;
}
