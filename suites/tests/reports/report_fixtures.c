#include "report_fixtures.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"

char *folder_new(void)
{
    char *folder = strdup("/tmp/assay-reports-XXXXXX");
    cr_assert(mkdtemp(folder));
    return folder;
}

static const char *const file_names[FILES] = {"report.json", "junit.xml",    "summary.md",
                                              "report.html", "report.sarif", "report.tap"};

/* `again` gets what report.json says; NULL: it is not read. */
static struct rendered render_once(const struct report *report, struct report *again)
{
    struct rendered rendered = {0};
    struct error error = {0};
    char *folder = folder_new();
    cr_assert(report_render(report, folder, &error), "%s", error_text(&error));
    char *document = path_join(folder, file_names[JSON]);
    cr_assert(!again || report_read(document, again, &error), "%s", error_text(&error));
    free(document);
    for (size_t i = 0; i < FILES; i++) {
        char *path = path_join(folder, file_names[i]);
        struct buffer text = {0};
        cr_assert(file_read(path, (size_t)1 << 28, &text, &error), "%s", error_text(&error));
        cr_assert_eq(strlen(text.data), text.size, "%s holds a NUL", file_names[i]);
        cr_assert_eq(utf8_check(text.data, text.size), text.size, "%s is not UTF-8", file_names[i]);
        rendered.files[i] = buffer_take(&text);
        unlink(path);
        free(path);
    }
    cr_assert_eq(rmdir(folder), 0, "nothing but these files was left");
    free(folder);
    return rendered;
}

struct rendered render(const struct report *report)
{
    struct report again;
    struct rendered rendered = render_once(report, &again), repeated = render_once(&again, NULL);
    for (size_t i = 0; i < FILES; i++)
        cr_expect(strcmp(rendered.files[i], repeated.files[i]) == 0, "%s of a report that was read is another one",
                  file_names[i]);
    rendered_free(&repeated);
    report_free(&again);
    return rendered;
}

void rendered_free(struct rendered *rendered)
{
    for (size_t i = 0; i < FILES; i++)
        free(rendered->files[i]);
}

size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (; (text = strstr(text, what)); text += strlen(what))
        count++;
    return count;
}

static const char *entity_fault(const char *at)
{
    static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strncmp(at, known[i], strlen(known[i])) == 0)
            return NULL;
    return "a bare & or an unknown entity";
}

static const char *text_fault(const char **at, char stop, bool css)
{
    for (; **at && **at != stop; (*at)++) {
        unsigned char byte = (unsigned char)**at;
        if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F)
            return "a control character";
        if (byte == '<')
            return "< within an attribute";
        if (byte == '&' && !css && entity_fault(*at))
            return entity_fault(*at);
        if (byte == ']' && strncmp(*at, "]]>", 3) == 0)
            return "]]> in text";
    }
    return NULL;
}

static const char *attributes_fault(const char **at)
{
    for (;;) {
        *at += strspn(*at, " \n\t");
        if (**at == '>' || **at == '/' || **at == '?')
            return NULL;
        size_t name = strspn(*at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_:");
        if (!name)
            return "an attribute without a name";
        if (strncmp(*at, "on", 2) == 0)
            return "an event attribute";
        *at += name;
        *at += strspn(*at, " ");
        if (**at != '=') /* `open` of details */
            continue;
        *at += strspn(*at, " =");
        char quote = **at;
        if (quote != '"' && quote != '\'')
            return "an attribute without quotes";
        (*at)++;
        const char *fault = text_fault(at, quote, false);
        if (fault || **at != quote)
            return fault ? fault : "an attribute without an end";
        (*at)++;
    }
}

const char *markup_fault(const char *text, bool html)
{
    static const char *const voids[] = {"meta", "!DOCTYPE", "?xml"};
    struct {
        const char *name;
        size_t length;
    } open[64];
    size_t depth = 0;
    const char *at = text;
    while (*at) {
        bool css = html && depth && strncmp(open[depth - 1].name, "style", 5) == 0;
        const char *fault = text_fault(&at, '<', css);
        if (fault)
            return fault;
        if (!*at)
            break;
        bool closing = *++at == '/';
        at += closing;
        const char *name = at;
        size_t length = strcspn(at, " \n\t/>");
        at += length;
        if (!length || (fault = attributes_fault(&at)))
            return fault ? fault : "< without a name";
        bool alone = *at == '/' || *at == '?';
        for (size_t i = 0; i < sizeof voids / sizeof *voids; i++)
            alone = alone || strncmp(name, voids[i], strlen(voids[i])) == 0;
        at += *at == '/' || *at == '?';
        if (*at++ != '>')
            return "a tag without an end";
        if (closing) {
            if (!depth || open[depth - 1].length != length || strncmp(open[depth - 1].name, name, length) != 0)
                return "a tag that closes another";
            depth--;
        } else if (!alone) {
            if (depth == 64)
                return "too deep";
            open[depth].name = name;
            open[depth++].length = length;
        }
    }
    return depth ? "a tag that is never closed" : NULL;
}

void assert_harmless(const char *html)
{
    static const char *const banned[] = {"<script",     "<img", "onerror=alert(2)>", "src=\"", "href=\"http",
                                         "href='http",  "url(", "@import",           "<link",  "<iframe",
                                         "javascript:", "\x1b"};
    const char *fault = markup_fault(html, true);
    cr_expect_null(fault, "%s", fault);
    for (size_t i = 0; i < sizeof banned / sizeof *banned; i++)
        cr_expect_null(strstr(html, banned[i]), "report.html holds %s", banned[i]);
}

char *terminal_text(const struct report *report, bool colour)
{
    char *text = NULL;
    size_t size = 0;
    struct error error = {0};
    FILE *file = open_memstream(&text, &size);
    cr_assert(report_write_terminal(report, file, colour, true, &error), "%s", error_text(&error));
    fclose(file);
    return text;
}

void assert_narrow(const char *text)
{
    size_t columns = 0;
    for (const char *at = text; *at; at++) {
        columns = *at == '\n' ? 0 : columns + ((*at & 0xC0) != 0x80);
        cr_assert_leq(columns, 100, "a line is too long: %.120s", at - 100);
    }
}

static bool type_is(const cJSON *value, const char *type)
{
    return strcmp(type, "object") == 0    ? cJSON_IsObject(value)
           : strcmp(type, "array") == 0   ? cJSON_IsArray(value)
           : strcmp(type, "string") == 0  ? cJSON_IsString(value)
           : strcmp(type, "boolean") == 0 ? cJSON_IsBool(value)
           : strcmp(type, "null") == 0    ? cJSON_IsNull(value)
           : strcmp(type, "integer") == 0 ? cJSON_IsNumber(value) && value->valuedouble == floor(value->valuedouble)
                                          : cJSON_IsNumber(value);
}

static bool type_fits(const cJSON *type, const cJSON *value)
{
    bool fits = !type || (cJSON_IsString(type) && type_is(value, type->valuestring));
    const cJSON *item;
    for (item = cJSON_IsArray(type) ? type->child : NULL; item; item = item->next)
        fits = fits || type_is(value, item->valuestring);
    return fits;
}

static bool one_of(const cJSON *list, const cJSON *value)
{
    for (const cJSON *item = list->child; item; item = item->next)
        if (cJSON_Compare(item, value, true))
            return true;
    return false;
}

static const char *object_fault(const cJSON *root, const cJSON *schema, const cJSON *value)
{
    const cJSON *required = json_member(schema, "required"), *properties = json_member(schema, "properties");
    const cJSON *more = json_member(schema, "additionalProperties");
    for (const cJSON *name = required ? required->child : NULL; name; name = name->next)
        if (!json_member(value, name->valuestring))
            return name->valuestring;
    for (const cJSON *member = value->child; member; member = member->next) {
        const cJSON *known = properties ? json_member(properties, member->string) : NULL;
        if (!known && cJSON_IsFalse(more))
            return member->string;
        const char *fault = schema_fault(root, known ? known : more, member);
        if (fault)
            return fault;
    }
    return NULL;
}

/* A bound of the schema on a number, a text's bytes or a list's items; `fallback` where it has none. */
static double bound(const cJSON *schema, const char *key, double fallback)
{
    const cJSON *item = json_member(schema, key);
    return item ? item->valuedouble : fallback;
}

static bool within_bounds(const cJSON *schema, const cJSON *value)
{
    double size = cJSON_IsString(value) ? (double)strlen(value->valuestring) : cJSON_GetArraySize(value);
    if (cJSON_IsNumber(value))
        return value->valuedouble >= bound(schema, "minimum", -INFINITY) &&
               value->valuedouble > bound(schema, "exclusiveMinimum", -INFINITY) &&
               value->valuedouble <= bound(schema, "maximum", INFINITY);
    return (!cJSON_IsString(value) ||
            (size >= bound(schema, "minLength", 0) && size <= bound(schema, "maxLength", INFINITY))) &&
           (!cJSON_IsArray(value) ||
            (size >= bound(schema, "minItems", 0) && size <= bound(schema, "maxItems", INFINITY)));
}

static size_t fitting(const cJSON *root, const cJSON *list, const cJSON *value)
{
    size_t fits = 0;
    for (const cJSON *item = list->child; item; item = item->next)
        fits += !schema_fault(root, item, value);
    return fits;
}

const char *schema_fault(const cJSON *root, const cJSON *schema, const cJSON *value)
{
    const cJSON *reference = schema ? json_member(schema, "$ref") : NULL;
    if (reference)
        schema = json_member(json_member(root, "$defs"), reference->valuestring + strlen("#/$defs/"));
    if (!schema)
        return NULL;
    const char *name = value->string ? value->string : "an item";
    const cJSON *constant = json_member(schema, "const"), *list = json_member(schema, "enum");
    const cJSON *either = json_member(schema, "oneOf");
    if (!type_fits(json_member(schema, "type"), value) || (constant && !cJSON_Compare(constant, value, true)) ||
        (list && !one_of(list, value)) || (either && fitting(root, either, value) != 1) ||
        !within_bounds(schema, value))
        return name;
    const cJSON *items = json_member(schema, "items");
    for (const cJSON *item = cJSON_IsArray(value) ? value->child : NULL; item; item = item->next) {
        const char *fault = schema_fault(root, items, item);
        if (fault)
            return fault;
    }
    return cJSON_IsObject(value) ? object_fault(root, schema, value) : NULL;
}

struct finding *failing(struct report *report, const char *check, const char *message)
{
    struct finding *finding = findings_add(&report->findings, check);
    finding->verdict = VERDICT_FAIL;
    finding_message(finding, "%s", message);
    return finding;
}

struct finding *place_at(struct report *report, const char *check, int layer, int expert, const char *tensor)
{
    struct finding *finding = findings_place(&report->findings, check, VERDICT_FAIL);
    finding->where.layer = layer;
    finding->where.expert = expert;
    where_set(&finding->where.tensor, tensor);
    finding_message(finding, "Tensor '%s' is bad.", tensor);
    return finding;
}

void answer_of(struct answered *answered)
{
    struct error error = {0};
    report_conclude(&answered->report);
    cr_assert(outline_build(&answered->outline, &answered->report, &error), "%s", error_text(&error));
    answer_build(&answered->outline, &answered->answer);
}

void answered_free(struct answered *answered)
{
    answer_free(&answered->answer);
    outline_free(&answered->outline);
    report_free(&answered->report);
}
