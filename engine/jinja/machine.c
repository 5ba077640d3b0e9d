#include "jinja/machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jinja/template.h"

#define BLOCK_SIZE ((size_t)256 << 10)

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    max_align_t data[];
};

bool machine_fail(struct machine *machine, const char *format, ...)
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

bool machine_spend(struct machine *machine, size_t work)
{
    machine->steps += work < JINJA_STEPS_MOST ? (long)work : JINJA_STEPS_MOST;
    return machine->steps <= JINJA_STEPS_MOST || machine_fail(machine, "it takes more than %d steps", JINJA_STEPS_MOST);
}

bool machine_spend_names(struct machine *machine, size_t looked, struct text name)
{
    return machine_spend(machine, looked / 16 + looked * (name.size / 64));
}

void *machine_take(struct machine *machine, size_t size)
{
    struct arena_block *block = machine->arena;
    if (size > JINJA_ARENA_MOST - machine->arena_size) {
        machine_fail(machine, "it takes more than %zu MiB of memory", JINJA_ARENA_MOST >> 20);
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
    machine->arena_size +=
        size < JINJA_ARENA_MOST - machine->arena_size ? size : JINJA_ARENA_MOST - machine->arena_size;
    return data;
}

void machine_free(struct machine *machine)
{
    struct arena_block *block = machine->arena;
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

bool machine_copy(struct machine *machine, const char *data, size_t size, struct text *out)
{
    char *copy = machine_take(machine, size);
    if (!copy || !machine_spend(machine, size / 64))
        return false;
    if (size)
        memcpy(copy, data, size);
    *out = (struct text){copy, size};
    return true;
}

bool machine_enter(struct machine *machine)
{
    return ++machine->depth <= JINJA_DEPTH_MOST ||
           machine_fail(machine, "it is nested more than %d deep", JINJA_DEPTH_MOST);
}
