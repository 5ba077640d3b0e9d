/* Which files of a folder are right, and which are to be written. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extraction/repair_internal.h"

static bool is_match(const struct held_tensor *held)
{
    return held->planned != NONE && (held->match == MATCH_SAME || held->match == MATCH_CONVERTED);
}

bool repair_change(struct repair_change **changes, size_t *count, size_t *capacity, const char *path, const char *why)
{
    if (!array_grow(*changes, *count, *capacity))
        return false;
    char *copy = strdup(path);
    if (copy)
        (*changes)[(*count)++] = (struct repair_change){copy, why};
    return copy;
}

const char *repair_text(struct repair *repair, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    bool good = length >= 0 && names_add(&repair->texts, text);
    if (length >= 0)
        free(text);
    return good ? repair->texts.items[repair->texts.count - 1] : NULL;
}

/* --- which files are right --- */

/* A view whose elements lie apart has no bytes of its own that a passport could vouch for. */
static bool file_may_stay(const struct repair *repair, const struct held_file *file)
{
    bool good = !file->problem && file->count;
    for (size_t i = 0; good && i < file->count; i++) {
        const struct held_tensor *held = &repair->tensors[file->tensors[i]];
        good = is_match(held) && !tensor_lies_apart(held->tensor) && repair->planned[held->planned].home == NONE;
    }
    return good;
}

static void file_release(struct repair *repair, struct held_file *file)
{
    file->right = false;
    for (size_t i = 0; i < file->count; i++)
        repair->planned[repair->tensors[file->tensors[i]].planned].home = NONE;
}

/* Not one that holds a tensor twice, under two spellings. */
static void file_keep(struct repair *repair, struct held_file *file)
{
    file->right = true;
    for (size_t i = 0; i < file->count; i++)
        repair->planned[repair->tensors[file->tensors[i]].planned].home = file->tensors[i];
    for (size_t i = 0; file->right && i < file->count; i++)
        if (repair->planned[repair->tensors[file->tensors[i]].planned].home != file->tensors[i])
            file_release(repair, file);
}

static bool is_written(const struct repair *repair, size_t planned_file)
{
    for (size_t i = repair->first[planned_file]; i < repair->first[planned_file + 1]; i++)
        if (repair->planned[i].home == NONE)
            return true;
    return false;
}

/* Files in their places come before others that hold the same. One whose place is written to cannot stay, and what it
 * holds is written as well. */
static void choose_files(struct repair *repair)
{
    for (int own = 1; own >= 0; own--)
        for (size_t i = 0; i < repair->file_count; i++) {
            struct held_file *file = &repair->files[i];
            if ((file->own != NONE) == (own == 1) && file_may_stay(repair, file))
                file_keep(repair, file);
        }
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < repair->file_count; i++) {
            struct held_file *file = &repair->files[i];
            if (!file->right || file->own == NONE || !is_written(repair, file->own))
                continue;
            file_release(repair, file);
            changed = true;
        }
    }
}

/* --- what is written --- */

static const char *const match_texts[] = {[MATCH_SAME] = "right",
                                          [MATCH_CONVERTED] = "right",
                                          [MATCH_VALUES] = "other values",
                                          [MATCH_SHAPE] = "another shape",
                                          [MATCH_DTYPE] = "another dtype",
                                          [MATCH_UNREAD] = "cannot be read",
                                          [MATCH_PLACE] = "in a file that is named after another layer or expert"};

/* Of several held tensors of one name the one that helps most. */
static void find_any(struct repair *repair)
{
    for (size_t i = 0; i < repair->tensor_count; i++) {
        const struct held_tensor *held = &repair->tensors[i];
        if (held->planned == NONE)
            continue;
        struct planned_tensor *planned = &repair->planned[held->planned];
        const struct held_tensor *best = planned->any == NONE ? NULL : &repair->tensors[planned->any];
        bool in_place = repair->files[held->file].own == planned->file;
        if (!best || (is_match(held) && (!is_match(best) || in_place)) || (!is_match(best) && in_place))
            planned->any = i;
        if (is_match(held) && !planned->sha256[0])
            memcpy(planned->sha256, held->source_sha256, sizeof planned->sha256);
    }
}

/* Copied from the folder: a right tensor, in the file that is replaced by this very one, or in one that is set aside at
 * the end. Another file may be gone by then. */
static bool may_copy(const struct repair *repair, const struct planned_tensor *planned)
{
    const struct held_tensor *held = planned->any == NONE ? NULL : &repair->tensors[planned->any];
    if (!held || !is_match(held))
        return false;
    const struct held_file *file = &repair->files[held->file];
    return !file->right && (file->own == planned->file || file->own == NONE || !is_written(repair, file->own));
}

static double share_of(const struct repair *repair, const struct tensor *tensor)
{
    const struct extract_request *request = &repair->request->extract;
    int layer, expert;
    tensor_place(tensor, &layer, &expert);
    if (expert >= 0 && request->experts > 0)
        return (double)repair->request->experts_per_token / request->experts;
    bool embedding = strcmp(tensor->name, "model.embed_tokens.weight") == 0;
    bool looked_up = embedding && map_find(&repair->by_name, "lm_head.weight", 14) != MAP_ABSENT && tensor->rows;
    return looked_up ? 1.0 / (double)tensor->rows : 1;
}

/* What is wrong with the file as a whole. */
static const char *file_why(struct repair *repair, size_t index, const struct repair_file *file)
{
    const struct held_file *held = repair->in_place[index] == NONE ? NULL : &repair->files[repair->in_place[index]];
    size_t absent = 0, wrong = 0;
    const struct repair_tensor *first = NULL;
    for (size_t i = 0; i < file->count; i++) {
        absent += strcmp(file->tensors[i].why, "absent") == 0;
        wrong += !file->tensors[i].kept;
        first = first || file->tensors[i].kept ? first : &file->tensors[i];
    }
    if (!held)
        return "absent";
    if (held->problem)
        return repair_text(repair, "cannot be read: %s", held->problem);
    if (absent && absent == wrong)
        return repair_text(repair, "%zu of %zu tensors are absent", absent, file->count);
    if (!first)
        return "holds what belongs elsewhere";
    return repair_text(repair, "%zu of %zu tensors are wrong; %s: %s", wrong, file->count, first->name, first->why);
}

static bool plan_tensor(struct repair *repair, const struct planned_tensor *planned, struct repair_file *out,
                        struct extract_file *write, double *share)
{
    const struct extract_tensor *wanted = &repair->plan.files[planned->file].tensors[planned->index];
    struct repair_tensor *tensor = &out->tensors[out->count++];
    const struct held_tensor *held = planned->any == NONE ? NULL : &repair->tensors[planned->any];
    bool kept = may_copy(repair, planned);
    *tensor = (struct repair_tensor){.name = wanted->tensor->name,
                                     .why = !held                     ? "absent"
                                            : kept || !is_match(held) ? match_texts[held->match]
                                                                      : "in a file that is replaced",
                                     .kept = kept,
                                     .from = kept ? held->tensor : wanted->tensor,
                                     .store = kept ? repair->store : wanted->store};
    repair->out.converted += kept && held->match == MATCH_CONVERTED;
    if (!kept) {
        out->bytes += wanted->tensor->bytes;
        *share += share_of(repair, wanted->tensor);
    }
    struct extract_tensor *writes = &write->tensors[write->count++];
    *writes = *wanted;
    writes->store = tensor->store;
    writes->tensor = tensor->from;
    write->bytes += tensor->from->bytes;
    return (writes->name = strdup(wanted->name));
}

/* One file of the plan, with its tensors that no right file holds. */
static bool plan_file(struct repair *repair, size_t index)
{
    const struct extract_file *file = &repair->plan.files[index];
    struct repair_file *out = &repair->out.files[repair->out.file_count++];
    struct extract_file *write = &repair->writes.files[repair->writes.count++];
    double share = 0;
    *out = (struct repair_file){.path = file->path, .tensors = calloc(file->count, sizeof *out->tensors)};
    *write = (struct extract_file){.path = strdup(file->path),
                                   .block = file->block,
                                   .layer = file->layer,
                                   .expert = file->expert,
                                   .wanted = true,
                                   .tensors = calloc(file->count, sizeof *write->tensors)};
    bool good = out->tensors && write->path && write->tensors;
    for (size_t i = repair->first[index]; good && i < repair->first[index + 1]; i++)
        if (repair->planned[i].home == NONE)
            good = plan_tensor(repair, &repair->planned[i], out, write, &share);
    out->effect = out->bytes ? share / (double)out->bytes : 0;
    return good && (out->why = file_why(repair, index, out));
}

static int by_effect(const void *left, const void *right)
{
    const struct repair_file *a = left, *b = right;
    if (a->effect > b->effect || a->effect < b->effect)
        return a->effect > b->effect ? -1 : 1;
    return strcmp(a->path, b->path);
}

/* The files to write, in the order of the public plan. */
static bool sort_writes(struct repair *repair)
{
    struct map paths = {0};
    struct extract_file *sorted = calloc(repair->writes.count + 1, sizeof *sorted);
    bool good = sorted;
    if (repair->out.file_count)
        qsort(repair->out.files, repair->out.file_count, sizeof *repair->out.files, by_effect);
    for (size_t i = 0; good && i < repair->writes.count; i++)
        good = map_add(&paths, repair->writes.files[i].path, strlen(repair->writes.files[i].path), i, NULL);
    for (size_t i = 0; good && i < repair->writes.count; i++) {
        const char *path = repair->out.files[i].path;
        sorted[i] = repair->writes.files[map_find(&paths, path, strlen(path))];
    }
    map_free(&paths);
    if (good)
        memcpy(repair->writes.files, sorted, repair->writes.count * sizeof *sorted);
    free(sorted);
    return good;
}

static bool plan_writes(struct repair *repair)
{
    size_t count = repair->plan.count;
    repair->out.files = calloc(count + 1, sizeof *repair->out.files);
    repair->writes.files = calloc(count + 1, sizeof *repair->writes.files);
    bool good = repair->out.files && repair->writes.files;
    for (size_t i = 0; good && i < count; i++)
        if (is_written(repair, i))
            good = plan_file(repair, i);
    for (size_t i = 0; good && i < repair->out.file_count; i++)
        repair->out.bytes += repair->out.files[i].bytes;
    return good && sort_writes(repair);
}

/* --- what is set aside --- */

/* Why a file that stays nowhere does not; NULL: it is replaced, and all that it holds belongs to the model. */
static const char *aside_why(const struct repair *repair, const struct held_file *file)
{
    bool replaced = file->own != NONE && is_written(repair, file->own);
    size_t unknown = 0, misplaced = 0;
    for (size_t i = 0; i < file->count; i++) {
        const struct held_tensor *held = &repair->tensors[file->tensors[i]];
        unknown += held->planned == NONE;
        misplaced += held->planned != NONE && held->match == MATCH_PLACE;
    }
    if (unknown)
        return "holds tensors that the source does not have";
    if (replaced)
        return file->folder ? "is a folder where a file belongs" : NULL;
    return file->problem  ? "cannot be read"
           : !file->count ? "holds no tensor"
           : misplaced    ? "is named after another layer or expert than it holds"
                          : "holds what other files hold, or what is wrong";
}

static bool plan_aside(struct repair *repair)
{
    bool good = true;
    for (size_t i = 0; good && i < repair->file_count; i++) {
        const struct held_file *file = &repair->files[i];
        const char *why = file->right ? NULL : aside_why(repair, file);
        if (why)
            good = repair_change(&repair->out.aside, &repair->out.aside_count, &repair->out.aside_capacity, file->path,
                                 why);
    }
    return good;
}

bool repair_decide(struct repair *repair, struct error *error)
{
    choose_files(repair);
    find_any(repair);
    for (size_t i = 0; i < repair->file_count; i++)
        repair->out.right_files += repair->files[i].right;
    for (size_t i = 0; i < repair->planned_count; i++) {
        size_t home = repair->planned[i].home;
        repair->out.right_tensors += home != NONE;
        repair->out.converted += home != NONE && repair->tensors[home].match == MATCH_CONVERTED;
    }
    bool good = plan_writes(repair) && plan_aside(repair);
    return good || error_memory(error, "repair");
}
