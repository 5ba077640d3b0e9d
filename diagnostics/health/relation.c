#include "health/relation.h"

#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "health/relation_internal.h"
#include "values/values.h"

#define PRINT 64 /* values of the first row by which tensors are found again */

struct relations {
    const struct store *store, *original;
    size_t head;
    uint64_t *prints; /* [store_text_count(original)]; 0: not one to be found; NULL: not taken yet */
};

struct relations *relations_new(const struct store *store, const struct store *original, int head, struct error *error)
{
    struct relations *relations = calloc(1, sizeof *relations);
    if (relations)
        *relations = (struct relations){.store = store, .original = original, .head = head > 0 ? (size_t)head : 0};
    else
        error_memory(error, "weights");
    return relations;
}

void relations_free(struct relations *relations)
{
    if (relations)
        free(relations->prints);
    free(relations);
}

static uint64_t print_of(const float *values, size_t count)
{
    uint64_t print = 1;
    for (size_t i = 0; i < count && i < PRINT; i++) {
        float value = values[i] + 0.0f; /* -0 is 0 */
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        print = mix_u64(print ^ bits);
    }
    return print | 1;
}

static bool read_first_row(const struct store *store, const struct tensor *tensor, uint64_t *print, struct error *error)
{
    void *raw = malloc((size_t)tensor->stride + (size_t)(tensor->bytes / (tensor->rows + !tensor->rows)) + 1);
    float *row = malloc((size_t)tensor->columns * sizeof *row + 1);
    bool good =
        ((raw && row) || error_memory(error, tensor->name)) && store_read_wide(store, tensor, 0, 1, raw, row, error);
    if (good)
        *print = print_of(row, (size_t)tensor->columns);
    free(raw);
    free(row);
    return good;
}

static bool take_prints(struct relations *relations, struct error *error)
{
    size_t count = store_text_count(relations->original);
    bool good = relations->prints || (relations->prints = calloc(count + 1, sizeof *relations->prints)) ||
                error_memory(error, "weights");
    for (size_t i = 0; good && i < count && !relations->prints[count]; i++) {
        const struct tensor *tensor = store_at(relations->original, i);
        if (tensor->rows && tensor->columns && dtype_computes(tensor->dtype))
            good = read_first_row(relations->original, tensor, &relations->prints[i], error);
    }
    if (good)
        relations->prints[count] = 1; /* all were taken */
    return good;
}

static bool read_begin(const struct store *store, const struct tensor *tensor, uint64_t count, float *out,
                       struct error *error)
{
    uint64_t some = ((uint64_t)4 << 20) / (4 * tensor->columns + 1) + 1;
    void *raw = malloc((size_t)(some * (tensor->stride + tensor->bytes / tensor->rows)) + 1);
    bool good = raw || error_memory(error, tensor->name);
    for (uint64_t row = 0; good && row < count; row += some) {
        uint64_t rows = count - row < some ? count - row : some;
        good = store_read_wide(store, tensor, row, rows, raw, out + row * tensor->columns, error);
    }
    free(raw);
    return good;
}

/* Another tensor of the original, in this one's place. */
static bool find_other(struct relations *relations, const struct related *related, struct buffer *out, bool *found,
                       struct error *error)
{
    const struct tensor *mine = related->mine;
    uint64_t print = print_of(related->a, (size_t)mine->columns);
    bool good = take_prints(relations, error);
    *found = false;
    for (size_t i = 0; good && !*found && i < store_text_count(relations->original); i++) {
        const struct tensor *other = store_at(relations->original, i);
        if (relations->prints[i] != print || other == related->original || !tensor_same_shape(mine, other))
            continue;
        good = read_begin(relations->original, other, related->read, related->scratch, error);
        *found = good && values_equal(related->a, related->scratch, related->rows * related->columns);
        if (*found)
            buffer_format(out, "holds the original's %s", other->name);
    }
    return good;
}

/* In the order in which they are tried: the simplest first. `begin`: the first rows alone can tell. */
static const struct test_row {
    relation_test *test;
    bool begin;
} tests[] = {
    {relation_constant, true}, {relation_factor, true},  {relation_offset, true},      {relation_rounded, true},
    {relation_bytes, true},    {relation_misread, true}, {relation_transposed, false}, {relation_rows, false},
    {relation_columns, false}, {relation_part, true},    {relation_adapter, false},    {relation_unrelated, true},
};

static bool relate(struct relations *relations, struct related *related, struct buffer *out, struct error *error)
{
    size_t count = related->rows * related->columns;
    bool found = false;
    related->a = malloc(count * sizeof(float) + 1);
    related->b = malloc(count * sizeof(float) + 1);
    related->scratch = malloc(count * sizeof(float) + 1);
    bool good = ((related->a && related->b && related->scratch) || error_memory(error, related->mine->name)) &&
                read_begin(relations->store, related->mine, related->read, related->a, error) &&
                read_begin(relations->original, related->original, related->read, related->b, error) &&
                find_other(relations, related, out, &found, error);
    for (size_t i = 0; good && !found && i < sizeof tests / sizeof *tests; i++)
        found = (tests[i].begin || !related->partly) && tests[i].test(related, out);
    if (good && found && related->partly)
        buffer_format(out, " (by its first %zu rows)", related->rows);
    free(related->a);
    free(related->b);
    free(related->scratch);
    return good;
}

static void shapes_text(const struct tensor *mine, const struct tensor *original, struct buffer *out)
{
    char here[TENSOR_SHAPE_TEXT], there[TENSOR_SHAPE_TEXT];
    bool turned = mine->rank == 2 && original->rank == 2 && mine->shape[0] == original->shape[1] &&
                  mine->shape[1] == original->shape[0];
    buffer_format(out, "has shape %s, the original's %s%s", shape_text(mine->shape, mine->rank, here),
                  shape_text(original->shape, original->rank, there), turned ? ": it is transposed" : "");
}

bool relation_find(struct relations *relations, const char *name, struct buffer *out, struct error *error)
{
    const struct tensor *mine = store_find(relations->store, name), *original = store_find(relations->original, name);
    if (!mine || !original || !dtype_computes(mine->dtype) || !dtype_computes(original->dtype) || !mine->rows ||
        !mine->columns)
        return true;
    if (!tensor_same_shape(mine, original)) {
        shapes_text(mine, original, out);
        return true;
    }
    bool vector = mine->rank<2, partly = mine->rows * mine->columns> RELATION_MOST;
    uint64_t rows = partly ? RELATION_MOST / mine->columns + 1 : mine->rows;
    if (rows > mine->rows || rows * mine->columns > 2 * RELATION_MOST)
        return true;
    struct related related = {.mine = mine,
                              .original = original,
                              .read = rows,
                              .partly = partly,
                              .rows = (size_t)(vector ? mine->columns : rows),
                              .columns = (size_t)(vector ? 1 : mine->columns),
                              .head = relations->head};
    return relate(relations, &related, out, error);
}
