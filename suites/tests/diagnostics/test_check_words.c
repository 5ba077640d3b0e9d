#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "diagnostics/diagnostics.h"
#include "findings/check_words.h"
#include "health/health_rows.h"
#include "quality/diagnosis.h"

#define TITLE_MOST 40
#define MEANS_MOST 400
#define REMEDY_MOST 300

/* The row is the check's own, not that of a pattern. */
static bool has_words(const char *check)
{
    const struct check_words *words = check_words(check);
    return words->title && strcmp(words->check, check) == 0;
}

Test(check_words, a_row_is_found_by_its_id)
{
    const struct check_words *words;
    size_t count = 0;
    for (; (words = check_words_at(count)); count++)
        cr_expect_eq(check_words(words->check), words, "%s", words->check);
    cr_expect(count > 60, "%zu rows", count);
    cr_expect_eq(check_words("layers.isolated")->question, QUESTION_COMPUTATION);
    cr_expect_eq(check_words("cause")->question, QUESTION_CAUSE);
    cr_expect_null(check_words_at(count + 1));
}

Test(check_words, a_pattern_stands_for_ids_without_a_row_of_their_own)
{
    const struct check_words *pattern = check_words("hypothesis.moonlight");
    cr_assert_str_eq(pattern->check, "hypothesis.*");
    cr_expect_eq(pattern->question, QUESTION_CAUSE);
    cr_expect(has_words("hypothesis.norms"));
    cr_expect_null(check_words("hypothesis")->title);
}

Test(check_words, an_unknown_id_has_a_row_without_words)
{
    static const char *const ids[] = {
        "", ".", "layers", "layers.", "layers.isolatedx", "layers.isolate", "causes", "Layers.isolated", "weights.*"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        const struct check_words *words = check_words(ids[i]);
        cr_assert_not_null(words);
        cr_expect_null(words->title, "'%s' is %s", ids[i], words->title);
        cr_expect_eq(words->question, QUESTION_COMPUTATION);
    }
}

Test(check_words, come_question_by_question)
{
    const struct check_words *words;
    enum question last = QUESTION_CAUSE;
    bool seen[QUESTION_COUNT] = {false};
    for (size_t i = 0; (words = check_words_at(i)); last = words->question, i++) {
        cr_assert(words->question < QUESTION_COUNT);
        cr_expect(words->question >= last, "%s", words->check);
        seen[words->question] = true;
    }
    for (int question = 0; question < QUESTION_COUNT; question++) {
        const char *heading = question_heading((enum question)question);
        cr_expect(seen[question] && isupper((unsigned char)*heading), "%s", heading);
        for (int other = 0; other < question; other++)
            cr_expect_str_neq(heading, question_heading((enum question)other));
    }
}

/* Sentences of a text that ends in a full stop; 0: it does not, or has none. */
static int sentences(const char *text)
{
    size_t length = strlen(text);
    int count = 0;
    if (!length || text[length - 1] != '.' || !isalnum((unsigned char)text[0]))
        return 0;
    for (size_t i = 0; i < length; i++)
        count += strchr(".?!", text[i]) && (i + 1 == length || text[i + 1] == ' ');
    return count;
}

static void expect_text(const char *check, const char *text, size_t most, int least, int sentences_most)
{
    int count = sentences(text);
    cr_expect(strlen(text) <= most, "%s: %zu characters: %s", check, strlen(text), text);
    cr_expect(count >= least && count <= sentences_most, "%s: %d sentences: %s", check, count, text);
    for (const char *at = text; *at; at++)
        cr_expect(*at >= ' ' && *at <= '~' && (*at != ' ' || (at[1] != ' ' && at[1])), "%s: %s", check, text);
}

Test(check_words, are_short_whole_sentences)
{
    const struct check_words *words;
    for (size_t i = 0; (words = check_words_at(i)); i++) {
        size_t length = strlen(words->title);
        cr_expect(length && length <= TITLE_MOST, "%s: %zu characters: %s", words->check, length, words->title);
        cr_expect(isupper((unsigned char)*words->title) && words->title[length - 1] != '.', "%s", words->title);
        expect_text(words->check, words->means, MEANS_MOST, 1, 3);
        expect_text(words->check, words->remedy, REMEDY_MOST, 1, 2);
    }
}

Test(check_words, no_two_rows_are_called_the_same)
{
    const struct check_words *one, *other;
    for (size_t i = 0; (one = check_words_at(i)); i++)
        for (size_t k = 0; k < i && (other = check_words_at(k)); k++) {
            cr_expect_str_neq(one->check, other->check);
            cr_expect(strcasecmp(one->title, other->title) != 0, "%s and %s: %s", one->check, other->check, one->title);
            cr_expect_str_neq(one->means, other->means);
        }
}

Test(check_words, every_table_of_checks_has_words)
{
#define HEALTH_CHECK(NAME, name, check, ...) check,
    static const char *const health[] = {CHECK_ROWS(HEALTH_CHECK)};
    for (size_t i = 0; i < sizeof health / sizeof *health; i++)
        cr_expect(has_words(health[i]), "%s", health[i]);
    for (int i = 0; i < DIAGNOSE_COUNT; i++) {
        char check[64];
        snprintf(check, sizeof check, "text.%s", quality_diagnostic_name((enum quality_diagnostic)i));
        cr_expect(has_words(check), "%s", check);
    }
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++) {
        const struct diagnostic *row = diagnostic_rows[i];
        for (size_t k = 0; row->skips && row->skips[k]; k++)
            cr_expect(has_words(row->skips[k]), "%s", row->skips[k]);
        /* skipped by its own name where nothing can be computed */
        cr_expect(row->skips || !(row->needs & NEEDS_ENGINE) || has_words(row->name), "%s", row->name);
    }
}
