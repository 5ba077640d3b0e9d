#include "health/vocabulary_place.h"

#include <stdio.h>
#include <string.h>

#define TOKEN_BYTES 64 /* of a token's text in a message */

const char *token_label(const struct tokenizer *tokenizer, int id, char *label)
{
    const char *text = tokenizer_token(tokenizer, id);
    size_t size = text ? strlen(text) : 0, kept = size > TOKEN_BYTES ? TOKEN_BYTES : size;
    while (kept > 0 && kept < size && ((unsigned char)text[kept] & 0xC0) == 0x80)
        kept--;
    if (text)
        snprintf(label, TOKEN_LABEL, "'%.*s%s' (%d)", (int)kept, text, kept < size ? "..." : "", id);
    else
        snprintf(label, TOKEN_LABEL, "%d", id);
    return label;
}

struct finding *vocabulary_place(struct vocabulary *vocabulary, const char *check, enum verdict verdict, int token,
                                 const struct row_profile *table)
{
    struct finding *finding = findings_place(vocabulary->findings, check, verdict);
    if (!finding) {
        error_memory(vocabulary->error, check);
        return NULL;
    }
    finding->where.token = token;
    if (table) {
        where_set(&finding->where.tensor, table->tensor->name);
        where_set(&finding->where.file, table->tensor->file ? table->tensor->file : "");
    }
    return finding;
}
