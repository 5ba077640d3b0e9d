/* Numbers in words, read and written, and their order. */
#include <criterion/criterion.h>
#include <limits.h>
#include <math.h>

#include "base/id_list.h"
#include "base/numbers.h"
#include "base/wording.h"
#include "base_fixture.h"

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
