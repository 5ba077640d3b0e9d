/* Files: whole reads with a limit, positioned reads, and writes that are never half done. */
#ifndef ASSAY_BASE_FILE_H
#define ASSAY_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

/* What cannot be reached (a loop of links, a folder that may not be searched) may be there: opening it tells. A link to
 * what does not exist is not there. */
bool file_exists(const char *path);
/* Is the name itself a link, wherever it leads? */
bool file_is_link(const char *path);
bool file_is_folder(const char *path);
/* There is something of that name in the folder. */
bool folder_holds(const char *folder, const char *name);

/* Size in bytes of a regular file; an error for anything else. */
bool file_size(const char *path, uint64_t *size, struct error *error);

/* What tells a file that is as it was from one that was replaced or written to. */
struct file_state {
    uint64_t device, inode, size;
    uint64_t links; /* names that it has: none, once it was removed or another took its last one */
    int64_t modified_s, modified_ns;
};

/* Of an open regular file; an error for anything else. `path` is what the error calls it. */
bool file_state(int descriptor, const char *path, struct file_state *state, struct error *error);
/* NULL: the same; else how `now` differs from `then`, for a message. */
const char *file_state_change(const struct file_state *then, const struct file_state *now);

/* Opens a regular file for reading, and says in `state` (may be NULL) what it is. -1 with the reason: it cannot be
 * opened, or is none. Never waits for the other end of a pipe, and reads nothing of a device. */
int file_open(const char *path, struct file_state *state, struct error *error);

/* Appends the whole file to `out`. More than `maximum` bytes is an error. Regular files and pipes; a
 * named pipe that nobody writes to is an error after ten seconds, and so is a link to a device. */
bool file_read(const char *path, size_t maximum, struct buffer *out, struct error *error);

/* Reads exactly `size` bytes at `offset`. A file that ends early, for instance because it shrank since it was opened,
 * is an error that names `path`. Safe from several threads on one descriptor. */
bool file_read_at(int descriptor, const char *path, uint64_t offset, void *out, size_t size, struct error *error);

/* "folder/name", malloc'd; NULL when out of memory. */
char *path_join(const char *folder, const char *name);
/* Last component, borrowed. */
const char *path_base(const char *path);

/* All before the last component, "." where there is nothing; malloc'd, NULL when out of memory. */
char *path_folder(const char *path);

/* What `name` means in a file: beside it; as it is where it begins with "/", or `file` is NULL. malloc'd, NULL when out
 * of memory. */
char *path_beside(const char *file, const char *name);

/* `name` under `folder` resolves to a place inside the folder. The hub's own cache is the one exception: what lies in
 * a snapshot, or was downloaded beside the cache, are links to models--OWNER--NAME/blobs/HASH. */
bool path_stays_inside(const char *folder, const char *name);

/* Makes the folder and its parents. */
bool folder_make(const char *path, struct error *error);

/* Keeps others that lock the folder out until the descriptor is closed; waits two seconds for one that does. -1: it is
 * not to be had, for another program has it, or the file system has no locks. */
int folder_lock(const char *path);

/* A file under a temporary name beside its final one. file_commit syncs, renames and syncs the folder; file_discard
 * (also after a failed commit) removes it. A path that is there and no regular file is refused. Both end the object. */
struct file_writer;
struct file_writer *file_create(const char *path, struct error *error);
/* Removes what writers of `path` have left that were killed: files of temporary names that nobody has written to
 * for an hour, of processes that are no more. */
void file_sweep(const char *path);
bool file_append(struct file_writer *writer, const void *data, size_t size, struct error *error);
bool file_write_at(struct file_writer *writer, uint64_t offset, const void *data, size_t size, struct error *error);
bool file_commit(struct file_writer *writer, struct error *error);
void file_discard(struct file_writer *writer);

/* For many files, which one sync serves: file_stage ends the writing of one, which then waits under its temporary name
 * (file_staged_path); file_commit_all syncs them together unless each was, renames each and syncs their folders. It
 * ends all writers, also on failure: then some may have been renamed, and each of them is whole. */
bool file_stage(struct file_writer *writer, struct error *error);
/* One by itself, before it is staged. */
bool file_sync(struct file_writer *writer, struct error *error);
const char *file_staged_path(const struct file_writer *writer);
bool file_commit_all(struct file_writer *const *writers, size_t count, bool synced, struct error *error);

/* Removes the temporary files of all writers (of the first 300, where more are at work), which are then lost. For the
 * handler of a signal that ends the process: async-signal-safe. */
void file_abandon_all(void);
/* From now on no writer begins. Async-signal-safe; those that are beginning have begun a moment later. */
void file_stop(void);

/* file_create, file_append, file_commit. */
bool file_write(const char *path, const void *data, size_t size, struct error *error);

/* The names in a folder (without "." and ".."), sorted; free with names_free. */
struct names {
    char **items;
    size_t count;
    size_t capacity;
};
bool folder_list(const char *path, struct names *names, struct error *error);
/* Adds a copy. */
bool names_add(struct names *names, const char *name);
void names_free(struct names *names);

#endif
