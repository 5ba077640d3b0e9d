/* report.json, described by report.schema.json. */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/report_document.h"
#include "reports/report_render.h"
#include "reports/reports.h"
#include "reports/text.h"

/* A document under construction; `good` turns false when memory runs out, and then nothing more need be checked. */
struct writer {
    bool good;
};

static cJSON *add(struct writer *writer, cJSON *parent, const char *key, cJSON *item)
{
    bool added = item && (key ? cJSON_AddItemToObject(parent, key, item) : cJSON_AddItemToArray(parent, item));
    if (!added) {
        cJSON_Delete(item);
        writer->good = false;
        return NULL;
    }
    return item;
}

/* NULL text adds nothing to an object, and null to an array. */
static void add_text(struct writer *writer, cJSON *parent, const char *key, const char *text)
{
    if (!text) {
        if (!key)
            add(writer, parent, NULL, cJSON_CreateNull());
        return;
    }
    struct buffer clean = {0};
    text_append(&clean, TEXT_JSON, text);
    char *copy = buffer_take(&clean);
    add(writer, parent, key, copy ? cJSON_CreateString(copy) : NULL);
    free(copy);
}

static void add_number(struct writer *writer, cJSON *parent, const char *key, double value)
{
    add(writer, parent, key, json_number(value));
}

static void add_where(struct writer *writer, cJSON *parent, const struct where *where)
{
    cJSON *object = add(writer, parent, "where", cJSON_CreateObject());
    const struct {
        const char *key;
        int value;
    } numbers[] = {{"layer", where->layer}, {"expert", where->expert}, {"token", where->token}};
    add_text(writer, object, "case", where->case_id);
    add_text(writer, object, "module", where->module);
    add_text(writer, object, "tensor", where->tensor);
    add_text(writer, object, "file", where->file);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].value >= 0)
            add_number(writer, object, numbers[i].key, numbers[i].value);
}

static void add_numbers(struct writer *writer, cJSON *parent, const char *key, const double *values, size_t count)
{
    cJSON *array = add(writer, parent, key, cJSON_CreateArray());
    for (size_t i = 0; i < count && writer->good; i++)
        add_number(writer, array, NULL, values[i]);
}

const char *const series_kind_names[SERIES_KINDS] = {
    [SERIES_LINE] = "line", [SERIES_HEATMAP] = "heatmap", [SERIES_STEPS] = "steps", [SERIES_TABLE] = "table"};

static void add_series(struct writer *writer, cJSON *parent, const struct series *series)
{
    cJSON *object = add(writer, parent, NULL, cJSON_CreateObject());
    add_text(writer, object, "name", series->name);
    add_text(writer, object, "title", series->title);
    add_text(writer, object, "x_label", series->x_label);
    add_text(writer, object, "y_label", series->y_label);
    add_text(writer, object, "kind", series_kind_names[series->kind]);
    add(writer, object, "log_y", cJSON_CreateBool(series->log_y));
    add_numbers(writer, object, "x", series->x, series->points);
    if (series->labels) {
        cJSON *labels = add(writer, object, "labels", cJSON_CreateArray());
        for (size_t i = 0; i < series->points && writer->good; i++)
            add_text(writer, labels, NULL, series->labels[i]);
    }
    cJSON *curves = add(writer, object, "curves", cJSON_CreateArray());
    for (size_t i = 0; i < series->curve_count && writer->good; i++) {
        cJSON *curve = add(writer, curves, NULL, cJSON_CreateObject());
        add_text(writer, curve, "name", series->curves[i].name);
        add_numbers(writer, curve, "values", series->curves[i].values, series->curves[i].count);
    }
}

bool member_reserved(const char *name)
{
    static const char *const reserved[] = {"check", "verdict", "summary", "measured", "limit", "unit",
                                           "cause", "message", "where",   "series",   "gold",  "text"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strcmp(name, reserved[i]) == 0)
            return true;
    return false;
}

/* "commands.repeat" is the member "repeat" of an object "commands": that object, and `*name` behind the dot. */
static cJSON *object_of(struct writer *writer, cJSON *object, const char **name)
{
    const char *dot = strchr(*name, '.');
    char *outer = dot ? strndup(*name, (size_t)(dot - *name)) : NULL;
    cJSON *inner = outer ? cJSON_GetObjectItemCaseSensitive(object, outer) : object;
    if (dot)
        *name = dot + 1;
    if (outer && !inner)
        inner = add(writer, object, outer, cJSON_CreateObject());
    free(outer);
    return inner;
}

/* Facts are members of the finding itself; one whose name is taken becomes "fact_NAME". */
static void add_fact(struct writer *writer, cJSON *finding, const struct fact *fact)
{
    struct buffer name = {0};
    const char *own = fact->name;
    cJSON *object = object_of(writer, finding, &own);
    if (member_reserved(fact->name))
        buffer_text(&name, FACT_PREFIX);
    text_append(&name, TEXT_JSON, own);
    char *key = buffer_take(&name);
    if (!key)
        writer->good = false;
    else if (cJSON_GetObjectItemCaseSensitive(object, key))
        ; /* the first fact of a name counts */
    else if (fact->text)
        add_text(writer, object, key, fact->text);
    else
        add_number(writer, object, key, fact->number);
    free(key);
}

/* Offsets are bytes of the text as it is written here: marked->text is kept so that cleaning it changes nothing. */
static void add_marked(struct writer *writer, cJSON *parent, const struct marked_text *marked)
{
    if (!marked)
        return;
    cJSON *object = add(writer, parent, "text", cJSON_CreateObject());
    add_text(writer, object, "text", marked->text);
    cJSON *marks = add(writer, object, "marks", cJSON_CreateArray());
    for (size_t i = 0; i < marked->count && writer->good; i++) {
        cJSON *mark = add(writer, marks, NULL, cJSON_CreateObject());
        add_number(writer, mark, "from", (double)marked->marks[i].from);
        add_number(writer, mark, "to", (double)marked->marks[i].to);
        add_text(writer, mark, "what", marked->marks[i].what);
    }
    cJSON *reasons = add(writer, object, "reasons", cJSON_CreateArray());
    for (size_t i = 0; i < marked->reason_count && writer->good; i++) {
        cJSON *reason = add(writer, reasons, NULL, cJSON_CreateObject());
        add_text(writer, reason, "what", marked->reasons[i].what);
        add_text(writer, reason, "because", marked->reasons[i].because);
        add_text(writer, reason, "numbers", marked->reasons[i].numbers);
        add_number(writer, reason, "onset", (double)marked->reasons[i].onset);
    }
}

static void add_finding(struct writer *writer, cJSON *parent, const struct finding *finding)
{
    cJSON *object = add(writer, parent, NULL, cJSON_CreateObject());
    add_text(writer, object, "check", finding->check);
    add_text(writer, object, "gold", finding->gold);
    add_text(writer, object, "verdict", verdict_name(finding->verdict));
    add(writer, object, "summary", cJSON_CreateBool(finding->summary));
    if (finding->has_measured)
        add_number(writer, object, "measured", finding->measured);
    if (finding->has_limit)
        add_number(writer, object, "limit", finding->limit);
    add_text(writer, object, "unit", finding->unit);
    add_text(writer, object, "cause", finding->cause);
    add_text(writer, object, "message", finding->message ? finding->message : "");
    add_where(writer, object, &finding->where);
    for (size_t i = 0; i < finding->fact_count && writer->good; i++)
        add_fact(writer, object, &finding->facts[i]);
    add_marked(writer, object, finding->marked);
    cJSON *series = finding->series_count ? add(writer, object, "series", cJSON_CreateArray()) : NULL;
    for (size_t i = 0; i < finding->series_count && writer->good; i++)
        add_series(writer, series, &finding->series[i]);
}

/* A hash that is not known says nothing. */
static void add_hash(struct writer *writer, cJSON *parent, const char *sha256)
{
    add_text(writer, parent, "sha256", sha256 && *sha256 ? sha256 : NULL);
}

static void add_suite(struct writer *writer, cJSON *document, const struct report *report)
{
    if (!report->suite.name)
        return;
    cJSON *suite = add(writer, document, "suite", cJSON_CreateObject());
    add_text(writer, suite, "name", report->suite.name);
    add_text(writer, suite, "path", report->suite.path);
    add_hash(writer, suite, report->suite.sha256);
}

static void add_subject(struct writer *writer, cJSON *document, const struct report *report)
{
    cJSON *subject = add(writer, document, "subject", cJSON_CreateObject());
    add_text(writer, subject, "path", report->subject.path);
    add_text(writer, subject, "format", report->subject.format);
    add_text(writer, subject, "model_type", report->subject.model_type);
    add_text(writer, subject, "summary", report->subject.summary);
    add_number(writer, subject, "tensors", report->subject.tensors);
    add_number(writer, subject, "bytes", report->subject.bytes);
    add_number(writer, subject, "layers", report->subject.layers);
    add_number(writer, subject, "experts", report->subject.experts);
    add_hash(writer, subject, report->subject.sha256);
}

static void add_golds(struct writer *writer, cJSON *document, const struct report *report)
{
    cJSON *golds = add(writer, document, "gold", cJSON_CreateArray());
    for (size_t i = 0; i < report->gold_count && writer->good; i++) {
        cJSON *gold = add(writer, golds, NULL, cJSON_CreateObject());
        add_text(writer, gold, "path", report->golds[i].path);
        add_text(writer, gold, "producer", report->golds[i].producer);
        add_text(writer, gold, "dtype", report->golds[i].dtype);
        add_number(writer, gold, "cases", report->golds[i].cases);
        add_hash(writer, gold, report->golds[i].sha256);
    }
}

static void add_machine(struct writer *writer, cJSON *document, const struct report *report)
{
    cJSON *machine = add(writer, document, "machine", cJSON_CreateObject());
    add_text(writer, machine, "processor", report->machine.processor);
    add_text(writer, machine, "blas", report->machine.blas);
    add_text(writer, machine, "host", report->machine.host);
    if (report->machine.threads > 0)
        add_number(writer, machine, "threads", report->machine.threads);
    if (report->machine.peak_memory_bytes > 0)
        add_number(writer, machine, "peak_memory_bytes", report->machine.peak_memory_bytes);
}

static void add_rule(struct writer *writer, cJSON *severity, const struct severity_facts *facts)
{
    if (!facts->rule)
        return;
    cJSON *rule = add(writer, severity, "rule", cJSON_CreateObject());
    add_text(writer, rule, "number", facts->rule);
    if (!isnan(facts->bounds.harmless))
        add_number(writer, rule, "harmless", facts->bounds.harmless);
    if (!isnan(facts->bounds.broken))
        add_number(writer, rule, "broken", facts->bounds.broken);
}

static void add_severity(struct writer *writer, cJSON *document, const struct report *report)
{
    cJSON *severity = add(writer, document, "severity", cJSON_CreateObject());
    struct severity_facts facts = report->severity;
    struct severity_place numbers[SEVERITY_NUMBERS];
    severity_places(&facts, numbers);
    add_text(writer, severity, "level", severity_name(facts.level));
    add_text(writer, severity, "why", facts.why ? facts.why : "");
    add_rule(writer, severity, &facts);
    for (size_t i = 0; i < SEVERITY_NUMBERS; i++)
        if (!isnan(*numbers[i].number))
            add_number(writer, severity, numbers[i].name, *numbers[i].number);
}

static cJSON *document_new(const struct outline *outline, struct error *error)
{
    const struct report *report = outline->report;
    cJSON *document = cJSON_CreateObject();
    struct writer writer = {document != NULL};
    add_number(&writer, document, "assay_report", REPORT_FORMAT);
    add_text(&writer, document, "version", report->version);
    add_text(&writer, document, "commit", report->commit);
    add_text(&writer, document, "command", report->command ? report->command : "");
    add_text(&writer, document, "command_line", report->command_line);
    add_text(&writer, document, "departures", report->departures);
    add_suite(&writer, document, report);
    add_text(&writer, document, "verdict", verdict_name(report->verdict));
    add_text(&writer, document, "reason", report->reason ? report->reason : "");
    add_severity(&writer, document, report);
    if (report->ended)
        add_number(&writer, document, "exit_status", report->exit_status);
    add_text(&writer, document, "started", report->started);
    add_number(&writer, document, "duration_s", report->duration_s);
    cJSON *times = report->times.count ? add(&writer, document, "times", cJSON_CreateObject()) : NULL;
    for (size_t i = 0; i < report->times.count && writer.good; i++)
        add_number(&writer, times, report->times.rows[i].name, report->times.rows[i].seconds);
    add_subject(&writer, document, report);
    add_golds(&writer, document, report);
    add_machine(&writer, document, report);
    cJSON *findings = add(&writer, document, "findings", cJSON_CreateArray());
    for (size_t i = 0; i < report->findings.count && writer.good; i++)
        add_finding(&writer, findings, outline->ranked[i]);
    if (writer.good)
        return document;
    cJSON_Delete(document);
    error_memory(error, "the JSON report");
    return NULL;
}

cJSON *report_json(const struct report *report, struct error *error)
{
    struct outline outline;
    if (!outline_build(&outline, report, error))
        return NULL;
    cJSON *document = document_new(&outline, error);
    outline_free(&outline);
    return document;
}

/* cJSON writes 15 digits where they are nearly the number. Who reads the document is to have the number itself, so that
 * the report can be rendered again as it was: such a number is given to cJSON as text. */
static bool number_exact(cJSON *item)
{
    char text[40];
    double value = item->valuedouble;
    bool whole = value == floor(value) && fabs(value) < 1e15 && !(value == 0 && signbit(value));
    if (!cJSON_IsNumber(item) || whole)
        return true;
    snprintf(text, sizeof text, "%.15g", value);
    if (strtod(text, NULL) == value && value != 0)
        return true;
    snprintf(text, sizeof text, "%.17g", value);
    if (!(item->valuestring = cJSON_malloc(strlen(text) + 1)))
        return false;
    memcpy(item->valuestring, text, strlen(text) + 1);
    item->type = cJSON_Raw;
    return true;
}

static bool numbers_exact(cJSON *item)
{
    bool good = true;
    for (; item && good; item = item->next)
        good = number_exact(item) && numbers_exact(item->child);
    return good;
}

bool document_text(cJSON *document, bool indented, struct buffer *out, struct error *error)
{
    bool exact = numbers_exact(document->child);
    char *text = exact ? json_document(document, indented) : NULL;
    bool good = text && buffer_text(out, text);
    cJSON_free(text);
    return good || error_memory(error, "the JSON report");
}

bool json_build(const struct outline *outline, struct buffer *out, struct error *error)
{
    cJSON *document = document_new(outline, error);
    if (!document)
        return false;
    bool good = document_text(document, true, out, error);
    cJSON_Delete(document);
    return good && (buffer_char(out, '\n') || error_memory(error, "the JSON report"));
}
