#include "reports/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/progress.h"

extern char **environ;

enum { TO_CHILD, FROM_CHILD, TALK, CHANNELS };

struct process {
    const char *name;
    pid_t pid;
    int ours[CHANNELS]; /* -1: closed */
    const char *input;
    size_t left;
    struct buffer *output;
    struct buffer talk; /* its standard error, cut */
    double deadline;
};

/* Moves a descriptor above the three standard ones, so that dup2 onto those cannot hit another end. */
static int descriptor_lift(int descriptor)
{
    if (descriptor > 2)
        return descriptor;
    int lifted = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    close(descriptor);
    return lifted;
}

static void descriptor_close(int *descriptor)
{
    if (*descriptor >= 0)
        close(*descriptor);
    *descriptor = -1;
}

/* Sockets, not pipes: a send to a program that is gone can be told not to raise SIGPIPE. */
static bool channels_open(int ours[CHANNELS], int theirs[CHANNELS])
{
    bool good = true;
    for (int i = 0; i < CHANNELS; i++) {
        int pair[2] = {-1, -1};
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
            good = false;
        ours[i] = pair[0] < 0 ? -1 : descriptor_lift(pair[0]);
        theirs[i] = pair[1] < 0 ? -1 : descriptor_lift(pair[1]);
        good = good && ours[i] >= 0 && theirs[i] >= 0 && fcntl(ours[i], F_SETFL, O_NONBLOCK) == 0;
    }
    return good;
}

/* An error number, 0 for success. */
static int process_spawn(struct process *process, const char *const *arguments, const int theirs[CHANNELS])
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all_default;
    sigemptyset(&none);
    sigemptyset(&all_default);
    sigaddset(&all_default, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    for (int i = 0; i < CHANNELS; i++)
        posix_spawn_file_actions_adddup2(&actions, theirs[i], i);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all_default);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    int failure = posix_spawnp(&process->pid, arguments[0], &actions, &attributes, (char *const *)arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}

static void process_feed(struct process *process)
{
    ssize_t sent = send(process->ours[TO_CHILD], process->input, process->left, MSG_NOSIGNAL);
    if (sent > 0) {
        process->input += sent;
        process->left -= (size_t)sent;
    }
    bool over = sent < 0 && errno != EAGAIN && errno != EINTR;
    if (over || process->left == 0)
        descriptor_close(&process->ours[TO_CHILD]);
}

static bool process_drain(struct process *process, int channel, struct error *error)
{
    char bytes[16384];
    ssize_t got = read(process->ours[channel], bytes, sizeof bytes);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        descriptor_close(&process->ours[channel]);
    if (got <= 0)
        return true;
    if (channel == FROM_CHILD)
        return buffer_append(process->output, bytes, (size_t)got) ||
               error_set(error, "%s wrote too much", process->name);
    size_t room = process->talk.size < 4000 ? 4000 - process->talk.size : 0;
    buffer_append(&process->talk, bytes, (size_t)got < room ? (size_t)got : room);
    return true;
}

static bool process_late(const struct process *process, struct error *error)
{
    if (clock_seconds() < process->deadline)
        return false;
    error_set(error, "%s did not end in time", process->name);
    return true;
}

/* Until the program has closed both its outputs. */
static bool process_pump(struct process *process, struct error *error)
{
    while (process->ours[FROM_CHILD] >= 0 || process->ours[TALK] >= 0) {
        struct pollfd polled[CHANNELS];
        for (int i = 0; i < CHANNELS; i++)
            polled[i] = (struct pollfd){.fd = process->ours[i], .events = i == TO_CHILD ? POLLOUT : POLLIN};
        if (poll(polled, CHANNELS, 100) < 0 && errno != EINTR)
            return error_errno(error, "%s: poll", process->name);
        if (process_late(process, error))
            return false;
        if (polled[TO_CHILD].revents && process->ours[TO_CHILD] >= 0)
            process_feed(process);
        for (int i = FROM_CHILD; i < CHANNELS; i++)
            if (polled[i].revents && !process_drain(process, i, error))
                return false;
    }
    return true;
}

/* Waits until the deadline, or kills at once when `pumped` says that something went wrong. */
static bool process_end(struct process *process, bool pumped, struct error *error)
{
    int status = 0;
    pid_t ended = 0;
    while (pumped && (ended = waitpid(process->pid, &status, WNOHANG)) == 0) {
        pumped = !process_late(process, error);
        poll(NULL, 0, 2);
    }
    if (!pumped) {
        kill(-process->pid, SIGKILL);
        while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
            ;
        return false;
    }
    if (ended < 0) /* somebody else reaped it: only its output can tell */
        return true;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    const char *said = process->talk.data ? process->talk.data : "";
    said += strspn(said, "\n ");
    const char *how = WIFEXITED(status) ? "ended with status" : "was ended by signal";
    return error_set(error, "%s %s %d%s%.*s", process->name, how,
                     WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), *said ? ": " : "",
                     (int)strcspn(said, "\n"), said);
}

bool process_run(const char *const *arguments, const void *input, size_t size, double seconds, struct buffer *output,
                 struct error *error)
{
    struct process process = {
        .name = arguments[0], .input = input, .left = size, .output = output, .deadline = clock_seconds() + seconds};
    int theirs[CHANNELS];
    bool good = channels_open(process.ours, theirs) || error_errno(error, "%s: cannot make a pipe", process.name);
    int failure = good ? process_spawn(&process, arguments, theirs) : 0;
    for (int i = 0; i < CHANNELS; i++)
        descriptor_close(&theirs[i]);
    if (failure)
        good = error_set(error, "%s could not be started: %s", process.name, strerror(failure));
    if (good)
        good = process_end(&process, process_pump(&process, error), error);
    for (int i = 0; i < CHANNELS; i++)
        descriptor_close(&process.ours[i]);
    buffer_free(&process.talk);
    return good;
}
