/* The files of a store, some of them kept open. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "store/store_internal.h"

struct weight_file {
    struct weight_files *owner;
    char *path;
    struct file_state state; /* when its header was read */
    int descriptor;          /* -1: not kept open. This and the next two under the owner's lock */
    unsigned users;
    uint64_t used; /* the owner's clock at its last use */
};

void weight_files_init(struct weight_files *files)
{
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY};
    getrlimit(RLIMIT_NOFILE, &limit);
    *files = (struct weight_files){0};
    files->open_most = limit.rlim_cur / 4 < WEIGHT_FILES_OPEN ? (size_t)limit.rlim_cur / 4 : WEIGHT_FILES_OPEN;
    pthread_mutex_init(&files->lock, NULL);
}

void weight_files_free(struct weight_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        if (files->items[i]->descriptor >= 0)
            close(files->items[i]->descriptor);
        free(files->items[i]->path);
        free(files->items[i]);
    }
    free(files->items);
    pthread_mutex_destroy(&files->lock);
}

struct weight_file *weight_files_add(struct weight_files *files, const char *path, const struct file_state *state)
{
    if (!array_grow(files->items, files->count, files->capacity))
        return NULL;
    struct weight_file *file = malloc(sizeof *file);
    char *copy = strdup(path);
    if (!file || !copy) {
        free(file);
        free(copy);
        return NULL;
    }
    *file = (struct weight_file){.owner = files, .path = copy, .state = *state, .descriptor = -1};
    return files->items[files->count++] = file;
}

const char *weight_file_path(const struct weight_file *file)
{
    return file->path;
}

const struct file_state *weight_file_state(const struct weight_file *file)
{
    return &file->state;
}

bool weight_file_same(const struct weight_file *file, int descriptor, struct error *error)
{
    struct file_state now;
    if (!file_state(descriptor, file->path, &now, error))
        return false;
    const char *change = file_state_change(&file->state, &now);
    return !change || error_set(error, "%s: changed while it was being read: %s", file->path, change);
}

/* The place of a free descriptor, or of the unused one that was used longest ago; NULL: all are in use. */
static struct weight_file **open_place(struct weight_files *files)
{
    struct weight_file **place = NULL;
    for (size_t i = 0; i < files->open_most; i++) {
        struct weight_file **here = &files->open[i];
        if (!*here)
            return here;
        if (!(*here)->users && (!place || (*here)->used < (*place)->used))
            place = here;
    }
    return place;
}

/* Keeps the descriptor open, where there is a place. Returns the one to use and sets `*spare` to one to close, or -1.
 * Under the lock. */
static int open_keep(struct weight_file *file, int descriptor, int *spare)
{
    struct weight_file **place = NULL;
    *spare = -1;
    if (file->descriptor >= 0) /* another thread was faster */
        *spare = descriptor;
    else if ((place = open_place(file->owner))) {
        if (*place) {
            *spare = (*place)->descriptor;
            (*place)->descriptor = -1;
        }
        *place = file;
        file->descriptor = descriptor;
    }
    return file->descriptor >= 0 ? file->descriptor : descriptor;
}

static int open_take(struct weight_file *file, int descriptor)
{
    int spare = -1;
    pthread_mutex_lock(&file->owner->lock);
    if (descriptor >= 0)
        descriptor = open_keep(file, descriptor, &spare);
    else
        descriptor = file->descriptor;
    if (descriptor >= 0 && descriptor == file->descriptor) {
        file->users++;
        file->used = ++file->owner->clock;
    }
    pthread_mutex_unlock(&file->owner->lock);
    if (spare >= 0)
        close(spare);
    return descriptor;
}

int weight_file_take(struct weight_file *file, struct error *error)
{
    int descriptor = open_take(file, -1);
    if (descriptor >= 0)
        return descriptor;
    descriptor = file_open(file->path, NULL, error);
    if (descriptor < 0)
        return -1;
    if (weight_file_same(file, descriptor, error))
        return open_take(file, descriptor);
    close(descriptor);
    return -1;
}

void weight_file_give(struct weight_file *file, int descriptor)
{
    pthread_mutex_lock(&file->owner->lock);
    bool kept = descriptor == file->descriptor;
    if (kept)
        file->users--;
    pthread_mutex_unlock(&file->owner->lock);
    if (!kept)
        close(descriptor);
}
