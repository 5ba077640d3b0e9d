/* Expressions: jinja2/parser.py, parse_expression to parse_test, and parse_tuple. */
#include "jinja/expression.h"

#include <string.h>

#include "jinja/cursor.h"

/* --- terms --- */

static struct node *constant(struct machine *machine, const struct lexeme *lexeme, struct value value)
{
    struct node *node = node_new(machine, NODE_CONSTANT, lexeme->line);
    if (node)
        node->value = value;
    return node;
}

static struct node *parse_name(struct machine *machine)
{
    const struct lexeme *lexeme = cursor_peek(machine, 0);
    machine->at++;
    if (text_is(lexeme->text, "true") || text_is(lexeme->text, "True"))
        return constant(machine, lexeme, value_bool(true));
    if (text_is(lexeme->text, "false") || text_is(lexeme->text, "False"))
        return constant(machine, lexeme, value_bool(false));
    if (text_is(lexeme->text, "none") || text_is(lexeme->text, "None"))
        return constant(machine, lexeme, (struct value){.kind = VALUE_NONE});
    struct node *node = node_new(machine, NODE_NAME, lexeme->line);
    if (node)
        node->text = lexeme->text;
    return node;
}

/* Strings that follow each other are one. */
static struct node *parse_string(struct machine *machine)
{
    const struct lexeme *first = cursor_peek(machine, 0), *lexeme;
    struct text text = first->text;
    size_t size = 0;
    while ((lexeme = cursor_peek(machine, 0))->kind == LEX_STRING) {
        size += lexeme->text.size;
        machine->at++;
    }
    if (size > text.size) {
        char *joined = machine_take(machine, size), *at = joined;
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
    struct node *node = node_new(machine, kind, cursor_peek(machine, 0)->line), **last = node ? &node->items : NULL;
    machine->at++;
    while (last && !cursor_is(machine, LEX_OPERATOR, end)) {
        if (node->items && !cursor_expect(machine, LEX_OPERATOR, ","))
            return NULL;
        if (cursor_is(machine, LEX_OPERATOR, end))
            break;
        struct node *item = parse_expression(machine, true);
        if (item && kind == NODE_DICT) {
            struct node *key = item;
            item = cursor_expect(machine, LEX_OPERATOR, ":") ? parse_expression(machine, true) : NULL;
            item = item ? node_over(machine, NODE_PAIR, key, item) : NULL;
        }
        if (!item)
            return NULL;
        *last = item;
        last = &item->next;
    }
    return node && cursor_expect(machine, LEX_OPERATOR, end) ? node : NULL;
}

static struct node *parse_term(struct machine *machine)
{
    const struct lexeme *lexeme = cursor_peek(machine, 0);
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
    if (cursor_is(machine, LEX_OPERATOR, "["))
        return parse_items(machine, NODE_LIST, "]");
    if (cursor_is(machine, LEX_OPERATOR, "{"))
        return parse_items(machine, NODE_DICT, "}");
    if (cursor_skip(machine, LEX_OPERATOR, "(")) {
        struct node *node = parse_tuple(machine, true, NULL, true);
        return node && cursor_expect(machine, LEX_OPERATOR, ")") ? node : NULL;
    }
    cursor_fail(machine, "an expression");
    return NULL;
}

/* --- behind it: .name, [item], (arguments) --- */

/* One part of a slice, NODE_ABSENT where it is left out. */
static struct node *parse_bound(struct machine *machine)
{
    if (cursor_is(machine, LEX_OPERATOR, ":") || cursor_is(machine, LEX_OPERATOR, "]") ||
        cursor_is(machine, LEX_OPERATOR, ","))
        return node_new(machine, NODE_ABSENT, cursor_peek(machine, 0)->line);
    return parse_expression(machine, true);
}

static struct node *parse_brackets(struct machine *machine, struct node *from)
{
    bool sliced = cursor_is(machine, LEX_OPERATOR, ":");
    struct node *first = parse_bound(machine);
    sliced = sliced || cursor_is(machine, LEX_OPERATOR, ":");
    if (!first || (first->kind == NODE_ABSENT && !sliced))
        return first ? (cursor_fail(machine, "an index"), NULL) : NULL;
    struct node *node = node_over(machine, sliced ? NODE_SLICE : NODE_ITEM, from, sliced ? NULL : first);
    if (sliced && node) {
        struct node **next = &first->next;
        node->items = first;
        for (int i = 0; i < 2; i++, next = &(*next)->next) {
            bool more = cursor_skip(machine, LEX_OPERATOR, ":");
            *next = more ? parse_bound(machine) : node_new(machine, NODE_ABSENT, node->line);
            if (!*next)
                return NULL;
        }
    }
    return node && cursor_expect(machine, LEX_OPERATOR, "]") ? node : NULL;
}

static struct node *parse_dot(struct machine *machine, struct node *from)
{
    const struct lexeme *lexeme = cursor_peek(machine, 0);
    if (lexeme->kind == LEX_INTEGER) {
        machine->at++;
        return node_over(machine, NODE_ITEM, from, constant(machine, lexeme, value_integer(lexeme->integer)));
    }
    struct node *node = cursor_expect(machine, LEX_NAME, NULL) ? node_over(machine, NODE_ATTRIBUTE, from, NULL) : NULL;
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
    while (!cursor_is(machine, LEX_OPERATOR, ")")) {
        if (node->items && !cursor_expect(machine, LEX_OPERATOR, ","))
            return false;
        if (node->items && cursor_is(machine, LEX_OPERATOR, ")"))
            break;
        const struct lexeme *name = cursor_peek(machine, 0);
        bool keyword = name->kind == LEX_NAME && lexeme_is(cursor_peek(machine, 1), LEX_OPERATOR, "=");
        machine->line = name->line;
        if (cursor_is(machine, LEX_OPERATOR, "*") || cursor_is(machine, LEX_OPERATOR, "**"))
            return machine_fail(machine, "arguments of the form *args are not understood");
        if (named && !keyword)
            return cursor_fail(machine, "a named argument");
        machine->at += keyword ? 2 : 0;
        named = keyword;
        struct node *value = parse_expression(machine, true);
        if (!value || !(*last = node_over(machine, NODE_ARGUMENT, value, NULL)))
            return false;
        if (keyword)
            (*last)->text = name->text;
        last = &(*last)->next;
    }
    return cursor_expect(machine, LEX_OPERATOR, ")");
}

static struct node *parse_call(struct machine *machine, struct node *from)
{
    struct node *node = node_over(machine, NODE_CALL, from, NULL);
    return node && parse_arguments(machine, node) ? node : NULL;
}

static struct node *parse_postfix(struct machine *machine, struct node *node)
{
    while (node) {
        if (cursor_skip(machine, LEX_OPERATOR, "."))
            node = parse_dot(machine, node);
        else if (cursor_skip(machine, LEX_OPERATOR, "["))
            node = parse_brackets(machine, node);
        else if (cursor_is(machine, LEX_OPERATOR, "("))
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
    node->text = cursor_peek(machine, 0)->text;
    node->line = machine->line = cursor_peek(machine, 0)->line;
    if (!cursor_expect(machine, LEX_NAME, NULL))
        return false;
    return !cursor_is(machine, LEX_OPERATOR, ".") || cursor_fail(machine, "a name without a dot");
}

struct node *parse_filters(struct machine *machine, struct node *node, bool named)
{
    for (; node && (named || cursor_skip(machine, LEX_OPERATOR, "|")); named = false) {
        node = node_over(machine, NODE_FILTER, node, NULL);
        if (!node || !parse_dotted(machine, node))
            return NULL;
        if (cursor_is(machine, LEX_OPERATOR, "(") && !parse_arguments(machine, node))
            return NULL;
    }
    return node;
}

/* Does what follows a test's name begin its argument? */
static bool is_argument(const struct machine *machine)
{
    const struct lexeme *lexeme = cursor_peek(machine, 0);
    if (lexeme->kind == LEX_OPERATOR)
        return text_is(lexeme->text, "[") || text_is(lexeme->text, "{");
    return (lexeme->kind == LEX_NAME || lexeme->kind == LEX_STRING || lexeme->kind == LEX_INTEGER ||
            lexeme->kind == LEX_FLOAT) &&
           !lexeme_is(lexeme, LEX_NAME, "else") && !lexeme_is(lexeme, LEX_NAME, "or") &&
           !lexeme_is(lexeme, LEX_NAME, "and");
}

static struct node *parse_test(struct machine *machine, struct node *from)
{
    bool negated = cursor_skip(machine, LEX_NAME, "not");
    struct node *node = node_over(machine, NODE_TEST, from, NULL);
    if (!node || !parse_dotted(machine, node))
        return NULL;
    if (cursor_is(machine, LEX_OPERATOR, "(")) {
        if (!parse_arguments(machine, node))
            return NULL;
    } else if (is_argument(machine)) {
        if (cursor_is(machine, LEX_NAME, "is"))
            return cursor_fail(machine, "one test only"), NULL;
        struct node *argument = parse_postfix(machine, parse_term(machine));
        node->items = argument ? node_over(machine, NODE_ARGUMENT, argument, NULL) : NULL;
        if (!node->items)
            return NULL;
    }
    return negated ? node_over(machine, NODE_NOT, node, NULL) : node;
}

static struct node *parse_filtered(struct machine *machine, struct node *node)
{
    while (node) {
        if (cursor_is(machine, LEX_OPERATOR, "|"))
            node = parse_filters(machine, node, false);
        else if (cursor_skip(machine, LEX_NAME, "is"))
            node = parse_test(machine, node);
        else if (cursor_is(machine, LEX_OPERATOR, "("))
            node = parse_call(machine, node);
        else
            break;
    }
    return node;
}

static struct node *parse_behind(struct machine *machine, struct node *node, bool filters)
{
    node = parse_postfix(machine, node);
    return filters ? parse_filtered(machine, node) : node;
}

static struct node *parse_unary(struct machine *machine, bool filters);

/* --- operators, the tightest first --- */

static struct node *parse_signed(struct machine *machine, enum node_kind kind)
{
    int line = cursor_peek(machine, 0)->line;
    machine->at++;
    struct node *inner = parse_unary(machine, false), *node = inner ? node_new(machine, kind, line) : NULL;
    if (node)
        node->a = inner;
    return node;
}

static struct node *parse_unary(struct machine *machine, bool filters)
{
    struct node *node = NULL;
    if (++machine->nesting > JINJA_NESTING_MOST) {
        machine->line = cursor_peek(machine, 0)->line;
        machine_fail(machine, "expressions are nested more than %d deep", JINJA_NESTING_MOST);
    } else if (cursor_is(machine, LEX_OPERATOR, "-")) {
        node = parse_signed(machine, NODE_NEGATIVE);
    } else if (cursor_is(machine, LEX_OPERATOR, "+")) {
        node = parse_signed(machine, NODE_POSITIVE);
    } else {
        node = parse_term(machine);
    }
    node = parse_behind(machine, node, filters);
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
        if (cursor_skip(machine, LEX_OPERATOR, level->rows[i].text))
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
        node = right ? node_over(machine, NODE_BINARY, node, right) : NULL;
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
    if (!first || !cursor_is(machine, LEX_OPERATOR, "~"))
        return first;
    struct node *node = node_new(machine, NODE_CONCAT, first->line);
    while (node && last && cursor_skip(machine, LEX_OPERATOR, "~"))
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
    if (!operator&& cursor_skip(machine, LEX_NAME, "in"))
        return 'i';
    if (!operator&& cursor_is(machine, LEX_NAME, "not") && lexeme_is(cursor_peek(machine, 1), LEX_NAME, "in")) {
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
                    *operand = right ? node_over(machine, NODE_OPERAND, right, NULL) : NULL;
        if (!node) {
            node = operand ? node_over(machine, NODE_COMPARE, first, NULL) : NULL;
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
    while (cursor_skip(machine, LEX_NAME, "not"))
        count++;
    struct node *node = parse_comparison(machine);
    /* any more of them change nothing */
    for (count = count > 2 ? 2 - count % 2 : count; node && count; count--)
        node = node_over(machine, NODE_NOT, node, NULL);
    return node;
}

static struct node *parse_and(struct machine *machine)
{
    struct node *node = parse_not(machine);
    while (node && cursor_skip(machine, LEX_NAME, "and")) {
        struct node *right = parse_not(machine);
        node = right ? node_over(machine, NODE_AND, node, right) : NULL;
    }
    return node;
}

static struct node *parse_or(struct machine *machine)
{
    struct node *node = parse_and(machine);
    while (node && cursor_skip(machine, LEX_NAME, "or")) {
        struct node *right = parse_and(machine);
        node = right ? node_over(machine, NODE_OR, node, right) : NULL;
    }
    return node;
}

/* `yes` is parsed already: "yes if test else no". */
static struct node *parse_choice(struct machine *machine, struct node *yes)
{
    struct node *test = parse_or(machine), *no = NULL;
    if (!test)
        return NULL;
    if (cursor_skip(machine, LEX_NAME, "else") && !(no = parse_expression(machine, true)))
        return NULL;
    struct node *node = node_over(machine, NODE_CHOICE, test, yes);
    if (node) {
        node->c = no;
        node->line = yes->line;
    }
    return node;
}

struct node *parse_expression(struct machine *machine, bool choice)
{
    if (++machine->nesting > JINJA_NESTING_MOST) {
        machine->line = cursor_peek(machine, 0)->line;
        machine_fail(machine, "expressions are nested more than %d deep", JINJA_NESTING_MOST);
    }
    struct node *node = machine->error->text ? NULL : parse_or(machine);
    while (choice && node && cursor_skip(machine, LEX_NAME, "if"))
        node = parse_choice(machine, node);
    machine->nesting--;
    return node;
}

/* --- several --- */

static bool tuple_ends(const struct machine *machine, const char *end)
{
    return cursor_is(machine, LEX_VARIABLE_END, NULL) || cursor_is(machine, LEX_BLOCK_END, NULL) ||
           cursor_is(machine, LEX_OPERATOR, ")") || (end && cursor_is(machine, LEX_NAME, end));
}

/* A name, or name.attribute of a namespace; literals and brackets are no targets. */
static struct node *parse_simple_target(struct machine *machine, bool namespaces)
{
    const struct lexeme *lexeme = cursor_peek(machine, 0);
    if (cursor_skip(machine, LEX_OPERATOR, "(")) {
        struct node *node = parse_target(machine, NULL, namespaces);
        return node && cursor_expect(machine, LEX_OPERATOR, ")") ? node : NULL;
    }
    if (lexeme->kind != LEX_NAME)
        return cursor_fail(machine, "a name"), NULL;
    struct node *node = parse_term(machine);
    if (node && node->kind != NODE_NAME)
        return machine->at--, cursor_fail(machine, "a name that can be set"), NULL;
    if (node && namespaces && cursor_skip(machine, LEX_OPERATOR, ".")) {
        node->kind = NODE_NAMESPACE_TARGET;
        node->other = cursor_peek(machine, 0)->text;
        return cursor_expect(machine, LEX_NAME, NULL) ? node : NULL;
    }
    return node;
}

struct several {
    bool choice, target, namespaces, empty;
    const char *end;
};

static struct node *parse_several(struct machine *machine, const struct several *how)
{
    struct node *node = node_new(machine, NODE_TUPLE, cursor_peek(machine, 0)->line), **last = &node->items;
    bool tuple = false;
    while (node) {
        if (node->items && !cursor_expect(machine, LEX_OPERATOR, ","))
            return NULL;
        if (tuple_ends(machine, how->end))
            break;
        *last = how->target ? parse_simple_target(machine, how->namespaces) : parse_expression(machine, how->choice);
        if (!*last)
            return NULL;
        last = &(*last)->next;
        if (!cursor_is(machine, LEX_OPERATOR, ","))
            break;
        tuple = true;
    }
    if (node && !tuple && node->items)
        return node->items;
    return tuple || how->empty ? node : (cursor_fail(machine, "an expression"), NULL);
}

struct node *parse_tuple(struct machine *machine, bool choice, const char *end, bool empty)
{
    return parse_several(machine, &(struct several){.choice = choice, .end = end, .empty = empty});
}

struct node *parse_target(struct machine *machine, const char *end, bool namespaces)
{
    if (++machine->nesting > JINJA_NESTING_MOST)
        return cursor_fail(machine, "less nesting"), NULL;
    struct node *node = parse_several(machine, &(struct several){.target = true, .end = end, .namespaces = namespaces});
    machine->nesting--;
    return node;
}
