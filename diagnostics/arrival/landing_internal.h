/* What landing.c keeps and landing_file.c looks up. */
#ifndef ASSAY_ARRIVAL_LANDING_INTERNAL_H
#define ASSAY_ARRIVAL_LANDING_INTERNAL_H

#include "arrival/landing.h"
#include "base/map.h"
#include "inventory/charge.h"
#include "model/expected_set.h"

#define NO_FILE UINT32_MAX

struct landing_known {
    char *path;
    struct file_state state; /* when it was judged */
    uint64_t bytes;
    bool right; /* else it has gone, or is wrong */
    bool held;  /* tensors are told to be in it */
};

struct landing {
    const char *folder;
    const struct model_config *config;
    const struct store *source;
    struct pool *pool;
    struct expected_set expected; /* the tensors of a block side by side */
    uint32_t *owners;             /* [expected.list.count]: index of the file that holds it, or NO_FILE */
    uint32_t *holders;            /* the same of a file that is wrong: the tensor is there, and counts for nothing */
    size_t *block_first;          /* [blocks + 1]: where a block begins in `expected` */
    size_t *versions;             /* [blocks]: changes of what it holds, from 1 on */
    struct landing_known *files;
    size_t file_count, file_capacity;
    struct map by_path; /* path -> file */
};

/* A file as it is by itself. */
struct landing_file {
    struct landing_verdict verdict;
    uint64_t bytes;
    uint32_t *tensors; /* indices of `expected` */
    size_t count;
    struct error error; /* of the machine, not of the file */
};

/* Reads the file. Changes nothing in `landing`: safe from several threads. */
void landing_file_judge(const struct landing *landing, const char *path, struct landing_file *file);
void landing_file_free(struct landing_file *file);

/* Sets the verdict, with a formatted message, unless it is one already; false. */
bool landing_refuse(struct landing_verdict *verdict, enum landing_state state, const char *check,
                    const struct tensor *tensor, const char *format, ...) ASSAY_PRINTF(5, 6);
/* The same of a charge, which it frees; true where nothing is wrong. */
bool landing_charge(struct landing_verdict *verdict, enum landing_state state, const struct tensor *tensor,
                    struct charge *charge);

#endif
