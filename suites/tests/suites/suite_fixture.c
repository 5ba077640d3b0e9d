#include "suite_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct suite opened(const char *name)
{
    struct error error = {0};
    struct suite suite;
    cr_assert(suite_open(name, &suite, &error), "%s", error_text(&error));
    return suite;
}

void expect_refused(const char *name, const char *text)
{
    struct error error = {0};
    struct suite suite;
    cr_expect_not(suite_open(name, &suite, &error), "%s is taken", name);
    cr_expect(strstr(error_text(&error), text), "'%s' does not say '%s'", error_text(&error), text);
    error_clear(&error);
    suite_free(&suite);
}

char *printed(const struct suite *suite)
{
    struct error error = {0};
    cJSON *json = suite_json(suite, &error);
    cr_assert_not_null(json);
    char *text = cJSON_PrintUnformatted(json);
    cr_assert_not_null(text);
    cJSON_Delete(json);
    return text;
}

const char *diagnostics_of(const struct suite *suite)
{
    static char text[200];
    *text = '\0';
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++)
        if (suite->wanted[i]) {
            strcat(text, *text ? " " : "");
            strcat(text, diagnostic_rows[i]->name);
        }
    return text;
}
