/* What a tokenizer is made of. Private to engine/text. */
#ifndef ASSAY_TEXT_TOKENIZER_INTERNAL_H
#define ASSAY_TEXT_TOKENIZER_INTERNAL_H

#include "base/json.h"
#include "base/map.h"
#include "text/added_tokens.h"
#include "text/decoder.h"
#include "text/normalizer.h"
#include "text/pretokenizer.h"
#include "text/tokenizer.h"
#include "text/word_model.h"

#define TOKENIZER_FILE_MOST                                                                                            \
    ((size_t)128 << 20) /* the largest that are published have 35 MB; what is read takes nine times as much */

/* A piece of the template: the text (`special` = false) or one id. */
struct template_piece {
    bool special;
    int id;
};

struct tokenizer {
    char *where; /* the file, for error messages */
    char sha256[65];
    struct token *tokens; /* by id */
    size_t token_count;
    char *strings;     /* of the vocabulary */
    struct map vocab;  /* token of the vocabulary -> id */
    double *scores;    /* by id, where the vocabulary is a list */
    size_t longest;    /* token of the vocabulary, in bytes */
    size_t named_from; /* see tokenizer_only_names; 0: none */
    char *instead;     /* see tokenizer_instead */
    struct added_token *added;
    size_t added_count;
    struct added_set raw;        /* looked for in the text as it comes */
    struct added_set normalized; /* looked for in the normalized text */
    struct normalizer normalizer;
    struct pretokenizer pretokenizer;
    const struct word_model_type *type;
    void *model;                   /* of that type */
    struct template_piece *pieces; /* of the template; none means just the text */
    size_t piece_count;
    size_t piece_capacity;
    struct decoder decoder;
};

/* Fills a zeroed tokenizer whose `where` is set from the content of a tokenizer.json. */
bool tokenizer_load(struct tokenizer *tokenizer, const cJSON *json, struct error *error);

/* The rest of tokenizer_load: what surrounds the model. */
bool tokenizer_load_added(struct tokenizer *tokenizer, const cJSON *json, bool split_special, const struct map *vocab,
                          struct error *error);
bool tokenizer_load_template(struct tokenizer *tokenizer, const cJSON *json, struct error *error);

#define COMPANION_MOST ((size_t)64 << 20)

/* A JSON file of the tokenizer's folder. NULL with `*good` as it was where there is none, or `*good` is false already.
 */
cJSON *tokenizer_companion(const char *folder, const char *name, bool *good, struct error *error);

/* Adds to the content of a folder's tokenizer.json, or what was made in its place, the tokens that only the files
 * beside it name. `*named_from`: the first id given to one that has its name alone, as "eos_token", and is in no list;
 * 0: none. */
bool tokenizer_complete(const char *folder, cJSON *json, size_t *named_from, struct error *error);

/* tokenizer_class.c: gives the content of a folder's tokenizer.json the rules of the class of the original that opens
 * it, where that has its own (`made`: it was made of other files, with the class's rules); `*instead`, owned by the
 * caller, is its name where those are others than the file's. */
#define SPLIT_SPECIAL "assay_split_special" /* true: special tokens in a text are cut like the rest of it */
#define DEFAULT_NAMES "assay_names"         /* {"bos_token": ...}: special tokens, where no file beside it names them */
#define LISTED_RAW "assay_listed_raw"       /* true: no token that tokenizer_config.json lists is "normalized" */
bool tokenizer_reclass(const char *folder, bool made, cJSON *json, char **instead, struct error *error);
/* {"normalizer", "pre_tokenizer"} of the class, for a folder without a tokenizer.json. The caller deletes it; NULL: the
 * class is not known. `config`: tokenizer_config.json, or NULL. */
cJSON *tokenizer_class_parts(const char *folder, const cJSON *config, struct error *error);

/* The same of a folder with a SentencePiece model, in `*parts`, with "decoder" and, without its vocabulary, "model";
 * `*names`, static, is a JSON object of the class's special tokens. Both NULL: the class has no rules of its own. */
bool tokenizer_class_pieces(const char *folder, const cJSON *config, cJSON **parts, const char **names,
                            struct error *error);

/* Is the class one that reads a vocabulary of WordPiece? */
bool tokenizer_class_words(const char *folder, const cJSON *config, struct error *error);

/* tokenizer_words.c: makes of a vocabulary of WordPiece what a tokenizer.json would hold. */
cJSON *tokenizer_words(const char *folder, const char *name, struct error *error);

/* Is there a class that reads a vocabulary of bytes with ranks? `config` and `*names` as above. */
bool tokenizer_class_bytes(const char *folder, const cJSON *config, const char **names, struct error *error);

/* Adds to what was made in the place of a tokenizer.json the template that `config` asks for with "add_bos_token" and
 * "add_eos_token" (`ends`: what the second is where it does not say); `names` has the tokens that it does not name. */
bool tokenizer_ends(const char *where, const cJSON *config, const cJSON *names, bool ends, cJSON *root,
                    struct error *error);

/* tokenizer_ranks.c: makes of a tekken.json, or of the lines of a file of tiktoken, what a tokenizer.json would hold.
 */
cJSON *tokenizer_tekken(const char *folder, const char *name, struct error *error);
cJSON *tokenizer_tiktoken(const char *folder, const char *where, const char *data, size_t size, struct error *error);
/* Do lines of a file of tiktoken begin so? */
bool tokenizer_is_ranks(const char *data, size_t size);

/* Makes of a SentencePiece model and its companions in a folder what a tokenizer.json would hold; under such a name may
 * also lie a file of tiktoken. */
cJSON *tokenizer_pieces(const char *folder, const char *name, struct error *error);

/* The merges that lead to tokens: of each, in the order of their ids, all ways to cut it into two tokens. `by_id`: in
 * the order of the ids of the two, else the shortest first part first. `texts` are by id, and NULL where there is none.
 * A list for the caller to delete; NULL: out of memory. */
cJSON *merges_find(const char *const *texts, size_t count, const struct map *ids, bool by_id);

/* Makes of vocab.json, merges.txt and their companions in a folder what a tokenizer.json would hold. The caller deletes
 * it. */
cJSON *tokenizer_gather(const char *folder, const char *name, struct error *error);

#endif
