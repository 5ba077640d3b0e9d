#include "diagnostics/check.h"

#include <stdlib.h>
#include <string.h>

#include "diagnostics/greedy.h"
#include "diagnostics/inventory.h"
#include "diagnostics/layers.h"
#include "diagnostics/logits.h"
#include "diagnostics/perplexity.h"
#include "diagnostics/prompts.h"
#include "diagnostics/tokens.h"

static const char *const diagnostic_names[DIAGNOSTIC_COUNT] = {
    [DIAGNOSTIC_INVENTORY] = "inventory",   [DIAGNOSTIC_WEIGHTS] = "weights", [DIAGNOSTIC_TOKENS] = "tokens",
    [DIAGNOSTIC_LAYERS] = "layers",         [DIAGNOSTIC_LOGITS] = "logits",   [DIAGNOSTIC_GREEDY] = "greedy",
    [DIAGNOSTIC_PERPLEXITY] = "perplexity",
};

enum diagnostic diagnostic_parse(const char *name)
{
    int i = 0;
    while (i < DIAGNOSTIC_COUNT && strcmp(diagnostic_names[i], name) != 0)
        i++;
    return (enum diagnostic)i;
}

const char *diagnostic_name(enum diagnostic diagnostic)
{
    return diagnostic_names[diagnostic];
}

/* What rides on the pass for one dump: every case twice, propagated and isolated. */
struct gold_rider {
    struct layers *layers;
    struct logits *logits;
};

struct check {
    const struct check_request *request;
    struct gold_rider *riders;
    struct perplexity *perplexity;
    struct run *run;
};

static bool gold_see(void *context, size_t which, const struct part *part, struct error *error)
{
    struct gold_rider *rider = context;
    enum mode mode = which % MODE_COUNT == 0 ? MODE_PROPAGATED : MODE_ISOLATED;
    size_t case_index = which / MODE_COUNT;
    if (mode == MODE_PROPAGATED && !logits_see(rider->logits, case_index, part, error))
        return false;
    return layers_see(rider->layers, mode, case_index, part, error);
}

static bool check_add_gold(struct check *check, size_t index, struct error *error)
{
    const struct check_request *request = check->request;
    const struct golden *golden = request->goldens[index];
    struct gold_rider *rider = &check->riders[index];
    rider->layers = layers_new(golden, request->subject->config, request->limits, error);
    rider->logits = rider->layers ? logits_new(golden, request->limits, error) : NULL;
    if (!rider->logits)
        return false;
    for (size_t i = 0; i < golden_case_count(golden); i++) {
        const struct golden_case *golden_case = golden_case_at(golden, i);
        for (size_t mode = 0; mode < MODE_COUNT; mode++) {
            struct rider seat = {.see = gold_see, .context = rider, .which = i * MODE_COUNT + mode};
            if ((mode == MODE_PROPAGATED || request->wanted[DIAGNOSTIC_LAYERS]) &&
                !run_add(check->run, golden_case->ids, golden_case->count, 0, seat, error))
                return false;
        }
    }
    return true;
}

static bool skip(struct findings *findings, const char *check, const char *why, struct error *error)
{
    struct finding *finding = findings_add(findings, check);
    if (!finding)
        return error_memory(error, check);
    finding->verdict = VERDICT_SKIP;
    finding_message(finding, "%s", why);
    return true;
}

static bool wants_pass(const struct check_request *request)
{
    bool gold = request->golden_count && (request->wanted[DIAGNOSTIC_LAYERS] || request->wanted[DIAGNOSTIC_LOGITS]);
    return gold || (request->wanted[DIAGNOSTIC_PERPLEXITY] && request->text);
}

/* Everything that takes part in the one pass. */
static bool check_pass(struct check *check, struct error *error)
{
    const struct check_request *request = check->request;
    if (!wants_pass(request))
        return true;
    if (!(check->run = run_new(request->subject->model, error)))
        return false;
    for (size_t i = 0;
         (request->wanted[DIAGNOSTIC_LAYERS] || request->wanted[DIAGNOSTIC_LOGITS]) && i < request->golden_count; i++)
        if (!check_add_gold(check, i, error))
            return false;
    if (request->wanted[DIAGNOSTIC_PERPLEXITY] && request->text) {
        check->perplexity = perplexity_new(request->subject, request->text, request->context, request->stride, error);
        if (!check->perplexity || !perplexity_add(check->perplexity, check->run, error))
            return false;
    }
    return run_execute(check->run, "layers", request->chunk, error);
}

/* The dump that records this text, if any does. */
static const struct golden *text_golden(const struct check_request *request)
{
    for (size_t i = 0; i < request->golden_count; i++)
        if (golden_perplexity_text(request->goldens[i]))
            return request->goldens[i];
    return NULL;
}

static bool check_report(struct check *check, struct findings *findings, struct error *error)
{
    const struct check_request *request = check->request;
    for (size_t i = 0; i < request->golden_count; i++) {
        if (request->wanted[DIAGNOSTIC_LAYERS] && !layers_report(check->riders[i].layers, findings, NULL, error))
            return false;
        if (request->wanted[DIAGNOSTIC_LOGITS] && !logits_report(check->riders[i].logits, findings, error))
            return false;
        if (request->wanted[DIAGNOSTIC_GREEDY] &&
            !greedy_check(request->subject, request->goldens[i], request->limits, findings, error))
            return false;
    }
    if (check->perplexity)
        return perplexity_report(check->perplexity, text_golden(request), request->limits, findings, error);
    return true;
}

/* What was asked for and has nothing to work on. */
static bool check_skips(const struct check_request *request, struct findings *findings, struct error *error)
{
    static const struct {
        enum diagnostic diagnostic;
        const char *check;
    } rows[] = {{DIAGNOSTIC_TOKENS, "tokens.ids"},
                {DIAGNOSTIC_LAYERS, "layers.propagated"},
                {DIAGNOSTIC_LAYERS, "layers.isolated"},
                {DIAGNOSTIC_LOGITS, "logits.kl"},
                {DIAGNOSTIC_GREEDY, "greedy"}};
    for (size_t i = 0; !request->golden_count && i < sizeof rows / sizeof *rows; i++)
        if (request->wanted[rows[i].diagnostic] &&
            !skip(findings, rows[i].check, "No gold was given (--golden).", error))
            return false;
    bool of_cases = request->golden_count && request->wanted[DIAGNOSTIC_LOGITS]; /* logits.c reports it */
    if (request->wanted[DIAGNOSTIC_PERPLEXITY] && !request->text && !of_cases)
        return skip(findings, "perplexity", "No text was given (--text).", error);
    return true;
}

static bool check_still(const struct check_request *request, struct findings *findings, struct error *error)
{
    struct subject *subject = request->subject;
    if (request->wanted[DIAGNOSTIC_INVENTORY] && !inventory_check(subject->store, subject->config, findings, error))
        return false;
    if (request->wanted[DIAGNOSTIC_WEIGHTS] &&
        !weights_check_finite(subject->store, workspace_pool(model_workspace(subject->model)), findings, error))
        return false;
    for (size_t i = 0; request->wanted[DIAGNOSTIC_TOKENS] && i < request->golden_count; i++)
        if (!tokens_check(subject, request->goldens[i], findings, error))
            return false;
    return true;
}

bool check_run(const struct check_request *request, struct findings *findings, struct error *error)
{
    const struct subject *subject = request->subject;
    for (size_t i = 0; i < request->golden_count; i++)
        if (!golden_compatible(request->goldens[i], subject->config, subject->tokenizer_sha256, subject->store, error))
            return false;
    struct check check = {.request = request, .riders = calloc(request->golden_count + 1, sizeof *check.riders)};
    bool good = check.riders || error_memory(error, "check");
    good = good && subject_load(request->subject, error) && check_still(request, findings, error) &&
           check_pass(&check, error) && check_report(&check, findings, error) &&
           check_skips(request, findings, error) &&
           (!request->prompt_count || prompts_check(request->subject, request->prompts, request->prompt_count,
                                                    request->new_tokens, findings, error));
    for (size_t i = 0; check.riders && i < request->golden_count; i++) {
        layers_free(check.riders[i].layers);
        logits_free(check.riders[i].logits);
    }
    free(check.riders);
    perplexity_free(check.perplexity);
    run_free(check.run);
    return good;
}

/* The case of the other dump with the same ids under the same name; SIZE_MAX when there is none. */
static size_t same_case(const struct golden *golden, const struct golden_case *wanted)
{
    for (size_t i = 0; i < golden_case_count(golden); i++) {
        const struct golden_case *found = golden_case_at(golden, i);
        if (strcmp(found->id, wanted->id) == 0 && found->count == wanted->count &&
            memcmp(found->ids, wanted->ids, wanted->count * sizeof *wanted->ids) == 0)
            return i;
    }
    return SIZE_MAX;
}

struct dump_pair {
    const struct golden *golden, *subject;
    const struct model_config *config;
    struct layers *layers;
    struct logits *logits;
};

static bool dump_place(struct dump_pair *pair, size_t case_index, size_t other, enum point point, int layer,
                       size_t *common, struct error *error)
{
    char path[POINT_PATH];
    point_path(point, layer, path);
    const struct golden_tensor *tensor = golden_find(pair->subject, other, path);
    if (!tensor || !golden_find(pair->golden, case_index, path))
        return true;
    struct part part = {.point = point, .layer = layer, .path = path, .rows = tensor->rows, .width = tensor->width};
    part.values = malloc(tensor->rows * tensor->width * sizeof *part.values);
    bool good = part.values || error_memory(error, path);
    good = good && golden_read_rows(pair->subject, tensor, 0, tensor->rows, part.values, error) &&
           logits_see(pair->logits, case_index, &part, error) &&
           layers_see(pair->layers, MODE_PROPAGATED, case_index, &part, error);
    free(part.values);
    ++*common;
    return good;
}

static bool dump_cases(struct dump_pair *pair, size_t *common, struct error *error)
{
    for (size_t i = 0; i < golden_case_count(pair->golden); i++) {
        size_t other = same_case(pair->subject, golden_case_at(pair->golden, i));
        for (int layer = -1; other != SIZE_MAX && layer < pair->config->layers; layer++)
            for (int point = 0; point < POINT_COUNT; point++)
                if (point_in_layer((enum point)point) == (layer >= 0) &&
                    !dump_place(pair, i, other, (enum point)point, layer, common, error))
                    return false;
    }
    return true;
}

bool check_dump(const struct golden *golden, const struct golden *subject, const struct limits *limits,
                struct findings *findings, struct error *error)
{
    size_t common = 0;
    struct model_config *config = golden_config(golden, error);
    struct dump_pair pair = {.golden = golden, .subject = subject, .config = config};
    bool good = config && golden_fits(golden, config, error) && golden_fits(subject, config, error) &&
                (pair.layers = layers_new(golden, config, limits, error)) &&
                (pair.logits = logits_new(golden, limits, error)) && dump_cases(&pair, &common, error);
    if (good && !common)
        good = error_set(error, "%s and %s have no tensor of the same case (same id, same token ids) in common",
                         golden_path(golden), golden_path(subject));
    good = good &&
           layers_report(pair.layers, findings,
                         "A dump cannot be fed with golden input; give a model to see each module alone.", error) &&
           logits_report(pair.logits, findings, error);
    layers_free(pair.layers);
    logits_free(pair.logits);
    free(config);
    return good;
}
