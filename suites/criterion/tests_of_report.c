#include "tests_of_report.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "reports/text.h"

#define NAME_MAX_BYTES 200
#define CHARACTERS_MAX 1500 /* of a message, a place or a path */

/* Text as a name: what a shell, a pattern or XML would take for its own becomes '_'. */
static void name_append(struct buffer *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size && i < NAME_MAX_BYTES; i++)
        buffer_char(out, isalnum((unsigned char)text[i]) || strchr(".-@#", text[i]) ? text[i] : '_');
    if (!size)
        buffer_char(out, '_');
}

/* "thinker" of "golden/nano/thinker.golden.safetensors". */
static void gold_append(struct buffer *out, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash && slash[1] ? slash + 1 : path;
    name_append(out, base, strcspn(base, "."));
}

static bool is_taken(const struct suite_tests *tests, const char *suite, const char *name)
{
    for (size_t i = 0; i < tests->count; i++)
        if (strcmp(tests->items[i].name, name) == 0 && strcmp(tests->items[i].suite, suite) == 0)
            return true;
    return false;
}

/* Text that goes into Criterion's XML as CDATA. */
static char *line_take(struct buffer *line)
{
    char *text = buffer_take(line);
    for (char *at = text; at && (at = strstr(at, "]]>"));)
        at[2] = ')';
    return text;
}

/* Takes `message`, and owns it even when it fails. `gold`: NULL, or the dump that its name has to tell apart. */
static bool add(struct suite_tests *tests, const struct buffer *suite, const struct buffer *stem, const char *gold,
                enum verdict verdict, struct buffer *message, const char *path)
{
    struct buffer name = {0}, identifier = {0}, file = {0};
    if (suite->failed || stem->failed) {
        buffer_free(message);
        return false;
    }
    if (tests->count == tests->capacity) {
        size_t capacity = tests->capacity ? 2 * tests->capacity : 64;
        struct suite_test *items = realloc(tests->items, capacity * sizeof *items);
        if (!items) {
            buffer_free(message);
            return false;
        }
        tests->items = items;
        tests->capacity = capacity;
    }
    buffer_text(&name, stem->data);
    if (gold) {
        buffer_char(&name, '@');
        gold_append(&name, gold);
    }
    size_t size = name.size;
    for (size_t again = 2; !name.failed && is_taken(tests, suite->data, name.data); again++) {
        name.size = size;
        buffer_format(&name, "#%zu", again);
    }
    buffer_format(&identifier, "%s/%s", suite->data, name.failed ? "" : name.data);
    text_append_short(&file, TEXT_PLAIN, path ? path : "model", CHARACTERS_MAX);
    struct suite_test *test = &tests->items[tests->count++];
    *test = (struct suite_test){.suite = strdup(suite->data),
                                .name = buffer_take(&name),
                                .identifier = buffer_take(&identifier),
                                .verdict = verdict,
                                .message = line_take(message),
                                .file = line_take(&file)};
    return test->suite && test->name && test->identifier && test->message && test->file;
}

static void message_append(struct buffer *out, const struct finding *finding)
{
    struct buffer place = {0};
    text_append_short(out, TEXT_PLAIN, finding->message ? finding->message : "There is no message.", CHARACTERS_MAX);
    if (finding->has_measured) {
        buffer_text(out, " Measured: ");
        measured_append(out, TEXT_PLAIN, finding);
        buffer_text(out, finding->has_limit ? "; limit: " : ".");
    }
    if (finding->has_measured && finding->has_limit) {
        limit_append(out, finding);
        buffer_char(out, '.');
    }
    where_append(&place, TEXT_PLAIN, &finding->where);
    if (place.size) {
        buffer_text(out, " Place: ");
        text_append_short(out, TEXT_PLAIN, place.data, CHARACTERS_MAX);
        buffer_char(out, '.');
    }
    buffer_free(&place);
}

/* The suite that a check is in, and its name there: "layers" and "isolated", "greedy" and "greedy". */
static void names_of(const char *check, struct buffer *suite, struct buffer *name)
{
    size_t noun = strcspn(check, ".");
    const char *rest = check[noun] ? check + noun + 1 : check;
    name_append(suite, check, noun);
    name_append(name, rest, strlen(rest));
}

static const double *curve_named(const struct series *series, const char *name)
{
    for (size_t i = 0; i < series->curve_count; i++)
        if (strcmp(series->curves[i].name, name) == 0 && series->curves[i].count == series->points)
            return series->curves[i].values;
    return NULL;
}

/* What the check says of the module by itself; NULL: nothing, as of one that is right, or beyond PLACES_MAX. */
static const struct finding *place_named(const struct report *report, const struct finding *check, const char *module)
{
    for (size_t i = 0; i < report->findings.count; i++) {
        const struct finding *finding = &report->findings.items[i];
        if (!finding->summary && finding->where.module && strcmp(finding->where.module, module) == 0 &&
            finding_same_check(finding, check))
            return finding;
    }
    return NULL;
}

/* One test for each layer and module. */
static bool add_places(const struct report *report, const struct finding *check, const char *gold,
                       const struct series *series, struct suite_tests *tests)
{
    const double *errors = curve_named(series, "relative L2"), *limits = curve_named(series, "limit");
    struct buffer suite = {0};
    bool good = true;
    name_append(&suite, check->check, strlen(check->check));
    for (size_t i = 0; suite.data && i < suite.size; i++)
        suite.data[i] = suite.data[i] == '.' ? '_' : suite.data[i];
    for (size_t i = 0; good && errors && limits && series->labels && i < series->points; i++) {
        if (!series->labels[i])
            continue;
        struct buffer name = {0}, message = {0};
        const struct finding *place = place_named(report, check, series->labels[i]);
        enum verdict verdict = errors[i] <= limits[i] ? VERDICT_PASS : VERDICT_FAIL;
        name_append(&name, series->labels[i], strlen(series->labels[i]));
        if (place)
            message_append(&message, place);
        else
            buffer_format(&message, "%s is %.3g away from gold, where %.3g is allowed.", name.data, errors[i],
                          limits[i]);
        good = add(tests, &suite, &name, gold, place ? place->verdict : verdict, &message, report->subject.path);
        buffer_free(&name);
    }
    buffer_free(&suite);
    return good;
}

static bool add_check(const struct report *report, const struct finding *finding, struct suite_tests *tests)
{
    struct buffer suite = {0}, name = {0}, message = {0};
    const char *gold = report->gold_count > 1 ? finding->gold : NULL;
    names_of(finding->check, &suite, &name);
    message_append(&message, finding);
    bool good = add(tests, &suite, &name, gold, finding->verdict, &message,
                    finding->where.file ? finding->where.file : report->subject.path);
    for (size_t i = 0; good && i < finding->series_count; i++)
        if (strcmp(finding->series[i].name, "places") == 0)
            good = add_places(report, finding, gold, &finding->series[i], tests);
    buffer_free(&suite);
    buffer_free(&name);
    return good;
}

/* A report can fail although no check did: where all were skipped, nothing was proved. */
static bool add_verdict(const struct report *report, struct suite_tests *tests)
{
    struct buffer suite = {0}, name = {0}, message = {0};
    buffer_text(&suite, "report");
    buffer_text(&name, "verdict");
    text_append_short(&message, TEXT_PLAIN, report->reason ? report->reason : "Nothing was proved.", CHARACTERS_MAX);
    bool good = add(tests, &suite, &name, NULL, VERDICT_FAIL, &message, report->subject.path);
    buffer_free(&suite);
    buffer_free(&name);
    return good;
}

bool suite_tests_of(const struct report *report, struct suite_tests *tests, struct error *error)
{
    bool good = true, failed = false;
    for (size_t i = 0; good && i < report->findings.count; i++)
        good = !report->findings.items[i].summary || add_check(report, &report->findings.items[i], tests);
    for (size_t i = 0; good && i < tests->count; i++)
        failed = failed || tests->items[i].verdict == VERDICT_FAIL;
    if (good && !failed && report->verdict == VERDICT_FAIL)
        good = add_verdict(report, tests);
    return good || error_memory(error, "tests");
}

void suite_tests_free(struct suite_tests *tests)
{
    for (size_t i = 0; i < tests->count; i++) {
        struct suite_test *test = &tests->items[i];
        free(test->suite);
        free(test->name);
        free(test->identifier);
        free(test->message);
        free(test->file);
    }
    free(tests->items);
}
