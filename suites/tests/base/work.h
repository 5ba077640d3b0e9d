/* How much work code does, counted, where seconds would depend on what else the machine does: the basic blocks that ran
 * in the files named by assay_counted in CMakeLists.txt, which are compiled so that each block calls a counter. */
#ifndef ASSAY_TESTS_WORK_H
#define ASSAY_TESTS_WORK_H

#include <stddef.h>

/* Blocks that this thread ran so far. */
size_t work_done(void);

#endif
