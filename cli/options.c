#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "base/progress.h"
#include "cli/command.h"

enum { KEY_CONFIG = 1000, KEY_TOKENIZER, KEY_SOURCE, KEY_THREADS, KEY_MEMORY, KEY_MISSING, KEY_SUMS, KEY_JSON, KEY_USAGE };

static const struct argp_option help_options[] = {
    {"json", KEY_JSON, NULL, 0, "One JSON document on stdout instead of text", 90},
    {"quiet", 'q', NULL, 0, "No progress on stderr", 90},
    {"help", 'h', NULL, 0, "Give this help list", -1},
    {"usage", KEY_USAGE, NULL, OPTION_HIDDEN, NULL, -1},
    {0},
};

static const struct argp_option model_options[] = {
    {"config", KEY_CONFIG, "FILE", 0, "config.json (default: beside the weights, else in --source)", 80},
    {"tokenizer", KEY_TOKENIZER, "DIR", 0, "Folder of the tokenizer (default: beside the weights, else in --source)", 80},
    {"source", KEY_SOURCE, "DIR", 0, "The original checkpoint: gives configuration and tokenizer", 80},
    {"threads", KEY_THREADS, "N", 0, "Threads (default: one for each processor)", 80},
    {"memory", KEY_MEMORY, "SIZE", 0, "Bound on weights kept in memory between decoding steps, as 512M or 8G (default: 8G, or a third "
                                      "of the machine's)", 80},
    {"missing", KEY_MISSING, "fail|default|zero", 0, "An absent tensor: refuse; do what a careless loader did (a norm becomes ones, "
                                                     "anything else adds nothing); or zeros", 80},
    {"sums", KEY_SUMS, "double|float", 0, "Products summed in double (default where activations are compared) or in float32 (faster)", 80},
    {"json", KEY_JSON, NULL, 0, "One JSON document on stdout instead of text", 90},
    {"quiet", 'q', NULL, 0, "No progress on stderr", 90},
    {"help", 'h', NULL, 0, "Give this help list", -1},
    {"usage", KEY_USAGE, NULL, OPTION_HIDDEN, NULL, -1},
    {0},
};

size_t option_count(struct argp_state *state, const char *argument, const char *name, long long minimum)
{
    long long value = 0;
    if (!number_parse(argument, minimum, 1LL << 40, &value))
        argp_error(state, "%s needs a whole number of at least %lld, not '%s'", name, minimum, argument);
    return (size_t)value;
}

static void parse_missing(struct common *common, const char *argument, struct argp_state *state)
{
    static const char *const names[] = {[MISSING_FAIL] = "fail", [MISSING_DEFAULT] = "default", [MISSING_ZERO] = "zero"};
    common->missing_given = true;
    for (int i = 0; i < 3; i++) {
        if (strcmp(names[i], argument) == 0) {
            common->subject.engine.missing = (enum missing)i;
            return;
        }
    }
    argp_error(state, "--missing is fail, default or zero, not '%s'", argument);
}

static error_t parse_common(int key, char *argument, struct argp_state *state)
{
    struct common *common = state->input;
    switch (key) {
    case KEY_CONFIG:
        common->subject.config = argument;
        return 0;
    case KEY_TOKENIZER:
        common->subject.tokenizer = argument;
        return 0;
    case KEY_SOURCE:
        common->subject.source = argument;
        return 0;
    case KEY_THREADS:
        common->subject.engine.threads = (int)option_count(state, argument, "--threads", 1);
        if (common->subject.engine.threads > 1024)
            argp_error(state, "--threads is at most 1024");
        return 0;
    case KEY_MEMORY:
        if (!size_parse(argument, &common->subject.engine.memory) || !common->subject.engine.memory)
            argp_error(state, "--memory needs a size such as 512M or 8G, not '%s'", argument);
        return 0;
    case KEY_MISSING:
        parse_missing(common, argument, state);
        return 0;
    case KEY_SUMS:
        if (strcmp(argument, "double") != 0 && strcmp(argument, "float") != 0)
            argp_error(state, "--sums is double or float, not '%s'", argument);
        common->subject.engine.exact = strcmp(argument, "double") == 0;
        common->sums_given = true;
        return 0;
    case KEY_JSON:
        common->json = true;
        return 0;
    case 'q':
        common->quiet = true;
        return 0;
    case KEY_USAGE:
        argp_state_help(state, stdout, ARGP_HELP_USAGE | ARGP_HELP_EXIT_OK);
        return 0;
    case 'h':
        argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp common_argp = {.options = model_options, .parser = parse_common};
const struct argp common_help = {.options = help_options, .parser = parse_common};

void command_parse(const struct argp *argp, const char *name, int argc, char **argv, void *input)
{
    static char title[64];
    snprintf(title, sizeof title, "assay %s", name);
    argv[0] = title;
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(argp, argc, argv, ARGP_NO_HELP, NULL, input);
}

int command_error(const char *name, struct error *error)
{
    fprintf(stderr, "assay %s: %s\n", name, error_text(error));
    error_clear(error);
    return EXIT_ERROR;
}
