/* Files of an extraction as they land. Each is held against what the configuration calls for, its values are read once,
 * and what landed so far is kept track of: one record for each tensor and each file, no header. */
#ifndef ASSAY_ARRIVAL_LANDING_H
#define ASSAY_ARRIVAL_LANDING_H

#include "base/file.h"
#include "base/pool.h"
#include "model/config.h"
#include "model/weights.h"
#include "store/store.h"

struct landing;

/* `folder` is the extraction's. `source` is the original, or NULL. All are borrowed until landing_free. */
struct landing *landing_new(const char *folder, const struct model_config *config, const struct store *source,
                            struct pool *pool, struct error *error);
void landing_free(struct landing *landing);

enum landing_state {
    LANDING_RIGHT,    /* whole, and what it should be */
    LANDING_KNOWN,    /* right, and has not changed since it was found so */
    LANDING_SHORT,    /* not whole: fewer bytes than its header says, or fewer tensors than belong into it */
    LANDING_CHANGING, /* changed while it was being read */
    LANDING_WRONG,    /* more bytes will not help */
    LANDING_GONE      /* not there */
};

/* What is the matter with a file; owned strings, NULL where they do not apply. */
struct landing_verdict {
    enum landing_state state;
    const char *check;      /* of the finding: "inventory.shape". Static; NULL unless short or wrong */
    int layer, expert;      /* -1: of none */
    char *tensor;           /* canonical name */
    char *message;          /* a sentence: file, tensor, what was expected, what was found */
    struct file_state file; /* as it was; zeros when it was not there */
};
void landing_verdict_free(struct landing_verdict *verdict);

/* Judges files, named below the folder, several at a time; those that are right have landed, those that are not (any
 * more) are absent again. A file is right if it is strictly formed safetensors; holds only tensors that the
 * configuration calls for, with the shape that it makes and a dtype that can be computed with, in the file that the
 * layout puts them into, all that belong there, and none that another file holds too; and if all values are finite and,
 * biases apart, not all zero. With a source every tensor must be the source's, byte for byte, or within rounding where
 * the dtype differs; zeros that the source has too are right. Tensors of other components are passed over.
 *
 * False, with the reason, is for what is not the files' fault. */
bool landing_look(struct landing *landing, const char *const *files, size_t count, struct landing_verdict *verdicts,
                  struct error *error);

struct landing_counts {
    size_t tensors, tensors_expected; /* without what is used only if it is there */
    size_t files, files_expected;     /* that hold some of them; as the layout has them */
    size_t blocks;                    /* complete (model_options: embedding, layers, final norm and head) */
    size_t layers;                    /* of them */
    uint64_t bytes;                   /* of the values that landed */
};
struct landing_counts landing_count(const struct landing *landing);

/* 0 while tensors of the block are absent, else a number that changes whenever one of its files does. */
size_t landing_block(const struct landing *landing, int block);
/* Tensors that the block has. */
size_t landing_block_tensors(const struct landing *landing, int block);
/* The files of a complete block as a store; NULL with the reason. */
struct store *landing_block_store(const struct landing *landing, int block, struct error *error);

/* Every tensor that is called for and is in no file, not even in one that is wrong. False: out of memory. */
bool landing_absent(const struct landing *landing, struct expected_list *absent);

/* File `index` that has landed, NULL where it has gone again, among landing_file_count. Borrowed. */
size_t landing_file_count(const struct landing *landing);
const char *landing_file(const struct landing *landing, size_t index);

#endif
