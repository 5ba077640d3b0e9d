/* One hash over the values of a store. */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/hash.h"
#include "base/progress.h"
#include "store/store_internal.h"

static int tensor_order(const void *a, const void *b)
{
    return strcmp((*(const struct tensor *const *)a)->name, (*(const struct tensor *const *)b)->name);
}

/* What it is, before what it holds: the same bytes under another dtype are other values. */
static bool hash_header(struct sha256 *sha, const struct tensor *tensor, struct error *error)
{
    struct buffer text = {0};
    buffer_format(&text, "%s%c%s%c", tensor->name, 0, dtype_name(tensor->dtype), 0);
    for (int i = 0; i < tensor->rank; i++)
        buffer_format(&text, "%s%llu", i ? "," : "", (unsigned long long)tensor->shape[i]);
    bool good =
        buffer_append(&text, "", 1) ? sha256_update(sha, text.data, text.size) : error_memory(error, tensor->name);
    buffer_free(&text);
    return good;
}

static bool hash_tensor(struct sha256 *sha, const struct store *store, const struct tensor *tensor, struct error *error)
{
    uint64_t width = tensor->rows ? tensor->bytes / tensor->rows : 0;
    uint64_t some = width ? ((uint64_t)4 << 20) / width + 1 : 1;
    char *chunk = malloc((size_t)(some * width) + 1);
    bool good = chunk || error_memory(error, tensor->name);
    good = good && hash_header(sha, tensor, error);
    for (uint64_t row = 0; good && row < tensor->rows; row += some) {
        uint64_t count = tensor->rows - row < some ? tensor->rows - row : some;
        good = store_read_rows(store, tensor, row, count, chunk, error) &&
               sha256_update(sha, chunk, (size_t)(count * width));
    }
    free(chunk);
    return good;
}

static bool hash_all(const struct store *store, char hex[65], struct error *error)
{
    size_t count = store_text_count(store);
    const struct tensor **sorted = malloc((count ? count : 1) * sizeof *sorted);
    struct sha256 *sha = sorted ? sha256_new(error) : NULL;
    bool good = sha || error_memory(error, store_path(store));
    for (size_t i = 0; good && i < count; i++)
        sorted[i] = store_at(store, i);
    if (good && count)
        qsort(sorted, count, sizeof *sorted, tensor_order);
    struct progress progress = progress_begin("hash", "tensors", count);
    for (size_t i = 0; good && i < count; i++) {
        good = hash_tensor(sha, store, sorted[i], error);
        progress_step(&progress, i + 1);
    }
    progress_end(&progress);
    char unused[65];
    if (sha && !sha256_finish(sha, good ? hex : unused))
        good = error_set(error, "%s: SHA-256 failed", store_path(store));
    free(sorted);
    return good;
}

bool store_sha256(struct store *store, char hex[65], struct error *error)
{
    if (!*store->sha256 && !hash_all(store, store->sha256, error)) {
        *store->sha256 = '\0';
        return false;
    }
    memcpy(hex, store->sha256, sizeof store->sha256);
    return true;
}

const char *store_sha256_known(const struct store *store)
{
    return *store->sha256 ? store->sha256 : NULL;
}
