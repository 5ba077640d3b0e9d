#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/command.h"

static const struct command_row commands[] = {
    {"check", "the main job: run a suite on a model, compare with gold, write reports", "MODEL",
     "Runs a suite on MODEL: inventory, values, tokens, every activation against gold (end to end, and each module "
     "alone), logits, "
     "greedy continuations, perplexity. MODEL is a checkpoint folder, a safetensors file or an extraction.",
     1, 1, command_check, judge_check, COMMAND_CHECK},
    {"inspect", "everything that can be known without running the model", "MODEL",
     "Holds the tensors of MODEL against what its configuration calls for: absent, in part, misnamed, twice, extra, "
     "wrong "
     "shape, wrong dtype, bad files; and says what the gaps have in common (with --source, shards too) and how many "
     "tokens meet them. Reads headers only, unless --values.",
     1, 1, command_inspect, NULL, COMMAND_INSPECT},
    {"trace", "run the engine and write a golden-format dump, or print the logit lens",
     "MODEL (--golden FILE | --prompt TEXT | --ids 1,2,3 | --text FILE) (-o FILE | --lens)",
     "Runs the engine and writes what passes through it: as a golden-format dump, or as others read it (--format); "
     "with --lens "
     "it prints what the model would say if it ended behind each layer.",
     1, 1, command_trace, judge_trace, COMMAND_TRACE},
    {"compare", "activations, logits and greedy continuations of a dump or model against gold", "GOLDEN SUBJECT",
     "Compares SUBJECT, a dump or a model, with the dump GOLDEN: activations, logits and, for a model, each module "
     "alone and greedy "
     "continuations.",
     2, 2, command_compare, NULL, COMMAND_COMPARE},
    {"perplexity", "token, word and byte perplexity of a text", "MODEL --text FILE",
     "Perplexity of a text, for each token, word and byte, over sliding windows: each window scores the tokens that no "
     "earlier one "
     "scored; the first token of the text is not scored.",
     1, 1, command_perplexity, judge_perplexity, COMMAND_PERPLEXITY},
    {"generate", "continue texts", "MODEL --prompt TEXT",
     "Continues each prompt and writes the text to stdout: greedy, or sampled as transformers' generate does, with its "
     "own "
     "random numbers. All prompts are continued together; the text of one depends on the seed and its place only.",
     1, 1, command_generate, judge_generate, COMMAND_GENERATE},
    {"quality", "is it language, or gibberish: judge texts from anywhere", "FILE.jsonl",
     "Judges texts, one JSON object in a line: {\"text\", \"prompt\", \"expects\"}; - is stdin. Judges form: "
     "characters, "
     "repetition, "
     "language, leaking markup and code, words, grammar, in the whole text and in windows of it; and what \"expects\" "
     "says "
     "of language, patterns and form.",
     1, 1, command_quality, judge_quality, COMMAND_QUALITY},
    {"tokenize", "text to token ids, or back", "MODEL_OR_TOKENIZER_DIR [TEXT]", "Text to token ids, or ids to text.", 1,
     2, command_tokenize, judge_tokenize, COMMAND_TOKENIZE},
    {"extract", "write a model as an extraction: one file for each expert, router, attention, norms", "SOURCE DEST",
     "Writes SOURCE, anything that a store opens, to the folder DEST: one file for each expert, router, attention "
     "block, "
     "pair of norms and so on, config.json, the tokenizer, and a manifest with shard, byte range, dtype, shape and "
     "SHA-256 of every tensor. Every file is read back and compared. Killed and run again, it goes on where it was.",
     2, 2, command_extract, judge_extract, COMMAND_EXTRACT},
    {"break", "write a broken copy", "MODEL DEST --fault NAME[:ARGS]",
     "Writes MODEL with faults from the catalogue to the folder DEST, as an extraction.", 2, 2, command_break,
     judge_break, COMMAND_BREAK},
    {"watch", "follow an extraction that is being written, judge each file as it lands", "DEST",
     "Follows an extraction: judges each file as it lands and, with gold, each layer when all of it is there, fed with "
     "golden input. Ends when everything that the configuration calls for is there and right, or at the first "
     "corruption.",
     1, 1, command_watch, NULL, COMMAND_WATCH},
    {"verify", "prove an extraction by its passport, or by its original", "DEST",
     "Holds every byte of the extraction DEST against its passport, and with --source against the original: which "
     "files and tensors are not what they were, and whether they are all of that model. Without a passport --source "
     "proves the same of anything that a store opens.",
     1, 1, command_verify, judge_verify, COMMAND_VERIFY},
    {"repair", "fetch what an extraction lacks from the original", "DEST --source DIR",
     "Writes what of the extraction DEST is absent or wrong anew from the original, the smallest effect for each byte "
     "last, touches nothing that is right, and ends by verifying all of it. Killed and run again, it goes on where it "
     "was. What belongs to nothing is moved to DEST/set_aside.",
     1, 1, command_repair, judge_repair, COMMAND_REPAIR},
    {"faults", "list the catalogue of faults", "", "Lists the catalogue of faults.", 0, 0, command_faults, NULL,
     COMMAND_FAULTS},
    {"bench", "speed and memory of the engine on this machine", "MODEL",
     "Speed of prefill and decoding, and peak memory, with weights kept in memory.", 1, 1, command_bench, NULL,
     COMMAND_BENCH},
};

#define COMMANDS (sizeof commands / sizeof *commands)

static void usage(FILE *file)
{
    fprintf(file, "Usage: assay COMMAND [OPTIONS] ...\n\nProves an extracted language model against gold, and names "
                  "what broke.\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(file, "  %-12s%s\n", commands[i].name, commands[i].does);
    fprintf(file, "\n  assay COMMAND -h   options of a command\n  assay --version\n\n"
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

/* Removes what is half written, then ends as the signal would have. */
static void on_end(int number)
{
    file_stop();
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL); /* for threads that are just beginning a file */
    file_abandon_all();
    raise(number);
}

/* A signal that is ignored, as under nohup, stays so. */
static void catch_ends(void)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGXCPU};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction old, action = {.sa_handler = on_end, .sa_flags = (int)SA_RESETHAND};
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
    if (strcmp(name, "-h") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "help") == 0) {
        usage(stdout);
        return EXIT_PASS;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        printf("assay %s\n", ASSAY_VERSION);
        return EXIT_PASS;
    }
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) != 0)
            continue;
        struct arguments arguments = {0};
        arguments_parse(&commands[i], argc - 1, argv + 1, &arguments);
        end(finish(name, commands[i].run(&arguments)));
    }
    if (*name)
        fprintf(stderr, "assay: unknown command '%s'\n\n", name);
    usage(stderr);
    return EXIT_USAGE;
}
