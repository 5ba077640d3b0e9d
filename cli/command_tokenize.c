#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/id_list.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/output.h"

#define INPUT_MAX ((size_t)1 << 30)

static const char *judge(const struct arguments *arguments)
{
    int sources = (arguments->positional[1] != NULL) + (arguments->file != NULL) + (arguments->decode != NULL);
    if (sources > 1)
        return "give only one of TEXT, --file and --decode";
    if (arguments->jsonl && arguments->decode)
        return "--jsonl reads texts, so it cannot be combined with --decode, which reads ids";
    return arguments->decode ? ids_judge(arguments->decode) : NULL;
}

static bool put_ids(struct tokenizer *tokenizer, const char *text, size_t size, bool special, bool json,
                    struct error *error)
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

/* `name` is what the input is called in errors. */
static bool put_lines(struct tokenizer *tokenizer, const char *name, const struct buffer *input, bool special,
                      struct error *error)
{
    size_t number = 0;
    for (size_t at = 0; at < input->size; number++) {
        size_t length;
        const char *text = text_line(input->data, input->size, &at, &length);
        struct buffer line = {0};
        bool good = json_parse_string(name, text, length, &line, error) &&
                    put_ids(tokenizer, line.data ? line.data : "", line.size, special, true, error);
        buffer_free(&line);
        if (!good)
            return error_context(error, "line %zu", number + 1);
    }
    return true;
}

static bool put_text(struct tokenizer *tokenizer, const char *list, bool json, struct error *error)
{
    struct ids ids = {0};
    struct buffer text = {0}, quoted = {0};
    bool good = ids_parse(list, &ids, error) && tokenizer_decode(tokenizer, ids.data, ids.count, false, &text, error);
    if (json)
        json_append_string(&quoted, text.data, text.size);
    const struct buffer *out = json ? &quoted : &text;
    good = good && (!out->failed || error_memory(error, "text"));
    if (good && out->size)
        fwrite(out->data, 1, out->size, stdout);
    if (good)
        putchar('\n');
    ids_free(&ids);
    buffer_free(&text);
    buffer_free(&quoted);
    return good;
}

static bool run_tokenize(const struct arguments *arguments, struct error *error)
{
    const char *where = arguments->tokenizer ? arguments->tokenizer
                        : arguments->source  ? arguments->source
                                             : arguments->positional[0];
    const char *given = arguments->positional[1];
    struct tokenizer *tokenizer = subject_tokenizer(
        where, &(struct text_variants){arguments->text_variants.items, arguments->text_variants.count}, error);
    struct buffer input = {.maximum = INPUT_MAX + 65536};
    if (!tokenizer)
        return false;
    bool good = true, special = !arguments->no_special;
    if (arguments->decode) {
        good = put_text(tokenizer, arguments->decode, arguments->json, error);
    } else {
        if (given)
            buffer_text(&input, given);
        else
            good = file_read(arguments->file ? arguments->file : "/dev/stdin", INPUT_MAX, &input, error);
        if (good && arguments->jsonl)
            good = put_lines(tokenizer,
                             given             ? "TEXT"
                             : arguments->file ? arguments->file
                                               : "stdin",
                             &input, special, error);
        else if (good)
            good = put_ids(tokenizer, input.data, input.size, special, arguments->json, error);
    }
    buffer_free(&input);
    tokenizer_free(tokenizer);
    return good;
}

static int run(struct arguments *arguments)
{
    struct error error = {0};
    return run_tokenize(arguments, &error) ? EXIT_PASS : command_error("tokenize", &error);
}

static const struct option_row options[] = {
    {"file", 'f', "FILE", "Read the text from a file (default without TEXT: stdin)", GROUP_WORK, KIND_TEXT, AT(file), 0,
     0},
    {"decode", 'd', "IDS", "Ids, separated by commas or spaces, back to text", GROUP_WORK, KIND_TEXT, AT(decode), 0, 0},
    {"jsonl", 0, NULL, "One JSON string a line in, one JSON array of ids a line out", GROUP_WORK, KIND_FLAG, AT(jsonl),
     0, 0},
    {"no-special", 0, NULL, "Do not add what the tokenizer's template adds (BOS, EOS)", GROUP_WORK, KIND_FLAG,
     AT(no_special), 0, 0},
    {"text-variant", 0, "NAME", "Read texts with a variant of the tokenizer (assay faults lists them; repeatable)",
     GROUP_MODEL, KIND_TEXTS, AT(text_variants), 0, 0},
    {0},
};

const struct command command_tokenize = {
    .name = "tokenize",
    .does = "text to token ids, or back",
    .args = "MODEL_OR_TOKENIZER_DIR [TEXT]",
    .doc = "Text to token ids, or ids to text.",
    .least = 1,
    .most = 2,
    .sets = OPTIONS_TOKENIZER | OPTIONS_SOURCE,
    .options = options,
    .judge = judge,
    .run = run,
};
