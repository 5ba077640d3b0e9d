#include "extraction/repair.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "extraction/repair_internal.h"
#include "store/layout.h"

#define OTHER_MODEL 8 /* matrices, of which some would be the source's if the model was */
#define DOCUMENT_MAX ((size_t)1 << 30)

/* --- before --- */

static bool folder_allows(const char *folder, struct error *error)
{
    static const char *const checkpoints[] = {"model.safetensors", "model.safetensors.index.json"};
    if (!file_exists(folder))
        return error_set(error, "%s: no such folder; assay extract makes an extraction", folder);
    if (!file_is_folder(folder))
        return error_set(error, "%s: is a file, not the folder of an extraction", folder);
    for (size_t i = 0; i < sizeof checkpoints / sizeof *checkpoints; i++)
        if (folder_holds(folder, checkpoints[i]))
            return error_set(
                error,
                "%s: is a checkpoint, for it holds %s; only an extraction can be repaired, and assay extract makes one",
                folder, checkpoints[i]);
    return extraction_is(folder) || error_set(error,
                                              "%s: is no extraction, for it holds neither a manifest nor experts/, "
                                              "norms/ ...; assay extract makes one",
                                              folder);
}

static bool index_plan(struct repair *repair, struct error *error)
{
    const struct extract_plan *plan = &repair->plan;
    repair->first = calloc(plan->count + 1, sizeof *repair->first);
    repair->in_place = calloc(plan->count + 1, sizeof *repair->in_place);
    for (size_t i = 0; repair->in_place && i < plan->count; i++)
        repair->in_place[i] = NONE;
    for (size_t i = 0; repair->first && i < plan->count; i++)
        repair->first[i + 1] = repair->first[i] + plan->files[i].count;
    repair->planned_count = repair->first ? repair->first[plan->count] : 0;
    repair->planned = calloc(repair->planned_count + 1, sizeof *repair->planned);
    bool good = repair->first && repair->in_place && repair->planned;
    for (size_t i = 0; good && i < plan->count; i++) {
        good = map_add(&repair->by_path, plan->files[i].path, strlen(plan->files[i].path), i, NULL);
        for (size_t k = 0; good && k < plan->files[i].count; k++) {
            const char *name = plan->files[i].tensors[k].tensor->name;
            size_t at = repair->first[i] + k;
            repair->planned[at] = (struct planned_tensor){.file = i, .index = k, .home = NONE, .any = NONE};
            good = map_add(&repair->by_name, name, strlen(name), at, NULL);
        }
    }
    return (good || error_memory(error, "repair")) &&
           extract_add_beside(&repair->request->extract, &repair->by_path, &repair->beside, error);
}

/* With a source named by mistake, a good extraction of another model would be written over, tensor by tensor. */
static bool is_of_source(const struct repair *repair, struct error *error)
{
    size_t same = 0, other = 0;
    for (size_t i = 0; i < repair->tensor_count; i++) {
        const struct held_tensor *held = &repair->tensors[i];
        if (held->planned == NONE || held->tensor->rank < 2)
            continue;
        same += held->match == MATCH_SAME || held->match == MATCH_CONVERTED;
        other += held->match == MATCH_VALUES || held->match == MATCH_SHAPE;
    }
    return same || other < OTHER_MODEL ||
           error_set(error,
                     "%s: none of %zu matrices in it equals that of %s, so it is an extraction of another model and is "
                     "not overwritten; name its own original with --source",
                     repair->extract.folder, other, store_path(repair->extract.store));
}

/* --- what lies beside the files --- */

static bool beside_is(const char *folder, const char *name, const char *text, size_t size, bool *same,
                      struct error *error)
{
    struct buffer there = {0};
    struct error unread = {0};
    char *path = path_join(folder, name);
    bool good = path || error_memory(error, name);
    *same = good && file_exists(path) && file_read(path, DOCUMENT_MAX, &there, &unread) && there.size == size &&
            memcmp(there.data, text, size) == 0;
    error_clear(&unread);
    buffer_free(&there);
    free(path);
    return good;
}

static bool add_beside(struct repair *repair, const char *name, const char *why)
{
    return repair_change(&repair->out.beside, &repair->out.beside_count, &repair->out.beside_capacity, name, why);
}

static bool add_aside(struct repair *repair, const char *path, const char *why)
{
    return repair_change(&repair->out.aside, &repair->out.aside_count, &repair->out.aside_capacity, path, why);
}

/* What the source has none of stays, unless the folder's own passport does not know it either. */
static bool plan_unknown(struct repair *repair, struct companion *companion, struct error *error)
{
    bool known = !repair->has_passport;
    for (size_t i = 0; !known && i < repair->passport.companion_count; i++)
        known = strcmp(repair->passport.companions[i].name, companion->name) == 0;
    if (!known)
        return add_aside(repair, companion->name, "neither the passport nor the source knows it") ||
               error_memory(error, companion->name);
    companion->path = path_join(repair->extract.folder, companion->name);
    return companion->path || error_memory(error, companion->name);
}

static bool plan_companion(struct repair *repair, struct companion *companion, struct error *error)
{
    const char *folder = repair->extract.folder;
    struct buffer text = {0};
    bool same = false, there = folder_holds(folder, companion->name);
    bool good = companion_read(companion, &text, error), noted = true;
    if (good && !text.data && there)
        good = plan_unknown(repair, companion, error);
    else if (good && text.data)
        good = beside_is(folder, companion->name, text.data, text.size, &same, error);
    if (good && text.data && !same) {
        noted = !there || add_aside(repair, companion->name, "is not the source's");
        noted = noted && add_beside(repair, companion->name, there ? "is not the source's" : "absent");
    }
    buffer_free(&text);
    return good && (noted || error_memory(error, companion->name));
}

/* The source's, and those that stay though the source has none. */
static bool plan_companions(struct repair *repair, struct error *error)
{
    const struct extract_request *request = &repair->request->extract;
    repair->companions = calloc(request->companion_count + 1, sizeof *repair->companions);
    bool good = repair->companions || error_memory(error, "repair");
    for (size_t i = 0; good && i < request->companion_count; i++) {
        repair->companions[i] = request->companions[i];
        good = plan_companion(repair, &repair->companions[i], error);
    }
    repair->extract.companions = repair->companions;
    return good;
}

/* A manifest that assay did not write may say what nothing else does. */
static bool read_passport(struct repair *repair)
{
    struct error why = {0};
    repair->has_passport = passport_read(repair->extract.folder, &repair->passport, &why) == PASSPORT_READ;
    error_clear(&why);
    return true;
}

/* The map of the experts that will be there: the text that lies there, when it says the same in other words. NULL with
 * `good`: a model without experts. */
static char *availability(const struct repair *repair, const struct extract_plan *final, bool *same, bool *good,
                          struct error *error)
{
    const struct extract_request *request = &repair->extract;
    struct buffer there = {0};
    struct error unread = {0};
    *same = *good = true;
    if (!request->experts)
        return NULL;
    char *map = extract_availability(request, final), *path = path_join(request->folder, AVAILABILITY_FILE);
    *good = (map && path) || error_memory(error, AVAILABILITY_FILE);
    bool read = *good && file_exists(path) && file_read(path, DOCUMENT_MAX, &there, &unread);
    cJSON *here = read ? json_parse(path, there.data, there.size, &unread) : NULL;
    cJSON *wanted = here ? json_parse(path, map, strlen(map), error) : NULL;
    *same = wanted && cJSON_Compare(here, wanted, true);
    if (*same) {
        free(map);
        map = buffer_take(&there);
    }
    cJSON_Delete(here);
    cJSON_Delete(wanted);
    error_clear(&unread);
    buffer_free(&there);
    free(path);
    return map;
}

/* Is the manifest what it will be? Only where no file is to be written can that be told. */
static bool manifest_is(const struct repair *repair, const struct extract_plan *final, const char *map, bool *same,
                        struct error *error)
{
    const struct extract_request *request = &repair->extract;
    *same = false;
    if (repair->out.file_count)
        return true;
    char *manifest = extract_manifest(request, final, map, error);
    bool good = manifest && beside_is(request->folder, EXTRACTION_MANIFEST, manifest, strlen(manifest), same, error);
    free(manifest);
    return good;
}

static bool plan_documents(struct repair *repair, struct error *error)
{
    const struct extract_request *request = &repair->extract;
    struct extract_plan final = {0};
    bool same_map = true, same = false, good = repair_final(repair, &final, error);
    char *map = good ? availability(repair, &final, &same_map, &good, error) : NULL;
    good = good && manifest_is(repair, &final, map, &same, error);
    bool mark = folder_holds(request->folder, EXTRACTION_UNFINISHED);
    if (good && !repair->has_passport && folder_holds(request->folder, EXTRACTION_MANIFEST))
        good = add_aside(repair, EXTRACTION_MANIFEST, "is no passport") || error_memory(error, EXTRACTION_MANIFEST);
    if (good && (!same || mark))
        good = add_beside(repair, EXTRACTION_MANIFEST,
                          !folder_holds(request->folder, EXTRACTION_MANIFEST) ? "absent"
                          : same ? "the repair or extraction was not finished"
                                 : "does not list what will be there") ||
               error_memory(error, EXTRACTION_MANIFEST);
    if (good && !same_map)
        good = add_beside(repair, AVAILABILITY_FILE,
                          folder_holds(request->folder, AVAILABILITY_FILE) ? "does not list what will be there"
                                                                           : "absent") ||
               error_memory(error, AVAILABILITY_FILE);
    free(map);
    extract_plan_free(&final);
    return good;
}

struct repair *repair_new(const struct repair_request *request, struct error *error)
{
    const struct extract_request *extract = &request->extract;
    struct repair *repair = calloc(1, sizeof *repair);
    if (!repair) {
        error_memory(error, "repair");
        return NULL;
    }
    repair->request = request;
    repair->extract = request->extract;
    repair->lock = -1;
    bool good = folder_allows(extract->folder, error) && extract_source_allows(extract, error) &&
                (repair->lock = extract_lock(extract->folder, error)) >= 0 && read_passport(repair) &&
                extract_plan_make(extract, &repair->plan, error) && index_plan(repair, error) &&
                repair_scan(repair, error) && repair_compare(repair, error) && is_of_source(repair, error) &&
                repair_decide(repair, error) && plan_companions(repair, error) && plan_documents(repair, error);
    if (good)
        return repair;
    repair_free(repair);
    return NULL;
}

static void changes_free(struct repair_change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(changes[i].path);
    free(changes);
}

void repair_free(struct repair *repair)
{
    if (!repair)
        return;
    for (size_t i = 0; i < repair->out.file_count; i++)
        free(repair->out.files[i].tensors);
    for (size_t i = 0; i < repair->file_count; i++) {
        free(repair->files[i].path);
        free(repair->files[i].problem);
        free(repair->files[i].tensors);
    }
    free(repair->out.files);
    changes_free(repair->out.aside, repair->out.aside_count);
    changes_free(repair->out.beside, repair->out.beside_count);
    names_free(&repair->out.leftovers);
    names_free(&repair->texts);
    names_free(&repair->beside);
    extract_plan_free(&repair->writes);
    extract_plan_free(&repair->plan);
    map_free(&repair->by_name);
    map_free(&repair->by_path);
    free(repair->planned);
    for (size_t i = 0; repair->companions && i < repair->extract.companion_count; i++)
        if (repair->companions[i].path != repair->request->extract.companions[i].path)
            free(repair->companions[i].path);
    free(repair->companions);
    passport_free(&repair->passport);
    free(repair->first);
    free(repair->in_place);
    free(repair->files);
    free(repair->tensors);
    store_free(repair->store);
    if (repair->lock >= 0)
        close(repair->lock);
    free(repair);
}

const struct repair_plan *repair_plan(const struct repair *repair)
{
    return &repair->out;
}

bool repair_idle(const struct repair *repair)
{
    const struct repair_plan *plan = &repair->out;
    return !plan->file_count && !plan->aside_count && !plan->beside_count && !plan->leftovers.count;
}

/* --- the folder as it will be --- */

static bool final_tensor(const struct repair *repair, size_t held_index, struct extract_file *file)
{
    const struct held_tensor *held = &repair->tensors[held_index];
    const struct planned_tensor *planned = &repair->planned[held->planned];
    const struct extract_tensor *origin = &repair->plan.files[planned->file].tensors[planned->index];
    struct extract_tensor *tensor = &file->tensors[file->count++];
    *tensor = (struct extract_tensor){.store = repair->store,
                                      .tensor = held->tensor,
                                      .origin_store = origin->origin_store,
                                      .origin = origin->origin,
                                      .name = strdup(origin->name),
                                      .begin = held->tensor->offset};
    memcpy(tensor->sha256, held->sha256, sizeof tensor->sha256);
    return tensor->name;
}

static int by_name(const void *left, const void *right)
{
    return strcmp(((const struct extract_tensor *)left)->name, ((const struct extract_tensor *)right)->name);
}

static bool final_held(const struct repair *repair, const struct held_file *held, struct extract_file *file)
{
    *file = (struct extract_file){.path = strdup(held->path),
                                  .tensors = calloc(held->count, sizeof *file->tensors),
                                  .size = held->size,
                                  .fate = FILE_KEPT};
    bool good = file->path && file->tensors;
    memcpy(file->header_sha256, held->header_sha256, sizeof file->header_sha256);
    for (size_t i = 0; good && i < held->count; i++)
        good = final_tensor(repair, held->tensors[i], file);
    if (good)
        qsort(file->tensors, file->count, sizeof *file->tensors, by_name);
    return good;
}

static bool final_written(const struct extract_file *written, struct extract_file *file)
{
    *file = *written;
    file->writer = NULL;
    file->fate = FILE_WRITTEN;
    file->count = 0;
    file->path = strdup(written->path);
    file->tensors = calloc(written->count, sizeof *file->tensors);
    bool good = file->path && file->tensors;
    for (; good && file->count < written->count; file->count++) {
        file->tensors[file->count] = written->tensors[file->count];
        good = (file->tensors[file->count].name = strdup(written->tensors[file->count].name));
    }
    return good;
}

static int by_path(const void *left, const void *right)
{
    return strcmp(((const struct extract_file *)left)->path, ((const struct extract_file *)right)->path);
}

bool repair_final(const struct repair *repair, struct extract_plan *final, struct error *error)
{
    *final =
        (struct extract_plan){.files = calloc(repair->file_count + repair->writes.count + 1, sizeof *final->files)};
    bool good = final->files;
    for (size_t i = 0; good && i < repair->file_count; i++)
        if (repair->files[i].right)
            good = final_held(repair, &repair->files[i], &final->files[final->count++]);
    for (size_t i = 0; good && i < repair->writes.count; i++)
        good = final_written(&repair->writes.files[i], &final->files[final->count++]);
    if (good && final->count)
        qsort(final->files, final->count, sizeof *final->files, by_path);
    return good || error_memory(error, "repair");
}

/* --- carrying it out --- */

static bool made_parent(const char *path, struct error *error)
{
    char *folder = path_folder(path);
    bool good = (folder || error_memory(error, path)) && folder_make(folder, error);
    free(folder);
    return good;
}

/* A second name for the file, under set_aside/, that is not taken; where the file system has none, or for a folder, it
 * is moved. It stays what it was, whatever is renamed into its old place. */
static bool set_aside(const char *folder, const char *path, bool stays, struct error *error)
{
    char *from = path_join(folder, path), *to = NULL;
    bool done = false, good = from || error_memory(error, path);
    for (int number = 0; good && !done && number < 10000; number++) {
        free(to);
        to = NULL;
        int length = number ? asprintf(&to, "%s/%s/%s.%d", folder, REPAIR_ASIDE, path, number)
                            : asprintf(&to, "%s/%s/%s", folder, REPAIR_ASIDE, path);
        struct stat taken, mine;
        if (length < 0) {
            to = NULL;
            good = error_memory(error, path);
        } else if ((good = made_parent(to, error)) && lstat(to, &taken) == 0) {
            /* by a run that was killed */
            done = stays && lstat(from, &mine) == 0 && mine.st_dev == taken.st_dev && mine.st_ino == taken.st_ino;
        } else if (good) {
            done = stays && link(from, to) == 0;
            done = done || rename(from, to) == 0;
            good = done || error_errno(error, "%s: cannot be set aside as %s", from, to);
        }
    }
    free(from);
    free(to);
    return good && (done || error_set(error, "%s: too many files of that name are set aside in %s; move some away",
                                      path, REPAIR_ASIDE));
}

/* Where something else is put in its place, it must not be gone in between. */
static bool is_replaced(const struct repair *repair, const char *path)
{
    for (size_t i = 0; i < repair->out.beside_count; i++)
        if (strcmp(repair->out.beside[i].path, path) == 0)
            return true;
    size_t file = map_find(&repair->by_path, path, strlen(path));
    for (size_t i = file == MAP_ABSENT ? repair->planned_count : repair->first[file];
         i < (file == MAP_ABSENT ? repair->planned_count : repair->first[file + 1]); i++)
        if (repair->planned[i].home == NONE)
            return true;
    return false;
}

static bool run_aside(const struct repair *repair, bool replaced, struct error *error)
{
    bool good = true;
    for (size_t i = 0; good && i < repair->out.aside_count; i++) {
        const char *path = repair->out.aside[i].path;
        if (is_replaced(repair, path) == replaced)
            good = set_aside(repair->request->extract.folder, path, replaced, error);
    }
    return good;
}

static bool remove_leftovers(const struct repair *repair, struct error *error)
{
    bool good = true;
    for (size_t i = 0; good && i < repair->out.leftovers.count; i++) {
        char *path = path_join(repair->request->extract.folder, repair->out.leftovers.items[i]);
        good = path || error_memory(error, "repair");
        good = good && (unlink(path) == 0 || errno == ENOENT || error_errno(error, "%s", path));
        free(path);
    }
    return good;
}

/* What was read back of the files that were written. */
static void note_hashes(struct repair *repair)
{
    for (size_t i = 0; i < repair->writes.count; i++)
        for (size_t k = 0; k < repair->writes.files[i].count; k++) {
            const struct extract_tensor *tensor = &repair->writes.files[i].tensors[k];
            const char *name = tensor->origin->name;
            struct planned_tensor *planned = &repair->planned[map_find(&repair->by_name, name, strlen(name))];
            if (tensor->tensor->dtype == tensor->origin->dtype)
                memcpy(planned->sha256, tensor->sha256, sizeof planned->sha256);
        }
}

static bool run_documents(const struct repair *repair, struct error *error)
{
    struct extract_plan final = {0};
    bool same, good = repair_final(repair, &final, error);
    char *map = good ? availability(repair, &final, &same, &good, error) : NULL;
    good = good && extract_conclude(&repair->extract, &final, map, error);
    free(map);
    extract_plan_free(&final);
    return good;
}

bool repair_run(struct repair *repair, struct error *error)
{
    const struct extract_request *request = &repair->extract;
    if (repair_idle(repair))
        return true;
    bool good = remove_leftovers(repair, error) && run_aside(repair, true, error) &&
                extract_announce(request->folder, error) && extract_write(request, &repair->writes, error) &&
                run_aside(repair, false, error) && extract_copy_companions(request, error) &&
                run_documents(repair, error);
    note_hashes(repair);
    return good;
}

bool repair_original(const struct repair *repair, struct passport *original, struct error *error)
{
    const struct extract_request *request = &repair->request->extract;
    *original = (struct passport){.complete = true, .follows = true, .model = strdup(request->model)};
    bool good = original->model || error_memory(error, "repair");
    for (size_t i = 0; good && i < repair->planned_count; i++) {
        const struct planned_tensor *planned = &repair->planned[i];
        const struct tensor *tensor = repair->plan.files[planned->file].tensors[planned->index].tensor;
        struct passport_tensor *row =
            passport_add_tensor(original, tensor->name, tensor->dtype, tensor->rank, tensor->shape);
        good = row || error_memory(error, "repair");
        if (good)
            memcpy(row->sha256, planned->sha256, sizeof row->sha256);
    }
    return good && passport_take_companions(request->companions, request->companion_count, original, error) &&
           passport_finish(original, store_path(request->store), error);
}
