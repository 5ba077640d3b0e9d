#include <cstdio> /* CLD2's header uses FILE without it */
#include <cstring>
#include <new>

#include <cld2/public/compact_lang_det.h>
#include <cld2/public/encodings.h>

#include "quality/cld2.h"

/* "zh" for both ways of writing Chinese, "he" and "nb" for CLD2's old "iw" and "no". */
static const char *code_of(CLD2::Language language)
{
    static const struct {
        const char *cld2, *ours;
    } rows[] = {{"zh-Hant", "zh"}, {"iw", "he"}, {"no", "nb"}, {"jw", "jv"}};
    const char *code = CLD2::LanguageCode(language);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].cld2, code) == 0)
            return rows[i].ours;
    return code;
}

extern "C" void cld2_detect(const char *text, size_t size, bool best_effort, struct cld2_result *out)
{
    CLD2::Language languages[3] = {CLD2::UNKNOWN_LANGUAGE, CLD2::UNKNOWN_LANGUAGE, CLD2::UNKNOWN_LANGUAGE};
    CLD2::ResultChunkVector chunks;
    CLD2::CLDHints hints = {nullptr, nullptr, CLD2::UNKNOWN_ENCODING, CLD2::UNKNOWN_LANGUAGE};
    int valid = 0;
    *out = cld2_result();
    CLD2::ExtDetectLanguageSummaryCheckUTF8(text, (int)size, true, &hints, best_effort ? CLD2::kCLDFlagBestEffort : 0,
                                            languages, out->percent, out->score, &chunks, &out->bytes, &out->reliable,
                                            &valid);
    for (int i = 0; i < 3; i++)
        out->code[i] = code_of(languages[i]);
    for (size_t i = 0; i < chunks.size() && out->span_count < CLD2_SPANS_MOST; i++) {
        cld2_span &span = out->spans[out->span_count++];
        span.first = (size_t)chunks[i].offset;
        span.last = span.first + chunks[i].bytes;
        span.code = code_of((CLD2::Language)chunks[i].lang1);
    }
}

extern "C" bool cld2_knows(const char *code)
{
    for (int i = 0; i < CLD2::NUM_LANGUAGES; i++)
        if (i != CLD2::UNKNOWN_LANGUAGE && i != CLD2::TG_UNKNOWN_LANGUAGE &&
            strcmp(code, code_of((CLD2::Language)i)) == 0)
            return true;
    return false;
}

extern "C" void cxx_on_shortage(void (*handler)(void))
{
    std::set_new_handler(handler);
}
