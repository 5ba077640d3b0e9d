#include "cli/arguments.h"

#include <argp.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/numbers.h"
#include "base/progress.h"
#include "faults/fault.h"

enum kind { KIND_FLAG, KIND_TEXT, KIND_TEXTS, KIND_COUNT, KIND_REAL, KIND_SIZE, KIND_CHOICE, KIND_HELP, KIND_USAGE };

#define OF_MODEL                                                                                                       \
    (COMMAND_CHECK | COMMAND_INSPECT | COMMAND_TRACE | COMMAND_COMPARE | COMMAND_PERPLEXITY | COMMAND_BENCH |          \
     COMMAND_GENERATE)
#define OF_PROOF (COMMAND_VERIFY | COMMAND_REPAIR)
#define OF_REPORT                                                                                                      \
    (COMMAND_CHECK | COMMAND_INSPECT | COMMAND_COMPARE | COMMAND_PERPLEXITY | COMMAND_QUALITY | COMMAND_WATCH |        \
     OF_PROOF)
#define OF_COPY (COMMAND_EXTRACT | COMMAND_BREAK)
#define OF_STORE (OF_MODEL | OF_COPY)
#define OF_ALL (OF_STORE | COMMAND_TOKENIZE | COMMAND_FAULTS | COMMAND_QUALITY | COMMAND_WATCH | OF_PROOF)
#define AT(member) offsetof(struct arguments, member)

enum group { GROUP_WORK = 10, GROUP_MODEL = 80, GROUP_TALK = 90, GROUP_HELP = -1 };

/* A value of the form "a|b|c" is a choice, stored as 1, 2, 3. */
static const struct option_row {
    const char *name;
    int letter; /* 0: none */
    const char *value;
    const char *help;
    enum group group;
    enum kind kind;
    size_t offset;
    long long minimum;
    unsigned commands;
} rows[] = {
    {"golden", 'g', "FILE", "Golden dump to compare with (repeatable)", GROUP_WORK, KIND_TEXTS, AT(goldens), 0,
     COMMAND_CHECK | COMMAND_PERPLEXITY | COMMAND_WATCH},
    {"golden", 'g', "FILE", "Trace the cases of this dump", GROUP_WORK, KIND_TEXTS, AT(goldens), 0, COMMAND_TRACE},
    {"golden", 'g', "FILE", "Golden dump whose router logits tell how many tokens meet an absent expert (repeatable)",
     GROUP_WORK, KIND_TEXTS, AT(goldens), 0, COMMAND_INSPECT},
    {"prompt", 'p', "TEXT", "Trace a text (repeatable)", GROUP_WORK, KIND_TEXTS, AT(prompts), 0, COMMAND_TRACE},
    {"prompt", 'p', "TEXT", "Text to continue (repeatable)", GROUP_WORK, KIND_TEXTS, AT(prompts), 0, COMMAND_GENERATE},
    {"max-new-tokens", 'n', "N", "Tokens to write at most (default: 50)", GROUP_WORK, KIND_COUNT, AT(new_tokens), 1,
     COMMAND_GENERATE},
    {"temperature", 0, "T", "Divides the logits; 0: always the most likely token (default: 0.7)", GROUP_WORK, KIND_REAL,
     AT(temperature), 0, COMMAND_GENERATE},
    {"top-k", 0, "K", "Draw from the K most likely tokens; 0: from all (default: 50)", GROUP_WORK, KIND_REAL, AT(top_k),
     0, COMMAND_GENERATE},
    {"top-p", 0, "P", "Draw from the most likely tokens that have P together (default: 1)", GROUP_WORK, KIND_REAL,
     AT(top_p), 0, COMMAND_GENERATE},
    {"min-p", 0, "P", "Only tokens at least P times as likely as the most likely one (default: 0)", GROUP_WORK,
     KIND_REAL, AT(min_p), 0, COMMAND_GENERATE},
    {"repetition-penalty", 0, "X", "Makes tokens that are there already less likely (default: 1)", GROUP_WORK,
     KIND_REAL, AT(repetition_penalty), 0, COMMAND_GENERATE},
    {"seed", 0, "N", "Of the random numbers: the same seed, the same text (default: 0)", GROUP_WORK, KIND_COUNT,
     AT(seed), 0, COMMAND_GENERATE},
    {"chat", 0, NULL, "The prompt is a question, put as the model's own chat template puts it", GROUP_WORK, KIND_FLAG,
     AT(chat), 0, COMMAND_GENERATE | COMMAND_CHECK},
    {"system", 0, "TEXT", "What the system says before it, with --chat", GROUP_WORK, KIND_TEXT, AT(system), 0,
     COMMAND_GENERATE},
    {"ids", 0, "1,2,3", "Trace token ids (repeatable)", GROUP_WORK, KIND_TEXTS, AT(id_lists), 0, COMMAND_TRACE},
    {"points", 0, "all|logits|layers",
     "Which activations: all, lm_head only, or the output of every layer (default: all)", GROUP_WORK, KIND_CHOICE,
     AT(points), 0, COMMAND_TRACE},
    {"format", 0, "assay|npy|logits",
     "What to write: our own dump, a folder of .npy files, or a base file for llama-perplexity --kl-divergence-base "
     "(default: assay)",
     GROUP_WORK, KIND_CHOICE, AT(format), 0, COMMAND_TRACE},
    {"lens", 0, NULL,
     "Print what the model would say behind every layer, after the last token of each case; -o may be left out",
     GROUP_WORK, KIND_FLAG, AT(lens), 0, COMMAND_TRACE},
    {"lens-top", 0, "K", "The K most likely tokens behind every layer, at most 20 (default: 1)", GROUP_WORK, KIND_COUNT,
     AT(lens_top), 1, COMMAND_TRACE},
    {"text", 't', "FILE", "Trace a text (UTF-8) in windows of --context tokens, one behind the other", GROUP_WORK,
     KIND_TEXT, AT(text), 0, COMMAND_TRACE},
    {"context", 0, "N", "Tokens in a window of the text (default: 512)", GROUP_WORK, KIND_COUNT, AT(context), 3,
     COMMAND_TRACE},
    {"suite", 's', "FILE", "Suite: what to run, with which limits (default: everything, suites/default.json)",
     GROUP_WORK, KIND_TEXT, AT(suite), 0, COMMAND_CHECK | COMMAND_COMPARE},
    {"text", 't', "FILE", "Text (UTF-8) to take the perplexity of", GROUP_WORK, KIND_TEXT, AT(text), 0,
     COMMAND_CHECK | COMMAND_PERPLEXITY},
    {"context", 0, "N", "Tokens in a window of the text (default: 512, or the whole text if shorter)", GROUP_WORK,
     KIND_COUNT, AT(context), 2, COMMAND_CHECK | COMMAND_PERPLEXITY},
    {"stride", 0, "N", "Tokens by which windows move on (default: half the context)", GROUP_WORK, KIND_COUNT,
     AT(stride), 1, COMMAND_CHECK | COMMAND_PERPLEXITY},
    {"chunk", 0, "N", "Feed N tokens at a time through the cache, as decoding does (default: all at once)", GROUP_WORK,
     KIND_COUNT, AT(chunk), 1, COMMAND_CHECK | COMMAND_COMPARE | COMMAND_TRACE},
    {"rules", 0, "FILE", "Rules by which texts are judged (default: suites/quality.json, built in)", GROUP_WORK,
     KIND_TEXT, AT(rules), 0, COMMAND_QUALITY | COMMAND_CHECK},
    {"judge", 0, "MODEL", "A model that says whether texts follow from their prompts: the original, or any other",
     GROUP_WORK, KIND_TEXT, AT(judge), 0, COMMAND_QUALITY | COMMAND_CHECK},
    {"csv", 0, NULL, "All metrics of every text as CSV on stdout instead of text", GROUP_WORK, KIND_FLAG, AT(csv), 0,
     COMMAND_QUALITY},
    {"values", 'v', NULL,
     "Read every value too, and name the tensors whose values are not sound; with --source, not the original's",
     GROUP_WORK, KIND_FLAG, AT(values), 0, COMMAND_INSPECT},
    {"output", 'o', "DIR", "Write report.html, report.json, junit.xml and summary.md there", GROUP_WORK, KIND_TEXT,
     AT(out), 0, OF_REPORT},
    {"output", 'o', "FILE", "The dump to write; with --format npy a new folder", GROUP_WORK, KIND_TEXT, AT(out), 0,
     COMMAND_TRACE},
    {"file", 'f', "FILE", "Read the text from a file (default without TEXT: stdin)", GROUP_WORK, KIND_TEXT, AT(file), 0,
     COMMAND_TOKENIZE},
    {"decode", 'd', "IDS", "Ids, separated by commas or spaces, back to text", GROUP_WORK, KIND_TEXT, AT(decode), 0,
     COMMAND_TOKENIZE},
    {"jsonl", 0, NULL, "One JSON string a line in, one JSON array of ids a line out", GROUP_WORK, KIND_FLAG, AT(jsonl),
     0, COMMAND_TOKENIZE},
    {"no-special", 0, NULL, "Do not add what the tokenizer's template adds (BOS, EOS)", GROUP_WORK, KIND_FLAG,
     AT(no_special), 0, COMMAND_TOKENIZE},
    {"prefill", 0, "N", "Tokens of the prompt (default: 512)", GROUP_WORK, KIND_COUNT, AT(prefill), 1, COMMAND_BENCH},
    {"decode", 0, "N", "Tokens decoded after it, one by one (default: 64)", GROUP_WORK, KIND_COUNT, AT(decode_tokens),
     1, COMMAND_BENCH},
    {"repeats", 0, "N", "Repeats, of which the best counts (default: 5)", GROUP_WORK, KIND_COUNT, AT(repeats), 1,
     COMMAND_BENCH},
    {"once", 0, NULL, "Judge what is there and end", GROUP_WORK, KIND_FLAG, AT(once), 0, COMMAND_WATCH},
    {"timeout", 0, "SECONDS", "Give up when no file came or changed for so long (default: never)", GROUP_WORK,
     KIND_REAL, AT(timeout), 0, COMMAND_WATCH},
    {"settle", 0, "SECONDS",
     "A file that is not whole is taken for unfinished until nothing happened to it for so long (default: 10)",
     GROUP_WORK, KIND_REAL, AT(settle), 0, COMMAND_WATCH},

    {"config", 0, "FILE", "config.json (default: in the weights' file, beside it, else in --source)", GROUP_MODEL,
     KIND_TEXT, AT(config), 0, OF_STORE | COMMAND_WATCH},
    {"tokenizer", 0, "DIR", "Folder of the tokenizer (default: in the weights' file, beside it, else in --source)",
     GROUP_MODEL, KIND_TEXT, AT(tokenizer), 0, OF_STORE | COMMAND_TOKENIZE | COMMAND_WATCH},
    {"source", 0, "DIR",
     "The original checkpoint, or its index file alone: gives configuration and tokenizer, and where tensors lay",
     GROUP_MODEL, KIND_TEXT, AT(source), 0, OF_STORE | COMMAND_TOKENIZE},
    {"source", 0, "DIR", "The original: gives configuration and tokenizer, and what every tensor must be", GROUP_MODEL,
     KIND_TEXT, AT(source), 0, COMMAND_WATCH},
    {"fault", 0, "NAME[:ARGS]", "A fault from the catalogue (assay faults), as if the files held it (repeatable)",
     GROUP_MODEL, KIND_TEXTS, AT(faults), 0, OF_MODEL},
    {"fault", 0, "NAME[:ARGS]", "The fault to write, from the catalogue (assay faults; repeatable)", GROUP_WORK,
     KIND_TEXTS, AT(faults), 0, COMMAND_BREAK},
    {"only", 0, "KINDS",
     "Only files of these kinds: experts, routers, attention, mlp, norms, embeddings, final_norm, "
     "lm_head; several with commas",
     GROUP_WORK, KIND_TEXT, AT(only), 0, OF_COPY},
    {"layers", 0, "A-B", "Only files of these layers", GROUP_WORK, KIND_TEXT, AT(layers), 0, OF_COPY},
    {"source", 0, "DIR", "The original model", GROUP_MODEL, KIND_TEXT, AT(source), 0, OF_PROOF},
    {"dry-run", 0, NULL, "Print what would be written, from where, and write nothing", GROUP_WORK, KIND_FLAG,
     AT(dry_run), 0, COMMAND_REPAIR},
    {"root", 0, NULL, "Print the root of the model as it lies there, and judge nothing", GROUP_WORK, KIND_FLAG,
     AT(root), 0, COMMAND_VERIFY},
    {"threads", 0, "N", "Threads (default: one for each processor)", GROUP_MODEL, KIND_COUNT, AT(threads), 1,
     OF_STORE | COMMAND_QUALITY | COMMAND_WATCH | OF_PROOF},
    {"memory", 0, "SIZE",
     "Bound on weights kept in memory between decoding steps, as 512M or 8G (default: 8G, or a third of the "
     "machine's or the container's)",
     GROUP_MODEL, KIND_SIZE, AT(memory), 1, OF_MODEL},
    {"cache-experts", 0, "N",
     "Experts of the whole model kept among them, the least recently used dropped (default: as many as fit --memory)",
     GROUP_MODEL, KIND_COUNT, AT(cache_experts), 1, OF_MODEL},
    {"missing", 0, "fail|default|zero",
     "An absent tensor: refuse; do what a careless loader did (a norm becomes ones, anything else "
     "adds nothing); or zeros",
     GROUP_MODEL, KIND_CHOICE, AT(missing), 0, OF_MODEL},
    {"sums", 0, "double|float",
     "Products summed in double (default where activations are compared) or in float32 (faster)", GROUP_MODEL,
     KIND_CHOICE, AT(sums), 0, OF_MODEL},

    {"json", 0, NULL, "JSON on stdout instead of text", GROUP_TALK, KIND_FLAG, AT(json), 0, OF_ALL},
    {"quiet", 'q', NULL, "No talk and no progress on stderr", GROUP_TALK, KIND_FLAG, AT(quiet), 0, OF_ALL},
    {"help", 'h', NULL, "Give this help list", GROUP_HELP, KIND_HELP, 0, 0, OF_ALL},
    {"usage", 0, NULL, "Give a short usage message", GROUP_HELP, KIND_USAGE, 0, 0, OF_ALL},
};

#define ROWS (sizeof rows / sizeof *rows)
#define KEY_FIRST 1000 /* of options without a letter */
#define THREADS_MAX 1024

struct parsing {
    const struct command_row *command;
    struct arguments *arguments;
};

static int row_key(const struct option_row *row)
{
    return row->letter ? row->letter : KEY_FIRST + (int)(row - rows);
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
    if (!number_parse(argument, row->minimum, 1LL << 40, &value))
        argp_error(state, "--%s needs a whole number of at least %lld, not '%s'", row->name, row->minimum, argument);
    if (strcmp(row->name, "threads") == 0 && value > THREADS_MAX)
        argp_error(state, "--threads is at most %d", THREADS_MAX);
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

static void put_text(const struct option_row *row, struct texts *texts, const char *argument, struct argp_state *state)
{
    if (texts->count == TEXTS_MAX)
        argp_error(state, "at most %d --%s", TEXTS_MAX, row->name);
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
        put_text(row, target, argument, state);
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
        argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
        break;
    case KIND_USAGE:
        argp_state_help(state, stdout, ARGP_HELP_USAGE | ARGP_HELP_EXIT_OK);
        break;
    }
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct parsing *parsing = state->input;
    struct arguments *arguments = parsing->arguments;
    const struct command_row *command = parsing->command;
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
        const char *wrong = command->judge ? command->judge(arguments) : NULL;
        for (size_t i = 0; !wrong && i < arguments->faults.count; i++)
            wrong = fault_judge(arguments->faults.items[i]);
        if (wrong)
            argp_error(state, "%s", wrong);
        return 0;
    }
    for (size_t i = 0; i < ROWS; i++) {
        if (!(rows[i].commands & (unsigned)command->command) || row_key(&rows[i]) != key)
            continue;
        put_option(&rows[i], arguments, argument, state);
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

void arguments_parse(const struct command_row *command, int argc, char **argv, struct arguments *arguments)
{
    struct argp_option options[ROWS + 1] = {0};
    static char title[64];
    size_t count = 0;
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].commands & (unsigned)command->command)
            options[count++] = (struct argp_option){.name = rows[i].name,
                                                    .key = row_key(&rows[i]),
                                                    .arg = rows[i].value,
                                                    .doc = rows[i].help,
                                                    .group = (int)rows[i].group};
    struct argp argp = {.options = options, .parser = parse, .args_doc = command->args, .doc = command->doc};
    struct parsing parsing = {.command = command, .arguments = arguments};
    snprintf(title, sizeof title, "assay %s", command->name);
    argv[0] = title;
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&argp, argc, argv, ARGP_NO_HELP, NULL, &parsing);
    progress_mode_set(arguments->quiet ? PROGRESS_QUIET : PROGRESS_AUTO);
}

#define BLANKS " \t\r\n"

/* One id at `*at`, and the blanks behind it. */
static bool id_parse(const char **at, struct ids *out, struct error *error)
{
    size_t length = strcspn(*at, "," BLANKS "[]");
    char number[24] = {0};
    long long value = 0;
    if (length < sizeof number)
        memcpy(number, *at, length);
    if (!number_parse(number, 0, INT_MAX, &value))
        return error_set(error, "'%.*s' is no token id", (int)(!length ? 1 : length < 40 ? length : 40), *at);
    *at += length;
    *at += strspn(*at, BLANKS);
    return ids_push(out, (int)value) || error_memory(error, "ids");
}

bool ids_parse(const char *list, struct ids *out, struct error *error)
{
    const char *at = list + strspn(list, BLANKS);
    bool bracket = *at == '[', comma = false;
    at += bracket;
    at += strspn(at, BLANKS);
    while (*at && *at != ']') {
        if (!id_parse(&at, out, error))
            return false;
        comma = *at == ',';
        at += comma;
        at += strspn(at, BLANKS);
    }
    if (comma)
        return error_set(error, "no token id follows the last comma");
    if (bracket != (*at == ']'))
        return error_set(error, "token ids with one bracket only");
    at += bracket;
    at += strspn(at, BLANKS);
    return !*at || error_set(error, "'%.40s' follows the token ids", at);
}

const char *ids_judge(const char *list)
{
    static char message[128];
    struct error error = {0};
    struct ids ids = {0};
    bool good = ids_parse(list, &ids, &error);
    snprintf(message, sizeof message, "%s", error_text(&error));
    error_clear(&error);
    ids_free(&ids);
    return good ? NULL : message;
}

const char *prompts_judge(const struct arguments *arguments)
{
    for (size_t i = 0; arguments->json && i < arguments->prompts.count; i++) {
        const char *prompt = arguments->prompts.items[i];
        if (utf8_check(prompt, strlen(prompt)) != strlen(prompt))
            return "a --prompt that is not UTF-8 cannot be told in JSON";
    }
    return NULL;
}

const char *windows_judge(const struct arguments *arguments)
{
    return arguments->context && arguments->stride > arguments->context
               ? "--stride is larger than --context: there would be gaps"
               : NULL;
}

/* 0: as the engine chooses, by what the machine has. A container may have less. */
static uint64_t memory_bound(const struct arguments *arguments)
{
    uint64_t limit = memory_limit("");
    bool less = limit && limit < memory_machine() && limit / 3 < MODEL_MEMORY_DEFAULT;
    return arguments->memory || !less ? arguments->memory : limit / 3;
}

bool arguments_open(const struct arguments *arguments, const char *path, enum missing missing, bool exact,
                    struct subject *subject, struct error *error)
{
    const struct subject_options options = {
        .model = path,
        .config = arguments->config,
        .tokenizer = arguments->tokenizer,
        .source = arguments->source,
        .engine = {.threads = (int)arguments->threads,
                   .memory = memory_bound(arguments),
                   .cache_experts = arguments->cache_experts,
                   .missing = arguments->missing ? (enum missing)(arguments->missing - 1) : missing,
                   .exact = arguments->sums ? arguments->sums == 1 : exact}};
    return subject_open(&options, subject, error) &&
           faults_lay(subject, arguments->faults.items, arguments->faults.count, error);
}
