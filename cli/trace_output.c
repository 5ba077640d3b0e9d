#include "cli/trace_output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "golden/logits_base.h"
#include "golden/npy.h"

struct trace_output {
    const struct format_row *format;
    struct trace_request request;
    struct dump *dump;
    struct row *row_of; /* scratch of the dump's probe */
    size_t rows;
    struct logits_base *base;
    char *folder; /* the temporary one of .npy files; NULL: not made yet */
    char *file;   /* the dump that they are made from */
};

struct format_row {
    bool (*open)(struct trace_output *output, struct error *error);
    bool (*see)(struct trace_output *output, size_t case_index, const struct part *part, struct error *error);
    bool (*commit)(struct trace_output *output, struct error *error);
};

static bool dump_open(struct trace_output *output, struct error *error)
{
    const struct trace_request *request = &output->request;
    const char *path = output->file ? output->file : request->path;
    output->dump = dump_create(path, request->config, request->cases, request->count, request->options, error);
    return output->dump;
}

/* The dump's probe wants to know of each row what it is. */
static bool dump_see(struct trace_output *output, size_t case_index, const struct part *part, struct error *error)
{
    if (part->rows > output->rows) {
        free(output->row_of);
        output->row_of = malloc(part->rows * sizeof *output->row_of);
        output->rows = output->row_of ? part->rows : 0;
    }
    if (!output->row_of)
        return error_memory(error, "dump");
    for (size_t i = 0; i < part->rows; i++)
        output->row_of[i] = (struct row){.sequence = (int)case_index, .token = (int)(part->first + i)};
    struct activation activation = {.point = part->point,
                                    .layer = part->layer,
                                    .path = part->path,
                                    .values = part->values,
                                    .rows = part->rows,
                                    .width = part->width,
                                    .row_of = output->row_of};
    struct probe probe = dump_probe(output->dump);
    return probe.see(probe.context, &activation, error);
}

static bool dump_close(struct trace_output *output, struct error *error)
{
    struct dump *dump = output->dump;
    output->dump = NULL;
    return dump_commit(dump, error);
}

/* A name beside the output, without the slashes that it may end with. */
static char *beside(const char *path, const char *end)
{
    struct buffer name = {0};
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    buffer_format(&name, "%.*s.tmp.%d%s", (int)length, path, (int)getpid(), end);
    return buffer_take(&name);
}

/* Thousands of files appear together: a dump is made first, of which the folder is made, which is then renamed. */
static bool npy_open_folder(struct trace_output *output, struct error *error)
{
    const char *path = output->request.path;
    struct names names = {0};
    bool good = true;
    if (file_exists(path) && !file_is_folder(path))
        return error_set(error, "%s is there, and no folder", path);
    if (file_exists(path))
        good = folder_list(path, &names, error);
    if (good && names.count)
        good = error_set(error, "%s is there, and not empty", path);
    names_free(&names);
    good = good && ((output->file = beside(path, ".dump")) || error_memory(error, path));
    return good && dump_open(output, error);
}

static bool npy_close(struct trace_output *output, struct error *error)
{
    if (!dump_close(output, error))
        return false;
    const char *path = output->request.path;
    struct golden *golden = golden_open(output->file, error);
    bool good = golden && ((output->folder = beside(path, "")) || error_memory(error, path)) &&
                folder_make(output->folder, error) && npy_write(golden, output->folder, error) &&
                (rename(output->folder, path) == 0 || error_errno(error, "%s", path));
    golden_free(golden);
    unlink(output->file);
    if (good) {
        free(output->folder);
        output->folder = NULL;
    }
    return good;
}

/* Every case is a window, so all must be as long. */
static bool base_open(struct trace_output *output, struct error *error)
{
    const struct trace_request *request = &output->request;
    const int **ids = malloc(request->count * sizeof *ids);
    size_t window = request->cases[0].count;
    bool good = ids || error_memory(error, request->path);
    for (size_t i = 0; good && i < request->count; i++) {
        if (request->cases[i].count != window)
            good = error_set(error, "--format logits needs cases of the same length: '%s' has %zu tokens, '%s' %zu",
                             request->cases[0].id, window, request->cases[i].id, request->cases[i].count);
        ids[i] = request->windows ? request->windows + i * window : request->cases[i].ids;
    }
    if (good)
        output->base =
            logits_base_create(request->path, window, (size_t)request->config->vocabulary, request->count, ids, error);
    free(ids);
    return good && output->base;
}

static bool base_see(struct trace_output *output, size_t case_index, const struct part *part, struct error *error)
{
    for (size_t row = 0; part->point == POINT_HEAD && row < part->rows; row++)
        if (!logits_base_put(output->base, case_index, part->first + row, part->values + row * part->width, error))
            return false;
    return true;
}

static bool base_close(struct trace_output *output, struct error *error)
{
    struct logits_base *base = output->base;
    output->base = NULL;
    return logits_base_commit(base, error);
}

static const struct format_row format_rows[] = {
    {dump_open, dump_see, dump_close},
    {npy_open_folder, dump_see, npy_close},
    {base_open, base_see, base_close},
};

struct trace_output *trace_output_new(int format, const struct trace_request *request, struct error *error)
{
    struct trace_output *output = calloc(1, sizeof *output);
    if (!output) {
        error_memory(error, request->path);
        return NULL;
    }
    output->format = &format_rows[format ? format - 1 : 0];
    output->request = *request;
    if (output->format->open(output, error))
        return output;
    trace_output_discard(output);
    return NULL;
}

size_t trace_output_logits_from(const struct trace_output *output, size_t count)
{
    return output->base ? count / 2 : 0;
}

bool trace_output_see(struct trace_output *output, size_t case_index, const struct part *part, struct error *error)
{
    return output->format->see(output, case_index, part, error);
}

/* Two levels: cases, and their files. */
static void remove_folder(const char *path, int levels)
{
    struct names names = {0};
    if (!folder_list(path, &names, NULL))
        return;
    for (size_t i = 0; i < names.count; i++) {
        char *inner = path_join(path, names.items[i]);
        if (inner && levels && file_is_folder(inner))
            remove_folder(inner, levels - 1);
        else if (inner)
            unlink(inner);
        free(inner);
    }
    names_free(&names);
    rmdir(path);
}

bool trace_output_commit(struct trace_output *output, struct error *error)
{
    bool good = output->format->commit(output, error);
    trace_output_discard(output);
    return good;
}

void trace_output_discard(struct trace_output *output)
{
    if (!output)
        return;
    dump_discard(output->dump);
    logits_base_discard(output->base);
    if (output->folder)
        remove_folder(output->folder, 1);
    free(output->folder);
    free(output->file);
    free(output->row_of);
    free(output);
}
