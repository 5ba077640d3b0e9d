#include "causes/rest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "causes/cause_commands.h"
#include "causes/cause_places.h"

/* --- suspects --- */

struct seeking {
    const struct causes_request *request;
    struct rest *rest;
    bool memory; /* it ran out */
};

/* What a check said of the values: what is not finite comes last, for something made it so. */
static const struct finding *symptom_of(const struct findings *symptoms, const char *tensor)
{
    const struct finding *found = NULL;
    for (size_t i = 0; symptoms && i < symptoms->count; i++) {
        const struct finding *finding = &symptoms->items[i];
        if (finding->summary || finding->verdict != VERDICT_FAIL || !finding->where.tensor ||
            strcmp(finding->where.tensor, tensor) != 0 || !finding_fact_named(finding, "fault"))
            continue;
        if (strcmp(finding->check, "weights.finite") != 0)
            return finding;
        found = finding;
    }
    return found;
}

static bool see_weight(void *context, const struct expected *expected)
{
    struct seeking *seeking = context;
    struct rest *rest = seeking->rest;
    const struct hunt_request *request = &seeking->request->hunt;
    bool absent = !expected->optional && !weights_find(request->ground.store, expected);
    const struct finding *symptom = absent ? NULL : symptom_of(request->symptoms, expected->name);
    struct suspect suspect = {.expected = *expected};
    if ((!absent && !symptom) || (rest->hunt && hunt_has_put(rest->hunt, expected)))
        return true;
    if (symptom) {
        suspect.fault = finding_fact_named(symptom, "fault");
        suspect.what = finding_fact_named(symptom, "anomaly");
    }
    if (rest->hunt) {
        suspect.block = hunt_block(rest->hunt, expected);
        suspect.point = hunt_point(rest->hunt, expected);
    }
    seeking->memory = !array_push(rest->suspects, rest->count, rest->capacity, suspect);
    return !seeking->memory;
}

/* --- sorts of them --- */

static size_t bits_of(unsigned points)
{
    size_t count = 0;
    for (; points; points &= points - 1)
        count++;
    return count;
}

/* By the row of the fault. */
static bool same_sort(const struct suspect *a, const struct suspect *b)
{
    size_t length = a->fault ? strcspn(a->fault, ":") + 1 : 0;
    return a->fault && b->fault ? strncmp(a->fault, b->fault, length) == 0 : a->fault == b->fault;
}

static double log2_choose(size_t n, size_t k)
{
    return (lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1)) / log(2);
}

/* Against the chance that of `count` modules taken from all `of`, `found` or more are among the `bad`
 * (hypergeometric). */
static double bits_against_chance(size_t of, size_t bad, size_t count, size_t found)
{
    double chance = 0;
    for (size_t i = found; i <= count && i <= bad; i++)
        if (count - i <= of - bad)
            chance += exp2(log2_choose(bad, i) + log2_choose(of - bad, count - i) - log2_choose(of, count));
    return chance > 0 ? fmax(0, -log2(chance)) : 0;
}

/* Its module is bad, or nothing tells. */
static bool is_bad(const struct rest *rest, const struct suspect *suspect)
{
    return !rest->hunt || (suspect->point & rest->hunt->after[suspect->block]);
}

/* What brings the block nearer is none of its tensors that look wrong: those say more. */
static bool is_outdone(const struct rest *rest, int block)
{
    bool suspects = false;
    for (size_t i = 0; i < rest->count; i++) {
        const struct suspect *suspect = &rest->suspects[i];
        if (suspect->block != block || !is_bad(rest, suspect))
            continue;
        if (strstr(rest->hunt->near[block].hypothesis.text, suspect->expected.name))
            return false;
        suspects = true;
    }
    return suspects;
}

/* Something brings the block nearer, which says more than how its tensors look. */
static bool is_near(const struct rest *rest, int block)
{
    return rest->hunt && rest->hunt->near[block].fell > 0 && !is_outdone(rest, block);
}

/* Counts the suspects like the first of them, and what they explain. */
static bool measure_sort(struct rest *rest, size_t first, unsigned *touched, struct likely *likely)
{
    const struct hunt *hunt = rest->hunt;
    size_t all = 0;
    *likely = (struct likely){.bits = NAN};
    if (hunt)
        memset(touched, 0, (size_t)hunt->blocks * sizeof *touched);
    for (size_t i = first; i < rest->count; i++) {
        const struct suspect *suspect = &rest->suspects[i];
        if (!same_sort(&rest->suspects[first], suspect) || is_near(rest, suspect->block))
            continue;
        touched[suspect->block] |= suspect->point;
        if (!is_bad(rest, suspect))
            continue;
        likely->first = likely->first ? likely->first : suspect;
        likely->tensors++;
    }
    for (int block = 0; hunt && block < hunt->blocks; block++) {
        unsigned bad = touched[block] & hunt->after[block];
        all += bits_of(touched[block]);
        likely->modules += bits_of(bad);
        rest->modules += bits_of(bad & ~rest->explained[block]);
        rest->explained[block] |= bad;
    }
    if (hunt)
        likely->bits = bits_against_chance(hunt->compared, hunt_bad(hunt, hunt->after), all, likely->modules);
    if (likely->first && likely->first->fault)
        snprintf(likely->hypothesis, sizeof likely->hypothesis, "%s", likely->first->fault);
    else if (likely->first)
        snprintf(likely->hypothesis, sizeof likely->hypothesis, "missing:%s", likely->first->expected.name);
    return likely->first;
}

static void add_near(struct rest *rest, int block)
{
    const struct hunt *hunt = rest->hunt;
    const struct near *near = &hunt->near[block];
    struct likely *likely = NULL;
    size_t modules = bits_of(hunt->after[block]);
    for (size_t i = 0; i < rest->likely_count; i++)
        if (rest->likely[i].near && strcmp(rest->likely[i].hypothesis, near->hypothesis.text) == 0)
            likely = &rest->likely[i];
    if (!likely && rest->likely_count == LIKELY_MOST)
        return;
    if (!likely) {
        likely = &rest->likely[rest->likely_count++];
        *likely = (struct likely){.near = near, .block = block, .fell = near->fell, .bits = NAN};
        memcpy(likely->hypothesis, near->hypothesis.text, sizeof likely->hypothesis);
    }
    likely->fell = fmax(likely->fell, near->fell);
    likely->modules += modules;
    rest->modules += modules;
    rest->explained[block] = hunt->after[block];
}

static bool is_first_of_sort(const struct rest *rest, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (same_sort(&rest->suspects[i], &rest->suspects[index]))
            return false;
    return true;
}

bool rest_find(const struct causes_request *request, const struct hunt *hunt, struct rest *rest)
{
    struct seeking seeking = {.request = request, .rest = rest};
    size_t blocks = hunt ? (size_t)hunt->blocks : 1;
    *rest = (struct rest){.hunt = hunt, .explained = calloc(blocks, sizeof *rest->explained)};
    unsigned *touched = calloc(blocks, sizeof *touched);
    bool seek = !hunt || hunt_bad(hunt, hunt->after);
    bool good = rest->explained && touched && (!seek || weights_each(request->hunt.config, see_weight, &seeking));
    for (int block = 0; good && hunt && block < hunt->blocks; block++)
        if (hunt->after[block] && is_near(rest, block))
            add_near(rest, block);
    for (int unsound = 0; good && unsound < 2; unsound++) /* what is absent comes first */
        for (size_t i = 0; i < rest->count; i++)
            if ((rest->suspects[i].fault != NULL) == unsound && is_first_of_sort(rest, i) &&
                rest->likely_count < LIKELY_MOST && measure_sort(rest, i, touched, &rest->likely[rest->likely_count]))
                rest->likely_count++;
    free(touched);
    return good && !seeking.memory;
}

void rest_free(struct rest *rest)
{
    free(rest->suspects);
    free(rest->explained);
    *rest = (struct rest){0};
}

/* --- findings --- */

static void likely_text(const struct rest *rest, const struct likely *likely, struct buffer *out)
{
    char path[POINT_PATH];
    const struct suspect *first = likely->first;
    if (likely->near) {
        buffer_format(out, "With %s %s ", departure_option(likely->near->hypothesis.departure), likely->hypothesis);
        if (likely->modules > 1)
            buffer_format(out, "%zu modules, the first of them %s,", likely->modules,
                          hunt_module(rest->hunt, likely->block, rest->hunt->after[likely->block], path));
        else
            buffer_text(out, hunt_module(rest->hunt, likely->block, rest->hunt->after[likely->block], path));
        buffer_format(out, " come%s to %.2g of %s distance from gold", likely->modules > 1 ? "" : "s", likely->fell,
                      likely->modules > 1 ? "their" : "its");
        return;
    }
    if (!rest->hunt) {
        if (likely->tensors == 1)
            buffer_text(out, first->expected.name);
        else
            buffer_format(out, "%zu tensors", likely->tensors);
        buffer_text(out, likely->tensors == 1 ? " is " : " are ");
        buffer_format(out, first->fault ? "not sound (%s)" : "absent", first->what);
        return;
    }
    unsigned bad = first->point & rest->hunt->after[first->block];
    const char *module = hunt_module(rest->hunt, first->block, bad, path);
    if (likely->tensors == 1 && first->fault)
        buffer_format(out, "%s is not sound (%s), and its module, %s, is bad", first->expected.name, first->what,
                      module);
    else if (likely->tensors == 1)
        buffer_format(out, "%s is absent, and its module, %s, is bad", first->expected.name, module);
    else if (first->fault)
        buffer_format(out, "%zu tensors are not sound (%s) where %zu module%s bad", likely->tensors, first->what,
                      likely->modules, likely->modules > 1 ? "s are" : " is");
    else
        buffer_format(out, "%zu tensors are absent where %zu module%s bad", likely->tensors, likely->modules,
                      likely->modules > 1 ? "s are" : " is");
}

/* That it is just these modules which are wrong is no proof that nothing else is. Absent tensors are as good as one
 * where they are needed; of what looks wrong, chance must be unlikely. */
#define BITS_LIKELY 3

bool likely_is_strong(const struct rest *rest, const struct likely *likely)
{
    return likely->near || !rest->hunt || !likely->first->fault || likely->bits >= BITS_LIKELY;
}

void rest_text(const struct rest *rest, const char *what, struct buffer *out)
{
    bool strong = true;
    for (size_t i = 0; i < rest->likely_count; i++) {
        buffer_text(out, i ? "; " : "");
        likely_text(rest, &rest->likely[i], out);
        strong = strong && likely_is_strong(rest, &rest->likely[i]);
    }
    buffer_format(out, ": %s %s", strong ? "likely" : "possibly", what);
    size_t bad = rest->hunt ? hunt_bad(rest->hunt, rest->hunt->after) : 0;
    if (rest->modules < bad)
        buffer_format(out, ", of %zu of %zu bad modules", rest->modules, bad);
    buffer_char(out, '.');
}

static bool list_take(const struct rest *rest, const struct likely *likely, struct expected_list *list)
{
    bool good = true;
    for (size_t i = 0; good && i < rest->count; i++) {
        const struct suspect *suspect = &rest->suspects[i];
        if (same_sort(likely->first, suspect) && is_bad(rest, suspect) && !is_near(rest, suspect->block))
            good = expected_list_add(list, &suspect->expected);
    }
    return good;
}

static struct finding *add_place(const struct hunt *hunt, int block, unsigned bad, struct findings *findings)
{
    char path[POINT_PATH];
    struct finding *finding = findings_place(findings, CAUSE_CHECK, VERDICT_FAIL);
    if (finding) {
        where_set(&finding->where.module, hunt_module(hunt, block, bad, path));
        finding->where.layer = hunt_layer(hunt, block);
    }
    return finding;
}

static bool report_near(const struct causes_request *request, const struct rest *rest, const struct likely *likely,
                        struct findings *findings)
{
    const struct hypothesis *hypothesis = &likely->near->hypothesis;
    struct finding *finding = add_place(rest->hunt, likely->block, rest->hunt->after[likely->block], findings);
    struct buffer text = {0}, twins = {0};
    hypotheses_text(likely->near->twins, likely->near->twin_count, &twins);
    likely_text(rest, likely, &text);
    if (finding && text.data) {
        finding_message(
            finding,
            "%s, and nothing that was good is bad with it%s%s. Likely, not proved: what is left is more than "
            "gold's noise, so values were rounded after they were damaged, or the damage is only similar to this.",
            text.data, twins.data ? "; nearly as near: " : "", twins.data ? twins.data : "");
        if (twins.data)
            finding_fact_text(finding, "alternatives", "%s", twins.data);
        hypothesis_facts(hypothesis, departure_kind(hypothesis->departure), "likely", finding);
        finding_fact(finding, "error_left", likely->fell);
    }
    bool good = finding && text.data && !text.failed && !twins.failed &&
                cause_places_of(&request->hunt, hypothesis, &rest->hunt->differing, finding) &&
                commands_add(request, hypothesis, 1, finding);
    buffer_free(&text);
    buffer_free(&twins);
    return good;
}

static bool report_suspects(const struct causes_request *request, const struct rest *rest, const struct likely *likely,
                            struct findings *findings)
{
    const struct suspect *first = likely->first;
    const char *grade = likely_is_strong(rest, likely) ? "likely" : "possible";
    bool original = request->hunt.ground.means.original;
    struct buffer text = {0}, bits = {0};
    struct expected_list list = {0};
    struct finding *finding =
        rest->hunt ? add_place(rest->hunt, first->block, first->point & rest->hunt->after[first->block], findings)
                   : findings_place(findings, CAUSE_CHECK, VERDICT_FAIL);
    bool good = finding && list_take(rest, likely, &list);
    likely_text(rest, likely, &text);
    if (good && likely->tensors > 1) {
        buffer_text(&text, ": ");
        expected_list_text(&list, &text);
    }
    if (!isnan(likely->bits))
        buffer_format(&bits, " (%.1f bits against chance)", likely->bits);
    if (good && text.data) {
        finding_message(finding, "%s. %s%s, not proved: %s.", text.data,
                        strcmp(grade, "likely") == 0 ? "Likely" : "Possible", bits.data ? bits.data : "",
                        original
                            ? "the original's tensors do not make the module equal gold either"
                            : "the right values are not at hand; with --source DIR, the original, they would be tried");
        finding->where.layer = first->expected.layer;
        where_set(&finding->where.tensor, first->expected.name);
        finding_fact_text(finding, "hypothesis", "%s", likely->hypothesis);
        finding_fact_text(finding, "option", "--fault");
        finding_fact_text(finding, "kind", first->fault ? "weights" : "absent");
        finding_fact_text(finding, "grade", "%s", grade);
        if (!isnan(likely->bits))
            finding_fact(finding, "bits", likely->bits);
        finding_fact(finding, "tensors", (double)likely->tensors);
        good = cause_places_add(request->hunt.ground.store, &list, finding) && commands_add_likely(request, finding);
    }
    good = good && text.data && !text.failed;
    buffer_free(&text);
    expected_list_free(&list);
    buffer_free(&bits);
    return good;
}

/* What stays bad whatever was tried, and holds nothing that looks wrong. */
static bool report_unexplained(const struct rest *rest, struct findings *findings)
{
    const struct hunt *hunt = rest->hunt;
    size_t count = hunt_bad(hunt, hunt->after) - rest->modules;
    int block = 0;
    char path[POINT_PATH];
    if (!count)
        return true;
    while (!(hunt->after[block] & ~rest->explained[block]))
        block++;
    unsigned bad = hunt->after[block] & ~rest->explained[block];
    struct finding *finding = add_place(hunt, block, bad, findings);
    if (!finding)
        return false;
    finding_message(finding, "Nothing that was tried explains %zu bad module%s, the first of them %s.", count,
                    text_plural(count), hunt_module(hunt, block, bad, path));
    finding_fact_text(finding, "grade", "unexplained");
    return true;
}

bool rest_report(const struct causes_request *request, const struct rest *rest, struct findings *findings)
{
    for (size_t i = 0; i < rest->likely_count; i++)
        if (!(rest->likely[i].near ? report_near : report_suspects)(request, rest, &rest->likely[i], findings))
            return false;
    return !rest->hunt || report_unexplained(rest, findings);
}
