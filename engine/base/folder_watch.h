/* A folder and the folders in it, followed with inotify(7): which files in them come, change and go. Linux only. */
#ifndef ASSAY_BASE_FOLDER_WATCH_H
#define ASSAY_BASE_FOLDER_WATCH_H

#include <stdbool.h>

#include "base/error.h"

struct folder_watch;

enum folder_change {
    FOLDER_FOUND,   /* was there when its folder was looked through: whole, or still being written */
    FOLDER_MADE,    /* just made, perhaps empty yet */
    FOLDER_WRITTEN, /* closed by one who wrote to it, or renamed to this name */
    FOLDER_GONE,    /* removed, or renamed to another name */
    FOLDER_LOST /* some changes were not seen: whatever was known may be gone. Files that are there follow as found */
};

struct folder_event {
    enum folder_change change;
    const char *path; /* below the folder, "experts/x.safetensors"; valid until the next call. NULL for FOLDER_LOST */
};

/* The folder need not be there yet, and may go and come again. */
struct folder_watch *folder_watch_new(const char *folder, struct error *error);
void folder_watch_free(struct folder_watch *watch);

/* Is the folder there? As of the last folder_watch_next. */
bool folder_watch_there(const struct folder_watch *watch);

/* The next change, within `seconds` (0: only what is known already; the first call looks the folder through). `*any` is
 * false when there was none. Changes of one file come in their order; the same may be told twice. */
bool folder_watch_next(struct folder_watch *watch, double seconds, struct folder_event *event, bool *any,
                       struct error *error);

#endif
