/* What does this gold say about this subject? Gold of which little or nothing was compared proves little or nothing. */
#ifndef ASSAY_ACTIVATIONS_GOLD_USE_H
#define ASSAY_ACTIVATIONS_GOLD_USE_H

#include "base/hash.h"
#include "findings/finding.h"
#include "golden/golden.h"

/* Are the subject's weights those that the dump says it was made from? `*same` also where it does not say. `hex` is the
 * hash of the subject's, if it does; reading all weights is done once for a store. */
bool gold_same_weights(const struct golden *golden, struct store *store, char hex[SHA256_TEXT], bool *same,
                       struct error *error);

/* Adds gold.weights when the dump records the hash of the weights it was made from: it fails for any others, unless the
 * subject's are known to have been `rounded`. `*same` is set when they are the subject's, byte for byte. Reads all
 * weights. */
bool gold_check_weights(const struct golden *golden, struct store *store, bool rounded, bool *same,
                        struct findings *findings, struct error *error);

/* Adds gold.read, which tells what was done to understand gold, and the dump in the subject's place (NULL: it is a
 * model); nothing where that is nothing. */
bool gold_report_reading(const struct golden *golden, const struct golden *dump, struct findings *findings,
                         struct error *error);

/* What was compared of a dump. */
struct gold_use {
    const bool *tensors;      /* [golden_tensor_count] */
    bool activations, logits; /* which tensors were asked for: all; those of lm_head */
    const bool *cases;        /* [golden_case_count]: the subject has them; NULL: all */
    size_t others;            /* continuations and perplexities that were compared, */
    size_t others_wanted;     /* of so many that the dump records */
    bool outcome;             /* something behind the last layer was compared: logits, a continuation, a perplexity */
    bool partly;              /* some rows of a tensor were */
    const char *subject;      /* path */
};

/* Adds gold.compared: it fails when nothing was compared, when no tensor of those that were asked for was, and for
 * every case that the subject lacks; it warns, with their names, when tensors were left out, and when nothing of the
 * outcome was compared. */
bool gold_check_use(const struct golden *golden, const struct gold_use *use, struct findings *findings,
                    struct error *error);

#endif
