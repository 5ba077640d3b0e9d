#include "cli/program.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/arguments.h"
#include "cli/say.h"
#include "quality/cld2.h"

/* Removes what is half written, then ends as the signal would have. One that comes again meanwhile, as from timeout,
 * which sends it to the process and to its group, is taken by another thread, and waits for that. */
static void on_end(int number)
{
    static atomic_flag ending = ATOMIC_FLAG_INIT;
    if (atomic_flag_test_and_set(&ending))
        return;
    file_stop();
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL); /* for threads that are just beginning a file */
    file_abandon_all();
    signal(number, SIG_DFL);
    raise(number);
}

/* A signal that is ignored, as under nohup, stays so. */
static void catch_ends(void)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGXCPU};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction old, action = {.sa_handler = on_end, .sa_flags = SA_RESTART};
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
}

/* A file that is opened while one of the first three descriptors is closed would get that number, and what is said on
 * stderr would be written into it. In their places stands what can neither be read from nor written to, as before. */
static void reserve_standard(void)
{
    for (int number = STDIN_FILENO; number <= STDERR_FILENO; number++)
        if (fcntl(number, F_GETFD) < 0)
            open("/", O_PATH); /* which takes the lowest number that is free */
}

/* In a library of C++: an exception has no way through C. */
static void on_shortage(void)
{
    static const char message[] = "assay: out of memory\n";
    ssize_t told = write(STDERR_FILENO, message, sizeof message - 1);
    (void)told;
    file_stop();
    file_abandon_all();
    _exit(EXIT_ERROR);
}

void program_begin(void)
{
    reserve_standard();
    cxx_on_shortage(on_shortage);
    /* Activations come and go with every layer: keep their memory instead of asking the system for fresh, zeroed pages.
     */
    mallopt(M_MMAP_THRESHOLD, 256 << 20);
    mallopt(M_TRIM_THRESHOLD, 512 << 20);
    /* A limit on file sizes is an error like a full disk, with a message, and leaves nothing behind. */
    signal(SIGXFSZ, SIG_IGN);
    catch_ends();
}

int program_finish(const char *program, int status)
{
    bool lost = ferror(stdout) != 0;
    if ((fflush(stdout) == 0 && !lost) || status > EXIT_FAIL)
        return status;
    say(stderr, "%s: stdout: cannot write\n", program);
    return EXIT_ERROR;
}

void program_end(int status)
{
    fflush(stderr);
#ifndef __SANITIZE_ADDRESS__
    _exit(status);
#else
    exit(status);
#endif
}
