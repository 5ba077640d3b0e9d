#include "arrival/truth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/wording.h"
#include "model/headless.h"

/* Weights of any kind: a source that has some, and cannot be opened, is none that nothing was said of. */
static bool holds_weights(const char *path)
{
    static const char *const ends[] = {".safetensors", ".gguf", ".safetensors.index.json", "pytorch_model.bin",
                                       ".bin.index.json"};
    struct names names = {0};
    struct error unread = {0};
    bool holds = !file_is_folder(path);
    if (!holds && folder_list(path, &names, &unread))
        for (size_t i = 0; i < names.count * (sizeof ends / sizeof *ends); i++) {
            const char *name = names.items[i / (sizeof ends / sizeof *ends)];
            const char *end = ends[i % (sizeof ends / sizeof *ends)];
            holds = holds || text_ends_with(name, end);
        }
    error_clear(&unread);
    names_free(&names);
    return holds;
}

/* The original, whole. */
static bool open_source(const struct subject_options *options, struct subject *truth, struct error *error)
{
    const struct subject_options whole = {
        .model = options->source, .config = options->config, .tokenizer = options->tokenizer};
    if (!subject_open(&whole, truth, error))
        return false;
    return !store_problem_count(truth->store) ||
           error_set(error, "%s: the original is damaged, so nothing can be compared with it: %s", options->source,
                     store_problem(truth->store, 0));
}

static bool open_config(const struct subject_options *options, struct subject *truth, struct error *error)
{
    const char *folder = options->source ? options->source : options->model;
    char *path = options->config ? strdup(options->config) : path_join(folder, "config.json");
    bool good = path || error_memory(error, "configuration");
    if (good && !options->config && !file_exists(path))
        good = error_set(error, "%s: no config.json there%s; say where it is with --config or --source", folder,
                         options->source ? "" : " yet");
    good = good && (truth->config = config_read(path, error));
    if (good)
        headless_settle(truth->config, NULL);
    free(path);
    return good;
}

/* Only to tell whether gold was made with another one; what was found, and not named, need not be readable. */
static bool open_tokenizer(const struct subject_options *options, struct subject *truth, struct error *error)
{
    const char *folder = options->tokenizer ? options->tokenizer : options->source ? options->source : options->model;
    char *origin = path_join(folder, TOKENIZER_ORIGIN);
    struct error unread = {0};
    truth->tokenizer = subject_tokenizer(folder, NULL, &unread);
    if (truth->tokenizer && origin && !file_exists(origin))
        snprintf(truth->tokenizer_sha256, sizeof truth->tokenizer_sha256, "%s", tokenizer_sha256(truth->tokenizer));
    bool good = truth->tokenizer || !options->tokenizer || error_set(error, "%s", error_text(&unread));
    error_clear(&unread);
    free(origin);
    return good;
}

/* Of a family that is not known nobody knows what must land. */
static bool is_known(const struct model_config *config, const char *name, struct error *error)
{
    return config->family || config_computes(config, name, error);
}

bool truth_open(const struct subject_options *options, struct subject *truth, struct error *error)
{
    const char *name = options->source ? options->source : options->model;
    bool good = options->source && holds_weights(options->source)
                    ? open_source(options, truth, error)
                    : open_config(options, truth, error) && open_tokenizer(options, truth, error);
    return good && is_known(truth->config, name, error);
}
