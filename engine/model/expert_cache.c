#include "model/expert_cache.h"

#include <assert.h>
#include <stdlib.h>

#define PARTS EXPERT_MATRICES

struct entry {
    unsigned char *values; /* of its parts, one behind the other; NULL: it has no place */
    bool whole;            /* they have been read */
    uint64_t turn;         /* of its last use; see `now` */
    uint64_t read;         /* bytes read for it in the run under way */
    struct entry *older, *newer;
};

struct expert_cache {
    const struct store *store;
    const struct slot *slots; /* [layers][experts][pitch]: of each the first PARTS */
    size_t pitch;
    size_t layers, experts;
    uint64_t bytes_most;
    size_t most;
    struct entry *entries; /* [layers][experts] */
    struct entry *oldest, *newest;
    uint64_t pass;
    uint64_t now;                 /* passes times layers, plus the layer: a layer comes by every `layers` turns */
    struct expert_counts *counts; /* [layers] */
    struct expert_counts kept;    /* `kept` and `kept_bytes` of all layers */
};

struct expert_cache *expert_cache_new(const struct store *store, const struct slot *slots, size_t pitch, int layers,
                                      int experts, uint64_t bytes, size_t most, struct error *error)
{
    struct expert_cache *cache = calloc(1, sizeof *cache);
    if (cache) {
        *cache = (struct expert_cache){.store = store,
                                       .slots = slots,
                                       .pitch = pitch,
                                       .layers = (size_t)layers,
                                       .experts = (size_t)experts,
                                       .bytes_most = bytes < SIZE_MAX / 8 ? bytes : SIZE_MAX / 8,
                                       .most = most ? most : SIZE_MAX};
        cache->entries = calloc(cache->layers * cache->experts, sizeof *cache->entries);
        cache->counts = calloc(cache->layers, sizeof *cache->counts);
    }
    if (cache && cache->entries && cache->counts)
        return cache;
    expert_cache_free(cache);
    error_memory(error, "experts");
    return NULL;
}

void expert_cache_free(struct expert_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; cache->entries && i < cache->layers * cache->experts; i++)
        free(cache->entries[i].values);
    free(cache->entries);
    free(cache->counts);
    free(cache);
}

void expert_cache_pass(struct expert_cache *cache)
{
    cache->pass++;
}

static struct entry *entry_of(const struct expert_cache *cache, int layer, int expert)
{
    return &cache->entries[(size_t)layer * cache->experts + (size_t)expert];
}

static const struct slot *entry_slots(const struct expert_cache *cache, const struct entry *entry)
{
    return &cache->slots[(size_t)(entry - cache->entries) * cache->pitch];
}

static struct expert_counts *entry_counts(const struct expert_cache *cache, const struct entry *entry)
{
    return &cache->counts[(size_t)(entry - cache->entries) / cache->experts];
}

/* Bytes of the expert's tensors; 0: it has none, and adds nothing. */
static uint64_t entry_bytes(const struct expert_cache *cache, const struct entry *entry)
{
    const struct slot *slots = entry_slots(cache, entry);
    uint64_t bytes = 0;
    for (size_t part = 0; part < PARTS; part++)
        bytes += slots[part].tensor ? slots[part].tensor->bytes : 0;
    return bytes;
}

/* What a place for it takes; more than `bytes_most` when it cannot have one. */
static uint64_t entry_room(const struct expert_cache *cache, const struct entry *entry)
{
    const struct slot *slots = entry_slots(cache, entry);
    uint64_t room = 0;
    for (size_t part = 0; part < PARTS; part++) {
        uint64_t bytes = slots[part].tensor ? slots[part].tensor->bytes : 0;
        if (bytes > cache->bytes_most)
            return UINT64_MAX;
        room += bytes ? kept_room(bytes) : 0;
    }
    return room;
}

static void list_remove(struct expert_cache *cache, struct entry *entry)
{
    *(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
    *(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
    entry->older = entry->newer = NULL;
}

static void list_append(struct expert_cache *cache, struct entry *entry)
{
    entry->turn = cache->now;
    entry->older = cache->newest;
    *(entry->older ? &entry->older->newer : &cache->oldest) = entry;
    cache->newest = entry;
}

static void count_kept(struct expert_cache *cache, const struct entry *entry, bool kept)
{
    struct expert_counts *counts[] = {&cache->kept, entry_counts(cache, entry)};
    uint64_t room = entry_room(cache, entry);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        counts[i]->kept = kept ? counts[i]->kept + 1 : counts[i]->kept - 1;
        counts[i]->kept_bytes = kept ? counts[i]->kept_bytes + room : counts[i]->kept_bytes - room;
    }
}

/* Takes its place from it, which is the caller's then. */
static unsigned char *entry_vacate(struct expert_cache *cache, struct entry *entry)
{
    unsigned char *values = entry->values;
    list_remove(cache, entry);
    count_kept(cache, entry, false);
    entry->values = NULL;
    return values;
}

/* Makes some room. False: the oldest is at work now, or its layer has not come by since. Its place goes to `*place`
 * when it is as large as `room`: the memory is used again as it is, without being given back and asked for. */
static bool oldest_evict(struct expert_cache *cache, uint64_t room, unsigned char **place)
{
    struct entry *oldest = cache->oldest;
    if (!oldest || cache->now - oldest->turn < cache->layers)
        return false;
    bool fits = entry_room(cache, oldest) == room;
    unsigned char *values = entry_vacate(cache, oldest);
    entry_counts(cache, oldest)->evicted++;
    free(fits ? *place : values);
    *place = fits ? values : *place;
    return true;
}

/* Gives it a place, where there is one. */
static void entry_place(struct expert_cache *cache, struct entry *entry)
{
    uint64_t room = entry_room(cache, entry);
    if (room > cache->bytes_most)
        return;
    unsigned char *place = NULL;
    while (cache->kept.kept >= cache->most || cache->kept.kept_bytes > cache->bytes_most - room)
        if (!oldest_evict(cache, room, &place)) {
            free(place);
            return;
        }
    entry->values = place ? place : aligned_alloc(64, (size_t)room);
    if (!entry->values)
        return;
    entry->whole = false;
    list_append(cache, entry);
    count_kept(cache, entry, true);
}

void expert_cache_begin(struct expert_cache *cache, int layer, const int *experts, size_t count, bool keep)
{
    cache->now = cache->pass * cache->layers + (size_t)layer;
    for (size_t i = 0; i < count; i++) { /* all of these before any makes room */
        struct entry *entry = entry_of(cache, layer, experts[i]);
        if (!entry->values)
            continue;
        cache->counts[layer].hits++;
        list_remove(cache, entry);
        list_append(cache, entry);
    }
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = entry_of(cache, layer, experts[i]);
        if (entry->values || !entry_bytes(cache, entry))
            continue;
        cache->counts[layer].misses++;
        if (keep)
            entry_place(cache, entry);
    }
}

bool expert_cache_take(struct expert_cache *cache, int layer, int expert, size_t times,
                       struct matrix out[EXPERT_MATRICES], struct error *error)
{
    struct entry *entry = entry_of(cache, layer, expert);
    const struct slot *slots = entry_slots(cache, entry);
    unsigned char *values = entry->values;
    for (size_t part = 0; part < PARTS; part++) {
        const struct tensor *tensor = slots[part].tensor;
        out[part] = slot_matrix(cache->store, &slots[part]);
        if (!values || !tensor || !tensor->bytes)
            continue;
        if (!entry->whole && !store_read(cache->store, tensor, values, error))
            return false;
        out[part].values = values;
        values += kept_room(tensor->bytes);
    }
    if (!entry->values || !entry->whole)
        entry->read = entry_bytes(cache, entry) * (entry->values ? 1 : times);
    entry->whole = entry->values;
    return true;
}

void expert_cache_end(struct expert_cache *cache, int layer, const int *experts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = entry_of(cache, layer, experts[i]);
        cache->counts[layer].read += entry->read;
        entry->read = 0;
        if (entry->values && !entry->whole)
            free(entry_vacate(cache, entry));
    }
}

static void counts_add(struct expert_counts *sum, const struct expert_counts *counts)
{
    sum->hits += counts->hits;
    sum->misses += counts->misses;
    sum->evicted += counts->evicted;
    sum->read += counts->read;
    sum->kept += counts->kept;
    sum->kept_bytes += counts->kept_bytes;
}

struct expert_counts expert_cache_counts(const struct expert_cache *cache, int layer)
{
    struct expert_counts sum = {0};
    for (size_t i = 0; i < cache->layers; i++)
        if (layer < 0 || i == (size_t)layer)
            counts_add(&sum, &cache->counts[i]);
    return sum;
}
