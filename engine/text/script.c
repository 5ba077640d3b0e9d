#include "text/script.h"

#include <stdbool.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include "text/utf8.h"

#define REPLACEMENT 0xFFFD

const char *script_of(const char *text, size_t size)
{
    UScriptCode found = USCRIPT_INVALID_CODE;
    bool common = false, broken = false;
    for (size_t at = 0; at < size;) {
        uint32_t code = utf8_next(text, &at);
        UErrorCode status = U_ZERO_ERROR;
        UScriptCode script = uscript_getScript((UChar32)code, &status);
        bool shared = U_FAILURE(status) || script == USCRIPT_COMMON || script == USCRIPT_INHERITED;
        broken = broken || code == REPLACEMENT;
        common = common || (shared && code != REPLACEMENT && !u_isUWhiteSpace((UChar32)code));
        if (shared)
            continue;
        if (found != USCRIPT_INVALID_CODE && found != script)
            return "mixed";
        found = script;
    }
    if (found != USCRIPT_INVALID_CODE)
        return uscript_getName(found);
    return broken && !common ? "bytes" : size ? "Common" : "none";
}
