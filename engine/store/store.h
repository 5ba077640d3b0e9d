/* A store is named tensors, whatever files hold them.
 *
 * Every tensor has its canonical Hugging Face name without the component prefix
 * (`model.layers.3.mlp.experts.81.gate_proj.weight`), also when the file spells it otherwise or holds all experts of a
 * layer fused in one tensor. Tensors of other components (audio, vision, talker) are listed as such. */
#ifndef ASSAY_STORE_STORE_H
#define ASSAY_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "store/kinds.h"
#include "store/place.h"
#include "values/dtype.h"

#define TENSOR_RANK_MAX 8

struct weight_file;
struct assembly;

/* One tensor, or one expert's part of a fused one. Owned by its store, as are the strings.
 *
 * Seen as a matrix: `rows` x `columns`; a vector is one row, and rank 3 and more has shape[0] rows (but one whose rows
 * end within a byte, as those of 4 and 6 bits may, is one row). Element (r, c) lies at byte offset + r * stride + c *
 * element, or, when `transposed`, at offset + c * stride + r * element. Elements of block types have no place of their
 * own; their rows do. Where only every other row is its, or, of a vector, every other element, so is what lies there.
 */
struct tensor {
    const char *name;           /* canonical */
    const char *disk_name;      /* as the file spells it */
    const char *file;           /* NULL: held in memory by an overlay */
    struct weight_file *source; /* the same file, for the store to read from */
    enum dtype dtype;
    int rank;
    uint64_t shape[TENSOR_RANK_MAX];
    uint64_t rows;
    uint64_t columns;
    uint64_t bytes;       /* of the values */
    uint64_t held;        /* bytes that they take in the file; another dtype when an overlay converts them */
    uint64_t offset;      /* of the first value in the file */
    uint64_t stride;      /* bytes between rows, which lie side by side (between columns when transposed) */
    uint64_t interleaved; /* rows (a vector: elements) of each group whose halves lie in turn: the first of the first
                             half, the first of the second ...; 0: as they are */
    uint64_t band, pitch; /* not 0: of the rows (a vector: elements) so many lie one behind the other, and the next of
                             them so many further on; 0: all of them do */
    bool transposed;
    bool every_other; /* the rows, or elements of a vector, lie with as many of another tensor's between them */
    bool other;       /* belongs to another component than the text model */
    const struct assembly *assembly; /* not NULL: made of several tensors (tensor_storage), of which `file`, `offset`
                                        and `held` are those of the packed values ... */
    uint64_t begin;                  /* ... and this its first row in what they make */
};

struct store;

/* Opens a safetensors file, a GGUF file (of a split one: any part), a Hugging Face checkpoint folder (one file, or
 * shards with an index), an extraction, or any folder of safetensors files. NULL with the reason when nothing can be
 * read. Where only some of several files are bad, the store opens without them and lists them as problems. At most
 * 4,096 experts in a fused tensor, two million tensors in all. */
struct store *store_open(const char *path, struct error *error);
/* The same of some files of an extraction, named below its folder ("norms/thinker_norms_layer_03.safetensors"), and of
 * no other. NULL when any of them cannot be read. */
struct store *store_open_files(const char *folder, const char *const *files, size_t count, struct error *error);
/* The same, one file after the other: none at first; a file whose header is bad adds nothing and can be passed over;
 * store_gathered ends it, and before that nothing may be asked of the store. */
struct store *store_gather(const char *folder, struct error *error);
bool store_gather_file(struct store *store, const char *path, struct error *error);
bool store_gathered(struct store *store, struct error *error);
void store_free(struct store *store);

const char *store_path(const struct store *store);
/* What the path was recognised as; an overlay is what its base is. */
enum store_kind store_kind(const struct store *store);
/* Its name: "safetensors", "gguf", "checkpoint", "extraction", "folder". */
const char *store_format(const struct store *store);

/* The text of "config.json", "tokenizer.json" or "tokenizer_config.json" where the weights' own file says what those
 * say; NULL: it does not. */
const char *store_document(const struct store *store, const char *name);

/* The tensors of the text model come first, then those of other components; store_count counts all. */
size_t store_count(const struct store *store);
size_t store_text_count(const struct store *store);
const struct tensor *store_at(const struct store *store, size_t index);
/* By canonical name; NULL when absent. Text model only. */
const struct tensor *store_find(const struct store *store, const char *name);

/* The `nth` spelling of the fused tensor that may hold the expert's tensor of that canonical name. False: there are no
 * more, or it is of no expert. */
#define FUSED_NAME 640 /* a canonical name of at most 512, its fused suffix exchanged */
bool name_fused(const char *name, size_t nth, char *out, size_t size);

/* rows, columns, bytes and stride of a plain tensor from shape and dtype. False: the size does not fit 64 bits. */
bool tensor_measure(struct tensor *tensor);

/* How it is quantised, where it is put together from packed values, scales and the like: "gptq". Its dtype, shape and
 * values are those of the matrix that the original makes of them. NULL: it is stored as it is. */
const char *tensor_storage(const struct tensor *tensor);
/* The storages that are put together so: their names in the order of the table, NULL behind the last. */
const char *storage_name(size_t index);
/* As dtype_rounding, of a tensor however it is stored. */
double tensor_rounding(const struct tensor *tensor);

/* When its file was last written, in nanoseconds since 1970; false: an overlay holds it in memory. */
bool tensor_time(const struct tensor *tensor, int64_t *time);

/* Are its values, as the store gives them, other than its file holds: changed, not only widened, by an overlay? */
bool store_altered(const struct store *store, const struct tensor *tensor);

/* What is wrong with the files themselves: a shard that is absent or malformed, a tensor that the index places
 * elsewhere, two tensors of one name. One sentence each, naming the file and the tensor. */
size_t store_problem_count(const struct store *store);
const char *store_problem(const struct store *store, size_t index);
/* The canonical name of the tensor that is only announced: an index places it in a file that does not hold it; or, of a
 * file that is absent itself and would hold layers only, LAYERS_FROM the first of them, or a tensor of another
 * component where it would hold no others. NULL: the problem is another.
 */
#define LAYERS_FROM "model.layers.%d."
const char *store_problem_announced(const struct store *store, size_t index);
/* The name, as a file or an index has it, is one of another component's. */
bool store_name_is_other(const char *name);
/* What lies beside the files and was not read, where it may be what was meant. One sentence each. */
size_t store_note_count(const struct store *store);
const char *store_note(const struct store *store, size_t index);
/* The file, named below the store's folder, that holds a tensor of that canonical name and lies there unread; NULL:
 * none is known of. */
const char *store_unread(const struct store *store, const char *name);

/* Reads rows first .. first + count - 1, packed [count, columns], in the stored dtype. Safe from several threads. A
 * file that is no longer the one whose header was read is an error. */
bool store_read_rows(const struct store *store, const struct tensor *tensor, uint64_t first, uint64_t count, void *out,
                     struct error *error);
/* The same as float32. `raw`: room for the rows in the stored dtype, which must be one that dtype_computes. */
bool store_read_wide(const struct store *store, const struct tensor *tensor, uint64_t first, uint64_t count, void *raw,
                     float *out, struct error *error);

/* Rows that a reader takes at once where it goes through a whole tensor: CHUNK_VALUES values, or one row where that has
 * more. `columns` is not 0. */
#define CHUNK_VALUES 65536u
uint64_t chunk_rows(uint64_t columns);
/* The whole tensor: `tensor->bytes` bytes. */
bool store_read(const struct store *store, const struct tensor *tensor, void *out, struct error *error);

/* SHA-256 over all tensors of the text model in the order of their canonical names: name, dtype and shape ("8,64"),
 * each followed by a NUL, then the values as stored. Experts are tensors of their own, however the files hold them.
 * Computed at the first call, which reads every byte; after an overlay was changed, anew. */
bool store_sha256(struct store *store, char hex[65], struct error *error);
/* The same where it was computed before; NULL: it was not. */
const char *store_sha256_known(const struct store *store);

/* The file that holds it, for messages; of a tensor that was laid over the store, what did that. */
const char *tensor_file(const struct tensor *tensor);

/* The bytes of its values lie apart from each other, with those of other tensors between them. */
bool tensor_lies_apart(const struct tensor *tensor);

/* Are the two, each anything with `rank` and `shape`, of one shape; and of one `dtype` too? */
#define tensor_same_shape(a, b) shape_same((a)->shape, (a)->rank, (b)->shape, (b)->rank)
#define tensor_same_kind(a, b) ((a)->dtype == (b)->dtype && tensor_same_shape(a, b))
bool shape_same(const uint64_t *a, int a_rank, const uint64_t *b, int b_rank);

/* "[576, 1536]", for messages. `text` holds at least TENSOR_SHAPE_TEXT bytes. Returns it. */
#define TENSOR_SHAPE_TEXT 192
const char *shape_text(const uint64_t *shape, int rank, char *text);

#endif
