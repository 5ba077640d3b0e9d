#include "extraction/extract.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "base/progress.h"
#include "base/wording.h"
#include "extraction/extract_internal.h"

#define BATCH_FILES 256
#define BATCH_BYTES ((uint64_t)256 << 20)
#define MANIFEST EXTRACTION_MANIFEST
#define AVAILABILITY AVAILABILITY_FILE
static const char unfinished_text[] =
    "An extraction was begun here and is not finished; assay extract or assay repair finishes it.\n";

struct extraction {
    const struct extract_request *request;
    struct extract_plan plan;
    size_t first;         /* of the batch under way */
    struct error *errors; /* [batch] */
    bool *good;           /* [batch] */
    bool announced;       /* EXTRACTION_UNFINISHED is there, and no manifest */
};

/* --- before the first byte --- */

/* What an index announces and no file holds is not missed where it lies behind the declared layers, or is none of the
 * text model's. */
static bool is_missed(const struct extract_request *request, size_t problem)
{
    const char *announced = store_problem_announced(request->store, problem);
    int layer, expert;
    if (!announced)
        return true;
    if (store_name_is_other(announced))
        return false;
    name_place(announced, &layer, &expert);
    return layer < request->layers && (strncmp(announced, "model.", 6) == 0 || strncmp(announced, "lm_head.", 8) == 0);
}

bool extract_source_allows(const struct extract_request *request, struct error *error)
{
    const struct store *store = request->store;
    char here[PATH_MAX], there[PATH_MAX];
    for (size_t i = 0; i < store_problem_count(store); i++)
        if (is_missed(request, i))
            return error_set(error, "%s: the source is not whole, so nothing is taken from it: %s", store_path(store),
                             store_problem(store, i));
    if (!request->itself && realpath(store_path(store), here) && realpath(request->folder, there) &&
        strcmp(here, there) == 0)
        return error_set(error, "%s: the source and the extraction are the same folder; name two different ones",
                         request->folder);
    return true;
}

bool extract_is_leftover(const char *name, const struct map *known, const char *folder)
{
    const char *tail = strstr(name, ".tmp.");
    char path[LAYOUT_PATH];
    if (!tail || !tail[5] || tail[5 + strspn(tail + 5, "0123456789")])
        return false;
    int length = snprintf(path, sizeof path, "%s/%.*s", folder, (int)(tail - name), name);
    return length < LAYOUT_PATH && map_find(known, path, (size_t)length) != MAP_ABSENT;
}

bool extract_folder_is_own(const char *path, struct error *error)
{
    struct stat status;
    if (lstat(path, &status) != 0 || S_ISDIR(status.st_mode))
        return true;
    return error_set(error, "%s: is %s, where an extraction has a folder; nothing was changed", path,
                     S_ISLNK(status.st_mode) ? "a link" : "no folder");
}

/* Removes leftovers; refuses tensors that are not of this extraction. */
static bool folder_allows(const struct extraction *extraction, const char *folder, const struct map *known,
                          struct error *error)
{
    struct names names = {0};
    char *path = path_join(extraction->request->folder, folder);
    bool good = path || error_memory(error, folder);
    good = good && (strcmp(folder, ".") == 0 || extract_folder_is_own(path, error));
    good = good && (!file_is_folder(path) || folder_list(path, &names, error));
    for (size_t i = 0; good && i < names.count; i++) {
        const char *name = names.items[i];
        char relative[LAYOUT_PATH + 256];
        snprintf(relative, sizeof relative, "%s/%.250s", folder, name);
        char *whole = path_join(path, name);
        if (!whole)
            good = error_memory(error, name);
        else if (extract_is_leftover(name, known, folder))
            unlink(whole);
        else if (text_ends_with(name, ".safetensors") && map_find(known, relative, strlen(relative)) == MAP_ABSENT)
            good =
                error_set(error, "%s: exists already and is no part of this extraction; choose another folder", whole);
        free(whole);
    }
    names_free(&names);
    free(path);
    return good;
}

bool extract_add_beside(const struct extract_request *request, struct map *known, struct names *names,
                        struct error *error)
{
    bool good = names_add(names, "./" MANIFEST) && names_add(names, "./" AVAILABILITY) &&
                names_add(names, "./" EXTRACTION_UNFINISHED);
    for (size_t i = 0; good && i < request->companion_count; i++) {
        char *path = path_join(".", request->companions[i].name);
        good = path && names_add(names, path);
        free(path);
    }
    for (size_t i = 0; good && i < names->count; i++)
        good = map_add(known, names->items[i], strlen(names->items[i]), i, NULL);
    return good || error_memory(error, "extraction");
}

/* Another model's configuration or tokenizer would stay beside, or be written over. */
static bool companion_allows(const char *folder, const struct companion *companion, struct error *error)
{
    struct buffer here = {0}, there = {0};
    char *path = path_join(folder, companion->name);
    bool good = path || error_memory(error, companion->name);
    if (good && file_exists(path)) {
        good = companion_read(companion, &here, error) && file_read(path, COMPANION_MAX, &there, error);
        if (good && !here.data)
            good = error_set(
                error, "%s: exists already, and the model that is extracted has no such file; choose another folder",
                path);
        else if (good && (here.size != there.size || memcmp(here.data, there.data, here.size) != 0))
            good = error_set(
                error,
                "%s: exists already, and differs from that of the model that is extracted; choose another folder",
                path);
    }
    buffer_free(&here);
    buffer_free(&there);
    free(path);
    return good;
}

static bool target_allows(const struct extraction *extraction, struct error *error)
{
    const struct extract_plan *plan = &extraction->plan;
    struct map known = {0};
    struct names names = {0};
    bool good = true;
    for (size_t i = 0; good && i < plan->count; i++)
        good = map_add(&known, plan->files[i].path, strlen(plan->files[i].path), i, NULL) ||
               error_memory(error, "extraction");
    good = good && extract_add_beside(extraction->request, &known, &names, error) &&
           folder_allows(extraction, ".", &known, error);
    for (int block = 0; good && block < BLOCK_COUNT; block++)
        good = folder_allows(extraction, block_name((enum block)block), &known, error);
    for (size_t i = 0; good && i < extraction->request->companion_count; i++)
        good = companion_allows(extraction->request->folder, &extraction->request->companions[i], error);
    map_free(&known);
    names_free(&names);
    return good;
}

static bool selection_allows(const struct extraction *extraction, struct error *error)
{
    for (size_t i = 0; i < extraction->plan.count; i++)
        if (extraction->plan.files[i].wanted)
            return true;
    return error_set(error, "%s: --only and --layers leave no tensor of it to extract",
                     store_path(extraction->request->store));
}

static bool make_block_folders(const struct extraction *extraction, struct error *error)
{
    const struct extract_plan *plan = &extraction->plan;
    bool wanted[BLOCK_COUNT] = {false};
    for (size_t i = 0; i < plan->count; i++)
        wanted[plan->files[i].block] |= plan->files[i].wanted;
    bool good = true;
    for (int block = 0; good && block < BLOCK_COUNT; block++) {
        char *path = path_join(extraction->request->folder, block_name((enum block)block));
        good = path || error_memory(error, "extraction");
        good = good && (!wanted[block] || folder_make(path, error));
        free(path);
    }
    return good;
}

/* --- files --- */

static void work(void *context, size_t task, int thread)
{
    struct extraction *extraction = context;
    (void)thread;
    extraction->good[task] = extract_file_work(extraction->request, &extraction->plan.files[extraction->first + task],
                                               &extraction->errors[task]);
}

/* Of one kind: a repair that is killed has its norms, before the first of its experts is begun. */
static size_t batch_count(const struct extract_plan *plan, size_t first)
{
    uint64_t bytes = 0;
    size_t count = 0;
    while (first + count < plan->count && count < BATCH_FILES &&
           (!count || (bytes < BATCH_BYTES && plan->files[first + count].block == plan->files[first].block)))
        bytes += plan->files[first + count++].bytes;
    return count;
}

/* Before the first file changes: from now on the folder says itself that it is not whole, and no manifest of an earlier
 * run vouches for it. */
bool extract_announce(const char *folder, struct error *error)
{
    char *mark = path_join(folder, EXTRACTION_UNFINISHED);
    char *manifest = path_join(folder, MANIFEST);
    bool good = ((mark && manifest) || error_memory(error, MANIFEST)) &&
                file_write(mark, unfinished_text, strlen(unfinished_text), error);
    if (good && file_exists(manifest) && unlink(manifest) != 0)
        good = error_errno(error, "%s", manifest);
    free(mark);
    free(manifest);
    return good;
}

static bool batch_commit(struct extraction *extraction, size_t count, struct error *error)
{
    struct file_writer *writers[BATCH_FILES];
    size_t staged = 0;
    struct extract_file *files = &extraction->plan.files[extraction->first];
    for (size_t i = 0; i < count; i++)
        if (files[i].fate == FILE_STAGED)
            writers[staged++] = files[i].writer;
    if (!staged)
        return true;
    if (!extraction->announced && !extract_announce(extraction->request->folder, error))
        return false; /* the plan still owns the writers */
    extraction->announced = true;
    bool good = file_commit_all(writers, staged, false, error);
    for (size_t i = 0; i < count; i++) {
        if (files[i].fate != FILE_STAGED)
            continue;
        files[i].writer = NULL;
        files[i].fate = good ? FILE_WRITTEN : FILE_ABSENT;
    }
    return good;
}

static bool batch_run(struct extraction *extraction, size_t count, struct error *error)
{
    pool_run(extraction->request->pool, count, work, extraction);
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        if (good && !extraction->good[i])
            good = error_take(error, &extraction->errors[i]);
        error_clear(&extraction->errors[i]);
    }
    return good && batch_commit(extraction, count, error);
}

static bool write_files(struct extraction *extraction, const char *title, struct error *error)
{
    struct extract_plan *plan = &extraction->plan;
    uint64_t total = 0, done = 0;
    for (size_t i = 0; i < plan->count; i++)
        total += plan->files[i].bytes;
    struct progress progress = progress_begin(title, "bytes", total);
    bool good = true;
    while (good && extraction->first < plan->count) {
        size_t count = batch_count(plan, extraction->first);
        good = batch_run(extraction, count, error);
        for (size_t i = 0; i < count; i++)
            done += plan->files[extraction->first + i].bytes;
        progress_step(&progress, done);
        extraction->first += count;
    }
    progress_end(&progress);
    return good;
}

/* --- what lies beside them --- */

bool extract_write_beside(const char *folder, const char *name, const char *text, size_t size, struct error *error)
{
    char *path = path_join(folder, name);
    struct buffer there = {0};
    struct error unread = {0};
    bool good = path || error_memory(error, name);
    bool same = good && file_exists(path) && file_read(path, size, &there, &unread) && there.size == size &&
                memcmp(there.data, text, size) == 0;
    good = good && (same || file_write(path, text, size, error));
    error_clear(&unread);
    buffer_free(&there);
    free(path);
    return good;
}

bool extract_copy_companions(const struct extract_request *request, struct error *error)
{
    bool good = true;
    for (size_t i = 0; good && i < request->companion_count; i++) {
        const struct companion *companion = &request->companions[i];
        struct buffer text = {0};
        good = companion_read(companion, &text, error) &&
               (!text.data || extract_write_beside(request->folder, companion->name, text.data, text.size, error));
        buffer_free(&text);
    }
    return good;
}

/* The mark goes when every file of the plan is there; a part that stands beside files of something else keeps it. */
static bool conclude(const char *folder, const struct extract_plan *plan, struct error *error)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->files[i].fate == FILE_ABSENT)
            return true;
    char *mark = path_join(folder, EXTRACTION_UNFINISHED);
    bool good = mark || error_memory(error, MANIFEST);
    if (good && file_exists(mark) && unlink(mark) != 0)
        good = error_errno(error, "%s", mark);
    free(mark);
    return good;
}

bool extract_conclude(const struct extract_request *request, const struct extract_plan *plan, const char *map,
                      struct error *error)
{
    char *manifest = extract_manifest(request, plan, map, error);
    bool good = manifest && (!map || extract_write_beside(request->folder, AVAILABILITY, map, strlen(map), error)) &&
                extract_write_beside(request->folder, MANIFEST, manifest, strlen(manifest), error) &&
                conclude(request->folder, plan, error);
    free(manifest);
    return good;
}

static bool write_documents(const struct extract_request *request, const struct extract_plan *plan, struct error *error)
{
    char *map = request->experts ? extract_availability(request, plan) : NULL;
    bool good =
        (map || !request->experts || error_memory(error, AVAILABILITY)) && extract_conclude(request, plan, map, error);
    free(map);
    return good;
}

static void count_result(const struct extraction *extraction, struct extract_result *result)
{
    const struct extract_plan *plan = &extraction->plan;
    const struct store *store = extraction->request->store;
    *result = (struct extract_result){.files = plan->count, .others = store_count(store) - store_text_count(store)};
    for (size_t i = 0; i < plan->count; i++) {
        result->written += plan->files[i].fate == FILE_WRITTEN;
        result->kept += plan->files[i].fate == FILE_KEPT;
        result->absent += plan->files[i].fate == FILE_ABSENT;
        result->bytes += plan->files[i].fate == FILE_ABSENT ? 0 : plan->files[i].bytes;
    }
}

int extract_lock(const char *folder, struct error *error)
{
    if (!folder_make(folder, error))
        return -1;
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
        error_errno(error, "%s", folder);
    } else if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        error_set(error, "%s: another assay is writing to this folder; wait until it has ended", folder);
        close(descriptor);
        descriptor = -1;
    }
    return descriptor;
}

bool extract_write(const struct extract_request *request, struct extract_plan *plan, struct error *error)
{
    struct extraction extraction = {.request = request,
                                    .plan = *plan,
                                    .announced = true,
                                    .errors = calloc(BATCH_FILES, sizeof *extraction.errors),
                                    .good = calloc(BATCH_FILES, sizeof *extraction.good)};
    bool good = ((extraction.errors && extraction.good) || error_memory(error, "extraction")) &&
                make_block_folders(&extraction, error) && write_files(&extraction, "repair", error);
    free(extraction.errors);
    free(extraction.good);
    return good;
}

bool extract_store(const struct extract_request *request, struct extract_result *result, struct error *error)
{
    struct extraction extraction = {.request = request,
                                    .errors = calloc(BATCH_FILES, sizeof *extraction.errors),
                                    .good = calloc(BATCH_FILES, sizeof *extraction.good)};
    bool good = (extraction.errors && extraction.good) || error_memory(error, "extraction");
    good = good && extract_source_allows(request, error) && extract_plan_make(request, &extraction.plan, error) &&
           selection_allows(&extraction, error);
    int lock = good ? extract_lock(request->folder, error) : -1;
    good = lock >= 0 && target_allows(&extraction, error) && make_block_folders(&extraction, error) &&
           write_files(&extraction, "extract", error) && extract_copy_companions(request, error) &&
           write_documents(request, &extraction.plan, error);
    if (good)
        count_result(&extraction, result);
    extract_plan_free(&extraction.plan);
    if (lock >= 0)
        close(lock);
    free(extraction.errors);
    free(extraction.good);
    return good;
}
