#include "diagnostics/inventory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/map.h"
#include "model/weights.h"

#define PLACES_MAX 256 /* findings of single tensors for one check; all of them are in the message, grouped */
#define ABSENT_MAX 4096

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

struct inventory {
    const struct store *store;
    struct map expected; /* names */
    struct names names;  /* owns them */
    size_t required;     /* of them */
    struct expected_list absent;
    size_t majority[DTYPE_COUNT];
    struct refusals {
        const char *check;
        struct findings places; /* the first PLACES_MAX of them */
        size_t count;
    } shapes, dtypes;
    bool memory;
};

static struct finding *inventory_place(struct findings *findings, const char *check, const struct tensor *tensor,
                                       int layer, int expert)
{
    struct finding *finding = findings_add(findings, check);
    if (!finding)
        return NULL;
    finding->summary = false;
    finding->verdict = VERDICT_FAIL;
    finding->where.layer = layer;
    finding->where.expert = expert;
    if (tensor) {
        where_set(&finding->where.tensor, tensor->name);
        where_set(&finding->where.file, tensor->file ? tensor->file : "");
    }
    return finding;
}

static bool refusals_add(struct refusals *refusals, const struct tensor *tensor, const struct expected *expected,
                         const char *refusal)
{
    if (refusals->count++ >= PLACES_MAX)
        return true;
    struct finding *finding =
        inventory_place(&refusals->places, refusals->check, tensor, expected->layer, expected->expert);
    if (finding)
        finding_message(finding, "%s.", refusal);
    return finding;
}

static bool inventory_visit(void *context, const struct expected *expected)
{
    struct inventory *inventory = context;
    const struct tensor *tensor = weights_find(inventory->store, expected);
    bool good = names_add(&inventory->names, expected->name);
    if (good) {
        const char *name = inventory->names.items[inventory->names.count - 1];
        good = map_add(&inventory->expected, name, strlen(name), inventory->names.count, NULL);
    }
    inventory->required += expected->optional ? 0 : 1;
    if (good && !tensor && !expected->optional)
        good = expected_list_add(&inventory->absent, expected);
    if (good && tensor) {
        char refusal[512];
        inventory->majority[tensor->dtype]++;
        if (weight_refusal(expected, tensor, refusal))
            good = refusals_add(strstr(refusal, "has dtype") ? &inventory->dtypes : &inventory->shapes, tensor,
                                expected, refusal);
    }
    inventory->memory = inventory->memory || !good;
    return good;
}

/* What the original ignores too: tables of rotary frequencies that old checkpoints store. */
static bool is_ignored(const char *name)
{
    static const char suffix[] = ".rotary_emb.inv_freq";
    size_t length = strlen(name), tail = strlen(suffix);
    return length > tail && strcmp(name + length - tail, suffix) == 0;
}

static struct finding *summary(struct findings *findings, const char *check, size_t count, const char *cause)
{
    struct finding *finding = findings_add(findings, check);
    if (!finding)
        return NULL;
    finding_measured(finding, (double)count, "tensors");
    finding_limit(finding, 0, cause);
    finding_judge(finding);
    return finding;
}

static bool report_files(const struct store *store, struct findings *findings)
{
    size_t problems = store_problem_count(store);
    struct finding *finding =
        summary(findings, "inventory.files", problems, "every file must be whole and say what it holds");
    if (!finding)
        return false;
    where_set(&finding->unit, "problems");
    if (!problems)
        finding_message(finding, "All files can be read (%s).", store_format(store));
    else
        finding_message(finding, "%zu problem%s with files; the first: %s.", problems, plural(problems),
                        store_problem(store, 0));
    for (size_t i = 0; i < problems && i < PLACES_MAX; i++) {
        struct finding *place = findings_add(findings, "inventory.files");
        if (!place)
            return false;
        place->summary = false;
        place->verdict = VERDICT_FAIL;
        finding_message(place, "%s.", store_problem(store, i));
    }
    return true;
}

static bool report_absent(const struct inventory *inventory, struct findings *findings)
{
    const struct expected_list *absent = &inventory->absent;
    struct finding *finding = summary(findings, "inventory.absent", absent->count,
                                      "every tensor that the configuration calls for must be there");
    if (!finding)
        return false;
    finding_fact(finding, "expected", (double)inventory->required);
    struct buffer list = {0};
    if (absent->count)
        expected_list_text(absent, &list);
    if (absent->count)
        finding_message(finding, "%zu of %zu tensors that the configuration calls for %s absent: %s.", absent->count,
                        inventory->required, absent->count > 1 ? "are" : "is", list.data ? list.data : "");
    else
        finding_message(finding, "All %zu tensors that the configuration calls for are there.", inventory->required);
    buffer_free(&list);
    for (size_t i = 0; i < absent->count && i < ABSENT_MAX; i++) {
        struct finding *place =
            inventory_place(findings, "inventory.absent", NULL, absent->items[i].layer, absent->items[i].expert);
        if (!place)
            return false;
        where_set(&place->where.tensor, absent->items[i].name);
        finding_message(place, "Tensor '%s' is absent.", absent->items[i].name);
    }
    return true;
}

static bool report_extra(const struct inventory *inventory, struct findings *findings)
{
    const struct store *store = inventory->store;
    size_t extra = 0, other = 0;
    struct finding *finding = findings_add(findings, "inventory.extra");
    if (!finding)
        return false;
    size_t at = findings->count - 1;
    for (size_t i = 0; i < store_count(store); i++) {
        const struct tensor *tensor = store_at(store, i);
        other += tensor->other;
        if (tensor->other || is_ignored(tensor->name) ||
            map_find(&inventory->expected, tensor->name, strlen(tensor->name)) != MAP_ABSENT)
            continue;
        if (extra++ >= PLACES_MAX)
            continue;
        struct finding *place = inventory_place(findings, "inventory.extra", tensor, -1, -1);
        if (!place)
            return false;
        place->verdict = VERDICT_WARN;
        finding_message(place, "Tensor '%s' in %s is not one that the configuration calls for.", tensor->disk_name,
                        tensor->file ? tensor->file : "an overlay");
    }
    finding = &findings->items[at];
    finding_measured(finding, (double)extra, "tensors");
    finding_limit(finding, 0,
                  "a tensor that nothing reads changes no result, but a misnamed one is also absent: a warning");
    finding->verdict = extra ? VERDICT_WARN : VERDICT_PASS;
    finding_fact(finding, "other_components", (double)other);
    if (extra)
        finding_message(finding,
                        "%zu tensor%s that the configuration does not call for; %zu more belong%s to other "
                        "components.",
                        extra, plural(extra), other, other == 1 ? "s" : "");
    else
        finding_message(finding, "No tensors beyond the configuration; %zu belong%s to other components.", other,
                        other == 1 ? "s" : "");
    return true;
}

/* Moves the places that the walk found behind their summary. */
static bool report_refusals(struct findings *findings, struct refusals *refusals, const char *cause, const char *good)
{
    struct findings *places = &refusals->places;
    struct finding *finding = summary(findings, refusals->check, refusals->count, cause);
    if (!finding)
        return false;
    char more[64] = "";
    if (refusals->count > places->count)
        snprintf(more, sizeof more, " (%zu of them are not listed)", refusals->count - places->count);
    if (places->count)
        finding_message(finding, "%zu tensor%s%s; the first: %s", refusals->count, plural(refusals->count), more,
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

/* An extraction's file is named after what it holds. What it holds counts; a name that says otherwise is a mix-up of
 * the extractor's, and the file is not the one that a reader by names would take. */
static bool report_misplaced(const struct store *store, struct findings *findings)
{
    size_t misplaced = 0, at = findings->count;
    const char *told = NULL; /* the last file with a place: one for each file */
    if (!findings_add(findings, "inventory.misplaced"))
        return false;
    for (size_t i = 0; i < store_text_count(store); i++) {
        const struct tensor *tensor = store_at(store, i);
        int layer, expert, file_layer, file_expert;
        tensor_place(tensor, &layer, &expert);
        tensor_file_place(tensor, &file_layer, &file_expert);
        if (tensor->file == told ||
            ((file_layer < 0 || file_layer == layer) && (file_expert < 0 || file_expert == expert)))
            continue;
        told = tensor->file;
        if (misplaced++ >= PLACES_MAX)
            continue;
        struct finding *place = inventory_place(findings, "inventory.misplaced", tensor, layer, expert);
        if (!place)
            return false;
        finding_message(place, "%s holds tensor '%s', which its name does not say.", tensor->file, tensor->disk_name);
    }
    struct finding *finding = &findings->items[at];
    finding_measured(finding, (double)misplaced, "files");
    finding_limit(finding, 0, "a file must hold the layer and the expert that its name says");
    finding_judge(finding);
    if (misplaced)
        finding_message(finding, "%zu file%s of another layer or expert than the name says; the first: %s", misplaced,
                        misplaced > 1 ? "s hold tensors" : " holds tensors",
                        findings->items[at + 1].message ? findings->items[at + 1].message : "");
    else
        finding_message(finding, "All files hold the layers and experts that their names say.");
    return true;
}

static void inventory_free(struct inventory *inventory)
{
    map_free(&inventory->expected);
    names_free(&inventory->names);
    expected_list_free(&inventory->absent);
    findings_free(&inventory->shapes.places);
    findings_free(&inventory->dtypes.places);
}

bool inventory_check(const struct store *store, const struct model_config *config, struct findings *findings,
                     struct error *error)
{
    struct inventory inventory = {.store = store, .shapes.check = "inventory.shape", .dtypes.check = "inventory.dtype"};
    weights_each(config, inventory_visit, &inventory);
    bool named = strcmp(store_format(store), "extraction") == 0;
    bool good = !inventory.memory && report_files(store, findings) && (!named || report_misplaced(store, findings)) &&
                report_absent(&inventory, findings) &&
                report_refusals(findings, &inventory.shapes, "shapes follow from the configuration",
                                "All shapes are as the configuration calls for.") &&
                report_refusals(findings, &inventory.dtypes,
                                "the engine must be able to compute with every tensor that it needs",
                                "All dtypes can be computed with.") &&
                report_extra(&inventory, findings);
    if (good) {
        struct buffer kinds = {0};
        for (int i = 0; i < DTYPE_COUNT; i++)
            if (inventory.majority[i])
                buffer_format(&kinds, "%s%zu %s", kinds.size ? ", " : "", inventory.majority[i],
                              dtype_name((enum dtype)i));
        for (size_t i = 0; i < findings->count; i++)
            if (findings->items[i].summary && strcmp(findings->items[i].check, "inventory.dtype") == 0)
                finding_fact_text(&findings->items[i], "dtypes", "%s", kinds.data ? kinds.data : "none");
        buffer_free(&kinds);
    }
    inventory_free(&inventory);
    return good || error_memory(error, "inventory");
}
