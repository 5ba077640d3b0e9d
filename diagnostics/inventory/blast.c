#include "inventory/blast.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/routing.h"

#define ROWS 256 /* of router logits, read at a time */

struct blast {
    const struct census *census;
    bool *lacks;                       /* [layers][experts]: something of the expert is absent */
    size_t lacking[CONFIG_LAYERS_MAX]; /* experts of each layer */
    bool always[CONFIG_LAYERS_MAX];    /* something that every token meets is absent */
    bool outside;                      /* the same, outside the layers */
    size_t blocks;                     /* of those */
    /* of gold's tokens */
    size_t tokens, hit, hits, calls, lost_calls;
    double met[CONFIG_LAYERS_MAX];  /* tokens that met an absent expert */
    double seen[CONFIG_LAYERS_MAX]; /* of so many */
};

static bool blast_take(struct blast *blast, const struct census *census)
{
    size_t experts = (size_t)census->config->experts;
    *blast = (struct blast){.census = census, .lacks = calloc((size_t)census->config->layers * experts + 1, 1)};
    for (size_t i = 0; blast->lacks && i < census->unit_count; i++) {
        const struct census_unit *unit = &census->units[i];
        if (!unit->absent)
            continue;
        if (unit->expert >= 0) {
            blast->lacks[(size_t)unit->layer * experts + (size_t)unit->expert] = true;
            blast->lacking[unit->layer]++;
            continue;
        }
        blast->blocks++;
        if (unit->layer >= 0)
            blast->always[unit->layer] = true;
        else
            blast->outside = true;
    }
    return blast->lacks;
}

/* 1 - C(E - m, k) / C(E, k), as a product of k terms. */
static double meets(int experts, size_t lacking, int chosen)
{
    double none = 1;
    for (int i = 0; i < chosen; i++)
        none *= fmax(0, (double)experts - (double)lacking - i) / (experts - i);
    return 1 - none;
}

/* Facts of uniform routing; returns the share of tokens. */
static double report_uniform(const struct blast *blast, struct finding *finding)
{
    const struct model_config *config = blast->census->config;
    double none = 1, layers = 0, calls = 0, sparse = 0;
    bool always = blast->outside;
    for (int layer = 0; layer < config->layers; layer++) {
        always = always || blast->always[layer];
        if (!config->sparse[layer])
            continue;
        double share = meets(config->experts, blast->lacking[layer], config->experts_per_token);
        none *= 1 - share;
        layers += share;
        calls += (double)blast->lacking[layer] / config->experts;
        sparse++;
    }
    if (sparse > 0) {
        finding_fact(finding, "uniform_tokens", 1 - none);
        finding_fact(finding, "uniform_layers_per_token", layers);
        finding_fact(finding, "uniform_calls", calls / sparse);
    }
    finding_fact(finding, "met_by_all", (double)blast->blocks);
    return always ? 1 : 1 - none;
}

/* Marks the tokens of one case that meet an absent expert in the layer. */
static bool measure_layer(struct blast *blast, const struct golden *golden, const struct golden_tensor *tensor,
                          int layer, bool *hit, struct error *error)
{
    const struct model_config *config = blast->census->config;
    const bool *lacks = blast->lacks + (size_t)layer * (size_t)config->experts;
    float *logits = malloc(ROWS * tensor->width * sizeof *logits);
    float *scores = malloc(((size_t)config->experts + 1) * sizeof *scores);
    int *chosen = malloc((size_t)config->experts_per_token * sizeof *chosen);
    bool good = (logits && scores && chosen) || error_memory(error, "routing");
    for (size_t first = 0; good && first < tensor->rows; first += ROWS) {
        size_t count = tensor->rows - first < ROWS ? tensor->rows - first : ROWS;
        good = golden_read_rows(golden, tensor, first, count, logits, error);
        for (size_t row = 0; good && row < count; row++) {
            size_t lost = 0;
            routing_of(config, layer, logits + row * tensor->width, scores, chosen);
            for (int i = 0; i < config->experts_per_token; i++)
                lost += lacks[chosen[i]];
            blast->calls += (size_t)config->experts_per_token;
            blast->lost_calls += lost;
            blast->seen[layer]++;
            blast->met[layer] += lost > 0;
            blast->hits += lost > 0;
            hit[tensor->first + first + row] |= lost > 0;
        }
    }
    free(logits);
    free(scores);
    free(chosen);
    return good;
}

/* A token counts where gold holds the logits of its first layer of experts; gold with some layers only tells of those.
 */
static bool measure_case(struct blast *blast, const struct golden *golden, size_t case_index, struct error *error)
{
    const struct model_config *config = blast->census->config;
    size_t count = golden_case_at(golden, case_index)->count;
    bool *hit = calloc(count, sizeof *hit), *known = calloc(count, sizeof *known);
    bool good = (hit && known) || error_memory(error, "routing");
    for (int layer = 0; good && layer < config->layers; layer++) {
        char path[64];
        snprintf(path, sizeof path, "model.layers.%d.mlp.gate", layer);
        const struct golden_tensor *tensor = config->sparse[layer] ? golden_find(golden, case_index, path) : NULL;
        if (!tensor || tensor->kind != GOLDEN_VALUES || tensor->width != (size_t)config->experts)
            continue;
        for (size_t row = 0; row < tensor->rows; row++)
            known[tensor->first + row] = true;
        good = measure_layer(blast, golden, tensor, layer, hit, error);
    }
    for (size_t token = 0; good && token < count; token++) {
        blast->tokens += known[token];
        blast->hit += hit[token];
    }
    free(hit);
    free(known);
    return good;
}

static void report_measured(const struct blast *blast, struct finding *finding)
{
    if (!blast->tokens)
        return;
    finding_fact(finding, "tokens", (double)blast->tokens);
    finding_fact(finding, "measured_tokens", (double)blast->hit / (double)blast->tokens);
    finding_fact(finding, "measured_layers_per_token", (double)blast->hits / (double)blast->tokens);
    finding_fact(finding, "measured_calls", (double)blast->lost_calls / (double)blast->calls);
}

static bool report_layers(const struct blast *blast, struct finding *finding)
{
    const struct model_config *config = blast->census->config;
    struct series *series = finding_series(finding, "tokens-per-layer", "Tokens that meet an absent expert, by layer",
                                           "layer", "share of tokens", (size_t)config->layers);
    double *uniform = series ? series_curve(series, "uniform routing") : NULL;
    double *measured = uniform && blast->tokens ? series_curve(series, "gold's tokens") : NULL;
    if (!uniform || (blast->tokens && !measured))
        return false;
    for (int layer = 0; layer < config->layers; layer++) {
        if (!config->sparse[layer])
            continue;
        uniform[layer] = meets(config->experts, blast->lacking[layer], config->experts_per_token);
        if (measured && blast->seen[layer] > 0)
            measured[layer] = blast->met[layer] / blast->seen[layer];
    }
    return true;
}

/* 97.3 %; what is almost all is not all. */
static void percent(struct buffer *out, double share)
{
    if (share > 0.9995 && share < 1)
        buffer_text(out, "more than 99.9 %");
    else if (share > 0 && share < 0.0005)
        buffer_text(out, "less than 0.1 %");
    else
        buffer_format(out, "%.3g %%", 100 * share);
}

/* "in 9.3 of 48 layers on average; 8.7 % of all calls of experts are lost" */
static void shares_text(const struct finding *finding, const char *kind, struct buffer *out)
{
    char name[64];
    snprintf(name, sizeof name, "%s_tokens", kind);
    percent(out, finding_fact_number(finding, name));
    snprintf(name, sizeof name, "%s_layers_per_token", kind);
    buffer_format(out, " of tokens meet an expert that is absent or incomplete, in %.3g layers each, and ",
                  finding_fact_number(finding, name));
    snprintf(name, sizeof name, "%s_calls", kind);
    percent(out, finding_fact_number(finding, name));
    buffer_text(out, " of the calls of experts go to one");
}

static void blast_message(const struct blast *blast, struct finding *finding)
{
    struct buffer text = {0};
    size_t experts = 0;
    for (int layer = 0; layer < blast->census->config->layers; layer++)
        experts += blast->lacking[layer];
    if (blast->blocks) {
        buffer_format(&text, "Every token meets %zu block%s that lack%s something other than experts (", blast->blocks,
                      blast->blocks > 1 ? "s" : "", blast->blocks > 1 ? "" : "s");
        for (size_t i = 0, shown = 0; i < blast->census->unit_count && shown < 4; i++) {
            const struct census_unit *unit = &blast->census->units[i];
            if (!unit->absent || unit->expert >= 0)
                continue;
            buffer_text(&text, shown ? ", " : "");
            if (shown++ == 3)
                buffer_text(&text, "...");
            else
                census_unit_text(unit, &text);
        }
        buffer_text(&text, ").");
    }
    if (experts) {
        buffer_format(&text, "%sIf routing were uniform, ", text.size ? " " : "");
        shares_text(finding, "uniform", &text);
        buffer_char(&text, '.');
    }
    if (experts && blast->tokens) {
        buffer_format(&text, " Of gold's %zu tokens, as its router chose, ", blast->tokens);
        shares_text(finding, "measured", &text);
        buffer_char(&text, '.');
    }
    finding_message(finding, "%s", text.data ? text.data : "Nothing is absent that a token could meet.");
    buffer_free(&text);
}

bool blast_check(const struct census *census, struct golden *const *goldens, size_t golden_count,
                 struct findings *findings, struct error *error)
{
    struct blast blast;
    bool good = blast_take(&blast, census);
    struct finding *finding = good ? findings_add(findings, "inventory.blast") : NULL;
    bool measured = true;
    for (size_t i = 0; finding && census->absent && measured && i < golden_count; i++)
        for (size_t k = 0; measured && k < golden_case_count(goldens[i]); k++)
            measured = measure_case(&blast, goldens[i], k, error);
    if (finding && measured) {
        double uniform = report_uniform(&blast, finding);
        report_measured(&blast, finding);
        finding_measured(finding, uniform, "of tokens");
        finding_limit(finding, 0, "no token may meet what is absent");
        finding_judge(finding);
        blast_message(&blast, finding);
        good = !census->absent || !census->config->experts || report_layers(&blast, finding);
    }
    free(blast.lacks);
    return measured && ((good && finding) || error_memory(error, "inventory"));
}
