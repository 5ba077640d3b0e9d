#include <criterion/criterion.h>
#include <errno.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/id_list.h"
#include "base/json.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/numbers.h"
#include "base/progress.h"
#include "base/wording.h"
#include "fixtures.h"
#include "work.h"

static void make(void)
{
    scratch_make();
}

TestSuite(file, .init = make, .fini = scratch_remove, .timeout = 60);

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

/* --- errors --- */

Test(error, the_first_one_wins_and_context_goes_in_front)
{
    struct error error = {0};
    cr_expect_str_eq(error_text(&error), "no error recorded");
    cr_expect_not(error_context(&error, "nothing to add to"));
    cr_expect_str_eq(error_text(&error), "no error recorded");
    cr_expect_not(error_set(&error, "first %d", 1));
    cr_expect_not(error_set(&error, "second"));
    cr_expect_not(error_context(&error, "file %s", "x"));
    cr_expect_not(error_context(&error, "%%"));
    cr_expect_str_eq(error_text(&error), "%: file x: first 1");
    error_clear(&error);
    error_clear(&error);
    errno = ENOENT;
    cr_expect_not(error_errno(&error, "path"));
    cr_expect_str_eq(error_text(&error), "path: No such file or directory");
    error_clear(&error);
    cr_expect_not(error_set(NULL, "nobody asks"));
    cr_expect(!error_set_kind(NULL, ERROR_SHAPE, "nobody asks") && !error_take(NULL, &error));
    cr_expect_not(error_context(NULL, "nobody asks"));
    cr_expect_not(error_errno(NULL, "nobody asks"));
    cr_expect_str_eq(error_text(NULL), "no error recorded");
}

Test(error, kinds_stay_with_their_error)
{
    struct error first = {0}, second = {0};
    cr_expect(!error_memory(&first, "x") && !error_context(&first, "file"));
    cr_expect(first.kind == ERROR_MEMORY && strcmp(first.text, "file: out of memory: x") == 0);
    error_set_kind(&second, ERROR_DTYPE, "of no use");
    cr_expect(!error_set_kind(&second, ERROR_SHAPE, "the first one wins") && second.kind == ERROR_DTYPE);
    cr_expect(!error_take(&first, &second) && first.kind == ERROR_MEMORY && !second.text && second.kind == ERROR_ANY);
    error_clear(&first);
    cr_expect(!first.text && first.kind == ERROR_ANY);
    cr_expect(!error_set_kind(&second, ERROR_SHAPE, "taken") && !error_take(&first, &second));
    cr_expect(first.kind == ERROR_SHAPE && strcmp(first.text, "taken") == 0 && !second.text);
    error_clear(&first);
}

/* --- buffers --- */

Test(buffer, grows_and_is_always_a_string)
{
    struct buffer buffer = {0};
    cr_expect(buffer_append(&buffer, NULL, 0) && buffer.data && buffer.size == 0 && !*buffer.data);
    for (int i = 0; i < 10000; i++) {
        cr_assert(buffer_format(&buffer, "%d,", i));
        cr_assert_eq(buffer.data[buffer.size], '\0');
    }
    cr_expect_eq(buffer.size, 48890);
    char *text = buffer_take(&buffer);
    cr_expect(strncmp(text, "0,1,2,", 6) == 0 && strlen(text) == 48890);
    free(text);
    cr_expect(!buffer.data && !buffer.size && !buffer.failed);
    text = buffer_take(&buffer);
    cr_expect_str_eq(text, "", "an empty buffer gives an empty string");
    free(text);
    buffer_free(&buffer);
}

Test(buffer, stops_at_its_maximum)
{
    struct buffer buffer = {.maximum = 100};
    while (buffer_char(&buffer, 'x'))
        ;
    cr_expect(buffer.failed && buffer.size < 100 && buffer.size >= 98, "%zu", buffer.size);
    size_t size = buffer.size;
    cr_expect_not(buffer_append(&buffer, "", 0), "after a failure nothing is appended");
    cr_expect_not(buffer_format(&buffer, "y"));
    cr_expect_eq(buffer.size, size);
    cr_expect_null(buffer_take(&buffer));
    cr_expect(!buffer.failed && buffer.maximum == 100, "a buffer that was taken can be used again");
    static const size_t sizes[] = {100, 101, SIZE_MAX, SIZE_MAX - 1, (size_t)1 << 63};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct buffer other = {.maximum = i % 2 ? 100 : 0};
        cr_expect(sizes[i] == 100 || !buffer_reserve(&other, sizes[i]), "%zu", sizes[i]);
        buffer_free(&other);
    }
    buffer_free(&buffer);
}

Test(buffer, ids_and_arrays)
{
    struct ids ids = {0};
    for (int i = 0; i < 1000; i++)
        cr_assert(ids_push(&ids, i));
    cr_assert(ids_append(&ids, (const int[]){7, 8}, 2) && ids_append(&ids, NULL, 0));
    cr_expect(ids.count == 1002 && ids.data[999] == 999 && ids.data[1001] == 8);
    ids_free(&ids);
    cr_expect(!ids.data && !ids.count);
    struct {
        char name[24];
    } *array = NULL, one = {"one"};
    size_t count = 0, capacity = 0;
    cr_expect(!array_grow_bytes(&array, 0, &capacity, SIZE_MAX / 8) && !array, "16 elements of that size do not fit");
    cr_expect(array_grow(array, count, capacity) && capacity >= 1 && !count);
    while (count < 100)
        cr_assert(array_push(array, count, capacity, one) && count <= capacity);
    cr_expect(strcmp(array[99].name, "one") == 0);
    free(array);
}

Test(numbers, order_and_median)
{
    double values[] = {3, -1, 2, 7};
    cr_expect(doubles_median(values, 4) > 2.49 && doubles_median(values, 4) < 2.51 && values[0] < 0 && values[3] > 6);
    cr_expect(doubles_median(values, 3) > 1.99 && doubles_median(values, 3) < 2.01 && isnan(doubles_median(values, 0)));
}

Test(wording, what_a_text_ends_with)
{
    cr_expect(text_ends_with("model.safetensors", ".safetensors") && text_ends_with(".npy", ".npy"));
    cr_expect(!text_ends_with("npy", ".npy") && !text_ends_with("a.npy.tmp", ".npy") && text_ends_with("", ""));
}

/* --- maps --- */

Test(map, a_hundred_thousand_keys)
{
    enum { KEYS = 100000 };
    struct map map = {0};
    char(*keys)[16] = calloc(KEYS, sizeof *keys);
    cr_expect_eq(map_find(&map, "x", 1), MAP_ABSENT);
    for (size_t i = 0; i < KEYS; i++) {
        size_t found = 1;
        snprintf(keys[i], sizeof *keys, "key %zu", i);
        cr_assert(map_add(&map, keys[i], strlen(keys[i]), i, &found));
        cr_assert_eq(found, MAP_ABSENT, "key %zu", i);
    }
    cr_expect_eq(map.count, KEYS);
    for (size_t i = 0; i < KEYS; i++) {
        char other[16];
        size_t found = MAP_ABSENT;
        snprintf(other, sizeof other, "key %zu", i);
        cr_assert_eq(map_find(&map, other, strlen(other)), i);
        cr_assert(map_add(&map, other, strlen(other), 7, &found) && found == i, "a second value for key %zu", i);
        cr_assert_eq(map_find(&map, other, strlen(other)), i, "the first value stays");
        other[0] = 'K';
        cr_assert_eq(map_find(&map, other, strlen(other)), MAP_ABSENT);
    }
    cr_expect_eq(map.count, KEYS);
    map_free(&map);
    cr_expect_eq(map_find(&map, keys[0], 5), MAP_ABSENT);
    free(keys);
}

Test(map, keys_are_bytes)
{
    struct map map = {0};
    cr_assert(map_add(&map, "a\0b", 3, 1, NULL) && map_add(&map, "a\0c", 3, 2, NULL) &&
              map_add(&map, "a", 1, 3, NULL) && map_add(&map, "", 0, 4, NULL));
    cr_expect(map_find(&map, "a\0b", 3) == 1 && map_find(&map, "a\0c", 3) == 2 && map_find(&map, "ab", 1) == 3 &&
              map_find(&map, "", 0) == 4);
    cr_expect_eq(map_find(&map, "a\0", 2), MAP_ABSENT);
    map_free(&map);
}

/* --- JSON --- */

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

/* --- numbers --- */

Test(numbers, sets_in_words)
{
    static const struct {
        int values[16];
        size_t count;
        const char *text;
    } rows[] = {
        {{0}, 0, ""},
        {{5}, 1, "5"},
        {{5, 6}, 2, "5, 6"},
        {{5, 6, 7}, 3, "5-7"},
        {{1, 5, 9, 10, 11, 12}, 6, "1, 5, 9-12"},
        {{0, 1, 2, 4, 5, 7}, 6, "0-2, 4, 5, 7"},
        {{-2, -1, 0, 3}, 4, "-2-0, 3"},
        {{1, 5, 9, 13, 17, 21, 25, 29, 33, 37, 41, 45}, 12, "1, 5, 9, 13, 17, 21, 25, 29, 33, 37, 41, 45"},
        {{INT_MAX - 1, INT_MAX}, 2, "2147483646, 2147483647"},
        {{INT_MIN, INT_MAX}, 2, "-2147483648, 2147483647"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer text = {0};
        buffer_append(&text, "", 0);
        numbers_ranges(&text, rows[i].values, rows[i].count);
        cr_expect_str_eq(text.data, rows[i].text);
        buffer_free(&text);
    }
}

Test(numbers, arithmetic_that_overflows_is_told)
{
    uint64_t value = 0;
    cr_expect(multiply_u64(UINT32_MAX, UINT32_MAX, &value) && value == 18446744065119617025u);
    cr_expect(multiply_u64(0, UINT64_MAX, &value) && value == 0);
    cr_expect_not(multiply_u64((uint64_t)1 << 32, (uint64_t)1 << 32, &value));
    cr_expect(add_u64(UINT64_MAX, 0, &value) && value == UINT64_MAX);
    cr_expect_not(add_u64(UINT64_MAX, 1, &value));
}

Test(numbers, number_parse_takes_a_whole_number_and_nothing_else)
{
    static const struct {
        const char *text;
        bool good;
        long long value;
    } rows[] = {
        {"0", true, 0},
        {"-5", true, -5},
        {"100", true, 100},
        {"007", true, 7},
        {"101", false, 0},
        {"-6", false, 0},
        {"", false, 0},
        {" 5", false, 0},
        {"5 ", false, 0},
        {"+5", false, 0},
        {"5x", false, 0},
        {"x", false, 0},
        {"-", false, 0},
        {"--5", false, 0},
        {"- 5", false, 0},
        {"5.0", false, 0},
        {"1e1", false, 0},
        {"0x5", false, 0},
        {"\n5", false, 0},
        {"99999999999999999999", false, 0},
        {"-99999999999999999999", false, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        long long value = 0;
        cr_expect_eq(number_parse(rows[i].text, -5, 100, &value), rows[i].good, "'%s'", rows[i].text);
        cr_expect_eq(value, rows[i].value, "'%s'", rows[i].text);
    }
}

Test(numbers, size_parse_takes_bytes_and_binary_multiples)
{
    static const struct {
        const char *text;
        uint64_t bytes; /* UINT64_MAX: refused */
    } rows[] = {
        {"0", 0},
        {"512", 512},
        {"64K", 65536},
        {"64k", 65536},
        {"64KB", 65536},
        {"64KiB", 65536},
        {"1.5G", 1610612736},
        {".5M", 524288},
        {"2T", 2199023255552},
        {"512 ", UINT64_MAX},
        {"512 K", UINT64_MAX},
        {"512 B", UINT64_MAX},
        {" 512", UINT64_MAX},
        {"512KK", UINT64_MAX},
        {"512Ki", UINT64_MAX},
        {"512X", UINT64_MAX},
        {"K", UINT64_MAX},
        {".", UINT64_MAX},
        {"", UINT64_MAX},
        {"-1", UINT64_MAX},
        {"-0", UINT64_MAX},
        {"+1", UINT64_MAX},
        {"1e3", UINT64_MAX},
        {"0x10", UINT64_MAX},
        {"1.2.3", UINT64_MAX},
        {"inf", UINT64_MAX},
        {"nan", UINT64_MAX},
        {"9999999T", UINT64_MAX},
        {"99999999999999999999999999", UINT64_MAX},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t bytes = 0;
        bool good = size_parse(rows[i].text, &bytes);
        cr_expect_eq(good, rows[i].bytes != UINT64_MAX, "'%s' gave %llu", rows[i].text, (unsigned long long)bytes);
        cr_expect(!good || bytes == rows[i].bytes, "'%s' gave %llu", rows[i].text, (unsigned long long)bytes);
    }
}

Test(numbers, range_parse_takes_one_number_or_two_in_order)
{
    static const struct {
        const char *text;
        int first, last; /* -1: refused */
    } rows[] = {
        {"0", 0, 0},
        {"3", 3, 3},
        {"3-17", 3, 17},
        {"99-99", 99, 99},
        {"0-99", 0, 99},
        {"", -1, -1},
        {"-", -1, -1},
        {"-3", -1, -1},
        {"3-", -1, -1},
        {"17-3", -1, -1},
        {"100", -1, -1},
        {"3-100", -1, -1},
        {"x", -1, -1},
        {"3-x", -1, -1},
        {"1-2-3", -1, -1},
        {"1, 2", -1, -1},
        {"11111111111111111111", -1, -1},
        {"1-11111111111111111111", -1, -1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int first = -1, last = -1;
        bool good = range_parse(rows[i].text, 99, &first, &last);
        cr_expect_eq(good, rows[i].first >= 0, "'%s'", rows[i].text);
        cr_expect(!good || (first == rows[i].first && last == rows[i].last), "'%s' gave %d-%d", rows[i].text, first,
                  last);
    }
}

Test(numbers, ids_parse_takes_what_people_and_programs_write)
{
    static const struct {
        const char *list;
        int count, sum; /* count -1: refused */
    } rows[] = {
        {"1,2", 2, 3},
        {"1 2", 2, 3},
        {" [ 1 , 2 ] ", 2, 3},
        {"1\r\n2\n", 2, 3},
        {"", 0, 0},
        {"[]", 0, 0},
        {"7", 1, 7},
        {"2147483647", 1, INT_MAX},
        {"2147483648", -1, 0},
        {"1,,2", -1, 0},
        {",1", -1, 0},
        {"1,", -1, 0},
        {"[1", -1, 0},
        {"1]", -1, 0},
        {"[1]2", -1, 0},
        {"[[1]]", -1, 0},
        {"1,-2", -1, 0},
        {"x", -1, 0},
        {"1;2", -1, 0},
        {"1.5", -1, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct error error = {0};
        struct ids ids = {0};
        bool good = ids_parse(rows[i].list, &ids, &error);
        long long sum = 0;
        for (size_t k = 0; k < ids.count; k++)
            sum += ids.data[k];
        cr_expect_eq(good, rows[i].count >= 0, "'%s': %s", rows[i].list, error_text(&error));
        cr_expect(!good || ((int)ids.count == rows[i].count && sum == rows[i].sum), "'%s' gave %zu ids", rows[i].list,
                  ids.count);
        ids_free(&ids);
        error_clear(&error);
    }
}

Test(numbers, sizes_for_people)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {
        {0, "0 bytes"},          {999, "999 bytes"},
        {1000, "1 kB"},          {1234, "1.23 kB"},
        {999400, "999 kB"},      {999700, "1 MB"},
        {1200000000, "1.2 GB"},  {61000000000, "61 GB"},
        {999999999999, "1 TB"},  {1500000000000000, "1.5 PB"},
        {UINT64_MAX, "18.4 EB"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer text = {0};
        size_text(&text, rows[i].bytes);
        cr_expect_str_eq(text.data, rows[i].text);
        buffer_free(&text);
    }
}

/* --- SHA-256 --- */

Test(file, sha256_known_answers)
{
    static const struct {
        const char *text;
        size_t repeat;
        const char *hex;
    } rows[] = {
        {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"aaaaaaaaaa", 100000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"}, /* one million a */
        {"aaaaaaaaaa", 1000000, "01f4a87caa03d40a3cc6dca62ec91e87da1b50d7bfcae52ba2eaf9edc7d37d9e"},
    };
    for (size_t i = 0; i < COUNT(rows) - 1; i++) {
        struct error error = {0};
        struct sha256 *sha = sha256_new(&error);
        struct buffer all = {0};
        char hex[2][65];
        for (size_t k = 0; k < rows[i].repeat; k++) {
            cr_assert(sha256_update(sha, rows[i].text, strlen(rows[i].text)));
            buffer_text(&all, rows[i].text);
        }
        write_bytes(scratch("hashed"), all.data, all.size);
        cr_assert(sha256_finish(sha, hex[0]) && sha256_file(scratch("hashed"), hex[1], &error), "%s",
                  error_text(&error));
        cr_expect_str_eq(hex[0], rows[i].hex);
        cr_expect_str_eq(hex[1], rows[i].hex);
        buffer_free(&all);
    }
    struct error error = {0};
    char hex[65] = "kept";
    cr_expect_not(sha256_file(scratch("absent"), hex, &error));
    cr_expect(strstr(error_text(&error), "absent") && strcmp(hex, "kept") == 0);
    error_clear(&error);
    cr_expect_not(sha256_file("/tmp", hex, &error), "a folder has no hash");
    cr_expect(strstr(error_text(&error), "/tmp"), "%s", error_text(&error));
    error_clear(&error);
}

/* --- files --- */

static bool path_there(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static size_t entries_in(const char *folder)
{
    struct names names = {0};
    struct error error = {0};
    cr_assert(folder_list(folder, &names, &error), "%s", error_text(&error));
    size_t count = names.count;
    names_free(&names);
    return count;
}

Test(file, reads_whole_files_within_a_limit)
{
    const char *path = scratch("a");
    struct error error = {0};
    struct buffer text = {0};
    write_text(path, "0123456789");
    cr_expect(file_read(path, 10, &text, &error) && text.size == 10 && strcmp(text.data, "0123456789") == 0);
    cr_expect(file_read(path, 10, &text, &error) && text.size == 20, "it appends");
    buffer_free(&text);
    cr_expect_not(file_read(path, 9, &text, &error));
    cr_expect(strstr(error_text(&error), path), "%s", error_text(&error));
    error_clear(&error);
    buffer_free(&text);
    write_text(path, "");
    cr_expect(file_read(path, 0, &text, &error) && text.data && text.size == 0 && !*text.data);
    buffer_free(&text);
    static const char *const bad[] = {"/tmp", "/nowhere/at/all"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        cr_expect_not(file_read(bad[i], 10, &text, &error));
        cr_expect(strstr(error_text(&error), bad[i]), "%s", error_text(&error));
        error_clear(&error);
        buffer_free(&text);
        uint64_t size = 7;
        cr_expect(!file_size(bad[i], &size, &error) && size == 7);
        cr_expect(strstr(error_text(&error), bad[i]), "%s", error_text(&error));
        error_clear(&error);
    }
    cr_expect_not(file_read("/dev/zero", 1 << 20, &text, &error), "without end");
    error_clear(&error);
    buffer_free(&text);
}

Test(file, reads_at_an_offset_or_says_where_the_file_ends)
{
    const char *path = scratch("a");
    write_text(path, "0123456789");
    FILE *file = fopen(path, "rb");
    struct error error = {0};
    char out[11] = "";
    cr_expect(file_read_at(fileno(file), path, 3, out, 4, &error) && strcmp(out, "3456") == 0);
    cr_expect(file_read_at(fileno(file), path, 10, out, 0, &error) &&
              file_read_at(fileno(file), path, 1000, out, 0, &error));
    static const struct {
        uint64_t offset;
        size_t size;
    } rows[] = {{0, 11}, {9, 2}, {10, 1}, {1000, 1}, {INT64_MAX, 1}, {UINT64_MAX, 1}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        cr_expect_not(file_read_at(fileno(file), path, rows[i].offset, out, rows[i].size, &error), "row %zu", i);
        cr_expect(strstr(error_text(&error), path), "%s", error_text(&error));
        error_clear(&error);
    }
    fclose(file);
}

Test(file, appears_whole_at_commit_and_not_before)
{
    const char *folder = scratch("w"), *path = scratch("w/file");
    struct error error = {0};
    struct file_writer *writer = file_create(path, &error);
    cr_assert(writer, "%s", error_text(&error));
    cr_assert(file_append(writer, "abc", 3, &error) && file_write_at(writer, 5, "f", 1, &error) &&
              file_append(writer, "g", 1, &error) && file_write_at(writer, 3, "de", 2, &error));
    cr_expect_not(path_there(path), "the file is there before commit");
    cr_expect_eq(entries_in(folder), 1, "no temporary file");
    cr_assert(file_commit(writer, &error), "%s", error_text(&error));
    size_t size;
    char *text = read_bytes(path, &size);
    cr_expect_str_eq(text, "abcdefg");
    free(text);
    cr_expect_eq(entries_in(folder), 1, "the temporary file was left behind");
}

Test(file, a_failed_write_leaves_the_old_file_and_nothing_else)
{
    const char *folder = scratch("w"), *path = scratch("w/file");
    struct error error = {0};
    write_text(path, "old");
    struct file_writer *writer = file_create(path, &error);
    cr_assert(file_append(writer, "new and longer", 14, &error));
    file_discard(writer);
    file_discard(NULL);
    size_t size;
    char *text = read_bytes(path, &size);
    cr_expect_str_eq(text, "old");
    free(text);
    cr_expect_eq(entries_in(folder), 1);
    cr_assert(file_write(path, "new", 3, &error), "%s", error_text(&error));
    text = read_bytes(path, &size);
    cr_expect_str_eq(text, "new");
    free(text);
}

Test(file, abandoned_writers_leave_nothing)
{
    struct error error = {0};
    for (int round = 0; round < 40; round++) { /* more than there are places */
        write_text(scratch("w/file"), "old");
        struct file_writer *writers[20];
        for (int i = 0; i < 20; i++) {
            writers[i] = file_create(scratch("w/%d", i), &error);
            cr_assert(writers[i] && file_append(writers[i], "new", 3, &error), "%s", error_text(&error));
        }
        cr_expect_eq(entries_in(scratch("w")), 21);
        file_abandon_all();
        cr_expect_eq(entries_in(scratch("w")), 1);
        for (int i = 0; i < 20; i++)
            file_discard(writers[i]);
        file_abandon_all();
        cr_expect(path_there(scratch("w/file")) && entries_in(scratch("w")) == 1, "%zu entries",
                  (size_t)entries_in(scratch("w")));
    }
}

Test(file, a_rename_that_fails_is_told)
{
    const char *path = scratch("w/taken"), *folder = scratch("w");
    struct error error = {0};
    write_text(scratch("w/taken/inside"), "x"); /* the name is that of a folder which is not empty */
    cr_expect_not(file_write(path, "abc", 3, &error));
    cr_expect(strstr(error_text(&error), path), "%s", error_text(&error));
    error_clear(&error);
    cr_expect(path_there(scratch("w/taken/inside")) && entries_in(folder) == 1, "something was left behind");
    cr_expect_not(file_write(scratch("w/taken/inside/file"), "abc", 3, &error), "a file is no folder");
    error_clear(&error);
    cr_expect_not(file_write("/proc/nowhere/file", "abc", 3, &error));
    cr_expect(strstr(error_text(&error), "/proc/nowhere/file"), "%s", error_text(&error));
    error_clear(&error);
}

/* /dev/full takes the file and refuses every byte. */
Test(file, a_full_disk_is_told)
{
    struct error error = {0};
    const char *path = scratch("w/file");
    char temporary[512];
    snprintf(temporary, sizeof temporary, "%s.tmp.%ld", path, (long)getpid());
    cr_assert_eq(symlink("/dev/full", temporary), 0);
    cr_expect_not(file_write(path, "abc", 3, &error));
    cr_expect(strstr(error_text(&error), "No space left on device"), "%s", error_text(&error));
    cr_expect_not(path_there(path));
    error_clear(&error);
}

Test(file, paths)
{
    static const struct {
        const char *folder, *name, *path;
    } rows[] = {{"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"}, {"", "b", "/b"}};
    for (size_t i = 0; i < COUNT(rows) - 1; i++) {
        char *path = path_join(rows[i].folder, rows[i].name);
        cr_expect_str_eq(path, rows[i].path);
        free(path);
    }
    cr_expect_str_eq(path_base("/a/b.c"), "b.c");
    cr_expect_str_eq(path_base("b.c"), "b.c");
    cr_expect_str_eq(path_base("a/"), "");
}

Test(file, folders)
{
    struct error error = {0};
    const char *deep = scratch("f");
    char *path = path_join(deep, "a//b/./c/");
    cr_expect(folder_make(path, &error) && file_is_folder(path), "%s", error_text(&error));
    cr_expect(folder_make(path, &error), "one that is there already");
    cr_expect(folder_make("/", &error) && folder_make(".", &error), "%s", error_text(&error));
    free(path);
    cr_expect_not(folder_make("", &error), "a folder without a name");
    error_clear(&error);
    write_text(scratch("f/file"), "x");
    cr_expect_not(folder_make(scratch("f/file/x"), &error));
    cr_expect(strstr(error_text(&error), "f/file"), "%s", error_text(&error));
    error_clear(&error);
    cr_expect_not(folder_make(scratch("f/file"), &error), "a file is no folder");
    error_clear(&error);
    write_text(scratch("f/10"), "x");
    write_text(scratch("f/9"), "x");
    write_text(scratch("f/.hidden"), "x");
    struct names names = {0};
    cr_assert(folder_list(deep, &names, &error), "%s", error_text(&error));
    static const char *const expected[] = {".hidden", "10", "9", "a", "file"};
    cr_assert_eq(names.count, 5);
    for (size_t i = 0; i < 5; i++)
        cr_expect_str_eq(names.items[i], expected[i]);
    names_free(&names);
    cr_expect_not(folder_list(scratch("f/9"), &names, &error));
    cr_expect(strstr(error_text(&error), "f/9"), "%s", error_text(&error));
    error_clear(&error);
    cr_expect(file_exists(deep) && file_is_folder(deep) && !file_is_folder(scratch("f/9")) &&
              !file_exists(scratch("f/nothing")));
    names_free(&names);
}

/* --- progress --- */

Test(progress, says_nothing_when_quiet_and_survives_anything)
{
    struct progress progress = progress_begin("title", "layers", 0);
    progress_step(&progress, 5);
    progress_end(&progress);
    progress = progress_begin("title", "layers", 10);
    for (uint64_t i = 0; i <= 20; i++)
        progress_step(&progress, i);
    cr_expect_leq(progress.done, 10);
    progress_end(&progress);
    double first = clock_seconds();
    cr_expect(clock_seconds() >= first && first > 0);
}

TestSuite(memory, .init = make, .fini = scratch_remove);

Test(memory, the_smallest_limit_of_a_control_group_and_those_above_holds)
{
    static const struct {
        const char *groups;
        struct {
            const char *path, *text;
        } files[3];
        uint64_t limit;
    } rows[] = {
        {"0::/\n", {{"memory.max", "1073741824\n"}}, 1073741824},
        {"0::/\n", {{"memory.max", "max\n"}}, 0},
        {"0::/\n", {{NULL, NULL}}, 0},
        {"0::/a/b\n", {{"memory.max", "max\n"}, {"a/memory.max", "3000\n"}, {"a/b/memory.max", "4000\n"}}, 3000},
        {"0::/a/b\n", {{"a/memory.max", "max\n"}, {"a/b/memory.max", "4000\n"}}, 4000},
        {"0::/a\n", {{"ab/memory.max", "3000\n"}}, 0},
        {"0::/../host\n", {{"memory.max", "5000\n"}}, 5000},
        {"5:cpu,cpuacct:/\n4:memory:/docker/x\n0::/\n", {{"memory/memory.limit_in_bytes", "6000\n"}}, 6000},
        {"4:memory:/x\n", {{"memory/memory.limit_in_bytes", "9223372036854771712\n"}}, 9223372036854771712u},
        {"4:memory:/x\n", {{"memory/x/memory.limit_in_bytes", "7000\n"}}, 7000},
        {"nonsense\n::\n", {{"memory.max", "1\n"}}, 0},
    };
    cr_expect_eq(memory_limit(scratch("nowhere")), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        write_text(scratch("%zu/proc/self/cgroup", i), rows[i].groups);
        for (size_t k = 0; k < 3 && rows[i].files[k].path; k++)
            write_text(scratch("%zu/sys/fs/cgroup/%s", i, rows[i].files[k].path), rows[i].files[k].text);
        uint64_t limit = memory_limit(scratch("%zu", i));
        cr_expect_eq(limit, rows[i].limit, "row %zu: %llu", i, (unsigned long long)limit);
    }
}
