#include "text/token_table.h"

#include <stdlib.h>

static int token_order(const void *a, const void *b)
{
    int left = ((const struct token *)a)->id, right = ((const struct token *)b)->id;
    return (left > right) - (left < right);
}

bool tokenizer_sort(struct tokenizer *tokenizer, struct error *error)
{
    const struct token *tokens = tokenizer->tokens;
    bool sorted = true;
    for (size_t i = 1; i < tokenizer->token_count && sorted; i++)
        sorted = tokens[i - 1].id < tokens[i].id;
    if (!sorted)
        qsort(tokenizer->tokens, tokenizer->token_count, sizeof *tokens, token_order);
    for (size_t i = 1; i < tokenizer->token_count && !sorted; i++)
        if (tokens[i - 1].id == tokens[i].id)
            return error_set(error, "%s: id %d belongs to two tokens, \"%.100s\" and \"%.100s\"", tokenizer->where,
                             tokens[i].id, tokens[i - 1].text, tokens[i].text);
    return true;
}

const struct token *tokenizer_find(const struct tokenizer *tokenizer, int id)
{
    if (id >= 0 && (size_t)id < tokenizer->token_count && tokenizer->tokens[id].id == id)
        return &tokenizer->tokens[id];
    const struct token key = {.id = id};
    if (!tokenizer->token_count)
        return NULL;
    return bsearch(&key, tokenizer->tokens, tokenizer->token_count, sizeof key, token_order);
}
