/* repair: fetch from the source what an extraction lacks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/numbers.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/passport_print.h"
#include "extraction/repair.h"
#include "math/kernels.h"
#include "passport/original.h"
#include "passport/verify.h"

/* The source, and the repair of the folder by it. */
struct repairing {
    const struct arguments *arguments;
    struct pool *pool;
    struct subject source;
    struct original original;
    struct repair_request request;
    struct repair *repair;
};

static bool repairing_open(struct repairing *repairing, const struct arguments *arguments, struct error *error)
{
    const struct subject_options options = {.model = arguments->source};
    *repairing = (struct repairing){.arguments = arguments};
    if (!(repairing->pool = pool_new((int)arguments->threads, error)))
        return false;
    if (!subject_open(&options, &repairing->source, error) || !original_is_whole(&repairing->source, error) ||
        !original_of(&repairing->source, &repairing->original, error))
        return error_context(error, "--source");
    const struct model_config *config = repairing->source.config;
    struct extract_request *extract = &repairing->request.extract;
    *extract = (struct extract_request){.store = repairing->original.store,
                                        .folder = arguments->positional[0],
                                        .model = config->model_type,
                                        .layers = config->layers,
                                        .experts = config->experts,
                                        .first_layer = -1,
                                        .last_layer = -1,
                                        .companions = repairing->original.companions,
                                        .companion_count = repairing->original.companion_count,
                                        .pool = repairing->pool};
    for (int i = 0; i < BLOCK_COUNT; i++)
        extract->blocks[i] = true;
    repairing->request.experts_per_token = config->experts_per_token;
    return (repairing->repair = repair_new(&repairing->request, error));
}

static void repairing_free(struct repairing *repairing)
{
    repair_free(repairing->repair);
    original_free(&repairing->original);
    subject_free(&repairing->source);
    pool_free(repairing->pool);
}

/* --- the plan as text --- */

static void print_bytes(uint64_t bytes)
{
    struct buffer text = {0};
    size_text(&text, bytes);
    fputs(text.data ? text.data : "", stdout);
    buffer_free(&text);
}

static void print_tensor(const struct repair_tensor *tensor)
{
    printf("    %s: %s", tensor->name, tensor->why);
    cJSON *source = tensor->kept ? NULL : tensor_source(tensor->store, tensor->from);
    if (source)
        printf(", %llu bytes from %s, bytes %.0f to %.0f", (unsigned long long)tensor->from->bytes,
               json_member(source, "file")->valuestring, json_member(source, "begin")->valuedouble,
               json_member(source, "end")->valuedouble);
    else
        fputs(tensor->kept ? ", kept" : "", stdout);
    puts("");
    cJSON_Delete(source);
}

static void print_totals(const struct arguments *arguments, const struct repair_plan *plan, const char *verb)
{
    printf("%s: %zu file%s %s, ", arguments->positional[0], plan->file_count, plan->file_count == 1 ? "" : "s", verb);
    print_bytes(plan->bytes);
    printf(" from %s; %zu files with %zu tensors are right and stay as they are\n", arguments->source,
           plan->right_files, plan->right_tensors);
    if (plan->converted)
        printf("%zu of the right tensors are stored as another dtype than the source's\n", plan->converted);
}

static void print_changes(const char *what, const struct repair_change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf("%s %s: %s\n", what, changes[i].path, changes[i].why);
}

static void print_plan(const struct arguments *arguments, const struct repair *repair)
{
    const struct repair_plan *plan = repair_plan(repair);
    for (size_t i = 0; i < plan->file_count; i++) {
        const struct repair_file *file = &plan->files[i];
        printf("write %s: %s; ", file->path, file->why);
        print_bytes(file->bytes);
        puts("");
        for (size_t k = 0; k < file->count; k++)
            print_tensor(&file->tensors[k]);
    }
    print_changes("write", plan->beside, plan->beside_count);
    print_changes("set aside", plan->aside, plan->aside_count);
    for (size_t i = 0; i < plan->leftovers.count; i++)
        printf("remove %s: a temporary file\n", plan->leftovers.items[i]);
    if (repair_idle(repair))
        printf("%s: nothing to do\n", arguments->positional[0]);
    print_totals(arguments, plan, "to write");
}

/* --- the plan as JSON --- */

static cJSON *tensor_json(const struct repair_tensor *tensor)
{
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "tensor", tensor->name);
    cJSON_AddStringToObject(row, "why", tensor->why);
    cJSON_AddBoolToObject(row, "kept", tensor->kept);
    cJSON_AddNumberToObject(row, "bytes", (double)tensor->from->bytes);
    cJSON *source = tensor->kept ? NULL : tensor_source(tensor->store, tensor->from);
    if (source)
        cJSON_AddItemToObject(row, "source", source);
    return row;
}

static cJSON *file_json(const struct repair_file *file)
{
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "file", file->path);
    cJSON_AddStringToObject(row, "why", file->why);
    cJSON_AddNumberToObject(row, "bytes", (double)file->bytes);
    cJSON_AddNumberToObject(row, "effect_per_byte", file->effect);
    cJSON *tensors = cJSON_AddArrayToObject(row, "tensors");
    for (size_t i = 0; i < file->count; i++)
        cJSON_AddItemToArray(tensors, tensor_json(&file->tensors[i]));
    return row;
}

static void add_changes(cJSON *json, const char *key, const struct repair_change *changes, size_t count)
{
    cJSON *list = cJSON_AddArrayToObject(json, key);
    for (size_t i = 0; i < count; i++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "file", changes[i].path);
        cJSON_AddStringToObject(row, "why", changes[i].why);
        cJSON_AddItemToArray(list, row);
    }
}

static void print_json(const struct arguments *arguments, const struct repair *repair)
{
    const struct repair_plan *plan = repair_plan(repair);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "folder", arguments->positional[0]);
    cJSON_AddStringToObject(json, "source", arguments->source);
    cJSON_AddBoolToObject(json, "nothing_to_do", repair_idle(repair));
    cJSON_AddNumberToObject(json, "bytes", (double)plan->bytes);
    cJSON_AddNumberToObject(json, "right_files", (double)plan->right_files);
    cJSON_AddNumberToObject(json, "right_tensors", (double)plan->right_tensors);
    cJSON_AddNumberToObject(json, "converted_tensors", (double)plan->converted);
    cJSON *files = cJSON_AddArrayToObject(json, "files");
    for (size_t i = 0; i < plan->file_count; i++)
        cJSON_AddItemToArray(files, file_json(&plan->files[i]));
    add_changes(json, "beside", plan->beside, plan->beside_count);
    add_changes(json, "set_aside", plan->aside, plan->aside_count);
    cJSON *removed = cJSON_AddArrayToObject(json, "removed");
    for (size_t i = 0; i < plan->leftovers.count; i++)
        cJSON_AddItemToArray(removed, cJSON_CreateString(plan->leftovers.items[i]));
    json_print(json, false);
}

static int dry_run(const struct arguments *arguments)
{
    struct repairing repairing;
    struct error error = {0};
    bool good = repairing_open(&repairing, arguments, &error);
    if (good)
        (arguments->json ? print_json : print_plan)(arguments, repairing.repair);
    repairing_free(&repairing);
    return good ? EXIT_PASS : command_error("repair", &error);
}

/* --- the repair --- */

static bool add_finding(const struct repairing *repairing, struct findings *findings)
{
    const struct repair_plan *plan = repair_plan(repairing->repair);
    struct finding *finding = findings_add(findings, "repair");
    if (!finding)
        return false;
    finding_fact(finding, "files_written", (double)plan->file_count);
    finding_fact(finding, "bytes_fetched", (double)plan->bytes);
    finding_fact(finding, "files_right", (double)plan->right_files);
    finding_fact(finding, "tensors_right", (double)plan->right_tensors);
    finding_fact(finding, "tensors_converted", (double)plan->converted);
    finding_fact(finding, "written_beside", (double)plan->beside_count);
    finding_fact(finding, "set_aside", (double)plan->aside_count);
    if (plan->converted)
        finding->verdict = VERDICT_WARN;
    if (repair_idle(repairing->repair))
        finding_message(finding, "Nothing to do: all %zu tensors in %zu files are right, and so is what lies beside.",
                        plan->right_tensors, plan->right_files);
    else
        finding_message(finding, "Files written: %zu; right, and not touched: %zu; set aside: %zu.", plan->file_count,
                        plan->right_files, plan->aside_count);
    return true;
}

/* Reads all of it once more, from the disk, against the passport that was written. */
static bool verify(const struct repairing *repairing, struct report *report, struct error *error)
{
    struct passport passport = {0}, original = {0};
    struct error malformed = {0};
    const struct arguments *arguments = repairing->arguments;
    bool found = passport_read(arguments->positional[0], &passport, &malformed) == PASSPORT_READ;
    struct verify_request request = {.folder = arguments->positional[0],
                                     .passport = found ? &passport : NULL,
                                     .malformed = found ? NULL : error_text(&malformed),
                                     .original = &original,
                                     .original_name = arguments->source,
                                     .config = repairing->source.config,
                                     .converted = repair_plan(repairing->repair)->converted,
                                     .pool = repairing->pool};
    bool good = repair_original(repairing->repair, &original, error) && verify_run(&request, &report->findings, error);
    if (good && found && !arguments->json && findings_verdict(&report->findings) != VERDICT_FAIL)
        print_identity(arguments->positional[0], &passport, arguments->source, &original, request.converted);
    passport_free(&passport);
    passport_free(&original);
    error_clear(&malformed);
    return good;
}

static bool work(const struct arguments *arguments, struct report *report, struct error *error)
{
    struct repairing repairing;
    bool good = repairing_open(&repairing, arguments, error);
    bool idle = good && repair_idle(repairing.repair);
    if (good && idle && !arguments->json)
        printf("%s: nothing to do\n", arguments->positional[0]);
    good = good && repair_run(repairing.repair, error);
    if (good) {
        report_set(&report->subject.path, "%s", arguments->positional[0]);
        report_set(&report->subject.format, "extraction");
        report_set(&report->subject.model_type, "%s", repairing.source.config->model_type);
        report->machine.threads = pool_threads(repairing.pool);
    }
    if (good && !idle && !arguments->json) {
        const struct repair_plan *plan = repair_plan(repairing.repair);
        print_totals(arguments, plan, "written");
        print_changes("written", plan->beside, plan->beside_count);
        print_changes("set aside", plan->aside, plan->aside_count);
    }
    good = good && (add_finding(&repairing, &report->findings) || error_memory(error, "repair")) &&
           (idle || verify(&repairing, report, error));
    repairing_free(&repairing);
    return good;
}

static const char *judge(const struct arguments *arguments)
{
    if (!arguments->source)
        return "--source DIR is needed: the original";
    return arguments->dry_run && arguments->out ? "--dry-run writes nothing, so there is no report for -o" : NULL;
}

static int run(struct arguments *arguments)
{
    return arguments->dry_run ? dry_run(arguments) : command_judge("repair", arguments, work);
}

static const struct option_row options[] = {
    {"dry-run", 0, NULL, "Print what would be written, from where, and write nothing", GROUP_WORK, KIND_FLAG,
     AT(dry_run), 0, 0},
    {0},
};

const struct command command_repair = {
    .name = "repair",
    .does = "fetch what an extraction lacks from the original",
    .args = "DEST --source DIR",
    .doc = "Writes what of the extraction DEST is absent or wrong anew from the original, the smallest effect for each "
           "byte last, touches nothing that is right, and ends by verifying all of it. Killed and run again, it goes "
           "on where it was. What belongs to nothing is moved to DEST/set_aside.",
    .least = 1,
    .most = 1,
    .sets = OPTIONS_ORIGINAL | OPTIONS_THREADS | OPTIONS_REPORT,
    .options = options,
    .judge = judge,
    .run = run,
};
