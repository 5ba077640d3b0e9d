#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/pool.h"
#include "base/progress.h"
#include "store/layout.h"
#include "store/overlay.h"
#include "store_fixtures.h"
#include "work.h"

#define NANO ASSAY_SOURCE_DIR "/golden/nano/"

static void make(void)
{
    scratch_make();
}

TestSuite(checkpoint, .init = make, .fini = scratch_remove, .timeout = 60);
TestSuite(names, .init = make, .fini = scratch_remove, .timeout = 60);
TestSuite(extraction, .init = make, .fini = scratch_remove, .timeout = 60);
TestSuite(reading, .init = make, .fini = scratch_remove, .timeout = 60);

static void expect_refused(const char *path, const char *needle)
{
    struct error error = {0};
    struct store *store = store_open(path, &error);
    cr_expect(!store, "%s was opened; a refusal with \"%s\" was expected", path, needle);
    cr_expect(store || strstr(error_text(&error), needle), "\"%s\" is not in: %s", needle, error_text(&error));
    cr_expect(store || strstr(error_text(&error), path), "the message does not name %s: %s", path, error_text(&error));
    store_free(store);
    error_clear(&error);
}

/* --- checkpoints --- */

#define TWO_SHARDS "{\"model.a\":\"one.safetensors\",\"model.b\":\"two.safetensors\"}"

Test(checkpoint, a_single_file_comes_before_the_index)
{
    write_one(scratch("m/model.safetensors"), "model.a", "abcd");
    write_index("m", "{\"model.a\":\"absent.safetensors\"}");
    struct store *store = open_store(scratch("m"));
    cr_expect_str_eq(store_format(store), "checkpoint");
    cr_expect_str_eq(store_path(store), scratch("m"));
    cr_expect(store_count(store) == 1 && store_problem_count(store) == 0);
    expect_values(store, "model.a", "abcd", 4);
    store_free(store);
    store = open_store(scratch("m/model.safetensors"));
    cr_expect_str_eq(store_format(store), "safetensors");
    store_free(store);
    store_free(NULL);
}

Test(checkpoint, shards_are_one_store)
{
    write_one(scratch("m/one.safetensors"), "model.a", "abcd");
    write_one(scratch("m/two.safetensors"), "model.b", "efgh");
    write_index("m", TWO_SHARDS);
    static const char *const spellings[] = {"m", "m/", "m/../m/."};
    for (size_t i = 0; i < 3; i++) {
        struct store *store = open_store(scratch("%s", spellings[i]));
        cr_expect(store_problem_count(store) == 0, "%s", store_problem_count(store) ? store_problem(store, 0) : "");
        expect_values(store, "model.a", "abcd", 4);
        expect_values(store, "model.b", "efgh", 4);
        const struct tensor *b = store_find(store, "model.b");
        cr_expect(strstr(b->file, "two.safetensors"), "%s", b->file);
        size_t size;
        char *bytes = read_bytes(b->file, &size);
        cr_expect(memcmp(bytes + b->offset, "efgh", 4) == 0, "the byte range in the file is wrong");
        free(bytes);
        store_free(store);
    }
}

Test(checkpoint, shards_may_lie_in_folders_below)
{
    write_one(scratch("m/x/s.safetensors"), "model.a", "abcd");
    write_one(scratch("m/y/s.safetensors"), "model.b", "efgh");
    write_index("m", "{\"model.a\":\"x/s.safetensors\",\"model.b\":\"y/s.safetensors\"}");
    struct store *store = open_store(scratch("m"));
    cr_expect_eq(store_problem_count(store), 0);
    store_free(store);
    /* same file name, other folder: still another shard */
    write_index("m", "{\"model.a\":\"y/s.safetensors\",\"model.b\":\"x/s.safetensors\"}");
    store = open_store(scratch("m"));
    cr_expect_eq(store_problem_count(store), 2);
    expect_values(store, "model.a", "abcd", 4);
    store_free(store);
}

Test(checkpoint, an_absent_shard_is_a_problem_that_names_shard_and_tensor)
{
    write_one(scratch("m/one.safetensors"), "model.a", "abcd");
    write_index("m",
                "{\"model.a\":\"one.safetensors\",\"model.b\":\"two.safetensors\",\"model.c\":\"two.safetensors\"}");
    struct store *store = open_store(scratch("m"));
    expect_problem(store, "two.safetensors is absent", "2 tensors", "'model.b'");
    cr_expect(store_find(store, "model.a") && !store_find(store, "model.b"));
    store_free(store);
    cr_assert_eq(symlink("nowhere", scratch("m/two.safetensors")), 0);
    store = open_store(scratch("m"));
    expect_problem(store, "two.safetensors is absent", "2 tensors", "'model.b'");
    store_free(store);
    unlink(scratch("m/one.safetensors"));
    expect_refused(scratch("m"), "none of its shards can be read");
}

/* One problem for the shard, not one for each of its tensors. */
Test(checkpoint, a_malformed_shard_is_one_problem)
{
    write_one(scratch("m/one.safetensors"), "model.a", "abcd");
    write_index("m",
                "{\"model.a\":\"one.safetensors\",\"model.b\":\"two.safetensors\",\"model.c\":\"two.safetensors\"}");
    static const char *const broken[] = {"", "garbage that is no header", "\x02\0\0\0\0\0\0\0{}x"};
    static const size_t sizes[] = {0, 25, 11};
    for (size_t i = 0; i < 3; i++) {
        write_bytes(scratch("m/two.safetensors"), broken[i], sizes[i]);
        struct store *store = open_store(scratch("m"));
        expect_problem(store, scratch("m/two.safetensors"), "2 tensors", "'model.b'");
        expect_values(store, "model.a", "abcd", 4);
        store_free(store);
    }
    unlink(scratch("m/two.safetensors"));
    mkdir(scratch("m/two.safetensors"), 0777);
    struct store *store = open_store(scratch("m"));
    expect_problem(store, scratch("m/two.safetensors"), "not a regular file", "'model.b'");
    store_free(store);
}

Test(checkpoint, a_truncated_shard_names_file_and_tensor)
{
    write_one(scratch("m/one.safetensors"), "model.a", "abcd");
    write_one(scratch("m/two.safetensors"), "model.b", "efgh");
    write_index("m", TWO_SHARDS);
    struct stat status;
    stat(scratch("m/two.safetensors"), &status);
    cr_assert_eq(truncate(scratch("m/two.safetensors"), status.st_size - 1), 0);
    struct store *store = open_store(scratch("m"));
    expect_problem(store, scratch("m/two.safetensors"), "tensor 'model.b' ends at byte 4", "truncated");
    store_free(store);
}

Test(checkpoint, the_index_is_held_against_the_shards)
{
    /* b lies in shard one, and the index says two: used where it is */
    static const struct plain_tensor both[] = {{"model.a", "U8", "[4]", "abcd", 4},
                                               {"model.b", "U8", "[4]", "efgh", 4}};
    write_tensors(scratch("m/one.safetensors"), both, 2, NULL);
    write_one(scratch("m/two.safetensors"), "model.c", "ijkl");
    write_index("m",
                "{\"model.a\":\"one.safetensors\",\"model.b\":\"two.safetensors\",\"model.c\":\"two.safetensors\"}");
    struct store *store = open_store(scratch("m"));
    expect_problem(store, "'model.b'", "one.safetensors", "two.safetensors");
    expect_values(store, "model.b", "efgh", 4);
    store_free(store);
    /* named, but in no shard */
    write_index("m", "{\"model.a\":\"one.safetensors\",\"model.b\":\"one.safetensors\",\"model.c\":\"two.safetensors\","
                     "\"model.d\":\"two."
                     "safetensors\"}");
    store = open_store(scratch("m"));
    expect_problem(store, "'model.d'", "two.safetensors", "does not hold it");
    store_free(store);
    /* in a shard, but not named */
    write_index("m", "{\"model.a\":\"one.safetensors\",\"model.c\":\"two.safetensors\"}");
    store = open_store(scratch("m"));
    expect_problem(store, "'model.b'", "one.safetensors", "does not name");
    store_free(store);
}

Test(checkpoint, a_tensor_in_two_shards_is_a_problem)
{
    write_one(scratch("m/one.safetensors"), "model.a", "abcd");
    static const struct plain_tensor both[] = {{"model.a", "U8", "[2]", "xy", 2}, {"model.b", "U8", "[4]", "efgh", 4}};
    write_tensors(scratch("m/two.safetensors"), both, 2, NULL);
    write_index("m", TWO_SHARDS);
    struct store *store = open_store(scratch("m"));
    bool twice = false;
    for (size_t i = 0; i < store_problem_count(store); i++)
        twice |= strstr(store_problem(store, i), "'model.a' occurs twice") &&
                 strstr(store_problem(store, i), "one.safetensors") &&
                 strstr(store_problem(store, i), "two.safetensors");
    cr_expect(twice, "no problem says that the tensor occurs twice");
    expect_values(store, "model.a", "abcd", 4);
    /* also through an overlay each of the two keeps its own size and values */
    struct error error = {0};
    struct store *overlay = overlay_new(store, &error);
    for (size_t i = 0; i < store_count(overlay); i++) {
        const struct tensor *tensor = store_at(overlay, i);
        char *out = malloc(tensor->bytes);
        cr_expect(store_read(overlay, tensor, out, &error), "%s", error_text(&error));
        cr_expect(memcmp(out,
                         tensor->bytes == 2                     ? "xy"
                         : strcmp(tensor->name, "model.a") == 0 ? "abcd"
                                                                : "efgh",
                         tensor->bytes) == 0);
        free(out);
    }
    store_free(overlay);
    store_free(store);
}

Test(checkpoint, a_malformed_index_is_refused)
{
    static const struct {
        const char *index, *needle;
    } rows[] = {
        {"", "malformed JSON"},
        {"{", "malformed JSON"},
        {"[]", "no \"weight_map\""},
        {"null", "no \"weight_map\""},
        {"{}", "no \"weight_map\""},
        {"{\"weight_map\":null}", "no \"weight_map\""},
        {"{\"weight_map\":[]}", "no \"weight_map\""},
        {"{\"weight_map\":{}}", "no \"weight_map\""},
        {"{\"weight_map\":[\"one.safetensors\"]}", "no \"weight_map\""},
        {"{\"weight_map\":\"one.safetensors\"}", "no \"weight_map\""},
        {"{\"weight_map\":{\"model.a\":1}}", "'model.a' is not a string"},
        {"{\"weight_map\":{\"model.a\":null}}", "'model.a' is not a string"},
        {"{\"weight_map\":{\"model.a\":[\"one.safetensors\"]}}", "'model.a' is not a string"},
        {"{\"weight_map\":{\"model.a\":\"one.safetensors\",\"model.a\":\"one.safetensors\"}}",
         "\"model.a\" occurs twice"},
        {"{\"weight_map\":{\"model.a\":\"one.safetensors\"}} x", "goes on after its end"},
        {"{\"weight_map\":{\"model.a\":\"one.safetensors\\u0000\"}}", "NUL"},
        {"{\"weight_map\":{\"model.\xff\":\"one.safetensors\"}}", "not valid UTF-8"},
    };
    write_one(scratch("m/one.safetensors"), "model.a", "abcd");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *index = scratch("m/model.safetensors.index.json");
        write_text(index, rows[i].index);
        struct error error = {0};
        struct store *store = store_open(scratch("m"), &error);
        cr_expect(!store && strstr(error_text(&error), rows[i].needle) && strstr(error_text(&error), index),
                  "row %zu: %s", i, error_text(&error));
        store_free(store);
        error_clear(&error);
    }
}

Test(checkpoint, entries_that_leave_the_folder_are_refused)
{
    write_one(scratch("secret.safetensors"), "model.a", "abcd");
    write_one(scratch("mm/secret.safetensors"), "model.a", "abcd"); /* the folder's name is a prefix of this one's */
    write_one(scratch("m/one.safetensors"), "model.b", "efgh");
    cr_assert_eq(symlink("..", scratch("m/up")), 0);
    cr_assert_eq(symlink("../secret.safetensors", scratch("m/link.safetensors")), 0);
    cr_assert_eq(symlink("../mm/secret.safetensors", scratch("m/beside.safetensors")), 0);
    cr_assert_eq(symlink(scratch("secret.safetensors"), scratch("m/absolute.safetensors")), 0);
    const char *absolute = scratch("secret.safetensors");
    const char *const entries[] = {"../secret.safetensors",
                                   "x/../../secret.safetensors",
                                   "./../secret.safetensors",
                                   "x//../../secret.safetensors",
                                   "..",
                                   "",
                                   "up/secret.safetensors",
                                   "link.safetensors",
                                   "beside.safetensors",
                                   "absolute.safetensors",
                                   absolute};
    mkdir(scratch("m/x"), 0777);
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        char map[512];
        snprintf(map, sizeof map, "{\"model.b\":\"one.safetensors\",\"model.a\":\"%s\"}", entries[i]);
        write_index("m", map);
        struct error error = {0};
        struct store *store = store_open(scratch("m"), &error);
        cr_expect(!store && strstr(error_text(&error), "leaves the folder") && strstr(error_text(&error), "'model.a'"),
                  "'%s': %s", entries[i], error_text(&error));
        store_free(store);
        error_clear(&error);
    }
}

Test(checkpoint, links_that_stay_inside_are_followed)
{
    write_one(scratch("m/real/one.safetensors"), "model.a", "abcd");
    write_one(scratch("m/..two.safetensors"), "model.b", "efgh"); /* two dots at the front are no way out */
    cr_assert_eq(symlink("real/one.safetensors", scratch("m/one.safetensors")), 0);
    cr_assert_eq(symlink("m", scratch("link")), 0); /* the folder itself may be a link */
    write_index("m", "{\"model.a\":\"one.safetensors\",\"model.b\":\"..two.safetensors\"}");
    struct store *store = open_store(scratch("link"));
    cr_expect_eq(store_problem_count(store), 0);
    expect_values(store, "model.b", "efgh", 4);
    store_free(store);
}

/* models--x/snapshots/REV/FILE -> ../../blobs/HASH, as the hub's cache lays it out. */
Test(checkpoint, the_cache_of_the_hub_is_read)
{
    write_one(scratch("models--x/blobs/01ab"), "model.a", "abcd");
    write_one(scratch("models--x/blobs/02cd"), "model.b", "efgh");
    write_one(scratch("models--y/blobs/03ef"), "model.b", "efgh");
    write_one(scratch("models--x/blobs-other/04"), "model.b", "efgh");
    write_index("models--x/snapshots/rev", TWO_SHARDS);
    cr_assert_eq(symlink("../../blobs/01ab", scratch("models--x/snapshots/rev/one.safetensors")), 0);
    static const struct {
        const char *target;
        bool fine;
    } rows[] = {
        {"../../blobs/02cd", true},
        {"../../../models--y/blobs/03ef", false},
        {"../../blobs-other/04", false},
        {"../../blobs/../blobs-other/04", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *link = scratch("models--x/snapshots/rev/two.safetensors");
        unlink(link);
        cr_assert_eq(symlink(rows[i].target, link), 0);
        struct error error = {0};
        struct store *store = store_open(scratch("models--x/snapshots/rev"), &error);
        cr_expect_eq(store != NULL, rows[i].fine, "%s: %s", rows[i].target, error_text(&error));
        cr_expect(rows[i].fine || strstr(error_text(&error), "leaves the folder"), "%s", error_text(&error));
        store_free(store);
        error_clear(&error);
    }
    /* the same links in a folder that is no snapshot */
    write_index("models--x/other/rev", TWO_SHARDS);
    cr_assert_eq(symlink("../../blobs/01ab", scratch("models--x/other/rev/one.safetensors")), 0);
    struct error error = {0};
    cr_expect(!store_open(scratch("models--x/other/rev"), &error) && strstr(error_text(&error), "leaves the folder"),
              "%s", error_text(&error));
    error_clear(&error);
}

Test(checkpoint, a_folder_of_loose_files_opens_without_the_bad_ones)
{
    write_one(scratch("m/b.safetensors"), "model.b", "efgh");
    write_one(scratch("m/a.safetensors"), "model.a", "abcd");
    write_text(scratch("m/notes.txt"), "not a tensor");
    struct store *store = open_store(scratch("m"));
    cr_expect_str_eq(store_format(store), "folder");
    cr_expect(store_count(store) == 2 && store_problem_count(store) == 0);
    store_free(store);
    write_text(scratch("m/bad.safetensors"), "broken");
    store = open_store(scratch("m"));
    cr_expect_eq(store_count(store), 2);
    expect_problem(store, scratch("m/bad.safetensors"), "too few", NULL);
    store_free(store);
    unlink(scratch("m/a.safetensors"));
    unlink(scratch("m/b.safetensors"));
    expect_refused(scratch("m"), "bad.safetensors");
    unlink(scratch("m/bad.safetensors"));
    expect_refused(scratch("m"), "no model here");
    expect_refused(scratch("nowhere"), "no such file or folder");
}

Test(checkpoint, what_is_no_safetensors_file_is_refused)
{
    write_text(scratch("a.gguf"), "GGUF\3\0\0\0");
    expect_refused(scratch("a.gguf"), "truncated");
    write_text(scratch("a.bin"), "PK\3\4 a zip archive, as PyTorch writes them");
    expect_refused(scratch("a.bin"), "is this a safetensors file?");
    cr_assert_eq(mkfifo(scratch("pipe"), 0666), 0);
    expect_refused(scratch("pipe"), "not a regular file"); /* and does not wait for a writer */
}

static size_t work_of_shards(int shards)
{
    enum { EACH = 20 };
    char *map = NULL;
    size_t size = 0;
    FILE *text = open_memstream(&map, &size);
    for (int shard = 0; shard < shards; shard++) {
        char names[EACH][48];
        struct plain_tensor tensors[EACH];
        for (int i = 0; i < EACH; i++) {
            snprintf(names[i], sizeof names[i], "model.layers.%d.x%d.weight", shard, i);
            tensors[i] = (struct plain_tensor){names[i], "U8", "[4]", "abcd", 4};
            fprintf(text, "%s\"%s\":\"s%d.safetensors\"", shard || i ? "," : "{", names[i], shard);
        }
        write_tensors(scratch("m/s%d.safetensors", shard), tensors, EACH, NULL);
    }
    fputc('}', text);
    fclose(text);
    write_index("m", map);
    free(map);
    size_t before = work_done();
    struct store *store = open_store(scratch("m"));
    size_t work = work_done() - before;
    cr_expect(store_count(store) == (size_t)shards * EACH && store_problem_count(store) == 0);
    store_free(store);
    return work;
}

Test(checkpoint, a_thousand_shards_cost_no_square)
{
    size_t few = work_of_shards(250), many = work_of_shards(1000);
    cr_expect_leq(2 * many, 9 * few, "%zu blocks for 250 shards, %zu for 1,000", few, many);
}

/* --- names --- */

Test(names, canonical_spelling)
{
    static const struct {
        const char *disk, *canonical;
    } rows[] = {
        {"model.layers.0.mlp.gate.weight", NULL},
        {"lm_head.weight", NULL},
        {"thinker.model.layers.1.input_layernorm.weight", "model.layers.1.input_layernorm.weight"},
        {"thinker.lm_head.weight", "lm_head.weight"},
        {"thinker.model.norm.weight", "model.norm.weight"},
        {"model.language_model.layers.2.self_attn.q_norm.weight", "model.layers.2.self_attn.q_norm.weight"},
        {"thinker.model.language_model.norm.weight", "model.norm.weight"},
        {"language_model.model.layers.0.mlp.up_proj.weight", "model.layers.0.mlp.up_proj.weight"},
        {"language_model.lm_head.weight", "lm_head.weight"},
        {"layers.3.self_attn.q_proj.bias", "model.layers.3.self_attn.q_proj.bias"},
        {"norm.weight", "model.norm.weight"},
        {"embed_tokens.weight", "model.embed_tokens.weight"},
        {"model.layers.4.block_sparse_moe.gate.weight", "model.layers.4.mlp.gate.weight"},
        {"model.layers.4.block_sparse_moe.experts.7.w1.weight", "model.layers.4.mlp.experts.7.gate_proj.weight"},
        {"model.layers.4.block_sparse_moe.experts.7.w2.weight", "model.layers.4.mlp.experts.7.down_proj.weight"},
        {"model.layers.4.block_sparse_moe.experts.7.w3.weight", "model.layers.4.mlp.experts.7.up_proj.weight"},
        {"something.else", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *expected = rows[i].canonical ? rows[i].canonical : rows[i].disk;
        write_one(scratch("name.safetensors"), rows[i].disk, "abcd");
        struct store *store = open_store(scratch("name.safetensors"));
        const struct tensor *tensor = store_find(store, expected);
        cr_expect(tensor && !tensor->other, "%s: not found as %s but as %s", rows[i].disk, expected,
                  store_at(store, 0)->name);
        cr_expect_str_eq(store_at(store, 0)->disk_name, rows[i].disk);
        store_free(store);
    }
}

Test(names, other_components_come_last_and_are_no_part_of_the_text_model)
{
    static const char *const others[] = {"thinker.audio_tower.layers.0.fc1.weight",
                                         "audio_tower.conv1.weight",
                                         "visual.blocks.0.attn.qkv.weight",
                                         "thinker.visual.merger.weight",
                                         "talker.model.layers.0.mlp.gate.weight",
                                         "code2wav.x",
                                         "token2wav.x",
                                         "model.visual.patch_embed.weight",
                                         "vision_tower.x",
                                         "multi_modal_projector.x"};
    enum { OTHERS = sizeof others / sizeof *others };
    struct plain_tensor tensors[OTHERS + 2];
    for (size_t i = 0; i < OTHERS; i++)
        tensors[i] = (struct plain_tensor){others[i], "U8", "[4]", "wxyz", 4};
    tensors[OTHERS] = (struct plain_tensor){"thinker.model.norm.weight", "U8", "[4]", "abcd", 4};
    tensors[OTHERS + 1] = (struct plain_tensor){"thinker.lm_head.weight", "U8", "[4]", "efgh", 4};
    write_tensors(scratch("others.safetensors"), tensors, OTHERS + 2, NULL);
    struct store *store = open_store(scratch("others.safetensors"));
    struct error error = {0};
    struct store *overlay = overlay_new(store, &error);
    cr_assert_eq(store_count(store), OTHERS + 2);
    for (size_t i = 0; i < OTHERS + 2; i++) {
        const struct tensor *tensor = store_at(store, i);
        cr_expect_eq(tensor->other, i >= 2, "tensor %zu, %s", i, tensor->name);
        cr_expect(!tensor->other || !store_find(store, tensor->name), "%s", tensor->name);
        char out[2][4];
        cr_expect(store_read(store, tensor, out[0], &error) &&
                      store_read(overlay, store_at(overlay, i), out[1], &error) && memcmp(out[0], out[1], 4) == 0,
                  "%s: %s", tensor->name, error_text(&error));
    }
    cr_expect_eq(store_problem_count(store), 0);
    store_free(overlay);
    store_free(store);
}

Test(names, two_spellings_of_one_name_are_a_problem)
{
    static const struct plain_tensor both[] = {{"model.norm.weight", "U8", "[4]", "abcd", 4},
                                               {"norm.weight", "U8", "[4]", "efgh", 4}};
    write_tensors(scratch("twice.safetensors"), both, 2, NULL);
    struct store *store = open_store(scratch("twice.safetensors"));
    expect_problem(store, "'model.norm.weight' occurs twice", "twice.safetensors", NULL);
    expect_values(store, "model.norm.weight", "abcd", 4);
    store_free(store);
}

Test(names, a_name_without_end_is_refused)
{
    char name[20001];
    static const char suffix[] = ".block_sparse_moe.w2.weight";
    static const size_t lengths[] = {400, 480, 500, 511, 512, 600, 20000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        memset(name, 'n', lengths[i]);
        memcpy(name, "layers.", 7);
        memcpy(name + lengths[i] - strlen(suffix), suffix, strlen(suffix) + 1);
        write_one(scratch("long.safetensors"), name, "abcd");
        struct error error = {0};
        struct store *store = store_open(scratch("long.safetensors"), &error);
        cr_expect_eq(store != NULL, lengths[i] + strlen("model.") < 512, "%zu: %s", lengths[i], error_text(&error));
        cr_expect(store || strstr(error_text(&error), "name of more than"), "%s", error_text(&error));
        store_free(store);
        error_clear(&error);
    }
}

/* --- extractions --- */

Test(extraction, holds_what_the_original_holds)
{
    struct store *original = open_store(NANO "thinker"), *extracted = open_store(NANO "thinker-extraction");
    cr_expect_str_eq(store_format(original), "checkpoint");
    cr_expect_str_eq(store_format(extracted), "extraction");
    cr_expect(store_problem_count(original) == 0 && store_problem_count(extracted) == 0);
    size_t text = 0;
    for (size_t i = 0; i < store_count(original); i++) {
        const struct tensor *there = store_at(original, i);
        if (there->other)
            continue;
        text++;
        const struct tensor *here = store_find(extracted, there->name);
        cr_assert(here, "'%s' is not in the extraction", there->name);
        cr_expect(here->dtype == there->dtype && here->rank == there->rank && here->bytes == there->bytes &&
                      memcmp(here->shape, there->shape, (size_t)there->rank * sizeof *here->shape) == 0,
                  "'%s' differs in dtype or shape", there->name);
        unsigned char *values = values_of(original, there->name);
        expect_values(extracted, there->name, values, (size_t)there->bytes);
        free(values);
    }
    cr_expect_eq(store_count(extracted), text);
    cr_expect_gt(text, 100);
    store_free(original);
    store_free(extracted);
}

Test(extraction, bad_files_are_problems)
{
    write_one(scratch("e/norms/thinker_norms_layer_00.safetensors"), "thinker.model.layers.0.input_layernorm.weight",
              "abcd");
    write_text(scratch("e/norms/README.md"), "notes");
    write_text(scratch("e/experts/thinker_expert_000_layer_00.safetensors"), "");
    write_text(scratch("e/stray.safetensors"), "not looked at");
    struct store *store = open_store(scratch("e"));
    cr_expect_str_eq(store_format(store), "extraction");
    expect_problem(store, scratch("e/experts/thinker_expert_000_layer_00.safetensors"), "too few", NULL);
    expect_values(store, "model.layers.0.input_layernorm.weight", "abcd", 4);
    store_free(store);
    unlink(scratch("e/norms/thinker_norms_layer_00.safetensors"));
    expect_refused(scratch("e"), "thinker_expert_000_layer_00.safetensors");
    write_text(scratch("manifest/extraction_manifest.json"), "{}");
    expect_refused(scratch("manifest"), "without a single readable tensor");
}

Test(extraction, the_same_tensor_in_two_files_is_a_problem)
{
    write_one(scratch("e/norms/a.safetensors"), "thinker.model.norm.weight", "abcd");
    write_one(scratch("e/norms/b.safetensors"), "model.norm.weight", "efgh");
    struct store *store = open_store(scratch("e"));
    expect_problem(store, "'model.norm.weight' occurs twice", "norms/a.safetensors", "norms/b.safetensors");
    expect_values(store, "model.norm.weight", "abcd", 4);
    store_free(store);
}

static size_t work_of_files(int files)
{
    for (int i = 0; i < files; i++) {
        char name[64];
        snprintf(name, sizeof name, "thinker.model.layers.%d.mlp.experts.%d.up_proj.weight", i / 128, i % 128);
        write_one(scratch("e/experts/thinker_expert_%03d_layer_%02d.safetensors", i % 128, i / 128), name, "abcd");
    }
    size_t before = work_done();
    struct store *store = open_store(scratch("e"));
    size_t work = work_done() - before;
    cr_expect_eq(store_count(store), (size_t)files);
    store_free(store);
    return work;
}

Test(extraction, thousands_of_files_cost_no_square)
{
    size_t few = work_of_files(500), many = work_of_files(2000);
    cr_expect_leq(2 * many, 9 * few, "%zu blocks for 500 files, %zu for 2,000", few, many);
}

/* --- reading --- */

Test(reading, rows_outside_are_refused)
{
    struct store *store = open_three();
    const struct tensor *tensor = store_find(store, "model.a");
    static const uint64_t ranges[][2] = {{0, 5},          {4, 1},          {5, 0},
                                         {UINT64_MAX, 1}, {1, UINT64_MAX}, {UINT64_MAX, UINT64_MAX}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        struct error error = {0};
        char out[16];
        cr_expect_not(store_read_rows(store, tensor, ranges[i][0], ranges[i][1], out, &error), "row %zu", i);
        cr_expect(strstr(error_text(&error), "'model.a' has 4 rows"), "%s", error_text(&error));
        error_clear(&error);
    }
    store_free(store);
}

Test(reading, shapes_are_seen_as_matrices)
{
    static const struct {
        struct plain_tensor tensor;
        uint64_t rows, columns;
    } rows[] = {
        {{"t", "U8", "[]", NULL, 1}, 1, 1},     {{"t", "U8", "[5]", NULL, 5}, 1, 5},
        {{"t", "U8", "[2,3]", NULL, 6}, 2, 3},  {{"t", "F32", "[2,3,4]", NULL, 96}, 2, 12},
        {{"t", "U8", "[0]", NULL, 0}, 1, 0},    {{"t", "U8", "[0,3]", NULL, 0}, 0, 3},
        {{"t", "U8", "[3,0]", NULL, 0}, 3, 0},  {{"t", "F4", "[3,4]", NULL, 6}, 3, 4},
        {{"t", "F4", "[4,3]", NULL, 6}, 1, 12}, {{"t", "F6_E2M3", "[2,2]", NULL, 3}, 1, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_tensors(scratch("t.safetensors"), &rows[i].tensor, 1, NULL);
        struct store *store = open_store(scratch("t.safetensors"));
        const struct tensor *tensor = store_find(store, "t");
        cr_expect(
            tensor->rows == rows[i].rows && tensor->columns == rows[i].columns && tensor->bytes == rows[i].tensor.bytes,
            "%s %s: %d x %d", rows[i].tensor.dtype, rows[i].tensor.shape, (int)tensor->rows, (int)tensor->columns);
        unsigned char out[100];
        struct error error = {0};
        memset(out, 0xEE, sizeof out);
        cr_expect(store_read(store, tensor, out, &error), "%s", error_text(&error));
        for (size_t k = 0; k < sizeof out; k++)
            cr_assert_eq(out[k], k < tensor->bytes ? k % 251 : 0xEE, "%s %s: byte %zu", rows[i].tensor.dtype,
                         rows[i].tensor.shape, k);
        store_free(store);
    }
}

Test(reading, a_file_that_shrank_or_went_is_an_error_that_names_it)
{
    struct store *store = open_three();
    const struct tensor *tensor = store_find(store, "model.c");
    for (int gone = 0; gone < 2; gone++) {
        struct error error = {0};
        char out[2];
        cr_assert_eq(gone ? unlink(tensor->file) : truncate(tensor->file, (off_t)tensor->offset + 1), 0);
        cr_expect_not(store_read(store, tensor, out, &error));
        cr_expect(strstr(error_text(&error), tensor->file) && strstr(error_text(&error), "'model.c'"), "%s",
                  error_text(&error));
        error_clear(&error);
    }
    store_free(store);
}

static void expect_changed(const struct store *store, const char *how)
{
    struct error error = {0};
    char out[2];
    const struct tensor *tensor = store_find(store, "model.c");
    cr_expect_not(store_read(store, tensor, out, &error), "%s", how);
    cr_expect(strstr(error_text(&error), tensor->file) &&
                  strstr(error_text(&error), "changed while it was being read") && strstr(error_text(&error), how),
              "%s: %s", how, error_text(&error));
    error_clear(&error);
}

/* The header that was read is not the one of these values, though their number is the same. Kept open or not: the file
 * is read once before. */
Test(reading, a_file_that_changes_after_its_header_was_read_is_an_error_that_names_it)
{
    for (int before = 0; before < 2; before++) {
        struct store *store = open_three();
        const char *path = scratch("three.safetensors");
        if (before)
            expect_values(store, "model.c", "xy", 2);
        struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
        cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
        expect_changed(store, "it was written to");
        store_free(store);
        store = open_three();
        if (before)
            expect_values(store, "model.c", "xy", 2);
        FILE *file = fopen(path, "a");
        fputc('x', file);
        fclose(file);
        expect_changed(store, "it has grown");
        store_free(store);
    }
    struct store *store = open_three();
    size_t size = 0;
    char *bytes = read_bytes(scratch("three.safetensors"), &size);
    write_bytes(scratch("other.safetensors"), bytes, size);
    free(bytes);
    cr_assert_eq(rename(scratch("other.safetensors"), scratch("three.safetensors")), 0);
    expect_changed(store, "another file has taken its place");
    cr_assert(unlink(scratch("three.safetensors")) == 0 && mkfifo(scratch("three.safetensors"), 0600) == 0);
    struct error error = {0};
    char out[2];
    cr_expect_not(store_read(store, store_find(store, "model.c"), out, &error));
    cr_expect(strstr(error_text(&error), "not a regular file"), "%s", error_text(&error));
    error_clear(&error);
    store_free(store);
}

#define MANY_FILES 200 /* more than are kept open */

static size_t descriptors_open(void)
{
    struct names names = {0};
    struct error error = {0};
    cr_assert(folder_list("/proc/self/fd", &names, &error), "%s", error_text(&error));
    size_t count = names.count;
    names_free(&names);
    return count;
}

static void read_many(void *context, size_t task, int thread)
{
    (void)thread;
    const struct store *store = context;
    struct error error = {0};
    char name[32], expected[5], out[5] = "";
    size_t which = task * 7 / 3 % MANY_FILES;
    snprintf(name, sizeof name, "model.t%zu", which);
    snprintf(expected, sizeof expected, "%04zu", which);
    if (!store_read(store, store_find(store, name), out, &error) || strcmp(out, expected) != 0)
        cr_expect_fail("%s is %s: %s", name, out, error_text(&error));
    error_clear(&error);
}

Test(reading, many_files_from_several_threads_with_few_descriptors)
{
    for (size_t i = 0; i < MANY_FILES; i++) {
        char values[5], name[32];
        snprintf(values, sizeof values, "%04zu", i);
        snprintf(name, sizeof name, "model.t%zu", i);
        write_one(scratch("many/%zu.safetensors", i), name, values);
    }
    static const rlim_t limits[] = {1024, 40};
    for (size_t i = 0; i < 2; i++) {
        struct rlimit limit;
        cr_assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
        limit.rlim_cur = limits[i];
        cr_assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        size_t before = descriptors_open();
        struct error error = {0};
        struct store *store = open_store(scratch("many"));
        struct pool *pool = pool_new(8, &error);
        cr_assert(pool, "%s", error_text(&error));
        pool_run(pool, 20000, read_many, store);
        cr_expect_leq(descriptors_open(), before + 64, "%zu descriptors are open", descriptors_open());
        pool_free(pool);
        store_free(store);
        cr_expect_eq(descriptors_open(), before);
    }
}

Test(reading, dtype_names_go_both_ways)
{
    for (int i = 0; i < DTYPE_SAFETENSORS; i++) {
        enum dtype back = DTYPE_COUNT;
        cr_expect(dtype_parse(dtype_name((enum dtype)i), &back) && (int)back == i, "%s", dtype_name((enum dtype)i));
        cr_expect(dtype_bits((enum dtype)i) > 0);
        cr_expect_eq(dtype_width((enum dtype)i) != 0, i <= (int)DTYPE_BF16,
                     "the engine computes with F32, F16 and BF16 only");
    }
    enum dtype unused;
    for (int i = DTYPE_SAFETENSORS; i < DTYPE_COUNT; i++) {
        enum dtype dtype = (enum dtype)i;
        cr_expect(!dtype_parse(dtype_name(dtype), &unused), "no safetensors file holds %s", dtype_name(dtype));
        cr_expect(dtype_block(dtype) > 1 && dtype_row_bytes(dtype, dtype_block(dtype)) == dtype_bits(dtype) / 8);
        cr_expect_eq(dtype_computes(dtype), i <= (int)DTYPE_Q6_K, "%s", dtype_name(dtype));
    }
    cr_expect(!dtype_parse("F33", &unused) && !dtype_parse("", &unused));
}

Test(reading, shape_text_fits)
{
    char text[TENSOR_SHAPE_TEXT];
    const uint64_t huge[TENSOR_RANK_MAX] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
                                            UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    cr_expect_str_eq(shape_text((const uint64_t[]){576, 1536}, 2, text), "[576, 1536]");
    cr_expect_str_eq(shape_text(huge, 0, text), "[]");
    shape_text(huge, TENSOR_RANK_MAX, text);
    cr_expect(text[strlen(text) - 1] == ']', "%s", text);
}

Test(reading, shapes_are_the_same_or_not)
{
    struct tensor a = {.dtype = DTYPE_F32, .rank = 2, .shape = {4, 8}}, b = {.rank = 2, .shape = {4, 8, 9}};
    b.dtype = DTYPE_BF16;
    cr_expect(tensor_same_shape(&a, &b) && !tensor_same_kind(&a, &b));
    b.dtype = DTYPE_F32;
    cr_expect(tensor_same_kind(&a, &b));
    b.shape[1] = 4;
    cr_expect(!tensor_same_shape(&a, &b) && !tensor_same_kind(&a, &b));
    b = (struct tensor){.dtype = DTYPE_F32, .rank = 1, .shape = {4}};
    cr_expect(!tensor_same_shape(&a, &b));
    a.rank = b.rank = 0;
    cr_expect(tensor_same_shape(&a, &b), "two scalars");
}

Test(store, the_layout_of_an_extraction)
{
    static const struct {
        const char *canonical, *path, *name;
        enum block block;
        int layer, expert;
    } rows[] = {
        {"model.layers.17.mlp.experts.81.gate_proj.weight", "experts/thinker_expert_081_layer_17.safetensors",
         "thinker.model.layers.17.mlp.experts.81.gate_proj.weight", BLOCK_EXPERTS, 17, 81},
        {"model.layers.100.mlp.experts.1000.up_proj.weight", "experts/thinker_expert_1000_layer_100.safetensors",
         "thinker.model.layers.100.mlp.experts.1000.up_proj.weight", BLOCK_EXPERTS, 100, 1000},
        {"model.layers.3.mlp.gate.weight", "routers/thinker_router_layer_03.safetensors",
         "thinker.model.layers.3.mlp.gate.weight", BLOCK_ROUTERS, 3, -1},
        {"model.layers.3.mlp.gate_proj.weight", "mlp/thinker_mlp_layer_03.safetensors",
         "thinker.model.layers.3.mlp.gate_proj.weight", BLOCK_MLP, 3, -1},
        {"model.layers.3.mlp.shared_expert.up_proj.weight", "mlp/thinker_mlp_layer_03.safetensors",
         "thinker.model.layers.3.mlp.shared_expert.up_proj.weight", BLOCK_MLP, 3, -1},
        {"model.layers.3.self_attn.q_proj.bias", "attention/thinker_attention_layer_03.safetensors",
         "thinker.model.layers.3.self_attn.q_proj.bias", BLOCK_ATTENTION, 3, -1},
        {"model.layers.3.post_attention_layernorm.weight", "norms/thinker_norms_layer_03.safetensors",
         "thinker.model.layers.3.post_attention_layernorm.weight", BLOCK_NORMS, 3, -1},
        {"model.layers.3.something.new", "mlp/thinker_mlp_layer_03.safetensors", "thinker.model.layers.3.something.new",
         BLOCK_MLP, 3, -1},
        {"model.layers.3.mlp.experts.x.up", "mlp/thinker_mlp_layer_03.safetensors",
         "thinker.model.layers.3.mlp.experts.x.up", BLOCK_MLP, 3, -1},
        {"model.embed_tokens.weight", "embeddings/thinker_embeddings.safetensors", "embed_tokens.weight",
         BLOCK_EMBEDDINGS, -1, -1},
        {"lm_head.weight", "lm_head/thinker_lm_head.safetensors", "lm_head.weight", BLOCK_LM_HEAD, -1, -1},
        {"model.norm.weight", "final_norm/thinker_final_norm.safetensors", "thinker.model.norm.weight",
         BLOCK_FINAL_NORM, -1, -1},
        {"model.layers.x.norm", "embeddings/thinker_embeddings.safetensors", "thinker.model.layers.x.norm",
         BLOCK_EMBEDDINGS, -1, -1},
        {"score.weight", "embeddings/thinker_embeddings.safetensors", "score.weight", BLOCK_EMBEDDINGS, -1, -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct layout_place place;
        cr_assert(layout_place(rows[i].canonical, &place), "%s", rows[i].canonical);
        cr_expect_str_eq(place.path, rows[i].path);
        cr_expect_str_eq(place.name, rows[i].name);
        cr_expect(place.block == rows[i].block && place.layer == rows[i].layer && place.expert == rows[i].expert, "%s",
                  rows[i].canonical);
    }
    for (int i = 0; i < BLOCK_COUNT; i++)
        cr_expect_eq(block_parse(block_name((enum block)i)), i);
    cr_expect_eq(block_parse("nothing"), BLOCK_COUNT);
}
