#include "quality/passage.h"

#include <stdlib.h>
#include <string.h>
#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>
#include <unicode/utext.h>

#include "base/buffer.h"
#include "base/json.h"

static bool is_bad(UChar32 code)
{
    int8_t category = u_charType(code);
    return code == 0xFFFD || (category == U_CONTROL_CHAR && !(code >= '\t' && code <= '\r')) ||
           category == U_UNASSIGNED || category == U_PRIVATE_USE_CHAR || category == U_SURROGATE;
}

static enum glyph_kind glyph_kind(UChar32 code)
{
    if (code < 0 || is_bad(code))
        return GLYPH_BAD;
    if (u_isUWhiteSpace(code))
        return GLYPH_SPACE;
    if (u_isalpha(code) && u_charType(code) != U_LETTER_NUMBER)
        return GLYPH_LETTER;
    if (U_GET_GC_MASK(code) & U_GC_M_MASK)
        return GLYPH_MARK;
    return u_isdigit(code) ? GLYPH_DIGIT : GLYPH_SYMBOL;
}

static uint16_t glyph_script(UChar32 code)
{
    UErrorCode status = U_ZERO_ERROR;
    UScriptCode script = code < 0 ? USCRIPT_COMMON : uscript_getScript(code, &status);
    switch (script) {
    case USCRIPT_HIRAGANA:
    case USCRIPT_KATAKANA:
    case USCRIPT_BOPOMOFO:
        return USCRIPT_HAN;
    case USCRIPT_INHERITED:
    case USCRIPT_UNKNOWN:
    case USCRIPT_COMMON:
        return SCRIPT_NONE;
    default:
        return U_FAILURE(status) ? SCRIPT_NONE : (uint16_t)script;
    }
}

static bool passage_glyphs(struct passage *passage, struct error *error)
{
    passage->glyphs = malloc((passage->size + 1) * sizeof *passage->glyphs);
    if (!passage->glyphs)
        return error_memory(error, "text");
    for (int32_t at = 0, size = (int32_t)passage->size; at < size;) {
        UChar32 code;
        uint32_t begin = (uint32_t)at;
        U8_NEXT((const uint8_t *)passage->text, at, size, code);
        struct glyph glyph = {.code = code < 0 ? 0xFFFD : (uint32_t)code, .at = begin};
        glyph.kind = (uint8_t)glyph_kind(code);
        glyph.script = glyph.kind == GLYPH_LETTER || glyph.kind == GLYPH_MARK ? glyph_script(code) : SCRIPT_NONE;
        passage->invalid += code < 0;
        passage->glyphs[passage->glyph_count++] = glyph;
    }
    return true;
}

size_t passage_line_end(const struct passage *passage, size_t at, size_t last)
{
    while (at < last && passage->glyphs[at].code != '\n')
        at++;
    return at;
}

size_t glyph_end(const struct passage *passage, size_t glyph)
{
    return glyph + 1 < passage->glyph_count ? passage->glyphs[glyph + 1].at : passage->size;
}

uint64_t word_hash_next(uint64_t hash, uint32_t code)
{
    return (hash ^ code) * 0x100000001B3u;
}

const char *word_list_next(const char *list, uint64_t *hash)
{
    int32_t length = (int32_t)strcspn(list, " "), i = 0;
    while (i < length) {
        UChar32 code;
        U8_NEXT((const uint8_t *)list, i, length, code);
        *hash = word_hash_next(*hash, (uint32_t)u_foldCase(code, U_FOLD_CASE_DEFAULT));
    }
    return list + length + (list[length] == ' ');
}

static uint64_t word_hash(const struct passage *passage, size_t first, size_t last)
{
    uint64_t hash = WORD_HASH_BEGIN;
    for (size_t i = first; i < last; i++)
        hash = word_hash_next(hash, (uint32_t)u_foldCase((UChar32)passage->glyphs[i].code, U_FOLD_CASE_DEFAULT));
    return hash;
}

static bool is_ascii_ink(const struct glyph *glyph)
{
    return glyph->code > 32 && glyph->code < 127;
}

#define ADDRESS_MOST 200 /* characters that are looked at on either side */

/* The run of ASCII without spaces around the word holds what makes paths, addresses and formulas. */
static bool in_address(const struct passage *passage, const struct word *word)
{
    size_t first = word->first, last = word->last;
    while (first > 0 && word->first - first < ADDRESS_MOST && is_ascii_ink(&passage->glyphs[first - 1]))
        first--;
    while (last < passage->glyph_count && last - word->last < ADDRESS_MOST && is_ascii_ink(&passage->glyphs[last]))
        last++;
    for (; first < last; first++)
        if (strchr("/@\\_=^#$~|<>{}*+%&", (int)passage->glyphs[first].code))
            return true;
    return false;
}

/* In an address, with a digit in it, or in capitals: 2 to 5 of them. */
static bool is_technical(const struct passage *passage, const struct word *word)
{
    size_t capitals = 0, digits = 0, length = word->last - word->first;
    bool ascii = true;
    for (size_t i = word->first; i < word->last; i++) {
        ascii = ascii && is_ascii_ink(&passage->glyphs[i]);
        capitals += u_isUUppercase((UChar32)passage->glyphs[i].code) != 0;
        digits += passage->glyphs[i].kind == GLYPH_DIGIT;
    }
    return digits || (capitals == length && length >= 2 && length <= 5) || (ascii && in_address(passage, word));
}

static bool add_word(struct passage *passage, size_t *capacity, size_t first, size_t last, int status)
{
    if (!array_grow(passage->words, passage->word_count, *capacity))
        return false;
    struct word *word = &passage->words[passage->word_count++];
    *word = (struct word){.first = (uint32_t)first,
                          .last = (uint32_t)last,
                          .kind = status < UBRK_WORD_NUMBER_LIMIT ? WORD_NUMBER : WORD_LETTERS,
                          .part = passage->glyphs[first].part};
    for (size_t i = first; i < last && !word->script; i++)
        word->script = passage->glyphs[i].script;
    word->hash = word_hash(passage, first, last);
    word->technical = is_technical(passage, word);
    return true;
}

static bool passage_words(struct passage *passage, struct error *error)
{
    UErrorCode status = U_ZERO_ERROR;
    UText *text = utext_openUTF8(NULL, passage->text, (int64_t)passage->size, &status);
    UBreakIterator *words = ubrk_open(UBRK_WORD, "", NULL, 0, &status);
    size_t capacity = 0, glyph = 0;
    bool good = true;
    if (U_SUCCESS(status))
        ubrk_setUText(words, text, &status);
    int32_t begin = U_SUCCESS(status) ? ubrk_first(words) : UBRK_DONE;
    for (int32_t end; good && begin != UBRK_DONE && (end = ubrk_next(words)) != UBRK_DONE; begin = end) {
        int kind = ubrk_getRuleStatus(words);
        size_t first = glyph;
        while (glyph < passage->glyph_count && passage->glyphs[glyph].at < (uint32_t)end)
            glyph++;
        if (kind >= UBRK_WORD_NONE_LIMIT && glyph > first)
            good = add_word(passage, &capacity, first, glyph, kind);
    }
    ubrk_close(words);
    utext_close(text);
    if (U_FAILURE(status))
        return error_set(error, "words: ICU: %s", u_errorName(status));
    return good || error_memory(error, "words");
}

static bool is_json(const char *text, size_t size)
{
    struct error error = {0};
    cJSON *json = json_parse("text", text, size, &error);
    bool is = cJSON_IsObject(json) || cJSON_IsArray(json);
    cJSON_Delete(json);
    error_clear(&error);
    return is;
}

#define CLOSED_LEAST 2 /* elements of a document */

bool passage_new(struct passage *passage, const char *text, size_t size, struct error *error)
{
    *passage = (struct passage){.text = text, .size = size};
    if (size > INT32_MAX)
        return error_set(error, "text of %zu bytes; at most 2 GiB can be judged", size);
    passage->structured = is_json(text, size);
    if (!passage_glyphs(passage, error) || !passage_structure(passage, error) || !passage_words(passage, error) ||
        !passage_again(passage, error))
        return false;
    struct markup markup;
    if (!passage_markup(passage, 0, passage->glyph_count, &markup))
        return error_memory(error, "text");
    passage->structured = passage->structured || (markup.document && markup.closed >= CLOSED_LEAST && !markup.broken);
    return true;
}

void passage_free(struct passage *passage)
{
    free(passage->glyphs);
    free(passage->words);
    free(passage->again);
    *passage = (struct passage){0};
}

/* The first word whose glyph `first` is not before the glyph. */
static size_t word_at(const struct passage *passage, size_t glyph)
{
    size_t low = 0, high = passage->word_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (passage->words[middle].first < glyph)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct view passage_view(const struct passage *passage, size_t first, size_t last)
{
    struct view view = {.passage = passage, .first = first, .last = last};
    view.word_first = word_at(passage, first);
    view.word_last = word_at(passage, last);
    if (view.word_last > view.word_first && passage->words[view.word_last - 1].last > last)
        view.word_last--;
    return view;
}

size_t view_from(const struct view *view)
{
    return view->first < view->passage->glyph_count ? view->passage->glyphs[view->first].at : view->passage->size;
}

size_t view_to(const struct view *view)
{
    return view->last < view->passage->glyph_count ? view->passage->glyphs[view->last].at : view->passage->size;
}

const char *word_text(const struct passage *passage, const struct word *word, size_t *size)
{
    *size = glyph_end(passage, word->last - 1) - passage->glyphs[word->first].at;
    return passage->text + passage->glyphs[word->first].at;
}
