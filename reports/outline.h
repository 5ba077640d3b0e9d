/* Inside reports/: the findings of a report as checks with their places. */
#ifndef ASSAY_REPORTS_OUTLINE_H
#define ASSAY_REPORTS_OUTLINE_H

#include "findings/report.h"

/* A row of every table. All but the name is borrowed from the report. */
struct outline_check {
    char *name;                    /* of the check, with the dump that judged it where the report has several; owned */
    const struct finding *head;    /* the summary; the worst place where a check has none */
    const struct finding **places; /* worst first */
    size_t place_count;
    enum verdict verdict; /* the worse of the summary and its places */
};

/* `counts[verdict]` checks have the verdict. The report must outlive it. */
struct outline {
    const struct report *report;
    struct outline_check *checks;
    size_t count;
    size_t counts[4];
    const struct finding **ranked;
};

/* On failure there is nothing to free. */
bool outline_build(struct outline *outline, const struct report *report, struct error *error);
void outline_free(struct outline *outline);

/* Walks the checks with the verdict: the first after `check`, or the first of all for NULL; NULL at the end. */
const struct outline_check *outline_next(const struct outline *outline, enum verdict verdict,
                                         const struct outline_check *check);

#endif
