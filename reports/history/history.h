/* Earlier runs, in an SQLite database: what every judging command may add to, and what `assay history` shows.
 *
 * A run is there whole or not at all, whatever ends the process, and however many write at once: each is one
 * transaction (write-ahead log, full synchronisation, up to 30 seconds of waiting for others). Of a run it holds the
 * report without its places: what made it, verdict, severity, and of each check the summary with its series. */
#ifndef ASSAY_HISTORY_HISTORY_H
#define ASSAY_HISTORY_HISTORY_H

#include "findings/report.h"

/* Adds the report, which is concluded, to the database at `path`, which is made when it is absent. */
bool history_record(const char *path, const struct report *report, struct error *error);
/* Can it be read, or, with `write`, something be added there? For who is about to work for hours: an absent file is
 * right, one that is no database, or one of something else, or of a later assay, is an error. */
bool history_usable(const char *path, bool write, struct error *error);
/* Does the file look like a database? */
bool history_recognises(const char *path);

/* A run, as a row of a table. Strings are owned, NULL when unknown; numbers NaN. */
struct history_run {
    long long id;
    char *started, *command, *command_line, *version, *commit;
    char *subject, *weights; /* path, sha256 */
    enum verdict verdict;
    char *reason, *severity;
    double nats, perplexity;
    int passed, warned, failed, skipped;
    int checks; /* that are there: as many as were recorded */
    /* the check that was asked for; the worst where it is there several times */
    bool has_check, has_measured, has_limit;
    enum verdict check_verdict;
    double measured, limit;
    char *unit;
};

struct history {
    char *path;
    char *check;              /* NULL: none was asked for */
    struct history_run *runs; /* the newest last */
    size_t count, capacity;
};

/* All runs; `check` is the id of a check that is looked for, or NULL. On failure there is nothing to free. */
bool history_read(const char *path, const char *check, struct history *history, struct error *error);
void history_free(struct history *history);

/* The report of a run, without its places. */
bool history_report(const char *path, long long id, struct report *report, struct error *error);
/* The newest run that `now` can be compared with (provenance_comparable), with `pass` the newest of these that passed.
 * `*found` tells whether there is one, and only then there is something to free. */
bool history_baseline(const char *path, const struct report *now, bool pass, struct report *report, bool *found,
                      struct error *error);

#endif
