/* The header of a GGUF file. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 *
 * Versions 2 and 3, little-endian. Everything that the header says is checked against the size of the file before it is
 * used; tensors tile the data, each at the next multiple of the alignment. */
#ifndef ASSAY_STORE_GGUF_INTERNAL_H
#define ASSAY_STORE_GGUF_INTERNAL_H

#include "base/json.h"
#include "store/store_internal.h"

enum gguf_type {
    GGUF_U8,
    GGUF_I8,
    GGUF_U16,
    GGUF_I16,
    GGUF_U32,
    GGUF_I32,
    GGUF_F32,
    GGUF_BOOL,
    GGUF_STRING,
    GGUF_ARRAY,
    GGUF_U64,
    GGUF_I64,
    GGUF_F64,
    GGUF_TYPES
};

struct gguf_value {
    const char *key;
    enum gguf_type type;
    enum gguf_type item; /* of an array */
    uint64_t count;      /* of an array */
    size_t at;           /* where the value (of an array: the first) lies in the header */
};

/* A string in the header: not terminated, any bytes. */
struct gguf_text {
    const char *data;
    size_t size;
};

struct gguf_tensor {
    const char *name;
    enum dtype dtype;
    int rank;
    uint64_t shape[TENSOR_RANK_MAX]; /* rows first, as everywhere in the store; the file has them reversed */
    uint64_t bytes;
    uint64_t offset; /* from the start of the file */
};

struct gguf {
    const char *path; /* borrowed */
    struct file_state state;
    struct buffer header;
    struct names strings; /* keys and tensor names */
    struct gguf_value *values;
    size_t value_count;
    struct gguf_tensor *tensors; /* in the order of the header */
    size_t tensor_count;
    struct map by_key, by_name;
};

/* All owned by `*gguf`; free with gguf_free, also on failure. */
bool gguf_read(const char *path, struct gguf *gguf, struct error *error);
void gguf_free(struct gguf *gguf);

/* gguf_folder.c: a folder of GGUF files and of no other weights; and the one to open, of a split model any part. Owned;
 * NULL with the reason: there are several models. */
bool gguf_folder_is(const char *folder);
char *gguf_folder_file(const char *folder, struct error *error);
/* gguf_folder.c: false, with what it is, of a file that says itself that it is no model. */
bool gguf_is_model(const struct gguf *gguf, struct error *error);

/* NULL: not there. */
const struct gguf_value *gguf_find(const struct gguf *gguf, const char *key);

/* Getters: a key that is absent leaves `*value` alone and succeeds; a value of another kind is an error that names it.
 * Whole numbers of every width are taken, from 0 to `maximum`. */
bool gguf_get_whole(const struct gguf *gguf, const char *key, uint64_t maximum, uint64_t *value, struct error *error);
bool gguf_get_real(const struct gguf *gguf, const char *key, double *value, struct error *error);
bool gguf_get_bool(const struct gguf *gguf, const char *key, bool *value, struct error *error);
bool gguf_get_text(const struct gguf *gguf, const char *key, struct gguf_text *text, struct error *error);
/* An array whose items are of that type. */
bool gguf_get_array(const struct gguf *gguf, const char *key, enum gguf_type item, const struct gguf_value **value,
                    struct error *error);
/* The string at `*at`, which moves behind it; only over the items of an array of strings. */
struct gguf_text gguf_next_text(const struct gguf *gguf, size_t *at);
int32_t gguf_i32(const struct gguf *gguf, size_t at);
/* Number `index` of an array of F32. */
float gguf_f32(const struct gguf *gguf, size_t at);

bool gguf_text_is(struct gguf_text text, const char *word);

/* gguf_names.c: a tensor as the store has it: canonical name, shape, order of the rows. */
bool gguf_name_tensor(struct store *store, const struct gguf *metadata, const struct gguf_tensor *from,
                      struct tensor *tensor, struct error *error);

/* gguf_config.c and gguf_tokenizer.c: the text of the config.json and of the tokenizer.json that say what the metadata
 * says; the configuration also depends on which tensors the store has. Owned by the caller. NULL with an error where
 * the metadata does not hold what is needed; the tokenizer's is NULL without one where there is none. What the engine
 * cannot compute is spelled so that its reader refuses it by name. */
char *gguf_config(const struct store *store, const struct gguf *gguf, struct error *error);
char *gguf_tokenizer(const struct gguf *gguf, struct error *error);
/* gguf_chat.c: the same of tokenizer_config.json: special tokens and the chat template, in JSON; NULL without an error
 * where the metadata has none of them. */
char *gguf_tokenizer_config(const struct gguf *gguf, struct error *error);

/* gguf_metadata.c: appends the text as a JSON string. */
void gguf_put_string(struct buffer *out, struct gguf_text text);

/* gguf_pre.c: by the metadata 'tokenizer.ggml.pre' what the tokenizer.json of the models of that name says: it cuts a
 * text by one pattern after the other. */
#define GGUF_PRE_NAMES 16
#define GGUF_PRE_SPLITS 6
struct gguf_pre {
    const char *names[GGUF_PRE_NAMES];   /* NULL behind the last */
    const char *splits[GGUF_PRE_SPLITS]; /* NULL behind the last */
    bool digits;                         /* each of them is cut off before */
    bool nfc, ignore_merges;
    bool bos; /* where the metadata does not say */
};
/* NULL: the name is not known. */
const struct gguf_pre *gguf_pre_find(struct gguf_text name);
/* Appends its pre-tokenizer as JSON. */
void gguf_pre_put(const struct gguf_pre *pre, struct buffer *out);
#define GGUF_BYTES_ONLY                                                                                                \
    "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": false}"

#endif
