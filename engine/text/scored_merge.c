/* SentencePiece's BPE as llama.cpp does it (llama-vocab.cpp, llm_tokenizer_spm): there are no merges; of all pairs of
 * neighbours that together are a token, that of the highest score is joined first, the leftmost of equals. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text/utf8.h"
#include "text/word_model.h"

#define PLACE_NONE UINT32_MAX

/* A piece of the word. */
struct symbol {
    uint32_t start, size; /* 0: it was joined to the one before it */
    uint32_t next, previous;
};

/* Two symbols that could be joined; out of date when their size is no longer that of both. */
struct pair {
    double score;
    uint32_t left, right;
    uint32_t size;
};

struct scored {
    char *where;
    const struct map *vocab;
    const double *scores;
    size_t longest;
    int bytes[256];
    struct symbol *symbols;
    size_t symbol_capacity;
    struct pair *heap;
    size_t heap_count, heap_capacity;
};

static void scored_free(void *model)
{
    struct scored *scored = model;
    if (!scored)
        return;
    free(scored->where);
    free(scored->symbols);
    free(scored->heap);
    free(scored);
}

static void *scored_load(const struct word_source *source, struct error *error)
{
    struct scored *scored = calloc(1, sizeof *scored);
    if (scored)
        scored->where = strdup(source->where);
    if (!scored || !scored->where) {
        scored_free(scored);
        error_memory(error, source->where);
        return NULL;
    }
    scored->vocab = source->vocab;
    scored->scores = source->scores;
    scored->longest = source->longest;
    byte_tokens(source->vocab, scored->bytes);
    return scored;
}

static bool goes_before(const struct pair *a, const struct pair *b)
{
    return a->score > b->score || (a->score == b->score && a->left < b->left);
}

static bool heap_push(struct scored *scored, struct pair pair)
{
    if (!array_grow(scored->heap, scored->heap_count, scored->heap_capacity))
        return false;
    struct pair *heap = scored->heap;
    size_t at = scored->heap_count++;
    for (; at > 0 && goes_before(&pair, &heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = pair;
    return true;
}

static struct pair heap_pop(struct scored *scored)
{
    struct pair *heap = scored->heap, top = heap[0], last = heap[--scored->heap_count];
    size_t at = 0, child;
    for (; (child = 2 * at + 1) < scored->heap_count; at = child) {
        if (child + 1 < scored->heap_count && goes_before(&heap[child + 1], &heap[child]))
            child++;
        if (!goes_before(&heap[child], &last))
            break;
        heap[at] = heap[child];
    }
    heap[at] = last;
    return top;
}

/* False: out of memory. */
static bool pair_try(struct scored *scored, const char *word, uint32_t left, uint32_t right)
{
    if (left == PLACE_NONE || right == PLACE_NONE)
        return true;
    uint32_t size = scored->symbols[left].size + scored->symbols[right].size;
    size_t id = size > scored->longest ? MAP_ABSENT : map_find(scored->vocab, word + scored->symbols[left].start, size);
    return id == MAP_ABSENT ||
           heap_push(scored, (struct pair){.score = scored->scores[id], .left = left, .right = right, .size = size});
}

static bool symbols_fill(struct scored *scored, const char *word, size_t size)
{
    uint32_t count = 0;
    for (size_t at = 0; at < size; count++) {
        size_t start = at;
        utf8_next(word, &at);
        if (!array_grow(scored->symbols, count, scored->symbol_capacity))
            return false;
        scored->symbols[count] = (struct symbol){.start = (uint32_t)start,
                                                 .size = (uint32_t)(at - start),
                                                 .next = at < size ? count + 1 : PLACE_NONE,
                                                 .previous = count ? count - 1 : PLACE_NONE};
    }
    scored->heap_count = 0;
    for (uint32_t i = 1; i < count; i++)
        if (!pair_try(scored, word, i - 1, i))
            return false;
    return true;
}

static bool symbols_join(struct scored *scored, const char *word)
{
    while (scored->heap_count) {
        const struct pair pair = heap_pop(scored);
        struct symbol *left = &scored->symbols[pair.left], *right = &scored->symbols[pair.right];
        if (!left->size || !right->size || left->size + right->size != pair.size)
            continue;
        left->size = pair.size;
        left->next = right->next;
        right->size = 0;
        if (left->next != PLACE_NONE)
            scored->symbols[left->next].previous = pair.left;
        if (!pair_try(scored, word, left->previous, pair.left) || !pair_try(scored, word, pair.left, left->next))
            return false;
    }
    return true;
}

/* Of a symbol that is no token, the bytes. */
static bool symbol_push(const struct scored *scored, const char *text, size_t size, struct ids *out,
                        struct error *error)
{
    size_t id = map_find(scored->vocab, text, size);
    bool good = true;
    if (id != MAP_ABSENT)
        return ids_push(out, (int)id) || error_memory(error, scored->where);
    for (size_t i = 0; i < size && good; i++) {
        int byte = scored->bytes[(unsigned char)text[i]];
        if (byte < 0)
            return error_set(error, "%s: byte 0x%02X has no token, and there is no <0x%02X>", scored->where,
                             (unsigned char)text[i], (unsigned char)text[i]);
        good = ids_push(out, byte);
    }
    return good || error_memory(error, scored->where);
}

static bool scored_encode(void *model, const char *word, size_t size, struct ids *out, struct error *error)
{
    struct scored *scored = model;
    if (size >= INT32_MAX / 2)
        return error_set(error, "%s: a word of %zu bytes is too long", scored->where, size);
    if (!symbols_fill(scored, word, size) || !symbols_join(scored, word))
        return error_memory(error, scored->where);
    bool good = true;
    for (uint32_t at = 0; at != PLACE_NONE && good; at = scored->symbols[at].next)
        good = symbol_push(scored, word + scored->symbols[at].start, scored->symbols[at].size, out, error);
    return good;
}

const struct word_model_type scored_model = {
    .name = "ScoredBPE", .listed = true, .load = scored_load, .encode = scored_encode, .free = scored_free};
