#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "history/database.h"
#include "history/history.h"
#include "reports/report_document.h"
#include "reports/reports.h"
#include "reports/text.h"

#define MESSAGE_BYTES 2000 /* of a sentence that is kept */

/* The columns of a run, and where in its document they are from. */
static const char *const run_columns[][2] = {{"started", "started"},
                                             {"duration_s", "duration_s"},
                                             {"command", "command"},
                                             {"command_line", "command_line"},
                                             {"version", "version"},
                                             {"commit_id", "commit"},
                                             {"suite_name", "suite.name"},
                                             {"suite_sha256", "suite.sha256"},
                                             {"subject_path", "subject.path"},
                                             {"subject_format", "subject.format"},
                                             {"subject_sha256", "subject.sha256"},
                                             {"model_type", "subject.model_type"},
                                             {"verdict", "verdict"},
                                             {"reason", "reason"},
                                             {"severity", "severity.level"},
                                             {"nats", "severity.nats"},
                                             {"top1", "severity.top1"},
                                             {"perplexity_ratio", "severity.perplexity_ratio"},
                                             {"texts", "severity.texts"}};
#define RUN_COLUMNS (sizeof run_columns / sizeof *run_columns)

static const char *const gold_columns[] = {"path", "sha256"};
static const char *const finding_columns[] = {"check", "gold", "verdict", "measured", "limit", "unit", "message"};

static void bind(sqlite3_stmt *statement, int at, const cJSON *item)
{
    if (cJSON_IsString(item))
        sqlite3_bind_text(statement, at, item->valuestring, -1, SQLITE_TRANSIENT);
    else if (cJSON_IsNumber(item))
        sqlite3_bind_double(statement, at, item->valuedouble);
    else
        sqlite3_bind_null(statement, at);
}

/* "subject.path" of the document. */
static const cJSON *member_at(const cJSON *document, const char *name)
{
    const char *dot = strchr(name, '.');
    char outer[40];
    if (!dot)
        return json_member(document, name);
    snprintf(outer, sizeof outer, "%.*s", (int)(dot - name), name);
    const cJSON *object = json_member(document, outer);
    return object ? json_member(object, dot + 1) : NULL;
}

/* A sentence in the document that is cut to what is kept. False: out of memory. */
static bool sentence_cut(cJSON *object, const char *key)
{
    cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    size_t size = cJSON_IsString(item) ? strlen(item->valuestring) : 0;
    if (size <= MESSAGE_BYTES)
        return true;
    struct buffer text = {0};
    text_append_short(&text, TEXT_JSON, item->valuestring, MESSAGE_BYTES / 4);
    bool good = !text.failed && cJSON_SetValuestring(item, text.data);
    buffer_free(&text);
    return good;
}

static bool bind_document(sqlite3_stmt *statement, int at, cJSON *document, struct error *error)
{
    struct buffer text = {0};
    bool good = document_text(document, false, &text, error);
    if (good && sqlite3_bind_text64(statement, at, text.data, text.size, SQLITE_TRANSIENT, SQLITE_UTF8) != SQLITE_OK)
        good = error_set(error, "the history cannot keep %zu bytes as one text", text.size);
    buffer_free(&text);
    return good;
}

static int count_of(const cJSON *findings, enum verdict verdict)
{
    int count = 0;
    for (const cJSON *item = findings->child; item; item = item->next) {
        const char *name = cJSON_GetStringValue(json_member(item, "verdict"));
        count += name && strcmp(name, verdict_name(verdict)) == 0;
    }
    return count;
}

static bool run_insert(struct database *database, cJSON *document, const cJSON *findings, long long *id,
                       struct error *error)
{
    static const enum verdict counted[] = {VERDICT_PASS, VERDICT_WARN, VERDICT_FAIL, VERDICT_SKIP};
    struct buffer sql = {0};
    buffer_text(&sql, "INSERT INTO runs (");
    for (size_t i = 0; i < RUN_COLUMNS; i++)
        buffer_format(&sql, "%s, ", run_columns[i][0]);
    buffer_text(&sql, "passed, warned, failed, skipped, document) VALUES (?");
    for (size_t i = 0; i < RUN_COLUMNS + 4; i++)
        buffer_text(&sql, ", ?");
    buffer_char(&sql, ')');
    if (sql.failed || !sentence_cut(document, "reason")) {
        buffer_free(&sql);
        return error_memory(error, database->path);
    }
    sqlite3_stmt *statement = database_prepare(database, sql.data, error);
    buffer_free(&sql);
    if (!statement)
        return false;
    int at = 1;
    for (size_t i = 0; i < RUN_COLUMNS; i++)
        bind(statement, at++, member_at(document, run_columns[i][1]));
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++)
        sqlite3_bind_int(statement, at++, count_of(findings, counted[i]));
    bool good = bind_document(statement, at, document, error) && database_run(database, statement, error);
    *id = sqlite3_last_insert_rowid(database->handle);
    sqlite3_finalize(statement);
    return good;
}

/* The rows of a list in the document: the run, a number, its columns, and with `documents` the item itself. */
static bool items_insert(struct database *database, const char *sql, const cJSON *list, const char *const *columns,
                         size_t column_count, bool documents, long long run, struct error *error)
{
    sqlite3_stmt *statement = database_prepare(database, sql, error);
    bool good = statement;
    int number = 0;
    for (cJSON *item = list ? list->child : NULL; item && good; item = item->next, number++) {
        int at = 1;
        good = sentence_cut(item, "message") || error_memory(error, database->path);
        sqlite3_bind_int64(statement, at++, run);
        sqlite3_bind_int(statement, at++, number);
        for (size_t i = 0; i < column_count; i++)
            bind(statement, at++, json_member(item, columns[i]));
        good = good && (!documents || bind_document(statement, at, item, error)) &&
               database_run(database, statement, error);
    }
    sqlite3_finalize(statement);
    return good;
}

/* What is kept of the findings: checks as a whole, without the texts that they judged. */
static void findings_keep(cJSON *findings)
{
    for (cJSON *item = findings->child, *next; item; item = next) {
        next = item->next;
        if (cJSON_IsTrue(json_member(item, "summary")))
            cJSON_DeleteItemFromObjectCaseSensitive(item, "text");
        else
            cJSON_Delete(cJSON_DetachItemViaPointer(findings, item));
    }
}

static bool document_insert(struct database *database, cJSON *document, struct error *error)
{
    long long run = 0;
    cJSON *findings = cJSON_DetachItemFromObjectCaseSensitive(document, "findings");
    if (!findings)
        return error_memory(error, database->path);
    findings_keep(findings);
    bool good = run_insert(database, document, findings, &run, error) &&
                items_insert(database, "INSERT INTO golds (run, number, path, sha256) VALUES (?, ?, ?, ?)",
                             json_member(document, "gold"), gold_columns, sizeof gold_columns / sizeof *gold_columns,
                             false, run, error) &&
                items_insert(
                    database,
                    "INSERT INTO findings (run, number, check_id, gold, verdict, measured, limit_value, unit, message, "
                    "document) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    findings, finding_columns, sizeof finding_columns / sizeof *finding_columns, true, run, error);
    cJSON_Delete(findings);
    return good;
}

bool history_record(const char *path, const struct report *report, struct error *error)
{
    struct database database;
    cJSON *document = report_json(report, error);
    if (!document)
        return false;
    bool good = database_open(path, true, &database, error);
    if (good) {
        good = document_insert(&database, document, error) && database_commit(&database, error);
        database_close(&database);
    }
    cJSON_Delete(document);
    return good;
}

bool history_usable(const char *path, bool write, struct error *error)
{
    struct database database;
    char *within = write ? path_folder(path) : NULL;
    bool open =
        !write || (within && access(within, W_OK | X_OK) == 0 && (!file_exists(path) || access(path, W_OK) == 0));
    free(within);
    if (!open && file_exists(path))
        return error_set(error, "%s: the history cannot be written: there is no permission", path);
    if (!file_exists(path)) {
        char *folder = path_folder(path);
        bool there = folder && file_is_folder(folder);
        free(folder);
        return there || error_set(error, "%s: the history cannot be written: its folder is not there", path);
    }
    if (!database_open(path, false, &database, error))
        return false;
    database_close(&database);
    return true;
}

bool history_recognises(const char *path)
{
    static const char magic[16] = "SQLite format 3";
    char begin[sizeof magic];
    int descriptor = file_open(path, NULL, NULL); /* of a pipe nothing may be taken */
    bool read_all = descriptor >= 0 && read(descriptor, begin, sizeof begin) == (ssize_t)sizeof begin;
    if (descriptor >= 0)
        close(descriptor);
    return read_all && memcmp(begin, magic, sizeof magic) == 0;
}
