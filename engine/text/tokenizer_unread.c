/* Tokenizers in forms that are not read. */

#include "base/file.h"
#include "text/tokenizer.h"

static const struct form_row {
    const char *file, *what;
} form_rows[] = {
    {"sentencepiece.bpe.model", "a SentencePiece model"},
    {"tokenizer.model.v3", "a SentencePiece model"},
    {"tokenizer.tiktoken", "a tiktoken vocabulary"},
    {"qwen.tiktoken", "a tiktoken vocabulary"},
};

bool tokenizer_unread(const char *folder, struct buffer *out)
{
    for (size_t i = 0; i < sizeof form_rows / sizeof *form_rows; i++) {
        if (folder_holds(folder, form_rows[i].file))
            return buffer_format(out,
                                 "%s there is %s, which is not read: AutoTokenizer's save_pretrained writes a "
                                 "tokenizer.json, which is",
                                 form_rows[i].file, form_rows[i].what);
    }
    return false;
}
