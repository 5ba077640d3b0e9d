/* Is everything there? The exact set of tensors that the configuration calls for, against what the store holds. */
#ifndef ASSAY_INVENTORY_INVENTORY_H
#define ASSAY_INVENTORY_INVENTORY_H

#include "findings/finding.h"
#include "golden/golden.h"
#include "model/config.h"
#include "store/origin.h"

struct inventory_request {
    const struct store *store;
    const struct model_config *config;
    const struct origin *origin;   /* of the original; NULL: unknown */
    const char *source;            /* path of the original, for commands; NULL: it was not named */
    bool departs;                  /* what is absent is so by a fault that was laid over the files */
    struct golden *const *goldens; /* their router logits tell which experts tokens meet */
    size_t golden_count;
    bool causes; /* look for what the gaps have in common, and for how many tokens meet them */
};

/* Reads headers only. Of a family that is not known it holds layers and experts against each other, and skips what it
 * cannot judge: inventory_unknown.h. Adds
 * inventory.computable  of a model that cannot be computed: why
 * inventory.files       files that cannot be read
 * inventory.misplaced   of an extraction: files that hold another block, layer or expert than their names say
 * inventory.pattern     with `causes`: see gaps.h
 * inventory.absent      tensors that the configuration calls for and that are not there; with gaps, a map of layers and
 *                       experts (1 there, 0.5 in part, 0 absent)
 * inventory.biases      of a GGUF file: biases that some layers have and others do not
 * inventory.blast       with `causes`: see blast.h
 * inventory.incomplete  experts, attentions, pairs of norms ... of which only a part is there
 * inventory.misnamed    tensors whose names are nearly those of absent ones
 * inventory.duplicates  tensors that are there twice
 * inventory.shape
 * inventory.dtype       it fails for what the engine cannot compute with, and warns of a tensor in another type than
 *                       most of its class where the configuration does not call for that
 * inventory.extra       tensors that the configuration does not call for */
bool inventory_inspect(const struct inventory_request *request, struct findings *findings, struct error *error);

/* inventory.files and, of an extraction, inventory.misplaced alone. `set` is what is called for, NULL where that is not
 * known: a tensor that an index announces, no file holds and nobody calls for is a warning. False: out of memory. */
struct expected_set;
bool inventory_files(const struct store *store, const struct expected_set *set, struct findings *findings);

/* The same without causes: is everything there? */
bool inventory_check(const struct store *store, const struct model_config *config, struct findings *findings,
                     struct error *error);

#endif
