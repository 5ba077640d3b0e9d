#include "text/bpe.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "text/utf8.h"
#include "text/word_model.h"

#define RANK_NONE UINT32_MAX
#define PAIR_FREE UINT64_MAX
#define PLACE_NONE UINT32_MAX
#define SHORT_SYMBOLS 48 /* up to here looking at all pairs beats a heap */
#define SHORT_BYTES (SHORT_SYMBOLS / 2)
#define CACHE_SLOTS 32768 /* 64 bytes each */
#define CACHE_BYTES 30
#define CACHE_IDS 8

/* What one byte or character becomes before any merge. */
struct unit {
    enum { UNIT_NOTHING, UNIT_TOKEN, UNIT_FALLBACK, UNIT_UNKNOWN } kind;
    int ids[4];
    int count;
};

struct merge_slot {
    uint64_t pair; /* left id << 32 | right id */
    uint32_t rank;
    int merged;
};

/* Direct-mapped: a word that falls on a taken slot replaces what was there. */
struct cache_slot {
    uint8_t size; /* 0: empty */
    uint8_t count;
    char bytes[CACHE_BYTES];
    int ids[CACHE_IDS];
};
_Static_assert(sizeof(struct cache_slot) == 64, "one cache line");

struct symbol {
    int id;
    int merged;    /* what it becomes together with the next one */
    uint32_t rank; /* of that merge, or RANK_NONE */
    uint32_t next;
    uint32_t previous;
};

struct bpe {
    char *where;
    char *unknown;
    const struct alphabet *alphabet;
    struct unit units[256]; /* of bytes */
    bool plain;             /* made of bytes, and every one has its own token */
    struct map characters;  /* -> id */
    int fallback[256];      /* the ids of <0x00> to <0xFF>; -1: none, or not asked for */
    bool has_unknown;
    bool fuse_unknown;
    bool ignore_merges;
    int unknown_id; /* -1: unk_token is no token */
    uint32_t ranks;
    struct merge_slot *merges;
    size_t merge_slots; /* a power of two */
    size_t merge_count;
    struct map whole;
    struct cache_slot *cache;
    struct ids symbols; /* scratch of long words */
    struct symbol *list;
    size_t list_capacity;
    uint64_t *heap;
    size_t heap_capacity;
    size_t heap_count;
};

static int vocab_id(const struct map *vocab, const char *token, size_t size)
{
    size_t id = map_find(vocab, token, size);
    return id == MAP_ABSENT ? -1 : (int)id;
}

/* Of a character that has the token `id`, or none (-1). As the original: the fallback spells its bytes, so that one of
 * the byte-level alphabet beyond ASCII takes two. */
static struct unit unit_of(const struct bpe *bpe, int id, const char *text, size_t size)
{
    struct unit unit = {bpe->has_unknown ? UNIT_UNKNOWN : UNIT_NOTHING, {0}, 0};
    if (id >= 0)
        return (struct unit){UNIT_TOKEN, {id}, 1};
    for (size_t i = 0; i < size; i++)
        if (bpe->fallback[(unsigned char)text[i]] < 0)
            return unit;
    unit.kind = UNIT_FALLBACK;
    for (size_t i = 0; i < size; i++)
        unit.ids[unit.count++] = bpe->fallback[(unsigned char)text[i]];
    return unit;
}

static struct unit next_byte(const struct bpe *bpe, const char *bytes, size_t *at)
{
    return bpe->units[(unsigned char)bytes[(*at)++]];
}

static struct unit next_character(const struct bpe *bpe, const char *bytes, size_t *at)
{
    size_t start = *at;
    utf8_next(bytes, at);
    return unit_of(bpe, vocab_id(&bpe->characters, bytes + start, *at - start), bytes + start, *at - start);
}

static uint32_t byte_code(const char *bytes)
{
    return (unsigned char)*bytes;
}

static uint32_t character_code(const char *bytes)
{
    size_t at = 0;
    return utf8_next(bytes, &at);
}

static const struct alphabet {
    struct unit (*next)(const struct bpe *bpe, const char *bytes, size_t *at); /* moves `*at` behind it */
    const char *name;                                                          /* with its number behind it */
    int digits;
    uint32_t (*code)(const char *bytes);
} alphabets[] = {
    [BPE_BYTES] = {next_byte, "byte 0x", 2, byte_code},
    [BPE_CHARACTERS] = {next_character, "character U+", 4, character_code},
};

struct bpe *bpe_new(const struct bpe_options *options, struct error *error)
{
    struct bpe *bpe = calloc(1, sizeof *bpe);
    if (!bpe) {
        error_memory(error, options->where);
        return NULL;
    }
    bpe->merge_slots = 64;
    while (bpe->merge_slots < options->merges * 2)
        bpe->merge_slots *= 2;
    bpe->where = strdup(options->where);
    bpe->unknown = strdup(options->unknown ? options->unknown : "");
    bpe->merges = malloc(bpe->merge_slots * sizeof *bpe->merges);
    bpe->cache = calloc(CACHE_SLOTS, sizeof *bpe->cache);
    if (!bpe->where || !bpe->unknown || !bpe->merges || !bpe->cache) {
        error_memory(error, options->where);
        bpe_free(bpe);
        return NULL;
    }
    for (size_t i = 0; i < bpe->merge_slots; i++)
        bpe->merges[i].pair = PAIR_FREE;
    bpe->alphabet = &alphabets[options->alphabet];
    bpe->has_unknown = options->unknown != NULL;
    if (options->byte_fallback)
        byte_tokens(options->vocab, bpe->fallback);
    else
        memset(bpe->fallback, 0xFF, sizeof bpe->fallback);
    bpe->plain = options->alphabet == BPE_BYTES;
    for (int byte = 0; byte < 256; byte++) {
        char text[4];
        size_t size = utf8_put(text, byte_level_char((unsigned char)byte));
        bpe->units[byte] = unit_of(bpe, vocab_id(options->vocab, text, size), text, size);
        bpe->plain = bpe->plain && bpe->units[byte].kind == UNIT_TOKEN;
    }
    bpe->unknown_id = vocab_id(options->vocab, bpe->unknown, strlen(bpe->unknown));
    bpe->fuse_unknown = options->fuse_unknown;
    bpe->ignore_merges = options->ignore_merges;
    return bpe;
}

void bpe_free(struct bpe *bpe)
{
    if (!bpe)
        return;
    free(bpe->where);
    free(bpe->unknown);
    free(bpe->merges);
    free(bpe->cache);
    free(bpe->list);
    free(bpe->heap);
    ids_free(&bpe->symbols);
    map_free(&bpe->whole);
    map_free(&bpe->characters);
    free(bpe);
}

/* Merges */

static struct merge_slot *merge_slot_of(struct merge_slot *slots, size_t count, uint64_t pair)
{
    uint64_t hash = pair * 0x9E3779B97F4A7C15u;
    hash = (hash ^ hash >> 32) * 0xD6E8FEB86659FD93u;
    size_t at = (size_t)(hash >> 32) & (count - 1);
    while (slots[at].pair != pair && slots[at].pair != PAIR_FREE)
        at = (at + 1) & (count - 1);
    return &slots[at];
}

static uint64_t pair_of(int left, int right)
{
    return (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
}

static uint32_t merge_rank(const struct bpe *bpe, int left, int right, int *merged)
{
    const struct merge_slot *slot = merge_slot_of(bpe->merges, bpe->merge_slots, pair_of(left, right));
    if (slot->pair == PAIR_FREE)
        return RANK_NONE;
    *merged = slot->merged;
    return slot->rank;
}

static bool merges_grow(struct bpe *bpe)
{
    size_t count = bpe->merge_slots * 2;
    struct merge_slot *slots = malloc(count * sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < count; i++)
        slots[i].pair = PAIR_FREE;
    for (size_t i = 0; i < bpe->merge_slots; i++)
        if (bpe->merges[i].pair != PAIR_FREE)
            *merge_slot_of(slots, count, bpe->merges[i].pair) = bpe->merges[i];
    free(bpe->merges);
    bpe->merges = slots;
    bpe->merge_slots = count;
    return true;
}

bool bpe_merge(struct bpe *bpe, int left, int right, int merged, struct error *error)
{
    if (bpe->ranks == RANK_NONE || ((bpe->merge_count + 1) * 2 > bpe->merge_slots && !merges_grow(bpe)))
        return error_memory(error, bpe->where);
    struct merge_slot *slot = merge_slot_of(bpe->merges, bpe->merge_slots, pair_of(left, right));
    bpe->merge_count += slot->pair == PAIR_FREE;
    *slot = (struct merge_slot){.pair = pair_of(left, right), .rank = bpe->ranks++, .merged = merged};
    return true;
}

bool bpe_character(struct bpe *bpe, const char *bytes, size_t size, int id, struct error *error)
{
    return map_add(&bpe->characters, bytes, size, (size_t)id, NULL) || error_memory(error, bpe->where);
}

bool bpe_whole(struct bpe *bpe, const char *bytes, size_t size, int id, struct error *error)
{
    return map_add(&bpe->whole, bytes, size, (size_t)id, NULL) || error_memory(error, bpe->where);
}

/* A word to symbols */

/* `out` has room for 2 * size ids. An unknown token waits until something else follows, so that it can be fused with
 * the next; a fallback does not end the wait. Both as in the original. */
static bool symbols_of(const struct bpe *bpe, const char *bytes, size_t size, int *out, size_t *count,
                       struct error *error)
{
    bool waiting = false;
    size_t used = 0;
    for (size_t at = 0; at < size;) {
        const char *start = bytes + at;
        const struct unit unit = bpe->alphabet->next(bpe, bytes, &at);
        if (unit.kind == UNIT_UNKNOWN) {
            if (bpe->unknown_id < 0)
                return error_set(error, "%s: %s%0*X has no token, and unk_token \"%.100s\" is no token either",
                                 bpe->where, bpe->alphabet->name, bpe->alphabet->digits,
                                 (unsigned)bpe->alphabet->code(start), bpe->unknown);
            if (waiting && !bpe->fuse_unknown)
                out[used++] = bpe->unknown_id;
            waiting = true;
            continue;
        }
        if (waiting && unit.kind == UNIT_TOKEN) {
            out[used++] = bpe->unknown_id;
            waiting = false;
        }
        for (int k = 0; k < unit.count; k++)
            out[used++] = unit.ids[k];
    }
    if (waiting)
        out[used++] = bpe->unknown_id;
    *count = used;
    return true;
}

/* Short words: all pairs are looked at for each merge. Leaves the ids in `ids` and returns how many. */
static size_t merge_short(const struct bpe *bpe, int *ids, size_t count)
{
    uint32_t ranks[SHORT_SYMBOLS];
    int merged[SHORT_SYMBOLS] = {0};
    for (size_t i = 0; i + 1 < count; i++)
        ranks[i] = merge_rank(bpe, ids[i], ids[i + 1], &merged[i]);
    while (count > 1) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < count; i++)
            best = ranks[i] < ranks[best] ? i : best;
        if (ranks[best] == RANK_NONE)
            break;
        ids[best] = merged[best];
        count--;
        size_t tail = count - best - 1;
        memmove(ids + best + 1, ids + best + 2, tail * sizeof *ids);
        if (tail) {
            memmove(ranks + best + 1, ranks + best + 2, (tail - 1) * sizeof *ranks);
            memmove(merged + best + 1, merged + best + 2, (tail - 1) * sizeof *merged);
            ranks[best] = merge_rank(bpe, ids[best], ids[best + 1], &merged[best]);
        }
        if (best > 0)
            ranks[best - 1] = merge_rank(bpe, ids[best - 1], ids[best], &merged[best - 1]);
    }
    return count;
}

/* Long words: a heap of rank << 32 | place. An entry whose rank is no longer that of its place is out of date. */

static bool heap_push(struct bpe *bpe, uint64_t entry)
{
    if (!array_grow(bpe->heap, bpe->heap_count, bpe->heap_capacity))
        return false;
    size_t at = bpe->heap_count++;
    for (; at > 0 && bpe->heap[(at - 1) / 2] > entry; at = (at - 1) / 2)
        bpe->heap[at] = bpe->heap[(at - 1) / 2];
    bpe->heap[at] = entry;
    return true;
}

static uint64_t heap_pop(struct bpe *bpe)
{
    uint64_t top = bpe->heap[0], last = bpe->heap[--bpe->heap_count];
    size_t at = 0, child;
    for (; (child = 2 * at + 1) < bpe->heap_count; at = child) {
        if (child + 1 < bpe->heap_count && bpe->heap[child + 1] < bpe->heap[child])
            child++;
        if (bpe->heap[child] >= last)
            break;
        bpe->heap[at] = bpe->heap[child];
    }
    bpe->heap[at] = last;
    return top;
}

static bool pair_push(struct bpe *bpe, uint32_t place)
{
    struct symbol *symbol = &bpe->list[place];
    symbol->rank = RANK_NONE;
    if (symbol->next != PLACE_NONE)
        symbol->rank = merge_rank(bpe, symbol->id, bpe->list[symbol->next].id, &symbol->merged);
    return symbol->rank == RANK_NONE || heap_push(bpe, (uint64_t)symbol->rank << 32 | place);
}

static bool list_fill(struct bpe *bpe, const int *ids, uint32_t count)
{
    if (bpe->list_capacity < count) {
        struct symbol *list = realloc(bpe->list, count * sizeof *list);
        if (!list)
            return false;
        bpe->list = list;
        bpe->list_capacity = count;
    }
    for (uint32_t i = 0; i < count; i++)
        bpe->list[i] = (struct symbol){
            .id = ids[i], .next = i + 1 < count ? i + 1 : PLACE_NONE, .previous = i ? i - 1 : PLACE_NONE};
    bpe->heap_count = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!pair_push(bpe, i))
            return false;
    return true;
}

static bool merge_long(struct bpe *bpe, const int *ids, size_t count, struct ids *out)
{
    if (!list_fill(bpe, ids, (uint32_t)count))
        return false;
    while (bpe->heap_count) {
        uint64_t top = heap_pop(bpe);
        uint32_t place = (uint32_t)top;
        struct symbol *symbol = &bpe->list[place];
        if (symbol->rank != top >> 32)
            continue;
        struct symbol *gone = &bpe->list[symbol->next];
        symbol->id = symbol->merged;
        symbol->next = gone->next;
        gone->rank = RANK_NONE;
        if (symbol->next != PLACE_NONE)
            bpe->list[symbol->next].previous = place;
        if (!pair_push(bpe, place) || (symbol->previous != PLACE_NONE && !pair_push(bpe, symbol->previous)))
            return false;
    }
    for (uint32_t place = 0; count && place != PLACE_NONE; place = bpe->list[place].next)
        if (!ids_push(out, bpe->list[place].id))
            return false;
    return true;
}

bool bpe_encode_long(struct bpe *bpe, const char *bytes, size_t size, struct ids *out, struct error *error)
{
    if (size >= INT32_MAX / 2)
        return error_set(error, "%s: a word of %zu bytes is too long", bpe->where, size);
    if (bpe->symbols.capacity < 2 * size) {
        int *data = realloc(bpe->symbols.data, 2 * size * sizeof *data);
        if (!data)
            return error_memory(error, bpe->where);
        bpe->symbols.data = data;
        bpe->symbols.capacity = 2 * size;
    }
    size_t count = 0;
    return symbols_of(bpe, bytes, size, bpe->symbols.data, &count, error) &&
           (merge_long(bpe, bpe->symbols.data, count, out) || error_memory(error, bpe->where));
}

static bool encode_new(struct bpe *bpe, const char *bytes, size_t size, struct ids *out, struct error *error)
{
    if (bpe->ignore_merges) {
        size_t id = map_find(&bpe->whole, bytes, size);
        if (id != MAP_ABSENT)
            return ids_push(out, (int)id) || error_memory(error, bpe->where);
    }
    if (size > SHORT_BYTES)
        return bpe_encode_long(bpe, bytes, size, out, error);
    int ids[SHORT_SYMBOLS];
    size_t count = size;
    if (bpe->plain) {
        for (size_t i = 0; i < size; i++)
            ids[i] = bpe->units[(unsigned char)bytes[i]].ids[0];
    } else if (!symbols_of(bpe, bytes, size, ids, &count, error)) {
        return false;
    }
    return ids_append(out, ids, merge_short(bpe, ids, count)) || error_memory(error, bpe->where);
}

bool bpe_encode(struct bpe *bpe, const char *bytes, size_t size, struct ids *out, struct error *error)
{
    if (size > CACHE_BYTES || size == 0)
        return size == 0 || encode_new(bpe, bytes, size, out, error);
    struct cache_slot *slot = &bpe->cache[XXH3_64bits(bytes, size) & (CACHE_SLOTS - 1)];
    if (slot->size == size && memcmp(slot->bytes, bytes, size) == 0)
        return ids_append(out, slot->ids, slot->count) || error_memory(error, bpe->where);
    size_t before = out->count;
    if (!encode_new(bpe, bytes, size, out, error))
        return false;
    size_t count = out->count - before;
    if (count <= CACHE_IDS) {
        slot->size = (uint8_t)size;
        slot->count = (uint8_t)count;
        memcpy(slot->bytes, bytes, size);
        if (count)
            memcpy(slot->ids, out->data + before, count * sizeof *slot->ids);
    }
    return true;
}
