/* The one report document that every judging command makes. */
#ifndef ASSAY_FINDINGS_REPORT_H
#define ASSAY_FINDINGS_REPORT_H

#include "findings/finding.h"
#include "findings/severity.h"

/* Where the time went: parts of a run by name, in the order in which they first ran. */
#define TIMES_MAX 32
struct times {
    struct time_row {
        char name[32]; /* "pass", "inventory" */
        double seconds;
    } rows[TIMES_MAX];
    size_t count;
};

/* Adds to the part of that name; NULL `times`, and what there is no room for, as of a longer name, is left out. */
void times_add(struct times *times, const char *name, double seconds);

/* All strings owned, NULL when unknown. */
struct report {
    char *command;      /* "check" */
    char *version;      /* of assay */
    char *commit;       /* of its source; NULL: unknown */
    char *command_line; /* as a shell takes it */
    char *
        departures; /* with which the model was opened, for an experiment: "--fault zeros:lm_head.weight"; NULL: none */
    struct {
        char *name;      /* "default" */
        char *path;      /* NULL: it is built in */
        char sha256[65]; /* of its text; "": unknown */
    } suite;
    enum verdict verdict;
    char *reason;  /* one sentence: why this verdict */
    char *unable;  /* why what was asked for could not be run; NULL: it could. What could is judged all the same */
    char *started; /* ISO 8601, UTC */
    double duration_s;
    bool ended; /* the command is about to end with `exit_status` */
    int exit_status;
    struct {
        char *path;   /* as given */
        char *format; /* "safetensors", "checkpoint", "extraction" */
        char *model_type;
        char *summary; /* "5 layers, hidden 40, 12 experts top-3, ..." */
        double tensors;
        double bytes;
        int layers, experts; /* that the configuration declares; 0: none, or unknown */
        char *sha256;        /* of its weights, where they had to be hashed; NULL: unknown */
    } subject;
    struct report_gold {
        char *path;
        char *producer;
        char *dtype;
        double cases;
        char sha256[65]; /* of the file; "": unknown, as of a folder */
    } * golds;
    size_t gold_count, gold_capacity;
    struct {
        char *host; /* its name */
        char *processor;
        int threads;
        char *blas;
        double peak_memory_bytes;
    } machine;
    struct times times;
    struct severity_limits severity_limits; /* of the suite; {0}: the built-in ones */
    struct severity_facts severity;
    char *severity_why; /* of a report that was read: what severity.why points to */
    bool severity_kept; /* it is that of the report which this one judges */
    struct findings findings;
};

/* Sets verdict, severity (unless it is kept) and reason from the findings: the first failing summary names the reason,
 * else, with the verdict VERDICT_ERROR, `unable`, else the first warning one, else how many checks passed. A report in
 * which nothing was judged (no findings, or only skips) fails: it proves nothing; one of which half the checks or more
 * were skipped warns. */
void report_conclude(struct report *report);
/* Moves the severity of `from`, which was read, into the report that judges it. */
void report_keep_severity(struct report *report, struct report *from);
/* The finding that the reason is taken from: the first that failed, else that warned. NULL: nothing did, or what was
 * asked for could not be run. */
const struct finding *report_leading(const struct report *report);
/* Copies text into a field of the report, freeing what was there. */
void report_set(char **field, const char *format, ...) ASSAY_PRINTF(2, 3);
/* Appends an empty one, valid until the next is added. NULL: out of memory. */
struct report_gold *report_add_gold(struct report *report);
void report_free(struct report *report);

#endif
