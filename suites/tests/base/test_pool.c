#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/pool.h"

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

TestSuite(pool, .timeout = 120);

struct tally {
    atomic_int *done; /* for each task */
    atomic_int wrong_thread;
    int threads;
};

static void count_task(void *context, size_t task, int thread)
{
    struct tally *tally = context;
    atomic_fetch_add(&tally->done[task], 1);
    if (thread < 0 || thread >= tally->threads)
        atomic_fetch_add(&tally->wrong_thread, 1);
}

static const int thread_counts[] = {1, 2, 3, 8, 64};

Test(pool, every_task_runs_once)
{
    static const size_t counts[] = {0, 1, 2, 3, 7, 64, 1000, 100000};
    for (size_t i = 0; i < COUNT(thread_counts); i++) {
        struct error error = {0};
        struct pool *pool = pool_new(thread_counts[i], &error);
        cr_assert(pool, "%s", error_text(&error));
        cr_assert_eq(pool_threads(pool), thread_counts[i]);
        for (size_t k = 0; k < COUNT(counts); k++) {
            struct tally tally = {.done = calloc(counts[k] + 1, sizeof *tally.done), .threads = thread_counts[i]};
            pool_run(pool, counts[k], count_task, &tally);
            for (size_t task = 0; task < counts[k]; task++)
                cr_assert_eq(atomic_load(&tally.done[task]), 1, "task %zu of %zu ran %d times on %d threads", task,
                             counts[k], atomic_load(&tally.done[task]), thread_counts[i]);
            cr_expect_eq(atomic_load(&tally.wrong_thread), 0);
            free(tally.done);
        }
        pool_free(pool);
    }
    pool_free(NULL);
}

struct exclusive {
    atomic_int inside[64];
    atomic_int clashes;
};

/* No two tasks at once with the same thread number: scratch memory is kept by it. */
static void exclusive_task(void *context, size_t task, int thread)
{
    struct exclusive *exclusive = context;
    if (atomic_fetch_add(&exclusive->inside[thread], 1) != 0)
        atomic_fetch_add(&exclusive->clashes, 1);
    for (volatile size_t i = 0; i < task % 50; i++)
        ;
    atomic_fetch_sub(&exclusive->inside[thread], 1);
}

Test(pool, a_thread_number_is_used_by_one_task_at_a_time)
{
    struct error error = {0};
    struct pool *pool = pool_new(8, &error);
    struct exclusive exclusive = {0};
    for (int run = 0; run < 200; run++)
        pool_run(pool, 200, exclusive_task, &exclusive);
    cr_expect_eq(atomic_load(&exclusive.clashes), 0);
    pool_free(pool);
}

static void sum_task(void *context, size_t task, int thread)
{
    (void)thread;
    atomic_fetch_add((atomic_size_t *)context, task + 1);
}

/* 100,000 runs in a row, as in a long generation: none is lost, none starts before the last has ended. */
Test(pool, many_short_runs)
{
    for (size_t i = 0; i < 4; i++) {
        struct error error = {0};
        struct pool *pool = pool_new(thread_counts[i], &error);
        for (int run = 0; run < 100000 / (thread_counts[i] > 2 ? 10 : 1); run++) {
            atomic_size_t sum = 0;
            pool_run(pool, 3, sum_task, &sum);
            cr_assert_eq(atomic_load(&sum), 6, "run %d on %d threads", run, thread_counts[i]);
        }
        pool_free(pool);
    }
}

/* Sleeping, seen and ruled: the base is linked with these in the place of pthread_cond_wait. */
static _Thread_local bool calls_pool_run;
static atomic_bool caller_sleeps, workers_stay_away;
static atomic_int workers_away;

int __real_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *lock);
int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *lock);
int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *lock)
{
    if (calls_pool_run)
        atomic_store(&caller_sleeps, true);
    else if (atomic_load(&workers_stay_away)) {
        pthread_mutex_unlock(lock);
        atomic_fetch_add(&workers_away, 1);
        while (atomic_load(&workers_stay_away))
            usleep(1000);
        pthread_mutex_lock(lock);
        return 0;
    }
    return __real_pthread_cond_wait(condition, lock);
}

/* The worker's task ends only when the caller, which has nothing left to do, sleeps. */
static void outlasting_task(void *context, size_t task, int thread)
{
    (void)task;
    atomic_bool *begun = context;
    if (thread > 0)
        atomic_store(begun, true);
    while (!atomic_load(thread > 0 ? &caller_sleeps : begun))
        usleep(1000);
}

Test(pool, the_caller_sleeps_until_the_last_task_has_ended)
{
    struct error error = {0};
    struct pool *pool = pool_new(2, &error);
    calls_pool_run = true;
    for (int run = 0; run < 5; run++) {
        atomic_bool begun = false;
        atomic_store(&caller_sleeps, false);
        pool_run(pool, 2, outlasting_task, &begun);
        cr_expect(atomic_load(&begun) && atomic_load(&caller_sleeps));
    }
    calls_pool_run = false;
    pool_free(pool);
}

/* A busy machine gives a worker no time: the caller does its work, and does not wait for it. */
Test(pool, nobody_waits_for_a_worker_that_does_not_come)
{
    enum { THREADS = 4 };
    struct error error = {0};
    atomic_store(&workers_stay_away, true);
    struct pool *pool = pool_new(THREADS, &error);
    while (atomic_load(&workers_away) < THREADS - 1)
        usleep(1000);
    for (int run = 0; run < 100; run++) {
        atomic_size_t sum = 0;
        pool_run(pool, 100, sum_task, &sum);
        cr_assert_eq(atomic_load(&sum), 5050);
    }
    atomic_store(&workers_stay_away, false);
    atomic_size_t sum = 0;
    pool_run(pool, 100, sum_task, &sum);
    cr_expect_eq(atomic_load(&sum), 5050);
    pool_free(pool);
}

/* Each task ends only when all have begun. */
static void meeting_task(void *context, size_t task, int thread)
{
    (void)task;
    (void)thread;
    atomic_int *missing = context;
    atomic_fetch_sub(missing, 1);
    while (atomic_load(missing) > 0)
        sched_yield();
}

Test(pool, as_many_tasks_as_threads_run_side_by_side)
{
    for (size_t i = 0; i < COUNT(thread_counts); i++) {
        struct error error = {0};
        struct pool *pool = pool_new(thread_counts[i], &error);
        for (int run = 0; run < 20; run++) {
            atomic_int missing = thread_counts[i];
            pool_run(pool, (size_t)thread_counts[i], meeting_task, &missing);
            cr_expect_eq(atomic_load(&missing), 0);
        }
        pool_free(pool);
    }
}

/* Workers that went to sleep between two runs are woken. */
Test(pool, runs_after_a_pause)
{
    struct error error = {0};
    struct pool *pool = pool_new(4, &error);
    for (int run = 0; run < 20; run++) {
        atomic_size_t sum = 0;
        usleep(5000);
        pool_run(pool, 100, sum_task, &sum);
        cr_assert_eq(atomic_load(&sum), 5050);
    }
    pool_free(pool);
}

Test(pool, is_made_and_freed_many_times)
{
    struct error error = {0};
    for (int i = 0; i < 500; i++) {
        struct pool *pool = pool_new(4, &error);
        atomic_size_t sum = 0;
        if (i % 2)
            pool_run(pool, 10, sum_task, &sum);
        pool_free(pool);
    }
    struct pool *pool = pool_new(0, &error);
    cr_expect(pool && pool_threads(pool) >= 1 && pool_threads(pool) <= (int)sysconf(_SC_NPROCESSORS_CONF));
    pool_free(pool);
}
