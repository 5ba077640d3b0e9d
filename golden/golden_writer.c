#include "golden/golden_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "golden/logits_base.h"
#include "golden/npy.h"

struct golden_writer {
    const struct form_row *form;
    struct golden_writer_request request;
    struct dump *dump;
    struct row *row_of; /* scratch of the dump's probe */
    size_t rows;
    struct logits_base *base;
    char *folder; /* the temporary one of .npy files; NULL: not made yet */
    char *file;   /* the dump that they are made from */
};

struct form_row {
    bool (*open)(struct golden_writer *writer, struct error *error);
    bool (*see)(struct golden_writer *writer, size_t case_index, const struct part *part, struct error *error);
    bool (*commit)(struct golden_writer *writer, struct error *error);
};

static bool dump_open(struct golden_writer *writer, struct error *error)
{
    const struct golden_writer_request *request = &writer->request;
    const char *path = writer->file ? writer->file : request->path;
    writer->dump = dump_create(path, request->config, request->cases, request->count, request->options, error);
    return writer->dump;
}

/* The dump's probe wants to know of each row what it is. */
static bool dump_see(struct golden_writer *writer, size_t case_index, const struct part *part, struct error *error)
{
    if (part->rows > writer->rows) {
        free(writer->row_of);
        writer->row_of = malloc(part->rows * sizeof *writer->row_of);
        writer->rows = writer->row_of ? part->rows : 0;
    }
    if (!writer->row_of)
        return error_memory(error, "dump");
    for (size_t i = 0; i < part->rows; i++)
        writer->row_of[i] = (struct row){.sequence = (int)case_index, .token = (int)(part->first + i)};
    struct activation activation = {.point = part->point,
                                    .layer = part->layer,
                                    .path = part->path,
                                    .values = part->values,
                                    .rows = part->rows,
                                    .width = part->width,
                                    .row_of = writer->row_of};
    struct probe probe = dump_probe(writer->dump);
    return probe.see(probe.context, &activation, error);
}

static bool dump_close(struct golden_writer *writer, struct error *error)
{
    struct dump *dump = writer->dump;
    writer->dump = NULL;
    return dump_commit(dump, error);
}

/* A name beside the writer, without the slashes that it may end with. */
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
static bool npy_open_folder(struct golden_writer *writer, struct error *error)
{
    const char *path = writer->request.path;
    struct names names = {0};
    bool good = true;
    if (file_exists(path) && !file_is_folder(path))
        return error_set(error, "%s exists and is no folder; choose another name", path);
    if (file_exists(path))
        good = folder_list(path, &names, error);
    if (good && names.count)
        good = error_set(error, "%s exists and is not empty; choose another name", path);
    names_free(&names);
    good = good && ((writer->file = beside(path, ".dump")) || error_memory(error, path));
    return good && dump_open(writer, error);
}

static bool npy_close(struct golden_writer *writer, struct error *error)
{
    if (!dump_close(writer, error))
        return false;
    const char *path = writer->request.path;
    struct golden *golden = golden_open(writer->file, error);
    bool good = golden && ((writer->folder = beside(path, "")) || error_memory(error, path)) &&
                folder_make(writer->folder, error) && npy_write(golden, writer->folder, error) &&
                (rename(writer->folder, path) == 0 || error_errno(error, "%s", path));
    golden_free(golden);
    unlink(writer->file);
    if (good) {
        free(writer->folder);
        writer->folder = NULL;
    }
    return good;
}

/* Every case is a window, so all must be as long. */
static bool base_open(struct golden_writer *writer, struct error *error)
{
    const struct golden_writer_request *request = &writer->request;
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
        writer->base =
            logits_base_create(request->path, window, (size_t)request->config->vocabulary, request->count, ids, error);
    free(ids);
    return good && writer->base;
}

static bool base_see(struct golden_writer *writer, size_t case_index, const struct part *part, struct error *error)
{
    for (size_t row = 0; part->point == POINT_HEAD && row < part->rows; row++)
        if (!logits_base_put(writer->base, case_index, part->first + row, part->values + row * part->width, error))
            return false;
    return true;
}

static bool base_close(struct golden_writer *writer, struct error *error)
{
    struct logits_base *base = writer->base;
    writer->base = NULL;
    return logits_base_commit(base, error);
}

static const struct form_row form_rows[] = {
    [GOLDEN_FORM_OWN] = {dump_open, dump_see, dump_close},
    [GOLDEN_FORM_NPY] = {npy_open_folder, dump_see, npy_close},
    [GOLDEN_FORM_LOGITS] = {base_open, base_see, base_close},
};

struct golden_writer *golden_writer_new(enum golden_form form, const struct golden_writer_request *request,
                                        struct error *error)
{
    struct golden_writer *writer = calloc(1, sizeof *writer);
    if (!writer) {
        error_memory(error, request->path);
        return NULL;
    }
    writer->form = &form_rows[form];
    writer->request = *request;
    file_sweep(writer->request.path);
    if (writer->form->open(writer, error))
        return writer;
    golden_writer_discard(writer);
    return NULL;
}

size_t golden_writer_logits_from(const struct golden_writer *writer, size_t count)
{
    return writer->base ? count / 2 : 0;
}

bool golden_writer_see(struct golden_writer *writer, size_t case_index, const struct part *part, struct error *error)
{
    return writer->form->see(writer, case_index, part, error);
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

bool golden_writer_commit(struct golden_writer *writer, struct error *error)
{
    bool good = writer->form->commit(writer, error);
    golden_writer_discard(writer);
    return good;
}

void golden_writer_discard(struct golden_writer *writer)
{
    if (!writer)
        return;
    dump_discard(writer->dump);
    logits_base_discard(writer->base);
    if (writer->folder)
        remove_folder(writer->folder, 1);
    free(writer->folder);
    free(writer->file);
    free(writer->row_of);
    free(writer);
}
