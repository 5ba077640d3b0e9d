/* What no experiment explains. */
#ifndef ASSAY_CAUSES_REST_H
#define ASSAY_CAUSES_REST_H

#include "causes/hunt.h"
#include "findings/finding.h"

/* The check of all findings of causes. */
#define CAUSE_CHECK "cause"

/* Tensors that are absent in blocks that are still bad, and that no proved cause put there; `*modules`: bad ones there.
 */
size_t rest_absent(const struct hunt *hunt, size_t *modules);

/* Adds a cause for what is absent, likely, not proved, and one for what stays unexplained; nothing where all is
 * explained. False: out of memory. */
bool rest_report(const struct hunt *hunt, struct findings *findings);

#endif
