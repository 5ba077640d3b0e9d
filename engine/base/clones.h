/* One source, compiled for each level of the processor; the loader picks, which is before the sanitizers are ready. */
#ifndef ASSAY_BASE_CLONES_H
#define ASSAY_BASE_CLONES_H

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

#endif
