#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/numbers.h"
#include "cli/command.h"

#define INPUT_MAX ((size_t)1 << 30)

struct tokenize_arguments {
    struct common common;
    const char *text;
    const char *file;
    const char *decode;
    bool jsonl;
    bool plain; /* no template */
};

enum { KEY_JSONL = 2000, KEY_PLAIN };

static const struct argp_option options[] = {
    {"file", 'f', "FILE", 0, "Read the text from a file (default without TEXT: stdin)", 10},
    {"decode", 'd', "IDS", 0, "Ids, separated by commas or spaces, back to text", 10},
    {"jsonl", KEY_JSONL, NULL, 0, "One JSON string a line in, one JSON array of ids a line out", 10},
    {"no-special", KEY_PLAIN, NULL, 0, "Do not add what the tokenizer's template adds (BOS, EOS)", 10},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct tokenize_arguments *arguments = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->common;
        return 0;
    case 'f':
        arguments->file = argument;
        return 0;
    case 'd':
        arguments->decode = argument;
        return 0;
    case KEY_JSONL:
        arguments->jsonl = true;
        return 0;
    case KEY_PLAIN:
        arguments->plain = true;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num == 0)
            arguments->common.subject.model = argument;
        else if (state->arg_num == 1)
            arguments->text = argument;
        else
            return ARGP_ERR_UNKNOWN;
        return 0;
    case ARGP_KEY_END:
        if (!arguments->common.subject.model)
            argp_error(state, "a MODEL or the folder of a tokenizer is needed");
        if ((arguments->text != NULL) + (arguments->file != NULL) + (arguments->decode != NULL) > 1)
            argp_error(state, "only one of TEXT, --file and --decode");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
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

static bool run_tokenize(const struct tokenize_arguments *arguments, struct error *error)
{
    const struct subject_options *subject = &arguments->common.subject;
    const char *where = subject->tokenizer ? subject->tokenizer : subject->source ? subject->source : subject->model;
    struct tokenizer *tokenizer = tokenizer_open(where, error);
    struct buffer input = {.maximum = INPUT_MAX + 65536};
    if (!tokenizer)
        return false;
    bool good = true, special = !arguments->plain;
    if (arguments->decode) {
        good = put_text(tokenizer, arguments->decode, error);
    } else {
        if (arguments->text)
            buffer_text(&input, arguments->text);
        else
            good = file_read(arguments->file ? arguments->file : "/dev/stdin", INPUT_MAX, &input, error);
        if (good && arguments->jsonl)
            good = put_lines(tokenizer, &input, special, error);
        else if (good)
            good = put_ids(tokenizer, input.data, input.size, special, arguments->common.json, error);
    }
    if (good && fflush(stdout) != 0)
        good = error_errno(error, "stdout");
    buffer_free(&input);
    tokenizer_free(tokenizer);
    return good;
}

int command_tokenize(int argc, char **argv)
{
    static const struct argp_child children[] = {{&common_argp, 0, "The model", 80}, {0}};
    static const struct argp argp = {.options = options, .parser = parse, .args_doc = "MODEL_OR_TOKENIZER_DIR [TEXT]",
                                     .children = children, .doc = "Text to token ids, or ids to text."};
    struct tokenize_arguments arguments = {0};
    struct error error = {0};
    command_parse(&argp, "tokenize", argc, argv, &arguments);
    return run_tokenize(&arguments, &error) ? EXIT_PASS : command_error("tokenize", &error);
}
