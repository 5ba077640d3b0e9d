#include "inventory/inventory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "inventory/blast.h"
#include "inventory/charge.h"
#include "inventory/gaps.h"
#include "inventory/inventory_internal.h"
#include "inventory/inventory_names.h"
#include "inventory/inventory_unknown.h"
#include "model/headless.h"

#define ABSENT_MAX 4096

struct inventory {
    const struct inventory_request *request;
    const struct store *store;
    struct census census;
    const struct tensor **extra;
    size_t extra_count;
    struct refits refits;
    struct joined joined;
    struct misnames misnames;
    struct refusals {
        const char *check;
        struct findings places; /* the first PLACES_MAX of them */
        size_t count;           /* that fail */
        size_t warned;
    } shapes, dtypes;
};

static bool refusals_add(struct refusals *refusals, const struct census_item *item, enum verdict verdict,
                         const char *refusal)
{
    *(verdict == VERDICT_FAIL ? &refusals->count : &refusals->warned) += 1;
    if (refusals->places.count >= PLACES_MAX)
        return true;
    struct finding *finding = inventory_place(&refusals->places, refusals->check, item->tensor, item->expected->layer,
                                              item->expected->expert);
    if (finding)
        finding->verdict = verdict;
    if (finding)
        finding_message(finding, "%s", refusal);
    return finding;
}

/* Another type than most of its class, and than the configuration states. A class that was converted as a whole was
 * converted on purpose, and quantisers mix their types on purpose. */
static bool is_odd(const struct census *census, const struct census_item *item)
{
    enum dtype dtype = item->tensor->dtype, common = census->common[item->expected->weight];
    return dtype != common && dtype != census->stated && dtype_width(dtype) && dtype_width(common) &&
           !tensor_storage(item->tensor);
}

static bool take_refusals(struct inventory *inventory)
{
    const struct census *census = &inventory->census;
    bool good = true;
    for (size_t i = 0; good && i < census->count; i++) {
        const struct census_item *item = &census->items[i];
        struct error refusal = {0};
        if (!item->tensor || item->quantised)
            continue;
        struct charge charge = charge_form(item->expected, item->tensor);
        if (charge.check) {
            bool dtype = strcmp(charge.check, inventory->dtypes.check) == 0;
            good = refusals_add(dtype ? &inventory->dtypes : &inventory->shapes, item, charge.verdict,
                                charge.text ? charge.text : "");
        } else if (is_odd(census, item)) {
            error_set(&refusal, "%s: tensor '%s' has dtype %s, but most of its kind %s.", tensor_file(item->tensor),
                      item->tensor->disk_name, dtype_name(item->tensor->dtype),
                      dtype_name(census->common[item->expected->weight]));
            good = refusals_add(&inventory->dtypes, item, VERDICT_WARN, error_text(&refusal));
        }
        error_clear(&refusal);
        charge_free(&charge);
    }
    return good;
}

/* Layers x experts: what is there of each. */
static bool report_map(const struct census *census, struct finding *finding)
{
    const struct model_config *config = census->config;
    struct series *series = finding_series(finding, "experts", "Experts by layer: 1 there, 0.5 in part, 0 absent",
                                           "expert", "layer", (size_t)config->experts);
    double *rows[CONFIG_LAYERS_MAX] = {NULL};
    bool good = series;
    if (series)
        series->kind = SERIES_HEATMAP;
    for (int layer = 0; good && layer < config->layers; layer++) {
        char name[16];
        snprintf(name, sizeof name, "%d", layer);
        good = !config->sparse[layer] || (rows[layer] = series_curve(series, name));
    }
    for (size_t i = 0; good && i < census->unit_count; i++) {
        const struct census_unit *unit = &census->units[i];
        if (unit->expert >= 0)
            rows[unit->layer][unit->expert] = !unit->absent ? 1 : unit->absent < unit->items ? 0.5 : 0;
    }
    return good;
}

static void absent_message(const struct census *census, struct finding *finding)
{
    struct buffer text = {0};
    if (census->absent) {
        buffer_format(&text, "%zu of %zu tensors that the configuration calls for %s absent: ", census->absent,
                      census->required, census->absent > 1 ? "are" : "is");
        census_text(census, NULL, &text);
        buffer_char(&text, '.');
    } else {
        buffer_format(&text, "All %zu tensors that the configuration calls for are there", census->required);
        if (census->quantised.matrices)
            buffer_format(&text, ", %zu of them quantised", census->quantised.matrices);
        buffer_char(&text, '.');
    }
    finding_message(finding, "%s", text.data ? text.data : "");
    buffer_free(&text);
}

/* With the original in place of ORIGINAL where it was not named. */
static void repair_command(const struct store *store, const char *source, struct finding *finding)
{
    struct buffer command = {0};
    buffer_text(&command, "assay repair ");
    shell_word(&command, store_path(store));
    buffer_text(&command, " --source ");
    shell_word(&command, source && !origin_is_index(source) ? source : "ORIGINAL"); /* an index has no values */
    if (!command.failed)
        finding_fact_text(finding, "commands.repair", "%s", command.data);
    buffer_free(&command);
    buffer_text(&command, "assay inspect ");
    shell_word(&command, store_path(store));
    if (!command.failed)
        finding_fact_text(finding, "commands.recheck", "%s", command.data);
    buffer_free(&command);
}

static bool report_absent(const struct inventory *inventory, struct findings *findings)
{
    const struct census *census = &inventory->census;
    struct finding *finding = inventory_summary(findings, "inventory.absent", census->absent,
                                                "every tensor that the configuration calls for must be there");
    uint64_t bytes = 0, absent_bytes = 0;
    size_t experts = 0, listed = 0;
    if (!finding)
        return false;
    for (size_t i = 0; i < census->count; i++) {
        const struct census_item *item = &census->items[i];
        bytes += item->expected->optional ? 0 : item->bytes;
        absent_bytes += item->absent ? item->bytes : 0;
        experts += item->absent && item->expected->expert >= 0;
    }
    finding_fact(finding, "expected", (double)census->required);
    finding_fact(finding, "expected_bytes", (double)bytes);
    finding_fact(finding, "absent_bytes", (double)absent_bytes);
    absent_message(census, finding);
    if (census->absent && !inventory->request->departs && store_kind(inventory->store) == STORE_EXTRACTION)
        repair_command(inventory->store, inventory->request->source, finding);
    if (experts && !report_map(census, finding))
        return false;
    for (size_t i = 0; i < census->count && listed < ABSENT_MAX; i++) {
        const struct expected *expected = census->items[i].expected;
        if (!census->items[i].absent)
            continue;
        struct finding *place = inventory_place(findings, "inventory.absent", NULL, expected->layer, expected->expert);
        if (!place)
            return false;
        listed++;
        where_set(&place->where.tensor, expected->name);
        struct charge charge = charge_absent(expected);
        finding_message(place, "%s", charge.text ? charge.text : "");
        charge_free(&charge);
    }
    return true;
}

/* The items of each incomplete block, side by side: `first` [unit] is where its begin. */
struct members {
    size_t *items;
    size_t *first;
    bool *there; /* [census->count] */
};

static bool members_make(const struct census *census, struct members *members)
{
    size_t total = 0;
    *members = (struct members){.items = malloc((census->count + 1) * sizeof *members->items),
                                .first = calloc(census->unit_count + 1, sizeof *members->first),
                                .there = calloc(census->count + 1, sizeof *members->there)};
    size_t *filled = calloc(census->unit_count + 1, sizeof *filled);
    bool good = members->items && members->first && members->there && filled;
    for (size_t i = 0; good && i < census->count; i++)
        members->first[census->items[i].unit + 1]++;
    for (size_t i = 0; good && i <= census->unit_count; i++)
        members->first[i] = total += members->first[i];
    for (size_t i = 0; good && i < census->count; i++) {
        size_t unit = census->items[i].unit;
        members->items[members->first[unit] + filled[unit]++] = i;
        members->there[i] = !census->items[i].absent;
    }
    free(filled);
    return good;
}

static bool incomplete_place(const struct census *census, const struct members *members, size_t unit,
                             struct findings *findings)
{
    const struct census_unit *block = &census->units[unit];
    const size_t *items = members->items + members->first[unit];
    size_t count = members->first[unit + 1] - members->first[unit];
    struct finding *place = inventory_place(findings, "inventory.incomplete", NULL, block->layer, block->expert);
    if (!place)
        return false;
    struct charge charge = charge_part(&census->set, unit, items, count, members->there);
    for (size_t i = 0; i < count; i++)
        if (census->items[items[i]].tensor && census->items[items[i]].tensor->file)
            where_set(&place->where.file, census->items[items[i]].tensor->file);
    finding_message(place, "%s", charge.text ? charge.text : "");
    charge_free(&charge);
    return true;
}

static bool report_incomplete(const struct inventory *inventory, struct findings *findings)
{
    const struct census *census = &inventory->census;
    struct members members;
    size_t incomplete = 0, at = findings->count;
    bool good = members_make(census, &members) && findings_add(findings, "inventory.incomplete");
    for (size_t i = 0; good && i < census->unit_count; i++)
        if (census->units[i].absent && census->units[i].absent < census->units[i].items && incomplete++ < PLACES_MAX)
            good = incomplete_place(census, &members, i, findings);
    free(members.items);
    free(members.first);
    free(members.there);
    if (!good)
        return false;
    struct finding *finding = &findings->items[at];
    finding_measured(finding, (double)incomplete, "blocks");
    finding_limit(finding, 0, "half an expert computes nothing, and half of an attention something else");
    finding_judge(finding);
    if (incomplete > 1)
        finding_message(
            finding,
            "%zu blocks (experts, attentions, pairs of norms or the like) are there only in part; the first: %s",
            incomplete, findings->items[at + 1].message ? findings->items[at + 1].message : "");
    else if (incomplete)
        finding_message(finding, "%s", findings->items[at + 1].message ? findings->items[at + 1].message : "");
    else
        finding_message(finding, "Every expert, attention and pair of norms is whole, or wholly absent.");
    return true;
}

static bool report_misnamed(const struct inventory *inventory, struct findings *findings)
{
    const struct misnames *misnames = &inventory->misnames;
    struct finding *finding =
        inventory_summary(findings, "inventory.misnamed", misnames->count,
                          "a reader looks tensors up by name and does not find one under another name");
    if (!finding)
        return false;
    if (misnames->renaming)
        finding_fact_text(finding, "renaming", "%s", misnames->renaming);
    if (!misnames->count)
        finding_message(finding, "No tensor has nearly the name of one that is absent.");
    else
        finding_message(finding, "%zu tensor%s nearly the name of an absent one%s%s; the first: '%s' for '%s'.",
                        misnames->count, misnames->count > 1 ? "s have" : " has", misnames->renaming ? ": " : "",
                        misnames->renaming ? misnames->renaming : "", misnames->items[0].tensor->name,
                        inventory->census.items[misnames->items[0].item].expected->name);
    for (size_t i = 0; i < misnames->count && i < PLACES_MAX; i++) {
        const struct misname *misname = &misnames->items[i];
        const struct expected *expected = inventory->census.items[misname->item].expected;
        struct finding *place =
            inventory_place(findings, "inventory.misnamed", misname->tensor, expected->layer, expected->expert);
        if (!place)
            return false;
        finding_fact_text(place, "expected", "%s", expected->name);
        finding_message(place, "%s holds '%s'; the nearest name of an absent tensor is '%s'.",
                        misname->tensor->file ? misname->tensor->file : "An experiment (--fault)",
                        misname->tensor->disk_name, expected->name);
    }
    return true;
}

static bool take_extra(struct inventory *inventory)
{
    const struct store *store = inventory->store;
    inventory->extra = malloc((store_text_count(store) + 1) * sizeof *inventory->extra);
    for (size_t i = 0; inventory->extra && i < store_text_count(store); i++) {
        const struct tensor *tensor = store_at(store, i);
        if (!tensor_is_ignored(tensor) && !tensor_is_beyond(inventory->request->config, tensor) &&
            !headless_own(inventory->request->config, tensor) &&
            !quantised_part(&inventory->census.quantised, tensor) &&
            map_find(&inventory->census.set.by_name, tensor->name, strlen(tensor->name)) == MAP_ABSENT)
            inventory->extra[inventory->extra_count++] = tensor;
    }
    return inventory->extra;
}

/* What the extra tensors are, before any is taken for a misnamed one. */
static bool take_beside(struct inventory *inventory)
{
    const struct census *census = &inventory->census;
    const struct tensor **left = malloc((inventory->extra_count + 1) * sizeof *left);
    size_t count = 0;
    bool good = left && (!inventory->request->causes || refits_find(census, &inventory->refits)) &&
                joined_find(census, inventory->extra, inventory->extra_count, &inventory->joined);
    for (size_t i = 0; good && i < inventory->extra_count; i++)
        if (!inventory->joined.holds[i])
            left[count++] = inventory->extra[i];
    good = good && misnames_find(census, left, count, &inventory->misnames);
    free(left);
    return good;
}

/* Length of the part of a name that a component has to itself, "vision_encoder" or "model.sound_tower"; 0: it is one of
 * the text model's own. */
static size_t component_length(const char *name)
{
    static const char *const own[] = {"model.layers", "model.embed_tokens", "model.norm", "lm_head"};
    static const char outer[] = "model.";
    size_t skip = strncmp(name, outer, sizeof outer - 1) == 0 ? sizeof outer - 1 : 0;
    size_t length = skip + strcspn(name + skip, ".");
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strlen(own[i]) == length && strncmp(own[i], name, length) == 0)
            return 0;
    return name[length] ? length : 0;
}

/* ", 55 of them below 'vision_encoder', ...", where most of several are. */
static void extra_below(const struct inventory *inventory, struct buffer *out)
{
    const char *most = "";
    size_t votes = 0, length = 0, count = 0;
    for (size_t i = 0; i < inventory->extra_count; i++) {
        const char *name = inventory->extra[i]->name;
        size_t own = component_length(name);
        if (!votes) {
            most = name;
            length = own;
        }
        votes += length == own && strncmp(most, name, own) == 0 ? 1u : -1u;
    }
    for (size_t i = 0; i < inventory->extra_count; i++)
        count += component_length(inventory->extra[i]->name) == length &&
                 strncmp(inventory->extra[i]->name, most, length) == 0;
    if (length && count > 1 && 2 * count > inventory->extra_count)
        buffer_format(out, ", %zu of them below '%.*s', as those of another component are", count, (int)length, most);
}

static bool report_extra(const struct inventory *inventory, struct findings *findings)
{
    size_t extra = inventory->extra_count, other = store_count(inventory->store) - store_text_count(inventory->store);
    struct finding *finding = findings_add(findings, "inventory.extra");
    if (!finding)
        return false;
    finding_measured(finding, (double)extra, "tensors");
    finding_limit(finding, 0,
                  "a tensor that nothing reads changes no result, but a misnamed one is also absent: a warning");
    finding->verdict = extra ? VERDICT_WARN : VERDICT_PASS;
    finding_fact(finding, "other_components", (double)other);
    struct buffer below = {0};
    extra_below(inventory, &below);
    if (extra)
        finding_message(finding,
                        "%zu tensor%s that the configuration does not call for%s; %zu more belong%s to other "
                        "components.",
                        extra, text_plural(extra), below.data ? below.data : "", other, other == 1 ? "s" : "");
    else
        finding_message(finding, "No tensors beyond the configuration; %zu belong%s to other components.", other,
                        other == 1 ? "s" : "");
    buffer_free(&below);
    for (size_t i = 0; i < extra && i < PLACES_MAX; i++) {
        const struct tensor *tensor = inventory->extra[i];
        struct charge charge = charge_extra(tensor);
        if (!inventory_charge(findings, &charge, tensor))
            return false;
    }
    return true;
}

/* Moves the places that the walk found behind their summary. */
static bool report_refusals(struct findings *findings, struct refusals *refusals, const char *cause, const char *good)
{
    struct findings *places = &refusals->places;
    struct finding *finding = inventory_summary(findings, refusals->check, refusals->count, cause);
    if (!finding)
        return false;
    size_t all = refusals->count + refusals->warned;
    char more[64] = "";
    if (all > places->count)
        snprintf(more, sizeof more, " (%zu of them are not listed)", all - places->count);
    if (refusals->warned) {
        finding_fact(finding, "odd", (double)refusals->warned);
        finding->verdict = refusals->count ? VERDICT_FAIL : VERDICT_WARN;
    }
    if (places->count)
        finding_message(finding, "%zu tensor%s%s; the first: %s", all, text_plural(all), more,
                        places->items[0].message ? places->items[0].message : "");
    else
        finding_message(finding, "%s", good);
    for (size_t i = 0; i < places->count; i++) {
        struct finding *place = findings_add(findings, refusals->check);
        if (!place)
            return false;
        free(place->check);
        *place = places->items[i];
        places->items[i] = (struct finding){0};
    }
    return true;
}

static void report_dtypes(const struct inventory *inventory, struct finding *finding)
{
    const struct census *census = &inventory->census;
    size_t counts[DTYPE_COUNT] = {0};
    struct buffer kinds = {0};
    for (size_t i = 0; i < census->count; i++)
        if (census->items[i].tensor)
            counts[census->items[i].tensor->dtype]++;
    for (int i = 0; i < DTYPE_COUNT; i++)
        if (counts[i])
            buffer_format(&kinds, "%s%zu %s", kinds.size ? ", " : "", counts[i], dtype_name((enum dtype)i));
    finding_fact_text(finding, "dtypes", "%s", kinds.data ? kinds.data : "none");
    buffer_free(&kinds);
    if (*census->config->dtype)
        finding_fact_text(finding, "configured", "%s", census->config->dtype);
}

static bool report_shapes_and_dtypes(struct inventory *inventory, struct findings *findings)
{
    if (!report_refusals(findings, &inventory->shapes, "shapes follow from the configuration",
                         "All shapes are as the configuration calls for."))
        return false;
    size_t at = findings->count;
    if (!report_refusals(findings, &inventory->dtypes,
                         "the engine must be able to compute with every tensor that it needs",
                         "All dtypes can be computed with."))
        return false;
    report_dtypes(inventory, &findings->items[at]);
    return true;
}

static void inventory_free(struct inventory *inventory)
{
    census_free(&inventory->census);
    refits_free(&inventory->refits);
    joined_free(&inventory->joined);
    misnames_free(&inventory->misnames);
    free(inventory->extra);
    findings_free(&inventory->shapes.places);
    findings_free(&inventory->dtypes.places);
}

/* The cause, told before what it caused. */
static bool report_pattern(const struct inventory *inventory, struct findings *findings, struct error *error)
{
    const struct census *census = &inventory->census;
    bool *misnamed = calloc(census->count + 1, sizeof *misnamed);
    const struct gaps_beside beside = {.misnamed = misnamed,
                                       .renaming = inventory->misnames.renaming,
                                       .refits = &inventory->refits,
                                       .joined = &inventory->joined};
    for (size_t i = 0; misnamed && i < inventory->misnames.count; i++)
        misnamed[inventory->misnames.items[i].item] = true;
    bool good = misnamed && gaps_check(census, &beside, findings, error);
    free(misnamed);
    return good;
}

static bool report_all(struct inventory *inventory, struct findings *findings, struct error *error)
{
    const struct inventory_request *request = inventory->request;
    bool causes = request->causes;
    return inventory_files(inventory->store, &inventory->census.set, findings) &&
           refits_report(&inventory->refits, findings) && (!causes || report_pattern(inventory, findings, error)) &&
           report_absent(inventory, findings) && inventory_biases(&inventory->census, findings) &&
           (!causes || inventory_head(&inventory->census, findings)) &&
           (!causes || blast_check(&inventory->census, request->goldens, request->golden_count, findings, error)) &&
           report_incomplete(inventory, findings) && report_misnamed(inventory, findings) &&
           inventory_duplicates(inventory->store, findings) && report_shapes_and_dtypes(inventory, findings) &&
           report_extra(inventory, findings);
}

bool inventory_inspect(const struct inventory_request *request, struct findings *findings, struct error *error)
{
    if (request->causes && !inventory_computable(request, findings))
        return error_memory(error, "inventory");
    if (!request->config->family)
        return inventory_by_names(request, findings, error);
    struct inventory inventory = {.request = request,
                                  .store = request->store,
                                  .shapes.check = "inventory.shape",
                                  .dtypes.check = "inventory.dtype"};
    bool good = census_take(request->store, request->config, request->origin, &inventory.census, error) &&
                take_refusals(&inventory) && take_extra(&inventory) && take_beside(&inventory) &&
                report_all(&inventory, findings, error);
    inventory_free(&inventory);
    return good || error_memory(error, "inventory");
}

bool inventory_check(const struct store *store, const struct model_config *config, struct findings *findings,
                     struct error *error)
{
    const struct inventory_request request = {.store = store, .config = config};
    return inventory_inspect(&request, findings, error);
}
