/* The terms of expressions: names, literals, what stands behind them, filters and tests; and looking at lexemes.
 * jinja2/parser.py, parse_primary to parse_test. */
#include <string.h>

#include "jinja/template_internal.h"

const struct lexeme *chat_peek(const struct machine *machine, size_t ahead)
{
    size_t last = machine->lexeme_count - 1, at = machine->at + ahead;
    return &machine->lexemes[at < last ? at : last];
}

bool chat_lexeme_is(const struct lexeme *lexeme, enum lexeme_kind kind, const char *text)
{
    return lexeme->kind == kind && (!text || text_is(lexeme->text, text));
}

bool chat_next_is(const struct machine *machine, enum lexeme_kind kind, const char *text)
{
    return chat_lexeme_is(chat_peek(machine, 0), kind, text);
}

bool chat_skip(struct machine *machine, enum lexeme_kind kind, const char *text)
{
    if (!chat_next_is(machine, kind, text))
        return false;
    machine->at++;
    return true;
}

bool chat_fail_here(struct machine *machine, const char *expected)
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
    const struct lexeme *lexeme = chat_peek(machine, 0);
    machine->line = lexeme->line;
    if (lexeme->kind < LEX_NAME || lexeme->kind == LEX_STRING)
        return chat_fail(machine, "%s expected, not %s", expected, kinds[lexeme->kind]);
    return chat_fail(machine, "%s expected, not '%.*s'", expected, (int)lexeme->text.size, lexeme->text.data);
}

bool chat_expect(struct machine *machine, enum lexeme_kind kind, const char *text)
{
    static const char *const kinds[] = {
        [LEX_BLOCK_END] = "%}", [LEX_VARIABLE_END] = "}}", [LEX_NAME] = "a name", [LEX_OPERATOR] = "an operator"};
    return chat_skip(machine, kind, text) || chat_fail_here(machine, text ? text : kinds[kind]);
}

struct node *chat_node(struct machine *machine, enum node_kind kind, int line)
{
    struct node *node = chat_take(machine, sizeof *node);
    if (node)
        *node = (struct node){.kind = kind, .line = line};
    return node;
}

struct node *chat_node_of(struct machine *machine, enum node_kind kind, struct node *a, struct node *b)
{
    struct node *node = a ? chat_node(machine, kind, a->line) : NULL;
    if (node) {
        node->a = a;
        node->b = b;
    }
    return node;
}

static struct node *constant(struct machine *machine, const struct lexeme *lexeme, struct value value)
{
    struct node *node = chat_node(machine, NODE_CONSTANT, lexeme->line);
    if (node)
        node->value = value;
    return node;
}

/* --- primary --- */

static struct node *parse_name(struct machine *machine)
{
    const struct lexeme *lexeme = chat_peek(machine, 0);
    machine->at++;
    if (text_is(lexeme->text, "true") || text_is(lexeme->text, "True"))
        return constant(machine, lexeme, value_bool(true));
    if (text_is(lexeme->text, "false") || text_is(lexeme->text, "False"))
        return constant(machine, lexeme, value_bool(false));
    if (text_is(lexeme->text, "none") || text_is(lexeme->text, "None"))
        return constant(machine, lexeme, (struct value){.kind = VALUE_NONE});
    struct node *node = chat_node(machine, NODE_NAME, lexeme->line);
    if (node)
        node->text = lexeme->text;
    return node;
}

/* Strings that follow each other are one. */
static struct node *parse_string(struct machine *machine)
{
    const struct lexeme *first = chat_peek(machine, 0), *lexeme;
    struct text text = first->text;
    size_t size = 0;
    while ((lexeme = chat_peek(machine, 0))->kind == LEX_STRING) {
        size += lexeme->text.size;
        machine->at++;
    }
    if (size > text.size) {
        char *joined = chat_take(machine, size), *at = joined;
        if (!joined)
            return NULL;
        for (; first < lexeme; at += first->text.size, first++)
            memcpy(at, first->text.data, first->text.size);
        text = (struct text){joined, size};
    }
    return constant(machine, lexeme, value_string(text));
}

/* Items up to the bracket, a comma may end them; pairs for a dict. */
static struct node *parse_items(struct machine *machine, enum node_kind kind, const char *end)
{
    struct node *node = chat_node(machine, kind, chat_peek(machine, 0)->line), **last = node ? &node->items : NULL;
    machine->at++;
    while (last && !chat_next_is(machine, LEX_OPERATOR, end)) {
        if (node->items && !chat_expect(machine, LEX_OPERATOR, ","))
            return NULL;
        if (chat_next_is(machine, LEX_OPERATOR, end))
            break;
        struct node *item = chat_parse_expression(machine, true);
        if (item && kind == NODE_DICT) {
            struct node *key = item;
            item = chat_expect(machine, LEX_OPERATOR, ":") ? chat_parse_expression(machine, true) : NULL;
            item = item ? chat_node_of(machine, NODE_PAIR, key, item) : NULL;
        }
        if (!item)
            return NULL;
        *last = item;
        last = &item->next;
    }
    return node && chat_expect(machine, LEX_OPERATOR, end) ? node : NULL;
}

struct node *chat_parse_term(struct machine *machine)
{
    const struct lexeme *lexeme = chat_peek(machine, 0);
    switch (lexeme->kind) {
    case LEX_NAME:
        return parse_name(machine);
    case LEX_STRING:
        return parse_string(machine);
    case LEX_INTEGER:
        machine->at++;
        return constant(machine, lexeme, value_integer(lexeme->integer));
    case LEX_FLOAT:
        machine->at++;
        return constant(machine, lexeme, (struct value){.kind = VALUE_FLOAT, .real = lexeme->real});
    default:
        break;
    }
    if (chat_next_is(machine, LEX_OPERATOR, "["))
        return parse_items(machine, NODE_LIST, "]");
    if (chat_next_is(machine, LEX_OPERATOR, "{"))
        return parse_items(machine, NODE_DICT, "}");
    if (chat_skip(machine, LEX_OPERATOR, "(")) {
        struct node *node = chat_parse_tuple(machine, true, NULL, true);
        return node && chat_expect(machine, LEX_OPERATOR, ")") ? node : NULL;
    }
    chat_fail_here(machine, "an expression");
    return NULL;
}

/* --- behind it: .name, [item], (arguments) --- */

/* One part of a slice, NODE_ABSENT where it is left out. */
static struct node *parse_bound(struct machine *machine)
{
    if (chat_next_is(machine, LEX_OPERATOR, ":") || chat_next_is(machine, LEX_OPERATOR, "]") ||
        chat_next_is(machine, LEX_OPERATOR, ","))
        return chat_node(machine, NODE_ABSENT, chat_peek(machine, 0)->line);
    return chat_parse_expression(machine, true);
}

static struct node *parse_brackets(struct machine *machine, struct node *from)
{
    bool sliced = chat_next_is(machine, LEX_OPERATOR, ":");
    struct node *first = parse_bound(machine);
    sliced = sliced || chat_next_is(machine, LEX_OPERATOR, ":");
    if (!first || (first->kind == NODE_ABSENT && !sliced))
        return first ? (chat_fail_here(machine, "an index"), NULL) : NULL;
    struct node *node = chat_node_of(machine, sliced ? NODE_SLICE : NODE_ITEM, from, sliced ? NULL : first);
    if (sliced && node) {
        struct node *last = node->items = first;
        for (int i = 0; last && i < 2; i++) {
            bool more = chat_skip(machine, LEX_OPERATOR, ":");
            last = last->next = more ? parse_bound(machine) : chat_node(machine, NODE_ABSENT, node->line);
        }
        node = last ? node : NULL;
    }
    return node && chat_expect(machine, LEX_OPERATOR, "]") ? node : NULL;
}

static struct node *parse_dot(struct machine *machine, struct node *from)
{
    const struct lexeme *lexeme = chat_peek(machine, 0);
    if (lexeme->kind == LEX_INTEGER) {
        machine->at++;
        return chat_node_of(machine, NODE_ITEM, from, constant(machine, lexeme, value_integer(lexeme->integer)));
    }
    struct node *node = chat_expect(machine, LEX_NAME, NULL) ? chat_node_of(machine, NODE_ATTRIBUTE, from, NULL) : NULL;
    if (node) {
        node->text = lexeme->text;
        node->line = lexeme->line;
    }
    return node;
}

/* "(...)" into the items of `node`. */
static bool parse_arguments(struct machine *machine, struct node *node)
{
    struct node **last = &node->items;
    bool named = false;
    machine->at++;
    while (!chat_next_is(machine, LEX_OPERATOR, ")")) {
        if (node->items && !chat_expect(machine, LEX_OPERATOR, ","))
            return false;
        if (node->items && chat_next_is(machine, LEX_OPERATOR, ")"))
            break;
        const struct lexeme *name = chat_peek(machine, 0);
        bool keyword = name->kind == LEX_NAME && chat_lexeme_is(chat_peek(machine, 1), LEX_OPERATOR, "=");
        machine->line = name->line;
        if (chat_next_is(machine, LEX_OPERATOR, "*") || chat_next_is(machine, LEX_OPERATOR, "**"))
            return chat_fail(machine, "arguments of the form *args are not understood");
        if (named && !keyword)
            return chat_fail_here(machine, "a named argument");
        machine->at += keyword ? 2 : 0;
        named = keyword;
        struct node *value = chat_parse_expression(machine, true);
        if (!value || !(*last = chat_node_of(machine, NODE_ARGUMENT, value, NULL)))
            return false;
        if (keyword)
            (*last)->text = name->text;
        last = &(*last)->next;
    }
    return chat_expect(machine, LEX_OPERATOR, ")");
}

static struct node *parse_call(struct machine *machine, struct node *from)
{
    struct node *node = chat_node_of(machine, NODE_CALL, from, NULL);
    return node && parse_arguments(machine, node) ? node : NULL;
}

static struct node *parse_postfix(struct machine *machine, struct node *node)
{
    while (node) {
        if (chat_skip(machine, LEX_OPERATOR, "."))
            node = parse_dot(machine, node);
        else if (chat_skip(machine, LEX_OPERATOR, "["))
            node = parse_brackets(machine, node);
        else if (chat_next_is(machine, LEX_OPERATOR, "("))
            node = parse_call(machine, node);
        else
            break;
    }
    return node;
}

/* --- filters and tests --- */

/* A name with dots, as those of filters and tests may be. */
static bool parse_dotted(struct machine *machine, struct node *node)
{
    node->text = chat_peek(machine, 0)->text;
    node->line = machine->line = chat_peek(machine, 0)->line;
    if (!chat_expect(machine, LEX_NAME, NULL))
        return false;
    return !chat_next_is(machine, LEX_OPERATOR, ".") || chat_fail_here(machine, "a name without a dot");
}

struct node *chat_parse_filters(struct machine *machine, struct node *node, bool named)
{
    for (; node && (named || chat_skip(machine, LEX_OPERATOR, "|")); named = false) {
        node = chat_node_of(machine, NODE_FILTER, node, NULL);
        if (!node || !parse_dotted(machine, node))
            return NULL;
        if (chat_next_is(machine, LEX_OPERATOR, "(") && !parse_arguments(machine, node))
            return NULL;
    }
    return node;
}

/* Does what follows a test's name begin its argument? */
static bool is_argument(const struct machine *machine)
{
    const struct lexeme *lexeme = chat_peek(machine, 0);
    if (lexeme->kind == LEX_OPERATOR)
        return text_is(lexeme->text, "[") || text_is(lexeme->text, "{");
    return (lexeme->kind == LEX_NAME || lexeme->kind == LEX_STRING || lexeme->kind == LEX_INTEGER ||
            lexeme->kind == LEX_FLOAT) &&
           !chat_lexeme_is(lexeme, LEX_NAME, "else") && !chat_lexeme_is(lexeme, LEX_NAME, "or") &&
           !chat_lexeme_is(lexeme, LEX_NAME, "and");
}

static struct node *parse_test(struct machine *machine, struct node *from)
{
    bool negated = chat_skip(machine, LEX_NAME, "not");
    struct node *node = chat_node_of(machine, NODE_TEST, from, NULL);
    if (!node || !parse_dotted(machine, node))
        return NULL;
    if (chat_next_is(machine, LEX_OPERATOR, "(")) {
        if (!parse_arguments(machine, node))
            return NULL;
    } else if (is_argument(machine)) {
        if (chat_next_is(machine, LEX_NAME, "is"))
            return chat_fail_here(machine, "one test only"), NULL;
        struct node *argument = parse_postfix(machine, chat_parse_term(machine));
        node->items = argument ? chat_node_of(machine, NODE_ARGUMENT, argument, NULL) : NULL;
        if (!node->items)
            return NULL;
    }
    return negated ? chat_node_of(machine, NODE_NOT, node, NULL) : node;
}

static struct node *parse_filtered(struct machine *machine, struct node *node)
{
    while (node) {
        if (chat_next_is(machine, LEX_OPERATOR, "|"))
            node = chat_parse_filters(machine, node, false);
        else if (chat_skip(machine, LEX_NAME, "is"))
            node = parse_test(machine, node);
        else if (chat_next_is(machine, LEX_OPERATOR, "("))
            node = parse_call(machine, node);
        else
            break;
    }
    return node;
}

struct node *chat_parse_behind(struct machine *machine, struct node *node, bool filters)
{
    node = parse_postfix(machine, node);
    return filters ? parse_filtered(machine, node) : node;
}
