/* Byte strings by their beginnings: all keys that a text begins with, found in one walk. Private to engine/text. */
#ifndef ASSAY_TEXT_TRIE_H
#define ASSAY_TEXT_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIE_ROOT 0u
#define TRIE_NONE UINT32_MAX

/* Start with {0}. */
struct trie {
    struct trie_edge *edges; /* from node and byte to node: open addressing */
    size_t edge_slots;       /* a power of two, or 0 */
    int *values;             /* by node; -1: no key ends there */
    size_t nodes, capacity;
};

/* Of two equal keys the later one counts; an empty one is left out. False: out of memory. */
bool trie_add(struct trie *trie, const char *key, size_t size, int value);
void trie_free(struct trie *trie);

/* The node behind the byte, TRIE_NONE: no key goes on so. */
uint32_t trie_step(const struct trie *trie, uint32_t node, char byte);
/* The value of the key that ends at the node, -1: none does. */
int trie_value(const struct trie *trie, uint32_t node);

#endif
