#include "text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "text/text_variant.h"
#include "text/token_table.h"
#include "text/tokenizer_internal.h"
#include "text/utf8.h"

static cJSON *tokenizer_read(struct tokenizer *tokenizer, struct error *error)
{
    struct buffer text = {0};
    cJSON *json = json_read_text(tokenizer->where, TOKENIZER_FILE_MOST, &text, error);
    bool good = json && (sha256_bytes(text.data, text.size, tokenizer->sha256, error) ||
                         error_context(error, "%s", tokenizer->where));
    buffer_free(&text);
    if (good)
        return json;
    cJSON_Delete(json);
    return NULL;
}

/* With what the files beside it say; ends `json` where that fails. */
static cJSON *tokenizer_completed(struct tokenizer *tokenizer, const char *folder, bool made, cJSON *json,
                                  struct error *error)
{
    if (!json || (tokenizer_reclass(folder, made, json, &tokenizer->instead, error) &&
                  tokenizer_complete(folder, json, &tokenizer->named_from, error)))
        return json;
    cJSON_Delete(json);
    return NULL;
}

/* What a folder's tokenizer is read from, the first that is there. */
static const struct source_row {
    const char *name;
    cJSON *(*make)(const char *folder, const char *name, struct error *error); /* NULL: it is a tokenizer.json */
} source_rows[] = {
    {"tokenizer.json", NULL},
    {"vocab.json", tokenizer_gather},
    {"tekken.json", tokenizer_tekken},
    {"tokenizer.model", tokenizer_pieces},
    {"tiktoken.model", tokenizer_pieces},
    {"spiece.model", tokenizer_pieces},
    {"vocab.txt", tokenizer_words},
};

static const struct source_row *source_of(const char *folder)
{
    for (size_t i = 0; i < sizeof source_rows / sizeof *source_rows; i++)
        if (folder_holds(folder, source_rows[i].name))
            return &source_rows[i];
    return NULL;
}

const char *tokenizer_source_file(const char *folder)
{
    const struct source_row *row = source_of(folder);
    return row ? row->name : NULL;
}

static cJSON *no_source(const char *folder, struct error *error)
{
    struct buffer other = {0};
    bool unread = tokenizer_unread(folder, &other);
    error_set(error, "%s: holds neither tokenizer.json nor vocab.json with merges.txt nor tokenizer.model%s%s", folder,
              unread ? "; " : "", unread ? other.data : "");
    buffer_free(&other);
    return NULL;
}

/* The content of the file, or of the files in the folder, and in `where` its name. */
static cJSON *tokenizer_source(struct tokenizer *tokenizer, const char *path, struct error *error)
{
    bool folder = file_is_folder(path);
    const struct source_row *row = folder ? source_of(path) : NULL;
    if (folder && !row)
        return no_source(path, error);
    tokenizer->where = row ? path_join(path, row->name) : strdup(path);
    if (!tokenizer->where) {
        error_memory(error, path);
        return NULL;
    }
    if (!row)
        return tokenizer_read(tokenizer, error);
    return tokenizer_completed(tokenizer, path, row->make != NULL,
                               row->make ? row->make(path, row->name, error) : tokenizer_read(tokenizer, error), error);
}

/* Ends the tokenizer unless it is made. */
static struct tokenizer *tokenizer_made(struct tokenizer *tokenizer, cJSON *json, const struct text_variants *variants,
                                        struct error *error)
{
    bool good = json &&
                (!variants || text_variants_apply(tokenizer->where, json, variants->names, variants->count, error)) &&
                tokenizer_load(tokenizer, json, error);
    cJSON_Delete(json);
    if (good)
        return tokenizer;
    tokenizer_free(tokenizer);
    return NULL;
}

struct tokenizer *tokenizer_open_as(const char *path, const struct text_variants *variants, struct error *error)
{
    struct tokenizer *tokenizer = calloc(1, sizeof *tokenizer);
    if (tokenizer)
        return tokenizer_made(tokenizer, tokenizer_source(tokenizer, path, error), variants, error);
    error_memory(error, path);
    return NULL;
}

struct tokenizer *tokenizer_open(const char *path, struct error *error)
{
    return tokenizer_open_as(path, NULL, error);
}

struct tokenizer *tokenizer_parse_as(const char *where, const char *text, size_t size,
                                     const struct text_variants *variants, struct error *error)
{
    struct tokenizer *tokenizer = calloc(1, sizeof *tokenizer);
    if (tokenizer && (tokenizer->where = strdup(where)))
        return tokenizer_made(tokenizer, json_parse(where, text, size, error), variants, error);
    tokenizer_free(tokenizer);
    error_memory(error, where);
    return NULL;
}

struct tokenizer *tokenizer_parse(const char *where, const char *text, size_t size, struct error *error)
{
    return tokenizer_parse_as(where, text, size, NULL, error);
}

void tokenizer_free(struct tokenizer *tokenizer)
{
    if (!tokenizer)
        return;
    for (size_t i = 0; i < tokenizer->added_count; i++) {
        free(tokenizer->added[i].content);
        free(tokenizer->added[i].normalized_content);
    }
    free(tokenizer->added);
    free(tokenizer->tokens);
    free(tokenizer->strings);
    free(tokenizer->where);
    free(tokenizer->instead);
    free(tokenizer->pieces);
    added_set_free(&tokenizer->raw);
    added_set_free(&tokenizer->normalized);
    normalizer_free(&tokenizer->normalizer);
    pretokenizer_free(&tokenizer->pretokenizer);
    decoder_free(&tokenizer->decoder);
    if (tokenizer->type)
        tokenizer->type->free(tokenizer->model);
    map_free(&tokenizer->vocab);
    free(tokenizer->scores);
    free(tokenizer);
}

size_t tokenizer_size(const struct tokenizer *tokenizer)
{
    return tokenizer->token_count ? (size_t)tokenizer->tokens[tokenizer->token_count - 1].id + 1 : 0;
}

const char *tokenizer_sha256(const struct tokenizer *tokenizer)
{
    return tokenizer->sha256;
}

const char *tokenizer_instead(const struct tokenizer *tokenizer)
{
    return tokenizer->instead;
}

bool tokenizer_only_names(const struct tokenizer *tokenizer, int id)
{
    return tokenizer->named_from && id >= 0 && (size_t)id >= tokenizer->named_from;
}

const char *tokenizer_token(const struct tokenizer *tokenizer, int id)
{
    const struct token *token = tokenizer_find(tokenizer, id);
    return token ? token->text : NULL;
}

size_t tokenizer_count(const struct tokenizer *tokenizer)
{
    return tokenizer->token_count;
}

struct tokenizer_entry tokenizer_at(const struct tokenizer *tokenizer, size_t index)
{
    const struct token *token = &tokenizer->tokens[index];
    return (struct tokenizer_entry){.id = token->id, .text = token->text, .added = token->added};
}

struct encoding {
    struct tokenizer *tokenizer;
    const char *start; /* of the whole text */
    const char *piece; /* where the piece begins that was normalized; NULL: not at `start` */
    struct ids *out;
};

static bool encode_word(void *context, const char *bytes, size_t size, struct error *error)
{
    struct encoding *encoding = context;
    return encoding->tokenizer->type->encode(encoding->tokenizer->model, bytes, size, encoding->out, error);
}

static bool encode_normalized(void *context, const struct added_token *token, const char *text, size_t size,
                              struct error *error)
{
    struct encoding *encoding = context;
    if (token)
        return ids_push(encoding->out, token->id) || error_memory(error, "ids");
    return pretokenizer_apply(&encoding->tokenizer->pretokenizer, text, size, text == encoding->piece, encode_word,
                              encoding, error);
}

static bool encode_raw(void *context, const struct added_token *token, const char *text, size_t size,
                       struct error *error)
{
    struct encoding *encoding = context;
    struct tokenizer *tokenizer = encoding->tokenizer;
    if (token)
        return ids_push(encoding->out, token->id) || error_memory(error, "ids");
    bool first = text == encoding->start;
    if (!normalizer_apply(&tokenizer->normalizer, text, size, &text, &size, error))
        return false;
    encoding->piece = first ? text : NULL;
    return added_split(&tokenizer->normalized, text, size, encode_normalized, encoding, error);
}

static bool encode_text(struct tokenizer *tokenizer, const char *text, size_t size, struct ids *out,
                        struct error *error)
{
    struct encoding encoding = {.tokenizer = tokenizer, .start = text, .out = out};
    if (utf8_check(text, size) == size)
        return added_split(&tokenizer->raw, text, size, encode_raw, &encoding, error);
    struct buffer valid = {0};
    bool good = utf8_lossy(text, size, &valid) || error_memory(error, "text");
    encoding.start = valid.data;
    good = good && added_split(&tokenizer->raw, valid.data, valid.size, encode_raw, &encoding, error);
    buffer_free(&valid);
    return good;
}

bool tokenizer_encode(struct tokenizer *tokenizer, const char *text, size_t size, bool add_special, struct ids *out,
                      struct error *error)
{
    size_t before = out->count;
    bool good = true;
    normalizer_begin(&tokenizer->normalizer, size);
    pretokenizer_begin(&tokenizer->pretokenizer, size);
    if (tokenizer->piece_count == 0)
        good = encode_text(tokenizer, text, size, out, error);
    for (size_t i = 0; good && i < tokenizer->piece_count; i++) {
        const struct template_piece *piece = &tokenizer->pieces[i];
        if (!piece->special)
            good = encode_text(tokenizer, text, size, out, error);
        else if (add_special)
            good = ids_push(out, piece->id) || error_memory(error, "ids");
    }
    if (!good)
        out->count = before;
    return good;
}

static bool decode_tokens(const struct tokenizer *tokenizer, const int *ids, size_t count, bool skip_special,
                          struct pieces *tokens, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (ids[i] < 0 || (size_t)ids[i] >= tokenizer_size(tokenizer))
            return error_set(error, "%s: id %d at position %zu is outside the vocabulary (0 to %zu)", tokenizer->where,
                             ids[i], i, tokenizer_size(tokenizer) - 1);
        const struct token *token = tokenizer_find(tokenizer, ids[i]);
        if (token && !(skip_special && token->special))
            pieces_add(tokens, token->text, strlen(token->text));
    }
    return !tokens->text.failed || error_memory(error, "text");
}

bool tokenizer_decode(struct tokenizer *tokenizer, const int *ids, size_t count, bool skip_special, struct buffer *out,
                      struct error *error)
{
    struct pieces tokens = {0};
    bool good = decode_tokens(tokenizer, ids, count, skip_special, &tokens, error) &&
                decoder_apply(&tokenizer->decoder, &tokens, out, error);
    pieces_free(&tokens);
    return good;
}
