#include "causes/usual.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/wording.h"
#include "model/probe.h"
#include "model/variant.h"

#define OF(id) (1u << POINT_##id)
#define NORMS (OF(INPUT_NORM) | OF(Q_NORM) | OF(K_NORM) | OF(POST_NORM) | OF(FINAL_NORM))

enum usual { USUAL_NORMS, USUAL_WEIGHTS, USUAL_ARCHITECTURE, USUAL_EXPERTS, USUAL_TOKENIZER, USUAL_COUNT };

/* What there is to judge by. */
struct usual_case {
    const struct hunt_request *request;
    const struct hunt *hunt;
    const struct damage *damage;
    const struct findings *symptoms;
    const struct rest *rest;
    unsigned bad, left; /* bits of enum point over all blocks: bad alone, still bad with all causes */
    bool sparse;        /* the model has experts */
};

static unsigned over_blocks(const struct hunt *hunt, const unsigned *points)
{
    unsigned all = 0;
    for (int block = 0; block < hunt->blocks; block++)
        all |= points[block];
    return all;
}

/* Which of the guesses a departure bears out, whose places of `points` are wrong (0: not known). */
static enum usual usual_of(const struct hypothesis *hypothesis, unsigned points)
{
    const char *text = hypothesis->text;
    switch (hypothesis->departure) {
    case DEPARTURE_TEXT:
        return USUAL_TOKENIZER;
    case DEPARTURE_VARIANT:
        return variant_routes(text) ? USUAL_EXPERTS : USUAL_ARCHITECTURE;
    case DEPARTURE_SETTING:
        return strstr(text, "topk") || strstr(text, "expert") ? USUAL_EXPERTS : USUAL_ARCHITECTURE;
    default:
        break;
    }
    if (strstr(text, "norm"))
        return USUAL_NORMS;
    return points == OF(ROUTER) || strstr(text, "mlp.gate.") ? USUAL_EXPERTS : USUAL_WEIGHTS;
}

/* "3 causes, 48 % of the damage: restore:..., ..." False: none of them is of this sort. */
static bool supported_text(const struct usual_case *of, enum usual usual, struct buffer *out)
{
    size_t count = 0;
    double share = 0;
    struct buffer names = {0};
    for (size_t i = 0; i < of->hunt->proof_count; i++) {
        const struct proof *proof = &of->hunt->proofs[i];
        if (usual_of(&proof->hypothesis, proof->points) != usual)
            continue;
        buffer_format(&names, "%s%s", count++ ? ", " : "", of->hunt->proofs[i].hypothesis.text);
        share += of->damage->share[i];
    }
    if (count)
        buffer_format(out, "Supported by experiment: %s", names.data ? names.data : "");
    if (count && !isnan(share))
        buffer_format(out, ", %.0f %% of the damage", round(100 * share) + 0.0);
    if (count)
        buffer_text(out, ".");
    buffer_free(&names);
    return count;
}

/* "Likely: missing:..." False: nothing of this sort is. */
static bool add_likely(const struct usual_case *of, enum usual usual, struct buffer *out)
{
    size_t count = 0;
    for (size_t i = 0; i < of->rest->likely_count; i++) {
        const struct likely *likely = &of->rest->likely[i];
        struct hypothesis hypothesis = {.departure = DEPARTURE_FAULT};
        memcpy(hypothesis.text, likely->hypothesis, sizeof hypothesis.text);
        if (likely->near)
            hypothesis = likely->near->hypothesis;
        if (usual_of(&hypothesis, 0) != usual)
            continue;
        if (!likely_is_strong(of->rest, likely))
            continue;
        buffer_format(out, "%s%s", count++ ? ", " : out->size ? " Likely: " : "Likely: ", likely->hypothesis);
        if (likely->tensors > 1)
            buffer_format(out, " and %zu more tensor%s", likely->tensors - 1, text_plural(likely->tensors - 1));
    }
    if (count)
        buffer_char(out, '.');
    return count;
}

static size_t modules_of(const struct hunt *hunt, const unsigned *blocks, unsigned points)
{
    size_t count = 0;
    for (int block = 0; block < hunt->blocks; block++)
        for (unsigned some = blocks[block] & points; some; some &= some - 1)
            count++;
    return count;
}

/* Of modules that gold shows by themselves. Norms of queries and keys are compared together with the projections in
 * front of them: that they are bad alone says which of the two it is for neither. */
static enum verdict judge_points(const struct usual_case *of, unsigned points, const char *what, struct buffer *out)
{
    size_t seen = modules_of(of->hunt, of->hunt->seen, points), bad = modules_of(of->hunt, of->hunt->after, points);
    unsigned projected = OF(Q_NORM) | OF(K_NORM);
    if (bad && bad == modules_of(of->hunt, of->hunt->after, points & projected)) {
        buffer_format(
            out,
            "Untested: %zu of %zu %s differ%s from gold, of queries or keys, which are compared together with "
            "the projection in front of them: it may be either.",
            bad, seen, what, bad == 1 ? "s" : "");
        return VERDICT_SKIP;
    }
    if (!seen) {
        buffer_format(out, "Untested: gold holds no values of the %s.", what);
        return VERDICT_SKIP;
    }
    if (bad)
        buffer_format(out, "Supported: %zu of %zu %s, fed gold's input, differ from gold; no experiment says how.", bad,
                      seen, what);
    else if (modules_of(of->hunt, of->hunt->before, points))
        buffer_format(out, "Refuted: all %zu %s equal gold once what is in front of them is put right.", seen, what);
    else
        buffer_format(out, "Refuted: each of %zu %s, fed gold's input, equals gold.", seen, what);
    return bad ? VERDICT_FAIL : VERDICT_PASS;
}

static enum verdict judge_norms(const struct usual_case *of, struct buffer *out)
{
    return judge_points(of, NORMS, "norms", out);
}

/* Values that are not what was extracted, apart from those of norms. */
static enum verdict judge_weights(const struct usual_case *of, struct buffer *out)
{
    const struct hunt *hunt = of->hunt;
    if (of->request->weights_right) {
        buffer_text(out, "Untested: of an implementation only what it computed is known; its weights are taken to be "
                         "those of MODEL.");
        return VERDICT_SKIP;
    }
    if (!of->left) {
        buffer_format(out, of->bad ? "Refuted: all that is bad is explained without them."
                                   : "Refuted: every module, fed gold's input, equals gold.");
        return VERDICT_PASS;
    }
    if (of->request->ground.means.original && !hunt->differing.count) {
        buffer_text(out, "Refuted: where something is bad, every tensor equals the original's.");
        return VERDICT_PASS;
    }
    buffer_format(
        out,
        "Untested: none of %zu experiments on weights explains what is bad. --source DIR, the original, shows "
        "whether they are its own.",
        hunt->tried_of[DEPARTURE_FAULT]);
    return VERDICT_SKIP;
}

static enum verdict judge_architecture(const struct usual_case *of, struct buffer *out)
{
    const struct hunt *hunt = of->hunt;
    size_t tried = hunt->tried_of[DEPARTURE_SETTING] + hunt->tried_of[DEPARTURE_VARIANT];
    if (!of->left) {
        buffer_format(out, of->bad ? "Refuted: all that is bad is explained without it."
                                   : "Refuted: every module, fed gold's input, equals gold.");
        return VERDICT_PASS;
    }
    buffer_format(out,
                  "Untested: none of %zu settings and variants explains what is bad, which proves only of these "
                  "that they are not it.",
                  tried);
    return VERDICT_SKIP;
}

static enum verdict judge_experts(const struct usual_case *of, struct buffer *out)
{
    if (!of->sparse) {
        buffer_text(out, "Refuted: the model has no experts.");
        return VERDICT_PASS;
    }
    return judge_points(of, OF(ROUTER), "routers", out);
}

static enum verdict judge_tokenizer(const struct usual_case *of, struct buffer *out)
{
    for (size_t i = 0; of->symptoms && i < of->symptoms->count; i++) {
        const struct finding *finding = &of->symptoms->items[i];
        if (!finding->summary || strcmp(finding->check, "tokens.ids") != 0 || finding->verdict == VERDICT_SKIP)
            continue;
        buffer_format(out, "%s: %s",
                      finding->verdict == VERDICT_FAIL   ? "Supported"
                      : finding->verdict == VERDICT_PASS ? "Refuted"
                                                         : "Untested",
                      finding->message);
        return finding->verdict == VERDICT_WARN ? VERDICT_SKIP : finding->verdict;
    }
    buffer_text(out, "Untested: it takes a tokenizer beside the model, and gold that records its prompts.");
    return VERDICT_SKIP;
}

static const struct usual_row {
    const char *check;
    enum verdict (*judge)(const struct usual_case *of, struct buffer *out);
} rows[USUAL_COUNT] = {
    [USUAL_NORMS] = {"hypothesis.norms", judge_norms},
    [USUAL_WEIGHTS] = {"hypothesis.weights", judge_weights},
    [USUAL_ARCHITECTURE] = {"hypothesis.architecture", judge_architecture},
    [USUAL_EXPERTS] = {"hypothesis.experts", judge_experts},
    [USUAL_TOKENIZER] = {"hypothesis.tokenizer", judge_tokenizer},
};

bool usual_report(const struct causes_request *request, const struct hunt *hunt, const struct rest *rest,
                  const struct damage *damage, struct findings *findings, struct error *error)
{
    struct usual_case of = {.request = &request->hunt,
                            .hunt = hunt,
                            .damage = damage,
                            .symptoms = request->hunt.symptoms,
                            .rest = rest,
                            .bad = over_blocks(hunt, hunt->before),
                            .left = over_blocks(hunt, hunt->after),
                            .sparse = config_is_sparse(request->hunt.config)};
    for (int usual = 0; usual < USUAL_COUNT; usual++) {
        struct finding *finding = findings_add(findings, rows[usual].check);
        struct buffer text = {0};
        if (!finding)
            return error_memory(error, "causes");
        bool supported = supported_text(&of, (enum usual)usual, &text);
        bool likely = add_likely(&of, (enum usual)usual, &text);
        finding->verdict = supported || likely ? VERDICT_FAIL : rows[usual].judge(&of, &text);
        finding_message(finding, "%s", text.data ? text.data : "");
        buffer_free(&text);
    }
    return true;
}

bool usual_report_likely(const struct hypothesis *likely, size_t count, struct findings *findings, struct error *error)
{
    for (int usual = 0; usual < USUAL_COUNT; usual++) {
        struct finding *finding = findings_add(findings, rows[usual].check);
        struct buffer text = {0};
        if (!finding)
            return error_memory(error, "causes");
        finding->verdict = VERDICT_SKIP;
        for (size_t i = 0; i < count; i++)
            if (usual_of(&likely[i], 0) == (enum usual)usual) {
                buffer_format(&text, "%s%s", text.size ? ", " : "Likely: ", likely[i].text);
                finding->verdict = VERDICT_FAIL;
            }
        finding_message(finding, "%s.",
                        text.data ? text.data : "Untested: it takes gold (--golden) or the original (--source)");
        buffer_free(&text);
    }
    return true;
}
