#include "work.h"

static _Thread_local size_t blocks;

/* The compiler calls it in every block. */
void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    blocks++;
}

size_t work_done(void)
{
    return blocks;
}
