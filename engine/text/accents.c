#include "text/accents.h"

#include <unicode/uchar.h>

#include "text/utf8.h"

/* The original's tables: of the crate unicode_categories for Bert's normalizer, of unicode_normalization_alignments for
 * StripAccents. What Unicode added since then has no category there. */
#define CATEGORIES_UNICODE 8
#define MARKS_UNICODE 9

static bool known_to(uint32_t code, int version)
{
    UVersionInfo age;
    u_charAge((UChar32)code, age);
    return age[0] <= version;
}

bool bert_clean(struct buffer *out, uint32_t code)
{
    uint32_t mask = U_GET_GC_MASK((UChar32)code);
    bool space = code == '\t' || code == '\n' || code == '\r';
    if (!space && (code == 0xFFFD ||
                   ((mask & (U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK)) && known_to(code, CATEGORIES_UNICODE))))
        return true;
    if (!space && !u_isUWhiteSpace((UChar32)code))
        return false;
    buffer_char(out, ' ');
    return true;
}

bool bert_chinese(struct buffer *out, uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } rows[] = {{0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xF900, 0xFAFF},  {0x20000, 0x2A6DF},
                {0x2A700, 0x2B81F}, {0x2B920, 0x2CEAF}, {0x2F800, 0x2FA1F}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (code < rows[i].first || code > rows[i].last)
            continue;
        buffer_char(out, ' ');
        utf8_append(out, code);
        buffer_char(out, ' ');
        return true;
    }
    return false;
}

/* U+1734 was such a mark then; three were not yet. */
bool bert_accent(struct buffer *out, uint32_t code)
{
    (void)out;
    if (code == 0x1734)
        return true;
    return u_charType((UChar32)code) == U_NON_SPACING_MARK && known_to(code, CATEGORIES_UNICODE) && code != 0x1885 &&
           code != 0x1886 && code != 0xA9BD && code != 0x111C9;
}

bool combining_mark(struct buffer *out, uint32_t code)
{
    (void)out;
    if (code == 0x1CF2 || code == 0x1CF3)
        return true;
    return (U_GET_GC_MASK((UChar32)code) & U_GC_M_MASK) && known_to(code, MARKS_UNICODE) && code != 0x111C9;
}
