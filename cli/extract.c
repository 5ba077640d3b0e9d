/* extract, break and faults: writing a model, whole or broken. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/numbers.h"
#include "cli/command.h"
#include "diagnostics/inventory.h"
#include "math/kernels.h"
#include "store/extract.h"
#include "store/overlay.h"

#define COMPANIONS_MAX 16

/* "experts,norms" to marks; false: a name that is none. */
static bool parse_blocks(const char *text, bool marks[BLOCK_COUNT])
{
    for (const char *at = text;; at++) {
        char name[32] = {0};
        size_t length = strcspn(at, ",");
        if (length < sizeof name)
            memcpy(name, at, length);
        enum block block = block_parse(name);
        if (block == BLOCK_COUNT)
            return false;
        marks[block] = true;
        at += length;
        if (!*at)
            return true;
    }
}

/* "3-17" or "3". */
static bool parse_layers(const char *text, int *first, int *last)
{
    long long values[2] = {0, 0};
    char number[2][12] = {{0}};
    size_t length = strcspn(text, "-");
    const char *second = text[length] ? text + length + 1 : text;
    if (length >= sizeof number[0] || strlen(second) >= sizeof number[1])
        return false;
    memcpy(number[0], text, length);
    strcpy(number[1], second);
    if (!number_parse(number[0], 0, 1 << 20, &values[0]) || !number_parse(number[1], 0, 1 << 20, &values[1]))
        return false;
    *first = (int)values[0];
    *last = (int)values[1];
    return *first <= *last;
}

const char *judge_extract(const struct arguments *arguments)
{
    bool marks[BLOCK_COUNT];
    int first, last;
    if (arguments->only && !parse_blocks(arguments->only, marks))
        return "--only takes experts, routers, attention, mlp, norms, embeddings, final_norm and lm_head";
    if (arguments->layers && !parse_layers(arguments->layers, &first, &last))
        return "--layers takes a range of layers such as 0-11, or one layer";
    return NULL;
}

const char *judge_break(const struct arguments *arguments)
{
    if (!arguments->faults.count)
        return "--fault NAME[:ARGS] is needed; \"assay faults\" lists them";
    return judge_extract(arguments);
}

struct companions {
    struct companion items[COMPANIONS_MAX];
    size_t count;
};

/* Adds the file, without a path when it is not there. `path` is taken over. */
static bool companion_add(struct companions *companions, char *path, const char *name)
{
    struct companion *item = &companions->items[companions->count++];
    bool there = path && file_exists(path);
    *item = (struct companion){.path = there ? path : NULL, .name = strdup(name)};
    if (!there)
        free(path);
    return path && item->name;
}

/* What the weights' own file says. */
static bool companion_add_document(struct companions *companions, const struct subject *subject, const char *name)
{
    struct companion *item = &companions->items[companions->count++];
    *item = (struct companion){.name = strdup(name), .text = store_document(subject->store, name)};
    return item->name;
}

/* Says that the tokenizer was made, not copied; an extraction of an extraction still says so. */
static bool companion_add_origin(struct companions *companions, const struct subject *subject)
{
    if (!subject->tokenizer_document)
        return companion_add(
            companions, subject->tokenizer_folder ? path_join(subject->tokenizer_folder, TOKENIZER_ORIGIN) : strdup(""),
            TOKENIZER_ORIGIN);
    struct companion *item = &companions->items[companions->count++];
    *item = (struct companion){.name = strdup(TOKENIZER_ORIGIN),
                               .text = "tokenizer.json was made from the metadata of a GGUF file.\n"};
    return item->name;
}

/* config.json and what lies beside it. */
static bool companions_of_config(const struct subject *subject, struct companions *companions)
{
    if (!subject->config_path)
        return companion_add_document(companions, subject, "config.json");
    char *own = path_folder(subject->config_path);
    bool good = own && companion_add(companions, strdup(subject->config_path), "config.json") &&
                companion_add(companions, path_join(own, "generation_config.json"), "generation_config.json");
    free(own);
    return good;
}

/* What belongs to a model beside its weights. */
static bool companions_find(const struct subject *subject, struct companions *companions, struct error *error)
{
    static const char *const files[] = {"tokenizer.json",      "tokenizer_config.json",   "vocab.json",
                                        "merges.txt",          "special_tokens_map.json", "added_tokens.json",
                                        "chat_template.jinja", "chat_template.json"};
    const char *tokenizer = subject->tokenizer_folder;
    bool good = companions_of_config(subject, companions) &&
                (!subject->tokenizer_document || (companion_add_document(companions, subject, files[0]) &&
                                                  companion_add_document(companions, subject, files[1]))) &&
                companion_add_origin(companions, subject);
    for (size_t i = subject->tokenizer_document ? 2 : 0; good && i < sizeof files / sizeof *files; i++)
        good = companion_add(companions, tokenizer ? path_join(tokenizer, files[i]) : strdup(""), files[i]);
    return good || error_memory(error, "extraction");
}

static void companions_free(struct companions *companions)
{
    for (size_t i = 0; i < companions->count; i++) {
        free(companions->items[i].path);
        free(companions->items[i].name);
    }
}

/* An extraction of less than the whole would pass for one of the whole. */
static bool source_is_whole(const struct subject *subject, struct error *error)
{
    struct findings findings = {0};
    bool good = inventory_check(subject->store, subject->config, &findings, error);
    for (size_t i = 0; good && i < findings.count; i++)
        if (findings.items[i].summary && findings.items[i].verdict == VERDICT_FAIL)
            good = error_set(error, "%s is not extracted: %s", store_path(subject->store), findings.items[i].message);
    findings_free(&findings);
    return good;
}

static void print_result(const struct arguments *arguments, const struct extract_result *result)
{
    const char *folder = arguments->positional[1];
    if (!arguments->json) {
        printf("%s: %zu of %zu files (%.1f MB of tensors): %zu written, %zu there already\n", folder,
               result->written + result->kept, result->files, (double)result->bytes / 1e6, result->written,
               result->kept);
        if (result->others)
            printf("%zu tensors of other components (audio, vision ...) are not extracted\n", result->others);
        return;
    }
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "folder", folder);
    cJSON_AddNumberToObject(json, "files", (double)result->files);
    cJSON_AddNumberToObject(json, "written", (double)result->written);
    cJSON_AddNumberToObject(json, "kept", (double)result->kept);
    cJSON_AddNumberToObject(json, "absent", (double)result->absent);
    cJSON_AddNumberToObject(json, "other_components", (double)result->others);
    cJSON_AddNumberToObject(json, "bytes", (double)result->bytes);
    char *text = cJSON_PrintUnformatted(json);
    puts(text ? text : "");
    cJSON_free(text);
    cJSON_Delete(json);
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
        if (!overlay_convert(*overlay, tensor->name, DTYPE_F32, widen_values, error))
            return NULL;
    }
    return *overlay ? *overlay : store;
}

static bool write_out(const struct arguments *arguments, const struct subject *subject, struct extract_result *result,
                      struct error *error)
{
    struct companions companions = {0};
    struct store *overlay = NULL;
    struct pool *pool = pool_new((int)arguments->threads, error);
    struct extract_request request = {.store = store_widened(subject->store, &overlay, error),
                                      .folder = arguments->positional[1],
                                      .model = subject->config->model_type,
                                      .layers = subject->config->layers,
                                      .experts = subject->config->experts,
                                      .first_layer = -1,
                                      .last_layer = -1,
                                      .faults = arguments->faults.items,
                                      .fault_count = arguments->faults.count,
                                      .pool = pool};
    bool good = pool && request.store && companions_find(subject, &companions, error);
    request.companions = companions.items;
    request.companion_count = companions.count;
    for (int i = 0; i < BLOCK_COUNT; i++)
        request.blocks[i] = !arguments->only;
    if (arguments->only)
        parse_blocks(arguments->only, request.blocks);
    if (arguments->layers)
        parse_layers(arguments->layers, &request.first_layer, &request.last_layer);
    good = good && extract_store(&request, result, error);
    companions_free(&companions);
    store_free(overlay);
    pool_free(pool);
    return good;
}

static int run(const char *name, const struct arguments *arguments, bool whole)
{
    struct subject_options options = arguments_subject(arguments, arguments->positional[0], MISSING_DEFAULT, false);
    struct subject subject = {0};
    struct extract_result result = {0};
    struct error error = {0};
    bool good = subject_open(&options, &subject, &error) && (!whole || source_is_whole(&subject, &error)) &&
                write_out(arguments, &subject, &result, &error);
    subject_free(&subject);
    if (!good)
        return command_error(name, &error);
    print_result(arguments, &result);
    return EXIT_PASS;
}

int command_extract(struct arguments *arguments)
{
    return run("extract", arguments, true);
}

int command_break(struct arguments *arguments)
{
    return run("break", arguments, false);
}

int command_faults(struct arguments *arguments)
{
    cJSON *list = arguments->json ? cJSON_CreateArray() : NULL;
    const struct fault_row *row;
    for (size_t i = 0; (row = fault_at(i)); i++) {
        if (!list) {
            printf("%s%s%s\n    %s.\n", row->name, *row->arguments ? ":" : "", row->arguments, row->does);
            continue;
        }
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "name", row->name);
        cJSON_AddStringToObject(item, "arguments", row->arguments);
        cJSON_AddStringToObject(item, "does", row->does);
        cJSON_AddItemToArray(list, item);
    }
    char *text = list ? cJSON_Print(list) : NULL;
    if (list)
        puts(text ? text : "");
    cJSON_free(text);
    cJSON_Delete(list);
    return EXIT_PASS;
}
