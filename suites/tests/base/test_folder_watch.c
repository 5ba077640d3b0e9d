/* What a folder tells of its files: nothing is missed, whatever comes, goes, or comes too fast. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/folder_watch.h"
#include "base/progress.h"
#include "fixtures.h"

static struct folder_watch *watch;

static void make(void)
{
    struct error error = {0};
    scratch_make();
    watch = folder_watch_new(scratch("x"), &error);
    cr_assert(watch, "%s", error_text(&error));
}

static void end(void)
{
    folder_watch_free(watch);
    scratch_remove();
}

TestSuite(folder_watch, .init = make, .fini = end, .timeout = 120);

static bool next(double seconds, struct folder_event *event)
{
    struct error error = {0};
    bool any = false;
    cr_assert(folder_watch_next(watch, seconds, event, &any, &error), "%s", error_text(&error));
    return any;
}

/* The next event, within a minute. */
static void expect(enum folder_change change, const char *path)
{
    struct folder_event event = {0};
    cr_assert(next(60, &event), "no event, where %d of %s was expected", (int)change, path ? path : "the folder");
    cr_expect(event.change == change && !path == !event.path && (!path || strcmp(path, event.path) == 0),
              "%d of %s, not %d of %s", (int)event.change, event.path ? event.path : "the folder", (int)change,
              path ? path : "the folder");
}

static void expect_nothing(void)
{
    struct folder_event event = {0};
    cr_expect(!next(0.05, &event), "%d of %s", (int)event.change, event.path ? event.path : "the folder");
}

/* Passes over events until this one. */
static void until(enum folder_change change, const char *path)
{
    struct folder_event event = {0};
    do
        cr_assert(next(60, &event), "no event, where %d of %s was expected", (int)change, path ? path : "the folder");
    while (event.change != change || (path && strcmp(path, event.path) != 0));
}

static void make_folder(const char *name)
{
    cr_assert(mkdir(scratch("%s", name), 0777) == 0, "%s", name);
}

Test(folder_watch, a_folder_that_comes_later_with_what_is_in_it)
{
    expect_nothing();
    cr_expect(!folder_watch_there(watch));
    make_folder("x");
    expect_nothing();
    cr_expect(folder_watch_there(watch));
    write_text(scratch("y/b/2"), "2");
    write_text(scratch("y/1"), "1");
    cr_assert(rename(scratch("y/b"), scratch("x/b")) == 0);
    expect(FOLDER_FOUND, "b/2");
    cr_assert(rename(scratch("y/1"), scratch("x/1")) == 0);
    expect(FOLDER_WRITTEN, "1");
    expect_nothing();
}

Test(folder_watch, files_that_are_made_written_renamed_and_removed)
{
    write_text(scratch("x/old"), "old");
    expect(FOLDER_FOUND, "old");
    FILE *file = fopen(scratch("x/new"), "wb");
    expect(FOLDER_MADE, "new");
    fputs("new", file);
    fflush(file);
    expect_nothing();
    fclose(file);
    expect(FOLDER_WRITTEN, "new");
    file = fopen(scratch("x/new"), "rb");
    fclose(file);
    expect_nothing();
    cr_assert(rename(scratch("x/new"), scratch("x/newer")) == 0);
    expect(FOLDER_GONE, "new");
    expect(FOLDER_WRITTEN, "newer");
    cr_assert(link(scratch("x/newer"), scratch("x/linked")) == 0);
    expect(FOLDER_MADE, "linked");
    cr_assert(unlink(scratch("x/old")) == 0);
    expect(FOLDER_GONE, "old");
    cr_assert(truncate(scratch("x/newer"), 1) == 0); /* no one had it open */
    file = fopen(scratch("x/newer"), "ab");
    fclose(file);
    expect(FOLDER_WRITTEN, "newer");
    expect_nothing();
}

Test(folder_watch, folders_in_it_come_and_go)
{
    make_folder("x");
    expect_nothing();
    make_folder("x/a");
    write_text(scratch("x/a/1"), "1"); /* before the folder was watched */
    until(FOLDER_FOUND, "a/1");
    write_text(scratch("x/a/2"), "2");
    until(FOLDER_WRITTEN, "a/2");
    cr_assert(rename(scratch("x/a"), scratch("aside")) == 0);
    until(FOLDER_LOST, NULL);
    write_text(scratch("aside/3"), "3"); /* is none of its business any more */
    expect_nothing();
    cr_assert(rename(scratch("aside"), scratch("x/c")) == 0);
    expect(FOLDER_FOUND, "c/1");
    expect(FOLDER_FOUND, "c/2");
    expect(FOLDER_FOUND, "c/3");
    cr_assert(unlink(scratch("x/c/2")) == 0);
    expect(FOLDER_GONE, "c/2");
    cr_assert(symlink(scratch("x/c"), scratch("x/d")) == 0);
    until(FOLDER_FOUND, "d/3");
}

Test(folder_watch, the_folder_itself_goes_and_comes)
{
    write_text(scratch("x/a/1"), "1");
    expect(FOLDER_FOUND, "a/1");
    cr_assert(rename(scratch("x"), scratch("aside")) == 0);
    expect(FOLDER_LOST, NULL);
    expect_nothing();
    cr_expect(!folder_watch_there(watch));
    write_text(scratch("aside/a/2"), "2");
    expect_nothing();
    cr_assert(rename(scratch("aside"), scratch("x")) == 0);
    expect(FOLDER_FOUND, "a/1");
    expect(FOLDER_FOUND, "a/2");
    cr_assert(unlink(scratch("x/a/1")) == 0 && unlink(scratch("x/a/2")) == 0 && rmdir(scratch("x/a")) == 0 &&
              rmdir(scratch("x")) == 0);
    until(FOLDER_LOST, NULL);
    while (folder_watch_there(watch))
        next(0.01, &(struct folder_event){0});
    write_text(scratch("x/a/4"), "4");
    until(FOLDER_FOUND, "a/4");
}

/* As many events as the kernel keeps, and more. */
static long queue_limit(void)
{
    FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    long limit = 0;
    if (!file || fscanf(file, "%ld", &limit) != 1)
        limit = 0;
    if (file)
        fclose(file);
    return limit;
}

Test(folder_watch, more_than_the_kernel_keeps_is_found_again)
{
    long limit = queue_limit();
    if (limit <= 0 || limit > 100000)
        cr_skip_test("the kernel keeps %ld events", limit);
    make_folder("x");
    write_text(scratch("x/a/0"), "");
    until(FOLDER_FOUND, "a/0");
    long count = limit / 2 + 100; /* each is made and closed */
    char path[64];
    strcpy(path, scratch("x/a"));
    size_t length = strlen(path);
    for (long i = 1; i <= count; i++) {
        snprintf(path + length, sizeof path - length, "/%ld", i);
        write_text(path, "");
    }
    bool *found = calloc((size_t)count + 1, sizeof *found), lost = false;
    struct folder_event event;
    while (next(1, &event)) {
        lost = lost || event.change == FOLDER_LOST;
        if (event.change == FOLDER_FOUND)
            found[atol(event.path + 2)] = true;
    }
    cr_expect(lost, "that events were lost is told");
    for (long i = 0; i <= count; i++)
        cr_assert(found[i], "file %ld of %ld was not found", i, count);
    free(found);
    write_text(scratch("x/a/again"), "");
    until(FOLDER_WRITTEN, "a/again");
}

Test(folder_watch, what_is_no_folder_is_refused)
{
    struct error error = {0};
    struct folder_event event;
    bool any;
    write_text(scratch("x"), "");
    cr_expect(!folder_watch_next(watch, 0, &event, &any, &error));
    cr_expect(strstr(error_text(&error), "/x: cannot be watched"), "%s", error_text(&error));
    error_clear(&error);
}

Test(folder_watch, waiting_takes_no_less_than_it_is_told)
{
    struct folder_event event;
    double begin = clock_seconds();
    cr_expect(!next(0.2, &event));
    double took = clock_seconds() - begin;
    cr_expect_geq(took, 0.19, "%g s", took);
}
