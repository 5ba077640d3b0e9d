#include "text/decoder.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "text/metaspace.h"
#include "text/part.h"
#include "text/pattern.h"
#include "text/utf8.h"

#define STEPS_MOST 64

/* A tokenizer file is untrusted: its steps may make a text so much longer, and no more. */
#define GROWTH_MOST 64
#define GROWTH_LEAST ((size_t)1 << 16)

struct decoder_step {
    const struct decoder_type *type;
    struct pattern *pattern;
    char *content;
    int start, stop; /* Strip takes away so many characters at most */
    struct metaspace metaspace;
    bool cleanup; /* WordPiece: no space is left before some signs */
};

struct piece {
    const char *text;
    size_t size;
};

struct decoder_type {
    const char *name;
    bool (*load)(struct decoder_step *step, const char *where, const cJSON *json, struct error *error);
    bool (*apply)(const struct decoder_step *step, const struct pieces *in, struct pieces *out, struct error *error);
};

/* Pieces */

/* What was appended to the text since the last one is a piece. */
static void pieces_end(struct pieces *pieces)
{
    if (!array_push(pieces->ends, pieces->count, pieces->capacity, pieces->text.size))
        pieces->text.failed = true;
}

void pieces_add(struct pieces *pieces, const char *text, size_t size)
{
    buffer_append(&pieces->text, text, size);
    pieces_end(pieces);
}

void pieces_free(struct pieces *pieces)
{
    buffer_free(&pieces->text);
    free(pieces->ends);
}

static struct piece piece_at(const struct pieces *pieces, size_t index)
{
    size_t start = index ? pieces->ends[index - 1] : 0;
    return (struct piece){pieces->text.data ? pieces->text.data + start : "", pieces->ends[index] - start};
}

/* Loading */

static bool load_nothing(struct decoder_step *step, const char *where, const cJSON *json, struct error *error)
{
    (void)step, (void)where, (void)json, (void)error;
    return true;
}

static bool load_content(struct decoder_step *step, const char *where, const cJSON *json, const char *key,
                         struct error *error)
{
    const char *content = NULL;
    if (!json_get_string(json, where, key, &content, error))
        return false;
    if (!content)
        return error_set(error, "%s: decoder %s has no \"%s\"", where, step->type->name, key);
    step->content = strdup(content);
    return step->content || error_memory(error, where);
}

static bool load_replace(struct decoder_step *step, const char *where, const cJSON *json, struct error *error)
{
    if (!load_content(step, where, json, "content", error))
        return false;
    step->pattern = pattern_load(where, json, error);
    return step->pattern != NULL;
}

static bool load_strip(struct decoder_step *step, const char *where, const cJSON *json, struct error *error)
{
    step->start = step->stop = -1;
    if (!load_content(step, where, json, "content", error) ||
        !json_get_int(json, where, "start", 0, INT_MAX, &step->start, error) ||
        !json_get_int(json, where, "stop", 0, INT_MAX, &step->stop, error))
        return false;
    if (!utf8_single(step->content))
        return error_set(error, "%s: \"content\" of decoder Strip should be one character", where);
    return (step->start >= 0 && step->stop >= 0) ||
           error_set(error, "%s: decoder Strip has no \"%s\"", where, step->start < 0 ? "start" : "stop");
}

static bool load_metaspace(struct decoder_step *step, const char *where, const cJSON *json, struct error *error)
{
    return metaspace_load(&step->metaspace, where, "decoder Metaspace", json, error);
}

static bool load_word_piece(struct decoder_step *step, const char *where, const cJSON *json, struct error *error)
{
    step->cleanup = true;
    return load_content(step, where, json, "prefix", error) &&
           json_get_bool(json, where, "cleanup", &step->cleanup, error);
}

/* Running */

static bool apply_replace(const struct decoder_step *step, const struct pieces *in, struct pieces *out,
                          struct error *error)
{
    for (size_t i = 0; i < in->count; i++) {
        struct piece piece = piece_at(in, i);
        bool changed = false;
        if (!pattern_replace(step->pattern, step->content, piece.text, piece.size, &out->text, &changed, error))
            return false;
        if (!changed)
            buffer_append(&out->text, piece.text, piece.size);
        pieces_end(out);
    }
    return true;
}

static int hex_digit(char digit)
{
    const char *at = digit ? strchr("0123456789abcdef0123456789ABCDEF", digit) : NULL;
    return at ? (int)(at - "0123456789abcdef0123456789ABCDEF") % 16 : -1;
}

/* The byte of <0x00> to <0xFF>, else -1. The original's parser takes "+5" for 5. */
static int byte_of(struct piece piece)
{
    if (piece.size != 6 || memcmp(piece.text, "<0x", 3) != 0 || piece.text[5] != '>')
        return -1;
    int high = piece.text[3] == '+' ? 0 : hex_digit(piece.text[3]), low = hex_digit(piece.text[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* The bytes are one piece where they are UTF-8, else a U+FFFD for each. */
static void bytes_end(struct buffer *bytes, struct pieces *out)
{
    if (!bytes->size)
        return;
    if (utf8_check(bytes->data, bytes->size) == bytes->size)
        pieces_add(out, bytes->data, bytes->size);
    else
        for (size_t i = 0; i < bytes->size; i++)
            pieces_add(out, "\xEF\xBF\xBD", 3);
    bytes->size = 0;
}

static bool apply_byte_fallback(const struct decoder_step *step, const struct pieces *in, struct pieces *out,
                                struct error *error)
{
    (void)step;
    struct buffer bytes = {0};
    for (size_t i = 0; i < in->count; i++) {
        struct piece piece = piece_at(in, i);
        int byte = byte_of(piece);
        if (byte >= 0) {
            buffer_char(&bytes, (char)byte);
        } else {
            bytes_end(&bytes, out);
            pieces_add(out, piece.text, piece.size);
        }
    }
    bytes_end(&bytes, out);
    bool good = !bytes.failed || error_memory(error, "text");
    buffer_free(&bytes);
    return good;
}

static bool apply_fuse(const struct decoder_step *step, const struct pieces *in, struct pieces *out,
                       struct error *error)
{
    (void)step, (void)error;
    pieces_add(out, in->text.data ? in->text.data : "", in->text.size);
    return true;
}

/* Where nothing is left, the original stops with a panic. */
static bool apply_strip(const struct decoder_step *step, const struct pieces *in, struct pieces *out,
                        struct error *error)
{
    (void)error;
    size_t length = strlen(step->content);
    for (size_t i = 0; i < in->count; i++) {
        struct piece piece = piece_at(in, i);
        for (int k = 0; k < step->start && piece.size >= length && !memcmp(piece.text, step->content, length); k++) {
            piece.text += length;
            piece.size -= length;
        }
        for (int k = 0;
             k < step->stop && piece.size >= length && !memcmp(piece.text + piece.size - length, step->content, length);
             k++)
            piece.size -= length;
        pieces_add(out, piece.text, piece.size);
    }
    return true;
}

/* Those of the first token are left out, all of them, where one was put in front. */
static bool apply_metaspace(const struct decoder_step *step, const struct pieces *in, struct pieces *out,
                            struct error *error)
{
    (void)error;
    const char *space = step->metaspace.space;
    size_t length = strlen(space);
    for (size_t i = 0; i < in->count; i++) {
        struct piece piece = piece_at(in, i);
        for (size_t at = 0; at < piece.size;) {
            if (piece.size - at < length || memcmp(piece.text + at, space, length) != 0) {
                buffer_char(&out->text, piece.text[at++]);
                continue;
            }
            if (i > 0 || step->metaspace.scheme == PREPEND_NEVER)
                buffer_char(&out->text, ' ');
            at += length;
        }
        pieces_end(out);
    }
    return true;
}

/* All the tokens become one piece. */
static bool apply_byte_level(const struct decoder_step *step, const struct pieces *in, struct pieces *out,
                             struct error *error)
{
    (void)step;
    struct buffer bytes = {0};
    bool good = true;
    for (size_t i = 0; good && i < in->count; i++) {
        struct piece piece = piece_at(in, i);
        good = byte_level_bytes(piece.text, piece.size, &bytes);
    }
    good = (good && utf8_lossy(bytes.data ? bytes.data : "", bytes.size, &out->text)) || error_memory(error, "text");
    pieces_end(out);
    buffer_free(&bytes);
    return good;
}

/* Each in the text that the one before it left. */
static bool clean_up(const char *text, size_t size, struct buffer *out)
{
    static const struct {
        const char *from, *to;
    } rows[] = {{" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
                {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
    struct buffer one = {0}, two = {0};
    buffer_append(&one, text, size);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *at = one.data ? one.data : "", *next = NULL;
        two.size = 0;
        for (; (next = strstr(at, rows[i].from)); at = next + strlen(rows[i].from)) {
            buffer_append(&two, at, (size_t)(next - at));
            buffer_text(&two, rows[i].to);
        }
        buffer_text(&two, at);
        struct buffer made = two;
        two = one;
        one = made;
    }
    buffer_append(out, one.data ? one.data : "", one.size);
    bool good = !one.failed && !two.failed;
    buffer_free(&one);
    buffer_free(&two);
    return good;
}

/* Behind the first token a space, unless it goes on a word. */
static bool apply_word_piece(const struct decoder_step *step, const struct pieces *in, struct pieces *out,
                             struct error *error)
{
    struct buffer text = {0};
    size_t prefix = strlen(step->content);
    bool good = true;
    for (size_t i = 0; good && i < in->count; i++) {
        struct piece piece = piece_at(in, i);
        bool goes_on = i > 0 && piece.size >= prefix && memcmp(piece.text, step->content, prefix) == 0;
        text.size = 0;
        if (i > 0 && !goes_on)
            buffer_char(&text, ' ');
        buffer_append(&text, piece.text + (goes_on ? prefix : 0), piece.size - (goes_on ? prefix : 0));
        good = !text.failed;
        if (good && step->cleanup)
            good = clean_up(text.data ? text.data : "", text.size, &out->text);
        else
            buffer_append(&out->text, text.data ? text.data : "", text.size);
        pieces_end(out);
    }
    buffer_free(&text);
    return good || error_memory(error, "text");
}

static const struct decoder_type types[] = {
    {"ByteLevel", load_nothing, apply_byte_level},
    {"Replace", load_replace, apply_replace},
    {"ByteFallback", load_nothing, apply_byte_fallback},
    {"Fuse", load_nothing, apply_fuse},
    {"Strip", load_strip, apply_strip},
    {"Metaspace", load_metaspace, apply_metaspace},
    {"WordPiece", load_word_piece, apply_word_piece},
};

static bool step_load(void *context, const char *name, const char *where, const cJSON *json, struct error *error)
{
    struct decoder *decoder = context;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i].name, name) != 0)
            continue;
        if (!array_push(decoder->steps, decoder->count, decoder->capacity, (struct decoder_step){.type = &types[i]}))
            return error_memory(error, where);
        return types[i].load(&decoder->steps[decoder->count - 1], where, json, error);
    }
    return error_set(error, "%s: decoder type \"%.100s\" is not supported", where, name);
}

bool decoder_load(struct decoder *decoder, const char *where, const cJSON *json, struct error *error)
{
    static const struct part_kind kind = {"decoder", "decoders", "more than ", " decoders", STEPS_MOST};
    decoder->given = json != NULL;
    return !json || parts_load(&kind, where, json, &decoder->count, step_load, decoder, error);
}

void decoder_free(struct decoder *decoder)
{
    for (size_t i = 0; i < decoder->count; i++) {
        pattern_free(decoder->steps[i].pattern);
        free(decoder->steps[i].content);
    }
    free(decoder->steps);
}

static void join_spaced(const struct pieces *tokens, struct buffer *out)
{
    for (size_t i = 0; i < tokens->count; i++) {
        struct piece piece = piece_at(tokens, i);
        if (i > 0)
            buffer_char(out, ' ');
        buffer_append(out, piece.text, piece.size);
    }
}

bool decoder_apply(const struct decoder *decoder, struct pieces *tokens, struct buffer *out, struct error *error)
{
    struct pieces made = {0};
    size_t before = out->size, most = GROWTH_LEAST + GROWTH_MOST * tokens->text.size;
    bool good = true;
    for (size_t i = 0; good && i < decoder->count; i++) {
        pattern_allow(decoder->steps[i].pattern, tokens->text.size);
        struct pieces was = *tokens;
        made.count = made.text.size = 0;
        made.text.maximum = most;
        good = decoder->steps[i].type->apply(&decoder->steps[i], &was, &made, error) &&
               (!made.text.failed ||
                error_set(error, "decoder: out of memory, or a text that grows to more than %zu bytes", most));
        *tokens = made;
        made = was;
    }
    pieces_free(&made);
    if (!good)
        return false;
    if (decoder->given)
        buffer_append(out, tokens->text.data ? tokens->text.data : "", tokens->text.size);
    else
        join_spaced(tokens, out);
    if (!out->failed)
        return true;
    out->size = before;
    return error_memory(error, "text");
}
