/* Looking at lexemes. */
#include "jinja/cursor.h"

const struct lexeme *cursor_peek(const struct machine *machine, size_t ahead)
{
    size_t last = machine->lexeme_count - 1, at = machine->at + ahead;
    return &machine->lexemes[at < last ? at : last];
}

bool lexeme_is(const struct lexeme *lexeme, enum lexeme_kind kind, const char *text)
{
    return lexeme->kind == kind && (!text || text_is(lexeme->text, text));
}

bool cursor_is(const struct machine *machine, enum lexeme_kind kind, const char *text)
{
    return lexeme_is(cursor_peek(machine, 0), kind, text);
}

bool cursor_skip(struct machine *machine, enum lexeme_kind kind, const char *text)
{
    if (!cursor_is(machine, kind, text))
        return false;
    machine->at++;
    return true;
}

bool cursor_fail(struct machine *machine, const char *expected)
{
    static const char *const kinds[] = {
        [LEX_END] = "the end of the template",
        [LEX_DATA] = "text",
        [LEX_BLOCK_BEGIN] = "{%",
        [LEX_BLOCK_END] = "%}",
        [LEX_VARIABLE_BEGIN] = "{{",
        [LEX_VARIABLE_END] = "}}",
        [LEX_STRING] = "a string",
    };
    const struct lexeme *lexeme = cursor_peek(machine, 0);
    machine->line = lexeme->line;
    if (lexeme->kind < LEX_NAME || lexeme->kind == LEX_STRING)
        return machine_fail(machine, "%s was expected, not %s", expected, kinds[lexeme->kind]);
    return machine_fail(machine, "%s was expected, not '%.*s'", expected, (int)lexeme->text.size, lexeme->text.data);
}

bool cursor_expect(struct machine *machine, enum lexeme_kind kind, const char *text)
{
    static const char *const kinds[] = {
        [LEX_BLOCK_END] = "%}", [LEX_VARIABLE_END] = "}}", [LEX_NAME] = "a name", [LEX_OPERATOR] = "an operator"};
    return cursor_skip(machine, kind, text) || cursor_fail(machine, text ? text : kinds[kind]);
}
