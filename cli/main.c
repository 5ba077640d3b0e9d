#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/commands.h"
#include "cli/parse.h"
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

/* A result that did not reach stdout (a full disk) is none. */
static int finish(const char *name, int status)
{
    bool lost = ferror(stdout) != 0;
    if ((fflush(stdout) == 0 && !lost) || status > EXIT_FAIL)
        return status;
    fprintf(stderr, "assay %s: stdout: cannot write\n", name);
    return EXIT_ERROR;
}

/* OpenBLAS waits at exit for threads that may never end where memory is short. A sanitizer reports at exit. */
static void end(int status)
{
    fflush(stderr);
#ifndef __SANITIZE_ADDRESS__
    _exit(status);
#else
    exit(status);
#endif
}

/* Removes what is half written, then ends as the signal would have. One that comes again meanwhile, as from timeout,
 * which sends it to the process and to its group, is taken by another thread, and waits for that. */
static void on_end(int number)
{
    static atomic_flag ending = ATOMIC_FLAG_INIT;
    if (atomic_flag_test_and_set(&ending))
        return;
    file_stop();
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL); /* for threads that are just beginning a file */
    file_abandon_all();
    signal(number, SIG_DFL);
    raise(number);
}

/* A signal that is ignored, as under nohup, stays so. */
static void catch_ends(void)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGXCPU};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction old, action = {.sa_handler = on_end, .sa_flags = SA_RESTART};
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
}

int main(int argc, char **argv)
{
    /* Activations come and go with every layer: keep their memory instead of asking the system for fresh, zeroed pages.
     */
    mallopt(M_MMAP_THRESHOLD, 256 << 20);
    mallopt(M_TRIM_THRESHOLD, 512 << 20);
    /* A limit on file sizes is an error like a full disk, with a message, and leaves nothing behind. */
    signal(SIGXFSZ, SIG_IGN);
    catch_ends();
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "-h") == 0 || strcmp(name, "--help") == 0) {
        usage(stdout);
        return EXIT_PASS;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        printf("assay %s\n", ASSAY_VERSION);
        return EXIT_PASS;
    }
    for (size_t i = 0; commands[i]; i++) {
        if (strcmp(commands[i]->name, name) != 0)
            continue;
        blas_choose(argv);
        struct arguments arguments = {.commands = commands};
        arguments_parse(commands[i], argc - 1, argv + 1, &arguments);
        end(finish(name, commands[i]->run(&arguments)));
    }
    if (argc < 2) {
        begin(stderr);
        return EXIT_USAGE;
    }
    fprintf(stderr, "assay: unknown command '%s'\n\n", name);
    usage(stderr);
    return EXIT_USAGE;
}
