#include "activations/domains.h"

#include <math.h>
#include <stdlib.h>

#include "activations/corpus.h"
#include "base/progress.h"
#include "math/distribution.h"
#include "model/routing.h"
#include "model/weights.h"
#include "run/run.h"

static const struct {
    const char *name, *text;
} domains[] = {
    {"English", CORPUS_ENGLISH}, {"other languages", CORPUS_LANGUAGES}, {"code", CORPUS_CODE}, {"sums", CORPUS_SUMS}};
enum { DOMAINS = sizeof domains / sizeof *domains };

struct profile {
    const struct model_config *config;
    struct ids ids[DOMAINS];
    size_t *used[DOMAINS];  /* [layers, experts]: how often each was chosen */
    size_t *early[DOMAINS]; /* the same over the first half */
    bool *absent;           /* [layers, experts]: something of the expert is */
    int *chosen;            /* scratch: experts_per_token */
    float *scores;          /* scratch: experts */
    size_t places;          /* layers times experts */
    double lost;            /* sum over tokens and layers of the probability of absent experts */
    size_t routings;
    double nats[2][DOMAINS]; /* of the second half's tokens: as it is, and with the others masked */
    bool masked;             /* the run under way is the second */
};

static bool is_late(const struct profile *profile, size_t domain, size_t token)
{
    return token >= profile->ids[domain].count / 2;
}

/* Counts, or masks what the first half did not use where the second half begins. */
static void see_router(struct profile *profile, size_t domain, const struct part *part)
{
    int experts = profile->config->experts, k = profile->config->experts_per_token;
    size_t at = (size_t)part->layer * (size_t)experts;
    for (size_t row = 0; row < part->rows; row++) {
        float *logits = part->values + row * part->width;
        bool late = is_late(profile, domain, part->first + row);
        for (int expert = 0; profile->masked && late && expert < experts; expert++)
            if (!profile->early[domain][at + (size_t)expert])
                logits[expert] = -INFINITY;
        if (profile->masked)
            continue;
        double sum = log_sum_exp(logits, part->width);
        for (int expert = 0; expert < experts; expert++)
            profile->lost += profile->absent[at + (size_t)expert] ? exp((double)logits[expert] - sum) : 0;
        profile->routings++;
        routing_of(profile->config, part->layer, logits, profile->scores, profile->chosen);
        for (int i = 0; i < k; i++) {
            profile->used[domain][at + (size_t)profile->chosen[i]]++;
            profile->early[domain][at + (size_t)profile->chosen[i]] += !late;
        }
    }
}

static bool see(void *context, size_t domain, const struct part *part, struct error *error)
{
    struct profile *profile = context;
    const struct ids *ids = &profile->ids[domain];
    (void)error;
    if (part->point == POINT_ROUTER)
        see_router(profile, domain, part);
    for (size_t row = 0; part->point == POINT_HEAD && row < part->rows; row++) {
        size_t next = part->first + row + 1;
        const float *logits = part->values + row * part->width;
        if (next < ids->count && is_late(profile, domain, next - 1))
            profile->nats[profile->masked][domain] +=
                log_sum_exp(logits, part->width) - (double)logits[ids->data[next]];
    }
    return true;
}

/* The kinds first .. end - 1, in one pass. */
static bool run_kinds(struct profile *profile, struct model *model, size_t first, size_t end, struct error *error)
{
    struct run *run = run_new(model, error);
    bool good = run;
    for (size_t i = first; good && i < end; i++)
        good = run_add(run, profile->ids[i].data, profile->ids[i].count, profile->ids[i].count / 2,
                       (struct rider){see, profile, i}, error);
    good = good && run_execute(run, "experts by kind of text", 0, error);
    run_free(run);
    return good;
}

struct absences {
    struct profile *profile;
    const struct store *store;
};

static bool see_weight(void *context, const struct expected *expected)
{
    const struct absences *absences = context;
    struct profile *profile = absences->profile;
    if (expected->expert >= 0 && !expected->optional && !weights_find(absences->store, expected))
        profile->absent[(size_t)expected->layer * (size_t)profile->config->experts + (size_t)expected->expert] = true;
    return true;
}

static bool profile_begin(struct profile *profile, const struct subject *subject, struct error *error)
{
    profile->places = (size_t)profile->config->layers * (size_t)profile->config->experts;
    profile->absent = calloc(profile->places + 1, sizeof *profile->absent);
    profile->chosen = calloc((size_t)profile->config->experts_per_token + 1, sizeof *profile->chosen);
    profile->scores = calloc((size_t)profile->config->experts + 1, sizeof *profile->scores);
    bool good = (profile->absent && profile->chosen && profile->scores) || error_memory(error, "experts");
    for (size_t i = 0; good && i < DOMAINS; i++) {
        struct buffer text = {0};
        struct ids *ids = &profile->ids[i];
        profile->used[i] = calloc(profile->places + 1, sizeof *profile->used[i]);
        profile->early[i] = calloc(profile->places + 1, sizeof *profile->early[i]);
        good = ((profile->used[i] && profile->early[i]) || error_memory(error, "experts")) &&
               corpus_read(domains[i].text, &text, error) &&
               tokenizer_encode(subject->tokenizer, text.data, text.size, true, ids, error);
        ids->count = ids->count < DOMAIN_TOKENS ? ids->count : DOMAIN_TOKENS;
        buffer_free(&text);
    }
    return good && (weights_each(profile->config, see_weight, &(struct absences){profile, subject->store}) ||
                    error_memory(error, "experts"));
}

static void profile_end(struct profile *profile)
{
    for (size_t i = 0; i < DOMAINS; i++) {
        ids_free(&profile->ids[i]);
        free(profile->used[i]);
        free(profile->early[i]);
    }
    free(profile->absent);
    free(profile->chosen);
    free(profile->scores);
}

/* --- what it comes to --- */

static const size_t *layer_of(const struct profile *profile, size_t *const *counts, size_t domain, int layer)
{
    return counts[domain] + (size_t)layer * (size_t)profile->config->experts;
}

/* Experts of a layer that meet the kind of text, over sparse layers, in the mean. */
static double experts_used(const struct profile *profile, size_t domain)
{
    double used = 0, layers = 0;
    for (int layer = 0; layer < profile->config->layers; layer++) {
        layers += profile->config->sparse[layer];
        for (int expert = 0; profile->config->sparse[layer] && expert < profile->config->experts; expert++)
            used += layer_of(profile, profile->used, domain, layer)[expert] > 0;
    }
    return used / layers;
}

/* Cosine between how often two kinds choose each expert, over sparse layers, in the mean. */
static double alike(const struct profile *profile, size_t a, size_t b)
{
    double sum = 0, layers = 0;
    for (int layer = 0; layer < profile->config->layers; layer++) {
        const size_t *x = layer_of(profile, profile->used, a, layer), *y = layer_of(profile, profile->used, b, layer);
        double product = 0, xx = 0, yy = 0;
        for (int expert = 0; profile->config->sparse[layer] && expert < profile->config->experts; expert++) {
            product += (double)x[expert] * (double)y[expert];
            xx += (double)x[expert] * (double)x[expert];
            yy += (double)y[expert] * (double)y[expert];
        }
        if (xx > 0 && yy > 0) {
            sum += product / sqrt(xx * yy);
            layers++;
        }
    }
    return layers > 0 ? sum / layers : NAN;
}

/* Over all kinds: experts that meet no token, and the busiest's load over an even share; of all sparse layers. */
struct loads {
    size_t experts, dead;
    double busiest;
    int layer, expert; /* of the busiest */
};

static struct loads loads_of(const struct profile *profile)
{
    struct loads loads = {.layer = -1, .expert = -1};
    size_t tokens = 0;
    for (size_t i = 0; i < DOMAINS; i++)
        tokens += profile->ids[i].count;
    double even = (double)tokens * (double)profile->config->experts_per_token / (double)profile->config->experts;
    for (int layer = 0; layer < profile->config->layers; layer++)
        for (int expert = 0; profile->config->sparse[layer] && expert < profile->config->experts; expert++) {
            size_t used = 0;
            for (size_t i = 0; i < DOMAINS; i++)
                used += layer_of(profile, profile->used, i, layer)[expert];
            loads.experts++;
            loads.dead += !used;
            if ((double)used / even > loads.busiest)
                loads = (struct loads){loads.experts, loads.dead, (double)used / even, layer, expert};
        }
    return loads;
}

static double perplexity(const struct profile *profile, bool masked, size_t domain)
{
    size_t count = profile->ids[domain].count, predicted = count ? count - 1 - count / 2 : 0;
    return exp(profile->nats[masked][domain] / (double)predicted);
}

/* What masking does to the perplexity, as a factor. */
static double harm_of(const struct profile *profile, size_t domain)
{
    return perplexity(profile, true, domain) / perplexity(profile, false, domain);
}

static bool add_table(const struct profile *profile, struct finding *finding)
{
    struct series *series =
        finding_series(finding, "experts-by-domain", "Experts by kind of text", "kind of text", "", DOMAINS);
    double *used = series ? series_curve(series, "experts of a layer at work") : NULL;
    double *english = used ? series_curve(series, "as in English (cosine)") : NULL;
    double *as_is = english ? series_curve(series, "perplexity of the second half") : NULL;
    double *without = as_is ? series_curve(series, "without experts that the first does not use") : NULL;
    if (!without)
        return false;
    series->kind = SERIES_TABLE;
    for (size_t i = 0; i < DOMAINS; i++) {
        used[i] = experts_used(profile, i);
        english[i] = alike(profile, 0, i);
        as_is[i] = perplexity(profile, false, i);
        without[i] = perplexity(profile, true, i);
        if (!series_label(series, i, domains[i].name))
            return false;
    }
    return true;
}

static bool report(const struct profile *profile, struct findings *findings)
{
    struct finding *finding = findings_add(findings, "experts.domains");
    const struct loads loads = loads_of(profile);
    size_t least = 1, worst = 0;
    if (!finding || !add_table(profile, finding))
        return false;
    for (size_t i = 1; i < DOMAINS; i++)
        least = alike(profile, 0, i) < alike(profile, 0, least) ? i : least;
    for (size_t i = 1; i < DOMAINS; i++)
        worst = harm_of(profile, i) > harm_of(profile, worst) ? i : worst;
    double ratio = harm_of(profile, worst);
    double lost = profile->lost / (double)profile->routings;
    finding->verdict = lost > 0 ? VERDICT_WARN : VERDICT_PASS;
    finding_measured(finding, lost, "of routing probability on absent experts");
    finding_fact(finding, "dead", (double)loads.dead);
    finding_fact(finding, "experts", (double)loads.experts);
    finding_fact(finding, "busiest", loads.busiest);
    finding_fact(finding, "least_alike", alike(profile, 0, least));
    finding_fact(finding, "masked_ratio", ratio);
    struct buffer harm = {0};
    if (ratio > 1.001 && isfinite(ratio))
        buffer_format(&harm,
                      " Without the experts that the first half of a text does not use, the perplexity of its second "
                      "half is %.4g in place of %.4g in %s, where that does most harm.",
                      perplexity(profile, true, worst), perplexity(profile, false, worst), domains[worst].name);
    finding_message(finding,
                    "English goes through %.0f of %d experts of a layer, %s through %.0f, the kind that is routed "
                    "least like it (cosine %.2f). %zu of %zu experts meet no token of English, other languages, code "
                    "and sums; the busiest, %d of layer %d, takes %.1f times an even share. %.2g %% of the routers' "
                    "probability lies on experts that are absent.%s",
                    experts_used(profile, 0), profile->config->experts, domains[least].name,
                    experts_used(profile, least), alike(profile, 0, least), loads.dead, loads.experts, loads.expert,
                    loads.layer, loads.busiest, 100 * lost, harm.data ? harm.data : "");
    buffer_free(&harm);
    return true;
}

bool domains_report(const struct subject *subject, double seconds, struct findings *findings, struct error *error)
{
    struct profile profile = {.config = subject->config};
    struct model_options options = subject->engine;
    if (!config_is_sparse(subject->config))
        return true;
    if (!subject->tokenizer)
        return findings_skip(findings, "experts.domains", "This takes a tokenizer, and the model has none.", error);
    options.missing = MISSING_DEFAULT;
    struct model *model = model_open(subject->store, subject->config, &options, error);
    double begun = clock_seconds();
    bool good = model && profile_begin(&profile, subject, error) && run_kinds(&profile, model, 0, 1, error);
    if (good && seconds > 0 && clock_seconds() - begun > seconds / DOMAINS) {
        good = findings_skip(findings, "experts.domains",
                             "The texts of four kinds would take longer than --budget allows.", error);
    } else if (good) {
        good = run_kinds(&profile, model, 1, DOMAINS, error);
        profile.masked = true;
        good = good && run_kinds(&profile, model, 0, DOMAINS, error) &&
               (report(&profile, findings) || error_memory(error, "experts.domains"));
    }
    profile_end(&profile);
    model_free(model);
    return good;
}
