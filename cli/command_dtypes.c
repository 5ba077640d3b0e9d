#include <stdio.h>

#include "base/json.h"
#include "cli/command.h"
#include "cli/output.h"
#include "values/dtype.h"

static int run(struct arguments *arguments)
{
    cJSON *list = arguments->json ? cJSON_CreateArray() : NULL;
    for (int i = 0; i < DTYPE_COUNT; i++) {
        const char *name = dtype_name((enum dtype)i);
        if (list)
            cJSON_AddItemToArray(list, cJSON_CreateString(name));
        else
            puts(name);
    }
    if (list)
        json_print(list, false);
    return EXIT_PASS;
}

const struct command command_dtypes = {
    .name = "dtypes",
    .does = "list the types of numbers that a store knows",
    .args = "",
    .doc = "Lists the types of numbers that a store knows.",
    .run = run,
};
