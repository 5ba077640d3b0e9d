#include "text/word_model.h"

void byte_tokens(const struct map *vocab, int ids[256])
{
    static const char hex[] = "0123456789ABCDEF";
    for (int byte = 0; byte < 256; byte++) {
        const char name[] = {'<', '0', 'x', hex[byte >> 4], hex[byte & 15], '>'};
        size_t id = map_find(vocab, name, sizeof name);
        ids[byte] = id == MAP_ABSENT ? -1 : (int)id;
    }
}
