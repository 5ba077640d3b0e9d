/* Is it made of characters at all? */
#include <math.h>
#include <string.h>
#include <unicode/uchar.h>

#include "quality/text_measure.h"

/* What a byte from 0x80 to 0x9F is in Windows-1252, or the control character that it is in Latin-1. */
static bool is_high_byte(uint32_t code)
{
    static const uint32_t windows[] = {0x20AC, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030,
                                       0x0160, 0x2039, 0x0152, 0x017D, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
                                       0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x017E, 0x0178};
    if (code >= 0x80 && code <= 0xBF && code != 0xA0 && code != 0xBB && code != 0xAB && code != 0xB7 && code != 0xBF)
        return true;
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++)
        if (windows[i] == code)
            return true;
    return false;
}

/* UTF-8 that was read as Latin-1 or Windows-1252: the first byte of a sequence, then others. */
static bool is_mojibake(const struct passage *passage, size_t i)
{
    const struct glyph *glyphs = passage->glyphs;
    uint32_t code = glyphs[i].code, next = i + 1 < passage->glyph_count ? glyphs[i + 1].code : 0;
    uint32_t after = i + 2 < passage->glyph_count ? glyphs[i + 2].code : 0;
    if (code == 0xC2 || code == 0xC3 || code == 0xD0 || code == 0xD1 || code == 0xD8 || code == 0xD9)
        return is_high_byte(next);
    if (code == 0xE2 && (next == 0x20AC || next == 0x80))
        return true;
    return code >= 0xE0 && code <= 0xF0 && is_high_byte(next) && is_high_byte(after);
}

/* The visible characters that byte-level tokenizers write for a space, a line feed, a tab; the space of others; and a
 * byte above 0x7F as such tokenizers write it. */
static bool is_marker(const struct passage *passage, size_t i)
{
    uint32_t code = passage->glyphs[i].code, next = i + 1 < passage->glyph_count ? passage->glyphs[i + 1].code : 0;
    return code == 0x120 || code == 0x10A || code == 0x109 || code == 0x2581 || (code == 0xE2 && next == 0x122) ||
           is_mojibake(passage, i);
}

static bool is_one_of(uint32_t code, const char *set)
{
    return code && code < 128 && strchr(set, (int)code);
}

/* Marks as no writer of Latin letters sets them: a comma without a space behind or with one before, an underscore at
 * the end of a word, two commas, a stop before a capital, a hyphen before a word, a capital behind a small letter.
 * Numbers, addresses and options have some of them too: it is their number that tells. */
static bool is_misplaced(const struct passage *passage, size_t i)
{
    static const struct glyph nothing = {.code = '\n', .kind = GLYPH_SPACE};
    const struct glyph *glyphs = passage->glyphs, *here = &glyphs[i];
    const struct glyph *before = i > 0 ? &glyphs[i - 1] : &nothing;
    const struct glyph *next = i + 1 < passage->glyph_count ? &glyphs[i + 1] : &nothing;
    bool letter_before = before->kind == GLYPH_LETTER, letter_next = next->kind == GLYPH_LETTER;
    if (here->part > PART_LIST)
        return false;
    if (here->kind == GLYPH_LETTER)
        return letter_before && u_isULowercase((UChar32)before->code) && u_isUUppercase((UChar32)here->code);
    if (is_one_of(here->code, ",;"))
        return letter_next || before->kind == GLYPH_SPACE || is_one_of(next->code, ",;.:");
    if (here->code == '.')
        return (before->kind == GLYPH_SPACE && next->code != '.' && !letter_next && next->kind != GLYPH_DIGIT) ||
               (letter_before && u_isULowercase((UChar32)before->code) && u_isUUppercase((UChar32)next->code));
    if (here->code == '_')
        return letter_before != letter_next || (!letter_before && next->code != '_');
    if (here->code == '-')
        return (before->kind == GLYPH_SPACE && letter_next) || (letter_before && next->kind == GLYPH_SPACE) ||
               next->code == '_';
    if (here->code == ')')
        return before->kind == GLYPH_SPACE;
    return is_one_of(here->code, "({[") && next->kind == GLYPH_SPACE;
}

static void measure_misplaced(struct measuring *measuring)
{
    const struct view *view = measuring->view;
    double misplaced = 0, words = (double)(view->word_last - view->word_first);
    for (size_t i = view->first; i < view->last; i++)
        misplaced += is_misplaced(view->passage, i);
    measuring->metrics[METRIC_MISPLACED] = misplaced;
    measuring->metrics[METRIC_MISPLACED_RATE] = misplaced / fmax(words, 1);
}

static void measure_shares(struct measuring *measuring)
{
    const struct view *view = measuring->view;
    const struct glyph *glyphs = view->passage->glyphs;
    double digits = 0, spaces = 0, prints = 0, blank = 0, blank_longest = 0, marks = 0, marks_longest = 0, top = 0,
           punctuation = 0;
    unsigned counts[4096] = {0}; /* by the low 12 bits: two that share them are rarely both frequent */
    for (size_t i = view->first; i < view->last; i++) {
        const struct glyph *glyph = &glyphs[i];
        bool space = glyph->kind == GLYPH_SPACE;
        spaces += space;
        prints += !space;
        punctuation += u_ispunct((UChar32)glyph->code) || glyph->code == '`';
        digits += glyph->kind == GLYPH_DIGIT;
        blank = space ? blank + 1 : 0;
        marks = glyph->kind == GLYPH_MARK ? marks + 1 : 0;
        blank_longest = fmax(blank_longest, blank);
        marks_longest = fmax(marks_longest, marks);
        if (!space)
            top = fmax(top, ++counts[glyph->code & 0xFFF]);
    }
    measuring->metrics[METRIC_BLANK_RUN] = blank_longest;
    measuring->metrics[METRIC_MARK_RUN] = marks_longest;
    if (view->last > view->first)
        measuring->metrics[METRIC_SPACE_SHARE] = spaces / (double)(view->last - view->first);
    if (prints > 0) {
        measuring->metrics[METRIC_DIGIT_SHARE] = digits / prints;
        measuring->metrics[METRIC_TOP_SHARE] = top / prints;
        measuring->metrics[METRIC_PUNCTUATION] = punctuation / prints;
    }
}

void characters_measure(struct measuring *measuring)
{
    const struct view *view = measuring->view;
    const struct glyph *glyphs = view->passage->glyphs;
    double printable = 0, letters = 0, bad = 0, markers = 0, prose = 0, symbols = 0, same = 0, flood = 0;
    double same_longest = 0, flood_longest = 0, distinct = 0, count = (double)(view->last - view->first);
    unsigned char seen[8192] = {0}; /* by the low 16 bits: enough to tell few from many */
    for (size_t i = view->first; i < view->last; i++) {
        const struct glyph *glyph = &glyphs[i];
        bool prints = glyph->kind != GLYPH_SPACE && glyph->kind != GLYPH_BAD;
        bool symbol = glyph->kind == GLYPH_SYMBOL;
        printable += prints;
        letters += glyph->kind == GLYPH_LETTER;
        bad += glyph->kind == GLYPH_BAD;
        markers += is_marker(view->passage, i);
        prose += prints && glyph->part <= PART_LIST;
        symbols += symbol && glyph->part <= PART_LIST;
        same = i > view->first && prints && glyph->code == glyphs[i - 1].code ? same + 1 : 1;
        same_longest = fmax(same_longest, prints ? same : 0);
        flood = symbol && glyph->part <= PART_LIST && glyph->code < 0x2190 ? flood + 1
                : glyph->kind == GLYPH_SPACE                               ? flood
                                                                           : 0;
        flood_longest = fmax(flood_longest, flood);
        unsigned char *byte = &seen[(glyph->code & 0xFFFF) / 8], bit = (unsigned char)(1 << (glyph->code & 7));
        distinct += prints && !(*byte & bit);
        *byte = (unsigned char)(prints ? *byte | bit : *byte);
    }
    double *metrics = measuring->metrics;
    metrics[METRIC_PRINTABLE] = printable;
    metrics[METRIC_LETTERS] = letters;
    metrics[METRIC_BAD] = bad;
    metrics[METRIC_BAD_SHARE] = bad / fmax(count, 1);
    metrics[METRIC_MARKERS] = markers;
    metrics[METRIC_MARKER_SHARE] = markers / fmax(count, 1);
    metrics[METRIC_DISTINCT_SYMBOLS] = distinct;
    metrics[METRIC_SYMBOL_SHARE] = prose >= 1 ? symbols / prose : NAN;
    metrics[METRIC_SYMBOL_RUN] = flood_longest;
    metrics[METRIC_SAME_RUN] = same_longest;
    measure_misplaced(measuring);
    measure_shares(measuring);
}

bool characters_mark(const struct view *view, struct marks *marks)
{
    const struct passage *passage = view->passage;
    for (size_t i = view->first; i < view->last; i++)
        if ((passage->glyphs[i].kind == GLYPH_BAD || is_marker(passage, i) || is_misplaced(passage, i)) &&
            !marks_add(marks, passage->glyphs[i].at, glyph_end(passage, i), DIAGNOSE_CHARACTERS))
            return false;
    return true;
}
