/* report.sarif: SARIF 2.1.0, the form in which code hosts and editors take what a tool found. A rule for each check, a
 * result for each check that fails or warns, and for the worst of its places. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "findings/check_words.h"
#include "reports/ci.h"
#include "reports/marked.h"
#include "reports/report_render.h"
#include "reports/text.h"

#define PLACES_SHOWN 100
#define TEXT_SHOWN 4000

/* A file under construction. Results of one place, told twice by two runs, have one fingerprint; of one run, two. */
struct sarif {
    const struct outline *outline;
    struct buffer *out;
    struct map rules;                /* check -> index of its rule */
    struct map known;                /* fingerprints of this run, kept in `prints` */
    char (*prints)[SHA256_TEXT + 8]; /* room for one of each finding */
    size_t print_count;
    bool any; /* a result was written */
};

/* ---- text ---- */

/* A message: { and } are doubled, for they enclose placeholders, and [text](target) is no link. */
static void message_text(struct buffer *out, const char *text)
{
    struct buffer plain = {0}, safe = {0};
    text_append_short(&plain, TEXT_PLAIN, text, TEXT_SHOWN);
    for (size_t i = 0; i < plain.size; i++) {
        char character = plain.data[i];
        buffer_char(&safe, character);
        if (character == '{' || character == '}')
            buffer_char(&safe, character);
        if (character == ']' && plain.data[i + 1] == '(')
            buffer_char(&safe, ' ');
    }
    out->failed = out->failed || plain.failed || safe.failed;
    ci_quoted(out, safe.data, SIZE_MAX);
    buffer_free(&plain);
    buffer_free(&safe);
}

/* `, "key": {"text": "..."}` */
static void member_message(struct buffer *out, const char *key, const char *text)
{
    buffer_format(out, ", \"%s\": {\"text\": ", key);
    message_text(out, text && *text ? text : "-");
    buffer_char(out, '}');
}

/* `, "key": "..."`; nothing for NULL. */
static void member_text(struct buffer *out, const char *key, const char *text)
{
    if (!text)
        return;
    buffer_format(out, ", \"%s\": ", key);
    ci_quoted(out, text, TEXT_SHOWN);
}

static void member_number(struct buffer *out, const char *key, bool there, double value)
{
    if (!there)
        return;
    buffer_format(out, ", \"%s\": ", key);
    ci_number(out, value);
}

/* ---- rules ---- */

static const char *rule_title(const struct finding *head)
{
    const char *title = check_words(head->check)->title;
    return title ? title : head->check;
}

/* What it means; of a check that is not known, what it found. */
static const char *rule_means(const struct finding *head)
{
    const char *means = check_words(head->check)->means;
    return means ? means : head->message ? head->message : head->check;
}

static const char *rule_remedy(const struct finding *head)
{
    const char *remedy = check_words(head->check)->remedy;
    return remedy ? remedy : rule_means(head);
}

static void rule(struct buffer *out, const struct finding *head)
{
    buffer_text(out, "{\"id\": ");
    ci_quoted(out, head->check, TEXT_SHOWN);
    member_message(out, "shortDescription", rule_title(head));
    member_message(out, "fullDescription", rule_means(head));
    member_message(out, "help", rule_remedy(head));
    buffer_text(out, ", \"defaultConfiguration\": {\"level\": \"error\"}}");
}

static bool rules(struct sarif *sarif, struct error *error)
{
    const struct outline *outline = sarif->outline;
    for (size_t i = 0; i < outline->count; i++) {
        const struct finding *head = outline->checks[i].head;
        size_t found;
        if (!map_add(&sarif->rules, head->check, strlen(head->check), sarif->rules.count, &found))
            return error_memory(error, "report.sarif");
        if (found != MAP_ABSENT)
            continue;
        buffer_text(sarif->out, sarif->rules.count > 1 ? ",\n        " : "\n        ");
        rule(sarif->out, head);
    }
    return true;
}

/* ---- where ---- */

/* A path, as report.json has it, as a URI reference: file:///a%20b where it is absolute, else relative as it is given.
 */
static void uri(struct buffer *out, const char *given)
{
    struct buffer clean = {0};
    text_append(&clean, TEXT_JSON, given);
    const char *path = clean.data ? clean.data : "";
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    while (strncmp(path, "./", 2) == 0 && path[2 + strspn(path + 2, "/")])
        path += 2 + strspn(path + 2, "/");
    buffer_text(out, *path == '/' ? "\"file://" : "\"");
    for (; *path; path++)
        buffer_format(out, strchr(plain, *path) ? "%c" : "%%%02X", (unsigned char)*path);
    buffer_char(out, '"');
    buffer_free(&clean);
}

static void logical(struct buffer *out, const char *name, const char *kind)
{
    buffer_text(out, "{\"fullyQualifiedName\": ");
    ci_quoted(out, name, TEXT_SHOWN);
    buffer_format(out, ", \"kind\": \"%s\"}", kind);
}

/* The finding's file, else what was judged: services that show results want a place in a file, and a line of it, which
 * weights do not have. */
static void location(struct buffer *out, const struct report *report, const struct where *where)
{
    bool has_file = where->file && *where->file;
    const char *path = has_file ? where->file : report->subject.path, *comma = "";
    bool has_path = path && *path;
    if (!has_path && !where->tensor && !where->module)
        return;
    buffer_text(out, ", \"locations\": [{");
    if (has_path) {
        buffer_text(out, "\"physicalLocation\": {\"artifactLocation\": {\"uri\": ");
        uri(out, path);
        buffer_text(out, "}, \"region\": {\"startLine\": 1}}");
        comma = ", ";
    }
    if (where->tensor || where->module) {
        buffer_format(out, "%s\"logicalLocations\": [", comma);
        if (where->tensor)
            logical(out, where->tensor, "member");
        if (where->tensor && where->module)
            buffer_text(out, ", ");
        if (where->module)
            logical(out, where->module, "object");
        buffer_char(out, ']');
    }
    buffer_text(out, "}]");
}

/* ---- fingerprints ---- */

/* The path without that of the subject, which another run may find elsewhere. */
static const char *path_within(const char *path, const char *subject)
{
    size_t length = path && subject ? strlen(subject) : 0;
    return length && strncmp(path, subject, length) == 0 ? path + length : path;
}

/* What the finding is about, and nothing that was measured. */
static void identity(const struct report *report, const struct finding *finding, struct buffer *out)
{
    const struct where *where = &finding->where;
    const char *const texts[] = {finding->check,
                                 finding->summary ? "summary" : "place",
                                 finding->gold ? path_base(finding->gold) : NULL,
                                 where->case_id,
                                 where->module,
                                 where->tensor,
                                 path_within(where->file, report->subject.path),
                                 finding_fact_named(finding, "hypothesis")};
    const int numbers[] = {where->layer, where->expert, where->token};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        text_append(out, TEXT_JSON, texts[i]);
        buffer_append(out, "", 1);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        buffer_format(out, "%d,", numbers[i]);
}

/* The digest of that, with a number behind it that tells apart what is about the same. */
static const char *fingerprint(struct sarif *sarif, const struct finding *finding, struct error *error)
{
    struct buffer text = {0};
    char hex[SHA256_TEXT];
    char *print = sarif->prints[sarif->print_count];
    size_t size = sizeof sarif->prints[0], found = 0;
    identity(sarif->outline->report, finding, &text);
    bool good = !text.failed && sha256_bytes(text.data, text.size, hex, error);
    buffer_free(&text);
    for (unsigned same = 1; good && found != MAP_ABSENT; same++) {
        snprintf(print, size, "%s:%u", hex, same % 1000000);
        good = map_add(&sarif->known, print, strlen(print), 0, &found);
    }
    sarif->print_count += good;
    return good ? print : NULL;
}

/* ---- results ---- */

static const char *level(enum verdict verdict)
{
    return verdict == VERDICT_FAIL ? "error" : "warning";
}

/* What it says; of a text, why it is at fault. Behind it, what caused it. */
static void result_message(struct sarif *sarif, const struct finding *finding, const struct finding *cause)
{
    struct buffer text = {0};
    if (place_is_text(finding))
        reasons_append(&text, TEXT_PLAIN, sarif->outline, finding, 3);
    else
        text_append_short(&text, TEXT_PLAIN, finding->message, TEXT_SHOWN);
    if (cause) {
        buffer_text(&text, text.size ? " Cause: " : "Cause: ");
        text_append_short(&text, TEXT_PLAIN, cause->message, TEXT_SHOWN / 2);
    }
    member_message(sarif->out, "message", text.data);
    sarif->out->failed = sarif->out->failed || text.failed;
    buffer_free(&text);
}

static void result_properties(struct buffer *out, const struct finding *finding, enum verdict verdict)
{
    const struct where *where = &finding->where;
    buffer_format(out, ", \"properties\": {\"verdict\": \"%s\"", verdict_name(verdict));
    member_number(out, "measured", finding->has_measured, finding->measured);
    member_number(out, "limit", finding->has_limit, finding->limit);
    member_text(out, "unit", finding->unit);
    member_text(out, "gold", finding->gold);
    member_text(out, "case", where->case_id);
    member_number(out, "layer", where->layer >= 0, where->layer);
    member_number(out, "expert", where->expert >= 0, where->expert);
    member_number(out, "token", where->token >= 0, where->token);
    buffer_char(out, '}');
}

/* `cause`: what explains it, NULL: nothing does. */
static bool result(struct sarif *sarif, const struct finding *finding, enum verdict verdict,
                   const struct finding *cause, struct error *error)
{
    struct buffer *out = sarif->out;
    const char *print = fingerprint(sarif, finding, error);
    if (!print)
        return error_memory(error, "report.sarif");
    buffer_text(out, sarif->any ? ",\n    {\"ruleId\": " : "\n    {\"ruleId\": ");
    sarif->any = true;
    ci_quoted(out, finding->check, TEXT_SHOWN);
    buffer_format(out, ", \"ruleIndex\": %zu", map_find(&sarif->rules, finding->check, strlen(finding->check)));
    buffer_format(out, ", \"level\": \"%s\"", level(verdict));
    result_message(sarif, finding, cause);
    location(out, sarif->outline->report, &finding->where);
    buffer_format(out, ", \"partialFingerprints\": {\"assayPlace/v1\": \"%s\", \"primaryLocationLineHash\": \"%s\"}",
                  print, print);
    result_properties(out, finding, verdict);
    buffer_char(out, '}');
    return true;
}

static bool is_told(enum verdict verdict)
{
    return verdict == VERDICT_FAIL || verdict == VERDICT_WARN;
}

/* The check as a whole, and its worst places. */
static bool check_results(struct sarif *sarif, const struct outline_check *check, struct error *error)
{
    size_t told = 0;
    if (!is_told(check->verdict))
        return true;
    if (check->head->summary && !result(sarif, check->head, check->verdict, ci_cause(sarif->outline, check), error))
        return false;
    for (size_t i = 0; i < check->place_count && told < PLACES_SHOWN; i++) {
        const struct finding *place = check->places[i];
        if (!is_told(place->verdict))
            continue;
        if (!result(sarif, place, place->verdict, NULL, error))
            return false;
        told++;
    }
    return true;
}

/* ---- the run ---- */

/* What could not be run, or proves nothing, is no result but a word of the tool about itself. */
static void invocation(struct buffer *out, const struct outline *outline)
{
    const struct report *report = outline->report;
    buffer_format(out, "{\"executionSuccessful\": %s", report->verdict == VERDICT_ERROR ? "false" : "true");
    if (report->ended)
        buffer_format(out, ", \"exitCode\": %d", report->exit_status);
    member_text(out, "startTimeUtc", ci_is_time(report->started) ? report->started : NULL);
    member_text(out, "machine", report->machine.host);
    if (ci_run_failed(outline)) {
        buffer_text(out, ", \"toolExecutionNotifications\": [{\"level\": \"error\"");
        member_message(out, "message", report->reason);
        buffer_text(out, "}]");
    }
    buffer_char(out, '}');
}

static void run_properties(struct buffer *out, const struct report *report)
{
    buffer_format(out, "{\"verdict\": \"%s\", \"severity\": \"%s\"", verdict_name(report->verdict),
                  severity_name(report->severity.level));
    member_text(out, "command", report->command);
    member_text(out, "reason", report->reason);
    member_text(out, "subject", report->subject.path);
    member_number(out, "duration_s", true, report->duration_s);
    buffer_char(out, '}');
}

static bool run(struct sarif *sarif, struct error *error)
{
    struct buffer *out = sarif->out;
    const struct outline *outline = sarif->outline;
    buffer_text(out, "{\"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\", \"version\": \"2.1.0\",\n"
                     "  \"runs\": [{\n    \"tool\": {\"driver\": {\"name\": \"assay\"");
    member_text(out, "version", outline->report->version);
    buffer_text(out, ", \"rules\": [");
    bool good = rules(sarif, error);
    buffer_text(out, "]}},\n    \"invocations\": [");
    invocation(out, outline);
    buffer_text(out, "],\n    \"properties\": ");
    run_properties(out, outline->report);
    buffer_text(out, ",\n    \"results\": [");
    for (size_t i = 0; i < outline->count && good; i++)
        good = check_results(sarif, &outline->checks[i], error);
    buffer_text(out, "]}]}\n");
    return good && (!out->failed || error_memory(error, "report.sarif"));
}

bool sarif_build(const struct outline *outline, struct buffer *out, struct error *error)
{
    struct sarif sarif = {.outline = outline, .out = out};
    sarif.prints = calloc(outline->report->findings.count + 1, sizeof *sarif.prints);
    bool good = sarif.prints ? run(&sarif, error) : error_memory(error, "report.sarif");
    free(sarif.prints);
    map_free(&sarif.rules);
    map_free(&sarif.known);
    return good;
}
