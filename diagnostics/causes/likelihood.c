#include "causes/likelihood.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "activations/corpus.h"
#include "base/progress.h"
#include "base/wording.h"
#include "causes/candidates.h"
#include "causes/cause_commands.h"
#include "causes/cause_places.h"
#include "causes/rest.h"
#include "causes/usual.h"
#include "math/blas.h"
#include "math/distribution.h"
#include "model/model.h"
#include "run/run.h"

#define CONTEXT READING_CONTEXT
#define WINDOWS_MAX 9
#define CHOOSING 128       /* tokens of the first window that hypotheses are chosen by */
#define CHOSEN_LEAST 0.004 /* nats a token that one must gain there */
#define GLANCE 3           /* windows up to this one show first whether the others are worth it */
#define UNIT 32            /* tokens whose mean gain counts as one draw */
#define EFFECT_LEAST 0.01  /* nats a token */
#define LIKELY 4.5         /* standard errors */
#define POSSIBLE 3.0
#define CONFIRMED_MAX 4 /* candidates of a round that are tried on the other windows */
#define SAME 1e-5       /* nats a token: less is rounding */
#define NLL_MOST 100    /* of a token whose logits are not finite */
#define CAUSES_MAX 4

/* One that has been tried. */
struct trial {
    struct hypothesis hypothesis;
    double gain;  /* nats a token, of the window to choose by */
    size_t index; /* in the order in which they were tried */
};

struct cause {
    struct hypothesis hypothesis;
    double gain, error;     /* nats a token over the windows to confirm by, and its standard error */
    double bits;            /* over all of their tokens */
    struct hypothesis twin; /* another that gains the very same; no text: there is none */
    double before, after;   /* mean nats a token of the whole text */
};

struct searching {
    const struct likelihood_request *request;
    const struct hunt_request *hunt;
    struct ground ground;
    struct hypothesis laid[CAUSES_MAX + 1];
    struct ids ids;
    size_t windows;
    double *base;    /* [windows * CONTEXT]: nats of each token as it is now; NaN: not scored */
    double *nll;     /* the same of a trial */
    float **streams; /* [blocks]: [CONTEXT, hidden] of the first window, in front of each block */
    struct cause causes[CAUSES_MAX];
    struct world worlds[CAUSES_MAX];
    size_t count;
    struct trial *trials; /* of a round */
    size_t trial_count, trial_capacity;
    size_t tried, untried;
    double begun;
    double frequency; /* nats a token of one who knows how often each token occurs in the text, and nothing else */
};

/* --- one reading --- */

struct reading {
    struct searching *searching;
    double *nll;
    size_t first_window;
    int block;    /* the pass begins with it, fed from the streams */
    bool capture; /* the streams */
    size_t most;  /* tokens of a window */
};

static size_t window_length(const struct searching *searching, size_t window)
{
    size_t left = searching->ids.count - window * CONTEXT;
    return left < CONTEXT ? left : CONTEXT;
}

/* The block that goes on from a stream; 0: the part is none. */
static int stream_of(const struct part *part)
{
    return part->point == POINT_EMBEDDING ? 1 : part->point == POINT_LAYER ? part->layer + 2 : 0;
}

static bool see(void *context, size_t which, const struct part *part, struct error *error)
{
    const struct reading *reading = context;
    struct searching *searching = reading->searching;
    size_t window = reading->first_window + which;
    int stream = stream_of(part);
    (void)error;
    if (stream && !window && reading->capture && searching->streams[stream])
        memcpy(searching->streams[stream] + part->first * part->width, part->values,
               part->rows * part->width * sizeof(float));
    if (stream && reading->block > 1 && stream == reading->block)
        memcpy(part->values, searching->streams[stream] + part->first * part->width,
               part->rows * part->width * sizeof(float));
    for (size_t row = 0; part->point == POINT_HEAD && row < part->rows; row++) {
        size_t target = part->first + row + 1;
        const float *logits = part->values + row * part->width;
        if (target >= window_length(searching, window))
            continue;
        double nats = log_sum_exp(logits, part->width) - (double)logits[searching->ids.data[window * CONTEXT + target]];
        reading->nll[window * CONTEXT + target] = nats < NLL_MOST ? nats : NLL_MOST; /* NaN is not below */
    }
    return true;
}

/* Windows first .. end - 1 into `nll`. */
static bool read_windows(struct reading *reading, const struct world *world, size_t first, size_t end,
                         struct error *error)
{
    struct searching *searching = reading->searching;
    size_t most = reading->most ? reading->most : CONTEXT;
    const struct model_options options = {.threads = searching->hunt->threads,
                                          .missing = MISSING_DEFAULT,
                                          .first_block = reading->block > 1 ? reading->block : 0};
    struct model *model = model_open(world->store, world->config, &options, error);
    struct run *run = model ? run_new(model, error) : NULL;
    bool good = run;
    reading->first_window = first;
    for (size_t window = first; good && window < end; window++)
        good = run_add(run, searching->ids.data + window * CONTEXT,
                       window_length(searching, window) < most ? window_length(searching, window) : most, 0,
                       (struct rider){.see = see, .context = reading, .which = window - first}, error);
    good = good && run_execute(run, "reading", 0, error);
    run_free(run);
    model_free(model);
    return good;
}

/* --- what it says --- */

/* Mean gain of a token among tokens first .. end - 1, and its standard error by units; `*total`: the sum. */
static double gain_of(const struct searching *searching, size_t first, size_t end, double *deviation, double *total)
{
    double sum = 0, squares = 0, units = 0, all = 0;
    for (size_t at = first; at + UNIT <= end; at += UNIT) {
        double gain = 0, scored = 0;
        for (size_t token = at; token < at + UNIT; token++)
            if (!isnan(searching->base[token])) {
                gain += searching->base[token] - searching->nll[token];
                scored++;
            }
        if (scored < UNIT / 2)
            continue;
        sum += gain / scored;
        squares += gain / scored * (gain / scored);
        units++;
        all += gain;
    }
    double mean = units > 0 ? sum / units : NAN;
    *deviation = units > 2 ? sqrt(fmax(squares / units - mean * mean, 0) / (units - 1)) : INFINITY;
    *total = all;
    return mean;
}

static double mean_nats(const double *nll, size_t count)
{
    double sum = 0, scored = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(nll[i])) {
            sum += nll[i];
            scored++;
        }
    return sum / scored;
}

/* Better than by frequencies. */
static bool reads(const struct searching *searching)
{
    return mean_nats(searching->base, searching->windows * CONTEXT) < searching->frequency;
}

static bool is_late(const struct searching *searching)
{
    return hunt_is_late(searching->hunt, searching->begun);
}

/* The world as it is now: all windows, and the streams of the first. */
static bool read_base(struct searching *searching, struct error *error)
{
    struct world world;
    struct reading reading = {.searching = searching, .nll = searching->base, .capture = true};
    bool good = world_open(&searching->ground, searching->laid, searching->count, &world, error) &&
                read_windows(&reading, &world, 0, searching->windows, error);
    world_close(&world);
    return good;
}

/* The hypothesis over what is laid, on these windows. False: it cannot be laid, or be computed with. */
static bool try_windows(struct searching *searching, const struct hypothesis *hypothesis, size_t first, size_t end)
{
    struct world world;
    struct error none = {0};
    bool whole = first > 0 || hypothesis->block < 2;
    struct reading reading = {.searching = searching,
                              .nll = searching->nll,
                              .block = whole ? 0 : hypothesis->block,
                              .most = first ? 0 : CHOOSING};
    searching->laid[searching->count] = *hypothesis;
    bool laid = world_open(&searching->ground, searching->laid, searching->count + 1, &world, &none) &&
                read_windows(&reading, &world, first, end, &none);
    world_close(&world);
    error_clear(&none);
    return laid;
}

/* --- rounds --- */

static bool note(struct searching *searching, const struct hypothesis *hypothesis, double gain, struct error *error)
{
    struct trial trial = {.hypothesis = *hypothesis, .gain = gain, .index = searching->trial_count};
    return array_push(searching->trials, searching->trial_count, searching->trial_capacity, trial) ||
           error_memory(error, "experiments");
}

static bool try_list(struct searching *searching, const struct hypotheses *list, struct error *error)
{
    struct progress progress = progress_begin("experiments", "experiments", list->count);
    bool good = true;
    for (size_t i = 0; good && i < list->count; i++) {
        double deviation, total;
        if (is_late(searching)) {
            searching->untried += list->count - i;
            break;
        }
        if (try_windows(searching, &list->items[i], 0, 1)) {
            searching->tried++;
            good = note(searching, &list->items[i], gain_of(searching, 0, CHOOSING, &deviation, &total), error);
        }
        progress_step(&progress, i + 1);
    }
    progress_end(&progress);
    return good;
}

/* Two that compute the same differ by rounding; then the one that was tried first comes first. */
static int by_gain(const void *left, const void *right)
{
    const struct trial *a = left, *b = right;
    double x = round(a->gain / SAME), y = round(b->gain / SAME);
    return x < y ? 1 : x > y ? -1 : (a->index > b->index) - (a->index < b->index);
}

/* What the hypothesis gains on the windows from the second up to `end`, those before `first` having been read. */
static void confirm_on(struct searching *searching, size_t first, size_t end, struct cause *cause)
{
    double total = 0;
    end = end < searching->windows ? end : searching->windows;
    bool read = first >= end || try_windows(searching, &cause->hypothesis, first, end);
    cause->gain = read ? gain_of(searching, CONTEXT, end * CONTEXT, &cause->error, &total) : 0;
    cause->bits = total / M_LN2;
}

/* The best of the round's few best, on the windows that none of them was chosen by. */
static struct cause confirm(struct searching *searching)
{
    struct cause best = {0};
    if (searching->trial_count)
        qsort(searching->trials, searching->trial_count, sizeof *searching->trials, by_gain);
    for (size_t i = 0; i < searching->trial_count && i < CONFIRMED_MAX; i++) {
        const struct trial *trial = &searching->trials[i];
        struct cause cause = {.hypothesis = trial->hypothesis};
        if (!(trial->gain >= CHOSEN_LEAST))
            break;
        confirm_on(searching, 1, GLANCE, &cause);
        if (!(cause.gain >= EFFECT_LEAST / 2 && cause.gain > cause.error))
            continue;
        confirm_on(searching, GLANCE, searching->windows, &cause);
        if (best.gain > 0 && fabs(cause.gain - best.gain) < SAME) {
            if (!*best.twin.text)
                best.twin = cause.hypothesis;
        } else if (cause.gain >= EFFECT_LEAST && cause.gain > POSSIBLE * cause.error && cause.gain > best.gain) {
            best = cause;
        }
    }
    searching->trial_count = 0;
    return best;
}

/* Lays it for good. */
static bool accept(struct searching *searching, struct cause *cause, struct error *error)
{
    struct world *world = &searching->worlds[searching->count];
    size_t tokens = searching->windows * CONTEXT;
    cause->before = mean_nats(searching->base, tokens);
    searching->laid[searching->count] = cause->hypothesis;
    if (!world_open(&searching->ground, searching->laid, searching->count + 1, world, error))
        return false;
    searching->ground.store = world->store;
    searching->laid[searching->count].settled = true;
    searching->count++;
    bool good = read_base(searching, error);
    cause->after = mean_nats(searching->base, tokens);
    searching->causes[searching->count - 1] = *cause;
    return good;
}

/* Tries the list, and lays what is confirmed; `*found`: something was. */
static bool go_round(struct searching *searching, struct hypotheses *list, bool *found, struct error *error)
{
    bool good = try_list(searching, list, error);
    struct cause best = good ? confirm(searching) : (struct cause){0};
    *found = good && best.gain > 0;
    hypotheses_free(list);
    return good && (!*found || accept(searching, &best, error));
}

/* --- which layers first --- */

struct layer_suspect {
    int block;
    double gain; /* of leaving its attention, or its feed-forward block, out */
};

static int by_suspicion(const void *left, const void *right)
{
    double a = ((const struct layer_suspect *)left)->gain, b = ((const struct layer_suspect *)right)->gain;
    return (a < b) - (a > b);
}

/* Without a module that does harm the text is read better, or less worse than without any other. */
static bool suspect_layers(struct searching *searching, struct layer_suspect *suspects, struct error *error)
{
    const struct model_config *config = searching->hunt->config;
    bool good = true;
    for (int layer = 0; good && layer < config->layers; layer++) {
        suspects[layer] = (struct layer_suspect){.block = layer + 1, .gain = -INFINITY};
        for (int part = 0; good && part < 2 && !is_late(searching); part++) {
            struct hypotheses one = {0};
            double deviation, total;
            const char *name = !part                   ? "self_attn.o_proj.weight"
                               : config->sparse[layer] ? "mlp.experts.*.down_proj.weight"
                                                       : "mlp.down_proj.weight";
            good = hypotheses_add(&one, DEPARTURE_FAULT, 0, layer + 1, "zeros:model.layers.%d.%s", layer, name) ||
                   error_memory(error, "experiments");
            if (good && try_windows(searching, one.items, 0, 1))
                suspects[layer].gain = fmax(suspects[layer].gain, gain_of(searching, 0, CHOOSING, &deviation, &total));
            hypotheses_free(&one);
        }
    }
    qsort(suspects, (size_t)config->layers, sizeof *suspects, by_suspicion);
    return good;
}

#define PAIRED 6 /* suspects that are exchanged with each other, and with their neighbours */
#define WIDELY 2 /* of them, those that are exchanged with every layer */

static bool take_pairs(const struct evidence *evidence, const struct layer_suspect *suspects, int count,
                       struct hypotheses *list)
{
    for (int i = 0; i < count && i < PAIRED; i++)
        for (int k = i + 1; k < count; k++) {
            int a = suspects[i].block, b = suspects[k].block;
            bool near = a - b == 1 || b - a == 1;
            int first = a < b ? a : b, second = a < b ? b : a;
            if (k < PAIRED || near ? !candidates_of_pair(evidence, first, second, list)
                                   : i < WIDELY && !hypotheses_add(list, DEPARTURE_FAULT, 0, first, "swap-layers:%d,%d",
                                                                   first - 1, second - 1))
                return false;
        }
    return true;
}

/* Layer by layer, the suspects first, until something is found in one of them. */
static bool search_layers(struct searching *searching, const struct evidence *evidence, bool *found,
                          struct error *error)
{
    int layers = searching->hunt->config->layers;
    struct layer_suspect *suspects = calloc((size_t)layers + 1, sizeof *suspects);
    struct hypotheses pairs = {0};
    *found = false;
    bool good = suspects || error_memory(error, "experiments");
    good = good && suspect_layers(searching, suspects, error) && take_pairs(evidence, suspects, layers, &pairs) &&
           go_round(searching, &pairs, found, error);
    for (int i = 0; good && !*found && i < layers; i++) {
        struct hypotheses list = {0};
        good = candidates_of_block(evidence, suspects[i].block, &list) && go_round(searching, &list, found, error);
    }
    hypotheses_free(&pairs);
    free(suspects);
    return good;
}

static bool search(struct searching *searching, struct error *error)
{
    const struct model_config *config = searching->hunt->config;
    int blocks = MODEL_BLOCKS(config);
    unsigned *bad = calloc((size_t)blocks, sizeof *bad);
    const struct evidence evidence = {.config = config,
                                      .bad = bad,
                                      .blocks = blocks,
                                      .symptoms = searching->hunt->symptoms,
                                      .reads = true,
                                      .sizes_right = reads(searching)};
    bool good = bad || error_memory(error, "experiments"), found = true;
    for (int block = 0; good && block < blocks; block++)
        bad[block] = ~0u;
    while (good && found && searching->count < CAUSES_MAX && !is_late(searching)) {
        struct hypotheses list = {0};
        good = (candidates_everywhere(&evidence, &list) || error_memory(error, "experiments")) &&
               go_round(searching, &list, &found, error);
        if (good && !found)
            good = search_layers(searching, &evidence, &found, error);
    }
    free(bad);
    return good;
}

/* --- from begin to end --- */

static int by_id(const void *left, const void *right)
{
    int a = *(const int *)left, b = *(const int *)right;
    return (a > b) - (a < b);
}

static bool frequency_nats(struct searching *searching, struct error *error)
{
    size_t count =
        searching->ids.count < searching->windows * CONTEXT ? searching->ids.count : searching->windows * CONTEXT;
    int *sorted = malloc((count + 1) * sizeof *sorted);
    if (!sorted)
        return error_memory(error, "text");
    memcpy(sorted, searching->ids.data, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_id);
    for (size_t i = 0, same; i < count; i += same) {
        for (same = 1; i + same < count && sorted[i + same] == sorted[i];)
            same++;
        searching->frequency -= (double)same / (double)count * log((double)same / (double)count);
    }
    free(sorted);
    return true;
}

static bool begin(struct searching *searching, struct error *error)
{
    const struct likelihood_request *request = searching->request;
    const struct model_config *config = searching->hunt->config;
    struct buffer text = {0};
    bool good = blas_prove(error) && corpus_read(request->causes.text, &text, error) &&
                tokenizer_encode(request->tokenizer, text.data, text.size, true, &searching->ids, error);
    buffer_free(&text);
    searching->windows = (searching->ids.count + CONTEXT - 1) / CONTEXT;
    searching->windows = searching->windows < WINDOWS_MAX ? searching->windows : WINDOWS_MAX;
    if (good && searching->windows < 3)
        good = error_set(error, "%s: %zu tokens; to confirm what is chosen, more than %d are needed",
                         request->causes.text, searching->ids.count, 2 * CONTEXT);
    size_t count = searching->windows * CONTEXT;
    int blocks = MODEL_BLOCKS(config);
    searching->base = calloc(count + 1, sizeof *searching->base);
    searching->nll = calloc(count + 1, sizeof *searching->nll);
    searching->streams = calloc((size_t)blocks + 1, sizeof *searching->streams);
    bool room = searching->base && searching->nll && searching->streams;
    for (int block = 1; good && room && block < blocks; block++)
        room = (searching->streams[block] = malloc(CONTEXT * (size_t)config->hidden * sizeof(float)));
    for (size_t i = 0; room && i < count; i++)
        searching->base[i] = searching->nll[i] = NAN;
    return good && (room || error_memory(error, "experiments")) && frequency_nats(searching, error) &&
           read_base(searching, error);
}

static void end(struct searching *searching)
{
    for (size_t i = searching->count; i-- > 0;)
        world_close(&searching->worlds[i]);
    for (int block = 0; searching->streams && block < MODEL_BLOCKS(searching->hunt->config); block++)
        free(searching->streams[block]);
    free(searching->streams);
    free(searching->base);
    free(searching->nll);
    free(searching->trials);
    ids_free(&searching->ids);
}

static bool is_likely(const struct cause *cause)
{
    return cause->gain > LIKELY * cause->error;
}

static const char *grade_of(const struct cause *cause)
{
    return is_likely(cause) ? "likely" : "possible";
}

static void says_text(const struct cause *cause, struct buffer *out)
{
    buffer_format(out,
                  "%s %s: with it the model predicts the text better by %.3g +- %.2g nats a token (%.0f bits in all), "
                  "perplexity %.4g instead of %.4g",
                  departure_option(cause->hypothesis.departure), cause->hypothesis.text, cause->gain, cause->error,
                  cause->bits, exp(cause->after), exp(cause->before));
    if (*cause->twin.text)
        buffer_format(out, "; %s %s has exactly the same effect", departure_option(cause->twin.departure),
                      cause->twin.text);
}

static bool report_cause(const struct searching *searching, const struct cause *cause, struct findings *findings)
{
    struct finding *finding = findings_place(findings, CAUSE_CHECK, is_likely(cause) ? VERDICT_FAIL : VERDICT_WARN);
    struct buffer text = {0};
    if (!finding)
        return false;
    says_text(cause, &text);
    finding_message(finding, "%s.", text.data ? text.data : "");
    buffer_free(&text);
    finding->where.layer = cause->hypothesis.block > 0 ? cause->hypothesis.block - 1 : -1;
    hypothesis_facts(&cause->hypothesis, departure_kind(cause->hypothesis.departure), grade_of(cause), finding);
    finding_fact(finding, "bits", cause->bits);
    finding_fact(finding, "gain", cause->gain);
    finding_fact(finding, "perplexity", exp(cause->after));
    return cause_places_of(searching->hunt, &cause->hypothesis, NULL, finding) &&
           commands_add(&searching->request->causes, &cause->hypothesis, 1, finding);
}

/* Whoever reads no better than by frequencies is not judged by how it reads: less confidence is all that helps it. */
static bool report_unread(const struct searching *searching, struct findings *findings)
{
    struct finding *finding = findings_add(findings, CAUSE_CHECK);
    if (!finding)
        return false;
    finding->verdict = VERDICT_WARN;
    finding_measured(finding, exp(mean_nats(searching->base, searching->windows * CONTEXT)), "perplexity");
    finding_fact(finding, "tried", (double)searching->tried);
    finding_fact(finding, "frequency_perplexity", exp(searching->frequency));
    finding_message(finding,
                    "With and without any of %zu hypotheses the model predicts the text no better than the frequencies "
                    "of its tokens do (perplexity %.4g, and %.4g), so nothing can be concluded from it. Give gold "
                    "(--golden), the original (--source) or a text in the model's own language (--text).",
                    searching->tried, finding->measured, exp(searching->frequency));
    return true;
}

/* What it comes to, of the first `count` causes. */
static void whole_text(const struct searching *searching, size_t count, const struct rest *rest, struct buffer *text)
{
    if (rest->likely_count)
        rest_text(rest, "a cause", text);
    for (size_t i = 0; i < count; i++) {
        bool likely = is_likely(&searching->causes[i]);
        buffer_text(text, i ? "; " : rest->likely_count ? " " : "");
        buffer_format(text, "%s: ", i ? grade_of(&searching->causes[i]) : likely ? "Likely" : "Possible");
        says_text(&searching->causes[i], text);
    }
    if (count)
        buffer_char(text, '.');
    if (count || rest->likely_count)
        buffer_text(text, " Nothing is proved without gold or the original.");
    else
        buffer_format(text,
                      "None of the %zu hypotheses that were tried predicts the text better than the model as it is: "
                      "perplexity %.4g.",
                      searching->tried, exp(mean_nats(searching->base, searching->windows * CONTEXT)));
}

/* Adds to `likely` the hypotheses of what is. */
static size_t take_likely(const struct searching *searching, size_t count, const struct rest *rest,
                          struct hypothesis likely[CAUSES_MAX + LIKELY_MOST])
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        if (is_likely(&searching->causes[i]))
            likely[found++] = searching->causes[i].hypothesis;
    for (size_t i = 0; i < rest->likely_count; i++) {
        likely[found] = (struct hypothesis){.departure = DEPARTURE_FAULT};
        memcpy(likely[found++].text, rest->likely[i].hypothesis, sizeof likely->text);
    }
    return found;
}

/* Causes with which the model still reads no better than by frequencies are no causes: see report_unread. */
static bool report(const struct searching *searching, const struct rest *rest, struct findings *findings,
                   struct error *error)
{
    size_t count = reads(searching) ? searching->count : 0;
    double now = mean_nats(searching->base, searching->windows * CONTEXT);
    struct hypothesis all[CAUSES_MAX], likely[CAUSES_MAX + LIKELY_MOST];
    size_t likely_count = take_likely(searching, count, rest, likely);
    struct finding *finding = findings_add(findings, CAUSE_CHECK);
    struct buffer text = {0};
    if (!finding)
        return error_memory(error, "causes");
    whole_text(searching, count, rest, &text);
    finding_message(finding, "%s", text.data ? text.data : "");
    buffer_free(&text);
    if (searching->untried && finding->message)
        finding_fact(finding, "untried", (double)searching->untried);
    finding->verdict = likely_count ? VERDICT_FAIL : count ? VERDICT_WARN : VERDICT_PASS;
    finding_measured(finding, exp(searching->count ? searching->causes[0].before : now), "perplexity");
    finding_fact(finding, "tried", (double)searching->tried);
    if (count || !searching->count)
        finding_fact(finding, "perplexity", exp(now));
    for (size_t i = 0; i < count; i++)
        all[i] = searching->causes[i].hypothesis;
    bool good = commands_add(&searching->request->causes, all, count, finding) &&
                rest_report(&searching->request->causes, rest, findings);
    for (size_t i = 0; good && i < count; i++)
        good = report_cause(searching, &searching->causes[i], findings);
    return (good || error_memory(error, "causes")) && usual_report_likely(likely, likely_count, findings, error);
}

bool likelihood_find(const struct likelihood_request *request, struct findings *findings, struct error *error)
{
    struct searching searching = {.request = request,
                                  .hunt = &request->causes.hunt,
                                  .ground = request->causes.hunt.ground,
                                  .begun = clock_seconds()};
    struct rest rest = {0};
    bool good = begin(&searching, error) && search(&searching, error) &&
                (rest_find(&request->causes, NULL, &rest) || error_memory(error, "causes"));
    if (good && !reads(&searching) && !rest.likely_count)
        good = report_unread(&searching, findings) || error_memory(error, "causes");
    else
        good = good && report(&searching, &rest, findings, error);
    rest_free(&rest);
    end(&searching);
    return good;
}
