#include "changes/counterpart.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/map.h"
#include "changes/provenance.h"

/* Of each finding of a report, one behind the other; that of finding i ends at ends[i]. */
struct keys {
    struct buffer text;
    size_t *ends;
};

/* What `now` calls the dump that `old` calls `gold`; the same where it has none of that kind. */
static const char *gold_now(const struct report *old, const struct report *now, const char *gold)
{
    for (size_t i = 0; i < old->gold_count; i++) {
        if (!old->golds[i].path || strcmp(old->golds[i].path, gold) != 0)
            continue;
        size_t match = gold_matching(old, i, now);
        return match < now->gold_count && now->golds[match].path ? now->golds[match].path : gold;
    }
    return gold;
}

static void key_append(struct buffer *out, const struct finding *finding, const char *gold)
{
    const struct where *where = &finding->where;
    buffer_format(out, "%s\n%s\n", finding->check, gold);
    if (finding->summary)
        return;
    if (where->tensor || where->file || where->module)
        buffer_format(out, "%s\n%s\n%s\n%d", where->tensor ? where->tensor : "", where->file ? where->file : "",
                      where->module ? where->module : "", where->expert);
    else if (where->case_id)
        buffer_format(out, "case %s", where->case_id);
    else
        buffer_format(out, "%d %d", where->layer, where->expert);
}

static bool keys_make(const struct report *report, const struct report *now, struct keys *keys)
{
    size_t count = report->findings.count;
    keys->text.maximum = (size_t)4 << 30;
    keys->ends = calloc(count ? count : 1, sizeof *keys->ends);
    for (size_t i = 0; i < count && keys->ends; i++) {
        const struct finding *finding = &report->findings.items[i];
        const char *gold = finding->gold ? finding->gold : "";
        key_append(&keys->text, finding, report == now ? gold : gold_now(report, now, gold));
        keys->ends[i] = keys->text.size;
    }
    return keys->ends && !keys->text.failed;
}

static const char *key_at(const struct keys *keys, size_t index, size_t *size)
{
    size_t begin = index ? keys->ends[index - 1] : 0;
    *size = keys->ends[index] - begin;
    return keys->text.data + begin;
}

static void keys_free(struct keys *keys)
{
    buffer_free(&keys->text);
    free(keys->ends);
}

/* Findings of `old` with equal keys: from the first of them, whose index `first` knows, along `next`. `head` of the
 * first is that which is paired next. */
struct chains {
    struct map first;
    size_t *next, *head, *last;
};

static bool chains_make(const struct report *old, const struct keys *keys, counterpart_filter *filter,
                        struct chains *chains)
{
    size_t count = old->findings.count, room = count ? count : 1;
    chains->next = calloc(room, sizeof *chains->next);
    chains->head = calloc(room, sizeof *chains->head);
    chains->last = calloc(room, sizeof *chains->last);
    bool good = chains->next && chains->head && chains->last;
    for (size_t i = 0; i < count && good; i++) {
        size_t size, found = MAP_ABSENT;
        const char *key = key_at(keys, i, &size);
        chains->next[i] = SIZE_MAX;
        if (!filter(&old->findings.items[i]))
            continue;
        good = map_add(&chains->first, key, size, i, &found);
        if (found == MAP_ABSENT)
            chains->head[i] = i;
        else
            chains->next[chains->last[found]] = i;
        chains->last[found == MAP_ABSENT ? i : found] = i;
    }
    return good;
}

static void chains_free(struct chains *chains)
{
    map_free(&chains->first);
    free(chains->next);
    free(chains->head);
    free(chains->last);
}

static size_t *indices_new(size_t count)
{
    size_t *indices = calloc(count ? count : 1, sizeof *indices);
    for (size_t i = 0; i < count && indices; i++)
        indices[i] = SIZE_MAX;
    return indices;
}

bool counterparts_find(const struct report *old, const struct report *now, counterpart_filter *filter,
                       struct counterparts *counterparts)
{
    struct keys keys = {0}, keys_now = {0};
    struct chains chains = {0};
    *counterparts = (struct counterparts){indices_new(now->findings.count), indices_new(old->findings.count)};
    bool good = counterparts->old_of && counterparts->now_of && keys_make(old, now, &keys) &&
                keys_make(now, now, &keys_now) && chains_make(old, &keys, filter, &chains);
    for (size_t i = 0; i < now->findings.count && good; i++) {
        size_t size;
        const char *key = key_at(&keys_now, i, &size);
        size_t first = filter(&now->findings.items[i]) ? map_find(&chains.first, key, size) : MAP_ABSENT;
        size_t one = first == MAP_ABSENT ? SIZE_MAX : chains.head[first];
        if (one == SIZE_MAX)
            continue;
        chains.head[first] = chains.next[one];
        counterparts->old_of[i] = one;
        counterparts->now_of[one] = i;
    }
    chains_free(&chains);
    keys_free(&keys);
    keys_free(&keys_now);
    if (!good)
        counterparts_free(counterparts);
    return good;
}

void counterparts_free(struct counterparts *counterparts)
{
    free(counterparts->old_of);
    free(counterparts->now_of);
    *counterparts = (struct counterparts){0};
}
