/* Inside history/: the database, its tables, and statements. */
#ifndef ASSAY_HISTORY_DATABASE_H
#define ASSAY_HISTORY_DATABASE_H

#include <sqlite3.h>
#include <stdbool.h>

#include "base/error.h"

#define HISTORY_SCHEMA 1

struct database {
    const char *path; /* borrowed */
    sqlite3 *handle;
    bool writes;
    bool empty; /* nothing was ever recorded */
};

/* Opens it and begins a transaction, which sees one state of it: to write, for which the file and its tables are made
 * when absent, or to read. On failure there is nothing to close. */
bool database_open(const char *path, bool write, struct database *database, struct error *error);
bool database_commit(struct database *database, struct error *error);
/* What is not committed is undone. */
void database_close(struct database *database);

/* A statement, or NULL; sqlite3_finalize ends it. */
sqlite3_stmt *database_prepare(struct database *database, const char *sql, struct error *error);
/* The next row: `*row` tells whether there is one. */
bool database_step(struct database *database, sqlite3_stmt *statement, bool *row, struct error *error);
/* Runs it to its end and makes it ready for other values. */
bool database_run(struct database *database, sqlite3_stmt *statement, struct error *error);
/* Says what the database says, and what the system said to it. Returns false. */
bool database_error(const struct database *database, struct error *error);

#endif
