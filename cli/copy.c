#include "cli/copy.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/numbers.h"
#include "cli/opening.h"
#include "cli/output.h"
#include "extraction/extract.h"
#include "passport/original.h"

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

const char *copy_judge(const struct arguments *arguments)
{
    bool marks[BLOCK_COUNT];
    int first, last;
    if (arguments->only && !parse_blocks(arguments->only, marks))
        return "--only takes experts, routers, attention, mlp, norms, embeddings, final_norm and lm_head";
    if (arguments->layers && !parse_layers(arguments->layers, &first, &last))
        return "--layers takes a range of layers such as 0-11, or one layer";
    return NULL;
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
    json_print(json, false);
}

static bool write_out(const struct arguments *arguments, const struct subject *subject, struct extract_result *result,
                      struct error *error)
{
    struct original original = {0};
    struct pool *pool = pool_new((int)arguments->threads, error);
    struct extract_request request = {.folder = arguments->positional[1],
                                      .model = subject->config->model_type,
                                      .layers = subject->config->layers,
                                      .experts = subject->config->experts,
                                      .first_layer = -1,
                                      .last_layer = -1,
                                      .faults = arguments->faults.items,
                                      .fault_count = arguments->faults.count,
                                      .pool = pool};
    bool good = pool && original_of(subject, &original, error);
    request.store = original.store;
    request.companions = original.companions;
    request.companion_count = original.companion_count;
    for (int i = 0; i < BLOCK_COUNT; i++)
        request.blocks[i] = !arguments->only;
    if (arguments->only)
        parse_blocks(arguments->only, request.blocks);
    if (arguments->layers)
        parse_layers(arguments->layers, &request.first_layer, &request.last_layer);
    good = good && extract_store(&request, result, error);
    original_free(&original);
    pool_free(pool);
    return good;
}

int copy_run(const char *name, const struct arguments *arguments, bool whole)
{
    struct subject subject = {0};
    struct extract_result result = {0};
    struct error error = {0};
    bool good = arguments_open(arguments, arguments->positional[0], MISSING_DEFAULT, false, &subject, &error) &&
                (!whole || original_is_whole(&subject, &error)) && write_out(arguments, &subject, &result, &error);
    subject_free(&subject);
    if (!good)
        return command_error(name, &error);
    print_result(arguments, &result);
    return EXIT_PASS;
}
