#include "text/sentencepiece.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "text/protobuf.h"

/* Merges are found again by looking at every way to cut a piece in two. */
#define PIECE_BYTES_MOST 4096

/* The numbers of the fields: of the model, of a piece, of what the trainer was told, of the normalizer. */
enum { MODEL_PIECE = 1, MODEL_TRAINER = 2, MODEL_NORMALIZER = 3 };
enum { PIECE_TEXT = 1, PIECE_SCORE = 2, PIECE_TYPE = 3 };
enum {
    TRAINER_MODEL = 3,
    TRAINER_BYTES = 35,
    TRAINER_UNK_ID = 40,
    TRAINER_BOS_ID,
    TRAINER_EOS_ID,
    TRAINER_UNK = 45,
    TRAINER_BOS,
    TRAINER_EOS
};
enum { NORMALIZER_MAP = 2, NORMALIZER_PREFIX, NORMALIZER_EXTRA, NORMALIZER_ESCAPE };
enum { MODEL_UNIGRAM = 1, MODEL_BPE = 2 };

struct reading {
    const char *name;
    struct sentencepieces *out;
    int64_t kind;
    struct error *error;
};

static bool malformed(const struct reading *reading, const char *what)
{
    return error_set(reading->error, "%s: is damaged: %s of the SentencePiece model is malformed, or cut off",
                     reading->name, what);
}

/* A copy of the bytes as a text; NULL with an error: it holds a NUL, is no UTF-8, or is too long. */
static char *text_of(const struct reading *reading, const struct proto_field *field, const char *what)
{
    char *text = NULL;
    if (!field->is_bytes || field->size > PIECE_BYTES_MOST || memchr(field->data, '\0', field->size) ||
        utf8_check(field->data, field->size) != field->size)
        error_set(reading->error, "%s: %s %zu of the SentencePiece model should be UTF-8 of %d bytes at most",
                  reading->name, what, reading->out->count, PIECE_BYTES_MOST);
    else if (!(text = strndup(field->size ? field->data : "", field->size)))
        error_memory(reading->error, reading->name);
    return text;
}

static bool take_text(const struct reading *reading, const struct proto_field *field, const char *what, char **text)
{
    free(*text);
    *text = text_of(reading, field, what);
    return *text;
}

static bool read_piece(const struct reading *reading, struct proto proto)
{
    struct sentencepieces *out = reading->out;
    struct sentencepiece piece = {.type = PIECE_NORMAL};
    struct proto_field field;
    bool good = true;
    int found = 0;
    while (good && (found = proto_next(&proto, &field)) > 0) {
        if (field.number == PIECE_TEXT)
            good = take_text(reading, &field, "piece", &piece.text);
        else if (field.number == PIECE_SCORE)
            piece.score = proto_float(&field);
        else if (field.number == PIECE_TYPE)
            piece.type = field.value <= PIECE_BYTE ? (enum piece_type)field.value : PIECE_NORMAL;
    }
    if (good && found < 0)
        good = malformed(reading, "a piece");
    if (good && (!piece.text || !*piece.text || !isfinite(piece.score)))
        good = error_set(reading->error, "%s: piece %zu of the SentencePiece model has no %s", reading->name,
                         out->count, piece.text && *piece.text ? "finite score" : "text");
    if (good && !array_push(out->pieces, out->count, out->capacity, piece))
        good = error_memory(reading->error, reading->name);
    if (!good)
        free(piece.text);
    return good;
}

static bool read_trainer(struct reading *reading, struct proto proto)
{
    struct sentencepieces *out = reading->out;
    struct proto_field field;
    bool good = true;
    int found = 0;
    while (good && (found = proto_next(&proto, &field)) > 0) {
        switch (field.number) {
        case TRAINER_MODEL:
            reading->kind = proto_int(&field);
            break;
        case TRAINER_BYTES:
            out->byte_fallback = field.value;
            break;
        case TRAINER_UNK_ID:
            out->unk_id = proto_int(&field);
            break;
        case TRAINER_BOS_ID:
            out->bos_id = proto_int(&field);
            break;
        case TRAINER_EOS_ID:
            out->eos_id = proto_int(&field);
            break;
        case TRAINER_UNK:
            good = take_text(reading, &field, "unk_piece", &out->unk);
            break;
        case TRAINER_BOS:
            good = take_text(reading, &field, "bos_piece", &out->bos);
            break;
        case TRAINER_EOS:
            good = take_text(reading, &field, "eos_piece", &out->eos);
            break;
        default:
            break;
        }
    }
    return good && (found == 0 || malformed(reading, "the training's settings"));
}

static bool read_normalizer(const struct reading *reading, struct proto proto)
{
    struct sentencepieces *out = reading->out;
    struct buffer *map = &out->charsmap;
    struct proto_field field;
    int found = 0;
    while ((found = proto_next(&proto, &field)) > 0) {
        if (field.number == NORMALIZER_MAP && field.is_bytes) {
            map->size = 0;
            buffer_append(map, field.data, field.size);
        } else if (field.number == NORMALIZER_PREFIX) {
            out->dummy_prefix = field.value;
        } else if (field.number == NORMALIZER_EXTRA) {
            out->remove_extra = field.value;
        } else if (field.number == NORMALIZER_ESCAPE) {
            out->escape = field.value;
        }
    }
    if (map->failed)
        return error_memory(reading->error, reading->name);
    return found == 0 || malformed(reading, "the normalizer");
}

static bool read_model(struct reading *reading, struct proto proto)
{
    struct proto_field field;
    bool good = true;
    int found = 0;
    while (good && (found = proto_next(&proto, &field)) > 0) {
        const struct proto inner = {.data = field.data, .size = field.size};
        if (!field.is_bytes)
            continue;
        if (field.number == MODEL_PIECE)
            good = read_piece(reading, inner);
        else if (field.number == MODEL_TRAINER)
            good = read_trainer(reading, inner);
        else if (field.number == MODEL_NORMALIZER)
            good = read_normalizer(reading, inner);
    }
    return good && (found == 0 || malformed(reading, "a field"));
}

bool sentencepieces_read(const char *name, const char *data, size_t size, struct sentencepieces *out,
                         struct error *error)
{
    struct reading reading = {.name = name, .out = out, .kind = MODEL_UNIGRAM, .error = error};
    out->bos_id = 1;
    out->eos_id = 2;
    out->dummy_prefix = out->remove_extra = out->escape = true;
    out->unk = strdup("<unk>");
    out->bos = strdup("<s>");
    out->eos = strdup("</s>");
    if (!out->unk || !out->bos || !out->eos)
        return error_memory(error, name);
    if (!read_model(&reading, (struct proto){.data = data, .size = size}))
        return false;
    out->unigram = reading.kind == MODEL_UNIGRAM;
    if (!out->count)
        return error_set(error, "%s: the SentencePiece model has no pieces", name);
    return out->unigram || reading.kind == MODEL_BPE ||
           error_set(error, "%s: the SentencePiece model is of kind %lld; Unigram (1) and BPE (2) are read", name,
                     (long long)reading.kind);
}

void sentencepieces_free(struct sentencepieces *pieces)
{
    for (size_t i = 0; i < pieces->count; i++)
        free(pieces->pieces[i].text);
    free(pieces->pieces);
    free(pieces->unk);
    free(pieces->bos);
    free(pieces->eos);
    buffer_free(&pieces->charsmap);
}
