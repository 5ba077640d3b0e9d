/* Root causes by experiment, as findings. */
#ifndef ASSAY_CAUSES_CAUSES_H
#define ASSAY_CAUSES_CAUSES_H

#include "causes/hunt.h"
#include "findings/finding.h"
#include "text/tokenizer.h"

/* Searches, measures what each cause costs, and adds the findings "cause": one for each that was proved, the costliest
 * first, one for what none explains, and the summary. `subject` and `gold` are paths, for commands to repeat;
 * `implementation`: gold is what another implementation computed. */
#define READING_CONTEXT 256 /* tokens of a window of a text that the model reads */
struct causes_request {
    struct hunt_request hunt;
    const char *subject;
    const char *gold;    /* NULL: there is none, and */
    const char *text;    /* is what the model reads */
    const char *options; /* with which the subject was opened, as a shell takes them, each with a blank before it */
    struct text_variants text_variants; /* that the subject's tokenizer was opened with */
    bool implementation;
    bool extraction; /* the subject is one, which repair can mend */
    bool departs;    /* it was opened with departures: what is wrong is not in its files, so no command mends them */
};

bool causes_find(const struct causes_request *request, struct findings *findings, struct error *error);

#endif
