#include "suites/document.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_place.h"
#include "base/wording.h"

/* --- errors --- */

void document_where(const struct document *document, const cJSON *item, struct buffer *out)
{
    const struct buffer *text = &document->text;
    struct json_place place = json_place_of(text->data, text->size, document->root, item);
    struct buffer path = {0};
    json_path(&path, document->root, item);
    buffer_format(out, "%s:%zu:%zu%s%s", document->name, place.line, place.column, path.size ? ": " : "",
                  path.size ? path.data : "");
    buffer_free(&path);
}

bool document_wrong(const struct document *document, const cJSON *item, struct error *error, const char *format, ...)
{
    struct buffer where = {0};
    char *what = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&what, format, arguments) < 0)
        what = NULL;
    va_end(arguments);
    document_where(document, item, &where);
    if (what && where.data)
        error_set(error, "%s: %s", where.data, what);
    else
        error_memory(error, document->name);
    buffer_free(&where);
    free(what);
    return false;
}

void unknown_append(struct buffer *out, const char *what, const char *found, size_t count,
                    const char *(*name)(size_t index))
{
    const char *meant = names_nearest(found, count, name);
    buffer_format(out, "\"%.80s\" is no %s; %s", found, what, meant ? "did you mean " : "there are ");
    if (meant)
        buffer_format(out, "\"%s\"?", meant);
    else
        names_join(out, count, name, " and ");
}

bool document_unknown(const struct document *document, const cJSON *item, const char *what, const char *found,
                      size_t count, const char *(*name)(size_t index), struct error *error)
{
    struct buffer text = {0};
    unknown_append(&text, what, found, count, name);
    document_wrong(document, item, error, "%s", text.data ? text.data : "");
    buffer_free(&text);
    return false;
}

void document_free(struct document *document)
{
    free(document->name);
    free(document->path);
    free(document->real);
    buffer_free(&document->text);
    cJSON_Delete(document->root);
}

/* --- tables --- */

_Static_assert(sizeof(uint64_t) == sizeof(size_t), "a seed is stored as a whole number is");

static bool fits(const struct key_row *row, const cJSON *item)
{
    double value = cJSON_IsNumber(item) ? item->valuedouble : NAN, count = cJSON_GetArraySize(item);
    bool within = value >= row->least && value <= row->most && !(row->above && value <= row->least);
    switch (row->kind) {
    case KEY_TEXT:
        return cJSON_IsString(item) && strlen(item->valuestring) >= row->least &&
               strlen(item->valuestring) <= row->most;
    case KEY_FLAG:
        return cJSON_IsBool(item);
    case KEY_WHOLE:
        return within && value == floor(value);
    case KEY_NUMBER:
        return within && isfinite(value);
    case KEY_LIST:
        return cJSON_IsArray(item) && count >= row->least && count <= row->most;
    case KEY_OBJECT:
        return cJSON_IsObject(item);
    }
    return false;
}

static void append_range(const struct key_row *row, struct buffer *out)
{
    if (isinf(row->most))
        buffer_format(out, row->above ? " above %.10g" : " of at least %.10g", row->least);
    else
        buffer_format(out, row->above ? " above %.10g and up to %.10g" : " from %.10g to %.10g", row->least, row->most);
}

static void append_expected(const struct key_row *row, struct buffer *out)
{
    static const char *const names[] = {
        [KEY_TEXT] = "a text",     [KEY_FLAG] = "true or false", [KEY_WHOLE] = "a whole number",
        [KEY_NUMBER] = "a number", [KEY_LIST] = "a list",        [KEY_OBJECT] = "an object"};
    buffer_text(out, names[row->kind]);
    if (row->kind == KEY_WHOLE || row->kind == KEY_NUMBER)
        append_range(row, out);
    else if (row->kind == KEY_LIST)
        buffer_format(out, " of %.10g to %.10g", row->least, row->most);
    else if (row->kind == KEY_TEXT && isfinite(row->most))
        buffer_format(out, " of %.10g to %.10g bytes", row->least, row->most);
    else if (row->kind == KEY_TEXT && row->least > 0)
        buffer_text(out, " that is not empty");
    if (row->other) {
        buffer_text(out, " or ");
        append_expected(row->other, out);
    }
}

/* "expected a list of 1 to 9, found 5" */
static bool unexpected(struct reading *reading, const struct key_row *row, const cJSON *item)
{
    struct buffer text = {0};
    buffer_text(&text, "expected ");
    append_expected(row, &text);
    buffer_text(&text, ", found ");
    json_say(&text, item);
    document_wrong(reading->document, item, reading->error, "%s", text.data ? text.data : "");
    buffer_free(&text);
    return false;
}

static bool store_text(struct reading *reading, const char *text, char **field)
{
    free(*field);
    return (*field = strdup(text)) || error_memory(reading->error, reading->document->name);
}

static bool store(struct reading *reading, const struct key_row *row, const cJSON *item, void *into)
{
    void *field = (char *)into + row->offset;
    if (row->kind == KEY_TEXT)
        return store_text(reading, item->valuestring, field);
    if (row->kind == KEY_FLAG)
        *(bool *)field = cJSON_IsTrue(item);
    else if (row->kind == KEY_WHOLE)
        *(size_t *)field = (size_t)item->valuedouble;
    else
        *(double *)field = item->valuedouble;
    return true;
}

bool key_row_take(struct reading *reading, const struct key_row *row, const cJSON *item, void *into)
{
    const struct key_row *fitting = row;
    while (fitting && !fits(fitting, item))
        fitting = fitting->other;
    if (!fitting)
        return unexpected(reading, row, item);
    return fitting->take ? fitting->take(reading, item, into) : store(reading, fitting, item, into);
}

static _Thread_local const struct key_table *naming; /* whose keys key_name names */

static const char *key_name(size_t index)
{
    return naming->rows[index].key;
}

bool key_table_take(struct reading *reading, const struct key_table *table, const cJSON *object, void *into)
{
    const struct document *document = reading->document;
    for (const cJSON *item = object->child; item; item = item->next) {
        size_t row = 0;
        while (row < table->count && strcmp(table->rows[row].key, item->string) != 0)
            row++;
        naming = table;
        if (row == table->count)
            return document_unknown(document, item, "key that is known here", item->string, table->count, key_name,
                                    reading->error);
        if (!key_row_take(reading, &table->rows[row], item, into))
            return false;
    }
    for (size_t row = 0; row < table->count; row++)
        if (table->rows[row].required && !cJSON_GetObjectItemCaseSensitive(object, table->rows[row].key))
            return document_wrong(document, object, reading->error, "expected \"%s\", found none",
                                  table->rows[row].key);
    return true;
}
