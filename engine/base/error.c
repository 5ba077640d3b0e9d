#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char out_of_memory[] = "out of memory";

static bool error_store(struct error *error, enum error_kind kind, char *text)
{
    error->text = text ? text : out_of_memory;
    error->kind = text ? kind : ERROR_MEMORY;
    return false;
}

static bool error_print(struct error *error, enum error_kind kind, const char *format, va_list arguments)
{
    char *text = NULL;
    if (!error || error->text)
        return false;
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    return error_store(error, kind, text);
}

bool error_set(struct error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    error_print(error, ERROR_ANY, format, arguments);
    va_end(arguments);
    return false;
}

bool error_set_kind(struct error *error, enum error_kind kind, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    error_print(error, kind, format, arguments);
    va_end(arguments);
    return false;
}

bool error_take(struct error *error, struct error *from)
{
    if (error && !error->text)
        *error = *from;
    else
        error_clear(from);
    *from = (struct error){0};
    return false;
}

bool error_context(struct error *error, const char *format, ...)
{
    if (!error || !error->text || error->text == out_of_memory)
        return false;
    char *context = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&context, format, arguments);
    va_end(arguments);
    char *text = NULL;
    if (length < 0 || asprintf(&text, "%s: %s", context, error->text) < 0)
        text = NULL;
    if (length >= 0)
        free(context);
    free(error->text);
    return error_store(error, error->kind, text);
}

bool error_errno(struct error *error, const char *format, ...)
{
    int saved = errno;
    if (!error || error->text)
        return false;
    char *what = NULL, *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&what, format, arguments);
    va_end(arguments);
    if (length < 0 || asprintf(&text, "%s: %s", what, strerror(saved)) < 0)
        text = NULL;
    if (length >= 0)
        free(what);
    return error_store(error, ERROR_ANY, text);
}

bool error_memory(struct error *error, const char *what)
{
    return error_set_kind(error, ERROR_MEMORY, "out of memory: %s", what);
}

const char *error_text(const struct error *error)
{
    return error && error->text ? error->text : "no error recorded";
}

void error_clear(struct error *error)
{
    if (error->text != out_of_memory)
        free(error->text);
    *error = (struct error){0};
}
