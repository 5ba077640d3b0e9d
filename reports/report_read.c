/* report.json -> report. Whoever wrote the file may lie: what is no report, or only nearly one, is an error. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "reports/report_document.h"
#include "reports/reports.h"

#define REPORT_BYTES ((size_t)256 << 20)

/* What messages call a place in the file: "report.json: finding 3, series 0". */
struct place {
    char name[400];
};

#define NAME_ROOM 40 /* for what is within it */

static struct place place_in(const struct place *place, const char *what)
{
    struct place inner;
    size_t size = strnlen(place->name, sizeof place->name - NAME_ROOM);
    snprintf(inner.name, sizeof inner.name, "%.*s, %.20s", (int)size, place->name, what);
    return inner;
}

static struct place place_at(const struct place *place, const char *what, size_t index)
{
    struct place inner;
    size_t size = strnlen(place->name, sizeof place->name - NAME_ROOM);
    snprintf(inner.name, sizeof inner.name, "%.*s, %.10s %zu", (int)size, place->name, what, index);
    return inner;
}

static bool number_of(const cJSON *item, double *value)
{
    static const struct {
        const char *name;
        double value;
    } words[] = {{"nan", NAN}, {"inf", INFINITY}, {"-inf", -INFINITY}};
    if (cJSON_IsNumber(item)) {
        *value = item->valuedouble;
        return isfinite(*value);
    }
    for (size_t i = 0; cJSON_IsString(item) && i < sizeof words / sizeof *words; i++)
        if (strcmp(item->valuestring, words[i].name) == 0) {
            *value = words[i].value;
            return true;
        }
    return false;
}

/* `*there` may be NULL; an absent number leaves `*value` as it is. */
static bool get_number(const cJSON *object, const struct place *place, const char *key, double *value, bool *there,
                       struct error *error)
{
    const cJSON *item = json_member(object, key);
    if (item && !number_of(item, value))
        return error_set(error, "%s: \"%s\" should be a number, \"nan\", \"inf\" or \"-inf\"", place->name, key);
    if (there)
        *there = item;
    return true;
}

/* A copy; an absent text leaves NULL. */
static bool get_text(const cJSON *object, const struct place *place, const char *key, char **copy, struct error *error)
{
    const char *text = NULL;
    if (!json_get_string(object, place->name, key, &text, error))
        return false;
    where_set(copy, text);
    return !text || *copy || error_memory(error, place->name);
}

/* The same where the document has "" for none. */
static bool get_sentence(const cJSON *object, const struct place *place, const char *key, char **copy,
                         struct error *error)
{
    bool good = get_text(object, place, key, copy, error);
    if (*copy && !**copy)
        where_set(copy, NULL);
    return good;
}

static bool get_hash(const cJSON *object, const struct place *place, char hash[SHA256_TEXT], struct error *error)
{
    const char *text = NULL;
    if (!json_get_string(object, place->name, "sha256", &text, error))
        return false;
    if (text && !sha256_is_text(text))
        return error_set(error, "%s: \"sha256\" should be 64 hexadecimal digits", place->name);
    snprintf(hash, SHA256_TEXT, "%s", text ? text : "");
    return true;
}

/* The member of that type, which must be there. */
static const cJSON *get_inner(const cJSON *object, const struct place *place, const char *key, bool array,
                              struct error *error)
{
    const cJSON *inner = json_member(object, key);
    if (array ? cJSON_IsArray(inner) : cJSON_IsObject(inner))
        return inner;
    error_set(error, "%s: \"%s\" should be %s", place->name, key, array ? "a list" : "an object");
    return NULL;
}

static bool is_object(const cJSON *item, const struct place *place, struct error *error)
{
    return cJSON_IsObject(item) || error_set(error, "%s should be an object", place->name);
}

static bool numbers_read(const cJSON *array, const struct place *place, const char *key, double *values, size_t count,
                         struct error *error)
{
    size_t at = 0;
    for (const cJSON *item = array->child; item && at < count; item = item->next, at++)
        if (!number_of(item, &values[at]))
            return error_set(error, "%s: \"%s\"[%zu] should be a number, \"nan\", \"inf\" or \"-inf\"", place->name,
                             key, at);
    return true;
}

static bool labels_read(const cJSON *object, const struct place *place, struct series *series, struct error *error)
{
    if (!json_member(object, "labels"))
        return true;
    const cJSON *labels = get_inner(object, place, "labels", true, error);
    if (!labels)
        return false;
    if ((size_t)cJSON_GetArraySize(labels) != series->points)
        return error_set(error, "%s: \"labels\" should be as many as \"x\", %zu, and not %d", place->name,
                         series->points, cJSON_GetArraySize(labels));
    series->labels = calloc(series->points ? series->points : 1, sizeof *series->labels);
    if (!series->labels)
        return error_memory(error, place->name);
    size_t at = 0;
    for (const cJSON *label = labels->child; label; label = label->next, at++) {
        if (!cJSON_IsString(label) && !cJSON_IsNull(label))
            return error_set(error, "%s: \"labels\"[%zu] should be a string or null", place->name, at);
        if (cJSON_IsString(label) && !series_label(series, at, label->valuestring))
            return error_memory(error, place->name);
    }
    return true;
}

static bool curve_read(const cJSON *item, const struct place *place, struct series *series, struct error *error)
{
    const char *name = "";
    if (!is_object(item, place, error) || !json_get_string(item, place->name, "name", &name, error))
        return false;
    const cJSON *values = get_inner(item, place, "values", true, error);
    if (!values)
        return false;
    if ((size_t)cJSON_GetArraySize(values) != series->points)
        return error_set(error, "%s: \"values\" should be as many as \"x\", %zu, and not %d", place->name,
                         series->points, cJSON_GetArraySize(values));
    double *numbers = series_curve(series, name);
    return numbers ? numbers_read(values, place, "values", numbers, series->points, error)
                   : error_memory(error, place->name);
}

static bool kind_read(const cJSON *object, const struct place *place, enum series_kind *kind, struct error *error)
{
    const char *name = "";
    if (!json_get_string(object, place->name, "kind", &name, error))
        return false;
    for (int i = 0; i < SERIES_KINDS; i++)
        if (strcmp(name, series_kind_names[i]) == 0) {
            *kind = (enum series_kind)i;
            return true;
        }
    return error_set(error, "%s: \"kind\" should be line, heatmap, steps or table", place->name);
}

static bool series_read(const cJSON *item, const struct place *place, struct finding *finding, struct error *error)
{
    static const char *const keys[] = {"name", "title", "x_label", "y_label"};
    const char *texts[4] = {"", "", "", ""};
    if (!is_object(item, place, error))
        return false;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!json_get_string(item, place->name, keys[i], &texts[i], error))
            return false;
    const cJSON *x = get_inner(item, place, "x", true, error), *curves = get_inner(item, place, "curves", true, error);
    if (!x || !curves)
        return false;
    struct series *series =
        finding_series(finding, texts[0], texts[1], texts[2], texts[3], (size_t)cJSON_GetArraySize(x));
    if (!series)
        return error_memory(error, place->name);
    bool good =
        numbers_read(x, place, "x", series->x, series->points, error) && kind_read(item, place, &series->kind, error) &&
        json_get_bool(item, place->name, "log_y", &series->log_y, error) && labels_read(item, place, series, error);
    size_t index = 0;
    for (const cJSON *curve = curves->child; curve && good; curve = curve->next, index++) {
        struct place inner = place_at(place, "curve", index);
        good = curve_read(curve, &inner, series, error);
    }
    return good;
}

static bool where_read(const cJSON *finding, const struct place *outer, struct where *where, struct error *error)
{
    const cJSON *object = get_inner(finding, outer, "where", false, error);
    struct place inner = place_in(outer, "where"), *place = &inner;
    return object && get_text(object, place, "case", &where->case_id, error) &&
           get_text(object, place, "module", &where->module, error) &&
           get_text(object, place, "tensor", &where->tensor, error) &&
           get_text(object, place, "file", &where->file, error) &&
           json_get_int(object, place->name, "layer", 0, INT_MAX, &where->layer, error) &&
           json_get_int(object, place->name, "expert", 0, INT_MAX, &where->expert, error) &&
           json_get_int(object, place->name, "token", 0, INT_MAX, &where->token, error);
}

/* A byte of the text, between characters. */
static bool get_offset(const cJSON *object, const struct place *place, const char *key, const struct marked_text *text,
                       size_t *offset, struct error *error)
{
    int value = -1;
    if (!json_get_int(object, place->name, key, 0, INT_MAX, &value, error))
        return false;
    *offset = (size_t)value;
    if (value < 0 || *offset > text->size || ((unsigned char)text->text[*offset] & 0xC0) == 0x80)
        return error_set(error, "%s: \"%s\" should be a byte of the text, between characters", place->name, key);
    return true;
}

static bool mark_read(const cJSON *item, const struct place *place, struct marked_text *marked, struct error *error)
{
    size_t from = 0, to = 0;
    const char *what = "";
    if (!is_object(item, place, error) || !get_offset(item, place, "from", marked, &from, error) ||
        !get_offset(item, place, "to", marked, &to, error) || !json_get_string(item, place->name, "what", &what, error))
        return false;
    if (from >= to)
        return error_set(error, "%s: \"from\" should be before \"to\"", place->name);
    return marked_text_add(marked, from, to, what) || error_memory(error, place->name);
}

static bool reason_read(const cJSON *item, const struct place *place, struct marked_text *marked, struct error *error)
{
    size_t onset = 0;
    const char *what = "", *because = "", *numbers = NULL;
    return is_object(item, place, error) && get_offset(item, place, "onset", marked, &onset, error) &&
           json_get_string(item, place->name, "what", &what, error) &&
           json_get_string(item, place->name, "because", &because, error) &&
           json_get_string(item, place->name, "numbers", &numbers, error) &&
           (marked_text_reason(marked, what, because, numbers, onset) || error_memory(error, place->name));
}

static bool marked_read(const cJSON *object, const struct place *outer, struct finding *finding, struct error *error)
{
    struct place own = place_in(outer, "text"), *place = &own;
    const char *text = NULL;
    if (!is_object(object, place, error) || !json_get_string(object, place->name, "text", &text, error))
        return false;
    if (!text)
        return error_set(error, "%s: \"text\" should be a string", place->name);
    const cJSON *marks = get_inner(object, place, "marks", true, error);
    const cJSON *reasons = get_inner(object, place, "reasons", true, error);
    if (!marks || !reasons)
        return false;
    struct marked_text *marked = finding_marked(finding, text, strlen(text));
    bool good = marked || error_memory(error, place->name);
    size_t index = 0;
    for (const cJSON *mark = marks->child; mark && good; mark = mark->next) {
        struct place inner = place_at(place, "mark", index++);
        good = mark_read(mark, &inner, marked, error);
    }
    index = 0;
    for (const cJSON *reason = reasons->child; reason && good; reason = reason->next) {
        struct place inner = place_at(place, "reason", index++);
        good = reason_read(reason, &inner, marked, error);
    }
    return good;
}

static bool fact_read(const cJSON *item, const struct place *place, const char *name, struct finding *finding,
                      struct error *error)
{
    double number = NAN;
    size_t before = finding->fact_count;
    if (number_of(item, &number))
        finding_fact(finding, name, number);
    else if (cJSON_IsString(item))
        finding_fact_text(finding, name, "%s", item->valuestring);
    else
        return error_set(error, "%s: \"%.200s\" should be a number or a string", place->name, name);
    return finding->fact_count > before || error_memory(error, place->name);
}

/* "repeat" of the object "commands" is the fact "commands.repeat". */
static bool facts_of_object(const cJSON *object, const struct place *place, struct finding *finding,
                            struct error *error)
{
    bool good = true;
    for (const cJSON *item = object->child; item && good; item = item->next) {
        char *name = NULL;
        report_set(&name, "%s.%s", object->string, item->string);
        good = name ? fact_read(item, place, name, finding, error) : error_memory(error, place->name);
        free(name);
    }
    return good;
}

/* All members that are no finding's own. */
static bool facts_read(const cJSON *object, const struct place *place, struct finding *finding, struct error *error)
{
    bool good = true;
    for (const cJSON *item = object->child; item && good; item = item->next) {
        const char *name = item->string, *rest = name + strlen(FACT_PREFIX);
        if (member_reserved(name))
            continue;
        if (strncmp(name, FACT_PREFIX, strlen(FACT_PREFIX)) == 0 && member_reserved(rest))
            name = rest;
        good = cJSON_IsObject(item) ? facts_of_object(item, place, finding, error)
                                    : fact_read(item, place, name, finding, error);
    }
    return good;
}

static bool verdict_read(const cJSON *object, const struct place *place, enum verdict refused, enum verdict *verdict,
                         struct error *error)
{
    const char *name = "";
    if (!json_get_string(object, place->name, "verdict", &name, error))
        return false;
    if (!verdict_parse(name, verdict) || *verdict == refused)
        return error_set(error, "%s: \"verdict\" should be pass, warn, fail or %s", place->name,
                         refused == VERDICT_SKIP ? "error" : "skip");
    return true;
}

bool finding_read(const cJSON *item, const char *where, struct findings *findings, struct error *error)
{
    struct place at = {0}, *place = &at;
    snprintf(at.name, sizeof at.name, "%s", where);
    const char *check = NULL;
    if (!is_object(item, place, error) || !json_get_string(item, place->name, "check", &check, error))
        return false;
    if (!check)
        return error_set(error, "%s: \"check\" should be a string", place->name);
    struct finding *finding = findings_add(findings, check);
    if (!finding)
        return error_memory(error, place->name);
    const cJSON *text = json_member(item, "text");
    bool good = verdict_read(item, place, VERDICT_ERROR, &finding->verdict, error) &&
                get_text(item, place, "gold", &finding->gold, error) &&
                json_get_bool(item, place->name, "summary", &finding->summary, error) &&
                get_number(item, place, "measured", &finding->measured, &finding->has_measured, error) &&
                get_number(item, place, "limit", &finding->limit, &finding->has_limit, error) &&
                get_text(item, place, "unit", &finding->unit, error) &&
                get_text(item, place, "cause", &finding->cause, error) &&
                get_sentence(item, place, "message", &finding->message, error) &&
                where_read(item, place, &finding->where, error) && facts_read(item, place, finding, error) &&
                (!text || marked_read(text, place, finding, error));
    const cJSON *series = json_member(item, "series");
    if (good && series && !(series = get_inner(item, place, "series", true, error)))
        return false;
    size_t index = 0;
    for (const cJSON *one = series ? series->child : NULL; one && good; one = one->next) {
        struct place inner = place_at(place, "series", index++);
        good = series_read(one, &inner, finding, error);
    }
    return good;
}

static bool suite_read(const cJSON *document, const struct place *outer, struct report *report, struct error *error)
{
    struct place own = place_in(outer, "suite"), *place = &own;
    if (!json_member(document, "suite"))
        return true;
    const cJSON *suite = get_inner(document, outer, "suite", false, error);
    return suite && get_text(suite, place, "name", &report->suite.name, error) &&
           get_text(suite, place, "path", &report->suite.path, error) &&
           get_hash(suite, place, report->suite.sha256, error);
}

/* Which number decided, and its bounds; nothing where none did. */
static bool rule_read(const cJSON *severity, const struct place *outer, struct severity_facts *facts,
                      struct error *error)
{
    struct place own = place_in(outer, "rule"), *place = &own;
    struct severity_place numbers[SEVERITY_NUMBERS];
    const char *name = "";
    facts->bounds = (struct severity_bounds){NAN, NAN};
    if (!json_member(severity, "rule"))
        return true;
    const cJSON *rule = get_inner(severity, outer, "rule", false, error);
    if (!rule || !json_get_string(rule, place->name, "number", &name, error) ||
        !get_number(rule, place, "harmless", &facts->bounds.harmless, NULL, error) ||
        !get_number(rule, place, "broken", &facts->bounds.broken, NULL, error))
        return false;
    severity_places(facts, numbers);
    for (size_t i = 0; i < SEVERITY_NUMBERS; i++)
        if (strcmp(name, numbers[i].name) == 0)
            facts->rule = numbers[i].name;
    return facts->rule || error_set(error, "%s: \"number\" should name a number of severity", place->name);
}

static bool severity_read(const cJSON *document, const struct place *outer, struct report *report, struct error *error)
{
    struct place own = place_in(outer, "severity"), *place = &own;
    const cJSON *object = get_inner(document, outer, "severity", false, error);
    const char *level = "";
    struct severity_facts *facts = &report->severity;
    struct severity_place numbers[SEVERITY_NUMBERS];
    severity_places(facts, numbers);
    if (!object || !json_get_string(object, place->name, "level", &level, error) ||
        !get_text(object, place, "why", &report->severity_why, error))
        return false;
    if (!severity_parse(level, &facts->level))
        return error_set(error, "%s: \"level\" should be identical, harmless, degraded, broken or unknown",
                         place->name);
    facts->why = report->severity_why ? report->severity_why : "";
    bool good = true;
    for (size_t i = 0; i < SEVERITY_NUMBERS && good; i++) {
        *numbers[i].number = NAN;
        good = get_number(object, place, numbers[i].name, numbers[i].number, NULL, error);
    }
    return good && rule_read(object, place, facts, error);
}

static bool subject_read(const cJSON *document, const struct place *outer, struct report *report, struct error *error)
{
    struct place own = place_in(outer, "subject"), *place = &own;
    const cJSON *object = get_inner(document, outer, "subject", false, error);
    char hash[SHA256_TEXT] = "";
    bool good = object && get_text(object, place, "path", &report->subject.path, error) &&
                get_text(object, place, "format", &report->subject.format, error) &&
                get_text(object, place, "model_type", &report->subject.model_type, error) &&
                get_text(object, place, "summary", &report->subject.summary, error) &&
                get_number(object, place, "tensors", &report->subject.tensors, NULL, error) &&
                get_number(object, place, "bytes", &report->subject.bytes, NULL, error) &&
                json_get_int(object, place->name, "layers", 0, INT_MAX, &report->subject.layers, error) &&
                json_get_int(object, place->name, "experts", 0, INT_MAX, &report->subject.experts, error) &&
                get_hash(object, place, hash, error);
    if (good && *hash)
        where_set(&report->subject.sha256, hash);
    return good;
}

static bool golds_read(const cJSON *document, const struct place *place, struct report *report, struct error *error)
{
    const cJSON *golds = get_inner(document, place, "gold", true, error);
    bool good = golds;
    size_t index = 0;
    for (const cJSON *item = golds ? golds->child : NULL; item && good; item = item->next) {
        struct place inner = place_at(place, "gold", index++);
        struct report_gold *gold = report_add_gold(report);
        good = (gold || error_memory(error, inner.name)) && is_object(item, &inner, error) &&
               get_text(item, &inner, "path", &gold->path, error) &&
               get_text(item, &inner, "producer", &gold->producer, error) &&
               get_text(item, &inner, "dtype", &gold->dtype, error) &&
               get_number(item, &inner, "cases", &gold->cases, NULL, error) &&
               get_hash(item, &inner, gold->sha256, error);
    }
    return good;
}

static bool machine_read(const cJSON *document, const struct place *outer, struct report *report, struct error *error)
{
    struct place own = place_in(outer, "machine"), *place = &own;
    const cJSON *object = get_inner(document, outer, "machine", false, error);
    return object && get_text(object, place, "processor", &report->machine.processor, error) &&
           get_text(object, place, "blas", &report->machine.blas, error) &&
           get_text(object, place, "host", &report->machine.host, error) &&
           json_get_int(object, place->name, "threads", 1, INT_MAX, &report->machine.threads, error) &&
           get_number(object, place, "peak_memory_bytes", &report->machine.peak_memory_bytes, NULL, error);
}

static bool findings_read(const cJSON *document, const struct place *place, struct report *report, struct error *error)
{
    const cJSON *findings = get_inner(document, place, "findings", true, error);
    bool good = findings;
    size_t index = 0;
    for (const cJSON *item = findings ? findings->child : NULL; item && good; item = item->next) {
        struct place inner = place_at(place, "finding", index++);
        good = finding_read(item, inner.name, &report->findings, error);
    }
    return good;
}

/* Of another version than ours nobody knows what its members mean. */
static bool format_known(const cJSON *document, const struct place *place, struct error *error)
{
    static const char *const known[] = {"assay_report", "version", "commit",     "command", "command_line",
                                        "departures",   "suite",   "verdict",    "reason",  "severity",
                                        "exit_status",  "started", "duration_s", "times",   "subject",
                                        "gold",         "machine", "findings",   NULL};
    int format = 0;
    const char *version = "?";
    if (!cJSON_IsObject(document) || !json_member(document, "assay_report"))
        return error_set(error, "%s: it is no report of assay: it has no member \"assay_report\"", place->name);
    if (!json_get_int(document, place->name, "assay_report", 1, INT_MAX, &format, error) ||
        !json_get_string(document, place->name, "version", &version, error))
        return false;
    if (format == REPORT_FORMAT)
        return true;
    struct error member = {0};
    bool only = json_only(document, place->name, NULL, known, &member);
    error_set(error,
              "%s: the report is of version %d of its format, written by assay %.40s; this assay reads version %d",
              only ? place->name : error_text(&member), format, version, REPORT_FORMAT);
    error_clear(&member);
    return false;
}

static bool status_read(const cJSON *document, const struct place *place, struct report *report, struct error *error)
{
    int status = -1;
    if (!json_get_int(document, place->name, "exit_status", 0, 3, &status, error))
        return false;
    report->ended = status >= 0;
    report->exit_status = report->ended ? status : 0;
    return true;
}

static bool times_read(const cJSON *document, const struct place *outer, struct report *report, struct error *error)
{
    struct place own = place_in(outer, "times"), *place = &own;
    const cJSON *object = json_member(document, "times"), *item;
    if (!object)
        return true;
    if (!(object = get_inner(document, outer, "times", false, error)))
        return false;
    cJSON_ArrayForEach(item, object)
    {
        double seconds = NAN;
        if (!number_of(item, &seconds) || report->times.count == TIMES_MAX)
            return error_set(error, "%s: there should be at most %d numbers", place->name, TIMES_MAX);
        times_add(&report->times, item->string, seconds);
    }
    return true;
}

bool report_from_json(const cJSON *document, const char *name, struct report *report, struct error *error)
{
    struct place place;
    snprintf(place.name, sizeof place.name, "%s", name);
    *report = (struct report){0};
    bool good = format_known(document, &place, error) &&
                get_text(document, &place, "version", &report->version, error) &&
                get_text(document, &place, "commit", &report->commit, error) &&
                get_sentence(document, &place, "command", &report->command, error) &&
                get_text(document, &place, "command_line", &report->command_line, error) &&
                get_text(document, &place, "departures", &report->departures, error) &&
                suite_read(document, &place, report, error) &&
                verdict_read(document, &place, VERDICT_SKIP, &report->verdict, error) &&
                get_sentence(document, &place, "reason", &report->reason, error) &&
                severity_read(document, &place, report, error) && status_read(document, &place, report, error) &&
                get_text(document, &place, "started", &report->started, error) &&
                get_number(document, &place, "duration_s", &report->duration_s, NULL, error) &&
                times_read(document, &place, report, error) && subject_read(document, &place, report, error) &&
                golds_read(document, &place, report, error) && machine_read(document, &place, report, error) &&
                findings_read(document, &place, report, error);
    if (!good)
        report_free(report);
    return good;
}

bool report_read(const char *path, struct report *report, struct error *error)
{
    cJSON *document = json_read(path, REPORT_BYTES, error);
    bool good = document && report_from_json(document, path, report, error);
    cJSON_Delete(document);
    return good;
}
