#include "run/subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/wording.h"
#include "math/blas.h"
#include "model/family_fit.h"
#include "model/headless.h"
#include "model/quantised.h"
#include "model/routing.h"
#include "store/overlay.h"

#define CONFIG_TEXT_MAX ((size_t)16 << 20)

static char *folder_of(const char *path)
{
    return file_is_folder(path) ? strdup(path) : path_folder(path);
}

/* The first folder of the two that holds one of the files. Owned; NULL: none. */
static char *find_folder(const char *const folders[2], const char *const *files)
{
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; folders[i] && files[k]; k++)
            if (folder_holds(folders[i], files[k]))
                return strdup(folders[i]);
    return NULL;
}

/* Ends `json`, with what the options set in it; NULL: the error says why there is none. */
static bool take_config(const struct subject_options *options, const char *where, const char *text, cJSON *json,
                        struct subject *subject, struct error *error)
{
    bool good = json && (subject->config = config_departed(where, &json, &options->departures, error));
    if (good) {
        subject->config_text = options->departures.setting_count ? json_document(json, false) : strdup(text);
        good = subject->config_text || error_memory(error, "configuration");
        family_fit_tell(where, json, subject->base, subject->config);
    }
    cJSON_Delete(json);
    return good;
}

#define REASONS_MOST 3

/* The weights' own file should have it; what is wrong with the file says why it has not. */
static bool no_document(const char *model, const struct store *store, struct error *error)
{
    struct buffer reasons = {0};
    for (size_t i = 0; i < store_problem_count(store) && i < REASONS_MOST; i++)
        buffer_format(&reasons, "%s%s", i ? "; " : "", store_problem(store, i));
    error_set(error, "%s: holds no configuration that can be read: %s", model, reasons.data ? reasons.data : "");
    buffer_free(&reasons);
    return false;
}

static bool open_config(const struct subject_options *options, const char *const folders[2], struct subject *subject,
                        struct error *error)
{
    static const char *const files[] = {"config.json", NULL};
    const char *document = options->config ? NULL : store_document(subject->base, files[0]);
    if (document)
        return take_config(options, options->model, document,
                           json_parse(options->model, document, strlen(document), error), subject, error);
    char *folder = options->config ? NULL : find_folder(folders, files);
    if (!options->config && !folder && store_kind(subject->base) == STORE_GGUF && store_problem_count(subject->base))
        return no_document(options->model, subject->base, error);
    if (!options->config && !folder)
        return options->source
                   ? error_set(error, "%s: no config.json beside the weights, nor in %s; say where it is with --config",
                               options->model, options->source)
                   : error_set(error,
                               "%s: no config.json beside the weights; say where it is with --config or --source",
                               options->model);
    subject->config_path = folder ? path_join(folder, files[0]) : strdup(options->config);
    free(folder);
    if (!subject->config_path)
        return error_memory(error, "configuration");
    struct buffer text = {0};
    cJSON *json = json_read_text(subject->config_path, CONFIG_TEXT_MAX, &text, error);
    bool good = take_config(options, subject->config_path, text.data, json, subject, error);
    buffer_free(&text);
    return good;
}

/* What quantisers write beside config.json. One that cannot be read says nothing. */
static void take_quantisation(struct subject *subject)
{
    char *folder = subject->config_path ? path_folder(subject->config_path) : NULL;
    const char *file;
    for (size_t i = 0; folder && (file = quantisation_file(i)); i++) {
        struct error unread = {0};
        char *path = path_join(folder, file);
        cJSON *json = path && file_exists(path) ? json_read(path, CONFIG_TEXT_MAX, &unread) : NULL;
        quantisation_take(file, json, &subject->config->quantisation);
        cJSON_Delete(json);
        error_clear(&unread);
        free(path);
    }
    free(folder);
}

/* Weights that the engine cannot widen make a model that it does not compute, like a family that it does not know. */
static bool refuse_quantised(struct subject *subject, struct error *error)
{
    struct quantised quantised;
    struct buffer text = {0};
    bool good = quantised_take(subject->base, subject->config, &quantised);
    if (good)
        quantised_text(&quantised, &text);
    subject->quantised = quantised.matrices > 0;
    if (text.data && !*subject->config->unsupported)
        snprintf(subject->config->unsupported, sizeof subject->config->unsupported, "%s", text.data);
    good = good && !text.failed;
    buffer_free(&text);
    quantised_free(&quantised);
    return good || error_memory(error, "configuration");
}

/* As the open tokenizer knows it; else of the file itself: one that cannot be read is still not the one that gold was
 * made with. */
static void take_tokenizer_sha256(const char *folder, struct subject *subject)
{
    struct error unread = {0};
    if (folder_holds(folder, TOKENIZER_ORIGIN))
        return;
    if (subject->tokenizer) {
        snprintf(subject->tokenizer_sha256, sizeof subject->tokenizer_sha256, "%s",
                 tokenizer_sha256(subject->tokenizer));
        return;
    }
    char *path = path_join(folder, "tokenizer.json");
    if (!path || !file_exists(path) || !sha256_file(path, subject->tokenizer_sha256, &unread))
        subject->tokenizer_sha256[0] = '\0';
    error_clear(&unread);
    free(path);
}

/* The first folder of the two that holds a tokenizer. Owned; NULL: none. */
static char *find_tokenizer(const char *const folders[2])
{
    for (size_t i = 0; i < 2; i++)
        if (folders[i] && tokenizer_source_file(folders[i]))
            return strdup(folders[i]);
    return NULL;
}

/* A file of weights may hold one, and so may the one that stands for its folder. */
struct tokenizer *subject_tokenizer(const char *path, const struct text_variants *variants, struct error *error)
{
    const char *const folders[2] = {path, NULL};
    char *folder = find_tokenizer(folders);
    struct error unread = {0};
    struct store *store = folder || text_ends_with(path, ".json") ? NULL : store_open(path, &unread);
    const char *document = store ? store_document(store, "tokenizer.json") : NULL;
    struct tokenizer *tokenizer = document ? tokenizer_parse_as(path, document, strlen(document), variants, error)
                                           : tokenizer_open_as(path, variants, error);
    store_free(store);
    error_clear(&unread);
    free(folder);
    return tokenizer;
}

struct tokenizer *subject_tokenizer_as(const struct subject *subject, const struct text_variants *variants,
                                       struct error *error)
{
    if (subject->tokenizer_folder)
        return subject_tokenizer(subject->tokenizer_folder, variants, error);
    return subject_tokenizer(store_path(subject->base), variants, error);
}

struct tokenizer *subject_second_tokenizer(const struct subject *subject, char **path, struct error *error)
{
    const char *where = subject->tokenizer_named ? store_path(subject->base) : subject->source_path;
    bool document = where && subject->tokenizer_named && store_document(subject->base, "tokenizer.json");
    *path = !where || document ? NULL : folder_of(where);
    if (document && !(*path = strdup(where)))
        return NULL;
    if (!*path || (subject->tokenizer_folder && strcmp(*path, subject->tokenizer_folder) == 0))
        return NULL;
    return subject_tokenizer(*path, NULL, error);
}

/* Why there is none beside the weights. Owned; NULL: out of memory. */
static char *no_tokenizer(const char *folder)
{
    struct buffer text = {0};
    buffer_text(&text, "no tokenizer beside the weights");
    struct buffer other = {0};
    if (tokenizer_unread(folder, &other))
        buffer_format(&text, " (%s)", other.data);
    buffer_text(&text, "; say where it is with --tokenizer or --source");
    buffer_free(&other);
    return buffer_take(&text);
}

static bool open_tokenizer(const struct subject_options *options, const char *const folders[2], struct subject *subject,
                           struct error *error)
{
    if (options->tokenizer) {
        subject->tokenizer_named = true;
        subject->tokenizer_folder = strdup(options->tokenizer);
        subject->tokenizer = subject_tokenizer(options->tokenizer, &options->text_variants, error);
        take_tokenizer_sha256(options->tokenizer, subject);
        return subject->tokenizer;
    }
    const char *document = store_document(subject->base, "tokenizer.json");
    char *folder = document ? NULL : find_tokenizer(folders);
    struct error problem = {0};
    if (document)
        subject->tokenizer =
            tokenizer_parse_as(options->model, document, strlen(document), &options->text_variants, &problem);
    else if (folder)
        subject->tokenizer = tokenizer_open_as(folder, &options->text_variants, &problem);
    if (folder)
        take_tokenizer_sha256(folder, subject);
    subject->tokenizer_folder = folder;
    subject->tokenizer_document = document != NULL;
    if (!subject->tokenizer)
        subject->tokenizer_problem = problem.text ? strdup(problem.text) : no_tokenizer(folders[0]);
    error_clear(&problem);
    if (options->text_variants.count && subject->tokenizer_problem) /* it was asked for */
        return error_set(error, "%s", subject->tokenizer_problem);
    return subject->tokenizer || subject->tokenizer_problem || error_memory(error, "tokenizer");
}

/* What is named as the source says something of the model: a mistyped folder would be passed over, and what was asked
 * of the source never be looked at. */
static bool source_is_one(struct subject *subject, const char *folder, struct error *error)
{
    const char *path = subject->source_path;
    struct error met = {0};
    if (!path || origin_is_index(path) || folder_holds(folder, "config.json") || tokenizer_source_file(folder))
        return true;
    subject->source = store_open(path, &met);
    if (!subject->source)
        error_set(error, "--source: neither a model, nor config.json, nor a tokenizer: %s", error_text(&met));
    error_clear(&met);
    return subject->source;
}

bool subject_open(const struct subject_options *options, struct subject *subject, struct error *error)
{
    *subject = (struct subject){.engine = options->engine, .source_path = options->source};
    char *own = folder_of(options->model), *source = options->source ? folder_of(options->source) : NULL;
    const char *const folders[2] = {own, source};
    bool good = (own && (source || !options->source)) || error_memory(error, options->model);
    good = good && (subject->base = store_open(options->model, error)) && source_is_one(subject, source, error) &&
           open_config(options, folders, subject, error) && open_tokenizer(options, folders, subject, error);
    if (good)
        take_quantisation(subject);
    if (good)
        headless_settle(subject->config, subject->base);
    if (good)
        subject->config->choice_biases = subject->choice_biases = routing_biases_read(subject->config, subject->base);
    good = good && refuse_quantised(subject, error);
    subject->store = subject->base;
    free(own);
    free(source);
    return good;
}

void subject_cover(struct subject *subject, struct store *top)
{
    if (subject->store != subject->base)
        overlay_take_base(top);
    subject->store = top;
}

const struct store *subject_source(struct subject *subject)
{
    struct error none = {0};
    if (!subject->source && subject->source_path && !origin_is_index(subject->source_path))
        subject->source = store_open(subject->source_path, &none);
    error_clear(&none);
    return subject->source;
}

bool subject_origin(struct subject *subject, struct origin **origin, struct error *error)
{
    const struct store *base = subject->base;
    *origin = NULL;
    if (subject->source_path)
        return origin_open(subject->source_path, subject_source(subject), origin, error);
    return store_kind(base) != STORE_CHECKPOINT || origin_open(store_path(base), NULL, origin, error);
}

bool subject_load(struct subject *subject, struct error *error)
{
    if (!subject->model && blas_prove(error))
        subject->model = model_open(subject->store, subject->config, &subject->engine, error);
    return subject->model;
}

bool subject_needs_tokenizer(const struct subject *subject, struct error *error)
{
    return subject->tokenizer || error_set(error, "%s", subject->tokenizer_problem);
}

void subject_free(struct subject *subject)
{
    model_free(subject->model);
    tokenizer_free(subject->tokenizer);
    free(subject->tokenizer_problem);
    free(subject->config);
    free(subject->choice_biases);
    free(subject->config_path);
    free(subject->config_text);
    free(subject->tokenizer_folder);
    if (subject->store != subject->base)
        store_free(subject->store);
    store_free(subject->source);
    store_free(subject->base);
    *subject = (struct subject){0};
}

uint64_t subject_memory(uint64_t asked)
{
    uint64_t limit = memory_limit("");
    bool less = limit && limit < memory_machine() && limit / 3 < MODEL_MEMORY_DEFAULT;
    return asked || !less ? asked : limit / 3;
}
