#include "inventory/alike.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "model/weights.h"

/* A tensor as a member of a layer, or of an expert: STEM INDEX "." REST. */
struct member {
    const struct tensor *tensor;
    size_t stem;      /* length of what is before the number */
    const char *rest; /* behind the number and its dot */
    int index;
    bool expert;
    size_t instance; /* in its group */
};

#define GAP_NONE SIZE_MAX

/* One layer, or one expert. */
struct instance {
    const struct member *members; /* by rest */
    size_t count;
    int index, kind;
    size_t odd_shapes;
    bool has;   /* what is looked at now; */
    bool lacks; /* or should */
    size_t gap; /* the last that was found in it; GAP_NONE */
};

/* All that share a stem. */
struct group {
    const struct model_config *config;
    struct member *members; /* by index and rest */
    size_t count;
    struct instance *instances; /* by index */
    size_t instance_count;
    struct member **by_rest;   /* by rest and index */
    size_t *by_kind;           /* instances, those of a kind side by side */
    size_t *all, *have, *from; /* [kinds]: how many there are, how many have what is looked at now, and where by_kind
                                  has them */
};

/* Members of a group that share their rest. */
struct run {
    struct member **members;
    size_t count;
};

/* --- groups --- */

static int stem_order(const struct member *a, const struct member *b)
{
    size_t least = a->stem < b->stem ? a->stem : b->stem;
    int order = memcmp(a->tensor->name, b->tensor->name, least);
    return order ? order : (a->stem > b->stem) - (a->stem < b->stem);
}

static int by_place(const void *left, const void *right)
{
    const struct member *a = left, *b = right;
    int order = stem_order(a, b);
    if (!order)
        order = (a->index > b->index) - (a->index < b->index);
    return order ? order : strcmp(a->rest, b->rest);
}

static int by_rest(const void *left, const void *right)
{
    const struct member *a = *(struct member *const *)left, *b = *(struct member *const *)right;
    int order = strcmp(a->rest, b->rest);
    return order ? order : (a->instance > b->instance) - (a->instance < b->instance);
}

/* As a member of its layer, and of its expert. */
static bool take_members(const struct store *store, struct member **members, size_t *count)
{
    size_t all = store_text_count(store);
    *members = calloc(2 * all + 1, sizeof **members);
    *count = 0;
    for (size_t i = 0; *members && i < all; i++) {
        const struct tensor *tensor = store_at(store, i);
        int layer, expert;
        const char *rest = name_place(tensor->name, &layer, &expert);
        if (tensor_is_ignored(tensor) || store_find(store, tensor->name) != tensor)
            continue;
        if (layer >= 0)
            (*members)[(*count)++] =
                (struct member){.tensor = tensor, .stem = name_stem(tensor->name, rest), .rest = rest, .index = layer};
        rest = expert >= 0 ? name_behind_expert(rest, expert) : NULL;
        if (rest)
            (*members)[(*count)++] = (struct member){
                .tensor = tensor, .stem = name_stem(tensor->name, rest), .rest = rest, .index = expert, .expert = true};
    }
    if (*members && *count)
        qsort(*members, *count, sizeof **members, by_place);
    return *members;
}

/* Kinds of layers are numbered from 0, and are no more than layers. */
#define KINDS_MOST (CONFIG_LAYERS_MAX + 1)

static void sort_kinds(struct group *group)
{
    for (size_t i = 0; i < group->instance_count; i++)
        group->all[group->instances[i].kind]++;
    for (size_t kind = 1; kind < KINDS_MOST; kind++)
        group->from[kind] = group->from[kind - 1] + group->all[kind - 1];
    for (size_t i = 0; i < group->instance_count; i++) {
        int kind = group->instances[i].kind;
        group->by_kind[group->from[kind] + group->have[kind]++] = i;
    }
    memset(group->have, 0, KINDS_MOST * sizeof *group->have);
}

static bool group_open(struct group *group)
{
    const struct model_config *config = group->config;
    group->instances = calloc(group->count + 1, sizeof *group->instances);
    group->by_rest = calloc(group->count + 1, sizeof(*group->by_rest));
    group->by_kind = calloc(group->count + 1, sizeof *group->by_kind);
    group->all = calloc(3 * KINDS_MOST, sizeof *group->all);
    if (!group->instances || !group->by_rest || !group->by_kind || !group->all)
        return false;
    group->have = group->all + KINDS_MOST;
    group->from = group->have + KINDS_MOST;
    for (size_t i = 0; i < group->count; i++) {
        struct member *member = &group->members[i];
        bool told = !member->expert && member->index < config->layers;
        if (!i || member->index != member[-1].index)
            group->instances[group->instance_count++] =
                (struct instance){.members = member,
                                  .index = member->index,
                                  .kind = told ? config->kind[member->index] : 0,
                                  .gap = GAP_NONE};
        member->instance = group->instance_count - 1;
        group->instances[member->instance].count++;
        group->by_rest[i] = member;
    }
    qsort(group->by_rest, group->count, sizeof(*group->by_rest), by_rest);
    sort_kinds(group);
    return true;
}

static void group_close(struct group *group)
{
    free(group->instances);
    free(group->by_rest);
    free(group->by_kind);
    free(group->all);
}

/* The run behind `run`; false: there is none. Begin with {0}. */
static bool run_next(const struct group *group, struct run *run)
{
    struct member **end = group->by_rest + group->count;
    run->members = run->members ? run->members + run->count : group->by_rest;
    for (run->count = 0; run->members + run->count < end; run->count++)
        if (strcmp(run->members[0]->rest, run->members[run->count]->rest) != 0)
            break;
    return run->count;
}

static struct instance *instance_of(const struct group *group, const struct member *member)
{
    return &group->instances[member->instance];
}

/* --- what is lacking --- */

/* The first member of the instance whose rest is not before `text`. */
static size_t instance_find(const struct instance *instance, const char *text, size_t length)
{
    size_t low = 0, high = instance->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strncmp(instance->members[middle].rest, text, length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool instance_has(const struct instance *instance, const char *text, size_t length)
{
    size_t at = instance_find(instance, text, length);
    return at < instance->count && strncmp(instance->members[at].rest, text, length) == 0;
}

/* Length of the next word, with its dot. */
static size_t word_length(const char *text)
{
    size_t length = strcspn(text, ".");
    return length + (text[length] == '.');
}

/* The part of `rest`, up to a dot, of which the instance has something. */
static size_t part_there(const struct instance *instance, const char *rest)
{
    size_t length = 0, next;
    while ((next = word_length(rest + length)) && rest[length + next] && instance_has(instance, rest, length + next))
        length += next;
    return length;
}

/* Is all that the instance has there, below the first `length` bytes of `rest`, there in the peer as well? */
static bool part_within(const struct instance *instance, const struct instance *peer, const char *rest, size_t length)
{
    for (size_t at = instance_find(instance, rest, length); at < instance->count;) {
        const char *own = instance->members[at].rest;
        if (strncmp(own, rest, length) != 0)
            return true;
        size_t word = length + word_length(own + length);
        if (!instance_has(peer, own, word))
            return false;
        while (at < instance->count && strncmp(instance->members[at].rest, own, word) == 0)
            at++;
    }
    return true;
}

#define PEERS_LOOKED 64

/* No peer that has it is such that what is there in the instance fits into it: it is of another kind. */
static bool is_of_another_kind(const struct group *group, const struct instance *instance, const struct run *run,
                               size_t length)
{
    size_t looked = 0;
    for (size_t i = 0; i < run->count && looked < PEERS_LOOKED; i++) {
        const struct instance *peer = instance_of(group, run->members[i]);
        if (peer->kind != instance->kind)
            continue;
        looked++;
        if (part_within(instance, peer, run->members[0]->rest, length))
            return false;
    }
    return true;
}

static char *path_of(const struct member *peer, int index, const char *part, size_t length)
{
    char *path = NULL;
    if (asprintf(&path, "%.*s%d%s%.*s", (int)peer->stem, peer->tensor->name, index, length ? "." : "", (int)length,
                 part) < 0)
        return NULL;
    return path;
}

/* `*instance_gap`: where the instance's last gap is noted. What is seen as a part of the layer and of the expert counts
 * once. `path` is taken over. */
static bool gap_add(struct alike_gaps *gaps, char *path, size_t tensors, const struct member *peer, bool unsure,
                    size_t *instance_gap)
{
    size_t found = path ? map_find(&gaps->by_path, path, strlen(path)) : MAP_ABSENT;
    if (found != MAP_ABSENT) {
        bool same = *instance_gap == found;
        gaps->items[found].tensors += same ? tensors : 0;
        gaps->items[found].unsure = gaps->items[found].unsure && (!same || unsure);
        free(path);
        return true;
    }
    struct alike_gap gap = {.path = path, .tensors = tensors, .peer = peer->tensor->name, .unsure = unsure};
    if (path)
        path_place(path, &gap.layer, &gap.expert);
    bool good = path && map_add(&gaps->by_path, path, strlen(path), gaps->count, NULL) &&
                array_push(gaps->items, gaps->count, gaps->capacity, gap);
    *instance_gap = gaps->count - 1;
    return good;
}

static bool add_lacking(struct instance *instance, const struct run *run, bool unsure, struct alike *alike)
{
    const struct member *peer = run->members[0];
    size_t length = part_there(instance, peer->rest);
    length += strcspn(peer->rest + length, ".");
    return gap_add(&alike->gaps, path_of(peer, instance->index, peer->rest, length), 1, peer, unsure, &instance->gap);
}

/* Which of a kind lack what the run is of, though nothing shows that they are of another kind. Marks them; how many. */
static size_t mark_lacking(const struct group *group, const size_t *instances, size_t count, const struct run *run)
{
    size_t lack = 0;
    for (size_t i = 0; i < count; i++) {
        struct instance *instance = &group->instances[instances[i]];
        instance->lacks =
            !instance->has && !is_of_another_kind(group, instance, run, part_there(instance, run->members[0]->rest));
        lack += instance->lacks;
    }
    return lack;
}

/* What few have, a few others do not lack; and all the work is no more than the names are. */
#define HAVE_LEAST 4 /* one in so many */

static bool judge_kind(const struct group *group, int kind, const struct run *run, struct alike *alike)
{
    const size_t *instances = group->by_kind + group->from[kind];
    size_t all = group->all[kind], have = group->have[kind];
    if (have == all || HAVE_LEAST * have < all)
        return true;
    size_t lack = mark_lacking(group, instances, all, run);
    bool two = have == 1 && lack == 1, good = true;
    for (size_t i = 0; good && (have > lack || two) && i < all; i++)
        if (group->instances[instances[i]].lacks)
            good = add_lacking(&group->instances[instances[i]], run, two || (lack > 1 && have < 4 * lack), alike);
    return good;
}

static bool find_lacking(struct group *group, struct alike *alike)
{
    struct run run = {0};
    bool good = true;
    while (good && run_next(group, &run)) {
        for (size_t i = 0; i < run.count; i++) {
            instance_of(group, run.members[i])->has = true;
            group->have[instance_of(group, run.members[i])->kind]++;
        }
        for (size_t i = 0; good && i < run.count; i++) {
            int kind = instance_of(group, run.members[i])->kind;
            good = !group->have[kind] || judge_kind(group, kind, &run, alike);
            group->have[kind] = 0;
        }
        for (size_t i = 0; i < run.count; i++)
            instance_of(group, run.members[i])->has = false;
    }
    return good;
}

static bool add_skipped(const struct group *group, int index, bool unsure, struct alike *alike)
{
    const struct instance *peer = &group->instances[0];
    size_t gap = GAP_NONE;
    return gap_add(&alike->gaps, path_of(peer->members, index, "", 0), peer->count, peer->members, unsure, &gap);
}

/* Numbers that are left out. Layers that the configuration does not count may be numbered otherwise. */
static bool find_skipped(const struct group *group, struct alike *alike)
{
    const struct instance *instances = group->instances;
    size_t count = group->instance_count;
    int last = instances[count - 1].index, layers = group->config->layers;
    bool experts = group->members->expert, counted = experts || layers == last + 1;
    int first = counted ? 0 : instances[0].index;
    size_t skipped = (size_t)(last + 1 - first) - count;
    if (count < 3 || 2 * skipped >= count)
        return true;
    bool good = true;
    for (size_t i = 0; good && i < count; i++)
        for (int index = i ? instances[i - 1].index + 1 : first; good && index < instances[i].index; index++)
            good = add_skipped(group, index, !experts && index >= layers, alike);
    return good;
}

/* --- what is otherwise --- */

static bool same_form(const struct tensor *a, const struct tensor *b, bool dtype)
{
    return dtype ? a->dtype == b->dtype : tensor_same_shape(a, b);
}

/* What most of the run's members of one kind are like. */
struct usual {
    const struct tensor *tensor; /* NULL: none is */
    size_t most, all;
};

/* Whoever has more than half of the votes is left when each pays with one for one of another's (Boyer and Moore: MJRTY,
 * 1981); of two the first. */
static struct usual usual_of(const struct group *group, const struct run *run, int kind, bool dtype)
{
    struct usual usual = {0};
    size_t votes = 0;
    for (size_t i = 0; i < run->count; i++) {
        const struct tensor *tensor = run->members[i]->tensor;
        if (instance_of(group, run->members[i])->kind != kind)
            continue;
        usual.all++;
        if (!votes)
            usual.tensor = tensor;
        votes = usual.tensor && same_form(usual.tensor, tensor, dtype) ? votes + 1 : votes - 1;
    }
    for (size_t i = 0; i < run->count; i++)
        usual.most += instance_of(group, run->members[i])->kind == kind &&
                      same_form(usual.tensor, run->members[i]->tensor, dtype);
    if (2 * usual.most <= usual.all && !(usual.all == 2 && !dtype))
        usual.tensor = NULL;
    return usual;
}

#define ODDS_MOST 4096 /* that are listed */

static bool odd_add(struct alike_odds *odds, const struct tensor *tensor, const struct usual *usual, bool unsure)
{
    for (size_t i = 0; i < odds->count; i++)
        if (odds->items[i].tensor == tensor) /* seen in its layer, and in its expert */
            return true;
    return odds->count == ODDS_MOST || array_push(odds->items, odds->count, odds->capacity,
                                                  (struct alike_odd){tensor, usual->tensor, usual->most, unsure});
}

/* A layer of which more tensors have other shapes was made so. */
#define ODD_SHAPES_MOST 2

/* Without `alike`: counts the shapes that are odd in each instance. */
static bool judge_form(struct group *group, const struct member *member, const struct usual *usual, bool dtype,
                       struct alike *alike)
{
    struct instance *instance = instance_of(group, member);
    const struct tensor *tensor = member->tensor;
    size_t odd = usual->all - usual->most;
    if (!usual->tensor || same_form(tensor, usual->tensor, dtype) || (odd > 1 && usual->most < 4 * odd))
        return true;
    instance->odd_shapes += !alike;
    if (!alike)
        return true;
    if (!dtype)
        return odd_add(&alike->shapes, tensor, usual,
                       usual->all < 3 || tensor->rank > 2 || instance->odd_shapes > ODD_SHAPES_MOST);
    /* quantisers mix their block types on purpose */
    return usual->all < 3 || !dtype_width(tensor->dtype) || !dtype_width(usual->tensor->dtype) ||
           odd_add(&alike->dtypes, tensor, usual, true);
}

/* Are all of the run of one form? */
static bool run_is_even(const struct run *run, bool dtype)
{
    for (size_t i = 1; i < run->count; i++)
        if (!same_form(run->members[0]->tensor, run->members[i]->tensor, dtype))
            return false;
    return true;
}

static bool find_odd(struct group *group, bool dtype, struct alike *alike)
{
    struct run run = {0};
    bool good = true;
    while (good && run_next(group, &run)) {
        struct usual usual = {0};
        int kind = -1;
        bool even = run_is_even(&run, dtype);
        for (size_t i = 0; good && !even && i < run.count; i++) {
            int own = instance_of(group, run.members[i])->kind;
            if (own != kind)
                usual = usual_of(group, &run, kind = own, dtype);
            good = judge_form(group, run.members[i], &usual, dtype, alike);
        }
    }
    return good;
}

/* --- all of it --- */

static bool group_judge(struct group *group, struct alike *alike)
{
    bool good = group_open(group);
    if (good && group->instance_count > 1) {
        *(group->members->expert ? &alike->experts : &alike->layers) += group->instance_count;
        alike->tensors += group->members->expert ? 0 : group->count;
        good = find_lacking(group, alike) && find_skipped(group, alike) && find_odd(group, false, NULL) &&
               find_odd(group, false, alike) && find_odd(group, true, alike);
    }
    return good;
}

/* The layers that the configuration counts and that are not there, where the last ones are absent. */
static bool find_last(struct group *group, bool only, struct alike *alike)
{
    bool good = true;
    size_t count = group->instance_count;
    for (int index = count > 1 ? group->instances[count - 1].index + 1 : group->config->layers;
         good && index < group->config->layers; index++)
        good = add_skipped(group, index, !only, alike);
    return good;
}

bool alike_take(const struct store *store, const struct model_config *config, struct alike *alike)
{
    struct member *members = NULL;
    size_t count = 0, stacks = 0;
    struct group widest = {0};
    *alike = (struct alike){0};
    bool good = take_members(store, &members, &count);
    for (size_t first = 0, end; good && first < count; first = end) {
        for (end = first + 1; end < count && stem_order(&members[first], &members[end]) == 0;)
            end++;
        struct group group = {.config = config, .members = members + first, .count = end - first};
        good = group_judge(&group, alike);
        if (good && !members[first].expert) {
            stacks++;
            if (group.count > widest.count) {
                group_close(&widest);
                widest = group;
                continue;
            }
        }
        group_close(&group);
    }
    good = good && (!widest.count || find_last(&widest, stacks == 1, alike));
    group_close(&widest);
    free(members);
    return good;
}

void alike_free(struct alike *alike)
{
    for (size_t i = 0; i < alike->gaps.count; i++)
        free(alike->gaps.items[i].path);
    map_free(&alike->gaps.by_path);
    free(alike->gaps.items);
    free(alike->shapes.items);
    free(alike->dtypes.items);
    *alike = (struct alike){0};
}
