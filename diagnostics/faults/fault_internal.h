/* What the rows of the fault catalogue work with. */
#ifndef ASSAY_FAULTS_FAULT_INTERNAL_H
#define ASSAY_FAULTS_FAULT_INTERNAL_H

#include "faults/fault.h"
#include "store/overlay.h"

#define FAULT_TEXT 256

/* One fault being laid. */
struct fault_site {
    const struct store *below;
    struct store *overlay; /* over `below` */
    const struct model_config *config;
    const char *source; /* path; NULL: none */
    const char *spec;   /* for messages */
    size_t changed;     /* tensors */
};

/* What is behind the colon, taken apart as the row's `arguments` name it: words between commas, in brackets the last of
 * them that may be left out together. An optional one that is not there is as fault_arguments_take starts it. */
struct fault_arguments {
    const char *text;                    /* all of it, for LAYERS and LAYERS/EXPERTS, which are fault_indices */
    const struct tensor *tensor, *other; /* TENSOR; FROM, OTHER. Of the store below */
    double number;                       /* FACTOR, VALUE: finite */
    double share;                        /* SHARE: above 0, up to 1; 1 */
    uint64_t numbers[2];                 /* ROW and COLUMN, PAGE, A and B; 0 */
    long long shift;                     /* N */
    int layer, expert;                   /* LAYER, EXPERT: ones that the model has */
};

/* False, with the reason, when the text is not what `grammar` (fault_row.arguments) says. */
bool fault_arguments_take(const struct fault_site *site, const char *grammar, const char *text,
                          struct fault_arguments *arguments, struct error *error);

/* A and B are two different ones of the `count` that there are; `what` names them in the error. */
bool fault_are_two(const struct fault_site *site, const struct fault_arguments *arguments, uint64_t count,
                   const char *what, struct error *error);

typedef bool fault_apply(struct fault_site *site, const struct fault_arguments *arguments, struct error *error);

/* Those that lose tensors; that change one value after the other; that put a tensor in another's place; that need
 * the whole of a tensor at once. */
fault_apply fault_one_shard_per_layer, fault_missing_norms, fault_missing_experts, fault_incomplete_expert,
    fault_missing_tensor;
fault_apply fault_random_attention, fault_initialise, fault_nan, fault_inf, fault_zeros, fault_constant,
    fault_zero_page, fault_scale, fault_byte_swap;
fault_apply fault_swap_experts, fault_swap_layers, fault_swap_tensors, fault_copy;
fault_apply fault_misread, fault_transpose, fault_shuffle, fault_permute_rows, fault_exchange_rows, fault_shift_rows,
    fault_swap_router_rows;

/* Whole numbers "1,5,9-12" up to a slash or the end, marked in `marks` [count]; `what` names them in the error. Returns
 * where the list ended, NULL on error. */
const char *fault_indices(const struct fault_site *site, const char *text, const char *what, int count, bool *marks,
                          struct error *error);

#endif
