/* Two dumps beyond the places that the engine knows: every module that both hold under one path. */
#ifndef ASSAY_ACTIVATIONS_MODULES_H
#define ASSAY_ACTIVATIONS_MODULES_H

#include "findings/finding.h"
#include "golden/golden.h"
#include "limits/limits.h"

/* Adds layers.modules: the tensors of gold that are not among `compared` [golden_tensor_count], against those of the
 * dump of the same case, path and shape, end to end; nothing where there are none. Marks them in `marks`. */
bool modules_report(const struct golden *golden, const struct golden *dump, const struct limits *limits,
                    const bool *compared, bool *marks, struct findings *findings, struct error *error);

#endif
