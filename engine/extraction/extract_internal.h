/* The plan of an extraction, for the files that carry it out. */
#ifndef ASSAY_EXTRACTION_EXTRACT_INTERNAL_H
#define ASSAY_EXTRACTION_EXTRACT_INTERNAL_H

#include "base/file.h"
#include "base/hash.h"
#include "base/map.h"
#include "extraction/extract.h"
#include "extraction/passport.h"

struct extract_tensor {
    const struct store *store; /* that gives the values */
    const struct tensor *tensor;
    const struct store *origin_store; /* where they came from in the first place */
    const struct tensor *origin;
    char *name;     /* inside the file */
    uint64_t begin; /* of the values in the file */
    char sha256[SHA256_TEXT];
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
    uint64_t size;                   /* of the file */
    char header_sha256[SHA256_TEXT]; /* of its bytes before the first value */
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
 * what the passport says of it: size, hashes, and where its tensors begin. Safe from several threads for different
 * files. */
bool extract_file_work(const struct extract_request *request, struct extract_file *file, struct error *error);

/* extract.c: the steps of an extraction, for a repair. */
bool extract_source_allows(const struct extract_request *request, struct error *error);
/* The folder, locked against a second writer, to be closed; -1 with the reason. */
int extract_lock(const char *folder, struct error *error);
bool extract_announce(const char *folder, struct error *error);
/* Adds what may lie beside the folders to the paths that are known, as "./config.json"; the keys belong to `names`,
 * which is empty before. */
bool extract_add_beside(const struct extract_request *request, struct map *known, struct names *names,
                        struct error *error);
/* Nothing is written through a link, for what lies behind it may be another's; and nothing where no folder can be. */
bool extract_folder_is_own(const char *path, struct error *error);
/* NAME.tmp.PID of a known file in that folder ("norms", "."), which a run that was killed has left. */
bool extract_is_leftover(const char *name, const struct map *known, const char *folder);
/* Writes those of the companions that are not there with the same content. */
bool extract_copy_companions(const struct extract_request *request, struct error *error);
/* Brings all files of the plan to their fates, in its order. The mark of extract_announce is there. */
bool extract_write(const struct extract_request *request, struct extract_plan *plan, struct error *error);
/* Written only when it is not there with the same content. */
bool extract_write_beside(const char *folder, const char *name, const char *text, size_t size, struct error *error);
/* Writes the map of experts (its text; NULL: none) and the manifest, and takes the mark away when no file of the plan
 * is absent. */
bool extract_conclude(const struct extract_request *request, const struct extract_plan *plan, const char *map,
                      struct error *error);

/* extract_file.c: gives the values of the tensor, chunk after chunk of whole rows. */
typedef bool chunk_take(void *context, uint64_t offset, const void *values, size_t size, struct error *error);
bool tensor_each(const struct store *store, const struct tensor *tensor, chunk_take *take, void *context,
                 struct error *error);
/* extract_file.c: of the `size` bytes that a file begins with. */
bool header_hash(int descriptor, const char *path, uint64_t size, char hex[SHA256_TEXT], struct error *error);

#define AVAILABILITY_FILE "expert_availability_map.json"

/* extract_manifest.c: the text of the map of experts; owned by the caller, NULL: out of memory. */
char *extract_availability(const struct extract_request *request, const struct extract_plan *plan);
/* The same of the manifest: what the files that are not absent are, the companions, and `map`, the text of the map
 * (NULL: there is none). NULL with the reason. */
char *extract_manifest(const struct extract_request *request, const struct extract_plan *plan, const char *map,
                       struct error *error);

#endif
