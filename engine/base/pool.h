/* One pool of threads for everything. Work is cut into tasks by the caller, never by the number of threads, so results
 * do not depend on it. */
#ifndef ASSAY_BASE_POOL_H
#define ASSAY_BASE_POOL_H

#include <stddef.h>

#include "base/error.h"

struct pool;

/* Task `task` of a run, on thread `thread` (0 <= thread < pool_threads). */
typedef void pool_task(void *context, size_t task, int thread);

/* `threads` <= 0: one for each processor that this process may use. */
struct pool *pool_new(int threads, struct error *error);
int pool_threads(const struct pool *pool);

/* Runs tasks 0 .. count-1, each once, in any order; returns when all are done. The caller's thread works too. Not
 * re-entrant: a task must not call it. */
void pool_run(struct pool *pool, size_t count, pool_task *task, void *context);

void pool_free(struct pool *pool);

#endif
