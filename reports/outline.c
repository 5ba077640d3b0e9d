#include "reports/outline.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/wording.h"

static enum verdict worse(enum verdict a, enum verdict b)
{
    static const int order[] = {[VERDICT_FAIL] = 3, [VERDICT_WARN] = 2, [VERDICT_PASS] = 1, [VERDICT_SKIP] = 0};
    return order[b] > order[a] ? b : a;
}

/* A place only because it has a text to be shown. Ranked, such places come last. */
static bool text_in_order(const struct finding *place)
{
    return place->marked && (place->verdict == VERDICT_PASS || place->verdict == VERDICT_SKIP);
}

/* Takes one row off the ranked findings from `at` on; returns where the next one begins. A check with several summaries
 * has a row for each, and its places are on the last that failed, else on the last. */
static size_t outline_take(struct outline *outline, size_t at, size_t count)
{
    const struct finding *head = outline->ranked[at];
    size_t end = at + 1, owner = outline->count;
    outline->checks[outline->count++] = (struct outline_check){.head = head, .verdict = head->verdict};
    for (; end < count && finding_same_check(outline->ranked[end], head) && outline->ranked[end]->summary; end++) {
        const struct finding *other = outline->ranked[end];
        if (worse(other->verdict, outline->checks[owner].verdict) == other->verdict)
            owner = outline->count;
        outline->checks[outline->count++] = (struct outline_check){.head = other, .verdict = other->verdict};
    }
    struct outline_check *check = &outline->checks[owner];
    size_t first = head->summary ? end : at;
    for (end = first; end < count && finding_same_check(outline->ranked[end], head); end++)
        check->verdict = worse(check->verdict, outline->ranked[end]->verdict);
    check->places = &outline->ranked[first];
    check->place_count = end - first;
    while (check->place_count && text_in_order(check->places[check->place_count - 1]))
        check->place_count--;
    return end;
}

/* The dump's file name, its whole path where another dump is called the same; of both, the endings that all have are
 * left out. */
static const char *gold_name(const struct report *report, const char *gold)
{
    size_t same = 0;
    for (size_t i = 0; i < report->gold_count; i++)
        same += report->golds[i].path && strcmp(path_base(report->golds[i].path), path_base(gold)) == 0;
    return same > 1 ? gold : path_base(gold);
}

/* " (thinker)" of thinker.golden.safetensors. */
static void gold_append(struct buffer *name, const char *gold)
{
    static const char *const endings[] = {".golden.safetensors", ".safetensors"};
    size_t length = strlen(gold);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (text_ends_with(gold, endings[i])) {
            length -= strlen(endings[i]);
            break;
        }
    }
    buffer_format(name, " (%.*s)", (int)(length < 500 ? length : 500), gold);
}

static bool outline_name(const struct report *report, struct outline_check *check)
{
    struct buffer name = {0};
    buffer_text(&name, check->head->check);
    if (report->gold_count > 1 && check->head->gold)
        gold_append(&name, gold_name(report, check->head->gold));
    check->name = buffer_take(&name);
    return check->name;
}

static bool outline_texts(struct outline *outline, size_t count)
{
    static const enum verdict order[] = {VERDICT_FAIL, VERDICT_WARN, VERDICT_SKIP, VERDICT_PASS};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        for (size_t k = 0; k < count; k++) {
            const struct finding *finding = outline->ranked[k];
            if (finding->marked && !finding->summary && finding->verdict == order[i])
                outline->texts[outline->text_count++] = finding;
        }
    bool good = true;
    for (size_t i = 0; i < outline->text_count; i++) {
        const char *id = outline->texts[i]->where.case_id;
        outline->text_counts[outline->texts[i]->verdict]++;
        good = good && (!id || map_add(&outline->text_ids, id, strlen(id), i, NULL));
    }
    return good;
}

size_t outline_text(const struct outline *outline, const struct finding *place)
{
    const char *id = place->where.case_id;
    size_t at = id ? map_find(&outline->text_ids, id, strlen(id)) : MAP_ABSENT;
    const char *gold = place->gold ? place->gold : "";
    if (at == MAP_ABSENT || strcmp(outline->texts[at]->gold ? outline->texts[at]->gold : "", gold) != 0)
        return MAP_ABSENT;
    return at;
}

bool outline_build(struct outline *outline, const struct report *report, struct error *error)
{
    size_t count = report->findings.count;
    *outline = (struct outline){.report = report};
    outline->ranked = findings_ranked(&report->findings);
    outline->checks = calloc(count ? count : 1, sizeof *outline->checks);
    outline->texts = calloc(count ? count : 1, sizeof *outline->texts);
    if (!outline->checks || !outline->texts || (count && !outline->ranked)) {
        outline_free(outline);
        return error_memory(error, "the outline of the report");
    }
    for (size_t at = 0; at < count;)
        at = outline_take(outline, at, count);
    bool good = outline_texts(outline, count);
    for (size_t i = 0; i < outline->count; i++) {
        outline->counts[outline->checks[i].verdict]++;
        good = outline_name(report, &outline->checks[i]) && good;
    }
    if (!good) {
        outline_free(outline);
        return error_memory(error, "the outline of the report");
    }
    return true;
}

void outline_free(struct outline *outline)
{
    for (size_t i = 0; outline->checks && i < outline->count; i++)
        free(outline->checks[i].name);
    free(outline->ranked);
    free(outline->texts);
    map_free(&outline->text_ids);
    free(outline->checks);
    *outline = (struct outline){0};
}

const struct outline_check *outline_next(const struct outline *outline, enum verdict verdict,
                                         const struct outline_check *check)
{
    const struct outline_check *end = outline->checks + outline->count;
    for (check = check ? check + 1 : outline->checks; check < end; check++)
        if (check->verdict == verdict)
            return check;
    return NULL;
}
