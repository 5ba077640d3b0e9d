/* The metrics of a model's surprise, in a view of a text. */
#include "quality/surprise.h"

#include <math.h>
#include <stdlib.h>

#include "quality/text_measure.h"

#define TOKENS_LEAST 8 /* of a view that says anything */
#define RUN_TOKENS 16  /* of a span that surprises */
#define SPAN_BYTES 64  /* the same for any vocabulary */
#define LOOP_BYTES 128 /* of a span that does not surprise at all */
#define BITS_MUCH 10.0 /* a token that surprises */

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double median(const float *values, size_t count, struct measuring *measuring)
{
    float *sorted = malloc(count * sizeof *sorted);
    if (!sorted) {
        measuring->memory = true;
        return NAN;
    }
    for (size_t i = 0; i < count; i++)
        sorted[i] = values[i];
    qsort(sorted, count, sizeof *sorted, by_value);
    double middle = sorted[count / 2];
    free(sorted);
    return middle;
}

/* Most or least bits per byte over spans of about so many bytes; of the whole view where it is shorter. */
static double extreme(const struct surprise *surprise, size_t first, size_t last, size_t from, size_t bytes,
                      double sign)
{
    double best = -INFINITY, sum = 0;
    size_t head = first;
    for (size_t i = first; i < last; i++) {
        sum += surprise->bits[i];
        size_t begin = head > first ? surprise->ends[head - 1] : from;
        while (head < i && surprise->ends[i] - surprise->ends[head] >= bytes) {
            sum -= surprise->bits[head];
            begin = surprise->ends[head++];
        }
        size_t length = surprise->ends[i] - begin;
        if (length >= bytes || (i + 1 == last && best == -INFINITY))
            best = fmax(best, sign * sum / fmax((double)length, 1));
    }
    return sign * best;
}

static double run_most(const float *bits, size_t count)
{
    size_t length = count < RUN_TOKENS ? count : RUN_TOKENS;
    double sum = 0, most = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        sum += bits[i];
        if (i >= length)
            sum -= bits[i - length];
        if (i + 1 >= length)
            most = fmax(most, sum / (double)length);
    }
    return most;
}

void surprise_measure(struct measuring *measuring)
{
    const struct surprise *surprise = measuring->surprise;
    double *metrics = measuring->metrics;
    if (!surprise)
        return;
    size_t from = view_from(measuring->view), to = view_to(measuring->view), first = 0;
    while (first < surprise->count && surprise->ends[first] <= from)
        first++;
    size_t last = first, high = 0;
    double sum = 0, alone = 0;
    for (; last < surprise->count && surprise->ends[last] <= to; last++) {
        sum += surprise->bits[last];
        alone += surprise->alone[last];
        high += surprise->bits[last] > BITS_MUCH;
    }
    size_t count = last - first;
    if (count < TOKENS_LEAST)
        return;
    double bytes = fmax((double)(surprise->ends[last - 1] - from), 1);
    metrics[METRIC_SURPRISE] = sum / bytes;
    metrics[METRIC_SURPRISE_RUN] = run_most(surprise->bits + first, count);
    metrics[METRIC_SURPRISE_MOST] = extreme(surprise, first, last, from, SPAN_BYTES, 1);
    metrics[METRIC_SURPRISE_LEAST] = extreme(surprise, first, last, from, LOOP_BYTES, -1);
    metrics[METRIC_SURPRISE_HIGH] = (double)high / (double)count;
    metrics[METRIC_SURPRISE_MEDIAN] = median(surprise->bits + first, count, measuring);
    metrics[METRIC_COHERENCE] = (alone - sum) / bytes;
    metrics[METRIC_COHERENCE_SHARE] = (alone - sum) / fmax(alone, 1e-9);
}

#define MARK_TOKENS 8 /* in a row */
#define MARK_BITS 9.0 /* in the mean: one right text in ten has such a place */

bool surprise_mark(const struct surprise *surprise, struct marks *marks)
{
    double sum = 0;
    for (size_t i = 0; surprise && i < surprise->count; i++) {
        sum += surprise->bits[i] - (i >= MARK_TOKENS ? surprise->bits[i - MARK_TOKENS] : 0);
        if (i + 1 < MARK_TOKENS || sum < MARK_BITS * MARK_TOKENS)
            continue;
        size_t first = i + 1 - MARK_TOKENS, from = first ? surprise->ends[first - 1] : 0;
        if (!marks_add(marks, from, surprise->ends[i], DIAGNOSE_SURPRISE))
            return false;
    }
    return true;
}
