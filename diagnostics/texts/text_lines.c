#include "texts/text_lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"

#define INPUT_MAX ((size_t)1 << 30)

static bool line_take(const char *where, const cJSON *json, struct text_case *text, struct expects *expects,
                      struct error *error)
{
    const char *prompt = NULL, *value = NULL;
    if (!cJSON_IsObject(json))
        return error_set(error, "%s: a line should be an object with \"text\" and perhaps \"prompt\" and \"expects\"",
                         where);
    if (!json_get_string(json, where, "prompt", &prompt, error) || !json_get_string(json, where, "text", &value, error))
        return false;
    if (!value)
        return error_set(error, "%s: no \"text\"", where);
    *text = (struct text_case){.prompt = prompt, .text = value, .size = strlen(value), .expects = expects};
    return expects_parse(where, json_member(json, "expects"), expects, error);
}

static bool lines_grow(struct text_lines *lines)
{
    size_t capacity = lines->capacity ? 2 * lines->capacity : 64;
    cJSON **json = realloc(lines->json, capacity * sizeof *json);
    lines->json = json ? json : lines->json;
    struct expects *expects = realloc(lines->expects, capacity * sizeof *expects);
    lines->expects = expects ? expects : lines->expects;
    struct text_case *cases = realloc(lines->cases, capacity * sizeof *cases);
    lines->cases = cases ? cases : lines->cases;
    char(*ids)[24] = realloc(lines->ids, capacity * sizeof *ids);
    lines->ids = ids ? ids : lines->ids;
    if (!json || !expects || !cases || !ids)
        return false;
    lines->capacity = capacity;
    return true;
}

static bool line_add(const char *path, size_t number, const char *text, size_t size, struct text_lines *lines,
                     struct error *error)
{
    char where[4200];
    snprintf(where, sizeof where, "%.4096s: line %zu", path, number);
    if (lines->count == lines->capacity && !lines_grow(lines))
        return error_memory(error, path);
    cJSON *json = json_parse(where, text, size, error);
    if (!json)
        return false;
    size_t at = lines->count++;
    lines->json[at] = json;
    lines->cases[at] = (struct text_case){0}; /* freed even if the line is wrong */
    lines->expects[at] = (struct expects){0};
    snprintf(lines->ids[at], sizeof *lines->ids, "line %zu", number);
    return line_take(where, json, &lines->cases[at], &lines->expects[at], error);
}

bool text_lines_read(const char *path, struct text_lines *lines, struct error *error)
{
    struct buffer input = {.maximum = INPUT_MAX + 65536};
    size_t number = 0;
    bool good = file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, INPUT_MAX, &input, error);
    for (size_t at = 0; good && at < input.size;) {
        size_t size;
        const char *line = text_line(input.data, input.size, &at, &size);
        number++;
        if (strspn(line, " \t\r") < size)
            good = line_add(path, number, line, size, lines, error);
    }
    buffer_free(&input);
    if (good && !lines->count)
        good = error_set(error, "%s: there is no line in it", path);
    for (size_t i = 0; good && i < lines->count; i++) { /* the arrays stay where they are from now on */
        lines->cases[i].id = lines->ids[i];
        lines->cases[i].expects = &lines->expects[i];
    }
    return good;
}

void text_lines_free(struct text_lines *lines)
{
    texts_free(lines->cases, lines->count);
    for (size_t i = 0; i < lines->count; i++) {
        cJSON_Delete(lines->json[i]);
        expects_free(&lines->expects[i]);
    }
    free(lines->json);
    free(lines->expects);
    free(lines->cases);
    free(lines->ids);
}
