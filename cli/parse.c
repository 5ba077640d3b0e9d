#include "cli/parse.h"

#include <argp.h>
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "base/progress.h"
#include "base/wording.h"
#include "cli/program.h"
#include "cli/say.h"
#include "faults/fault.h"
#include "model/setting.h"
#include "model/variant.h"

#define OPTIONS_MAX 64 /* of one command */
#define KEY_FIRST 1000 /* of options without a letter */
#define COUNT_MAX (1LL << 40)

struct parsing {
    const struct command *command;
    const struct option_row *options[OPTIONS_MAX];
    size_t count;
    struct arguments *arguments;
};

/* What argp calls the option. */
static int option_key(const struct parsing *parsing, size_t index)
{
    int letter = parsing->options[index]->letter;
    return letter ? letter : KEY_FIRST + (int)index;
}

/* 1 for the first word of "a|b|c"; 0 when it is none of them. */
static int choice_index(const char *choices, const char *argument)
{
    int index = 1;
    for (const char *at = choices; *at; index++) {
        size_t length = strcspn(at, "|");
        if (strlen(argument) == length && strncmp(at, argument, length) == 0)
            return index;
        at += length + (at[length] == '|');
    }
    return 0;
}

static void put_count(const struct option_row *row, void *target, const char *argument, struct argp_state *state)
{
    long long value = 0;
    if (!number_parse(argument, row->minimum, COUNT_MAX, &value))
        argp_error(state, "--%s needs a whole number of at least %lld, not '%s'", row->name, row->minimum, argument);
    if (row->maximum && value > row->maximum)
        argp_error(state, "--%s is at most %lld", row->name, row->maximum);
    *(size_t *)target = (size_t)value;
}

static void put_real(const struct option_row *row, struct real *real, const char *argument, struct argp_state *state)
{
    char *end = NULL;
    real->value = strtod(argument, &end);
    real->given = true;
    if (end == argument || *end || !isfinite(real->value) || real->value < 0)
        argp_error(state, "--%s needs a number of at least 0, not '%s'", row->name, argument);
}

static void put_text(const char *option, struct texts *texts, const char *argument, struct argp_state *state)
{
    if (texts->count == TEXTS_MAX)
        argp_error(state, "--%s can be given at most %d times", option, TEXTS_MAX);
    texts->items[texts->count++] = argument;
}

static void put_option(const struct option_row *row, struct arguments *arguments, const char *argument,
                       struct argp_state *state)
{
    void *target = (char *)arguments + row->offset;
    switch (row->kind) {
    case KIND_FLAG:
        *(bool *)target = true;
        break;
    case KIND_TEXT:
        *(const char **)target = argument;
        break;
    case KIND_TEXTS:
        put_text(row->name, target, argument, state);
        break;
    case KIND_COUNT:
        put_count(row, target, argument, state);
        break;
    case KIND_REAL:
        put_real(row, target, argument, state);
        break;
    case KIND_SIZE:
        if (!size_parse(argument, target) || !*(uint64_t *)target)
            argp_error(state, "--%s needs a size such as 512M or 8G, not '%s'", row->name, argument);
        break;
    case KIND_CHOICE:
        if (!(*(int *)target = choice_index(row->value, argument)))
            argp_error(state, "--%s is one of %s, not '%s'", row->name, row->value, argument);
        break;
    case KIND_HELP:
        argp_state_help(state, stdout, ARGP_HELP_STD_HELP & ~ARGP_HELP_EXIT_OK);
        program_end(program_finish(state->name, EXIT_PASS));
    case KIND_USAGE:
        argp_state_help(state, stdout, ARGP_HELP_USAGE);
        program_end(program_finish(state->name, EXIT_PASS));
    }
}

/* The first that is not understood. */
static const char *departures_judge(const struct arguments *arguments)
{
    const struct {
        const struct texts *texts;
        const char *(*judge)(const char *text);
    } kinds[] = {{&arguments->faults, fault_judge},
                 {&arguments->settings, setting_judge},
                 {&arguments->variants, variant_judge}};
    const char *wrong = NULL;
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
        for (size_t i = 0; !wrong && i < kinds[kind].texts->count; i++)
            wrong = kinds[kind].judge(kinds[kind].texts->items[i]);
    return wrong;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct parsing *parsing = state->input;
    struct arguments *arguments = parsing->arguments;
    const struct command *command = parsing->command;
    if (key == ARGP_KEY_ARG) {
        if (arguments->positional_count == command->most)
            return ARGP_ERR_UNKNOWN;
        arguments->positional[arguments->positional_count++] = argument;
        return 0;
    }
    if (key == ARGP_KEY_END) {
        if (arguments->positional_count < command->least)
            argp_error(state, "%s: %s expected", command->args,
                       command->least > 1 ? "two arguments are" : "an argument is");
        arguments->planted = arguments->faults.count;
        for (size_t i = 0; i < arguments->undos.count; i++)
            put_text("fault and --undo", &arguments->faults, arguments->undos.items[i], state);
        const char *wrong = command->judge ? command->judge(arguments) : NULL;
        wrong = wrong ? wrong : departures_judge(arguments);
        if (wrong)
            argp_error(state, "%s", wrong);
        return 0;
    }
    for (size_t i = 0; i < parsing->count; i++) {
        if (option_key(parsing, i) != key)
            continue;
        put_option(parsing->options[i], arguments, argument, state);
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

static char *command_line(const char *program, int argc, char **argv)
{
    struct buffer line = {0};
    buffer_text(&line, program ? program : "assay");
    for (int i = program ? 1 : 0; i < argc; i++) {
        buffer_char(&line, ' ');
        shell_word(&line, argv[i]);
    }
    return buffer_take(&line);
}

void arguments_parse(const struct command *command, int argc, char **argv, struct arguments *arguments)
{
    struct parsing parsing = {.command = command, .arguments = arguments};
    arguments->command_line = command_line(command->program, argc, argv);
    struct argp_option options[OPTIONS_MAX + 1] = {0};
    static char title[64];
    const struct option_row *row;
    for (; (row = option_at(command->sets, command->options, parsing.count)); parsing.count++) {
        assert(parsing.count < OPTIONS_MAX);
        parsing.options[parsing.count] = row;
        options[parsing.count] = (struct argp_option){.name = row->name,
                                                      .key = option_key(&parsing, parsing.count),
                                                      .arg = row->value,
                                                      .doc = row->help,
                                                      .group = (int)row->group};
    }
    struct buffer doc = {0};
    buffer_format(&doc, "%s", command->doc);
    if (command->explain) {
        buffer_format(&doc, "\v"); /* what is behind it stands behind the options */
        command->explain(&doc);
    }
    struct argp argp = {.options = options, .parser = parse, .args_doc = command->args, .doc = doc.data};
    snprintf(title, sizeof title, "%s%s", command->program ? "" : "assay ",
             command->program ? command->program : command->name);
    argv[0] = title;
    argp_err_exit_status = EXIT_USAGE;
    if (argp_parse(&argp, argc, argv, ARGP_NO_HELP, NULL, &parsing) != 0) { /* of what is misused it tells itself */
        say(stderr, "%s: out of memory\n", title);
        program_end(EXIT_ERROR);
    }
    buffer_free(&doc);
    progress_mode_set(arguments->quiet ? PROGRESS_QUIET : PROGRESS_AUTO);
}
