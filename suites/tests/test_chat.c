/* Chat templates against those of transformers, and what no template may do. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "text/chat_template.h"

#define DATA ASSAY_SOURCE_DIR "/suites/data/chat"
#define MOST ((size_t)16 << 20)

static cJSON *cases;

static void open_cases(void)
{
    struct error error = {0};
    setenv("TZ", "UTC", 1);
    cases = json_read(DATA "/cases.json", MOST, &error);
    cr_assert(cases, "%s", error_text(&error));
}

static void close_cases(void)
{
    cJSON_Delete(cases);
}

TestSuite(chat, .init = open_cases, .fini = close_cases);

/* The source of a case; owned. */
static char *source_of(const cJSON *row, size_t *size)
{
    struct error error = {0};
    struct buffer text = {0};
    const cJSON *name = json_member(row, "template"), *source = json_member(row, "source");
    char path[512];
    if (cJSON_IsString(source)) {
        buffer_text(&text, source->valuestring);
    } else {
        snprintf(path, sizeof path, "%s/templates/%s.jinja", DATA, name->valuestring);
        cr_assert(file_read(path, MOST, &text, &error), "%s", error_text(&error));
    }
    *size = text.size;
    return buffer_take(&text);
}

static const cJSON *variables_of(const cJSON *row)
{
    const cJSON *index = json_member(row, "variables");
    return index ? cJSON_GetArrayItem(json_member(cases, "variables"), index->valueint)
                 : json_member(cases, "snippet_variables");
}

static bool render(const char *text, size_t size, const cJSON *variables, struct buffer *out, struct error *error)
{
    const struct chat_template_source source = {
        .where = "test", .text = text, .size = size, .now = (time_t)json_member(cases, "now")->valuedouble};
    return chat_template_render(&source, variables, out, error);
}

static void check_case(const cJSON *row, size_t index)
{
    struct error error = {0};
    struct buffer out = {0};
    size_t size;
    char *source = source_of(row, &size);
    const cJSON *expected = cJSON_GetObjectItem(row, "text");
    bool good = render(source, size, variables_of(row), &out, &error);
    if (!cJSON_IsString(expected))
        cr_expect(!good, "case %zu renders, where the original says %s:\n%.300s\n->\n%.300s", index,
                  json_member(row, "error")->valuestring, source, out.data ? out.data : "");
    else if (!good)
        cr_expect_fail("case %zu: %s\n%.300s", index, error_text(&error), source);
    else
        cr_expect(out.size == strlen(expected->valuestring) &&
                      memcmp(out.data ? out.data : "", expected->valuestring, out.size) == 0,
                  "case %zu:\n%.400s\nours:\n%.2000s\ntheirs:\n%.2000s", index, source, out.data ? out.data : "",
                  expected->valuestring);
    error_clear(&error);
    buffer_free(&out);
    free(source);
}

Test(chat, renders_what_transformers_renders)
{
    size_t index = 0;
    const cJSON *row;
    cJSON_ArrayForEach(row, json_member(cases, "cases")) check_case(row, index++);
    cr_expect(index >= 900, "%zu cases", index);
}
