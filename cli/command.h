/* What the commands share: running them, and the report around their findings. */
#ifndef ASSAY_CLI_COMMAND_H
#define ASSAY_CLI_COMMAND_H

#include <stdio.h>

#include "base/json.h"
#include "cli/arguments.h"
#include "diagnostics/check.h"
#include "extraction/passport.h"
#include "findings/report.h"

/* A command that judges: fills the report. */
typedef bool command_work(const struct arguments *arguments, struct report *report, struct error *error);

/* Runs the work, concludes, writes terminal text or JSON to stdout, and the folder when there is one. Returns the exit
 * status. */
int command_judge(const char *name, const struct arguments *arguments, command_work *work);

/* Prints the error; returns EXIT_ERROR and clears it. */
int command_error(const char *name, struct error *error);

void report_subject(struct report *report, const struct subject *subject);
void report_gold(struct report *report, const struct golden *golden);

/* Opens the model of --judge, for texts_relate. `*judge` must be freed either way. */
bool judge_open(const struct arguments *arguments, struct subject *judge, struct error *error);

/* Opens the subject at `path` and runs the request, whose subject and goldens this fills; names both in the report. */
bool command_check_subject(const struct arguments *arguments, const char *path, enum missing missing, bool exact,
                           struct golden *const *goldens, size_t golden_count, struct check_request *request,
                           struct report *report, struct error *error);

/* One line: the folder is that model; with an original (NULL: none), the one in `source`, of which it stores
 * `converted` tensors as another dtype. */
void print_identity(const char *folder, const struct passport *passport, const char *source,
                    const struct passport *original, size_t converted);

/* How the model came by its experts: one sentence on `file`, nothing for a model without experts; the same for
 * `parent`, as "experts", with `layers` for each layer too. */
void experts_print(const struct model *model, FILE *file);
void experts_json(const struct model *model, bool layers, cJSON *parent);

int command_check(struct arguments *arguments);
int command_inspect(struct arguments *arguments);
int command_trace(struct arguments *arguments);
int command_compare(struct arguments *arguments);
int command_perplexity(struct arguments *arguments);
int command_quality(struct arguments *arguments);
int command_tokenize(struct arguments *arguments);
int command_bench(struct arguments *arguments);
int command_extract(struct arguments *arguments);
int command_generate(struct arguments *arguments);
int command_break(struct arguments *arguments);
int command_faults(struct arguments *arguments);
int command_watch(struct arguments *arguments);
int command_verify(struct arguments *arguments);
int command_repair(struct arguments *arguments);

const char *judge_check(const struct arguments *arguments);
const char *judge_trace(const struct arguments *arguments);
const char *judge_perplexity(const struct arguments *arguments);
const char *judge_quality(const struct arguments *arguments);
const char *judge_tokenize(const struct arguments *arguments);
const char *judge_extract(const struct arguments *arguments);
const char *judge_generate(const struct arguments *arguments);
const char *judge_break(const struct arguments *arguments);
const char *judge_verify(const struct arguments *arguments);
const char *judge_repair(const struct arguments *arguments);

#endif
