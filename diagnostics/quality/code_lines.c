/* Code that nobody fenced: three lines or more that each look like a line of code. */
#include <string.h>

#include "base/wording.h"
#include "quality/passage.h"

#define LINE_MOST 200 /* characters that are looked at */
#define RUN_LEAST 3   /* lines */
#define GAP_MOST 1    /* other lines inside a run */

/* What a line shows: 0 nothing, 1 it may be code, 2 nobody writes prose like that. */
enum look { LOOK_NONE, LOOK_MAYBE, LOOK_CODE };

static bool begins_with_any(const char *line, const char *const *texts)
{
    for (; *texts; texts++)
        if (text_begins_with(line, *texts))
            return true;
    return false;
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '[' || c == ']' || c == '$' || c == '*';
}

/* "name = ...", "name := ...", "self.x += ...", "const int n = ..." */
static bool assigns(const char *line)
{
    const char *at = line;
    for (int words = 0; words < 4 && *at && is_name(*at); words++) {
        at += strcspn(at, " =+-:<,;({");
        at += strspn(at, " ");
        if ((text_begins_with(at, "=") && at[1] != '>') || text_begins_with(at, ":=") || text_begins_with(at, "+=") ||
            text_begins_with(at, "-=") || text_begins_with(at, "<- "))
            return true;
    }
    return false;
}

/* "print(x)", "foo.bar(a, b)": a name, and brackets that end the line. */
static bool calls(const char *line, size_t length)
{
    size_t name = 0;
    while (is_name(line[name]))
        name++;
    return name >= 2 && line[name] == '(' && line[length - 1] == ')';
}

static enum look look_of(const char *line, size_t length, size_t indent)
{
    static const char *const code[] = {"#include", "#define", "#!/",    "//",    "/*", "*/",        "<?",
                                       "<!--",     "}",       "@param", "@Over", "</", "<!DOCTYPE", NULL};
    static const char *const words[] = {
        "def ",    "class ", "if ",   "elif ",     "else",    "for ",    "while ",   "try",     "except ",    "return",
        "import ", "from ",  "with ", "function ", "const ",  "let ",    "var ",     "public ", "private ",   "static ",
        "void ",   "int ",   "char ", "float ",    "double ", "struct ", "package ", "use ",    "fn ",        "func ",
        "switch ", "case ",  "do ",   "export ",   "async ",  "await ",  "lambda ",  "using ",  "namespace ", NULL};
    static const char *const sql[] = {"SELECT ",   "INSERT ",   "UPDATE ", "DELETE ",     "CREATE ",
                                      "FROM ",     "WHERE ",    "JOIN ",   "INNER JOIN ", "LEFT JOIN ",
                                      "GROUP BY ", "ORDER BY ", "VALUES ", "SET ",        NULL};
    char tail = line[length - 1];
    if (begins_with_any(line, code) || begins_with_any(line, sql))
        return LOOK_CODE;
    if (*line == '<' && line[1] != '|' && tail == '>') /* "<|user|>" is a template's */
        return LOOK_CODE;
    bool ends =
        strchr(";{}", tail) ||
        (length > 2 && (text_begins_with(line + length - 2, "},") || text_begins_with(line + length - 2, "];")));
    if (ends && (strpbrk(line, "(=<") || indent || length < 4 || tail != ';'))
        return LOOK_CODE;
    if (begins_with_any(line, words) &&
        (strchr(":({;", tail) || strpbrk(line, "(=;") || text_begins_with(line, "import ")))
        return LOOK_CODE;
    if (assigns(line) || calls(line, length))
        return LOOK_CODE;
    if (*line == '#' || *line == '"' || *line == '$' || *line == '[' || *line == ')' || *line == ']')
        return LOOK_MAYBE;
    if (indent >= 2 || strchr(",[](>\\:", tail))
        return LOOK_MAYBE;
    return LOOK_NONE;
}

struct code_line {
    size_t first, last; /* glyphs, without its end */
    enum look look;
    bool blank;
};

/* Bytes outside ASCII are one '?' each: no syntax has them outside strings and comments. */
static struct code_line read_line(const struct passage *passage, size_t first)
{
    char text[LINE_MOST + 1] = "";
    size_t length = 0, indent = 0, i = first;
    const struct glyph *glyphs = passage->glyphs;
    struct code_line line = {.first = first};
    while (i < passage->glyph_count && glyphs[i].code != '\n' && glyphs[i].kind == GLYPH_SPACE) {
        indent += glyphs[i].code == '\t' ? 4 : 1;
        i++;
    }
    for (; i < passage->glyph_count && glyphs[i].code != '\n'; i++)
        if (length < LINE_MOST)
            text[length++] = (char)(glyphs[i].code > 0 && glyphs[i].code < 128 ? glyphs[i].code : '?');
    while (length && (text[length - 1] == ' ' || text[length - 1] == '\r' || text[length - 1] == '\t'))
        length--;
    text[length] = 0;
    line.last = i;
    line.blank = !length;
    line.look = length ? look_of(text, length, indent) : LOOK_NONE;
    return line;
}

static void mark_code(struct passage *passage, size_t first, size_t last)
{
    for (size_t i = first; i < last; i++)
        passage->glyphs[i].part = PART_CODE;
}

void passage_code_lines(struct passage *passage)
{
    size_t begin = 0, end = 0, code = 0, lines = 0, gap = 0; /* of the run: glyphs, and lines */
    for (size_t at = 0; at < passage->glyph_count;) {
        struct code_line line = read_line(passage, at);
        bool fenced = passage->glyphs[at].part == PART_CODE || passage->glyphs[at].part == PART_TABLE;
        at = line.last + 1;
        if (line.blank)
            continue;
        gap = line.look == LOOK_NONE || fenced ? gap + 1 : 0;
        if (fenced || gap > GAP_MOST || (!code && line.look != LOOK_CODE)) {
            if (code >= RUN_LEAST && 2 * code >= lines)
                mark_code(passage, begin, end);
            code = lines = gap = 0;
            continue;
        }
        if (!code)
            begin = line.first;
        code += line.look == LOOK_CODE;
        lines++;
        if (line.look != LOOK_NONE)
            end = line.last;
    }
    if (code >= RUN_LEAST && 2 * code >= lines)
        mark_code(passage, begin, end);
}
