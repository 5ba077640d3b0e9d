/* A map from byte strings to indices: open addressing over XXH3. */
#ifndef ASSAY_BASE_MAP_H
#define ASSAY_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Start with `struct map map = {0}`. Keys are borrowed and must outlive the map. */
struct map {
    struct map_slot *slots;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
};

#define MAP_ABSENT SIZE_MAX

/* The value of the key, or MAP_ABSENT. */
size_t map_find(const struct map *map, const void *key, size_t size);

/* Adds the key with the value, unless the key is there. `*found` (may be NULL) tells, and then holds the value that was
 * there, else MAP_ABSENT. False: out of memory. */
bool map_add(struct map *map, const void *key, size_t size, size_t value, size_t *found);

void map_free(struct map *map);

#endif
