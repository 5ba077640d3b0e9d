/* What can be computed: families and the dtypes of their weights, from the tables that the engine goes by. */
#include <stdio.h>

#include "base/json.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/paragraph.h"
#include "model/family.h"
#include "store/store.h"
#include "values/dtype.h"

static void print_text(void)
{
    const struct family *family;
    struct buffer text = {0}, page = {0};
    printf("%-17s%-8s%-17s%s\n\n", "family", "part", "proved by", "\"model_type\" in config.json");
    for (size_t i = 0; (family = family_at(i)); i++) {
        struct buffer types = {0};
        for (size_t k = 0; k < FAMILY_TYPES && family->model_types[k]; k++)
            buffer_format(&types, "%s%s", k ? " " : "", family->model_types[k]);
        printf("%-17s%-8s%-17s%s\n", family->name, family->part ? family->part : "",
               family->gold ? family->gold : "random models", types.data ? types.data : "");
        buffer_free(&types);
    }
    buffer_text(&text, "\nDtypes of weights: ");
    dtype_computed_list(&text);
    buffer_text(&text, ".\nMatrices of several tensors: ");
    for (size_t i = 0; storage_name(i); i++)
        buffer_format(&text, "%s%s", i ? ", " : "", storage_name(i));
    buffer_text(&text,
                ".\nProved by: gold of golden/nano, which the original's own class computed; random models: no gold of "
                "its own is committed, and the original's class was held against this engine on models of random "
                "sizes.\nA model of another family is inspected by its names, shapes and values; where its tensors are "
                "those of a family above, --set model_type=FAMILY computes it as one.\n");
    page_append(&page, text.data ? text.data : "");
    fputs(page.data ? page.data : "", stdout);
    buffer_free(&text);
    buffer_free(&page);
}

static void print_json(void)
{
    const struct family *family;
    cJSON *root = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(root, "families");
    struct buffer dtypes = {0};
    for (size_t i = 0; (family = family_at(i)); i++) {
        cJSON *item = cJSON_CreateObject(), *types = cJSON_AddArrayToObject(item, "model_types");
        cJSON_AddStringToObject(item, "name", family->name);
        if (family->part)
            cJSON_AddStringToObject(item, "part", family->part);
        for (size_t k = 0; k < FAMILY_TYPES && family->model_types[k]; k++)
            cJSON_AddItemToArray(types, cJSON_CreateString(family->model_types[k]));
        cJSON_AddBoolToObject(item, "experts", family->experts != EXPERTS_NEVER);
        if (family->gold)
            cJSON_AddStringToObject(item, "gold", family->gold);
        cJSON_AddItemToArray(list, item);
    }
    dtype_computed_list(&dtypes);
    cJSON_AddStringToObject(root, "dtypes", dtypes.data ? dtypes.data : "");
    cJSON *storages = cJSON_AddArrayToObject(root, "storages");
    for (size_t i = 0; storage_name(i); i++)
        cJSON_AddItemToArray(storages, cJSON_CreateString(storage_name(i)));
    buffer_free(&dtypes);
    json_print(root, true);
}

static int run(struct arguments *arguments)
{
    if (arguments->json)
        print_json();
    else
        print_text();
    return EXIT_PASS;
}

const struct command command_families = {
    .name = "families",
    .does = "list the families of models that are computed, and what each is proved by",
    .args = "",
    .doc = "Lists the families of models that this engine computes, the values of \"model_type\" that each answers "
           "to, the dtypes of weights that it widens, and which gold proves each.",
    .least = 0,
    .most = 0,
    .run = run,
};
