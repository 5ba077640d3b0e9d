#include "text/part.h"

#include <string.h>

struct walk {
    const struct part_kind *kind;
    const char *where;
    const size_t *count;
    part_load *load;
    void *context;
};

static bool part_walk(const struct walk *walk, const cJSON *json, int depth, struct error *error)
{
    const struct part_kind *kind = walk->kind;
    const char *name = NULL;
    if (!cJSON_IsObject(json) || !json_get_string(json, walk->where, "type", &name, error) || !name)
        return error_set(error, "%s: a %s without a \"type\"", walk->where, kind->what);
    if (depth >= kind->most || (walk->count && *walk->count >= (size_t)kind->most))
        return error_set(error, "%s: %s%d%s", walk->where, kind->too_many, kind->most, kind->of_them);
    if (strcmp(name, "Sequence") != 0)
        return walk->load(walk->context, name, walk->where, json, error);
    const cJSON *list = json_member(json, kind->list), *item = NULL;
    if (!cJSON_IsArray(list))
        return error_set(error, "%s: %s Sequence has no list \"%s\"", walk->where, kind->what, kind->list);
    cJSON_ArrayForEach(item, list) if (!part_walk(walk, item, depth + 1, error)) return false;
    return true;
}

bool parts_load(const struct part_kind *kind, const char *where, const cJSON *json, const size_t *count,
                part_load *load, void *context, struct error *error)
{
    return part_walk(&(struct walk){kind, where, count, load, context}, json, 0, error);
}
