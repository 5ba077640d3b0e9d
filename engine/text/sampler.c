#include "text/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"

struct sampler {
    struct sampler_options options;
    float *sorted; /* scratch [width] */
    unsigned char *seen;
    size_t width;
};

/* --- random numbers --- */

static uint64_t splitmix(uint64_t *state)
{
    uint64_t value = mix_u64(*state);
    *state += MIX_STEP;
    return value;
}

void sampler_seed(struct sampler_stream *stream, uint64_t seed, uint64_t which)
{
    uint64_t state = seed, mixed = splitmix(&state) ^ which;
    for (size_t i = 0; i < 4; i++)
        stream->state[i] = splitmix(&mixed);
}

static uint64_t rotate(uint64_t value, int by)
{
    return value << by | value >> (64 - by);
}

uint64_t sampler_random(struct sampler_stream *stream)
{
    uint64_t *state = stream->state, result = rotate(state[1] * 5, 7) * 9, shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate(state[3], 45);
    return result;
}

double sampler_uniform(struct sampler_stream *stream)
{
    return (double)(sampler_random(stream) >> 11) * 0x1p-53;
}

/* --- processors --- */

struct sampler *sampler_new(const struct sampler_options *options, struct error *error)
{
    struct sampler *sampler = calloc(1, sizeof *sampler);
    if (sampler)
        sampler->options = *options;
    else
        error_memory(error, "sampler");
    return sampler;
}

void sampler_free(struct sampler *sampler)
{
    if (!sampler)
        return;
    free(sampler->sorted);
    free(sampler->seen);
    free(sampler);
}

static bool sampler_fit(struct sampler *sampler, size_t width, struct error *error)
{
    if (width <= sampler->width)
        return true;
    float *sorted = realloc(sampler->sorted, width * sizeof *sorted);
    sampler->sorted = sorted ? sorted : sampler->sorted;
    unsigned char *seen = realloc(sampler->seen, width);
    sampler->seen = seen ? seen : sampler->seen;
    sampler->width = sorted && seen ? width : 0;
    return sampler->width || error_memory(error, "sampler");
}

/* Each id of the history once, however often it is there. */
static void penalise(struct sampler *sampler, const int *history, size_t count, float *logits, size_t width)
{
    float penalty = (float)sampler->options.repetition_penalty;
    memset(sampler->seen, 0, width);
    for (size_t i = 0; i < count; i++) {
        size_t id = (size_t)history[i];
        if (history[i] < 0 || id >= width || sampler->seen[id])
            continue;
        sampler->seen[id] = 1;
        logits[id] = logits[id] < 0 ? logits[id] * penalty : logits[id] / penalty;
    }
}

static int falling(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x > y ? -1 : x < y;
}

/* Puts `value` at the top of a heap of the k largest so far, whose smallest is on top, and lets it sink. */
static void heap_sink(float *heap, size_t k, float value)
{
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= k)
            break;
        child += child + 1 < k && heap[child + 1] < heap[child];
        if (heap[child] >= value)
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = value;
}

/* The k-th largest of values[count], 1 <= k <= count; `heap` holds k. */
static float largest_of(const float *values, size_t count, size_t k, float *heap)
{
    for (size_t i = 0; i < k; i++)
        heap[i] = -INFINITY;
    for (size_t i = 0; i < count; i++)
        if (values[i] > heap[0])
            heap_sink(heap, k, values[i]);
    return heap[0];
}

static void keep_top_k(struct sampler *sampler, float *logits, size_t width)
{
    size_t k = sampler->options.top_k < width ? sampler->options.top_k : width;
    float least = largest_of(logits, width, k, sampler->sorted);
    for (size_t i = 0; i < width; i++)
        if (logits[i] < least)
            logits[i] = -INFINITY;
}

/* Removes the least likely as long as all that is removed has at most 1 - top_p together; the most likely stays. Of
 * equals, the original removes those that its sort happens to put first; here those with the larger ids. */
static void keep_top_p(struct sampler *sampler, float *logits, size_t width)
{
    size_t count = 0;
    double sum = 0, removed = 0, most = 1 - sampler->options.top_p;
    for (size_t i = 0; i < width; i++)
        if (logits[i] > -INFINITY)
            sampler->sorted[count++] = logits[i];
    qsort(sampler->sorted, count, sizeof *sampler->sorted, falling);
    float largest = sampler->sorted[0];
    for (size_t i = 0; i < count; i++)
        sum += exp((double)(sampler->sorted[i] - largest));
    size_t kept = count;
    while (kept > 1) {
        removed += exp((double)(sampler->sorted[kept - 1] - largest)) / sum;
        if (!((float)removed <= (float)most))
            break;
        kept--;
    }
    float least = sampler->sorted[kept - 1];
    size_t equal = 0;
    for (size_t i = 0; i < kept; i++)
        equal += sampler->sorted[i] >= least && sampler->sorted[i] <= least;
    for (size_t i = 0; i < width; i++) {
        bool tied = logits[i] >= least && logits[i] <= least;
        if (logits[i] < least || (tied && !equal))
            logits[i] = -INFINITY;
        else
            equal -= tied;
    }
}

static void keep_min_p(const struct sampler *sampler, float *logits, size_t width)
{
    float largest = -INFINITY;
    double sum = 0;
    for (size_t i = 0; i < width; i++)
        largest = fmaxf(largest, logits[i]);
    for (size_t i = 0; i < width; i++)
        sum += exp((double)(logits[i] - largest));
    float least = (float)((double)(float)(1 / sum) * sampler->options.min_p);
    for (size_t i = 0; i < width; i++)
        if (logits[i] < largest && (float)(exp((double)(logits[i] - largest)) / sum) < least)
            logits[i] = -INFINITY;
}

/* By the temperature. One so small that the quotients do not fit leaves only the most likely, the first among equals;
 * false then, for there is nothing more to choose. */
static bool divide(float *logits, size_t width, float temperature)
{
    size_t best = 0;
    bool fits = true;
    for (size_t i = 0; i < width; i++) {
        best = logits[i] > logits[best] ? i : best;
        fits = fits && isfinite(logits[i] / temperature);
    }
    for (size_t i = 0; i < width; i++)
        logits[i] = fits ? logits[i] / temperature : i == best ? 0 : -INFINITY;
    return fits;
}

bool sampler_process(struct sampler *sampler, const int *history, size_t count, float *logits, size_t width,
                     struct error *error)
{
    const struct sampler_options *options = &sampler->options;
    if (!sampler_fit(sampler, width, error))
        return false;
    for (size_t i = 0; i < width; i++)
        if (!isfinite(logits[i]))
            return error_set(error, "the logits are not finite (token %zu), so nothing can be drawn", i);
    if (options->repetition_penalty < 1 || options->repetition_penalty > 1)
        penalise(sampler, history, count, logits, width);
    for (size_t i = 0; i < width; i++)
        if (!isfinite(logits[i]))
            return error_set(error, "the repetition penalty makes a logit infinite (token %zu)", i);
    if (!(options->temperature > 0))
        return true;
    if (!divide(logits, width, (float)options->temperature))
        return true;
    if (options->top_k)
        keep_top_k(sampler, logits, width);
    if (options->top_p < 1)
        keep_top_p(sampler, logits, width);
    if (options->min_p > 0)
        keep_min_p(sampler, logits, width);
    return true;
}

bool sampler_next(struct sampler *sampler, struct sampler_stream *stream, const int *history, size_t count,
                  float *logits, size_t width, int *next, struct error *error)
{
    if (!sampler_process(sampler, history, count, logits, width, error))
        return false;
    size_t best = 0, last = 0;
    double sum = 0, below = 0;
    for (size_t i = 1; i < width; i++)
        best = logits[i] > logits[best] ? i : best;
    *next = (int)best;
    if (!(sampler->options.temperature > 0))
        return true;
    for (size_t i = 0; i < width; i++)
        sum += exp((double)(logits[i] - logits[best]));
    double drawn = sampler_uniform(stream) * sum;
    for (size_t i = 0; i < width; i++) {
        double share = exp((double)(logits[i] - logits[best]));
        if (!(share > 0))
            continue;
        last = i;
        below += share;
        if (drawn < below)
            break;
    }
    *next = (int)last;
    return true;
}
