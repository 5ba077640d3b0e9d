/* Runs the tests of a Criterion program without Criterion's runner, whose arena the thread sanitizer has no room for:
 * each in a process of its own, one after the other, told when it fails. Stands in the program, before the library, for
 * what a test calls. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the macros have put into sections: a pointer for each. */
extern struct criterion_test *__start_cr_tst[], *__stop_cr_tst[];
extern struct criterion_suite *__start_cr_sts[] __attribute__((weak)), *__stop_cr_sts[] __attribute__((weak));

static const struct criterion_test *running;
static int failures;

static const struct criterion_suite *suite_of(const struct criterion_test *test)
{
    for (struct criterion_suite **suite = __start_cr_sts; suite < __stop_cr_sts; suite++)
        if (strcmp((*suite)->name, test->category) == 0)
            return *suite;
    return NULL;
}

void criterion_internal_test_setup(void)
{
    const struct criterion_suite *suite = suite_of(running);
    if (suite && suite->data && suite->data->init)
        suite->data->init();
    if (running->data->init)
        running->data->init();
}

void criterion_internal_test_main(void (*function)(void))
{
    function();
}

void criterion_internal_test_teardown(void)
{
    const struct criterion_suite *suite = suite_of(running);
    if (running->data->fini)
        running->data->fini();
    if (suite && suite->data && suite->data->fini)
        suite->data->fini();
}

void criterion_abort_test(void)
{
    criterion_internal_test_teardown();
    exit(1);
}

void criterion_skip_test(const char *format, ...)
{
    (void)format;
    criterion_internal_test_teardown();
    exit(0);
}

void criterion_continue_test(void)
{
}

void cri_asserts_passed_incr(void)
{
}

void criterion_send_assert(struct criterion_assert_stats *stats)
{
    failures += !stats->passed;
    if (!stats->passed)
        printf("%s:%u: %s\n", stats->file, stats->line, stats->message ? stats->message : "");
}

/* A race makes the process's own exit status. */
static bool run(const struct criterion_test *test)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        running = test;
        test->test();
        exit(failures > 0);
    }
    bool good = child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!good)
        printf("[FAIL] %s::%s\n", test->category, test->name);
    return good;
}

int main(void)
{
    int count = 0, bad = 0;
    for (struct criterion_test **test = __start_cr_tst; test < __stop_cr_tst; test++) {
        count++;
        bad += !run(*test);
    }
    printf("%d tests, %d failed\n", count, bad);
    return bad > 0 || count == 0;
}
