/* What landed so far, file by file; and blocks of the pass alone. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "activations/isolated.h"
#include "arrival/landing.h"
#include "extraction/extract.h"
#include "fixtures.h"
#include "model/model.h"

#define NANO ASSAY_SOURCE_DIR "/golden/nano/"
#define EXPERT "experts/thinker_expert_003_layer_02.safetensors"
#define NORMS "norms/thinker_norms_layer_01.safetensors"

/* An extraction of a nano model in the scratch folder, and what landed of it. */
static struct bench {
    struct store *source;
    struct model_config *config;
    struct pool *pool;
    struct landing *landing;
    struct names files;
    char folder[64];
} bench;

static void must(bool good, const struct error *error)
{
    cr_assert(good, "%s", error_text(error));
}

static void list_files(void)
{
    struct error error = {0};
    for (int block = 0; block < BLOCK_COUNT; block++) {
        struct names names = {0};
        char path[128], name[256];
        snprintf(path, sizeof path, "%s/%s", bench.folder, block_name((enum block)block));
        if (file_is_folder(path))
            must(folder_list(path, &names, &error), &error);
        for (size_t i = 0; i < names.count; i++) {
            snprintf(name, sizeof name, "%s/%.128s", block_name((enum block)block), names.items[i]);
            cr_assert(names_add(&bench.files, name));
        }
        names_free(&names);
    }
}

static void bench_open(const char *model)
{
    struct error error = {0};
    char path[256];
    snprintf(bench.folder, sizeof bench.folder, "%s/x", scratch_make());
    snprintf(path, sizeof path, NANO "%s", model);
    must((bench.source = store_open(path, &error)), &error);
    snprintf(path, sizeof path, NANO "%s/config.json", model);
    must((bench.config = config_read(path, &error)), &error);
    must((bench.pool = pool_new(2, &error)), &error);
    struct extract_result result;
    struct extract_request request = {.store = bench.source,
                                      .folder = bench.folder,
                                      .model = model,
                                      .layers = bench.config->layers,
                                      .experts = bench.config->experts,
                                      .first_layer = -1,
                                      .last_layer = -1,
                                      .pool = bench.pool};
    for (int block = 0; block < BLOCK_COUNT; block++)
        request.blocks[block] = true;
    must(extract_store(&request, &result, &error), &error);
    list_files();
    must((bench.landing = landing_new(bench.folder, bench.config, bench.source, bench.pool, &error)), &error);
}

static void bench_close(void)
{
    landing_free(bench.landing);
    pool_free(bench.pool);
    names_free(&bench.files);
    free(bench.config);
    store_free(bench.source);
    scratch_remove();
}

TestSuite(landing, .timeout = 120, .fini = bench_close);

static const char *whole_path(const char *file)
{
    return scratch("x/%s", file);
}

/* Looks at all files; the state of each must be this. */
static void look_all(enum landing_state state)
{
    struct error error = {0};
    struct landing_verdict *verdicts = calloc(bench.files.count, sizeof *verdicts);
    must(landing_look(bench.landing, (const char *const *)bench.files.items, bench.files.count, verdicts, &error),
         &error);
    for (size_t i = 0; i < bench.files.count; i++) {
        cr_expect_eq(verdicts[i].state, state, "%s: state %d: %s", bench.files.items[i], (int)verdicts[i].state,
                     verdicts[i].message ? verdicts[i].message : "");
        landing_verdict_free(&verdicts[i]);
    }
    free(verdicts);
}

/* Looks at one file; state and check must be these, and the message holds the words. */
static void expect(const char *file, enum landing_state state, const char *check, const char *words)
{
    struct error error = {0};
    struct landing_verdict verdict;
    must(landing_look(bench.landing, &file, 1, &verdict, &error), &error);
    cr_expect_eq(verdict.state, state, "%s: state %d, not %d", file, (int)verdict.state, (int)state);
    cr_expect(!check == !verdict.check && (!check || strcmp(check, verdict.check) == 0), "%s: %s, not %s", file,
              verdict.check ? verdict.check : "nothing wrong", check ? check : "that");
    cr_expect(!words || (verdict.message && strstr(verdict.message, words)), "%s: '%s' does not say '%s'", file,
              verdict.message ? verdict.message : "", words ? words : "");
    landing_verdict_free(&verdict);
}

Test(landing, everything_lands)
{
    bench_open("thinker");
    struct landing_counts none = landing_count(bench.landing);
    cr_assert(none.tensors == 0 && none.blocks == 0 && none.files == 0 && none.bytes == 0);
    cr_assert(none.tensors_expected == 228 && none.files_expected == 78);
    look_all(LANDING_RIGHT);
    struct landing_counts all = landing_count(bench.landing);
    cr_assert(all.tensors == 228 && all.files == 78 && all.blocks == 7 && all.layers == 5, "%zu tensors, %zu files",
              all.tensors, all.files);
    struct expected_list absent = {0};
    cr_assert(landing_absent(bench.landing, &absent) && absent.count == 0);
    look_all(LANDING_KNOWN);
    size_t version = landing_block(bench.landing, 3);
    look_all(LANDING_KNOWN);
    cr_assert(version && landing_block(bench.landing, 3) == version, "what did not change is no change");
}

Test(landing, what_goes_is_absent_again)
{
    bench_open("thinker");
    look_all(LANDING_RIGHT);
    size_t before = landing_block(bench.landing, 3), other = landing_block(bench.landing, 2);
    char *aside = strdup(scratch("aside"));
    cr_assert(rename(whole_path(EXPERT), aside) == 0);
    expect(EXPERT, LANDING_GONE, NULL, NULL);
    cr_expect_eq(landing_block(bench.landing, 3), 0);
    cr_expect_eq(landing_block(bench.landing, 2), other);
    struct expected_list absent = {0};
    cr_assert(landing_absent(bench.landing, &absent) && absent.count == 3);
    cr_expect(absent.items[0].layer == 2 && absent.items[0].expert == 3);
    expected_list_free(&absent);
    cr_assert(rename(aside, whole_path(EXPERT)) == 0);
    expect(EXPERT, LANDING_RIGHT, NULL, NULL);
    cr_expect(landing_block(bench.landing, 3) > before, "it is there again, and may be another");
    free(aside);
}

Test(landing, a_file_that_another_took_the_tensors_from)
{
    bench_open("thinker");
    look_all(LANDING_RIGHT);
    static const char other[] = "experts/thinker_expert_3_layer_2.safetensors";
    cr_assert(link(whole_path(EXPERT), whole_path(other)) == 0);
    expect(other, LANDING_WRONG, "inventory.duplicates", "which is used, and in");
    cr_assert(unlink(whole_path(EXPERT)) == 0);
    expect(other, LANDING_RIGHT, NULL, NULL); /* that the first is gone was not told yet */
    expect(EXPERT, LANDING_GONE, NULL, NULL);
    cr_expect(landing_block(bench.landing, 3) > 0);
}

Test(landing, half_a_file_is_short_and_a_bad_one_is_wrong)
{
    bench_open("thinker");
    size_t size;
    char *whole = read_bytes(whole_path(EXPERT), &size);
    const size_t lengths[] = {0, 7, 8, 100, size / 2, size - 1};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        write_bytes(whole_path(EXPERT), whole, lengths[i]);
        expect(EXPERT, LANDING_SHORT, "inventory.files", EXPERT);
    }
    whole = realloc(whole, size + 1);
    whole[size] = 0;
    write_bytes(whole_path(EXPERT), whole, size + 1);
    expect(EXPERT, LANDING_WRONG, "inventory.files", "1 byte follows");
    write_text(whole_path(EXPERT), "this is no file of tensors");
    expect(EXPERT, LANDING_WRONG, "inventory.files", EXPERT);
    write_tensors(whole_path(EXPERT), NULL, 0, NULL);
    expect(EXPERT, LANDING_SHORT, "inventory.files", "no tensor");
    write_bytes(whole_path(EXPERT), whole, size);
    expect(EXPERT, LANDING_RIGHT, NULL, NULL);
    whole[size - 1] ^= 1;
    write_bytes(whole_path(EXPERT), whole, size);
    expect(EXPERT, LANDING_WRONG, "weights.source", "is not the original's");
    free(whole);
}

Test(landing, a_wrong_file_is_not_absent)
{
    bench_open("thinker");
    look_all(LANDING_RIGHT);
    size_t size;
    char *whole = read_bytes(whole_path(NORMS), &size);
    whole[size - 2] ^= 1; /* not the original's */
    write_bytes(whole_path(NORMS), whole, size);
    expect(NORMS, LANDING_WRONG, "weights.source", NULL);
    struct expected_list absent = {0};
    cr_assert(landing_absent(bench.landing, &absent) && absent.count == 0, "%zu are", absent.count);
    cr_expect_eq(landing_block(bench.landing, 2), 0, "nor is it right");
    cr_assert(unlink(whole_path(NORMS)) == 0);
    expect(NORMS, LANDING_GONE, NULL, NULL);
    cr_assert(landing_absent(bench.landing, &absent) && absent.count == 2);
    expected_list_free(&absent);
    free(whole);
}

Test(landing, embedding_and_head_of_a_tied_model_stand_in_for_each_other)
{
    bench_open("qwen3");
    cr_assert(bench.config->tied);
    look_all(LANDING_RIGHT);
    int last = MODEL_BLOCKS(bench.config) - 1;
    cr_assert(landing_block(bench.landing, 0) && landing_block(bench.landing, last));
    static const char embedding[] = "embeddings/thinker_embeddings.safetensors";
    static const char head[] = "lm_head/thinker_lm_head.safetensors";
    size_t size, header = 0;
    char *bytes = read_bytes(whole_path(embedding), &size);
    memcpy(&header, bytes, 8);
    const struct tensor *tensor = store_find(bench.source, "model.embed_tokens.weight");
    char shape[64];
    snprintf(shape, sizeof shape, "[%d,%d]", bench.config->vocabulary, bench.config->hidden);
    const struct plain_tensor lone = {"lm_head.weight", dtype_name(tensor->dtype), shape, bytes + 8 + header,
                                      (size_t)tensor->bytes};
    cr_assert(unlink(whole_path(embedding)) == 0);
    expect(embedding, LANDING_GONE, NULL, NULL);
    cr_expect(!landing_block(bench.landing, 0));
    landing_free(bench.landing);
    struct error error = {0}; /* the original has no head to compare with */
    must((bench.landing = landing_new(bench.folder, bench.config, NULL, bench.pool, &error)), &error);
    write_tensors(whole_path(head), &lone, 1, NULL);
    expect(head, LANDING_RIGHT, NULL, NULL);
    cr_expect(landing_block(bench.landing, 0), "the head is the embedding");
    struct store *store = landing_block_store(bench.landing, 0, &error);
    must(store, &error);
    cr_expect(store_find(store, "lm_head.weight"));
    store_free(store);
    free(bytes);
}

/* --- blocks alone --- */

/* What a whole pass computed, and a pass over one block must. */
struct kept {
    float *inputs[64]; /* [blocks]: the residual stream before it */
    float *logits;
    int block;  /* under way; -1: the whole pass, which is kept */
    int judged; /* places compared */
};

static int block_of_point(const struct activation *activation, int layers)
{
    return activation->point == POINT_EMBEDDING ? 0 : activation->layer >= 0 ? activation->layer + 1 : layers + 1;
}

static bool is_residual(const struct activation *activation)
{
    return activation->point == POINT_EMBEDDING || activation->point == POINT_LAYER;
}

static bool keep(void *context, const struct activation *activation, struct error *error)
{
    struct kept *kept = context;
    size_t bytes = activation->rows * activation->width * sizeof(float);
    int block = block_of_point(activation, bench.config->layers);
    (void)error;
    float **place = activation->point == POINT_HEAD ? &kept->logits
                    : is_residual(activation)       ? &kept->inputs[block + 1]
                                                    : NULL;
    if (kept->block < 0 && place) {
        *place = malloc(bytes);
        memcpy(*place, activation->values, bytes);
    } else if (kept->block >= 0 && block == kept->block - 1) {
        cr_assert(is_residual(activation), "of the block before, nothing is computed: %s", activation->path);
        for (size_t i = 0; i < activation->rows * activation->width; i++)
            cr_assert(activation->values[i] == 0, "the pass begins with zeros");
        memcpy(activation->values, kept->inputs[kept->block], bytes);
    } else if (kept->block >= 0) {
        cr_assert_eq(block, kept->block, "%s is not of block %d", activation->path, kept->block);
        cr_assert(!place || memcmp(*place, activation->values, bytes) == 0, "%s differs", activation->path);
        kept->judged += place != NULL;
    }
    return true;
}

Test(landing, a_block_alone_computes_what_it_computes_in_the_whole)
{
    static const char *const models[] = {"thinker", "qwen3", "qwen2_window"};
    static const int ids[] = {5, 17, 300, 2, 44, 101, 7};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        struct error error = {0};
        struct kept kept = {.block = -1};
        const struct sequence sequence = {.ids = ids, .count = 7};
        const struct probe probe = {.see = keep, .context = &kept};
        struct model_options options = {.threads = 2, .exact = true, .missing = MISSING_DEFAULT};
        bench_open(models[i]);
        look_all(LANDING_RIGHT);
        struct model *model = model_open(bench.source, bench.config, &options, &error);
        must(model && model_forward(model, &sequence, 1, &probe, &error), &error);
        cr_assert_eq(model_layers(model), bench.config->layers);
        model_free(model);
        for (kept.block = 0; kept.block < MODEL_BLOCKS(bench.config); kept.block++) {
            struct store *store = landing_block_store(bench.landing, kept.block, &error);
            options.first_block = kept.block;
            options.end_block = kept.block + 1;
            kept.judged = 0;
            model = store ? model_open(store, bench.config, &options, &error) : NULL;
            must(model && model_forward(model, &sequence, 1, &probe, &error), &error);
            cr_assert_eq(kept.judged, 1, "block %d", kept.block);
            cr_assert_eq(model_layers(model), kept.block > 0 && kept.block <= bench.config->layers);
            model_free(model);
            store_free(store);
        }
        for (size_t block = 0; block < 64; block++)
            free(kept.inputs[block]);
        free(kept.logits);
        if (i + 1 < sizeof models / sizeof *models) {
            bench_close();
            memset(&bench, 0, sizeof bench);
        }
    }
}

Test(landing, a_block_that_is_run_again_is_judged_anew)
{
    struct error error = {0};
    struct limits limits = {0};
    struct isolated_result result;
    bench_open("thinker");
    look_all(LANDING_RIGHT);
    struct golden *golden = golden_open(NANO "thinker.golden.safetensors", &error);
    must(golden && limits_init(&limits, &error), &error);
    struct isolated *isolated = isolated_new(&golden, 1, bench.config, &limits, 2, &error);
    must(isolated, &error);
    size_t size;
    char *norms = read_bytes(whole_path(NORMS), &size);
    for (int turn = 0; turn < 3; turn++) {
        norms[size - 1] ^= turn ? 0x01 : 0; /* wrong in the second turn, right again in the third */
        write_bytes(whole_path(NORMS), norms, size);
        const char *files[256];
        size_t count = 0;
        for (size_t i = 0; i < bench.files.count; i++)
            if (strstr(bench.files.items[i], "_layer_01"))
                files[count++] = bench.files.items[i];
        struct store *store = store_open_files(bench.folder, files, count, &error);
        must(store && isolated_run(isolated, store, 2, &result, &error), &error);
        cr_expect(result.compared == 8 && (result.bad > 0) == (turn == 1), "turn %d: %zu of %zu bad", turn, result.bad,
                  result.compared);
        store_free(store);
    }
    struct findings findings = {0};
    must(isolated_report(isolated, &findings, &error), &error);
    cr_expect(findings.count == 1 && findings.items[0].verdict == VERDICT_PASS, "%s", findings.items[0].message);
    findings_free(&findings);
    isolated_free(isolated);
    limits_free(&limits);
    golden_free(golden);
    free(norms);
}
