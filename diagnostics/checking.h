/* A check at work: the rows that take part and what each of them holds. */
#ifndef ASSAY_DIAGNOSTICS_CHECKING_H
#define ASSAY_DIAGNOSTICS_CHECKING_H

#include "activations/precision.h"
#include "activations/rounding.h"
#include "diagnostics/diagnostics.h"
#include "findings/report.h"

/* Start with the facts of `check`, all else zero. Arrays are by the places of the table. */
struct checking {
    struct check check;
    const struct diagnostic *wanted[DIAGNOSTIC_COUNT + 1];
    bool takes_part[DIAGNOSTIC_COUNT]; /* has what it needs, and is wanted or rides along */
    bool reports[DIAGNOSTIC_COUNT];    /* takes part and is wanted */
    void *states[DIAGNOSTIC_COUNT];
    struct seat *seats; /* one for each sequence of the pass that is a case of gold */
    size_t seat_count;
    struct rounding *rounding;    /* what few bits cost; NULL where there are none */
    enum weights_beside *weights; /* of each gold; NULL with a dump */
    struct times *times;          /* what took how long; NULL: it is not told */
    unsigned phase, phases;       /* of progress */
    const bool *cases;            /* of a dump: which cases of gold it has; NULL: all */
};

/* Which rows take part, of those that are wanted (by the places of the table). */
void checking_choose(struct checking *checking, const bool *wanted);
/* Somebody wants gold's cases on the pass. */
bool checking_passes_gold(const struct checking *checking);
/* Somebody wants something of gold compared: else it is not judged by how much of it was. */
bool checking_compares(const struct checking *checking);

/* Counts the phases that are shown with progress. */
void checking_count(struct checking *checking);
/* The next phase begins. Returns the time, for checking_spent. */
double checking_next(struct checking *checking);
/* The part took the time since then. */
void checking_spent(struct checking *checking, const char *part, double since);

/* The steps of a check, in this order; checking_end in any case. */
bool checking_before(struct checking *checking, struct findings *findings, struct error *error);
bool checking_begin(struct checking *checking, struct error *error);
/* A part of what the subject computed of a case of gold, to all rows that take part. */
bool checking_see(struct checking *checking, const struct seat *seat, const struct part *part, struct error *error);
bool checking_report(struct checking *checking, struct findings *findings, struct error *error);
void checking_end(struct checking *checking);

#endif
