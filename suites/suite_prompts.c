/* The prompts of a suite: three arrays side by side. */
#include <stdlib.h>
#include <string.h>

#include "suites/suite_internal.h"

void suite_free_prompts(struct suite *suite)
{
    for (size_t i = 0; i < suite->prompt_count; i++) {
        free(suite->prompts[i]);
        expects_free(&suite->expects[i]);
        names_free(&suite->tags[i]);
    }
    free(suite->prompts);
    free(suite->expects);
    free(suite->tags);
    suite->prompts = NULL;
    suite->expects = NULL;
    suite->tags = NULL;
    suite->prompt_count = 0;
}

bool suite_make_prompts(struct suite *suite, size_t count, struct error *error)
{
    suite_free_prompts(suite);
    suite->prompts = calloc(count, sizeof *suite->prompts);
    suite->expects = calloc(count, sizeof *suite->expects);
    suite->tags = calloc(count, sizeof *suite->tags);
    return (suite->prompts && suite->expects && suite->tags) || error_memory(error, "prompts");
}

bool suite_default_prompts(struct suite *suite, struct error *error)
{
    if (!suite_make_prompts(suite, WRITING_PROMPTS, error))
        return false;
    for (; suite->prompt_count < WRITING_PROMPTS; suite->prompt_count++)
        if (!(suite->prompts[suite->prompt_count] = strdup(writing_prompts[suite->prompt_count])))
            return error_memory(error, "prompts");
    return true;
}
