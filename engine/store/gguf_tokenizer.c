/* The metadata of a GGUF file as the tokenizer.json that its model came with. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "store/gguf_internal.h"

#define TOKENS_MAX (1 << 24)
#define SPACE_MARK "\xE2\x96\x81" /* U+2581, which SentencePiece writes for a space */

/* llama.h, enum llama_token_type. The others are plain text, bytes (which go by their names here), or places that
 * nothing uses. */
enum { TOKEN_UNKNOWN = 2, TOKEN_CONTROL = 3, TOKEN_USER_DEFINED = 4 };

struct spelling;

/* By the metadata 'tokenizer.ggml.model': what llama.cpp takes for said where the metadata does not say it
 * (llama-vocab.cpp), and who spells the rest of the document, from the normalizer on. */
struct gguf_kind {
    const char *name;
    bool begins, ends;                /* what the two switches are */
    uint64_t begin, end;              /* the ids of what is added then; UINT64_MAX: none */
    const char *end_switch, *end_key; /* the keys of what is put behind a text */
    bool (*put)(struct spelling *spelling);
};

struct spelling {
    const struct gguf *gguf;
    const struct gguf_kind *kind;
    const struct gguf_value *tokens, *types, *merges, *scores;
    const struct gguf_pre *pre; /* NULL: unknown */
    bool space;                 /* one is put in front of a text */
    struct gguf_text model, pre_name;
    struct buffer out;
    struct error *error;
};

static bool spelling_read(struct spelling *spelling)
{
    const struct gguf *gguf = spelling->gguf;
    struct error *error = spelling->error;
    spelling->pre_name = (struct gguf_text){"default", 7};
    if (!gguf_get_text(gguf, "tokenizer.ggml.model", &spelling->model, error) ||
        !gguf_get_text(gguf, "tokenizer.ggml.pre", &spelling->pre_name, error) ||
        !gguf_get_array(gguf, "tokenizer.ggml.tokens", GGUF_STRING, &spelling->tokens, error) ||
        !gguf_get_array(gguf, "tokenizer.ggml.merges", GGUF_STRING, &spelling->merges, error) ||
        !gguf_get_array(gguf, "tokenizer.ggml.token_type", GGUF_I32, &spelling->types, error) ||
        !gguf_get_array(gguf, "tokenizer.ggml.scores", GGUF_F32, &spelling->scores, error) ||
        !gguf_get_bool(gguf, "tokenizer.ggml.add_space_prefix", &spelling->space, error))
        return false;
    if (spelling->types && spelling->tokens && spelling->types->count != spelling->tokens->count)
        return error_set(error,
                         "%s: the metadata 'tokenizer.ggml.tokens' lists %llu tokens, but 'tokenizer.ggml.token_type' "
                         "types for %llu",
                         gguf->path, (unsigned long long)spelling->tokens->count,
                         (unsigned long long)spelling->types->count);
    return !spelling->tokens || spelling->tokens->count <= TOKENS_MAX ||
           error_set(error, "%s: the metadata 'tokenizer.ggml.tokens' lists more than the %d tokens that are allowed",
                     gguf->path, TOKENS_MAX);
}

/* Tokens that are found in the text as they are. */
static void put_added(struct spelling *spelling)
{
    struct buffer *out = &spelling->out;
    size_t at = spelling->tokens->at;
    bool first = true;
    buffer_text(out, "\"added_tokens\": [");
    for (uint64_t id = 0; spelling->types && id < spelling->tokens->count; id++) {
        struct gguf_text text = gguf_next_text(spelling->gguf, &at);
        int32_t type = gguf_i32(spelling->gguf, spelling->types->at + 4 * (size_t)id);
        if (type != TOKEN_UNKNOWN && type != TOKEN_CONTROL && type != TOKEN_USER_DEFINED)
            continue;
        buffer_format(out, "%s\n  {\"id\": %llu, \"content\": ", first ? "" : ",", (unsigned long long)id);
        gguf_put_string(out, text);
        buffer_format(out,
                      ", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false, "
                      "\"special\": %s}",
                      type == TOKEN_USER_DEFINED ? "false" : "true");
        first = false;
    }
    buffer_text(out, "],\n");
}

/* The token that the key numbers (or `*id`, where the file does not say), when the file (or `adds`) wants it added. */
static bool end_token(struct spelling *spelling, const char *switch_key, const char *id_key, bool adds,
                      struct gguf_text *text, uint64_t *id)
{
    uint64_t count = spelling->tokens->count;
    size_t at = spelling->tokens->at;
    if (!gguf_get_bool(spelling->gguf, switch_key, &adds, spelling->error) ||
        !gguf_get_whole(spelling->gguf, id_key, UINT32_MAX, id, spelling->error))
        return false;
    if (!adds || *id == UINT64_MAX || *id >= count) {
        *id = UINT64_MAX;
        return true;
    }
    for (uint64_t i = 0; i <= *id; i++)
        *text = gguf_next_text(spelling->gguf, &at);
    return true;
}

static void put_piece(struct buffer *out, struct gguf_text text, const char *before, const char *after)
{
    buffer_format(out, "%s{\"SpecialToken\": {\"id\": ", before);
    gguf_put_string(out, text);
    buffer_format(out, ", \"type_id\": 0}}%s", after);
}

static void put_template_token(struct buffer *out, struct gguf_text text, uint64_t id, const char *before)
{
    buffer_text(out, before);
    gguf_put_string(out, text);
    buffer_text(out, ": {\"id\": ");
    gguf_put_string(out, text);
    buffer_format(out, ", \"ids\": [%llu], \"tokens\": [", (unsigned long long)id);
    gguf_put_string(out, text);
    buffer_text(out, "]}");
}

static bool put_template(struct spelling *spelling)
{
    struct buffer *out = &spelling->out;
    struct gguf_text bos = {0}, eos = {0};
    const struct gguf_kind *kind = spelling->kind;
    uint64_t bos_id = kind->begin, eos_id = kind->end;
    if (!end_token(spelling, "tokenizer.ggml.add_bos_token", "tokenizer.ggml.bos_token_id",
                   kind->begins || (spelling->pre && spelling->pre->bos), &bos, &bos_id) ||
        !end_token(spelling, kind->end_switch, kind->end_key, kind->ends, &eos, &eos_id))
        return false;
    bool begins = bos_id != UINT64_MAX, ends = eos_id != UINT64_MAX;
    if (!begins && !ends) {
        buffer_format(out, "\"post_processor\": %s,\n", spelling->pre ? GGUF_BYTES_ONLY : "null");
        return true;
    }
    buffer_text(out, "\"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [");
    if (begins)
        put_piece(out, bos, "", ", ");
    buffer_text(out, "{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}");
    if (ends)
        put_piece(out, eos, ", ", "");
    buffer_text(out, "], \"pair\": [{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}, "
                     "{\"Sequence\": {\"id\": \"B\", \"type_id\": 1}}], \"special_tokens\": {");
    if (begins)
        put_template_token(out, bos, bos_id, "");
    if (ends && eos_id != bos_id)
        put_template_token(out, eos, eos_id, begins ? ", " : "");
    buffer_text(out, "}},\n");
    return true;
}

static void put_vocabulary(struct spelling *spelling)
{
    struct buffer *out = &spelling->out;
    size_t at = spelling->tokens->at;
    buffer_text(out, "\"vocab\": {");
    for (uint64_t id = 0; id < spelling->tokens->count; id++) {
        buffer_text(out, id ? ",\n" : "\n");
        gguf_put_string(out, gguf_next_text(spelling->gguf, &at));
        buffer_format(out, ": %llu", (unsigned long long)id);
    }
    buffer_text(out, "},\n\"merges\": [");
    at = spelling->merges ? spelling->merges->at : 0;
    for (uint64_t i = 0; spelling->merges && i < spelling->merges->count; i++) {
        buffer_text(out, i ? ",\n" : "\n");
        gguf_put_string(out, gguf_next_text(spelling->gguf, &at));
    }
    buffer_text(out, "]");
}

/* A kind that is not known, with the key that names it: whoever reads the document refuses it so. */
static void put_unknown(struct spelling *spelling, struct gguf_text name, const char *key)
{
    struct buffer words = {0};
    buffer_format(&words, "%.*s (of %s)", (int)(name.size < 100 ? name.size : 100), name.data, key);
    buffer_text(&spelling->out, "{\"type\": ");
    gguf_put_string(&spelling->out, (struct gguf_text){words.data ? words.data : "", words.size});
    buffer_text(&spelling->out, "}");
    buffer_free(&words);
}

/* Over bytes, with merges. */
static bool put_gpt2(struct spelling *spelling)
{
    struct buffer *out = &spelling->out;
    const struct gguf_pre *pre = spelling->pre = gguf_pre_find(spelling->pre_name);
    buffer_format(out, "\"normalizer\": %s,\n\"pre_tokenizer\": ", pre && pre->nfc ? "{\"type\": \"NFC\"}" : "null");
    if (pre)
        gguf_pre_put(pre, out);
    else
        put_unknown(spelling, spelling->pre_name, "tokenizer.ggml.pre");
    buffer_text(out, ",\n");
    if (!put_template(spelling))
        return false;
    buffer_format(out,
                  "\"decoder\": {\"type\": \"ByteLevel\", \"add_prefix_space\": true, \"trim_offsets\": true, "
                  "\"use_regex\": true},\n\"model\": {\"type\": \"BPE\", \"dropout\": null, \"unk_token\": null, "
                  "\"continuing_subword_prefix\": \"\", \"end_of_word_suffix\": \"\", \"fuse_unk\": false, "
                  "\"byte_fallback\": false, \"ignore_merges\": %s,\n",
                  pre && pre->ignore_merges ? "true" : "false");
    put_vocabulary(spelling);
    buffer_text(out, "}");
    return true;
}

/* [[token, score]]. llama.cpp has another name for a token that is empty, and 0 for a score that is not there. */
static bool put_scores(struct spelling *spelling)
{
    struct buffer *out = &spelling->out;
    size_t at = spelling->tokens->at;
    if (spelling->scores && spelling->scores->count != spelling->tokens->count)
        return error_set(spelling->error,
                         "%s: the metadata 'tokenizer.ggml.tokens' lists %llu tokens, but 'tokenizer.ggml.scores' "
                         "scores for %llu",
                         spelling->gguf->path, (unsigned long long)spelling->tokens->count,
                         (unsigned long long)spelling->scores->count);
    buffer_text(out, "\"vocab\": [");
    for (uint64_t id = 0; id < spelling->tokens->count; id++) {
        double score = spelling->scores ? (double)gguf_f32(spelling->gguf, spelling->scores->at + 4 * (size_t)id) : 0;
        struct gguf_text text = gguf_next_text(spelling->gguf, &at);
        if (!isfinite(score))
            return error_set(spelling->error, "%s: in the metadata 'tokenizer.ggml.scores' that of token %llu is %g",
                             spelling->gguf->path, (unsigned long long)id, score);
        buffer_text(out, id ? ",\n[" : "\n[");
        if (text.size)
            gguf_put_string(out, text);
        else
            buffer_format(out, "\"[EMPTY_%llu]\"", (unsigned long long)id);
        buffer_format(out, ", %.9g]", score);
    }
    buffer_text(out, "]");
    return true;
}

/* SentencePiece's BPE, by scores. A space goes before what begins a text or follows a token that is found as it stands,
 * also before another space. */
static bool put_llama(struct spelling *spelling)
{
    struct buffer *out = &spelling->out;
    buffer_format(out,
                  "\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [%s{\"type\": \"Replace\", \"pattern\": "
                  "{\"String\": \" \"}, \"content\": \"" SPACE_MARK "\"}]},\n\"pre_tokenizer\": null,\n",
                  spelling->space ? "{\"type\": \"Prepend\", \"prepend\": \"" SPACE_MARK "\"}, " : "");
    if (!put_template(spelling))
        return false;
    buffer_format(out,
                  "\"decoder\": {\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Replace\", \"pattern\": "
                  "{\"String\": \"" SPACE_MARK "\"}, \"content\": \" \"}, {\"type\": \"ByteFallback\"}, {\"type\": "
                  "\"Fuse\"}%s]},\n\"model\": {\"type\": \"ScoredBPE\",\n",
                  spelling->space ? ", {\"type\": \"Strip\", \"content\": \" \", \"start\": 1, \"stop\": 0}" : "");
    if (!put_scores(spelling))
        return false;
    buffer_text(out, "}");
    return true;
}

/* WordPiece: what begins a word has U+2581 in front, and what goes on a word nothing. */
static void put_words(struct spelling *spelling)
{
    static const char mark[] = SPACE_MARK;
    struct buffer *out = &spelling->out, word = {0};
    size_t at = spelling->tokens->at;
    buffer_text(out, "\"vocab\": {");
    for (uint64_t id = 0; id < spelling->tokens->count; id++) {
        struct gguf_text text = gguf_next_text(spelling->gguf, &at);
        bool begins = text.size >= strlen(mark) && memcmp(text.data, mark, strlen(mark)) == 0;
        bool named = text.size > 2 && text.data[0] == '[' && text.data[text.size - 1] == ']';
        size_t skip = begins ? strlen(mark) : 0;
        word.size = 0;
        buffer_text(&word, begins || named ? "" : "##");
        buffer_append(&word, text.data + skip, text.size - skip);
        buffer_text(out, id ? ",\n" : "\n");
        gguf_put_string(out, (struct gguf_text){word.data, word.size});
        buffer_format(out, ": %llu", (unsigned long long)id);
    }
    buffer_text(out, "}");
    if (word.failed)
        out->failed = true;
    buffer_free(&word);
}

/* The text that is put in the place of an unknown word. */
static bool put_unknown_word(struct spelling *spelling)
{
    uint64_t id = 100;
    size_t at = spelling->tokens->at;
    struct gguf_text text = {"", 0};
    if (!gguf_get_whole(spelling->gguf, "tokenizer.ggml.unknown_token_id", UINT32_MAX, &id, spelling->error))
        return false;
    for (uint64_t i = 0; i <= id && id < spelling->tokens->count; i++)
        text = gguf_next_text(spelling->gguf, &at);
    buffer_text(&spelling->out, "\"unk_token\": ");
    gguf_put_string(&spelling->out, text);
    buffer_text(&spelling->out, ", ");
    return true;
}

/* As llm_tokenizer_wpm: white space separates, controls go, and marks where accents are to be stripped. */
static bool put_bert(struct spelling *spelling)
{
    struct buffer *out = &spelling->out;
    bool lower = true, accents = true;
    if (!gguf_get_bool(spelling->gguf, "tokenizer.ggml.normalizer.lowercase", &lower, spelling->error) ||
        !gguf_get_bool(spelling->gguf, "tokenizer.ggml.normalizer.strip_accents", &accents, spelling->error))
        return false;
    buffer_format(
        out,
        "\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Replace\", \"pattern\": {\"Regex\": "
        "\"\\\\s\"}, \"content\": \" \"}, {\"type\": \"NFD\"}, {\"type\": \"Replace\", \"pattern\": {\"Regex\": "
        "\"[%s\\\\p{Cc}\\\\p{Cf}\\\\p{Co}\\\\x{fffd}]\"}, \"content\": \"\"}, {\"type\": \"BertNormalizer\", "
        "\"clean_text\": false, \"handle_chinese_chars\": true, \"strip_accents\": false, \"lowercase\": %s}]},\n"
        "\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"WhitespaceSplit\"}, {\"type\": "
        "\"Split\", \"behavior\": \"Isolated\", \"invert\": false, \"pattern\": {\"Regex\": "
        "\"[\\\\p{P}$+<=>^`|~]\"}}]},\n",
        accents ? "\\\\p{M}" : "", lower ? "true" : "false");
    if (!put_template(spelling))
        return false;
    buffer_text(out,
                "\"decoder\": {\"type\": \"WordPiece\", \"prefix\": \"##\", \"cleanup\": true},\n\"model\": {\"type\": "
                "\"WordPiece\", \"continuing_subword_prefix\": \"##\", \"max_input_chars_per_word\": 2147483647, ");
    if (!put_unknown_word(spelling))
        return false;
    put_words(spelling);
    buffer_text(out, "}");
    return true;
}

#define EOS .end_switch = "tokenizer.ggml.add_eos_token", .end_key = "tokenizer.ggml.eos_token_id"
static const struct gguf_kind kinds[] = {
    {.name = "gpt2", .begin = UINT64_MAX, .end = UINT64_MAX, EOS, .put = put_gpt2},
    {.name = "llama", .begins = true, .begin = 1, .end = 2, EOS, .put = put_llama},
    {.name = "bert",
     .begins = true,
     .ends = true,
     .begin = 101,
     .end = 102,
     .end_switch = "tokenizer.ggml.add_sep_token",
     .end_key = "tokenizer.ggml.seperator_token_id", /* sic */
     .put = put_bert},
};

static const struct gguf_kind *kind_find(struct gguf_text name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (gguf_text_is(name, kinds[i].name))
            return &kinds[i];
    return NULL;
}

static bool put_all(struct spelling *spelling)
{
    buffer_text(&spelling->out, "{\"version\": \"1.0\", \"truncation\": null, \"padding\": null,\n");
    put_added(spelling);
    if (!spelling->kind->put(spelling))
        return false;
    buffer_text(&spelling->out, "}\n");
    return true;
}

/* Another kind of tokenizer is only named: whoever reads the document refuses it. */
static void put_model_name(struct spelling *spelling)
{
    buffer_text(&spelling->out, "{\"version\": \"1.0\", \"model\": ");
    put_unknown(spelling, spelling->model, "tokenizer.ggml.model");
    buffer_text(&spelling->out, "}\n");
}

char *gguf_tokenizer(const struct gguf *gguf, struct error *error)
{
    struct spelling spelling = {.gguf = gguf, .error = error, .space = true};
    bool good = spelling_read(&spelling);
    spelling.kind = good && spelling.model.data ? kind_find(spelling.model) : NULL;
    if (!good || !spelling.model.data || (!spelling.tokens && spelling.kind))
        return NULL;
    if (spelling.kind)
        good = put_all(&spelling);
    else
        put_model_name(&spelling);
    char *text = good ? buffer_take(&spelling.out) : NULL;
    if (good && !text)
        error_memory(error, gguf->path);
    buffer_free(&spelling.out);
    return text;
}
