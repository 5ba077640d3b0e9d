/* Names of a table's rows, as a text. */
#include <criterion/criterion.h>

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
