/* What markdown sees in a text (cmark-gfm): fenced code, tables, lists; and inline code between backticks. */
#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm-extension_api.h>
#include <cmark-gfm.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "quality/passage.h"

#define MARKDOWN_MOST                                                                                                  \
    ((size_t)256 << 10) /* cmark-gfm 0.29 is quadratic on hostile texts: the rest of a text is prose */

/* Glyph at which each line begins; count + 1 of them. */
struct lines {
    size_t *first;
    size_t count;
};

static bool lines_new(struct lines *lines, const struct passage *passage)
{
    lines->first = malloc((passage->glyph_count + 2) * sizeof *lines->first);
    if (!lines->first)
        return false;
    lines->first[lines->count++] = 0;
    for (size_t i = 0; i < passage->glyph_count; i++)
        if (passage->glyphs[i].code == '\n')
            lines->first[lines->count++] = i + 1;
    lines->first[lines->count] = passage->glyph_count;
    return true;
}

/* Lines first .. last, counted from 1, are that part. */
static void mark_lines(struct passage *passage, const struct lines *lines, int first, int last, enum part part)
{
    if (first < 1)
        return;
    for (size_t line = (size_t)first; line <= (size_t)last && line <= lines->count; line++)
        for (size_t i = lines->first[line - 1]; i < lines->first[line]; i++)
            passage->glyphs[i].part = (uint8_t)part;
}

static enum part node_part(cmark_node *node)
{
    if (cmark_node_get_type(node) == CMARK_NODE_ITEM)
        return PART_LIST;
    if (cmark_node_get_type(node) == CMARK_NODE_CODE_BLOCK &&
        cmark_node_get_fenced(node, &(int){0}, &(int){0}, &(char){0}))
        return PART_CODE;
    return strcmp(cmark_node_get_type_string(node), "table") == 0 ? PART_TABLE : PART_PROSE;
}

static void mark_blocks(struct passage *passage, const struct lines *lines, cmark_node *document)
{
    cmark_iter *iter = cmark_iter_new(document);
    cmark_event_type event;
    size_t lists = 0; /* one inside another is marked already: "1. 1. 1. 1." */
    while (iter && (event = cmark_iter_next(iter)) != CMARK_EVENT_DONE) {
        cmark_node *node = cmark_iter_get_node(iter);
        enum part part = node_part(node);
        if (event == CMARK_EVENT_ENTER && part != PART_PROSE && !(part == PART_LIST && lists))
            mark_lines(passage, lines, cmark_node_get_start_line(node), cmark_node_get_end_line(node), part);
        if (part == PART_LIST)
            lists = event == CMARK_EVENT_ENTER ? lists + 1 : lists - 1;
    }
    cmark_iter_free(iter);
}

#define CELLS_MOST ((size_t)1 << 20)

/* cmark-gfm fills every row of a table to the columns of its head, and ends the process where memory ends. */
static bool tables_fit(const struct passage *passage)
{
    size_t most = 0, bars = 1, lines = 1;
    for (size_t i = 0; i < passage->glyph_count; i++) {
        bool end = passage->glyphs[i].code == '\n' || passage->glyphs[i].code == '\r';
        lines += end;
        bars = end ? 1 : bars + (passage->glyphs[i].code == '|');
        most = bars > most ? bars : most;
    }
    return most <= CELLS_MOST / lines;
}

static pthread_once_t registered = PTHREAD_ONCE_INIT;

static bool mark_markdown(struct passage *passage, const struct lines *lines)
{
    pthread_once(&registered, cmark_gfm_core_extensions_ensure_registered);
    cmark_parser *parser = cmark_parser_new(CMARK_OPT_DEFAULT);
    cmark_syntax_extension *table = cmark_find_syntax_extension("table");
    if (parser && table && tables_fit(passage))
        cmark_parser_attach_syntax_extension(parser, table);
    if (!parser)
        return false;
    cmark_parser_feed(parser, passage->text, passage->size < MARKDOWN_MOST ? passage->size : MARKDOWN_MOST);
    cmark_node *document = cmark_parser_finish(parser);
    if (document)
        mark_blocks(passage, lines, document);
    cmark_node_free(document);
    cmark_parser_free(parser);
    return document;
}

static size_t backticks_before(const struct passage *passage, size_t first, size_t end)
{
    size_t run = 0;
    while (end - run > first && passage->glyphs[end - run - 1].code == '`')
        run++;
    return run;
}

/* Runs of backticks, each looked at once: `next`, by the glyph where a run begins, is where the next run of the same
 * length in its line begins, 0 for none; `seen`, by length, is 0 between two lines. Both have a place for each glyph
 * and one more. */
static void pair_backticks(const struct passage *passage, size_t first, size_t end, size_t *next, size_t *seen)
{
    size_t run;
    for (size_t i = end; i > first; i -= run ? run : 1)
        if ((run = backticks_before(passage, first, i))) {
            next[i - run] = seen[run];
            seen[run] = i - run;
        }
    for (size_t i = end; i > first; i -= run ? run : 1)
        if ((run = backticks_before(passage, first, i)))
            seen[run] = 0;
}

/* A run of backticks up to the next run of the same length in the same line. */
static bool mark_inline(struct passage *passage, const struct lines *lines)
{
    struct glyph *glyphs = passage->glyphs;
    size_t *next = calloc(passage->glyph_count + 1, sizeof *next);
    size_t *seen = calloc(passage->glyph_count + 1, sizeof *seen);
    for (size_t line = 0; next && seen && line < lines->count; line++) {
        size_t end = lines->first[line + 1];
        pair_backticks(passage, lines->first[line], end, next, seen);
        for (size_t i = lines->first[line]; i < end;) {
            size_t at = i;
            while (i < end && glyphs[i].code == '`')
                i++;
            if (i == at)
                i++;
            else if (next[at]) {
                for (size_t close = next[at] + i - at; at < close; at++)
                    glyphs[at].part = glyphs[at].part == PART_CODE ? PART_CODE : PART_INLINE;
                i = at;
            }
        }
    }
    bool good = next && seen;
    free(next);
    free(seen);
    return good;
}

/* The glyphs from `at` on spell the text. */
static bool spells(const struct passage *passage, size_t at, const char *text)
{
    for (; *text; at++, text++)
        if (at >= passage->glyph_count || passage->glyphs[at].code != (uint32_t)(unsigned char)*text)
            return false;
    return true;
}

#define FORMULA_MOST 400 /* characters; a longer one is none */

/* Formulas between $ and $, \\( and \\), \\[ and \\]; not "$5 and $6": no space behind the first, a digit neither. */
static void mark_formulas(struct passage *passage)
{
    static const char *const pairs[][2] = {{"$$", "$$"}, {"\\[", "\\]"}, {"\\(", "\\)"}, {"$", "$"}};
    struct glyph *glyphs = passage->glyphs;
    for (size_t i = 0; i + 2 < passage->glyph_count; i++)
        for (size_t pair = 0; pair < sizeof pairs / sizeof *pairs; pair++) {
            size_t length = strlen(pairs[pair][0]), from = i + length, end = from;
            if (!spells(passage, i, pairs[pair][0]) || from >= passage->glyph_count ||
                (length == 1 && (glyphs[from].kind == GLYPH_SPACE || glyphs[from].kind == GLYPH_DIGIT)))
                continue;
            while (end < passage->glyph_count && end - from < FORMULA_MOST && !spells(passage, end, pairs[pair][1]))
                end++;
            if (end == from || !spells(passage, end, pairs[pair][1]))
                continue;
            for (end += length; i < end; i++)
                glyphs[i].part = glyphs[i].part == PART_CODE ? PART_CODE : PART_INLINE;
            i--;
            break;
        }
}

static size_t line_commas(const struct passage *passage, const struct lines *lines, size_t line)
{
    size_t commas = 0;
    for (size_t i = lines->first[line]; i < lines->first[line + 1]; i++)
        commas += passage->glyphs[i].code == ',' || passage->glyphs[i].code == ';' || passage->glyphs[i].code == '\t';
    return commas;
}

/* Lines one after the other with the same number of commas: comma-separated values. */
static void mark_csv(struct passage *passage, const struct lines *lines)
{
    for (size_t line = 0; line + 1 < lines->count; line++) {
        size_t commas = line_commas(passage, lines, line);
        if (commas < 2 || line_commas(passage, lines, line + 1) != commas)
            continue;
        for (size_t i = lines->first[line]; i < lines->first[line + 2]; i++)
            if (passage->glyphs[i].part == PART_PROSE)
                passage->glyphs[i].part = PART_TABLE;
    }
}

bool passage_structure(struct passage *passage, struct error *error)
{
    struct lines lines = {0};
    bool good = lines_new(&lines, passage) && mark_markdown(passage, &lines) && mark_inline(passage, &lines);
    if (good) {
        passage_code_lines(passage);
        mark_csv(passage, &lines);
        mark_formulas(passage);
    }
    free(lines.first);
    return good || error_memory(error, "text");
}
