#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "activations/tokens_strings.h"
#include "base/map.h"

/* The same each time, none of them empty, hardly one twice. */
Test(tokens, the_strings_are_fixed_and_of_many_kinds)
{
    static char *kept[TOKENS_STRINGS];
    struct map seen = {0};
    struct buffer string = {0}, again = {0};
    for (size_t i = 0; i < TOKENS_STRINGS; i++) {
        tokens_string(i, &string);
        tokens_string(i, &again);
        cr_assert(string.size && !string.failed && string.size == strlen(string.data));
        cr_expect_str_eq(string.data, again.data);
        kept[i] = strdup(string.data);
        cr_assert(map_add(&seen, kept[i], strlen(kept[i]), i, NULL));
    }
    cr_expect_geq(seen.count, TOKENS_STRINGS - 5, "%zu", seen.count);
    for (size_t i = 0; i < TOKENS_STRINGS; i++)
        free(kept[i]);
    map_free(&seen);
    buffer_free(&string);
    buffer_free(&again);
}
