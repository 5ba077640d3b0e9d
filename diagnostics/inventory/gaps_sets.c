/* Sets of numbers in few words. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "inventory/gaps_internal.h"

#define LISTED 12 /* numbers, or ranges of them */
#define STRIDE_MAX 64
#define SHAPE_BITS 3.0 /* which of the shapes */
#define BUT_BITS 1.0   /* "all but" */

double bits_choose(double n, double k)
{
    if (k <= 0 || k >= n)
        return 0;
    return (lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)) / log(2);
}

struct set {
    const int *values;
    const bool *in;
    size_t n, members;
    const char *noun;
    double bits; /* of the best shape so far */
    struct buffer text;
    const char *cause; /* what loses such a set */
};

/* Those that are in (or, of a complement, out), in ranges. */
static void list_members(const struct set *set, bool in, struct buffer *out)
{
    size_t shown = 0;
    for (size_t i = 0; i < set->n; i++) {
        size_t last = i;
        if (set->in[i] != in)
            continue;
        while (last + 1 < set->n && set->in[last + 1] == in && set->values[last + 1] == set->values[last] + 1)
            last++;
        if (shown++ == LISTED) {
            buffer_text(out, " ...");
            return;
        }
        buffer_format(out, "%s%d", shown > 1 ? ", " : "", set->values[i]);
        if (last > i)
            buffer_format(out, "%s%d", last == i + 1 ? ", " : "-", set->values[last]);
        i = last;
    }
}

/* Takes the description if it is the shortest yet; true then, and set->text is empty. */
static bool shorter(struct set *set, double bits, const char *cause)
{
    if (!(bits < set->bits))
        return false;
    set->bits = bits;
    set->cause = cause;
    set->text.size = 0;
    return true;
}

static const char *ordinal(size_t n)
{
    return n % 100 / 10 == 1 ? "th" : n % 10 == 1 ? "st" : n % 10 == 2 ? "nd" : n % 10 == 3 ? "rd" : "th";
}

/* One run of neighbours, at an end or in the middle; or all but one. */
static void try_runs(struct set *set, bool in)
{
    size_t first = 0, count = 0, runs = 0;
    for (size_t i = 0; i < set->n; i++) {
        if (set->in[i] != in)
            continue;
        runs += i == 0 || set->in[i - 1] != in;
        first = count++ ? first : i;
    }
    if (runs != 1 || count == set->n)
        return;
    bool begins = first == 0, ends = first + count == set->n;
    double bits = SHAPE_BITS + (in ? 0 : BUT_BITS) + log2((double)set->n) * (begins || ends ? 1 : count == 1 ? 1 : 2);
    const char *but = in ? "" : "all but ", *noun = set->noun;
    int value = set->values[first], last = set->values[first + count - 1];
    const char *cause =
        !in      ? "only the others were taken"
        : begins ? (count == 1 ? "a loop that begins one too late" : "the run began too late")
        : ends   ? (count == 1 ? "a loop that ends one too early" : "only the first ones were taken, or the run ended")
                 : "a range that was left out";
    if (count == 1 && (begins || ends) && shorter(set, SHAPE_BITS + 1 + (in ? 0 : BUT_BITS), cause))
        buffer_format(&set->text, "%sthe %s %s (%d)", but, begins ? "first" : "last", noun, value);
    else if ((begins || ends) && shorter(set, bits, cause))
        buffer_format(&set->text, "%sthe %s %zu %ss (%d-%d)", but, begins ? "first" : "last", count, noun, value, last);
    else if (count == 1 && shorter(set, bits, count == 1 && in ? "one that was left out" : cause))
        buffer_format(&set->text, "%s%s %d", but, noun, value);
    else if (shorter(set, bits, cause))
        buffer_format(&set->text, "%s%ss %d-%d", but, noun, value, last);
}

/* Every k-th from some number on. */
static void try_strides(struct set *set, bool in)
{
    for (int step = 2; step <= STRIDE_MAX; step++) {
        int first = -1;
        size_t count = 0;
        bool fits = true;
        for (size_t i = 0; fits && i < set->n; i++) {
            if (set->in[i] == in && first < 0)
                first = set->values[i];
            bool expected = first >= 0 && (set->values[i] - first) % step == 0;
            fits = expected == (set->in[i] == in);
            count += expected;
        }
        if (!fits || count < 3 ||
            !shorter(set, SHAPE_BITS + (in ? 0 : BUT_BITS) + log2(step) + log2(first + 1) + 1,
                     "the step of a loop, or one worker of several"))
            continue;
        buffer_format(&set->text, "%s%s %d%s %s from %d on (", in ? "" : "all but ", "every", step,
                      ordinal((size_t)step), set->noun, first);
        list_members(set, in, &set->text);
        buffer_char(&set->text, ')');
    }
}

static bool begins_with(int value, int prefix)
{
    while (value > prefix)
        value /= 10;
    return value == prefix;
}

static bool has_digit(int value, int digit)
{
    do
        if (value % 10 == digit)
            return true;
    while (value /= 10);
    return false;
}

static bool ends_with(int value, int digit)
{
    return value % 10 == digit;
}

static bool has_digits(int value, int digits)
{
    return (value < 10 ? 1 : value < 100 ? 2 : value < 1000 ? 3 : 4) == digits;
}

/* What patterns of file names choose. */
static const struct digits_row {
    bool (*fits)(int value, int parameter);
    int first, last;
    const char *words; /* format: the parameter */
} digits_rows[] = {
    {begins_with, 1, 9, "whose number begins with %d"},   {ends_with, 0, 9, "whose number ends in %d"},
    {has_digit, 0, 9, "with a %d in their number"},       {has_digits, 1, 4, "with %d-digit numbers"},
    {begins_with, 10, 99, "whose number begins with %d"},
};

static void try_digits(struct set *set, bool in)
{
    for (size_t r = 0; r < sizeof digits_rows / sizeof *digits_rows; r++) {
        const struct digits_row *row = &digits_rows[r];
        for (int parameter = row->first; parameter <= row->last; parameter++) {
            size_t count = 0;
            bool fits = true;
            for (size_t i = 0; fits && i < set->n; i++) {
                bool expected = row->fits(set->values[i], parameter);
                fits = expected == (set->in[i] == in);
                count += expected;
            }
            if (!fits || count < 2 ||
                !shorter(set, SHAPE_BITS + (in ? 0 : BUT_BITS) + 2 + log2(row->last - row->first + 1),
                         "a pattern of file names that fits too few"))
                continue;
            buffer_format(&set->text, "%s%ss ", in ? "the " : "all but the ", set->noun);
            /* one of the literals above, each with one %d */
            static const char mark[] = "%d";
            const char *at = strstr(row->words, mark);
            buffer_append(&set->text, row->words, (size_t)(at - row->words));
            buffer_format(&set->text, "%d%s (", parameter, at + strlen(mark));
            list_members(set, in, &set->text);
            buffer_char(&set->text, ')');
        }
    }
}

static int by_digits(const void *a, const void *b)
{
    char left[16], right[16];
    snprintf(left, sizeof left, "%d", *(const int *)a);
    snprintf(right, sizeof right, "%d", *(const int *)b);
    return strcmp(left, right);
}

/* All from one on in the order of the alphabet, in which 10 comes before 2. */
static void try_alphabet(struct set *set, bool in)
{
    int *sorted = malloc(set->n * sizeof *sorted);
    bool *member = calloc((size_t)set->values[set->n - 1] + 1, sizeof *member);
    size_t first = set->n, count = in ? set->members : set->n - set->members;
    if (sorted && member && count > 1 && count < set->n) {
        memcpy(sorted, set->values, set->n * sizeof *sorted);
        qsort(sorted, set->n, sizeof *sorted, by_digits);
        for (size_t i = 0; i < set->n; i++)
            member[set->values[i]] = set->in[i] == in;
        while (first > 0 && member[sorted[first - 1]])
            first--;
        if (set->n - first == count &&
            shorter(set, SHAPE_BITS + (in ? 0 : BUT_BITS) + 1 + log2((double)set->n),
                    in ? "the run ended early, in the order of the alphabet" : "only the others were taken")) {
            buffer_format(&set->text, "%sthe %ss from %d on in the order of the alphabet (", in ? "" : "all but ",
                          set->noun, sorted[first]);
            list_members(set, in, &set->text);
            buffer_char(&set->text, ')');
        }
    }
    free(sorted);
    free(member);
}

/* Some of those that begin with one digit: a pattern that fits them, and more that were not there to fit. */
static void try_some_digits(struct set *set)
{
    for (int digit = 1; digit <= 9; digit++) {
        size_t all = 0, inside = 0;
        for (size_t i = 0; i < set->n; i++) {
            bool begins = begins_with(set->values[i], digit);
            all += begins;
            inside += begins && set->in[i];
        }
        if (inside != set->members || inside < 3 ||
            !shorter(set, SHAPE_BITS + 4 + log2((double)all) + bits_choose((double)all, (double)inside),
                     "a pattern of file names that fits too few"))
            continue;
        buffer_format(&set->text, "%ss ", set->noun);
        list_members(set, true, &set->text);
        buffer_format(&set->text, ", all with numbers that begin with %d,", digit);
    }
}

double set_describe(const int *values, const bool *in, size_t n, const char *noun, struct buffer *out,
                    const char **cause)
{
    struct set set = {.values = values, .in = in, .n = n, .noun = noun, .bits = INFINITY};
    for (size_t i = 0; i < n; i++)
        set.members += in[i];
    if (set.members == n) {
        set.bits = 1;
        if (n == 1)
            buffer_format(&set.text, "the only %s (%d)", noun, values[0]);
        else
            buffer_format(&set.text, "all %zu %ss", n, noun);
    } else {
        shorter(&set, SHAPE_BITS + log2((double)n) + bits_choose((double)n, (double)set.members), NULL);
        buffer_format(&set.text, "%s%s ", noun, set.members == 1 ? "" : "s");
        list_members(&set, true, &set.text);
        try_some_digits(&set);
        for (int in_or_out = 1; in_or_out >= 0; in_or_out--) {
            try_runs(&set, in_or_out == 1);
            try_strides(&set, in_or_out == 1);
            try_digits(&set, in_or_out == 1);
            try_alphabet(&set, in_or_out == 1);
        }
    }
    *cause = set.cause;
    if (set.text.size)
        buffer_append(out, set.text.data, set.text.size);
    buffer_free(&set.text);
    return set.bits;
}
