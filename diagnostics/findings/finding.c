#include "findings/finding.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/map.h"

static const char *const verdict_names[] = {[VERDICT_PASS] = "pass",
                                            [VERDICT_WARN] = "warn",
                                            [VERDICT_FAIL] = "fail",
                                            [VERDICT_SKIP] = "skip",
                                            [VERDICT_ERROR] = "error"};
#define VERDICT_COUNT (sizeof verdict_names / sizeof *verdict_names)

const char *verdict_name(enum verdict verdict)
{
    return (size_t)verdict < VERDICT_COUNT ? verdict_names[verdict] : "unknown";
}

bool verdict_parse(const char *name, enum verdict *verdict)
{
    for (size_t i = 0; i < VERDICT_COUNT; i++) {
        if (strcmp(name, verdict_names[i]) == 0) {
            *verdict = (enum verdict)i;
            return true;
        }
    }
    return false;
}

struct finding *findings_add(struct findings *findings, const char *check)
{
    if (!array_grow(findings->items, findings->count, findings->capacity))
        return NULL;
    char *name = strdup(check);
    if (!name)
        return NULL;
    struct finding *finding = &findings->items[findings->count++];
    *finding = (struct finding){
        .check = name,
        .verdict = VERDICT_PASS,
        .measured = NAN,
        .limit = NAN,
        .summary = true,
        .where = {.layer = -1, .expert = -1, .token = -1},
    };
    return finding;
}

/* "3.58e-05", as printf writes it, is 3.58e-5 in every report. */
static void exponents_shorten(char *text)
{
    for (char *at = text; (at = strchr(at, 'e')); at++) {
        bool number = at > text && isdigit((unsigned char)at[-1]) && (at[1] == '-' || at[1] == '+') && at[2] == '0' &&
                      isdigit((unsigned char)at[3]) && !isalnum((unsigned char)at[4]);
        if (number)
            memmove(at + 2, at + 3, strlen(at + 3) + 1);
    }
}

static void text_print(char **field, const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    free(*field);
    *field = text;
}

static void message_print(struct finding *finding, const char *format, va_list arguments)
{
    text_print(&finding->message, format, arguments);
    if (finding->message)
        exponents_shorten(finding->message);
}

void where_set(char **field, const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    free(*field);
    *field = copy;
}

void findings_set_gold(struct findings *findings, size_t first, const char *path)
{
    for (size_t i = first; i < findings->count; i++)
        where_set(&findings->items[i].gold, path);
}

bool finding_same_check(const struct finding *a, const struct finding *b)
{
    return strcmp(a->check, b->check) == 0 && strcmp(a->gold ? a->gold : "", b->gold ? b->gold : "") == 0;
}

struct finding *findings_place(struct findings *findings, const char *check, enum verdict verdict)
{
    struct finding *place = findings_add(findings, check);
    if (!place)
        return NULL;
    place->summary = false;
    place->verdict = verdict;
    return place;
}

bool findings_leave_out(struct findings *findings, const char *what, const char *option, const char *message,
                        struct error *error)
{
    struct buffer check = {0};
    buffer_format(&check, LEFT_OUT "%s", what);
    struct finding *finding = check.data ? findings_add(findings, check.data) : NULL;
    buffer_free(&check);
    if (!finding_skip(finding, "%s", message))
        return error_memory(error, "findings");
    finding_fact_text(finding, "left_out", "%s", option);
    return true;
}

bool finding_is_left_out(const struct finding *finding)
{
    return finding->check && strncmp(finding->check, LEFT_OUT, sizeof LEFT_OUT - 1) == 0;
}

bool finding_skip(struct finding *finding, const char *format, ...)
{
    if (!finding)
        return false;
    va_list arguments;
    va_start(arguments, format);
    finding->verdict = VERDICT_SKIP;
    message_print(finding, format, arguments);
    va_end(arguments);
    return true;
}

bool findings_skip(struct findings *findings, const char *check, const char *why, struct error *error)
{
    return finding_skip(findings_add(findings, check), "%s", why) || error_memory(error, check);
}

void finding_message(struct finding *finding, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    message_print(finding, format, arguments);
    va_end(arguments);
}

void finding_measured(struct finding *finding, double measured, const char *unit)
{
    finding->measured = measured;
    finding->has_measured = true;
    where_set(&finding->unit, unit);
}

void finding_limit(struct finding *finding, double limit, const char *cause)
{
    finding->limit = limit;
    finding->has_limit = true;
    where_set(&finding->cause, cause);
}

static struct fact *fact_add(struct finding *finding, const char *name)
{
    struct fact fact = {.name = strdup(name), .number = NAN};
    if (!fact.name || !array_push(finding->facts, finding->fact_count, finding->fact_capacity, fact)) {
        free(fact.name);
        return NULL;
    }
    return &finding->facts[finding->fact_count - 1];
}

void finding_fact(struct finding *finding, const char *name, double number)
{
    struct fact *fact = fact_add(finding, name);
    if (fact)
        fact->number = number;
}

void finding_fact_text(struct finding *finding, const char *name, const char *format, ...)
{
    struct fact *fact = fact_add(finding, name);
    if (!fact)
        return;
    va_list arguments;
    va_start(arguments, format);
    text_print(&fact->text, format, arguments);
    va_end(arguments);
}

const char *finding_fact_named(const struct finding *finding, const char *name)
{
    for (size_t i = 0; i < finding->fact_count; i++)
        if (strcmp(finding->facts[i].name, name) == 0)
            return finding->facts[i].text;
    return NULL;
}

double finding_fact_number(const struct finding *finding, const char *name)
{
    for (size_t i = 0; i < finding->fact_count; i++)
        if (strcmp(finding->facts[i].name, name) == 0 && !finding->facts[i].text)
            return finding->facts[i].number;
    return NAN;
}

void finding_judge(struct finding *finding)
{
    bool pass = finding->has_measured && finding->has_limit && finding->measured <= finding->limit;
    finding->verdict = pass ? VERDICT_PASS : VERDICT_FAIL;
}

static void series_free(struct series *series)
{
    for (size_t i = 0; series->labels && i < series->points; i++)
        free(series->labels[i]);
    for (size_t i = 0; i < series->curve_count; i++) {
        free(series->curves[i].name);
        free(series->curves[i].values);
    }
    free(series->labels);
    free(series->curves);
    free(series->x);
    free(series->name);
    free(series->title);
    free(series->x_label);
    free(series->y_label);
}

struct series *finding_series(struct finding *finding, const char *name, const char *title, const char *x_label,
                              const char *y_label, size_t points)
{
    if (!array_grow(finding->series, finding->series_count, finding->series_capacity))
        return NULL;
    struct series *series = &finding->series[finding->series_count];
    *series = (struct series){.points = points};
    series->x = calloc(points ? points : 1, sizeof *series->x);
    where_set(&series->name, name);
    where_set(&series->title, title);
    where_set(&series->x_label, x_label);
    where_set(&series->y_label, y_label);
    if (!series->x || !series->name || !series->title || !series->x_label || !series->y_label) {
        series_free(series);
        return NULL;
    }
    for (size_t i = 0; i < points; i++)
        series->x[i] = (double)i;
    finding->series_count++;
    return series;
}

double *series_curve(struct series *series, const char *name)
{
    struct curve curve = {.name = strdup(name), .count = series->points};
    curve.values = calloc(curve.count ? curve.count : 1, sizeof *curve.values);
    if (!curve.name || !curve.values ||
        !array_push(series->curves, series->curve_count, series->curve_capacity, curve)) {
        free(curve.name);
        free(curve.values);
        return NULL;
    }
    for (size_t i = 0; i < curve.count; i++)
        curve.values[i] = NAN;
    return curve.values;
}

bool series_label(struct series *series, size_t point, const char *label)
{
    if (point >= series->points)
        return false;
    if (!series->labels)
        series->labels = calloc(series->points, sizeof *series->labels);
    if (!series->labels)
        return false;
    where_set(&series->labels[point], label);
    return series->labels[point] != NULL;
}

/* What findings_ranked compares, in this order; smaller comes first. */
struct rank {
    size_t check; /* the first finding of the same check and dump */
    int place;    /* 0 for a summary */
    int verdict;
    int finite;     /* 0: measured, and not finite */
    double badness; /* larger comes first */
    size_t index;
};

static struct rank finding_rank(const struct finding *finding, size_t check, size_t index)
{
    static const int verdict_order[] = {[VERDICT_FAIL] = 0, [VERDICT_WARN] = 1, [VERDICT_SKIP] = 2, [VERDICT_PASS] = 3};
    struct rank rank = {.check = check, .place = !finding->summary, .index = index, .badness = -INFINITY, .finite = 1};
    if (finding->summary)
        return rank;
    rank.verdict = verdict_order[finding->verdict];
    rank.finite = !finding->has_measured || isfinite(finding->measured);
    if (finding->has_measured && rank.finite)
        rank.badness =
            finding->has_limit && finding->limit > 0 ? finding->measured / finding->limit : finding->measured;
    return rank;
}

static int rank_order(const void *left, const void *right)
{
    const struct rank *a = left, *b = right;
    if (a->check != b->check)
        return a->check < b->check ? -1 : 1;
    if (a->place != b->place)
        return a->place - b->place;
    if (a->verdict != b->verdict)
        return a->verdict - b->verdict;
    if (a->finite != b->finite)
        return a->finite - b->finite;
    if (a->badness > b->badness || a->badness < b->badness)
        return a->badness > b->badness ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* Names of check and dump as one key each, borrowed from `keys`. */
static bool ranks_keys(const struct findings *findings, struct buffer *keys, size_t *ends)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        buffer_format(keys, "%s\n%s", finding->check, finding->gold ? finding->gold : "");
        ends[i] = keys->size;
    }
    return !keys->failed;
}

static bool ranks_fill(struct rank *ranks, const struct findings *findings)
{
    struct map checks = {0};
    struct buffer keys = {0};
    size_t *ends = calloc(findings->count, sizeof *ends), begin = 0;
    bool good = ends && ranks_keys(findings, &keys, ends);
    for (size_t i = 0; i < findings->count && good; begin = ends[i++]) {
        size_t first = MAP_ABSENT;
        good = map_add(&checks, keys.data + begin, ends[i] - begin, i, &first);
        ranks[i] = finding_rank(&findings->items[i], first == MAP_ABSENT ? i : first, i);
    }
    map_free(&checks);
    buffer_free(&keys);
    free(ends);
    return good;
}

const struct finding **findings_ranked(const struct findings *findings)
{
    if (!findings->count)
        return NULL;
    struct rank *ranks = calloc(findings->count, sizeof *ranks);
    const struct finding **ranked = calloc(findings->count, sizeof *ranked);
    if (!ranks || !ranked || !ranks_fill(ranks, findings)) {
        free(ranks);
        free(ranked);
        return NULL;
    }
    qsort(ranks, findings->count, sizeof *ranks, rank_order);
    for (size_t i = 0; i < findings->count; i++)
        ranked[i] = &findings->items[ranks[i].index];
    free(ranks);
    return ranked;
}

void findings_sort(struct findings *findings)
{
    const struct finding **ranked = findings_ranked(findings);
    struct finding *sorted = ranked ? calloc(findings->count, sizeof *sorted) : NULL;
    for (size_t i = 0; sorted && i < findings->count; i++)
        sorted[i] = *ranked[i];
    free(ranked);
    if (!sorted)
        return;
    free(findings->items);
    findings->items = sorted;
    findings->capacity = findings->count;
}

enum verdict findings_verdict(const struct findings *findings)
{
    enum verdict verdict = VERDICT_PASS;
    for (size_t i = 0; i < findings->count; i++) {
        if (findings->items[i].verdict == VERDICT_FAIL)
            return VERDICT_FAIL;
        if (findings->items[i].verdict == VERDICT_WARN)
            verdict = VERDICT_WARN;
    }
    return verdict;
}

static void finding_free(struct finding *finding)
{
    for (size_t i = 0; i < finding->series_count; i++)
        series_free(&finding->series[i]);
    for (size_t i = 0; i < finding->fact_count; i++) {
        free(finding->facts[i].name);
        free(finding->facts[i].text);
    }
    free(finding->series);
    free(finding->facts);
    marked_text_free(finding->marked);
    free(finding->check);
    free(finding->gold);
    free(finding->unit);
    free(finding->cause);
    free(finding->message);
    free(finding->where.case_id);
    free(finding->where.module);
    free(finding->where.tensor);
    free(finding->where.file);
}

void findings_drop(struct findings *findings, bool (*is)(const void *context, const struct finding *finding),
                   const void *context)
{
    size_t kept = 0;
    for (size_t i = 0; i < findings->count; i++) {
        if (is(context, &findings->items[i]))
            finding_free(&findings->items[i]);
        else
            findings->items[kept++] = findings->items[i];
    }
    findings->count = kept;
}

void findings_free(struct findings *findings)
{
    if (!findings)
        return;
    for (size_t i = 0; i < findings->count; i++)
        finding_free(&findings->items[i]);
    free(findings->items);
    *findings = (struct findings){0};
}

bool findings_take(struct findings *to, struct findings *from)
{
    size_t taken = 0;
    while (taken < from->count && array_push(to->items, to->count, to->capacity, from->items[taken]))
        taken++;
    bool good = taken == from->count;
    if (!good)
        memmove(from->items, from->items + taken, (from->count - taken) * sizeof *from->items);
    from->count -= taken;
    findings_free(from);
    return good;
}
