/* The inside of an open dump, for the files of this folder. */
#ifndef ASSAY_GOLDEN_INTERNAL_H
#define ASSAY_GOLDEN_INTERNAL_H

#include "base/map.h"
#include "golden/golden.h"
#include "store/safetensors.h"

struct golden_case_data {
    struct golden_case public;
    char *id;
    char *prompt;
    int *ids;
    int *greedy;
};

struct golden {
    char *path;
    int descriptor;
    struct safetensors file;
    struct golden_case_data *cases;
    size_t case_count;
    struct golden_tensor *tensors; /* beside file.entries */
    struct map case_of;
    struct map tensor_of;
    cJSON *noise;
    struct golden_text text;
    bool has_text;
    /* borrowed from the metadata; NULL: absent */
    const char *producer;
    const char *dtype;
    const char *config;
    const char *tokenizer_sha256;
    const char *weights_sha256;
};

#endif
