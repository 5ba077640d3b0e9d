#include "faults/fault.h"

#include <stdio.h>
#include <string.h>

#include "faults/fault_internal.h"

static const struct catalogue_row {
    struct fault_row row;
    fault_apply *apply;
} catalogue[] = {
    {{"one-shard-per-layer", "",
      "Loses every tensor of a layer that lies in a later shard of the checkpoint than the layer's first: an extractor "
      "that opens one shard for each layer"},
     fault_one_shard_per_layer},
    {{"missing-norms", "LAYERS", "Loses both norms of the layers (1,5,9-12)"}, fault_missing_norms},
    {{"missing-experts", "LAYERS/EXPERTS", "Loses the experts in the layers (1,5/76-127)"}, fault_missing_experts},
    {{"incomplete-expert", "LAYER,EXPERT", "Loses up_proj and down_proj of one expert"}, fault_incomplete_expert},
    {{"missing", "TENSOR", "Loses one tensor"}, fault_missing_tensor},
    {{"random-attention", "LAYERS",
      "Leaves the attention's projections as they were initialised: normal, deviation 0.02"},
     fault_random_attention},
    {{"swap-experts", "LAYER,A,B", "Exchanges two experts, but not their router rows"}, fault_swap_experts},
    {{"swap-layers", "A,B", "Exchanges all tensors of two layers"}, fault_swap_layers},
    {{"swap-tensors", "TENSOR,OTHER", "Exchanges two tensors of one shape and dtype"}, fault_swap_tensors},
    {{"copy", "TENSOR,FROM", "Gives a tensor the values of another: two names, one content"}, fault_copy},
    {{"nan", "TENSOR[,ROW,COLUMN]", "Makes one value no number"}, fault_nan},
    {{"inf", "TENSOR[,ROW,COLUMN]", "Makes one value infinite"}, fault_inf},
    {{"zero-page", "TENSOR[,PAGE]", "Zeroes 4,096 bytes of a tensor: a hole in a file"}, fault_zero_page},
    {{"zeros", "TENSOR[,SHARE]",
      "Zeroes a tensor. SHARE, here and below: of its rows (of a vector: its elements) that share, from the middle on"},
     fault_zeros},
    {{"constant", "TENSOR,VALUE[,SHARE]",
      "Makes all values of a tensor the same: a norm of ones is what a loader puts in the place of one that is absent"},
     fault_constant},
    {{"initialise", "TENSOR[,SHARE]",
      "Leaves a tensor as a framework initialises it: normal, deviation 0.02; a gain: ones; a bias: zeros"},
     fault_initialise},
    {{"scale", "TENSOR,FACTOR[,SHARE]", "Multiplies a tensor"}, fault_scale},
    {{"byte-swap", "TENSOR[,SHARE]", "Turns the bytes of every value around: the wrong byte order"}, fault_byte_swap},
    {{"misread", "TENSOR",
      "Takes the 16 bits of every value for the other 16-bit type: BF16 for F16, F16 for BF16, F32 rounded to BF16 for "
      "F16"},
     fault_misread},
    {{"transpose", "TENSOR", "Puts the values of the transposed matrix under the shape of the original"},
     fault_transpose},
    {{"shuffle", "TENSOR[,SHARE]", "Puts the values of a tensor in a random order"}, fault_shuffle},
    {{"permute-rows", "TENSOR[,SHARE]", "Puts the rows of a tensor in another order, each row whole"},
     fault_permute_rows},
    {{"shift-rows", "TENSOR,N", "Gives every row what the row N further on held: an embedding whose vocabulary moved"},
     fault_shift_rows},
    {{"exchange-rows", "TENSOR,OTHER[,SHARE]", "Exchanges rows of two tensors of one shape and dtype"},
     fault_exchange_rows},
    {{"swap-router-rows", "LAYER,A,B", "Exchanges two rows of the router of a layer, but not their experts"},
     fault_swap_router_rows},
};
#define ROWS (sizeof catalogue / sizeof *catalogue)

const struct fault_row *fault_at(size_t index)
{
    return index < ROWS ? &catalogue[index].row : NULL;
}

static const struct catalogue_row *catalogue_find(const char *spec)
{
    size_t length = strcspn(spec, ":");
    for (size_t i = 0; i < ROWS; i++)
        if (strlen(catalogue[i].row.name) == length && strncmp(catalogue[i].row.name, spec, length) == 0)
            return &catalogue[i];
    return NULL;
}

const char *fault_judge(const char *spec)
{
    static char message[FAULT_TEXT];
    const struct catalogue_row *row = catalogue_find(spec);
    bool arguments = strchr(spec, ':') != NULL;
    if (!row)
        snprintf(message, sizeof message, "there is no fault '%.60s'; \"assay faults\" lists them", spec);
    else if (arguments && !*row->row.arguments)
        snprintf(message, sizeof message, "the fault %s takes no arguments", row->row.name);
    else if (!arguments && *row->row.arguments)
        snprintf(message, sizeof message, "the fault %s needs arguments: %s:%s", row->row.name, row->row.name,
                 row->row.arguments);
    else
        return NULL;
    return message;
}

/* The overlay of one fault over the site's store; NULL on failure. */
static struct store *fault_lay(struct fault_site *site, struct error *error)
{
    const char *colon = strchr(site->spec, ':');
    const char *wrong = fault_judge(site->spec);
    struct fault_arguments arguments;
    if (wrong) {
        error_set(error, "%s", wrong);
        return NULL;
    }
    const struct catalogue_row *row = catalogue_find(site->spec);
    site->overlay = overlay_new(site->below, error);
    if (site->overlay && fault_arguments_take(site, row->row.arguments, colon ? colon + 1 : "", &arguments, error) &&
        row->apply(site, &arguments, error) &&
        (site->changed || error_set(error, "fault %s: changes nothing in %s", site->spec, store_path(site->below))))
        return site->overlay;
    store_free(site->overlay);
    return NULL;
}

struct store *faults_over(const struct store *store, const struct model_config *config, const char *source,
                          const char *const *specs, size_t count, struct error *error)
{
    struct store *top = NULL;
    for (size_t i = 0; i < count; i++) {
        struct fault_site site = {.below = top ? top : store, .config = config, .source = source, .spec = specs[i]};
        struct store *laid = fault_lay(&site, error);
        if (!laid) {
            store_free(top);
            return NULL;
        }
        if (top)
            overlay_take_base(laid);
        top = laid;
    }
    return top;
}

bool faults_lay(struct subject *subject, const char *const *specs, size_t count, struct error *error)
{
    if (!count)
        return true;
    struct store *top = faults_over(subject->store, subject->config, subject->source_path, specs, count, error);
    if (top)
        subject_cover(subject, top);
    return top;
}
