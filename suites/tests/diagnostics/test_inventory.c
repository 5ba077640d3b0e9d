/* What the inventory says of gaps: every way to lose tensors that is known, planted in the bundled reference model. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "golden/golden.h"
#include "inventory/blast.h"
#include "inventory/gaps.h"
#include "inventory/inventory.h"
#include "inventory/inventory_names.h"
#include "store/overlay.h"
#include "store/safetensors.h"
#include "store_fixtures.h"
#include "work.h"

#define MODEL ASSAY_SOURCE_DIR "/golden/thinker-48"
#define INDEX MODEL "/model.safetensors.index.json"
#define NANO ASSAY_SOURCE_DIR "/golden/nano/"
#define LAYERS 48
#define EXPERTS 128
#define SHARDS 13

static void make(void)
{
    scratch_make();
}

TestSuite(gaps, .timeout = 600);
TestSuite(names, .init = make, .fini = scratch_remove, .timeout = 600);
TestSuite(origin, .init = make, .fini = scratch_remove, .timeout = 60);
TestSuite(blast, .timeout = 60);

/* --- planting --- */

static struct store *model;
static struct model_config *config;
static struct origin *origin;

static void open_model(void)
{
    struct error error = {0};
    model = open_store(MODEL);
    config = config_read(MODEL "/config.json", &error);
    cr_assert(config, "%s", error_text(&error));
    cr_assert(origin_open(INDEX, NULL, &origin, &error) && origin, "%s", error_text(&error));
    cr_assert_eq(origin_shard_count(origin), SHARDS);
}

static void close_model(void)
{
    origin_free(origin);
    free(config);
    store_free(model);
}

/* One tensor of the model, for a fault to choose by. */
struct site {
    const char *name;
    int layer, expert; /* -1 */
    int shard;         /* from 1 on, as files are numbered */
    int first, last;   /* shards of its layer; 0: none */
};

typedef bool lose(const struct site *site);

static bool is(const struct site *site, const char *words)
{
    return strstr(site->name, words) != NULL;
}

static bool one_shard_first(const struct site *site)
{
    return site->layer >= 0 && site->shard != site->first;
}
static bool one_shard_last(const struct site *site)
{
    return site->layer >= 0 && site->shard != site->last;
}
/* All but the shard that holds the layer's expert 90. */
static bool shard_of_one_expert(const struct site *site)
{
    char name[128];
    struct origin_place place;
    snprintf(name, sizeof name, "model.layers.%d.mlp.experts.90.gate_proj.weight", site->layer);
    return site->layer >= 0 && origin_find(origin, name, &place) && site->shard != (int)place.shard + 1;
}
static bool straddling(const struct site *site)
{
    return site->layer >= 0 && site->first != site->last;
}
static bool half_expert(const struct site *site)
{
    return site->layer == 17 && site->expert == 81 && !is(site, "gate_proj");
}
static bool shard_7(const struct site *site)
{
    return site->shard == 7;
}
static bool shards_3_and_9(const struct site *site)
{
    return site->shard == 3 || site->shard == 9;
}
static bool last_shard(const struct site *site)
{
    return site->shard == 13;
}
static bool after_10_shards(const struct site *site)
{
    return site->shard > 10;
}
static bool even_shards(const struct site *site)
{
    return site->shard % 2 == 0;
}
static bool shards_of_two_digits(const struct site *site)
{
    return site->shard >= 10;
}
static bool experts_1(const struct site *site)
{
    int e = site->expert;
    return e == 1 || (e >= 10 && e <= 19) || (e >= 100 && e <= 127);
}
static bool experts_1_below_120(const struct site *site)
{
    return experts_1(site) && site->expert < 120;
}
static bool experts_not_of_one_digit(const struct site *site)
{
    return site->expert > 9;
}
static bool experts_of_three_digits(const struct site *site)
{
    return site->expert > 99;
}
static bool last_expert(const struct site *site)
{
    return site->expert == EXPERTS - 1;
}
static bool first_expert(const struct site *site)
{
    return site->expert == 0;
}
static bool odd_experts(const struct site *site)
{
    return site->expert >= 0 && site->expert % 2 == 1;
}
static bool some_experts(const struct site *site)
{
    return site->expert == 5 || site->expert == 9 || site->expert == 77;
}
static bool experts_behind_55_by_alphabet(const struct site *site)
{
    char number[16];
    snprintf(number, sizeof number, "%d", site->expert);
    return site->expert >= 0 && strcmp(number, "55") > 0;
}
static bool last_layer(const struct site *site)
{
    return site->layer == LAYERS - 1;
}
static bool first_layer(const struct site *site)
{
    return site->layer == 0;
}
static bool layers_1(const struct site *site)
{
    return site->layer == 1 || (site->layer >= 10 && site->layer <= 19);
}
static bool upper_half(const struct site *site)
{
    return site->layer >= LAYERS / 2;
}
static bool every_4th_layer(const struct site *site)
{
    return site->layer >= 3 && site->layer % 4 == 3;
}
static bool layers_20_to_27(const struct site *site)
{
    return site->layer >= 20 && site->layer <= 27 && site->expert >= 0;
}
static bool norms(const struct site *site)
{
    return is(site, "layernorm");
}
static bool head_norms(const struct site *site)
{
    return is(site, "q_norm") || is(site, "k_norm");
}
static bool vectors(const struct site *site)
{
    return site->layer >= 0 && is(site, "norm");
}
static bool up_proj(const struct site *site)
{
    return is(site, "up_proj");
}
static bool down_proj_of_upper_half(const struct site *site)
{
    return is(site, "down_proj") && upper_half(site);
}
static bool up_and_down(const struct site *site)
{
    return is(site, "up_proj") || is(site, "down_proj");
}
static bool o_proj(const struct site *site)
{
    return is(site, "o_proj");
}
static bool routers_10_to_19(const struct site *site)
{
    return is(site, "mlp.gate.") && site->layer >= 10 && site->layer <= 19;
}
static bool all_experts(const struct site *site)
{
    return site->expert >= 0;
}
static bool all_but_experts(const struct site *site)
{
    return site->layer >= 0 && site->expert < 0;
}
static bool killed_by_layers(const struct site *site)
{
    return site->layer > 30 || (site->layer == 30 && site->expert >= 50) || is(site, "lm_head") ||
           strcmp(site->name, "model.norm.weight") == 0;
}
static bool killed_by_names(const struct site *site)
{
    return strcmp(site->name, "model.layers.31.mlp.experts.4") > 0;
}
static bool killed_by_experts(const struct site *site)
{
    return site->expert > 83 || (site->expert == 83 && site->layer >= 16);
}
static bool begun_by_experts(const struct site *site)
{
    return site->expert >= 0 && (site->expert < 40 || (site->expert == 40 && site->layer < 7));
}
/* With blemishes: two files of the lost ones came later. */
static bool killed_and_mended(const struct site *site)
{
    return killed_by_experts(site) && !(site->layer == 20 && (site->expert == 90 || site->expert == 95));
}
static bool killed_by_shards(const struct site *site)
{
    return site->shard > 8 || (site->shard == 8 && strcmp(site->name, "model.layers.26.mlp.experts.3") > 0);
}
static bool hole_in_layers(const struct site *site)
{
    int at = site->layer * EXPERTS + site->expert;
    return site->expert >= 0 && at >= 10 * EXPERTS + 33 && at < 13 * EXPERTS + 71;
}
static bool worker_of_seven(const struct site *site)
{
    return site->expert >= 0 && (site->layer * EXPERTS + site->expert) % 7 == 3;
}
static bool diagonal(const struct site *site)
{
    return site->expert >= 0 && (site->layer + site->expert) % 5 == 2;
}
static bool ends_of_layers(const struct site *site)
{
    return site->layer % 6 == 2 && site->expert >= 60 + 7 * site->layer % 50;
}
static bool largest(const struct site *site)
{
    return is(site, "embed_tokens") || is(site, "lm_head");
}
static bool story_and_last_expert(const struct site *site)
{
    return one_shard_first(site) || last_expert(site);
}
static bool story_and_a_stray(const struct site *site)
{
    return one_shard_first(site) || (site->layer == 3 && site->expert == 7);
}
static bool norms_and_shard_and_expert(const struct site *site)
{
    return head_norms(site) || shard_7(site) || site->expert == 64;
}
static bool chance(const struct site *site)
{
    static const int places[][2] = {{3, 46},  {4, 9},   {5, 26},  {6, 92},  {10, 7},  {12, 0},   {16, 18},
                                    {17, 34}, {19, 1},  {21, 12}, {22, 5},  {24, 15}, {27, 107}, {28, 49},
                                    {29, 17}, {32, 71}, {33, 2},  {37, 88}, {41, 60}, {46, 31}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (site->layer == places[i][0] && site->expert == places[i][1])
            return true;
    return false;
}
static bool one_expert(const struct site *site)
{
    return site->layer == 3 && site->expert == 7;
}
static bool one_norm(const struct site *site)
{
    return site->layer == 3 && is(site, "input_layernorm");
}
static bool nothing(const struct site *site)
{
    (void)site;
    return false;
}

/* Which fault, and what must be said of it: kinds of the causes in order, words of the message, and how many absent
 * tensors stay without a cause. */
static const struct fault_row {
    lose *loses;
    const char *kinds;    /* "a b"; "": none */
    const char *words[3]; /* of the message */
    size_t unexplained;   /* with the original's index */
    const char *blind;    /* kinds without the index; NULL: not tried */
} fault_rows[] = {
    {one_shard_first,
     "one-shard-per-layer",
     {"all 12 layers with gaps straddle two shards (1, 5, 9, 13, 17, 21, 25, 29, 33, 37, 41, 45)",
      "every absent tensor lies in the later one: the extractor read one shard per layer, the first",
      "532 experts, 12 pairs of norms and parts of 1 expert"},
     0,
     "end-of-layers"},
    {one_shard_last, "one-shard-per-layer", {"in the earlier one", "one shard per layer, the last"}, 0, NULL},
    {shard_of_one_expert,
     "one-shard-per-layer",
     {"now the earlier, now the later: the extractor read one shard per layer"},
     0,
     NULL},
    {straddling, "straddling-layers", {"passed over layers that lie in more than one shard"}, 0, "layers"},
    {half_expert,
     "one-shard-per-block",
     {"the one block with gaps straddles two shards (expert 81 of layer 17)"},
     0,
     NULL},
    {shard_7, "shards", {"everything of shard 7, model-00007-of-00013.safetensors"}, 0, NULL},
    {shards_3_and_9, "shards", {"everything of shards 3, 9"}, 0, NULL},
    {last_shard, "shards", {"the last shard (13)", "only the first shards were downloaded or read"}, 0, NULL},
    {after_10_shards, "shards", {"the last 3 shards (11-13)", "only the first shards"}, 0, NULL},
    {even_shards, "shards", {"every 2nd shard from 2 on"}, 0, NULL},
    {shards_of_two_digits, "shards", {"shards"}, 0, NULL},
    {experts_1,
     "experts",
     {"the experts whose number begins with 1 (1, 10-19, 100-127) of all 48 layers", "file names"},
     0,
     "experts"},
    {experts_1_below_120,
     "experts",
     {"experts 1, 10-19, 100-119, all with numbers that begin with 1", "file names"},
     0,
     "experts"},
    {experts_not_of_one_digit, "experts", {"all but the experts with 1-digit numbers (0-9)"}, 0, "experts"},
    {experts_of_three_digits, "experts", {"the experts with 3-digit numbers (100-127)"}, 0, "experts"},
    {last_expert,
     "experts",
     {"the last expert (127) of all 48 layers", "a loop that ends one too early"},
     0,
     "experts"},
    {first_expert,
     "experts",
     {"the first expert (0) of all 48 layers", "a loop that begins one too late"},
     0,
     "experts"},
    {odd_experts, "experts", {"every 2nd expert from 1 on", "the step of a loop"}, 0, "experts"},
    {some_experts, "experts", {"experts 5, 9, 77 of all 48 layers: always the same ones"}, 0, "experts"},
    {experts_behind_55_by_alphabet, "experts", {"from 56 on in the order of the alphabet"}, 0, "experts"},
    {last_layer, "layers", {"everything of the last layer (47)", "a loop that ends one too early"}, 0, "layers"},
    {first_layer, "layers", {"everything of the first layer (0)", "a loop that begins one too late"}, 0, "layers"},
    {layers_1, "layers", {"everything of the layers whose number begins with 1 (1, 10-19)"}, 0, "layers"},
    {upper_half, "layers", {"everything of the last 24 layers (24-47)"}, 0, "layers"},
    {every_4th_layer, "layers", {"every 4th layer from 3 on (3, 7, 11", "the step of a loop"}, 0, "layers"},
    {layers_20_to_27, "experts", {"all 128 experts of layers 20-27", "a range that was left out"}, 0, "experts"},
    {norms, "layers", {"both norms of all 48 layers: never looked for"}, 0, "layers"},
    {head_norms, "layers", {"the norms of queries and keys of all 48 layers"}, 0, "layers"},
    {vectors, "layers", {"all norms of all 48 layers"}, 0, "layers"},
    {up_proj, "experts", {"up_proj of all 128 experts of all 48 layers: never looked for"}, 0, "experts"},
    {down_proj_of_upper_half, "experts", {"down_proj of all 128 experts of the last 24 layers"}, 0, "experts"},
    {up_and_down, "experts", {"up_proj and down_proj of all 128 experts of all 48 layers"}, 0, "experts"},
    {o_proj, "layers", {"self_attn.o_proj.weight of all 48 layers"}, 0, "layers"},
    {routers_10_to_19, "layers", {"mlp.gate.weight of layers 10-19"}, 0, "layers"},
    {all_experts, "experts", {"all 128 experts of all 48 layers: never looked for"}, 0, "experts"},
    {all_but_experts, "layers", {"everything but the experts of all 48 layers"}, 0, "layers"},
    {killed_by_layers,
     "order-of-layers",
     {"from 'model.layers.30.mlp.experts.50.gate_proj.weight' on", "the run ended after"},
     0,
     "order-of-layers"},
    {killed_by_names, "order-of-names", {"the order of the alphabet", "the run ended after"}, 0, "order-of-names"},
    {killed_by_experts,
     "order-of-experts",
     {"everything from 'model.layers.16.mlp.experts.83.gate_proj.weight' on"},
     0,
     "order-of-experts"},
    {begun_by_experts, "order-of-files", {"the run began there"}, 0, "order-of-files"},
    {killed_and_mended, "order-of-experts", {"the run ended after", "2 blocks that it would lose are there"}, 0, NULL},
    {killed_by_shards, "order-of-shards", {"the run ended after"}, 0, NULL},
    {hole_in_layers, "order-of-layers", {"a gap in the run"}, 0, "order-of-layers"},
    {worker_of_seven,
     "order-of-layers",
     {"1 of every 7 files of the experts", "one worker of several"},
     0,
     "order-of-layers"},
    {diagonal, "diagonal", {"1 of every 5 experts, one further on in each layer"}, 0, "diagonal"},
    {ends_of_layers, "end-of-layers", {"every 6th layer from 2 on", "behind some tensor"}, 0, "end-of-layers"},
    {largest, "order-of-sizes", {"a limit of size"}, 0, "order-of-sizes"},
    {story_and_last_expert,
     "one-shard-per-layer experts",
     {"2 causes together explain all", "the last expert (127)"},
     0,
     NULL},
    {story_and_a_stray,
     "one-shard-per-layer",
     {"One cause explains 1622 of them: 12 layers straddle two shards",
      "3 more follow no pattern: mlp.experts of layer 3: expert 7"},
     3,
     NULL},
    {norms_and_shard_and_expert,
     "shards layers experts",
     {"3 causes together explain all", "shard 7", "expert 64"},
     0,
     NULL},
    {chance, "", {"They follow no pattern"}, 60, ""},
    {one_expert, "", {"mlp.experts of layer 3: expert 7. They follow no pattern"}, 3, ""},
    {one_norm, "", {"input_layernorm.weight of layer 3. One alone follows no pattern"}, 1, ""},
};

/* The model without what the fault loses. */
static struct store *broken(lose *loses)
{
    struct error error = {0};
    int first[LAYERS] = {0}, last[LAYERS] = {0};
    size_t count = store_text_count(model), dropped = 0;
    const char **names = malloc((count + 1) * sizeof *names);
    struct site *sites = calloc(count, sizeof *sites);
    for (size_t i = 0; i < count; i++) {
        struct site *site = &sites[i];
        struct origin_place place;
        site->name = store_at(model, i)->name;
        tensor_place(store_at(model, i), &site->layer, &site->expert);
        cr_assert(origin_find(origin, site->name, &place));
        site->shard = (int)place.shard + 1;
        if (site->layer < 0)
            continue;
        first[site->layer] = !first[site->layer] || site->shard < first[site->layer] ? site->shard : first[site->layer];
        last[site->layer] = site->shard > last[site->layer] ? site->shard : last[site->layer];
    }
    for (size_t i = 0; i < count; i++) {
        sites[i].first = sites[i].layer < 0 ? 0 : first[sites[i].layer];
        sites[i].last = sites[i].layer < 0 ? 0 : last[sites[i].layer];
        if (loses(&sites[i]))
            names[dropped++] = sites[i].name;
    }
    struct store *overlay = overlay_new(model, &error);
    cr_assert(overlay && overlay_drop_all(overlay, names, dropped, &error), "%s", error_text(&error));
    free(names);
    free(sites);
    return overlay;
}

static double fact(const struct finding *finding, const char *name)
{
    for (size_t i = 0; i < finding->fact_count; i++)
        if (strcmp(finding->facts[i].name, name) == 0)
            return finding->facts[i].number;
    return NAN;
}

static const char *fact_text(const struct finding *finding, const char *name)
{
    for (size_t i = 0; i < finding->fact_count; i++)
        if (strcmp(finding->facts[i].name, name) == 0)
            return finding->facts[i].text;
    return "";
}

static const struct finding *head_of(const struct findings *findings, const char *check)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].summary && strcmp(findings->items[i].check, check) == 0)
            return &findings->items[i];
    cr_assert(false, "no %s", check);
    return NULL;
}

/* What is said of the gaps; free the findings. */
static void judge(const struct store *store, const struct origin *known, struct findings *findings)
{
    struct census census;
    struct error error = {0};
    *findings = (struct findings){0};
    cr_assert(census_take(store, config, known, &census, &error), "%s", error_text(&error));
    cr_assert(gaps_check(&census, NULL, findings, &error), "%s", error_text(&error));
    census_free(&census);
}

static void expect_kinds(const struct findings *findings, const char *kinds, size_t row)
{
    char found[256] = "";
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        if (finding->summary || finding->verdict != VERDICT_FAIL)
            continue;
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%s", *found ? " " : "",
                 fact_text(finding, "pattern"));
    }
    cr_expect_str_eq(found, kinds, "row %zu: '%s', not '%s': %s", row, found, kinds,
                     head_of(findings, "inventory.pattern")->message);
}

static void expect_row(size_t index)
{
    const struct fault_row *row = &fault_rows[index];
    struct store *store = broken(row->loses);
    struct findings findings;
    judge(store, origin, &findings);
    const struct finding *head = head_of(&findings, "inventory.pattern");
    cr_expect_eq(head->verdict, VERDICT_FAIL);
    cr_expect(head->measured == (double)(store_text_count(model) - store_text_count(store)), "row %zu", index);
    cr_expect(fact(head, "unexplained") == (double)row->unexplained, "row %zu: %g unexplained: %s", index,
              fact(head, "unexplained"), head->message);
    for (size_t i = 0; i < 3 && row->words[i]; i++)
        cr_expect(strstr(head->message, row->words[i]), "row %zu: no '%s' in: %s", index, row->words[i], head->message);
    expect_kinds(&findings, row->kinds, index);
    findings_free(&findings);
    if (row->blind) {
        judge(store, NULL, &findings);
        expect_kinds(&findings, row->blind, index);
        cr_expect(strstr(head_of(&findings, "inventory.pattern")->message, "shards are not known"), "row %zu", index);
        findings_free(&findings);
    }
    store_free(store);
}

/* In quarters, so that none takes long. */
static void expect_quarter(size_t quarter)
{
    size_t count = sizeof fault_rows / sizeof *fault_rows;
    for (size_t i = quarter * count / 4; i < (quarter + 1) * count / 4; i++)
        expect_row(i);
}

Test(gaps, every_way_to_lose_tensors_is_named_1, .init = open_model, .fini = close_model)
{
    expect_quarter(0);
}

Test(gaps, every_way_to_lose_tensors_is_named_2, .init = open_model, .fini = close_model)
{
    expect_quarter(1);
}

Test(gaps, every_way_to_lose_tensors_is_named_3, .init = open_model, .fini = close_model)
{
    expect_quarter(2);
}

Test(gaps, every_way_to_lose_tensors_is_named_4, .init = open_model, .fini = close_model)
{
    expect_quarter(3);
}

Test(gaps, nothing_absent_passes, .init = open_model, .fini = close_model)
{
    struct store *store = broken(nothing);
    struct findings findings;
    judge(store, origin, &findings);
    cr_expect_eq(findings.count, 1);
    cr_expect_eq(findings.items[0].verdict, VERDICT_PASS);
    findings_free(&findings);
    store_free(store);
}

/* The original's files, fully open, say what its index alone says. */
Test(gaps, the_index_alone_is_enough, .init = open_model, .fini = close_model)
{
    struct error error = {0};
    struct origin *full = NULL;
    struct store *store = broken(one_shard_first);
    struct findings alone, whole;
    cr_assert(origin_open(MODEL, model, &full, &error), "%s", error_text(&error));
    judge(store, origin, &alone);
    judge(store, full, &whole);
    cr_expect_str_eq(head_of(&alone, "inventory.pattern")->message, head_of(&whole, "inventory.pattern")->message);
    findings_free(&alone);
    findings_free(&whole);
    origin_free(full);
    store_free(store);
}

static bool behind_byte(const struct site *site)
{
    const struct tensor *tensor = store_find(model, site->name);
    return site->shard == 4 && tensor->offset > 700000;
}

Test(gaps, a_shard_that_was_cut_is_named_by_its_bytes, .init = open_model, .fini = close_model)
{
    struct error error = {0};
    struct origin *full = NULL;
    struct store *store = broken(behind_byte);
    struct findings findings;
    cr_assert(origin_open(MODEL, model, &full, &error), "%s", error_text(&error));
    judge(store, full, &findings);
    expect_kinds(&findings, "cut-shard", 0);
    cr_expect(strstr(head_of(&findings, "inventory.pattern")->message, "of shard 4"), "%s",
              head_of(&findings, "inventory.pattern")->message);
    findings_free(&findings);
    origin_free(full);
    store_free(store);
}

/* --- names --- */

/* A name that is not the expected one, and the one that it must be taken for; NULL: for none. */
static const struct name_row {
    const char *absent[4]; /* dropped from the model */
    const char *found;
    const char *shape;
    size_t bytes;
    const char *wanted;
} name_rows[] = {
    {{"model.layers.3.mlp.experts.7.gate_proj.weight"},
     "model.layers.3.mlp.expert.7.gate.weight",
     "[8, 64]",
     1024,
     "model.layers.3.mlp.experts.7.gate_proj.weight"},
    {{"model.layers.3.mlp.experts.7.gate_proj.weight", "model.layers.3.mlp.experts.7.up_proj.weight",
      "model.layers.3.mlp.experts.7.down_proj.weight"},
     "model.layers.3.moe.experts.7.w3",
     "[8, 64]",
     1024,
     "model.layers.3.mlp.experts.7.up_proj.weight"},
    {{"model.layers.3.mlp.experts.7.up_proj.weight", "model.layers.3.mlp.experts.8.up_proj.weight"},
     "model.layers.3.mlp.experts.8.up.weight",
     "[8, 64]",
     1024,
     "model.layers.3.mlp.experts.8.up_proj.weight"},
    {{"model.layers.3.self_attn.q_proj.weight", "model.layers.3.self_attn.k_proj.weight"},
     "model.layers.3.self_attention.q_proj.weight",
     "[64, 64]",
     8192,
     "model.layers.3.self_attn.q_proj.weight"},
    {{"model.layers.3.self_attn.q_proj.weight", "model.layers.3.self_attn.o_proj.weight"},
     "model.layers.3.attention.wo",
     "[64, 64]",
     8192,
     "model.layers.3.self_attn.o_proj.weight"},
    {{"model.layers.3.input_layernorm.weight", "model.layers.3.post_attention_layernorm.weight"},
     "model.layers.3.post_attention_layernorm.gamma",
     "[64]",
     128,
     "model.layers.3.post_attention_layernorm.weight"},
    {{"model.layers.3.input_layernorm.weight"},
     "module.decoder.layers.3.input_layernorm.weight",
     "[64]",
     128,
     "model.layers.3.input_layernorm.weight"},
    {{"model.layers.3.input_layernorm.weight"},
     "transformer.h.3.input_layernorm_1.weight",
     "[64]",
     128,
     "model.layers.3.input_layernorm.weight"},
    {{"model.layers.47.mlp.gate.weight", "model.layers.12.mlp.gate.weight"},
     "model.layers.48.mlp.gate.weight",
     "[128, 64]",
     16384,
     "model.layers.47.mlp.gate.weight"},
    {{"model.layers.3.mlp.gate.weight"},
     "model.layers.3.mlp.router.weight",
     "[128, 64]",
     16384,
     "model.layers.3.mlp.gate.weight"},
    {{"model.embed_tokens.weight"}, "embeddings.weight", "[1536, 64]", 196608, "model.embed_tokens.weight"},
    {{"lm_head.weight"}, "output.weight", "[1536, 64]", 196608, "lm_head.weight"},
    {{"model.layers.3.mlp.gate.weight"}, "model.layers.3.rotary.table", "[7]", 14, NULL},
    {{"model.layers.3.mlp.gate.weight"}, "model.layers.30.something.entirely.else", "[7]", 14, NULL},
};

static void expect_name(size_t index)
{
    const struct name_row *row = &name_rows[index];
    const struct plain_tensor plain = {row->found, "BF16", row->shape, NULL, row->bytes};
    struct error error = {0};
    struct census census;
    struct misnames misnames;
    const char *path = scratch("extra-%zu.safetensors", index);
    write_tensors(path, &plain, 1, NULL);
    struct store *extra = open_store(path), *store = overlay_new(model, &error);
    for (size_t i = 0; i < 4 && row->absent[i]; i++)
        cr_assert(overlay_drop(store, row->absent[i], &error), "%s", error_text(&error));
    cr_assert(census_take(store, config, NULL, &census, &error), "%s", error_text(&error));
    const struct tensor *tensors[] = {store_at(extra, 0)};
    cr_assert(misnames_find(&census, tensors, 1, &misnames));
    const char *found = misnames.count ? census.items[misnames.items[0].item].expected->name : "nothing";
    const char *wanted = row->wanted ? row->wanted : "nothing";
    cr_expect_str_eq(found, wanted, "'%s' is taken for %s, not %s", row->found, found, wanted);
    misnames_free(&misnames);
    census_free(&census);
    store_free(store);
    store_free(extra);
}

Test(names, the_nearest_expected_name_is_found)
{
    open_model();
    for (size_t i = 0; i < sizeof name_rows / sizeof *name_rows; i++)
        expect_name(i);
    close_model();
}

/* The whole model, `to` in place of `from` in its names. */
static struct store *renamed_model(const char *path, const char *from, const char *to)
{
    size_t count = store_text_count(model);
    struct error error = {0};
    struct safetensors_entry *entries = calloc(count, sizeof *entries);
    for (size_t i = 0; i < count; i++) {
        const struct tensor *tensor = store_at(model, i);
        const char *at = strstr(tensor->name, from);
        entries[i] = (struct safetensors_entry){.dtype = tensor->dtype, .rank = tensor->rank};
        memcpy(entries[i].shape, tensor->shape, sizeof entries[i].shape);
        int length =
            at ? asprintf(&entries[i].name, "%.*s%s%s", (int)(at - tensor->name), tensor->name, to, at + strlen(from))
               : asprintf(&entries[i].name, "%s", tensor->name);
        cr_assert(length > 0);
    }
    struct safetensors_writer *writer = safetensors_create(path, entries, count, NULL, &error);
    cr_assert(writer, "%s", error_text(&error));
    for (size_t i = 0; i < count; i++) {
        const struct tensor *tensor = store_at(model, i);
        void *bytes = calloc(tensor->bytes, 1);
        cr_assert(safetensors_put(writer, i, 0, bytes, (size_t)tensor->bytes, &error), "%s", error_text(&error));
        free(bytes);
        free(entries[i].name);
    }
    free(entries);
    cr_assert(safetensors_commit(writer, &error), "%s", error_text(&error));
    return open_store(path);
}

static void inspect(const struct store *store, struct findings *findings)
{
    struct error error = {0};
    const struct inventory_request request = {.store = store, .config = config, .origin = origin, .causes = true};
    *findings = (struct findings){0};
    cr_assert(inventory_inspect(&request, findings, &error), "%s", error_text(&error));
}

/* Some 15,000 blocks for each of 18,867 tensors; to hold each name against each would be a hundred times as many. */
enum { WORK_OF_RENAMING = 1000000000 };

static void expect_renaming(const char *from, const char *to, const char *words, double misnamed)
{
    struct findings findings;
    struct store *store = renamed_model(scratch("renamed.safetensors"), from, to);
    size_t before = work_done();
    inspect(store, &findings);
    size_t work = work_done() - before;
    const struct finding *head = head_of(&findings, "inventory.misnamed");
    cr_expect(head->measured == misnamed, "%g are misnamed, not %g: %s", head->measured, misnamed, head->message);
    cr_expect(strstr(words, ";") || strstr(fact_text(head, "renaming"), words), "no '%s' in '%s'", words,
              fact_text(head, "renaming"));
    const struct finding *pattern = head_of(&findings, "inventory.pattern");
    cr_expect_str_eq(fact_text(pattern, "pattern"), "misnamed", "%s", pattern->message);
    cr_expect(strstr(pattern->message, words) && fact(pattern, "unexplained") == 0, "%s", pattern->message);
    cr_expect_leq(work, WORK_OF_RENAMING, "%zu blocks", work);
    findings_free(&findings);
    store_free(store);
}

Test(names, a_whole_model_of_other_names_is_one_renaming)
{
    open_model();
    expect_renaming(".weight", ".gamma", "'gamma' for 'weight' in all 18867 of them", 18867);
    expect_renaming(".self_attn.", ".self_attention.", "'self_attention' for 'self_attn' in all 288 of them", 288);
    expect_renaming("model.layers.", "backbone.model.block.", "'backbone.model.block' for 'model.layers'", 18864);
    expect_renaming("_layernorm.weight", "_layernorm.module.weight", "'module' too many in all 96", 96);
    expect_renaming(".mlp.experts.", ".experts.", "'mlp' left out", 18432);
    expect_renaming("model.layers.0.", "model.layers.48.", "'48' for '0' in all 393 of them; who counts from 1", 393);
    close_model();
}

/* --- origin --- */

Test(origin, experts_of_a_fused_tensor_lie_where_that_does)
{
    struct error error = {0};
    struct origin *fused = NULL;
    struct origin_place place;
    const char *index = scratch("model.safetensors.index.json");
    write_text(index,
               "{\"weight_map\": {\"model.language_model.layers.2.mlp.experts.gate_up_proj\": \"b-10.safetensors\","
               "\"model.language_model.layers.2.mlp.experts.down_proj\": \"b-9.safetensors\","
               "\"model.visual.x\": \"b-1.safetensors\", \"lm_head.weight\": \"b-2.safetensors\"}}");
    cr_assert(origin_open(index, NULL, &fused, &error) && fused, "%s", error_text(&error));
    cr_expect_eq(origin_shard_count(fused), 4);
    cr_expect(origin_find(fused, "model.layers.2.mlp.experts.5.up_proj.weight", &place));
    cr_expect_str_eq(origin_shard_name(fused, place.shard), "b-10.safetensors");
    cr_expect_eq(place.shard, 3, "numbers count as numbers");
    cr_expect(!place.read);
    cr_expect(origin_find(fused, "model.layers.2.mlp.experts.5.down_proj.weight", &place));
    cr_expect_str_eq(origin_shard_name(fused, place.shard), "b-9.safetensors");
    cr_expect(origin_find(fused, "lm_head.weight", &place) && place.shard == 1);
    cr_expect(!origin_find(fused, "model.layers.3.mlp.experts.5.down_proj.weight", &place));
    cr_expect(!origin_find(fused, "model.layers.2.mlp.experts.5.gate_proj.bias", &place));
    cr_expect(!origin_find(fused, "model.visual.x", &place));
    origin_free(fused);
}

Test(origin, what_is_no_index_is_refused)
{
    static const struct {
        const char *text, *needle;
    } rows[] = {
        {"", "index.json"},
        {"[]", "weight_map"},
        {"{\"weight_map\": {}}", "weight_map"},
        {"{\"weight_map\": {\"lm_head.weight\": 3}}", "lm_head.weight"},
        {"{\"weight_map\": {\"lm_head.weight\": \"\"}}", "lm_head.weight"},
        {"{\"weight_map\": {\"lm_head.weight\": \"a/\"}}", "lm_head.weight"},
        {"{\"weight_map\": {\"a\": \"b\", \"a\": \"c\"}}", "\"a\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {0};
        struct origin *none = NULL;
        const char *path = scratch("%zu/model.safetensors.index.json", i);
        write_text(path, rows[i].text);
        cr_expect(!origin_open(path, NULL, &none, &error) && !none, "row %zu was read", i);
        cr_expect(strstr(error_text(&error), rows[i].needle), "row %zu: %s", i, error_text(&error));
        cr_expect(strstr(error_text(&error), path), "row %zu: %s", i, error_text(&error));
        error_clear(&error);
    }
    struct error error = {0};
    struct origin *none = NULL;
    cr_expect(!origin_open(scratch("nothing.json"), NULL, &none, &error));
    error_clear(&error);
    write_text(scratch("bare/config.json"), "{}");
    cr_expect(origin_open(scratch("bare"), NULL, &none, &error) && !none, "%s", error_text(&error));
}

Test(origin, without_an_index_every_file_is_a_shard)
{
    struct error error = {0};
    struct origin *files = NULL;
    struct origin_place place;
    struct store *store = open_store(NANO "thinker-extraction");
    cr_assert(origin_open(NANO "thinker-extraction", store, &files, &error) && files, "%s", error_text(&error));
    cr_expect(origin_find(files, "model.layers.2.mlp.experts.5.up_proj.weight", &place) && place.read);
    cr_expect_str_eq(origin_shard_name(files, place.shard), "thinker_expert_005_layer_02.safetensors");
    origin_free(files);
    store_free(store);
}

/* --- blast --- */

static const struct finding *blast_of(struct store *store, const struct model_config *of, struct golden **goldens,
                                      size_t count, struct findings *findings)
{
    struct error error = {0};
    struct census census;
    *findings = (struct findings){0};
    cr_assert(census_take(store, of, NULL, &census, &error), "%s", error_text(&error));
    cr_assert(blast_check(&census, goldens, count, findings, &error), "%s", error_text(&error));
    census_free(&census);
    return head_of(findings, "inventory.blast");
}

static void drop_experts(struct store *store, int layer, int first, int last)
{
    struct error error = {0};
    for (int expert = first; expert <= last; expert++) {
        char name[128];
        snprintf(name, sizeof name, "model.layers.%d.mlp.experts.%d.down_proj.weight", layer, expert);
        cr_assert(overlay_drop(store, name, &error), "%s", error_text(&error));
    }
}

/* C(n, k) */
static double choose(int n, int k)
{
    double result = 1;
    for (int i = 0; i < k; i++)
        result = result * (n - i) / (i + 1);
    return n < k ? 0 : result;
}

/* The routing of gold in one layer, counted anew: a token's experts are those that fewer than k have larger logits
 * than. Of those of first .. last: how many tokens chose any, and how often. */
static void count_gold(struct golden *golden, const struct model_config *of, int layer, int first, int last,
                       double *tokens, double *hit, double *lost)
{
    struct error error = {0};
    char path[64];
    *tokens = *hit = *lost = 0;
    snprintf(path, sizeof path, "model.layers.%d.mlp.gate", layer);
    for (size_t c = 0; c < golden_case_count(golden); c++) {
        const struct golden_tensor *tensor = golden_find(golden, c, path);
        cr_assert(tensor && tensor->width == (size_t)of->experts);
        float *logits = malloc(tensor->rows * tensor->width * sizeof *logits);
        cr_assert(golden_read_rows(golden, tensor, 0, tensor->rows, logits, &error), "%s", error_text(&error));
        for (size_t row = 0; row < tensor->rows; row++) {
            const float *values = logits + row * tensor->width;
            int met = 0;
            for (int expert = first; expert <= last; expert++) {
                int larger = 0;
                for (int other = 0; other < of->experts; other++)
                    larger += values[other] > values[expert];
                met += larger < of->experts_per_token;
            }
            *tokens += 1;
            *hit += met > 0;
            *lost += met;
        }
        free(logits);
    }
}

Test(blast, uniform_and_measured_routing)
{
    struct error error = {0};
    struct store *base = open_store(NANO "thinker"), *store = overlay_new(base, &error);
    struct golden *golden = golden_open(NANO "thinker.golden.safetensors", &error);
    struct model_config *nano = config_read(NANO "thinker/config.json", &error);
    struct findings findings;
    cr_assert(golden && nano && store, "%s", error_text(&error));
    drop_experts(store, 2, 4, 5);
    const struct finding *head = blast_of(store, nano, &golden, 1, &findings);
    int experts = nano->experts, k = nano->experts_per_token;
    double expected = 1 - choose(experts - 2, k) / choose(experts, k), tokens, hit, lost;
    count_gold(golden, nano, 2, 4, 5, &tokens, &hit, &lost);
    cr_expect(hit > 0 && hit < tokens, "the case tells nothing");
    cr_expect_float_eq(head->measured, expected, 1e-12);
    cr_expect_float_eq(fact(head, "uniform_tokens"), expected, 1e-12);
    cr_expect_float_eq(fact(head, "uniform_layers_per_token"), expected, 1e-12);
    cr_expect_float_eq(fact(head, "uniform_calls"), 2.0 / experts / nano->layers, 1e-12);
    cr_expect(fact(head, "tokens") == tokens);
    cr_expect_float_eq(fact(head, "measured_tokens"), hit / tokens, 1e-12);
    cr_expect_float_eq(fact(head, "measured_layers_per_token"), hit / tokens, 1e-12);
    cr_expect_float_eq(fact(head, "measured_calls"), lost / tokens / k / nano->layers, 1e-12);
    cr_expect_eq(head->verdict, VERDICT_FAIL);
    cr_expect_eq(head->series_count, 1);
    cr_expect_eq(head->series[0].curve_count, 2);
    findings_free(&findings);
    /* a second layer, all of whose experts are absent */
    drop_experts(store, 4, 0, experts - 1);
    head = blast_of(store, nano, NULL, 0, &findings);
    cr_expect_float_eq(head->measured, 1, 1e-12);
    cr_expect_float_eq(fact(head, "uniform_layers_per_token"), 1 + expected, 1e-12);
    cr_expect(isnan(fact(head, "tokens")));
    findings_free(&findings);
    golden_free(golden);
    free(nano);
    store_free(store);
    store_free(base);
}

Test(blast, what_every_token_meets)
{
    struct error error = {0};
    struct store *base = open_store(NANO "qwen3"), *store = overlay_new(base, &error);
    struct model_config *nano = config_read(NANO "qwen3/config.json", &error);
    struct findings findings;
    cr_assert(nano && store, "%s", error_text(&error));
    const struct finding *head = blast_of(store, nano, NULL, 0, &findings);
    cr_expect(head->verdict == VERDICT_PASS && head->measured == 0);
    findings_free(&findings);
    cr_assert(overlay_drop(store, "model.layers.1.self_attn.k_norm.weight", &error), "%s", error_text(&error));
    head = blast_of(store, nano, NULL, 0, &findings);
    cr_expect(head->verdict == VERDICT_FAIL && head->measured == 1);
    cr_expect(strstr(head->message, "the attention of layer 1"), "%s", head->message);
    findings_free(&findings);
    free(nano);
    store_free(store);
    store_free(base);
}

/* --- chance --- */

/* Loses `losses` blocks of the model that chance chooses; true: a cause is told. */
static bool cause_of_chance(const struct store *base, const struct model_config *of, const struct origin *known,
                            uint64_t seed, size_t losses)
{
    struct error error = {0};
    struct census census;
    struct findings findings = {0};
    struct store *store = overlay_new(base, &error);
    cr_assert(store && census_take(base, of, NULL, &census, &error), "%s", error_text(&error));
    bool *chosen = calloc(census.unit_count, sizeof *chosen);
    const char **names = malloc(census.count * sizeof *names);
    size_t count = 0;
    for (size_t i = 0; i < losses; i++)
        chosen[mix_u64(seed * 1000 + i) % census.unit_count] = true;
    for (size_t i = 0; i < census.count; i++)
        if (chosen[census.items[i].unit] && census.items[i].tensor)
            names[count++] = census.items[i].tensor->name;
    cr_assert(overlay_drop_all(store, names, count, &error), "%s", error_text(&error));
    free(chosen);
    free(names);
    census_free(&census);
    cr_assert(census_take(store, of, known, &census, &error), "%s", error_text(&error));
    cr_assert(gaps_check(&census, NULL, &findings, &error), "%s", error_text(&error));
    bool told = *fact_text(head_of(&findings, "inventory.pattern"), "pattern");
    findings_free(&findings);
    census_free(&census);
    store_free(store);
    return told;
}

/* GAPS_BITS promise one in 64. */
Test(gaps, chance_has_no_cause_in_small_models)
{
    static const char *const models[] = {"llama", "mixtral", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "thinker"};
    size_t told = 0, tried = 0;
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        struct error error = {0};
        char path[256], file[300];
        struct origin *known = NULL;
        snprintf(path, sizeof path, NANO "%s", models[m]);
        snprintf(file, sizeof file, "%s/config.json", path);
        struct store *base = open_store(path);
        struct model_config *of = config_read(file, &error);
        cr_assert(of && origin_open(path, base, &known, &error) && known, "%s", error_text(&error));
        for (uint64_t seed = 0; seed < 60; seed++, tried++)
            told += cause_of_chance(base, of, known, m * 100 + seed, 1 + seed % 12);
        origin_free(known);
        free(of);
        store_free(base);
    }
    cr_expect(told * 32 <= tried, "%zu of %zu losses by chance have a cause", told, tried);
}

Test(gaps, chance_has_no_cause_in_the_large_one, .init = open_model, .fini = close_model)
{
    size_t told = 0;
    for (uint64_t seed = 0; seed < 8; seed++)
        told += cause_of_chance(model, config, origin, seed, 3 + 9 * seed);
    cr_expect(told == 0, "%zu of 8 losses by chance have a cause", told);
}
