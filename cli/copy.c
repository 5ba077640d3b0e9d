#include "cli/copy.h"

#include <stdio.h>

#include "base/json.h"
#include "base/numbers.h"
#include "base/wording.h"
#include "cli/opening.h"
#include "cli/output.h"
#include "cli/say.h"
#include "extraction/extract.h"
#include "passport/original.h"

#define LAYERS_MAX (1 << 20)

static const char *block_of(size_t block)
{
    return block_name((enum block)block);
}

static const char *blocks_refusal(void)
{
    static char message[256];
    struct buffer names = {0};
    names_join(&names, BLOCK_COUNT, block_of, " and ");
    snprintf(message, sizeof message, "--only takes %s", names.data ? names.data : "");
    buffer_free(&names);
    return message;
}

const char *copy_judge(const struct arguments *arguments)
{
    bool marks[BLOCK_COUNT];
    int first, last;
    if (arguments->only && !blocks_parse(arguments->only, marks))
        return blocks_refusal();
    if (arguments->layers && !range_parse(arguments->layers, LAYERS_MAX, &first, &last))
        return "--layers takes a range of layers such as 0-11, or one layer";
    return NULL;
}

static void print_result(const struct arguments *arguments, const struct extract_result *result)
{
    const char *folder = arguments->positional[1];
    if (!arguments->json) {
        say(stdout, "%s: %zu of %zu files (%.1f MB of tensors): %zu written, %zu there already\n", folder,
            result->written + result->kept, result->files, (double)result->bytes / 1e6, result->written, result->kept);
        if (result->others)
            say(stdout, "%zu tensor%s of other components (audio, vision ...) %s not extracted\n", result->others,
                result->others == 1 ? "" : "s", result->others == 1 ? "is" : "are");
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

static bool write_out(const struct arguments *arguments, const struct subject *subject, bool mends,
                      struct extract_result *result, struct error *error)
{
    struct pool *pool = pool_new((int)arguments->threads, error);
    struct extract_request request = {.folder = arguments->positional[1],
                                      .first_layer = -1,
                                      .last_layer = -1,
                                      .faults = arguments->faults.items,
                                      .fault_count = arguments->faults.count,
                                      .mends = mends,
                                      .pool = pool};
    for (int i = 0; i < BLOCK_COUNT; i++)
        request.blocks[i] = !arguments->only;
    if (arguments->only)
        blocks_parse(arguments->only, request.blocks);
    if (arguments->layers)
        range_parse(arguments->layers, LAYERS_MAX, &request.first_layer, &request.last_layer);
    bool good = pool && original_extract(subject, &request, result, error);
    pool_free(pool);
    return good;
}

int copy_run(const char *name, const struct arguments *arguments, bool whole)
{
    struct subject subject = {0};
    struct extract_result result = {0};
    struct error error = {0};
    bool good = arguments_open(arguments, arguments->positional[0], MISSING_DEFAULT, false, &subject, &error) &&
                (!whole || original_is_whole(&subject, &error)) &&
                write_out(arguments, &subject, whole, &result, &error);
    subject_free(&subject);
    if (!good)
        return command_error(name, &error);
    print_result(arguments, &result);
    return EXIT_PASS;
}
