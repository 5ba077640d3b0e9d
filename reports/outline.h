/* Inside reports/: the findings of a report as checks with their places. */
#ifndef ASSAY_REPORTS_OUTLINE_H
#define ASSAY_REPORTS_OUTLINE_H

#include "base/map.h"
#include "findings/report.h"

/* A row of every table. All but the name is borrowed from the report. */
struct outline_check {
    char *name;                    /* of the check, with the dump that judged it where the report has several; owned */
    const struct finding *head;    /* the summary; the worst place where a check has none */
    const struct finding **places; /* worst first; without texts that are in order, which are only in outline.texts */
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
    const struct finding **texts; /* the places with a text: failures, warnings, skips, passes; each as ranked */
    size_t text_count;
    size_t text_counts[4]; /* by verdict */
    struct map text_ids;   /* case id -> index in `texts`, of the first with it */
};

/* On failure there is nothing to free. */
bool outline_build(struct outline *outline, const struct report *report, struct error *error);
void outline_free(struct outline *outline);

/* The index in `texts` of the text that the place is about: itself, or one with the same case; MAP_ABSENT: none. */
size_t outline_text(const struct outline *outline, const struct finding *place);

/* Walks the checks with the verdict: the first after `check`, or the first of all for NULL; NULL at the end. */
const struct outline_check *outline_next(const struct outline *outline, enum verdict verdict,
                                         const struct outline_check *check);

#endif
