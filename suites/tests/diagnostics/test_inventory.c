/* What the inventory says of gaps: every way to lose tensors that is known, planted in the bundled reference model. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "inventory/gaps.h"
#include "inventory_fixture.h"
#include "store/overlay.h"
#include "store_fixtures.h"

#define LAYERS 48
#define EXPERTS 128

TestSuite(gaps, .timeout = 600);

/* --- planting --- */

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
    {ends_of_layers, "end-of-layers", {"every 6th layer from 2 on", "after some tensor"}, 0, "end-of-layers"},
    {largest, "order-of-sizes", {"a limit of size"}, 0, "order-of-sizes"},
    {story_and_last_expert,
     "one-shard-per-layer experts",
     {"2 mistakes together would explain all", "the last expert (127)"},
     0,
     NULL},
    {story_and_a_stray,
     "one-shard-per-layer",
     {"One mistake would explain 1622 of them: 12 layers straddle two shards",
      "3 more follow no pattern: mlp.experts of layer 3: expert 7"},
     3,
     NULL},
    {norms_and_shard_and_expert,
     "shards layers experts",
     {"3 mistakes together would explain all", "shard 7", "expert 64"},
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

/* Under the sanitizers a third: all rows go the same ways. */
#if defined(__SANITIZE_ADDRESS__)
#define ROW_STEP 3
#else
#define ROW_STEP 1
#endif

/* In quarters, so that none takes long. */
static void expect_quarter(size_t quarter)
{
    size_t count = sizeof fault_rows / sizeof *fault_rows;
    for (size_t i = quarter * count / 4; i < (quarter + 1) * count / 4; i += ROW_STEP)
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
