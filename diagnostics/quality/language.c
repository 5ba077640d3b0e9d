/* Does it keep to a language? Scripts by ICU, languages by CLD2. */
#include <math.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include "base/buffer.h"
#include "quality/cld2.h"
#include "quality/text_measure.h"

/* Written without spaces, or with foreign words glued to its own endings: a change of script without a gap is normal.
 */
static bool glues(uint16_t script)
{
    return script == USCRIPT_HAN || script == USCRIPT_HANGUL || script == USCRIPT_THAI || script == USCRIPT_LAO ||
           script == USCRIPT_KHMER || script == USCRIPT_MYANMAR;
}

/* A Greek letter alone is a symbol: "sin α", "µm", "5Ω". */
static bool is_symbol_letter(const struct passage *passage, size_t i)
{
    const struct glyph *glyphs = passage->glyphs;
    return glyphs[i].script == USCRIPT_GREEK && !(i > 0 && glyphs[i - 1].script == USCRIPT_GREEK) &&
           !(i + 1 < passage->glyph_count && glyphs[i + 1].script == USCRIPT_GREEK);
}

static bool has_script(const struct passage *passage, size_t i)
{
    const struct glyph *glyph = &passage->glyphs[i];
    return glyph->kind == GLYPH_LETTER && glyph->script != SCRIPT_NONE && glyph->part <= PART_LIST &&
           !is_symbol_letter(passage, i);
}

enum gap { GAP_NONE, GAP_BARE, GAP_WIDE };

/* What lies between two letters of different scripts. */
static enum gap gap_between(const struct passage *passage, size_t from, size_t to)
{
    enum gap gap = GAP_NONE;
    for (size_t i = from; i < to; i++) {
        const struct glyph *glyph = &passage->glyphs[i];
        if (glyph->part > PART_LIST || glyph->code == '\n')
            return GAP_WIDE;
        if (glyph->kind == GLYPH_MARK)
            continue;
        if (glyph->kind != GLYPH_SPACE && glyph->code != ',' && glyph->code != '.' && glyph->code != 0x3002 &&
            glyph->code != 0xFF0C && glyph->code != 0x3001)
            return GAP_WIDE;
        gap = GAP_BARE;
    }
    return gap;
}

struct script_change {
    size_t before, at; /* glyphs */
    enum gap gap;
};

typedef bool change_visit(void *context, const struct view *view, const struct script_change *change);

static bool changes_each(const struct view *view, change_visit *visit, void *context)
{
    const struct passage *passage = view->passage;
    size_t before = SIZE_MAX;
    for (size_t i = view->first; i < view->last; i++) {
        if (!has_script(passage, i))
            continue;
        if (before != SIZE_MAX && passage->glyphs[before].script != passage->glyphs[i].script) {
            struct script_change change = {before, i, gap_between(passage, before + 1, i)};
            if (!visit(context, view, &change))
                return false;
        }
        before = i;
    }
    return true;
}

struct script_counts {
    double changes, glued, bare, near;
};

/* Letters of these look the same, and are mistaken for one another: one such change is half a fault. */
static bool look_alike(uint16_t script)
{
    return script == USCRIPT_LATIN || script == USCRIPT_CYRILLIC || script == USCRIPT_GREEK;
}

static bool count_change(void *context, const struct view *view, const struct script_change *change)
{
    struct script_counts *counts = context;
    const struct glyph *glyphs = view->passage->glyphs;
    counts->changes++;
    double weight = look_alike(glyphs[change->before].script) && look_alike(glyphs[change->at].script) ? 0.5 : 1;
    counts->glued += change->gap == GAP_NONE ? weight : 0;
    counts->near += change->gap != GAP_WIDE;
    counts->bare +=
        change->gap == GAP_BARE && !glues(glyphs[change->before].script) && !glues(glyphs[change->at].script);
    return true;
}

static void measure_scripts(struct measuring *measuring)
{
    const struct view *view = measuring->view;
    struct script_counts counts = {0};
    double letters = 0, glueing = 0, scripts = 0, latin = 0, *metrics = measuring->metrics;
    unsigned seen[USCRIPT_CODE_LIMIT] = {0};
    for (size_t i = view->first; i < view->last; i++) {
        if (!has_script(view->passage, i))
            continue;
        uint16_t script = view->passage->glyphs[i].script;
        letters++;
        latin += script == USCRIPT_LATIN;
        glueing += glues(script);
        scripts += script < USCRIPT_CODE_LIMIT && ++seen[script] == 2; /* one letter alone is no script */
    }
    changes_each(view, count_change, &counts);
    if (!letters)
        return;
    metrics[METRIC_SCRIPTS] = scripts;
    metrics[METRIC_SWITCHES] = 100 * counts.changes / letters;
    metrics[METRIC_GLUED] = counts.glued;
    metrics[METRIC_GLUED_RATE] = 100 * counts.glued / letters;
    metrics[METRIC_BARE] = counts.bare;
    metrics[METRIC_BARE_RATE] = 100 * counts.bare / letters;
    metrics[METRIC_NEAR] = counts.near;
    metrics[METRIC_CJK_SHARE] = glueing / letters;
    metrics[METRIC_LATIN_SHARE] = latin / letters;
}

/* What is written in other letters than Latin ones; everything else is. */
static bool language_uses(const char *language, uint16_t script)
{
    static const struct {
        const char *languages;
        UScriptCode script;
    } rows[] = {{" zh ja ", USCRIPT_HAN},
                {" ko ", USCRIPT_HANGUL},
                {" ru uk be bg sr mk kk ky mn tg ", USCRIPT_CYRILLIC},
                {" ar fa ur ps ug ", USCRIPT_ARABIC},
                {" he yi ", USCRIPT_HEBREW},
                {" el ", USCRIPT_GREEK},
                {" hi mr ne sa ", USCRIPT_DEVANAGARI},
                {" th ", USCRIPT_THAI},
                {" bn ", USCRIPT_BENGALI},
                {" ta ", USCRIPT_TAMIL},
                {" te ", USCRIPT_TELUGU},
                {" ka ", USCRIPT_GEORGIAN},
                {" hy ", USCRIPT_ARMENIAN}};
    char key[24];
    key[0] = ' ';
    strcpy(stpncpy(key + 1, language, sizeof key - 3), " ");
    bool listed = false;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!strstr(rows[i].languages, key))
            continue;
        if (rows[i].script == (UScriptCode)script)
            return true;
        listed = true;
    }
    return script == USCRIPT_LATIN && (!listed || strcmp(language, "sr") == 0);
}

static bool expected_script(const struct expects *expects, uint16_t script)
{
    for (size_t i = 0; i < expects->language_count; i++)
        if (language_uses(expects->languages[i], script))
            return true;
    return false;
}

static bool expected_language(const struct expects *expects, const char *language)
{
    for (size_t i = 0; i < expects->language_count; i++)
        if (strcmp(expects->languages[i], language) == 0)
            return true;
    return false;
}

#define LINE_LEAST 20 /* bytes; shorter lines say nothing */

/* Lines whose most likely language is expected (the "line-level pass rate" of Marchisio et al.: Understanding and
 * Mitigating Language Confusion in LLMs, 2024). */
static void measure_lines(struct measuring *measuring)
{
    const char *text = measuring->view->passage->text;
    size_t to = view_to(measuring->view);
    double lines = 0, good = 0;
    for (size_t at = view_from(measuring->view); at < to;) {
        struct cld2_result result;
        size_t size;
        const char *line = text_line(text, to, &at, &size);
        if (size < LINE_LEAST)
            continue;
        cld2_detect(line, size, true, &result);
        lines++;
        good += expected_language(measuring->expects, result.code[0]);
    }
    if (lines > 0)
        measuring->metrics[METRIC_LINE_PASS] = good / lines;
}

static void measure_expected(struct measuring *measuring)
{
    const struct view *view = measuring->view;
    const struct expects *expects = measuring->expects;
    const struct cld2_result *effort = measuring->effort;
    double letters = 0, of_script = 0, words = 0, good = 0, share = 0;
    if (!expects || !expects->language_count)
        return;
    for (size_t i = view->first; i < view->last; i++)
        if (has_script(view->passage, i)) {
            letters++;
            of_script += expected_script(expects, view->passage->glyphs[i].script);
        }
    for (size_t i = view->word_first; i < view->word_last; i++) {
        const struct word *word = &view->passage->words[i];
        if (word->kind != WORD_LETTERS || word->part > PART_LIST || word->script == SCRIPT_NONE)
            continue;
        words++;
        good += expected_script(expects, word->script);
    }
    for (int i = 0; i < 3; i++)
        share += expected_language(expects, effort->code[i]) ? effort->percent[i] : 0;
    if (letters > 0)
        measuring->metrics[METRIC_EXPECTED_SCRIPT] = of_script / letters;
    if (words > 0)
        measuring->metrics[METRIC_WORD_PASS] = good / words;
    measuring->metrics[METRIC_EXPECTED_SHARE] = share / 100;
    measure_lines(measuring);
}

void language_measure(struct measuring *measuring)
{
    const struct cld2_result *result = measuring->languages;
    double *metrics = measuring->metrics, spans = 0;
    measure_scripts(measuring);
    for (size_t i = 1; i < result->span_count; i++)
        spans += strcmp(result->spans[i].code, result->spans[i - 1].code) != 0;
    metrics[METRIC_BEST] = strcmp(result->code[0], "un") == 0 ? 0 : result->percent[0] / 100.0;
    metrics[METRIC_RELIABLE] = result->reliable;
    metrics[METRIC_SCORE] = result->score[0];
    metrics[METRIC_LANGUAGE_SPANS] = spans;
    metrics[METRIC_DRIFT] = measuring->main && result->reliable && strcmp(result->code[0], "un") != 0 &&
                            strcmp(measuring->main->code[0], "un") != 0 &&
                            strcmp(result->code[0], measuring->main->code[0]) != 0;
    measure_expected(measuring);
}

struct change_marks {
    struct marks *marks;
    bool good;
};

static bool mark_change(void *context, const struct view *view, const struct script_change *change)
{
    struct change_marks *to = context;
    const struct passage *passage = view->passage;
    size_t first = change->before, last = change->at;
    if (change->gap == GAP_WIDE)
        return true;
    /* the letters on both sides that belong together */
    while (first > view->first && passage->glyphs[first - 1].kind == GLYPH_LETTER && change->at - first < 4)
        first--;
    while (last + 1 < view->last && passage->glyphs[last + 1].kind == GLYPH_LETTER && last - change->at < 3)
        last++;
    return to->good = marks_add(to->marks, passage->glyphs[first].at, glyph_end(passage, last), DIAGNOSE_LANGUAGE);
}

bool language_mark(const struct view *view, struct marks *marks)
{
    struct change_marks to = {marks, true};
    changes_each(view, mark_change, &to);
    return to.good;
}
