#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "reports/report_render.h"
#include "reports/reports.h"

typedef bool builder(const struct outline *outline, struct buffer *out, struct error *error);

static const struct {
    const char *name;
    builder *build;
} files[] = {
    {"report.json", json_build}, {"junit.xml", junit_build},     {"report.sarif", sarif_build},
    {"report.tap", tap_build},   {"summary.md", markdown_build}, {"report.html", html_build},
};

#define FILES (sizeof files / sizeof *files)

/* Under its temporary name; NULL on failure. */
static struct file_writer *file_render(const struct outline *outline, const char *folder, size_t index,
                                       struct error *error)
{
    struct buffer out = {0};
    char *path = path_join(folder, files[index].name);
    bool good = path || error_memory(error, "a file name");
    good = good && files[index].build(outline, &out, error);
    good = good && (!out.failed || error_memory(error, files[index].name));
    struct file_writer *writer = good ? file_create(path, error) : NULL;
    if (writer && !(file_append(writer, out.data ? out.data : "", out.size, error) && file_sync(writer, error) &&
                    file_stage(writer, error))) {
        file_discard(writer);
        writer = NULL;
    }
    buffer_free(&out);
    free(path);
    return writer;
}

static bool files_remove(const char *folder, struct error *error)
{
    bool good = true;
    for (size_t i = 0; i < FILES && good; i++) {
        char *path = path_join(folder, files[i].name);
        good = path || error_memory(error, "a file name");
        if (good)
            file_sweep(path);
        if (good && unlink(path) != 0 && errno != ENOENT)
            good = error_errno(error, "%s: cannot remove the report of an earlier run", path);
        free(path);
    }
    return good;
}

/* All of them are of one report, or there is none: two programs that write to one folder do it one after the other,
 * where it can be locked. */
static bool files_commit(struct file_writer *const *writers, const char *folder, struct error *error)
{
    int lock = folder_lock(folder);
    bool good = file_commit_all(writers, FILES, true, error);
    if (lock >= 0 && !good)
        files_remove(folder, NULL);
    if (lock >= 0)
        close(lock);
    return good;
}

bool report_render(const struct report *report, const char *folder, struct error *error)
{
    struct outline outline;
    struct file_writer *writers[FILES] = {NULL};
    if (!folder_make(folder, error) || !outline_build(&outline, report, error))
        return false;
    size_t staged = 0;
    while (staged < FILES && (writers[staged] = file_render(&outline, folder, staged, error)))
        staged++;
    outline_free(&outline);
    if (staged == FILES)
        return files_commit(writers, folder, error);
    while (staged--)
        file_discard(writers[staged]);
    return false;
}

bool report_remove(const char *folder, struct error *error)
{
    int lock = folder_lock(folder);
    bool good = files_remove(folder, error);
    if (lock >= 0)
        close(lock);
    return good;
}

/* Writes what was built, if it was. */
static bool stream_end(struct buffer *out, bool built, FILE *file, struct error *error)
{
    bool good = built && (!out->failed || error_memory(error, "the report"));
    errno = 0;
    if (good && (fwrite(out->data, 1, out->size, file) != out->size || fflush(file) != 0))
        good = error_errno(error, "cannot write the report");
    buffer_free(out);
    return good;
}

bool report_write_json(const struct report *report, FILE *file, struct error *error)
{
    struct outline outline;
    struct buffer out = {0};
    if (!outline_build(&outline, report, error))
        return false;
    bool built = json_build(&outline, &out, error);
    outline_free(&outline);
    return stream_end(&out, built, file, error);
}

bool report_write_terminal(const struct report *report, FILE *file, bool colour, bool verbose, struct error *error)
{
    struct outline outline;
    struct buffer out = {0};
    if (!outline_build(&outline, report, error))
        return false;
    bool built = terminal_build(&outline, colour, verbose, &out, error);
    outline_free(&outline);
    return stream_end(&out, built, file, error);
}
