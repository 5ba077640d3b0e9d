#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/progress.h"
#include "store/overlay.h"
#include "store_fixtures.h"
#include "work.h"

static void make(void)
{
    scratch_make();
}

TestSuite(overlay, .init = make, .fini = scratch_remove, .timeout = 60);

static struct store *overlay_of(const struct store *base)
{
    struct error error = {0};
    struct store *overlay = overlay_new(base, &error);
    cr_assert(overlay, "%s", error_text(&error));
    return overlay;
}

static void expect_base_unchanged(const struct store *base)
{
    cr_expect(store_count(base) == 4);
    expect_values(base, "model.a", "aAbBcCdD", 8);
    expect_values(base, "model.b", "efgh", 4);
    expect_values(base, "model.c", "xy", 2);
}

/* Adds `*context` to every byte, and the row's number times 16. */
static void add_rows(void *context, const struct tensor *tensor, uint64_t first, uint64_t rows, void *values)
{
    unsigned char *bytes = values;
    for (uint64_t row = 0; row < rows; row++)
        for (uint64_t i = 0; i < tensor->columns; i++)
            bytes[row * tensor->columns + i] =
                (unsigned char)(bytes[row * tensor->columns + i] + *(unsigned char *)context + 16 * (first + row));
}

Test(overlay, without_changes_is_the_store_below)
{
    struct store *base = open_three(), *overlay = overlay_of(base);
    cr_expect_str_eq(store_format(overlay), store_format(base));
    cr_expect_str_eq(store_path(overlay), store_path(base));
    expect_base_unchanged(overlay);
    struct error error = {0};
    char out[3] = "";
    cr_expect(store_at(overlay, 3)->other && store_read(overlay, store_at(overlay, 3), out, &error), "%s",
              error_text(&error));
    cr_expect_str_eq(out, "vw");
    store_free(overlay);
    store_free(base);
}

Test(overlay, drops)
{
    struct store *base = open_three(), *overlay = overlay_of(base);
    struct error error = {0};
    cr_assert(overlay_drop(overlay, "model.b", &error));
    cr_expect(!store_find(overlay, "model.b") && store_count(overlay) == 3);
    expect_values(overlay, "model.c", "xy", 2);
    cr_expect_str_eq(store_at(overlay, 2)->name, "visual.v");
    expect_base_unchanged(base);
    static const char *const absent[] = {"model.b", "model.z", "visual.v", ""};
    for (size_t i = 0; i < 4; i++) {
        cr_expect_not(overlay_drop(overlay, absent[i], &error), "'%s'", absent[i]);
        cr_expect(strstr(error_text(&error), absent[i]));
        error_clear(&error);
        cr_expect_not(overlay_rewrite(overlay, absent[i], add_rows, NULL, &error), "'%s'", absent[i]);
        error_clear(&error);
    }
    store_free(overlay);
    store_free(base);
}

Test(overlay, drops_all_or_none)
{
    struct store *base = open_three(), *overlay = overlay_of(base);
    struct error error = {0};
    static const char *const wrong[][2] = {{"model.a", "model.z"}, {"model.a", "model.a"}, {"visual.v", "model.a"}};
    for (size_t i = 0; i < 3; i++) {
        cr_expect_not(overlay_drop_all(overlay, wrong[i], 2, &error));
        cr_expect(strstr(error_text(&error), i == 1 ? "'model.a'"
                                             : i    ? "'visual.v'"
                                                    : "'model.z'"),
                  "%s", error_text(&error));
        error_clear(&error);
        expect_base_unchanged(overlay);
    }
    cr_assert(overlay_drop_all(overlay, NULL, 0, &error));
    expect_base_unchanged(overlay);
    cr_assert(overlay_drop_all(overlay, (const char *const[]){"model.c", "model.a"}, 2, &error));
    cr_expect(store_count(overlay) == 2 && store_text_count(overlay) == 1);
    expect_values(overlay, "model.b", "efgh", 4);
    store_free(overlay);
    store_free(base);
}

static size_t work_of_changes(int changed)
{
    const int count = 3 * changed;
    struct plain_tensor *tensors = calloc((size_t)count, sizeof *tensors);
    const char **names = calloc((size_t)count, sizeof *names);
    char(*texts)[32] = calloc((size_t)count, sizeof *texts);
    for (int i = 0; i < count; i++) {
        names[i] = texts[i];
        snprintf(texts[i], sizeof *texts, "model.t%d", i);
        tensors[i] = (struct plain_tensor){names[i], "U8", "[2]", "ab", 2};
    }
    write_tensors(scratch("many.safetensors"), tensors, (size_t)count, NULL);
    struct store *base = open_store(scratch("many.safetensors")), *overlay = overlay_of(base);
    struct error error = {0};
    size_t before = work_done();
    cr_assert(overlay_drop_all(overlay, names, (size_t)changed, &error), "%s", error_text(&error));
    unsigned char one = 1;
    for (int i = changed; i < 2 * changed; i++)
        cr_assert(overlay_rewrite(overlay, names[i], add_rows, &one, &error), "%s", error_text(&error));
    for (int i = 0; i < changed; i++)
        cr_assert(overlay_replace(overlay, names[i], DTYPE_U8, 1, (const uint64_t[]){2}, "xy", &error), "%s",
                  error_text(&error));
    for (int i = 0; i < count; i++)
        expect_values(overlay, names[i], i < changed ? "xy" : i < 2 * changed ? "bc" : "ab", 2);
    size_t work = work_done() - before;
    store_free(overlay);
    store_free(base);
    free(texts);
    free(names);
    free(tensors);
    return work;
}

Test(overlay, thousands_of_changes_of_each_kind_cost_no_square)
{
    size_t few = work_of_changes(2500), many = work_of_changes(10000);
    cr_expect_leq(2 * many, 9 * few, "%zu blocks for 2,500 of each, %zu for 10,000", few, many);
}

Test(overlay, replaces_and_adds)
{
    struct store *base = open_three(), *overlay = overlay_of(base);
    struct error error = {0};
    char values[] = "0123456789ab";
    cr_assert(overlay_replace(overlay, "model.a", DTYPE_U8, 2, (const uint64_t[]){3, 4}, values, &error));
    cr_assert(overlay_replace(overlay, "model.new", DTYPE_BF16, 1, (const uint64_t[]){2}, "wxyz", &error));
    memset(values, '!', 12); /* the overlay has its own copy */
    expect_values(overlay, "model.a", "0123456789ab", 12);
    expect_values(overlay, "model.new", "wxyz", 4);
    expect_values(overlay, "model.b", "efgh", 4);
    const struct tensor *a = store_find(overlay, "model.a"), *added = store_find(overlay, "model.new");
    cr_expect(a->rows == 3 && a->columns == 4 && !a->file && added->dtype == DTYPE_BF16 && !added->other);
    char out[9] = "";
    cr_expect(store_read_rows(overlay, a, 1, 2, out, &error));
    cr_expect_str_eq(out, "456789ab");
    cr_expect_not(store_read_rows(overlay, a, 1, 3, out, &error));
    error_clear(&error);
    cr_expect_eq(store_count(overlay), 5);
    for (size_t i = 0; i < 5; i++)
        cr_expect_eq(store_at(overlay, i)->other, i == 4, "%zu: other components come last", i);
    cr_expect_not(overlay_replace(overlay, "x", DTYPE_U8, 9, (const uint64_t[9]){1}, "", &error));
    error_clear(&error);
    cr_expect_not(overlay_replace(overlay, "x", DTYPE_U8, 2, (const uint64_t[]){UINT64_MAX, 2}, "", &error));
    error_clear(&error);
    expect_base_unchanged(base);
    /* dropped and put back */
    cr_assert(overlay_drop(overlay, "model.a", &error) && !store_find(overlay, "model.a"));
    cr_assert(overlay_replace(overlay, "model.a", DTYPE_U8, 1, (const uint64_t[]){1}, "q", &error));
    expect_values(overlay, "model.a", "q", 1);
    store_free(overlay);
    store_free(base);
}

Test(overlay, rewrites_whatever_the_cut)
{
    struct store *base = open_three(), *overlay = overlay_of(base);
    struct error error = {0};
    unsigned char one = 1;
    cr_assert(overlay_rewrite(overlay, "model.a", add_rows, &one, &error));
    unsigned char expected[8], out[9];
    for (unsigned i = 0; i < 8; i++)
        expected[i] = (unsigned char)((unsigned char)"aAbBcCdD"[i] + 1 + 16 * (i / 2));
    expect_values(overlay, "model.a", expected, 8);
    const struct tensor *tensor = store_find(overlay, "model.a");
    for (uint64_t first = 0; first <= 4; first++)
        for (uint64_t count = 0; count <= 4 - first; count++) {
            cr_expect(store_read_rows(overlay, tensor, first, count, out, &error), "%s", error_text(&error));
            cr_expect(memcmp(out, expected + 2 * first, 2 * count) == 0, "rows %d + %d", (int)first, (int)count);
        }
    expect_base_unchanged(base);
    store_free(overlay);
    store_free(base);
}

/* The values that a rewrite sees are those that were put there, not those of the store below, which may be of another
 * size. */
Test(overlay, rewrites_what_was_replaced_and_added)
{
    struct store *base = open_three(), *overlay = overlay_of(base);
    struct error error = {0};
    unsigned char none = 0, one = 1;
    cr_assert(overlay_replace(overlay, "model.a", DTYPE_U8, 1, (const uint64_t[]){3}, "012", &error));
    cr_assert(overlay_replace(overlay, "model.new", DTYPE_U8, 1, (const uint64_t[]){3}, "345", &error));
    cr_assert(overlay_rewrite(overlay, "model.a", add_rows, &one, &error));
    cr_assert(overlay_rewrite(overlay, "model.new", add_rows, &one, &error));
    expect_values(overlay, "model.a", "123", 3);
    expect_values(overlay, "model.new", "456", 3);
    expect_values(overlay, "model.new", "456", 3);                           /* reading changes nothing */
    cr_assert(overlay_rewrite(overlay, "model.a", add_rows, &none, &error)); /* the last one counts */
    expect_values(overlay, "model.a", "012", 3);
    cr_assert(overlay_rewrite(overlay, "model.a", add_rows, &one, &error));
    cr_assert(overlay_replace(overlay, "model.a", DTYPE_U8, 1, (const uint64_t[]){2}, "zz", &error));
    expect_values(overlay, "model.a", "zz", 2); /* replacing ends the rewrite */
    expect_base_unchanged(base);
    store_free(overlay);
    store_free(base);
}

Test(overlay, over_an_overlay)
{
    struct store *base = open_three(), *lower = overlay_of(base);
    struct error error = {0};
    unsigned char one = 1, two = 2;
    cr_assert(overlay_rewrite(lower, "model.b", add_rows, &one, &error));
    cr_assert(overlay_replace(lower, "model.c", DTYPE_U8, 1, (const uint64_t[]){3}, "123", &error));
    cr_assert(overlay_replace(lower, "model.new", DTYPE_U8, 1, (const uint64_t[]){1}, "n", &error));
    cr_assert(overlay_drop(lower, "model.a", &error));
    struct store *upper = overlay_of(lower);
    cr_expect(!store_find(upper, "model.a") && store_count(upper) == 4);
    cr_assert(overlay_rewrite(upper, "model.b", add_rows, &two, &error));
    cr_assert(overlay_rewrite(upper, "model.c", add_rows, &one, &error));
    expect_values(upper, "model.b", "hijk", 4); /* efgh + 1 + 2 */
    expect_values(upper, "model.c", "234", 3);
    expect_values(upper, "model.new", "n", 1);
    cr_assert(overlay_drop(upper, "model.new", &error) &&
              overlay_replace(upper, "model.a", DTYPE_U8, 1, (const uint64_t[]){1}, "a", &error));
    expect_values(upper, "model.a", "a", 1);
    expect_values(lower, "model.b", "fghi", 4);
    expect_values(lower, "model.c", "123", 3);
    expect_values(lower, "model.new", "n", 1);
    cr_expect(!store_find(lower, "model.a"));
    expect_base_unchanged(base);
    char out[3] = "";
    cr_expect(store_read(upper, store_at(upper, store_count(upper) - 1), out, &error), "%s", error_text(&error));
    cr_expect_str_eq(out, "vw");
    store_free(upper);
    store_free(lower);
    store_free(base);
}

Test(overlay, a_tensor_is_read_in_the_place_of_another)
{
    struct store *base = open_three(), *below = overlay_of(base), *overlay = NULL;
    struct error error = {0};
    static const uint64_t shape[] = {2};
    cr_assert(overlay_replace(below, "model.d", store_find(base, "model.c")->dtype, 1, shape, "uv", &error), "%s",
              error_text(&error));
    overlay = overlay_of(below);
    cr_assert(overlay_alias(overlay, "model.c", "model.d", &error) &&
                  overlay_alias(overlay, "model.d", "model.c", &error),
              "%s", error_text(&error));
    expect_values(overlay, "model.c", "uv", 2);
    expect_values(overlay, "model.d", "xy", 2);
    cr_expect_str_eq(store_find(overlay, "model.d")->name, "model.d");
    unsigned char one = 1;
    struct store *top = overlay_of(overlay);
    cr_assert(overlay_rewrite(top, "model.d", add_rows, &one, &error));
    expect_values(top, "model.d", "yz", 2);
    expect_values(below, "model.c", "xy", 2);
    cr_expect(!overlay_alias(overlay, "model.a", "model.c", &error) && strstr(error_text(&error), "differ in shape"));
    error_clear(&error);
    cr_expect(!overlay_alias(overlay, "model.a", "model.x", &error) && strstr(error_text(&error), "model.x"));
    error_clear(&error);
    cr_expect(!overlay_alias(overlay, "model.x", "model.a", &error) && strstr(error_text(&error), "model.x"));
    error_clear(&error);
    store_free(top);
    store_free(overlay);
    store_free(below);
    store_free(base);
}

Test(overlay, another_store_lends_what_is_there_and_what_is_not)
{
    static const struct plain_tensor tensors[] = {{"model.c", "U8", "[3]", "XYZ", 3},
                                                  {"model.e", "U8", "[2]", "EF", 2}};
    write_tensors(scratch("other.safetensors"), tensors, 2, NULL);
    struct store *base = open_three(), *other = open_store(scratch("other.safetensors")), *overlay = overlay_of(base);
    struct error error = {0};
    cr_assert(overlay_lend(overlay, other, "model.c", &error) && overlay_lend(overlay, other, "model.e", &error), "%s",
              error_text(&error));
    expect_values(overlay, "model.a", "aAbBcCdD", 8);
    expect_values(overlay, "model.c", "XYZ", 3);
    expect_values(overlay, "model.e", "EF", 2);
    cr_expect_eq(store_count(overlay), 5);
    cr_expect(store_altered(overlay, store_find(overlay, "model.c")));
    unsigned char one = 1;
    struct store *top = overlay_of(overlay);
    cr_assert(overlay_rewrite(top, "model.e", add_rows, &one, &error));
    expect_values(top, "model.e", "FG", 2);
    static const uint64_t shape[] = {2};
    cr_assert(overlay_replace(overlay, "model.c", store_find(base, "model.c")->dtype, 1, shape, "uv", &error));
    expect_values(overlay, "model.c", "uv", 2);
    cr_expect(!overlay_lend(overlay, other, "model.x", &error) && strstr(error_text(&error), "model.x"));
    error_clear(&error);
    expect_base_unchanged(base);
    store_free(top);
    store_free(overlay);
    store_free(other);
    store_free(base);
}

Test(overlay, problems_are_those_of_the_store_below)
{
    write_one(scratch("m/one.safetensors"), "model.a", "abcd");
    write_index("m", "{\"model.a\":\"one.safetensors\",\"model.b\":\"two.safetensors\"}");
    struct store *base = open_store(scratch("m")), *overlay = overlay_of(base);
    expect_problem(overlay, "two.safetensors is absent", "'model.b'", NULL);
    store_free(overlay);
    store_free(base);
}
