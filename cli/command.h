/* Sub-commands: a table of rows in main.c, a file for each. */
#ifndef ASSAY_CLI_COMMAND_H
#define ASSAY_CLI_COMMAND_H

#include <argp.h>
#include <stdbool.h>

#include "diagnostics/subject.h"
#include "findings/report.h"

#define EXIT_PASS 0
#define EXIT_FAIL 1
#define EXIT_USAGE 2
#define EXIT_ERROR 3

/* Options that every command that opens a model shares. */
struct common {
    struct subject_options subject;
    const char *out;  /* folder for reports, or file; NULL: none */
    bool json;
    bool quiet;
    bool missing_given;
    bool sums_given;
};

/* Children for a command's own parser; their input is a struct common. common_help is for commands that open no model. */
extern const struct argp common_argp;
extern const struct argp common_help;

/* Parses; `name` is the command ("check"). Exits with 2 on misuse, 0 after -h. */
void command_parse(const struct argp *argp, const char *name, int argc, char **argv, void *input);

/* Numbers in options; misuse ends the program with a message. */
size_t option_count(struct argp_state *state, const char *argument, const char *name, long long minimum);

/* Prints the error; returns EXIT_ERROR and clears it. */
int command_error(const char *name, struct error *error);

/* Starts the clock and fills what is known before the work. */
void report_begin(struct report *report, const char *command);
void report_subject(struct report *report, const struct subject *subject);
struct golden;
void report_gold(struct report *report, const struct golden *golden);
/* Concludes, writes terminal or JSON to stdout, and the folder when there is one. Frees the report. Returns the exit status. */
int report_end(struct report *report, const struct common *common, struct error *error);

int command_check(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_trace(int argc, char **argv);
int command_compare(int argc, char **argv);
int command_perplexity(int argc, char **argv);
int command_tokenize(int argc, char **argv);
int command_bench(int argc, char **argv);

#endif
