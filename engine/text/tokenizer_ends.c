/* What a tokenizer_config.json beside a vocabulary says of BOS and EOS. */
#include <stdio.h>
#include <string.h>

#include "text/tokenizer_internal.h"

static const cJSON *content_of(const cJSON *token)
{
    return cJSON_IsObject(token) ? json_member(token, "content") : token;
}

/* The id of a token among the added ones or in the vocabulary; -1: it is in neither. */
static int id_of(const cJSON *root, const char *content)
{
    const cJSON *vocab = json_member(json_member(root, "model"), "vocab"), *item = NULL;
    cJSON_ArrayForEach(item, json_member(root, "added_tokens"))
    {
        const cJSON *own = json_member(item, "content"), *id = json_member(item, "id");
        if (cJSON_IsString(own) && strcmp(own->valuestring, content) == 0 && cJSON_IsNumber(id))
            return id->valueint;
    }
    if (cJSON_IsObject(vocab)) {
        item = json_member(vocab, content);
        return cJSON_IsNumber(item) ? item->valueint : -1;
    }
    int place = 0;
    cJSON_ArrayForEach(item, vocab)
    {
        if (cJSON_IsString(item->child) && strcmp(item->child->valuestring, content) == 0)
            return place;
        place++;
    }
    return -1;
}

struct ending {
    const char *where;
    const cJSON *config, *names, *root;
};

/* What the text lies between; `*id` = -1: nothing is added. */
static bool end_of(const struct ending *ending, const char *key, bool adds, int *id, struct error *error)
{
    char switch_key[32];
    snprintf(switch_key, sizeof switch_key, "add_%s", key);
    *id = -1;
    if (!json_get_bool(ending->config, ending->where, switch_key, &adds, error) || !adds)
        return !adds;
    const cJSON *token = json_member(ending->config, key);
    token = content_of(token ? token : json_member(ending->names, key));
    const char *content = cJSON_IsString(token) ? token->valuestring : "";
    *id = id_of(ending->root, content);
    return *id >= 0 ||
           error_set(error, "%s: \"%s\" of tokenizer_config.json is true, and \"%s\", \"%.100s\", is no token",
                     ending->where, switch_key, key, content);
}

bool tokenizer_ends(const char *where, const cJSON *config, const cJSON *names, bool ends, cJSON *root,
                    struct error *error)
{
    const struct ending ending = {where, config, names, root};
    int bos = -1, eos = -1;
    struct buffer text = {0};
    if (!end_of(&ending, "bos_token", false, &bos, error) || !end_of(&ending, "eos_token", ends, &eos, error))
        return false;
    buffer_text(&text, "{\"type\": \"TemplateProcessing\", \"single\": [");
    buffer_text(&text, bos >= 0 ? "{\"SpecialToken\": {\"id\": \"begin\"}}, " : "");
    buffer_text(&text, "{\"Sequence\": {\"id\": \"A\"}}");
    buffer_text(&text, eos >= 0 ? ", {\"SpecialToken\": {\"id\": \"end\"}}" : "");
    buffer_format(&text, "], \"special_tokens\": {\"begin\": {\"ids\": [%d]}, \"end\": {\"ids\": [%d]}}}", bos, eos);
    cJSON *processor = text.failed ? NULL : cJSON_Parse(text.data);
    buffer_free(&text);
    if (processor && cJSON_AddItemToObject(root, "post_processor", processor))
        return true;
    cJSON_Delete(processor);
    return error_memory(error, where);
}
