#include "jinja/node.h"

struct node *node_new(struct machine *machine, enum node_kind kind, int line)
{
    struct node *node = machine_take(machine, sizeof *node);
    if (node)
        *node = (struct node){.kind = kind, .line = line};
    return node;
}

struct node *node_over(struct machine *machine, enum node_kind kind, struct node *a, struct node *b)
{
    struct node *node = a ? node_new(machine, kind, a->line) : NULL;
    if (node) {
        node->a = a;
        node->b = b;
    }
    return node;
}
