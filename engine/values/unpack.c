/* Numbers of a few bits, one after the other without gaps. */
#include <string.h>

#include "base/clones.h"
#include "values/values.h"

/* Numbers that fill bytes: `each` in a byte. */
CLONES static void unpack_whole(const uint8_t *bytes, unsigned bits, size_t count, uint8_t *out)
{
    unsigned each = 8 / bits;
    for (size_t i = 0; i < count; i++)
        out[i] = (uint8_t)((unsigned)bytes[i / each] >> (i % each * bits) & ((1u << bits) - 1));
}

CLONES static void unpack_halves(const uint8_t *bytes, size_t count, uint8_t *out)
{
    for (size_t i = 0; i < count / 2; i++) {
        out[2 * i] = bytes[i] & 15;
        out[2 * i + 1] = bytes[i] >> 4;
    }
    if (count % 2)
        out[count - 1] = bytes[count / 2] & 15;
}

void unpack(const void *values, unsigned bits, size_t first, size_t count, uint8_t *out)
{
    const uint8_t *bytes = values;
    if (8 % bits == 0 && first * bits % 8 == 0) {
        bytes += first * bits / 8;
        if (bits == 8)
            memcpy(out, bytes, count);
        else if (bits == 4)
            unpack_halves(bytes, count, out);
        else
            unpack_whole(bytes, bits, count, out);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        size_t at = (first + i) * bits, shift = at % 8;
        unsigned pair = bytes[at / 8];
        if (shift + bits > 8)
            pair |= (unsigned)bytes[at / 8 + 1] << 8;
        out[i] = (uint8_t)(pair >> shift & ((1u << bits) - 1));
    }
}
