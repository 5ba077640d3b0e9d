#include "store/zip.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/numbers.h"

#define LOCAL_BYTES 30
#define LOCAL_MAGIC 0x04034B50u
#define CENTRAL_BYTES 46
#define CENTRAL_MAGIC 0x02014B50u
#define END_BYTES 22
#define END_MAGIC 0x06054B50u
#define LOCATOR_BYTES 20
#define LOCATOR_MAGIC 0x07064B50u
#define END64_BYTES 56
#define END64_MAGIC 0x06064B50u
#define COMMENT_MOST 65535
#define DIRECTORY_MOST ((uint64_t)64 << 20)
#define NAME_MOST 512
#define EXTRA_64 1 /* the field of an entry that holds what does not fit 32 bits */
#define ENCRYPTED 1u

struct reading {
    const char *path;
    int descriptor;
    uint64_t size;
    uint64_t directory, directory_size, entries;
    struct zip *zip;
    struct error *error;
};

static uint64_t number(const unsigned char *bytes, size_t width)
{
    uint64_t value = 0;
    for (size_t i = width; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static bool bad(const struct reading *reading, const char *what)
{
    return error_set(reading->error, "%s: %s (a damaged or truncated zip archive? get it again)", reading->path, what);
}

/* False also where that many bytes are not there. */
static bool read_at(const struct reading *reading, uint64_t offset, void *out, size_t size)
{
    if (offset > reading->size || size > reading->size - offset)
        return bad(reading, "it ends before its directory says");
    return file_read_at(reading->descriptor, reading->path, offset, out, size, reading->error);
}

/* --- where the directory is --- */

/* The record that ends the archive: with the comment behind it, it is not at a fixed place. */
static bool find_end(struct reading *reading, uint64_t *at, unsigned char end[END_BYTES])
{
    uint64_t most = END_BYTES + COMMENT_MOST, size = reading->size < most ? reading->size : most;
    unsigned char *tail = malloc((size_t)size + 1);
    bool good =
        tail ? read_at(reading, reading->size - size, tail, (size_t)size) : error_memory(reading->error, reading->path);
    bool found = false;
    for (uint64_t i = size < END_BYTES ? 0 : size - END_BYTES + 1; good && !found && i-- > 0;) {
        found = number(tail + i, 4) == END_MAGIC && number(tail + i + 20, 2) == size - END_BYTES - i;
        *at = reading->size - size + i;
        if (found)
            memcpy(end, tail + i, END_BYTES);
    }
    free(tail);
    return good && (found || bad(reading, "the record at its end is absent"));
}

/* The 64-bit numbers, where a locator in front of the end says that there are any. */
static bool read_end64(struct reading *reading, uint64_t end)
{
    unsigned char locator[LOCATOR_BYTES], record[END64_BYTES];
    if (end < LOCATOR_BYTES)
        return true;
    if (!read_at(reading, end - LOCATOR_BYTES, locator, LOCATOR_BYTES))
        return false;
    if (number(locator, 4) != LOCATOR_MAGIC)
        return true;
    if (!read_at(reading, number(locator + 8, 8), record, END64_BYTES))
        return false;
    if (number(record, 4) != END64_MAGIC || number(record + 16, 4) || number(record + 20, 4))
        return bad(reading, "its 64-bit end record is malformed, or says that it is one of several files");
    reading->entries = number(record + 32, 8);
    reading->directory_size = number(record + 40, 8);
    reading->directory = number(record + 48, 8);
    return true;
}

static bool find_directory(struct reading *reading)
{
    unsigned char end[END_BYTES];
    uint64_t at = 0;
    if (!find_end(reading, &at, end))
        return false;
    if (number(end + 4, 2) || number(end + 6, 2))
        return bad(reading, "it is one of several files of an archive");
    reading->entries = number(end + 10, 2);
    reading->directory_size = number(end + 12, 4);
    reading->directory = number(end + 16, 4);
    if (!read_end64(reading, at))
        return false;
    if (reading->directory > at || reading->directory_size > at - reading->directory)
        return bad(reading, "its directory lies after its end");
    if (reading->directory_size > DIRECTORY_MOST || reading->entries > reading->directory_size / CENTRAL_BYTES)
        return bad(reading, "its directory has an impossible size");
    return true;
}

/* --- entries --- */

/* What does not fit 32 bits stands in an extra field, in this order, and only what does not fit. */
static bool take_extra(const struct reading *reading, const unsigned char *extra, size_t size, uint64_t *numbers[3])
{
    for (size_t at = 0; size - at >= 4;) {
        size_t length = (size_t)number(extra + at + 2, 2), from = at + 4;
        if (length > size - from)
            return bad(reading, "an extra field is longer than its entry");
        for (size_t i = 0; number(extra + at, 2) == EXTRA_64 && i < 3; i++) {
            if (*numbers[i] != UINT32_MAX)
                continue;
            if (at + 4 + length - from < 8)
                return bad(reading, "an extra field lacks its 64-bit numbers");
            *numbers[i] = number(extra + from, 8);
            from += 8;
        }
        at += 4 + length;
    }
    return true;
}

static bool take_name(const struct reading *reading, const unsigned char *name, size_t length, struct zip_entry *entry)
{
    char copy[NAME_MOST + 1];
    struct zip *zip = reading->zip;
    size_t found = MAP_ABSENT;
    if (!length || length > NAME_MOST || memchr(name, '\0', length))
        return bad(reading, "an entry has no name, or one that cannot be");
    memcpy(copy, name, length);
    copy[length] = '\0';
    if (!names_add(&zip->names, copy))
        return error_memory(reading->error, reading->path);
    entry->name = zip->names.items[zip->names.count - 1];
    if (!map_add(&zip->by_name, entry->name, length, zip->count, &found))
        return error_memory(reading->error, reading->path);
    return found == MAP_ABSENT ||
           error_set(reading->error, "%s: two entries are called '%s'", reading->path, entry->name);
}

/* From the local header, whose length the directory does not tell, to the data behind it. */
static bool take_place(const struct reading *reading, uint64_t local, struct zip_entry *entry)
{
    unsigned char header[LOCAL_BYTES];
    char name[NAME_MOST];
    size_t length = strlen(entry->name);
    if (!read_at(reading, local, header, LOCAL_BYTES))
        return false;
    if (number(header, 4) != LOCAL_MAGIC || number(header + 26, 2) != length ||
        !read_at(reading, local + LOCAL_BYTES, name, length) || memcmp(name, entry->name, length) != 0)
        return error_set(reading->error, "%s: entry '%s' is not where the directory says", reading->path, entry->name);
    entry->offset = local + LOCAL_BYTES + length + number(header + 28, 2);
    if (entry->offset > reading->directory || entry->size > reading->directory - entry->offset)
        return error_set(
            reading->error, "%s: entry '%s' (%llu bytes from byte %llu on) overlaps the archive's directory",
            reading->path, entry->name, (unsigned long long)entry->size, (unsigned long long)entry->offset);
    return true;
}

/* The entry at `*at` of the directory, which moves behind it. */
static bool take_entry(const struct reading *reading, const unsigned char *directory, size_t *at)
{
    struct zip_entry entry = {0};
    size_t left = (size_t)reading->directory_size - *at;
    const unsigned char *head = directory + *at;
    if (left < CENTRAL_BYTES || number(head, 4) != CENTRAL_MAGIC)
        return bad(reading, "its directory ends before its entries do");
    size_t name = (size_t)number(head + 28, 2), extra = (size_t)number(head + 30, 2),
           comment = (size_t)number(head + 32, 2);
    if (name + extra + comment > left - CENTRAL_BYTES)
        return bad(reading, "its directory ends within an entry");
    uint64_t packed = number(head + 20, 4), size = number(head + 24, 4), local = number(head + 42, 4);
    uint64_t *numbers[3] = {&size, &packed, &local};
    if (!take_name(reading, head + CENTRAL_BYTES, name, &entry) ||
        !take_extra(reading, head + CENTRAL_BYTES + name, extra, numbers))
        return false;
    entry.size = packed;
    entry.plain = !number(head + 10, 2) && packed == size && !(number(head + 8, 2) & ENCRYPTED);
    *at += CENTRAL_BYTES + name + extra + comment;
    if (!take_place(reading, local, &entry))
        return false;
    reading->zip->entries[reading->zip->count++] = entry;
    return true;
}

static bool read_directory(const struct reading *reading)
{
    unsigned char *directory = malloc((size_t)reading->directory_size + 1);
    struct zip *zip = reading->zip;
    zip->entries = calloc((size_t)reading->entries + 1, sizeof *zip->entries);
    bool good = (directory && zip->entries) || error_memory(reading->error, reading->path);
    good = good && read_at(reading, reading->directory, directory, (size_t)reading->directory_size);
    size_t at = 0;
    while (good && zip->count < reading->entries)
        good = take_entry(reading, directory, &at);
    free(directory);
    return good;
}

bool zip_open(const char *path, struct zip *zip, struct error *error)
{
    *zip = (struct zip){0};
    int descriptor = file_open(path, &zip->state, error);
    if (descriptor < 0)
        return false;
    struct reading reading = {
        .path = path, .descriptor = descriptor, .size = zip->state.size, .zip = zip, .error = error};
    bool good = find_directory(&reading) && read_directory(&reading);
    close(descriptor);
    return good;
}

void zip_free(struct zip *zip)
{
    free(zip->entries);
    names_free(&zip->names);
    map_free(&zip->by_name);
    *zip = (struct zip){0};
}

const struct zip_entry *zip_find(const struct zip *zip, const char *name)
{
    size_t index = map_find(&zip->by_name, name, strlen(name));
    return index == MAP_ABSENT ? NULL : &zip->entries[index];
}
