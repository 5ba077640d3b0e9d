#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/numbers.h"
#include "cli/command.h"

#define INPUT_MAX ((size_t)1 << 30)

const char *judge_tokenize(const struct arguments *arguments)
{
    int sources = (arguments->positional[1] != NULL) + (arguments->file != NULL) + (arguments->decode != NULL);
    return sources > 1 ? "only one of TEXT, --file and --decode" : NULL;
}

static bool put_ids(struct tokenizer *tokenizer, const char *text, size_t size, bool special, bool json, struct error *error)
{
    struct ids ids = {0};
    bool good = tokenizer_encode(tokenizer, text, size, special, &ids, error);
    for (size_t i = 0; good && i < ids.count; i++)
        printf("%s%d", i ? (json ? "," : " ") : (json ? "[" : ""), ids.data[i]);
    if (good)
        puts(json ? (ids.count ? "]" : "[]") : "");
    ids_free(&ids);
    return good;
}

static bool put_lines(struct tokenizer *tokenizer, const struct buffer *input, bool special, struct error *error)
{
    size_t number = 0;
    for (size_t at = 0; at < input->size; number++) {
        const char *end = memchr(input->data + at, '\n', input->size - at);
        size_t length = end ? (size_t)(end - input->data) - at : input->size - at;
        cJSON *line = json_parse("input", input->data + at, length, error);
        bool good = line && (cJSON_IsString(line) || error_set(error, "not a JSON string")) &&
                    put_ids(tokenizer, line->valuestring, strlen(line->valuestring), special, true, error);
        cJSON_Delete(line);
        if (!good)
            return error_context(error, "line %zu", number + 1);
        at += length + 1;
    }
    return true;
}

static bool put_text(struct tokenizer *tokenizer, const char *list, struct error *error)
{
    struct ids ids = {0};
    struct buffer text = {0};
    bool good = true;
    for (const char *at = list; good && *at;) {
        size_t length = strcspn(at, ", []\n");
        char number[24] = {0};
        long long value = 0;
        if (length && length < sizeof number)
            memcpy(number, at, length);
        if (length && !number_parse(number, 0, 0x7FFFFFFF, &value))
            good = error_set(error, "'%.*s' is no token id", (int)(length < 40 ? length : 40), at);
        else if (length && !ids_push(&ids, (int)value))
            good = error_memory(error, "ids");
        at += length + (at[length] ? 1 : 0);
    }
    good = good && tokenizer_decode(tokenizer, ids.data, ids.count, false, &text, error);
    if (good && text.size)
        fwrite(text.data, 1, text.size, stdout);
    if (good)
        putchar('\n');
    ids_free(&ids);
    buffer_free(&text);
    return good;
}

static bool run_tokenize(const struct arguments *arguments, struct error *error)
{
    const char *where = arguments->tokenizer ? arguments->tokenizer : arguments->source ? arguments->source
                                                                                       : arguments->positional[0];
    const char *given = arguments->positional[1];
    struct tokenizer *tokenizer = tokenizer_open(where, error);
    struct buffer input = {.maximum = INPUT_MAX + 65536};
    if (!tokenizer)
        return false;
    bool good = true, special = !arguments->no_special;
    if (arguments->decode) {
        good = put_text(tokenizer, arguments->decode, error);
    } else {
        if (given)
            buffer_text(&input, given);
        else
            good = file_read(arguments->file ? arguments->file : "/dev/stdin", INPUT_MAX, &input, error);
        if (good && arguments->jsonl)
            good = put_lines(tokenizer, &input, special, error);
        else if (good)
            good = put_ids(tokenizer, input.data, input.size, special, arguments->json, error);
    }
    if (good && fflush(stdout) != 0)
        good = error_errno(error, "stdout");
    buffer_free(&input);
    tokenizer_free(tokenizer);
    return good;
}

int command_tokenize(struct arguments *arguments)
{
    struct error error = {0};
    return run_tokenize(arguments, &error) ? EXIT_PASS : command_error("tokenize", &error);
}
