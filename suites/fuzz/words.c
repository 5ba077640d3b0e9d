/* What turns words into ids and back, and what words are put into: tokenizers, templates, JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "jinja/template.h"
#include "place.h"
#include "target.h"
#include "text/tokenizer.h"

static const char sample[] =
    "Hello  w\xC3\xB6rld,\n\t 2018 isn't <s>\xE4\xBD\xA0\xE5\xA5\xBD</s> \xF0\x9F\x98\x80 \xFF aaaa";

static void use_tokenizer(struct tokenizer *tokenizer)
{
    struct error error = {0};
    struct ids ids = {0};
    struct buffer text = {0};
    if (tokenizer_encode(tokenizer, sample, sizeof sample - 1, true, &ids, &error))
        tokenizer_decode(tokenizer, ids.data, ids.count, false, &text, &error);
    for (size_t i = 0; i < tokenizer_count(tokenizer); i++) {
        struct tokenizer_entry entry = tokenizer_at(tokenizer, i);
        tokenizer_decode(tokenizer, &entry.id, 1, true, &text, &error);
        error_clear(&error);
    }
    ids_free(&ids);
    buffer_free(&text);
    error_clear(&error);
}

static void open_tokenizer(const char *path)
{
    struct error error = {0};
    struct tokenizer *tokenizer = tokenizer_open(path, &error);
    if (tokenizer)
        use_tokenizer(tokenizer);
    tokenizer_free(tokenizer);
    error_clear(&error);
}

void fuzz_tokenizer(const uint8_t *data, size_t size)
{
    open_tokenizer(place_file("tokenizer.json", data, size));
}

/* vocab.json up to the first NUL, then merges.txt. */
void fuzz_merges(const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, 0, size) : NULL;
    size_t first = end ? (size_t)(end - data) : size;
    place_file("merges/vocab.json", data, first);
    place_file("merges/merges.txt", data + first + !!end, size - first - !!end);
    open_tokenizer(place("merges"));
}

/* A SentencePiece model or lines of tiktoken, as the classes read them that make the most of it, and as no class does;
 * what begins as JSON is a tekken.json, too, and all of it is a vocab.txt. */
void fuzz_pieces(const uint8_t *data, size_t size)
{
    static const char *const classes[] = {"LlamaTokenizer", "T5Tokenizer", "PreTrainedTokenizerFast"};
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        char config[128];
        int length = snprintf(config, sizeof config, "{\"tokenizer_class\": \"%s\"}", classes[i]);
        place_file("pieces/tokenizer_config.json", config, (size_t)length);
        place_file("pieces/tokenizer.model", data, size);
        open_tokenizer(place("pieces"));
    }
    place_file("words/tokenizer_config.json", "{\"tokenizer_class\": \"BertTokenizer\"}", 36);
    place_file("words/vocab.txt", data, size);
    open_tokenizer(place("words"));
    if (size && *data == '{') {
        place_file("tekken/tekken.json", data, size);
        open_tokenizer(place("tekken"));
    }
}

void fuzz_template(const uint8_t *data, size_t size)
{
    static const char variables[] = "{\"messages\":[{\"role\":\"system\",\"content\":\"Be "
                                    "<brief>.\"},{\"role\":\"user\",\"content\":\" Hi \\u00e9 \"},"
                                    "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"function\":{\"name\":"
                                    "\"f\",\"arguments\":{\"x\":1.5,\"y\":-3}}}]}],"
                                    "\"add_generation_prompt\":true,\"bos_token\":\"<s>\",\"eos_token\":\"</"
                                    "s>\",\"tools\":[{\"type\":\"function\"}]}";
    struct error error = {0};
    struct buffer out = {0};
    cJSON *json = json_parse("variables", variables, strlen(variables), &error);
    const struct chat_template_source source = {
        .where = "template", .text = (const char *)data, .size = size, .now = 1};
    if (json)
        chat_template_render(&source, json, &out, &error);
    cJSON_Delete(json);
    buffer_free(&out);
    error_clear(&error);
}

void fuzz_json(const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct buffer out = {0};
    cJSON_Delete(json_parse("text", (const char *)data, size, &error));
    error_clear(&error);
    json_parse_string("text", (const char *)data, size, &out, &error);
    buffer_free(&out);
    error_clear(&error);
}
