/* The reader of base files. */
#include "golden/logits_base.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/numbers.h"
#include "golden/golden_make.h"
#include "golden/golden_readers.h"

#define MAGIC "_logits_"
#define MAGIC_SIZE 8
#define HEADER_SIZE 20
#define SPAN (-LOGITS_BASE_LEAST)
#define ROW_LEAD 8 /* bytes before the steps */

_Static_assert(sizeof(int) == 4, "token ids are read as they lie in the file");

static bool base_recognises(const char *path)
{
    char magic[MAGIC_SIZE] = {0};
    int descriptor = file_open(path, NULL, NULL);
    bool found = descriptor >= 0 && file_read_at(descriptor, path, 0, magic, MAGIC_SIZE, NULL) &&
                 memcmp(magic, MAGIC, MAGIC_SIZE) == 0;
    if (descriptor >= 0)
        close(descriptor);
    return found;
}

static uint64_t row_bytes(uint64_t vocabulary)
{
    return ROW_LEAD + 2 * (vocabulary + vocabulary % 2);
}

struct layout {
    size_t window, vocabulary, windows;
    size_t rows; /* of one window */
};

static bool read_layout(const struct golden *golden, struct layout *layout, struct error *error)
{
    char header[HEADER_SIZE];
    int32_t counts[3];
    uint64_t size = 0, tokens = 0, rows = 0, bytes = 0;
    if (!file_size(golden->path, &size, error) ||
        !file_read_at(golden->descriptor, golden->path, 0, header, HEADER_SIZE, error))
        return false;
    memcpy(counts, header + MAGIC_SIZE, sizeof counts);
    if (counts[0] < 3 || counts[1] < 2 || counts[2] < 1)
        return error_set(
            error,
            "%s: says that it holds %d windows of %d tokens over a vocabulary of %d; at least 1, 3 and 2 were expected",
            golden->path, counts[2], counts[0], counts[1]);
    *layout = (struct layout){.window = (size_t)counts[0],
                              .vocabulary = (size_t)counts[1],
                              .windows = (size_t)counts[2],
                              .rows = (size_t)(counts[0] - 1 - counts[0] / 2)};
    bool fits = multiply_u64(layout->window, layout->windows, &tokens) && multiply_u64(tokens, 4, &tokens) &&
                multiply_u64(layout->rows, layout->windows, &rows) &&
                multiply_u64(rows, row_bytes(layout->vocabulary), &bytes) &&
                add_u64(bytes, tokens + HEADER_SIZE, &bytes);
    if (!fits || bytes != size)
        return error_set(error,
                         "%s: %zu windows of %zu tokens over a vocabulary of %zu take %llu bytes, but the file has "
                         "%llu (truncated? get it again)",
                         golden->path, layout->windows, layout->window, layout->vocabulary, (unsigned long long)bytes,
                         (unsigned long long)size);
    return layout->window <= GOLDEN_IDS_MAX ||
           error_set(error, "%s: its windows have %zu tokens; at most %zu are allowed", golden->path, layout->window,
                     GOLDEN_IDS_MAX);
}

static bool add_window(struct golden *golden, const struct layout *layout, size_t window, struct error *error)
{
    struct ids ids = {0};
    char id[32];
    snprintf(id, sizeof id, "window-%zu", window);
    bool good = golden_read_ids(golden->path, HEADER_SIZE + (uint64_t)window * layout->window * 4, DTYPE_I32,
                                layout->window, &ids, error) &&
                golden_add_case(golden, id, &ids, error);
    ids_free(&ids);
    struct golden_tensor tensor = {.case_index = window,
                                   .kind = GOLDEN_LOG_PROBABILITIES,
                                   .first = layout->window / 2,
                                   .rows = layout->rows,
                                   .width = layout->vocabulary,
                                   .noise = NAN};
    uint64_t before = HEADER_SIZE + (uint64_t)layout->windows * layout->window * 4;
    struct golden_place place = {.offset = before + (uint64_t)window * layout->rows * row_bytes(layout->vocabulary)};
    return good && golden_add_tensor(golden, &tensor, "lm_head", place, error);
}

static bool base_open(struct golden *golden, struct error *error)
{
    struct layout layout = {0};
    golden->producer = "llama-perplexity --kl-divergence-base";
    golden->dtype = "float32";
    golden->windows = true;
    bool good = golden_open_file(golden, error) && read_layout(golden, &layout, error);
    for (size_t window = 0; good && window < layout.windows; window++)
        good = add_window(golden, &layout, window, error);
    return good;
}

static bool base_row(const struct golden *golden, uint64_t offset, char *raw, size_t width, float *out,
                     struct error *error)
{
    float lead[2];
    if (!file_read_at(golden->descriptor, golden->path, offset, raw, (size_t)row_bytes(width), error))
        return false;
    memcpy(lead, raw, sizeof lead);
    if (!isfinite(lead[0]) || !isfinite(lead[1]) || lead[0] < 0)
        return error_set(
            error, "%s: the row of a token has scale %g and least value %g, which is damaged: make the file again",
            golden->path, (double)lead[0], (double)lead[1]);
    double sum = 0;
    for (size_t i = 0; i < width; i++) {
        uint16_t step;
        memcpy(&step, raw + ROW_LEAD + 2 * i, sizeof step);
        out[i] = lead[0] * (float)step + lead[1];
        sum += exp((double)out[i]);
    }
    /* What is less likely than exp(-16) times the most likely is raised to that, so that a row may sum to a little
     * more. */
    double rounding = (double)lead[0] + (double)width * exp(-SPAN) + 1e-3;
    if ((double)lead[0] * 65535 > SPAN * 1.001 || !(fabs(sum - 1) <= rounding))
        return error_set(error,
                         "%s: the log-probabilities of a token span %g nats, and their probabilities sum to %g, not 1: "
                         "make the file again",
                         golden->path, (double)lead[0] * 65535, sum);
    return true;
}

static bool base_read_rows(const struct golden *golden, size_t index, size_t first, size_t count, float *out,
                           struct error *error)
{
    size_t width = golden->tensors[index].width;
    uint64_t bytes = row_bytes(width), offset = golden->places[index].offset + first * bytes;
    char *raw = malloc((size_t)bytes);
    bool good = raw || error_memory(error, golden->path);
    for (size_t row = 0; good && row < count; row++)
        good = base_row(golden, offset + row * bytes, raw, width, out + row * width, error);
    free(raw);
    return good;
}

const struct golden_reader golden_logits_base = {base_recognises, base_open, base_read_rows};
