#include "store/pickle.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

#define VALUES_MOST ((size_t)4 << 20) /* a tensor takes about fifteen */
#define MEMO_MOST VALUES_MOST
#define NAME_MOST 200
#define NO_VALUE SIZE_MAX

/* What a call of it with no arguments gives is a dictionary, and its attributes are nothing of ours. */
#define DICT_MODULE "collections"
#define DICT_NAME "OrderedDict"
#define DICT_ROW (-1)

struct machine {
    const char *path, *text;
    size_t size, at;
    const struct pickle_global *globals;
    size_t global_count;
    struct pickle *pickle;
    size_t *stack, stack_count, stack_capacity;
    size_t *memo, memo_count, memo_capacity; /* NO_VALUE: nothing */
    bool stopped;
    struct error *error;
};

static bool bad(const struct machine *machine, const char *what)
{
    return error_set(machine->error, "%s: its pickle is malformed at byte %zu: %s", machine->path, machine->at, what);
}

static bool memory(const struct machine *machine)
{
    return error_memory(machine->error, machine->path);
}

static struct pickle_value *value_at(const struct machine *machine, size_t index)
{
    return &machine->pickle->values[index];
}

const struct pickle_value *pickle_item(const struct pickle *pickle, const struct pickle_value *value, size_t index)
{
    return &pickle->values[value->items[index]];
}

/* --- what lies in the text --- */

/* The next bytes, or NULL where they are not there. */
static const unsigned char *take(struct machine *machine, uint64_t count)
{
    if (count > machine->size - machine->at) {
        bad(machine, "it ends within a step (truncated? get it again)");
        return NULL;
    }
    const unsigned char *bytes = (const unsigned char *)machine->text + machine->at;
    machine->at += (size_t)count;
    return bytes;
}

static bool take_number(struct machine *machine, size_t width, uint64_t *value)
{
    const unsigned char *bytes = take(machine, width);
    *value = 0;
    for (size_t i = width; bytes && i-- > 0;)
        *value = *value << 8 | bytes[i];
    return bytes;
}

/* A name as it may stand in a message: some printable characters. */
static bool is_plain(const char *text, size_t size)
{
    bool plain = size && size <= NAME_MOST;
    for (size_t i = 0; plain && i < size; i++)
        plain = text[i] > ' ' && text[i] < 0x7F;
    return plain;
}

/* A name on a line of its own, whose end is not counted; NULL: it is none. */
static const char *take_line(struct machine *machine, size_t *length)
{
    const char *line = machine->text + machine->at;
    const char *end = memchr(line, '\n', machine->size - machine->at);
    *length = end ? (size_t)(end - line) : 0;
    if (!is_plain(line, *length)) {
        bad(machine, "a name is malformed");
        return NULL;
    }
    machine->at += *length + 1;
    return line;
}

/* --- stack and memo --- */

static bool push(struct machine *machine, size_t index)
{
    return array_push(machine->stack, machine->stack_count, machine->stack_capacity, index) || memory(machine);
}

static bool push_value(struct machine *machine, struct pickle_value value)
{
    struct pickle *pickle = machine->pickle;
    if (pickle->count == VALUES_MOST)
        return bad(machine, "it makes more values than any model has");
    return (array_push(pickle->values, pickle->count, pickle->capacity, value) || memory(machine)) &&
           push(machine, pickle->count - 1);
}

static bool has_top(const struct machine *machine, enum pickle_kind kind)
{
    return machine->stack_count && value_at(machine, machine->stack[machine->stack_count - 1])->kind == kind;
}

/* Only behind a push. */
static size_t top(const struct machine *machine)
{
    return machine->stack[machine->stack_count - 1];
}

/* The uppermost value, which is no mark; NO_VALUE with the error where there is none. */
static size_t pop(struct machine *machine)
{
    if (machine->stack_count && !has_top(machine, PICKLE_MARK))
        return machine->stack[--machine->stack_count];
    bad(machine, "a step lacks the value that it works on");
    return NO_VALUE;
}

/* Where the values above the uppermost mark begin. The mark itself lies below them. False: there is none. */
static bool find_mark(const struct machine *machine, size_t *first)
{
    for (size_t i = machine->stack_count; i-- > 0;)
        if (value_at(machine, machine->stack[i])->kind == PICKLE_MARK) {
            *first = i + 1;
            return true;
        }
    return bad(machine, "a step lacks its mark");
}

static bool append(struct machine *machine, size_t to, size_t item)
{
    struct pickle_value *value = value_at(machine, to);
    return array_push(value->items, value->count, value->capacity, item) || memory(machine);
}

static bool memo_put(struct machine *machine, uint64_t place)
{
    if (!machine->stack_count)
        return bad(machine, "a step stores a value where there is none");
    if (place >= MEMO_MOST)
        return bad(machine, "a step stores more values than any model has");
    while (machine->memo_count <= place)
        if (!array_push(machine->memo, machine->memo_count, machine->memo_capacity, NO_VALUE))
            return memory(machine);
    machine->memo[place] = top(machine);
    return true;
}

static bool memo_get(struct machine *machine, uint64_t place)
{
    if (place >= machine->memo_count || machine->memo[place] == NO_VALUE)
        return bad(machine, "a step reads a value that was never stored");
    return push(machine, machine->memo[place]);
}

/* --- steps: each with what its row says of it --- */

/* `width` bytes, less than 0: of a number that has a sign. */
static bool step_number(struct machine *machine, int width)
{
    uint64_t number = 0;
    if (!take_number(machine, (size_t)abs(width), &number))
        return false;
    int64_t whole = width < 0 ? (int64_t)(int32_t)(uint32_t)number : (int64_t)number;
    return push_value(machine, (struct pickle_value){.kind = PICKLE_WHOLE, .whole = whole});
}

/* Little-endian, of any width up to eight bytes, the last of which has the sign. */
static bool step_long(struct machine *machine, int unused)
{
    (void)unused;
    uint64_t width = 0, number = 0;
    if (!take_number(machine, 1, &width))
        return false;
    if (width > 8)
        return bad(machine, "a whole number has more than 64 bits");
    if (!take_number(machine, (size_t)width, &number))
        return false;
    if (width && width < 8 && number >> (8 * width - 1))
        number |= UINT64_MAX << (8 * width);
    return push_value(machine, (struct pickle_value){.kind = PICKLE_WHOLE, .whole = (int64_t)number});
}

/* Big-endian, unlike everything else. */
static bool step_real(struct machine *machine, int unused)
{
    (void)unused;
    const unsigned char *bytes = take(machine, 8);
    uint64_t bits = 0;
    struct pickle_value value = {.kind = PICKLE_REAL};
    for (size_t i = 0; bytes && i < 8; i++)
        bits = bits << 8 | bytes[i];
    memcpy(&value.real, &bits, sizeof bits);
    return bytes && push_value(machine, value);
}

/* Its size is a number of `width` bytes. */
static bool step_text(struct machine *machine, int width)
{
    uint64_t size = 0;
    struct pickle_value value = {.kind = PICKLE_TEXT};
    if (!take_number(machine, (size_t)width, &size) || !(value.text = (const char *)take(machine, size)))
        return false;
    value.size = (size_t)size;
    return push_value(machine, value);
}

static bool step_none(struct machine *machine, int kind)
{
    return push_value(machine, (struct pickle_value){.kind = (enum pickle_kind)kind});
}

static bool step_bool(struct machine *machine, int truth)
{
    return push_value(machine, (struct pickle_value){.kind = PICKLE_BOOL, .whole = truth});
}

static bool is_name(const char *text, size_t size, const char *name)
{
    return strlen(name) == size && memcmp(text, name, size) == 0;
}

/* A name of the table, or an error that names it. */
static bool push_global(struct machine *machine, const char *module, size_t module_size, const char *name,
                        size_t name_size)
{
    struct pickle_value value = {.kind = PICKLE_GLOBAL, .whole = DICT_ROW};
    bool known = is_name(module, module_size, DICT_MODULE) && is_name(name, name_size, DICT_NAME);
    for (size_t i = 0; !known && i < machine->global_count; i++) {
        const struct pickle_global *global = &machine->globals[i];
        known = is_name(module, module_size, global->module) && is_name(name, name_size, global->name);
        value.whole = (int64_t)i;
    }
    if (known)
        return push_value(machine, value);
    return error_set(
        machine->error,
        "%s: calls for %.*s.%.*s, which is not among the few names that are understood here (nothing that a "
        "file asks for is run): load it with PyTorch and save its tensors with safetensors.torch.save_file",
        machine->path, (int)module_size, module, (int)name_size, name);
}

static bool step_global(struct machine *machine, int unused)
{
    (void)unused;
    size_t module_size = 0, name_size = 0;
    const char *module = take_line(machine, &module_size);
    const char *name = module ? take_line(machine, &name_size) : NULL;
    return name && push_global(machine, module, module_size, name, name_size);
}

static bool step_global_of_texts(struct machine *machine, int unused)
{
    (void)unused;
    size_t at = pop(machine), below = at == NO_VALUE ? NO_VALUE : pop(machine);
    if (below == NO_VALUE)
        return false;
    const struct pickle_value name = *value_at(machine, at), module = *value_at(machine, below);
    if (name.kind != PICKLE_TEXT || module.kind != PICKLE_TEXT || !is_plain(name.text, name.size) ||
        !is_plain(module.text, module.size))
        return bad(machine, "a name is malformed");
    return push_global(machine, module.text, module.size, name.text, name.size);
}

/* Takes what lies above the mark, and the mark, as the items of a new value. */
static bool step_collect(struct machine *machine, int kind)
{
    size_t first = 0;
    if (!find_mark(machine, &first))
        return false;
    size_t count = machine->stack_count - first;
    if (kind == PICKLE_DICT && count % 2)
        return bad(machine, "a key lacks its value");
    size_t *items = malloc((count + 1) * sizeof *items);
    if (!items)
        return memory(machine);
    memcpy(items, machine->stack + first, count * sizeof *items);
    machine->stack_count = first - 1;
    if (!step_none(machine, kind)) {
        free(items);
        return false;
    }
    struct pickle_value *value = value_at(machine, top(machine));
    value->items = items;
    value->count = count;
    value->capacity = count + 1;
    return true;
}

static bool step_tuple(struct machine *machine, int count)
{
    size_t items[3];
    for (int i = count; i-- > 0;)
        if ((items[i] = pop(machine)) == NO_VALUE)
            return false;
    if (!step_none(machine, PICKLE_TUPLE))
        return false;
    size_t tuple = top(machine);
    for (int i = 0; i < count; i++)
        if (!append(machine, tuple, items[i]))
            return false;
    return true;
}

/* Appends what lies above the mark to the list or dictionary below it. */
static bool step_append_all(struct machine *machine, int kind)
{
    size_t first = 0;
    if (!find_mark(machine, &first))
        return false;
    bool fits = first >= 2 && (int)value_at(machine, machine->stack[first - 2])->kind == kind;
    if (!fits || (kind == PICKLE_DICT && (machine->stack_count - first) % 2))
        return bad(machine, "a step adds items to what is no list or dictionary");
    for (size_t i = first; i < machine->stack_count; i++)
        if (!append(machine, machine->stack[first - 2], machine->stack[i]))
            return false;
    machine->stack_count = first - 1;
    return true;
}

static bool step_append(struct machine *machine, int kind)
{
    size_t value = pop(machine), key = value != NO_VALUE && kind == PICKLE_DICT ? pop(machine) : value;
    if (value == NO_VALUE || key == NO_VALUE)
        return false;
    if (!has_top(machine, (enum pickle_kind)kind))
        return bad(machine, "a step adds an item to what is no list or dictionary");
    return (kind == PICKLE_LIST || append(machine, top(machine), key)) && append(machine, top(machine), value);
}

static bool step_call(struct machine *machine, int unused)
{
    (void)unused;
    size_t arguments = pop(machine), callee = arguments == NO_VALUE ? NO_VALUE : pop(machine);
    if (callee == NO_VALUE)
        return false;
    int64_t row = value_at(machine, callee)->whole;
    if (value_at(machine, callee)->kind != PICKLE_GLOBAL || value_at(machine, arguments)->kind != PICKLE_TUPLE)
        return bad(machine, "a step calls what cannot be called");
    if (row != DICT_ROW)
        return push_value(machine, (struct pickle_value){.kind = PICKLE_CALL, .whole = row}) &&
               append(machine, top(machine), arguments);
    return value_at(machine, arguments)->count ? bad(machine, "a step calls " DICT_NAME " with arguments")
                                               : step_none(machine, PICKLE_DICT);
}

static bool step_outside(struct machine *machine, int kind)
{
    size_t id = pop(machine);
    return id != NO_VALUE && step_none(machine, kind) && append(machine, top(machine), id);
}

/* Attributes: state_dict gives its dictionary one (_metadata), which says nothing of tensors. */
static bool step_attributes(struct machine *machine, int kind)
{
    return pop(machine) != NO_VALUE && (has_top(machine, (enum pickle_kind)kind) ||
                                        bad(machine, "a step sets attributes to what is no dictionary"));
}

static bool step_protocol(struct machine *machine, int unused)
{
    (void)unused;
    uint64_t protocol = 0;
    if (!take_number(machine, 1, &protocol))
        return false;
    return (protocol >= 2 && protocol <= 5) ||
           error_set(machine->error, "%s: its pickle has protocol %llu; 2 to 5 are read", machine->path,
                     (unsigned long long)protocol);
}

static bool step_stop(struct machine *machine, int unused)
{
    (void)unused;
    machine->stopped = true;
    if (machine->stack_count != 1 || has_top(machine, PICKLE_MARK))
        return bad(machine, "it ends with more or less than one value");
    machine->pickle->root = top(machine);
    return true;
}

static bool step_put(struct machine *machine, int width)
{
    uint64_t place = 0;
    return take_number(machine, (size_t)width, &place) && memo_put(machine, place);
}

static bool step_get(struct machine *machine, int width)
{
    uint64_t place = 0;
    return take_number(machine, (size_t)width, &place) && memo_get(machine, place);
}

static bool step_memoize(struct machine *machine, int unused)
{
    (void)unused;
    return memo_put(machine, machine->memo_count);
}

/* How much belongs together says nothing that the steps themselves do not. */
static bool step_frame(struct machine *machine, int width)
{
    uint64_t size = 0;
    return take_number(machine, (size_t)width, &size);
}

/* By their codes. */
static const struct step {
    bool (*take)(struct machine *machine, int argument);
    int argument;
} steps[256] = {
    [0x80] = {step_protocol, 0},
    [0x95] = {step_frame, 8},
    ['.'] = {step_stop, 0},
    ['('] = {step_none, PICKLE_MARK},
    ['N'] = {step_none, PICKLE_NONE},
    [0x88] = {step_bool, true},
    [0x89] = {step_bool, false},
    ['J'] = {step_number, -4},
    ['K'] = {step_number, 1},
    ['M'] = {step_number, 2},
    [0x8A] = {step_long, 0},
    ['G'] = {step_real, 0},
    ['X'] = {step_text, 4},
    ['T'] = {step_text, 4},
    ['U'] = {step_text, 1},
    [0x8C] = {step_text, 1},
    [0x8D] = {step_text, 8},
    ['}'] = {step_none, PICKLE_DICT},
    [']'] = {step_none, PICKLE_LIST},
    [')'] = {step_tuple, 0},
    [0x85] = {step_tuple, 1},
    [0x86] = {step_tuple, 2},
    [0x87] = {step_tuple, 3},
    ['t'] = {step_collect, PICKLE_TUPLE},
    ['l'] = {step_collect, PICKLE_LIST},
    ['d'] = {step_collect, PICKLE_DICT},
    ['s'] = {step_append, PICKLE_DICT},
    ['a'] = {step_append, PICKLE_LIST},
    ['u'] = {step_append_all, PICKLE_DICT},
    ['e'] = {step_append_all, PICKLE_LIST},
    ['q'] = {step_put, 1},
    ['r'] = {step_put, 4},
    ['h'] = {step_get, 1},
    ['j'] = {step_get, 4},
    [0x94] = {step_memoize, 0},
    ['c'] = {step_global, 0},
    [0x93] = {step_global_of_texts, 0},
    ['Q'] = {step_outside, PICKLE_OUTSIDE},
    ['R'] = {step_call, 0},
    ['b'] = {step_attributes, PICKLE_DICT},
};

static bool take_step(struct machine *machine)
{
    const unsigned char *code = take(machine, 1);
    if (!code)
        return false;
    if (steps[*code].take)
        return steps[*code].take(machine, steps[*code].argument);
    return error_set(machine->error, "%s: its pickle has a step that data does not need (0x%02x at byte %zu)",
                     machine->path, *code, machine->at - 1);
}

bool pickle_read(const char *path, const char *text, size_t size, const struct pickle_global *globals,
                 size_t global_count, struct pickle *pickle, struct error *error)
{
    *pickle = (struct pickle){0};
    struct machine machine = {.path = path,
                              .text = text,
                              .size = size,
                              .globals = globals,
                              .global_count = global_count,
                              .pickle = pickle,
                              .error = error};
    bool good = true;
    while (good && !machine.stopped)
        good = take_step(&machine);
    if (good && machine.at != size)
        good = bad(&machine, "something follows its end");
    free(machine.stack);
    free(machine.memo);
    return good;
}

void pickle_free(struct pickle *pickle)
{
    for (size_t i = 0; i < pickle->count; i++)
        free(pickle->values[i].items);
    free(pickle->values);
    *pickle = (struct pickle){0};
}
