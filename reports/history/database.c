#include "history/database.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/progress.h"

#define WAIT_SECONDS 30
#define APPLICATION 0x61737379 /* "assy": what tells our databases from others */

/* Numbers that are not finite are text, as in report.json. `document` is the run's report.json without its findings, or
 * the finding's part of it; the columns beside it are what is asked for. */
static const char schema[] =
    "CREATE TABLE schema_version (version INTEGER NOT NULL);"
    "CREATE TABLE runs (id INTEGER PRIMARY KEY AUTOINCREMENT, started TEXT, duration_s, command TEXT, command_line "
    "TEXT,"
    " version TEXT, commit_id TEXT, suite_name TEXT, suite_sha256 TEXT, subject_path TEXT, subject_format TEXT,"
    " subject_sha256 TEXT, model_type TEXT, verdict TEXT NOT NULL, reason TEXT, severity TEXT, nats, top1,"
    " perplexity_ratio, texts, passed INTEGER, warned INTEGER, failed INTEGER, skipped INTEGER,"
    " document TEXT NOT NULL);"
    "CREATE TABLE golds (run INTEGER NOT NULL REFERENCES runs (id), number INTEGER NOT NULL, path TEXT, sha256 TEXT,"
    " PRIMARY KEY (run, number)) WITHOUT ROWID;"
    "CREATE TABLE findings (run INTEGER NOT NULL REFERENCES runs (id), number INTEGER NOT NULL, check_id TEXT NOT NULL,"
    " gold TEXT, verdict TEXT NOT NULL, measured, limit_value, unit TEXT, message TEXT, document TEXT NOT NULL,"
    " PRIMARY KEY (run, number));"
    "CREATE INDEX findings_by_check ON findings (check_id, run);"
    "CREATE INDEX runs_by_time ON runs (started, id);";

bool database_error(const struct database *database, struct error *error)
{
    int system = sqlite3_system_errno(database->handle);
    const char *what = sqlite3_errmsg(database->handle);
    int code = sqlite3_errcode(database->handle) & 0xFF; /* without what is more exact */
    if (code == SQLITE_NOTADB)
        return error_set(error, "%s is not an SQLite database, so it is no history of assay", database->path);
    if (code == SQLITE_NOMEM)
        return error_memory(error, database->path);
    bool told = system && (code == SQLITE_IOERR || code == SQLITE_CANTOPEN || code == SQLITE_FULL);
    return error_set(error, "%s: the history cannot be %s: %s%s%s", database->path,
                     database->writes ? "written" : "read", what, told ? ": " : "", told ? strerror(system) : "");
}

/* SQLite waits for others by itself, but not where that might never end, as when several make one database. */
static bool is_busy(int code)
{
    return (code & 0xFF) == SQLITE_BUSY || (code & 0xFF) == SQLITE_LOCKED;
}

static bool execute(struct database *database, const char *sql, struct error *error)
{
    double until = clock_seconds() + WAIT_SECONDS;
    int code;
    while (is_busy(code = sqlite3_exec(database->handle, sql, NULL, NULL, NULL)) && clock_seconds() < until)
        usleep(5000);
    return code == SQLITE_OK || database_error(database, error);
}

sqlite3_stmt *database_prepare(struct database *database, const char *sql, struct error *error)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(database->handle, sql, -1, &statement, NULL) == SQLITE_OK)
        return statement;
    database_error(database, error);
    sqlite3_finalize(statement);
    return NULL;
}

bool database_step(struct database *database, sqlite3_stmt *statement, bool *row, struct error *error)
{
    int code = sqlite3_step(statement);
    *row = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE || database_error(database, error);
}

bool database_run(struct database *database, sqlite3_stmt *statement, struct error *error)
{
    bool row = true, good = true;
    while (row && good)
        good = database_step(database, statement, &row, error);
    sqlite3_reset(statement);
    return good;
}

/* The first column of the first row; 0 where there is none. */
static bool number_of(struct database *database, const char *sql, long long *number, struct error *error)
{
    sqlite3_stmt *statement = database_prepare(database, sql, error);
    bool row = false, good = statement && database_step(database, statement, &row, error);
    *number = row ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_finalize(statement);
    return good;
}

/* Whose tables are these? */
static bool schema_known(struct database *database, struct error *error)
{
    long long tables = 0, application = 0, version = 0;
    if (!number_of(database, "SELECT count(*) FROM sqlite_master", &tables, error) ||
        !number_of(database, "PRAGMA application_id", &application, error))
        return false;
    database->empty = !tables;
    if (database->empty)
        return true;
    if (application != APPLICATION)
        return error_set(error, "%s is an SQLite database, but not one of assay", database->path);
    if (!number_of(database, "SELECT max(version) FROM schema_version", &version, error))
        return false;
    return version == HISTORY_SCHEMA ||
           error_set(error,
                     "%s: the history has format version %lld, and this assay reads version %d: use a later assay",
                     database->path, version, HISTORY_SCHEMA);
}

static bool schema_make(struct database *database, struct error *error)
{
    char text[120];
    snprintf(text, sizeof text, "PRAGMA application_id = %d; INSERT INTO schema_version VALUES (%d)", APPLICATION,
             HISTORY_SCHEMA);
    return execute(database, schema, error) && execute(database, text, error);
}

/* ":memory:" and "" are no files to SQLite, and to us they are. */
static char *name_of_file(const char *path)
{
    char *name = NULL;
    return asprintf(&name, "%s%s", *path == ':' ? "./" : "", path) < 0 ? NULL : name;
}

/* What cannot be written, nor its folder, is read as it stands. */
static char *name_of_fixed(const char *path)
{
    struct buffer name = {0};
    buffer_text(&name, "file:");
    for (; *path; path++) {
        unsigned char byte = (unsigned char)*path;
        if (byte <= ' ' || byte >= 0x7F || strchr("%?#:", byte))
            buffer_format(&name, "%%%02X", byte);
        else
            buffer_char(&name, (char)byte);
    }
    buffer_text(&name, "?immutable=1");
    return buffer_take(&name);
}

static bool handle_open(struct database *database, const char *name, int flags, struct error *error)
{
    if (sqlite3_open_v2(name, &database->handle, flags, NULL) != SQLITE_OK)
        return database_error(database, error);
    sqlite3_extended_result_codes(database->handle, 1);
    sqlite3_busy_timeout(database->handle, 1000 * WAIT_SECONDS);
    return true;
}

/* What is not ours is not touched, so that is asked first; and once more when nobody else can make it meanwhile. */
static bool open_to_write(struct database *database, const char *name, struct error *error)
{
    return handle_open(database, name, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error) &&
           schema_known(database, error) && execute(database, "PRAGMA journal_mode = WAL", error) &&
           execute(database, "PRAGMA synchronous = FULL", error) && execute(database, "BEGIN IMMEDIATE", error) &&
           schema_known(database, error) && (!database->empty || schema_make(database, error));
}

static bool open_to_read(struct database *database, const char *name, struct error *error)
{
    if (access(name, R_OK) != 0)
        return error_errno(error, "%s", database->path);
    bool writable = access(name, W_OK) == 0;
    struct error met = {0};
    if (handle_open(database, name, writable ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY, &met) &&
        execute(database, "BEGIN", &met) && schema_known(database, &met))
        return true;
    int code = sqlite3_errcode(database->handle) & 0xFF; /* without what is more exact */
    if (code != SQLITE_CANTOPEN && code != SQLITE_READONLY)
        return error_take(error, &met);
    char *fixed = name_of_fixed(name);
    sqlite3_close(database->handle);
    database->handle = NULL;
    bool good = fixed ? handle_open(database, fixed, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, error) &&
                            execute(database, "BEGIN", error) && schema_known(database, error)
                      : error_memory(error, database->path);
    free(fixed);
    error_clear(&met);
    return good;
}

bool database_open(const char *path, bool write, struct database *database, struct error *error)
{
    *database = (struct database){.path = path, .writes = write};
    char *name = name_of_file(path);
    bool good = name || error_memory(error, path);
    if (good && (!*path || file_is_folder(path)))
        good = error_set(error, "%s: it is no file, so no history", *path ? path : "''");
    good = good && (write ? open_to_write(database, name, error) : open_to_read(database, name, error));
    free(name);
    if (!good)
        database_close(database);
    return good;
}

bool database_commit(struct database *database, struct error *error)
{
    return execute(database, "COMMIT", error);
}

void database_close(struct database *database)
{
    if (database->handle && !sqlite3_get_autocommit(database->handle))
        sqlite3_exec(database->handle, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(database->handle);
    database->handle = NULL;
}
