/* What is judged of the files, and of names alone; and how all that is judged is put into findings. */
#include <stdlib.h>

#include "base/wording.h"
#include "inventory/inventory_internal.h"

struct finding *inventory_place(struct findings *findings, const char *check, const struct tensor *tensor, int layer,
                                int expert)
{
    struct finding *finding = findings_place(findings, check, VERDICT_FAIL);
    if (!finding)
        return NULL;
    finding->where.layer = layer;
    finding->where.expert = expert;
    if (tensor) {
        where_set(&finding->where.tensor, tensor->name);
        where_set(&finding->where.file, tensor->file ? tensor->file : "");
    }
    return finding;
}

/* A place that the charge makes, at the tensor where one is named; frees the charge. */
struct finding *inventory_charge(struct findings *findings, struct charge *charge, const struct tensor *tensor)
{
    int layer = -1, expert = -1;
    if (tensor)
        tensor_place(tensor, &layer, &expert);
    struct finding *place = inventory_place(findings, charge->check, tensor, layer, expert);
    if (place)
        place->verdict = charge->verdict;
    if (place)
        finding_message(place, "%s", charge->text ? charge->text : "");
    charge_free(charge);
    return place;
}

struct finding *inventory_summary(struct findings *findings, const char *check, size_t count, const char *cause)
{
    struct finding *finding = findings_add(findings, check);
    if (!finding)
        return NULL;
    finding_measured(finding, (double)count, "tensors");
    finding_limit(finding, 0, cause);
    finding_judge(finding);
    return finding;
}

/* Problems that touch what is called for; `set` NULL: all do. */
static size_t count_problems(const struct store *store, const struct expected_set *set)
{
    size_t count = 0;
    for (size_t i = 0; i < store_problem_count(store); i++)
        count += !set || expected_set_touched(set, store, i);
    return count;
}

/* Without problems: the first of the notes, or of what is announced and not called for. */
static void files_message(const struct store *store, struct finding *finding)
{
    bool notes = store_note_count(store) > 0, told = notes || store_problem_count(store);
    if (told)
        finding_message(finding, "%s can be read (%s), but: %s.",
                        store_problem_count(store) ? "All that the configuration calls for" : "All files",
                        store_format(store), notes ? store_note(store, 0) : store_problem(store, 0));
    else
        finding_message(finding, "All files can be read (%s).", store_format(store));
    if (told)
        finding->verdict = VERDICT_WARN;
}

static bool report_files(const struct store *store, const struct expected_set *set, struct findings *findings)
{
    size_t all = store_problem_count(store), notes = store_note_count(store), problems = count_problems(store, set);
    size_t first = 0;
    struct finding *finding =
        inventory_summary(findings, "inventory.files", problems, "every file must be whole and say what it holds");
    if (!finding)
        return false;
    where_set(&finding->unit, "problems");
    while (problems && set && !expected_set_touched(set, store, first))
        first++;
    if (problems)
        finding_message(finding, "%zu problem%s with files; the first: %s.", problems, text_plural(problems),
                        store_problem(store, first));
    else
        files_message(store, finding);
    for (size_t i = 0; i < all + notes && i < PLACES_MAX; i++) {
        struct charge charge =
            i < notes ? charge_beside(store_note(store, i)) : charge_unread(store_problem(store, i - notes));
        if (i >= notes && set && !expected_set_touched(set, store, i - notes))
            charge.verdict = VERDICT_WARN;
        if (!inventory_charge(findings, &charge, NULL))
            return false;
    }
    return true;
}

bool inventory_duplicates(const struct store *store, struct findings *findings)
{
    size_t duplicates = 0, at = findings->count;
    if (!findings_add(findings, "inventory.duplicates"))
        return false;
    for (size_t i = 0; i < store_text_count(store); i++) {
        const struct tensor *tensor = store_at(store, i), *used = store_find(store, tensor->name);
        if (!used || used == tensor || duplicates++ >= PLACES_MAX)
            continue;
        struct charge charge = charge_twice(used, tensor);
        if (!inventory_charge(findings, &charge, tensor))
            return false;
    }
    struct finding *finding = &findings->items[at];
    finding_measured(finding, (double)duplicates, "tensors");
    finding_limit(finding, 0, "readers differ in which of two they take");
    finding_judge(finding);
    if (duplicates)
        finding_message(finding, "%zu tensor%s there twice; the first: %s", duplicates,
                        duplicates > 1 ? "s are" : " is",
                        findings->items[at + 1].message ? findings->items[at + 1].message : "");
    else
        finding_message(finding, "No tensor is there twice.");
    return true;
}

/* The first tensor of each file that does not belong there. */
static bool report_misplaced(const struct store *store, struct findings *findings)
{
    size_t misplaced = 0, at = findings->count;
    const char *told = NULL;
    if (!findings_add(findings, "inventory.misplaced"))
        return false;
    for (size_t i = 0; i < store_text_count(store); i++) {
        const struct tensor *tensor = store_at(store, i);
        struct charge charge = {0};
        if (tensor->file != told && !store_altered(store, tensor)) /* what is laid over a file has no place in it */
            charge = charge_misplaced(tensor);
        if (!charge.check)
            continue;
        told = tensor->file;
        bool good = misplaced++ >= PLACES_MAX || inventory_charge(findings, &charge, tensor);
        charge_free(&charge);
        if (!good)
            return false;
    }
    struct finding *finding = &findings->items[at];
    finding_measured(finding, (double)misplaced, "files");
    finding_limit(finding, 0, "a file must hold the block, the layer and the expert that its name says");
    finding_judge(finding);
    if (misplaced)
        finding_message(finding, "%zu file%s of another block, layer or expert than the name says; the first: %s",
                        misplaced, misplaced > 1 ? "s hold tensors" : " holds tensors",
                        findings->items[at + 1].message ? findings->items[at + 1].message : "");
    else
        finding_message(finding, "All files hold the blocks, layers and experts that their names say.");
    return true;
}

bool inventory_files(const struct store *store, const struct expected_set *set, struct findings *findings)
{
    bool named = store_kind(store) == STORE_EXTRACTION;
    return report_files(store, set, findings) && (!named || report_misplaced(store, findings));
}
