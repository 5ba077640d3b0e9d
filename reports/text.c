#include "reports/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t text_decode(const char *text, size_t size, uint32_t *code)
{
    const unsigned char *bytes = (const unsigned char *)text;
    unsigned char lead = bytes[0];
    if (lead < 0x80) {
        *code = lead;
        return 1;
    }
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = lead >= 0xF0 && lead <= 0xF4  ? 4
                    : lead >= 0xE0 && lead < 0xF0 ? 3
                    : lead >= 0xC0 && lead < 0xE0 ? 2
                                                  : 0;
    uint32_t value = length == 4 ? lead & 7u : length == 3 ? lead & 15u : lead & 31u;
    *code = 0xFFFD;
    if (!length || length > size)
        return 1;
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xC0) != 0x80)
            return 1;
        value = value << 6 | (bytes[i] & 63u);
    }
    if (value < smallest[length] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
        return 1;
    *code = value;
    return length;
}

struct code_range {
    uint32_t first, last;
};

static bool code_in(uint32_t code, const struct code_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}
#define CODE_IN(code, ranges) code_in(code, ranges, sizeof(ranges) / sizeof *(ranges))

int text_columns(uint32_t code)
{
    static const struct code_range none[] = {{0x300, 0x36F},   {0x483, 0x489},   {0x591, 0x5BD},   {0x610, 0x61A},
                                             {0x64B, 0x65F},   {0x6D6, 0x6DC},   {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF},
                                             {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}};
    static const struct code_range two[] = {{0x1100, 0x115F}, {0x2E80, 0x303E},   {0x3041, 0xA4CF},  {0xA960, 0xA97F},
                                            {0xAC00, 0xD7A3}, {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},  {0xFF00, 0xFF60},
                                            {0xFFE0, 0xFFE6}, {0x1F300, 0x1FAFF}, {0x20000, 0x3FFFD}};
    return CODE_IN(code, none) ? 0 : CODE_IN(code, two) ? 2 : 1;
}

size_t text_width(const char *text, size_t size)
{
    size_t columns = 0;
    for (size_t at = 0; at < size;) {
        uint32_t code;
        at += text_decode(text + at, size - at, &code);
        columns += (size_t)text_columns(code);
    }
    return columns;
}

/* Characters that a page would swallow or that reorder the text around them: shown by number. */
static const struct code_range invisible[] = {
    {0x80, 0x9F},     {0xAD, 0xAD},     {0x34F, 0x34F},   {0x61C, 0x61C},     {0x115F, 0x1160},  {0x17B4, 0x17B5},
    {0x180B, 0x180F}, {0x200B, 0x200B}, {0x200E, 0x200F}, {0x2028, 0x202E},   {0x2060, 0x206F},  {0x3164, 0x3164},
    {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0}, {0xFFF9, 0xFFFB}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF}};

static void visible_append(struct buffer *out, uint32_t code)
{
    unsigned char picture[] = {0xE2, 0x90, (unsigned char)(code == 0x7F ? 0xA1 : 0x80 + code)};
    if (code < 0x20 || code == 0x7F)
        buffer_append(out, picture, sizeof picture); /* U+2400 and on: control pictures */
    else
        buffer_format(out, "\xE2\x9F\xA8U+%04X\xE2\x9F\xA9", (unsigned)code);
}

static const char *markup_escape(uint32_t code)
{
    static const char *const escapes[128] = {
        ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&#39;"};
    return code < 128 ? escapes[code] : NULL;
}

static const char *markdown_escape(uint32_t code)
{
    static const char *const escapes[128] = {
        ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['|'] = "\\|", ['`'] = "\\`",
        ['*'] = "\\*",   ['_'] = "\\_",  ['['] = "\\[",  [']'] = "\\]", ['\\'] = "\\\\",
        ['#'] = "\\#",   ['~'] = "\\~",  ['!'] = "\\!",  ['$'] = "\\$", ['@'] = "&#64;"};
    return code < 128 ? escapes[code] : NULL;
}

static const char *no_escape(uint32_t code)
{
    (void)code;
    return NULL;
}

static const struct {
    bool visible; /* control characters are shown */
    bool lines;   /* but line feeds and tabs stay */
    const char *(*escape)(uint32_t code);
} forms[] = {
    [TEXT_JSON] = {false, false, no_escape},          [TEXT_PLAIN] = {true, false, no_escape},
    [TEXT_MARKUP] = {true, false, markup_escape},     [TEXT_PASSAGE] = {true, true, markup_escape},
    [TEXT_MARKDOWN] = {true, false, markdown_escape},
};

/* U+200C and U+200D shape scripts and join emoji; with ASCII or nothing on a side, they only hide. */
static bool joiner_hides(uint32_t code, const char *text, size_t at, size_t size)
{
    bool joiner = code == 0x200C || code == 0x200D;
    return joiner && (at == 0 || at + 3 >= size || (unsigned char)text[at - 1] < 0x80 ||
                      (unsigned char)text[at + 3] < 0x80 || memcmp(text + at, text + at + 3, 2) == 0);
}

static bool code_hides(uint32_t code)
{
    return code < 0x20 || code == 0x7F || CODE_IN(code, invisible);
}

static void character_append(struct buffer *out, enum text_form form, const char *text, size_t length, uint32_t code,
                             bool hides)
{
    const char *escape = forms[form].escape(code);
    bool stays = forms[form].lines && (code == '\n' || code == '\t');
    if (escape)
        buffer_text(out, escape);
    else if (forms[form].visible && hides && !stays)
        visible_append(out, code);
    else if (code == 0xFFFD || (code & 0xFFFE) == 0xFFFE)
        buffer_text(out, "\xEF\xBF\xBD");
    else if (form == TEXT_MARKDOWN && code == ':' && strncmp(text, "://", 3) == 0)
        buffer_text(out, "&#58;"); /* no link out of an address in a name */
    else
        buffer_append(out, text, length);
}

void text_append_part(struct buffer *out, enum text_form form, const char *text, size_t size, size_t maximum)
{
    for (size_t at = 0, characters = 0; at < size; characters++) {
        if (characters == maximum) {
            buffer_text(out, "\xE2\x80\xA6");
            return;
        }
        uint32_t code;
        size_t length = text_decode(text + at, size - at, &code);
        character_append(out, form, text + at, length, code, code_hides(code) || joiner_hides(code, text, at, size));
        at += length;
    }
}

void text_append_short(struct buffer *out, enum text_form form, const char *text, size_t maximum)
{
    text_append_part(out, form, text, text ? strlen(text) : 0, maximum);
}

size_t text_prefix(const char *text, size_t size, size_t maximum)
{
    size_t at = 0;
    for (uint32_t code; at < size && maximum; maximum--)
        at += text_decode(text + at, size - at, &code);
    return at;
}

size_t text_characters(const char *text, size_t size)
{
    size_t count = 0;
    uint32_t code;
    for (size_t at = 0; at < size; count++)
        at += text_decode(text + at, size - at, &code);
    return count;
}

void text_append(struct buffer *out, enum text_form form, const char *text)
{
    text_append_short(out, form, text, SIZE_MAX);
}

void number_append(struct buffer *out, double value)
{
    if (isnan(value)) {
        buffer_text(out, "nan");
        return;
    }
    if (isinf(value)) {
        buffer_text(out, value > 0 ? "inf" : "-inf");
        return;
    }
    if (value == floor(value) && fabs(value) < 1e7) {
        buffer_format(out, "%.0f", value == 0 ? 0.0 : value);
        return;
    }
    char text[40];
    snprintf(text, sizeof text, fabs(value) < 1e-4 || fabs(value) >= 1e7 ? "%.2e" : "%.4g", value);
    char *exponent = strchr(text, 'e');
    if (exponent) { /* 4.20e-06 -> 4.2e-6 */
        char *end = exponent;
        while (end > text && end[-1] == '0')
            end--;
        if (end > text && end[-1] == '.')
            end--;
        long power = strtol(exponent + 1, NULL, 10);
        buffer_append(out, text, (size_t)(end - text));
        buffer_format(out, "e%ld", power);
    } else {
        buffer_text(out, text);
    }
}

void grouped_append(struct buffer *out, unsigned long whole)
{
    if (whole >= 1000000)
        buffer_format(out, "%lu,%03lu,%03lu", whole / 1000000, whole / 1000 % 1000, whole % 1000);
    else if (whole >= 1000)
        buffer_format(out, "%lu,%03lu", whole / 1000, whole % 1000);
    else
        buffer_format(out, "%lu", whole);
}

/* To three digits, of at least 1000. */
static unsigned long rounded(double size)
{
    unsigned long unit = size < 1e4 ? 10 : size < 1e5 ? 100 : size < 1e6 ? 1000 : 10000;
    return (unsigned long)lround(size / (double)unit) * unit;
}

void digits_append(struct buffer *out, double value)
{
    double size = fabs(value);
    if (!(size >= 1000 && size < 1e7)) {
        char text[40];
        snprintf(text, sizeof text, "%.3g", value);
        number_append(out, isfinite(value) ? strtod(text, NULL) : value);
        return;
    }
    buffer_text(out, value < 0 ? "-" : "");
    grouped_append(out, rounded(size));
}

/* Is the word a plural of things that are counted? */
static bool counts_things(const char *word, size_t length)
{
    static const char *const things[] = {"blocks",  "checks",  "choices", "continuations", "differences",
                                         "experts", "files",   "ids",     "layers",        "limits",
                                         "modules", "places",  "prompts", "problems",      "rows",
                                         "strings", "tensors", "texts",   "values"};
    for (size_t i = 0; i < sizeof things / sizeof *things; i++)
        if (strlen(things[i]) == length && memcmp(things[i], word, length) == 0)
            return true;
    return false;
}

void unit_append(struct buffer *out, enum text_form form, const struct finding *finding)
{
    const char *unit = finding->unit ? finding->unit : "";
    size_t length = strcspn(unit, " ");
    char single[64];
    bool one = finding->measured >= 1 && finding->measured <= 1 && counts_things(unit, length);
    if (one && strlen(unit) < sizeof single - 1) {
        const char *rest = unit + length;
        snprintf(single, sizeof single, "%.*s%s%s", (int)length - 1, unit, rest,
                 strcmp(rest, " differ") == 0 ? "s" : "");
        unit = single;
    }
    text_append_short(out, form, unit, 45);
}

void measured_append(struct buffer *out, enum text_form form, const struct finding *finding)
{
    if (!finding->has_measured) {
        buffer_char(out, '-');
        return;
    }
    number_append(out, finding->measured);
    if (finding->unit && *finding->unit) {
        buffer_char(out, ' ');
        unit_append(out, form, finding);
    }
}

void limit_append(struct buffer *out, const struct finding *finding)
{
    if (finding->has_limit)
        number_append(out, finding->limit);
    else
        buffer_char(out, '-');
}

void excess_append(struct buffer *out, const struct finding *finding)
{
    double times = finding->measured / finding->limit;
    if (!finding->has_measured || !finding->has_limit || !(finding->limit > 0) || !(times >= 1.05) || isinf(times))
        return;
    unsigned long whole = times < 1e6 ? (unsigned long)(times + 0.5) : 0;
    if (times < 10)
        buffer_format(out, "%.1f", times);
    else if (times < 1e6)
        grouped_append(out, whole < 1000 ? whole : rounded((double)whole));
    else
        number_append(out, times);
    buffer_text(out, " times the limit");
}

void where_append(struct buffer *out, enum text_form form, const struct where *where)
{
    const struct {
        const char *name;
        const char *text;
        int number;
    } parts[] = {
        {"case ", where->case_id, -1},  {"layer ", NULL, where->layer}, {"expert ", NULL, where->expert},
        {"", where->module, -1},        {"tensor ", where->tensor, -1}, {"file ", where->file, -1},
        {"token ", NULL, where->token},
    };
    const char *comma = "";
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!parts[i].text && parts[i].number < 0)
            continue;
        buffer_format(out, "%s%s", comma, parts[i].name);
        if (parts[i].text)
            text_append_short(out, form, parts[i].text, 300);
        else
            buffer_format(out, "%d", parts[i].number);
        comma = ", ";
    }
}

void counts_append(struct buffer *out, const size_t counts[4])
{
    static const struct {
        enum verdict verdict;
        const char *did;
    } order[] = {
        {VERDICT_FAIL, "failed"}, {VERDICT_WARN, "warned"}, {VERDICT_PASS, "passed"}, {VERDICT_SKIP, "skipped"}};
    const char *comma = "";
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (!counts[order[i].verdict])
            continue;
        buffer_format(out, "%s%zu %s", comma, counts[order[i].verdict], order[i].did);
        comma = ", ";
    }
    if (!*comma)
        buffer_text(out, "no checks");
}
