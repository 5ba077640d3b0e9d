#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jinja/template_internal.h"

#define BLOCK_SIZE ((size_t)256 << 10)

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    max_align_t data[];
};

bool chat_fail(struct machine *machine, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    if (machine->error->text)
        return false;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        return error_memory(machine->error, machine->source->where);
    error_set(machine->error, "%s: chat template line %d: %s", machine->source->where, machine->line, text);
    free(text);
    return false;
}

bool chat_spend(struct machine *machine, size_t work)
{
    machine->steps += work < CHAT_STEPS_MOST ? (long)work : CHAT_STEPS_MOST;
    return machine->steps <= CHAT_STEPS_MOST || chat_fail(machine, "more than %d steps", CHAT_STEPS_MOST);
}

void *chat_take(struct machine *machine, size_t size)
{
    struct arena_block *block = machine->arena;
    if (size > CHAT_ARENA_MOST - machine->arena_size) {
        chat_fail(machine, "more than %zu MiB of memory", CHAT_ARENA_MOST >> 20);
        return NULL;
    }
    size = (size + sizeof(max_align_t)) & ~(sizeof(max_align_t) - 1);
    if (!block || size > block->size - block->used) {
        size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        block = calloc(1, sizeof *block + room);
        if (!block) {
            error_memory(machine->error, machine->source->where);
            return NULL;
        }
        *block = (struct arena_block){.next = machine->arena, .size = room};
        machine->arena = block;
    }
    void *data = (char *)block->data + block->used;
    block->used += size;
    machine->arena_size += size < CHAT_ARENA_MOST - machine->arena_size ? size : CHAT_ARENA_MOST - machine->arena_size;
    return data;
}

static void arena_free(struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

bool chat_copy(struct machine *machine, const char *data, size_t size, struct text *out)
{
    char *copy = chat_take(machine, size);
    if (!copy || !chat_spend(machine, size / 64))
        return false;
    if (size)
        memcpy(copy, data, size);
    *out = (struct text){copy, size};
    return true;
}

bool text_is(struct text text, const char *word)
{
    return strlen(word) == text.size && memcmp(text.data, word, text.size) == 0;
}

bool text_equal(struct text left, struct text right)
{
    return left.size == right.size && (!left.size || memcmp(left.data, right.data, left.size) == 0);
}

static bool take_variables(struct machine *machine, const cJSON *variables)
{
    struct value value;
    if (!cJSON_IsObject(variables))
        return chat_fail(machine, "its variables are no object");
    if (!value_from_json(machine, variables, &value))
        return false;
    machine->variables = value.dict;
    return true;
}

static bool run(struct machine *machine, const cJSON *variables)
{
    struct node *nodes = NULL;
    struct hidden *hidden = NULL;
    if (chat_lex(machine))
        nodes = chat_parse(machine);
    machine->scope = chat_take(machine, sizeof *machine->scope);
    return !machine->error->text && machine->scope && chat_known(machine, nodes) &&
           chat_scopes(machine, nodes, &hidden) && take_variables(machine, variables) && chat_hide(machine, hidden) &&
           chat_render(machine, nodes);
}

bool chat_template_render(const struct chat_template_source *source, const cJSON *variables, struct buffer *out,
                          struct error *error)
{
    struct buffer text = {.maximum = CHAT_OUTPUT_MOST};
    struct error problem = {0};
    struct machine machine = {.source = source, .error = &problem, .out = &text, .line = 1};
    bool good = (source->size <= CHAT_SOURCE_MOST || chat_fail(&machine, "more than 4 MiB")) &&
                (utf8_check(source->text, source->size) == source->size || chat_fail(&machine, "is not UTF-8")) &&
                run(&machine, variables);
    if (good && text.failed)
        good = chat_fail(&machine, "writes more than %zu MiB", CHAT_OUTPUT_MOST >> 20);
    if (good && text.size)
        good = buffer_append(out, text.data, text.size) || error_memory(&problem, source->where);
    if (!good)
        error_set(error, "%s", error_text(&problem));
    error_clear(&problem);
    arena_free(machine.arena);
    buffer_free(&text);
    return good;
}
