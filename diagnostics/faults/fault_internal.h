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
    struct fault_means means;
    const char *spec; /* for messages */
    size_t changed;   /* tensors */
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

/* Lays the fault over the site, and counts what changed; false with the reason. */
typedef bool fault_apply(struct fault_site *site, const struct fault_arguments *arguments, struct error *error);

/* One kind of fault. */
struct fault_kind {
    struct fault_row row;
    fault_apply *apply;
};

/* Whole numbers "1,5,9-12" up to a slash or the end, marked in `marks` [count]; `what` names them in the error. Returns
 * where the list ended, NULL on error. */
const char *fault_indices(const struct fault_site *site, const char *text, const char *what, int count, bool *marks,
                          struct error *error);

/* The same of layers, all of `text`. False on error. */
bool fault_layers(const struct fault_site *site, const char *text, bool layers[CONFIG_LAYERS_MAX], struct error *error);

#endif
