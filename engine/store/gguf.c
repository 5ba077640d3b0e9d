/* GGUF files, whole or split. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "store/formats.h"
#include "store/gguf_internal.h"

#define PARTS_MAX 9999

static bool add_tensors(struct store *store, const struct gguf *part, const struct gguf *metadata, struct error *error)
{
    struct weight_file *source = weight_files_add(&store->files, part->path, &part->state);
    if (!source)
        return error_memory(error, part->path);
    for (size_t i = 0; i < part->tensor_count; i++) {
        struct tensor tensor = {.file = weight_file_path(source), .source = source};
        if (!gguf_name_tensor(store, metadata, &part->tensors[i], &tensor, error) || !store_add(store, &tensor, error))
            return false;
    }
    return true;
}

/* A document that cannot be made is a problem of the file; the tensors are there all the same. */
static bool add_document(struct store *store, const char *name, char *text, struct error *problem, struct error *error)
{
    bool good = !text || store_add_document(store, name, text);
    if (problem->text && !store_add_problem(store, "%s", problem->text))
        good = false;
    error_clear(problem);
    return good || error_memory(error, store->path);
}

/* A tokenizer whose kind the converter did not know, or left out, is guessed at by whoever reads the file; one whose
 * merges it left out is none. */
static bool tell_tokenizer(struct store *store, const struct gguf *gguf, struct error *error)
{
    struct gguf_text model = {0}, pre = {0};
    const struct gguf_value *tokens = NULL, *merges = NULL;
    bool read = gguf_get_text(gguf, "tokenizer.ggml.model", &model, error) &&
                gguf_get_text(gguf, "tokenizer.ggml.pre", &pre, error) &&
                gguf_get_array(gguf, "tokenizer.ggml.tokens", GGUF_STRING, &tokens, error) &&
                gguf_get_array(gguf, "tokenizer.ggml.merges", GGUF_STRING, &merges, error);
    error_clear(error); /* told by whoever reads the tokenizer */
    if (!read || !gguf_text_is(model, "gpt2"))
        return true;
    bool guess = !pre.size || gguf_text_is(pre, "default");
    bool good = !guess || store_add_note(store,
                                         "%s: the metadata 'tokenizer.ggml.pre' %s, so nothing tells how this "
                                         "tokenizer splits words; llama.cpp then takes its default rule, which is "
                                         "hardly the original's: many texts get other ids",
                                         gguf->path, pre.size ? "is \"default\"" : "is absent");
    if (good && tokens && !merges)
        good = store_add_problem(store,
                                 "%s: the metadata 'tokenizer.ggml.merges' is absent: nothing tells how the %llu "
                                 "tokens are made of bytes, so texts get other ids, and llama.cpp does not load such a "
                                 "file: convert it again from a folder that has tokenizer.json or merges.txt",
                                 gguf->path, (unsigned long long)tokens->count);
    return good || error_memory(error, store->path);
}

static bool compare_count(struct store *store, const struct gguf *gguf, uint64_t tokens, const struct tensor *table,
                          struct error *error)
{
    return table->rank != 2 || table->shape[0] == tokens ||
           store_add_problem(store,
                             "%s: the metadata 'tokenizer.ggml.tokens' lists %llu tokens, but tensor '%s' has %llu "
                             "rows, and llama.cpp does not load a file where the two differ: convert the model anew, "
                             "with a token for each row (convert_hf_to_gguf.py fills the list up with [PAD...])",
                             gguf->path, (unsigned long long)tokens, table->disk_name,
                             (unsigned long long)table->shape[0]) ||
           error_memory(error, store->path);
}

/* llama.cpp takes the size of the vocabulary from the list of tokens (llama-vocab.cpp), and from nothing else unless
 * the file says that it has no tokenizer. */
static bool compare_tokens(struct store *store, const struct gguf *gguf, struct error *error)
{
    static const char *const tables[] = {"token_embd.weight", "output.weight"};
    struct gguf_text model = {0};
    const struct gguf_value *tokens = NULL;
    bool read = gguf_get_text(gguf, "tokenizer.ggml.model", &model, error) &&
                gguf_get_array(gguf, "tokenizer.ggml.tokens", GGUF_STRING, &tokens, error);
    error_clear(error); /* told by whoever reads the tokenizer */
    bool good = true, listed = read && tokens && !gguf_text_is(model, "none") && !gguf_text_is(model, "no_vocab");
    for (size_t i = 0; good && listed && i < store->count; i++)
        for (size_t k = 0; good && k < sizeof tables / sizeof *tables; k++)
            if (strcmp(store->tensors[i].disk_name, tables[k]) == 0)
                good = compare_count(store, gguf, tokens->count, &store->tensors[i], error);
    return good;
}

static bool add_documents(struct store *store, const struct gguf *gguf, struct error *error)
{
    struct error problem = {0};
    char *config = gguf_config(store, gguf, &problem);
    if (!add_document(store, "config.json", config, &problem, error))
        return false;
    char *tokenizer = gguf_tokenizer(gguf, &problem);
    if (!add_document(store, "tokenizer.json", tokenizer, &problem, error) || !tell_tokenizer(store, gguf, error))
        return false;
    char *chat = gguf_tokenizer_config(gguf, &problem);
    return add_document(store, "tokenizer_config.json", chat, &problem, error);
}

/* --- split files: PREFIX-00001-of-00003.gguf --- */

struct split {
    uint64_t number; /* from 0 */
    uint64_t count;
};

static bool split_of(const struct gguf *gguf, struct split *split, struct error *error)
{
    *split = (struct split){.number = 0, .count = 1};
    if (!gguf_get_whole(gguf, "split.no", PARTS_MAX - 1, &split->number, error) ||
        !gguf_get_whole(gguf, "split.count", PARTS_MAX, &split->count, error))
        return false;
    split->count = split->count ? split->count : 1;
    return split->number < split->count ||
           error_set(error, "%s: says that it is part %llu of %llu, which cannot be", gguf->path,
                     (unsigned long long)split->number + 1, (unsigned long long)split->count);
}

/* The path of another part; NULL: `path` does not end as the part that it is, or there is no memory. Owned. */
static char *part_path(const char *path, const struct split *split, uint64_t number)
{
    char ending[64];
    snprintf(ending, sizeof ending, "-%05llu-of-%05llu.gguf", (unsigned long long)split->number + 1,
             (unsigned long long)split->count);
    char *other = NULL;
    if (!text_ends_with(path, ending) ||
        asprintf(&other, "%.*s-%05llu-of-%05llu.gguf", (int)(strlen(path) - strlen(ending)), path,
                 (unsigned long long)number + 1, (unsigned long long)split->count) < 0)
        return NULL;
    return other;
}

static bool add_part(struct store *store, const char *path, const struct split *wanted, const struct gguf *metadata,
                     struct error *error)
{
    struct gguf part;
    struct split split = {0};
    struct error problem = {0};
    bool good = gguf_read(path, &part, &problem) && split_of(&part, &split, &problem);
    if (good && (split.number != wanted->number || split.count != wanted->count))
        good = error_set(&problem, "%s: says that it is part %llu of %llu", path, (unsigned long long)split.number + 1,
                         (unsigned long long)split.count);
    if (good)
        good = add_tensors(store, &part, metadata, error);
    else
        good = store_add_problem(store, "%s", error_text(&problem)) || error_memory(error, path);
    error_clear(&problem);
    gguf_free(&part);
    return good;
}

static bool add_parts(struct store *store, const struct gguf *first, const struct split *split, struct error *error)
{
    bool good = true;
    for (uint64_t number = 1; good && number < split->count; number++) {
        char *path = part_path(first->path, split, number);
        struct split wanted = {.number = number, .count = split->count};
        if (!path)
            return error_set(error,
                             "%s: is the first of %llu parts, but its name does not end in -00001-of-%05llu.gguf, so "
                             "the others are not found: rename it",
                             first->path, (unsigned long long)split->count, (unsigned long long)split->count);
        if (!file_exists(path))
            good = store_add_problem(store, "%s is absent; it is part %llu of %llu", path,
                                     (unsigned long long)number + 1, (unsigned long long)split->count) ||
                   error_memory(error, path);
        else
            good = add_part(store, path, &wanted, first, error);
        free(path);
    }
    return good;
}

static bool tensors_counted(struct store *store, const struct gguf *first, struct error *error)
{
    uint64_t count = store->count;
    if (!gguf_get_whole(first, "split.tensors.count", UINT32_MAX, &count, error))
        return false;
    return count == store->count || store->problems.count ||
           store_add_problem(store, "%s announces %llu tensors, but its parts hold %zu", first->path,
                             (unsigned long long)count, store->count) ||
           error_memory(error, first->path);
}

/* Any part stands for the whole; the first has the metadata. */
static bool open_first(const char *path, struct gguf *gguf, struct split *split, char **first, struct error *error)
{
    if (!gguf_read(path, gguf, error) || !gguf_is_model(gguf, error) || !split_of(gguf, split, error))
        return false;
    if (!split->number)
        return true;
    *first = part_path(path, split, 0);
    gguf_free(gguf);
    if (!*first)
        return error_set(error,
                         "%s: is part %llu of %llu, and its name does not say what the first is called: name that",
                         path, (unsigned long long)split->number + 1, (unsigned long long)split->count);
    if (!gguf_read(*first, gguf, error) || !split_of(gguf, split, error))
        return false;
    return !split->number || error_set(error, "%s: should be the first part, but says that it is part %llu", *first,
                                       (unsigned long long)split->number + 1);
}

static bool gguf_open_file(struct store *store, const char *path, struct error *error)
{
    struct gguf gguf = {0};
    struct split split = {0};
    char *first = NULL;
    bool good = open_first(path, &gguf, &split, &first, error) && add_tensors(store, &gguf, &gguf, error) &&
                add_parts(store, &gguf, &split, error) && tensors_counted(store, &gguf, error) &&
                add_documents(store, &gguf, error) && compare_tokens(store, &gguf, error);
    gguf_free(&gguf);
    free(first);
    return good;
}

static bool gguf_open(struct store *store, const char *path, struct error *error)
{
    char *file = file_is_folder(path) ? gguf_folder_file(path, error) : strdup(path);
    bool good = file ? gguf_open_file(store, file, error) : error_memory(error, path);
    free(file);
    return good;
}

const struct store_format format_gguf = {.magic = "GGUF", .folder = gguf_folder_is, .open = gguf_open};
