#include "text/trie.h"

#include <stdlib.h>

#include "base/buffer.h"

#define EDGE_FREE UINT64_MAX

struct trie_edge {
    uint64_t from; /* node << 8 | byte */
    uint32_t to;
};

static struct trie_edge *edge_of(struct trie_edge *edges, size_t slots, uint64_t from)
{
    uint64_t hash = from * 0x9E3779B97F4A7C15u;
    size_t at = (size_t)(hash >> 32) & (slots - 1);
    while (edges[at].from != from && edges[at].from != EDGE_FREE)
        at = (at + 1) & (slots - 1);
    return &edges[at];
}

static bool edges_grow(struct trie *trie)
{
    size_t slots = trie->edge_slots ? trie->edge_slots * 2 : 1024;
    struct trie_edge *edges = malloc(slots * sizeof *edges);
    if (!edges)
        return false;
    for (size_t i = 0; i < slots; i++)
        edges[i].from = EDGE_FREE;
    for (size_t i = 0; i < trie->edge_slots; i++)
        if (trie->edges[i].from != EDGE_FREE)
            *edge_of(edges, slots, trie->edges[i].from) = trie->edges[i];
    free(trie->edges);
    trie->edges = edges;
    trie->edge_slots = slots;
    return true;
}

static bool node_add(struct trie *trie)
{
    return trie->nodes < TRIE_NONE && array_push(trie->values, trie->nodes, trie->capacity, -1);
}

bool trie_add(struct trie *trie, const char *key, size_t size, int value)
{
    if (!trie->nodes && !node_add(trie))
        return false;
    uint32_t node = TRIE_ROOT;
    for (size_t i = 0; i < size; i++) {
        if ((trie->nodes + 1) * 2 > trie->edge_slots && !edges_grow(trie))
            return false;
        uint64_t from = (uint64_t)node << 8 | (unsigned char)key[i];
        struct trie_edge *edge = edge_of(trie->edges, trie->edge_slots, from);
        if (edge->from == EDGE_FREE) {
            if (!node_add(trie))
                return false;
            *edge = (struct trie_edge){.from = from, .to = (uint32_t)(trie->nodes - 1)};
        }
        node = edge->to;
    }
    if (size)
        trie->values[node] = value;
    return true;
}

void trie_free(struct trie *trie)
{
    free(trie->edges);
    free(trie->values);
}

uint32_t trie_step(const struct trie *trie, uint32_t node, char byte)
{
    if (!trie->edge_slots)
        return TRIE_NONE;
    const struct trie_edge *edge = edge_of(trie->edges, trie->edge_slots, (uint64_t)node << 8 | (unsigned char)byte);
    return edge->from == EDGE_FREE ? TRIE_NONE : edge->to;
}

int trie_value(const struct trie *trie, uint32_t node)
{
    return node < trie->nodes ? trie->values[node] : -1;
}
