/* Which tokens occur in texts, as far as the tokenizer alone can tell. */
#include <stdlib.h>
#include <string.h>

#include "health/vocabulary_internal.h"

/* The text of one token. */
static bool token_text(struct tokenizer *tokenizer, int id, struct buffer *text, struct error *error)
{
    text->size = 0;
    return tokenizer_decode(tokenizer, &id, 1, false, text, error);
}

/* Only a part of a character, or a token of U+FFFD itself. */
static bool is_broken(const struct buffer *text)
{
    return text->size == 0 || strstr(text->data, "\xEF\xBF\xBD");
}

/* One byte that no text of whole characters needs, or hardly any: those from 0x80 on, and control characters. */
static bool is_rare_byte(const struct tokenizer_entry *entry, const struct buffer *text)
{
    size_t letters = 0;
    for (const char *at = entry->text; *at; at++)
        letters += ((unsigned char)*at & 0xC0) != 0x80;
    unsigned char byte = text->size == 1 ? (unsigned char)*text->data : 0;
    bool control = text->size == 1 && (byte < ' ' || byte == 0x7F) && !strchr("\t\n\r", byte);
    return letters == 1 && (control || (text->size == 3 && memcmp(text->data, "\xEF\xBF\xBD", 3) == 0));
}

struct reach {
    struct tokenizer *tokenizer;
    struct buffer text, around;
    struct ids ids;
    struct error *error;
};

/* Is the token among those that its own text becomes, by itself or behind something else? */
static bool reach_token(struct reach *reach, int id, bool *reached)
{
    static const char *const before[] = {"", "\n", " ", "0", "("};
    *reached = is_broken(&reach->text);
    for (size_t i = 0; i < sizeof before / sizeof *before && !*reached; i++) {
        reach->around.size = 0;
        reach->ids.count = 0;
        if (!buffer_text(&reach->around, before[i]) ||
            !buffer_append(&reach->around, reach->text.data, reach->text.size))
            return error_memory(reach->error, "vocabulary");
        if (!tokenizer_encode(reach->tokenizer, reach->around.data, reach->around.size, false, &reach->ids,
                              reach->error))
            return false;
        for (size_t k = 0; k < reach->ids.count && !*reached; k++)
            *reached = reach->ids.data[k] == id;
    }
    return true;
}

static bool find_kinds(struct vocabulary *vocabulary, struct reach *reach, unsigned char *unreached)
{
    for (size_t i = 0; i < tokenizer_count(reach->tokenizer); i++) {
        struct tokenizer_entry entry = tokenizer_at(reach->tokenizer, i);
        bool reached = true;
        if ((uint64_t)entry.id >= vocabulary->kind_count)
            break;
        if (!token_text(reach->tokenizer, entry.id, &reach->text, reach->error) ||
            (!entry.added && !reach_token(reach, entry.id, &reached)))
            return false;
        bool rare = entry.added || is_rare_byte(&entry, &reach->text);
        vocabulary->kinds[entry.id] = rare ? KIND_RARE : KIND_WORD;
        unreached[entry.id] = !reached;
        vocabulary->unreached += !reached;
    }
    return true;
}

bool vocabulary_kinds(struct vocabulary *vocabulary)
{
    struct reach reach = {.tokenizer = vocabulary->subject->tokenizer, .error = vocabulary->error};
    for (size_t i = 0; i < 2; i++)
        if (vocabulary->tables[i] && vocabulary->tables[i]->rows > vocabulary->kind_count)
            vocabulary->kind_count = vocabulary->tables[i]->rows;
    size_t count = (size_t)vocabulary->kind_count;
    unsigned char *unreached = calloc(count + 1, 1);
    vocabulary->kinds = calloc(count + 1, 1);
    bool good = (unreached && vocabulary->kinds) || error_memory(vocabulary->error, "vocabulary");
    good = good && find_kinds(vocabulary, &reach, unreached);
    /* a tokenizer that does something to every text defeats the question */
    if (vocabulary->unreached * 2 > tokenizer_count(reach.tokenizer))
        vocabulary->unreached = 0;
    for (size_t id = 0; good && vocabulary->unreached && id < count; id++)
        if (unreached[id])
            vocabulary->kinds[id] = KIND_RARE;
    free(unreached);
    buffer_free(&reach.text);
    buffer_free(&reach.around);
    ids_free(&reach.ids);
    return good;
}
