#include "model/setting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/config_difference.h"
#include "model/variant.h"

#define KEY_MAX 256

const char *setting_judge(const char *setting)
{
    static char message[128];
    size_t key = strcspn(setting, "=");
    if (key && key < KEY_MAX && setting[key] && setting[0] != '.' && setting[key - 1] != '.' && !strstr(setting, ".."))
        return NULL;
    snprintf(message, sizeof message, "--set is given KEY=VALUE, such as rope_theta=1e6, not '%.60s'", setting);
    return message;
}

/* One value in one place: `key` of the object at `level`, in its object `inner` (NULL: in itself). */
struct spot {
    size_t level;
    const char *inner;
};

/* The places where the key may belong, the likeliest first: where it is, the innermost configuration first, or an
 * object in it that has it (rope_parameters); then where it is not. */
#define SPOTS_MAX (2 * CONFIG_LEVELS + 16)

static size_t spots_find(const cJSON *root, const char *first, struct spot spots[SPOTS_MAX])
{
    const cJSON *levels[CONFIG_LEVELS], *child;
    size_t depth = config_levels(root, levels), count = 0;
    for (size_t i = depth; i-- > 0;) {
        if (cJSON_GetObjectItemCaseSensitive(levels[i], first))
            spots[count++] = (struct spot){i, NULL};
        cJSON_ArrayForEach(child, levels[i])
        {
            if (cJSON_IsObject(child) && cJSON_GetObjectItemCaseSensitive(child, first) &&
                count < SPOTS_MAX - CONFIG_LEVELS)
                spots[count++] = (struct spot){i, child->string};
        }
    }
    for (size_t i = depth; i-- > 0;)
        if (!cJSON_GetObjectItemCaseSensitive(levels[i], first))
            spots[count++] = (struct spot){i, NULL};
    return count;
}

/* The member, made an object where it is not there. */
static cJSON *object_at(cJSON *object, const char *key)
{
    cJSON *member = cJSON_GetObjectItemCaseSensitive(object, key);
    return member ? member : cJSON_AddObjectToObject(object, key);
}

/* Puts `value`, which becomes the object's, below the keys of the dotted path. */
static bool put(cJSON *object, const char *path, cJSON *value)
{
    char key[KEY_MAX];
    for (const char *dot; object && (dot = strchr(path, '.')); path = dot + 1) {
        snprintf(key, sizeof key, "%.*s", (int)(dot - path), path);
        object = object_at(object, key);
    }
    if (!object || !cJSON_IsObject(object)) {
        cJSON_Delete(value);
        return false;
    }
    return cJSON_GetObjectItemCaseSensitive(object, path) ? cJSON_ReplaceItemInObjectCaseSensitive(object, path, value)
                                                          : cJSON_AddItemToObject(object, path, value);
}

/* A copy of `root` with the value there; NULL: out of memory, or the path leads through what is no object. */
static cJSON *with_value(const cJSON *root, const struct spot *spot, const char *path, const cJSON *value)
{
    cJSON *copy = cJSON_Duplicate(root, true), *set = cJSON_Duplicate(value, true);
    const cJSON *levels[CONFIG_LEVELS];
    if (copy && set) {
        config_levels(copy, levels);
        cJSON *object = (cJSON *)(uintptr_t)levels[spot->level];
        if (put(spot->inner ? object_at(object, spot->inner) : object, path, set))
            return copy;
        set = NULL;
    }
    cJSON_Delete(set);
    cJSON_Delete(copy);
    return NULL;
}

/* Does the copy compute something else? An error where it cannot be read. */
static bool differs(const char *name, const cJSON *copy, const struct model_config *before, bool *result,
                    struct error *error)
{
    struct config_difference differences[CONFIG_DIFFERENCES_MAX];
    struct model_config *after = config_parse(name, copy, error);
    bool good = after;
    *result = good && (config_differences(before, after, differences) > 0 ||
                       strcmp(before->unsupported, after->unsupported) != 0);
    free(after);
    return good;
}

bool setting_apply(const char *name, const char *setting, cJSON **root, struct error *error)
{
    char path[KEY_MAX], first[KEY_MAX];
    size_t length = strcspn(setting, "=");
    const char *text = setting + length + 1;
    struct error none = {0};
    snprintf(path, sizeof path, "%.*s", (int)length, setting);
    snprintf(first, sizeof first, "%.*s", (int)strcspn(path, "."), path);
    struct model_config *before = config_parse(name, *root, error);
    cJSON *value = before ? json_parse(name, text, strlen(text), &none) : NULL;
    value = before && !value ? cJSON_CreateString(text) : value;
    struct spot spots[SPOTS_MAX];
    size_t count = value ? spots_find(*root, first, spots) : 0;
    bool good = value, done = false;
    for (size_t i = 0; good && !done && i < count; i++) {
        cJSON *copy = with_value(*root, &spots[i], path, value);
        good = !copy || differs(name, copy, before, &done, error) || error_context(error, "--set %s", setting);
        if (done) {
            cJSON_Delete(*root);
            *root = copy;
        } else {
            cJSON_Delete(copy);
        }
    }
    if (good && !done)
        good = error_set(error,
                         "%s: --set %s changes nothing that is computed: either that is its value already, or no "
                         "number depends on this key",
                         name, setting);
    error_clear(&none);
    cJSON_Delete(value);
    free(before);
    return good;
}

struct model_config *config_departed(const char *name, cJSON **root, const struct departures *departures,
                                     struct error *error)
{
    for (size_t i = 0; i < departures->setting_count; i++)
        if (!setting_apply(name, departures->settings[i], root, error))
            return NULL;
    struct model_config *config = config_parse(name, *root, error);
    if (config && variants_set(departures->variants, departures->variant_count, config, error))
        return config;
    free(config);
    return NULL;
}
