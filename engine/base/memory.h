/* How much memory this process may take. */
#ifndef ASSAY_BASE_MEMORY_H
#define ASSAY_BASE_MEMORY_H

#include <stdint.h>

/* The limit of the control groups that this process is in (a container's, a service's), versions 1 and 2, in bytes; 0:
 * none. `root` is where /proc and /sys lie: "", but for tests. */
uint64_t memory_limit(const char *root);

/* What the machine has, in bytes; 0: unknown. */
uint64_t memory_machine(void);

#endif
