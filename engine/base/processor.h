/* What this machine computes with. */
#ifndef ASSAY_BASE_PROCESSOR_H
#define ASSAY_BASE_PROCESSOR_H

#include "base/buffer.h"

/* Appends the name of the first processor as Linux has it; false: it is unknown. */
bool processor_name(struct buffer *out);

#endif
