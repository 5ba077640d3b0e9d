#include "causes/causes.h"

#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "base/wording.h"
#include "causes/cause_commands.h"
#include "causes/cause_places.h"
#include "causes/rest.h"
#include "causes/usual.h"
#include "causes/whole.h"
#include "model/probe.h"
#include "model/variant.h"

/* "model.layers.3.self_attn to model.layers.5.mlp", or one. */
static void places_text(const struct hunt *hunt, const struct proof *proof, struct buffer *out)
{
    char path[POINT_PATH];
    const unsigned *before = hunt->before;
    buffer_text(out, hunt_module(hunt, proof->first, before[proof->first] & proof->points, path));
    if (proof->last != proof->first)
        buffer_format(out, proof->cured == 2 ? " and %s" : " to %s",
                      hunt_module(hunt, proof->last, before[proof->last] & proof->points, path));
}

/* "holds the original's model.layers.2.mlp.gate.weight" of model.layers.1.mlp.gate.weight is, as that of others of the
 * layer, "holds the original's model.layers.2.* of the same name". */
static void general_text(const char *name, struct buffer *relation)
{
    const char *layers = strstr(name, ".layers."), *tail = layers ? strchr(layers + strlen(".layers."), '.') : NULL;
    if (!tail || !relation->data || !text_ends_with(relation->data, tail))
        return;
    char *whole = strndup(relation->data, relation->size - strlen(tail) + 1);
    buffer_free(relation);
    buffer_format(relation, "%s* of the same name", whole ? whole : "");
    free(whole);
}

#define RELATIONS_MOST 16 /* tensors that are looked at to say what they are */

/* What tensors that the pattern fits are to the original's, where all that were looked at are the same. */
static void related_text(const struct hunt *hunt, const char *pattern, struct buffer *out)
{
    struct buffer first = {0};
    size_t seen = 0, same = 0;
    for (size_t i = 0; i < hunt->differing.count && seen < RELATIONS_MOST; i++) {
        const struct different *different = &hunt->differing.items[i];
        struct buffer relation = {0};
        struct error unread = {0};
        if (different->absent || fnmatch(pattern, different->name, 0) != 0)
            continue;
        seen++;
        if (!relation_find(hunt->relations, different->name, &relation, &unread))
            buffer_free(&relation);
        error_clear(&unread);
        general_text(different->name, &relation);
        if (!first.data && relation.data)
            buffer_text(&first, relation.data);
        same += first.data && relation.data && strcmp(first.data, relation.data) == 0;
        buffer_free(&relation);
    }
    if (first.data && same == seen)
        buffer_format(out, ": %s %s", seen > 1 ? "each" : "it", first.data);
    else if (first.data)
        buffer_format(out, ": the first %s, the others are something else", first.data);
    buffer_free(&first);
}

/* "12 tensors *.input_layernorm.weight are absent (layers 1, 5, 9)", and what they hold instead */
static void restored_text(const struct hunt *hunt, const char *pattern, struct buffer *out)
{
    bool in[CONFIG_LAYERS_MAX] = {false};
    int layers[CONFIG_LAYERS_MAX];
    size_t count = 0, absent = 0, others = 0;
    for (size_t i = 0; i < hunt->differing.count; i++) {
        const struct different *different = &hunt->differing.items[i];
        if (fnmatch(pattern, different->name, 0) != 0)
            continue;
        absent += different->absent;
        others += !different->absent;
        if (different->layer >= 0)
            in[different->layer] = true;
    }
    for (int layer = 0; layer < hunt->blocks - 2; layer++)
        if (in[layer])
            layers[count++] = layer;
    if (absent + others == 1)
        buffer_format(out, "%s is %s", pattern, absent ? "absent" : "not the original's");
    else if (absent)
        buffer_format(out, "%zu tensor%s %s %s absent", absent, text_plural(absent), pattern,
                      absent > 1 ? "are" : "is");
    if (others && absent + others > 1)
        buffer_format(out, "%s%zu%s%s %s not the original's", absent ? " and " : "", others, absent ? "" : " tensors ",
                      absent ? "" : pattern, others > 1 ? "are" : "is");
    if (count && absent + others > 1) {
        buffer_text(out, count > 1 ? " (layers " : " (layer ");
        numbers_ranges(out, layers, count);
        buffer_text(out, ")");
    }
    related_text(hunt, pattern, out);
}

static size_t count_absent(const struct hunt *hunt, const char *pattern)
{
    size_t count = 0;
    for (size_t i = 0; i < hunt->absent.count; i++)
        count += fnmatch(pattern, hunt->absent.items[i].name, 0) == 0;
    return count;
}

/* "*.input_layernorm.weight is absent in 12 layers, and gold determines what it was" */
static void solved_text(const struct hunt *hunt, const char *pattern, struct buffer *out)
{
    size_t absent = count_absent(hunt, pattern);
    if (!strchr(pattern, '*'))
        buffer_format(out, "%s is %s", pattern, absent ? "absent" : "not what gold was computed with");
    else if (absent)
        buffer_format(out, "%zu tensor%s %s %s absent", absent, text_plural(absent), pattern,
                      absent > 1 ? "are" : "is");
    else
        buffer_format(out, "Some tensors %s are not what gold was computed with", pattern);
}

/* What weights are like that a fault makes whole again; $1, $2 ... are its arguments. */
static const struct {
    const char *fault, *says;
} undone_rows[] = {
    {"transpose", "$1 is transposed"},
    {"transpose-back", "$1 is transposed"},
    {"byte-swap", "$1 has its bytes in the wrong order"},
    {"swap-tensors", "$1 and $2 are exchanged"},
    {"swap-experts", "Experts $2 and $3 of layer $1 are exchanged"},
    {"swap-router-rows", "The router's rows of experts $2 and $3 in layer $1 are exchanged"},
    {"swap-layers", "Layers $1 and $2 are exchanged"},
    {"cut-as-stack", "$1 and $2 were cut from one matrix the wrong way, as rows in turn"},
    {"cut-as-pairs", "$1 and $2 were cut from one matrix the wrong way, in its middle"},
    {"halve-heads", "The rows of each head of $1 lie in turn, as for interleaved rotation"},
    {"pair-heads", "The rows of each head of $1 were laid as halves although they lay so before"},
    {"scale", "$1 has the wrong scale: multiplied by $2 it is right"},
    {"add", "$1 is off by a constant: with $2 added it is right"},
};

/* The `index`th argument (1, 2 ...) of NAME:A,B,... */
static void argument_append(struct buffer *out, const char *spec, int index)
{
    const char *at = strchr(spec, ':');
    for (; at && index > 1; index--)
        at = strchr(at + 1, ',');
    if (at)
        buffer_append(out, at + 1, strcspn(at + 1, ","));
}

static void undone_text(const char *spec, struct buffer *out)
{
    size_t length = strcspn(spec, ":"), row = 0, rows = sizeof undone_rows / sizeof *undone_rows;
    while (row < rows &&
           (strlen(undone_rows[row].fault) != length || strncmp(undone_rows[row].fault, spec, length) != 0))
        row++;
    if (row == rows) {
        buffer_format(out, "Weights were damaged, and --undo %s undoes it", spec);
        return;
    }
    for (const char *at = undone_rows[row].says; *at; at++) {
        if (*at == '$')
            argument_append(out, spec, *++at - '0');
        else
            buffer_char(out, *at);
    }
}

/* What the departure of the hypothesis says, as a sentence without its full stop. */
static void says_text(const struct causes_request *request, const struct hunt *hunt,
                      const struct hypothesis *hypothesis, struct buffer *out)
{
    const char *restored = hypothesis_restores(hypothesis), *solved = hypothesis_solves(hypothesis),
               *whose = request->implementation ? "The implementation" : "Gold";
    if (hypothesis->departure == DEPARTURE_VARIANT)
        buffer_format(out, "%s computes as --variant %s: %s", whose, hypothesis->text,
                      variant_of(hypothesis->text)->does);
    else if (hypothesis->departure == DEPARTURE_SETTING)
        buffer_format(out,
                      request->implementation ? "The implementation computes with %s"
                                              : "The configuration is wrong: gold was computed with %s",
                      hypothesis->text);
    else if (restored)
        restored_text(hunt, restored, out);
    else if (solved)
        solved_text(hunt, solved, out);
    else {
        const char *name = strchr(hypothesis->text, ':');
        struct buffer tensor = {0};
        if (name)
            buffer_append(&tensor, name + 1, strcspn(name + 1, ","));
        undone_text(hypothesis->text, out);
        if (tensor.data && hunt->relations)
            related_text(hunt, tensor.data, out);
        buffer_free(&tensor);
    }
}

/* Where costs cannot be told apart, causes stay as they were found. */
static void rank(const struct hunt *hunt, const struct damage *damage, size_t order[PROOFS_MAX])
{
    for (size_t i = 0; i < hunt->proof_count; i++) {
        size_t at = i;
        for (; at > 0 && damage->share[i] > damage->share[order[at - 1]]; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

/* "Gold computes with rope_theta=1e6. With it 14 modules ...": all that is to be said of it. */
static void proof_text(const struct causes_request *request, const struct hunt *hunt, const struct damage *damage,
                       size_t index, struct buffer *out)
{
    const struct proof *proof = &hunt->proofs[index];
    says_text(request, hunt, &proof->hypothesis, out);
    buffer_format(out, ". With %s%s, %zu module%s that %s wrong equal%s gold (",
                  hypothesis_restores(&proof->hypothesis)            ? "the original's values"
                  : hypothesis_solves(&proof->hypothesis)            ? "the values that gold determines"
                  : proof->hypothesis.departure == DEPARTURE_SETTING ? "that value"
                  : proof->hypothesis.departure == DEPARTURE_FAULT   ? "that undone"
                                                                     : "that",
                  proof->together ? ", and the other cause with it" : "", proof->cured, text_plural(proof->cured),
                  proof->cured > 1 ? "were" : "was", proof->cured > 1 ? "" : "s");
    places_text(hunt, proof, out);
    buffer_text(out, "), and no other gets worse, which proves it.");
    if (proof->twin_count) {
        buffer_text(out, " No compared value distinguishes it from ");
        hypotheses_text(proof->twins, proof->twin_count, out);
        buffer_text(out, ".");
    }
    if (!isnan(damage->share[index]))
        buffer_format(out, " It explains %.0f %% of the damage.", round(100 * damage->share[index]) + 0.0);
}

static bool explains_absent(const struct hunt *hunt, const struct hypothesis *hypothesis)
{
    const char *restored = hypothesis_restores(hypothesis),
               *pattern = restored ? restored : hypothesis_solves(hypothesis);
    return pattern && count_absent(hunt, pattern);
}

static bool report_proof(const struct causes_request *request, const struct hunt *hunt, const struct damage *damage,
                         size_t index, struct findings *findings)
{
    const struct proof *proof = &hunt->proofs[index];
    struct finding *finding = findings_place(findings, CAUSE_CHECK, VERDICT_FAIL);
    struct buffer text = {0}, twins = {0};
    char path[POINT_PATH];
    if (!finding)
        return false;
    proof_text(request, hunt, damage, index, &text);
    hypotheses_text(proof->twins, proof->twin_count, &twins);
    bool good = text.data && !text.failed && !twins.failed;
    if (good && twins.data)
        finding_fact_text(finding, "alternatives", "%s", twins.data);
    buffer_free(&twins);
    if (good) {
        finding_message(finding, "%s", text.data);
        where_set(&finding->where.module,
                  hunt_module(hunt, proof->first, hunt->before[proof->first] & proof->points, path));
        finding->where.layer = hunt_layer(hunt, proof->first);
        hypothesis_facts(&proof->hypothesis,
                         explains_absent(hunt, &proof->hypothesis) ? "absent"
                                                                   : departure_kind(proof->hypothesis.departure),
                         "proved", finding);
        finding_fact(finding, "cured", (double)proof->cured);
        finding_fact(finding, "share", damage->share[index]);
        if (!isnan(damage->share[index]))
            finding_measured(finding, 100 * damage->share[index], "% of the damage");
        finding_fact(finding, "nats_alone", damage->alone[index]);
    }
    good = good && cause_places_of(&request->hunt, &proof->hypothesis, &hunt->differing, finding) &&
           commands_add(request, &proof->hypothesis, 1, finding);
    buffer_free(&text);
    return good;
}

/* The place is the answer where the cause is not known. */
static void unexplained_text(const struct hunt *hunt, size_t bad, struct buffer *out)
{
    char path[POINT_PATH];
    int block = 0;
    while (!hunt->before[block])
        block++;
    const char *first = hunt_module(hunt, block, hunt->before[block], path);
    if (bad == 1)
        buffer_format(out, "%s alone computes something else than gold, and its cause is not known.", first);
    else
        buffer_format(out, "%zu modules compute something else than gold, %s first, and their cause is not known.", bad,
                      first);
    buffer_format(out, " None of %zu experiments explains %s.", hunt->tried, bad == 1 ? "it" : "them");
}

/* Where tensors that are absent are a cause: what the inventory says of all that are. That they were lost together
 * comes before what each of them does. */
static void loss_text(const struct hunt *hunt, const struct findings *symptoms, const struct rest *rest,
                      struct buffer *out)
{
    bool absent = false;
    for (size_t i = 0; i < hunt->proof_count; i++)
        absent = absent || explains_absent(hunt, &hunt->proofs[i].hypothesis);
    for (size_t i = 0; i < rest->likely_count; i++)
        absent = absent || (rest->likely[i].first && !rest->likely[i].first->fault);
    for (size_t i = 0; absent && symptoms && i < symptoms->count; i++) {
        const char *loss = finding_fact_named(&symptoms->items[i], "loss");
        if (loss && symptoms->items[i].verdict == VERDICT_FAIL)
            buffer_format(out, "%s ", loss);
    }
}

/* What it comes to, in a few sentences. */
static void whole_text(const struct causes_request *request, const struct hunt *hunt, const struct rest *rest,
                       const struct damage *damage, const size_t order[PROOFS_MAX], struct buffer *out)
{
    size_t bad = hunt_bad(hunt, hunt->before), left = hunt_bad(hunt, hunt->after), count = hunt->proof_count;
    if (bad)
        loss_text(hunt, request->hunt.symptoms, rest, out);
    if (!bad)
        buffer_format(out, "Each of %zu modules that were compared alone equals gold: there is nothing to explain.",
                      hunt->compared);
    else if (!count && !rest->likely_count)
        unexplained_text(hunt, bad, out);
    else if (!count)
        rest_text(rest, "the cause", out);
    else if (count == 1)
        proof_text(request, hunt, damage, 0, out);
    else
        buffer_format(out, "%zu causes explain %zu of %zu bad modules, each proved by experiment:", count, bad - left,
                      bad);
    for (size_t i = 0; count > 1 && i < count; i++) {
        buffer_text(out, i ? "; " : " ");
        says_text(request, hunt, &hunt->proofs[order[i]].hypothesis, out);
        if (!isnan(damage->share[order[i]]))
            buffer_format(out, " (%.0f %% of the damage)", round(100 * damage->share[order[i]]) + 0.0);
    }
    if (count > 1)
        buffer_text(out, ".");
    if (bad && !isnan(damage->whole))
        buffer_format(out, " The next-token distribution is %.3g nats from gold", damage->whole);
    if (bad && !isnan(damage->whole) && count && !isnan(damage->left))
        buffer_format(out, ", and %.3g with %s undone", damage->left, count > 1 ? "all causes" : "the cause");
    if (bad && !isnan(damage->whole))
        buffer_text(out, ".");
    if (count && rest->likely_count) {
        buffer_char(out, ' ');
        rest_text(rest, "the rest", out);
    }
    if (hunt->untried)
        buffer_format(out, " %zu experiments were not tried for want of time (--budget).", hunt->untried);
}

/* What is left of the divergence as one cause after the other is undone, in the order of their shares: Shapley's, so
 * the steps add up to what is left with all of them undone. */
static bool add_steps(const struct causes_request *request, const struct hunt *hunt, const struct damage *damage,
                      const size_t order[PROOFS_MAX], struct finding *finding)
{
    double nats = damage->whole;
    bool told = hunt->proof_count && !isnan(nats) && !isnan(damage->left);
    for (size_t i = 0; i < hunt->proof_count; i++)
        told = told && !isnan(damage->share[i]);
    if (!told)
        return true;
    struct series *series = finding_series(finding, "damage", "The damage, and what is left as each cause is undone",
                                           "cause undone", "nats from gold", hunt->proof_count + 2);
    double *from = series ? series_curve(series, "from") : NULL, *to = from ? series_curve(series, "to") : NULL;
    if (!to)
        return false;
    series->kind = SERIES_STEPS;
    from[0] = 0;
    to[0] = nats;
    bool good = series_label(series, 0, "as it is");
    for (size_t i = 0; i < hunt->proof_count && good; i++) {
        struct buffer text = {0};
        says_text(request, hunt, &hunt->proofs[order[i]].hypothesis, &text);
        from[i + 1] = nats;
        nats -= damage->share[order[i]] * damage->whole;
        to[i + 1] = nats;
        good = text.data && series_label(series, i + 1, text.data);
        buffer_free(&text);
    }
    from[hunt->proof_count + 1] = 0;
    to[hunt->proof_count + 1] = damage->left;
    return good && series_label(series, hunt->proof_count + 1, "left with all of them undone");
}

static bool report_whole(const struct causes_request *request, const struct hunt *hunt, const struct rest *rest,
                         const struct damage *damage, const size_t order[PROOFS_MAX], struct findings *findings)
{
    struct finding *finding = findings_add(findings, CAUSE_CHECK);
    struct buffer text = {0};
    struct hypothesis all[PROOFS_MAX];
    size_t bad = hunt_bad(hunt, hunt->before);
    if (!finding)
        return false;
    finding->verdict = bad ? VERDICT_FAIL : VERDICT_PASS;
    finding_measured(finding, (double)bad, "modules");
    finding_limit(finding, 0, "Every module equals gold when it is fed gold's input.");
    whole_text(request, hunt, rest, damage, order, &text);
    for (size_t i = 0; i < hunt->proof_count; i++)
        all[i] = hunt->proofs[i].hypothesis;
    bool good = text.data && !text.failed;
    if (good)
        finding_message(finding, "%s", text.data);
    if (bad)
        finding_fact_text(finding, "certainty",
                          hunt->proof_count    ? "proved"
                          : rest->likely_count ? "likely"
                                               : "unknown");
    finding_fact(finding, "tried", (double)hunt->tried);
    finding_fact(finding, "untried", (double)hunt->untried);
    if (bad) {
        finding_fact(finding, "nats", damage->whole);
        finding_fact(finding, "nats_left", damage->left);
        bool likely = !hunt->proof_count && !request->implementation;
        good =
            good &&
            (likely ? commands_add_likely(request, finding) : commands_add(request, all, hunt->proof_count, finding)) &&
            add_steps(request, hunt, damage, order, finding);
    }
    buffer_free(&text);
    return good;
}

/* What a check has measured already; NaN: it did not, or for several dumps. */
static double whole_known(const struct causes_request *request)
{
    const struct findings *symptoms = request->hunt.symptoms;
    for (size_t i = 0; symptoms && request->hunt.golden_count == 1 && i < symptoms->count; i++) {
        const struct finding *finding = &symptoms->items[i];
        if (finding->summary && finding->has_measured && strcmp(finding->check, "logits.kl") == 0)
            return finding->measured;
    }
    return NAN;
}

/* Where logits alone were compared nothing tells which modules are bad, so every tensor that is absent or not sound is
 * a suspect. */
static bool find_rest(const struct causes_request *request, const struct hunt *hunt, struct rest *rest)
{
    unsigned seen = 0;
    for (int block = 0; block < hunt->blocks; block++)
        seen |= hunt->seen[block];
    if (!seen && hunt_bad(hunt, hunt->after)) {
        if (!rest_find(request, NULL, rest))
            return false;
        if (rest->likely_count)
            return true;
        rest_free(rest);
    }
    return rest_find(request, hunt, rest);
}

bool causes_find(const struct causes_request *request, struct findings *findings, struct error *error)
{
    struct hunt hunt;
    struct rest rest = {0};
    struct damage damage = {.whole = whole_known(request), .left = NAN};
    size_t order[PROOFS_MAX];
    bool good = hunt_run(&request->hunt, &hunt, error) && whole_find(&request->hunt, &hunt, error);
    size_t bad = good ? hunt_bad(&hunt, hunt.before) : 0;
    good = good && (!bad || damage_shares(&request->hunt, &hunt, &damage, error)) &&
           (find_rest(request, &hunt, &rest) || error_memory(error, "causes"));
    if (good) {
        rank(&hunt, &damage, order);
        bool room = report_whole(request, &hunt, &rest, &damage, order, findings);
        for (size_t i = 0; room && i < hunt.proof_count; i++)
            room = report_proof(request, &hunt, &damage, order[i], findings);
        good = ((room && rest_report(request, &rest, findings)) || error_memory(error, "causes")) &&
               usual_report(request, &hunt, &rest, &damage, findings, error);
    }
    rest_free(&rest);
    hunt_free(&hunt);
    return good;
}
