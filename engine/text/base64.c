#include "text/base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int digit_of(char digit)
{
    const char *at = digit ? strchr(digits, digit) : NULL;
    return at ? (int)(at - digits) : -1;
}

bool base64_decode(const char *text, size_t size, struct buffer *out)
{
    size_t padding = 0;
    while (padding < 2 && size > padding && text[size - 1 - padding] == '=')
        padding++;
    if (size % 4)
        return false;
    for (size_t at = 0; at < size; at += 4) {
        bool last = at + 4 == size;
        uint32_t bits = 0;
        for (size_t k = 0; k < 4; k++) {
            int digit = last && k >= 4 - padding ? 0 : digit_of(text[at + k]);
            if (digit < 0)
                return false;
            bits = bits << 6 | (uint32_t)digit;
        }
        const char bytes[] = {(char)(bits >> 16), (char)(bits >> 8), (char)bits};
        buffer_append(out, bytes, last ? 3 - padding : 3);
    }
    return true;
}

bool base64_encode(const char *bytes, size_t size, struct buffer *out)
{
    for (size_t at = 0; at < size; at += 3) {
        size_t count = size - at < 3 ? size - at : 3;
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < count ? (unsigned char)bytes[at + k] : 0);
        for (size_t k = 0; k < 4; k++)
            buffer_char(out, k <= count ? digits[bits >> (18 - 6 * k) & 63] : '=');
    }
    return !out->failed;
}
