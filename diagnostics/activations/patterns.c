#include "activations/patterns.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/numbers.h"

/* What a pattern leaves of an error that it explains: of its L2. */
#define LEFT 0.05
/* Factors of rows lie so near to the one factor, as a share of what that is away from 1. */
#define SPREAD 0.05
#define NARROW 4     /* rows of fewer values fit any factor */
#define ROWS_LEAST 3 /* of one kind, where one case alone shows it */

void rows_add(struct row_tally *tally, size_t token, const float *subject, const float *gold, size_t width,
              double tolerance)
{
    struct comparison row = {0};
    comparison_add(&row, subject, gold, width);
    bool wrong = !comparison_within(&row, tolerance);
    double factor = row.gold2 > 0 ? row.product / row.gold2 : NAN;
    if (!tally->rows || token < tally->first)
        tally->first = token;
    if (!tally->rows || token > tally->last)
        tally->last = token;
    if (wrong && (!tally->wrong || token < tally->first_wrong))
        tally->first_wrong = token;
    if (wrong && (!tally->wrong || token > tally->last_wrong))
        tally->last_wrong = token;
    if (!wrong && (tally->rows == tally->wrong || token > tally->last_right))
        tally->last_right = token;
    tally->unfitted2 += fmax(row.subject2 - factor * row.product, 0) + (isnan(factor) ? row.error2 : 0);
    tally->least = tally->rows ? fmin(tally->least, factor) : factor;
    tally->most = tally->rows ? fmax(tally->most, factor) : factor;
    tally->rows++;
    tally->wrong += wrong;
}

void heads_add(struct head_tally *heads, size_t count, const float *subject, const float *gold, size_t width,
               double tolerance)
{
    size_t each = width / count;
    for (size_t head = 0; head < count; head++) {
        struct comparison part = {0};
        comparison_add(&part, subject + head * each, gold + head * each, each);
        heads[head].rows++;
        heads[head].wrong += !comparison_within(&part, tolerance);
    }
}

/* --- over all rows --- */

/* All cases together. */
struct sums {
    double error2, gold2, subject2, product, unfitted2, least, most;
    size_t rows, width;
};

static struct sums sums_of(const struct seen_place *place)
{
    struct sums sums = {.least = INFINITY, .most = -INFINITY};
    for (size_t i = 0; i < place->count; i++) {
        const struct comparison *comparison = place->cases[i].comparison;
        const struct row_tally *rows = place->cases[i].rows;
        sums.error2 += comparison->error2;
        sums.gold2 += comparison->gold2;
        sums.subject2 += comparison->subject2;
        sums.product += comparison->product;
        sums.unfitted2 += rows->unfitted2;
        sums.least = fmin(sums.least, rows->least);
        sums.most = fmax(sums.most, rows->most);
        sums.rows += rows->rows;
        sums.width = comparison->count / rows->rows;
    }
    return sums;
}

static bool find_zeros(const struct seen_place *place, struct pattern *pattern)
{
    struct sums sums = sums_of(place);
    if (sums.subject2 > 0 || !(sums.gold2 > 0))
        return false;
    *pattern = (struct pattern){.kind = "zeros", .number = 0};
    snprintf(pattern->text, sizeof pattern->text, "Every value is 0.");
    return true;
}

/* In each case what the factor leaves of the error is next to nothing, and no row has another. */
static bool find_factor(const struct seen_place *place, struct pattern *pattern)
{
    struct sums sums = sums_of(place);
    double factor = sums.product / sums.gold2, near = SPREAD * fabs(factor - 1);
    if (sums.width < NARROW || !(factor - sums.least <= near && sums.most - factor <= near))
        return false;
    for (size_t i = 0; i < place->count; i++) {
        const struct comparison *c = place->cases[i].comparison;
        double left2 = c->subject2 - factor * (2 * c->product - factor * c->gold2);
        if (!(left2 <= LEFT * LEFT * c->error2))
            return false;
    }
    *pattern = (struct pattern){.kind = "factor", .number = factor};
    snprintf(pattern->text, sizeof pattern->text, "Every token is %.4g times gold's, and nothing else is wrong.",
             factor);
    return true;
}

static bool find_factors(const struct seen_place *place, struct pattern *pattern)
{
    struct sums sums = sums_of(place);
    if (sums.width < NARROW || sums.rows < 2 || !(sums.unfitted2 <= LEFT * LEFT * sums.error2))
        return false;
    for (size_t i = 0; i < place->count; i++)
        if (!(place->cases[i].rows->unfitted2 <= LEFT * LEFT * place->cases[i].comparison->error2))
            return false;
    const char *cause = "";
    if (place->routed && sums.most < 1)
        cause = ", as where the weights of the chosen experts are not made to sum to one (norm_topk_prob)";
    if (place->routed && sums.least > 1)
        cause = ", as where the weights of the chosen experts are made to sum to one, and gold's are not "
                "(norm_topk_prob)";
    *pattern = (struct pattern){.kind = "factors", .number = NAN};
    snprintf(pattern->text, sizeof pattern->text,
             "Every token is gold's times a factor of its own, %.3g to %.3g, and nothing else is wrong%s.", sums.least,
             sums.most, cause);
    return true;
}

/* --- over heads --- */

static bool find_heads(const struct seen_place *place, struct pattern *pattern)
{
    int *wrong = malloc((place->head_count + 1) * sizeof *wrong);
    size_t count = 0, right = 0;
    for (size_t head = 0; wrong && head < place->head_count; head++) {
        const struct head_tally *tally = &place->heads[head];
        right += tally->rows && !tally->wrong;
        if (tally->wrong && 10 * tally->wrong >= 9 * tally->rows)
            wrong[count++] = (int)head;
    }
    bool found = count && right && count + right == place->head_count;
    if (found) {
        struct buffer list = {0};
        numbers_ranges(&list, wrong, count);
        *pattern = (struct pattern){.kind = "heads", .number = (double)count};
        snprintf(pattern->text, sizeof pattern->text, "Only head%s %s of %zu %s wrong, in every token.",
                 count > 1 ? "s" : "", list.data ? list.data : "", place->head_count, count > 1 ? "are" : "is");
        buffer_free(&list);
    }
    free(wrong);
    return found;
}

/* --- over positions --- */

/* One token of each case is wrong: the same, or the last. */
static bool find_token(const struct seen_place *place, struct pattern *pattern)
{
    bool same = true, last = true, lengths = false;
    const struct row_tally *first = place->cases[0].rows;
    size_t right = 0;
    for (size_t i = 0; i < place->count; i++) {
        const struct row_tally *rows = place->cases[i].rows;
        right += rows->rows - rows->wrong;
        if (rows->wrong != 1)
            return false;
        same = same && rows->first_wrong == first->first_wrong;
        last = last && rows->first_wrong == rows->last;
        lengths = lengths || rows->last != first->last;
    }
    last = last && lengths;
    if ((!same && !last) || right < ROWS_LEAST || place->routed)
        return false;
    *pattern = (struct pattern){.kind = "token", .number = same ? (double)first->first_wrong : NAN};
    if (same)
        snprintf(pattern->text, sizeof pattern->text, "Only token %zu is wrong, in every case.", first->first_wrong);
    else
        snprintf(pattern->text, sizeof pattern->text, "Only the last token is wrong, in every case.");
    return true;
}

/* Every case is right up to the same token, and wrong from it on. */
static bool find_onset(const struct seen_place *place, struct pattern *pattern)
{
    size_t onset = SIZE_MAX, reach = 0, wrong = 0;
    for (size_t i = 0; i < place->count; i++)
        if (place->cases[i].rows->wrong && place->cases[i].rows->first_wrong < onset)
            onset = place->cases[i].rows->first_wrong;
    for (size_t i = 0; i < place->count; i++) {
        const struct row_tally *rows = place->cases[i].rows;
        bool reaches = rows->last >= onset;
        if (rows->first >= onset || (reaches && (rows->first_wrong != onset || !rows->wrong)) ||
            (rows->wrong < rows->rows && rows->last_right >= onset))
            return false;
        reach += reaches;
        wrong += rows->wrong;
    }
    if (place->routed || wrong < ROWS_LEAST || (reach < 2 && onset < ROWS_LEAST && !place->attention))
        return false;
    *pattern = (struct pattern){.kind = "onset", .number = (double)onset};
    const char *every = place->count > 1 ? ", in every case" : "";
    if (onset == 1 && place->attends)
        snprintf(pattern->text, sizeof pattern->text,
                 "Only the first token, which sees nothing but itself, is right%s: what is wrong is which tokens it "
                 "attends to (queries, keys, their rotation, the scale of scores), not what it reads there (values).",
                 every);
    else if (onset == 1)
        snprintf(pattern->text, sizeof pattern->text, "Only the first token is right%s.", every);
    else
        snprintf(pattern->text, sizeof pattern->text, "Right up to token %zu and wrong from %zu on%s%s.", onset - 1,
                 onset, every, place->attends ? ": that is what a sliding window does, or a position in a cache" : "");
    return true;
}

bool pattern_find(const struct seen_place *place, struct pattern *pattern)
{
    static bool (*const finders[])(const struct seen_place *, struct pattern *) = {
        find_zeros, find_factor, find_factors, find_heads, find_token, find_onset};
    bool wrong = false;
    for (size_t i = 0; i < place->count; i++) {
        if (place->cases[i].comparison->non_finite || !place->cases[i].rows->rows)
            return false;
        wrong = wrong || place->cases[i].rows->wrong;
    }
    for (size_t i = 0; wrong && i < sizeof finders / sizeof *finders; i++)
        if (finders[i](place, pattern))
            return true;
    return false;
}
