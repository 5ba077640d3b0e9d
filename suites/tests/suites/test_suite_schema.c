/* The suites that are built in, and the schema of suites beside their reader. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "fixtures.h"
#include "report_fixtures.h"
#include "suite_fixture.h"

#define FOLDER ASSAY_SOURCE_DIR "/suites/"

static cJSON *schema;

static void begin(void)
{
    struct error error = {0};
    scratch_make();
    schema = json_read(FOLDER "suite.schema.json", 1 << 20, &error);
    cr_assert_not_null(schema);
}

static void end(void)
{
    cJSON_Delete(schema);
    scratch_remove();
}

TestSuite(schema, .init = begin, .fini = end);

static bool is_bundled(const char *file)
{
    bool bundled = false;
    for (const struct suite_bundled *row = suite_bundled; row->name; row++)
        bundled = bundled ||
                  (strncmp(file, row->name, strlen(row->name)) == 0 && strcmp(file + strlen(row->name), ".json") == 0);
    return bundled;
}

Test(schema, every_file_of_a_suite_is_built_in)
{
    DIR *folder = opendir(FOLDER);
    cr_assert_not_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        cr_expect(is_bundled(entry->d_name) ==
                      (text_ends_with(entry->d_name, ".json") && strncmp(entry->d_name, "quality", 7) != 0 &&
                       strcmp(entry->d_name, "suite.schema.json") != 0),
                  "%s", entry->d_name);
    closedir(folder);
}

Test(schema, what_is_built_in_is_a_suite_with_a_purpose)
{
    for (const struct suite_bundled *row = suite_bundled; row->name; row++) {
        struct error error = {0};
        cJSON *json = json_parse_lines(row->name, row->text, strlen(row->text), &error);
        cr_assert(json, "%s", error_text(&error));
        const char *fault = schema_fault(schema, schema, json);
        cr_expect_null(fault, "%s: %s", row->name, fault);
        struct suite suite = opened(row->name);
        cr_expect_str_eq(suite.name, row->name);
        cr_expect(suite.purpose && text_ends_with(suite.purpose, suite.description ? "" : "."));
        char *text = printed(&suite);
        cJSON *whole = cJSON_Parse(text);
        cr_expect_null(schema_fault(schema, schema, whole), "%s, extended", row->name);
        cJSON_Delete(whole);
        cJSON_free(text);
        suite_free(&suite);
        cJSON_Delete(json);
    }
}

/* `names` are exactly the members of the object. */
static void expect_members(const char *of, const cJSON *object, const char *const *names, size_t count)
{
    cr_expect_eq(cJSON_GetArraySize(object), count, "%s", of);
    for (size_t i = 0; i < count; i++)
        cr_expect_not_null(json_member(object, names[i]), "%s: %s", of, names[i]);
}

/* Do the schema and the reader name the same keys of that object, and require the same? */
static void expect_keys(const char *object, const cJSON *described)
{
    const char *names[64];
    size_t count = 0;
    bool required;
    for (const char *key; (key = suite_key(object, count, &required)); count++) {
        const cJSON *list = json_member(described, "required");
        bool said = false;
        for (const cJSON *item = list ? list->child : NULL; item; item = item->next)
            said = said || strcmp(item->valuestring, key) == 0;
        cr_expect_eq(said, required, "%s.%s", object, key);
        names[count] = key;
    }
    cr_expect(count > 0, "%s", object);
    expect_members(object, json_member(described, "properties"), names, count);
    cr_expect(cJSON_IsFalse(json_member(described, "additionalProperties")), "%s", object);
}

Test(schema, it_names_the_keys_that_the_reader_knows)
{
    static const char *const objects[] = {"sampling", "text", "limit", "prompt", "expects", "change"};
    const cJSON *definitions = json_member(schema, "$defs");
    expect_keys("suite", schema);
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
        expect_keys(objects[i], json_member(definitions, objects[i]));
    const char *names[LIMIT_COUNT];
    for (int i = 0; i < LIMIT_COUNT; i++)
        names[i] = limit_name((enum limit)i);
    expect_members("limits", json_member(json_member(json_member(schema, "properties"), "limits"), "properties"), names,
                   LIMIT_COUNT);
    const cJSON *diagnostics = json_member(json_member(definitions, "diagnostic"), "enum");
    cr_assert_eq(cJSON_GetArraySize(diagnostics), DIAGNOSTIC_COUNT);
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++)
        cr_expect_str_eq(cJSON_GetArrayItem(diagnostics, i)->valuestring, diagnostic_rows[i]->name);
    cr_expect_eq(json_member(json_member(definitions, "diagnostics"), "maxItems")->valueint, DIAGNOSTIC_COUNT);
    for (int i = 0; i < EXPECT_FLAG_COUNT; i++)
        cr_expect_not_null(
            json_member(json_member(json_member(definitions, "expects"), "properties"), expect_flag_names[i]));
}

/* A member, and whether a suite may have it so. */
static const struct taken_row {
    const char *text;
    bool good;
} rows[] = {
    {"\"chat\": true", true},
    {"\"chat\": null", false},
    {"\"name\": \"\"", false},
    {"\"new_tokens\": 100000", true},
    {"\"new_tokens\": 100001", false},
    {"\"new_tokens\": 2.5", false},
    {"\"extends\": []", false},
    {"\"extends\": [\"quick\", \"default\"]", true},
    {"\"extends\": [\"quick\", \"\"]", false},
    {"\"extends\": {}", false},
    {"\"diagnostics\": {\"add\": [\"lens\"]}", true},
    {"\"diagnostics\": {\"add\": []}", false},
    {"\"diagnostics\": {\"to\": [\"lens\"]}", false},
    {"\"diagnostics\": [\"lense\"]", false},
    {"\"diagnostics\": \"lens\"", false},
    {"\"prompts\": [\"a\", {\"prompt\": \"b\", \"tags\": []}]", true},
    {"\"prompts\": [{\"tags\": []}]", false},
    {"\"prompts\": [true]", false},
    {"\"prompts\": [{\"prompt\": \"b\", \"tags\": "
     "[\"1234567890123456789012345678901234567890123456789012345678901234\"]}]",
     true},
    {"\"prompts\": [{\"prompt\": \"b\", \"tags\": "
     "[\"12345678901234567890123456789012345678901234567890123456789012345\"]}]",
     false},
    {"\"prompts\": [{\"prompt\": \"b\", \"expects\": {\"language\": \"en\", \"forbids\": [\"x\"], \"html\": false}}]",
     true},
    {"\"prompts\": [{\"prompt\": \"b\", \"expects\": {\"language\": []}}]", false},
    {"\"prompts\": [{\"prompt\": \"b\", \"expects\": {\"forbids\": []}}]", false},
    {"\"prompts\": [{\"prompt\": \"b\", \"expects\": {\"forbids\": [\"\"]}}]", false},
    {"\"prompts\": [{\"prompt\": \"b\", \"expects\": {\"html\": 0}}]", false},
    {"\"sampling\": {\"top_p\": 0}", false},
    {"\"sampling\": {\"top_p\": 1, \"min_p\": 0, \"temperature\": 0, \"top_k\": 0}", true},
    {"\"sampling\": {\"min_p\": 1.01}", false},
    {"\"sampling\": {\"repetition_penalty\": 0}", false},
    {"\"sampling\": {\"seed\": -1}", false},
    {"\"text\": {\"file\": \"f\", \"context\": 2, \"stride\": 1}", true},
    {"\"text\": {\"file\": \"f\", \"context\": 1}", false},
    {"\"text\": {\"file\": \"\"}", false},
    {"\"limits\": {\"greedy\": {\"value\": 0, \"cause\": \"c\"}}", true},
    {"\"limits\": {\"greedy\": {\"value\": 0}}", false},
    {"\"limits\": {\"greedy\": {\"value\": -0.1, \"cause\": \"c\"}}", false},
    {"\"limits\": {\"greed\": {\"value\": 0, \"cause\": \"c\"}}", false},
    {"\"limits\": []", false},
    {"\"limits\": {\"greedy\": {\"value\": 0, \"cause\": \"c\", \"tags\": [\"a\"]}}", true},
    {"\"limits\": {\"greedy\": {\"value\": 0, \"cause\": \"c\", \"tags\": []}}", false},
    {"\"limits\": {\"greedy\": {\"value\": 0, \"cause\": \"c\", \"tags\": [\"\"]}}", false},
    {"\"limits\": {\"greedy\": [{\"value\": 0, \"cause\": \"c\"}, {\"value\": 1, \"cause\": \"c\", \"tags\": "
     "[\"a\"]}]}",
     true},
    {"\"limits\": {\"greedy\": []}", false},
    {"\"limits\": {\"greedy\": [3]}", false},
    {"\"other\": 1", false},
};

Test(schema, it_takes_what_the_reader_takes)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {0};
        struct suite suite;
        struct buffer text = {0};
        buffer_format(&text, "{%s%s}", rows[i].text,
                      strstr(rows[i].text, "\"diagnostics\"") ? "" : ", \"diagnostics\": [\"weights\"]");
        write_text(scratch("suite.json"), text.data);
        cJSON *json = cJSON_Parse(text.data);
        cr_assert_not_null(json);
        cr_expect_eq(suite_open(scratch("suite.json"), &suite, &error), rows[i].good, "%s: %s", rows[i].text,
                     error_text(&error));
        cr_expect_eq(schema_fault(schema, schema, json) == NULL, rows[i].good, "%s", rows[i].text);
        cJSON_Delete(json);
        error_clear(&error);
        buffer_free(&text);
        suite_free(&suite);
    }
}
