#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/progress.h"
#include "fixtures.h"
#include "store/safetensors.h"
#include "work.h"

static void make(void)
{
    scratch_make();
}

TestSuite(safetensors, .init = make, .fini = scratch_remove, .timeout = 120);

/* Opens; whatever comes of it is freed. The message of a refusal, malloc'd, or NULL. */
static char *refusal(const char *path)
{
    struct safetensors file;
    struct error error = {0};
    if (safetensors_open(path, &file, &error)) {
        safetensors_free(&file);
        return NULL;
    }
    char *text = strdup(error_text(&error));
    error_clear(&error);
    return text;
}

static void expect_refused(const char *path, const char *what, const char *needle)
{
    char *text = refusal(path);
    cr_expect(text, "%s: was accepted; a refusal with \"%s\" was expected", what, needle);
    cr_expect(!text || strstr(text, path), "%s: the message does not name the file: %s", what, text);
    cr_expect(!text || strstr(text, needle), "%s: the message does not say \"%s\": %s", what, needle, text);
    free(text);
}

static void expect_opens(const char *path, const char *what)
{
    char *text = refusal(path);
    cr_expect(!text, "%s: was refused: %s", what, text);
    free(text);
}

/* One tensor "t" with these three members, as JSON. */
#define TENSOR(dtype, shape, offsets) "\"t\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define ONE(dtype, shape, offsets) "{" TENSOR(dtype, shape, offsets) "}"
#define GOOD TENSOR("\"F32\"", "[2]", "[0,8]")

struct header_row {
    const char *header;
    const char *needle; /* NULL: a good header */
    size_t data;
};

static void expect_rows(const struct header_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *path = scratch("row.safetensors");
        write_header(path, rows[i].header, strlen(rows[i].header), rows[i].data);
        if (rows[i].needle)
            expect_refused(path, rows[i].header, rows[i].needle);
        else
            expect_opens(path, rows[i].header);
    }
}

#define EXPECT_ROWS(rows) expect_rows(rows, sizeof(rows) / sizeof *(rows))

Test(safetensors, good_headers_open)
{
    static const struct header_row rows[] = {
        {"{" GOOD "}", NULL, 8},
        {"{" GOOD "}   \n", NULL, 8}, /* padding */
        {"{}", NULL, 0},
        {"{\"__metadata__\":{}}", NULL, 0},
        {"{\"__metadata__\":null," GOOD "}", NULL, 8},
        {"{\"__metadata__\":{\"a\":\"b\",\"c\":\"\\\\u0000\"}," GOOD "}", NULL, 8},
        {"{\t\"t\" : { \"data_offsets\" : [ 0 , 8 ] ,\r\n \"shape\" : [ 2 ] , \"dtype\" : \"F32\" } }", NULL, 8},
        {ONE("\"F32\"", "[]", "[0,4]"), NULL, 4},
        {ONE("\"F32\"", "[0]", "[0,0]"), NULL, 0},
        {ONE("\"F32\"", "[3,0,5]", "[0,0]"), NULL, 0},
        {ONE("\"F32\"", "[1,1,1,1,1,1,1,2]", "[0,8]"), NULL, 8},
        {ONE("\"\\u0046\\u00332\"", "[2]", "[0,8]"), NULL, 8},
        {"{\"a\\u00e9\\ud83d\\ude00\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}}", NULL, 8},
        {"{\"\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}}", NULL, 8},
        {"{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"more\":[[\"x\",null,{}]]}}", NULL, 8},
        /* tensors of no bytes may lie at any seam */
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"z\":{\"dtype\":\"U8\",\"shape\":[0],\"data_"
         "offsets\":[4,"
         "4]},\"y\":{\"dtype\":\"F32\",\"shape\":[0,9],\"data_offsets\":[0,0]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],"
         "\"data_offsets\":[4,8]},\"x\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[8,8]}}",
         NULL, 8},
    };
    EXPECT_ROWS(rows);
}

Test(safetensors, broken_json_is_refused)
{
    static const struct header_row rows[] = {
        {"", "does not begin with '{'", 8},
        {" {" GOOD "}", "does not begin with '{'", 8},
        {"[" ONE("\"F32\"", "[2]", "[0,8]") "]", "does not begin with '{'", 8},
        {"\xEF\xBB\xBF{" GOOD "}", "does not begin with '{'", 8},
        {"{" GOOD, "malformed JSON", 8},
        {"{" GOOD ",}", "malformed JSON", 8},
        {"{," GOOD "}", "malformed JSON", 8},
        {"{" GOOD "}}", "goes on after its end", 8},
        {"{" GOOD "}{}", "goes on after its end", 8},
        {"{" GOOD "}\f", "unexpected byte 0x0c", 8},
        {"{\v" GOOD "}", "unexpected byte 0x0b", 8},
        {"{\x01" GOOD "}", "unexpected byte 0x01", 8},
        {"{" GOOD "/**/}", "unexpected byte 0x2f", 8},
        {"{'t':{}}", "unexpected byte 0x27", 8},
        {"{\"a\x01\":{}}", "control character", 8},
        {"{\"a\n\":{}}", "control character", 8},
        {"{\"__metadata__\":{\"a\":\"b\tc\"}}", "control character", 0},
        {"{\"\xff\":{}}", "not valid UTF-8", 8},
        {"{\"\xed\xa0\x80\":{}}", "not valid UTF-8", 8},
        {"{\"\xc0\xaf\":{}}", "not valid UTF-8", 8},
        {"{\"a\\u0000\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "NUL", 8},
        {"{\"a\\u00g0b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "malformed \\u escape", 8},
        {ONE("\"F32\\uZZZZ\"", "[2]", "[0,8]"), "malformed \\u escape", 8},
        {"{\"a\\q\":{}}", "malformed JSON", 8},
        {"{\"\\ud800\":{}}", "malformed JSON", 8},
        {"{\"\\udc00\":{}}", "malformed JSON", 8},
        {"{\"\\ud83dx\":{}}", "malformed JSON", 8},
    };
    EXPECT_ROWS(rows);
    const char *path = scratch("nul.safetensors");
    write_header(path, "{" GOOD "}\0\0", strlen("{" GOOD "}") + 2, 8);
    expect_refused(path, "NUL padding", "unexpected byte 0x00");
}

Test(safetensors, numbers_are_plain_and_whole)
{
    static const char *const numbers[] = {"2.0",
                                          "2.",
                                          "2e0",
                                          "2E0",
                                          "-2",
                                          "-0",
                                          "+2",
                                          "002",
                                          "0x2",
                                          ".2",
                                          "\"2\"",
                                          "null",
                                          "true",
                                          "NaN",
                                          "[2]",
                                          "{}",
                                          "18446744073709551616",
                                          "9007199254740993",
                                          "9007199254740992",
                                          "99999999999999999999999999"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        static const char *const places[] = {ONE("\"F32\"", "[%s]", "[0,8]"), ONE("\"F32\"", "[2]", "[0,%s]"),
                                             ONE("\"F32\"", "[2]", "[%s,8]"), ONE("\"F32\"", "[0,%s]", "[0,0]")};
        for (size_t place = 0; place < sizeof places / sizeof *places; place++) {
            char header[256];
            snprintf(header, sizeof header, places[place], numbers[i]);
            const char *path = scratch("number.safetensors");
            write_header(path, header, strlen(header), place == 3 ? 0 : 8);
            expect_refused(path, header, "");
        }
    }
}

Test(safetensors, names_and_members_occur_once)
{
    static const struct header_row rows[] = {
        {"{" GOOD "," GOOD "}", "\"t\" occurs twice", 8},
        {"{" GOOD ",\"\\u0074\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", "\"t\" occurs twice", 8},
        {"{\"t\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "\"dtype\" occurs twice",
         8},
        {"{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"sh\\u0061pe\":[2],\"data_offsets\":[0,8]}}",
         "\"shape\" occurs twice", 8},
        {"{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"data_offsets\":[0,8]}}",
         "\"data_offsets\" occurs twice", 8},
        {"{\"__metadata__\":{},\"__metadata__\":{}," GOOD "}", "\"__metadata__\" occurs twice", 8},
        {"{\"__metadata__\":null,\"__metadata__\":{}," GOOD "}", "\"__metadata__\" occurs twice", 8},
        {"{\"__metadata__\":null,\"__metadata__\":null," GOOD "}", "\"__metadata__\" occurs twice", 8},
        {"{\"__metadata__\":{}," GOOD ",\"\\u005f_metadata__\":{}}", "\"__metadata__\" occurs twice", 8},
        {"{\"__metadata__\":{\"a\":\"b\",\"a\":\"b\"}," GOOD "}", "\"a\" occurs twice", 8},
        {"{\"__metadata__\":{\"a\":1}," GOOD "}", "metadata 'a' is not a string", 8},
        {"{\"__metadata__\":{\"a\":null}," GOOD "}", "metadata 'a' is not a string", 8},
        {"{\"__metadata__\":{\"a\":{}}," GOOD "}", "metadata 'a' is not a string", 8},
        {"{\"__metadata__\":[]," GOOD "}", "__metadata__ is not an object", 8},
        {"{\"__metadata__\":\"a\"," GOOD "}", "__metadata__ is not an object", 8},
    };
    EXPECT_ROWS(rows);
}

Test(safetensors, tensors_are_described_whole_and_right)
{
    static const struct header_row rows[] = {
        {"{\"t\":null}", "tensor 't' is described by something that is not an object", 8},
        {"{\"t\":[\"F32\",[2],[0,8]]}", "tensor 't' is described by", 8},
        {"{\"t\":{}}", "tensor 't' has no dtype", 8},
        {"{\"t\":{\"shape\":[2],\"data_offsets\":[0,8]}}", "tensor 't' has no dtype", 8},
        {"{\"t\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", "tensor 't' has no shape", 8},
        {"{\"t\":{\"dtype\":\"F32\",\"shape\":[2]}}", "tensor 't' has malformed data_offsets", 8},
        {ONE("null", "[2]", "[0,8]"), "no dtype", 8},
        {ONE("[\"F32\"]", "[2]", "[0,8]"), "no dtype", 8},
        {ONE("\"f32\"", "[2]", "[0,8]"), "unknown dtype 'f32'", 8},
        {ONE("\"F32 \"", "[2]", "[0,8]"), "unknown dtype 'F32 '", 8},
        {ONE("\"Q4_1\"", "[2]", "[0,8]"), "unknown dtype 'Q4_1'", 8},
        {ONE("\"F32\"", "2", "[0,8]"), "no shape", 8},
        {ONE("\"F32\"", "{\"a\":2}", "[0,8]"), "no shape", 8},
        {ONE("\"F32\"", "[[2]]", "[0,8]"), "not a whole number", 8},
        {ONE("\"F32\"", "[1,1,1,1,1,1,1,1,2]", "[0,8]"), "more than 8 dimensions", 8},
        {ONE("\"F32\"", "[1,1,1,1,1,1,1,2]", "[0,8]"), NULL, 8},
        {"{\"a\\\"\":{\"shape\":[1,1,1,1,1,1,1,1,1", "tensor 'a\\\"' has more than 8 dimensions", 8},
        {ONE("\"F32\"", "[4294967296,4294967296]", "[0,8]"), "overflows", 8},
        {ONE("\"F32\"", "[4294967296,4294967296,0]", "[0,0]"), "overflows", 0},
        {ONE("\"F64\"", "[2251799813685248,1024,8]", "[0,0]"), "overflows", 0}, /* fits as a count, not as bits */
        {ONE("\"F32\"", "[2]", "8"), "malformed data_offsets", 8},
        {ONE("\"F32\"", "[2]", "[]"), "malformed data_offsets", 8},
        {ONE("\"F32\"", "[2]", "[8]"), "malformed data_offsets", 8},
        {ONE("\"F32\"", "[2]", "[0,8,8]"), "malformed data_offsets", 8},
        {ONE("\"F32\"", "[2]", "{\"a\":0,\"b\":8}"), "malformed data_offsets", 8},
        {ONE("\"F32\"", "[2]", "[8,0]"), "malformed data_offsets", 8},
        {ONE("\"F32\"", "[2]", "[0,4]"), "F32 [2] = 8 bytes, but its data_offsets span 4", 4},
        {ONE("\"F32\"", "[2]", "[0,9]"), "span 9", 9},
        {ONE("\"F32\"", "[]", "[0,0]"), "span 0", 0},
        {ONE("\"BF16\"", "[3,2]", "[0,8]"), "BF16 [3, 2] = 12 bytes", 8},
        {ONE("\"F4\"", "[3]", "[0,2]"), "does not fill whole bytes", 2},
        {ONE("\"F6_E2M3\"", "[2]", "[0,2]"), "does not fill whole bytes", 2},
        {ONE("\"F6_E2M3\"", "[4]", "[0,4]"), "span 4", 4},
    };
    EXPECT_ROWS(rows);
}

#define PAIR(shape_a, offsets_a, shape_b, offsets_b)                                                                   \
    "{\"a\":{\"dtype\":\"U8\",\"shape\":[" shape_a "],\"data_offsets\":[" offsets_a                                    \
    "]},\"b\":{\"dtype\":\"U8\",\"shape\":[" shape_b "],\"data_offsets\":[" offsets_b "]}}"

Test(safetensors, tensors_tile_the_file)
{
    static const struct header_row rows[] = {
        {PAIR("4", "0,4", "4", "4,8"), NULL, 8},
        {PAIR("4", "4,8", "4", "0,4"), NULL, 8},
        {PAIR("4", "0,4", "3", "5,8"), "tensor 'b' begins at byte 5 of the data, where 4 was expected (a hole)", 8},
        {PAIR("4", "0,4", "5", "3,8"), "tensor 'b' begins at byte 3 of the data, where 4 was expected (an overlap)", 8},
        {PAIR("8", "0,8", "8", "0,8"), "an overlap", 8},
        {PAIR("8", "0,8", "0", "3,3"), "an overlap", 8},
        {PAIR("4", "1,5", "3", "5,8"), "tensor 'a' begins at byte 1", 8},
        {PAIR("4", "0,4", "4", "4,8"), "1 byte follows the last tensor 'b'", 9},
        {PAIR("4", "0,4", "4", "4,8"),
         "tensor 'b' ends at byte 8 of the data, but the file holds only 7 (truncated? get it again)", 7},
        {PAIR("4", "0,4", "4", "4,8"), "tensor 'a' ends at byte 4", 0},
        {PAIR("4", "0,4", "0", "9,9"), "tensor 'b' ends at byte 9", 4},
        {"{}", "4 bytes follow", 4},
        {"{\"__metadata__\":{\"a\":\"b\"}}", "1 byte follows", 1},
    };
    EXPECT_ROWS(rows);
}

Test(safetensors, a_header_that_is_too_long_is_refused)
{
    static const struct {
        uint64_t length;
        const char *needle;
    } rows[] = {
        {UINT64_MAX, "at most 100000000"},
        {(uint64_t)1 << 63, "at most 100000000"},
        {100000001, "at most 100000000"},
        {100000000, "truncated?"},
        {93, "truncated?"},
        {0, "does not begin with '{'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char bytes[100] = {0};
        for (int k = 0; k < 8; k++)
            bytes[k] = (char)(rows[i].length >> (8 * k));
        bytes[8] = '{';
        const char *path = scratch("long.safetensors");
        write_bytes(path, bytes, sizeof bytes);
        expect_refused(path, rows[i].needle, rows[i].needle);
    }
    /* with all its bytes there (the file is one hole) it is still refused, and not read */
    const char *path = scratch("huge.safetensors");
    unsigned char length[8] = {0x01, 0xE1, 0xF5, 0x05};
    write_bytes(path, length, sizeof length);
    cr_assert_eq(truncate(path, 200000000), 0);
    expect_refused(path, "200 MB", "at most 100000000");
    for (size_t size = 0; size < 8; size++) {
        write_bytes(path, length, size);
        expect_refused(path, "short", size ? "too few" : "is empty");
    }
}

/* cJSON would take 40 bytes for each byte of these. */
Test(safetensors, headers_that_would_take_gigabytes_are_refused)
{
    static const struct {
        const char *begin, *repeat, *needle;
    } rows[] = {
        {"{\"t\":{\"dtype\":\"F32\",\"shape\":[1", ",1", "tensor 't' has more than 8 dimensions"},
        {"{\"t\":{\"dtype\":\"F32\",\"shape\":[1", ",[],1", "more than 4000000 values"},
        {"{\"t\":0", ",\"\":0", "more than 4000000 values"},
        {"{\"__metadata__\":{\"a\":\"\"", ",\"\":\"\"", "more than 4000000 values"},
        {"{\"t\":{\"x\":[[", "[],", "more than 4000000 values"},
    };
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t size = 25000000, at = strlen(rows[i].begin), step = strlen(rows[i].repeat);
        char *header = malloc(size + step);
        memcpy(header, rows[i].begin, at);
        for (; at < size; at += step)
            memcpy(header + at, rows[i].repeat, step);
        const char *path = scratch("row.safetensors");
        write_header(path, header, at, 0);
        expect_refused(path, rows[i].begin, rows[i].needle);
        free(header);
    }
    getrusage(RUSAGE_SELF, &after);
#if defined(__SANITIZE_ADDRESS__)
    const long most = 600000; /* what was freed is kept for a while, up to 256 MB of it */
#else
    const long most = 200000;
#endif
    cr_expect_lt(after.ru_maxrss - before.ru_maxrss, most, "%ld KB more", after.ru_maxrss - before.ru_maxrss);
}

/* A header of brackets must not exhaust the stack. */
Test(safetensors, deep_nesting_is_refused)
{
    static const size_t depths[] = {62, 63, 100, 126, 1000, 1000000};
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        size_t size = 2 * depths[i] + 200, at;
        char *header = malloc(size);
        at = (size_t)snprintf(header, size, "{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":");
        memset(header + at, '[', depths[i]);
        memset(header + at + depths[i], ']', depths[i]);
        at += 2 * depths[i];
        at += (size_t)snprintf(header + at, size - at, "}}");
        const char *path = scratch("deep.safetensors");
        write_header(path, header, at, 8);
        if (depths[i] <= 62)
            expect_opens(path, "62 levels");
        else
            expect_refused(path, "deep", "nests more than");
        free(header);
    }
}

Test(safetensors, what_is_no_regular_file_is_refused)
{
    expect_refused("/dev/zero", "/dev/zero", "not a regular file");
    expect_refused("/tmp", "a folder", "not a regular file");
    expect_refused(scratch("absent.safetensors"), "an absent file", "No such file");
}

static const struct plain_tensor small[] = {{"model.a", "F32", "[2,3]", NULL, 24},
                                            {"model.b", "BF16", "[5]", NULL, 10},
                                            {"model.c", "U8", "[0]", NULL, 0},
                                            {"model.d", "I64", "[]", NULL, 8}};

Test(safetensors, entries_come_in_the_order_of_their_offsets)
{
    const char *path = scratch("small.safetensors");
    write_tensors(path, small, 4, "{\"k\":\"v\"}");
    struct safetensors file;
    struct error error = {0};
    cr_assert(safetensors_open(path, &file, &error), "%s", error_text(&error));
    cr_assert_eq(file.count, 4);
    cr_assert_str_eq(cJSON_GetObjectItem(file.metadata, "k")->valuestring, "v");
    uint64_t data = file.entries[0].offset;
    static const uint64_t offsets[] = {0, 24, 34, 34}, bytes[] = {24, 10, 0, 8};
    static const int ranks[] = {2, 1, 1, 0};
    for (size_t i = 0; i < 4; i++) {
        cr_expect_str_eq(file.entries[i].name, small[i].name);
        cr_expect_str_eq(dtype_name(file.entries[i].dtype), small[i].dtype);
        cr_expect(file.entries[i].offset == data + offsets[i] && file.entries[i].bytes == bytes[i] &&
                      file.entries[i].rank == ranks[i],
                  "entry %zu", i);
    }
    cr_expect(file.entries[0].shape[0] == 2 && file.entries[0].shape[1] == 3);
    safetensors_free(&file);
}

Test(safetensors, every_truncation_is_an_error_that_names_the_file)
{
    size_t size;
    const char *path = scratch("small.safetensors");
    write_tensors(path, small, 4, "{\"k\":\"v\"}");
    char *whole = read_bytes(path, &size);
    expect_opens(path, "the whole file");
    for (size_t cut = 0; cut < size; cut++) {
        const char *short_path = scratch("cut.safetensors");
        write_bytes(short_path, whole, cut);
        expect_refused(short_path, "cut", cut >= size - 42 ? "tensor 'model." : "");
    }
    free(whole);
}

/* Nothing to compare with: the sanitizers are the judge, and every refusal names the file. */
Test(safetensors, what_falls_short_of_its_own_header)
{
    const struct plain_tensor tensors[] = {{"a", "F32", "[3,4]", NULL, 48}, {"b", "F16", "[5]", NULL, 10}};
    size_t size;
    const char *path = scratch("short.safetensors");
    write_tensors(path, tensors, 2, NULL);
    cr_expect(!safetensors_falls_short(path), "it is whole");
    char *whole = read_bytes(path, &size);
    for (size_t length = 0; length < size; length++) {
        write_bytes(path, whole, length);
        cr_expect(safetensors_falls_short(path), "the first %zu of %zu bytes", length, size);
    }
    char *more = calloc(size + 1, 1);
    memcpy(more, whole, size);
    write_bytes(path, more, size + 1);
    cr_expect(!safetensors_falls_short(path), "it is too long");
    memset(more, 0, size);
    write_bytes(path, more, size);
    cr_expect(!safetensors_falls_short(path), "zeros do not begin with a header");
    memset(more, 0xFF, size);
    write_bytes(path, more, size);
    cr_expect(!safetensors_falls_short(path), "no header is so long");
    write_text(path, "garbage, longer than eight bytes");
    cr_expect(!safetensors_falls_short(path), "nor so");
    cr_expect(!safetensors_falls_short(scratch("none")), "what is not there");
    free(whole);
    free(more);
}

Test(safetensors, no_changed_byte_of_the_header_does_harm)
{
    size_t size;
    const char *path = scratch("small.safetensors");
    write_tensors(path, small, 4, "{\"k\":\"v\"}");
    char *whole = read_bytes(path, &size);
    static const char special[] = {'"', '\\', '{', '}', '[',  ']',  ',',    ':',    '0',   '9',
                                   '-', '.',  'e', ' ', '\n', '\0', '\x7f', '\x80', '\xff'};
    for (size_t at = 0; at < size - 42; at++) {
        for (size_t change = 0; change < 8 + sizeof special; change++) {
            char kept = whole[at];
            int flipped = (unsigned char)kept ^ (1 << (change % 8));
            whole[at] = change < 8 ? (char)flipped : special[change - 8];
            const char *changed = scratch("changed.safetensors");
            write_bytes(changed, whole, size);
            char *text = refusal(changed);
            cr_expect(!text || strstr(text, changed), "byte %zu = 0x%02x: %s", at, (unsigned char)whole[at], text);
            free(text);
            whole[at] = kept;
        }
    }
    free(whole);
}

static size_t work_of_tensors(int count)
{
    struct plain_tensor *tensors = calloc((size_t)count, sizeof *tensors);
    char(*names)[64] = calloc((size_t)count, sizeof *names);
    for (int i = 0; i < count; i++) {
        snprintf(names[i], sizeof *names, "model.layers.%d.mlp.experts.%d.gate_proj.weight", i / 500, i % 500);
        tensors[i] = (struct plain_tensor){names[i], "BF16", "[1,2]", NULL, 4};
    }
    const char *path = scratch("many.safetensors");
    write_tensors(path, tensors, (size_t)count, NULL);
    size_t before = work_done();
    struct error error = {0};
    struct store *store = store_open(path, &error);
    size_t work = work_done() - before;
    cr_assert(store, "%s", error_text(&error));
    cr_expect_eq(store_count(store), (size_t)count);
    store_free(store);
    free(names);
    free(tensors);
    return work;
}

/* 50,000 tensors, as in a checkpoint of many experts in one file. */
Test(safetensors, many_tensors_cost_no_square)
{
    size_t few = work_of_tensors(12500), many = work_of_tensors(50000);
    cr_expect_leq(2 * many, 9 * few, "%zu blocks for 12,500 tensors, %zu for 50,000", few, many);
}

/* --- the writer --- */

static struct safetensors_entry entry(char *name, enum dtype dtype, int rank, uint64_t first, uint64_t second)
{
    return (struct safetensors_entry){.name = name, .dtype = dtype, .rank = rank, .shape = {first, second}};
}

Test(safetensors, what_is_written_is_read_again)
{
    char quoted[] = "a \"quoted\\\" n\xc3\xa4me\t", b[] = "b", empty[] = "empty", scalar[] = "scalar";
    const struct safetensors_entry entries[] = {entry(quoted, DTYPE_F32, 2, 3, 2), entry(b, DTYPE_BF16, 1, 5, 0),
                                                entry(empty, DTYPE_F16, 2, 0, 7), entry(scalar, DTYPE_U8, 0, 0, 0)};
    static const size_t sizes[] = {24, 10, 0, 1};
    const char *path = scratch("written.safetensors");
    cJSON *metadata = cJSON_CreateObject();
    cJSON_AddStringToObject(metadata, "k\n", "\x01 v \"\\u0000\"");
    struct error error = {0};
    struct safetensors_writer *writer = safetensors_create(path, entries, 4, metadata, &error);
    cr_assert(writer, "%s", error_text(&error));
    unsigned char values[24];
    for (unsigned i = 0; i < 24; i++)
        values[i] = (unsigned char)(200 - i);
    /* out of order and in pieces */
    cr_assert(safetensors_put(writer, 3, 0, values, 1, &error) &&
                  safetensors_put(writer, 0, 16, values + 16, 8, &error) &&
                  safetensors_put(writer, 1, 0, values, 10, &error) &&
                  safetensors_put(writer, 2, 0, values, 0, &error) && safetensors_put(writer, 0, 0, values, 16, &error),
              "%s", error_text(&error));
    cr_assert_neq(access(path, F_OK), 0, "the file is there before commit");
    cr_assert(safetensors_commit(writer, &error), "%s", error_text(&error));
    struct safetensors file;
    cr_assert(safetensors_open(path, &file, &error), "%s", error_text(&error));
    cr_assert_eq(file.count, 4);
    cr_expect(cJSON_Compare(file.metadata, metadata, true));
    cr_expect_eq(file.entries[0].offset % 8, 0, "the data is not aligned");
    size_t size;
    char *bytes = read_bytes(path, &size);
    for (size_t i = 0; i < 4; i++) {
        const struct safetensors_entry *got = &file.entries[i];
        cr_expect_str_eq(got->name, entries[i].name);
        cr_expect(got->dtype == entries[i].dtype && got->rank == entries[i].rank && got->bytes == sizes[i] &&
                      memcmp(got->shape, entries[i].shape, sizeof got->shape) == 0,
                  "entry %zu", i);
        cr_expect(memcmp(bytes + got->offset, values, sizes[i]) == 0, "values of entry %zu", i);
    }
    free(bytes);
    safetensors_free(&file);
    cJSON_Delete(metadata);
}

struct put {
    uint64_t offset;
    size_t size;
};

Test(safetensors, a_tensor_that_was_not_written_whole_is_refused)
{
    static const struct {
        struct put puts[6];
        bool whole;
    } rows[] = {
        {{{0, 24}}, true},
        {{{0, 12}, {12, 12}}, true},
        {{{12, 12}, {0, 12}}, true},
        {{{0, 4}, {8, 4}, {16, 8}, {4, 4}, {12, 4}}, true},
        {{{0, 16}, {8, 16}}, true},
        {{{4, 4}, {12, 4}, {20, 4}, {0, 24}}, true},
        {{{0, 0}}, false},
        {{{0, 23}}, false},
        {{{1, 23}}, false},
        {{{0, 12}, {0, 12}}, false}, /* enough bytes, but the same ones twice */
        {{{0, 16}, {0, 16}, {20, 4}}, false},
        {{{0, 4}, {8, 4}, {16, 8}, {4, 4}}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[] = "model.x";
        const struct safetensors_entry one = entry(name, DTYPE_F32, 2, 3, 2);
        const char *path = scratch("part.safetensors"), values[24] = {0};
        struct error error = {0};
        struct safetensors_writer *writer = safetensors_create(path, &one, 1, NULL, &error);
        cr_assert(writer, "%s", error_text(&error));
        for (size_t k = 0; k < 6; k++)
            cr_assert(safetensors_put(writer, 0, rows[i].puts[k].offset, values, rows[i].puts[k].size, &error));
        cr_expect_eq(safetensors_commit(writer, &error), rows[i].whole, "row %zu: %s", i, error_text(&error));
        cr_expect(rows[i].whole || strstr(error_text(&error), "'model.x' was not written whole"), "%s",
                  error_text(&error));
        cr_expect_eq(access(path, F_OK) == 0, rows[i].whole, "row %zu", i);
        unlink(path);
        error_clear(&error);
    }
}

Test(safetensors, values_outside_a_tensor_are_refused)
{
    char name[] = "model.x", next[] = "model.y";
    const struct safetensors_entry two[] = {entry(name, DTYPE_F32, 1, 2, 0), entry(next, DTYPE_F32, 1, 2, 0)};
    static const struct put puts[] = {{0, 9}, {8, 1}, {9, 0}, {UINT64_MAX, 1}, {UINT64_MAX - 3, 8}, {1, SIZE_MAX}};
    for (size_t i = 0; i < sizeof puts / sizeof *puts; i++) {
        struct error error = {0};
        const char *path = scratch("outside.safetensors");
        struct safetensors_writer *writer = safetensors_create(path, two, 2, NULL, &error);
        cr_assert_not(safetensors_put(writer, 0, puts[i].offset, "12345678", puts[i].size, &error), "row %zu", i);
        cr_expect(strstr(error_text(&error), "'model.x'"), "%s", error_text(&error));
        safetensors_discard(writer);
        cr_expect_neq(access(path, F_OK), 0);
        error_clear(&error);
    }
    safetensors_discard(NULL);
}

/* The writer makes no file that the reader refuses. */
Test(safetensors, what_could_not_be_read_is_not_written)
{
    char a[] = "a", invalid[] = "\xff", metadata[] = "__metadata__";
    const struct {
        struct safetensors_entry entries[2];
        const char *needle;
    } rows[] = {
        {{entry(a, DTYPE_F32, 1, 1, 0), entry(a, DTYPE_F32, 1, 1, 0)}, "taken"},
        {{entry(a, DTYPE_F32, 1, 1, 0), entry(metadata, DTYPE_F32, 1, 1, 0)}, "taken"},
        {{entry(a, DTYPE_F32, 1, 1, 0), entry(invalid, DTYPE_F32, 1, 1, 0)}, "UTF-8"},
        {{entry(a, DTYPE_F32, 2, (uint64_t)1 << 32, (uint64_t)1 << 32), entry(invalid, DTYPE_F32, 1, 1, 0)}, "shape"},
        {{entry(a, DTYPE_F4, 1, 3, 0), entry(invalid, DTYPE_F32, 1, 1, 0)}, "shape"},
        {{entry(a, DTYPE_F32, TENSOR_RANK_MAX + 1, 1, 0), entry(invalid, DTYPE_F32, 1, 1, 0)}, "shape"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {0};
        struct safetensors_writer *writer =
            safetensors_create(scratch("no.safetensors"), rows[i].entries, 2, NULL, &error);
        cr_expect(!writer, "row %zu", i);
        cr_expect(strstr(error_text(&error), rows[i].needle), "row %zu: %s", i, error_text(&error));
        safetensors_discard(writer);
        error_clear(&error);
    }
    struct names left = {0};
    struct error error = {0};
    char *folder = strdup(scratch("x"));
    *strrchr(folder, '/') = '\0';
    cr_assert(folder_list(folder, &left, &error) && left.count == 0, "%zu files left behind, %s", left.count,
              left.count ? left.items[0] : "");
    names_free(&left);
    free(folder);
}
