#include "run/chat.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/wording.h"
#include "jinja/template.h"

#define TEMPLATE_MAX ((size_t)4 << 20)
#define CONFIG_MAX ((size_t)64 << 20)
/* What a template may make of messages: its own words, tools' and dates', and each character of theirs escaped. More is
 * the work of a template that repeats itself, and the pass over it would take hours. */
#define PROMPT_MAX(given) (((size_t)64 << 10) + 8 * (given))

#define TEMPLATE_FILE "chat_template.jinja"
#define CONFIG_FILE "tokenizer_config.json"
#define PROCESSOR_FILE "chat_template.json"
#define SPECIAL_FILE "special_tokens_map.json"

struct chat {
    char *where;  /* the file that the template is of, for messages */
    char *folder; /* of the tokenizer; NULL: it lies in the weights' file */
    struct buffer template;
    cJSON *config;    /* tokenizer_config.json; NULL: there is none */
    cJSON *variables; /* of the template */
    size_t given;     /* bytes of the messages */
    struct error *error;
};

static void chat_free(struct chat *chat)
{
    free(chat->where);
    free(chat->folder);
    buffer_free(&chat->template);
    cJSON_Delete(chat->config);
    cJSON_Delete(chat->variables);
}

static bool no_memory(struct chat *chat)
{
    return error_memory(chat->error, "chat template");
}

static bool set_where(struct chat *chat, const char *folder, const char *file)
{
    free(chat->where);
    chat->where = folder ? path_join(folder, file) : strdup(file);
    return chat->where || no_memory(chat);
}

/* --- where the template is --- */

/* {"name": ..., "template": ...} in a list, or names that map to templates. NULL: none is the default. */
static const cJSON *default_of(const cJSON *templates)
{
    const cJSON *row = NULL;
    if (cJSON_IsObject(templates))
        return json_member(templates, "default");
    cJSON_ArrayForEach(row, templates)
    {
        const cJSON *name = json_member(row, "name");
        if (cJSON_IsString(name) && strcmp(name->valuestring, "default") == 0)
            return json_member(row, "template");
    }
    return NULL;
}

/* "chat_template" of a document; good without one, too. */
static bool take_member(struct chat *chat, const cJSON *document)
{
    const cJSON *template = json_member(document, "chat_template");
    bool several = cJSON_IsArray(template) || cJSON_IsObject(template);
    const cJSON *one = several ? default_of(template) : template;
    if (!template)
        return true;
    if (!cJSON_IsString(one))
        return error_set(chat->error,
                         several ? "%s: none of the templates of \"chat_template\" is named default"
                                 : "%s: \"chat_template\" should be a string",
                         chat->where);
    buffer_text(&chat->template, one->valuestring);
    return buffer_char(&chat->template, '\0') || no_memory(chat);
}

/* A file of the folder; good when it is not there, with NULL. */
static bool read_json(struct chat *chat, const char *folder, const char *file, cJSON **out)
{
    if (!set_where(chat, folder, file))
        return false;
    *out = file_exists(chat->where) ? json_read(chat->where, CONFIG_MAX, chat->error) : NULL;
    return *out || !chat->error->text;
}

static bool find_in_folder(struct chat *chat, const char *folder)
{
    cJSON *processor = NULL;
    if (!read_json(chat, folder, CONFIG_FILE, &chat->config) || !set_where(chat, folder, TEMPLATE_FILE))
        return false;
    if (file_exists(chat->where))
        return file_read(chat->where, TEMPLATE_MAX, &chat->template, chat->error) &&
               (buffer_char(&chat->template, '\0') || no_memory(chat));
    if (!set_where(chat, folder, CONFIG_FILE) || !take_member(chat, chat->config) || chat->template.size)
        return !chat->error->text;
    bool good = read_json(chat, folder, PROCESSOR_FILE, &processor) && take_member(chat, processor);
    cJSON_Delete(processor);
    if (good && !chat->template.size)
        return error_set(chat->error,
                         "%s: no chat template: there is no " TEMPLATE_FILE " and no \"chat_template\" in " CONFIG_FILE
                         " or " PROCESSOR_FILE "; another folder of the tokenizer is named with --tokenizer",
                         folder);
    return good;
}

/* Of a store whose file says what tokenizer_config.json says. */
static bool find_in_store(struct chat *chat, const struct store *store)
{
    const char *document = store_document(store, CONFIG_FILE);
    if (!set_where(chat, NULL, store_path(store)))
        return false;
    if (document && !(chat->config = json_parse(chat->where, document, strlen(document), chat->error)))
        return false;
    return take_member(chat, chat->config) &&
           (chat->template.size ||
            error_set(chat->error, "%s: no chat template: there is no tokenizer.chat_template in its metadata",
                      chat->where));
}

/* Where the tokenizer is: a folder, a file in one, or a file of weights that has one in it. */
static bool find_at(struct chat *chat, const char *path)
{
    struct error unread = {0};
    bool is_json = text_ends_with(path, ".json");
    if (file_is_folder(path) || is_json) {
        chat->folder = is_json ? path_folder(path) : strdup(path);
        return chat->folder ? find_in_folder(chat, chat->folder) : no_memory(chat);
    }
    struct store *store = store_open(path, &unread);
    bool good = store ? find_in_store(chat, store) : error_take(chat->error, &unread);
    store_free(store);
    error_clear(&unread);
    return good;
}

/* --- what the template sees --- */

static bool add_token(struct chat *chat, const cJSON *from, const char *name)
{
    const cJSON *token = json_member(from, name), *text = cJSON_IsObject(token) ? json_member(token, "content") : token;
    if (!cJSON_IsString(text))
        return true;
    cJSON_DeleteItemFromObjectCaseSensitive(chat->variables, name);
    return cJSON_AddStringToObject(chat->variables, name, text->valuestring) || no_memory(chat);
}

/* transformers: SPECIAL_TOKENS_ATTRIBUTES */
static bool add_tokens(struct chat *chat, const cJSON *from)
{
    static const char *const names[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                        "pad_token", "cls_token", "mask_token"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!add_token(chat, from, names[i]))
            return false;
    return true;
}

/* What transformers' class sets where tokenizer_config.json does not say anything, not even null. */
static bool add_defaults(struct chat *chat)
{
    static const struct {
        const char *class, *token, *text;
    } rows[] = {
        {"GPT2Tokenizer", "bos_token", "<|endoftext|>"},    {"GPT2Tokenizer", "eos_token", "<|endoftext|>"},
        {"GPT2Tokenizer", "unk_token", "<|endoftext|>"},    {"CodeGenTokenizer", "bos_token", "<|endoftext|>"},
        {"CodeGenTokenizer", "eos_token", "<|endoftext|>"}, {"CodeGenTokenizer", "unk_token", "<|endoftext|>"},
        {"Qwen2Tokenizer", "eos_token", "<|endoftext|>"},   {"Qwen2Tokenizer", "unk_token", "<|endoftext|>"},
        {"Qwen2Tokenizer", "pad_token", "<|endoftext|>"},   {"GPTNeoXTokenizer", "bos_token", "<|endoftext|>"},
        {"GPTNeoXTokenizer", "eos_token", "<|endoftext|>"}, {"GPTNeoXTokenizer", "unk_token", "<|endoftext|>"},
        {"GPTNeoXTokenizer", "pad_token", "<|padding|>"},
    };
    const cJSON *class = json_member(chat->config, "tokenizer_class");
    for (size_t i = 0; cJSON_IsString(class) && i < sizeof rows / sizeof *rows; i++) {
        size_t length = strlen(rows[i].class);
        const char *rest = class->valuestring + length;
        if (strncmp(class->valuestring, rows[i].class, length) != 0 || (*rest && strcmp(rest, "Fast") != 0) ||
            cJSON_GetObjectItemCaseSensitive(chat->config, rows[i].token))
            continue;
        if (!cJSON_AddStringToObject(chat->variables, rows[i].token, rows[i].text))
            return no_memory(chat);
    }
    return true;
}

static bool add_special(struct chat *chat)
{
    cJSON *special = NULL;
    char *where = chat->where;
    if (!add_defaults(chat) || !add_tokens(chat, chat->config))
        return false;
    if (!chat->folder || json_member(chat->config, "added_tokens_decoder"))
        return true;
    chat->where = NULL;
    bool good = read_json(chat, chat->folder, SPECIAL_FILE, &special) && add_tokens(chat, special);
    cJSON_Delete(special);
    free(chat->where);
    chat->where = where;
    return good;
}

static bool add_message(struct chat *chat, cJSON *messages, const char *role, const char *content)
{
    cJSON *message = cJSON_CreateObject();
    bool good = message && cJSON_AddStringToObject(message, "role", role) &&
                cJSON_AddStringToObject(message, "content", content) && cJSON_AddItemToArray(messages, message);
    if (!good)
        cJSON_Delete(message);
    return good || no_memory(chat);
}

static bool add_variables(struct chat *chat, const char *system, const char *prompt)
{
    cJSON *messages = NULL;
    chat->given = strlen(prompt) + (system ? strlen(system) : 0);
    bool good =
        (chat->variables = cJSON_CreateObject()) && (messages = cJSON_AddArrayToObject(chat->variables, "messages")) &&
        cJSON_AddNullToObject(chat->variables, "tools") && cJSON_AddNullToObject(chat->variables, "documents") &&
        cJSON_AddTrueToObject(chat->variables, "add_generation_prompt");
    return (good || no_memory(chat)) && (!system || add_message(chat, messages, "system", system)) &&
           add_message(chat, messages, "user", prompt);
}

static bool render(struct chat *chat, const struct subject *subject, struct ids *ids, struct buffer *text)
{
    const struct chat_template_source source = {
        .where = chat->where, .text = chat->template.data, .size = chat->template.size - 1};
    struct buffer own = {0};
    bool good =
        chat_template_render(&source, chat->variables, &own, chat->error) &&
        (own.size <= PROMPT_MAX(chat->given) ||
         error_set(chat->error, "%s: the chat template makes %zu bytes of messages of %zu; at most %zu are taken",
                   chat->where, own.size, chat->given, PROMPT_MAX(chat->given))) &&
        tokenizer_encode(subject->tokenizer, own.data ? own.data : "", own.size, false, ids, chat->error);
    if (good && own.size)
        good = buffer_append(text, own.data, own.size) || no_memory(chat);
    buffer_free(&own);
    return good;
}

bool subject_chat(const struct subject *subject, const char *system, const char *prompt, struct ids *ids,
                  struct buffer *text, struct error *error)
{
    const char *at = subject->tokenizer_folder;
    struct error problem = {0};
    struct chat chat = {.error = &problem};
    bool good = (at ? find_at(&chat, at) : find_in_store(&chat, subject->base)) &&
                add_variables(&chat, system, prompt) && add_special(&chat) && render(&chat, subject, ids, text);
    if (!good)
        error_take(error, &problem);
    error_clear(&problem);
    chat_free(&chat);
    return good;
}
