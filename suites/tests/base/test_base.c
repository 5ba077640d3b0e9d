/* Errors, buffers, maps and progress. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/map.h"
#include "base/progress.h"
#include "base_fixture.h"

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
