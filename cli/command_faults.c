/* The catalogue of faults, for people and for programs. */
#include <stdio.h>

#include "base/json.h"
#include "cli/command.h"
#include "cli/output.h"
#include "faults/fault.h"

static int run(struct arguments *arguments)
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
    if (list)
        json_print(list, true);
    return EXIT_PASS;
}

const struct command command_faults = {
    .name = "faults",
    .does = "list the catalogue of faults",
    .args = "",
    .doc = "Lists the catalogue of faults.",
    .least = 0,
    .most = 0,
    .run = run,
};
