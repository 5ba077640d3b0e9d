/* The command line: every option of every command is a row of one table. */
#ifndef ASSAY_CLI_ARGUMENTS_H
#define ASSAY_CLI_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "run/subject.h"

#define EXIT_PASS 0
#define EXIT_FAIL 1
#define EXIT_USAGE 2
#define EXIT_ERROR 3

#define TEXTS_MAX 256

struct texts {
    const char *items[TEXTS_MAX];
    size_t count;
};

/* A number that may be 0. */
struct real {
    double value;
    bool given;
};

/* What was asked for; NULL, 0 or empty where it was not. */
struct arguments {
    const char *positional[2];
    size_t positional_count;
    /* the model */
    const char *config, *tokenizer, *source;
    size_t threads, cache_experts;
    uint64_t memory;
    int missing; /* enum missing + 1 */
    int sums;    /* 1: double, 2: float */
    /* what to do */
    struct texts goldens, prompts, id_lists, faults;
    const char *suite, *text, *out, *file, *decode;
    const char *only, *layers;
    size_t context, stride, chunk;
    int points; /* 1: all, 2: logits, 3: layers */
    int format; /* 1: assay, 2: npy, 3: logits */
    const char *rules, *judge, *system;
    bool values, jsonl, no_special, csv, lens, chat;
    bool root, dry_run;
    size_t lens_top;
    size_t prefill, decode_tokens, repeats;
    size_t new_tokens, seed;
    bool once;
    struct real timeout, settle;
    struct real temperature, top_k, top_p, min_p, repetition_penalty;
    /* how to talk */
    bool json, quiet;
};

enum command {
    COMMAND_CHECK = 1 << 0,
    COMMAND_INSPECT = 1 << 1,
    COMMAND_TRACE = 1 << 2,
    COMMAND_COMPARE = 1 << 3,
    COMMAND_PERPLEXITY = 1 << 4,
    COMMAND_TOKENIZE = 1 << 5,
    COMMAND_BENCH = 1 << 6,
    COMMAND_EXTRACT = 1 << 7,
    COMMAND_BREAK = 1 << 8,
    COMMAND_FAULTS = 1 << 9,
    COMMAND_GENERATE = 1 << 10,
    COMMAND_QUALITY = 1 << 11,
    COMMAND_WATCH = 1 << 14,
    COMMAND_VERIFY = 1 << 12,
    COMMAND_REPAIR = 1 << 13,
};

struct command_row {
    const char *name;
    const char *does; /* for the list of commands */
    const char *args; /* "MODEL --text FILE" */
    const char *doc;
    size_t least, most; /* positional arguments */
    int (*run)(struct arguments *arguments);
    /* NULL, or what is wrong with the combination; NULL: nothing */
    const char *(*judge)(const struct arguments *arguments);
    enum command command;
};

/* Parses the options of the command. Exits with 2 on misuse, with 0 after -h. */
void arguments_parse(const struct command_row *command, int argc, char **argv, struct arguments *arguments);

/* Token ids, separated by white space or single commas, perhaps in brackets; appended to `out`. */
bool ids_parse(const char *list, struct ids *out, struct error *error);

/* For `judge`: NULL when the list can be parsed, else what is wrong, in a buffer that the next call writes over. */
const char *ids_judge(const char *list);

/* With --json, prompts come back in it, and JSON is UTF-8. NULL: nothing wrong. */
const char *prompts_judge(const struct arguments *arguments);

/* A window that moves on by more than its length leaves gaps. NULL: nothing wrong. */
const char *windows_judge(const struct arguments *arguments);

/* Opens the model at `path`, with its faults; `missing` and `exact` are the command's defaults. `*subject` must be
 * freed either way. */
bool arguments_open(const struct arguments *arguments, const char *path, enum missing missing, bool exact,
                    struct subject *subject, struct error *error);

#endif
