#include "inventory/refit.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "model/family.h"

#define EXPLAINS_LEAST 2
#define CANDIDATES_MAX 4 /* values of a key that are tried */
#define EXPERTS_MOST (1 << 18)

/* --- how a configuration fits --- */

/* What it calls for, and which of that is wrong. */
struct fit {
    const struct census *census;
    struct model_config *config; /* owned */
    struct expected_set set;
    unsigned char *wrong; /* [set.list.count]: FIT_... */
    size_t counts[3];     /* absent, of another shape, extra */
};

enum { FIT_GOOD, FIT_ABSENT, FIT_SHAPE, FIT_EXTRA };

static void fit_free(struct fit *fit)
{
    free(fit->config);
    free(fit->wrong);
    expected_set_free(&fit->set);
    *fit = (struct fit){0};
}

static unsigned char fit_of(const struct census *census, const struct expected *expected)
{
    const struct tensor *tensor = weights_find(census->store, expected);
    if (quantised_holds(&census->quantised, expected))
        return FIT_GOOD;
    if (!tensor)
        return expected->optional ? FIT_GOOD : FIT_ABSENT;
    return tensor_same_shape(tensor, expected) ? FIT_GOOD : FIT_SHAPE;
}

static size_t fit_find(const struct fit *fit, const char *name)
{
    return map_find(&fit->set.by_name, name, strlen(name));
}

/* Neither called for, nor known to be of no use. */
static bool is_extra(const struct fit *fit, const struct tensor *tensor)
{
    return !tensor_is_ignored(tensor) && !tensor_is_beyond(fit->config, tensor) &&
           !quantised_part(&fit->census->quantised, tensor) && fit_find(fit, tensor->name) == MAP_ABSENT;
}

/* Takes a copy of the configuration. */
static bool fit_take(const struct census *census, const struct model_config *config, struct fit *fit)
{
    *fit = (struct fit){.census = census, .config = malloc(sizeof *fit->config)};
    if (!fit->config)
        return false;
    *fit->config = *config;
    bool good = expected_set_take(fit->config, &fit->set) && (fit->wrong = malloc(fit->set.list.count + 1));
    for (size_t i = 0; good && i < fit->set.list.count; i++) {
        fit->wrong[i] = fit_of(census, &fit->set.list.items[i]);
        if (fit->wrong[i])
            fit->counts[fit->wrong[i] - 1]++;
    }
    for (size_t i = 0; good && i < store_text_count(census->store); i++)
        fit->counts[FIT_EXTRA - 1] += is_extra(fit, store_at(census->store, i));
    return good;
}

static size_t fit_wrong(const struct fit *fit)
{
    return fit->counts[0] + fit->counts[1] + fit->counts[2];
}

/* A layer that the new one adds holds more than layers do; or the last of fewer layers, or what lies behind it, is not
 * whole: then a run ended there. */
static bool contradicts_layers(const struct fit *old, const struct fit *new)
{
    const struct census *census = old->census;
    int layers = new->config->layers, layer, expert;
    for (size_t i = 0; layers > old->config->layers && i < store_text_count(census->store); i++) {
        tensor_place(store_at(census->store, i), &layer, &expert);
        if (layer >= old->config->layers && is_extra(new, store_at(census->store, i)))
            return true;
    }
    for (size_t i = 0; layers < old->config->layers && i < new->set.list.count; i++) {
        const struct expected *expected = &new->set.list.items[i];
        bool end = expected->layer == layers - 1 || weight_rows[expected->weight].scope == OF_END;
        if (end && new->wrong[i] == FIT_ABSENT)
            return true;
    }
    return false;
}

/* Something that was right is wrong by the new one, or the original has what it does not call for. */
static bool contradicts(const struct fit *old, const struct fit *new)
{
    const struct census *census = old->census;
    for (size_t i = 0; i < new->set.list.count; i++) {
        size_t before = fit_find(old, new->set.list.items[i].name);
        if (new->wrong[i] && (before == MAP_ABSENT || !old->wrong[before]))
            return true;
    }
    for (size_t i = 0; i < old->set.list.count; i++) {
        const struct expected *expected = &old->set.list.items[i];
        struct origin_place place;
        if (fit_find(new, expected->name) != MAP_ABSENT)
            continue;
        if (old->wrong[i] != FIT_ABSENT || (census->origin && origin_find(census->origin, expected->name, &place)))
            return true;
    }
    return contradicts_layers(old, new);
}

/* --- keys --- */

struct row;
typedef bool row_tell(const struct row *row, const struct fit *fit, int values[CANDIDATES_MAX], size_t *count);
typedef void row_say(const struct refit *refit, struct buffer *out);

/* A number of the configuration: where it lies, what of it the tensors tell, and how it is said. */
struct row {
    const char *key;
    size_t offset;
    row_tell *tell;
    row_say *say;
};

static int *value_of(const struct row *row, struct model_config *config)
{
    return (int *)((char *)config + row->offset);
}

static void candidate(uint64_t value, int values[CANDIDATES_MAX], size_t *count)
{
    for (size_t i = 0; i < *count; i++)
        if ((uint64_t)values[i] == value)
            return;
    if (value > 0 && value < INT_MAX && *count < CANDIDATES_MAX)
        values[(*count)++] = (int)value;
}

/* A size that depends on the number is a multiple of what it is for 1. */
static bool tell_size(const struct row *row, const struct fit *fit, int values[CANDIDATES_MAX], size_t *count)
{
    struct model_config *one = malloc(sizeof *one), *two = malloc(sizeof *two);
    if (one && two) {
        *one = *two = *fit->config;
        *value_of(row, one) = 1;
        *value_of(row, two) = 2;
    }
    for (size_t i = 0; one && two && i < fit->set.list.count; i++) {
        const struct expected *expected = &fit->set.list.items[i];
        const struct tensor *tensor = fit->wrong[i] == FIT_SHAPE ? weights_find(fit->census->store, expected) : NULL;
        for (int axis = 0; tensor && tensor->rank == expected->rank && axis < expected->rank; axis++) {
            const struct weight_row *weight = &weight_rows[expected->weight];
            enum dimension dimension = axis ? weight->columns : weight->rows;
            uint64_t unit = config_dimension(one, dimension);
            if (unit && unit != config_dimension(two, dimension) && tensor->shape[axis] != expected->shape[axis] &&
                tensor->shape[axis] % unit == 0)
                candidate(tensor->shape[axis] / unit, values, count);
        }
    }
    bool good = one && two;
    free(one);
    free(two);
    return good;
}

/* As many as there are, by names. */
static bool tell_layers(const struct row *row, const struct fit *fit, int values[CANDIDATES_MAX], size_t *count)
{
    const struct store *store = fit->census->store;
    int most = -1;
    (void)row;
    for (size_t i = 0; i < store_text_count(store); i++) {
        int layer, expert;
        tensor_place(store_at(store, i), &layer, &expert);
        most = layer > most ? layer : most;
    }
    if (most + 1 != fit->config->layers && most < CONFIG_LAYERS_MAX)
        candidate((uint64_t)most + 1, values, count);
    return true;
}

static void say_size(const struct refit *refit, struct buffer *out)
{
    buffer_format(out, "the shapes of the tensors say %s %d, the configuration %d", refit->key, refit->told,
                  refit->said);
}

static void say_experts(const struct refit *refit, struct buffer *out)
{
    buffer_format(out,
                  "every router has %d rows, the configuration says %d experts: the configuration is stale, %s is %d",
                  refit->told, refit->said, refit->key, refit->told);
}

static void say_layers(const struct refit *refit, struct buffer *out)
{
    if (refit->told < refit->said)
        buffer_format(out, "the weights hold %d layer%s; %s says %d", refit->told, text_plural((size_t)refit->told),
                      refit->key, refit->said);
    else if (refit->told == refit->said + 1)
        buffer_format(out, "layer %d is there whole; %s says %d", refit->said, refit->key, refit->said);
    else
        buffer_format(out, "layers %d %s %d are there whole; %s says %d", refit->said,
                      refit->told == refit->said + 2 ? "and" : "to", refit->told - 1, refit->key, refit->said);
}

#define NUMBER(key, member) key, offsetof(struct model_config, member)
static const struct row rows[] = {
    {NUMBER("num_hidden_layers", layers), tell_layers, say_layers},
    {NUMBER("num_experts", experts), tell_size, say_experts},
    {NUMBER("head_dim", head_dim), tell_size, say_size},
    {NUMBER("num_key_value_heads", kv_heads), tell_size, say_size},
    {NUMBER("num_attention_heads", heads), tell_size, say_size},
    {NUMBER("moe_intermediate_size", moe_intermediate), tell_size, say_size},
    {NUMBER("intermediate_size", intermediate), tell_size, say_size},
    {NUMBER("shared_expert_intermediate_size", shared_intermediate), tell_size, say_size},
    {NUMBER("vocab_size", vocabulary), tell_size, say_size},
    {NUMBER("hidden_size", hidden), tell_size, say_size},
};

#define ROWS (sizeof rows / sizeof *rows)

/* Mixtral spells two of them otherwise. */
static const char *key_named(const struct model_config *config, const char *usual)
{
    bool dense = !config->family->absent.moe_intermediate;
    if (dense && strcmp(usual, "num_experts") == 0)
        return "num_local_experts";
    return dense && strcmp(usual, "moe_intermediate_size") == 0 ? "intermediate_size" : usual;
}

/* A layer that is new has experts where it has a router. */
static void set_sparse(const struct store *store, struct model_config *config, int from)
{
    char name[160];
    for (int layer = from; layer < config->layers; layer++)
        config->sparse[layer] = config->experts > 0 && expected_name(WEIGHT_ROUTER, layer, -1, name, sizeof name) &&
                                store_find(store, name);
}

static bool is_possible(const struct model_config *config)
{
    return config->layers > 0 && config->layers <= CONFIG_LAYERS_MAX &&
           config->experts <= EXPERTS_MOST / config->layers && config->heads % config->kv_heads == 0 &&
           config->head_dim % 2 == 0;
}

/* --- the search --- */

struct best {
    const struct row *row;
    int value;
    size_t explains;
};

/* `*new` is taken; `*explains` 0: it does not count. */
static bool try_value(const struct fit *old, const struct row *row, int value, struct fit *new, size_t *explains)
{
    struct model_config *config = malloc(sizeof *config);
    *explains = 0;
    *new = (struct fit){0};
    if (!config)
        return false;
    *config = *old->config;
    *value_of(row, config) = value;
    set_sparse(old->census->store, config, old->config->layers);
    bool possible = is_possible(config), good = !possible || fit_take(old->census, config, new);
    if (good && possible && fit_wrong(new) < fit_wrong(old) && !contradicts(old, new))
        *explains = fit_wrong(old) - fit_wrong(new);
    free(config);
    return good;
}

static bool find_best(const struct fit *old, struct best *best)
{
    *best = (struct best){.explains = EXPLAINS_LEAST - 1};
    for (size_t i = 0; i < ROWS; i++) {
        int values[CANDIDATES_MAX];
        size_t count = 0, explains;
        if (!rows[i].tell(&rows[i], old, values, &count))
            return false;
        for (size_t k = 0; k < count; k++) {
            struct fit new;
            bool good = try_value(old, &rows[i], values[k], &new, &explains);
            fit_free(&new);
            if (!good)
                return false;
            if (explains > best->explains)
                *best = (struct best){&rows[i], values[k], explains};
        }
    }
    return true;
}

static bool take_refit(const struct best *best, struct fit *fit, struct refits *refits)
{
    struct refit *refit = &refits->items[refits->count];
    struct buffer text = {0};
    struct fit new;
    size_t explains;
    if (!try_value(fit, best->row, best->value, &new, &explains)) {
        fit_free(&new);
        return false;
    }
    *refit = (struct refit){.key = key_named(fit->config, best->row->key),
                            .said = *value_of(best->row, fit->config),
                            .told = best->value,
                            .absent = fit->counts[0] - new.counts[0],
                            .shapes = fit->counts[1] - new.counts[1],
                            .extra = fit->counts[2] - new.counts[2]};
    best->row->say(refit, &text);
    refit->text = buffer_take(&text);
    refits->count++;
    fit_free(fit);
    *fit = new;
    return refit->text;
}

bool refits_find(const struct census *census, struct refits *refits)
{
    struct fit fit;
    struct best best = {0};
    *refits = (struct refits){.explained = calloc(census->count + 1, sizeof *refits->explained)};
    bool good = refits->explained && fit_take(census, census->config, &fit);
    if (good)
        refits->wrong = fit_wrong(&fit);
    while (good && fit_wrong(&fit) && refits->count < REFITS_MAX && (good = find_best(&fit, &best)) && best.row)
        good = take_refit(&best, &fit, refits);
    for (size_t i = 0; good && refits->count && i < census->count; i++)
        refits->explained[i] = census->items[i].absent && fit_find(&fit, census->items[i].expected->name) == MAP_ABSENT;
    if (refits->explained)
        fit_free(&fit);
    return good;
}

void refits_free(struct refits *refits)
{
    for (size_t i = 0; i < refits->count; i++)
        free(refits->items[i].text);
    free(refits->explained);
    *refits = (struct refits){0};
}

/* --- the finding --- */

static size_t refit_explains(const struct refit *refit)
{
    return refit->absent + refit->shapes + refit->extra;
}

/* "; head_dim 24 explains all 30 shapes" */
static void explains_text(const struct refit *refit, size_t wrong, struct buffer *out)
{
    static const char *const words[] = {"absent tensor", "shape", "extra tensor"};
    const size_t counts[] = {refit->absent, refit->shapes, refit->extra};
    size_t explains = refit_explains(refit), left = 0;
    for (size_t i = 0; i < 3; i++)
        left += counts[i] > 0;
    buffer_format(out, "; %s %d explains ", refit->key, refit->told);
    if (explains == wrong)
        buffer_text(out, "all ");
    for (size_t i = 0; i < 3; i++)
        if (counts[i])
            buffer_format(out, "%zu %s%s%s", counts[i], words[i], text_plural(counts[i]),
                          --left > 1 ? ", "
                          : left     ? " and "
                                     : "");
    if (explains < wrong)
        buffer_format(out, ", of %zu that are wrong", wrong);
}

bool refits_report(const struct refits *refits, struct findings *findings)
{
    size_t explains = 0, at = findings->count;
    bool fails = false;
    struct buffer all = {0};
    if (!refits->count)
        return true;
    if (!findings_add(findings, "inventory.configuration"))
        return false;
    for (size_t i = 0; i < refits->count; i++) {
        const struct refit *refit = &refits->items[i];
        enum verdict verdict = refit->absent + refit->shapes ? VERDICT_FAIL : VERDICT_WARN;
        struct finding *place = findings_place(findings, "inventory.configuration", verdict);
        struct buffer text = {0};
        buffer_text(&text, refit->text);
        explains_text(refit, refits->wrong, &text);
        if (!place || text.failed) {
            buffer_free(&text);
            buffer_free(&all);
            return false;
        }
        finding_fact_text(place, "key", "%s", refit->key);
        finding_fact(place, "configured", refit->said);
        finding_fact(place, "told", refit->told);
        finding_fact(place, "explains", (double)refit_explains(refit));
        finding_message(place, "%c%s.", toupper((unsigned char)*text.data), text.data + 1);
        buffer_format(&all, "%s%s", i ? " " : "", place->message ? place->message : "");
        buffer_free(&text);
        fails = fails || verdict == VERDICT_FAIL;
        explains += refit_explains(refit);
    }
    struct finding *finding = &findings->items[at];
    finding_measured(finding, (double)explains, "tensors");
    finding_limit(finding, 0, "the tensors and the configuration are of one model");
    finding->verdict = fails ? VERDICT_FAIL : VERDICT_WARN;
    finding_fact(finding, "wrong", (double)refits->wrong);
    finding_message(finding, "%s", all.data ? all.data : "");
    buffer_free(&all);
    return true;
}
