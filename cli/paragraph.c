#include "cli/paragraph.h"

#include <stdlib.h>
#include <string.h>

void paragraph_append(struct buffer *out, size_t column, size_t indent, const char *text)
{
    bool begun = column > 0;
    while (*(text += strspn(text, " "))) {
        size_t length = strcspn(text, " ");
        if (begun && column + (column > indent) + length > PARAGRAPH_WIDTH) {
            buffer_char(out, '\n');
            begun = false;
        }
        if (!begun) {
            buffer_format(out, "%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            buffer_char(out, ' ');
            column++;
        }
        buffer_append(out, text, length);
        column += length;
        text += length;
        begun = true;
    }
    buffer_char(out, '\n');
}

void page_append(struct buffer *out, const char *text)
{
    size_t size = strlen(text), at = 0, length;
    while (at < size) {
        const char *line = text_line(text, size, &at, &length);
        char *copy = length > PARAGRAPH_WIDTH ? strndup(line, length) : NULL;
        if (copy)
            paragraph_append(out, 0, strspn(copy, " "), copy);
        else
            buffer_format(out, "%.*s\n", (int)length, line);
        free(copy);
    }
}
