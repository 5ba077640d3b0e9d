#include "inventory_fixture.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "findings/finding.h"
#include "model/config.h"
#include "store/origin.h"
#include "store_fixtures.h"

#define INDEX MODEL "/model.safetensors.index.json"
#define SHARDS 13

struct store *model;
struct model_config *config;
struct origin *origin;

void open_model(void)
{
    struct error error = {0};
    model = open_store(MODEL);
    config = config_read(MODEL "/config.json", &error);
    cr_assert(config, "%s", error_text(&error));
    cr_assert(origin_open(INDEX, NULL, &origin, &error) && origin, "%s", error_text(&error));
    cr_assert_eq(origin_shard_count(origin), SHARDS);
}

void close_model(void)
{
    origin_free(origin);
    free(config);
    store_free(model);
}

double fact(const struct finding *finding, const char *name)
{
    for (size_t i = 0; i < finding->fact_count; i++)
        if (strcmp(finding->facts[i].name, name) == 0)
            return finding->facts[i].number;
    return NAN;
}

const char *fact_text(const struct finding *finding, const char *name)
{
    for (size_t i = 0; i < finding->fact_count; i++)
        if (strcmp(finding->facts[i].name, name) == 0)
            return finding->facts[i].text;
    return "";
}

const struct finding *head_of(const struct findings *findings, const char *check)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].summary && strcmp(findings->items[i].check, check) == 0)
            return &findings->items[i];
    cr_assert(false, "no %s", check);
    return NULL;
}
