/* assay check as tests of Criterion: the model is read and checked once, then each finding is a test of its own, so
 * that what knows Criterion's programs knows what a model can and cannot do. */
#include <criterion/criterion.h>
#include <criterion/options.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/progress.h"
#include "cli/command_check.h"
#include "cli/manual.h"
#include "cli/parse.h"
#include "cli/program.h"
#include "math/blas.h"
#include "registering.h"
#include "reports/reports.h"
#include "tests_of_report.h"

#define PROGRAM "assay-suite"
#define ROWS_MAX 64

/* Options of assay check that are Criterion's here, or that tests have no use for; and Criterion's letters. */
static const char *const left_out[] = {"json", "quiet", "verbose", "help", "usage", "fail-on", "strict", NULL};
static const char criterions[] = "hvlfjSqOwt";

static const struct option_row own[] = {
    {"model", 0, "MODEL", "The model: a checkpoint folder, a safetensors file or an extraction (or ASSAY_MODEL)",
     GROUP_WORK, KIND_TEXT, AT(positional), 0, 0},
    {"report", 0, "REPORT.json", "Check nothing: the tests are those of this report of assay check", GROUP_WORK,
     KIND_TEXT, AT(file), 0, 0},
    {"man", 0, NULL, "Print the manual page, in roff for man -l", GROUP_HELP, KIND_FLAG, AT(manual), 0, 0},
    {"help", 'h', NULL, "Give this help list", GROUP_HELP, KIND_HELP, 0, 0, 0},
    {"usage", 0, NULL, "Give a short usage message", GROUP_HELP, KIND_USAGE, 0, 0, 0},
};

/* The options, for option_at; ends with a row without a name. */
static struct option_row rows[ROWS_MAX];

static bool is_left_out(const char *name)
{
    for (size_t i = 0; left_out[i]; i++)
        if (strcmp(left_out[i], name) == 0)
            return true;
    return false;
}

static void rows_fill(void)
{
    size_t count = sizeof own / sizeof *own;
    const struct option_row *row;
    memcpy(rows, own, sizeof own);
    for (size_t i = 0; (row = option_at(command_check.sets, command_check.options, i)) && count < ROWS_MAX - 1; i++) {
        if (is_left_out(row->name))
            continue;
        rows[count] = *row;
        if (row->letter && strchr(criterions, row->letter))
            rows[count].letter = 0;
        count++;
    }
}

static void explain(struct buffer *out)
{
    buffer_text(out,
                "From the environment, where no option says otherwise: ASSAY_MODEL; ASSAY_GOLDEN, several dumps with "
                "colons between them; ASSAY_SUITE.\n\nOptions of Criterion, among them: --list, --filter=PATTERN "
                "(SUITE/TEST: 'layers*', '*/model.layers.3.*'), --xml=FILE, --tap=FILE, --json=FILE, -jN, --fail-fast, "
                "--verbose, --quiet, --color=never.\n\nExit status: 0 all tests passed, 1 some failed, 2 misuse of the "
                "command line, 3 could not be run.\n\n");
    command_check.explain(out);
}

static const char *judge(const struct arguments *arguments)
{
    if (arguments->manual)
        return NULL;
    if (arguments->file && (arguments->out || arguments->history || arguments->baseline || arguments->positional[0] ||
                            arguments->goldens.count))
        return "--report checks nothing: --model, --golden, --output, --history and --baseline are for a check (assay "
               "report REPORT.json -o DIR --history DB renders and records one)";
    if (!arguments->positional[0] && !arguments->file)
        return "which model? Give --model MODEL, or set ASSAY_MODEL";
    return command_check.judge(arguments);
}

static const struct command command_suite = {
    .name = "check",
    .program = PROGRAM,
    .does = "what assay check finds, as tests of Criterion",
    .args = "[OPTIONS OF CRITERION]",
    .doc = "Runs assay check on a model, once, and shows what it found as tests of Criterion: one for each check, and "
           "one for each layer and module that was held against gold.",
    .explain = explain,
    .sets = OPTIONS_BARE,
    .options = rows,
    .judge = judge,
};

/* The command line, taken apart: what is assay's, and what is Criterion's. Both end with NULL. */
struct words {
    char **ours, **theirs;
    int our_count, their_count;
    bool list, version, quiet;
};

static const struct option_row *row_of(const char *word)
{
    bool is_long = strncmp(word, "--", 2) == 0;
    size_t length = strcspn(word + 2 * is_long, "=");
    for (size_t i = 0; word[0] == '-' && word[1] && rows[i].name; i++)
        if (is_long ? strlen(rows[i].name) == length && strncmp(rows[i].name, word + 2, length) == 0
                    : rows[i].letter == word[1])
            return &rows[i];
    return NULL;
}

static bool is_given(const struct words *words, const char *name)
{
    for (int i = 1; i < words->our_count; i++) {
        const struct option_row *row = row_of(words->ours[i]);
        if (row && strcmp(row->name, name) == 0)
            return true;
    }
    return false;
}

/* Appends "--NAME=VALUE" for each part of the text between separators, unless the option is given. */
static bool take_variable(struct words *words, const char *variable, const char *name, const char *separators)
{
    const char *text = getenv(variable);
    if (!text || !*text || is_given(words, name))
        return true;
    for (const char *at = text + strspn(text, separators); *at; at += strspn(at, separators)) {
        size_t length = *separators ? strcspn(at, separators) : strlen(at);
        struct buffer word = {0};
        buffer_format(&word, "--%s=", name);
        buffer_append(&word, at, length);
        at += length;
        if (word.failed || !(words->ours[words->our_count++] = buffer_take(&word)))
            return false;
    }
    return true;
}

/* Options of assay, with what they take, to us; all else to Criterion, but for --list, which it cannot do here. */
static bool words_part(int argc, char **argv, struct words *words)
{
    const char *golden = getenv("ASSAY_GOLDEN");
    size_t most = (size_t)argc + (golden ? strlen(golden) : 0) + 8;
    words->ours = calloc(most, sizeof *words->ours);
    words->theirs = calloc(most, sizeof *words->theirs);
    if (!words->ours || !words->theirs)
        return false;
    words->ours[words->our_count++] = words->theirs[words->their_count++] = argv[0];
    for (int i = 1; i < argc; i++) {
        const struct option_row *row = row_of(argv[i]);
        bool is_long = argv[i][0] == '-' && argv[i][1] == '-';
        words->list = words->list || strcmp(argv[i], "--list") == 0 || strcmp(argv[i], "-l") == 0;
        words->version = words->version || strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-v") == 0;
        words->quiet = words->quiet || strcmp(argv[i], "--quiet") == 0 || strcmp(argv[i], "-q") == 0;
        if (!row) {
            if (strcmp(argv[i], "--list") != 0 && strcmp(argv[i], "-l") != 0)
                words->theirs[words->their_count++] = argv[i];
            continue;
        }
        words->ours[words->our_count++] = argv[i];
        if (row->value && (is_long ? !strchr(argv[i], '=') : !argv[i][2]) && i + 1 < argc)
            words->ours[words->our_count++] = argv[++i];
    }
    return is_given(words, "report") ||
           (take_variable(words, "ASSAY_MODEL", "model", "") && take_variable(words, "ASSAY_GOLDEN", "golden", ":") &&
            take_variable(words, "ASSAY_SUITE", "suite", ""));
}

/* Before a model is read for hours. Returns the exit status, or -1: go on. */
static int criterion_begin(const struct words *words)
{
    bool goes_on = criterion_handle_args(words->their_count, words->theirs, true) != 0;
    setlocale(LC_ALL, "C"); /* it took the user's, in which a number may have a comma */
    if (!goes_on)
        return words->version ? EXIT_PASS : EXIT_USAGE;
    extern int optind;
    if (optind < words->their_count) {
        fprintf(stderr, PROGRAM ": '%s' is no option; a model is given with --model\n", words->theirs[optind]);
        return EXIT_USAGE;
    }
    return -1;
}

/* Fills the report, by reading one or by the work of assay check; false, with the reason in `error`: neither could be
 * done. To be freed either way. */
static bool report_of(struct arguments *arguments, struct report *report, struct error *error)
{
    *report = (struct report){0};
    if (arguments->file)
        return report_read(arguments->file, report, error) &&
               (report->verdict != VERDICT_ERROR ||
                error_set(error, "%s: %s", arguments->file, report->reason ? report->reason : "it could not be run"));
    arguments->positional_count = 1;
    arguments->diagnose = !arguments->no_diagnose;
    return command_make("check", arguments, check_work, false, report, error) != EXIT_ERROR;
}

static int print_manual(struct criterion_test_set *set)
{
    static const struct command *const commands[] = {&command_check, NULL};
    struct buffer text = {0};
    manual_write(&command_suite, commands, &text);
    fputs(text.data && !text.failed ? text.data : "", stdout);
    int status = text.data && !text.failed ? EXIT_PASS : EXIT_ERROR;
    buffer_free(&text);
    criterion_finalize(set);
    return status;
}

/* Finalizes the set. */
static int run(struct arguments *arguments, bool list, struct criterion_test_set *set)
{
    struct report report;
    struct suite_tests tests = {0};
    struct error error = {0};
    int status = EXIT_ERROR;
    if (report_of(arguments, &report, &error) && suite_tests_of(&report, &tests, &error) &&
        (list || tests_register(&tests, set, &error))) {
        setenv("OPENBLAS_NUM_THREADS", "1", 0); /* a test computes nothing */
        if (list)
            tests_list(&tests);
        criterion_options.ignore_warnings = true; /* what a check that warns logs: else it ended with 1 */
        status = list || criterion_run_all_tests(set) ? EXIT_PASS : EXIT_FAIL;
    }
    if (error.text)
        program_error(PROGRAM, &error);
    report_free(&report);
    criterion_finalize(set);
    suite_tests_free(&tests);
    return status;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    struct words words = {0};
    program_begin();
    blas_choose(argv);
    rows_fill();
    if (!words_part(argc, argv, &words)) {
        fprintf(stderr, PROGRAM ": out of memory\n");
        return EXIT_ERROR;
    }
    struct criterion_test_set *set = criterion_initialize();
    int status = criterion_begin(&words);
    if (status < 0) {
        arguments_parse(&command_suite, words.our_count, words.ours, &arguments);
        arguments.quiet = words.quiet;
        if (words.quiet)
            progress_mode_set(PROGRESS_QUIET);
        status = arguments.manual ? print_manual(set) : run(&arguments, words.list, set);
    } else
        criterion_finalize(set);
    program_end(program_finish(PROGRAM, status));
}
