#include "activations/perplexity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "activations/corpus.h"
#include "activations/logits.h"
#include "activations/rounding.h"
#include "base/hash.h"
#include "math/distribution.h"

#define CONTEXT_DEFAULT 512
#define TEXT_NOISE 1e-6 /* two float32 runs of one model agree that well (LIMIT_TEXT_PERPLEXITY) */

struct window {
    size_t begin;
    size_t count;
    size_t scored; /* first token of the text that this window scores */
};

struct perplexity {
    struct perplexity_request request; /* the path in it is not used after perplexity_new */
    struct ids ids;
    size_t context, stride;
    struct window *windows;
    size_t window_count;
    double *nll; /* [ids]: of each token; NaN: not scored */
    char sha256[65];
    size_t bytes, words;
};

static size_t count_words(const char *text, size_t size)
{
    size_t words = 0;
    bool inside = false;
    for (size_t i = 0; i < size; i++) {
        bool space = text[i] == ' ' || (text[i] >= '\t' && text[i] <= '\r');
        words += !space && !inside;
        inside = !space;
    }
    return words;
}

static bool read_text(struct perplexity *perplexity, struct error *error)
{
    const struct subject *subject = perplexity->request.subject;
    const char *path = perplexity->request.text;
    struct buffer text = {0};
    bool good = subject_needs_tokenizer(subject, error) && corpus_read(path, &text, error) &&
                sha256_bytes(text.data, text.size, perplexity->sha256, error) &&
                tokenizer_encode(subject->tokenizer, text.data, text.size, true, &perplexity->ids, error);
    perplexity->bytes = text.size;
    perplexity->words = good ? count_words(text.data, text.size) : 0;
    buffer_free(&text);
    if (good && perplexity->ids.count < 2)
        good = error_set(error, "%s: %zu tokens; perplexity needs two", path, perplexity->ids.count);
    return good;
}

static bool lay_windows(struct perplexity *perplexity, struct error *error)
{
    size_t tokens = perplexity->ids.count, end = 0;
    perplexity->windows = malloc((tokens / perplexity->stride + 1) * sizeof *perplexity->windows);
    perplexity->nll = malloc(tokens * sizeof *perplexity->nll);
    if (!perplexity->windows || !perplexity->nll)
        return error_memory(error, "perplexity");
    for (size_t i = 0; i < tokens; i++)
        perplexity->nll[i] = NAN;
    for (size_t begin = 0; end < tokens; begin += perplexity->stride) {
        size_t count = tokens - begin < perplexity->context ? tokens - begin : perplexity->context;
        size_t scored = end > begin + 1 ? end : begin + 1;
        perplexity->windows[perplexity->window_count++] =
            (struct window){.begin = begin, .count = count, .scored = scored};
        end = begin + count;
    }
    return true;
}

/* The first dump that records the text; `exactly` also these windows and as many ids. */
static const struct golden *recorded(const struct perplexity *perplexity, bool exactly)
{
    for (size_t i = 0; i < perplexity->request.golden_count; i++) {
        const struct golden_text *text = golden_perplexity_text(perplexity->request.goldens[i]);
        if (text && strcmp(text->sha256, perplexity->sha256) == 0 &&
            (!exactly || (text->context == perplexity->context && text->stride == perplexity->stride &&
                          text->tokens == perplexity->ids.count)))
            return perplexity->request.goldens[i];
    }
    return NULL;
}

const struct golden *perplexity_golden(const struct perplexity *perplexity)
{
    return recorded(perplexity, true);
}

static void choose_windows(struct perplexity *perplexity)
{
    const struct golden *golden = recorded(perplexity, false);
    perplexity->context = perplexity->request.context;
    perplexity->stride = perplexity->request.stride;
    if (!perplexity->context && !perplexity->stride && golden) {
        perplexity->context = golden_perplexity_text(golden)->context;
        perplexity->stride = golden_perplexity_text(golden)->stride;
    }
    if (!perplexity->context)
        perplexity->context = perplexity->ids.count < CONTEXT_DEFAULT ? perplexity->ids.count : CONTEXT_DEFAULT;
    if (!perplexity->stride)
        perplexity->stride = (perplexity->context + 1) / 2;
}

struct perplexity *perplexity_new(const struct perplexity_request *request, struct error *error)
{
    struct perplexity *perplexity = calloc(1, sizeof *perplexity);
    if (!perplexity) {
        error_memory(error, "perplexity");
        return NULL;
    }
    perplexity->request = *request;
    bool good = read_text(perplexity, error);
    if (good)
        choose_windows(perplexity);
    if (good && (perplexity->context < 2 || perplexity->stride > perplexity->context))
        good = error_set(
            error, "windows of %zu tokens, %zu apart: a window needs at least 2 tokens, and windows may leave no gaps",
            perplexity->context, perplexity->stride);
    if (good && lay_windows(perplexity, error))
        return perplexity;
    perplexity_free(perplexity);
    return NULL;
}

void perplexity_free(struct perplexity *perplexity)
{
    if (!perplexity)
        return;
    ids_free(&perplexity->ids);
    free(perplexity->windows);
    free(perplexity->nll);
    free(perplexity);
}

static bool perplexity_see(void *context, size_t which, const struct part *part, struct error *error)
{
    struct perplexity *perplexity = context;
    const struct window *window = &perplexity->windows[which];
    (void)error;
    for (size_t row = 0; part->point == POINT_HEAD && row < part->rows; row++) {
        size_t target = window->begin + part->first + row + 1;
        const float *logits = part->values + row * part->width;
        if (target >= window->scored && target < window->begin + window->count)
            perplexity->nll[target] = log_sum_exp(logits, part->width) - (double)logits[perplexity->ids.data[target]];
    }
    return true;
}

bool perplexity_add(struct perplexity *perplexity, struct run *run, struct error *error)
{
    for (size_t i = 0; i < perplexity->window_count; i++) {
        const struct window *window = &perplexity->windows[i];
        struct rider rider = {.see = perplexity_see, .context = perplexity, .which = i};
        if (!run_add(run, perplexity->ids.data + window->begin, window->count, window->scored - 1 - window->begin,
                     rider, error))
            return false;
    }
    return true;
}

static bool series_tokens(const struct perplexity *perplexity, struct finding *finding)
{
    size_t count = perplexity->ids.count, bins = count < 200 ? count : 200;
    struct series *series =
        finding_series(finding, "nll-along-text", "Surprise along the text", "token", "mean nats", bins);
    double *values = series ? series_curve(series, "negative log-likelihood") : NULL;
    if (!values)
        return false;
    for (size_t bin = 0; bin < bins; bin++) {
        size_t first = bin * count / bins, last = (bin + 1) * count / bins, scored = 0;
        double sum = 0;
        for (size_t i = first; i < last; i++) {
            scored += isnan(perplexity->nll[i]) ? 0u : 1u;
            sum += isnan(perplexity->nll[i]) ? 0 : perplexity->nll[i];
        }
        series->x[bin] = (double)first;
        values[bin] = scored ? sum / (double)scored : NAN;
    }
    return true;
}

struct totals {
    double sum; /* of the negative log-likelihoods */
    double scored;
    double deviation; /* standard error of their mean; NaN for one */
};

/* Over what the windows had to score: a value that never came or is no number spoils all, as it should. */
static struct totals perplexity_totals(const struct perplexity *perplexity)
{
    struct totals totals = {0};
    double squares = 0;
    for (size_t i = 0; i < perplexity->window_count; i++) {
        const struct window *window = &perplexity->windows[i];
        for (size_t token = window->scored; token < window->begin + window->count; token++) {
            totals.sum += perplexity->nll[token];
            totals.scored++;
        }
    }
    for (size_t i = 0; i < perplexity->window_count; i++) {
        const struct window *window = &perplexity->windows[i];
        for (size_t token = window->scored; token < window->begin + window->count; token++)
            squares += pow(perplexity->nll[token] - totals.sum / totals.scored, 2);
    }
    totals.deviation = totals.scored > 1 ? sqrt(squares / (totals.scored - 1) / totals.scored) : NAN;
    return totals;
}

/* What was measured, in all units, and how. */
static void report_facts(const struct perplexity *perplexity, const struct totals *totals, struct finding *finding)
{
    double mean = totals->sum / totals->scored, all = mean * (double)(perplexity->ids.count - 1); /* as if all were */
    const struct {
        const char *name;
        double value;
    } facts[] = {{"perplexity", exp(mean)},
                 {"standard_error", exp(mean) * totals->deviation},
                 {"word_perplexity", exp(all / (double)perplexity->words)},
                 {"byte_perplexity", exp(all / (double)perplexity->bytes)},
                 {"bits_per_byte", all / (double)perplexity->bytes / M_LN2},
                 {"nll", mean},
                 {"tokens", (double)perplexity->ids.count},
                 {"scored", totals->scored},
                 {"words", (double)perplexity->words},
                 {"bytes", (double)perplexity->bytes},
                 {"context", (double)perplexity->context},
                 {"stride", (double)perplexity->stride}};
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        finding_fact(finding, facts[i].name, facts[i].value);
    finding_fact_text(finding, "window_rule",
                      "windows of %zu tokens, %zu apart; a token is scored once, by the first window "
                      "that holds it; the first token of the text is not scored%s",
                      perplexity->context, perplexity->stride,
                      perplexity->stride == perplexity->context ? ", nor is that of a window" : "");
    finding_fact_text(finding, "corpus_sha256", "%s", perplexity->sha256);
}

/* Sets measured, limit and verdict; returns how that came about. */
static const char *report_judge(const struct perplexity *perplexity, const struct limits *limits, double mine,
                                struct finding *finding)
{
    const struct golden *golden = perplexity_golden(perplexity);
    bool elsewhere = false;
    for (size_t i = 0; i < perplexity->request.golden_count; i++)
        elsewhere = elsewhere || golden_perplexity_text(perplexity->request.goldens[i]);
    finding_measured(finding, mine, "per token");
    finding->verdict = !isfinite(mine) ? VERDICT_FAIL : elsewhere ? VERDICT_WARN : VERDICT_PASS;
    if (!golden)
        return elsewhere ? "not compared, for gold records another text or other windows"
                         : "measured, not compared with gold";
    double gold = golden_perplexity_text(golden)->perplexity;
    finding_fact(finding, "golden_perplexity", gold);
    finding_measured(finding, fabs(mine / gold - 1), "of gold's perplexity");
    double limit = limits->rows[LIMIT_TEXT_PERPLEXITY].value, rounding = gold_logits_rounding(golden);
    finding_fact(finding, "within", fmax(TEXT_NOISE, rounding));
    if (rounding > limit)
        finding_limit(finding, rounding,
                      "arithmetic of so few bits costs the logits that much, which was measured by computing with it");
    else
        finding_limit(finding, limit, limits->rows[LIMIT_TEXT_PERPLEXITY].cause);
    finding_judge(finding);
    where_set(&finding->gold, golden_path(golden));
    return "compared with gold's";
}

bool perplexity_report(const struct perplexity *perplexity, const char *check, const struct limits *limits,
                       struct findings *findings, struct error *error)
{
    struct finding *finding = findings_add(findings, check);
    if (!finding)
        return error_memory(error, check);
    struct totals totals = perplexity_totals(perplexity);
    double mean = totals.sum / totals.scored, mine = exp(mean), deviation = mine * totals.deviation;
    double all = mean * (double)(perplexity->ids.count - 1); /* as if every token but the first had been scored */
    report_facts(perplexity, &totals, finding);
    const char *judged = report_judge(perplexity, limits, mine, finding);
    finding_message(
        finding,
        "Perplexity %.6g +- %.2g for each token, %.4g for each word, %.4g for each byte; %.4g bits for each "
        "byte; windows of %zu tokens, %zu apart, over the %zu tokens of the text with SHA-256 %.12s...; %s.",
        mine, deviation, exp(all / (double)perplexity->words), exp(all / (double)perplexity->bytes),
        all / (double)perplexity->bytes / M_LN2, perplexity->context, perplexity->stride, perplexity->ids.count,
        perplexity->sha256, judged);
    return series_tokens(perplexity, finding) || error_memory(error, check);
}
