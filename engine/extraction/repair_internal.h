/* The inside of a repair. */
#ifndef ASSAY_EXTRACTION_REPAIR_INTERNAL_H
#define ASSAY_EXTRACTION_REPAIR_INTERNAL_H

#include "base/map.h"
#include "extraction/extract_internal.h"
#include "extraction/repair.h"

#define NONE SIZE_MAX

enum match { MATCH_SAME, MATCH_CONVERTED, MATCH_VALUES, MATCH_SHAPE, MATCH_DTYPE, MATCH_UNREAD, MATCH_PLACE };

/* A tensor of the folder; in the order of the store that holds them. */
struct held_tensor {
    const struct tensor *tensor;
    size_t file;    /* among the held files */
    size_t planned; /* NONE: the source has none of this name and shape */
    enum match match;
    char sha256[SHA256_TEXT];        /* of its values, where they match */
    char source_sha256[SHA256_TEXT]; /* of the source's, then */
};

/* A file of the folder that a reader would take for weights. */
struct held_file {
    char *path;      /* below the folder */
    char *problem;   /* NULL: it can be read */
    size_t own;      /* the planned file of this path; NONE: none */
    size_t *tensors; /* held */
    size_t count, capacity;
    bool right;
    bool folder; /* and no file at all */
    uint64_t size;
    char header_sha256[SHA256_TEXT];
};

/* A tensor of the right extraction. */
struct planned_tensor {
    size_t file, index;       /* in the plan */
    size_t home;              /* the held tensor of a right file that is it; NONE: it is to be written */
    size_t any;               /* else a held tensor of this name, the best there is; NONE: there is none */
    char sha256[SHA256_TEXT]; /* of the source's values; "": not known yet */
};

struct repair {
    const struct repair_request *request;
    struct extract_request extract; /* its own, with companions that stay though the source has none */
    struct companion *companions;
    struct passport passport; /* that the folder had */
    bool has_passport;
    int lock;
    struct extract_plan plan; /* the right extraction */
    struct planned_tensor *planned;
    size_t planned_count;
    size_t *in_place;    /* [plan.count]: the held file of its path; NONE: none */
    size_t *first;       /* [plan.count + 1]: the first planned tensor of each file */
    struct map by_name;  /* of the planned */
    struct map by_path;  /* of the plan's files */
    struct store *store; /* what the folder holds */
    struct held_file *files;
    size_t file_count, file_capacity;
    struct held_tensor *tensors;
    size_t tensor_count;
    struct extract_plan writes; /* in the order of the public plan's files */
    struct repair_plan out;
    struct names texts;  /* that the public plan borrows */
    struct names beside; /* keys of by_path */
};

/* repair_scan.c: what the folder holds; the strays that are no files of weights go to `out`. */
bool repair_scan(struct repair *repair, struct error *error);
/* repair_compare.c: sets `match` of every held tensor that has a planned one. */
bool repair_compare(struct repair *repair, struct error *error);
/* repair_plan.c: which files are right, and what is to be written. */
bool repair_decide(struct repair *repair, struct error *error);

bool repair_change(struct repair_change **changes, size_t *count, size_t *capacity, const char *path, const char *why);
/* A copy that lives as long as the repair; NULL: out of memory. */
const char *repair_text(struct repair *repair, const char *format, ...) ASSAY_PRINTF(2, 3);

/* All of the folder as it will be: right files and those that are written. Owned by the caller. */
bool repair_final(const struct repair *repair, struct extract_plan *final, struct error *error);

#endif
