#include "history/turns.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "reports/text.h"

bool runs_alike(const struct history_run *a, const struct history_run *b)
{
    return strcmp(a->command ? a->command : "", b->command ? b->command : "") == 0 &&
           strcmp(a->subject ? a->subject : "", b->subject ? b->subject : "") == 0;
}

int run_state(const struct history *history, const struct history_run *run)
{
    enum verdict verdict = history->check ? run->check_verdict : run->verdict;
    if (history->check && (!run->has_check || verdict == VERDICT_SKIP))
        return -1;
    return verdict == VERDICT_PASS || verdict == VERDICT_WARN;
}

/* By group of runs that are alike: the last good one and the turn that is open. */
struct group {
    size_t good; /* SIZE_MAX: none */
    size_t turn; /* SIZE_MAX: none that is not mended */
};

static bool turn_see(const struct history *history, size_t index, struct group *group, struct turns *turns)
{
    int state = run_state(history, &history->runs[index]);
    if (state > 0) {
        if (group->turn != SIZE_MAX)
            turns->items[group->turn].mended = index;
        *group = (struct group){index, SIZE_MAX};
    } else if (state == 0 && group->good != SIZE_MAX && group->turn == SIZE_MAX) {
        group->turn = turns->count;
        return array_push(turns->items, turns->count, turns->capacity,
                          (struct turn){.good = group->good, .bad = index, .mended = SIZE_MAX});
    }
    return true;
}

static bool turns_collect(const struct history *history, struct turns *turns)
{
    struct map names = {0};
    struct buffer keys = {0};
    size_t *ends = calloc(history->count + 1, sizeof *ends);
    struct group *groups = calloc(history->count + 1, sizeof *groups);
    bool good = ends && groups;
    for (size_t i = 0; i < history->count && good; i++) {
        const struct history_run *run = &history->runs[i];
        good = buffer_format(&keys, "%s\n%s", run->command ? run->command : "", run->subject ? run->subject : "");
        ends[i + 1] = keys.size;
    }
    for (size_t i = 0; i < history->count && good; i++) {
        size_t found = MAP_ABSENT;
        good = map_add(&names, keys.data + ends[i], ends[i + 1] - ends[i], i, &found);
        if (found == MAP_ABSENT)
            groups[i] = (struct group){SIZE_MAX, SIZE_MAX};
        good = good && turn_see(history, i, &groups[found == MAP_ABSENT ? i : found], turns);
    }
    map_free(&names);
    buffer_free(&keys);
    free(ends);
    free(groups);
    return good;
}

/* The newest that turned bad first. */
static int turn_order(const void *left, const void *right)
{
    const struct turn *a = left, *b = right;
    return a->bad > b->bad ? -1 : a->bad < b->bad;
}

static bool turn_explain(const struct history *history, struct turn *turn, struct error *error)
{
    struct report before = {0}, after = {0};
    bool good = history_report(history->path, history->runs[turn->good].id, &before, error) &&
                history_report(history->path, history->runs[turn->bad].id, &after, error) &&
                (provenance_compare(&before, &after, &turn->changed) || error_memory(error, history->path));
    report_free(&before);
    report_free(&after);
    return good;
}

bool turns_find(const struct history *history, struct turns *turns, struct error *error)
{
    *turns = (struct turns){0};
    bool good = turns_collect(history, turns) || error_memory(error, history->path);
    if (good && turns->count)
        qsort(turns->items, turns->count, sizeof *turns->items, turn_order);
    if (turns->count > TURNS_MAX) {
        turns->more = turns->count - TURNS_MAX;
        turns->count = TURNS_MAX;
    }
    for (size_t i = 0; i < turns->count && good; i++)
        good = turn_explain(history, &turns->items[i], error);
    if (!good)
        turns_free(turns);
    return good;
}

void turns_free(struct turns *turns)
{
    for (size_t i = 0; i < turns->count; i++)
        provenance_free(&turns->items[i].changed);
    free(turns->items);
    *turns = (struct turns){0};
}

static void measured_text(const struct history_run *run, struct buffer *out)
{
    if (run->has_check && run->has_measured) {
        buffer_text(out, " (");
        number_append(out, run->measured);
        buffer_format(out, "%s%.60s)", run->unit ? " " : "", run->unit ? run->unit : "");
    }
}

void turn_text(const struct history *history, const struct turn *turn, struct buffer *out)
{
    const struct history_run *good = &history->runs[turn->good], *bad = &history->runs[turn->bad];
    enum verdict verdict = history->check ? bad->check_verdict : bad->verdict;
    buffer_format(out, "Run %lld of %s, assay %.40s of %.200s, %s", bad->id, bad->started ? bad->started : "?",
                  bad->command ? bad->command : "?", bad->subject ? bad->subject : "?",
                  verdict == VERDICT_ERROR ? "could not be run" : "failed");
    measured_text(bad, out);
    buffer_format(out, "; run %lld of %s had passed", good->id, good->started ? good->started : "?");
    measured_text(good, out);
    buffer_text(out,
                turn->changed.count ? ". What changed in between: " : ". Nothing that is recorded changed in between");
    provenance_text(&turn->changed, out);
    if (turn->mended == SIZE_MAX)
        buffer_text(out, ". It has not passed since.");
    else
        buffer_format(out, ". It passes again since run %lld.", history->runs[turn->mended].id);
}
