#include "causes/differing.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/progress.h"
#include "store/place.h"
#include "values/values.h"

#define BLOCK_BYTES ((uint64_t)4 << 20)

/* Rows of both sides, raw and widened. */
struct sides {
    void *raw[2];
    float *wide[2];
};

static bool sides_make(struct sides *sides, const struct tensor *a, const struct tensor *b, uint64_t rows)
{
    const struct tensor *const tensors[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        sides->raw[i] = malloc(dtype_row_bytes(tensors[i]->dtype, (size_t)(rows * tensors[i]->columns)) + 1);
        sides->wide[i] = malloc((size_t)(rows * tensors[i]->columns) * sizeof(float) + 1);
    }
    return sides->raw[0] && sides->raw[1] && sides->wide[0] && sides->wide[1];
}

static void sides_free(struct sides *sides)
{
    for (int i = 0; i < 2; i++) {
        free(sides->raw[i]);
        free(sides->wide[i]);
    }
}

static bool same_values(const struct store *store, const struct tensor *a, const struct store *original,
                        const struct tensor *b, bool *same, struct error *error)
{
    uint64_t block = BLOCK_BYTES / (4 * b->columns + 1) + 1;
    struct sides sides = {0};
    bool good = sides_make(&sides, a, b, block) || error_memory(error, b->name);
    *same = true;
    for (uint64_t row = 0; good && *same && row < b->rows; row += block) {
        uint64_t some = b->rows - row < block ? b->rows - row : block;
        good = store_read_wide(store, a, row, some, sides.raw[0], sides.wide[0], error) &&
               store_read_wide(original, b, row, some, sides.raw[1], sides.wide[1], error);
        *same = good && values_equal(sides.wide[0], sides.wide[1], (size_t)(some * b->columns));
    }
    sides_free(&sides);
    return good;
}

/* False in `*differs`: what is there is the original's. */
static bool judge(const struct store *store, const struct store *original, const struct tensor *tensor, bool *differs,
                  bool *absent, struct error *error)
{
    const struct tensor *here = store_find(store, tensor->name);
    bool same = false;
    *absent = !here;
    *differs = true;
    if (!here || !tensor_same_shape(here, tensor) || !dtype_computes(here->dtype) || !dtype_computes(tensor->dtype))
        return true;
    if (!same_values(store, here, original, tensor, &same, error))
        return false;
    *differs = !same;
    return true;
}

/* Something is wrong where the tensor lies. */
static bool could_matter(int layer, const unsigned *bad, int blocks)
{
    return layer < 0 ? bad[0] || bad[blocks - 1] : layer < blocks - 2 && bad[layer + 1];
}

bool differing_take(const struct store *store, const struct store *original, const unsigned *bad, int blocks,
                    struct differing *out, struct error *error)
{
    size_t count = store_text_count(original);
    struct progress progress = progress_begin("original", "tensors", count);
    bool good = true;
    for (size_t i = 0; good && i < count; i++) {
        const struct tensor *tensor = store_at(original, i);
        struct different different = {.name = tensor->name};
        bool differs = false;
        tensor_place(tensor, &different.layer, &different.expert);
        progress_step(&progress, i + 1);
        if (!could_matter(different.layer, bad, blocks))
            continue;
        good = judge(store, original, tensor, &differs, &different.absent, error) &&
               (!differs || array_push(out->items, out->count, out->capacity, different) ||
                error_memory(error, "original"));
    }
    progress_end(&progress);
    return good;
}

void differing_free(struct differing *differing)
{
    free(differing->items);
    *differing = (struct differing){0};
}
