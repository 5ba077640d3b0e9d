#include "ci_fixture.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

/* ---- JUnit ---- */

/* An element: where it stands, what it may have, and of that what it must have; words with blanks around each. */
static const struct element {
    const char *name, *parents, *allowed, *required;
} elements[] = {
    {"testsuites", " / ", " name time tests failures errors ", ""},
    {"testsuite", " testsuites ", " name tests failures errors skipped time timestamp hostname ",
     " name tests failures errors skipped time "},
    {"properties", " testsuite ", " ", ""},
    {"property", " properties ", " name value ", " name value "},
    {"testcase", " testsuite ", " name classname time ", " name classname time "},
    {"failure", " testcase ", " type message ", " type message "},
    {"error", " testcase ", " type message ", " type message "},
    {"skipped", " testcase ", " message type ", " message "},
    {"system-out", " testcase ", " ", ""},
};

static bool word_in(const char *list, const char *word, size_t length)
{
    char wanted[100];
    snprintf(wanted, sizeof wanted, " %.*s ", (int)length, word);
    return strstr(list, wanted);
}

static const struct element *element_of(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++)
        if (strlen(elements[i].name) == length && strncmp(elements[i].name, name, length) == 0)
            return &elements[i];
    return NULL;
}

/* "83.400": digits, a point, digits. */
static bool is_time(const char *value)
{
    size_t whole = strspn(value, "0123456789");
    return whole && value[whole] == '.' && value[whole + 1 + strspn(value + whole + 1, "0123456789")] == '"';
}

/* Attributes of a tag, `*at` behind its name; moves it to the tag's end. `seen` gets their names. */
static const char *attributes_fault(const char **at, const struct element *element, char *seen, size_t size)
{
    snprintf(seen, size, " ");
    while (*(*at += strspn(*at, " \n")) != '>' && **at != '/') {
        size_t length = strcspn(*at, "="), used = strlen(seen);
        if (!word_in(element->allowed, *at, length))
            return "an attribute that is not allowed";
        if (word_in(seen, *at, length))
            return "an attribute twice";
        snprintf(seen + used, size - used, "%.*s ", (int)length, *at);
        const char *value = *at + length + 2;
        if (length == 4 && strncmp(*at, "time", 4) == 0 && !is_time(value))
            return "a time that is none";
        *at = strchr(value, '"') + 1;
    }
    for (const char *word = element->required + strspn(element->required, " "); *word; word += strspn(word, " ")) {
        size_t length = strcspn(word, " ");
        if (!word_in(seen, word, length))
            return "a required attribute is absent";
        word += length;
    }
    return NULL;
}

struct junit_counts {
    size_t cases, failures, errors, skipped, outcomes;
};

static const char *element_fault(const char *name, size_t length, const char *parent, struct junit_counts *counts,
                                 const struct element **element)
{
    *element = element_of(name, length);
    if (!*element)
        return "an element that is not allowed";
    if (!word_in((*element)->parents, parent, strlen(parent)))
        return "an element where it may not stand";
    const char *own = (*element)->name;
    bool outcome = true;
    if (strcmp(own, "testcase") == 0) {
        counts->cases++;
        counts->outcomes = 0;
        outcome = false;
    }
    if (strcmp(own, "failure") == 0)
        counts->failures++;
    else if (strcmp(own, "error") == 0)
        counts->errors++;
    else if (strcmp(own, "skipped") == 0)
        counts->skipped++;
    else
        outcome = false;
    counts->outcomes += outcome;
    return counts->outcomes > 1 ? "a case with two outcomes" : NULL;
}

static const char *counts_fault(const char *xml, const struct junit_counts *counts)
{
    char wanted[200];
    snprintf(wanted, sizeof wanted, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"", counts->cases,
             counts->failures, counts->errors, counts->skipped);
    if (!strstr(xml, wanted))
        return "counts that are none of the suite";
    *strstr(wanted, " skipped") = '\0';
    return strstr(strstr(xml, wanted) + 1, wanted) ? NULL : "counts that are none of all suites";
}

const char *junit_fault(const char *xml)
{
    const char *open[8] = {"/"}, *fault = NULL;
    size_t depth = 0;
    struct junit_counts counts = {0};
    char seen[200];
    if (strncmp(xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", 39) != 0)
        return "no declaration";
    for (const char *at = strchr(xml + 2, '<'); at; at = strchr(at, '<')) {
        const struct element *element;
        if (*++at == '/') {
            depth--;
            continue;
        }
        size_t length = strcspn(at, " />");
        if ((fault = element_fault(at, length, open[depth], &counts, &element)))
            return fault;
        at += length;
        if ((fault = attributes_fault(&at, element, seen, sizeof seen)))
            return fault;
        if (*at != '/' && ++depth < 8)
            open[depth] = element->name;
    }
    return counts_fault(xml, &counts);
}

/* ---- SARIF ---- */

static const char *string_of(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(json_member(object, key));
}

static bool one_of(const char *word, const char *list)
{
    return word && word_in(list, word, strlen(word));
}

/* {"text": "..."} of at least a character, without a placeholder and without a link. */
static const char *message_fault(const cJSON *message)
{
    const char *text = string_of(message, "text");
    if (!text || !*text)
        return "a message without text";
    if (strstr(text, "]("))
        return "a link in a message";
    for (const char *at = text; *at; at++) {
        if ((*at != '{' && *at != '}') || at[1] == *at) {
            at += *at == '{' || *at == '}';
            continue;
        }
        return "a placeholder in a message";
    }
    return NULL;
}

/* A URI reference without what has to be percent-encoded; absolute only as file:///. */
static const char *uri_fault(const char *uri)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    if (!uri || !*uri)
        return "no URI";
    if (strncmp(uri, "file:///", 8) == 0)
        uri += 8;
    else if (*uri == '/')
        return "an absolute path is no URI";
    for (; *uri; uri++) {
        if (*uri == '%' && isxdigit((unsigned char)uri[1]) && isxdigit((unsigned char)uri[2]))
            uri += 2;
        else if (!strchr(plain, *uri))
            return "a character of a URI that is not encoded";
    }
    return NULL;
}

static const char *location_fault(const cJSON *location)
{
    const cJSON *physical = json_member(location, "physicalLocation"), *logical;
    const char *fault = uri_fault(string_of(json_member(physical, "artifactLocation"), "uri"));
    const cJSON *line = json_member(json_member(physical, "region"), "startLine");
    if (fault)
        return fault;
    if (!cJSON_IsNumber(line) || line->valueint < 1)
        return "a region without a line";
    cJSON_ArrayForEach(logical, json_member(location, "logicalLocations"))
    {
        if (!string_of(logical, "fullyQualifiedName") || !one_of(string_of(logical, "kind"), " member object "))
            return "a logical location without name or kind";
    }
    return NULL;
}

static const char *result_fault(const cJSON *result, const cJSON *rules)
{
    const cJSON *index = json_member(result, "ruleIndex"), *locations = json_member(result, "locations");
    const char *rule = string_of(result, "ruleId");
    const char *found = index ? string_of(cJSON_GetArrayItem(rules, index->valueint), "id") : NULL;
    if (!rule || !found || strcmp(rule, found) != 0)
        return "a result whose rule is another one";
    if (!one_of(string_of(result, "level"), " error warning "))
        return "a level that is none";
    if (!string_of(json_member(result, "partialFingerprints"), "assayPlace/v1"))
        return "no fingerprint";
    if (cJSON_GetArraySize(locations) < 1)
        return "a result without a place";
    const char *fault = message_fault(json_member(result, "message"));
    return fault ? fault : location_fault(cJSON_GetArrayItem(locations, 0));
}

static const char *rules_fault(const cJSON *rules)
{
    const cJSON *rule, *other;
    cJSON_ArrayForEach(rule, rules)
    {
        const char *id = string_of(rule, "id"), *fault = message_fault(json_member(rule, "shortDescription"));
        if (!id || !*id)
            return "a rule without an id";
        fault = fault ? fault : message_fault(json_member(rule, "help"));
        if (fault)
            return fault;
        for (other = rules->child; other != rule; other = other->next)
            if (strcmp(string_of(other, "id"), id) == 0)
                return "a rule twice";
    }
    return NULL;
}

static const char *results_fault(const cJSON *results, const cJSON *rules)
{
    const cJSON *result, *other;
    cJSON_ArrayForEach(result, results)
    {
        const char *fault = result_fault(result, rules);
        const char *print = string_of(json_member(result, "partialFingerprints"), "assayPlace/v1");
        if (fault)
            return fault;
        for (other = results->child; other != result; other = other->next)
            if (strcmp(string_of(json_member(other, "partialFingerprints"), "assayPlace/v1"), print) == 0)
                return "a fingerprint twice";
    }
    return NULL;
}

const char *sarif_fault(const cJSON *document)
{
    const cJSON *run = cJSON_GetArrayItem(json_member(document, "runs"), 0);
    const cJSON *driver = json_member(json_member(run, "tool"), "driver"), *rules = json_member(driver, "rules");
    const cJSON *invocation = cJSON_GetArrayItem(json_member(run, "invocations"), 0), *notification;
    if (!one_of(string_of(document, "version"), " 2.1.0 ") || !string_of(document, "$schema"))
        return "no version, or no schema";
    if (!one_of(string_of(driver, "name"), " assay ") || !cJSON_IsArray(rules))
        return "no tool with rules";
    if (!cJSON_IsBool(json_member(invocation, "executionSuccessful")))
        return "no invocation";
    cJSON_ArrayForEach(notification, json_member(invocation, "toolExecutionNotifications"))
    {
        if (message_fault(json_member(notification, "message")))
            return message_fault(json_member(notification, "message"));
    }
    if (!cJSON_IsArray(json_member(run, "results")))
        return "no results";
    const char *fault = rules_fault(rules);
    return fault ? fault : results_fault(json_member(run, "results"), rules);
}

/* ---- TAP ---- */

/* `key: value` behind the indentation, and a dash where an item begins; the value a number or one JSON string. */
static const char *yaml_fault(const char *line, size_t length)
{
    struct buffer text = {0};
    size_t at = strspn(line, " "), key;
    if (at < 2 || at % 2)
        return "YAML that is not indented by twos";
    at += strncmp(line + at, "- ", 2) == 0 ? 2 : 0;
    key = strspn(line + at, "abcdefghijklmnopqrstuvwxyz_");
    if (!key || line[at + key] != ':')
        return "YAML without a key";
    at += key + 1;
    if (at == length)
        return NULL; /* a list follows */
    char *end = NULL;
    const char *value = line + at + 1;
    if (*value != '"') {
        strtod(value, &end);
        return end == line + length ? NULL : "YAML that is no number and no string";
    }
    bool good = json_parse_string("a value", value, length - at - 1, &text, NULL);
    buffer_free(&text);
    return good ? NULL : "YAML whose string is none";
}

/* "ok 1 - name" with its directive. */
static const char *point_fault(const char *line, size_t length, size_t number)
{
    char begins[60];
    bool failed = strncmp(line, "not ok ", 7) == 0;
    snprintf(begins, sizeof begins, "%sok %zu - ", failed ? "not " : "", number);
    if (strncmp(line, begins, strlen(begins)) != 0)
        return "a line that is no point in its turn";
    for (size_t i = strlen(begins); i < length; i++) {
        if (line[i] == '\\')
            i++;
        else if (line[i] == '#' && (strncmp(line + i - 1, " # SKIP ", 8) != 0 || failed))
            return "a directive that is none, or of a point that failed";
    }
    return NULL;
}

const char *tap_fault(const char *text)
{
    static const char version[] = "TAP version 14\n1..";
    if (strncmp(text, version, strlen(version)) != 0)
        return "no version, or no plan";
    size_t plan = strtoul(text + strlen(version), NULL, 10), points = 0, size = strlen(text), length;
    bool inside = false, may = false;
    size_t at = strlen("TAP version 14\n");
    at += strcspn(text + at, "\n") + 1;
    while (at < size) {
        const char *line = text_line(text, size, &at, &length), *fault = NULL;
        for (size_t i = 0; i < length; i++)
            if ((unsigned char)line[i] < 0x20 || line[i] == 0x7F)
                return "a control character";
        if (inside && strncmp(line, "  ...\n", 6) == 0)
            inside = false;
        else if (inside)
            fault = yaml_fault(line, length);
        else if (may && strncmp(line, "  ---\n", 6) == 0)
            inside = true;
        else if (strncmp(line, "# ", 2) != 0)
            fault = point_fault(line, length, ++points);
        may = strncmp(line, "ok", 2) == 0 || strncmp(line, "not", 3) == 0;
        if (fault)
            return fault;
    }
    return inside ? "a block without an end" : points == plan ? NULL : "another number of points than planned";
}
