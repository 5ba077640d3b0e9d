/* A history that is written, by processes that are killed and on disks that are full, and read. */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "history/history.h"
#include "history/history_page.h"
#include "history/turns.h"
#include "report_fixtures.h"

enum { CHECKS = 12, SERIES_POINTS = 300 };

static char folder[40], path[60];

static void setup(void)
{
    strcpy(folder, "/tmp/assay-history-XXXXXX");
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/h.db", folder);
}

static void teardown(void)
{
    char command[80];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(history, .init = setup, .fini = teardown);

/* A report of CHECKS checks and a place; check 0 measured `measured`, and fails beyond 1. */
static struct report report_new(const char *started, const char *subject, double measured)
{
    struct report report = {0};
    report_set(&report.command, "check");
    report_set(&report.command_line, "assay check %s", subject);
    report_set(&report.version, "1.0");
    report_set(&report.started, "%s", started);
    report_set(&report.subject.path, "%s", subject);
    report_set(&report.subject.model_type, "llama");
    struct report_gold *gold = report_add_gold(&report);
    where_set(&gold->path, "gold");
    memset(gold->sha256, 'a', 64);
    for (int i = 0; i < CHECKS; i++) {
        char name[20];
        snprintf(name, sizeof name, "check.%d", i);
        struct finding *finding = findings_add(&report.findings, name);
        finding_measured(finding, i ? i : measured, "nats");
        finding_limit(finding, i ? i : 1, "a test");
        finding_judge(finding);
        finding_message(finding, "Check %d.", i);
        double *values = series_curve(finding_series(finding, "s", "s", "x", "y", SERIES_POINTS), "c");
        for (int k = 0; k < SERIES_POINTS; k++)
            values[k] = k / 7.0;
    }
    findings_place(&report.findings, "check.0", VERDICT_PASS);
    finding_marked(&report.findings.items[1], "a text", 6);
    report_conclude(&report);
    return report;
}

static void record(const char *started, const char *subject, double measured)
{
    struct report report = report_new(started, subject, measured);
    struct error error = {0};
    cr_assert(history_record(path, &report, &error), "%s", error_text(&error));
    report_free(&report);
}

/* All runs are whole; how many there are. */
static size_t whole_runs(void)
{
    struct history history;
    struct error error = {0};
    cr_assert(history_read(path, NULL, &history, &error), "%s", error_text(&error));
    for (size_t i = 0; i < history.count; i++)
        cr_assert_eq(history.runs[i].checks, CHECKS, "run %lld has %d checks", history.runs[i].id,
                     history.runs[i].checks);
    size_t count = history.count;
    history_free(&history);
    return count;
}

Test(history, what_was_recorded_is_the_report_without_places_and_texts)
{
    record("2031-01-01T00:00:00Z", "m", 1 / 3.0);
    struct report expected = report_new("2031-01-01T00:00:00Z", "m", 1 / 3.0), found;
    struct error error = {0};
    cr_assert(history_report(path, 1, &found, &error), "%s", error_text(&error));
    cr_expect_eq(found.findings.count, CHECKS);
    cr_expect_str_eq(found.command_line, "assay check m");
    cr_expect_str_eq(found.golds[0].path, "gold");
    cr_expect_eq(found.findings.items[0].measured, 1 / 3.0);
    cr_expect_eq(found.findings.items[3].series[0].curves[0].values[SERIES_POINTS - 1], (SERIES_POINTS - 1) / 7.0);
    cr_expect_null(found.findings.items[1].marked);
    cr_expect_str_eq(found.reason, expected.reason);
    report_free(&found);
    report_free(&expected);
    cr_expect_not(history_report(path, 2, &found, &error));
    cr_expect(strstr(error_text(&error), "there is no run 2"), "%s", error_text(&error));
    error_clear(&error);
}

/* What SQLite writes with, replaced: each write counts down; at 0 it kills the process, or fails as on a full disk. */
static int writes_left;
static bool kills;

static bool write_ends(void)
{
    if (--writes_left > 0)
        return false;
    if (kills)
        kill(getpid(), SIGKILL);
    errno = ENOSPC;
    return true;
}

static ssize_t count_write(int descriptor, const void *data, size_t size)
{
    return write_ends() ? -1 : write(descriptor, data, size);
}

static ssize_t count_pwrite(int descriptor, const void *data, size_t size, off_t offset)
{
    return write_ends() ? -1 : pwrite(descriptor, data, size, offset);
}

static void count_writes(int left, bool kill_then)
{
    static const struct {
        const char *name;
        sqlite3_syscall_ptr call;
    } calls[] = {{"write", (sqlite3_syscall_ptr)count_write},
                 {"pwrite", (sqlite3_syscall_ptr)count_pwrite},
                 {"pwrite64", (sqlite3_syscall_ptr)count_pwrite}};
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    writes_left = left;
    kills = kill_then;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (vfs->xGetSystemCall(vfs, calls[i].name))
            cr_assert_eq(vfs->xSetSystemCall(vfs, calls[i].name, calls[i].call), SQLITE_OK);
}

/* Records in a child whose write number `left` is the last. Its status: 0 recorded, 1 an error, 2 killed. */
static int record_until(int left, bool kill_then)
{
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (!child) {
        struct report report = report_new("2031-01-02T00:00:00Z", "m", 0.5);
        struct error error = {0};
        count_writes(left, kill_then);
        bool good = history_record(path, &report, &error);
        bool told = good || strstr(error_text(&error), path);
        _exit(good ? 0 : told ? 1 : 3);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? 2 : WEXITSTATUS(status);
}

/* From the first write to the last, at each of them once; returns about how many writes a run takes. */
static int record_at_each_write(bool kill_then)
{
    size_t runs = file_exists(path) ? whole_runs() : 0;
    int recorded = 0;
    for (int left = 1; left < 2000; left++) {
        int status = record_until(left, kill_then);
        cr_assert(status == 0 || status == (kill_then ? 2 : 1), "write %d: %d", left, status);
        size_t now = file_exists(path) ? whole_runs() : 0;
        /* Once it is committed it is there, whatever happens to the writes that tidy up. */
        cr_assert(now == runs || now == runs + 1, "write %d: %zu runs, and there were %zu", left, now, runs);
        cr_assert(status == 2 || (status == 0) == (now == runs + 1), "write %d", left);
        runs = now;
        recorded += status == 0;
        if (recorded == 10)
            return left;
    }
    cr_assert(false, "it never ends");
    return 0;
}

Test(history, a_process_that_is_killed_at_any_write_leaves_whole_runs_only)
{
    cr_expect_gt(record_at_each_write(true), 10, "of a new database");
    record("2031-01-03T00:00:00Z", "m", 0.5);
    cr_expect_gt(record_at_each_write(true), 10, "of one that is there");
}

Test(history, a_disk_that_is_full_at_any_write_is_an_error_and_loses_nothing)
{
    cr_expect_gt(record_at_each_write(false), 10, "of a new database");
    record("2031-01-03T00:00:00Z", "m", 0.5);
    cr_expect_gt(record_at_each_write(false), 10, "of one that is there");
    size_t runs = whole_runs();
    record("2031-01-04T00:00:00Z", "m", 0.5);
    cr_expect_eq(whole_runs(), runs + 1);
}

static void execute(const char *sql)
{
    sqlite3 *handle;
    cr_assert_eq(sqlite3_open(path, &handle), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(handle));
    sqlite3_close(handle);
}

static void assert_refused(const char *says)
{
    struct report report = report_new("2031-01-01T00:00:00Z", "m", 0);
    struct history history;
    struct buffer before = {0}, after = {0};
    struct error errors[3] = {{0}};
    cr_assert(file_read(path, (size_t)1 << 30, &before, NULL));
    cr_expect_not(history_record(path, &report, &errors[0]));
    cr_expect_not(history_read(path, NULL, &history, &errors[1]));
    cr_expect_not(history_usable(path, true, &errors[2]));
    for (int i = 0; i < 3; i++) {
        cr_expect(strstr(error_text(&errors[i]), says) && strstr(error_text(&errors[i]), path), "%d: %s", i,
                  error_text(&errors[i]));
        error_clear(&errors[i]);
    }
    cr_assert(file_read(path, (size_t)1 << 30, &after, NULL));
    cr_expect(before.size == after.size && memcmp(before.data, after.data, before.size) == 0,
              "the file is another one");
    buffer_free(&before);
    buffer_free(&after);
    report_free(&report);
}

Test(history, what_is_no_history_is_refused_and_left_as_it_is)
{
    struct error error = {0};
    cr_assert(file_write(
        path, "{\"assay_report\": 1, and more than a header of SQLite is long, so that it is looked at", 86, &error));
    assert_refused("not an SQLite database");
    unlink(path);
    execute("CREATE TABLE theirs (x)");
    assert_refused("not one of assay");
    unlink(path);
    record("2031-01-01T00:00:00Z", "m", 0);
    execute("UPDATE schema_version SET version = 2");
    assert_refused("version 2");
}

Test(history, names_that_are_special_to_sqlite_are_files)
{
    struct report report = report_new("2031-01-01T00:00:00Z", "m", 0);
    struct error error = {0};
    cr_assert_eq(chdir(folder), 0);
    cr_assert(history_record(":memory:", &report, &error), "%s", error_text(&error));
    cr_expect(file_exists("./:memory:"));
    cr_expect_not(history_record("", &report, &error));
    error_clear(&error);
    cr_expect_not(history_record(folder, &report, &error));
    cr_expect(strstr(error_text(&error), "no file"), "%s", error_text(&error));
    error_clear(&error);
    report_free(&report);
    cr_assert_eq(chdir("/"), 0);
}

Test(history, the_first_bad_run_after_a_good_one_is_told_with_what_changed)
{
    record("2031-01-01T00:00:00Z", "m", 0.5);
    record("2031-01-02T00:00:00Z", "n", 2); /* another subject, and bad from the first */
    record("2031-01-03T00:00:00Z", "m", 3);
    record("2031-01-04T00:00:00Z", "m", 4);
    record("2031-01-05T00:00:00Z", "m", NAN);
    record("2031-01-06T00:00:00Z", "m", 0.25);
    struct report report = report_new("2031-01-07T00:00:00Z", "m", 5);
    struct error error = {0};
    report_set(&report.version, "2.0");
    memset(report.golds[0].sha256, 'b', 64);
    cr_assert(history_record(path, &report, &error));
    report_free(&report);
    for (int i = 0; i < 3; i++) {
        static const char *const checks[] = {NULL, "check.0", "check.1"};
        struct history history;
        struct turns turns;
        struct buffer text = {0}, page = {0};
        cr_assert(history_read(path, checks[i], &history, &error), "%s", error_text(&error));
        cr_assert(turns_find(&history, &turns, &error), "%s", error_text(&error));
        cr_assert_eq(history.count, 7);
        cr_assert_eq(turns.count, i == 2 ? 0 : 2);
        if (i < 2) {
            turn_text(&history, &turns.items[0], &text);
            cr_expect(strstr(text.data, "Run 7 of 2031-01-07T00:00:00Z, assay check of m, failed"), "%s", text.data);
            cr_expect(strstr(text.data,
                             "gold (gold, sha256 aaaaaaaaaaaa, now gold, sha256 bbbbbbbbbbbb), version (1.0, "
                             "now 2.0). It has not passed since."),
                      "%s", text.data);
            cr_expect_eq(history.runs[turns.items[1].bad].id, 3);
            cr_expect_eq(history.runs[turns.items[1].mended].id, 6);
        }
        if (i == 1)
            cr_expect(isnan(history.runs[4].measured) && history.runs[4].has_measured &&
                      history.runs[5].measured == 0.25);
        cr_assert(history_page(&history, &turns, &page, &error), "%s", error_text(&error));
        assert_harmless(page.data);
        buffer_free(&page);
        buffer_free(&text);
        turns_free(&turns);
        history_free(&history);
    }
}

Test(history, of_a_baseline_only_runs_that_can_be_compared_are_taken)
{
    record("2031-01-01T00:00:00Z", "m", 0.25);
    record("2031-01-02T00:00:00Z", "n", 2);
    struct report report = report_new("2031-01-03T00:00:00Z", "m", 0.5), found;
    struct error error = {0};
    bool there = false;
    report.subject.layers = 7; /* another model, and the newest */
    cr_assert(history_record(path, &report, &error));
    report.subject.layers = 0;
    cr_assert(history_baseline(path, &report, false, &found, &there, &error), "%s", error_text(&error));
    cr_assert(there);
    cr_expect_eq(found.findings.items[0].measured, 2);
    report_free(&found);
    cr_assert(history_baseline(path, &report, true, &found, &there, &error));
    cr_assert(there);
    cr_expect_eq(found.findings.items[0].measured, 0.25);
    cr_expect_eq(found.findings.count, CHECKS);
    report_free(&found);
    report_set(&report.command, "inspect");
    cr_assert(history_baseline(path, &report, false, &found, &there, &error));
    cr_expect_not(there);
    report_free(&report);
}

Test(history, hostile_text_stays_text)
{
    static const char hostile[] = "<script>'); DROP TABLE runs; --\"\x1b[31m\xff\n</title>";
    record("2031-01-01T00:00:00Z", hostile, 0.5);
    record(hostile, hostile, 2);
    struct history history;
    struct turns turns;
    struct buffer page = {0};
    struct error error = {0};
    cr_assert(history_read(path, "'); DROP TABLE findings; --", &history, &error));
    cr_expect_not(history.runs[0].has_check);
    history_free(&history);
    cr_assert(history_read(path, NULL, &history, &error));
    cr_assert(turns_find(&history, &turns, &error));
    cr_expect_eq(history.count, 2);
    cr_assert(history_page(&history, &turns, &page, &error));
    assert_harmless(page.data);
    buffer_free(&page);
    turns_free(&turns);
    history_free(&history);
}
