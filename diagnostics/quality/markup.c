/* Tags of HTML and XML: are they well formed? */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "quality/passage.h"

#define NAME_MOST 24
#define DEPTH_MOST 256

struct nesting {
    char names[DEPTH_MOST][NAME_MOST];
    size_t depth;
};

static bool is_void(const char *name)
{
    static const char *const names[] = {"br",     "hr",  "img", "input", "link", "meta",
                                        "source", "wbr", "col", "area",  "p",    "li"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(names[i], name) == 0)
            return true;
    return false;
}

/* Closes the innermost element of that name, and all inside it that need no end. */
static bool close_element(struct nesting *nesting, const char *name)
{
    size_t depth = nesting->depth;
    while (depth > 0 && strcasecmp(nesting->names[depth - 1], name) != 0 && is_void(nesting->names[depth - 1]))
        depth--;
    if (!depth || strcasecmp(nesting->names[depth - 1], name) != 0)
        return is_void(name);
    nesting->depth = depth - 1;
    return true;
}

/* A tag at `i`: sets its name, whether it closes, and where it ends; false: it is none ("a < b"). */
static bool tag_at(const struct passage *passage, size_t i, size_t last, char name[NAME_MOST], bool *closes,
                   size_t *end, bool *ended)
{
    const struct glyph *glyphs = passage->glyphs;
    size_t at = i + 1, length = 0;
    *closes = at < last && glyphs[at].code == '/';
    at += *closes;
    if (at >= last || !(glyphs[at].kind == GLYPH_LETTER || glyphs[at].code == '!' || glyphs[at].code == '?') ||
        glyphs[at].code > 127)
        return false;
    while (
        at < last && glyphs[at].code < 128 &&
        (glyphs[at].kind == GLYPH_LETTER || glyphs[at].kind == GLYPH_DIGIT || strchr("!?-:", (int)glyphs[at].code))) {
        if (length + 1 < NAME_MOST)
            name[length++] = (char)glyphs[at].code;
        at++;
    }
    name[length] = 0;
    while (at < last && glyphs[at].code != '>' && glyphs[at].code != '<')
        at++;
    *ended = at < last && glyphs[at].code == '>';
    *end = at;
    return true;
}

bool passage_markup(const struct passage *passage, size_t first, size_t last, struct markup *markup)
{
    struct nesting *nesting = calloc(1, sizeof *nesting);
    bool text = false;
    *markup = (struct markup){0};
    for (size_t i = first; nesting && i < last; i++) {
        char name[NAME_MOST];
        bool closes, ended;
        size_t end;
        if (passage->glyphs[i].part == PART_CODE || passage->glyphs[i].part == PART_INLINE)
            continue;
        if (passage->glyphs[i].code != '<' || !tag_at(passage, i, last, name, &closes, &end, &ended)) {
            text = text || passage->glyphs[i].kind != GLYPH_SPACE;
            continue;
        }
        markup->document = markup->document || (!text && !markup->tags);
        markup->tags++;
        bool alone = *name == '!' || *name == '?' || (end > i && passage->glyphs[end - 1].code == '/') || is_void(name);
        if (!ended)
            markup->broken += end < last; /* another tag begins inside it */
        else if (closes) {
            bool fits = close_element(nesting, name);
            markup->broken += !fits;
            markup->closed += fits;
        } else if (!alone || strcasecmp(name, "p") == 0 || strcasecmp(name, "li") == 0)
            if (nesting->depth < DEPTH_MOST)
                strcpy(nesting->names[nesting->depth++], name);
        i = ended ? end : end - 1;
    }
    bool good = nesting;
    free(nesting);
    return good;
}
