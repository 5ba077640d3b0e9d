/* Opening what the arguments name. */
#ifndef ASSAY_CLI_OPENING_H
#define ASSAY_CLI_OPENING_H

#include "cli/arguments.h"
#include "findings/report.h"
#include "golden/golden.h"
#include "run/subject.h"
#include "suites/suite.h"

/* Opens the model at `path`, with its faults; `missing` and `exact` are the command's defaults. `*subject` must be
 * freed either way. */
bool arguments_open(const struct arguments *arguments, const char *path, enum missing missing, bool exact,
                    struct subject *subject, struct error *error);

/* Opens the model of --judge, for texts_relate. `*judge` must be freed either way. */
bool judge_open(const struct arguments *arguments, struct subject *judge, struct error *error);

/* The suite of --suite, and of it what --only, --skip and --tag say. */
bool suite_chosen(const struct arguments *arguments, struct suite *suite, struct report *report, struct error *error);
/* What is wrong with --only or --skip; NULL: nothing. In a buffer that the next call writes over. */
const char *suite_judge(const struct arguments *arguments);

/* The dumps of --golden. Start with {0}. */
struct goldens {
    struct golden **items;
    size_t count;
    size_t cases, left_out; /* of all dumps together, and how many of them --cases did not choose */
};

/* Opens all of them, and chooses. To be closed either way. */
bool goldens_open(const struct arguments *arguments, struct goldens *goldens, struct error *error);
/* Leaves those cases that --cases chooses, and those dumps that have one. */
bool goldens_choose(const struct arguments *arguments, struct goldens *goldens, struct error *error);
/* Adds a skip that tells how many cases were left out so, where any was. */
bool goldens_tell_left_out(const struct goldens *goldens, struct findings *findings, struct error *error);
void goldens_close(struct goldens *goldens);

#endif
