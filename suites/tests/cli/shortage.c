/* Loaded before the C library (LD_PRELOAD): makes one call of a kind fail, as a machine does that is short of memory or
 * has a failing disk. SHORTAGE=KIND:N: the N-th since the program has begun, KIND being one of the rows below;
 * SHORTAGE=count: none, and SHORTAGE_TO names the file that gets how many there were of each. */
#undef _FILE_OFFSET_BITS /* both widths are taken */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { KIND_MEMORY, KIND_OPEN, KIND_READ, KIND_WRITE, KIND_SYNC, KIND_RENAME, KIND_COUNT };
static const char *const names[] = {"memory", "open", "read", "write", "sync", "rename"};

static atomic_bool begun;
static atomic_long calls[KIND_COUNT];
static long fails[KIND_COUNT]; /* 0: none */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static bool is_short(enum kind kind, int reason)
{
    if (!atomic_load(&begun) || atomic_fetch_add(&calls[kind], 1) + 1 != fails[kind])
        return false;
    errno = reason;
    return true;
}

/* The first thing that a program of assay does (cli/program.c). */
int mallopt(int parameter, int value)
{
    (void)parameter, (void)value;
    const char *asked = getenv("SHORTAGE");
    for (int kind = 0; asked && kind < KIND_COUNT; kind++) {
        size_t length = strlen(names[kind]);
        if (strncmp(asked, names[kind], length) == 0 && asked[length] == ':')
            fails[kind] = atol(asked + length + 1);
    }
    atomic_store(&begun, true);
    return 1;
}

static void tell(void)
{
    const char *path = getenv("SHORTAGE_TO");
    atomic_store(&begun, false);
    int file = path ? creat(path, 0600) : -1;
    for (int kind = 0; file >= 0 && kind < KIND_COUNT; kind++)
        dprintf(file, "%s %ld\n", names[kind], atomic_load(&calls[kind]));
}

/* The C library's own, as a function of any type. */
static void next_find(const char *name, void *next)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(next, &found, sizeof found);
}

void _exit(int status)
{
    void (*next)(int);
    tell();
    next_find("_exit", &next);
    next(status);
    abort();
}

void *malloc(size_t size)
{
    return is_short(KIND_MEMORY, ENOMEM) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return is_short(KIND_MEMORY, ENOMEM) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return is_short(KIND_MEMORY, ENOMEM) ? NULL : __libc_realloc(old, size);
}

int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return is_short(KIND_OPEN, EMFILE) ? -1 : openat(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return is_short(KIND_OPEN, EMFILE) ? -1 : openat(AT_FDCWD, path, flags, mode);
}

#define FORWARD(result, name, kind, reason, failed, parameters, arguments)                                             \
    result name parameters                                                                                             \
    {                                                                                                                  \
        static result(*next) parameters;                                                                               \
        if (!next)                                                                                                     \
            next_find(#name, &next);                                                                                   \
        return is_short(kind, reason) ? (failed) : next arguments;                                                     \
    }

FORWARD(ssize_t, read, KIND_READ, EIO, -1, (int file, void *to, size_t size), (file, to, size))
FORWARD(ssize_t, pread, KIND_READ, EIO, -1, (int file, void *to, size_t size, off_t at), (file, to, size, at))
FORWARD(ssize_t, pread64, KIND_READ, EIO, -1, (int file, void *to, size_t size, off64_t at), (file, to, size, at))
FORWARD(struct dirent *, readdir, KIND_READ, EIO, NULL, (DIR * folder), (folder))
FORWARD(struct dirent64 *, readdir64, KIND_READ, EIO, NULL, (DIR * folder), (folder))
FORWARD(ssize_t, write, KIND_WRITE, ENOSPC, -1, (int file, const void *from, size_t size), (file, from, size))
FORWARD(ssize_t, pwrite, KIND_WRITE, ENOSPC, -1, (int file, const void *from, size_t size, off_t at),
        (file, from, size, at))
FORWARD(ssize_t, pwrite64, KIND_WRITE, ENOSPC, -1, (int file, const void *from, size_t size, off64_t at),
        (file, from, size, at))
FORWARD(int, fsync, KIND_SYNC, EIO, -1, (int file), (file))
FORWARD(int, syncfs, KIND_SYNC, EIO, -1, (int file), (file))
FORWARD(int, rename, KIND_RENAME, EACCES, -1, (const char *from, const char *to), (from, to))
