/* verify: is it that model? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/passport_print.h"
#include "passport/original.h"
#include "passport/verify.h"
#include "reports/reports.h"

/* Everything that is opened on the way. */
struct verifying {
    const struct arguments *arguments;
    struct pool *pool;
    struct subject subject, source; /* the first only without a passport */
    struct original own, original;  /* the same */
    struct passport passport, found, taken;
    struct model_config *config; /* of the folder's own config.json */
    struct error malformed, unread;
};

static void verifying_free(struct verifying *verifying)
{
    passport_free(&verifying->passport);
    passport_free(&verifying->found);
    passport_free(&verifying->taken);
    original_free(&verifying->own);
    original_free(&verifying->original);
    subject_free(&verifying->subject);
    subject_free(&verifying->source);
    free(verifying->config);
    error_clear(&verifying->malformed);
    error_clear(&verifying->unread);
    pool_free(verifying->pool);
}

static bool in_order(const struct store *store, struct error *error)
{
    return !store_problem_count(store) ||
           error_set(error, "%s: its files are not in order: %s", store_path(store), store_problem(store, 0));
}

static bool open_original(struct verifying *verifying, struct error *error)
{
    const struct arguments *arguments = verifying->arguments;
    const struct subject_options options = {.model = arguments->source};
    if (!arguments->source)
        return true;
    return (subject_open(&options, &verifying->source, error) && in_order(verifying->source.store, error) &&
            original_is_whole(&verifying->source, error) &&
            original_of(&verifying->source, &verifying->original, error) &&
            passport_take(verifying->original.store, verifying->original.companions,
                          verifying->original.companion_count, verifying->pool, &verifying->taken, error)) ||
           error_context(error, "--source");
}

/* A companion that lies elsewhere, in --source, is none of the folder's own. */
static bool keep_own(struct original *original, const char *model, struct error *error)
{
    char *folder = file_is_folder(model) ? strdup(model) : path_folder(model);
    bool good = folder != NULL;
    for (size_t i = 0; good && i < original->companion_count; i++) {
        struct companion *companion = &original->companions[i];
        char *path = path_join(folder, companion->name);
        good = path != NULL;
        if (good && companion->path && strcmp(companion->path, path) != 0) {
            free(companion->path);
            companion->path = NULL;
            companion->text = NULL;
        }
        free(path);
    }
    free(folder);
    return good || error_memory(error, model);
}

/* What lies there without a passport. */
static bool open_found(struct verifying *verifying, struct error *error)
{
    const char *model = verifying->arguments->positional[0];
    const struct subject_options options = {.model = model, .source = verifying->arguments->source};
    return subject_open(&options, &verifying->subject, error) &&
           original_of(&verifying->subject, &verifying->own, error) && keep_own(&verifying->own, model, error) &&
           passport_take(verifying->own.store, verifying->own.companions, verifying->own.companion_count,
                         verifying->pool, &verifying->found, error);
}

static void read_config(struct verifying *verifying)
{
    char *path = path_join(verifying->arguments->positional[0], "config.json");
    if (path && file_exists(path))
        verifying->config = config_read(path, &verifying->unread);
    else
        error_set(&verifying->unread, "no config.json is there, and no --source is named");
    free(path);
}

static void describe(const struct verifying *verifying, const struct passport *passport, struct report *report)
{
    report_set(&report->subject.path, "%s", verifying->arguments->positional[0]);
    report_set(&report->subject.format, "%s",
               verifying->subject.store ? store_format(verifying->subject.store) : "extraction");
    report->subject.tensors = (double)passport->tensor_count;
    for (size_t i = 0; i < passport->tensor_count; i++)
        report->subject.bytes += (double)passport->tensors[i].bytes;
    report->machine.threads = pool_threads(verifying->pool);
    if (findings_verdict(&report->findings) != VERDICT_FAIL)
        report_set(&report->subject.summary, "model %s", passport->root);
}

static bool verify(struct verifying *verifying, enum passport_found found, struct report *report, struct error *error)
{
    const struct arguments *arguments = verifying->arguments;
    const struct passport *passport = found == PASSPORT_NONE ? &verifying->found : &verifying->passport;
    struct verify_request request = {.folder = arguments->positional[0],
                                     .passport = found == PASSPORT_READ ? &verifying->passport : NULL,
                                     .malformed =
                                         found == PASSPORT_MALFORMED ? error_text(&verifying->malformed) : NULL,
                                     .found = found == PASSPORT_NONE ? &verifying->found : NULL,
                                     .store = found == PASSPORT_NONE ? verifying->subject.base : NULL,
                                     .original = arguments->source ? &verifying->taken : NULL,
                                     .original_name = arguments->source,
                                     .config = verifying->config           ? verifying->config
                                               : verifying->subject.config ? verifying->subject.config
                                                                           : verifying->source.config,
                                     .config_problem = error_text(&verifying->unread),
                                     .pool = verifying->pool};
    if (!verify_run(&request, &report->findings, error))
        return false;
    describe(verifying, passport, report);
    if (!arguments->json && findings_verdict(&report->findings) != VERDICT_FAIL)
        print_identity(arguments->positional[0], passport, arguments->source, request.original, 0);
    return true;
}

static bool work(const struct arguments *arguments, struct report *report, struct error *error)
{
    struct verifying verifying = {.arguments = arguments};
    const char *folder = arguments->positional[0];
    enum passport_found found = PASSPORT_NONE;
    bool good = file_exists(folder) || error_set(error, "%s: no such file or folder", folder);
    if (good)
        found = passport_read(folder, &verifying.passport, &verifying.malformed);
    if (good && found == PASSPORT_NONE && !arguments->source)
        good = error_set(error,
                         "%s, so there is no passport to verify; name the original with --source, or print what the "
                         "root is with --root",
                         error_text(&verifying.malformed));
    good = good && (verifying.pool = pool_new((int)arguments->threads, error)) && open_original(&verifying, error);
    if (good && found == PASSPORT_NONE)
        good = open_found(&verifying, error);
    else if (good)
        read_config(&verifying);
    good = good && verify(&verifying, found, report, error);
    verifying_free(&verifying);
    return good;
}

static void print_root(const struct arguments *arguments, const char *root)
{
    if (!arguments->json) {
        printf("%s  %s\n", root, arguments->positional[0]);
        return;
    }
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "model", arguments->positional[0]);
    cJSON_AddStringToObject(json, "root", root);
    json_print(json, false);
}

/* Of what lies there, whatever a passport says. */
static int root_only(const struct arguments *arguments)
{
    struct verifying verifying = {.arguments = arguments};
    const struct subject_options options = {.model = arguments->positional[0], .source = arguments->source};
    struct error error = {0};
    bool good = (verifying.pool = pool_new((int)arguments->threads, &error)) &&
                subject_open(&options, &verifying.subject, &error) && in_order(verifying.subject.store, &error) &&
                original_of(&verifying.subject, &verifying.own, &error) &&
                passport_take(verifying.own.store, verifying.own.companions, verifying.own.companion_count,
                              verifying.pool, &verifying.found, &error);
    if (good)
        print_root(arguments, verifying.found.root);
    verifying_free(&verifying);
    return good ? EXIT_PASS : command_error("verify", &error);
}

static const char *judge(const struct arguments *arguments)
{
    return arguments->root && arguments->out ? "--root judges nothing, so there is no report for -o" : NULL;
}

static int run(struct arguments *arguments)
{
    return arguments->root ? root_only(arguments) : command_judge("verify", arguments, work);
}

static const struct option_row options[] = {
    {"root", 0, NULL, "Print the root of the model as it lies there, and judge nothing", GROUP_WORK, KIND_FLAG,
     AT(root), 0, 0},
    {0},
};

const struct command command_verify = {
    .name = "verify",
    .does = "prove an extraction by its passport, or by its original",
    .args = "DEST",
    .doc = "Holds every byte of the extraction DEST against its passport, and with --source against the original: "
           "which files and tensors are not what they were, and whether they are all of that model. Without a passport "
           "--source proves the same of anything that a store opens.",
    .least = 1,
    .most = 1,
    .sets = OPTIONS_ORIGINAL | OPTIONS_THREADS | OPTIONS_REPORT,
    .options = options,
    .judge = judge,
    .run = run,
};
