/* What parses as JSON, what its members may be, and how it is written. */
#include <criterion/criterion.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base_fixture.h"
#include "fixtures.h"
#include "work.h"

static bool json_good(const char *text, size_t size)
{
    struct error error = {0};
    cJSON *json = json_parse("the text", text, size, &error);
    cr_expect(json || strncmp(error_text(&error), "the text: ", 10) == 0, "%s", error_text(&error));
    bool good = json != NULL;
    cJSON_Delete(json);
    error_clear(&error);
    return good;
}

Test(json, what_parses)
{
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        {"{}", true},
        {" [1, 2.5e3, -0.1, true, false, null] \r\n\t", true},
        {"\"\"", true},
        {"\"\\u0001\\uD83D\\uDE00\\n\\\\\\\"\\/\"", true},
        {"\"\\\\u0000\"", true}, /* an escaped backslash, then u0000 */
        {"\"\\\\\\\\u0000\"", true},
        {"\"\\u00001\"", false},
        {"\"\\\\\\u0000\"", false}, /* an escaped backslash, then an escaped NUL */
        {"{\"a\\u0000\":1}", false},
        {"\"\\uZZZZ\"", false}, /* cJSON takes it for a NUL */
        {"\"\\u00g0\"", false},
        {"\"\\u12\"", false},
        {"\"\\", false},
        {"\"\\u", false},
        {"", false},
        {" ", false},
        {"{", false},
        {"{}}", false},
        {"{} {}", false},
        {"{\"a\":1,}", false},
        {"[1 2]", false},
        {"nul", false},
        {"'a'", false},
        {"\"a", false},
        {"\"\xff\"", false},
        {"\"\xed\xa0\x80\"", false},
        {"\"\\ud800\"", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        cr_expect_eq(json_good(rows[i].text, strlen(rows[i].text)), rows[i].good, "row %zu: %s", i, rows[i].text);
    cr_expect_not(json_good("{}\0", 3), "a NUL after the value");
    cr_expect_not(json_good("[\0]", 3), "a NUL inside");
    cr_expect_not(json_good("{}x", 3));
    cr_expect(json_good("{}x", 2), "bytes past the end are read");
}

Test(json, every_prefix_of_a_text_is_refused)
{
    static const char text[] = "{\"a\":[1,{\"b\":\"\\u00e4\\\\\\\"\xc3\xa4\"},null,true],\"c\":-1.5e-3}";
    for (size_t size = 0; size < strlen(text); size++) {
        char *exact = malloc(size + 1); /* so that a read past the end is seen */
        memcpy(exact, text, size);
        exact = realloc(exact, size ? size : 1);
        cr_expect_not(json_good(exact, size), "%zu bytes", size);
        free(exact);
    }
    cr_expect(json_good(text, strlen(text)));
}

static void expect_twice(const char *text, const char *key)
{
    struct error error = {0};
    cJSON *json = json_parse("the text", text, strlen(text), &error);
    char expected[64];
    snprintf(expected, sizeof expected, "the text: \"%s\" occurs twice", key ? key : "");
    cr_expect_eq(json != NULL, key == NULL, "%.60s", text);
    cr_expect(!key || strstr(error_text(&error), expected), "%s", error_text(&error));
    cJSON_Delete(json);
    error_clear(&error);
}

/* cJSON finds the first of two, Python the last. */
Test(json, a_key_occurs_once_in_an_object)
{
    expect_twice("{\"a\":1,\"b\":{\"a\":1},\"c\":[{\"a\":1},{\"a\":1}],\"A\":1,\"\":1}", NULL);
    expect_twice("{\"a\":1,\"b\":2,\"a\":1}", "a");
    expect_twice("{\"a\":1,\"\\u0061\":null}", "a");
    expect_twice("[[{\"x\":[1,{\"\":1,\"b\":2,\"\":3}]}]]", "");
    for (int keys = 10; keys <= 150000; keys = keys * 15) {
        struct buffer text = {0};
        for (int i = 0; i < keys; i++)
            buffer_format(&text, "%s\"k%d\":{\"v\":1}", i ? "," : "{", i);
        buffer_text(&text, "}");
        size_t before = work_done();
        expect_twice(text.data, NULL);
        cr_expect_leq(work_done() - before, 200 * (size_t)keys);
        text.data[text.size - 1] = ',';
        buffer_format(&text, "\"k%d\":0}", keys / 2);
        char key[16];
        snprintf(key, sizeof key, "k%d", keys / 2);
        expect_twice(text.data, key);
        buffer_free(&text);
    }
}

Test(json, deep_nesting_does_not_crash)
{
    static const size_t depths[] = {900, 1100, 1000000};
    for (size_t i = 0; i < COUNT(depths); i++)
        for (int kind = 0; kind < 2; kind++) {
            struct buffer text = {0};
            for (size_t k = 0; k < depths[i]; k++)
                buffer_text(&text, kind ? "{\"a\":" : "[");
            buffer_text(&text, "1");
            for (size_t k = 0; k < depths[i]; k++)
                buffer_char(&text, kind ? '}' : ']');
            cr_expect_eq(json_good(text.data, text.size), depths[i] < 1000, "%zu deep", depths[i]);
            buffer_free(&text);
        }
}

Test(json, one_string_is_read_whole)
{
    static const struct {
        const char *text;
        size_t size;
        const char *value; /* NULL: refused */
        size_t length;
    } rows[] = {
        {"\"\"", 2, "", 0},
        {" \t\"a\"\r\n", 7, "a", 1},
        {"\"a\\u0000b\"", 10, "a\0b", 3}, /* unlike json_parse */
        {"\"\\u0041\\u00e4\\u20AC\\ud83d\\uDE00\"", 32, "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 10},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", 18, "\"\\/\b\f\n\r\t", 8},
        {"\"\\udbff\\udfff\"", 14, "\xf4\x8f\xbf\xbf", 4},
        {"", 0, NULL, 0},
        {"\"", 1, NULL, 0},
        {"\"a", 2, NULL, 0},
        {"a", 1, NULL, 0},
        {"\"a\"b", 4, NULL, 0},
        {"\"a\"\0", 4, NULL, 0},
        {"\"\n\"", 3, NULL, 0},
        {"\"\0\"", 3, NULL, 0},
        {"\"\\", 2, NULL, 0},
        {"\"\\q\"", 4, NULL, 0},
        {"\"\\u12\"", 6, NULL, 0},
        {"\"\\u00g0\"", 8, NULL, 0},
        {"\"\\ud83d\"", 8, NULL, 0},
        {"\"\\ud83d\\u0041\"", 14, NULL, 0},
        {"\"\\ude00\"", 8, NULL, 0},
        {"\"\xff\"", 3, NULL, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer out = {0};
        struct error error = {0};
        char *exact = malloc(rows[i].size ? rows[i].size : 1);
        memcpy(exact, rows[i].text, rows[i].size);
        bool good = json_parse_string("the text", exact, rows[i].size, &out, &error);
        cr_expect_eq(good, rows[i].value != NULL, "row %zu: %s", i, error_text(&error));
        cr_expect(good || strstr(error_text(&error), "the text"), "row %zu: %s", i, error_text(&error));
        cr_expect(!good ||
                      (out.size == rows[i].length && memcmp(out.data ? out.data : "", rows[i].value, out.size) == 0),
                  "row %zu", i);
        error_clear(&error);
        buffer_free(&out);
        free(exact);
    }
}

/* A million backslashes, and a million NUL escapes of an even number of them, cost no square. */
Test(json, one_string_is_written_as_it_is_read)
{
    static const char text[] = "a \"quoted\" \\ back\0slash\n\x7f w\xc3\xb6rld";
    struct buffer written = {0}, read = {0};
    struct error error = {0};
    json_append_string(&written, text, sizeof text - 1);
    cr_assert_str_eq(written.data, "\"a \\\"quoted\\\" \\\\ back\\u0000slash\\u000a\x7f w\xc3\xb6rld\"");
    cr_assert(json_parse_string("text", written.data, written.size, &read, &error), "%s", error_text(&error));
    cr_expect_eq(read.size, sizeof text - 1);
    cr_expect_arr_eq(read.data, text, sizeof text - 1);
    buffer_free(&written);
    buffer_free(&read);
}

Test(json, long_runs_of_backslashes_are_quick)
{
    struct buffer text = {0};
    buffer_char(&text, '"');
    for (int i = 0; i < 1000000; i++)
        buffer_text(&text, i % 2 ? "\\\\" : "\\\\u0000");
    buffer_char(&text, '"');
    size_t before = work_done();
    cr_expect(json_good(text.data, text.size));
    cr_expect_leq(work_done() - before, 20 * text.size);
    buffer_free(&text);
}

Test(json, getters_leave_absent_members_alone_and_refuse_other_types)
{
    struct error error = {0};
    static const char text[] = "{\"n\":null,\"i\":7,\"f\":1.5,\"b\":true,\"s\":\"x\",\"big\":1e300,\"inf\":1e999,"
                               "\"neg\":-1,\"l\":[],\"I\":8,\"max\":2147483647}";
    cJSON *json = json_parse("t", text, strlen(text), &error);
    cr_assert(json, "%s", error_text(&error));
    int number = 42;
    bool flag = true;
    double real = 4.5;
    const char *string = "kept";
    static const char *const absent[] = {"n", "nothing", ""};
    for (size_t i = 0; i < COUNT(absent); i++)
        cr_expect(json_get_int(json, "w", absent[i], 0, 9, &number, &error) &&
                      json_get_bool(json, "w", absent[i], &flag, &error) &&
                      json_get_double(json, "w", absent[i], &real, &error) &&
                      json_get_string(json, "w", absent[i], &string, &error) && !json_member(json, absent[i]),
                  "%s", error_text(&error));
    cr_expect(number == 42 && flag && real > 4.4 && strcmp(string, "kept") == 0);
    cr_expect(json_get_int(json, "w", "i", 7, 7, &number, &error) && number == 7);
    cr_expect(json_get_int(json, "w", "max", 0, INT_MAX, &number, &error) && number == INT_MAX);
    cr_expect(json_get_int(json, "w", "neg", -1, 0, &number, &error) && number == -1);
    static const char *const no_int[] = {"f", "b", "s", "big", "inf", "l", "neg", "i", "I"};
    for (size_t i = 0; i < COUNT(no_int); i++) {
        cr_expect_not(json_get_int(json, "where", no_int[i], 0, 6, &number, &error), "%s", no_int[i]);
        cr_expect(strstr(error_text(&error), "where") && strstr(error_text(&error), no_int[i]), "%s",
                  error_text(&error));
        error_clear(&error);
    }
    cr_expect_eq(number, -1, "a refused value was stored");
    cr_expect(!json_get_bool(json, "w", "i", &flag, &error));
    error_clear(&error);
    cr_expect(!json_get_string(json, "w", "i", &string, &error));
    error_clear(&error);
    cr_expect(!json_get_double(json, "w", "s", &real, &error));
    error_clear(&error);
    cr_expect(!json_get_double(json, "w", "inf", &real, &error), "1e999 is not finite");
    error_clear(&error);
    cJSON_Delete(json);
}

Test(json, whole_numbers_are_exact)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t value;
    } rows[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"1", true, 1},
        {"9007199254740991", true, 9007199254740991},
        {"9007199254740992", false, 0},
        {"9007199254740993", false, 0},
        {"-1", false, 0},
        {"0.5", false, 0},
        {"1e3", true, 1000},
        {"1e300", false, 0},
        {"1e999", false, 0},
        {"\"1\"", false, 0},
        {"true", false, 0},
        {"null", false, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct error error = {0};
        cJSON *json = json_parse("t", rows[i].text, strlen(rows[i].text), &error);
        uint64_t value = 0;
        cr_expect(json && json_uint64(json, &value) == rows[i].good && value == rows[i].value, "%s", rows[i].text);
        cJSON_Delete(json);
    }
    cr_expect_not(json_uint64(NULL, &(uint64_t){0}));
}

Test(json, numbers_that_are_not_finite_are_written_as_words)
{
    cJSON *object = cJSON_CreateObject();
    cr_expect(json_add_number(object, "a", NAN) && json_add_number(object, "b", INFINITY) &&
              json_add_number(object, "c", -INFINITY) && json_add_number(object, "d", 0.1));
    char *text = cJSON_PrintUnformatted(object);
    cr_expect_str_eq(text, "{\"a\":\"nan\",\"b\":\"inf\",\"c\":\"-inf\",\"d\":0.1}");
    cJSON_free(text);
    cJSON_Delete(object);
}

Test(json, utf8_is_checked_byte_by_byte)
{
    static const struct {
        const char *text;
        size_t size;
        size_t bad; /* first bad byte, or size */
    } rows[] = {
        {"", 0, 0},
        {"ascii\x7f\0", 7, 7},
        {"\xc2\x80\xdf\xbf", 4, 4},
        {"\xe0\xa0\x80\xef\xbf\xbf", 6, 6},
        {"\xed\x9f\xbf\xee\x80\x80", 6, 6},
        {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8, 8},
        {"a\x80", 2, 1},     /* a continuation alone */
        {"a\xc0\x80", 3, 1}, /* overlong NUL */
        {"a\xc1\xbf", 3, 1},
        {"a\xe0\x9f\xbf", 4, 1},     /* overlong */
        {"a\xf0\x8f\xbf\xbf", 5, 1}, /* overlong */
        {"a\xed\xa0\x80", 4, 1},     /* surrogates */
        {"a\xed\xbf\xbf", 4, 1},
        {"a\xf4\x90\x80\x80", 5, 1}, /* past U+10FFFF */
        {"a\xf5\x80\x80\x80", 5, 1},
        {"a\xff", 2, 1},
        {"a\xfe", 2, 1},
        {"a\xc3", 2, 1}, /* cut short */
        {"a\xe2\x82", 3, 1},
        {"a\xf0\x9f\x98", 4, 1},
        {"a\xe2\x28\xa1", 4, 1},
        {"a\xe2\x82\x28", 4, 1},
        {"a\xf0\x9f\x98\x28", 5, 1},
        {"\xc3\xa4\xc3\x28", 4, 2},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *exact = malloc(rows[i].size ? rows[i].size : 1);
        memcpy(exact, rows[i].text, rows[i].size);
        cr_expect_eq(utf8_check(exact, rows[i].size), rows[i].bad, "row %zu: %zu", i, utf8_check(exact, rows[i].size));
        free(exact);
    }
}

Test(file, json_read_has_a_limit_and_names_the_file)
{
    const char *path = scratch("a.json");
    struct error error = {0};
    write_text(path, "[1,2,3]");
    cJSON *json = json_read(path, 7, &error);
    cr_expect(json, "%s", error_text(&error));
    cJSON_Delete(json);
    cr_expect_null(json_read(path, 6, &error));
    cr_expect(strstr(error_text(&error), path) && strstr(error_text(&error), "larger than the 6 bytes"), "%s",
              error_text(&error));
    error_clear(&error);
    write_text(path, "");
    cr_expect_null(json_read(path, 6, &error));
    cr_expect(strstr(error_text(&error), path), "%s", error_text(&error));
    error_clear(&error);
    cr_expect_null(json_read(scratch("absent.json"), 6, &error));
    cr_expect(strstr(error_text(&error), "absent.json"), "%s", error_text(&error));
    error_clear(&error);
}

/* malloc of the layer (--wrap): while `starved` is above 0, so many calls more fail. */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
static int starved;

void *__wrap_malloc(size_t size)
{
    return starved && starved-- ? NULL : __real_malloc(size);
}

Test(json, a_document_that_lacks_a_member_for_want_of_memory_has_no_text)
{
    struct error error = {0};
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "size", 1);
    char *text = json_document(json, false);
    cr_assert_str_eq(text, "{\"size\":1}");
    cJSON_free(text);
    starved = 1;
    cr_expect_null(json_parse("some.json", "[1]", 3, &error));
    cr_expect(error.kind == ERROR_MEMORY && !strstr(error_text(&error), "malformed"), "%s", error_text(&error));
    error_clear(&error);
    text = json_document(json, false);
    cr_expect(text, "of what was parsed the caller was told");
    cJSON_free(text);
    starved = 1;
    cJSON_AddNumberToObject(json, "shape", 1); /* nobody looks whether it came in */
    cr_expect_null(json_document(json, false));
    cJSON_Delete(json);
}
