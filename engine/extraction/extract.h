/* Writing a store out as an extraction: one file for each expert, router, attention block, pair of norms ... */
#ifndef ASSAY_EXTRACTION_EXTRACT_H
#define ASSAY_EXTRACTION_EXTRACT_H

#include "base/file.h"
#include "base/json.h"
#include "base/pool.h"
#include "extraction/companion.h"
#include "store/layout.h"
#include "store/store.h"

/* Where the values lie: {"file", "name", "begin", "end"}, the bytes from begin to before end; "column_stride" where
 * they lie in columns that many bytes apart, "every_other" where of all rows, or elements of a vector, each second is
 * its, "band" and "band_stride" where of each so many bytes the first are its. NULL: in no file, or changed by an
 * overlay. The caller frees. */
cJSON *tensor_source(const struct store *store, const struct tensor *tensor);

struct extract_request {
    const struct store *store;          /* may be an overlay */
    const char *folder;                 /* to write to; made when it is not there */
    const char *model;                  /* what the manifest calls the model */
    int layers, experts;                /* that the configuration declares */
    bool blocks[BLOCK_COUNT];           /* which files; */
    int first_layer, last_layer;        /* and of which layers (-1, -1: all, and those of none) */
    const struct companion *companions; /* config.json, the tokenizer ... */
    size_t companion_count;
    const char *const *faults; /* that the store was given, for the manifest */
    size_t fault_count;
    bool mends;         /* those undo a damage, and the manifest does not call them faults */
    bool itself;        /* the store is of the folder itself, with some tensors replaced */
    bool partial;       /* the store is less than the whole model, and the manifest says so */
    const char *solved; /* by what values of the store were solved for that an overlay changed; NULL: they were not */
    const char *provenance; /* text of a manifest that says where tensors that are not changed come from; NULL: none */
    struct pool *pool;
};

struct extract_result {
    size_t files;   /* that the store makes, all of them */
    size_t written; /* by this call */
    size_t kept;    /* were there already with the very same tensors */
    size_t absent;  /* not asked for, and not there */
    size_t others;  /* tensors of other components, which are not extracted */
    uint64_t bytes; /* of the tensors in `written` and `kept` */
};

/* Writes what is asked for and is not there yet, byte for byte the same whenever it is called: a run that was killed is
 * finished by the next. Files are written under temporary names, read back and compared, synced, and renamed; the
 * manifest (extraction_manifest.json: for every tensor its file, dtype, shape and SHA-256, and shard and byte range
 * that it came from; it is the passport of the folder) and expert_availability_map.json come last. Until everything is
 * there, the folder holds the file extraction_unfinished, which a store that opens it tells as a problem.
 *
 * Refused: a store with problems; a selection of nothing; a folder that holds other tensors than these, another
 * configuration, or a companion that this model does not have; one that somebody else writes to. */
bool extract_store(const struct extract_request *request, struct extract_result *result, struct error *error);

#endif
