/* Are the weights those of the original, and what did storing them otherwise cost? */
#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/progress.h"
#include "base/wording.h"
#include "health/relation.h"
#include "health/weights_source.h"
#include "limits/comparator.h"

#define WORST_MAX 40

/* One tensor of the subject. */
struct pair {
    const struct tensor *mine;
    const struct tensor *source; /* NULL: the original has none of that name */
    bool shaped;                 /* both have the same shape and can be computed with */
    bool gain;                   /* of a norm, which either of the two may hold with the 1 that the original adds */
    struct comparison comparison;
    double error; /* relative L2 */
    double limit;
};

struct matching {
    const struct store *store, *source;
    struct relations *relations;
    struct pair *pairs;
    size_t count;
    pthread_mutex_t lock;
    struct progress progress;
    size_t done;
    struct error failure;
};

static bool pair_compare(const struct matching *matching, struct pair *pair, struct error *error)
{
    const struct tensor *mine = pair->mine, *source = pair->source;
    if (!pair->shaped || !mine->columns || !mine->rows)
        return true;
    uint64_t some = chunk_rows(mine->columns);
    size_t most = (size_t)(some * mine->columns);
    void *raw = malloc(dtype_row_bytes(mine->dtype, most) + dtype_row_bytes(source->dtype, most) + 1);
    float *a = malloc(most * sizeof *a), *b = malloc(most * sizeof *b);
    struct comparison raised = {0};
    bool good = (raw && a && b) || error_memory(error, mine->name);
    for (uint64_t row = 0; good && row < mine->rows; row += some) {
        uint64_t rows = mine->rows - row < some ? mine->rows - row : some;
        good = store_read_wide(matching->store, mine, row, rows, raw, a, error);
        if (!good && error->kind == ERROR_ANY)
            error->kind = ERROR_MINE;
        good = good && store_read_wide(matching->source, source, row, rows, raw, b, error);
        if (good)
            comparison_add(&pair->comparison, a, b, (size_t)(rows * mine->columns));
        for (uint64_t i = 0; good && pair->gain && i < rows * mine->columns; i++)
            b[i] += 1;
        if (good && pair->gain)
            comparison_add(&raised, a, b, (size_t)(rows * mine->columns));
    }
    if (good && pair->gain && comparison_relative(&raised) < comparison_relative(&pair->comparison))
        pair->comparison = raised;
    assert(!good || pair->comparison.count == mine->rows * mine->columns);
    pair->error = comparison_relative(&pair->comparison);
    free(raw);
    free(a);
    free(b);
    return good;
}

static void pair_task(void *context, size_t task, int thread)
{
    struct matching *matching = context;
    struct error error = {0};
    (void)thread;
    bool good = pair_compare(matching, &matching->pairs[task], &error);
    pthread_mutex_lock(&matching->lock);
    progress_step(&matching->progress, ++matching->done);
    if (!good && !matching->failure.text)
        matching->failure = error;
    else
        error_clear(&error);
    pthread_mutex_unlock(&matching->lock);
}

/* Two tensors of one shape that holds no values have no difference; any other must have been compared. */
static bool pair_bad(const struct pair *pair)
{
    bool empty = !pair->mine->rows || !pair->mine->columns;
    return pair->source && (!pair->shaped || !(empty || comparison_within(&pair->comparison, pair->limit)));
}

/* Bad ones first, then by error; a NaN is the worst. */
static int pair_order(const void *left, const void *right)
{
    const struct pair *a = left, *b = right;
    if (pair_bad(a) != pair_bad(b))
        return pair_bad(a) ? -1 : 1;
    double x = isnan(a->error) ? INFINITY : a->error, y = isnan(b->error) ? INFINITY : b->error;
    if (x > y || x < y)
        return x > y ? -1 : 1;
    return strcmp(a->mine->name, b->mine->name);
}

/* What it is to the original's: what cannot be told now, its values having been compared, is left out. */
static void relation_text(const struct matching *matching, const struct pair *pair, struct buffer *out)
{
    struct error unread = {0};
    if (!relation_find(matching->relations, pair->mine->name, out, &unread))
        buffer_free(out);
    error_clear(&unread);
}

static bool add_place(const struct matching *matching, const struct pair *pair, struct findings *findings)
{
    struct finding *place = findings_place(findings, "weights.source", VERDICT_FAIL);
    struct buffer relation = {0};
    if (!place)
        return false;
    char mine[TENSOR_SHAPE_TEXT], source[TENSOR_SHAPE_TEXT];
    where_set(&place->where.tensor, pair->mine->name);
    where_set(&place->where.file, pair->mine->file ? pair->mine->file : "");
    tensor_place(pair->mine, &place->where.layer, &place->where.expert);
    if (!pair->shaped) {
        finding_message(place, "'%s' is %s %s here and %s %s in the original.", pair->mine->name,
                        dtype_name(pair->mine->dtype), shape_text(pair->mine->shape, pair->mine->rank, mine),
                        dtype_name(pair->source->dtype), shape_text(pair->source->shape, pair->source->rank, source));
        return true;
    }
    finding_measured(place, pair->error, "relative L2");
    finding_limit(place, pair->limit, "what rounding to its dtype costs; nothing where the dtype is the original's");
    relation_text(matching, pair, &relation);
    finding_message(place, "'%s' differs from the original by %.3g (relative L2), where %.3g is allowed for %s%s%s.",
                    pair->mine->name, pair->error, pair->limit, dtype_name(pair->mine->dtype),
                    relation.data ? "; it " : "", relation.data ? relation.data : "");
    if (relation.data)
        finding_fact_text(place, "relation", "%s", relation.data);
    buffer_free(&relation);
    return true;
}

static bool add_worst(const struct matching *matching, struct finding *finding)
{
    size_t count = matching->count < WORST_MAX ? matching->count : WORST_MAX;
    struct series *series =
        finding_series(finding, "worst-tensors", "Tensors that differ most from the original's", "tensor", "", count);
    double *error = series ? series_curve(series, "relative L2") : NULL;
    double *largest = error ? series_curve(series, "max abs") : NULL;
    if (!largest)
        return false;
    series->kind = SERIES_TABLE;
    for (size_t i = 0; i < count; i++) {
        error[i] = matching->pairs[i].error;
        largest[i] = matching->pairs[i].comparison.largest;
        if (!series_label(series, i, matching->pairs[i].mine->name))
            return false;
    }
    return true;
}

static bool report(const struct matching *matching, struct findings *findings)
{
    size_t bad = 0, compared = 0, exact = 0, at = findings->count;
    const struct pair *alone = NULL; /* the first without a counterpart */
    if (!findings_add(findings, "weights.source"))
        return false;
    for (size_t i = 0; i < matching->count; i++) {
        const struct pair *pair = &matching->pairs[i];
        compared += pair->source != NULL;
        alone = alone || pair->source ? alone : pair;
        exact += pair->source && pair->shaped && pair->error <= 0;
        if (pair_bad(pair) && bad++ < PLACES_MAX && !add_place(matching, pair, findings))
            return false;
    }
    struct finding *finding = &findings->items[at];
    const struct pair *worst = &matching->pairs[0];
    if (!compared) {
        finding->verdict = VERDICT_FAIL;
        finding_message(finding, "The original holds none of the subject's tensors.");
        return true;
    }
    finding_measured(finding, (double)bad, "tensors");
    finding_limit(finding, 0, "no tensor may differ by more than rounding to its dtype explains");
    finding_judge(finding);
    if (compared < matching->count && !bad)
        finding->verdict = VERDICT_WARN;
    finding_fact(finding, "compared", (double)compared);
    finding_fact(finding, "exact", (double)exact);
    finding_fact(finding, "worst_relative_l2", worst->error);
    finding_fact_text(finding, "worst_tensor", "%s", worst->mine->name);
    if (exact == matching->count) {
        finding_message(finding, "All %zu tensors are the original's, value for value.", exact);
        return add_worst(matching, finding);
    }
    char rest[400] = "";
    if (alone)
        snprintf(rest, sizeof rest, "; %zu %s no counterpart in the original, the first %.300s",
                 matching->count - compared, matching->count - compared == 1 ? "has" : "have", alone->mine->name);
    finding_message(finding,
                    "%zu of %zu tensors are the original's, value for value; %zu differ%s by more than rounding to the "
                    "dtype explains; the worst is %s, by %.3g (relative L2)%s.",
                    exact, matching->count, bad, bad == 1 ? "s" : "", worst->mine->name, worst->error, rest);
    return add_worst(matching, finding);
}

bool weights_check_source(const struct store *store, const struct store *source, int head, bool gains_whole,
                          struct pool *pool, struct findings *findings, struct error *error)
{
    size_t count = store_text_count(store);
    struct matching matching = {.store = store,
                                .source = source,
                                .pairs = calloc(count + 1, sizeof *matching.pairs),
                                .count = count,
                                .progress = progress_begin("original", "tensors", count)};
    bool good = (matching.pairs || error_memory(error, "weights")) &&
                (matching.relations = relations_new(store, source, head, error));
    for (size_t i = 0; good && i < count; i++) {
        struct pair *pair = &matching.pairs[i];
        pair->mine = store_at(store, i);
        pair->source = store_find(source, pair->mine->name);
        pair->shaped = pair->source && tensor_same_shape(pair->mine, pair->source) &&
                       dtype_computes(pair->mine->dtype) && dtype_computes(pair->source->dtype);
        bool other = pair->shaped && (pair->mine->dtype != pair->source->dtype ||
                                      tensor_storage(pair->mine) != tensor_storage(pair->source));
        pair->limit = other ? tensor_rounding(pair->mine) : 0;
        pair->gain = gains_whole && text_ends_with(pair->mine->name, "norm.weight");
        pair->error = pair->source && !pair->shaped ? INFINITY : 0;
    }
    if (good) {
        pthread_mutex_init(&matching.lock, NULL);
        pool_run(pool, count, pair_task, &matching);
        pthread_mutex_destroy(&matching.lock);
        progress_end(&matching.progress);
        if (matching.failure.text) {
            *error = matching.failure;
            good = false;
        }
    }
    if (good && count) {
        qsort(matching.pairs, count, sizeof *matching.pairs, pair_order);
        good = report(&matching, findings) || error_memory(error, "weights");
    }
    relations_free(matching.relations);
    free(matching.pairs);
    return good;
}
