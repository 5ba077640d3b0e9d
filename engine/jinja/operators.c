/* Arithmetic as Python has it, in 64 bits. */
#include "jinja/operators.h"

#include <math.h>
#include <string.h>

#include "jinja/sequence.h"

static bool overflow(struct machine *machine)
{
    return machine_fail(machine, "an integer goes beyond 64 bits");
}

static bool divide_integers(struct machine *machine, int operator, int64_t a, int64_t b, int64_t *out)
{
    if (b == -1 && operator== 'd')
        return !__builtin_sub_overflow((int64_t)0, a, out) || overflow(machine);
    int64_t rest = b == -1 ? 0 : a % b, whole = b == -1 ? 0 : a / b;
    bool down = rest && (rest < 0) != (b < 0);
    *out = operator== 'd' ? whole - down : rest +(down ? b : 0);
    return true;
}

static bool power_integers(struct machine *machine, int64_t base, int64_t exponent, int64_t *out)
{
    *out = 1;
    if (base == 0 || base == 1 || base == -1) {
        *out = !exponent ? 1 : base == -1 && exponent % 2 == 0 ? 1 : base;
        return true;
    }
    for (; exponent; exponent--)
        if (__builtin_mul_overflow(*out, base, out))
            return overflow(machine);
    return true;
}

static bool integers(struct machine *machine, int operator, int64_t a, int64_t b, struct value *out)
{
    out->kind = VALUE_INTEGER;
    switch (operator) {
    case '+':
        return !__builtin_add_overflow(a, b, &out->integer) || overflow(machine);
    case '-':
        return !__builtin_sub_overflow(a, b, &out->integer) || overflow(machine);
    case '*':
        return !__builtin_mul_overflow(a, b, &out->integer) || overflow(machine);
    case '^':
        return power_integers(machine, a, b, &out->integer);
    default:
        return divide_integers(machine, operator, a, b, &out->integer);
    }
}

/* float.__mod__ and __floordiv__ (Objects/floatobject.c, _float_div_mod) */
static double divide_reals(int operator, double a, double b)
{
    double rest = fmod(a, b), whole = (a - rest) / b;
    if (rest != 0 && (b < 0) != (rest < 0)) {
        rest += b;
        whole -= 1;
    }
    if (operator== '%')
        return rest != 0 ? rest : copysign(0, b);
    if (whole == 0)
        return copysign(0, a / b);
    double floored = floor(whole);
    return whole - floored > 0.5 ? floored + 1 : floored;
}

/* One that is not finite is refused: Jinja computes constants ahead, and then has no name for it. */
static bool reals(struct machine *machine, int operator, double a, double b, struct value *out)
{
    out->kind = VALUE_FLOAT;
    out->real = operator== '+' ? a + b :
                operator== '-' ? a - b
                :
                operator== '*' ? a * b
                :
                operator== '/' ? a / b
                :
                operator== '^' ? pow(a, b)
                               : divide_reals(operator, a, b);
    return isfinite(out->real) || machine_fail(machine, "a number is not finite");
}

static bool numbers(struct machine *machine, int operator, const struct value * left, const struct value *right,
                    struct value *out)
{
    int64_t a, b;
    bool whole = value_is_whole(left, &a) && value_is_whole(right, &b);
    bool divides = operator== '/' || operator== 'd' || operator== '%';
    if (divides && value_real(right) == 0)
        return machine_fail(machine, "division by zero");
    if (whole && operator== '/' &&(fabs((double)a) > 0x1p53 || fabs((double)b) > 0x1p53))
        return machine_fail(machine, "division of integers beyond 53 bits is not understood");
    if (whole && operator!= '/' && !(operator== '^' && b<0))
        return integers(machine, operator, a, b, out);
    return reals(machine, operator, value_real(left), value_real(right), out);
}

static bool add_lists(struct machine *machine, const struct value *left, const struct value *right, struct value *out)
{
    struct list *list = list_new(machine);
    const struct list *parts[] = {left->list, right->list};
    *out = value_list(left->kind, list);
    for (size_t part = 0; list && part < 2; part++)
        for (size_t i = 0; i < parts[part]->count; i++)
            if (!list_push(machine, list, &parts[part]->items[i]))
                return false;
    return list;
}

static bool add_texts(struct machine *machine, struct text left, struct text right, struct value *out)
{
    if (left.size + right.size > JINJA_OUTPUT_MOST)
        return machine_fail(machine, "a string grows beyond %zu MiB", JINJA_OUTPUT_MOST >> 20);
    char *text = machine_take(machine, left.size + right.size);
    if (!text || !machine_spend(machine, (left.size + right.size) / 64))
        return false;
    if (left.size)
        memcpy(text, left.data, left.size);
    if (right.size)
        memcpy(text + left.size, right.data, right.size);
    *out = value_string((struct text){text, left.size + right.size});
    return true;
}

static void append_escaped(struct text text, struct buffer *out)
{
    static const char plain[] = "&<>'\"";
    static const char *const names[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};
    for (size_t i = 0; i < text.size; i++) {
        const char *found = text.data[i] ? strchr(plain, text.data[i]) : NULL;
        if (found)
            buffer_text(out, names[found - plain]);
        else
            buffer_char(out, text.data[i]);
    }
}

/* markupsafe's +: what is not marked as safe is escaped, and the whole is marked. */
static bool add_marked(struct machine *machine, const struct value *left, const struct value *right, struct value *out)
{
    struct buffer text = {.maximum = JINJA_OUTPUT_MOST};
    const struct value *parts[] = {left, right};
    for (size_t i = 0; i < 2; i++) {
        if (parts[i]->kind == VALUE_STRING)
            append_escaped(parts[i]->text, &text);
        else
            buffer_append(&text, parts[i]->text.data, parts[i]->text.size);
    }
    bool good = value_take(machine, &text, out) && machine_spend(machine, out->text.size / 16);
    out->kind = VALUE_MARKUP;
    return good;
}

static bool repeat_text(struct machine *machine, struct text what, int64_t times, struct value *out)
{
    size_t count = !what.size || times < 0 ? 0 : (size_t)times;
    if (count && count > JINJA_OUTPUT_MOST / what.size)
        return machine_fail(machine, "a string grows beyond %zu MiB", JINJA_OUTPUT_MOST >> 20);
    size_t size = count * what.size;
    char *text = machine_take(machine, size);
    if (!text || !machine_spend(machine, size / 64))
        return false;
    for (size_t at = 0; at < size;) { /* what is there already is copied behind itself */
        size_t some = !at ? what.size : at < size - at ? at : size - at;
        memcpy(text + at, at ? text : what.data, some);
        at += some;
    }
    *out = value_string((struct text){text, size});
    return true;
}

static bool repeat(struct machine *machine, const struct value *what, int64_t times, struct value *out)
{
    if (what->kind == VALUE_STRING)
        return repeat_text(machine, what->text, times, out);
    struct list *list = list_new(machine);
    *out = value_list(what->kind, list);
    for (int64_t i = 0; list && what->list->count && i < times; i++)
        for (size_t k = 0; k < what->list->count; k++)
            if (!list_push(machine, list, &what->list->items[k]))
                return false;
    return list;
}

static bool is_text(const struct value *value)
{
    return value->kind == VALUE_STRING || value->kind == VALUE_MARKUP;
}

static bool is_sequence(const struct value *value)
{
    return value->kind == VALUE_STRING || value->kind == VALUE_LIST || value->kind == VALUE_TUPLE;
}

bool value_binary(struct machine *machine, int operator, const struct value * left, const struct value *right,
                  struct value *out)
{
    char name[3] = {(char)operator, '\0' };
    int64_t times;
    if (value_is_number(left) && value_is_number(right))
        return numbers(machine, operator, left, right, out);
    if (operator== '+' && left->kind == VALUE_STRING && right->kind == VALUE_STRING)
        return add_texts(machine, left->text, right->text, out);
    if (operator== '+' && is_text(left) && is_text(right))
        return add_marked(machine, left, right, out);
    if (operator== '+' && left->kind == right->kind && is_sequence(left))
        return add_lists(machine, left, right, out);
    if (operator== '*' && is_sequence(left) && value_is_whole(right, &times))
        return repeat(machine, left, times, out);
    if (operator== '*' && is_sequence(right) && value_is_whole(left, &times))
        return repeat(machine, right, times, out);
    if (operator== '%' && left->kind == VALUE_STRING)
        return machine_fail(machine, "printf formatting ('%%' on a string) is not understood");
    memcpy(name, operator== 'd' ? "//" : operator== '^' ? "**" : name, 3);
    const struct value *undefined = left->kind == VALUE_UNDEFINED ? left : right;
    if (undefined->kind == VALUE_UNDEFINED)
        return machine_fail(machine, "'%.*s' is undefined, and '%s' needs it", (int)undefined->text.size,
                            undefined->text.data, name);
    return machine_fail(machine, "'%s' cannot be applied to %s and %s", name, value_type(left), value_type(right));
}

bool value_sign(struct machine *machine, bool negative, const struct value *value, struct value *out)
{
    int64_t whole;
    if (value_is_whole(value, &whole))
        return negative ? integers(machine, '-', 0, whole, out) : (*out = value_integer(whole), true);
    *out = *value;
    if (value->kind != VALUE_FLOAT)
        return machine_fail(machine, "a sign cannot stand in front of %s", value_type(value));
    out->real = negative ? -value->real : value->real;
    return true;
}
