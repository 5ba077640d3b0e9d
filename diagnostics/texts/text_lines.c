#include "texts/text_lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"

#define INPUT_MAX ((size_t)1 << 30)
#define LINES_MOST ((size_t)1 << 19) /* each costs some kilobytes, of which most are what is measured of it */

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

static bool line_add(const char *path, size_t number, const char *text, size_t size, struct text_lines *lines,
                     struct error *error)
{
    char where[4200];
    snprintf(where, sizeof where, "%.4096s: line %zu", path, number);
    cJSON *json = json_parse(where, text, size, error);
    if (!json)
        return false;
    size_t at = lines->count++;
    lines->cases[at] = (struct text_case){0}; /* freed even if the line is wrong */
    lines->lines[at] = (struct text_line){.json = json};
    snprintf(lines->lines[at].id, sizeof lines->lines[at].id, "line %zu", number);
    return line_take(where, json, &lines->cases[at], &lines->lines[at].expects, error);
}

/* Room for as many as there may be. */
static bool lines_room(const char *path, const struct buffer *input, struct text_lines *lines, struct error *error)
{
    size_t most = 1;
    for (size_t i = 0; i + 1 < input->size; i++)
        most += input->data[i] == '\n';
    if (most > LINES_MOST)
        return error_set(error, "%s: has %zu lines; at most %zu are judged at once, so judge it in parts", path, most,
                         LINES_MOST);
    lines->lines = calloc(most, sizeof *lines->lines);
    lines->cases = calloc(most, sizeof *lines->cases);
    return (lines->lines && lines->cases) || error_memory(error, path);
}

bool text_lines_read(const char *path, struct text_lines *lines, struct error *error)
{
    struct buffer input = {.maximum = INPUT_MAX + 65536};
    size_t number = 0;
    bool good = file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, INPUT_MAX, &input, error) &&
                lines_room(path, &input, lines, error);
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
        lines->cases[i].id = lines->lines[i].id;
        lines->cases[i].expects = &lines->lines[i].expects;
    }
    return good;
}

void text_lines_free(struct text_lines *lines)
{
    texts_free(lines->cases, lines->count);
    for (size_t i = 0; i < lines->count; i++) {
        cJSON_Delete(lines->lines[i].json);
        expects_free(&lines->lines[i].expects);
    }
    free(lines->lines);
    free(lines->cases);
}
