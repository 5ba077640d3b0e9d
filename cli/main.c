#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/parse.h"
#include "cli/program.h"
#include "cli/say.h"
#include "math/blas.h"

#define COMMAND_AT(name) &command_##name,
static const struct command *const commands[] = {COMMANDS(COMMAND_AT) NULL};

/* For who does not know yet what to ask for. */
static void begin(FILE *file)
{
    fprintf(file, "assay proves an extracted language model against gold, and names what broke.\n\n"
                  "Is a model right? With gold, which the original made (assay help golden):\n"
                  "  assay check MODEL --golden GOLD -o report\n"
                  "Is everything in it? Without gold; --source is the model that it was made from:\n"
                  "  assay inspect MODEL --source ORIGINAL\n"
                  "Extract a model, one file for each expert, attention block and pair of norms, and prove it:\n"
                  "  assay extract ORIGINAL EXTRACTION\n"
                  "  assay verify EXTRACTION --source ORIGINAL\n"
                  "What broke, and what puts it right:\n"
                  "  assay diagnose MODEL --golden GOLD --source ORIGINAL\n"
                  "  assay repair EXTRACTION --source ORIGINAL\n"
                  "\"My model writes gibberish\": what to run, in which order:\n"
                  "  assay help gibberish\n\n"
                  "All commands: assay -h. Options of one: assay COMMAND -h. Topics: assay help.\n");
}

static void usage(FILE *file)
{
    fprintf(file, "Usage: assay COMMAND [OPTIONS] ...\n\nProves an extracted language model against gold, and names "
                  "what broke.\n\n");
    for (size_t i = 0; commands[i]; i++)
        fprintf(file, "  %-12s%s\n", commands[i]->name, commands[i]->does);
    fprintf(file, "\n  assay COMMAND -h   options of a command\n  assay help TOPIC   what is what, and what to do\n"
                  "  assay --version\n\n"
                  "Exit status: 0 verdict pass, 1 verdict fail, 2 misuse of the command line, 3 could not be run.\n");
}

static int finish(const char *name, int status)
{
    char program[64];
    snprintf(program, sizeof program, "assay %s", name);
    return program_finish(program, status);
}

int main(int argc, char **argv)
{
    program_begin();
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "-h") == 0 || strcmp(name, "--help") == 0) {
        usage(stdout);
        return finish(name, EXIT_PASS);
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        printf("assay %s\n", ASSAY_VERSION);
        return finish(name, EXIT_PASS);
    }
    for (size_t i = 0; commands[i]; i++) {
        if (strcmp(commands[i]->name, name) != 0)
            continue;
        blas_choose(argv);
        struct arguments arguments = {.commands = commands};
        arguments_parse(commands[i], argc - 1, argv + 1, &arguments);
        program_end(finish(name, commands[i]->run(&arguments)));
    }
    if (argc < 2) {
        begin(stderr);
        return EXIT_USAGE;
    }
    say(stderr, "assay: unknown command '%s'\n\n", name);
    usage(stderr);
    return EXIT_USAGE;
}
