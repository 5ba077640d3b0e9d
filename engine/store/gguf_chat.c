/* What a GGUF file says of chats, as the tokenizer_config.json of its model says it: the template, and the special
 * tokens that templates write. */
#include "store/gguf_internal.h"

/* The token that the key numbers; nothing where there is none. */
static bool put_token(const struct gguf *gguf, const struct gguf_value *tokens, const char *key, const char *name,
                      struct buffer *out, struct error *error)
{
    uint64_t id = UINT64_MAX;
    struct gguf_text text = {0};
    size_t at = tokens ? tokens->at : 0;
    if (!gguf_get_whole(gguf, key, UINT32_MAX, &id, error))
        return false;
    if (!tokens || id == UINT64_MAX || id >= tokens->count)
        return true;
    for (uint64_t i = 0; i <= id; i++)
        text = gguf_next_text(gguf, &at);
    buffer_format(out, "%s\n  \"%s\": ", out->size > 1 ? "," : "", name);
    gguf_put_string(out, text);
    return true;
}

static bool put_all(const struct gguf *gguf, struct buffer *out, struct error *error)
{
    static const char *const keys[][2] = {
        {"tokenizer.ggml.bos_token_id", "bos_token"},     {"tokenizer.ggml.eos_token_id", "eos_token"},
        {"tokenizer.ggml.unknown_token_id", "unk_token"}, {"tokenizer.ggml.seperator_token_id", "sep_token"},
        {"tokenizer.ggml.padding_token_id", "pad_token"}, {"tokenizer.ggml.cls_token_id", "cls_token"},
        {"tokenizer.ggml.mask_token_id", "mask_token"}};
    struct gguf_text template = {0};
    const struct gguf_value *tokens = NULL;
    if (!gguf_get_array(gguf, "tokenizer.ggml.tokens", GGUF_STRING, &tokens, error) ||
        !gguf_get_text(gguf, "tokenizer.chat_template", &template, error))
        return false;
    buffer_char(out, '{');
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!put_token(gguf, tokens, keys[i][0], keys[i][1], out, error))
            return false;
    if (template.data) {
        buffer_format(out, "%s\n  \"chat_template\": ", out->size > 1 ? "," : "");
        gguf_put_string(out, template);
    }
    if (out->size > 1)
        buffer_text(out, "\n}\n");
    return true;
}

char *gguf_tokenizer_config(const struct gguf *gguf, struct error *error)
{
    struct buffer out = {0};
    bool good = put_all(gguf, &out, error), none = out.size == 1;
    char *text = good && !none ? buffer_take(&out) : NULL;
    if (good && !none && !text)
        error_memory(error, gguf->path);
    buffer_free(&out);
    return text;
}
