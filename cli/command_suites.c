/* The suites that are built in, and any suite as one document. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/command.h"
#include "cli/output.h"
#include "suites/suite.h"

/* A suite as a row of the list. */
static bool list_row(const char *name, cJSON *list, struct error *error)
{
    struct suite suite;
    if (!suite_open(name, &suite, error))
        return false;
    cJSON *whole = suite_json(&suite, error), *row = whole ? cJSON_CreateObject() : NULL;
    cJSON_AddStringToObject(row, "name", name);
    cJSON_AddStringToObject(row, "purpose", suite.purpose ? suite.purpose : "");
    cJSON_AddItemToObject(row, "diagnostics", cJSON_DetachItemFromObjectCaseSensitive(whole, "diagnostics"));
    cJSON_AddItemToArray(list, row);
    cJSON_Delete(whole);
    suite_free(&suite);
    return row || error_memory(error, "suites");
}

static void print_list(const cJSON *list)
{
    for (const cJSON *row = list->child; row; row = row->next)
        printf("%-16s%s\n", json_member(row, "name")->valuestring, json_member(row, "purpose")->valuestring);
    printf(
        "\nassay suites NAME prints one; check and compare take it as --suite NAME, or a file with one of your own,\n"
        "which may extend one of these: {\"extends\": \"default\", \"limits\": {...}}.\n");
}

static bool list_all(bool json, struct error *error)
{
    cJSON *list = cJSON_CreateArray();
    bool good = list || error_memory(error, "suites");
    for (const struct suite_bundled *row = suite_bundled; good && row->name; row++)
        good = list_row(row->name, list, error);
    if (good && json) {
        json_print(list, true);
        return true;
    }
    if (good)
        print_list(list);
    cJSON_Delete(list);
    return good;
}

static bool print_one(const char *name, struct error *error)
{
    struct suite suite;
    if (!suite_open(name, &suite, error))
        return false;
    cJSON *json = suite_json(&suite, error);
    if (json)
        json_print(json, true);
    suite_free(&suite);
    return json;
}

static int run(struct arguments *arguments)
{
    struct error error = {0};
    bool good =
        arguments->positional_count ? print_one(arguments->positional[0], &error) : list_all(arguments->json, &error);
    return good ? EXIT_PASS : command_error("suites", &error);
}

const struct command command_suites = {
    .name = "suites",
    .does = "list the suites that are built in; print one, with all that it extends",
    .args = "[NAME|FILE]",
    .doc =
        "Lists the suites that are built in, each with what it is for. With the name of one, or the file of another, "
        "prints it as JSON, merged with all that it extends; a file that is not a valid suite is refused with the line "
        "and column of the error.",
    .least = 0,
    .most = 1,
    .run = run,
};
