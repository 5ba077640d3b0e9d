#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "changes/provenance.h"
#include "history/database.h"
#include "history/history.h"
#include "reports/reports.h"

static const char runs_sql[] =
    "SELECT r.id, r.started, r.command, r.command_line, r.version, r.commit_id, r.subject_path, r.subject_sha256,"
    " r.verdict, r.reason, r.severity, r.nats, r.perplexity_ratio, r.passed, r.warned, r.failed, r.skipped,"
    " (SELECT count(*) FROM findings WHERE run = r.id), f.check_id, f.verdict, f.measured, f.limit_value, f.unit"
    " FROM runs r LEFT JOIN findings f ON f.run = r.id AND f.check_id = ?1 ORDER BY r.started, r.id, f.number";

static const char *text_at(sqlite3_stmt *statement, int column)
{
    return (const char *)sqlite3_column_text(statement, column);
}

/* NaN where there is none; what is not finite is text. */
static double number_at(sqlite3_stmt *statement, int column)
{
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_TEXT:
        return strtod(text_at(statement, column), NULL);
    case SQLITE_INTEGER:
    case SQLITE_FLOAT:
        return sqlite3_column_double(statement, column);
    default:
        return NAN;
    }
}

static bool there_at(sqlite3_stmt *statement, int column)
{
    return sqlite3_column_type(statement, column) != SQLITE_NULL;
}

static enum verdict verdict_at(sqlite3_stmt *statement, int column)
{
    enum verdict verdict = VERDICT_ERROR;
    const char *name = text_at(statement, column);
    return name && verdict_parse(name, &verdict) ? verdict : VERDICT_ERROR;
}

static struct history_run run_at(sqlite3_stmt *statement)
{
    struct history_run run = {.id = sqlite3_column_int64(statement, 0),
                              .verdict = verdict_at(statement, 8),
                              .nats = number_at(statement, 11),
                              .perplexity = number_at(statement, 12),
                              .passed = sqlite3_column_int(statement, 13),
                              .warned = sqlite3_column_int(statement, 14),
                              .failed = sqlite3_column_int(statement, 15),
                              .skipped = sqlite3_column_int(statement, 16),
                              .checks = sqlite3_column_int(statement, 17),
                              .measured = NAN,
                              .limit = NAN};
    char **const texts[] = {&run.started, &run.command, &run.command_line, &run.version, &run.commit, &run.subject,
                            &run.weights, NULL,         &run.reason,       &run.severity};
    for (int i = 0; i < (int)(sizeof texts / sizeof *texts); i++)
        if (texts[i])
            where_set(texts[i], text_at(statement, i + 1));
    return run;
}

static int badness(enum verdict verdict)
{
    static const int order[] = {
        [VERDICT_SKIP] = 0, [VERDICT_PASS] = 1, [VERDICT_WARN] = 2, [VERDICT_FAIL] = 3, [VERDICT_ERROR] = 4};
    return order[verdict];
}

/* The worse of this and what the run has of the check already. */
static void check_add(sqlite3_stmt *statement, struct history_run *run)
{
    enum verdict verdict = verdict_at(statement, 19);
    double measured = number_at(statement, 20);
    bool worse = badness(verdict) > badness(run->check_verdict) ||
                 (verdict == run->check_verdict && !isnan(run->measured) && !(measured <= run->measured));
    if (!there_at(statement, 18) || (run->has_check && !worse))
        return;
    run->has_check = true;
    run->check_verdict = verdict;
    run->has_measured = there_at(statement, 20);
    run->measured = measured;
    run->has_limit = there_at(statement, 21);
    run->limit = number_at(statement, 21);
    where_set(&run->unit, text_at(statement, 22));
}

static bool runs_read(struct database *database, struct history *history, struct error *error)
{
    sqlite3_stmt *statement = database_prepare(database, runs_sql, error);
    bool row = true, good = statement;
    if (good && history->check)
        sqlite3_bind_text(statement, 1, history->check, -1, SQLITE_TRANSIENT);
    while (good && (good = database_step(database, statement, &row, error)) && row) {
        long long id = sqlite3_column_int64(statement, 0);
        bool again = history->count && history->runs[history->count - 1].id == id;
        if (!again && !array_push(history->runs, history->count, history->capacity, run_at(statement)))
            good = error_memory(error, database->path);
        else
            check_add(statement, &history->runs[history->count - 1]);
    }
    sqlite3_finalize(statement);
    return good;
}

bool history_read(const char *path, const char *check, struct history *history, struct error *error)
{
    struct database database;
    *history = (struct history){0};
    where_set(&history->path, path);
    where_set(&history->check, check);
    bool good = database_open(path, false, &database, error);
    if (good) {
        good = database.empty || runs_read(&database, history, error);
        database_close(&database);
    }
    if (!good)
        history_free(history);
    return good;
}

void history_free(struct history *history)
{
    for (size_t i = 0; i < history->count; i++) {
        struct history_run *run = &history->runs[i];
        char *const texts[] = {run->started, run->command, run->command_line, run->version,  run->commit,
                               run->subject, run->weights, run->reason,       run->severity, run->unit};
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
            free(texts[k]);
    }
    free(history->runs);
    free(history->path);
    free(history->check);
    *history = (struct history){0};
}

/* The document of a row, in its column 0; NULL: none, or `error`. */
static cJSON *document_at(struct database *database, sqlite3_stmt *statement, const char *name, struct error *error)
{
    const char *text = text_at(statement, 0);
    if (!text) {
        error_memory(error, database->path);
        return NULL;
    }
    return json_parse(name, text, (size_t)sqlite3_column_bytes(statement, 0), error);
}

static bool findings_add_to(struct database *database, long long id, const char *name, cJSON *findings,
                            struct error *error)
{
    sqlite3_stmt *statement =
        database_prepare(database, "SELECT document FROM findings WHERE run = ?1 ORDER BY number", error);
    bool row = true, good = statement;
    if (good)
        sqlite3_bind_int64(statement, 1, id);
    while (good && (good = database_step(database, statement, &row, error)) && row) {
        cJSON *finding = document_at(database, statement, name, error);
        good = finding && (cJSON_AddItemToArray(findings, finding) || error_memory(error, name));
    }
    sqlite3_finalize(statement);
    return good;
}

/* `document` is the run's, and becomes whole. */
static bool report_of(struct database *database, long long id, cJSON *document, struct report *report,
                      struct error *error)
{
    char name[400];
    snprintf(name, sizeof name, "%.300s, run %lld", database->path, id);
    cJSON *findings = document ? cJSON_AddArrayToObject(document, "findings") : NULL;
    return (findings || error_memory(error, name)) && findings_add_to(database, id, name, findings, error) &&
           report_from_json(document, name, report, error);
}

bool history_report(const char *path, long long id, struct report *report, struct error *error)
{
    struct database database;
    bool row = false;
    if (!database_open(path, false, &database, error))
        return false;
    sqlite3_stmt *statement = database_prepare(&database, "SELECT document FROM runs WHERE id = ?1", error);
    bool good = statement && sqlite3_bind_int64(statement, 1, id) == SQLITE_OK &&
                database_step(&database, statement, &row, error) &&
                (row || error_set(error, "%s: there is no run %lld", path, id));
    cJSON *document = good ? document_at(&database, statement, path, error) : NULL;
    good = document && report_of(&database, id, document, report, error);
    cJSON_Delete(document);
    sqlite3_finalize(statement);
    database_close(&database);
    return good;
}

/* Is the run of this row, whose document is in column 0 and its id in column 1, one that `now` can be held against? */
static bool baseline_at(struct database *database, sqlite3_stmt *statement, const struct report *now,
                        struct report *report, bool *found, struct error *error)
{
    struct report head = {0};
    char *why = NULL;
    long long id = sqlite3_column_int64(statement, 1);
    cJSON *document = document_at(database, statement, database->path, error);
    cJSON *none = document ? cJSON_AddArrayToObject(document, "findings") : NULL;
    bool good =
        (none || error_memory(error, database->path)) && report_from_json(document, database->path, &head, error);
    *found = good && provenance_comparable(&head, now, &why);
    free(why);
    if (*found) {
        cJSON_DeleteItemFromObjectCaseSensitive(document, "findings");
        good = report_of(database, id, document, report, error);
    }
    report_free(&head);
    cJSON_Delete(document);
    return good;
}

bool history_baseline(const char *path, const struct report *now, bool pass, struct report *report, bool *found,
                      struct error *error)
{
    struct database database;
    bool row = true, good = true;
    *found = false;
    if (!database_open(path, false, &database, error))
        return false;
    sqlite3_stmt *statement =
        database.empty ? NULL
                       : database_prepare(&database,
                                          "SELECT document, id FROM runs WHERE command IS ?1 AND (verdict = 'pass' OR "
                                          "NOT ?2) ORDER BY started DESC, id DESC",
                                          error);
    good = database.empty || statement;
    if (statement) {
        sqlite3_bind_text(statement, 1, now->command ? now->command : "", -1, SQLITE_TRANSIENT);
        sqlite3_bind_int(statement, 2, pass);
    }
    while (statement && good && !*found && (good = database_step(&database, statement, &row, error)) && row)
        good = baseline_at(&database, statement, now, report, found, error);
    sqlite3_finalize(statement);
    database_close(&database);
    *found = *found && good;
    return good;
}
