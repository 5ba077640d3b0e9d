#include <math.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/opening.h"
#include "cli/output.h"
#include "texts/text_lines.h"

static const char *judge(const struct arguments *arguments)
{
    return arguments->csv && arguments->json ? "give only one of --csv and --json" : NULL;
}

static void print_csv(const struct text_lines *lines)
{
    printf("line,verdict,reason,rule,onset,language,windows");
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
        printf(",%s,%zu", judgement->language, judgement->windows);
        for (int k = 0; k < METRIC_COUNT; k++)
            if (isnan(judgement->metrics[k]))
                putchar(',');
            else
                printf(",%.6g", judgement->metrics[k]);
        putchar('\n');
    }
}

static bool work(const struct arguments *arguments, struct report *report, struct error *error)
{
    struct text_lines lines = {0};
    report_set(&report->subject.path, "%s", arguments->positional[0]);
    struct quality *quality = quality_open(arguments->rules, error);
    struct subject judge = {0};
    struct limits limits = {0};
    bool good = limits_init(&limits, error) && quality && text_lines_read(arguments->positional[0], &lines, error) &&
                texts_judge(quality, lines.cases, lines.count, error) &&
                (!arguments->judge || (judge_open(arguments, &judge, error) &&
                                       texts_relate(&judge, lines.cases, lines.count, false, error))) &&
                texts_report(quality, lines.cases, lines.count, &(struct texts_control){.limits = &limits},
                             &report->findings, error);
    if (good && arguments->csv)
        print_csv(&lines);
    text_lines_free(&lines);
    quality_free(quality);
    subject_free(&judge);
    limits_free(&limits);
    return good;
}

static int run(struct arguments *arguments)
{
    return command_judge("quality", arguments, work);
}

static const struct option_row options[] = {
    {"csv", 0, NULL, "All metrics of every text as CSV on stdout instead of text", GROUP_WORK, KIND_FLAG, AT(csv), 0,
     0},
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
