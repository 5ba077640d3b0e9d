#include "base/map.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct map_slot {
    const char *key; /* NULL: free */
    size_t size;
    size_t value;
    uint64_t hash;
};

static struct map_slot *map_slot_of(struct map_slot *slots, size_t capacity, const void *key, size_t size,
                                    uint64_t hash)
{
    size_t at = (size_t)hash & (capacity - 1);
    while (slots[at].key && (slots[at].hash != hash || slots[at].size != size || memcmp(slots[at].key, key, size) != 0))
        at = (at + 1) & (capacity - 1);
    return &slots[at];
}

size_t map_find(const struct map *map, const void *key, size_t size)
{
    if (!map->capacity)
        return MAP_ABSENT;
    const struct map_slot *slot = map_slot_of(map->slots, map->capacity, key, size, XXH3_64bits(key, size));
    return slot->key ? slot->value : MAP_ABSENT;
}

static bool map_grow(struct map *map)
{
    size_t capacity = map->capacity ? map->capacity * 2 : 64;
    struct map_slot *slots = calloc(capacity, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < map->capacity; i++) {
        const struct map_slot *old = &map->slots[i];
        if (old->key)
            *map_slot_of(slots, capacity, old->key, old->size, old->hash) = *old;
    }
    free(map->slots);
    map->slots = slots;
    map->capacity = capacity;
    return true;
}

bool map_add(struct map *map, const void *key, size_t size, size_t value, size_t *found)
{
    if (map->count * 2 >= map->capacity && !map_grow(map))
        return false;
    uint64_t hash = XXH3_64bits(key, size);
    struct map_slot *slot = map_slot_of(map->slots, map->capacity, key, size, hash);
    if (found)
        *found = slot->key ? slot->value : MAP_ABSENT;
    if (slot->key)
        return true;
    *slot = (struct map_slot){.key = key, .size = size, .value = value, .hash = hash};
    map->count++;
    return true;
}

void map_free(struct map *map)
{
    free(map->slots);
    *map = (struct map){0};
}
