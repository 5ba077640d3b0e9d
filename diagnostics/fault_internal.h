/* What the rows of the fault catalogue work with. */
#ifndef ASSAY_DIAGNOSTICS_FAULT_INTERNAL_H
#define ASSAY_DIAGNOSTICS_FAULT_INTERNAL_H

#include "diagnostics/fault.h"
#include "store/overlay.h"

#define FAULT_TEXT 256

/* How a fault changes the values of one tensor; lives as long as the faults. */
struct fault_edit {
    double factor;
    uint64_t row, column; /* of one value */
    uint64_t page;        /* 4,096 bytes */
    uint64_t seed;
};

/* One fault being laid. */
struct fault_site {
    const struct store *below;
    struct store *overlay; /* over `below` */
    const struct model_config *config;
    const char *source; /* path; NULL: none */
    const char *spec;   /* for messages */
    struct faults *faults;
    size_t changed; /* tensors */
};

typedef bool fault_apply(struct fault_site *site, const char *arguments, struct error *error);

/* fault_apply of the rows that lose tensors, and of those that change values. */
fault_apply fault_one_shard_per_layer, fault_missing_norms, fault_missing_experts, fault_incomplete_expert,
    fault_missing_tensor;
fault_apply fault_random_attention, fault_swap_experts, fault_swap_layers, fault_nan, fault_zero_page, fault_scale;

/* Whole numbers "1,5,9-12" up to a slash or the end, marked in `marks` [count]; `what` names them in the error. Returns
 * where the list ended, NULL on error. */
const char *fault_indices(const struct fault_site *site, const char *text, const char *what, int count, bool *marks,
                          struct error *error);

/* The tensor that `name` (of `length` bytes) is, or ends in one only: "layers.3.mlp.gate.weight". */
const struct tensor *fault_tensor(const struct fault_site *site, const char *name, size_t length, struct error *error);

/* A new edit that is freed with the faults. */
struct fault_edit *fault_edit(struct fault_site *site, struct error *error);

#endif
