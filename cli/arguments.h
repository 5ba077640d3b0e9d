/* What the command line asked for. */
#ifndef ASSAY_CLI_ARGUMENTS_H
#define ASSAY_CLI_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* The exit status of every command. */
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

/* What ends with EXIT_FAIL, in the order of the words of --fail-on. */
enum fail_on { FAIL_ON_ANY = 1, FAIL_ON_DEGRADED, FAIL_ON_BROKEN, FAIL_ON_WARN, FAIL_ON_SKIP };

struct command;

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
    struct texts goldens, prompts, id_lists, faults, undos, settings, variants, text_variants, tags, cases;
    size_t planted; /* of the faults: behind them stand those of --undo, as parsing leaves them */
    const char *suite, *text, *out, *file, *decode;
    const char *only, *skip, *layers;
    size_t context, stride, chunk;
    int points; /* 1: all, 2: logits, 3: layers */
    int format; /* 1: assay, 2: npy, 3: logits */
    const char *rules, *judge, *system;
    bool values, jsonl, no_special, csv, windows, lens, chat;
    bool root, dry_run;
    size_t lens_top;
    size_t prefill, decode_tokens, repeats;
    size_t new_tokens, seed;
    const char *dump, *model;   /* of diagnose */
    size_t budget;              /* seconds */
    int fail_on;                /* enum fail_on; 0: any */
    bool strict;                /* FAIL_ON_SKIP */
    const char *baseline;       /* of check */
    const char *history;        /* a database */
    const char *check, *html;   /* of history */
    bool no_diagnose, diagnose; /* of check: causes are looked for */
    bool once;
    int completion; /* of help: 1: bash, 2: zsh, 3: fish */
    const char *man;
    bool manual; /* of assay-suite */
    struct real timeout, settle;
    struct real temperature, top_k, top_p, min_p, repetition_penalty;
    /* how to talk */
    bool json, quiet, verbose;
    char *command_line;                    /* as a shell takes it; NULL: out of memory. Lives as long as the program */
    const struct command *const *commands; /* all there are, NULL behind the last: for help */
};

/* Appends the departures: " --fault A --set B", as a shell takes it. */
void departures_append(const struct arguments *arguments, struct buffer *out);

/* For a command's `judge`: NULL, or what is wrong. */

/* With a list of token ids, in a buffer that the next call writes over. */
const char *ids_judge(const char *list);
/* With --json, prompts come back in it, and JSON is UTF-8. */
const char *prompts_judge(const struct arguments *arguments);
/* With a report to be read that lies in the folder of -o, which is emptied before it is; NULL `path`: none is read. In
 * a buffer that the next call writes over. */
const char *input_judge(const struct arguments *arguments, const char *path);
/* A window that moves on by more than its length leaves gaps. */
const char *windows_judge(const struct arguments *arguments);

#endif
