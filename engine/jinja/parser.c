/* Statements: jinja2/parser.py, and the tags that transformers adds. */
#include "jinja/parser.h"

#include "jinja/cursor.h"
#include "jinja/expression.h"

static bool parse_body(struct machine *machine, const char *const *ends, struct node **out);

static bool parse_if(struct machine *machine, struct node *node);
static bool parse_for(struct machine *machine, struct node *node);
static bool parse_set(struct machine *machine, struct node *node);
static bool parse_macro(struct machine *machine, struct node *node);
static bool parse_filter(struct machine *machine, struct node *node);
static bool parse_with(struct machine *machine, struct node *node);
static bool parse_generation(struct machine *machine, struct node *node);
static bool parse_jump(struct machine *machine, struct node *node);

static const struct statement_row {
    const char *name;
    enum node_kind kind;
    bool (*parse)(struct machine *machine, struct node *node); /* NULL: known to Jinja, not understood */
} statements[] = {
    {"if", NODE_IF, parse_if},
    {"for", NODE_FOR, parse_for},
    {"set", NODE_SET, parse_set},
    {"macro", NODE_MACRO, parse_macro},
    {"with", NODE_WITH, parse_with},
    {"generation", NODE_SCOPE, parse_generation},
    {"break", NODE_BREAK, parse_jump},
    {"continue", NODE_CONTINUE, parse_jump},
    {"autoescape", NODE_SCOPE, NULL},
    {"block", NODE_SCOPE, NULL},
    {"call", NODE_SCOPE, NULL},
    {"extends", NODE_SCOPE, NULL},
    {"filter", NODE_FILTER_BLOCK, parse_filter},
    {"from", NODE_SCOPE, NULL},
    {"import", NODE_SCOPE, NULL},
    {"include", NODE_SCOPE, NULL},
    {"print", NODE_SCOPE, NULL},
};

static bool next_is_one(const struct machine *machine, const char *const *names)
{
    for (; names && *names; names++)
        if (cursor_is(machine, LEX_NAME, *names))
            return true;
    return false;
}

/* Into a function of its own: no loop around it counts. */
static bool parse_apart(struct machine *machine, int loops, const char *const *ends, struct node **out)
{
    int before = machine->loops;
    machine->loops = loops;
    bool good = parse_body(machine, ends, out);
    machine->loops = before;
    return good;
}

static bool parse_if(struct machine *machine, struct node *node)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL}, *const last[] = {"endif", NULL};
    for (;;) {
        node->a = parse_tuple(machine, false, NULL, false);
        if (!node->a || !parse_body(machine, ends, &node->body))
            return false;
        if (cursor_skip(machine, LEX_NAME, "endif"))
            return true;
        if (cursor_skip(machine, LEX_NAME, "else"))
            return parse_body(machine, last, &node->otherwise) && cursor_expect(machine, LEX_NAME, "endif");
        cursor_skip(machine, LEX_NAME, "elif");
        node->otherwise = node_new(machine, NODE_IF, cursor_peek(machine, 0)->line);
        node = node->otherwise;
        if (!node)
            return false;
    }
}

static bool names_loop(const struct node *target)
{
    bool found = target->kind == NODE_NAME && text_is(target->text, "loop");
    for (const struct node *item = target->items; item && !found; item = item->next)
        found = names_loop(item);
    return found;
}

static bool parse_for(struct machine *machine, struct node *node)
{
    static const char *const ends[] = {"else", "endfor", NULL}, *const last[] = {"endfor", NULL};
    node->a = parse_target(machine, "in", false);
    if (!node->a || !cursor_expect(machine, LEX_NAME, "in") ||
        !(node->b = parse_tuple(machine, false, "recursive", false)))
        return false;
    if (cursor_skip(machine, LEX_NAME, "if") && !(node->c = parse_expression(machine, true)))
        return false;
    machine->line = node->line;
    if (cursor_is(machine, LEX_NAME, "recursive"))
        return machine_fail(machine, "a recursive loop is not understood");
    if (names_loop(node->a))
        return machine_fail(machine, "'loop' cannot be set");
    if (!parse_apart(machine, machine->loops + 1, ends, &node->body))
        return false;
    if (cursor_skip(machine, LEX_NAME, "endfor"))
        return true;
    machine->at++;
    return parse_apart(machine, machine->loops, last, &node->otherwise) && cursor_expect(machine, LEX_NAME, "endfor");
}

static bool parse_set(struct machine *machine, struct node *node)
{
    static const char *const last[] = {"endset", NULL};
    node->a = parse_target(machine, NULL, true);
    machine->line = node->line;
    if (node->a && machine->loops && names_loop(node->a))
        return machine_fail(machine, "'loop' cannot be set");
    if (node->a && cursor_skip(machine, LEX_OPERATOR, "="))
        return (node->b = parse_tuple(machine, true, NULL, false));
    node->kind = NODE_SET_BLOCK;
    node->b = node->a ? node_new(machine, NODE_CAPTURED, node->line) : NULL;
    node->b = parse_filters(machine, node->b, false);
    return node->b && parse_body(machine, last, &node->body) && cursor_expect(machine, LEX_NAME, "endset");
}

static bool parse_filter(struct machine *machine, struct node *node)
{
    static const char *const last[] = {"endfilter", NULL};
    node->b = parse_filters(machine, node_new(machine, NODE_CAPTURED, node->line), true);
    return node->b && parse_body(machine, last, &node->body) && cursor_expect(machine, LEX_NAME, "endfilter");
}

/* "(a, b=1)": NODE_ARGUMENT with the name, and the default. */
static bool parse_parameters(struct machine *machine, struct node *node)
{
    struct node **last = &node->items;
    bool defaults = false;
    if (!cursor_expect(machine, LEX_OPERATOR, "("))
        return false;
    while (!cursor_is(machine, LEX_OPERATOR, ")")) {
        if (node->items && !cursor_expect(machine, LEX_OPERATOR, ","))
            return false;
        const struct lexeme *name = cursor_peek(machine, 0);
        if (!cursor_expect(machine, LEX_NAME, NULL) || !(*last = node_new(machine, NODE_ARGUMENT, name->line)))
            return false;
        (*last)->text = name->text;
        if (cursor_skip(machine, LEX_OPERATOR, "=")) {
            defaults = true;
            if (!((*last)->a = parse_expression(machine, true)))
                return false;
        } else if (defaults) {
            machine->line = name->line;
            return machine_fail(machine, "a parameter without a default follows one that has one");
        }
        last = &(*last)->next;
    }
    return cursor_expect(machine, LEX_OPERATOR, ")");
}

/* varargs, kwargs and caller are variables only where a macro names them; such macros are not understood. */
static bool judge_macro(struct machine *machine, const struct node *node, size_t from)
{
    static const char *const names[] = {"varargs", "kwargs", "caller"};
    for (size_t at = from; at < machine->at; at++)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            const struct lexeme *lexeme = &machine->lexemes[at];
            machine->line = lexeme->line;
            if (lexeme->kind == LEX_NAME && text_is(lexeme->text, names[i]))
                return machine_fail(machine, "'%s' in macro '%.*s' is not understood", names[i], (int)node->text.size,
                                    node->text.data);
        }
    return true;
}

static bool parse_macro(struct machine *machine, struct node *node)
{
    static const char *const last[] = {"endmacro", NULL};
    node->text = cursor_peek(machine, 0)->text;
    size_t from = machine->at;
    return cursor_expect(machine, LEX_NAME, NULL) && parse_parameters(machine, node) &&
           parse_apart(machine, 0, last, &node->body) && cursor_expect(machine, LEX_NAME, "endmacro") &&
           judge_macro(machine, node, from);
}

static bool parse_with(struct machine *machine, struct node *node)
{
    static const char *const ends[] = {"endwith", NULL};
    struct node **last = &node->items;
    while (!cursor_is(machine, LEX_BLOCK_END, NULL)) {
        if (node->items && !cursor_expect(machine, LEX_OPERATOR, ","))
            return false;
        struct node *pair = node_new(machine, NODE_PAIR, node->line);
        if (!pair || !(pair->a = parse_target(machine, NULL, false)) || !cursor_expect(machine, LEX_OPERATOR, "=") ||
            !(pair->b = parse_expression(machine, true)))
            return false;
        *last = pair;
        last = &pair->next;
    }
    return parse_body(machine, ends, &node->body) && cursor_expect(machine, LEX_NAME, "endwith");
}

/* What it marks is for training; the text is as without it. */
static bool parse_generation(struct machine *machine, struct node *node)
{
    static const char *const ends[] = {"endgeneration", NULL};
    return parse_apart(machine, 0, ends, &node->body) && cursor_expect(machine, LEX_NAME, "endgeneration");
}

static bool parse_jump(struct machine *machine, struct node *node)
{
    machine->line = node->line;
    return machine->loops ||
           machine_fail(machine, "'%s' stands outside of a loop", node->kind == NODE_BREAK ? "break" : "continue");
}

/* A statement whose name is next, up to the end of its last tag. */
static struct node *parse_statement(struct machine *machine)
{
    const struct lexeme *name = cursor_peek(machine, 0);
    machine->line = name->line;
    const struct statement_row *row = NULL;
    for (size_t i = 0; name->kind == LEX_NAME && i < sizeof statements / sizeof *statements; i++)
        if (text_is(name->text, statements[i].name))
            row = &statements[i];
    if (name->kind != LEX_NAME)
        return cursor_expect(machine, LEX_NAME, NULL), NULL;
    if (!row || !row->parse) {
        machine_fail(machine, row ? "the tag '%.*s' is not understood" : "the tag '%.*s' is unknown, or out of place",
                     (int)name->text.size, name->text.data);
        return NULL;
    }
    machine->at++;
    struct node *node = node_new(machine, row->kind, name->line);
    bool good = node && row->parse(machine, node) && cursor_expect(machine, LEX_BLOCK_END, NULL);
    return good ? node : NULL;
}

static struct node *parse_print(struct machine *machine)
{
    struct node *node = node_new(machine, NODE_PRINT, cursor_peek(machine, 0)->line);
    if (node)
        node->a = parse_tuple(machine, true, NULL, false);
    return node && node->a && cursor_expect(machine, LEX_VARIABLE_END, NULL) ? node : NULL;
}

static struct node *parse_data(struct machine *machine)
{
    const struct lexeme *lexeme = cursor_peek(machine, 0);
    struct node *node = node_new(machine, NODE_DATA, lexeme->line);
    if (node)
        node->text = lexeme->text;
    machine->at++;
    return node;
}

/* Up to a tag whose name is one of `ends`, which is next then; NULL: to the end of the template. */
static bool parse_nodes(struct machine *machine, const char *const *ends, struct node **out)
{
    struct node **last = out;
    *out = NULL;
    for (;;) {
        if (cursor_is(machine, LEX_DATA, NULL))
            *last = parse_data(machine);
        else if (cursor_skip(machine, LEX_VARIABLE_BEGIN, NULL))
            *last = parse_print(machine);
        else if (!cursor_skip(machine, LEX_BLOCK_BEGIN, NULL))
            break;
        else if (next_is_one(machine, ends))
            return true;
        else
            *last = parse_statement(machine);
        if (!*last)
            return false;
        last = &(*last)->next;
    }
    machine->line = cursor_peek(machine, 0)->line;
    return !ends || machine_fail(machine, "the template ends where '%s' is expected", ends[0]);
}

static bool parse_body(struct machine *machine, const char *const *ends, struct node **out)
{
    cursor_skip(machine, LEX_OPERATOR, ":");
    if (!cursor_expect(machine, LEX_BLOCK_END, NULL))
        return false;
    if (++machine->nesting > JINJA_NESTING_MOST)
        return machine_fail(machine, "blocks are nested more than %d deep", JINJA_NESTING_MOST);
    bool good = parse_nodes(machine, ends, out);
    machine->nesting--;
    return good;
}

struct node *parse_template(struct machine *machine)
{
    struct node *nodes = NULL;
    return parse_nodes(machine, NULL, &nodes) ? nodes : NULL;
}
