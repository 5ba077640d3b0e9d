/* Expressions of terms and operators: jinja2/parser.py, parse_expression to parse_unary, and parse_tuple. */
#include <string.h>

#include "jinja/template_internal.h"

static struct node *parse_unary(struct machine *machine, bool filters);

/* --- operators, the tightest first --- */

static struct node *parse_signed(struct machine *machine, enum node_kind kind)
{
    int line = chat_peek(machine, 0)->line;
    machine->at++;
    struct node *inner = parse_unary(machine, false), *node = inner ? chat_node(machine, kind, line) : NULL;
    if (node)
        node->a = inner;
    return node;
}

static struct node *parse_unary(struct machine *machine, bool filters)
{
    struct node *node = NULL;
    if (++machine->nesting > CHAT_NESTING_MOST) {
        machine->line = chat_peek(machine, 0)->line;
        chat_fail(machine, "expressions nested more than %d deep", CHAT_NESTING_MOST);
    } else if (chat_next_is(machine, LEX_OPERATOR, "-")) {
        node = parse_signed(machine, NODE_NEGATIVE);
    } else if (chat_next_is(machine, LEX_OPERATOR, "+")) {
        node = parse_signed(machine, NODE_POSITIVE);
    } else {
        node = chat_parse_term(machine);
    }
    node = chat_parse_behind(machine, node, filters);
    machine->nesting--;
    return node;
}

static struct node *parse_power(struct machine *machine);
static struct node *parse_product(struct machine *machine);
static struct node *parse_concat(struct machine *machine);
static struct node *parse_sum(struct machine *machine);

/* The operators that go from left to right. '/' twice is spelled 'd', '*' twice '^', ">=" 'g', "<=" 'l', "!=" '!',
 * "not in" 'n', "in" 'i'. */
static const struct level {
    struct node *(*operand)(struct machine *machine);
    struct {
        const char *text;
        int operator;
    } rows[5];
} power = {NULL, {{"**", '^'}}}, product = {parse_power, {{"*", '*'}, {"/", '/'}, {"//", 'd'}, {"%", '%'}}},
  sum = {parse_concat, {{"+", '+'}, {"-", '-'}}};

static int next_operator(struct machine *machine, const struct level *level)
{
    for (size_t i = 0; level->rows[i].text; i++)
        if (chat_skip(machine, LEX_OPERATOR, level->rows[i].text))
            return level->rows[i].operator;
    return 0;
}

static struct node *parse_operand(struct machine *machine, const struct level *level)
{
    return level->operand ? level->operand(machine) : parse_unary(machine, true);
}

static struct node *parse_level(struct machine *machine, const struct level *level)
{
    struct node *node = parse_operand(machine, level);
    int operator= 0;
    while (node && (operator= next_operator(machine, level))) {
        struct node *right = parse_operand(machine, level);
        node = right ? chat_node_of(machine, NODE_BINARY, node, right) : NULL;
        if (node)
            node->operator= operator;
    }
    return node;
}

static struct node *parse_power(struct machine *machine)
{
    return parse_level(machine, &power);
}

static struct node *parse_product(struct machine *machine)
{
    return parse_level(machine, &product);
}

static struct node *parse_sum(struct machine *machine)
{
    return parse_level(machine, &sum);
}

static struct node *parse_concat(struct machine *machine)
{
    struct node *first = parse_product(machine), *last = first;
    if (!first || !chat_next_is(machine, LEX_OPERATOR, "~"))
        return first;
    struct node *node = chat_node(machine, NODE_CONCAT, first->line);
    while (node && last && chat_skip(machine, LEX_OPERATOR, "~"))
        last = last->next = parse_product(machine);
    if (!node || !last)
        return NULL;
    node->items = first;
    return node;
}

static int next_comparison(struct machine *machine)
{
    static const struct level comparisons = {NULL, {{"==", '='}, {"!=", '!'}, {"<=", 'l'}, {">=", 'g'}}},
                              orders = {NULL, {{"<", '<'}, {">", '>'}}};
    int operator= next_operator(machine, &comparisons);
    if (!operator)
        operator= next_operator(machine, &orders);
    if (!operator&& chat_skip(machine, LEX_NAME, "in"))
        return 'i';
    if (!operator&& chat_next_is(machine, LEX_NAME, "not") && chat_lexeme_is(chat_peek(machine, 1), LEX_NAME, "in")) {
        machine->at += 2;
        return 'n';
    }
    return operator;
}

static struct node *parse_comparison(struct machine *machine)
{
    struct node *first = parse_sum(machine), *node = NULL, **last = NULL;
    int operator= 0;
    while (first && (operator= next_comparison(machine))) {
        struct node *right = parse_sum(machine),
                    *operand = right ? chat_node_of(machine, NODE_OPERAND, right, NULL) : NULL;
        if (!node) {
            node = operand ? chat_node_of(machine, NODE_COMPARE, first, NULL) : NULL;
            last = node ? &node->items : NULL;
        }
        if (!operand || !node)
            return NULL;
        operand->operator= operator;
        *last = operand;
        last = &operand->next;
    }
    return node ? node : first;
}

static struct node *parse_not(struct machine *machine)
{
    int count = 0;
    while (chat_skip(machine, LEX_NAME, "not"))
        count++;
    struct node *node = parse_comparison(machine);
    /* any more of them change nothing */
    for (count = count > 2 ? 2 - count % 2 : count; node && count; count--)
        node = chat_node_of(machine, NODE_NOT, node, NULL);
    return node;
}

static struct node *parse_and(struct machine *machine)
{
    struct node *node = parse_not(machine);
    while (node && chat_skip(machine, LEX_NAME, "and")) {
        struct node *right = parse_not(machine);
        node = right ? chat_node_of(machine, NODE_AND, node, right) : NULL;
    }
    return node;
}

static struct node *parse_or(struct machine *machine)
{
    struct node *node = parse_and(machine);
    while (node && chat_skip(machine, LEX_NAME, "or")) {
        struct node *right = parse_and(machine);
        node = right ? chat_node_of(machine, NODE_OR, node, right) : NULL;
    }
    return node;
}

/* `yes` is parsed already: "yes if test else no". */
static struct node *parse_choice(struct machine *machine, struct node *yes)
{
    struct node *test = parse_or(machine), *no = NULL;
    if (!test)
        return NULL;
    if (chat_skip(machine, LEX_NAME, "else") && !(no = chat_parse_expression(machine, true)))
        return NULL;
    struct node *node = chat_node_of(machine, NODE_CHOICE, test, yes);
    if (node) {
        node->c = no;
        node->line = yes->line;
    }
    return node;
}

struct node *chat_parse_expression(struct machine *machine, bool choice)
{
    if (++machine->nesting > CHAT_NESTING_MOST) {
        machine->line = chat_peek(machine, 0)->line;
        chat_fail(machine, "expressions nested more than %d deep", CHAT_NESTING_MOST);
    }
    struct node *node = machine->error->text ? NULL : parse_or(machine);
    while (choice && node && chat_skip(machine, LEX_NAME, "if"))
        node = parse_choice(machine, node);
    machine->nesting--;
    return node;
}

/* --- several --- */

static bool tuple_ends(const struct machine *machine, const char *end)
{
    return chat_next_is(machine, LEX_VARIABLE_END, NULL) || chat_next_is(machine, LEX_BLOCK_END, NULL) ||
           chat_next_is(machine, LEX_OPERATOR, ")") || (end && chat_next_is(machine, LEX_NAME, end));
}

/* A name, or name.attribute of a namespace; literals and brackets are no targets. */
static struct node *parse_simple_target(struct machine *machine, bool namespaces)
{
    const struct lexeme *lexeme = chat_peek(machine, 0);
    if (chat_skip(machine, LEX_OPERATOR, "(")) {
        struct node *node = chat_parse_target(machine, NULL, namespaces);
        return node && chat_expect(machine, LEX_OPERATOR, ")") ? node : NULL;
    }
    if (lexeme->kind != LEX_NAME)
        return chat_fail_here(machine, "a name"), NULL;
    struct node *node = chat_parse_term(machine);
    if (node && node->kind != NODE_NAME)
        return machine->at--, chat_fail_here(machine, "a name that can be set"), NULL;
    if (node && namespaces && chat_skip(machine, LEX_OPERATOR, ".")) {
        node->kind = NODE_NAMESPACE_TARGET;
        node->other = chat_peek(machine, 0)->text;
        return chat_expect(machine, LEX_NAME, NULL) ? node : NULL;
    }
    return node;
}

struct several {
    bool choice, target, namespaces, empty;
    const char *end;
};

static struct node *parse_several(struct machine *machine, const struct several *how)
{
    struct node *node = chat_node(machine, NODE_TUPLE, chat_peek(machine, 0)->line), **last = &node->items;
    bool tuple = false;
    while (node) {
        if (node->items && !chat_expect(machine, LEX_OPERATOR, ","))
            return NULL;
        if (tuple_ends(machine, how->end))
            break;
        *last =
            how->target ? parse_simple_target(machine, how->namespaces) : chat_parse_expression(machine, how->choice);
        if (!*last)
            return NULL;
        last = &(*last)->next;
        if (!chat_next_is(machine, LEX_OPERATOR, ","))
            break;
        tuple = true;
    }
    if (node && !tuple && node->items)
        return node->items;
    return tuple || how->empty ? node : (chat_fail_here(machine, "an expression"), NULL);
}

struct node *chat_parse_tuple(struct machine *machine, bool choice, const char *end, bool empty)
{
    return parse_several(machine, &(struct several){.choice = choice, .end = end, .empty = empty});
}

struct node *chat_parse_target(struct machine *machine, const char *end, bool namespaces)
{
    if (++machine->nesting > CHAT_NESTING_MOST)
        return chat_fail_here(machine, "less nesting"), NULL;
    struct node *node = parse_several(machine, &(struct several){.target = true, .end = end, .namespaces = namespaces});
    machine->nesting--;
    return node;
}
