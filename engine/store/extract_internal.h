/* The plan of an extraction, for the files that carry it out. */
#ifndef ASSAY_STORE_EXTRACT_INTERNAL_H
#define ASSAY_STORE_EXTRACT_INTERNAL_H

#include "base/file.h"
#include "store/extract.h"

struct extract_tensor {
    const struct tensor *tensor;
    char *name; /* inside the file */
    char sha256[65];
};

enum file_fate { FILE_ABSENT, FILE_KEPT, FILE_STAGED, FILE_WRITTEN };

struct extract_file {
    char *path; /* below the folder */
    enum block block;
    int layer, expert;
    bool wanted;
    struct extract_tensor *tensors; /* by name */
    size_t count;
    size_t capacity;
    uint64_t bytes;
    enum file_fate fate;
    struct file_writer *writer; /* of a staged file */
};

struct extract_plan {
    struct extract_file *files; /* by path */
    size_t count;
    size_t capacity;
};

/* Which files the request's store makes. Free it either way. */
bool extract_plan_make(const struct extract_request *request, struct extract_plan *plan, struct error *error);
void extract_plan_free(struct extract_plan *plan);

/* extract_file.c: brings one file to its fate: kept when it holds just these tensors, else (when wanted) staged. Sets
 * the hashes of its tensors. Safe from several threads for different files. */
bool extract_file_work(const struct extract_request *request, struct extract_file *file, struct error *error);

/* extract_manifest.c: the texts of the two documents; owned by the caller, NULL: out of memory. */
char *extract_manifest(const struct extract_request *request, const struct extract_plan *plan);
char *extract_availability(const struct extract_request *request, const struct extract_plan *plan);

#endif
