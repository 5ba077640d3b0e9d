#include "base/folder_watch.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/file.h"
#include "base/progress.h"

#define MASK (IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR)
#define MASK_ROOT (MASK | IN_DELETE_SELF | IN_MOVE_SELF)
#define READ_BYTES ((size_t)64 << 10)
#define ABSENT_PAUSE 0.05 /* seconds between two looks for a folder that is not there */

struct place {
    int descriptor; /* of inotify; -1: no longer watched */
    char *name;     /* "": the folder itself */
};

struct told {
    enum folder_change change;
    char *path;
};

struct folder_watch {
    char *folder;
    int inotify;
    bool there;
    struct place *places;
    size_t place_count, place_capacity;
    struct told *told; /* told[at .. count - 1] wait */
    size_t at, count, capacity;
    char *current; /* path of the last event */
    char *read;    /* [READ_BYTES] */
};

/* By errno, whose words for a limit that is reached are "No space left on device". */
static bool cannot_watch(const char *path, struct error *error)
{
    bool limit = errno == ENOSPC || errno == EMFILE;
    return error_errno(error, "%s: cannot be watched%s", path,
                       limit ? "; a limit of inotify is reached, which sysctl raises (fs.inotify.max_user_watches, "
                               "fs.inotify.max_user_instances)"
                             : "");
}

struct folder_watch *folder_watch_new(const char *folder, struct error *error)
{
    struct folder_watch *watch = calloc(1, sizeof *watch);
    if (!watch) {
        error_memory(error, folder);
        return NULL;
    }
    watch->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    watch->folder = strdup(folder);
    watch->read = malloc(READ_BYTES);
    if (watch->inotify < 0)
        cannot_watch(folder, error);
    else if (!watch->folder || !watch->read)
        error_memory(error, folder);
    else
        return watch;
    folder_watch_free(watch);
    return NULL;
}

void folder_watch_free(struct folder_watch *watch)
{
    if (!watch)
        return;
    for (size_t i = 0; i < watch->place_count; i++)
        free(watch->places[i].name);
    for (size_t i = watch->at; i < watch->count; i++)
        free(watch->told[i].path);
    free(watch->places);
    free(watch->told);
    free(watch->current);
    free(watch->read);
    free(watch->folder);
    if (watch->inotify >= 0)
        close(watch->inotify);
    free(watch);
}

bool folder_watch_there(const struct folder_watch *watch)
{
    return watch->there;
}

/* "name", or "place/name"; NULL: out of memory. */
static char *path_below(const char *place, const char *name)
{
    return *place ? path_join(place, name) : strdup(name);
}

/* `path` is taken over, also on failure. */
static bool tell(struct folder_watch *watch, enum folder_change change, char *path, struct error *error)
{
    if (watch->at == watch->count)
        watch->at = watch->count = 0;
    if ((!path && change != FOLDER_LOST) ||
        !array_push(watch->told, watch->count, watch->capacity, (struct told){.change = change, .path = path})) {
        free(path);
        return error_memory(error, watch->folder);
    }
    return true;
}

/* The record for `name`, so that it is watched by `descriptor`. */
static bool place_add(struct folder_watch *watch, const char *name, int descriptor, struct error *error)
{
    for (size_t i = 0; i < watch->place_count; i++) {
        if (strcmp(watch->places[i].name, name) != 0)
            continue;
        watch->places[i].descriptor = descriptor;
        return true;
    }
    char *copy = strdup(name);
    if (!copy || !array_push(watch->places, watch->place_count, watch->place_capacity,
                             (struct place){.descriptor = descriptor, .name = copy})) {
        free(copy);
        return error_memory(error, watch->folder);
    }
    return true;
}

static bool place_open(struct folder_watch *watch, const char *name, bool *opened, struct error *error);

/* Tells every file in the place as found, and opens the folders in it, if it is the folder itself. */
static bool place_list(struct folder_watch *watch, const char *name, struct error *error)
{
    struct names names = {0};
    struct error gone = {0};
    char *path = path_join(watch->folder, name);
    bool good = path || error_memory(error, watch->folder), opened;
    if (good && !folder_list(path, &names, &gone) && file_is_folder(path))
        good = error_take(error, &gone); /* else it went again, which is told by itself */
    error_clear(&gone);
    for (size_t i = 0; good && i < names.count; i++) {
        char *below = path_below(name, names.items[i]), *whole = below ? path_join(watch->folder, below) : NULL;
        if (!whole)
            good = error_memory(error, watch->folder);
        else if (!file_is_folder(whole)) {
            good = tell(watch, FOLDER_FOUND, below, error);
            below = NULL;
        } else if (!*name)
            good = place_open(watch, names.items[i], &opened, error);
        free(below);
        free(whole);
    }
    names_free(&names);
    free(path);
    return good;
}

/* Watches it first, then looks through it: what is made in between is told twice, and nothing is missed. */
static bool place_open(struct folder_watch *watch, const char *name, bool *opened, struct error *error)
{
    char *path = *name ? path_join(watch->folder, name) : strdup(watch->folder);
    if (!path)
        return error_memory(error, watch->folder);
    int descriptor = inotify_add_watch(watch->inotify, path, *name ? MASK : MASK_ROOT);
    *opened = descriptor >= 0;
    bool good = *opened || errno == ENOENT || (errno == ENOTDIR && *name);
    if (!good)
        cannot_watch(path, error);
    free(path);
    return good && (!*opened || (place_add(watch, name, descriptor, error) && place_list(watch, name, error)));
}

static void place_close(struct folder_watch *watch, struct place *place)
{
    if (place->descriptor >= 0)
        inotify_rm_watch(watch->inotify, place->descriptor); /* fails when the kernel was faster */
    place->descriptor = -1;
}

static struct place *place_of(struct folder_watch *watch, int descriptor)
{
    for (size_t i = 0; i < watch->place_count; i++)
        if (watch->places[i].descriptor == descriptor)
            return &watch->places[i];
    return NULL;
}

static bool look_again(struct folder_watch *watch, struct error *error)
{
    for (size_t i = 0; i < watch->place_count; i++)
        place_close(watch, &watch->places[i]);
    return tell(watch, FOLDER_LOST, NULL, error) && place_open(watch, "", &watch->there, error);
}

/* A folder that came, or went with all that was in it. */
static bool take_folder(struct folder_watch *watch, const struct inotify_event *event, struct error *error)
{
    bool opened;
    if (event->mask & (IN_CREATE | IN_MOVED_TO))
        return place_open(watch, event->name, &opened, error);
    for (size_t i = 0; i < watch->place_count; i++)
        if (strcmp(watch->places[i].name, event->name) == 0)
            place_close(watch, &watch->places[i]);
    return tell(watch, FOLDER_LOST, NULL, error);
}

static bool take_file(struct folder_watch *watch, const struct place *place, const struct inotify_event *event,
                      struct error *error)
{
    enum folder_change change = event->mask & (IN_MOVED_FROM | IN_DELETE)      ? FOLDER_GONE
                                : event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO) ? FOLDER_WRITTEN
                                                                               : FOLDER_MADE;
    return tell(watch, change, path_below(place->name, event->name), error);
}

/* A link to a folder counts as a folder, as it does when a folder is looked through. */
static bool is_folder(const struct folder_watch *watch, const struct inotify_event *event)
{
    char *path = event->mask & IN_ISDIR ? NULL : path_join(watch->folder, event->name);
    bool folder = event->mask & IN_ISDIR || (path && file_is_folder(path));
    free(path);
    return folder;
}

static bool take(struct folder_watch *watch, const struct inotify_event *event, struct error *error)
{
    if (event->mask & IN_Q_OVERFLOW)
        return look_again(watch, error);
    struct place *place = place_of(watch, event->wd);
    if (!place) /* a last word of one that is no longer watched */
        return true;
    bool root = !*place->name;
    if (root && event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT))
        return look_again(watch, error);
    if (event->mask & IN_IGNORED)
        place->descriptor = -1;
    if (!event->len || event->mask & IN_IGNORED)
        return true;
    if (root && is_folder(watch, event))
        return take_folder(watch, event, error);
    return event->mask & IN_ISDIR || take_file(watch, place, event, error);
}

/* Everything that the kernel has to tell now. */
static bool read_events(struct folder_watch *watch, struct error *error)
{
    ssize_t got = read(watch->inotify, watch->read, READ_BYTES);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ||
               error_errno(error, "%s: cannot read what inotify tells", watch->folder);
    for (size_t at = 0; at + sizeof(struct inotify_event) <= (size_t)got;) {
        struct inotify_event head;
        memcpy(&head, watch->read + at, sizeof head);
        size_t size = sizeof head + head.len;
        if (size > (size_t)got - at)
            break;
        const struct inotify_event *event = (const void *)(watch->read + at); /* the kernel aligns them */
        if (!take(watch, event, error))
            return false;
        at += size;
    }
    return true;
}

/* Waits for the kernel, or for the folder to come. */
static bool wait_for(struct folder_watch *watch, double seconds, struct error *error)
{
    if (!watch->there && !place_open(watch, "", &watch->there, error))
        return false;
    if (watch->at < watch->count)
        return true;
    double pause = watch->there || seconds < ABSENT_PAUSE ? seconds : ABSENT_PAUSE;
    struct pollfd poll_of = {.fd = watch->inotify, .events = POLLIN};
    int ready = poll(&poll_of, 1, (int)(pause * 1000));
    if (ready < 0 && errno != EINTR)
        return error_errno(error, "%s: cannot wait", watch->folder);
    return ready <= 0 || read_events(watch, error);
}

bool folder_watch_next(struct folder_watch *watch, double seconds, struct folder_event *event, bool *any,
                       struct error *error)
{
    double until = clock_seconds() + seconds;
    do {
        double left = until - clock_seconds();
        if (watch->at == watch->count && !wait_for(watch, left > 0 ? left : 0, error))
            return false;
    } while (watch->at == watch->count && clock_seconds() < until);
    *any = watch->at < watch->count;
    if (!*any)
        return true;
    free(watch->current);
    watch->current = watch->told[watch->at].path;
    *event = (struct folder_event){.change = watch->told[watch->at++].change, .path = watch->current};
    return true;
}
