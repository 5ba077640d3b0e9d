/* The reader of llama-debug --save-logits: llamacpp-NAME.bin, the float32 logits of the prompt's last token;
 * llamacpp-NAME-tokens.bin, its ids as int32; llamacpp-NAME-prompt.txt, where older versions put the ids. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "golden/golden_make.h"
#include "golden/golden_readers.h"

#define LEAD "llamacpp-"
#define END ".bin"
#define PROMPT_MAX ((size_t)1 << 26)

static bool llama_recognises(const char *path)
{
    const char *name = path_base(path);
    return strncmp(name, LEAD, strlen(LEAD)) == 0 && text_ends_with(name, END) &&
           strlen(name) > strlen(LEAD) + strlen(END);
}

/* What is saved beside the logits under the same stem. Malloc'd. */
static char *companion(const char *path, const char *end)
{
    struct buffer name = {0};
    buffer_format(&name, "%.*s%s", (int)(strlen(path) - strlen(END)), path, end);
    return buffer_take(&name);
}

/* "token ids: 1, 2, 3", the last such line: a prompt may hold one too. */
static bool ids_from_prompt(const char *path, struct ids *ids, struct error *error)
{
    static const char lead[] = "\ntoken ids: ";
    struct buffer text = {0};
    const char *list = NULL;
    bool good = file_read(path, PROMPT_MAX, &text, error);
    for (const char *at = text.data; good && at && (at = strstr(at, lead));)
        list = at += sizeof lead - 1;
    if (good && !list)
        good = error_set(error, "%s: has no line \"token ids: ...\"", path);
    while (good && *list && *list != '\n') {
        char *end;
        long long id = strtoll(list, &end, 10);
        if (end == list || id < 0 || id > 0x7FFFFFFF)
            good = error_set(error, "%s: '%.20s' is no token id", path, list);
        else if (!ids_push(ids, (int)id))
            good = error_memory(error, path);
        list = end + strspn(end, ", ");
    }
    if (good && !ids->count)
        good = error_set(error, "%s: has no token ids after \"token ids:\"", path);
    buffer_free(&text);
    return good;
}

static bool find_ids(const struct golden *golden, struct ids *ids, struct error *error)
{
    char *tokens = companion(golden->path, "-tokens.bin"), *prompt = companion(golden->path, "-prompt.txt");
    uint64_t size = 0;
    bool good = false;
    if (!tokens || !prompt)
        error_memory(error, golden->path);
    else if (file_exists(tokens))
        good = file_size(tokens, &size, error) &&
               (size % 4 == 0 || error_set(error, "%s: its %llu bytes are no int32 token ids (truncated? get it again)",
                                           tokens, (unsigned long long)size)) &&
               golden_read_ids(tokens, 0, DTYPE_I32, size / 4, ids, error);
    else if (file_exists(prompt))
        good = ids_from_prompt(prompt, ids, error);
    else
        error_set(error, "%s: the token ids are absent: put %s or %s, which llama-debug writes too, beside it",
                  golden->path, path_base(tokens), path_base(prompt));
    free(tokens);
    free(prompt);
    return good;
}

static bool llama_open(struct golden *golden, struct error *error)
{
    struct ids ids = {0};
    uint64_t size = 0;
    const char *name = path_base(golden->path) + strlen(LEAD);
    golden->producer = "llama-debug --save-logits";
    golden->dtype = "float16"; /* llama.cpp keeps keys and values so, unless told otherwise: 1e-3 in SmolLM2's logits */
    if (text_ends_with(golden->path, "-tokens.bin") || text_ends_with(golden->path, "-embeddings.bin"))
        return error_set(error, "%s: does not hold the logits: name the .bin without %s", golden->path,
                         strrchr(golden->path, '-'));
    char *id = strndup(name, strlen(name) - strlen(END));
    bool good = (id || error_memory(error, golden->path)) && file_size(golden->path, &size, error);
    if (good && (!size || size % sizeof(float)))
        good = error_set(error, "%s: its %llu bytes are no float32 logits (truncated? get it again)", golden->path,
                         (unsigned long long)size);
    good = good && golden_open_file(golden, error) && find_ids(golden, &ids, error);
    struct golden_tensor tensor = {
        .first = ids.count - 1, .rows = 1, .width = (size_t)(size / sizeof(float)), .noise = NAN};
    struct golden_place place = {.dtype = DTYPE_F32};
    good =
        good && golden_add_case(golden, id, &ids, error) && golden_add_tensor(golden, &tensor, "lm_head", place, error);
    ids_free(&ids);
    free(id);
    return good;
}

const struct golden_reader golden_llama_debug = {llama_recognises, llama_open, golden_read_plain};
