/* The parity ladder above the arithmetic: the nano models against gold that transformers made of them. One rung is one
 * suite, in this order:
 *
 *   module   every module alone: its input is gold, one sequence at a time
 *   layer    the sums around the modules, then one layer from end to end
 *   layers   the first N layers
 *   model    all of it, all sequences in one batch
 *   decode   the same in pieces, through the cache of keys and values
 *   greedy   what a user sees: the most likely token, twenty times
 *
 * so that a broken line fails first where it stands. scripts/mutate breaks lines and shows that. */
#include "engine_fixture.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "limits/comparator.h"

/* Limits of the parity with gold, relative L2 at every place (point of a layer) of every case. They are the issue's:
 * several times what float32 costs at worst (noise of the nano models: up to 5e-6), and far below any mistake. */
#define ISOLATED_LIMIT 5e-6
#define PROPAGATED_LIMIT 3e-5
#define NOISE_MULTIPLE 10.0
#define KL_LIMIT 1e-9
#define KL_FLOAT_LIMIT 1e-8 /* with sums in float32, which cost the original up to 4e-9 in its own float32 run */

/* Judges one place in all cases: within `limit` and, when `noise`, within NOISE_MULTIPLE times what gold records, which
 * where that is 0 means exactly equal. */
static void judge_place(const struct bench *bench, const struct trace *trace, size_t place, double limit, bool noise)
{
    char path[POINT_PATH];
    point_path(place_point(place), place_layer(place), path);
    for (size_t i = 0; i < bench->cases; i++) {
        const struct golden_tensor *tensor = golden_find(bench->golden, i, path);
        double found = trace_distance(bench, trace, bench->gold, place, i);
        cr_expect(found <= limit, "%s, case %zu: %s is %.3g from gold, limit %.3g", bench->name, i, path, found, limit);
        if (noise && found <= limit)
            cr_expect(found <= NOISE_MULTIPLE * tensor->noise,
                      "%s, case %zu: %s is %.3g from gold, more than %g times its noise %.3g", bench->name, i, path,
                      found, NOISE_MULTIPLE, tensor->noise);
    }
}

static void judge(const struct bench *bench, const struct trace *trace, double limit, bool noise)
{
    for (size_t place = 0; place < bench->places; place++)
        if (place_exists(bench, place))
            judge_place(bench, trace, place, limit, noise);
}

/* module */

static void modules_agree(enum point point)
{
    FOR_EACH_NANO(bench)
    {
        struct trace *trace = bench_run(&bench, (struct feed){.splice = SPLICE_POINTS, .alone = true});
        for (int layer = -1; layer < bench.config->layers; layer++)
            if (point_exists(bench.config, point, layer))
                judge_place(&bench, trace, place_of(point, layer), ISOLATED_LIMIT, true);
        trace_free(trace);
    }
}

Test(module, embedding)
{
    modules_agree(POINT_EMBEDDING);
}

Test(module, embed_positions)
{
    modules_agree(POINT_POSITIONS);
}

Test(module, input)
{
    modules_agree(POINT_INPUT);
}

Test(module, input_norm)
{
    modules_agree(POINT_INPUT_NORM);
}

Test(module, q_norm)
{
    modules_agree(POINT_Q_NORM);
}

Test(module, k_norm)
{
    modules_agree(POINT_K_NORM);
}

Test(module, attention)
{
    modules_agree(POINT_ATTENTION);
}

Test(module, attention_out_norm)
{
    modules_agree(POINT_ATTENTION_OUT_NORM);
}

Test(module, router)
{
    modules_agree(POINT_ROUTER);
}

Test(module, mlp)
{
    modules_agree(POINT_MLP);
}

Test(module, mlp_out_norm)
{
    modules_agree(POINT_MLP_OUT_NORM);
    modules_agree(POINT_MLP_OUT_NORM_GLM);
}

Test(module, final_norm)
{
    modules_agree(POINT_FINAL_NORM);
}

Test(module, head)
{
    modules_agree(POINT_HEAD);
}

/* layer: what stands between the modules. The golden input of the second norm is a sum that no probe can reach. */

Test(layer, sum_after_attention)
{
    modules_agree(POINT_POST_NORM);
    modules_agree(POINT_MLP_IN_NORM);
}

Test(layer, sum_after_mlp)
{
    modules_agree(POINT_LAYER);
}

Test(layer, each_from_golden_input)
{
    FOR_EACH_NANO(bench)
    {
        struct trace *trace = bench_run(&bench, (struct feed){.splice = SPLICE_LAYERS, .alone = true});
        judge(&bench, trace, PROPAGATED_LIMIT, true);
        trace_free(trace);
    }
}

/* Whichever norms a family has, the pass shows every point of it once, in the order of the table. */

struct showing {
    const struct bench *bench;
    size_t *counts; /* [places] */
    size_t last;    /* place + 1 */
    bool ordered;
};

static bool showing_see(void *context, const struct activation *activation, struct error *error)
{
    struct showing *showing = context;
    (void)error;
    bool behind = point_rows[activation->point].place == PLACE_BEHIND_LAYERS;
    size_t place = place_of(activation->point, activation->layer);
    size_t order = behind ? showing->bench->places + (size_t)activation->point : place;
    showing->counts[place]++;
    showing->ordered = showing->ordered && order >= showing->last;
    showing->last = order + 1;
    return true;
}

static void expect_all_shown(const struct bench *bench, uint64_t norms)
{
    struct bench other = *bench;
    struct model_config config = *bench->config;
    struct model_options options = {.threads = 2, .missing = MISSING_DEFAULT};
    struct error error = {0};
    config.norms = norms;
    if (config.latent) /* heads that are made of latents are never normed */
        config.norms &= ~(WEIGHT_BIT(WEIGHT_Q_NORM) | WEIGHT_BIT(WEIGHT_K_NORM));
    other.config = &config;
    other.model = model_open(bench->store, &config, &options, &error);
    cr_assert(other.model, "%s", error_text(&error));
    static const int ids[] = {3, 4, 5};
    struct sequence sequence = {.ids = ids, .count = 3};
    struct showing showing = {.bench = &other, .counts = calloc(other.places, sizeof(size_t)), .ordered = true};
    struct probe probe = {.see = showing_see, .context = &showing};
    cr_assert(model_forward(other.model, &sequence, 1, &probe, &error), "%s", error_text(&error));
    cr_expect(showing.ordered, "%s: points in another order", bench->name);
    for (size_t place = 0; place < other.places; place++) {
        char path[POINT_PATH];
        cr_expect(showing.counts[place] == place_exists(&other, place), "%s: %s was shown %zu times", bench->name,
                  point_path(place_point(place), place_layer(place), path), showing.counts[place]);
    }
    model_free(other.model);
    free(showing.counts);
}

Test(layer, every_point_is_shown_once_whichever_norms_there_are)
{
    FOR_EACH_NANO(bench)
    {
        expect_all_shown(&bench, bench.config->norms);
        expect_all_shown(&bench, 0);
        expect_all_shown(&bench, UINT64_MAX);
    }
}

/* layers */

static void first_layers_agree(int layers)
{
    FOR_EACH_NANO(bench)
    {
        struct trace *trace = bench_run(&bench, (struct feed){.alone = true});
        for (size_t place = 0; place < bench.places; place++)
            if (place_exists(&bench, place) && place_layer(place) >= 0 && place_layer(place) < layers)
                judge_place(&bench, trace, place, PROPAGATED_LIMIT, true);
        trace_free(trace);
    }
}

Test(layers, first_1)
{
    first_layers_agree(1);
}

Test(layers, first_2)
{
    first_layers_agree(2);
}

Test(layers, first_3)
{
    first_layers_agree(3);
}

Test(layers, all)
{
    first_layers_agree(CONFIG_LAYERS_MAX);
}

/* model */

Test(model, alone)
{
    FOR_EACH_NANO(bench)
    {
        struct trace *trace = bench_run(&bench, (struct feed){.alone = true});
        judge(&bench, trace, PROPAGATED_LIMIT, true);
        trace_free(trace);
    }
}

Test(model, batch)
{
    FOR_EACH_NANO(bench)
    {
        struct trace *trace = bench_run(&bench, (struct feed){0});
        struct trace *isolated = bench_run(&bench, (struct feed){.splice = SPLICE_POINTS});
        judge(&bench, trace, PROPAGATED_LIMIT, true);
        judge(&bench, isolated, ISOLATED_LIMIT, true);
        trace_free(trace);
        trace_free(isolated);
    }
}

/* Kullback-Leibler divergence of the distribution of `subject` from that of `gold`, in nats. */
static double divergence(const float *subject, const float *gold, size_t count)
{
    double largest[2] = {-INFINITY, -INFINITY}, sum[2] = {0}, result = 0;
    for (size_t i = 0; i < count; i++) {
        largest[0] = fmax(largest[0], (double)subject[i]);
        largest[1] = fmax(largest[1], (double)gold[i]);
    }
    for (size_t i = 0; i < count; i++) {
        sum[0] += exp((double)subject[i] - largest[0]);
        sum[1] += exp((double)gold[i] - largest[1]);
    }
    for (size_t i = 0; i < count; i++) {
        double log_p = (double)gold[i] - largest[1] - log(sum[1]),
               log_q = (double)subject[i] - largest[0] - log(sum[0]);
        result += exp(log_p) * (log_p - log_q);
    }
    return result;
}

static void logits_agree(const struct bench *bench, const struct trace *trace, double limit)
{
    size_t vocabulary = (size_t)bench->config->vocabulary, place = place_of(POINT_HEAD, -1);
    for (size_t row = 0; row < bench->first[bench->cases]; row++) {
        double found = divergence(trace->values[place] + row * vocabulary,
                                  bench->gold->values[place] + row * vocabulary, vocabulary);
        cr_expect(found <= limit, "%s, row %zu: divergence %.3g", bench->name, row, found);
    }
}

Test(model, logits)
{
    FOR_EACH_NANO(bench)
    {
        struct trace *trace = bench_run(&bench, (struct feed){0});
        logits_agree(&bench, trace, KL_LIMIT);
        trace_free(trace);
    }
}

/* Sums in float32: the same absolute limits; noise is one way of summing, and ours is another. */
Test(model, float_sums)
{
    FOR_EACH_NANO(bench)
    {
        bench.options.exact = false;
        bench_load(&bench);
        struct trace *trace = bench_run(&bench, (struct feed){0});
        struct trace *isolated = bench_run(&bench, (struct feed){.splice = SPLICE_POINTS});
        judge(&bench, trace, PROPAGATED_LIMIT, false);
        judge(&bench, isolated, ISOLATED_LIMIT, false);
        logits_agree(&bench, trace, KL_FLOAT_LIMIT);
        trace_free(trace);
        trace_free(isolated);
    }
}

/* What stands beside a sequence in the batch, and in which order, is none of its business: what remains is the last bit
 * of a sum in double that another shape of product sums in another order, carried through the layers. */
#define COMPANY_LIMIT 2e-6

static void traces_agree(const struct bench *bench, const struct trace *a, const struct trace *b, double limit,
                         const char *what)
{
    for (size_t place = 0; place < bench->places; place++) {
        char path[POINT_PATH];
        for (size_t i = 0; a->values[place] && i < bench->cases; i++) {
            double found = trace_distance(bench, a, b, place, i);
            cr_expect(found <= limit, "%s, case %zu, %s: %s differs by %.3g", bench->name, i, what,
                      point_path(place_point(place), place_layer(place), path), found);
        }
    }
}

Test(model, a_batch_is_its_sequences)
{
    FOR_EACH_NANO(bench)
    {
        struct trace *batch = bench_run(&bench, (struct feed){0});
        struct trace *alone = bench_run(&bench, (struct feed){.alone = true});
        struct trace *reversed = bench_run(&bench, (struct feed){.reversed = true});
        traces_agree(&bench, alone, batch, COMPANY_LIMIT, "alone");
        traces_agree(&bench, reversed, batch, COMPANY_LIMIT, "in reverse order");
        trace_free(batch);
        trace_free(alone);
        trace_free(reversed);
    }
}

/* The same bits on 1, 2 and 5 threads. */
static void threads_change_nothing(struct feed feed)
{
    static const int threads[] = {1, 2, 5};
    FOR_EACH_NANO(bench)
    {
        for (int exact = 0; exact < 2; exact++) {
            struct trace *first = NULL;
            for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
                bench.options = (struct model_options){.threads = threads[i], .exact = exact};
                bench_load(&bench);
                struct trace *trace = bench_run(&bench, feed);
                if (first) {
                    cr_expect(trace_same_bits(&bench, trace, first), "%s, exact %d: other bits on %d threads",
                              bench.name, exact, threads[i]);
                    trace_free(trace);
                } else {
                    first = trace;
                }
            }
            trace_free(first);
        }
    }
}

Test(model, threads_change_nothing)
{
    threads_change_nothing((struct feed){0});
}

/* decode */

static void pieces_agree(struct feed feed)
{
    FOR_EACH_NANO(bench)
    {
        struct trace *trace = bench_run(&bench, feed);
        judge(&bench, trace, PROPAGATED_LIMIT, true);
        logits_agree(&bench, trace, KL_LIMIT);
        trace_free(trace);
        feed.splice = SPLICE_POINTS;
        trace = bench_run(&bench, feed);
        judge(&bench, trace, ISOLATED_LIMIT, true);
        trace_free(trace);
        feed.splice = SPLICE_NONE;
    }
}

Test(decode, whole_with_a_cache)
{
    pieces_agree((struct feed){.cached = true});
}

Test(decode, token_by_token)
{
    pieces_agree((struct feed){.chunk = 1});
}

Test(decode, token_by_token_alone)
{
    pieces_agree((struct feed){.chunk = 1, .alone = true});
}

Test(decode, three_tokens_at_a_time)
{
    pieces_agree((struct feed){.chunk = 3});
}

Test(decode, threads_change_nothing)
{
    threads_change_nothing((struct feed){.chunk = 3});
}

Test(decode, float_sums)
{
    FOR_EACH_NANO(bench)
    {
        bench.options.exact = false;
        bench_load(&bench);
        struct trace *trace = bench_run(&bench, (struct feed){.chunk = 1});
        judge(&bench, trace, PROPAGATED_LIMIT, false);
        logits_agree(&bench, trace, KL_FLOAT_LIMIT);
        trace_free(trace);
    }
}

#define LONG 150

struct logits_of {
    float *values; /* [LONG, vocabulary] */
    size_t passed;
};

static bool logits_of_see(void *context, const struct activation *activation, struct error *error)
{
    (void)error;
    struct logits_of *logits = context;
    for (size_t row = 0; activation->point == POINT_HEAD && row < activation->rows; row++)
        memcpy(logits->values + (logits->passed + (size_t)activation->row_of[row].token) * activation->width,
               activation->values + row * activation->width, activation->width * sizeof(float));
    return true;
}

/* Logits of every token of a long sequence, fed `chunk` tokens at a time. Owned by the caller. */
static float *long_logits(const struct bench *bench, const int *ids, size_t chunk)
{
    struct error error = {0};
    struct logits_of logits = {.values = calloc((size_t)LONG * (size_t)bench->config->vocabulary, sizeof(float))};
    struct probe probe = {.see = logits_of_see, .context = &logits};
    struct kv *kv = kv_new(bench->config, LONG, &error);
    while (logits.passed < LONG) {
        size_t left = LONG - logits.passed;
        struct sequence sequence = {
            .ids = ids + logits.passed, .count = chunk < left ? chunk : left, .kv = kv, .whole = LONG};
        cr_assert(model_forward(bench->model, &sequence, 1, &probe, &error), "%s", error_text(&error));
        logits.passed += sequence.count;
    }
    kv_free(kv);
    return logits.values;
}

/* Attention works in blocks of 64 queries, which gold's short cases do not fill: token by token there are no blocks,
 * and what comes out must be the same. */
Test(decode, long_sequences_agree_in_any_pieces)
{
    static const size_t chunks[] = {LONG, 64, 65, 7};
    FOR_EACH_NANO(bench)
    {
        int ids[LONG];
        for (unsigned i = 0, state = 1; i < LONG; i++) {
            state = state * 1664525u + 1013904223u;
            ids[i] = (int)((state >> 8) % (unsigned)bench.config->vocabulary);
        }
        float *expected = long_logits(&bench, ids, 1);
        for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
            struct comparison comparison = {0};
            float *found = long_logits(&bench, ids, chunks[i]);
            comparison_add(&comparison, found, expected, LONG * (size_t)bench.config->vocabulary);
            cr_expect(comparison_within(&comparison, COMPANY_LIMIT),
                      "%s, %zu tokens at a time: %.3g from one at a time", bench.name, chunks[i],
                      comparison_relative(&comparison));
            free(found);
        }
        free(expected);
    }
}

/* Where weights lie between the passes changes no bit: in their files, in memory, or some here and some there. */
Test(decode, kept_weights_change_nothing)
{
    static const uint64_t memory[] = {0, 1, 100000};
    FOR_EACH_NANO(bench)
    {
        struct trace *files = bench_run(&bench, (struct feed){.chunk = 3});
        for (size_t i = 0; i < sizeof memory / sizeof *memory; i++) {
            bench.options.memory = memory[i];
            bench_load(&bench);
            model_keep_weights(bench.model, true);
            struct trace *kept = bench_run(&bench, (struct feed){.chunk = 3});
            cr_expect(trace_same_bits(&bench, kept, files), "%s: other bits with %zu bytes of memory", bench.name,
                      (size_t)memory[i]);
            trace_free(kept);
        }
        trace_free(files);
    }
}

/* greedy */

struct choice {
    int vocabulary;
    int *best;   /* of each sequence, from its last row */
    size_t rows; /* seen */
};

static bool choice_see(void *context, const struct activation *activation, struct error *error)
{
    (void)error;
    struct choice *choice = context;
    for (size_t row = 0; activation->point == POINT_HEAD && row < activation->rows; row++, choice->rows++) {
        const float *logits = activation->values + row * activation->width;
        int best = 0;
        for (int id = 1; id < choice->vocabulary; id++)
            best = logits[id] > logits[best] ? id : best;
        choice->best[activation->row_of[row].sequence] = best;
    }
    return true;
}

/* A token more, `length` with it: that one alone, or all once more where it rotates those before it otherwise. */
static struct sequence continued(const struct bench *bench, const int *ids, size_t length, struct kv *kv)
{
    if (model_same_rotation(bench->config, length - 1, length))
        return (struct sequence){.ids = ids + length - 1, .count = 1, .kv = kv};
    kv_clear(kv);
    return (struct sequence){.ids = ids, .count = length, .logits_from = length - 1, .kv = kv};
}

#define CASE_MOST 64

/* Continues cases first .. first + count - 1 together; asks for the logits of the last row only. */
static void continue_cases(const struct bench *bench, size_t first, size_t count)
{
    struct error error = {0};
    struct sequence sequences[16] = {0};
    int best[16], ids[16][CASE_MOST];
    struct choice choice = {.vocabulary = bench->config->vocabulary, .best = best};
    struct probe probe = {.see = choice_see, .context = &choice};
    cr_assert(count <= 16);
    size_t most = 0;
    for (size_t i = 0; i < count; i++) {
        const struct golden_case *which = golden_case_at(bench->golden, first + i);
        cr_assert(which->greedy_count == 20, "%s: gold continues by %zu tokens", bench->name, which->greedy_count);
        cr_assert(which->count + 20 <= CASE_MOST);
        memcpy(ids[i], which->ids, which->count * sizeof *which->ids);
        sequences[i] = (struct sequence){.ids = which->ids,
                                         .count = which->count,
                                         .logits_from = which->count - 1,
                                         .kv = kv_new(bench->config, which->count + 20, &error)};
        most = which->greedy_count;
    }
    for (size_t step = 0; step < most; step++) {
        choice.rows = 0;
        cr_assert(model_forward(bench->model, sequences, count, &probe, &error), "%s", error_text(&error));
        cr_expect_eq(choice.rows, count, "%s: %zu rows of logits for %zu sequences", bench->name, choice.rows, count);
        for (size_t i = 0; i < count; i++) {
            const struct golden_case *which = golden_case_at(bench->golden, first + i);
            cr_expect_eq(best[i], which->greedy[step], "%s, case %zu: token %zu is %d, gold has %d", bench->name,
                         first + i, step, best[i], which->greedy[step]);
            ids[i][which->count + step] = best[i];
            sequences[i] = continued(bench, ids[i], which->count + step + 1, sequences[i].kv);
        }
    }
    for (size_t i = 0; i < count; i++)
        kv_free(sequences[i].kv);
}

Test(greedy, alone)
{
    FOR_EACH_NANO(bench)
    {
        model_keep_weights(bench.model, true);
        for (size_t i = 0; i < bench.cases; i++)
            continue_cases(&bench, i, 1);
    }
}

Test(greedy, batch)
{
    FOR_EACH_NANO(bench)
    {
        model_keep_weights(bench.model, true);
        continue_cases(&bench, 0, bench.cases);
    }
}

/* As the command line runs it: float sums. */
Test(greedy, float_sums)
{
    FOR_EACH_NANO(bench)
    {
        bench.options.exact = false;
        bench_load(&bench);
        continue_cases(&bench, 0, bench.cases);
    }
}
