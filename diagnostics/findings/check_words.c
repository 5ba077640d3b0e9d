#include "findings/check_words.h"

#include <stdbool.h>
#include <string.h>

#include "findings/check_words_internal.h"

/* In the order of the questions. */
static const struct check_words *const tables[] = {words_of_causes,     words_of_inventory,   words_of_values,
                                                   words_of_provenance, words_of_computation, words_of_texts,
                                                   words_of_coverage};

static bool fits(const char *pattern, const char *check)
{
    size_t length = strlen(pattern);
    return length > 2 && strcmp(pattern + length - 2, ".*") == 0 && strncmp(pattern, check, length - 1) == 0;
}

const struct check_words *check_words_at(size_t index)
{
    for (size_t table = 0; table < sizeof tables / sizeof *tables; table++)
        for (const struct check_words *row = tables[table]; row->check; row++)
            if (index-- == 0)
                return row;
    return NULL;
}

const struct check_words *check_words(const char *check)
{
    static const struct check_words unknown = {.question = QUESTION_COMPUTATION};
    const struct check_words *pattern = &unknown;
    for (size_t table = 0; table < sizeof tables / sizeof *tables; table++)
        for (const struct check_words *row = tables[table]; row->check; row++) {
            if (strcmp(row->check, check) == 0)
                return row;
            if (fits(row->check, check))
                pattern = row;
        }
    return pattern;
}

const char *question_heading(enum question question)
{
    static const char *const headings[QUESTION_COUNT] = {
        [QUESTION_CAUSE] = "What the cause is",
        [QUESTION_DISK] = "What the files show by themselves",
        [QUESTION_COMPUTATION] = "Where the computation differs from gold",
        [QUESTION_TEXT] = "What the texts are like",
        [QUESTION_COVERAGE] = "What was compared and what was not",
    };
    return headings[question];
}
