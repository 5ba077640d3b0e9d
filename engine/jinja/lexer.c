/* The source as lexemes: jinja2/lexer.py with trim_blocks and lstrip_blocks. */
#include "jinja/lexer.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "jinja/template.h"
#include "text/utf8.h"

#define OPEN_MOST 200 /* brackets */

struct lexer {
    struct machine *machine;
    const char *text;
    size_t size, at;
    int line;
    bool line_starting; /* the last lexeme ended with a newline */
    char open[OPEN_MOST];
    size_t open_count;
};

static bool push(struct lexer *lexer, const struct lexeme *lexeme)
{
    struct machine *machine = lexer->machine;
    if (machine->lexeme_count == machine->lexeme_capacity) {
        size_t capacity = machine->lexeme_capacity ? 2 * machine->lexeme_capacity : 256;
        struct lexeme *lexemes = machine_take(machine, capacity * sizeof *lexemes);
        if (!lexemes)
            return false;
        if (machine->lexeme_count)
            memcpy(lexemes, machine->lexemes, machine->lexeme_count * sizeof *lexemes);
        machine->lexemes = lexemes;
        machine->lexeme_capacity = capacity;
    }
    machine->lexemes[machine->lexeme_count] = *lexeme;
    machine->lexemes[machine->lexeme_count++].line = lexer->line;
    return true;
}

static bool push_text(struct lexer *lexer, enum lexeme_kind kind, size_t first, size_t size)
{
    return push(lexer, &(struct lexeme){.kind = kind, .text = {lexer->text + first, size}});
}

static bool fail(struct lexer *lexer, const char *what)
{
    lexer->machine->line = lexer->line;
    return machine_fail(lexer->machine, "%s", what);
}

/* Newlines of every kind become \n, and the last one goes. */
static bool normalise(struct lexer *lexer)
{
    const struct chat_template_source *source = lexer->machine->source;
    char *text = machine_take(lexer->machine, source->size + 1);
    size_t size = 0;
    if (!text)
        return false;
    for (size_t i = 0; i < source->size; i++) {
        char c = source->text[i];
        if (c == '\r' && i + 1 < source->size && source->text[i + 1] == '\n')
            continue;
        text[size++] = c == '\r' ? '\n' : c;
    }
    lexer->text = text;
    lexer->size = size && text[size - 1] == '\n' ? size - 1 : size;
    return true;
}

static bool starts(const struct lexer *lexer, size_t at, const char *word)
{
    size_t length = strlen(word);
    return length <= lexer->size && at <= lexer->size - length && memcmp(lexer->text + at, word, length) == 0;
}

static size_t skip_space(const struct lexer *lexer, size_t at)
{
    while (at < lexer->size) {
        size_t next = at;
        if (!text_is_space(utf8_next(lexer->text, &next)))
            break;
        at = next;
    }
    return at;
}

/* Moves to `to`. */
static void move(struct lexer *lexer, size_t to)
{
    for (size_t i = lexer->at; i < to; i++)
        lexer->line += lexer->text[i] == '\n';
    if (to > lexer->at)
        lexer->line_starting = lexer->text[to - 1] == '\n';
    lexer->at = to;
}

/* The end of the tag's end at `at`: "+%}", "-%}" and the white space behind it, "%}" and a newline; SIZE_MAX: it is
 * none. `trim`: as for blocks. */
static size_t tag_end(const struct lexer *lexer, size_t at, const char *end, bool trim)
{
    size_t length = strlen(end);
    if (trim && starts(lexer, at, "+") && starts(lexer, at + 1, end))
        return at + 1 + length;
    if (starts(lexer, at, "-") && starts(lexer, at + 1, end))
        return skip_space(lexer, at + 1 + length);
    if (!starts(lexer, at, end))
        return SIZE_MAX;
    at += length;
    return at + (trim && starts(lexer, at, "\n"));
}

/* --- text --- */

/* The text from `at` to the tag at `end`, whose sign strips white space in front of it. */
static bool push_data(struct lexer *lexer, size_t end, char sign, bool variable)
{
    size_t size = end - lexer->at;
    struct text text = {lexer->text + lexer->at, size};
    if (sign == '-') {
        text = text_strip(text, NULL, false, true);
    } else if (sign != '+' && !variable) {
        size_t line = size;
        while (line && text.data[line - 1] != '\n')
            line--;
        bool blank = skip_space(lexer, lexer->at + line) >= end && line < size;
        if ((line || lexer->line_starting) && blank)
            text.size = line;
    }
    return !text.size || push(lexer, &(struct lexeme){.kind = LEX_DATA, .text = text});
}

static char sign_at(const struct lexer *lexer, size_t at)
{
    return at < lexer->size && (lexer->text[at] == '-' || lexer->text[at] == '+') ? lexer->text[at] : '\0';
}

/* {# ... #} */
static bool lex_comment(struct lexer *lexer)
{
    for (size_t at = lexer->at; at < lexer->size; at++) {
        size_t end = tag_end(lexer, at, "#}", true);
        if (end != SIZE_MAX) {
            move(lexer, end);
            return true;
        }
    }
    return lexer->at == lexer->size || fail(lexer, "the comment does not end");
}

/* The end of {% raw %} at `at`, or SIZE_MAX. */
static size_t raw_begin(const struct lexer *lexer, size_t at)
{
    at += 2;
    at += sign_at(lexer, at) != '\0';
    at = skip_space(lexer, at);
    if (!starts(lexer, at, "raw"))
        return SIZE_MAX;
    at = skip_space(lexer, at + 3);
    if (starts(lexer, at, "-%}"))
        return skip_space(lexer, at + 3);
    return starts(lexer, at, "%}") ? at + 2 : SIZE_MAX;
}

static bool lex_raw(struct lexer *lexer)
{
    for (size_t at = lexer->at; at < lexer->size; at++) {
        if (!starts(lexer, at, "{%"))
            continue;
        char sign = sign_at(lexer, at + 2);
        size_t word = skip_space(lexer, at + 2 + (sign != '\0'));
        size_t end = starts(lexer, word, "endraw") ? tag_end(lexer, skip_space(lexer, word + 6), "%}", true) : SIZE_MAX;
        if (end == SIZE_MAX)
            continue;
        if (!push_data(lexer, at, sign, false))
            return false;
        move(lexer, end);
        return true;
    }
    return lexer->at == lexer->size || fail(lexer, "the raw block does not end");
}

/* --- inside of tags --- */

/* Where the digits end that begin at `at`, single underscores between them. */
static size_t digits_end(const struct lexer *lexer, size_t at, const char *digits)
{
    size_t end = at;
    for (;;) {
        size_t next = end > at && lexer->text[end] == '_' ? end + 1 : end;
        if (next >= lexer->size || !lexer->text[next] || !strchr(digits, lexer->text[next]))
            return end;
        end = next + 1;
    }
}

#define DECIMAL "0123456789"

/* Where a float ends that begins at `at`; `at`: there is none. */
static size_t float_end(const struct lexer *lexer, size_t at)
{
    size_t whole = digits_end(lexer, at, DECIMAL), end = whole;
    bool fraction = false;
    if (whole == at || (at && lexer->text[at - 1] == '.'))
        return at;
    if (starts(lexer, whole, ".")) {
        size_t behind = digits_end(lexer, whole + 1, DECIMAL);
        if (behind > whole + 1) {
            end = behind;
            fraction = true;
        }
    }
    if (starts(lexer, end, "e") || starts(lexer, end, "E")) {
        size_t from = end + 1 + (sign_at(lexer, end + 1) != '\0'), behind = digits_end(lexer, from, DECIMAL);
        if (behind > from)
            return behind;
    }
    return fraction ? end : at;
}

static bool lex_number(struct lexer *lexer, size_t end, bool real, int base, size_t prefix)
{
    char digits[64];
    size_t count = 0;
    for (size_t i = lexer->at + prefix; i < end; i++) {
        if (count == sizeof digits - 1)
            return fail(lexer, "a number has more than 60 digits");
        if (lexer->text[i] != '_')
            digits[count++] = lexer->text[i];
    }
    digits[count] = '\0';
    errno = 0;
    struct lexeme lexeme = {.kind = real ? LEX_FLOAT : LEX_INTEGER, .text = {lexer->text + lexer->at, end - lexer->at}};
    if (real)
        lexeme.real = strtod(digits, NULL);
    else
        lexeme.integer = strtoll(digits, NULL, base);
    if (!real && errno == ERANGE)
        return fail(lexer, "an integer goes beyond 64 bits");
    if (real && !isfinite(lexeme.real))
        return fail(lexer, "a number is not finite");
    bool good = push(lexer, &lexeme);
    move(lexer, end);
    return good;
}

static bool lex_integer(struct lexer *lexer)
{
    static const struct {
        char letter;
        int base;
        const char *digits;
    } bases[] = {{'b', 2, "01"}, {'o', 8, "01234567"}, {'x', 16, "0123456789abcdefABCDEF"}};
    size_t at = lexer->at;
    for (size_t i = 0; lexer->text[at] == '0' && at + 1 < lexer->size && i < 3; i++) {
        if ((lexer->text[at + 1] | 0x20) != bases[i].letter)
            continue;
        size_t from = at + 2 + (lexer->text[at + 2] == '_'), end = digits_end(lexer, from, bases[i].digits);
        if (at + 2 < lexer->size && end > from)
            return lex_number(lexer, end, false, bases[i].base, 2);
    }
    return lex_number(lexer, digits_end(lexer, at, lexer->text[at] == '0' ? "0" : DECIMAL), false, 10, 0);
}

static void put_code(struct buffer *out, uint32_t code)
{
    utf8_append(out, code);
}

/* The digits of \x, \u, \U or an octal escape; the code in `*code`. */
static bool escape_code(struct lexer *lexer, const char *data, size_t size, size_t *at, int count, int base,
                        uint32_t *code)
{
    int seen = 0;
    *code = 0;
    for (; seen < count && *at < size; seen++, ++*at) {
        char c = data[*at];
        int digit = c >= '0' && c <= '9'                     ? c - '0'
                    : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                             : 99;
        if (digit >= base)
            break;
        *code = *code * (uint32_t)base + (uint32_t)digit;
    }
    if (base == 16 && seen < count)
        return fail(lexer, "a string holds a malformed \\x, \\u or \\U");
    if (*code > 0x10FFFF || (*code >= 0xD800 && *code < 0xE000))
        return fail(lexer, "a string holds a \\u of half a surrogate pair, or beyond Unicode");
    return true;
}

/* What stands behind a backslash at `*at`. */
static bool put_escape(struct lexer *lexer, const char *data, size_t size, size_t *at, struct buffer *out)
{
    static const char names[] = "\\'\"abfnrtv", values[] = "\\'\"\a\b\f\n\r\t\v";
    char c = data[*at];
    const char *name = c ? strchr(names, c) : NULL;
    uint32_t code;
    if (c == 'N')
        return fail(lexer, "\\N in a string is not understood");
    if ((unsigned char)c >= 0x80) {
        /* Jinja spells it in ASCII first, and the backslash then escapes that */
        code = utf8_next(data, at);
        buffer_format(out, code < 0x100 ? "\\x%02x" : code < 0x10000 ? "\\u%04x" : "\\U%08x", code);
        return true;
    }
    if (c >= '0' && c <= '7')
        return escape_code(lexer, data, size, at, 3, 8, &code) && (put_code(out, code), true);
    ++*at;
    if (name)
        buffer_char(out, values[name - names]);
    else if (c == 'x' || c == 'u' || c == 'U')
        return escape_code(lexer, data, size, at,
                           c == 'x'   ? 2
                           : c == 'u' ? 4
                                      : 8,
                           16, &code) &&
               (put_code(out, code), true);
    else if (c != '\n')
        buffer_format(out, "\\%c", c);
    return true;
}

static bool lex_string(struct lexer *lexer)
{
    char quote = lexer->text[lexer->at];
    size_t end = lexer->at + 1, first = end;
    struct buffer out = {.maximum = JINJA_SOURCE_MOST * 4};
    struct lexeme lexeme = {.kind = LEX_STRING};
    while (end < lexer->size && lexer->text[end] != quote)
        end += lexer->text[end] == '\\' && end + 1 < lexer->size ? 2 : 1;
    if (end >= lexer->size)
        return fail(lexer, "a string does not end");
    const char *data = lexer->text + first;
    bool good = true;
    for (size_t at = 0, size = end - first; good && at < size;) {
        if (data[at] == '\\' && at + 1 < size) {
            at++;
            if (data[at] == '\0')
                buffer_char(&out, '\\');
            good = put_escape(lexer, data, size, &at, &out);
        } else {
            buffer_char(&out, data[at++]);
        }
    }
    good =
        good && machine_copy(lexer->machine, out.data ? out.data : "", out.size, &lexeme.text) && push(lexer, &lexeme);
    buffer_free(&out);
    move(lexer, end + 1);
    return good;
}

static bool balance(struct lexer *lexer, char c)
{
    static const char opening[] = "([{", closing[] = ")]}";
    const char *open = strchr(opening, c), *close = strchr(closing, c);
    if (open && lexer->open_count == OPEN_MOST)
        return fail(lexer, "brackets are nested too deep");
    if (open)
        lexer->open[lexer->open_count++] = closing[open - opening];
    if (close && (!lexer->open_count || lexer->open[--lexer->open_count] != c))
        return fail(lexer, "brackets do not match");
    return true;
}

static bool lex_operator(struct lexer *lexer)
{
    static const char *const doubles[] = {"//", "**", "==", "!=", ">=", "<="};
    char c = lexer->text[lexer->at];
    size_t length = 1;
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++)
        if (starts(lexer, lexer->at, doubles[i]))
            length = 2;
    if (length == 1 && (!c || !strchr("+-/*%~[](){}><=.:|,;", c))) {
        lexer->machine->line = lexer->line;
        return (unsigned char)c < 0x80 && c > ' '
                   ? machine_fail(lexer->machine, "unexpected '%c'", c)
                   : machine_fail(lexer->machine, "an unexpected character, byte 0x%02x", (unsigned char)c);
    }
    if (!balance(lexer, c) || !push_text(lexer, LEX_OPERATOR, lexer->at, length))
        return false;
    move(lexer, lexer->at + length);
    return true;
}

static bool is_name(char c)
{
    return c == '_' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9');
}

static bool lex_one(struct lexer *lexer)
{
    char c = lexer->text[lexer->at];
    size_t space = skip_space(lexer, lexer->at), real = float_end(lexer, lexer->at), end = lexer->at;
    if (space > lexer->at) {
        move(lexer, space);
        return true;
    }
    if (real > lexer->at)
        return lex_number(lexer, real, true, 10, 0);
    if (c >= '0' && c <= '9')
        return lex_integer(lexer);
    while (end < lexer->size && is_name(lexer->text[end]))
        end++;
    if (end > lexer->at) {
        if (!push_text(lexer, LEX_NAME, lexer->at, end - lexer->at))
            return false;
        move(lexer, end);
        return true;
    }
    return c == '\'' || c == '"' ? lex_string(lexer) : lex_operator(lexer);
}

/* The inside of a tag, and its end. */
static bool lex_tag(struct lexer *lexer, bool variable)
{
    while (lexer->at < lexer->size) {
        size_t end = lexer->open_count ? SIZE_MAX : tag_end(lexer, lexer->at, variable ? "}}" : "%}", !variable);
        if (end != SIZE_MAX) {
            bool good = push_text(lexer, variable ? LEX_VARIABLE_END : LEX_BLOCK_END, lexer->at, end - lexer->at);
            move(lexer, end);
            return good;
        }
        if (!lex_one(lexer))
            return false;
    }
    return true;
}

/* A tag at `at`, which begins with "{" and the character. */
static bool lex_from(struct lexer *lexer, size_t at, char character)
{
    size_t raw = character == '%' ? raw_begin(lexer, at) : SIZE_MAX;
    char sign = sign_at(lexer, at + 2);
    if (!push_data(lexer, at, sign, character == '{'))
        return false;
    if (raw != SIZE_MAX) {
        move(lexer, raw);
        return lex_raw(lexer);
    }
    move(lexer, at + 2 + (sign != '\0'));
    if (character == '#')
        return lex_comment(lexer);
    return push(lexer, &(struct lexeme){.kind = character == '{' ? LEX_VARIABLE_BEGIN : LEX_BLOCK_BEGIN}) &&
           lex_tag(lexer, character == '{');
}

bool lex_source(struct machine *machine)
{
    struct lexer lexer = {.machine = machine, .line = 1, .line_starting = true};
    if (!normalise(&lexer))
        return false;
    while (lexer.at < lexer.size) {
        size_t at = lexer.at;
        while (at < lexer.size && !(lexer.text[at] == '{' && at + 1 < lexer.size && strchr("%{#", lexer.text[at + 1]) &&
                                    lexer.text[at + 1]))
            at++;
        if (at == lexer.size)
            return push_text(&lexer, LEX_DATA, lexer.at, lexer.size - lexer.at) &&
                   push(&lexer, &(struct lexeme){.kind = LEX_END});
        if (!lex_from(&lexer, at, lexer.text[at + 1]))
            return false;
    }
    return push(&lexer, &(struct lexeme){.kind = LEX_END});
}
