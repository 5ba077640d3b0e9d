#include "inventory/gaps.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "inventory/gaps_internal.h"

#define CAUSES_MAX 3
#define OTHERS_MAX 3
#define MISSES_SHARE 0.02 /* of the blocks that a pattern would lose: so many may be there all the same */
#define PARTLY_BITS 2.0   /* to say of a block what of it is absent */
#define DOCUMENT_MAX ((size_t)256 << 20)

static bool is_lost(const struct pattern *pattern, size_t item)
{
    return pattern->lost[item / 8] >> item % 8 & 1;
}

/* --- weighing --- */

/* What a pattern does to the gaps that are still open. */
struct weighing {
    double saves;
    size_t explains;    /* open tensors */
    size_t contradicts; /* blocks that it would lose and that are there, wholly or in part */
};

/* The state of the search between two picks. */
struct gaps {
    struct search search;
    bool *open; /* [census->count]: absent and not explained */
    size_t open_count;
    double open_bits;  /* to list them */
    unsigned *open_in; /* [unit_count]: open tensors of each block */
    struct counts {
        unsigned lost, present, explained; /* tensors that a pattern loses: all, those that are there, the open ones */
    } * counts;                            /* [unit_count]; scratch */
    const struct pattern *causes[CAUSES_MAX];
    struct weighing weighings[CAUSES_MAX];
    size_t cause_count;
};

/* At least one for each: that all are absent must be explained as well. */
static double listing_bits(double blocks, double gaps, double partly)
{
    return fmax(bits_choose(blocks, gaps), gaps) + PARTLY_BITS * partly;
}

/* Of a block: how many tensors of it have to be listed. */
static void count_left(const struct census_unit *unit, unsigned left, size_t *gaps, size_t *partly)
{
    *gaps += left > 0;
    *partly += left > 0 && left < unit->items;
}

/* Counts the open tensors anew. */
static void take_open(struct gaps *state)
{
    const struct census *census = state->search.census;
    size_t gaps = 0, partly = 0;
    memset(state->open_in, 0, census->unit_count * sizeof *state->open_in);
    state->open_count = 0;
    for (size_t i = 0; i < census->count; i++) {
        state->open_in[census->items[i].unit] += state->open[i];
        state->open_count += state->open[i];
    }
    for (size_t i = 0; i < census->unit_count; i++)
        count_left(&census->units[i], state->open_in[i], &gaps, &partly);
    state->open_bits = listing_bits((double)census->unit_count, (double)gaps, (double)partly);
}

/* What the pattern loses, by blocks. Most lose little: bytes without a mark are passed over. */
static void take_counts(struct gaps *state, const struct pattern *pattern)
{
    const struct census *census = state->search.census;
    memset(state->counts, 0, census->unit_count * sizeof *state->counts);
    for (size_t byte = 0; byte < (census->count + 7) / 8; byte++)
        for (size_t i = byte * 8; pattern->lost[byte] && i < byte * 8 + 8 && i < census->count; i++) {
            struct counts *counts = &state->counts[census->items[i].unit];
            bool lost = is_lost(pattern, i);
            counts->lost += lost;
            counts->present += lost && !census->items[i].absent;
            counts->explained += lost && state->open[i];
        }
}

static struct weighing weigh(struct gaps *state, const struct pattern *pattern)
{
    const struct census *census = state->search.census;
    struct weighing weighing = {.saves = -INFINITY};
    size_t blocks = 0, gaps = 0, partly = 0;
    take_counts(state, pattern);
    for (size_t i = 0; i < census->unit_count; i++) {
        const struct counts *counts = &state->counts[i];
        blocks += counts->lost > 0;
        weighing.contradicts += counts->present > 0;
        weighing.explains += counts->explained;
        count_left(&census->units[i], state->open_in[i] - counts->explained, &gaps, &partly);
    }
    double wrong = (double)weighing.contradicts;
    if (!weighing.explains || wrong > MISSES_SHARE * (double)blocks)
        return weighing;
    double misses = wrong > 0 ? listing_bits((double)blocks, wrong, wrong) + log2((double)blocks) : 0;
    double left = listing_bits((double)census->unit_count, (double)gaps, (double)partly);
    weighing.saves = state->open_bits - left - pattern->bits - misses;
    return weighing;
}

static void take_cause(struct gaps *state, const struct pattern *chosen, const struct weighing *weighing)
{
    state->causes[state->cause_count] = chosen;
    state->weighings[state->cause_count++] = *weighing;
    for (size_t i = 0; i < state->search.census->count; i++)
        state->open[i] = state->open[i] && !is_lost(chosen, i);
    take_open(state);
}

/* What is seen needs no weighing. */
static void take_seen(struct gaps *state)
{
    for (size_t i = 0; i < state->search.count && state->cause_count < CAUSES_MAX; i++) {
        struct weighing weighing = {0};
        if (state->search.patterns[i].seen)
            weighing = weigh(state, &state->search.patterns[i]);
        if (weighing.explains)
            take_cause(state, &state->search.patterns[i], &weighing);
    }
}

/* The pattern that saves most; false: none saves enough. */
static bool pick(struct gaps *state)
{
    struct weighing best = {.saves = GAPS_BITS};
    const struct pattern *chosen = NULL;
    for (size_t i = 0; i < state->search.count; i++) {
        struct weighing weighing = weigh(state, &state->search.patterns[i]);
        if (weighing.saves > best.saves || (!chosen && weighing.saves >= best.saves)) {
            best = weighing;
            chosen = &state->search.patterns[i];
        }
    }
    if (!chosen)
        return false;
    take_cause(state, chosen, &best);
    return true;
}

/* --- patterns of files and names --- */

static void try_refits(struct search *search)
{
    const struct refits *refits = search->beside ? search->beside->refits : NULL;
    struct buffer text = {0};
    bool shown = false;
    for (size_t i = 0; refits && i < refits->count; i++) {
        const struct refit *refit = &refits->items[i];
        if (!refit->absent)
            continue;
        buffer_format(&text, "%s%s", text.size ? "; " : "", refit->text);
        shown = shown || refit->shapes || refit->extra;
    }
    if (text.size)
        search_offer_seen(search, "configuration", refits->explained, text.data, shown);
    buffer_free(&text);
}

static void try_joined(struct search *search)
{
    const struct joined *joined = search->beside ? search->beside->joined : NULL;
    if (joined && joined->text)
        search_offer_seen(search, "joined", joined->held, joined->text, true);
}

/* The first is absent, and there is one behind the last. */
static bool counted_from_one(const struct search *search)
{
    const struct model_config *config = search->census->config;
    const char *renaming = search->beside->renaming;
    int found = 0, wanted = -1;
    return renaming && sscanf(renaming, "'%d' for '%d'", &found, &wanted) == 2 && wanted == 0 &&
           (found == config->layers || found == config->experts);
}

static void try_misnamed(struct search *search)
{
    struct buffer text = {0};
    if (!search->beside || !search->beside->misnamed)
        return;
    buffer_text(&text, "the tensors are there under other names");
    if (search->beside->renaming)
        buffer_format(&text, ": %s", search->beside->renaming);
    if (counted_from_one(search))
        buffer_text(&text,
                    "; counting from 1 shifts all others too, so each of them holds what belongs to the one before");
    search_offer(search, "misnamed", 2, search->beside->misnamed, &text);
}

/* Files that are there, and give nothing of what they should hold. */
static void try_unreadable(struct search *search)
{
    const struct census *census = search->census;
    bool *lost = calloc(census->count, sizeof *lost), *there = calloc(census->unit_count + 1, sizeof *there);
    size_t files = 0;
    bool extraction = store_kind(census->store) == STORE_EXTRACTION;
    for (size_t i = 0; extraction && there && i < census->unit_count; i++) {
        const struct census_unit *unit = &census->units[i];
        char *path = unit->absent && unit_whole(unit) ? path_join(store_path(census->store), unit->path) : NULL;
        files += there[i] = path && file_exists(path);
        free(path);
    }
    for (size_t i = 0; lost && there && i < census->count; i++)
        lost[i] = there[census->items[i].unit];
    if (files && lost) {
        struct buffer text = {0};
        buffer_format(&text, "%zu file%s that should hold the tensors %s there, and cannot be read or hold%s others",
                      files, files > 1 ? "s" : "", files > 1 ? "are" : "is", files > 1 ? "" : "s");
        search_offer(search, "unreadable-files", 2, lost, &text);
    }
    search->memory = search->memory || !lost || !there;
    free(lost);
    free(there);
}

/* Files beside those that were read. */
static void try_unread(struct search *search)
{
    const struct census *census = search->census;
    bool *lost = calloc(census->count + 1, sizeof *lost);
    struct buffer text = {0};
    const char *first = NULL;
    for (size_t i = 0; lost && i < census->count; i++) {
        const struct census_item *item = &census->items[i];
        const char *file = item->absent ? store_unread(census->store, item->expected->name) : NULL;
        lost[i] = file;
        first = first ? first : file;
    }
    if (first && buffer_format(&text, "the tensors are in files that lie there unread, '%s' the first", first))
        search_offer_seen(search, "unread-files", lost, text.data, true);
    search->memory = search->memory || !lost || text.failed;
    buffer_free(&text);
    free(lost);
}

typedef void pattern_try(struct search *search);
static pattern_try *const tries[] = {try_unread,     try_refits,      try_joined,      gaps_try_routers, try_misnamed,
                                     try_unreadable, gaps_try_shards, gaps_try_orders, gaps_try_products};

/* --- excuses --- */

static void mark_expert(const struct census *census, double layer, double expert, bool *listed)
{
    const struct model_config *config = census->config;
    if (layer >= 0 && layer < config->layers && expert >= 0 && expert < config->experts)
        listed[(size_t)layer * (size_t)config->experts + (size_t)expert] = true;
}

/* {"0": [0, 1, ...], ...}: the experts present in each layer. */
static void listed_in_map(const struct census *census, const cJSON *json, bool *listed)
{
    for (const cJSON *layer = cJSON_IsObject(json) ? json->child : NULL; layer; layer = layer->next) {
        const cJSON *expert;
        cJSON_ArrayForEach(expert, layer)
        {
            if (cJSON_IsNumber(expert))
                mark_expert(census, strtod(layer->string, NULL), expert->valuedouble, listed);
        }
    }
}

/* {"experts": [{"layer": 0, "expert": 0, ...}, ...]} */
static void listed_in_manifest(const struct census *census, const cJSON *json, bool *listed)
{
    const cJSON *row;
    cJSON_ArrayForEach(row, json_member(json, "experts"))
    {
        const cJSON *layer = json_member(row, "layer"), *expert = json_member(row, "expert");
        if (cJSON_IsNumber(layer) && cJSON_IsNumber(expert))
            mark_expert(census, layer->valuedouble, expert->valuedouble, listed);
    }
}

static const struct document_row {
    const char *name;
    void (*listed)(const struct census *census, const cJSON *json, bool *listed);
} document_rows[] = {
    {"expert_availability_map.json", listed_in_map},
    {EXTRACTION_MANIFEST, listed_in_manifest},
};
#define DOCUMENTS (sizeof document_rows / sizeof *document_rows)

enum excuse { EXCUSE_NONE, EXCUSE_AGREES, EXCUSE_DENIES };

/* Does the document list just the experts of which something is there, or some that are not? */
static enum excuse judge_document(const struct census *census, const struct document_row *row)
{
    char *path = path_join(store_path(census->store), row->name);
    struct error unread = {0};
    size_t experts = (size_t)census->config->experts, count = (size_t)census->config->layers * experts,
           listed_count = 0;
    bool *listed = calloc(count + 1, sizeof *listed);
    cJSON *json = path && listed && file_exists(path) ? json_read(path, DOCUMENT_MAX, &unread) : NULL;
    bool agrees = true, more = false;
    if (json)
        row->listed(census, json, listed);
    for (size_t i = 0; json && i < census->unit_count; i++) {
        const struct census_unit *unit = &census->units[i];
        if (unit->expert < 0)
            continue;
        bool says = listed[(size_t)unit->layer * experts + (size_t)unit->expert], there = !unit_whole(unit);
        listed_count += says;
        agrees = agrees && says == there;
        more = more || (says && !there);
    }
    cJSON_Delete(json);
    error_clear(&unread);
    free(listed);
    free(path);
    return !listed_count ? EXCUSE_NONE : agrees ? EXCUSE_AGREES : more ? EXCUSE_DENIES : EXCUSE_NONE;
}

/* A list of what is there, made after the loss, proves nothing. */
static void excuses_text(const struct census *census, struct buffer *out)
{
    const char *named[2][DOCUMENTS];
    size_t counts[2] = {0}, whole = 0;
    for (size_t i = 0; i < census->unit_count; i++)
        whole += census->units[i].expert >= 0 && census->units[i].absent && unit_whole(&census->units[i]);
    if (!whole)
        return;
    size_t sparse = 0;
    for (int layer = 0; layer < census->config->layers; layer++)
        sparse += census->config->sparse[layer];
    buffer_format(out,
                  " These experts are no optional part: the configuration declares %d experts in each of %zu layers.",
                  census->config->experts, sparse);
    for (size_t i = 0; store_kind(census->store) == STORE_EXTRACTION && i < DOCUMENTS; i++) {
        enum excuse excuse = judge_document(census, &document_rows[i]);
        if (excuse != EXCUSE_NONE)
            named[excuse == EXCUSE_DENIES][counts[excuse == EXCUSE_DENIES]++] = document_rows[i].name;
    }
    for (size_t denies = 0; denies < 2; denies++) {
        const char *plural = counts[denies] > 1 ? "" : "s";
        for (size_t i = 0; i < counts[denies]; i++)
            buffer_format(out, "%s%s", i ? " and " : " ", named[denies][i]);
        if (counts[denies])
            buffer_format(out,
                          denies
                              ? " list%s experts that are absent."
                              : " name%s the same gaps, which does not show that they are intended: such a list is as "
                                "easily written after the loss.",
                          plural);
    }
}

/* --- the finding --- */

static void weighing_text(const struct weighing *weighing, struct buffer *out)
{
    if (weighing->contradicts)
        buffer_format(out, " (though %zu block%s that it would lose %s there)", weighing->contradicts,
                      weighing->contradicts > 1 ? "s" : "", weighing->contradicts > 1 ? "are" : "is");
}

static void causes_text(const struct gaps *state, struct buffer *out)
{
    const struct census *census = state->search.census;
    if (state->cause_count == 1) {
        if (!state->open_count)
            buffer_format(out, "One mistake would explain %s: %s", census->absent > 1 ? "all" : "it",
                          state->causes[0]->text);
        else
            buffer_format(out, "One mistake would explain %zu of them: %s", state->weighings[0].explains,
                          state->causes[0]->text);
        weighing_text(&state->weighings[0], out);
    } else {
        buffer_format(out, "%zu mistakes together would explain ", state->cause_count);
        if (state->open_count)
            buffer_format(out, "%zu of them: ", census->absent - state->open_count);
        else
            buffer_text(out, "all: ");
        for (size_t i = 0; i < state->cause_count; i++) {
            buffer_format(out, "%s(%zu) %s", i ? "; " : "", i + 1, state->causes[i]->text);
            weighing_text(&state->weighings[i], out);
        }
    }
    buffer_char(out, '.');
    if (!state->open_count)
        return;
    buffer_format(out, " %zu more follow%s no pattern: ", state->open_count, state->open_count > 1 ? "" : "s");
    census_text(census, state->open, out);
    buffer_char(out, '.');
}

static struct finding *place(struct findings *findings, const struct pattern *pattern, const struct weighing *weighing,
                             enum verdict verdict)
{
    struct finding *finding = findings_place(findings, "inventory.pattern", verdict);
    if (!finding)
        return NULL;
    finding_fact_text(finding, "pattern", "%s", pattern->kind);
    finding_fact(finding, "explains", (double)weighing->explains);
    finding_fact(finding, "contradicts", (double)weighing->contradicts);
    finding_fact(finding, "saves_bits", round(weighing->saves * 10) / 10);
    if (verdict == VERDICT_WARN)
        finding_message(finding, "The same tensors would also be: %s.", pattern->text);
    else
        finding_message(finding, "%c%s.", toupper((unsigned char)*pattern->text), pattern->text + 1);
    return finding;
}

/* The tensors that both lose are the same ones. */
static bool same_gaps(const struct census *census, const struct pattern *a, const struct pattern *b)
{
    for (size_t i = 0; i < census->count; i++)
        if (census->items[i].absent && is_lost(a, i) != is_lost(b, i))
            return false;
    return true;
}

/* What else explains just what a cause explains: the best of each other kind. */
static bool report_others(struct gaps *state, const struct pattern *cause, struct findings *findings)
{
    const struct census *census = state->search.census;
    const char *told[OTHERS_MAX + 1] = {cause->kind};
    for (size_t n = 1; n <= OTHERS_MAX; n++) {
        const struct pattern *best = NULL;
        struct weighing most = {.saves = GAPS_BITS};
        for (size_t i = 0; i < state->search.count; i++) {
            const struct pattern *pattern = &state->search.patterns[i];
            bool known = false;
            for (size_t k = 0; k < n; k++)
                known = known || strcmp(told[k], pattern->kind) == 0;
            if (known || !same_gaps(census, cause, pattern))
                continue;
            struct weighing weighing = weigh(state, pattern);
            if (weighing.saves <= most.saves)
                continue;
            best = pattern;
            most = weighing;
        }
        if (!best)
            return true;
        told[n] = best->kind;
        if (!place(findings, best, &most, VERDICT_WARN))
            return false;
    }
    return true;
}

/* Behind the summary, a place for each cause and for what would explain the same. */
static bool report_places(struct gaps *state, struct findings *findings)
{
    const struct census *census = state->search.census;
    for (size_t i = 0; i < state->cause_count; i++)
        if (!place(findings, state->causes[i], &state->weighings[i], VERDICT_FAIL))
            return false;
    for (size_t i = 0; i < census->count; i++)
        state->open[i] = census->items[i].absent;
    take_open(state);
    for (size_t i = 0; i < state->cause_count; i++)
        if (!state->causes[i]->alone && !report_others(state, state->causes[i], findings))
            return false;
    return true;
}

static bool report(struct gaps *state, struct findings *findings)
{
    const struct census *census = state->search.census;
    struct finding *finding = findings_add(findings, "inventory.pattern");
    struct buffer text = {0};
    if (!finding)
        return false;
    finding_measured(finding, (double)census->absent, "tensors");
    finding_limit(finding, 0,
                  "every tensor that the configuration calls for must be there, whatever a list in the folder says");
    finding_judge(finding);
    finding_fact(finding, "explained", (double)(census->absent - state->open_count));
    finding_fact(finding, "unexplained", (double)state->open_count);
    if (state->cause_count)
        finding_fact_text(finding, "pattern", "%s", state->causes[0]->kind);
    buffer_format(&text, "%zu of %zu tensors that the configuration calls for %s absent: ", census->absent,
                  census->required, census->absent > 1 ? "are" : "is");
    if (state->cause_count) {
        census_count_text(census, &text);
        buffer_text(&text, ". ");
        causes_text(state, &text);
    } else {
        census_text(census, NULL, &text);
        buffer_format(&text, ". %s follow%s no pattern.", census->absent > 1 ? "They" : "One alone",
                      census->absent > 1 ? "" : "s");
    }
    if (text.data)
        finding_fact_text(finding, "loss", "%s", text.data);
    if (!state->cause_count || !state->causes[0]->alone)
        excuses_text(census, &text);
    if (!census->origin)
        buffer_text(&text, " The original's shards are not known (--source, or its index file alone).");
    finding_message(finding, "%s", text.data ? text.data : "");
    bool good = !text.failed && report_places(state, findings);
    buffer_free(&text);
    return good;
}

static bool report_none(const struct census *census, struct findings *findings)
{
    struct finding *finding = findings_add(findings, "inventory.pattern");
    if (!finding)
        return false;
    finding_measured(finding, 0, "tensors");
    finding_limit(finding, 0,
                  "every tensor that the configuration calls for must be there, whatever a list in the folder says");
    finding_message(finding, "None of the %zu tensors is absent.", census->required);
    return true;
}

bool gaps_check(const struct census *census, const struct gaps_beside *beside, struct findings *findings,
                struct error *error)
{
    struct gaps state = {.search.census = census};
    if (!census->absent)
        return report_none(census, findings) || error_memory(error, "inventory");
    state.search.beside = beside;
    state.open = malloc(census->count * sizeof *state.open);
    state.open_in = malloc(census->unit_count * sizeof *state.open_in);
    state.counts = malloc(census->unit_count * sizeof *state.counts);
    bool good = state.open && state.open_in && state.counts;
    for (size_t i = 0; good && i < census->count; i++)
        state.open[i] = census->items[i].absent;
    for (size_t i = 0; good && i < sizeof tries / sizeof *tries; i++) {
        tries[i](&state.search);
        good = !state.search.memory;
    }
    if (good) {
        take_open(&state);
        take_seen(&state);
        while (state.open_count && state.cause_count < CAUSES_MAX && pick(&state))
            ;
        good = report(&state, findings);
    }
    search_free(&state.search);
    free(state.open);
    free(state.open_in);
    free(state.counts);
    return good || error_memory(error, "inventory");
}
