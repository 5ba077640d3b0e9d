#include "store_fixtures.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct store *open_store(const char *path)
{
    struct error error = {0};
    struct store *store = store_open(path, &error);
    cr_assert(store, "%s", error_text(&error));
    return store;
}

void expect_not_opened(const char *path, const char *needle)
{
    struct error error = {0};
    struct store *store = store_open(path, &error);
    cr_expect(!store, "%s was opened; a refusal with \"%s\" was expected", path, needle);
    cr_expect(store || strstr(error_text(&error), needle), "\"%s\" is not in: %s", needle, error_text(&error));
    cr_expect(store || strstr(error_text(&error), path), "the message does not name %s: %s", path, error_text(&error));
    store_free(store);
    error_clear(&error);
}

/* Exactly one problem, and all these words are in it. */
void expect_problem(const struct store *store, const char *a, const char *b, const char *c)
{
    cr_expect_eq(store_problem_count(store), 1, "%zu problems; the second: %s", store_problem_count(store),
                 store_problem_count(store) > 1 ? store_problem(store, 1) : "");
    if (!store_problem_count(store))
        return;
    const char *words[] = {a, b, c};
    for (size_t i = 0; i < 3; i++)
        cr_expect(!words[i] || strstr(store_problem(store, 0), words[i]), "\"%s\" is not in: %s", words[i],
                  store_problem(store, 0));
}

/* The whole tensor, malloc'd. */
unsigned char *values_of(const struct store *store, const char *name)
{
    struct error error = {0};
    const struct tensor *tensor = store_find(store, name);
    cr_assert(tensor, "no tensor '%s'", name);
    unsigned char *values = malloc(tensor->bytes + 1);
    cr_assert(store_read(store, tensor, values, &error), "%s", error_text(&error));
    return values;
}

void expect_values(const struct store *store, const char *name, const void *expected, size_t size)
{
    unsigned char *values = values_of(store, name);
    cr_expect(store_find(store, name)->bytes == size && memcmp(values, expected, size) == 0, "values of '%s' differ",
              name);
    free(values);
}

void write_one(const char *path, const char *name, const void *data)
{
    write_tensors(path, &(struct plain_tensor){name, "U8", "[4]", data, 4}, 1, NULL);
}

const char *write_index(const char *folder, const char *weight_map)
{
    const char *path = scratch("%s/model.safetensors.index.json", folder);
    size_t size = strlen(weight_map) + 100;
    char *text = malloc(size);
    snprintf(text, size, "{\"metadata\":{\"total_size\":8},\"weight_map\":%s}", weight_map);
    write_text(path, text);
    free(text);
    return path;
}

struct store *open_three(void)
{
    static const struct plain_tensor tensors[] = {{"model.a", "U8", "[4,2]", "aAbBcCdD", 8},
                                                  {"model.b", "U8", "[4]", "efgh", 4},
                                                  {"model.c", "U8", "[2]", "xy", 2},
                                                  {"visual.v", "U8", "[2]", "vw", 2}};
    write_tensors(scratch("three.safetensors"), tensors, 4, NULL);
    return open_store(scratch("three.safetensors"));
}
