/* Oniguruma's own syntax (ONIG_SYNTAX_ONIGURUMA, as tokenizers uses it) over UTF-8, rewritten for PCRE2.
 *
 * Why not Oniguruma itself: it was tried, 6.9.8 in place of this file and PCRE2, on 16 MB of real text, 4 MB of random
 * Unicode and every character, with 24 patterns. It needs 2.8 times the instructions of PCRE2's compiled code with
 * GPT-2's pattern, 2.1 with cl100k's and Qwen2's, 1.5 with DeepSeek's, 1.07 with o200k's; a whole `tokenize` takes 1.3
 * times as long. It knows Unicode 14 as PCRE2 10.42 does, where tokenizers carries 16, so the table of newer characters
 * would stay and an encoding of our own come beside it: 286 lines for 683. Its retry limits do not count what a greedy
 * loop walks: (?:a+)+b over 100 kB of a's runs for more than 5 s unstopped. Ids were equal for every
 * tokenizer tried. It would take what is refused here: POSIX classes, \X, recursion, named groups.
 *
 * What differs and is rewritten:
 * \s without U+180E; \w with marks and all connectors; \h is a hexadecimal digit; \v is U+000B; \uHHHH; ^ and $ at
 * every line;
 * (?m) is "dot matches newline"; an option in the middle of a branch reaches to the end of its group, alternatives
 * included;
 * {,n} is {0,n}, and {n,m}+ repeats where PCRE2 would be possessive; classes nest ([a[bc]]) and intersect ([a&&b]);
 * scripts mean Script, not Script_Extensions; characters newer than PCRE2's Unicode are added to classes. */
#include <string.h>

#include "text/pattern.h"
#include "text/utf8.h"

#define GROUPS_MOST 200
#define NOWHERE SIZE_MAX

struct group {
    size_t start; /* in the output: where the group as an atom begins */
    int closes;   /* parentheses that inline options opened inside it */
    bool folds;   /* (?i) is on */
};

struct translator {
    const char *where;
    const char *regex;
    size_t size;
    size_t at;
    struct buffer *out;
    size_t atom; /* in the output: where the last repeatable item begins, or NOWHERE */
    struct group groups[GROUPS_MOST];
    size_t depth;
    struct error *error;
};

static const char class_space[] =
    "\\t-\\r \\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}";

/* Marks that are alphabetic to Unicode 16, not to 14: new ones, and old ones of which it was found later. */
#define LATER_ALPHABETIC                                                                                               \
    "\\x{363}-\\x{36f}\\x{897}\\x{c04}\\x{cf3}\\x{f82}\\x{f83}\\x{1dd3}-\\x{1de6}\\x{10d69}\\x{10efc}\\x{11080}"       \
    "\\x{11081}\\x{11241}\\x{113b8}-\\x{113c0}\\x{113c2}\\x{113c5}\\x{113c7}-\\x{113ca}\\x{113cc}\\x{113cd}\\x{11f00}" \
    "\\x{11f01}\\x{11f03}\\x{11f34}-\\x{11f3a}\\x{11f3e}-\\x{11f40}\\x{1611e}-\\x{1612e}\\x{1e08f}"

/* Inside a class, superscript digits and fractions of Latin-1 are no word characters, though \w alone matches them. A
 * name that no pattern can spell. */
#define WORD_IN_CLASS "word in class"

/* Properties that are no general category of one or two letters. `later` names the categories whose newer characters
 * belong to it; `text` is what PCRE2 is given. Any other name is taken for a script. */
static const struct property {
    const char *name;
    const char *text;
    const char *later;
} properties[] = {
    {"any", "\\x{0}-\\x{10ffff}", ""},
    {"letter", "\\p{L}", "L"},
    {"mark", "\\p{M}", "M"},
    {"number", "\\p{N}", "N"},
    {"punctuation", "\\p{P}", "P"},
    {"symbol", "\\p{S}", "S"},
    {"separator", "\\p{Z}", "Z"},
    {"alpha", "\\p{Alphabetic}" LATER_ALPHABETIC, "L"},
    {"alphabetic", "\\p{Alphabetic}" LATER_ALPHABETIC, "L"},
    {"digit", "\\p{Nd}", "Nd"},
    {"space", class_space, ""},
    {"word", "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}", "L M Nd"},
    {WORD_IN_CLASS, "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}", "L M Nd"},
    {"han", "\\p{sc:Han}\\x{2b739}\\x{2ebf0}-\\x{2ee5d}\\x{31350}-\\x{323af}", ""},
};

static bool translate_refuse(struct translator *t, const char *what)
{
    return error_set(t->error, "%s: pattern \"%.300s\": %s at byte %zu is not supported", t->where, t->regex, what,
                     t->at);
}

static int translate_peek(const struct translator *t, size_t ahead)
{
    return t->size - t->at > ahead ? (unsigned char)t->regex[t->at + ahead] : -1;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(int c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Appends, as part of a class, the newer characters of the categories: "L M Nd" is all of L and M, and Nd. */
static void append_later(struct buffer *out, const char *categories)
{
    for (const char *name = categories; *name; name += *name == ' ') {
        size_t length = strcspn(name, " ");
        for (size_t i = 0; i < unicode_later_count; i++)
            if (strncmp(unicode_later[i].category, name, length) == 0)
                buffer_format(out, "\\x{%x}-\\x{%x}", unicode_later[i].first, unicode_later[i].last);
        name += length;
    }
}

static void append_property(struct buffer *out, const char *name)
{
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++) {
        if (strcmp(properties[i].name, name) == 0) {
            buffer_text(out, properties[i].text);
            append_later(out, properties[i].later);
            return;
        }
    }
    size_t length = strlen(name);
    if (length > 2) {
        buffer_format(out, "\\p{sc:%s}", name);
        return;
    }
    char category[3] = {(char)(name[0] >= 'a' ? name[0] - 'a' + 'A' : name[0]), name[0] ? name[1] : '\0', '\0'};
    buffer_format(out, "\\p{%s}", category);
    append_later(out, category);
}

/* Reads {Name} or {^Name} behind \p or \P; case, spaces, hyphens and underscores do not count. */
static bool read_property(struct translator *t, char name[64], bool *negated)
{
    size_t length = 0;
    if (translate_peek(t, 0) != '{')
        return translate_refuse(t, "\\p without {}");
    t->at++;
    if (translate_peek(t, 0) == '^') {
        *negated = !*negated;
        t->at++;
    }
    for (; translate_peek(t, 0) != '}'; t->at++) {
        int c = translate_peek(t, 0);
        if (c == ' ' || c == '-' || c == '_')
            continue;
        if (!(is_letter(c) || is_digit(c)) || length + 1 >= 64)
            return translate_refuse(t, "this property name");
        name[length++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    t->at++;
    name[length] = '\0';
    return length > 0 || translate_refuse(t, "an empty property name");
}

/* The property that an escape letter stands for, NULL for none. The upper-case letter is its complement. */
static const char *escape_property(int c)
{
    switch (c | 0x20) {
    case 's':
        return "space";
    case 'w':
        return "word";
    case 'd':
        return "digit";
    default:
        return NULL;
    }
}

/* Reads \xHH, \x{H...} or \uHHHH behind the letter. */
static bool read_code(struct translator *t, int letter, uint32_t *code)
{
    bool braces = letter == 'x' && translate_peek(t, 0) == '{';
    size_t most = braces ? 6 : letter == 'x' ? 2 : 4, count = 0;
    t->at += braces;
    *code = 0;
    for (; count < most && is_hex(translate_peek(t, 0)); count++, t->at++) {
        int c = translate_peek(t, 0);
        *code = *code * 16 + (uint32_t)(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    bool good = count > 0 && (letter == 'x' || count == 4) && (!braces || translate_peek(t, 0) == '}');
    t->at += braces;
    good = good && *code <= 0x10FFFF && (*code < 0xD800 || *code > 0xDFFF) && (braces || letter == 'u' || *code < 0x80);
    return good || translate_refuse(t, "this character code");
}

/* An escape that stands for one character, behind its backslash; both inside and outside a class. */
static bool translate_character(struct translator *t)
{
    static const char controls[][2] = {{'t', 9}, {'n', 10}, {'v', 11}, {'f', 12}, {'r', 13}, {'a', 7}, {'e', 27}};
    int c = translate_peek(t, 0);
    if (c == 'x' || c == 'u') {
        uint32_t code = 0;
        t->at++;
        return read_code(t, c, &code) && (buffer_format(t->out, "\\x{%x}", code) || error_memory(t->error, t->where));
    }
    for (size_t i = 0; i < sizeof controls / sizeof *controls; i++) {
        if (c == controls[i][0]) {
            t->at++;
            return buffer_format(t->out, "\\x{%x}", (unsigned)controls[i][1]) || error_memory(t->error, t->where);
        }
    }
    if (c < 0 || is_letter(c) || is_digit(c))
        return translate_refuse(t, "this escape");
    size_t from = t->at;
    utf8_next(t->regex, &t->at);
    if (c < 0x80)
        buffer_char(t->out, '\\');
    return buffer_append(t->out, t->regex + from, t->at - from) || error_memory(t->error, t->where);
}

static void append_class_property(struct buffer *out, const char *name)
{
    append_property(out, strcmp(name, "word") == 0 ? WORD_IN_CLASS : name);
}

/* A property or \s \w \d \h behind the backslash, as an item of a class. `*taken` is false where it is none of them. */
static bool class_property(struct translator *t, bool *taken)
{
    int c = translate_peek(t, 0);
    bool negated = c == 'P' || c == 'S' || c == 'W' || c == 'D';
    char name[64];
    *taken = true;
    if (c == 'p' || c == 'P') {
        t->at++;
        if (!read_property(t, name, &negated))
            return false;
        if (negated && strlen(name) > 2)
            return translate_refuse(t, "the complement of a property inside a class");
        if (t->groups[t->depth].folds &&
            (strcmp(name, "lu") == 0 || strcmp(name, "ll") == 0 || strcmp(name, "lt") == 0))
            return translate_refuse(t, "a letter's case inside a class under (?i)");
        return negated ? buffer_format(t->out, "\\P{%c%s}", name[0] & ~0x20, name + 1)
                       : (append_class_property(t->out, name), true);
    }
    const char *property = escape_property(c);
    if (property && negated && c == 'W')
        return translate_refuse(t, "\\W inside a class");
    if (property) {
        t->at++;
        if (negated)
            return buffer_text(t->out, c == 'S' ? "\\S\\x{180e}" : "\\P{Nd}");
        append_class_property(t->out, property);
        return true;
    }
    *taken = c == 'h';
    t->at += c == 'h';
    return c != 'h' || buffer_text(t->out, "0-9A-Fa-f");
}

/* `*single`: the item before was one character, which may begin a range; set to whether this one may. */
static bool class_item(struct translator *t, bool *single)
{
    int c = translate_peek(t, 0), next = translate_peek(t, 1);
    bool from_single = *single;
    *single = c != '-';
    if (c == '\\') {
        t->at++;
        bool taken = false;
        if (!class_property(t, &taken))
            return false;
        *single = !taken;
        return taken || translate_character(t);
    }
    if (c == '-') {
        int escaped = next == '\\' ? translate_peek(t, 2) : 0;
        bool range =
            from_single && next >= 0 && next != ']' && next != '[' && !(escaped && strchr("pPsSwWdDh", escaped));
        t->at++;
        return buffer_text(t->out, range ? "-" : "\\-");
    }
    if (c < 0x80 && !is_letter(c) && !is_digit(c) && c > ' ')
        buffer_char(t->out, '\\');
    size_t from = t->at;
    utf8_next(t->regex, &t->at);
    return buffer_append(t->out, t->regex + from, t->at - from);
}

/* Reads the items of a class, behind its "[" and "^", up to "]" or "&&", and appends them without brackets. A nested
 * class is melted in; a nested complement only when it is all there is (`*complement`). */
static bool class_items(struct translator *t, size_t depth, bool *complement)
{
    size_t start = t->out->size;
    bool single = false;
    if (depth > 50)
        return translate_refuse(t, "a class nested that deep");
    for (;;) {
        int c = translate_peek(t, 0);
        if (c < 0)
            return translate_refuse(t, "a class without its end");
        if (*complement && c != ']' && !(c == '&' && translate_peek(t, 1) == '&'))
            return translate_refuse(t, "a complement united with more");
        if (c == ']' || (c == '&' && translate_peek(t, 1) == '&'))
            break;
        if (c != '[') {
            if (!class_item(t, &single))
                return false;
            continue;
        }
        if (translate_peek(t, 1) == ':')
            return translate_refuse(t, "a POSIX class");
        t->at++;
        bool negated = translate_peek(t, 0) == '^', inner = false, first = t->out->size == start;
        t->at += negated;
        if (!class_items(t, depth + 1, &inner))
            return false;
        if (negated != inner && !first)
            return translate_refuse(t, "a complement united with more");
        if (translate_peek(t, 0) != ']')
            return translate_refuse(t, "an intersection inside a nested class");
        t->at++;
        *complement = negated != inner;
        single = false;
    }
    return t->out->size > start || translate_refuse(t, "an empty class");
}

/* [A], or for [A&&B]: (?:(?=[A])[B]), or for [^A&&B]: (?:(?!(?=[A])[B])(?s:.)). */
static bool translate_class(struct translator *t)
{
    struct buffer *out = t->out, whole = {0};
    size_t operands = 0;
    bool good = true;
    t->at++;
    bool negated = translate_peek(t, 0) == '^';
    t->at += negated;
    struct buffer items = {0};
    for (;; t->at += 2) {
        bool complement = false;
        items.size = 0;
        t->out = &items;
        good = class_items(t, 0, &complement);
        t->out = out;
        if (!good)
            break;
        bool last = translate_peek(t, 0) == ']';
        bool alone = last && operands == 0;
        const char *open = (complement != (alone && negated)) ? "[^" : "[";
        buffer_format(&whole, last ? "%s" : "(?=%s", open);
        buffer_append(&whole, items.data, items.size);
        buffer_text(&whole, last ? "]" : "])");
        operands++;
        if (last)
            break;
    }
    t->at++;
    if (good) {
        t->atom = out->size;
        buffer_text(out, operands == 1 ? "" : negated ? "(?:(?!" : "(?:");
        buffer_append(out, whole.data, whole.size);
        buffer_text(out, operands == 1 ? "" : negated ? ")(?s:.))" : ")");
    }
    buffer_free(&items);
    buffer_free(&whole);
    return good;
}

static bool translate_word_boundary(struct translator *t, bool negated)
{
    struct buffer word = {0};
    append_property(&word, "word");
    const char *format =
        negated ? "(?:(?<=[%s])(?=[%s])|(?<![%s])(?![%s]))" : "(?:(?<=[%s])(?![%s])|(?<![%s])(?=[%s]))";
    bool good = !word.failed && buffer_format(t->out, format, word.data, word.data, word.data, word.data);
    buffer_free(&word);
    t->at++;
    return good || error_memory(t->error, t->where);
}

static bool translate_escape(struct translator *t)
{
    t->at++;
    int c = translate_peek(t, 0);
    t->atom = t->out->size;
    if (c == 'b' || c == 'B')
        return translate_word_boundary(t, c == 'B');
    if (c == 'A' || c == 'z' || c == 'Z' || c == 'R' || (c >= '1' && c <= '9' && !is_digit(translate_peek(t, 1)))) {
        t->at++;
        return buffer_format(t->out, c == 'R' ? "(?:\\%c)" : "\\%c", c);
    }
    if (c == 'p' || c == 'P' || c == 'h' || c == 'H' || escape_property(c)) {
        char name[64] = "";
        bool negated = c == 'P' || c == 'S' || c == 'W' || c == 'D' || c == 'H';
        t->at++;
        if ((c | 0x20) == 'p' && !read_property(t, name, &negated))
            return false;
        buffer_text(t->out, negated ? "[^" : "[");
        if ((c | 0x20) == 'h')
            buffer_text(t->out, "0-9A-Fa-f");
        else
            append_property(t->out, *name ? name : escape_property(c));
        return buffer_char(t->out, ']');
    }
    return translate_character(t);
}

/* Inline options "(?i)" and "(?i:": Ruby's m is PCRE2's s, and an option without ":" opens a group to the end of the
 * enclosing one. */
static bool translate_options(struct translator *t, size_t start)
{
    bool folds = t->groups[t->depth].folds, off = false;
    buffer_text(t->out, "(?");
    for (;; t->at++) {
        int c = translate_peek(t, 0);
        off = off || c == '-';
        folds = c == 'i' ? !off : folds;
        if (c == 'i' || c == '-')
            buffer_char(t->out, (char)c);
        else if (c == 'm')
            buffer_char(t->out, 's');
        else if (c == ':' || c == ')')
            break;
        else
            return translate_refuse(t, "this kind of group");
    }
    buffer_char(t->out, ':');
    if (translate_peek(t, 0) == ')')
        t->groups[t->depth].closes++;
    else if (t->depth + 1 < GROUPS_MOST)
        t->groups[++t->depth] = (struct group){.start = start};
    else
        return translate_refuse(t, "groups nested that deep");
    t->groups[t->depth].folds = folds;
    t->at++;
    t->atom = NOWHERE;
    return true;
}

static bool translate_group(struct translator *t)
{
    static const char *const kinds[] = {"(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!"};
    size_t start = t->out->size, length = 1;
    if (translate_peek(t, 1) == '*')
        return translate_refuse(t, "this kind of group");
    if (translate_peek(t, 1) == '?') {
        length = 0;
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            if (strncmp(t->regex + t->at, kinds[i], strlen(kinds[i])) == 0)
                length = strlen(kinds[i]);
        if (!length) {
            t->at += 2;
            return translate_options(t, start);
        }
    }
    if (t->depth + 1 >= GROUPS_MOST)
        return translate_refuse(t, "groups nested that deep");
    t->groups[t->depth + 1] = (struct group){.start = start, .folds = t->groups[t->depth].folds};
    t->depth++;
    buffer_append(t->out, t->regex + t->at, length);
    t->at += length;
    t->atom = NOWHERE;
    return true;
}

static bool translate_group_end(struct translator *t)
{
    if (t->depth == 0)
        return translate_refuse(t, "a \")\" without its \"(\"");
    const struct group *group = &t->groups[t->depth--];
    for (int i = 0; i <= group->closes; i++)
        buffer_char(t->out, ')');
    t->atom = group->start;
    t->at++;
    return true;
}

static size_t read_digits(const struct translator *t, size_t at)
{
    while (at < t->size && is_digit((unsigned char)t->regex[at]))
        at++;
    return at;
}

/* {n}, {n,}, {n,m}, {,m}; any other brace stands for itself. */
static bool translate_interval(struct translator *t)
{
    size_t first = t->at + 1, first_end = read_digits(t, first), end = first_end;
    bool comma = end < t->size && t->regex[end] == ',';
    if (comma)
        end = read_digits(t, end + 1);
    bool interval = end < t->size && t->regex[end] == '}' && (first_end > first || end > first_end + 1);
    if (!interval || t->atom == NOWHERE) {
        t->atom = t->out->size;
        t->at++;
        return buffer_text(t->out, "\\{");
    }
    int after = end + 1 < t->size ? t->regex[end + 1] : 0;
    bool again = after == '+' || (after == '?' && !comma);
    size_t tail = t->out->size - t->atom;
    if (again) { /* (?:X{n,m})+ */
        if (!buffer_text(t->out, "(?:"))
            return error_memory(t->error, t->where);
        memmove(t->out->data + t->atom + 3, t->out->data + t->atom, tail);
        memcpy(t->out->data + t->atom, "(?:", 3);
    }
    buffer_char(t->out, '{');
    if (first_end == first)
        buffer_char(t->out, '0');
    buffer_append(t->out, t->regex + first, end + 1 - first);
    if (again)
        buffer_char(t->out, ')');
    t->at = end + 1;
    return true;
}

static bool translate_one(struct translator *t)
{
    int c = translate_peek(t, 0);
    switch (c) {
    case '\\':
        return translate_escape(t);
    case '[':
        return translate_class(t);
    case '(':
        return translate_group(t);
    case ')':
        return translate_group_end(t);
    case '{':
        return translate_interval(t);
    case '*':
    case '+':
    case '?':
        t->at++;
        return buffer_char(t->out, (char)c);
    case '|':
    case '^':
    case '$':
        t->atom = NOWHERE;
        t->at++;
        return buffer_char(t->out, (char)c);
    default:
        break;
    }
    size_t from = t->at;
    t->atom = t->out->size;
    utf8_next(t->regex, &t->at);
    return buffer_append(t->out, t->regex + from, t->at - from);
}

bool pattern_translate(const char *where, const char *regex, struct buffer *out, struct error *error)
{
    struct translator t = {
        .where = where, .regex = regex, .size = strlen(regex), .out = out, .atom = NOWHERE, .error = error};
    if (t.size > 65536)
        return error_set(error, "%s: a pattern of %zu bytes is too long", where, t.size);
    if (!buffer_append(out, "", 0))
        return error_memory(error, where);
    while (t.at < t.size)
        if (!translate_one(&t))
            return error_memory(error, where);
    if (t.depth > 0)
        return translate_refuse(&t, "a \"(\" without its \")\"");
    for (int i = 0; i < t.groups[0].closes; i++)
        buffer_char(out, ')');
    return !out->failed || error_memory(error, where);
}
