/* Mending an extraction: what is absent or wrong comes from the source, what is right stays as it is.
 *
 * A tensor of the extraction is right when it has shape, dtype and bytes of the source's of that canonical name, or
 * another dtype and the values that rounding to it leaves (a conversion on purpose), in a readable file that is not
 * named after another layer or expert. A file is right when it holds right tensors only, each of them once in the
 * folder: neither its place, nor its metadata, nor the order of its tensors matters. All else is written anew, where
 * the layout says, in the order of its effect for each byte. */
#ifndef ASSAY_EXTRACTION_REPAIR_H
#define ASSAY_EXTRACTION_REPAIR_H

#include "extraction/extract.h"
#include "extraction/passport.h"
#include "store/overlay.h"

/* Where what is taken away is kept, with its path below the folder. */
#define REPAIR_ASIDE "set_aside"

struct repair_request {
    struct extract_request extract; /* of the right extraction; all blocks, all layers */
    int experts_per_token;
};

/* One tensor of a file that is to be written. */
struct repair_tensor {
    const char *name; /* canonical */
    const char *why;  /* "absent", "other values" ... ; of one that is kept: "right" */
    bool kept;        /* right, and copied from the file that is replaced or set aside */
    const struct tensor *from;
    const struct store *store; /* that `from` is of */
};

struct repair_file {
    const char *path; /* below the folder */
    const char *why;  /* "absent", "2 of 3 tensors are absent", "cannot be read: ..." */
    struct repair_tensor *tensors;
    size_t count;
    uint64_t bytes; /* that are fetched from the source */
    double effect;  /* see repair_new */
};

/* A file that is taken away, or replaced by what is not made of tensors. */
struct repair_change {
    char *path; /* below the folder */
    const char *why;
};

struct repair_plan {
    struct repair_file *files; /* the greatest effect first */
    size_t file_count;
    struct repair_change *aside; /* set aside */
    size_t aside_count, aside_capacity;
    struct repair_change *beside; /* configuration, tokenizer, manifest, availability map: written */
    size_t beside_count, beside_capacity;
    struct names leftovers; /* temporary files of a run that was killed: removed */
    size_t right_files, right_tensors, converted;
    uint64_t bytes; /* that are fetched from the source */
};

struct repair;

/* Locks the folder and compares: reads each tensor of the extraction that may be right, and the source's. NULL with the
 * reason for a folder that is no extraction, or one of another model, or that somebody else writes to, and for a source
 * that is not in order. The request and what it names must outlive the repair. Nothing is written.
 *
 * The effect of a file is the sum, over the tensors to fetch, of the share of a tensor that one token goes through (an
 * expert: experts_per_token / experts; an embedding: one row of all; anything else: all of it), divided by the bytes to
 * fetch. */
struct repair *repair_new(const struct repair_request *request, struct error *error);
void repair_free(struct repair *repair);

const struct repair_plan *repair_plan(const struct repair *repair);
/* There is nothing to do. */
bool repair_idle(const struct repair *repair);

/* Carries the plan out. Until it is done the folder holds the file extraction_unfinished and no manifest; every file is
 * staged, read back, synced and renamed, so that a run that is killed leaves each file as it was or right, and the next
 * one finishes. */
bool repair_run(struct repair *repair, struct error *error);

/* The passport of the original, as far as it was read on the way: after repair_run, or when idle, all of it. Free it
 * either way. */
bool repair_original(const struct repair *repair, struct passport *original, struct error *error);

#endif
