#include "text/text_variant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "text/tokenizer_internal.h"

/* False: it changes nothing of this tokenizer, or memory is out. */
typedef bool edit_tokenizer(cJSON *json);

/* Replaces the member, which may be absent; `item` is taken over. */
static bool put(cJSON *json, const char *key, cJSON *item)
{
    bool there = cJSON_HasObjectItem(json, key);
    bool good = item && (there ? cJSON_ReplaceItemInObjectCaseSensitive(json, key, item)
                               : cJSON_AddItemToObject(json, key, item));
    if (!good)
        cJSON_Delete(item);
    return good;
}

/* {"type": "Sequence", LIST: [first, what was there]}: what was there stays in its order behind `first`. */
static bool put_before(cJSON *json, const char *key, const char *list, cJSON *first)
{
    cJSON *sequence = cJSON_CreateObject(), *items = cJSON_AddArrayToObject(sequence, list);
    cJSON *was = cJSON_DetachItemFromObjectCaseSensitive(json, key);
    bool good =
        cJSON_AddStringToObject(sequence, "type", "Sequence") && items && first && cJSON_AddItemToArray(items, first);
    if (good && was && !cJSON_IsNull(was))
        cJSON_AddItemToArray(items, was);
    else
        cJSON_Delete(was);
    return put(json, key, sequence) && good;
}

static bool is_type(const cJSON *item, const char *type)
{
    const cJSON *found = json_member(item, "type");
    return cJSON_IsString(found) && strcmp(found->valuestring, type) == 0;
}

/* The item of that type in a tree of Sequences; NULL: there is none. */
static cJSON *find_type(cJSON *item, const char *type)
{
    if (!item || is_type(item, type))
        return item;
    cJSON *found = NULL;
    for (cJSON *child = item->child; child && !found; child = child->next)
        if (cJSON_IsObject(child) || cJSON_IsArray(child))
            found = find_type(child, type);
    return found;
}

static const char *special_token(const cJSON *json, int *id)
{
    const cJSON *added = json_member(json, "added_tokens");
    for (const cJSON *token = added ? added->child : NULL; token; token = token->next) {
        const cJSON *content = json_member(token, "content"), *number = json_member(token, "id");
        if (cJSON_IsTrue(json_member(token, "special")) && cJSON_IsString(content) && cJSON_IsNumber(number)) {
            *id = number->valueint;
            return content->valuestring;
        }
    }
    return NULL;
}

static cJSON *template_of(cJSON *json)
{
    cJSON *processor = cJSON_GetObjectItemCaseSensitive(json, "post_processor");
    return processor && cJSON_IsObject(processor) ? find_type(processor, "TemplateProcessing") : NULL;
}

static bool add_bos(cJSON *json)
{
    int id = 0;
    const char *token = special_token(json, &id);
    char text[512];
    if (!token || strpbrk(token, "\"\\") || template_of(json) ||
        snprintf(
            text, sizeof text,
            "{\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"%s\", \"type_id\": 0}}, "
            "{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}], \"pair\": [], \"special_tokens\": {\"%s\": {\"id\": "
            "\"%s\", \"ids\": [%d], \"tokens\": [\"%s\"]}}}",
            token, token, token, id, token) >= (int)sizeof text)
        return false;
    return put(json, "post_processor", cJSON_Parse(text));
}

static bool no_bos(cJSON *json)
{
    return template_of(json) && put(json, "post_processor", cJSON_CreateNull());
}

static bool no_pre_tokenizer(cJSON *json)
{
    cJSON *was = cJSON_GetObjectItemCaseSensitive(json, "pre_tokenizer");
    bool bytes = was && cJSON_IsObject(was) && find_type(was, "ByteLevel");
    if (!was || cJSON_IsNull(was))
        return false;
    return put(json, "pre_tokenizer",
               bytes ? cJSON_Parse("{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"use_regex\": false}")
                     : cJSON_CreateNull());
}

static bool single_digits(cJSON *json)
{
    return put_before(json, "pre_tokenizer", "pretokenizers",
                      cJSON_Parse("{\"type\": \"Digits\", \"individual_digits\": true}"));
}

/* "\p{N}" and "\p{N}{1,3}" of a pattern become "\p{N}+"; how many. */
static int join_pattern(cJSON *regex)
{
    static const char digit[] = "\\p{N}";
    struct buffer out = {0};
    int changed = 0;
    for (const char *at = regex->valuestring; *at;) {
        bool inside = at > regex->valuestring && strchr("^[}rn", at[-1]); /* in a class */
        if (strncmp(at, digit, strlen(digit)) != 0 || inside) {
            buffer_append(&out, at++, 1);
            continue;
        }
        at += strlen(digit);
        if (*at == '{')
            at += strcspn(at, "}") + 1;
        changed += *at != '+' && *at != ']';
        buffer_text(&out, digit);
        if (*at != '+' && *at != ']')
            buffer_char(&out, '+');
    }
    if (changed && out.data && !out.failed)
        cJSON_SetValuestring(regex, out.data);
    buffer_free(&out);
    return changed;
}

static int join_digits_in(cJSON *item)
{
    int changed = 0;
    cJSON *individual = cJSON_GetObjectItemCaseSensitive(item, "individual_digits");
    cJSON *regex = cJSON_GetObjectItemCaseSensitive(item, "Regex");
    if (cJSON_IsTrue(individual)) {
        individual->type = cJSON_False;
        changed++;
    }
    if (cJSON_IsString(regex))
        changed += join_pattern(regex);
    for (cJSON *child = item ? item->child : NULL; child; child = child->next)
        if (cJSON_IsObject(child) || cJSON_IsArray(child))
            changed += join_digits_in(child);
    return changed;
}

static bool joined_digits(cJSON *json)
{
    return join_digits_in(cJSON_GetObjectItemCaseSensitive(json, "pre_tokenizer")) > 0;
}

static bool reversed_merges(cJSON *json)
{
    cJSON *merges = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(json, "model"), "merges");
    cJSON *reversed = cJSON_CreateArray();
    if (!cJSON_IsArray(merges) || !merges->child || !merges->child->next || !reversed) {
        cJSON_Delete(reversed);
        return false;
    }
    while (merges->child)
        cJSON_InsertItemInArray(reversed, 0, cJSON_DetachItemViaPointer(merges, merges->child));
    return put(cJSON_GetObjectItemCaseSensitive(json, "model"), "merges", reversed);
}

static bool special_as_text(cJSON *json)
{
    int id;
    return special_token(json, &id) && !cJSON_IsTrue(json_member(json, SPLIT_SPECIAL)) &&
           put(json, SPLIT_SPECIAL, cJSON_CreateTrue());
}

static bool prefix_space(cJSON *json)
{
    return put_before(json, "normalizer", "normalizers", cJSON_Parse("{\"type\": \"Prepend\", \"prepend\": \" \"}"));
}

static bool no_normalizer(cJSON *json)
{
    const cJSON *was = json_member(json, "normalizer");
    return was && !cJSON_IsNull(was) && put(json, "normalizer", cJSON_CreateNull());
}

/* Every id of the vocabulary becomes (id + by) % of. */
static bool move_ids(cJSON *json, double by, double of)
{
    cJSON *vocab = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(json, "model"), "vocab");
    for (cJSON *token = vocab ? vocab->child : NULL; token; token = token->next) {
        double id = token->valuedouble + by;
        cJSON_SetNumberValue(token, id >= of ? id - of : id);
    }
    return vocab && vocab->child;
}

static double largest_id(cJSON *json)
{
    cJSON *vocab = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(json, "model"), "vocab");
    double most = 0;
    for (cJSON *token = vocab ? vocab->child : NULL; token; token = token->next)
        most = token->valuedouble > most ? token->valuedouble : most;
    return most;
}

static bool ids_off_by_one(cJSON *json)
{
    return move_ids(json, 1, largest_id(json) + 1);
}

static bool other_vocabulary(cJSON *json)
{
    double most = largest_id(json);
    return move_ids(json, (double)(long)(most / 2) + 1, most + 1);
}

static const struct text_variant {
    struct text_variant_row row;
    edit_tokenizer *edit;
} variants[] = {
    {{"add-bos", "begins with a special token that the model's own does not add",
      "one token more at the beginning; perplexity a little worse, or much for models that never saw it",
      "add_special_tokens left on where the chat template adds it too, or add_bos_token not read"},
     add_bos},
    {{"no-bos", "begins without the special token that the model's own adds",
      "the first tokens are read badly; some models then write nonsense",
      "add_special_tokens false, or add_bos_token not read"},
     no_bos},
    {{"no-pre-tokenizer", "is not cut into words before the merges",
      "merges go across words: other ids nearly everywhere, texts strange",
      "a reader that knows vocabulary and merges only"},
     no_pre_tokenizer},
    {{"single-digits", "is cut between all digits", "numbers become other tokens than in training",
      "the pattern of another family (LLaMA's for Qwen's)"},
     single_digits},
    {{"joined-digits", "is not cut between digits", "numbers become other tokens than in training",
      "the pattern of another family (GPT-2's for Qwen's)"},
     joined_digits},
    {{"reversed-merges", "is merged in the reverse order of ranks",
      "long words in unusual pieces; perplexity far too high", "merges sorted the wrong way by a converter"},
     reversed_merges},
    {{"special-as-text", "has its special tokens cut like other text",
      "a chat's turns are not seen; the model goes on in the user's voice",
      "special tokens passed as a plain string, or not marked special in the file"},
     special_as_text},
    {{"prefix-space", "begins with a space that is not in it", "the first word is another token",
      "add_prefix_space, as sentencepiece adds it"},
     prefix_space},
    {{"no-normalizer", "is not normalised (NFC)", "accents in two characters are read as two tokens",
      "the normalizer not read"},
     no_normalizer},
    {{"ids-off-by-one", "has every id one too large, the last one 0", "word salad: every token is its neighbour",
      "a vocabulary with a token more in front, or numbered from one"},
     ids_off_by_one},
    {{"other-vocabulary", "has the ids of another vocabulary of the same size", "word salad",
      "tokenizer.json of another model, or of another version of it"},
     other_vocabulary},
};
#define VARIANTS (sizeof variants / sizeof *variants)

const struct text_variant_row *text_variant_at(size_t index)
{
    return index < VARIANTS ? &variants[index].row : NULL;
}

static const struct text_variant *variant_find(const char *name)
{
    for (size_t i = 0; i < VARIANTS; i++)
        if (strcmp(variants[i].row.name, name) == 0)
            return &variants[i];
    return NULL;
}

const char *text_variant_judge(const char *name)
{
    static char message[160];
    if (variant_find(name))
        return NULL;
    snprintf(message, sizeof message, "there is no text variant '%.60s'; \"assay faults\" lists them", name);
    return message;
}

bool text_variants_apply(const char *where, cJSON *json, const char *const *names, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        const char *wrong = text_variant_judge(names[i]);
        if (wrong)
            return error_set(error, "%s", wrong);
        if (!variant_find(names[i])->edit(json))
            return error_set(error, "%s: the text variant %s changes nothing of this tokenizer", where, names[i]);
    }
    return true;
}
