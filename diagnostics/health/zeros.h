/* A tensor of nothing but zeros, and how a report names a tensor. */
#ifndef ASSAY_HEALTH_ZEROS_H
#define ASSAY_HEALTH_ZEROS_H

#include "base/buffer.h"
#include "store/store.h"

/* What is known of tensors of the same kind: nothing (a file that has just landed), that most of them hold one value
 * as well, or that they do not. */
enum peers_known { PEERS_UNKNOWN, PEERS_CONSTANT, PEERS_OTHER };

/* weights.constant: is a tensor of zeros wrong? A matrix always is, a vector unless its peers are so: then it is how
 * the model was made. Where they are unknown, only a bias is left in doubt, which may stay where it began. */
bool zeros_are_wrong(const struct tensor *tensor, enum peers_known peers);
/* What is said of it, behind its name. */
void zeros_text(struct buffer *out);

/* "FILE: tensor 'NAME'", as its file spells it, and which part of it is meant where that holds all experts. */
void tensor_text(struct buffer *out, const struct tensor *tensor);

#endif
