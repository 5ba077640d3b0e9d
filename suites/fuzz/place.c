#include "place.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACES 8

static char folder[PATH_MAX];
static pid_t owner;

static void give_up(const char *what)
{
    perror(what);
    _exit(2);
}

static int remove_one(const char *path, const struct stat *state, int kind, struct FTW *walk)
{
    (void)state, (void)kind, (void)walk;
    return remove(path);
}

static void remove_folder(void)
{
    if (getpid() == owner)
        nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void make_folder(void)
{
    const char *chosen = getenv("TMPDIR");
    const char *parent = chosen ? chosen : access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(folder, sizeof folder, "%s/assay-fuzz-XXXXXX", parent);
    if (!mkdtemp(folder))
        give_up(folder);
    owner = getpid();
    atexit(remove_folder);
}

const char *place(const char *name)
{
    static char paths[PLACES][2 * PATH_MAX];
    static size_t next;
    if (!*folder)
        make_folder();
    char *path = paths[next++ % PLACES];
    snprintf(path, sizeof *paths, "%s/%s", folder, name);
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        mkdir(path, 0700);
        *slash = '/';
    }
    return path;
}

const char *place_file(const char *name, const void *data, size_t size)
{
    const char *path = place(name);
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0 || write(descriptor, data, size) != (ssize_t)size)
        give_up(path);
    close(descriptor);
    return path;
}

const char *place_copy(const char *name, const char *source)
{
    static char chunk[1 << 20];
    const char *path = place(name);
    if (access(path, F_OK) == 0)
        return path;
    char from[PATH_MAX];
    snprintf(from, sizeof from, "%s/%s", ASSAY_SOURCE_DIR, source);
    int descriptor = open(from, O_RDONLY | O_CLOEXEC);
    ssize_t size = descriptor < 0 ? -1 : read(descriptor, chunk, sizeof chunk);
    if (size < 0 || size == sizeof chunk)
        give_up(from);
    close(descriptor);
    return place_file(name, chunk, (size_t)size);
}
