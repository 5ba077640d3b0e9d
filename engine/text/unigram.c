/* Unigram: of all ways to cut a word into tokens the one whose scores add up to the most (Kudo 2018,
 * arXiv:1804.10959), found from left to right over the ends of tokens (Viterbi). As tokenizers' unigram/model.rs. */
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text/trie.h"
#include "text/utf8.h"
#include "text/word_model.h"

/* What a character costs that no token begins with alone, below the least score. */
#define UNKNOWN_PENALTY 10.0

/* The best way that ends at a place of the word. */
struct ending {
    double score;
    uint32_t start; /* of its last token */
    int id;         /* ENDING_NONE: no way ends here */
};
#define ENDING_NONE (-1)

/* A token of the best way, or several unknown ones together. */
struct part {
    uint32_t start, end;
};

struct unigram {
    char *where;
    const struct map *vocab;
    const double *scores;
    double unknown_score;
    int unknown_id; /* -1: none */
    bool fallback;
    int bytes[256];
    struct trie trie;
    struct ending *endings;
    size_t ending_capacity;
    struct part *parts;
    size_t part_count, part_capacity;
};

static void unigram_free(void *model)
{
    struct unigram *unigram = model;
    if (!unigram)
        return;
    free(unigram->where);
    trie_free(&unigram->trie);
    free(unigram->endings);
    free(unigram->parts);
    free(unigram);
}

static bool unigram_fill(struct unigram *unigram, const struct word_source *source, struct error *error)
{
    unigram->where = strdup(source->where);
    unigram->vocab = source->vocab;
    unigram->scores = source->scores;
    unigram->unknown_id = -1;
    if (!unigram->where)
        return error_memory(error, source->where);
    if (!json_get_int(source->json, source->where, "unk_id", 0, INT_MAX - 1, &unigram->unknown_id, error) ||
        !json_get_bool(source->json, source->where, "byte_fallback", &unigram->fallback, error))
        return false;
    if (unigram->unknown_id >= 0 && (size_t)unigram->unknown_id >= source->count)
        return error_set(error, "%s: \"unk_id\" %d is beyond the vocabulary of %zu tokens", source->where,
                         unigram->unknown_id, source->count);
    byte_tokens(source->vocab, unigram->bytes);
    double least = source->count ? source->scores[0] : 0;
    for (size_t i = 0; i < source->count; i++) {
        least = source->scores[i] < least ? source->scores[i] : least;
        if (!trie_add(&unigram->trie, source->tokens[i].text, strlen(source->tokens[i].text), (int)i))
            return error_memory(error, source->where);
    }
    unigram->unknown_score = least - UNKNOWN_PENALTY;
    return true;
}

static void *unigram_load(const struct word_source *source, struct error *error)
{
    struct unigram *unigram = calloc(1, sizeof *unigram);
    if (!unigram) {
        error_memory(error, source->where);
        return NULL;
    }
    if (unigram_fill(unigram, source, error))
        return unigram;
    unigram_free(unigram);
    return NULL;
}

static void ending_offer(struct unigram *unigram, size_t end, size_t start, double score, int id)
{
    struct ending *ending = &unigram->endings[end];
    if (ending->id == ENDING_NONE || score > ending->score)
        *ending = (struct ending){.score = score, .start = (uint32_t)start, .id = id};
}

static bool endings_find(struct unigram *unigram, const char *word, size_t size, struct error *error)
{
    while (unigram->ending_capacity < size + 1)
        if (!array_grow(unigram->endings, unigram->ending_capacity, unigram->ending_capacity))
            return error_memory(error, unigram->where);
    for (size_t i = 0; i <= size; i++)
        unigram->endings[i] = (struct ending){.id = ENDING_NONE};
    for (size_t at = 0, next = 0; at < size; at = next) {
        double before = unigram->endings[at].score;
        uint32_t node = TRIE_ROOT;
        bool single = false;
        utf8_next(word, &next);
        for (size_t end = at; end < size && (node = trie_step(&unigram->trie, node, word[end])) != TRIE_NONE; end++) {
            int id = trie_value(&unigram->trie, node);
            if (id < 0)
                continue;
            ending_offer(unigram, end + 1, at, before + unigram->scores[id], id);
            single = single || end + 1 == next;
        }
        if (!single && unigram->unknown_id < 0)
            return error_set(error, "%s: the character at byte %zu of \"%.40s\" has no token, and there is no unk_id",
                             unigram->where, at, word);
        if (!single)
            ending_offer(unigram, next, at, before + unigram->unknown_score, unigram->unknown_id);
    }
    return true;
}

/* The tokens of the best way, last first; unknown ones beside each other are one. */
static bool parts_find(struct unigram *unigram, size_t size)
{
    bool open = false;
    unigram->part_count = 0;
    for (size_t end = size; end > 0;) {
        const struct ending *ending = &unigram->endings[end];
        bool unknown = ending->id == unigram->unknown_id;
        if (unknown && open)
            unigram->parts[unigram->part_count - 1].start = ending->start;
        else if (!array_push(unigram->parts, unigram->part_count, unigram->part_capacity,
                             (struct part){ending->start, (uint32_t)end}))
            return false;
        open = unknown;
        end = ending->start;
    }
    return true;
}

static bool part_push(const struct unigram *unigram, const char *text, size_t size, struct ids *out)
{
    size_t id = map_find(unigram->vocab, text, size);
    bool bytes = unigram->fallback && id == MAP_ABSENT, good = true;
    for (size_t i = 0; bytes && i < size; i++)
        bytes = unigram->bytes[(unsigned char)text[i]] >= 0;
    if (!bytes)
        return ids_push(out, id == MAP_ABSENT ? unigram->unknown_id : (int)id);
    for (size_t i = 0; good && i < size; i++)
        good = ids_push(out, unigram->bytes[(unsigned char)text[i]]);
    return good;
}

static bool unigram_encode(void *model, const char *word, size_t size, struct ids *out, struct error *error)
{
    struct unigram *unigram = model;
    if (size >= INT32_MAX / 2)
        return error_set(error, "%s: a word of %zu bytes is too long", unigram->where, size);
    if (!endings_find(unigram, word, size, error))
        return false;
    bool good = parts_find(unigram, size);
    for (size_t i = unigram->part_count; good && i-- > 0;)
        good = part_push(unigram, word + unigram->parts[i].start, unigram->parts[i].end - unigram->parts[i].start, out);
    return good || error_memory(error, unigram->where);
}

const struct word_model_type unigram_model = {
    .name = "Unigram", .listed = true, .load = unigram_load, .encode = unigram_encode, .free = unigram_free};
