/* Patterns of errors over tokens and heads: each is seen where it is, and not said where it is not all. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "activations/patterns.h"

#define CASES 3
#define WIDTH 32
#define HEADS 4
#define TOLERANCE 1e-5

static const size_t lengths[CASES] = {6, 11, 14};

/* What the subject has where gold has `gold`. */
typedef double edit(size_t which, size_t token, size_t at, double gold);

static double gold_at(size_t which, size_t token, size_t at)
{
    return sin(1.7 * (double)which + 2.3 * (double)token + 0.9 * (double)at + (double)(at * at % 7));
}

/* Something else than gold, at no distance that tells anything. */
static double other(size_t which, size_t token, size_t at)
{
    return sin(3.1 * (double)which + 1.1 * (double)token * (double)token + 5.3 * (double)at + (double)(at * at % 5));
}

struct bench {
    struct comparison comparisons[CASES];
    struct row_tally rows[CASES];
    struct head_tally heads[HEADS];
    struct seen_case cases[CASES];
    struct seen_place place;
};

static void lay_out(struct bench *bench, edit *change, size_t cases)
{
    *bench = (struct bench){.place = {.cases = bench->cases, .count = cases, .heads = bench->heads}};
    for (size_t which = 0; which < cases; which++) {
        for (size_t token = 0; token < lengths[which]; token++) {
            float gold[WIDTH], subject[WIDTH];
            for (size_t i = 0; i < WIDTH; i++) {
                double value = gold_at(which, token, i);
                gold[i] = (float)value;
                subject[i] = (float)change(which, token, i, value);
            }
            comparison_add(&bench->comparisons[which], subject, gold, WIDTH);
            rows_add(&bench->rows[which], token, subject, gold, WIDTH, TOLERANCE);
            heads_add(bench->heads, HEADS, subject, gold, WIDTH, TOLERANCE);
        }
        bench->cases[which] = (struct seen_case){&bench->comparisons[which], &bench->rows[which]};
    }
}

static double equal(size_t which, size_t token, size_t at, double gold)
{
    (void)which, (void)token, (void)at;
    return gold;
}

static double nothing(size_t which, size_t token, size_t at, double gold)
{
    (void)which, (void)token, (void)at, (void)gold;
    return 0;
}

static double scaled(size_t which, size_t token, size_t at, double gold)
{
    (void)which, (void)token, (void)at;
    return 0.83 * gold;
}

static double scaled_but_one(size_t which, size_t token, size_t at, double gold)
{
    return which == 1 && token == 3 ? 0.9 * gold : scaled(which, token, at, gold);
}

static double scaled_in_some(size_t which, size_t token, size_t at, double gold)
{
    return which == 2 ? gold : scaled(which, token, at, gold);
}

static double scaled_and_more(size_t which, size_t token, size_t at, double gold)
{
    return 0.83 * gold + 0.05 * other(which, token, at);
}

static double scaled_apart(size_t which, size_t token, size_t at, double gold)
{
    (void)which, (void)at;
    return gold * (0.9 - 0.03 * (double)token);
}

static double two_heads(size_t which, size_t token, size_t at, double gold)
{
    return at / (WIDTH / HEADS) % 3 ? other(which, token, at) : gold; /* 1 and 2 */
}

static double two_heads_and_a_value(size_t which, size_t token, size_t at, double gold)
{
    return which == 2 && token == 5 && !at ? gold + 1 : two_heads(which, token, at, gold);
}

static double from_five(size_t which, size_t token, size_t at, double gold)
{
    return token < 5 ? gold : other(which, token, at);
}

static double from_five_but_one(size_t which, size_t token, size_t at, double gold)
{
    return which == 1 && token == 9 ? gold : from_five(which, token, at, gold);
}

static double from_elsewhere(size_t which, size_t token, size_t at, double gold)
{
    return token < 4 + which ? gold : other(which, token, at);
}

static double from_seven(size_t which, size_t token, size_t at, double gold)
{
    return token < 7 ? gold : other(which, token, at);
}

static double but_first(size_t which, size_t token, size_t at, double gold)
{
    return token ? other(which, token, at) : gold;
}

static double only_first(size_t which, size_t token, size_t at, double gold)
{
    return token ? gold : other(which, token, at);
}

static double only_last(size_t which, size_t token, size_t at, double gold)
{
    return token + 1 < lengths[which] ? gold : other(which, token, at);
}

static double one_each(size_t which, size_t token, size_t at, double gold)
{
    return token == which + 1 ? other(which, token, at) : gold;
}

static double broken(size_t which, size_t token, size_t at, double gold)
{
    (void)gold;
    return other(which, token, at);
}

static double no_number(size_t which, size_t token, size_t at, double gold)
{
    return token == 5 && at == 2 ? NAN : scaled(which, token, at, gold);
}

Test(patterns, each_is_seen_where_it_is_and_nowhere_else)
{
    enum { PLAIN = 0, ROUTED = 1, ATTENDS = 2, ATTENTION = 4, BY_HEADS = 8, ALONE = 16 };
    static const struct {
        edit *change;
        unsigned of;
        const char *kind; /* NULL: none */
        double number;
        const char *says;
    } rows[] = {
        {equal, PLAIN, NULL, 0, ""},
        {broken, PLAIN, NULL, 0, ""},
        {broken, ATTENDS | ATTENTION | BY_HEADS, NULL, 0, ""},
        {no_number, PLAIN, NULL, 0, ""},
        {nothing, PLAIN, "zeros", 0, "Every value is 0."},
        {scaled, PLAIN, "factor", 0.83, "Every token is 0.83 times gold's, and nothing else is wrong."},
        {scaled, ROUTED, "factor", 0.83, "Every token is 0.83 times"},
        {scaled_and_more, PLAIN, NULL, 0, ""},
        {scaled_in_some, PLAIN, "factors", NAN, "0.83 to 1"},
        {scaled_but_one, PLAIN, "factors", NAN, "0.83 to 0.9"},
        {scaled_apart, PLAIN, "factors", NAN, "a factor of its own, 0.51 to 0.9, and nothing else is wrong."},
        {scaled_apart, ROUTED, "factors", NAN, "not made to sum to one (norm_topk_prob)."},
        {two_heads, BY_HEADS, "heads", 2, "Only heads 1, 2 of 4 are wrong, in every token."},
        {two_heads, PLAIN, NULL, 0, ""},
        {two_heads_and_a_value, BY_HEADS, NULL, 0, ""},
        {from_five, ATTENDS | ATTENTION, "onset", 5,
         "Right up to token 4 and wrong from 5 on, in every case: that is what a sliding window does"},
        {from_five, PLAIN, "onset", 5, "Right up to token 4 and wrong from 5 on, in every case."},
        {from_seven, ATTENDS, "onset", 7, "Right up to token 6 and wrong from 7 on"}, /* one case is shorter */
        {from_seven, ATTENDS | ROUTED, NULL, 0, ""},
        {from_five_but_one, ATTENDS, NULL, 0, ""},
        {from_elsewhere, ATTENDS, NULL, 0, ""},
        {from_elsewhere, ATTENDS | ALONE, NULL, 0, ""}, /* one case of six tokens: too few of them are wrong */
        {but_first, ATTENDS | ATTENTION, "onset", 1, "which tokens it attends to"},
        {but_first, ATTENDS | ATTENTION | ALONE, "onset", 1, "what it reads there"},
        {but_first, PLAIN, "onset", 1, "Only the first token is right, in every case."},
        {but_first, ALONE, NULL, 0, ""},
        {only_first, PLAIN, "token", 0, "Only token 0 is wrong, in every case."},
        {only_first, ROUTED, NULL, 0, ""},
        {only_last, PLAIN, "token", NAN, "Only the last token is wrong, in every case."},
        {one_each, PLAIN, NULL, 0, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench bench;
        struct pattern pattern = {.kind = "none", .text = ""};
        lay_out(&bench, rows[i].change, rows[i].of & ALONE ? 1 : CASES);
        bench.place.routed = rows[i].of & ROUTED;
        bench.place.attends = rows[i].of & ATTENDS;
        bench.place.attention = rows[i].of & ATTENTION;
        bench.place.head_count = rows[i].of & BY_HEADS ? HEADS : 0;
        bool found = pattern_find(&bench.place, &pattern);
        cr_expect(found == (rows[i].kind != NULL), "row %zu: %s: %s", i, pattern.kind, pattern.text);
        if (!found || !rows[i].kind)
            continue;
        cr_expect_str_eq(pattern.kind, rows[i].kind, "row %zu: %s", i, pattern.text);
        cr_expect(strstr(pattern.text, rows[i].says), "row %zu: '%s' is not in: %s", i, rows[i].says, pattern.text);
        cr_expect(isnan(rows[i].number) ? isnan(pattern.number) : fabs(pattern.number - rows[i].number) < 1e-6,
                  "row %zu: %g", i, pattern.number);
    }
}

Test(patterns, rows_of_few_values_fit_any_factor)
{
    struct comparison comparison = {0};
    struct row_tally rows = {0};
    struct pattern pattern = {0};
    const struct seen_case seen = {&comparison, &rows};
    const struct seen_place place = {.cases = &seen, .count = 1};
    for (size_t token = 0; token < 8; token++) {
        float gold = (float)gold_at(0, token, 0), subject = (float)other(0, token, 0);
        comparison_add(&comparison, &subject, &gold, 1);
        rows_add(&rows, token, &subject, &gold, 1, TOLERANCE);
    }
    cr_expect(!pattern_find(&place, &pattern), "%s", pattern.text);
    cr_expect(!pattern_find(&(struct seen_place){.cases = &seen, .count = 0}, &pattern));
}
