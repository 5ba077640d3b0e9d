#include "cli/plan_print.h"

#include <stdio.h>

#include "base/json.h"
#include "base/numbers.h"
#include "cli/output.h"
#include "cli/say.h"

/* --- as text --- */

static void print_bytes(uint64_t bytes)
{
    struct buffer text = {0};
    size_text(&text, bytes);
    fputs(text.data ? text.data : "", stdout);
    buffer_free(&text);
}

static void print_tensor(const struct repair_tensor *tensor)
{
    say(stdout, "    %s: %s", tensor->name, tensor->why);
    cJSON *source = tensor->kept ? NULL : tensor_source(tensor->store, tensor->from);
    if (source)
        say(stdout, ", %llu bytes from %s, bytes %.0f to %.0f", (unsigned long long)tensor->from->bytes,
            json_member(source, "file")->valuestring, json_member(source, "begin")->valuedouble,
            json_member(source, "end")->valuedouble);
    else
        fputs(tensor->kept ? ", kept" : ", solved for", stdout);
    puts("");
    cJSON_Delete(source);
}

void plan_print_totals(const struct arguments *arguments, const struct repair_plan *plan, const char *verb)
{
    say(stdout, "%s: %zu file%s %s, ", arguments->positional[0], plan->file_count, plan->file_count == 1 ? "" : "s",
        verb);
    print_bytes(plan->bytes);
    say(stdout, " from %s; %zu files with %zu tensors are right and stay as they are\n",
        arguments->source ? arguments->source : "gold", plan->right_files, plan->right_tensors);
    if (plan->converted)
        say(stdout, "Tensors that are right but stored as another dtype than the source's: %zu\n", plan->converted);
}

void plan_print_changes(const char *what, const struct repair_change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        say(stdout, "%s %s: %s\n", what, changes[i].path, changes[i].why);
}

void plan_print(const struct arguments *arguments, const struct repair *repair)
{
    const struct repair_plan *plan = repair_plan(repair);
    for (size_t i = 0; i < plan->file_count; i++) {
        const struct repair_file *file = &plan->files[i];
        say(stdout, "write %s: %s; ", file->path, file->why);
        print_bytes(file->bytes);
        puts("");
        for (size_t k = 0; k < file->count; k++)
            print_tensor(&file->tensors[k]);
    }
    plan_print_changes("write", plan->beside, plan->beside_count);
    plan_print_changes("set aside", plan->aside, plan->aside_count);
    for (size_t i = 0; i < plan->leftovers.count; i++)
        say(stdout, "remove %s: a temporary file\n", plan->leftovers.items[i]);
    if (repair_idle(repair))
        say(stdout, "%s: nothing to do\n", arguments->positional[0]);
    plan_print_totals(arguments, plan, "to write");
}

/* --- as JSON --- */

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

void plan_print_json(const struct arguments *arguments, const struct repair *repair)
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
