/* Which unknown filters and tests are an error before anything is rendered: jinja2/compiler.py, _filter_test_common.
 *
 * Jinja looks for them when it compiles, but in the branches of a condition, which may ask first whether they are
 * there; those are looked for when they are needed. What has a frame of its own (a loop, a macro, a captured block) is
 * no branch any more. */
#include "jinja/known.h"

#include "jinja/filters.h"
#include "jinja/predicates.h"

static bool judge(struct machine *machine, const struct node *node, bool branch);

static bool judge_list(struct machine *machine, const struct node *nodes, bool branch)
{
    for (; nodes; nodes = nodes->next)
        if (!judge(machine, nodes, branch))
            return false;
    return true;
}

static bool judge_name(struct machine *machine, const struct node *node)
{
    bool filter = node->kind == NODE_FILTER, known = filter ? filter_known(node->text) : predicate_known(node->text);
    machine->line = node->line;
    return known || machine_fail(machine, "there is no %s '%.*s'", filter ? "filter" : "test", (int)node->text.size,
                                 node->text.data);
}

/* Has what it captures or repeats a frame of its own? */
static bool is_frame(const struct node *node)
{
    return node->kind == NODE_SET_BLOCK || node->kind == NODE_FILTER_BLOCK || node->kind == NODE_MACRO;
}

static bool judge_kind(struct machine *machine, const struct node *node, bool branch)
{
    bool inside = node->kind == NODE_IF; /* are body and otherwise branches? */
    if ((node->kind == NODE_FILTER || node->kind == NODE_TEST) && !branch && !judge_name(machine, node))
        return false;
    branch = inside || node->kind == NODE_CHOICE || (branch && !is_frame(node));
    return (!node->a || judge(machine, node->a, branch)) && (!node->b || judge(machine, node->b, branch)) &&
           (!node->c || judge(machine, node->c, branch && node->kind != NODE_FOR)) &&
           judge_list(machine, node->items, branch) && judge_list(machine, node->body, inside) &&
           judge_list(machine, node->otherwise, inside);
}

static bool judge(struct machine *machine, const struct node *node, bool branch)
{
    if (!machine_enter(machine))
        return false;
    bool good = machine_spend(machine, 1) && judge_kind(machine, node, branch);
    machine->depth--;
    return good;
}

bool names_known(struct machine *machine, const struct node *nodes)
{
    return judge_list(machine, nodes, false);
}
