#include "activations/coverage.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "model/routing.h"

#define NAMED_MAX 12

struct coverage {
    const struct model_config *config;
    size_t *used;  /* [layers, experts]: tokens */
    int *chosen;   /* scratch: experts_per_token */
    float *scores; /* scratch: experts */
};

struct coverage *coverage_new(const struct model_config *config, struct error *error)
{
    struct coverage *coverage = calloc(1, sizeof *coverage);
    if (coverage) {
        coverage->config = config;
        coverage->used = calloc((size_t)config->layers * (size_t)config->experts + 1, sizeof *coverage->used);
        coverage->chosen = calloc((size_t)config->experts_per_token + 1, sizeof *coverage->chosen);
        coverage->scores = calloc((size_t)config->experts + 1, sizeof *coverage->scores);
    }
    if (coverage && coverage->used && coverage->chosen && coverage->scores)
        return coverage;
    coverage_free(coverage);
    error_memory(error, "coverage");
    return NULL;
}

void coverage_free(struct coverage *coverage)
{
    if (!coverage)
        return;
    free(coverage->used);
    free(coverage->chosen);
    free(coverage->scores);
    free(coverage);
}

static size_t *used_of(const struct coverage *coverage, int layer)
{
    return coverage->used + (size_t)layer * (size_t)coverage->config->experts;
}

bool coverage_see(struct coverage *coverage, const struct part *part, struct error *error)
{
    if (!coverage || part->point != POINT_ROUTER)
        return true;
    int experts = coverage->config->experts, k = coverage->config->experts_per_token;
    if (part->width != (size_t)experts)
        return error_set(error, "%s has %zu logits for %d experts", part->path, part->width, experts);
    for (size_t row = 0; row < part->rows; row++) {
        routing_of(coverage->config, part->layer, part->values + row * part->width, coverage->scores, coverage->chosen);
        for (int i = 0; i < k; i++)
            used_of(coverage, part->layer)[coverage->chosen[i]]++;
    }
    return true;
}

static size_t layer_unused(const struct coverage *coverage, int layer)
{
    size_t unused = 0;
    for (int expert = 0; expert < coverage->config->experts; expert++)
        unused += !used_of(coverage, layer)[expert];
    return unused;
}

static bool series_used(const struct coverage *coverage, struct finding *finding)
{
    size_t experts = (size_t)coverage->config->experts;
    struct series *series = finding_series(finding, "expert-use", "Compared tokens that went through each expert",
                                           "expert", "layer", experts);
    if (!series)
        return false;
    series->kind = SERIES_HEATMAP;
    for (int layer = 0; layer < coverage->config->layers; layer++) {
        char name[32];
        snprintf(name, sizeof name, "layer %d", layer);
        double *values = coverage->config->sparse[layer] ? series_curve(series, name) : NULL;
        if (coverage->config->sparse[layer] && !values)
            return false;
        for (size_t expert = 0; values && expert < experts; expert++)
            values[expert] = (double)used_of(coverage, layer)[expert];
    }
    return true;
}

static bool add_place(const struct coverage *coverage, int layer, struct findings *findings)
{
    struct finding *place = findings_place(findings, "layers.experts", VERDICT_WARN);
    if (!place)
        return false;
    struct buffer names = {0};
    size_t unused = layer_unused(coverage, layer), named = 0;
    for (int expert = 0; expert < coverage->config->experts && named < NAMED_MAX; expert++)
        if (!used_of(coverage, layer)[expert])
            buffer_format(&names, "%s%d", named++ ? ", " : "", expert);
    if (unused > named)
        buffer_format(&names, " and %zu more", unused - named);
    place->where.layer = layer;
    finding_measured(place, (double)unused, "experts");
    finding_message(place, "No compared token went through expert%s %s of layer %d.", unused > 1 ? "s" : "",
                    names.data ? names.data : "", layer);
    buffer_free(&names);
    return true;
}

bool coverage_report(const struct coverage *coverage, const struct limits *limits, const char *proved, bool suspect,
                     struct findings *findings, struct error *error)
{
    size_t total = 0, unused = 0;
    for (int layer = 0; layer < coverage->config->layers; layer++) {
        if (!coverage->config->sparse[layer])
            continue;
        total += (size_t)coverage->config->experts;
        unused += layer_unused(coverage, layer);
    }
    if (!total)
        return true;
    struct finding *finding = findings_add(findings, "layers.experts");
    if (!finding)
        return error_memory(error, "layers.experts");
    bool open = (double)unused > limits->rows[LIMIT_EXPERTS].value && !proved;
    finding_measured(finding, (double)unused, "experts");
    finding_limit(finding, limits->rows[LIMIT_EXPERTS].value, limits->rows[LIMIT_EXPERTS].cause);
    finding->verdict = open ? VERDICT_WARN : VERDICT_PASS;
    finding_fact(finding, "experts", (double)total);
    finding_message(finding, "Compared tokens went through %zu of %zu experts%s%s%s.", total - unused, total,
                    !unused  ? ""
                    : proved ? "; "
                             : "; nothing compared here proves the other",
                    !unused      ? ""
                    : proved     ? proved
                    : unused > 1 ? " ones"
                                 : " one",
                    open && suspect ? ", and what fails although every compared module is good may lie there" : "");
    if (!series_used(coverage, finding))
        return error_memory(error, "layers.experts");
    for (int layer = 0; open && layer < coverage->config->layers; layer++)
        if (coverage->config->sparse[layer] && layer_unused(coverage, layer) && !add_place(coverage, layer, findings))
            return error_memory(error, "layers.experts");
    return true;
}
