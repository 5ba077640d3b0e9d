#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char out_of_memory[] = "out of memory";

static bool error_store(struct error *error, char *text)
{
    error->text = text ? text : out_of_memory;
    return false;
}

bool error_set(struct error *error, const char *format, ...)
{
    if (!error || error->text)
        return false;
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    return error_store(error, text);
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
    return error_store(error, text);
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
    return error_store(error, text);
}

bool error_memory(struct error *error, const char *what)
{
    return error_set(error, "out of memory: %s", what);
}

const char *error_text(const struct error *error)
{
    return error && error->text ? error->text : "no error recorded";
}

void error_clear(struct error *error)
{
    if (error->text != out_of_memory)
        free(error->text);
    error->text = NULL;
}
