/* Checkpoints of one file and of many: shards, their index, and what is refused. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/overlay.h"
#include "store_fixtures.h"
#include "work.h"

static void make(void)
{
    scratch_make();
}

TestSuite(checkpoint, .init = make, .fini = scratch_remove, .timeout = 60);
TestSuite(names, .init = make, .fini = scratch_remove, .timeout = 60);
TestSuite(extraction, .init = make, .fini = scratch_remove, .timeout = 60);
TestSuite(reading, .init = make, .fini = scratch_remove, .timeout = 60);

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
    expect_problem(store, "two.safetensors is a link to 'nowhere', which does not exist", "2 tensors", "'model.b'");
    store_free(store);
    unlink(scratch("m/one.safetensors"));
    expect_not_opened(scratch("m"), "none of its 2 shards can be read");
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
    expect_values(store, "model.a", "xy", 2); /* the last in the order of files, whichever the index names */
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
        {"", "is empty"},
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
    /* what was downloaded into another folder lies in the cache too; but not what is no blob */
    write_index("models--x/other/rev", TWO_SHARDS);
    cr_assert_eq(symlink("../../blobs/01ab", scratch("models--x/other/rev/one.safetensors")), 0);
    cr_assert_eq(symlink("../../blobs/02cd", scratch("models--x/other/rev/two.safetensors")), 0);
    store_free(open_store(scratch("models--x/other/rev")));
    unlink(scratch("models--x/other/rev/two.safetensors"));
    cr_assert_eq(symlink("../../blobs-other/04", scratch("models--x/other/rev/two.safetensors")), 0);
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
    expect_problem(store, scratch("m/bad.safetensors"), "is text, which begins \"broken\"", NULL);
    store_free(store);
    unlink(scratch("m/a.safetensors"));
    unlink(scratch("m/b.safetensors"));
    expect_not_opened(scratch("m"), "bad.safetensors");
    unlink(scratch("m/bad.safetensors"));
    expect_not_opened(scratch("m"), "no model here");
    expect_not_opened(scratch("nowhere"), "no such file or folder");
}

Test(checkpoint, what_is_no_safetensors_file_is_refused)
{
    write_text(scratch("a.gguf"), "GGUF\3\0\0\0");
    expect_not_opened(scratch("a.gguf"), "truncated");
    write_text(scratch("a.bin"), "PK\3\4 a zip archive, as PyTorch writes them");
    expect_not_opened(scratch("a.bin"), "the record at its end is absent");
    cr_assert_eq(mkfifo(scratch("pipe"), 0666), 0);
    expect_not_opened(scratch("pipe"), "not a regular file"); /* and does not wait for a writer */
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
