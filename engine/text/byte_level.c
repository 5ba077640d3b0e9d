#include <string.h>

#include "base/json.h"
#include "text/utf8.h"

uint32_t utf8_next(const char *text, size_t *at)
{
    const unsigned char *bytes = (const unsigned char *)text + *at;
    if (bytes[0] < 0x80) {
        *at += 1;
        return bytes[0];
    }
    if (bytes[0] < 0xE0) {
        *at += 2;
        return (bytes[0] & 0x1Fu) << 6 | (bytes[1] & 0x3Fu);
    }
    if (bytes[0] < 0xF0) {
        *at += 3;
        return (bytes[0] & 0x0Fu) << 12 | (bytes[1] & 0x3Fu) << 6 | (bytes[2] & 0x3Fu);
    }
    *at += 4;
    return (bytes[0] & 0x07u) << 18 | (bytes[1] & 0x3Fu) << 12 | (bytes[2] & 0x3Fu) << 6 | (bytes[3] & 0x3Fu);
}

uint32_t utf8_previous(const char *text, size_t *at)
{
    do
        --*at;
    while (((unsigned char)text[*at] & 0xC0) == 0x80);
    size_t again = *at;
    return utf8_next(text, &again);
}

size_t utf8_count(const char *text, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

size_t utf8_single(const char *text)
{
    size_t at = 0;
    if (*text)
        utf8_next(text, &at);
    return text[at] ? 0 : at;
}

size_t utf8_put(char out[4], uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = length - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)(lead[length] | code);
    return length;
}

bool utf8_append(struct buffer *out, uint32_t code)
{
    char bytes[4];
    return buffer_append(out, bytes, utf8_put(bytes, code));
}

/* Length of the maximal subpart of the ill-formed sequence at the start of `bytes`: 1 or more. */
static size_t utf8_subpart(const unsigned char *bytes, size_t size)
{
    unsigned char lead = bytes[0];
    size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                    : lead >= 0xE0 && lead <= 0xEF ? 3
                    : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                   : 0;
    unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (!length || size < 2 || bytes[1] < low || bytes[1] > high)
        return 1;
    size_t part = 2;
    while (part < length && part < size && (bytes[part] & 0xC0) == 0x80)
        part++;
    return part;
}

bool utf8_lossy(const char *text, size_t size, struct buffer *out)
{
    size_t at = 0;
    while (at < size) {
        size_t good = utf8_check(text + at, size - at);
        buffer_append(out, text + at, good);
        at += good;
        if (at == size)
            break;
        buffer_text(out, "\xEF\xBF\xBD");
        at += utf8_subpart((const unsigned char *)text + at, size - at);
    }
    return !out->failed;
}

/* Bytes that are not visible in Latin-1 (0-32, 127-160, 173) take 256 and up, in order; the others stand for
 * themselves. */
uint32_t byte_level_char(unsigned char byte)
{
    if (byte <= 32)
        return 256u + byte;
    if (byte >= 127 && byte <= 160)
        return 289u + byte - 127u;
    return byte == 173 ? 323 : byte;
}

int byte_level_byte(uint32_t code)
{
    if (code < 256)
        return byte_level_char((unsigned char)code) == code ? (int)code : -1;
    if (code < 289)
        return (int)code - 256;
    if (code < 323)
        return (int)code - 289 + 127;
    return code == 323 ? 173 : -1;
}

bool byte_level_text(const char *bytes, size_t size, struct buffer *out)
{
    for (size_t i = 0; i < size; i++)
        utf8_append(out, byte_level_char((unsigned char)bytes[i]));
    return !out->failed;
}

bool byte_level_bytes(const char *text, size_t size, struct buffer *out)
{
    size_t start = out->size;
    if (!buffer_reserve(out, size))
        return false;
    for (size_t at = 0; at < size;) {
        int byte = byte_level_byte(utf8_next(text, &at));
        if (byte < 0) {
            out->size = start;
            return buffer_append(out, text, size);
        }
        out->data[out->size++] = (char)byte;
    }
    out->data[out->size] = '\0';
    return true;
}
