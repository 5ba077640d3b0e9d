#include "diagnostics/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activations/coverage.h"
#include "activations/gold_use.h"
#include "activations/greedy.h"
#include "activations/layers.h"
#include "activations/lens.h"
#include "activations/logits.h"
#include "activations/perplexity.h"
#include "activations/statistics.h"
#include "activations/tokens.h"
#include "health/weights_health.h"
#include "health/weights_source.h"
#include "inventory/inventory.h"
#include "texts/writing.h"

static const char *const diagnostic_names[DIAGNOSTIC_COUNT] = {
    [DIAGNOSTIC_INVENTORY] = "inventory",   [DIAGNOSTIC_WEIGHTS] = "weights", [DIAGNOSTIC_TOKENS] = "tokens",
    [DIAGNOSTIC_LAYERS] = "layers",         [DIAGNOSTIC_LOGITS] = "logits",   [DIAGNOSTIC_GREEDY] = "greedy",
    [DIAGNOSTIC_PERPLEXITY] = "perplexity", [DIAGNOSTIC_TEXTS] = "texts",     [DIAGNOSTIC_LENS] = "lens",
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
    struct statistics *statistics;
    struct coverage *coverage; /* of the check */
    struct lens *lens;         /* of the check */
    size_t lens_first;         /* case of the lens that is the dump's first */
    size_t lens_count;
};

struct check {
    const struct check_request *request;
    struct gold_rider *riders;
    struct perplexity *perplexity;
    struct coverage *coverage;
    struct lens *lens;
    bool original;       /* gold proves that the weights are the original's */
    struct ids *prompts; /* [request->writing.count]: those that the lens looks at */
    struct run *run;
};

static bool gold_see(void *context, size_t which, const struct part *part, struct error *error)
{
    struct gold_rider *rider = context;
    enum mode mode = which % MODE_COUNT == 0 ? MODE_PROPAGATED : MODE_ISOLATED;
    size_t case_index = which / MODE_COUNT;
    if (mode == MODE_PROPAGATED && !logits_see(rider->logits, case_index, part, error))
        return false;
    if (mode == MODE_PROPAGATED)
        statistics_see(rider->statistics, case_index, part);
    if (mode == MODE_PROPAGATED && case_index < rider->lens_count)
        lens_see(rider->lens, rider->lens_first + case_index, part);
    return layers_see(rider->layers, mode, case_index, part, error) &&
           (mode == MODE_ISOLATED || part->layer > layers_reach(rider->layers, case_index) ||
            coverage_see(rider->coverage, part, error));
}

/* The first token whose logits somebody looks at: where gold's begin, unless the case's perplexity is compared. */
static size_t logits_from(const struct golden *golden, size_t case_index)
{
    const struct golden_tensor *tensor = golden_find(golden, case_index, "lm_head");
    return tensor && isnan(golden_case_at(golden, case_index)->perplexity) ? tensor->first : 0;
}

static bool gold_holds(const struct golden *golden, enum golden_kind kind)
{
    for (size_t i = 0; i < golden_tensor_count(golden); i++)
        if (golden_tensor_at(golden, i)->kind == kind)
            return true;
    return false;
}

static bool add_gold_lens(struct check *check, struct gold_rider *rider, const struct golden *golden,
                          struct error *error)
{
    size_t cases = golden_case_count(golden);
    rider->lens = check->lens;
    rider->lens_first = check->lens ? lens_count(check->lens) : 0;
    rider->lens_count = !check->lens ? 0 : cases < LENS_CASES_MAX ? cases : LENS_CASES_MAX;
    for (size_t i = 0; i < rider->lens_count; i++) {
        const struct golden_case *golden_case = golden_case_at(golden, i);
        if (!lens_add(check->lens, golden_case->id, golden_case->count, golden, i, error))
            return false;
    }
    return true;
}

static bool check_add_gold(struct check *check, size_t index, struct error *error)
{
    const struct check_request *request = check->request;
    const struct golden *golden = request->goldens[index];
    struct gold_rider *rider = &check->riders[index];
    rider->layers = layers_new(golden, request->subject->config, request->limits, error);
    rider->logits = rider->layers ? logits_new(golden, request->limits, error) : NULL;
    rider->statistics = rider->logits ? statistics_new(golden, request->limits, error) : NULL;
    /* statistics prove nothing of what went into them */
    bool proves = gold_holds(golden, GOLDEN_VALUES) || gold_holds(golden, GOLDEN_LOG_PROBABILITIES);
    rider->coverage = proves ? check->coverage : NULL;
    if (!rider->statistics || !add_gold_lens(check, rider, golden, error))
        return false;
    bool isolated = request->wanted[DIAGNOSTIC_LAYERS] && gold_holds(golden, GOLDEN_VALUES);
    for (size_t i = 0; i < golden_case_count(golden); i++) {
        const struct golden_case *golden_case = golden_case_at(golden, i);
        for (size_t mode = 0; mode < MODE_COUNT; mode++) {
            struct rider seat = {.see = gold_see, .context = rider, .which = i * MODE_COUNT + mode};
            if ((mode == MODE_PROPAGATED || isolated) &&
                !run_add(check->run, golden_case->ids, golden_case->count, logits_from(golden, i), seat, error))
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

static bool prompt_see(void *context, size_t which, const struct part *part, struct error *error)
{
    (void)error;
    lens_see(context, which, part);
    return true;
}

static bool check_add_prompts(struct check *check, struct error *error)
{
    const struct check_request *request = check->request;
    struct subject *subject = request->subject;
    if (!(check->prompts = calloc(request->writing.count, sizeof *check->prompts)))
        return error_memory(error, "prompts");
    for (size_t i = 0; i < request->writing.count && i < LENS_CASES_MAX; i++) {
        const char *text = request->writing.prompts[i];
        struct ids *ids = &check->prompts[i];
        if (!tokenizer_encode(subject->tokenizer, text, strlen(text), true, ids, error))
            return false;
        if (!ids->count)
            return error_set(error, "prompt \"%.60s\" has no tokens", text);
        struct rider seat = {.see = prompt_see, .context = check->lens, .which = lens_count(check->lens)};
        if (!lens_add(check->lens, text, ids->count, NULL, 0, error) ||
            !run_add(check->run, ids->data, ids->count, ids->count, seat, error))
            return false;
    }
    return true;
}

static bool wants_gold(const struct check_request *request)
{
    const bool *wanted = request->wanted;
    return request->golden_count && (wanted[DIAGNOSTIC_LAYERS] || wanted[DIAGNOSTIC_LOGITS] || wanted[DIAGNOSTIC_LENS]);
}

static bool wants_text(const struct check_request *request)
{
    return request->wanted[DIAGNOSTIC_PERPLEXITY] && request->text;
}

/* Without a tokenizer they are no ids; text.verdict says so. */
static bool wants_prompts(const struct check_request *request)
{
    return request->wanted[DIAGNOSTIC_LENS] && request->writing.count && request->subject->tokenizer;
}

/* Everything that takes part in the one pass. */
static bool check_pass(struct check *check, struct error *error)
{
    const struct check_request *request = check->request;
    bool compares = wants_gold(request) || wants_text(request);
    if (!compares && !wants_prompts(request))
        return true;
    if (!(check->run = run_new(request->subject->model, error)) ||
        (compares && !(check->coverage = coverage_new(request->subject->config, error))) ||
        (request->wanted[DIAGNOSTIC_LENS] && !(check->lens = lens_new(request->subject->config, 1, error))))
        return false;
    for (size_t i = 0; wants_gold(request) && i < request->golden_count; i++)
        if (!check_add_gold(check, i, error))
            return false;
    if (wants_prompts(request) && !check_add_prompts(check, error))
        return false;
    if (wants_text(request)) {
        const struct perplexity_request text = {.subject = request->subject,
                                                .text = request->text,
                                                .context = request->context,
                                                .stride = request->stride,
                                                .goldens = request->goldens,
                                                .golden_count = request->golden_count};
        if (!(check->perplexity = perplexity_new(&text, error)) ||
            !perplexity_add(check->perplexity, check->run, error))
            return false;
    }
    return run_execute(check->run, "layers", request->chunk, error) &&
           (!check->lens || lens_compute(check->lens, request->subject->model, request->limits, error));
}

/* Continuations and perplexities of this gold that take part. */
static size_t gold_others(const struct check *check, const struct golden *golden)
{
    const bool *wanted = check->request->wanted;
    size_t others = check->perplexity && perplexity_golden(check->perplexity) == golden;
    for (size_t i = 0; i < golden_case_count(golden); i++) {
        const struct golden_case *golden_case = golden_case_at(golden, i);
        others += wanted[DIAGNOSTIC_GREEDY] && golden_case->greedy_count;
        others += wanted[DIAGNOSTIC_LOGITS] && !isnan(golden_case->perplexity);
    }
    return others;
}

static bool has_logits(const struct golden *golden, const bool *marks)
{
    for (size_t i = 0; i < golden_tensor_count(golden); i++)
        if (marks[i] && strcmp(golden_tensor_at(golden, i)->path, "lm_head") == 0)
            return true;
    return false;
}

static bool check_gold_use(const struct check *check, size_t index, struct findings *findings, struct error *error)
{
    const struct check_request *request = check->request;
    const struct golden *golden = request->goldens[index];
    bool *marks = calloc(golden_tensor_count(golden) + 1, sizeof *marks);
    struct gold_use use = {.tensors = marks,
                           .activations = request->wanted[DIAGNOSTIC_LAYERS],
                           .logits = request->wanted[DIAGNOSTIC_LOGITS],
                           .others = gold_others(check, golden),
                           .subject = store_path(request->subject->store)};
    if (!marks)
        return error_memory(error, "gold");
    if (check->riders[index].layers) {
        layers_compared(check->riders[index].layers, marks);
        logits_compared(check->riders[index].logits, marks);
        statistics_compared(check->riders[index].statistics, marks);
    }
    use.others_wanted = use.others;
    use.outcome = use.others || has_logits(golden, marks);
    bool good = gold_check_use(golden, &use, findings, error);
    free(marks);
    return good;
}

/* Everything that one dump judges; `*same` when its weights are the subject's. */
static bool check_report_gold(const struct check *check, size_t index, bool *same, struct findings *findings,
                              struct error *error)
{
    const struct check_request *request = check->request;
    const struct golden *golden = request->goldens[index];
    const bool *wanted = request->wanted;
    const struct gold_rider *rider = &check->riders[index];
    size_t first = findings->count;
    bool good =
        (!wanted[DIAGNOSTIC_LAYERS] || (layers_report(rider->layers, findings, NULL, error) &&
                                        statistics_report(rider->statistics, findings, error))) &&
        (!wanted[DIAGNOSTIC_LOGITS] || logits_report(rider->logits, findings, error)) &&
        (!wanted[DIAGNOSTIC_LENS] || lens_report(check->lens, golden, golden_case_count(golden),
                                                 request->subject->tokenizer, request->limits, findings, error)) &&
        (!wanted[DIAGNOSTIC_GREEDY] || greedy_check(request->subject, golden, request->limits, findings, error)) &&
        gold_check_weights(golden, request->subject->store, same, findings, error) &&
        (!(wanted[DIAGNOSTIC_LAYERS] || wanted[DIAGNOSTIC_LOGITS] || wanted[DIAGNOSTIC_GREEDY]) ||
         check_gold_use(check, index, findings, error));
    findings_set_gold(findings, first, golden_path(golden));
    return good;
}

/* Something of the whole fails, and no layer does. */
static bool is_unexplained(const struct findings *findings)
{
    static const char *const wholes[] = {"logits.kl", "logits.top1", "greedy", "perplexity", "perplexity.text"};
    bool fails = false;
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        if (finding->verdict == VERDICT_FAIL && strncmp(finding->check, "layers.", 7) == 0)
            return false;
        for (size_t k = 0; k < sizeof wholes / sizeof *wholes; k++)
            fails = fails || (finding->verdict == VERDICT_FAIL && strcmp(finding->check, wholes[k]) == 0);
    }
    return fails;
}

static bool check_report(struct check *check, struct findings *findings, struct error *error)
{
    const struct check_request *request = check->request;
    bool same = false;
    for (size_t i = 0; i < request->golden_count; i++)
        if (!check_report_gold(check, i, &same, findings, error))
            return false;
    check->original = same;
    if (wants_prompts(request) && !lens_report(check->lens, NULL, request->writing.count, request->subject->tokenizer,
                                               request->limits, findings, error))
        return false;
    /* Where cases are judged, "perplexity" is theirs. */
    const char *text = request->wanted[DIAGNOSTIC_LOGITS] ? "perplexity.text" : "perplexity";
    if (check->perplexity && !perplexity_report(check->perplexity, text, request->limits, findings, error))
        return false;
    return !check->coverage || !request->wanted[DIAGNOSTIC_LAYERS] ||
           coverage_report(check->coverage, request->limits, same ? "the bytes of the others are gold's" : NULL,
                           is_unexplained(findings), findings, error);
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
                {DIAGNOSTIC_LENS, "lens"},
                {DIAGNOSTIC_GREEDY, "greedy"}};
    for (size_t i = 0; !request->golden_count && i < sizeof rows / sizeof *rows; i++)
        if (request->wanted[rows[i].diagnostic] && !(rows[i].diagnostic == DIAGNOSTIC_LENS && wants_prompts(request)) &&
            !skip(findings, rows[i].check, "No gold was given (--golden).", error))
            return false;
    if (!request->wanted[DIAGNOSTIC_PERPLEXITY] || request->text)
        return true;
    for (size_t i = 0; i < request->golden_count; i++) {
        const struct golden_text *text = golden_perplexity_text(request->goldens[i]);
        char why[200];
        if (!text)
            continue;
        snprintf(why, sizeof why,
                 "Gold records the perplexity of a text with SHA-256 %.16s...; it was not given (--text).",
                 text->sha256);
        return skip(findings, "perplexity.text", why, error);
    }
    bool of_cases = request->golden_count && request->wanted[DIAGNOSTIC_LOGITS]; /* logits.c reports it */
    return of_cases || skip(findings, "perplexity", "No text was given (--text).", error);
}

static bool check_inventory(const struct check_request *request, struct findings *findings, struct error *error)
{
    struct origin *origin = NULL;
    if (!subject_origin(request->subject, &origin, error))
        return false;
    const struct inventory_request inventory = {.store = request->subject->store,
                                                .config = request->subject->config,
                                                .origin = origin,
                                                .goldens = request->goldens,
                                                .golden_count = request->golden_count,
                                                .causes = true};
    bool good = inventory_inspect(&inventory, findings, error);
    origin_free(origin);
    return good;
}

static bool check_still(const struct check_request *request, struct findings *findings, struct error *error)
{
    struct subject *subject = request->subject;
    if (request->wanted[DIAGNOSTIC_INVENTORY] && !check_inventory(request, findings, error))
        return false;
    if (request->wanted[DIAGNOSTIC_WEIGHTS] &&
        !weights_check_health(subject, workspace_pool(model_workspace(subject->model)), findings, error))
        return false;
    if (request->wanted[DIAGNOSTIC_WEIGHTS] && subject_source(subject) &&
        !weights_check_source(subject->store, subject_source(subject), workspace_pool(model_workspace(subject->model)),
                              findings, error))
        return false;
    if (request->wanted[DIAGNOSTIC_TOKENS] && !tokens_check_reader(subject, findings, error))
        return false;
    for (size_t i = 0; request->wanted[DIAGNOSTIC_TOKENS] && i < request->golden_count; i++) {
        size_t first = findings->count;
        if (!tokens_check(subject, request->goldens[i], findings, error))
            return false;
        findings_set_gold(findings, first, golden_path(request->goldens[i]));
    }
    return true;
}

/* A subject without a tokenizer writes no text that could be read. */
static bool check_texts(const struct check *check, struct findings *findings, struct error *error)
{
    struct writing_request writing = check->request->writing;
    struct subject *subject = check->request->subject;
    if (!check->request->wanted[DIAGNOSTIC_TEXTS])
        return true;
    if (!subject->tokenizer)
        return skip(findings, "text.verdict", "There is no tokenizer that could be read: no text was written.", error);
    writing.limits = check->request->limits;
    writing.goldens = check->request->goldens;
    writing.golden_count = check->request->golden_count;
    writing.same = check->original;
    return writing_check(subject, &writing, findings, error);
}

bool check_run(const struct check_request *request, struct findings *findings, struct error *error)
{
    const struct subject *subject = request->subject;
    for (size_t i = 0; i < request->golden_count; i++)
        if (!golden_begin_as(request->goldens[i], subject->tokenizer, error) ||
            !golden_compatible(request->goldens[i], subject->config, subject->tokenizer_sha256, error))
            return false;
    struct check check = {.request = request, .riders = calloc(request->golden_count + 1, sizeof *check.riders)};
    bool good = check.riders || error_memory(error, "check");
    good = good && subject_load(request->subject, error) && check_still(request, findings, error) &&
           check_pass(&check, error) && check_report(&check, findings, error) &&
           check_skips(request, findings, error) && check_texts(&check, findings, error);
    for (size_t i = 0; check.riders && i < request->golden_count; i++) {
        layers_free(check.riders[i].layers);
        logits_free(check.riders[i].logits);
        statistics_free(check.riders[i].statistics);
    }
    free(check.riders);
    perplexity_free(check.perplexity);
    coverage_free(check.coverage);
    run_free(check.run);
    lens_free(check.lens);
    for (size_t i = 0; check.prompts && i < request->writing.count; i++)
        ids_free(&check.prompts[i]);
    free(check.prompts);
    return good;
}

struct dump_pair {
    const struct golden *golden, *subject;
    const struct model_config *config;
    const struct limits *limits;
    struct layers *layers;
    struct logits *logits;
    struct statistics *statistics;
    bool *cases; /* that both have */
    bool *marks;
};

static bool dump_place(struct dump_pair *pair, size_t case_index, size_t other, enum point point, int layer,
                       struct error *error)
{
    char path[POINT_PATH];
    point_path(point, layer, path);
    const struct golden_tensor *tensor = golden_find(pair->subject, other, path);
    if (!tensor || tensor->kind == GOLDEN_STATISTICS || !golden_find(pair->golden, case_index, path))
        return true;
    struct part part = {.point = point,
                        .layer = layer,
                        .path = path,
                        .first = tensor->first,
                        .rows = tensor->rows,
                        .width = tensor->width,
                        .log_probabilities = tensor->kind == GOLDEN_LOG_PROBABILITIES};
    part.values = malloc(tensor->rows * tensor->width * sizeof *part.values);
    bool good = part.values || error_memory(error, path);
    good = good && golden_read_rows(pair->subject, tensor, 0, tensor->rows, part.values, error) &&
           logits_see(pair->logits, case_index, &part, error) &&
           layers_see(pair->layers, MODE_PROPAGATED, case_index, &part, error);
    if (good)
        statistics_see(pair->statistics, case_index, &part);
    free(part.values);
    return good;
}

static bool dump_cases(struct dump_pair *pair, struct error *error)
{
    for (size_t i = 0; i < golden_case_count(pair->golden); i++) {
        size_t other = golden_same_case(pair->subject, golden_case_at(pair->golden, i));
        pair->cases[i] = other != SIZE_MAX;
        for (int layer = -1; pair->cases[i] && layer < pair->config->layers; layer++)
            for (int point = 0; point < POINT_COUNT; point++)
                if (point_in_layer((enum point)point) == (layer >= 0) &&
                    !dump_place(pair, i, other, (enum point)point, layer, error))
                    return false;
    }
    return true;
}

static bool dump_report(struct dump_pair *pair, struct findings *findings, struct error *error)
{
    size_t first = findings->count;
    struct gold_use use = {.tensors = pair->marks,
                           .activations = true,
                           .logits = true,
                           .cases = pair->cases,
                           .subject = golden_path(pair->subject)};
    bool good =
        layers_report(pair->layers, findings,
                      "A dump cannot be fed with golden input; give a model to see each module alone.", error) &&
        statistics_report(pair->statistics, findings, error) && logits_report(pair->logits, findings, error) &&
        greedy_check_dump(pair->golden, pair->subject, pair->limits, &use.others, findings, error);
    layers_compared(pair->layers, pair->marks);
    logits_compared(pair->logits, pair->marks);
    statistics_compared(pair->statistics, pair->marks);
    for (size_t i = 0; i < golden_case_count(pair->golden); i++)
        use.others_wanted += golden_case_at(pair->golden, i)->greedy_count > 0;
    use.outcome = use.others || has_logits(pair->golden, pair->marks);
    use.partly = logits_positions(pair->logits) > 0;
    bool any = use.others || use.partly;
    for (size_t i = 0; i < golden_tensor_count(pair->golden); i++)
        any = any || pair->marks[i];
    if (good && !any)
        good = error_set(error,
                         "%s and %s have no tensor and no continuation of the same case (same id, same token ids) "
                         "in common",
                         golden_path(pair->golden), golden_path(pair->subject));
    good = good && gold_check_use(pair->golden, &use, findings, error);
    findings_set_gold(findings, first, golden_path(pair->golden));
    return good;
}

bool check_dump(const struct golden *golden, const struct golden *subject, const struct limits *limits,
                struct findings *findings, struct error *error)
{
    struct model_config *config = golden_config(golden, error);
    struct dump_pair pair = {.golden = golden,
                             .subject = subject,
                             .config = config,
                             .limits = limits,
                             .cases = calloc(golden_case_count(golden) + 1, sizeof *pair.cases),
                             .marks = calloc(golden_tensor_count(golden) + 1, sizeof *pair.marks)};
    bool good = config && ((pair.cases && pair.marks) || error_memory(error, "dumps")) &&
                golden_fits(golden, config, error) && golden_fits(subject, config, error) &&
                (pair.layers = layers_new(golden, config, limits, error)) &&
                (pair.logits = logits_new(golden, limits, error)) &&
                (pair.statistics = statistics_new(golden, limits, error)) && dump_cases(&pair, error) &&
                dump_report(&pair, findings, error);
    layers_free(pair.layers);
    logits_free(pair.logits);
    statistics_free(pair.statistics);
    free(pair.cases);
    free(pair.marks);
    free(config);
    return good;
}
