#include "inventory/inventory_unknown.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "inventory/alike.h"
#include "inventory/inventory_internal.h"
#include "model/quantised.h"

/* An extraction of a quantised model has that model's configuration. */
static bool is_dequantised(const struct inventory_request *request, const struct quantised *quantised)
{
    return store_kind(request->store) == STORE_EXTRACTION && !quantised->matrices;
}

/* What the configuration says of quantisation, and what is there; true: there is something to say. */
static bool quantised_message(const struct inventory_request *request, const struct quantised *quantised,
                              struct buffer *out)
{
    const struct model_config *config = request->config;
    if (quantised->matrices)
        quantised_text(quantised, out);
    else if (quantised->computed) {
        buffer_text(out, "the model is ");
        if (config->quantisation.document)
            quantisation_text(&config->quantisation, out);
        else
            buffer_format(out, "quantised (%s), and the configuration does not say so", quantised->storage);
        buffer_format(out, ": %zu matri%s computed with as the original dequantises %s", quantised->computed,
                      quantised->computed == 1 ? "x is" : "ces are", quantised->computed == 1 ? "it" : "them");
    } else if (config->quantisation.document) {
        buffer_text(out, "the configuration says that the model is ");
        quantisation_text(&config->quantisation, out);
        buffer_text(out, is_dequantised(request, quantised)
                             ? ", and this is an extraction, which holds its matrices dequantised"
                             : ", but no matrix is stored so: they are taken as they are, where other readers quantise "
                               "them as they load");
    }
    if (out->size)
        out->data[0] = (char)toupper((unsigned char)out->data[0]);
    return out->size;
}

static void computable_facts(const struct model_config *config, const struct quantised *quantised,
                             struct finding *finding)
{
    const struct quantisation *said = &config->quantisation;
    finding_measured(finding, (double)(quantised->matrices + quantised->computed), "quantised matrices");
    if (*said->method)
        finding_fact_text(finding, "quantised_by", "%s", said->method);
    if (said->bits)
        finding_fact(finding, "bits", said->bits);
    if (said->group)
        finding_fact(finding, "group_size", said->group);
}

/* A reader goes by the configuration: where that says nothing of it, it finds other shapes than it calls for. */
bool inventory_computable(const struct inventory_request *request, struct findings *findings)
{
    const struct model_config *config = request->config;
    struct quantised quantised;
    struct buffer text = {0};
    bool good = quantised_take(request->store, config, &quantised),
         told = quantised_message(request, &quantised, &text);
    bool other = *config->unsupported && (!told || strncasecmp(config->unsupported, text.data, text.size) != 0);
    struct finding *finding = good && (told || other) ? findings_add(findings, "inventory.computable") : NULL;
    if (finding) {
        bool unsaid = quantised.matrices + quantised.computed && config->family && !config->quantisation.document;
        bool computes = !quantised.matrices && !other && (quantised.computed || is_dequantised(request, &quantised));
        finding->verdict = unsaid ? VERDICT_FAIL : computes ? VERDICT_PASS : VERDICT_WARN;
        finding_message(finding, "%s%s%s.%s%s%s", other ? config->unsupported : "", other && told ? ". " : "",
                        told ? text.data : "", *config->unsupported ? " Nothing is computed; " : "",
                        !*config->unsupported ? ""
                        : config->family
                            ? "what the model must hold is known all the same, and is checked"
                            : "files, names and shapes are checked all the same, each layer beside the others",
                        *config->unsupported ? "." : "");
        if (told)
            computable_facts(config, &quantised, finding);
    }
    good = good && !text.failed && (finding || !(told || other));
    buffer_free(&text);
    quantised_free(&quantised);
    return good;
}

/* --- absent --- */

static bool gap_place(const struct alike_gap *gap, struct findings *findings)
{
    struct finding *place = inventory_place(findings, "inventory.absent", NULL, gap->layer, gap->expert);
    if (!place)
        return false;
    place->verdict = gap->unsure ? VERDICT_WARN : VERDICT_FAIL;
    where_set(&place->where.tensor, gap->path);
    finding_fact_text(place, "peer", "%s", gap->peer);
    if (gap->tensors > 1)
        finding_message(place, "'%s' is absent, %zu tensors; its peers have them, '%s' is one.", gap->path,
                        gap->tensors, gap->peer);
    else
        finding_message(place, "'%s' is absent; its peers have it: '%s'.", gap->path, gap->peer);
    return true;
}

static void absent_message(const struct alike *alike, size_t tensors, size_t unsure, struct finding *finding)
{
    const struct alike_gap *first = alike->gaps.items;
    for (size_t i = 0; i < alike->gaps.count && first->unsure; i++)
        first = alike->gaps.items[i].unsure ? first : &alike->gaps.items[i];
    if (first)
        finding_message(
            finding,
            "%zu tensor%s that others of their kind have %s absent; the first: '%s', where '%s' "
            "is there%s.",
            tensors, text_plural(tensors), tensors == 1 ? "is" : "are", first->path, first->peer,
            unsure == alike->gaps.count ? ". The model may be made like that: look it up in its documentation" : "");
    else if (alike->layers)
        finding_message(finding,
                        "No layer lacks what the others of its kind have (%zu layers%s); what all of them should "
                        "have is not known.",
                        alike->layers, alike->experts ? ", and the experts in them" : "");
    else
        finding_message(
            finding,
            "There are no layers that could be compared with each other, so what should be there is not known.");
}

static bool report_gaps(const struct alike *alike, struct findings *findings)
{
    size_t tensors = 0, unsure = 0, at = findings->count;
    struct finding *finding = findings_add(findings, "inventory.absent");
    for (size_t i = 0; finding && i < alike->gaps.count; i++) {
        tensors += alike->gaps.items[i].tensors;
        unsure += alike->gaps.items[i].unsure;
        if (i < PLACES_MAX && !gap_place(&alike->gaps.items[i], findings))
            return false;
    }
    if (!finding)
        return false;
    finding = &findings->items[at];
    finding_measured(finding, (double)tensors, "tensors");
    finding_limit(finding, 0, "layers of a kind hold the same tensors, and so do the experts of a layer");
    finding_judge(finding);
    if (tensors && unsure == alike->gaps.count)
        finding->verdict = VERDICT_WARN;
    if (!alike->layers)
        finding->verdict = VERDICT_SKIP;
    absent_message(alike, tensors, unsure, finding);
    return true;
}

/* --- otherwise --- */

typedef void odd_say(const struct alike_odd *odd, struct finding *place);

static void say_shape(const struct alike_odd *odd, struct finding *place)
{
    char own[TENSOR_SHAPE_TEXT], usual[TENSOR_SHAPE_TEXT];
    finding_message(place, "%s: tensor '%s' has shape %s, but %s of its kind %s, '%s' for one.",
                    tensor_file(odd->tensor), odd->tensor->disk_name,
                    shape_text(odd->tensor->shape, odd->tensor->rank, own), odd->peers > 1 ? "most" : "the other",
                    shape_text(odd->usual->shape, odd->usual->rank, usual), odd->usual->disk_name);
}

static void say_dtype(const struct alike_odd *odd, struct finding *place)
{
    finding_message(place, "%s: tensor '%s' has dtype %s, but most of its kind %s.", tensor_file(odd->tensor),
                    odd->tensor->disk_name, dtype_name(odd->tensor->dtype), dtype_name(odd->usual->dtype));
}

static bool report_odds(const struct alike_odds *odds, const char *check, const char *cause, const char *good,
                        odd_say *say, struct findings *findings)
{
    size_t unsure = 0, at = findings->count;
    if (!inventory_summary(findings, check, odds->count, cause))
        return false;
    for (size_t i = 0; i < odds->count; i++) {
        const struct alike_odd *odd = &odds->items[i];
        unsure += odd->unsure;
        if (i >= PLACES_MAX)
            continue;
        int layer, expert;
        tensor_place(odd->tensor, &layer, &expert);
        struct finding *place = inventory_place(findings, check, odd->tensor, layer, expert);
        if (!place)
            return false;
        place->verdict = odd->unsure ? VERDICT_WARN : VERDICT_FAIL;
        say(odd, place);
    }
    struct finding *finding = &findings->items[at];
    if (odds->count && unsure == odds->count)
        finding->verdict = VERDICT_WARN;
    if (odds->count)
        finding_message(finding, "%zu tensor%s; the first: %s", odds->count, text_plural(odds->count),
                        findings->items[at + 1].message ? findings->items[at + 1].message : "");
    else
        finding_message(finding, "%s", good);
    return true;
}

/* --- all of it --- */

/* What hangs on the set of tensors that a family calls for. */
static bool skip_others(const struct model_config *config, struct findings *findings, struct error *error)
{
    static const char *const checks[] = {"inventory.pattern", "inventory.blast", "inventory.incomplete",
                                         "inventory.misnamed", "inventory.extra"};
    struct buffer why = {0};
    buffer_format(&why, "Which tensors a model of the family %s should have is not known.",
                  *config->model_type ? config->model_type : "of this one");
    bool good = !why.failed || error_memory(error, "inventory");
    for (size_t i = 0; good && i < sizeof checks / sizeof *checks; i++)
        good = findings_skip(findings, checks[i], why.data, error);
    buffer_free(&why);
    return good;
}

bool inventory_by_names(const struct inventory_request *request, struct findings *findings, struct error *error)
{
    struct alike alike = {0};
    bool good = inventory_files(request->store, NULL, findings) &&
                alike_take(request->store, request->config, &alike) && report_gaps(&alike, findings) &&
                inventory_duplicates(request->store, findings) &&
                report_odds(&alike.shapes, "inventory.shape", "layers of a kind have tensors of the same shapes",
                            "No tensor has another shape than its peers.", say_shape, findings) &&
                report_odds(&alike.dtypes, "inventory.dtype", "what was written at once has one dtype",
                            "No tensor has another dtype than its peers.", say_dtype, findings);
    alike_free(&alike);
    if (!good)
        return error_memory(error, "inventory");
    return !request->causes || skip_others(request->config, findings, error);
}
