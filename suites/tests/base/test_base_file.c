/* Files and folders: hashes, reading, whole files or none, and the memory that a control group allows. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base_fixture.h"
#include "fixtures.h"

static void make(void)
{
    scratch_make();
}

TestSuite(file, .init = make, .fini = scratch_remove, .timeout = 60);

/* --- SHA-256 --- */

Test(file, sha256_known_answers)
{
    static const struct {
        const char *text;
        size_t repeat;
        const char *hex;
    } rows[] = {
        {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"aaaaaaaaaa", 100000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"}, /* one million a */
        {"aaaaaaaaaa", 1000000, "01f4a87caa03d40a3cc6dca62ec91e87da1b50d7bfcae52ba2eaf9edc7d37d9e"},
    };
    for (size_t i = 0; i < COUNT(rows) - 1; i++) {
        struct error error = {0};
        struct sha256 *sha = sha256_new(&error);
        struct buffer all = {0};
        char hex[2][65];
        for (size_t k = 0; k < rows[i].repeat; k++) {
            cr_assert(sha256_update(sha, rows[i].text, strlen(rows[i].text)));
            buffer_text(&all, rows[i].text);
        }
        write_bytes(scratch("hashed"), all.data, all.size);
        cr_assert(sha256_finish(sha, hex[0]) && sha256_file(scratch("hashed"), hex[1], &error), "%s",
                  error_text(&error));
        cr_expect_str_eq(hex[0], rows[i].hex);
        cr_expect_str_eq(hex[1], rows[i].hex);
        buffer_free(&all);
    }
    struct error error = {0};
    char hex[65] = "kept";
    cr_expect_not(sha256_file(scratch("absent"), hex, &error));
    cr_expect(strstr(error_text(&error), "absent") && strcmp(hex, "kept") == 0);
    error_clear(&error);
    cr_expect_not(sha256_file("/tmp", hex, &error), "a folder has no hash");
    cr_expect(strstr(error_text(&error), "/tmp"), "%s", error_text(&error));
    error_clear(&error);
}

/* --- files --- */

/* A pipe, which would be waited for, and a device that has no end. */
Test(file, only_regular_files_are_opened_and_nothing_is_waited_for)
{
    cr_assert_eq(mkfifo(scratch("pipe"), 0600), 0);
    cr_assert_eq(symlink("/dev/zero", scratch("endless")), 0);
    struct buffer unread = {0};
    struct error refused = {0};
    cr_expect_not(file_read(scratch("endless"), 1 << 30, &unread, &refused));
    cr_expect(strstr(error_text(&refused), "is a device") && !unread.capacity, "%s", error_text(&refused));
    error_clear(&refused);
    const char *const others[] = {"pipe", "endless", "."};
    for (size_t i = 0; i < COUNT(others); i++) {
        struct error error = {0};
        char hex[65] = "kept";
        cr_expect_eq(file_open(scratch(others[i]), NULL, &error), -1);
        cr_expect(strstr(error_text(&error), "not a regular file"), "%s", error_text(&error));
        error_clear(&error);
        cr_expect_not(sha256_file(scratch(others[i]), hex, &error));
        cr_expect(strstr(error_text(&error), "not a regular file"), "%s", error_text(&error));
        cr_expect_str_eq(hex, "kept");
        error_clear(&error);
    }
}

static bool path_there(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static size_t entries_in(const char *folder)
{
    struct names names = {0};
    struct error error = {0};
    cr_assert(folder_list(folder, &names, &error), "%s", error_text(&error));
    size_t count = names.count;
    names_free(&names);
    return count;
}

Test(file, reads_whole_files_within_a_limit)
{
    const char *path = scratch("a");
    struct error error = {0};
    struct buffer text = {0};
    write_text(path, "0123456789");
    cr_expect(file_read(path, 10, &text, &error) && text.size == 10 && strcmp(text.data, "0123456789") == 0);
    cr_expect(file_read(path, 10, &text, &error) && text.size == 20, "it appends");
    buffer_free(&text);
    cr_expect_not(file_read(path, 9, &text, &error));
    cr_expect(strstr(error_text(&error), path), "%s", error_text(&error));
    error_clear(&error);
    buffer_free(&text);
    write_text(path, "");
    cr_expect(file_read(path, 0, &text, &error) && text.data && text.size == 0 && !*text.data);
    buffer_free(&text);
    static const char *const bad[] = {"/tmp", "/nowhere/at/all"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        cr_expect_not(file_read(bad[i], 10, &text, &error));
        cr_expect(strstr(error_text(&error), bad[i]), "%s", error_text(&error));
        error_clear(&error);
        buffer_free(&text);
        uint64_t size = 7;
        cr_expect(!file_size(bad[i], &size, &error) && size == 7);
        cr_expect(strstr(error_text(&error), bad[i]), "%s", error_text(&error));
        error_clear(&error);
    }
    cr_expect_not(file_read("/dev/zero", 1 << 20, &text, &error), "without end");
    error_clear(&error);
    buffer_free(&text);
}

Test(file, reads_at_an_offset_or_says_where_the_file_ends)
{
    const char *path = scratch("a");
    write_text(path, "0123456789");
    FILE *file = fopen(path, "rb");
    struct error error = {0};
    char out[11] = "";
    cr_expect(file_read_at(fileno(file), path, 3, out, 4, &error) && strcmp(out, "3456") == 0);
    cr_expect(file_read_at(fileno(file), path, 10, out, 0, &error) &&
              file_read_at(fileno(file), path, 1000, out, 0, &error));
    static const struct {
        uint64_t offset;
        size_t size;
    } rows[] = {{0, 11}, {9, 2}, {10, 1}, {1000, 1}, {INT64_MAX, 1}, {UINT64_MAX, 1}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        cr_expect_not(file_read_at(fileno(file), path, rows[i].offset, out, rows[i].size, &error), "row %zu", i);
        cr_expect(strstr(error_text(&error), path), "%s", error_text(&error));
        error_clear(&error);
    }
    fclose(file);
}

Test(file, appears_whole_at_commit_and_not_before)
{
    const char *folder = scratch("w"), *path = scratch("w/file");
    struct error error = {0};
    struct file_writer *writer = file_create(path, &error);
    cr_assert(writer, "%s", error_text(&error));
    cr_assert(file_append(writer, "abc", 3, &error) && file_write_at(writer, 5, "f", 1, &error) &&
              file_append(writer, "g", 1, &error) && file_write_at(writer, 3, "de", 2, &error));
    cr_expect_not(path_there(path), "the file is there before commit");
    cr_expect_eq(entries_in(folder), 1, "no temporary file");
    cr_assert(file_commit(writer, &error), "%s", error_text(&error));
    size_t size;
    char *text = read_bytes(path, &size);
    cr_expect_str_eq(text, "abcdefg");
    free(text);
    cr_expect_eq(entries_in(folder), 1, "the temporary file was left behind");
}

Test(file, a_failed_write_leaves_the_old_file_and_nothing_else)
{
    const char *folder = scratch("w"), *path = scratch("w/file");
    struct error error = {0};
    write_text(path, "old");
    struct file_writer *writer = file_create(path, &error);
    cr_assert(file_append(writer, "new and longer", 14, &error));
    file_discard(writer);
    file_discard(NULL);
    size_t size;
    char *text = read_bytes(path, &size);
    cr_expect_str_eq(text, "old");
    free(text);
    cr_expect_eq(entries_in(folder), 1);
    cr_assert(file_write(path, "new", 3, &error), "%s", error_text(&error));
    text = read_bytes(path, &size);
    cr_expect_str_eq(text, "new");
    free(text);
}

Test(file, abandoned_writers_leave_nothing)
{
    struct error error = {0};
    for (int round = 0; round < 40; round++) { /* more than there are places */
        write_text(scratch("w/file"), "old");
        struct file_writer *writers[20];
        for (int i = 0; i < 20; i++) {
            writers[i] = file_create(scratch("w/%d", i), &error);
            cr_assert(writers[i] && file_append(writers[i], "new", 3, &error), "%s", error_text(&error));
        }
        cr_expect_eq(entries_in(scratch("w")), 21);
        file_abandon_all();
        cr_expect_eq(entries_in(scratch("w")), 1);
        for (int i = 0; i < 20; i++)
            file_discard(writers[i]);
        file_abandon_all();
        cr_expect(path_there(scratch("w/file")) && entries_in(scratch("w")) == 1, "%zu entries",
                  (size_t)entries_in(scratch("w")));
    }
}

Test(file, what_killed_writers_left_goes_and_nothing_else)
{
    struct error error = {0};
    cr_assert(folder_make(scratch("w"), &error));
    write_text(scratch("w/file.tmp.1x"), "");
    write_text(scratch("w/file.tmp.%d", getpid()), "");
    write_text(scratch("w/other.tmp.999999999"), "");
    pid_t child = fork();
    if (child == 0) {
        file_create(scratch("w/file"), &error);
        _exit(0);
    }
    cr_assert_eq(waitpid(child, NULL, 0), child);
    cr_expect(path_there(scratch("w/file.tmp.%d", child)));
    file_sweep(scratch("w/file"));
    cr_expect(path_there(scratch("w/file.tmp.%d", child)), "it may be another machine's");
    const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    cr_assert(utimensat(AT_FDCWD, scratch("w/file.tmp.%d", child), old, 0) == 0);
    file_sweep(scratch("w/file"));
    cr_expect_not(path_there(scratch("w/file.tmp.%d", child)));
    cr_expect_eq(entries_in(scratch("w")), 3);
}

Test(file, a_rename_that_fails_is_told)
{
    const char *path = scratch("w/taken"), *folder = scratch("w");
    struct error error = {0};
    write_text(scratch("w/taken/inside"), "x"); /* the name is that of a folder which is not empty */
    cr_expect_not(file_write(path, "abc", 3, &error));
    cr_expect(strstr(error_text(&error), path), "%s", error_text(&error));
    error_clear(&error);
    cr_expect(path_there(scratch("w/taken/inside")) && entries_in(folder) == 1, "something was left behind");
    cr_expect_not(file_write(scratch("w/taken/inside/file"), "abc", 3, &error), "a file is no folder");
    error_clear(&error);
    cr_expect_not(file_write("/proc/nowhere/file", "abc", 3, &error));
    cr_expect(strstr(error_text(&error), "/proc/nowhere/file"), "%s", error_text(&error));
    error_clear(&error);
}

/* /dev/full takes the file and refuses every byte. */
Test(file, a_full_disk_is_told)
{
    struct error error = {0};
    const char *path = scratch("w/file");
    char temporary[512];
    snprintf(temporary, sizeof temporary, "%s.tmp.%ld", path, (long)getpid());
    cr_assert_eq(symlink("/dev/full", temporary), 0);
    cr_expect_not(file_write(path, "abc", 3, &error));
    cr_expect(strstr(error_text(&error), "No space left on device"), "%s", error_text(&error));
    cr_expect_not(path_there(path));
    error_clear(&error);
}

Test(file, paths)
{
    static const struct {
        const char *folder, *name, *path;
    } rows[] = {{"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"}, {"", "b", "/b"}};
    for (size_t i = 0; i < COUNT(rows) - 1; i++) {
        char *path = path_join(rows[i].folder, rows[i].name);
        cr_expect_str_eq(path, rows[i].path);
        free(path);
    }
    cr_expect_str_eq(path_base("/a/b.c"), "b.c");
    cr_expect_str_eq(path_base("b.c"), "b.c");
    cr_expect_str_eq(path_base("a/"), "");
}

Test(file, folders)
{
    struct error error = {0};
    const char *deep = scratch("f");
    char *path = path_join(deep, "a//b/./c/");
    cr_expect(folder_make(path, &error) && file_is_folder(path), "%s", error_text(&error));
    cr_expect(folder_make(path, &error), "one that is there already");
    cr_expect(folder_make("/", &error) && folder_make(".", &error), "%s", error_text(&error));
    free(path);
    cr_expect_not(folder_make("", &error), "a folder without a name");
    error_clear(&error);
    write_text(scratch("f/file"), "x");
    cr_expect_not(folder_make(scratch("f/file/x"), &error));
    cr_expect(strstr(error_text(&error), "f/file"), "%s", error_text(&error));
    error_clear(&error);
    cr_expect_not(folder_make(scratch("f/file"), &error), "a file is no folder");
    error_clear(&error);
    write_text(scratch("f/10"), "x");
    write_text(scratch("f/9"), "x");
    write_text(scratch("f/.hidden"), "x");
    struct names names = {0};
    cr_assert(folder_list(deep, &names, &error), "%s", error_text(&error));
    static const char *const expected[] = {".hidden", "10", "9", "a", "file"};
    cr_assert_eq(names.count, 5);
    for (size_t i = 0; i < 5; i++)
        cr_expect_str_eq(names.items[i], expected[i]);
    names_free(&names);
    cr_expect_not(folder_list(scratch("f/9"), &names, &error));
    cr_expect(strstr(error_text(&error), "f/9"), "%s", error_text(&error));
    error_clear(&error);
    cr_expect(file_exists(deep) && file_is_folder(deep) && !file_is_folder(scratch("f/9")) &&
              !file_exists(scratch("f/nothing")));
    names_free(&names);
}

TestSuite(memory, .init = make, .fini = scratch_remove);

Test(memory, the_smallest_limit_of_a_control_group_and_those_above_holds)
{
    static const struct {
        const char *groups;
        struct {
            const char *path, *text;
        } files[3];
        uint64_t limit;
    } rows[] = {
        {"0::/\n", {{"memory.max", "1073741824\n"}}, 1073741824},
        {"0::/\n", {{"memory.max", "max\n"}}, 0},
        {"0::/\n", {{NULL, NULL}}, 0},
        {"0::/a/b\n", {{"memory.max", "max\n"}, {"a/memory.max", "3000\n"}, {"a/b/memory.max", "4000\n"}}, 3000},
        {"0::/a/b\n", {{"a/memory.max", "max\n"}, {"a/b/memory.max", "4000\n"}}, 4000},
        {"0::/a\n", {{"ab/memory.max", "3000\n"}}, 0},
        {"0::/../host\n", {{"memory.max", "5000\n"}}, 5000},
        {"5:cpu,cpuacct:/\n4:memory:/docker/x\n0::/\n", {{"memory/memory.limit_in_bytes", "6000\n"}}, 6000},
        {"4:memory:/x\n", {{"memory/memory.limit_in_bytes", "9223372036854771712\n"}}, 9223372036854771712u},
        {"4:memory:/x\n", {{"memory/x/memory.limit_in_bytes", "7000\n"}}, 7000},
        {"nonsense\n::\n", {{"memory.max", "1\n"}}, 0},
    };
    cr_expect_eq(memory_limit(scratch("nowhere")), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        write_text(scratch("%zu/proc/self/cgroup", i), rows[i].groups);
        for (size_t k = 0; k < 3 && rows[i].files[k].path; k++)
            write_text(scratch("%zu/sys/fs/cgroup/%s", i, rows[i].files[k].path), rows[i].files[k].text);
        uint64_t limit = memory_limit(scratch("%zu", i));
        cr_expect_eq(limit, rows[i].limit, "row %zu: %llu", i, (unsigned long long)limit);
    }
}
