/* Options of the command line. A row says how an option is written, what it takes and where that goes.
 *
 * An option of one command is a row in that command's file; options that several commands share are rows in options.c,
 * in sets, and the command names its sets. So what a command takes is said once, in the file of the command: an option
 * table with a column of commands would have to be edited for each new command, and would read the wrong way round. A
 * command that means something else by a shared name (trace --text) has a row of its own and leaves the set out. */
#ifndef ASSAY_CLI_OPTIONS_H
#define ASSAY_CLI_OPTIONS_H

#include <stddef.h>

#include "cli/arguments.h"

enum option_group { GROUP_WORK = 10, GROUP_MODEL = 80, GROUP_TALK = 90, GROUP_HELP = -1 };

/* What an option takes, and the type of the member of struct arguments that it sets. */
enum option_kind {
    KIND_FLAG,   /* bool */
    KIND_TEXT,   /* const char *: the last one counts */
    KIND_TEXTS,  /* struct texts */
    KIND_COUNT,  /* size_t */
    KIND_REAL,   /* struct real */
    KIND_SIZE,   /* uint64_t: bytes */
    KIND_CHOICE, /* int: 1, 2, 3 for the words of a value "a|b|c" */
    KIND_HELP,   /* nothing: prints, and ends */
    KIND_USAGE,
};

/* The member of struct arguments that an option sets. */
#define AT(member) offsetof(struct arguments, member)

/* A table of them ends with a row that has no name. */
struct option_row {
    const char *name;
    int letter;        /* 0: none */
    const char *value; /* what it takes, as the help calls it; NULL: nothing */
    const char *help;
    enum option_group group;
    enum option_kind kind;
    size_t offset;
    long long minimum, maximum; /* of a count; a maximum of 0: none */
};

/* What is shared. Every command has OPTIONS_TALK without naming it, but for OPTIONS_BARE. */
enum option_set {
    OPTIONS_TALK = 1 << 0,      /* --json --quiet --help --usage */
    OPTIONS_CONFIG = 1 << 1,    /* --config */
    OPTIONS_TOKENIZER = 1 << 2, /* --tokenizer */
    OPTIONS_SOURCE = 1 << 3,    /* --source: the original, where there is one */
    OPTIONS_ORIGINAL = 1 << 4,  /* --source: the original to hold it against */
    OPTIONS_THREADS = 1 << 5,   /* --threads */
    OPTIONS_ENGINE = 1 << 6,    /* --fault --set --variant --text-variant --memory --cache-experts --missing --sums */
    OPTIONS_REPORT = 1 << 7,    /* --output, a folder; --verbose, --fail-on, --strict, --history */
    OPTIONS_GOLD = 1 << 8,      /* --golden, to compare with */
    OPTIONS_SUITE = 1 << 9,     /* --suite --only --skip --cases */
    OPTIONS_WINDOWS = 1 << 10,  /* --text --context --stride */
    OPTIONS_CHUNK = 1 << 11,    /* --chunk */
    OPTIONS_CHAT = 1 << 12,     /* --chat */
    OPTIONS_JUDGE = 1 << 13,    /* --rules --judge */
    OPTIONS_PART = 1 << 14,     /* --only --layers */
    OPTIONS_TAGS = 1 << 15,     /* --tag: of the suite's prompts and limits */
    OPTIONS_BARE = 1 << 16,     /* no OPTIONS_TALK */
    /* of a command that opens a store, and of one that runs the model in it */
    OPTIONS_STORE = OPTIONS_CONFIG | OPTIONS_TOKENIZER | OPTIONS_SOURCE | OPTIONS_THREADS,
    OPTIONS_MODEL = OPTIONS_STORE | OPTIONS_ENGINE,
};

/* Option `index` of a command with these sets and its own table (NULL: it has none); NULL behind the last. */
const struct option_row *option_at(unsigned sets, const struct option_row *own, size_t index);

#endif
