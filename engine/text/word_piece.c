/* WordPiece: of a word the longest token that it begins with, then of the rest the longest that goes on a word, and so
 * forth (Schuster and Nakajima 2012); and WordLevel, where a word is a token. As tokenizers' wordpiece/mod.rs and
 * wordlevel/mod.rs. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "text/trie.h"
#include "text/utf8.h"
#include "text/word_model.h"

struct word_piece {
    char *where;
    const struct map *vocab;
    char *unknown;
    int unknown_id; /* -1: it is no token */
    int characters; /* a longer word is unknown */
    struct trie trie;
    uint32_t rest; /* the node where the tokens begin that go on a word */
};

static void piece_free(void *model)
{
    struct word_piece *piece = model;
    if (!piece)
        return;
    free(piece->where);
    free(piece->unknown);
    trie_free(&piece->trie);
    free(piece);
}

static bool piece_fill(struct word_piece *piece, const struct word_source *source, const char *unknown,
                       const char *prefix, struct error *error)
{
    piece->characters = 100;
    if (!json_get_string(source->json, source->where, "unk_token", &unknown, error) ||
        !json_get_string(source->json, source->where, "continuing_subword_prefix", &prefix, error) ||
        !json_get_int(source->json, source->where, "max_input_chars_per_word", 0, INT_MAX, &piece->characters, error))
        return false;
    size_t id = map_find(source->vocab, unknown, strlen(unknown));
    piece->vocab = source->vocab;
    piece->unknown_id = id == MAP_ABSENT ? -1 : (int)id;
    piece->where = strdup(source->where);
    piece->unknown = strdup(unknown);
    bool good = piece->where && piece->unknown;
    for (size_t i = 0; good && i < source->count; i++)
        good = trie_add(&piece->trie, source->tokens[i].text, strlen(source->tokens[i].text), source->tokens[i].id);
    piece->rest = TRIE_ROOT;
    for (; good && *prefix && piece->rest != TRIE_NONE; prefix++)
        piece->rest = trie_step(&piece->trie, piece->rest, *prefix);
    return good || error_memory(error, source->where);
}

static void *piece_new(const struct word_source *source, const char *unknown, const char *prefix, struct error *error)
{
    struct word_piece *piece = calloc(1, sizeof *piece);
    if (!piece) {
        error_memory(error, source->where);
        return NULL;
    }
    if (piece_fill(piece, source, unknown, prefix, error))
        return piece;
    piece_free(piece);
    return NULL;
}

static void *piece_load(const struct word_source *source, struct error *error)
{
    return piece_new(source, "[UNK]", "##", error);
}

static void *level_load(const struct word_source *source, struct error *error)
{
    return piece_new(source, "<unk>", "", error);
}

static bool unknown_push(const struct word_piece *piece, const char *word, size_t size, struct ids *out,
                         struct error *error)
{
    if (piece->unknown_id < 0)
        return error_set(error, "%s: \"%.*s\" has no token, and unk_token \"%.100s\" is no token either", piece->where,
                         (int)(size < 100 ? size : 100), word, piece->unknown);
    return ids_push(out, piece->unknown_id) || error_memory(error, piece->where);
}

/* Behind the longest token that `word` has at `start`, whose id is in `*id`; 0: there is none. */
static size_t longest_end(const struct word_piece *piece, const char *word, size_t size, size_t start, int *id)
{
    uint32_t node = start ? piece->rest : TRIE_ROOT;
    size_t end = 0;
    for (size_t at = start; at < size && node != TRIE_NONE; at++) {
        node = trie_step(&piece->trie, node, word[at]);
        int value = node == TRIE_NONE ? -1 : trie_value(&piece->trie, node);
        if (value >= 0) {
            *id = value;
            end = at + 1;
        }
    }
    return end;
}

static bool piece_encode(void *model, const char *word, size_t size, struct ids *out, struct error *error)
{
    struct word_piece *piece = model;
    size_t before = out->count;
    if (utf8_count(word, size) > (size_t)piece->characters)
        return unknown_push(piece, word, size, out, error);
    for (size_t at = 0; at < size;) {
        int id = 0;
        at = longest_end(piece, word, size, at, &id);
        if (at && !ids_push(out, id))
            return error_memory(error, piece->where);
        if (!at) {
            out->count = before;
            return unknown_push(piece, word, size, out, error);
        }
    }
    return true;
}

static bool level_encode(void *model, const char *word, size_t size, struct ids *out, struct error *error)
{
    struct word_piece *piece = model;
    size_t id = map_find(piece->vocab, word, size);
    if (id == MAP_ABSENT)
        return unknown_push(piece, word, size, out, error);
    return ids_push(out, (int)id) || error_memory(error, piece->where);
}

const struct word_model_type word_piece_model = {
    .name = "WordPiece", .load = piece_load, .encode = piece_encode, .free = piece_free};
const struct word_model_type word_level_model = {
    .name = "WordLevel", .load = level_load, .encode = level_encode, .free = piece_free};
