#include "cli/say.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "reports/text.h"

/* One conversion: '%', flags, width and precision, what kind of number, and the letter. */
struct conversion {
    char text[24];
    size_t size;
};

static struct conversion conversion_read(const char *format)
{
    struct conversion conversion = {.size = 1 + strspn(format + 1, "-+ #0123456789.")};
    conversion.size += strspn(format + conversion.size, "zl") + 1;
    assert(conversion.size < sizeof conversion.text);
    memcpy(conversion.text, format, conversion.size);
    return conversion;
}

/* No wider than what it is of: a string's width counts bytes, and here it is of names, which have none. */
static void append_one(struct buffer *out, const struct conversion *conversion, va_list *arguments)
{
    const char *text = conversion->text;
    char letter = text[conversion->size - 1], kind = text[conversion->size - 2];
    if (letter == '%')
        buffer_char(out, '%');
    else if (letter == 's')
        text_append(out, TEXT_PLAIN, va_arg(*arguments, const char *));
    else if (kind == 'z')
        buffer_format(out, text, va_arg(*arguments, size_t));
    else if (kind == 'l')
        buffer_format(out, text, va_arg(*arguments, unsigned long long));
    else if (letter == 'd' || letter == 'u')
        buffer_format(out, text, va_arg(*arguments, int));
    else
        buffer_format(out, text, va_arg(*arguments, double));
}

void say(FILE *file, const char *format, ...)
{
    struct buffer out = {0};
    va_list arguments;
    va_start(arguments, format);
    for (const char *at = format; *at;) {
        size_t plain = strcspn(at, "%");
        buffer_append(&out, at, plain);
        at += plain;
        if (!*at)
            break;
        struct conversion conversion = conversion_read(at);
        append_one(&out, &conversion, &arguments);
        at += conversion.size;
    }
    va_end(arguments);
    if (out.failed)
        fputs("out of memory\n", file);
    else if (out.size)
        fwrite(out.data, 1, out.size, file);
    buffer_free(&out);
}
