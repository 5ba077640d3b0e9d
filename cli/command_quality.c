#include <math.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/opening.h"
#include "cli/output.h"
#include "texts/text_lines.h"

static const char *judge(const struct arguments *arguments)
{
    if (arguments->windows && !arguments->csv)
        return "give --windows together with --csv";
    return arguments->csv && arguments->json ? "give only one of --csv and --json" : NULL;
}

static void print_metrics(const double *metrics)
{
    for (int k = 0; k < METRIC_COUNT; k++)
        if (isnan(metrics[k]))
            putchar(',');
        else
            printf(",%.6g", metrics[k]);
    putchar('\n');
}

/* `related`: a judge model has held the texts against their prompts. */
static void print_csv(const struct text_lines *lines, bool related)
{
    printf("line,verdict,reason,rule,onset,language,windows,bits,limit");
    if (related)
        printf(",relevance.evidence,relevance.contrast,relevance.share,relevance.rank,relevance.tokens");
    for (int i = 0; i < METRIC_COUNT; i++)
        printf(",%s", metric_names[i]);
    putchar('\n');
    for (size_t i = 0; i < lines->count; i++) {
        const struct judgement *judgement = &lines->cases[i].judgement;
        const struct hit *hit = judgement->hit_count ? judgement->hits : NULL;
        printf("%s,%s,%s,%s,", lines->lines[i].id + 5, text_verdict(&lines->cases[i]),
               hit ? quality_diagnostic_name(hit->diagnostic) : "", hit ? hit->rule : "");
        if (hit)
            printf("%zu", hit->onset);
        printf(",%s,%zu,%.4g,%.4g", judgement->language, judgement->windows, judgement->bits, judgement->limit);
        const struct relevance *relevance = &lines->cases[i].relevance;
        if (related && relevance->others)
            printf(",%.4g,%.4g,%.4g,%zu,%zu", relevance->evidence, relevance->contrast, relevance->share,
                   relevance->rank, relevance->tokens);
        else if (related)
            printf(",,,,,%zu", relevance->tokens);
        print_metrics(judgement->metrics);
    }
}

static void print_window(void *context, const struct measured *measured)
{
    printf("%s,%s,%zu,%zu", (const char *)context, measured->kind, measured->from, measured->to);
    print_metrics(measured->metrics);
}

/* What is measured, judged by nobody. */
static int print_windows(const struct arguments *arguments)
{
    const char *path = arguments->positional[0], *rules = arguments->rules;
    double knows;
    struct subject judge = {0};
    struct error error = {0};
    struct text_lines lines = {0};
    struct quality *quality = quality_open(rules, &error);
    bool good = quality && text_lines_read(path, &lines, &error) &&
                (!arguments->judge || (judge_open(arguments, &judge, &error) &&
                                       texts_surprise(&judge, lines.cases, lines.count, &knows, &error)));
    if (good) {
        printf("line,kind,from,to");
        for (int i = 0; i < METRIC_COUNT; i++)
            printf(",%s", metric_names[i]);
        putchar('\n');
    }
    for (size_t i = 0; good && i < lines.count; i++) {
        const struct quality_text text = text_of(&lines.cases[i]);
        good = quality_each_window(quality, &text, print_window, lines.lines[i].id + 5, &error);
    }
    subject_free(&judge);
    text_lines_free(&lines);
    quality_free(quality);
    return good ? EXIT_PASS : command_error("quality", &error);
}

static bool work(const struct arguments *arguments, struct report *report, struct error *error)
{
    struct text_lines lines = {0};
    report_set(&report->subject.path, "%s", arguments->positional[0]);
    struct quality *quality = quality_open(arguments->rules, error);
    struct subject judge = {0};
    struct limits limits = {0};
    struct texts_control control = {.limits = &limits};
    bool good =
        limits_init(&limits, error) && quality && text_lines_read(arguments->positional[0], &lines, error) &&
        (!arguments->judge || (judge_open(arguments, &judge, error) &&
                               texts_hear(&judge, lines.cases, lines.count, false, &control.judge_bits, error))) &&
        texts_judge(quality, lines.cases, lines.count, error) &&
        texts_report(quality, lines.cases, lines.count, &control, &report->findings, error);
    if (good && arguments->csv)
        print_csv(&lines, arguments->judge);
    text_lines_free(&lines);
    quality_free(quality);
    subject_free(&judge);
    limits_free(&limits);
    return good;
}

static int run(struct arguments *arguments)
{
    return arguments->windows ? print_windows(arguments) : command_judge("quality", arguments, work);
}

static const struct option_row options[] = {
    {"csv", 0, NULL, "All metrics of every text as CSV on stdout instead of text", GROUP_WORK, KIND_FLAG, AT(csv), 0,
     0},
    {"windows", 0, NULL, "With --csv: a row for the text and one for each of its windows, to calibrate with",
     GROUP_WORK, KIND_FLAG, AT(windows), 0, 0},
    {0},
};

const struct command command_quality = {
    .name = "quality",
    .does = "is it language, or gibberish: judge texts from anywhere",
    .args = "FILE.jsonl",
    .doc = "Judges texts, one JSON object in a line: {\"text\", \"prompt\", \"expects\"}; - is stdin. Judges form: "
           "characters, repetition, language, leaking markup and code, words, grammar, in the whole text and in "
           "windows of it; and what \"expects\" says of language, patterns and form.",
    .least = 1,
    .most = 1,
    .sets = OPTIONS_JUDGE | OPTIONS_THREADS | OPTIONS_REPORT,
    .options = options,
    .judge = judge,
    .run = run,
};
