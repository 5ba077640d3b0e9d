#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/opening.h"
#include "cli/output.h"
#include "texts/texts.h"

#define INPUT_MAX ((size_t)1 << 30)

static const char *judge(const struct arguments *arguments)
{
    return arguments->csv && arguments->json ? "only one of --csv and --json" : NULL;
}

/* The lines of a file: owns what the cases borrow. */
struct lines {
    cJSON **json;
    struct expects *expects;
    struct text_case *cases;
    char (*ids)[24];
    size_t count, capacity;
};

static bool line_take(const char *where, const cJSON *json, struct text_case *text, struct expects *expects,
                      struct error *error)
{
    const char *prompt = NULL, *value = NULL;
    if (!cJSON_IsObject(json))
        return error_set(error, "%s: a line should be an object with \"text\" and perhaps \"prompt\" and \"expects\"",
                         where);
    if (!json_get_string(json, where, "prompt", &prompt, error) || !json_get_string(json, where, "text", &value, error))
        return false;
    if (!value)
        return error_set(error, "%s: no \"text\"", where);
    *text = (struct text_case){.prompt = prompt, .text = value, .size = strlen(value), .expects = expects};
    return expects_parse(where, json_member(json, "expects"), expects, error);
}

static bool lines_grow(struct lines *lines)
{
    size_t capacity = lines->capacity ? 2 * lines->capacity : 64;
    cJSON **json = realloc(lines->json, capacity * sizeof *json);
    lines->json = json ? json : lines->json;
    struct expects *expects = realloc(lines->expects, capacity * sizeof *expects);
    lines->expects = expects ? expects : lines->expects;
    struct text_case *cases = realloc(lines->cases, capacity * sizeof *cases);
    lines->cases = cases ? cases : lines->cases;
    char(*ids)[24] = realloc(lines->ids, capacity * sizeof *ids);
    lines->ids = ids ? ids : lines->ids;
    if (!json || !expects || !cases || !ids)
        return false;
    lines->capacity = capacity;
    return true;
}

static bool line_add(const char *path, size_t number, const char *text, size_t size, struct lines *lines,
                     struct error *error)
{
    char where[4200];
    snprintf(where, sizeof where, "%.4096s: line %zu", path, number);
    if (lines->count == lines->capacity && !lines_grow(lines))
        return error_memory(error, path);
    cJSON *json = json_parse(where, text, size, error);
    if (!json)
        return false;
    size_t at = lines->count++;
    lines->json[at] = json;
    lines->cases[at] = (struct text_case){0}; /* freed even if the line is wrong */
    lines->expects[at] = (struct expects){0};
    snprintf(lines->ids[at], sizeof *lines->ids, "line %zu", number);
    return line_take(where, json, &lines->cases[at], &lines->expects[at], error);
}

static bool lines_read(const char *path, struct lines *lines, struct error *error)
{
    struct buffer input = {.maximum = INPUT_MAX + 65536};
    size_t number = 0;
    bool good = file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, INPUT_MAX, &input, error);
    for (size_t at = 0; good && at < input.size;) {
        size_t size;
        const char *line = text_line(input.data, input.size, &at, &size);
        number++;
        if (strspn(line, " \t\r") < size)
            good = line_add(path, number, line, size, lines, error);
    }
    buffer_free(&input);
    if (good && !lines->count)
        good = error_set(error, "%s: there is no line in it", path);
    for (size_t i = 0; good && i < lines->count; i++) { /* the arrays stay where they are from now on */
        lines->cases[i].id = lines->ids[i];
        lines->cases[i].expects = &lines->expects[i];
    }
    return good;
}

static void lines_free(struct lines *lines)
{
    texts_free(lines->cases, lines->count);
    for (size_t i = 0; i < lines->count; i++) {
        cJSON_Delete(lines->json[i]);
        expects_free(&lines->expects[i]);
    }
    free(lines->json);
    free(lines->expects);
    free(lines->cases);
    free(lines->ids);
}

static void print_csv(const struct lines *lines)
{
    printf("line,verdict,reason,rule,onset,language,windows");
    for (int i = 0; i < METRIC_COUNT; i++)
        printf(",%s", metric_names[i]);
    putchar('\n');
    for (size_t i = 0; i < lines->count; i++) {
        const struct judgement *judgement = &lines->cases[i].judgement;
        const struct hit *hit = judgement->hit_count ? judgement->hits : NULL;
        printf("%s,%s,%s,%s,", lines->ids[i] + 5, text_verdict(&lines->cases[i]),
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
    struct lines lines = {0};
    report_set(&report->subject.path, "%s", arguments->positional[0]);
    struct quality *quality = quality_open(arguments->rules, error);
    struct subject judge = {0};
    struct limits limits = {0};
    bool good = limits_init(&limits, error) && quality && lines_read(arguments->positional[0], &lines, error) &&
                texts_judge(quality, lines.cases, lines.count, error) &&
                (!arguments->judge || (judge_open(arguments, &judge, error) &&
                                       texts_relate(&judge, lines.cases, lines.count, false, error))) &&
                texts_report(quality, lines.cases, lines.count, &(struct texts_control){.limits = &limits},
                             &report->findings, error);
    if (good && arguments->csv)
        print_csv(&lines);
    lines_free(&lines);
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
