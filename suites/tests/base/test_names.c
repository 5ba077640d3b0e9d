/* Names of a table's rows, as a text. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/wording.h"

static const char *const some_names[] = {NULL, "a", NULL, "b", "c", NULL};

static const char *some_name(size_t index)
{
    return some_names[index];
}

Test(wording, names_of_rows_are_joined_but_for_those_that_have_none)
{
    static const struct {
        size_t count;
        const char *text;
    } rows[] = {{0, ""}, {1, ""}, {2, "a"}, {3, "a"}, {4, "a or b"}, {5, "a, b or c"}, {6, "a, b or c"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer text = {0};
        names_join(&text, rows[i].count, some_name, " or ");
        cr_expect_str_eq(text.data ? text.data : "", rows[i].text);
        buffer_free(&text);
    }
}

Test(wording, a_list_of_names_marks_their_rows)
{
    bool marks[6] = {false};
    cr_expect(names_mark("b,a", 6, some_name, marks) && marks[1] && !marks[2] && marks[3] && !marks[4]);
    static const char *const wrong[] = {"", "a,", ",a", "a,d", "ab", "a b"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect(!names_mark(wrong[i], 6, some_name, marks), "'%s'", wrong[i]);
}

Test(wording, how_far_one_word_is_from_another)
{
    static const struct {
        const char *a, *b;
        size_t distance;
    } rows[] = {{"", "", 0},      {"", "abc", 3},     {"abc", "", 3},    {"abc", "abc", 0},        {"abc", "abd", 1},
                {"abc", "ab", 1}, {"abc", "xabc", 1}, {"abc", "bca", 2}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_eq(text_distance(rows[i].a, rows[i].b), rows[i].distance, "%s, %s", rows[i].a, rows[i].b);
    char long_a[1000], long_b[1000];
    memset(long_a, 'a', sizeof long_a);
    memset(long_b, 'b', sizeof long_b);
    long_a[999] = long_b[999] = '\0';
    cr_expect_eq(text_distance(long_a, long_b), TEXT_DISTANCE_BYTES);
}

static const char *meant_name(size_t index)
{
    static const char *const names[] = {NULL, "layers", "logits", "lens", "layers.noise_multiple", "top_k", "no"};
    return names[index];
}

Test(wording, the_name_that_was_meant)
{
    static const char *const rows[][2] = {
        {"layer", "layers"},  {"layrs", "layers"},   {"logit", "logits"},
        {"logist", "logits"}, {"lense", "lens"},     {"layers.noise", "layers.noise_multiple"},
        {"top-k", "top_k"},   {"laysers", "layers"}, {"layers", "layers"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *meant = names_nearest(rows[i][0], 7, meant_name);
        cr_assert(meant, "%s", rows[i][0]);
        cr_expect_str_eq(meant, rows[i][1], "%s: %s", rows[i][0], meant);
    }
    static const char *const none[] = {"", "x", "weights", "everything", "la", "xx"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        cr_expect_null(names_nearest(none[i], 7, meant_name), "'%s': %s", none[i],
                       names_nearest(none[i], 7, meant_name));
}

Test(wording, a_word_is_quoted_where_a_shell_would_read_more)
{
    static const char *const rows[][2] = {{"model-1/a_b.c:d=e,f", "model-1/a_b.c:d=e,f"},
                                          {"", "''"},
                                          {"a b", "'a b'"},
                                          {"*.up", "'*.up'"},
                                          {"it's", "'it'\\''s'"},
                                          {"$x;y", "'$x;y'"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer text = {0};
        shell_word(&text, rows[i][0]);
        cr_expect_str_eq(text.data, rows[i][1]);
        buffer_free(&text);
    }
}
