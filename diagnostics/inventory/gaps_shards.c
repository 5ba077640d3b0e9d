/* Patterns of the original's shards: one that was not read, those after the first few, the second of two. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "inventory/gaps_internal.h"

#define KIND_BITS 2.0
#define NONE SIZE_MAX
#define SHARDS_MAX 4096 /* more are no shards, but files of an extraction */

/* What an extractor takes for one thing, and reads from one shard. */
enum scope { SCOPE_LAYER, SCOPE_BLOCK, SCOPE_COUNT };
static const char *const scope_words[SCOPE_COUNT][2] = {{"layer", "layers"}, {"block", "blocks"}};

/* For each layer, or block: its first and last shard, and the one that it lies in where it was looked up. */
struct span {
    size_t first, last;
    size_t lookup; /* shard of its first tensor by name */
    const char *name;
};

static size_t span_of(const struct census_item *item, enum scope scope)
{
    return scope == SCOPE_BLOCK ? item->unit : item->expected->layer < 0 ? NONE : (size_t)item->expected->layer;
}

static struct span *spans_make(const struct census *census, enum scope scope)
{
    size_t count = scope == SCOPE_BLOCK ? census->unit_count : (size_t)census->config->layers;
    struct span *spans = malloc((count + 1) * sizeof *spans);
    for (size_t i = 0; spans && i < count; i++)
        spans[i] = (struct span){NONE, NONE, NONE, NULL};
    for (size_t i = 0; spans && i < census->count; i++) {
        const struct census_item *item = &census->items[i];
        size_t at = span_of(item, scope);
        if (at == NONE || !item->placed)
            continue;
        struct span *span = &spans[at];
        span->first = span->first == NONE || item->place.shard < span->first ? item->place.shard : span->first;
        span->last = span->last == NONE || item->place.shard > span->last ? item->place.shard : span->last;
        if (!span->name || strcmp(item->expected->name, span->name) < 0) {
            span->name = item->expected->name;
            span->lookup = item->place.shard;
        }
    }
    return spans;
}

/* What is lost of a span in more than one shard. */
static bool lost_later(const struct span *span, size_t shard)
{
    return shard != span->first;
}

static bool lost_earlier(const struct span *span, size_t shard)
{
    return shard != span->last;
}

static bool lost_elsewhere(const struct span *span, size_t shard)
{
    return shard != span->lookup;
}

static bool lost_all(const struct span *span, size_t shard)
{
    (void)shard;
    return span->first != span->last;
}

static const struct span_row {
    const char *kind;
    enum scope scope;
    bool (*lost)(const struct span *span, size_t shard);
    const char *where; /* "every absent tensor lies ..." */
    const char *cause;
} span_rows[] = {
    {"one-shard-per-layer", SCOPE_LAYER, lost_later, "in the later one",
     "the extractor read one shard per layer, the first"},
    {"one-shard-per-layer", SCOPE_LAYER, lost_earlier, "in the earlier one",
     "the extractor read one shard per layer, the last: a later one overwrote what came from the earlier"},
    {"one-shard-per-layer", SCOPE_LAYER, lost_elsewhere,
     "in the one that does not hold the layer's first tensor by name",
     "the extractor looked one tensor of each layer up in the index, and read only its shard"},
    {"straddling-layers", SCOPE_LAYER, lost_all, "in one of them, and nothing of these layers is there",
     "the extractor passed over layers that lie in more than one shard"},
    {"one-shard-per-block", SCOPE_BLOCK, lost_later, "in the later one",
     "the extractor read one shard for each expert, attention or pair of norms, the first"},
    {"one-shard-per-block", SCOPE_BLOCK, lost_earlier, "in the earlier one",
     "the extractor read one shard for each expert, attention or pair of norms, the last"},
    {"one-shard-per-block", SCOPE_BLOCK, lost_elsewhere,
     "in the one that does not hold the block's first tensor by name",
     "the extractor looked one tensor of each block up in the index, and read only its shard"},
    {"straddling-blocks", SCOPE_BLOCK, lost_all, "in one of them, and nothing of these blocks is there",
     "the extractor passed over experts, attentions and pairs of norms that lie in more than one shard"},
};

/* "layers 1, 5, 9", or "expert 81 of layer 17" for up to three blocks. */
static void spans_list(const struct census *census, const struct span *spans, enum scope scope, struct buffer *out)
{
    int layers[CONFIG_LAYERS_MAX];
    size_t count = 0, all = scope == SCOPE_BLOCK ? census->unit_count : (size_t)census->config->layers;
    for (size_t i = 0; i < all; i++) {
        if (spans[i].first == spans[i].last)
            continue;
        if (scope == SCOPE_LAYER) {
            layers[count++] = (int)i;
        } else if (count++ < 3) {
            buffer_text(out, count > 1 ? ", " : "");
            census_unit_text(&census->units[i], out);
        }
    }
    if (scope == SCOPE_LAYER)
        numbers_ranges(out, layers, count);
    else if (count > 3)
        buffer_format(out, " and %zu more", count - 3);
}

/* What is absent, where this explains all of it; else what of it. */
static void span_text(const struct census *census, const struct span_row *row, const struct span *spans,
                      size_t straddle, bool wide, bool all, struct buffer *text)
{
    const char *const *words = scope_words[row->scope];
    const char *shards = wide ? "shards" : "two shards";
    if (straddle == 1)
        buffer_format(text, all ? "the one %s with gaps straddles %s (" : "one %s straddles %s (", words[0], shards);
    else if (all && straddle == 2)
        buffer_format(text, "both %s with gaps straddle %s (", words[1], shards);
    else if (all)
        buffer_format(text, "all %zu %s with gaps straddle %s (", straddle, words[1], shards);
    else
        buffer_format(text, "%zu %s straddle %s (", straddle, words[1], shards);
    spans_list(census, spans, row->scope, text);
    buffer_format(text, "), and %s lies %s: %s", all ? "every absent tensor" : "what is absent of them", row->where,
                  row->cause);
}

static void try_span(struct search *search, const struct span_row *row, const struct span *spans, bool *lost)
{
    const struct census *census = search->census;
    size_t count = row->scope == SCOPE_BLOCK ? census->unit_count : (size_t)census->config->layers;
    size_t straddle = 0, hits = 0;
    bool wide = false;
    for (size_t i = 0; i < count; i++) {
        straddle += spans[i].first != spans[i].last;
        wide = wide || (spans[i].first != NONE && spans[i].last > spans[i].first + 1);
    }
    if (!straddle)
        return;
    for (size_t i = 0; i < census->count; i++) {
        const struct census_item *item = &census->items[i];
        size_t at = span_of(item, row->scope);
        lost[i] = at != NONE && item->placed && row->lost(&spans[at], item->place.shard);
        hits += lost[i] && item->absent;
    }
    struct buffer text = {0};
    span_text(census, row, spans, straddle, wide, hits == census->absent, &text);
    search_offer(search, row->kind, KIND_BITS + log2(sizeof span_rows / sizeof *span_rows), lost, &text);
}

/* The extractor looked this one tensor of each layer up. */
static void try_lookup(struct search *search, enum weight weight, int expert, bool *lost)
{
    const struct census *census = search->census;
    size_t kept[CONFIG_LAYERS_MAX];
    size_t straddle = 0;
    for (int layer = 0; layer < census->config->layers; layer++) {
        const struct census_item *item = census_find(census, weight, layer, expert);
        kept[layer] = item && item->expected->layer == layer && item->placed ? item->place.shard : NONE;
    }
    for (size_t i = 0; i < census->count; i++) {
        const struct census_item *item = &census->items[i];
        int layer = item->expected->layer;
        lost[i] = layer >= 0 && item->placed && kept[layer] != NONE && item->place.shard != kept[layer];
        straddle += lost[i];
    }
    if (!straddle)
        return;
    struct buffer text = {0};
    buffer_format(&text,
                  "whatever of a layer lies in another shard than its %s: the extractor looked that one tensor up, and "
                  "read one shard per layer",
                  weight_class(weight));
    search_offer(search, "one-shard-per-layer", KIND_BITS + 4 + log2(WEIGHT_COUNT), lost, &text);
}

static void try_lookups(struct search *search, bool *lost)
{
    const struct model_config *config = search->census->config;
    for (int weight = 0; weight < WEIGHT_COUNT; weight++) {
        bool expert = weight_rows[weight].scope == OF_EXPERT;
        if (!expert || config->experts)
            try_lookup(search, (enum weight)weight, expert ? 0 : -1, lost);
    }
}

/* Of each layer that straddles shards, what lies in one or more of them, but not in all, is wholly absent; whichever.
 */
static void try_parts(struct search *search, bool *lost)
{
    const struct census *census = search->census;
    size_t shards = origin_shard_count(census->origin), layers = (size_t)census->config->layers, straddle = 0,
           lacking = 0;
    size_t *held = calloc(layers * shards + 1, sizeof *held), *absent = calloc(layers * shards + 1, sizeof *absent);
    bool *partly = calloc(layers + 1, sizeof *partly);
    double bits = KIND_BITS + 4;
    for (size_t i = 0; held && absent && i < census->count; i++) {
        const struct census_item *item = &census->items[i];
        if (item->expected->layer < 0 || !item->placed || item->expected->optional)
            continue;
        held[(size_t)item->expected->layer * shards + item->place.shard]++;
        absent[(size_t)item->expected->layer * shards + item->place.shard] += item->absent;
    }
    for (size_t layer = 0; held && absent && partly && layer < layers; layer++) {
        size_t parts = 0, gone = 0;
        for (size_t i = layer * shards; i < (layer + 1) * shards; i++) {
            parts += held[i] > 0;
            gone += held[i] && held[i] == absent[i];
        }
        straddle += parts > 1;
        partly[layer] = gone && gone < parts;
        lacking += partly[layer];
        bits += parts > 1 ? (double)parts : 0;
    }
    for (size_t i = 0; lacking && i < census->count; i++) {
        const struct census_item *item = &census->items[i];
        size_t at = item->placed && item->expected->layer >= 0
                        ? (size_t)item->expected->layer * shards + item->place.shard
                        : NONE;
        lost[i] = at != NONE && partly[item->expected->layer] && held[at] == absent[at];
    }
    struct buffer text = {0};
    buffer_format(
        &text,
        "of %zu of the %zu layers that straddle shards, all that lies in one shard is absent, now the earlier, "
        "now the later: the extractor read one shard per layer",
        lacking, straddle);
    if (lacking > 1)
        search_offer(search, "one-shard-per-layer", bits, lost, &text);
    buffer_free(&text);
    search->memory = search->memory || !held || !absent || !partly;
    free(held);
    free(absent);
    free(partly);
}

static void try_spans(struct search *search, bool *lost)
{
    struct span *spans[SCOPE_COUNT];
    for (int scope = 0; scope < SCOPE_COUNT; scope++) {
        spans[scope] = spans_make(search->census, (enum scope)scope);
        search->memory = search->memory || !spans[scope];
    }
    for (size_t i = 0; !search->memory && i < sizeof span_rows / sizeof *span_rows; i++)
        try_span(search, &span_rows[i], spans[span_rows[i].scope], lost);
    for (int scope = 0; scope < SCOPE_COUNT; scope++)
        free(spans[scope]);
}

/* Shards by how much of what they hold of the text model is absent. */
struct shards {
    size_t *held, *absent;
    int *numbers;     /* from 1 on: of those that hold something */
    size_t *shard_of; /* [count] */
    size_t *position; /* of each shard among them; that of none for one that holds nothing */
    bool *in;         /* [count], and false behind */
    size_t count;
};

static bool shards_take(const struct census *census, struct shards *shards)
{
    size_t all = origin_shard_count(census->origin);
    *shards = (struct shards){.held = calloc(all + 1, sizeof *shards->held),
                              .absent = calloc(all + 1, sizeof *shards->absent),
                              .numbers = malloc((all + 1) * sizeof *shards->numbers),
                              .shard_of = malloc((all + 1) * sizeof *shards->shard_of),
                              .position = malloc((all + 1) * sizeof *shards->position),
                              .in = calloc(all + 1, sizeof *shards->in)};
    if (!shards->held || !shards->absent || !shards->numbers || !shards->shard_of || !shards->position || !shards->in)
        return false;
    for (size_t i = 0; i < census->count; i++) {
        const struct census_item *item = &census->items[i];
        if (!item->placed || item->expected->optional)
            continue;
        shards->held[item->place.shard]++;
        shards->absent[item->place.shard] += item->absent;
    }
    for (size_t shard = 0; shard < all; shard++) {
        shards->position[shard] = all;
        if (shards->held[shard]) {
            shards->position[shard] = shards->count;
            shards->shard_of[shards->count] = shard;
            shards->numbers[shards->count++] = (int)shard + 1;
        }
    }
    return true;
}

static void shards_free(struct shards *shards)
{
    free(shards->held);
    free(shards->absent);
    free(shards->numbers);
    free(shards->shard_of);
    free(shards->position);
    free(shards->in);
}

/* Shards of which at least `share` of all tensors are absent. */
static void try_lost(struct search *search, struct shards *shards, double share, bool *lost)
{
    const struct census *census = search->census;
    struct buffer text = {0};
    size_t members = 0, last = 0;
    for (size_t i = 0; i < shards->count; i++) {
        size_t shard = shards->shard_of[i];
        shards->in[i] = shards->absent[shard] && (double)shards->absent[shard] >= share * (double)shards->held[shard];
        members += shards->in[i];
        last = shards->in[i] ? shard : last;
    }
    if (!members || members == shards->count)
        return;
    for (size_t i = 0; i < census->count; i++) {
        const struct census_item *item = &census->items[i];
        lost[i] = item->placed && shards->in[shards->position[item->place.shard]];
    }
    bool tail = shards->in[shards->count - 1];
    for (size_t i = 1; i < shards->count; i++)
        tail = tail && shards->in[i] >= shards->in[i - 1];
    buffer_text(&text, share < 1 ? "nearly everything of " : "everything of ");
    const char *cause = NULL;
    double bits = set_describe(shards->numbers, shards->in, shards->count, "shard", &text, &cause);
    if (members == 1)
        buffer_format(&text, ", %s", origin_shard_name(census->origin, last));
    buffer_format(&text, ": %s",
                  tail           ? "only the first shards were downloaded or read"
                  : members == 1 ? "it was not downloaded, or not read"
                                 : "they were not downloaded, or not read");
    search_offer(search, "shards", KIND_BITS + bits + (share < 1 ? 3 : 0), lost, &text);
}

/* One shard each: where two causes met, one may be a shard. */
static void try_each(struct search *search, const struct shards *shards, bool *lost)
{
    const struct census *census = search->census;
    for (size_t k = 0; k < shards->count && k < 256; k++) {
        size_t shard = shards->shard_of[k];
        if (shards->absent[shard] != shards->held[shard])
            continue;
        struct buffer text = {0};
        for (size_t i = 0; i < census->count; i++)
            lost[i] = census->items[i].placed && census->items[i].place.shard == shard;
        buffer_format(&text, "everything of shard %zu, %s: it was not downloaded, or not read", shard + 1,
                      origin_shard_name(census->origin, shard));
        search_offer(search, "shards", KIND_BITS + 2 + log2((double)shards->count), lost, &text);
    }
}

/* The end of each shard, or the beginning: a file that was cut, where the bytes' places are known. */
static void try_cut(struct search *search, const struct shards *shards, bool *lost)
{
    const struct census *census = search->census;
    for (size_t k = 0; k < shards->count && k < 256; k++) {
        size_t shard = shards->shard_of[k];
        uint64_t last_there = 0;
        bool known = shards->absent[shard] && shards->absent[shard] < shards->held[shard];
        for (size_t i = 0; known && i < census->count; i++) {
            const struct census_item *item = &census->items[i];
            if (!item->placed || item->place.shard != shard || item->expected->optional)
                continue;
            known = item->place.read;
            if (!item->absent && item->place.offset > last_there)
                last_there = item->place.offset;
        }
        if (!known)
            continue;
        struct buffer text = {0};
        for (size_t i = 0; i < census->count; i++) {
            const struct census_item *item = &census->items[i];
            lost[i] = item->placed && item->place.shard == shard && item->place.offset > last_there;
        }
        buffer_format(&text,
                      "everything after byte %llu of shard %zu, %s: the shard was cut there, or reading it ended there",
                      (unsigned long long)last_there, shard + 1, origin_shard_name(census->origin, shard));
        search_offer(search, "cut-shard",
                     KIND_BITS + 3 + log2((double)shards->count) + log2((double)shards->held[shard]), lost, &text);
    }
}

/* The original stores the tensor in a type that others do not have. */
static void try_dtypes(struct search *search, bool *lost)
{
    const struct census *census = search->census;
    for (int dtype = 0; dtype < DTYPE_COUNT; dtype++) {
        size_t held = 0, absent = 0, all = 0;
        for (size_t i = 0; i < census->count; i++) {
            const struct census_item *item = &census->items[i];
            lost[i] = item->placed && item->place.read && item->place.dtype == (enum dtype)dtype;
            held += lost[i];
            absent += lost[i] && item->absent;
            all += item->placed;
        }
        if (!absent || absent < held || held == all)
            continue;
        struct buffer text = {0};
        buffer_format(&text, "every tensor that the original stores as %s: the extractor takes other types",
                      dtype_name((enum dtype)dtype));
        search_offer(search, "dtype", KIND_BITS + 4, lost, &text);
    }
}

/* Nor does the original hold them, as far as is known. */
static void try_original(struct search *search, bool *lost)
{
    const struct census *census = search->census;
    struct buffer text = {0};
    for (size_t i = 0; i < census->count; i++)
        lost[i] = !census->items[i].placed && census->items[i].absent;
    buffer_text(&text, "no shard is known to hold them: the original is not whole, or never had them");
    search_offer(search, "not-in-the-original", KIND_BITS, lost, &text);
}

void gaps_try_shards(struct search *search)
{
    const struct census *census = search->census;
    struct shards shards = {0};
    if (!census->origin || origin_shard_count(census->origin) > SHARDS_MAX)
        return;
    bool *lost = malloc(census->count * sizeof *lost);
    if (lost && shards_take(census, &shards)) {
        try_spans(search, lost);
        try_lookups(search, lost);
        try_parts(search, lost);
        if (shards.count > 1) {
            try_lost(search, &shards, 1, lost);
            try_lost(search, &shards, 0.9, lost);
            try_each(search, &shards, lost);
        }
        try_cut(search, &shards, lost);
        try_dtypes(search, lost);
        try_original(search, lost);
    } else {
        search->memory = true;
    }
    shards_free(&shards);
    free(lost);
}
