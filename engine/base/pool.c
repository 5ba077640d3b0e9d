#include "base/pool.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

/* Who waits looks this many times before it sleeps: runs follow each other closely in a forward pass, and waking a
 * sleeping thread costs more than a small product. */
#define POOL_SPINS 4000

struct worker {
    struct pool *pool;
    pthread_t thread;
    int index;
};

/* `ticket` holds the number of the run, even between two runs and odd within one, above the next task of it. A thread
 * takes a task by exchanging exactly the ticket that it saw, so one that comes late, when the run has ended or another
 * has begun, takes nothing: nobody waits for a worker that is still asleep, only for tasks that were taken. */
struct pool {
    int threads;
    struct worker *workers; /* threads - 1 of them */
    pthread_mutex_t lock;
    pthread_cond_t wake;  /* workers sleep on it */
    pthread_cond_t ended; /* pool_run sleeps on it */
    atomic_bool stop;
    atomic_uint_fast64_t ticket;
    atomic_size_t left; /* tasks that have not ended */
    atomic_size_t count;
    _Atomic(pool_task *) task;
    _Atomic(void *) context;
};

static uint32_t ticket_run(uint64_t ticket)
{
    return (uint32_t)(ticket >> 32);
}

static uint64_t run_ticket(uint32_t run)
{
    return (uint64_t)run << 32;
}

static void pool_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* The last task of a run has ended: pool_run may be asleep. The lock makes sure that it does not miss it. */
static void pool_end(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pthread_cond_signal(&pool->ended);
    pthread_mutex_unlock(&pool->lock);
}

/* Takes tasks of run `run` as long as there are any. */
static void pool_work(struct pool *pool, uint32_t run, int thread)
{
    uint64_t ticket = atomic_load(&pool->ticket);
    while (ticket_run(ticket) == run) {
        size_t at = (uint32_t)ticket, count = atomic_load(&pool->count);
        pool_task *task = atomic_load(&pool->task);
        void *context = atomic_load(&pool->context);
        if (at >= count)
            return;
        if (!atomic_compare_exchange_weak(&pool->ticket, &ticket, ticket + 1))
            continue;
        task(context, at, thread);
        if (atomic_fetch_sub(&pool->left, 1) == 1 && thread > 0)
            pool_end(pool);
        ticket = atomic_load(&pool->ticket);
    }
}

static bool pool_has_news(struct pool *pool, uint32_t seen)
{
    uint32_t run = ticket_run(atomic_load(&pool->ticket));
    return atomic_load(&pool->stop) || (run != seen && run % 2 == 1);
}

/* Until a run other than `seen` is there, or the end. */
static void worker_wait(struct pool *pool, uint32_t seen)
{
    for (int spin = 0; spin < POOL_SPINS; spin++) {
        if (pool_has_news(pool, seen))
            return;
        pool_pause();
    }
    pthread_mutex_lock(&pool->lock);
    while (!pool_has_news(pool, seen))
        pthread_cond_wait(&pool->wake, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

static void *pool_thread(void *argument)
{
    struct worker *worker = argument;
    struct pool *pool = worker->pool;
    for (uint32_t seen = 0;;) {
        worker_wait(pool, seen);
        if (atomic_load(&pool->stop))
            return NULL;
        seen = ticket_run(atomic_load(&pool->ticket));
        if (seen % 2 == 1)
            pool_work(pool, seen, worker->index);
    }
}

static void pool_wake(struct pool *pool, uint32_t run)
{
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->ticket, run_ticket(run));
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
    pthread_cond_init(&pool->ended, NULL);
    pool->threads = 1;
    for (int index = 1; index < wanted; index++) {
        struct worker *worker = &pool->workers[index - 1];
        *worker = (struct worker){.pool = pool, .index = index};
        if (pthread_create(&worker->thread, NULL, pool_thread, worker) != 0) {
            error_set(error, "cannot start thread %d of %d: ask for fewer with --threads", index + 1, wanted);
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

/* Until the tasks that workers took have ended. */
static void pool_wait(struct pool *pool)
{
    for (int spin = 0; spin < POOL_SPINS; spin++) {
        if (atomic_load(&pool->left) == 0)
            return;
        pool_pause();
    }
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->left) > 0)
        pthread_cond_wait(&pool->ended, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

void pool_run(struct pool *pool, size_t count, pool_task *task, void *context)
{
    if (pool->threads == 1 || count <= 1) {
        for (size_t i = 0; i < count; i++)
            task(context, i, 0);
        return;
    }
    assert(count <= UINT32_MAX);
    uint32_t run = ticket_run(atomic_load(&pool->ticket)) + 1;
    atomic_store(&pool->count, count);
    atomic_store(&pool->task, task);
    atomic_store(&pool->context, context);
    atomic_store(&pool->left, count);
    pool_wake(pool, run);
    pool_work(pool, run, 0);
    pool_wait(pool);
    atomic_store(&pool->ticket, run_ticket(run + 1));
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->stop, true);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->threads - 1; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->ended);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool->workers);
    free(pool);
}
