/* Where in a text a value stands. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/json_place.h"
#include "base_fixture.h"

static const char text[] = "{\n"
                           "  \"a\": [1, \"}{\\\"\", {\"b\" :\n"
                           "true}],\n"
                           "\t\"\xC3\xA9\\u0041\": -1.5e3 , \"c\": [[], {}, [null, false]]\n"
                           "}";

static void expect_place(const cJSON *root, const cJSON *item, size_t line, size_t column, const char *path)
{
    struct buffer found = {0};
    struct json_place place = json_place_of(text, sizeof text - 1, root, item);
    cr_expect(json_path(&found, root, item));
    cr_expect_str_eq(found.data ? found.data : "", path);
    cr_expect(place.line == line && place.column == column, "%s: %zu:%zu", path, place.line, place.column);
    buffer_free(&found);
}

Test(json_place, every_value_has_one)
{
    cJSON *root = cJSON_Parse(text);
    cr_assert_not_null(root);
    const cJSON *a = json_member(root, "a"), *c = json_member(root, "c");
    expect_place(root, root, 1, 1, "");
    expect_place(root, a, 2, 3, "a");
    expect_place(root, cJSON_GetArrayItem(a, 0), 2, 9, "a[0]");
    expect_place(root, cJSON_GetArrayItem(a, 1), 2, 12, "a[1]");
    expect_place(root, cJSON_GetArrayItem(a, 2), 2, 20, "a[2]");
    expect_place(root, json_member(cJSON_GetArrayItem(a, 2), "b"), 2, 21, "a[2].b");
    expect_place(root,
                 json_member(root, "\xC3\xA9"
                                   "A"),
                 4, 2,
                 "\xC3\xA9"
                 "A");
    expect_place(root, c, 4, 22, "c");
    expect_place(root, cJSON_GetArrayItem(c, 0), 4, 28, "c[0]");
    expect_place(root, cJSON_GetArrayItem(c, 1), 4, 32, "c[1]");
    expect_place(root, cJSON_GetArrayItem(cJSON_GetArrayItem(c, 2), 1), 4, 43, "c[2][1]");
    cJSON *other = cJSON_CreateNull();
    struct buffer path = {0};
    cr_expect_not(json_path(&path, root, other));
    cr_expect(path.size == 0 && json_place_of(text, sizeof text - 1, root, other).line == 1);
    buffer_free(&path);
    cJSON_Delete(other);
    cJSON_Delete(root);
}

/* Where an item stands in a text of another document: somewhere, and nothing beyond its end is read. */
Test(json_place, any_text_will_do)
{
    static const char *const texts[] = {"",        "\"",   "\"a\\", "{", "{\"a",  "{\"a\"",
                                        "{\"a\":", ":,]}", "1",     "-", "\"a\":"};
    cJSON *root = cJSON_Parse(text);
    cr_assert_not_null(root);
    const cJSON *last = json_member(root, "c");
    for (size_t i = 0; i < COUNT(texts); i++) {
        size_t size = strlen(texts[i]);
        char *tight = strndup(texts[i], size);
        cr_expect(json_place_of(tight, size, root, last).column <= size + 1);
        free(tight);
    }
    for (size_t size = 0; size < sizeof text; size++)
        cr_expect(json_place_of(text, size, root, last).line <= 5);
    cJSON_Delete(root);
}

Test(json_place, what_a_value_is_called)
{
    static const char *const rows[][2] = {
        {"null", "null"},
        {"true", "true"},
        {"false", "false"},
        {"1e3", "1000"},
        {"-0.5", "-0.5"},
        {"\"a\"", "\"a\""},
        {"[]", "an empty list"},
        {"[1,2]", "a list of 2"},
        {"{}", "an object"},
        {"{\"a\":1}", "an object"},
        {"\"12345678901234567890123456789012345678901234567890123456789\xC3\xA9 cut\"",
         "\"12345678901234567890123456789012345678901234567890123456789...\""}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        cJSON *item = cJSON_Parse(rows[i][0]);
        struct buffer said = {0};
        json_say(&said, item);
        cr_expect_str_eq(said.data, rows[i][1]);
        buffer_free(&said);
        cJSON_Delete(item);
    }
}

Test(json_place, a_file_that_does_not_parse_says_line_and_column)
{
    static const char *const rows[][2] = {
        {"{\n  \"a\": 1,\n  \"b\": tru\n}", "f.json:3:8: malformed JSON"},
        {"[1,\n2", "f.json:2:1: malformed JSON, and it does not end (truncated? get it again)"},
        {"{}\n\n {}", "f.json:3:2: JSON goes on after its end"},
        {"{\"a\": {\n\"\\u0062\": 1, \"b\": 2}}", "f.json:2:14: \"b\" occurs twice in one JSON object"},
        {"[\n\"\\u0000\"]", "f.json:2:2: JSON holds a NUL character or a malformed \\u escape"},
        {"[\n\"\xC3\xA9\xC3\"]", "f.json:2:3: JSON is not valid UTF-8"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct error error = {0};
        cr_expect_null(json_parse_lines("f.json", rows[i][0], strlen(rows[i][0]), &error));
        cr_expect_str_eq(error_text(&error), rows[i][1]);
        error_clear(&error);
    }
}
