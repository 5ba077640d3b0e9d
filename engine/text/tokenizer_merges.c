/* Merges of tokenizers that were stored without them, as transformers finds them (generate_merges and
 * TikTokenConverter of convert_slow_tokenizer.py). */
#include <stdlib.h>
#include <string.h>

#include "text/tokenizer_internal.h"
#include "text/utf8.h"

struct cut {
    size_t at; /* where the second part begins */
    size_t left, right;
};

struct cuts {
    struct cut *items;
    size_t count, capacity;
};

static int cut_order(const void *a, const void *b)
{
    const struct cut *left = a, *right = b;
    if (left->left != right->left)
        return left->left > right->left ? 1 : -1;
    return (left->right > right->right) - (left->right < right->right);
}

static bool cuts_find(const char *text, const struct map *ids, struct cuts *cuts)
{
    size_t size = strlen(text);
    cuts->count = 0;
    for (size_t at = 0; utf8_next(text, &at), at < size;) {
        size_t left = map_find(ids, text, at);
        size_t right = left == MAP_ABSENT ? MAP_ABSENT : map_find(ids, text + at, size - at);
        if (right != MAP_ABSENT && !array_push(cuts->items, cuts->count, cuts->capacity, (struct cut){at, left, right}))
            return false;
    }
    return true;
}

/* [first, second]. */
static bool merge_add(cJSON *merges, const char *text, size_t at, struct buffer *part)
{
    cJSON *merge = cJSON_CreateArray();
    if (!merge || !cJSON_AddItemToArray(merges, merge)) {
        cJSON_Delete(merge);
        return false;
    }
    part->size = 0;
    cJSON *left = buffer_append(part, text, at) ? cJSON_CreateString(part->data) : NULL;
    if (!left || !cJSON_AddItemToArray(merge, left))
        return false;
    cJSON *right = cJSON_CreateString(text + at);
    return right && cJSON_AddItemToArray(merge, right);
}

cJSON *merges_find(const char *const *texts, size_t count, const struct map *ids, bool by_id)
{
    cJSON *merges = cJSON_CreateArray();
    struct cuts cuts = {0};
    struct buffer part = {0};
    bool good = merges;
    for (size_t id = 0; good && id < count; id++) {
        if (!texts[id] || !*texts[id])
            continue;
        good = cuts_find(texts[id], ids, &cuts);
        if (good && by_id && cuts.count)
            qsort(cuts.items, cuts.count, sizeof *cuts.items, cut_order);
        for (size_t i = 0; good && i < cuts.count; i++)
            good = merge_add(merges, texts[id], cuts.items[i].at, &part);
    }
    free(cuts.items);
    buffer_free(&part);
    if (good)
        return merges;
    cJSON_Delete(merges);
    return NULL;
}
