#include "base/memory.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A file that is absent, or says "max", sets no limit. */
static void limit_read(const char *path, uint64_t *limit)
{
    unsigned long long bytes = 0;
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%llu", &bytes) == 1 && bytes < *limit)
        *limit = bytes;
    if (file)
        fclose(file);
}

/* Limits of the group and of all above it hold. In a container the group may be named as the host knows it, and then
 * only the root is there. */
static void limit_walk(const char *root, const char *mount, const char *group, const char *name, uint64_t *limit)
{
    for (size_t length = strlen(group);; length--) {
        char path[PATH_MAX];
        if (length && group[length] != '/' && group[length])
            continue;
        if (snprintf(path, sizeof path, "%s%s%.*s/%s", root, mount, (int)length, group, name) < (int)sizeof path)
            limit_read(path, limit);
        if (!length)
            return;
    }
}

uint64_t memory_limit(const char *root)
{
    uint64_t limit = UINT64_MAX;
    char line[PATH_MAX], path[PATH_MAX];
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *groups = fopen(path, "re");
    while (groups && fgets(line, sizeof line, groups)) { /* "0::/group", or "4:memory:/group" of version 1 */
        line[strcspn(line, "\n")] = '\0';
        const char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        if (strncmp(line, "0::", 3) == 0)
            limit_walk(root, "/sys/fs/cgroup", group + 1, "memory.max", &limit);
        else if (strncmp(controllers, ":memory:", 8) == 0)
            limit_walk(root, "/sys/fs/cgroup/memory", group + 1, "memory.limit_in_bytes", &limit);
    }
    if (groups)
        fclose(groups);
    return limit == UINT64_MAX ? 0 : limit;
}

uint64_t memory_machine(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGE_SIZE);
    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;
}
