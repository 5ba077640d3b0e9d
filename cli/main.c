#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

static const struct command_row {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *does;
} commands[] = {
    {"check", command_check, "the main job: run a suite on a model, compare with gold, write reports"},
    {"inspect", command_inspect, "everything that can be known without running the model"},
    {"trace", command_trace, "run the engine and write a golden-format dump"},
    {"compare", command_compare, "activations, logits and greedy continuations of a dump or model against gold"},
    {"perplexity", command_perplexity, "token, word and byte perplexity of a text"},
    {"tokenize", command_tokenize, "text to token ids, or back"},
    {"bench", command_bench, "speed and memory of the engine on this machine"},
};

#define COMMANDS (sizeof commands / sizeof *commands)

static void usage(FILE *file)
{
    fprintf(file, "Usage: assay COMMAND [OPTIONS] ...\n\nProves an extracted language model against gold, and names what broke.\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(file, "  %-12s%s\n", commands[i].name, commands[i].does);
    fprintf(file, "\n  assay COMMAND -h   options of a command\n  assay --version\n\n"
                  "Exit status: 0 verdict pass, 1 verdict fail, 2 misuse of the command line, 3 could not be run.\n");
}

int main(int argc, char **argv)
{
    /* Activations come and go with every layer: keep their memory instead of asking the system for fresh, zeroed pages. */
    mallopt(M_MMAP_THRESHOLD, 256 << 20);
    mallopt(M_TRIM_THRESHOLD, 512 << 20);
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "-h") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "help") == 0) {
        usage(stdout);
        return EXIT_PASS;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        printf("assay %s\n", ASSAY_VERSION);
        return EXIT_PASS;
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    if (*name)
        fprintf(stderr, "assay: unknown command '%s'\n\n", name);
    usage(stderr);
    return EXIT_USAGE;
}
