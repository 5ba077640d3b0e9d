/* Patterns of order: a run that was killed, or begun in the middle, or shared among workers of which one failed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "inventory/gaps_internal.h"

#define KIND_BITS 4.0
#define STEP_MAX 64
#define TIMES_BITS 3.0 /* what the times of the files speak for an order in which they rise */

static int compare(double a, double b)
{
    return (a > b) - (a < b);
}

static int by_config(const struct census *census, const struct census_item *a, const struct census_item *b)
{
    (void)census;
    return (a > b) - (a < b); /* items are in that order */
}

/* As the original's modules write themselves, in the order in which they were made: attention, then the MLP or router
 * and experts, then the norms. */
static int by_module(const struct census *census, const struct census_item *a, const struct census_item *b)
{
    const struct expected *x = a->expected, *y = b->expected;
    int layers = census->config->layers; /* final norm and head come behind the last layer */
    int left = x->layer < 0 && x->weight != WEIGHT_EMBEDDING ? layers : x->layer;
    int right = y->layer < 0 && y->weight != WEIGHT_EMBEDDING ? layers : y->layer;
    int order = compare(left, right);
    order = order ? order : compare(weight_rows[x->weight].module, weight_rows[y->weight].module);
    order = order ? order : compare(x->expert, y->expert);
    return order ? order : compare(x->weight, y->weight);
}

static int by_file(const struct census *census, const struct census_item *a, const struct census_item *b)
{
    int order = a->unit == b->unit ? 0 : strcmp(census->units[a->unit].path, census->units[b->unit].path);
    return order ? order : by_config(census, a, b);
}

static int by_name(const struct census *census, const struct census_item *a, const struct census_item *b)
{
    (void)census;
    return strcmp(a->expected->name, b->expected->name);
}

static int by_natural_name(const struct census *census, const struct census_item *a, const struct census_item *b)
{
    (void)census;
    return strverscmp(a->expected->name, b->expected->name);
}

static int by_expert(const struct census *census, const struct census_item *a, const struct census_item *b)
{
    int order = compare(a->expected->expert, b->expected->expert);
    order = order ? order : compare(a->expected->layer, b->expected->layer);
    return order ? order : by_config(census, a, b);
}

static int by_kind(const struct census *census, const struct census_item *a, const struct census_item *b)
{
    int order = compare(a->expected->weight, b->expected->weight);
    return order ? order : by_config(census, a, b);
}

static int by_size(const struct census *census, const struct census_item *a, const struct census_item *b)
{
    int order = compare((double)a->bytes, (double)b->bytes);
    return order ? order : by_config(census, a, b);
}

static int by_shard(const struct census *census, const struct census_item *a, const struct census_item *b)
{
    if (!a->placed || !b->placed)
        return a->placed != b->placed ? b->placed - a->placed : by_config(census, a, b);
    int order = compare((double)a->place.shard, (double)b->place.shard);
    bool read = a->place.read && b->place.read;
    order = order || !read ? order : compare((double)a->place.offset, (double)b->place.offset);
    return order ? order : by_natural_name(census, a, b);
}

static int by_shard_name(const struct census *census, const struct census_item *a, const struct census_item *b)
{
    int order = compare((double)a->place.shard, (double)b->place.shard);
    return a->placed && b->placed ? (order ? order : by_name(census, a, b)) : by_shard(census, a, b);
}

typedef int order_compare(const struct census *census, const struct census_item *a, const struct census_item *b);

static const struct order_row {
    const char *kind;
    const char *words;
    order_compare *compare;
    bool of_origin; /* needs it */
    bool by_layer;  /* the tensors of a layer stand together */
    bool ties;      /* what compares equal by size stands and falls together */
} order_rows[] = {
    {"order-of-layers", "the order of layers", by_config, false, true, false},
    {"order-of-modules", "the order of the original's modules", by_module, false, true, false},
    {"order-of-shards", "the order in which the original's shards hold them", by_shard, true, false, false},
    {"order-of-shards", "the order of shards, each in that of the alphabet", by_shard_name, true, false, false},
    {"order-of-files", "the order of the extraction's file names", by_file, false, false, false},
    {"order-of-names", "the order of the alphabet, in which layer 10 comes before layer 2", by_name, false, false,
     false},
    {"order-of-numbered-names", "the order of names, numbers counting as numbers", by_natural_name, false, true, false},
    {"order-of-experts", "the order of experts, each through all layers", by_expert, false, false, false},
    {"order-of-kinds", "the order of kinds, each through all layers", by_kind, false, false, false},
    {"order-of-sizes", "the order of their sizes", by_size, false, false, true},
};

struct line {
    const struct census *census;
    const struct order_row *row;
    const struct census_item **all; /* [all_count], in order */
    size_t all_count;
    const struct census_item **items; /* those of the scope */
    size_t count;
    const char *scope; /* " among the experts"; "" */
    double bits;       /* of order and scope */
    bool *lost;        /* [census->count]; scratch */
};

static int sort_compare(const void *a, const void *b, void *context)
{
    const struct line *line = context;
    return line->row->compare(line->census, *(const struct census_item *const *)a,
                              *(const struct census_item *const *)b);
}

/* Do the times of what was extracted rise in this order, and over more than one moment? `*last` is the latest. A run
 * that was killed leaves it so; a copy made afterwards need not. */
static bool times_rise(const struct line *line, int64_t *last)
{
    int64_t first = INT64_MAX, before = INT64_MIN, time = 0;
    if (store_kind(line->census->store) == STORE_CHECKPOINT)
        return false; /* the times of shards tell nothing of what is in them */
    for (size_t i = 0; i < line->count; i++) {
        if (!line->items[i]->tensor || !tensor_time(line->items[i]->tensor, &time))
            continue;
        if (time < before)
            return false;
        first = time < first ? time : first;
        before = *last = time;
    }
    return before > first;
}

static void time_text(int64_t nanoseconds, struct buffer *out)
{
    time_t seconds = (time_t)(nanoseconds / 1000000000);
    char text[32] = "";
    struct tm utc;
    if (gmtime_r(&seconds, &utc))
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &utc);
    buffer_text(out, text);
}

/* Items first .. last - 1 of the line are absent: the end of it, the beginning, or a hole. */
static void offer_run(struct search *search, const struct line *line, size_t first, size_t last)
{
    struct buffer text = {0};
    bool begins = first == 0, ends = last == line->count;
    const char *from = line->items[first]->expected->name, *to = line->items[last - 1]->expected->name;
    int64_t written = 0;
    bool timed = ends && times_rise(line, &written);
    memset(line->lost, 0, line->census->count * sizeof *line->lost);
    for (size_t i = first; i < last; i++)
        line->lost[line->items[i] - line->census->items] = true;
    if (ends && line->row->ties)
        buffer_format(&text, "every tensor%s of %llu bytes or more: a limit of size", line->scope,
                      (unsigned long long)line->items[first]->bytes);
    else if (ends)
        buffer_format(&text, "everything%s from '%s' on, in %s: the run ended after '%s'", line->scope, from,
                      line->row->words, line->items[first - 1]->expected->name);
    else if (begins)
        buffer_format(&text, "everything%s before '%s', in %s: the run began there", line->scope,
                      line->items[last]->expected->name, line->row->words);
    else
        buffer_format(&text, "everything%s from '%s' to '%s', in %s: a gap in the run", line->scope, from, to,
                      line->row->words);
    if (timed) {
        buffer_text(&text, "; the times of the files rise in this order, and the last was written at ");
        time_text(written, &text);
    }
    double points = line->row->ties ? 1 : (double)line->count; /* where it may be cut: between sizes */
    for (size_t i = 1; line->row->ties && i < line->count; i++)
        points += line->items[i]->bytes != line->items[i - 1]->bytes;
    double bits = KIND_BITS + line->bits + log2(points) * (begins || ends ? 1 : 2) - (timed ? TIMES_BITS : 0);
    search_offer(search, line->row->kind, bits, line->lost, &text);
}

static bool lacks(const struct line *line, size_t i)
{
    return line->items[i]->absent;
}

/* Where the line is best cut in what is there and what is not: workers side by side, and files that were fetched again,
 * blur the end of a run. */
static size_t best_cut(const struct line *line)
{
    size_t cut = line->count;
    long balance = 0, best = 0; /* absent less present, from a place on */
    for (size_t i = line->count; i-- > 0;) {
        balance += lacks(line, i) ? 1 : -1;
        if (balance > best) {
            best = balance;
            cut = i;
        }
    }
    return cut;
}

/* The two ends of the line, and its longest hole. */
static void try_runs(struct search *search, const struct line *line)
{
    size_t begin = 0, end = line->count, hole = 0, hole_size = 0;
    while (begin < line->count && lacks(line, begin))
        begin++;
    while (end > begin && lacks(line, end - 1))
        end--;
    /* a limit of size does not cut between equals */
    while (line->row->ties && end > begin && end < line->count &&
           line->items[end]->bytes == line->items[end - 1]->bytes)
        end++;
    for (size_t i = begin; i < end; i++) {
        size_t last = i;
        while (last < end && lacks(line, last))
            last++;
        if (last - i > hole_size) {
            hole = i;
            hole_size = last - i;
        }
        i = last;
    }
    if (end > begin && end < line->count)
        offer_run(search, line, end, line->count);
    if (line->row->ties)
        return;
    size_t cut = best_cut(line);
    if (cut > 0 && cut < end)
        offer_run(search, line, cut, line->count);
    if (begin > 0 && begin < line->count)
        offer_run(search, line, 0, begin);
    if (hole_size)
        offer_run(search, line, hole, hole + hole_size);
}

/* Blocks of the line in the order of their first tensors: `place` [units] is the number of each, `whole` [count] tells
 * whether all of it is absent. */
struct blocks {
    size_t *place;
    bool *whole;
    size_t count;
};

static bool blocks_make(const struct line *line, struct blocks *blocks)
{
    const struct census *census = line->census;
    *blocks = (struct blocks){.place = malloc((census->unit_count + 1) * sizeof *blocks->place),
                              .whole = malloc(census->unit_count + 1)};
    if (!blocks->place || !blocks->whole)
        return false;
    for (size_t i = 0; i < census->unit_count; i++)
        blocks->place[i] = SIZE_MAX;
    for (size_t i = 0; i < line->count; i++) {
        size_t unit = line->items[i]->unit;
        if (blocks->place[unit] != SIZE_MAX)
            continue;
        blocks->whole[blocks->count] = unit_whole(&census->units[unit]);
        blocks->place[unit] = blocks->count++;
    }
    return true;
}

static void offer_step(struct search *search, const struct line *line, const size_t *place, size_t step,
                       const bool *gone, size_t gone_count)
{
    struct buffer text = {0};
    memset(line->lost, 0, line->census->count * sizeof *line->lost);
    for (size_t i = 0; i < line->count; i++)
        line->lost[line->items[i] - line->census->items] = gone[place[line->items[i]->unit] % step];
    buffer_format(&text, "%zu of every %zu files%s, in %s (", gone_count, step, line->scope, line->row->words);
    for (size_t residue = 0, shown = 0; residue < step; residue++)
        if (gone[residue] == (gone_count <= step / 2))
            buffer_format(&text, "%s%zu",
                          shown++                  ? ", "
                          : gone_count <= step / 2 ? "remainder "
                                                   : "all but remainder ",
                          residue);
    buffer_format(&text, " of %zu): one worker of several, or the step of a loop", step);
    search_offer(search, line->row->kind,
                 KIND_BITS + line->bits + log2(STEP_MAX) + 1 + bits_choose((double)step, (double)gone_count) +
                     log2((double)step),
                 line->lost, &text);
}

/* One worker of several: files that are absent at the same remainders all along the line. */
static void try_steps(struct search *search, const struct line *line)
{
    struct blocks blocks;
    bool good = blocks_make(line, &blocks);
    search->memory = search->memory || !good;
    for (size_t step = 2; good && step <= STEP_MAX && 2 * step <= blocks.count; step++) {
        bool gone[STEP_MAX];
        size_t count = 0;
        memset(gone, 1, sizeof gone);
        for (size_t i = 0, residue = 0; i < blocks.count; i++) {
            gone[residue] &= blocks.whole[i];
            residue = residue + 1 == step ? 0 : residue + 1;
        }
        for (size_t residue = 0; residue < step; residue++)
            count += gone[residue];
        if (count && count < step)
            offer_step(search, line, blocks.place, step, gone, count);
    }
    free(blocks.place);
    free(blocks.whole);
}

/* Each layer on its own: what lacks at the end of it, or at its beginning. */
static void try_layers(struct search *search, const struct line *line, bool tails)
{
    const struct census *census = line->census;
    bool in[CONFIG_LAYERS_MAX] = {false};
    int values[CONFIG_LAYERS_MAX];
    size_t members = 0;
    double bits = KIND_BITS + line->bits + 1;
    memset(line->lost, 0, census->count * sizeof *line->lost);
    for (size_t first = 0, last; first < line->count; first = last) {
        int layer = line->items[first]->expected->layer;
        size_t gone = 0;
        for (last = first; last < line->count && line->items[last]->expected->layer == layer;)
            last++;
        while (layer >= 0 && gone < last - first && lacks(line, tails ? last - 1 - gone : first + gone))
            gone++;
        for (size_t i = 0; i < gone; i++)
            line->lost[line->items[tails ? last - 1 - i : first + i] - census->items] = true;
        if (!gone)
            continue;
        in[layer] = true;
        members++;
        bits += log2((double)(last - first));
    }
    if (members < 2)
        return;
    struct buffer text = {0};
    for (int layer = 0; layer < census->config->layers; layer++)
        values[layer] = layer;
    buffer_text(&text, "of ");
    const char *cause = NULL;
    bits += set_describe(values, in, (size_t)census->config->layers, "layer", &text, &cause);
    buffer_format(&text, " everything%s %s some tensor, in %s: as when a layer lies in two files and one is read",
                  line->scope, tails ? "after" : "before", line->row->words);
    if (!census->origin)
        buffer_text(&text, " (--source, or the original's index alone, would tell)");
    search_offer(search, tails ? "end-of-layers" : "begin-of-layers", bits, line->lost, &text);
}

/* The tensors of the block (BLOCK_COUNT: all), in the row's order. */
static void try_line(struct search *search, struct line *line, enum block block)
{
    static const char *const scopes[BLOCK_COUNT + 1] = {[BLOCK_EMBEDDINGS] = " of the embeddings",
                                                        [BLOCK_ATTENTION] = " of the attentions",
                                                        [BLOCK_ROUTERS] = " of the routers",
                                                        [BLOCK_EXPERTS] = " of the experts",
                                                        [BLOCK_MLP] = " of the MLPs",
                                                        [BLOCK_NORMS] = " of the norms",
                                                        [BLOCK_FINAL_NORM] = " of the final norm",
                                                        [BLOCK_LM_HEAD] = " of the head",
                                                        [BLOCK_COUNT] = ""};
    const struct census *census = line->census;
    bool any = false;
    line->count = 0;
    line->scope = scopes[block];
    line->bits = log2(sizeof order_rows / sizeof *order_rows) + (block == BLOCK_COUNT ? 0 : 3);
    for (size_t i = 0; i < line->all_count; i++) {
        const struct census_item *item = line->all[i];
        if (block != BLOCK_COUNT && census->units[item->unit].block != block)
            continue;
        any = any || item->absent;
        line->items[line->count++] = item;
    }
    if (!any || line->count < 3)
        return;
    try_runs(search, line);
    if (!line->row->ties)
        try_steps(search, line);
    for (int tails = 0; line->row->by_layer && tails < 2; tails++)
        try_layers(search, line, tails);
}

/* Remainders of layer + expert: tasks dealt out in turn, a layer's first to the next worker each. */
static void try_diagonals(struct search *search, bool *lost)
{
    const struct census *census = search->census;
    for (int step = 2; census->config->experts && step <= STEP_MAX; step++) {
        bool gone[STEP_MAX];
        int count = 0;
        memset(gone, 1, sizeof gone);
        for (size_t i = 0; i < census->count; i++)
            if (census->items[i].expected->expert >= 0)
                gone[(census->items[i].expected->layer + census->items[i].expected->expert) % step] &=
                    census->items[i].absent;
        for (int residue = 0; residue < step; residue++)
            count += gone[residue];
        if (!count || count == step)
            continue;
        struct buffer text = {0};
        for (size_t i = 0; i < census->count; i++) {
            const struct expected *expected = census->items[i].expected;
            lost[i] = expected->expert >= 0 && gone[(expected->layer + expected->expert) % step];
        }
        buffer_format(&text, "%d of every %d experts, one further on in each layer: one worker of several", count,
                      step);
        search_offer(search, "diagonal", KIND_BITS + 3 + log2(STEP_MAX) + log2(step) + bits_choose(step, count), lost,
                     &text);
    }
}

void gaps_try_orders(struct search *search)
{
    const struct census *census = search->census;
    struct line line = {.census = census};
    line.all = malloc(census->count * sizeof *line.all);
    line.items = malloc(census->count * sizeof *line.items);
    line.lost = calloc(census->count, sizeof *line.lost);
    search->memory = search->memory || !line.all || !line.items || !line.lost;
    for (size_t i = 0; !search->memory && i < census->count; i++)
        if (!census->items[i].expected->optional)
            line.all[line.all_count++] = &census->items[i];
    for (size_t i = 0; !search->memory && i < sizeof order_rows / sizeof *order_rows; i++) {
        line.row = &order_rows[i];
        if (line.row->of_origin && !census->origin)
            continue;
        qsort_r(line.all, line.all_count, sizeof *line.all, sort_compare, &line);
        for (int block = 0; block <= BLOCK_COUNT; block++)
            try_line(search, &line, (enum block)block);
    }
    if (!search->memory)
        try_diagonals(search, line.lost);
    free(line.all);
    free(line.items);
    free(line.lost);
}
