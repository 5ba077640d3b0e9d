/* From what a watch saw to findings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arrival/watch_block.h"
#include "arrival/watch_internal.h"
#include "inventory/charge.h"
#include "model/model.h"

static const struct check_row {
    const char *check;
    const char *unit;
    const char *cause;
    const char *right; /* format: files that landed */
} check_rows[WATCH_CHECKS] = {
    {"inventory.files", "files", "every file must be whole and say what it holds",
     "All %zu files that landed are whole."},
    {"inventory.duplicates", "files", "readers differ in which of two they take",
     "None of %zu files holds a tensor that another holds too."},
    {"inventory.incomplete", "files", "half an expert computes nothing, and half of an attention something else",
     "All %zu files that landed hold all that belongs into them."},
    {"inventory.misplaced", "files", "a file must hold the block, the layer and the expert that its name says",
     "All %zu files that landed hold what their names say."},
    {"inventory.extra", "files", "an extraction holds what the configuration calls for, and no other tensor",
     "None of %zu files holds a tensor that the configuration does not call for."},
    {"inventory.shape", "files", "shapes follow from the configuration",
     "All shapes in %zu files are as the configuration calls for."},
    {"inventory.dtype", "files", "the engine must be able to compute with every tensor that it needs",
     "All dtypes in %zu files can be computed with."},
    {"weights.finite", "files", "a weight is a finite number", "All values in %zu files are finite."},
    {"weights.constant", "files", "a tensor that holds nothing but zeros was never filled",
     "No tensor in %zu files is all zeros, unless the original's is, or it is a bias."},
    {"weights.source", "files", "what rounding to its dtype costs; nothing where the dtype is the original's",
     "All tensors in %zu files are the original's, byte for byte, or within rounding where the dtype is another."},
    {"inventory.absent", "tensors", "every tensor that the configuration calls for must be there", NULL},
};

size_t watch_check_index(const char *check)
{
    size_t i = 0;
    while (i + 1 < WATCH_CHECKS && strcmp(check_rows[i].check, check) != 0)
        i++;
    return i;
}

static bool add_places(const struct watch *watch, const char *check, struct findings *findings)
{
    for (size_t i = 0; i < watch->wrong.count; i++) {
        const struct finding *wrong = &watch->wrong.items[i];
        if (strcmp(wrong->check, check) != 0)
            continue;
        struct finding *place = findings_place(findings, check, VERDICT_FAIL);
        if (!place)
            return false;
        place->where.layer = wrong->where.layer;
        place->where.expert = wrong->where.expert;
        where_set(&place->where.file, wrong->where.file);
        if (wrong->where.tensor)
            where_set(&place->where.tensor, wrong->where.tensor);
        finding_message(place, "%s", wrong->message ? wrong->message : "");
    }
    return true;
}

static const char *first_wrong(const struct watch *watch, const char *check)
{
    for (size_t i = 0; i < watch->wrong.count; i++)
        if (strcmp(watch->wrong.items[i].check, check) == 0 && watch->wrong.items[i].message)
            return watch->wrong.items[i].message;
    return "";
}

static bool report_check(const struct watch *watch, const struct check_row *row, size_t files,
                         struct findings *findings)
{
    size_t count = watch->wrong_counts[row - check_rows];
    const char *first = first_wrong(watch, row->check);
    struct finding *finding = findings_add(findings, row->check);
    if (!finding)
        return false;
    if (strcmp(row->check, "weights.source") == 0 && !watch->request->source)
        return finding_skip(finding, "No original was given whose weights could be read (--source).");
    finding_measured(finding, (double)count, row->unit);
    finding_limit(finding, 0, row->cause);
    finding_judge(finding);
    char right[200];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(right, sizeof right, row->right, files);
#pragma GCC diagnostic pop
    if (!count)
        finding_message(finding, "%s", right);
    else if (count == 1)
        finding_message(finding, "%s", first);
    else
        finding_message(finding, "%zu files; the first: %s", count, first);
    return add_places(watch, row->check, findings);
}

/* Why it ended without everything. */
static const char *end_text(const struct watch *watch, char text[160])
{
    *text = '\0';
    if (watch->end == END_FINISHED)
        snprintf(text, 160, "The extraction says that it is finished, and is not. ");
    if (watch->end == END_TIMEOUT)
        snprintf(text, 160, "No file arrived or changed for %g seconds. ", watch->request->timeout);
    return text;
}

static bool add_absent(const struct expected_list *absent, struct findings *findings)
{
    for (size_t i = 0; i < absent->count && i < PLACES_MAX; i++) {
        struct charge charge = charge_absent(&absent->items[i]);
        struct finding *place = findings_place(findings, charge.check, charge.verdict);
        if (place) {
            place->where.layer = absent->items[i].layer;
            place->where.expert = absent->items[i].expert;
            where_set(&place->where.tensor, absent->items[i].name);
            finding_message(place, "%s", charge.text ? charge.text : "");
        }
        charge_free(&charge);
        if (!place)
            return false;
    }
    return true;
}

static bool report_absent(const struct watch *watch, struct findings *findings)
{
    struct landing_counts counts = landing_count(watch->landing);
    struct expected_list absent = {0};
    struct buffer list = {0};
    char why[160];
    const struct check_row *row = &check_rows[WATCH_CHECKS - 1];
    size_t files = watch->wrong_counts[WATCH_CHECKS - 1];
    bool early = watch->end == END_WRONG; /* what is absent may only not have come yet */
    struct finding *finding = findings_add(findings, row->check);
    bool good = finding && landing_absent(watch->landing, &absent);
    if (good && absent.count)
        expected_list_text(&absent, &list);
    if (good) {
        finding_measured(finding, (double)(early ? files : absent.count), early ? "files" : row->unit);
        finding_limit(finding, 0, row->cause);
        finding_fact(finding, "expected", (double)counts.tensors_expected);
        finding_judge(finding);
        if (early && !files)
            finding->verdict = VERDICT_SKIP;
        if (early && files)
            finding_message(finding, "%s", first_wrong(watch, row->check));
        else if (early)
            finding_message(finding, "Watching ended at the first corruption; %zu of %zu tensors were there.",
                            counts.tensors, counts.tensors_expected);
        else if (!absent.count)
            finding_message(finding, "All %zu tensors that the configuration calls for are there.",
                            counts.tensors_expected);
        else
            finding_message(finding, "%s%zu of %zu tensors that the configuration calls for %s absent: %s.",
                            end_text(watch, why), absent.count, counts.tensors_expected,
                            absent.count > 1 ? "are" : "is", list.data ? list.data : "");
    }
    good = good && (early ? add_places(watch, row->check, findings) : add_absent(&absent, findings));
    buffer_free(&list);
    expected_list_free(&absent);
    return good;
}

static bool report_blocks(const struct watch *watch, struct findings *findings)
{
    int blocks = MODEL_BLOCKS(watch->request->config), complete = 0, compared = 0;
    struct buffer without = {0};
    for (int block = 0; block < blocks; block++) {
        char name[32];
        complete += watch->done[block] > 0;
        compared += watch->done[block] && watch->compared[block];
        if (watch->isolated && watch->done[block] && !watch->compared[block])
            buffer_format(&without, "%s%s", without.size ? ", " : "",
                          watch_block_name(watch->request->config, block, name));
    }
    struct finding *finding = findings_add(findings, "watch.blocks");
    bool good = finding;
    if (good) {
        finding_fact(finding, "complete", complete);
        finding_fact(finding, "compared", compared);
        finding_fact(finding, "blocks", blocks);
        finding->verdict = !watch->isolated || !complete ? VERDICT_SKIP : without.size ? VERDICT_WARN : VERDICT_PASS;
        if (!watch->isolated)
            finding_message(finding,
                            "%d of %d blocks (embedding, layers, head) complete; no gold was given (--golden).",
                            complete, blocks);
        else if (!complete)
            finding_message(finding, "None of %d blocks (embedding, layers, head) is complete.", blocks);
        else if (without.size)
            finding_message(
                finding,
                "%d of %d blocks (embedding, layers, head) complete; not compared, for gold lacks their input "
                "or output: %s.",
                complete, blocks, without.data);
        else
            finding_message(finding,
                            "%d of %d blocks (embedding, layers, head) complete, and each was compared with gold.",
                            complete, blocks);
    }
    buffer_free(&without);
    return good;
}

bool watch_report(const struct watch *watch, struct findings *findings, struct error *error)
{
    size_t files = landing_count(watch->landing).files;
    for (size_t i = 0; i + 1 < WATCH_CHECKS; i++)
        if (!report_check(watch, &check_rows[i], files, findings))
            return error_memory(error, "watch");
    if (!report_absent(watch, findings) || !report_blocks(watch, findings))
        return error_memory(error, "watch");
    return !watch->isolated || isolated_report(watch->isolated, findings, error);
}
