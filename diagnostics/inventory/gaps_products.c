/* Patterns of layers, experts and kinds of tensors: a loop that ended too early or stepped too far, a kind that was
 * forgotten, a pattern of names that fits too little. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "inventory/gaps_internal.h"

#define KIND_BITS 1.0   /* less than that of orders: a set of layers says more than a stretch of a run */
#define SET_BITS 6.0    /* any set of kinds, and not one that has a name */
#define DISTINCT_MAX 96 /* rows, and columns, of the map of experts that are tried */

#define OF(module) (1u << MODULE_##module)
#define MLP (OF(ROUTER) | OF(EXPERTS) | OF(SHARED) | OF(DENSE))
#define LAYER (OF(ATTENTION) | MLP | OF(NORMS))
#define MATRICES (1u << PART_MATRIX)
#define BIASES (1u << PART_BIAS)
#define GAINS (1u << PART_GAIN)
#define ALL_PARTS (MATRICES | BIASES | GAINS)
#define W(weight) WEIGHT_BIT(WEIGHT_##weight)

/* Kinds of tensors that one line of an extractor takes, or forgets: these parts of these modules. Single ones are tried
 * as well. */
static const struct kinds_row {
    unsigned modules, parts;
    uint64_t but;      /* these weights */
    const char *words; /* "... of layer 3" */
} kinds_rows[] = {
    {LAYER, ALL_PARTS, 0, "everything"},
    {LAYER & ~OF(EXPERTS), ALL_PARTS, 0, "everything but the experts"},
    {OF(NORMS), GAINS, 0, "both norms"},
    {LAYER, GAINS, 0, "all norms"},
    {LAYER, GAINS | BIASES, 0, "all vectors"},
    {OF(ATTENTION), GAINS, 0, "the norms of queries and keys"},
    {OF(ATTENTION), MATRICES, 0, "the attention's projections"},
    {OF(ATTENTION), ALL_PARTS, 0, "the attention"},
    {OF(ATTENTION) | OF(NORMS), ALL_PARTS, 0, "the attention and the norms"},
    {OF(ATTENTION), MATRICES, W(O), "q_proj, k_proj and v_proj"},
    {OF(ATTENTION), BIASES, 0, "the attention's biases"},
    {LAYER, BIASES, 0, "all biases"},
    {OF(ROUTER) | OF(NORMS), ALL_PARTS, 0, "the router and the norms"},
    {OF(SHARED), ALL_PARTS, 0, "the shared expert"},
    {OF(SHARED), ALL_PARTS, W(SHARED_SWITCH), "the shared expert's projections"},
    {OF(DENSE), ALL_PARTS, 0, "the MLP"},
    {MLP, ALL_PARTS, 0, "the MLP or the experts"},
    {OF(EXPERTS) | OF(ROUTER), ALL_PARTS, 0, "the experts and the router"},
    {OF(EXPERTS) | OF(NORMS), ALL_PARTS, 0, "the experts and the norms"},
};

/* Projections of experts. */
static const struct kinds_row expert_rows[] = {
    {OF(EXPERTS), MATRICES, 0, ""},
    {OF(EXPERTS), MATRICES, W(EXPERT_UP) | W(EXPERT_DOWN), "gate_proj of "},
    {OF(EXPERTS), MATRICES, W(EXPERT_GATE) | W(EXPERT_DOWN), "up_proj of "},
    {OF(EXPERTS), MATRICES, W(EXPERT_GATE) | W(EXPERT_UP), "down_proj of "},
    {OF(EXPERTS), MATRICES, W(EXPERT_DOWN), "gate_proj and up_proj of "},
    {OF(EXPERTS), MATRICES, W(EXPERT_GATE), "up_proj and down_proj of "},
};

/* The bits of the weights of a kind. */
static uint64_t kind_weights(const struct kinds_row *kind)
{
    uint64_t weights = 0;
    for (int weight = 0; weight < WEIGHT_COUNT; weight++) {
        const struct weight_row *row = &weight_rows[weight];
        if (kind->modules >> row->module & 1 && kind->parts >> row->part & 1)
            weights |= WEIGHT_BIT(weight);
    }
    return weights & ~kind->but;
}

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

static bool of_kind(const struct census_item *item, uint64_t weights)
{
    return weights >> item->expected->weight & 1 && !item->expected->optional;
}

/* The layers that have tensors of the kind, and whether all of them are absent. */
struct axis {
    int *values;
    bool *in;
    size_t count, members;
};

static bool axis_make(struct axis *axis, size_t count)
{
    *axis =
        (struct axis){.values = malloc((count + 1) * sizeof *axis->values), .in = calloc(count + 1, sizeof *axis->in)};
    return axis->values && axis->in;
}

static void axis_free(struct axis *axis)
{
    free(axis->values);
    free(axis->in);
}

static void layers_of_kind(const struct census *census, uint64_t weights, struct axis *layers, size_t *held,
                           size_t *absent)
{
    size_t count = (size_t)census->config->layers;
    memset(held, 0, count * sizeof *held);
    memset(absent, 0, count * sizeof *absent);
    for (size_t i = 0; i < census->count; i++) {
        const struct census_item *item = &census->items[i];
        if (item->expected->layer < 0 || !of_kind(item, weights))
            continue;
        held[item->expected->layer]++;
        absent[item->expected->layer] += item->absent;
    }
    for (size_t layer = 0; layer < count; layer++)
        if (held[layer]) {
            layers->values[layers->count] = (int)layer;
            layers->members += layers->in[layers->count++] = absent[layer] == held[layer];
        }
}

/* What a set of layers was lost by, where its shape says it. */
static void offer_layers(struct search *search, uint64_t weights, const char *words, double bits, struct axis *layers,
                         bool *lost)
{
    const struct census *census = search->census;
    bool in_layer[CONFIG_LAYERS_MAX] = {false};
    struct buffer text = {0};
    for (size_t i = 0; i < layers->count; i++)
        in_layer[layers->values[i]] = layers->in[i];
    for (size_t i = 0; i < census->count; i++) {
        const struct census_item *item = &census->items[i];
        lost[i] = item->expected->layer >= 0 && in_layer[item->expected->layer] && of_kind(item, weights);
    }
    buffer_format(&text, "%s of ", words);
    const char *cause = NULL;
    bits += set_describe(layers->values, layers->in, layers->count, "layer", &text, &cause);
    if (cause || layers->members == layers->count)
        buffer_format(&text, ": %s", cause ? cause : "never looked for");
    search_offer(search, "layers", KIND_BITS + bits, lost, &text);
}

static void try_kind(struct search *search, uint64_t weights, const char *words, double bits, bool *lost)
{
    size_t count = (size_t)search->census->config->layers;
    size_t *held = malloc(count * sizeof *held), *absent = malloc(count * sizeof *absent);
    struct axis layers;
    if (axis_make(&layers, count) && held && absent) {
        layers_of_kind(search->census, weights, &layers, held, absent);
        if (layers.members)
            offer_layers(search, weights, words, bits, &layers, lost);
    } else {
        search->memory = true;
    }
    axis_free(&layers);
    free(held);
    free(absent);
}

/* For each kind of a layer, which layers lost it, as text: "1011", empty where it is not called for, or nothing of it
 * is absent. */
static bool losses_of_kinds(const struct census *census, char *losses[WEIGHT_COUNT])
{
    size_t layers = (size_t)census->config->layers;
    bool any[WEIGHT_COUNT] = {false};
    for (int weight = 0; weight < WEIGHT_COUNT; weight++)
        if (!(losses[weight] = calloc(layers + 1, 1)))
            return false;
    for (size_t i = 0; i < census->count; i++) {
        const struct expected *expected = census->items[i].expected;
        if (weight_rows[expected->weight].scope != OF_LAYER)
            continue;
        any[expected->weight] = any[expected->weight] || census->items[i].absent;
        losses[expected->weight][expected->layer] = census->items[i].absent ? '1' : '0';
    }
    for (int weight = 0; weight < WEIGHT_COUNT; weight++)
        for (size_t layer = 0; layer < layers; layer++)
            losses[weight][layer] = !any[weight] ? '\0' : losses[weight][layer] ? losses[weight][layer] : '-';
    return true;
}

/* Kinds of one part that the same layers lost, whichever they are; `weights` of `of` such kinds. */
static void try_same(struct search *search, uint64_t weights, size_t of, bool *lost)
{
    struct buffer words = {0};
    size_t count = 0, left;
    for (int weight = 0; weight < WEIGHT_COUNT; weight++)
        count += weights >> weight & 1;
    left = count;
    for (int weight = 0; weight < WEIGHT_COUNT; weight++)
        if (weights >> weight & 1)
            buffer_format(&words, "%s%s", weight_class((enum weight)weight), --left > 1 ? ", " : left ? " and " : "");
    if (count > 1 && words.data)
        try_kind(search, weights, words.data, bits_choose((double)of, (double)count) + SET_BITS, lost);
    search->memory = search->memory || words.failed;
    buffer_free(&words);
}

static bool some_layer_calls_for(const struct model_config *config, enum weight weight)
{
    for (int layer = 0; layer < config->layers; layer++)
        if (config_calls_for(config, weight, layer))
            return true;
    return false;
}

/* Several kinds that the same layers lost, in no set that has a name. */
static void try_sets(struct search *search, bool *lost)
{
    const struct census *census = search->census;
    char *losses[WEIGHT_COUNT] = {NULL};
    size_t of[PART_GAIN + 1] = {0};
    bool good = losses_of_kinds(census, losses);
    for (int weight = 0; good && weight < WEIGHT_COUNT; weight++)
        if (weight_rows[weight].scope == OF_LAYER && some_layer_calls_for(census->config, (enum weight)weight))
            of[weight_rows[weight].part]++;
    for (int weight = 0; good && weight < WEIGHT_COUNT; weight++) {
        uint64_t same = 0;
        for (int other = 0; *losses[weight] && other < WEIGHT_COUNT; other++)
            if (weight_rows[other].part == weight_rows[weight].part && strcmp(losses[other], losses[weight]) == 0)
                same |= WEIGHT_BIT(other);
        if (same && !(same & (WEIGHT_BIT(weight) - 1))) /* the first of them */
            try_same(search, same, of[weight_rows[weight].part], lost);
    }
    for (int weight = 0; weight < WEIGHT_COUNT; weight++)
        free(losses[weight]);
    search->memory = search->memory || !good;
}

static void try_kinds(struct search *search, bool *lost)
{
    const struct model_config *config = search->census->config;
    size_t single = 0; /* of those that this model has */
    for (int weight = 0; weight < WEIGHT_COUNT; weight++)
        single += weight_rows[weight].scope == OF_LAYER && some_layer_calls_for(config, (enum weight)weight);
    double bits = log2((double)(COUNT(kinds_rows) + single));
    for (size_t i = 0; i < COUNT(kinds_rows); i++)
        try_kind(search, kind_weights(&kinds_rows[i]), kinds_rows[i].words, bits, lost);
    for (int weight = 0; weight < WEIGHT_COUNT; weight++)
        if (weight_rows[weight].scope == OF_LAYER)
            try_kind(search, WEIGHT_BIT(weight), weight_class((enum weight)weight), bits, lost);
}

/* The map of experts: [sparse layers][experts], true where all of the projections are absent. */
struct map_of_experts {
    const struct census *census;
    uint64_t weights;
    bool *absent;
    size_t layers, experts;
    int *layer_of; /* [layers] */
};

/* Place `i` of a line: of a layer's experts, or of an expert's layers. */
static bool at(const struct map_of_experts *map, size_t line, size_t i, bool by_expert)
{
    return by_expert ? map->absent[i * map->experts + line] : map->absent[line * map->experts + i];
}

static bool experts_map(const struct census *census, uint64_t weights, struct map_of_experts *map)
{
    size_t experts = (size_t)census->config->experts;
    *map = (struct map_of_experts){.census = census, .weights = weights, .experts = experts};
    map->layer_of = malloc(((size_t)census->config->layers + 1) * sizeof *map->layer_of);
    map->absent = calloc((size_t)census->config->layers * experts + 1, sizeof *map->absent);
    if (!map->layer_of || !map->absent)
        return false;
    for (int layer = 0; layer < census->config->layers; layer++) {
        if (!census->config->sparse[layer])
            continue;
        map->layer_of[map->layers] = layer;
        for (size_t expert = 0; expert < experts; expert++) {
            bool all = true;
            for (int weight = WEIGHT_EXPERT_GATE; weight <= WEIGHT_EXPERT_DOWN; weight++)
                if (weights >> weight & 1)
                    all = all && census_find(census, (enum weight)weight, layer, (int)expert)->absent;
            map->absent[map->layers * experts + expert] = all;
        }
        map->layers++;
    }
    return true;
}

/* The layers and experts chosen, in words, and offered. */
static void offer_experts(struct search *search, const struct map_of_experts *map, const char *words,
                          const struct axis *layers, const struct axis *experts, bool *lost)
{
    const struct census *census = search->census;
    struct buffer text = {0};
    memset(lost, 0, census->count * sizeof *lost);
    for (size_t l = 0; l < layers->count; l++)
        for (size_t e = 0; layers->in[l] && e < experts->count; e++)
            for (int weight = WEIGHT_EXPERT_GATE; experts->in[e] && weight <= WEIGHT_EXPERT_DOWN; weight++)
                if (map->weights >> weight & 1)
                    lost[census_find(census, (enum weight)weight, layers->values[l], (int)e) - census->items] = true;
    buffer_text(&text, words);
    const char *cause = NULL, *more = NULL;
    double bits = set_describe(experts->values, experts->in, experts->count, "expert", &text, &cause);
    buffer_text(&text, " of ");
    bits += set_describe(layers->values, layers->in, layers->count, "layer", &text, &more);
    if (!cause && experts->members < experts->count)
        cause = "always the same ones";
    if (cause || more)
        buffer_format(&text, ": %s%s%s", cause ? cause : more, cause && more ? "; " : "", cause && more ? more : "");
    else if (layers->members == layers->count)
        buffer_text(&text, ": never looked for");
    search_offer(search, "experts", KIND_BITS + log2(COUNT(expert_rows)) + bits, lost, &text);
}

/* Line `line` of the map (a layer's experts, or an expert's layers) gives the set of the one axis; the other is all
 * lines that have at least these gaps. */
static void try_line(struct search *search, const struct map_of_experts *map, const char *words, size_t line,
                     bool by_expert, struct axis *layers, struct axis *experts, bool *lost)
{
    struct axis *along = by_expert ? layers : experts, *across = by_expert ? experts : layers;
    along->members = across->members = 0;
    for (size_t i = 0; i < along->count; i++)
        along->members += along->in[i] = at(map, line, i, by_expert);
    for (size_t k = 0; k < across->count; k++) {
        bool has = true;
        for (size_t i = 0; has && i < along->count; i++)
            has = !along->in[i] || at(map, k, i, by_expert);
        across->members += across->in[k] = has;
    }
    if (along->members)
        offer_experts(search, map, words, layers, experts, lost);
}

/* The first line of each kind: its gaps are not those of an earlier one. */
static bool line_is_new(const struct map_of_experts *map, size_t line, bool by_expert)
{
    size_t length = by_expert ? map->layers : map->experts;
    for (size_t before = 0; before < line; before++) {
        bool same = true;
        for (size_t i = 0; same && i < length; i++)
            same = at(map, before, i, by_expert) == at(map, line, i, by_expert);
        if (same)
            return false;
    }
    return true;
}

static void try_lines(struct search *search, const struct map_of_experts *map, const char *words, bool *lost)
{
    struct axis layers, experts;
    bool good = axis_make(&layers, map->layers), more = axis_make(&experts, map->experts);
    if (good && more) {
        memcpy(layers.values, map->layer_of, map->layers * sizeof *layers.values);
        layers.count = map->layers;
        for (size_t e = 0; e < map->experts; e++)
            experts.values[experts.count++] = (int)e;
        for (int by_expert = 0; by_expert < 2; by_expert++) {
            size_t lines = by_expert ? map->experts : map->layers, tried = 0;
            for (size_t line = 0; line < lines && tried < DISTINCT_MAX; line++)
                if (line_is_new(map, line, by_expert)) {
                    try_line(search, map, words, line, by_expert, &layers, &experts, lost);
                    tried++;
                }
        }
    }
    search->memory = search->memory || !good || !more;
    axis_free(&layers);
    axis_free(&experts);
}

static void try_experts(struct search *search, bool *lost)
{
    for (size_t i = 0; search->census->config->experts && i < COUNT(expert_rows); i++) {
        struct map_of_experts map;
        if (experts_map(search->census, kind_weights(&expert_rows[i]), &map))
            try_lines(search, &map, expert_rows[i].words, lost);
        else
            search->memory = true;
        free(map.absent);
        free(map.layer_of);
    }
}

void gaps_try_products(struct search *search)
{
    bool *lost = malloc(search->census->count * sizeof *lost);
    if (lost) {
        try_kinds(search, lost);
        try_sets(search, lost);
        try_experts(search, lost);
    }
    search->memory = search->memory || !lost;
    free(lost);
}
