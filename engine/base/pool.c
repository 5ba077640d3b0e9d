#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Between two runs a worker looks at `generation` this many times before it sleeps: runs follow each other closely in a
 * forward pass, and waking a sleeping thread costs more than a small product. */
#define POOL_SPINS 4000

struct worker {
    struct pool *pool;
    pthread_t thread;
    int index;
};

struct pool {
    int threads;
    struct worker *workers; /* threads - 1 of them */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    atomic_uint generation; /* counts runs */
    atomic_bool stop;
    atomic_size_t next;
    atomic_int busy; /* workers that have not finished this run */
    size_t count;
    pool_task *task;
    void *context;
};

static void pool_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void pool_work(struct pool *pool, int thread)
{
    size_t task;
    while ((task = atomic_fetch_add(&pool->next, 1)) < pool->count)
        pool->task(pool->context, task, thread);
}

static void pool_wait(struct pool *pool, unsigned seen)
{
    for (int spin = 0; spin < POOL_SPINS; spin++) {
        if (atomic_load(&pool->generation) != seen)
            return;
        pool_pause();
    }
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->generation) == seen)
        pthread_cond_wait(&pool->wake, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

static void *pool_thread(void *argument)
{
    struct worker *worker = argument;
    struct pool *pool = worker->pool;
    unsigned seen = 0;
    for (;;) {
        pool_wait(pool, seen);
        seen++;
        if (atomic_load(&pool->stop))
            return NULL;
        pool_work(pool, worker->index);
        atomic_fetch_sub(&pool->busy, 1);
    }
}

static void pool_wake(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->generation, 1);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

static int pool_processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count < 1 ? 1 : count;
}

struct pool *pool_new(int threads, struct error *error)
{
    struct pool *pool = calloc(1, sizeof *pool);
    int wanted = threads > 0 ? threads : pool_processors();
    if (pool)
        pool->workers = calloc((size_t)wanted, sizeof *pool->workers);
    if (!pool || !pool->workers) {
        free(pool);
        error_memory(error, "threads");
        return NULL;
    }
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->threads = 1;
    for (int index = 1; index < wanted; index++) {
        struct worker *worker = &pool->workers[index - 1];
        *worker = (struct worker){.pool = pool, .index = index};
        if (pthread_create(&worker->thread, NULL, pool_thread, worker) != 0) {
            error_set(error, "cannot start thread %d of %d", index + 1, wanted);
            pool_free(pool);
            return NULL;
        }
        pool->threads++;
    }
    return pool;
}

int pool_threads(const struct pool *pool)
{
    return pool->threads;
}

void pool_run(struct pool *pool, size_t count, pool_task *task, void *context)
{
    if (pool->threads == 1 || count <= 1) {
        for (size_t i = 0; i < count; i++)
            task(context, i, 0);
        return;
    }
    pool->count = count;
    pool->task = task;
    pool->context = context;
    atomic_store(&pool->next, 0);
    atomic_store(&pool->busy, pool->threads - 1);
    pool_wake(pool);
    pool_work(pool, 0);
    for (int spin = 0; atomic_load(&pool->busy) > 0; spin++) {
        if (spin < POOL_SPINS)
            pool_pause();
        else
            sched_yield();
    }
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    atomic_store(&pool->stop, true);
    pool_wake(pool);
    for (int i = 0; i < pool->threads - 1; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool->workers);
    free(pool);
}
