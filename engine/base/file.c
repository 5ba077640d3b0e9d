#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/wording.h"

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG);
}

bool file_is_link(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISLNK(status.st_mode);
}

bool file_is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

bool folder_holds(const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    bool there = path && file_exists(path);
    free(path);
    return there;
}

bool file_size(const char *path, uint64_t *size, struct error *error)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return error_errno(error, "%s", path);
    if (!S_ISREG(status.st_mode))
        return error_set(error, "%s: not a regular file", path);
    *size = (uint64_t)status.st_size;
    return true;
}

bool file_state(int descriptor, const char *path, struct file_state *state, struct error *error)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0)
        return error_errno(error, "%s", path);
    if (!S_ISREG(status.st_mode))
        return error_set(error, "%s: not a regular file", path);
    *state = (struct file_state){.device = (uint64_t)status.st_dev,
                                 .inode = (uint64_t)status.st_ino,
                                 .size = (uint64_t)status.st_size,
                                 .links = (uint64_t)status.st_nlink,
                                 .modified_s = status.st_mtim.tv_sec,
                                 .modified_ns = status.st_mtim.tv_nsec};
    return true;
}

const char *file_state_change(const struct file_state *then, const struct file_state *now)
{
    if (then->device != now->device || then->inode != now->inode)
        return "another file has taken its place";
    if (then->size != now->size)
        return now->size < then->size ? "it has shrunk" : "it has grown";
    if (then->links && !now->links)
        return "it was removed, or another file has taken its place";
    bool same = then->modified_s == now->modified_s && then->modified_ns == now->modified_ns;
    return same ? NULL : "it was written to";
}

int file_open(const char *path, struct file_state *state, struct error *error)
{
    struct file_state unasked;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0)
        error_errno(error, "%s", path);
    if (descriptor < 0 || file_state(descriptor, path, state ? state : &unasked, error))
        return descriptor;
    close(descriptor);
    return -1;
}

#define PIPE_PATIENCE_MS 10000
#define LOCK_TRIES 100
#define LOCK_PAUSE_NS 20000000 /* the longest wait is two seconds */

/* Opens for reading from the beginning; -1 with the reason. A pipe that lies in a folder may have no writer, ever, and
 * opening it would wait for one; one that the shell made (/dev/fd/63) has. A device is read only under its own name:
 * behind a link in a model's folder it has no end, or waits. */
static int open_reading(const char *path, struct error *error)
{
    struct stat status;
    bool of_shell =
        strncmp(path, "/dev/fd/", 8) == 0 || strcmp(path, "/dev/stdin") == 0 || strncmp(path, "/proc/", 6) == 0;
    bool there = !of_shell && stat(path, &status) == 0, named = there && S_ISFIFO(status.st_mode);
    bool own_name = strncmp(path, "/dev/", 5) == 0 && !strchr(path + 5, '/');
    if (there && (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) && !own_name) {
        error_set(error, "%s: is a device, and nothing is read from it", path);
        return -1;
    }
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | (named ? O_NONBLOCK : 0));
    if (descriptor < 0) {
        error_errno(error, "%s", path);
        return -1;
    }
    struct pollfd ready = {.fd = descriptor, .events = POLLIN};
    int events = named ? poll(&ready, 1, PIPE_PATIENCE_MS) : 1;
    if (events > 0 && (!named || fcntl(descriptor, F_SETFL, 0) == 0))
        return descriptor;
    error_set(error, "%s: is a pipe, and nothing was written to it for %d seconds", path, PIPE_PATIENCE_MS / 1000);
    close(descriptor);
    return -1;
}

bool file_read(const char *path, size_t maximum, struct buffer *out, struct error *error)
{
    int descriptor = open_reading(path, error);
    if (descriptor < 0)
        return false;
    bool good = true;
    size_t total = 0;
    for (;;) {
        if (!buffer_reserve(out, 65536)) {
            good = error_memory(error, path);
            break;
        }
        ssize_t got = read(descriptor, out->data + out->size, out->capacity - out->size - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            good = error_errno(error, "%s: cannot read", path);
        if (got <= 0)
            break;
        out->size += (size_t)got;
        total += (size_t)got;
        if (total > maximum) {
            good = error_set(error, "%s: is larger than the %zu bytes that are allowed for a file of this kind", path,
                             maximum);
            break;
        }
    }
    close(descriptor);
    if (good)
        buffer_append(out, "", 0);
    return good;
}

bool file_read_at(int descriptor, const char *path, uint64_t offset, void *out, size_t size, struct error *error)
{
    char *to = out;
    while (size) {
        size_t chunk = size < ((size_t)1 << 30) ? size : (size_t)1 << 30;
        ssize_t got = pread(descriptor, to, chunk, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_errno(error, "%s: cannot read at byte %llu", path, (unsigned long long)offset);
        if (got == 0)
            return error_set(error, "%s: ends at byte %llu, %zu byte%s short of what its header promised", path,
                             (unsigned long long)offset, size, text_plural(size));
        to += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return true;
}

char *path_join(const char *folder, const char *name)
{
    char *path = NULL;
    size_t length = strlen(folder);
    const char *slash = length && folder[length - 1] == '/' ? "" : "/";
    return asprintf(&path, "%s%s%s", folder, slash, name) < 0 ? NULL : path;
}

const char *path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *path_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
}

char *path_beside(const char *file, const char *name)
{
    char *folder = file && *name != '/' ? path_folder(file) : NULL;
    char *path = folder && strcmp(folder, ".") != 0 ? path_join(folder, name) : strdup(name);
    free(folder);
    return path;
}

bool path_stays_inside(const char *folder, const char *name)
{
    char root[PATH_MAX], real[PATH_MAX];
    char *path = path_join(folder, name);
    bool resolved = path && realpath(folder, root) && realpath(path, real);
    free(path);
    if (!resolved)
        return false;
    size_t length = strlen(root);
    if (strncmp(real, root, length) == 0 && real[length] == '/')
        return true;
    /* REPOSITORY/snapshots/REVISION/... has REPOSITORY/blobs/HASH; what was downloaded elsewhere that of any model. */
    char *last = strstr(root, "/snapshots/"), *next;
    while (last && (next = strstr(last + 1, "/snapshots/")))
        last = next;
    char *name_of = strrchr(real, '/');
    *name_of = '\0';
    char *blobs = strrchr(real, '/');
    if (!blobs || strcmp(blobs, "/blobs") != 0)
        return false;
    *blobs = '\0';
    if (!last)
        return strncmp(path_base(real), "models--", strlen("models--")) == 0;
    *last = '\0';
    return strcmp(real, root) == 0;
}

bool folder_make(const char *path, struct error *error)
{
    char *copy = strdup(path);
    if (!copy)
        return error_memory(error, path);
    bool good = true;
    for (char *at = copy + (*copy != '\0'); good; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char kept = *at;
        *at = '\0';
        if (mkdir(copy, 0777) != 0 && !(errno == EEXIST && file_is_folder(copy)))
            good = error_errno(error, "%s: cannot make the folder", copy);
        *at = kept;
        if (kept == '\0')
            break;
    }
    free(copy);
    return good;
}

int folder_lock(const char *path)
{
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int tries = 0; descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) != 0; tries++) {
        if (errno == EWOULDBLOCK && tries < LOCK_TRIES) {
            nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_NS}, NULL);
            continue;
        }
        close(descriptor);
        return -1;
    }
    return descriptor;
}

/* Temporary names, where a signal handler finds them: in place, for it may run between any two steps of a thread. */
enum { PENDING_FREE, PENDING_CHANGES, PENDING_THERE };

static struct pending {
    atomic_int state;
    char path[PATH_MAX];
} pending[300]; /* of a batch of an extraction, and more */

#define PENDING (sizeof pending / sizeof *pending)

static struct pending *pending_add(const char *path)
{
    size_t size = strlen(path) + 1;
    for (size_t i = 0; size <= sizeof pending->path && i < PENDING; i++) {
        int free_state = PENDING_FREE;
        if (!atomic_compare_exchange_strong(&pending[i].state, &free_state, PENDING_CHANGES))
            continue;
        memcpy(pending[i].path, path, size);
        atomic_store(&pending[i].state, PENDING_THERE);
        return &pending[i];
    }
    return NULL;
}

static atomic_bool stopped;

void file_stop(void)
{
    atomic_store(&stopped, true);
}

void file_abandon_all(void)
{
    for (size_t i = 0; i < PENDING; i++)
        if (atomic_load(&pending[i].state) == PENDING_THERE)
            unlink(pending[i].path);
}

struct file_writer {
    int descriptor;
    uint64_t size;
    char *path;
    char *temporary;
    struct pending *pending; /* NULL: not among those that a signal removes */
};

static void file_writer_free(struct file_writer *writer)
{
    if (writer->pending)
        atomic_store(&writer->pending->state, PENDING_FREE);
    if (writer->descriptor >= 0)
        close(writer->descriptor);
    free(writer->path);
    free(writer->temporary);
    free(writer);
}

struct file_writer *file_create(const char *path, struct error *error)
{
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) { /* renaming would put a file in the place of a device */
        error_set(error,
                  "%s: exists and is not a regular file, so nothing is written in its place; choose another name",
                  path);
        return NULL;
    }
    struct file_writer *writer = calloc(1, sizeof *writer);
    if (!writer) {
        error_memory(error, path);
        return NULL;
    }
    writer->descriptor = -1;
    writer->path = strdup(path);
    if (!writer->path || asprintf(&writer->temporary, "%s.tmp.%ld", path, (long)getpid()) < 0) {
        writer->temporary = NULL;
        error_memory(error, path);
        file_writer_free(writer);
        return NULL;
    }
    writer->pending = pending_add(writer->temporary);
    if (atomic_load(&stopped)) {
        error_set(error, "%s: is not written, for the program was told to end", path);
        file_writer_free(writer);
        return NULL;
    }
    writer->descriptor = open(writer->temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (writer->descriptor < 0) {
        error_errno(error, "%s: cannot create", writer->temporary);
        file_writer_free(writer);
        return NULL;
    }
    return writer;
}

/* NAME.tmp.PID of a process that is no more. */
static bool is_left(const char *name, const char *base)
{
    size_t length = strlen(base);
    if (strncmp(name, base, length) != 0 || strncmp(name + length, ".tmp.", 5) != 0)
        return false;
    const char *digits = name + length + 5;
    long process = strtol(digits, NULL, 10);
    return *digits && !digits[strspn(digits, "0123456789")] && process > 0 && process <= INT_MAX &&
           kill((pid_t)process, 0) != 0 && errno == ESRCH;
}

#define SWEEP_AGE_S 3600

/* A regular file of ours that nobody has written to for a while: a process of another machine, whose number says
 * nothing here, may be at work. */
static bool is_old(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
           time(NULL) - status.st_mtime > SWEEP_AGE_S;
}

void file_sweep(const char *path)
{
    if (!*path_base(path))
        return;
    struct names names = {0};
    struct error none = {0};
    char *folder = path_folder(path);
    bool listed = folder && folder_list(folder, &names, &none);
    for (size_t i = 0; listed && i < names.count; i++) {
        char *left = is_left(names.items[i], path_base(path)) ? path_join(folder, names.items[i]) : NULL;
        if (left && is_old(left))
            unlink(left);
        free(left);
    }
    error_clear(&none);
    names_free(&names);
    free(folder);
}

bool file_write_at(struct file_writer *writer, uint64_t offset, const void *data, size_t size, struct error *error)
{
    const char *from = data;
    while (size) {
        ssize_t put = pwrite(writer->descriptor, from, size, (off_t)offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return error_errno(error, "%s: cannot write", writer->temporary);
        from += put;
        offset += (uint64_t)put;
        size -= (size_t)put;
    }
    if (offset > writer->size)
        writer->size = offset;
    return true;
}

bool file_append(struct file_writer *writer, const void *data, size_t size, struct error *error)
{
    return file_write_at(writer, writer->size, data, size, error);
}

static void folder_sync(const char *path)
{
    char *name = path_folder(path);
    int folder = name ? open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (folder >= 0) {
        fsync(folder);
        close(folder);
    }
    free(name);
}

bool file_commit(struct file_writer *writer, struct error *error)
{
    bool good = fsync(writer->descriptor) == 0 || errno == EINVAL;
    if (!good)
        error_errno(error, "%s: cannot sync", writer->temporary);
    if (close(writer->descriptor) != 0 && good)
        good = error_errno(error, "%s: cannot close", writer->temporary);
    writer->descriptor = -1;
    if (good && rename(writer->temporary, writer->path) != 0)
        good = error_errno(error, "%s: cannot rename to %s", writer->temporary, writer->path);
    if (good)
        folder_sync(writer->path);
    else
        unlink(writer->temporary);
    file_writer_free(writer);
    return good;
}

bool file_sync(struct file_writer *writer, struct error *error)
{
    return fsync(writer->descriptor) == 0 || errno == EINVAL ||
           error_errno(error, "%s: cannot sync", writer->temporary);
}

bool file_stage(struct file_writer *writer, struct error *error)
{
    int closed = close(writer->descriptor);
    writer->descriptor = -1;
    return closed == 0 || error_errno(error, "%s: cannot close", writer->temporary);
}

const char *file_staged_path(const struct file_writer *writer)
{
    return writer->temporary;
}

static bool files_sync(const char *path, struct error *error)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    bool good = descriptor >= 0 && syncfs(descriptor) == 0;
    if (!good)
        error_errno(error, "%s: cannot sync", path);
    if (descriptor >= 0)
        close(descriptor);
    return good;
}

static bool same_folder(const char *a, const char *b)
{
    size_t length = (size_t)(path_base(a) - a);
    return length == (size_t)(path_base(b) - b) && strncmp(a, b, length) == 0;
}

bool file_commit_all(struct file_writer *const *writers, size_t count, bool synced, struct error *error)
{
    bool good = !count || synced || files_sync(writers[0]->temporary, error);
    size_t renamed = 0;
    for (; good && renamed < count; renamed++) {
        const struct file_writer *writer = writers[renamed];
        if (rename(writer->temporary, writer->path) != 0) {
            good = error_errno(error, "%s: cannot rename to %s", writer->temporary, writer->path);
            break;
        }
    }
    for (size_t i = 0; i < renamed; i++)
        if (!i || !same_folder(writers[i - 1]->path, writers[i]->path))
            folder_sync(writers[i]->path);
    for (size_t i = 0; i < count; i++) {
        if (i >= renamed)
            unlink(writers[i]->temporary);
        file_writer_free(writers[i]);
    }
    return good;
}

void file_discard(struct file_writer *writer)
{
    if (!writer)
        return;
    unlink(writer->temporary);
    file_writer_free(writer);
}

bool file_write(const char *path, const void *data, size_t size, struct error *error)
{
    struct file_writer *writer = file_create(path, error);
    if (!writer)
        return false;
    if (!file_append(writer, data, size, error)) {
        file_discard(writer);
        return false;
    }
    return file_commit(writer, error);
}

bool names_add(struct names *names, const char *name)
{
    if (!array_grow(names->items, names->count, names->capacity))
        return false;
    char *copy = strdup(name);
    if (!copy)
        return false;
    names->items[names->count++] = copy;
    return true;
}

void names_free(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
    *names = (struct names){0};
}

static int names_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool folder_list(const char *path, struct names *names, struct error *error)
{
    DIR *folder = opendir(path);
    if (!folder)
        return error_errno(error, "%s", path);
    bool good = true;
    const struct dirent *entry;
    while (good && (errno = 0, entry = readdir(folder)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            good = names_add(names, entry->d_name) || error_memory(error, path);
    if (good && errno) /* no end of the folder: what lies behind is not known */
        good = error_errno(error, "%s: cannot be listed", path);
    closedir(folder);
    if (good && names->count)
        qsort(names->items, names->count, sizeof *names->items, names_order);
    return good;
}
