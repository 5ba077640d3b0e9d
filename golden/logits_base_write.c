#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "golden/logits_base.h"

#define STEPS 65535 /* of a row */
#define SPAN 16     /* what they span at most, below the largest logit */

struct logits_base {
    struct file_writer *writer;
    size_t window, vocabulary, windows;
    size_t first, rows; /* of each window */
    uint64_t at;        /* where the rows begin */
    size_t missing;     /* rows that did not come yet */
    bool *came;         /* [windows][rows] */
    char *row;          /* scratch */
    size_t row_bytes;
    char *path;
};

static bool write_header(struct logits_base *base, const int *const *ids, struct error *error)
{
    int32_t counts[3] = {(int32_t)base->window, (int32_t)base->vocabulary, (int32_t)base->windows};
    bool good = file_append(base->writer, "_logits_", 8, error) && file_append(base->writer, counts, 12, error);
    for (size_t i = 0; good && i < base->windows; i++)
        good = file_append(base->writer, ids[i], base->window * sizeof **ids, error);
    base->at = 20 + (uint64_t)base->windows * base->window * sizeof **ids;
    return good;
}

struct logits_base *logits_base_create(const char *path, size_t window, size_t vocabulary, size_t windows,
                                       const int *const *ids, struct error *error)
{
    if (window < 3 || window > INT32_MAX || vocabulary > INT32_MAX || windows > INT32_MAX) {
        error_set(error, "%s: %zu windows of %zu tokens cannot be written; each should have at least 3 tokens", path,
                  windows, window);
        return NULL;
    }
    struct logits_base *base = calloc(1, sizeof *base);
    if (!base) {
        error_memory(error, path);
        return NULL;
    }
    base->window = window;
    base->vocabulary = vocabulary;
    base->windows = windows;
    base->first = window / 2;
    base->rows = window - 1 - base->first;
    base->missing = windows * base->rows;
    base->row_bytes = 8 + 2 * (vocabulary + vocabulary % 2);
    base->row = calloc(1, base->row_bytes);
    base->came = calloc(base->missing, sizeof *base->came);
    base->path = strdup(path);
    bool good = (base->row && base->came && base->path) || error_memory(error, path);
    if (good && (base->writer = file_create(path, error)) && write_header(base, ids, error))
        return base;
    logits_base_discard(base);
    return NULL;
}

/* In double, and rounded once: llama-perplexity's own float arithmetic differs from it in the last bits. */
static void quantise(const struct logits_base *base, const float *logits)
{
    double most = -INFINITY, least = INFINITY, sum = 0;
    for (size_t i = 0; i < base->vocabulary; i++) {
        most = fmax(most, (double)logits[i]);
        least = fmin(least, (double)logits[i]);
    }
    least = fmax(least, most - SPAN);
    for (size_t i = 0; i < base->vocabulary; i++)
        sum += exp((double)logits[i] - most);
    float lead[2] = {(float)((most - least) / STEPS), (float)(least - most - log(sum))};
    memcpy(base->row, lead, sizeof lead);
    for (size_t i = 0; i < base->vocabulary; i++) {
        double above = lead[0] > 0 ? round(((double)logits[i] - least) / (double)lead[0]) : 0;
        uint16_t step = (uint16_t)fmin(fmax(above, 0), STEPS);
        memcpy(base->row + 8 + 2 * i, &step, sizeof step);
    }
}

bool logits_base_put(struct logits_base *base, size_t window, size_t token, const float *logits, struct error *error)
{
    size_t row = window * base->rows + token - base->first;
    if (token < base->first || token + 1 >= base->window)
        return true;
    for (size_t i = 0; i < base->vocabulary; i++)
        if (!isfinite(logits[i]))
            return error_set(error, "%s: window %zu: a logit of token %zu is not finite", base->path, window, token);
    base->missing -= !base->came[row];
    base->came[row] = true;
    quantise(base, logits);
    return file_write_at(base->writer, base->at + row * base->row_bytes, base->row, base->row_bytes, error);
}

static void base_free(struct logits_base *base)
{
    free(base->row);
    free(base->came);
    free(base->path);
    free(base);
}

bool logits_base_commit(struct logits_base *base, struct error *error)
{
    bool whole =
        !base->missing || error_set(error, "%s: %zu rows of logits were not computed, so the file is not written",
                                    base->path, base->missing);
    bool good = whole && file_commit(base->writer, error);
    if (!whole)
        file_discard(base->writer);
    base_free(base);
    return good;
}

void logits_base_discard(struct logits_base *base)
{
    if (!base)
        return;
    file_discard(base->writer);
    base_free(base);
}
