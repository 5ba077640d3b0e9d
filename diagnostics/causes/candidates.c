#include "causes/candidates.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "activations/solve.h"
#include "model/config_difference.h"
#include "model/probe.h"
#include "model/variant.h"
#include "model/weights.h"

#define OF(id) (1u << POINT_##id)
#define WEIGHT_PATTERN 160
#define NARROW_PATTERN (WEIGHT_PATTERN + 64)
#define EVERYTHING ((1u << POINT_COUNT) - 1)
#define SHIFTS 3 /* rows that a matrix may have moved by */

/* --- the configuration --- */

/* What gold records and the subject has otherwise. */
static bool take_gold_settings(const struct evidence *evidence, struct hypotheses *out)
{
    struct config_difference differences[CONFIG_DIFFERENCES_MAX];
    size_t count = evidence->gold ? config_differences(evidence->config, evidence->gold, differences) : 0;
    for (size_t i = 0; i < count; i++)
        if (differences[i].kind == DIFFERS_FUNCTION && !strchr(differences[i].name, ' ') &&
            !hypotheses_add(out, DEPARTURE_SETTING, EVERYTHING, -1, "%s=%s", differences[i].name, differences[i].there))
            return false;
    return true;
}

/* What gold records of a key is not guessed as well. */
static bool has_key(const struct hypotheses *list, const char *setting)
{
    size_t length = strcspn(setting, "=") + 1;
    for (size_t i = 0; i < list->count; i++)
        if (strncmp(list->items[i].text, setting, length) == 0)
            return true;
    return false;
}

/* Values that occur, of keys that readers drop or that converters write wrongly. Those of the subject itself change
 * nothing, and are passed over. */
static bool take_usual_settings(struct hypotheses *out)
{
    static const struct {
        const char *text;
        unsigned points;
    } usual[] = {
        {"rope_theta=1e4", OF(ATTENTION)},      {"rope_theta=1e5", OF(ATTENTION)},
        {"rope_theta=2.5e5", OF(ATTENTION)},    {"rope_theta=5e5", OF(ATTENTION)},
        {"rope_theta=1e6", OF(ATTENTION)},      {"rope_theta=5e6", OF(ATTENTION)},
        {"rope_theta=1e7", OF(ATTENTION)},      {"rms_norm_eps=1e-5", OF(INPUT_NORM)},
        {"rms_norm_eps=1e-6", OF(INPUT_NORM)},  {"rms_norm_eps=1e-8", OF(INPUT_NORM)},
        {"norm_topk_prob=true", OF(MLP)},       {"norm_topk_prob=false", OF(MLP)},
        {"tie_word_embeddings=true", OF(HEAD)}, {"tie_word_embeddings=false", OF(HEAD)},
        {"rope_type=default", OF(ATTENTION)},
    };
    size_t of_gold = out->count;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (!has_key(&(struct hypotheses){.items = out->items, .count = of_gold}, usual[i].text) &&
            !hypotheses_add(out, DEPARTURE_SETTING, usual[i].points, -1, "%s", usual[i].text))
            return false;
    return true;
}

/* --- the architecture --- */

/* Arguments of rows that take some: small numbers, since what they are is not known beforehand. */
static bool take_numbered(const struct evidence *evidence, const struct variant_row *row, struct hypotheses *out)
{
    const struct model_config *config = evidence->config;
    if (strcmp(row->arguments, "A-B") == 0) {
        for (int end = config->experts - 1; end > 0; end--) /* the first so many */
            if (!hypotheses_add(out, DEPARTURE_VARIANT, row->points, -1, "%s:0-%d", row->name, end - 1))
                return false;
        return true;
    }
    int most = row->points & OF(MLP) ? config->experts < 16 ? config->experts : 16 : 16;
    for (int n = 1; n <= most; n++)
        if (!hypotheses_add(out, DEPARTURE_VARIANT, row->points, -1, "%s:%d", row->name, n))
            return false;
    return true;
}

static bool take_variants(const struct evidence *evidence, struct hypotheses *out, bool numbered)
{
    const struct variant_row *row;
    for (size_t i = 0; (row = variant_at(i)); i++) {
        if (!variant_applies(row, evidence->config) || !*row->arguments == numbered ||
            (evidence->reads && variant_leaks(row->name)))
            continue;
        if (numbered ? !take_numbered(evidence, row, out)
                     : !hypotheses_add(out, DEPARTURE_VARIANT, row->points, -1, "%s", row->name))
            return false;
    }
    return true;
}

/* --- the weights --- */

/* A weight of a layer or of its experts that the configuration calls for, and the points that it feeds. */
static bool in_layers(const struct model_config *config, enum weight weight)
{
    if (weight_rows[weight].scope != OF_LAYER && weight_rows[weight].scope != OF_EXPERT)
        return false;
    for (int layer = 0; layer < config->layers; layer++)
        if (config_calls_for(config, weight, layer))
            return true;
    return false;
}

/* Two that could be taken for each other: of one shape by the sizes of this configuration. */
static bool exchangeable(const struct model_config *config, enum weight a, enum weight b)
{
    return weight_rows[a].scope == weight_rows[b].scope &&
           config_dimension(config, weight_rows[a].rows) == config_dimension(config, weight_rows[b].rows) &&
           config_dimension(config, weight_rows[a].columns) == config_dimension(config, weight_rows[b].columns);
}

/* What stands before the weight's name: "model.layers.3." or, of every layer (block -1), "*."; of all experts of a
 * layer that as well. */
struct lead {
    char text[64];
};

static struct lead lead_of(enum weight weight, int block)
{
    struct lead lead = {"*."};
    if (block >= 0)
        snprintf(lead.text, sizeof lead.text, "model.layers.%d.%s", block - 1,
                 weight_rows[weight].scope == OF_EXPERT ? "mlp.experts.*." : "");
    return lead;
}

/* In one layer, or (block -1) in all: two weights in each other's place; one turned around. */
static bool take_exchanges(const struct evidence *evidence, int block, struct hypotheses *out)
{
    const struct model_config *config = evidence->config;
    for (int a = 0; a < WEIGHT_COUNT; a++) {
        struct lead lead = lead_of((enum weight)a, block);
        for (int b = a + 1; in_layers(config, (enum weight)a) && b < WEIGHT_COUNT; b++)
            if (in_layers(config, (enum weight)b) && exchangeable(config, (enum weight)a, (enum weight)b) &&
                !hypotheses_add(out, DEPARTURE_FAULT, EVERYTHING, block, "swap-tensors:%s%s,%s%s", lead.text,
                                weight_rows[a].name, lead.text, weight_rows[b].name))
                return false;
    }
    return true;
}

/* Those that such weights make or feed: what is shown of them, and the output of their block. */
static unsigned points_of(enum weight_module module)
{
    static const unsigned outputs[] = {
        [MODULE_ATTENTION] = OF(ATTENTION), [MODULE_ROUTER] = OF(MLP), [MODULE_EXPERTS] = OF(MLP),
        [MODULE_SHARED] = OF(MLP),          [MODULE_DENSE] = OF(MLP),  [MODULE_NORMS] = 0,
        [MODULE_ENDS] = EVERYTHING};
    unsigned points = outputs[module];
    for (int point = 0; point < POINT_COUNT; point++)
        if (point_rows[point].weight != WEIGHT_NONE && weight_rows[point_rows[point].weight].module == module)
            points |= 1u << point;
    return points;
}

/* One of the modules that hold such weights is bad in the block (-1: in any). */
static bool touches_bad(const struct evidence *evidence, enum weight weight, int block)
{
    unsigned bad = 0;
    for (int i = 0; i < evidence->blocks; i++)
        if (block < 0 || i == block)
            bad |= evidence->bad[i];
    return bad & points_of(weight_rows[weight].module);
}

/* What may have been done to the matrix, or the vector, as a whole. */
static bool take_tensor(const struct evidence *evidence, enum weight weight, int block, const char *name,
                        struct hypotheses *out)
{
    const struct weight_row *row = &weight_rows[weight];
    const struct model_config *config = evidence->config;
    bool matrix = row->part == PART_MATRIX,
         square = config_dimension(config, row->rows) == config_dimension(config, row->columns);
    if (matrix && (!hypotheses_add(out, DEPARTURE_FAULT, EVERYTHING, block, "transpose:%s", name) ||
                   (!square && !hypotheses_add(out, DEPARTURE_FAULT, EVERYTHING, block, "transpose-back:%s", name))))
        return false;
    if (!evidence->sizes_right && !hypotheses_add(out, DEPARTURE_FAULT, EVERYTHING, block, "byte-swap:%s", name))
        return false;
    for (int shift = 1; block >= 0 && !evidence->reads && matrix && row->scope == OF_LAYER && shift <= SHIFTS; shift++)
        for (int sign = 1; sign >= -1; sign -= 2)
            if (!hypotheses_add(out, DEPARTURE_FAULT, EVERYTHING, block, "shift-rows:%s,%d", name, sign * shift))
                return false;
    return true;
}

static bool take_turns(const struct evidence *evidence, int block, struct hypotheses *out)
{
    const struct model_config *config = evidence->config;
    for (int weight = 0; weight < WEIGHT_COUNT; weight++) {
        const struct weight_row *row = &weight_rows[weight];
        struct lead lead = lead_of((enum weight)weight, block);
        char name[WEIGHT_PATTERN];
        snprintf(name, sizeof name, "%s%s", lead.text, row->name);
        if (in_layers(config, (enum weight)weight) && touches_bad(evidence, (enum weight)weight, block) &&
            !take_tensor(evidence, (enum weight)weight, block, name, out))
            return false;
    }
    return true;
}

/* Rows in the order of another layout of heads, or of a matrix that holds several; in one layer, or (block -1) in all.
 */
static bool take_orders(const struct evidence *evidence, int block, struct hypotheses *out)
{
    static const char *const heads[] = {"halve-heads", "pair-heads"}, *const cuts[] = {"cut-as-stack", "cut-as-pairs"},
                             *const groups[] = {"qkv-as-stack", "qkv-as-groups"};
    const struct model_config *config = evidence->config;
    char layers[32], prefix[64] = "*";
    snprintf(layers, sizeof layers, block < 0 ? "0-%d" : "%d", block < 0 ? config->layers - 1 : block - 1);
    if (block >= 0)
        snprintf(prefix, sizeof prefix, "model.layers.%d", block - 1);
    for (int i = 0; i < 2; i++) {
        if (!hypotheses_add(out, DEPARTURE_FAULT, EVERYTHING, block, "%s:%s.self_attn.[qk]_proj.*", heads[i], prefix) ||
            !hypotheses_add(out, DEPARTURE_FAULT, EVERYTHING, block, "%s:%s", groups[i], layers))
            return false;
        for (int a = 0; a < WEIGHT_COUNT; a++) /* those that are trained together with one third */
            for (int b = a + 1; weight_rows[a].partner != WEIGHT_NONE && b < WEIGHT_COUNT; b++)
                if (weight_rows[a].partner == weight_rows[b].partner && in_layers(config, (enum weight)a) &&
                    exchangeable(config, (enum weight)a, (enum weight)b) &&
                    !hypotheses_add(out, DEPARTURE_FAULT, OF(MLP), block, "%s:%s%s,%s%s", cuts[i],
                                    lead_of((enum weight)a, block).text, weight_rows[a].name,
                                    lead_of((enum weight)b, block).text, weight_rows[b].name))
                    return false;
    }
    return true;
}

/* Gains stored less or more one; in one layer, or (block -1) everywhere. */
static bool take_offsets(const struct evidence *evidence, int block, struct hypotheses *out)
{
    for (int weight = 0; weight < WEIGHT_COUNT; weight++) {
        const struct weight_row *row = &weight_rows[weight];
        bool end = row->scope != OF_LAYER;
        if (row->part != PART_GAIN || (!end && !in_layers(evidence->config, (enum weight)weight)) ||
            (end && block != evidence->blocks - 1))
            continue;
        for (int sign = 1; sign >= -1; sign -= 2)
            if (!hypotheses_add(out, DEPARTURE_FAULT, EVERYTHING, block, "add:%s%s,%d",
                                end ? "" : lead_of((enum weight)weight, block).text, row->name, sign))
                return false;
    }
    return block >= 0 || (hypotheses_add(out, DEPARTURE_FAULT, EVERYTHING, -1, "add:*norm.weight,1") &&
                          hypotheses_add(out, DEPARTURE_FAULT, EVERYTHING, -1, "add:*norm.weight,-1"));
}

/* Matrices of one expert, in each other's place or cut from one the wrong way. */
static bool take_expert_pair(int block, int expert, struct hypotheses *out)
{
    static const char *const faults[] = {"swap-tensors", "cut-as-stack", "cut-as-pairs"};
    char gate[WEIGHT_PATTERN], up[WEIGHT_PATTERN];
    if (!expected_name(WEIGHT_EXPERT_GATE, block - 1, expert, gate, sizeof gate) ||
        !expected_name(WEIGHT_EXPERT_UP, block - 1, expert, up, sizeof up))
        return true;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (!hypotheses_add(out, DEPARTURE_FAULT, OF(MLP), block, "%s:%s,%s", faults[i], gate, up))
            return false;
    return true;
}

/* Matrices of one expert that alone is bad. */
static bool take_expert(const struct evidence *evidence, int block, int expert, struct hypotheses *out)
{
    char name[WEIGHT_PATTERN];
    for (int weight = 0; weight < WEIGHT_COUNT; weight++)
        if (weight_rows[weight].scope == OF_EXPERT &&
            expected_name((enum weight)weight, block - 1, expert, name, sizeof name) &&
            !take_tensor(evidence, (enum weight)weight, block, name, out))
            return false;
    return take_expert_pair(block, expert, out);
}

static bool take_swap(int block, int a, int b, struct hypotheses *out)
{
    return a == b || hypotheses_add(out, DEPARTURE_FAULT, OF(MLP), block, "swap-experts:%d,%d,%d", block - 1,
                                    a < b ? a : b, a < b ? b : a);
}

/* The experts that tokens show to be bad, and two of them in each other's place; where there is one, the other was not
 * met, and may be any. */
static bool take_blamed(const struct evidence *evidence, int block, struct hypotheses *out)
{
    const struct blamed *blamed = &evidence->blamed[block];
    for (size_t i = 0; i < blamed->count; i++) {
        if (!take_expert(evidence, block, blamed->experts[i], out))
            return false;
        for (size_t other = i + 1; other < blamed->count; other++)
            if (!take_swap(block, blamed->experts[i], blamed->experts[other], out))
                return false;
    }
    for (int other = 0; blamed->count == 1 && other < evidence->config->experts; other++)
        if (!take_swap(block, blamed->experts[0], other, out))
            return false;
    return true;
}

/* Experts of a layer, or rows of its router, in each other's place. */
static bool take_experts(const struct evidence *evidence, int block, struct hypotheses *out)
{
    int layer = block - 1, experts = evidence->config->experts;
    bool router = evidence->bad[block] & OF(ROUTER);
    if (!evidence->config->sparse[layer])
        return true;
    if (!router && (!hypotheses_add(out, DEPARTURE_FAULT, OF(MLP), block, "shift-experts:%d,1", layer) ||
                    !hypotheses_add(out, DEPARTURE_FAULT, OF(MLP), block, "shift-experts:%d,-1", layer)))
        return false;
    if (!router && evidence->blamed && (evidence->blamed[block].count || evidence->blamed[block].absent))
        return take_blamed(evidence, block, out);
    if (experts > 64)
        return true;
    for (int expert = 0; !router && expert < experts; expert++)
        if (!take_expert_pair(block, expert, out))
            return false;
    for (int a = 0; a < experts; a++)
        for (int b = a + 1; b < experts; b++)
            if (!hypotheses_add(out, DEPARTURE_FAULT, router ? OF(ROUTER) : OF(MLP), block, "%s:%d,%d,%d",
                                router ? "swap-router-rows" : "swap-experts", layer, a, b))
                return false;
    return true;
}

/* Something in the block may have been changed: not where the original shows that what is there is right. */
static bool may_be_changed(const struct evidence *evidence, int block)
{
    if (!evidence->bad[block] || !evidence->differing)
        return evidence->bad[block];
    for (size_t i = 0; i < evidence->differing->count; i++)
        if (evidence->differing->items[i].layer == block - 1 && !evidence->differing->items[i].absent)
            return true;
    return false;
}

bool candidates_of_pair(const struct evidence *evidence, int first, int second, struct hypotheses *out)
{
    static const char *const parts[] = {"self_attn.*", "mlp.*", "mlp.experts.*", "mlp.gate.weight"};
    if (!hypotheses_add(out, DEPARTURE_FAULT, EVERYTHING, first, "swap-layers:%d,%d", first - 1, second - 1))
        return false;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if ((i < 2 || evidence->config->sparse[first - 1]) &&
            !hypotheses_add(out, DEPARTURE_FAULT, EVERYTHING, first,
                            "swap-tensors:model.layers.%d.%s,model.layers.%d.%s", first - 1, parts[i], second - 1,
                            parts[i]))
            return false;
    return true;
}

/* One weight of both layers, where a module that holds it is bad in both. */
static bool take_weights_of_pair(const struct evidence *evidence, int first, int second, struct hypotheses *out)
{
    for (int weight = 0; weight < WEIGHT_COUNT; weight++) {
        char here[WEIGHT_PATTERN], there[WEIGHT_PATTERN];
        bool both = weight_rows[weight].scope == OF_LAYER && touches_bad(evidence, (enum weight)weight, first) &&
                    touches_bad(evidence, (enum weight)weight, second) &&
                    config_calls_for(evidence->config, (enum weight)weight, first - 1) &&
                    config_calls_for(evidence->config, (enum weight)weight, second - 1) &&
                    expected_name((enum weight)weight, first - 1, -1, here, sizeof here) &&
                    expected_name((enum weight)weight, second - 1, -1, there, sizeof there);
        if (both && !hypotheses_add(out, DEPARTURE_FAULT, EVERYTHING, first, "swap-tensors:%s,%s", here, there))
            return false;
    }
    return true;
}

static bool take_layer_pairs(const struct evidence *evidence, struct hypotheses *out)
{
    for (int a = 1; a < evidence->blocks - 1; a++)
        for (int b = a + 1; b < evidence->blocks - 1; b++)
            if (may_be_changed(evidence, a) && may_be_changed(evidence, b) &&
                !(candidates_of_pair(evidence, a, b, out) && take_weights_of_pair(evidence, a, b, out)))
                return false;
    return true;
}

bool candidates_of_block(const struct evidence *evidence, int block, struct hypotheses *out)
{
    return take_exchanges(evidence, block, out) && take_turns(evidence, block, out) &&
           take_orders(evidence, block, out) && take_offsets(evidence, block, out);
}

/* What a check says was done to tensors of blocks that are bad: some of the faults undo themselves. */
static bool take_unsound(const struct evidence *evidence, struct hypotheses *out)
{
    for (size_t i = 0; evidence->symptoms && i < evidence->symptoms->count; i++) {
        const struct finding *finding = &evidence->symptoms->items[i];
        const char *fault = finding->summary ? NULL : finding_fact_named(finding, "fault");
        int block = finding->where.layer + 1;
        if (fault && finding->where.layer >= 0 && block < evidence->blocks - 1 && evidence->bad[block] &&
            !hypotheses_add(out, DEPARTURE_FAULT, EVERYTHING, block, "%s", fault))
            return false;
    }
    return true;
}

bool candidates_of_factor(const struct evidence *evidence, int block, struct hypotheses *out)
{
    const struct blamed *blamed = evidence->blamed ? &evidence->blamed[block] : NULL;
    char name[WEIGHT_PATTERN];
    for (int weight = 0; block > 0 && block < evidence->blocks - 1 && weight < WEIGHT_COUNT; weight++) {
        const struct weight_row *row = &weight_rows[weight];
        bool expert = row->scope == OF_EXPERT;
        if (row->part != PART_MATRIX || (!expert && row->scope != OF_LAYER) ||
            !touches_bad(evidence, (enum weight)weight, block) ||
            !config_calls_for(evidence->config, (enum weight)weight, block - 1))
            continue;
        for (size_t i = 0; i < (expert ? blamed ? blamed->count : 0 : 1); i++)
            if (expected_name((enum weight)weight, block - 1, expert ? blamed->experts[i] : -1, name, sizeof name) &&
                !hypotheses_add(out, DEPARTURE_FAULT, EVERYTHING, block, "scale:%s,", name))
                return false;
    }
    return true;
}

/* Rows of the vocabulary that moved by one; of the head, and of the embedding. */
static bool take_vocabulary(const struct evidence *evidence, struct hypotheses *out)
{
    for (int shift = 1; shift >= -1; shift -= 2)
        if (!hypotheses_add(out, DEPARTURE_FAULT, EVERYTHING, -1, "shift-rows:model.embed_tokens.weight,%d", shift) ||
            !hypotheses_add(out, DEPARTURE_FAULT, OF(HEAD), -1, "shift-rows:lm_head.weight,%d", shift))
            return false;
    return take_offsets(evidence, evidence->blocks - 1, out);
}

static bool take_weights(const struct evidence *evidence, struct hypotheses *out)
{
    int bad = 0;
    for (int block = 1; block < evidence->blocks - 1; block++)
        bad += may_be_changed(evidence, block);
    if (bad > 1 &&
        (!take_exchanges(evidence, -1, out) || !take_turns(evidence, -1, out) || !take_orders(evidence, -1, out) ||
         !take_offsets(evidence, -1, out) || !take_layer_pairs(evidence, out)))
        return false;
    for (int block = 1; block < evidence->blocks - 1; block++)
        if (may_be_changed(evidence, block) &&
            (!candidates_of_block(evidence, block, out) || !take_experts(evidence, block, out)))
            return false;
    return (!evidence->bad[0] && !evidence->bad[evidence->blocks - 1]) || take_vocabulary(evidence, out);
}

/* --- gold --- */

/* What gold determines of weights that alone make something that is bad: of that kind in all layers, or the only one.
 */
static bool take_solved(const struct evidence *evidence, struct hypotheses *out)
{
    for (int point = 0; point < POINT_COUNT; point++) {
        enum weight weight = point_rows[point].weight;
        int count = 0, last = 0;
        char name[WEIGHT_PATTERN];
        if (weight == WEIGHT_NONE || !weight_is_solvable(weight, true))
            continue;
        for (int block = 0; block < evidence->blocks; block++)
            if (evidence->bad[block] >> point & 1) {
                count++;
                last = block;
            }
        bool layered = weight_rows[weight].scope == OF_LAYER;
        if (!count || !expected_name(weight, layered ? last - 1 : -1, -1, name, sizeof name))
            continue;
        if (count > 1)
            snprintf(name, sizeof name, "*.%s", weight_rows[weight].name);
        if (!hypotheses_add(out, DEPARTURE_FAULT, 1u << point, count > 1 ? -1 : last, SOLVE "%s", name))
            return false;
        out->items[out->count - 1].wide = 2;
    }
    return true;
}

/* It shows only in what its module makes, which is bad, and gold may determine it. */
static bool is_sought(const struct evidence *evidence, enum weight weight, int block)
{
    bool last = block == evidence->blocks - 1, here = weight_rows[weight].scope == (last ? OF_END : OF_LAYER);
    return here && weight_is_sought(weight) && touches_bad(evidence, weight, block) &&
           config_calls_for(evidence->config, weight, last ? -1 : block - 1);
}

static bool take_sought(const char *name, int block, struct hypotheses *out)
{
    if (!hypotheses_add(out, DEPARTURE_FAULT, EVERYTHING, block, SOLVE "%s", name))
        return false;
    out->items[out->count - 1].wide = 2;
    return true;
}

bool candidates_of_sought(const struct evidence *evidence, struct hypotheses *out)
{
    char name[WEIGHT_PATTERN];
    int layers = 0;
    for (int block = 1; block < evidence->blocks; block++) {
        size_t biases = 0;
        int layer = block < evidence->blocks - 1 ? block - 1 : -1;
        for (int weight = 0; weight < WEIGHT_COUNT; weight++)
            if (is_sought(evidence, (enum weight)weight, block) &&
                expected_name((enum weight)weight, layer, -1, name, sizeof name)) {
                biases += weight_rows[weight].part == PART_BIAS;
                if (!take_sought(name, block, out))
                    return false;
            }
        snprintf(name, sizeof name, "model.layers.%d.*.bias", block - 1);
        if (layer >= 0 && biases > 1 && !take_sought(name, block, out))
            return false;
        layers += biases > 0;
    }
    return layers < 2 || take_sought("*.bias", -1, out);
}

/* --- the original --- */

/* The name with * in the place of its layer's and expert's numbers, as far as `depth` of its parts behind the layer: 0,
 * all. */
static void pattern_of(const struct different *different, int depth, char out[WEIGHT_PATTERN])
{
    const char *rest = different->name, *at = strstr(rest, ".layers.");
    if (different->layer < 0 || !at) {
        snprintf(out, WEIGHT_PATTERN, "%s", rest);
        return;
    }
    at += strlen(".layers.");
    at += strspn(at, "0123456789") + 1;
    size_t length = strlen(at);
    const char *end = at;
    for (int part = 0; depth && end && part < depth; part++)
        end = strchr(end, '.') ? strchr(end, '.') + 1 : NULL;
    if (depth && end)
        length = (size_t)(end - at);
    const char *expert = different->expert >= 0 ? strstr(at, "experts.") : NULL;
    if (!expert || expert >= at + length)
        snprintf(out, WEIGHT_PATTERN, "*.%.*s%s", (int)length, at, depth && end ? "*" : "");
    else
        snprintf(out, WEIGHT_PATTERN, "*.%.*sexperts.*%s", (int)(expert - at), at,
                 depth ? "" : strchr(expert + strlen("experts."), '.'));
}

static bool has_text(const struct hypotheses *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].text, text) == 0)
            return true;
    return false;
}

/* What of the differing the pattern fits: how many, and where, if all lie in one layer, of one expert. */
struct fitting {
    size_t count;
    int layer, expert; /* -1: in several, or none */
};

static struct fitting fitting_of(const struct differing *differing, const char *pattern)
{
    struct fitting fitting = {0, -1, -1};
    for (size_t i = 0; i < differing->count; i++) {
        const struct different *one = &differing->items[i];
        if (fnmatch(pattern, one->name, 0) != 0)
            continue;
        fitting.layer = !fitting.count || fitting.layer == one->layer ? one->layer : -1;
        fitting.expert = !fitting.count || fitting.expert == one->expert ? one->expert : -1;
        fitting.count++;
    }
    fitting.expert = fitting.layer < 0 ? -1 : fitting.expert;
    return fitting;
}

/* "*.mlp.experts.*" of layer 3 and expert 2 alone: "model.layers.3.mlp.experts.2.*". */
static void narrow_pattern(const char *pattern, const struct fitting *fitting, char out[NARROW_PATTERN])
{
    const char *star = strchr(pattern + 1, '*'), *experts = "experts.*";
    const char *at = fitting->expert >= 0 ? strstr(pattern, experts) : NULL;
    if (at && star == at + strlen(experts) - 1)
        snprintf(out, NARROW_PATTERN, "model.layers.%d.%.*s%d%s", fitting->layer, (int)(star - pattern - 2),
                 pattern + 2, fitting->expert, star[1] ? star + 1 : ".*");
    else
        snprintf(out, NARROW_PATTERN, "model.layers.%d.%s", fitting->layer, pattern + 2);
}

/* The original's tensors of one pattern; of a single tensor by its name. */
static bool take_pattern(const struct evidence *evidence, const struct different *different, int depth, int wide,
                         struct hypotheses *out)
{
    char pattern[WEIGHT_PATTERN], narrow[NARROW_PATTERN], text[NARROW_PATTERN + 16];
    pattern_of(different, depth, pattern);
    struct fitting fitting = fitting_of(evidence->differing, pattern);
    if (fitting.count > 1 && fitting.layer >= 0 && strncmp(pattern, "*.", 2) == 0)
        narrow_pattern(pattern, &fitting, narrow);
    else
        snprintf(narrow, sizeof narrow, "%s", fitting.count == 1 ? different->name : pattern);
    snprintf(text, sizeof text, RESTORE "%s", narrow);
    if (has_text(out, text))
        return true;
    if (!hypotheses_add(out, DEPARTURE_FAULT, EVERYTHING, -1, "%s", text))
        return false;
    out->items[out->count - 1].wide = wide;
    return true;
}

/* Weights of one kind in all layers, then whole modules, then whole layers. */
static bool take_original(const struct evidence *evidence, struct hypotheses *out)
{
    const struct differing *differing = evidence->differing;
    for (size_t i = 0; differing && i < differing->count; i++)
        if (!take_pattern(evidence, &differing->items[i], 0, 0, out))
            return false;
    for (int depth = 2; depth > 0; depth--)
        for (size_t i = 0; differing && i < differing->count; i++)
            if (differing->items[i].layer >= 0 && !take_pattern(evidence, &differing->items[i], depth, 1, out))
                return false;
    for (size_t i = 0; differing && i < differing->count; i++) {
        char text[64];
        snprintf(text, sizeof text, RESTORE "model.layers.%d.*", differing->items[i].layer);
        if (differing->items[i].layer < 0 || has_text(out, text))
            continue;
        if (!hypotheses_add(out, DEPARTURE_FAULT, EVERYTHING, differing->items[i].layer + 1, "%s", text))
            return false;
        out->items[out->count - 1].wide = 2;
    }
    return true;
}

bool candidates_take(const struct evidence *evidence, struct hypotheses *out)
{
    struct evidence whole = *evidence;
    whole.bad = evidence->whole ? evidence->whole : evidence->bad;
    return take_gold_settings(evidence, out) && take_usual_settings(out) &&
           (evidence->weights_right || (take_unsound(&whole, out) && take_weights(&whole, out))) &&
           take_original(evidence, out) && (evidence->weights_right || take_solved(evidence, out)) &&
           take_variants(evidence, out, false) && take_variants(evidence, out, true);
}

bool candidates_everywhere(const struct evidence *evidence, struct hypotheses *out)
{
    return take_usual_settings(out) &&
           (evidence->weights_right ||
            (take_unsound(evidence, out) && take_exchanges(evidence, -1, out) && take_turns(evidence, -1, out) &&
             take_orders(evidence, -1, out) && take_offsets(evidence, -1, out) && take_vocabulary(evidence, out))) &&
           take_variants(evidence, out, false) && (evidence->reads || take_variants(evidence, out, true));
}
