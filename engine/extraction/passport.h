/* The passport of a model: what every tensor and every file beside them is, and one hash over all of it.
 *
 * The root is a Merkle tree hash as in RFC 6962, section 2.1 (leaf = SHA-256(0x00 | text), node = SHA-256(0x01 | left |
 * right), the left part of n leaves being the largest power of two below n). There is one leaf for each tensor of the
 * text model, "tensor" NUL name NUL dtype NUL shape NUL SHA-256 of its packed values, and one for each companion,
 * "file" NUL name NUL SHA-256, where the name is canonical, the shape "768,2048" and a hash lower-case hexadecimal.
 * They are sorted by their bytes. No file of weights is part of it: a checkpoint and each right extraction of it have
 * the same root, whatever files hold the tensors. */
#ifndef ASSAY_EXTRACTION_PASSPORT_H
#define ASSAY_EXTRACTION_PASSPORT_H

#include "base/file.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/pool.h"
#include "extraction/extract.h"
#include "store/store.h"

#define PASSPORT_NO_FILE SIZE_MAX

struct passport_tensor {
    char *name; /* canonical */
    enum dtype dtype;
    int rank;
    uint64_t shape[TENSOR_RANK_MAX];
    size_t file;    /* index; PASSPORT_NO_FILE where the passport was taken of a store */
    uint64_t begin; /* of its values, from the start of the file */
    uint64_t bytes;
    char sha256[SHA256_TEXT];
};

/* All bytes of a file are those before the first value, and its tensors. */
struct passport_file {
    char *path; /* below the folder */
    uint64_t size;
    uint64_t header;          /* bytes before the first value */
    char sha256[SHA256_TEXT]; /* of them */
    size_t first, count;      /* its tensors, in the order of their bytes */
};

struct passport_companion {
    char *name;
    bool document; /* about the extraction, no part of the model: not in the root */
    uint64_t size;
    char sha256[SHA256_TEXT];
};

/* Start with {0}. Everything is owned; free with passport_free. */
struct passport {
    char *model;
    bool complete;
    bool follows; /* the root that is written down is that of the rows */
    struct names faults;
    struct passport_tensor *tensors; /* by file and begin, or as the store has them */
    size_t tensor_count, tensor_capacity;
    struct passport_file *files;
    size_t file_count, file_capacity;
    struct passport_companion *companions;
    size_t companion_count, companion_capacity;
    struct map by_name; /* of tensors */
    char root[SHA256_TEXT];
};

/* Append a row; the caller fills in the hashes. NULL: out of memory. */
struct passport_tensor *passport_add_tensor(struct passport *passport, const char *name, enum dtype dtype, int rank,
                                            const uint64_t *shape);
struct passport_file *passport_add_file(struct passport *passport, const char *path);
struct passport_companion *passport_add_companion(struct passport *passport, const char *name);

/* By canonical name; NULL: none. After passport_finish. */
const struct passport_tensor *passport_find(const struct passport *passport, const char *name);

/* After the last row: sorts the tensors of files, finds names that occur twice (an error), and sets the root. `where`
 * is what errors call it. */
bool passport_finish(struct passport *passport, const char *where, struct error *error);

enum passport_found { PASSPORT_READ, PASSPORT_NONE, PASSPORT_MALFORMED };

/* Reads the manifest of an extraction, which nobody vouches for: paths that stay inside the folder, each once; the
 * tensors of each file tile it; hashes that are hashes. `follows` says whether the root is that of the rows; `root` is
 * that of the rows either way. PASSPORT_NONE: there is no manifest, or none with a passport in it. The error is set in
 * the last two cases. */
enum passport_found passport_read(const char *folder, struct passport *passport, struct error *error);

/* The passport of a store: reads every tensor of the text model, in parallel, and the companions. Of two tensors of one
 * name the first counts. */
bool passport_take(const struct store *store, const struct companion *companions, size_t companion_count,
                   struct pool *pool, struct passport *passport, struct error *error);
/* Appends rows of companions alone. */
bool passport_take_companions(const struct companion *companions, size_t count, struct passport *passport,
                              struct error *error);

void passport_free(struct passport *passport);

/* --- a passport held against the files --- */

enum passport_state {
    PASSPORT_GOOD,
    PASSPORT_ABSENT,
    PASSPORT_UNREADABLE, /* the text says why */
    PASSPORT_SIZE,       /* another size */
    PASSPORT_HEADER,     /* other bytes before the values */
    PASSPORT_OTHER       /* the header is that of the passport, and says otherwise of the tensors; the text names one */
};

struct passport_reading {
    enum passport_state *files;   /* [file_count] */
    char **texts;                 /* [file_count]: NULL but for the states that have one */
    uint64_t *sizes;              /* [file_count]: found */
    char (*headers)[SHA256_TEXT]; /* [file_count]: found; "": not read */
    char (*tensors)[SHA256_TEXT]; /* [tensor_count]: found; "": its bytes are not there */
    uint64_t bytes;               /* read */
};

/* Reads every byte of every file of the passport once, in parallel. A file that is damaged is no error but a state. */
bool passport_hold(const char *folder, const struct passport *passport, struct pool *pool,
                   struct passport_reading *reading, struct error *error);
void passport_reading_free(const struct passport *passport, struct passport_reading *reading);

#endif
