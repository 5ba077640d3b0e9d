#include "arrival/watch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arrival/watch_block.h"
#include "arrival/watch_internal.h"
#include "base/numbers.h"
#include "base/wording.h"
#include "model/model.h"
#include "store/layout.h"

#define BATCH 256 /* files judged between two looks at what else happened */
#define PAUSE 0.2 /* seconds between two steps of the progress */

static void tell(struct watch *watch, enum watch_line line, const char *format, ...) ASSAY_PRINTF(3, 4);

static void tell(struct watch *watch, enum watch_line line, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    progress_end(&watch->progress);
    watch->request->tell(watch->request->context, line, text);
    free(text);
}

/* --- what to look at --- */

/* A file of tensors under the name that it will keep. */
static bool is_candidate(const char *path)
{
    return text_ends_with(path, ".safetensors") && !strstr(path_base(path), ".tmp.");
}

static bool item_add(struct watch *watch, const char *path, bool sure, bool due, struct error *error)
{
    size_t found = map_find(&watch->item_of, path, strlen(path));
    if (found != MAP_ABSENT) {
        watch->items[found].sure |= sure;
        watch->items[found].due |= due;
        return true;
    }
    char *copy = strdup(path);
    if (!copy || !array_push(watch->items, watch->item_count, watch->item_capacity,
                             (struct watch_item){.path = copy, .sure = sure, .due = due})) {
        free(copy);
        return error_memory(error, path);
    }
    return map_add(&watch->item_of, copy, strlen(copy), watch->item_count - 1, NULL) || error_memory(error, path);
}

static void items_clear(struct watch *watch)
{
    for (size_t i = 0; i < watch->item_count; i++)
        free(watch->items[i].path);
    watch->item_count = 0;
    map_free(&watch->item_of);
}

static bool add_known(struct watch *watch, struct error *error)
{
    for (size_t i = 0; i < landing_file_count(watch->landing); i++) {
        const char *path = landing_file(watch->landing, i);
        if (path && !item_add(watch, path, false, false, error))
            return false;
    }
    return true;
}

/* --- what is not right yet --- */

static struct watch_waiting *waiting_find(struct watch *watch, const char *path)
{
    for (size_t i = 0; i < watch->waiting_count; i++)
        if (strcmp(watch->waiting[i].path, path) == 0)
            return &watch->waiting[i];
    return NULL;
}

static void waiting_remove(struct watch *watch, const char *path)
{
    struct watch_waiting *waiting = waiting_find(watch, path);
    if (!waiting)
        return;
    free(waiting->path);
    free(waiting->message);
    *waiting = watch->waiting[--watch->waiting_count];
}

/* `verdict` NULL: it was not looked at. */
static bool waiting_put(struct watch *watch, const char *path, const struct landing_verdict *verdict,
                        struct error *error)
{
    struct watch_waiting *waiting = waiting_find(watch, path);
    if (!waiting) {
        char *copy = strdup(path);
        if (!copy || !array_push(watch->waiting, watch->waiting_count, watch->waiting_capacity,
                                 (struct watch_waiting){.path = copy})) {
            free(copy);
            return error_memory(error, path);
        }
        waiting = &watch->waiting[watch->waiting_count - 1];
    }
    waiting->due = clock_seconds() + watch->request->settle;
    if (verdict) {
        free(waiting->message);
        waiting->seen = verdict->file;
        waiting->message = strdup(verdict->message ? verdict->message : "");
    }
    return true;
}

static bool add_due(struct watch *watch, bool all, struct error *error)
{
    double now = clock_seconds();
    for (size_t i = 0; i < watch->waiting_count; i++)
        if ((all || watch->waiting[i].due <= now) && !item_add(watch, watch->waiting[i].path, false, true, error))
            return false;
    return true;
}

/* --- events --- */

/* One that was there from the first may be of an earlier extraction. */
static void take_manifest(struct watch *watch, enum folder_change change)
{
    watch->stale = watch->stale && change == FOLDER_FOUND;
    watch->finished = change != FOLDER_GONE && change != FOLDER_MADE && !watch->stale;
}

static bool take_event(struct watch *watch, const struct folder_event *event, struct error *error)
{
    watch->changed = clock_seconds();
    if (event->change == FOLDER_LOST)
        return add_known(watch, error);
    if (strcmp(event->path, EXTRACTION_MANIFEST) == 0)
        take_manifest(watch, event->change);
    if (!is_candidate(event->path))
        return true;
    if (event->change == FOLDER_MADE)
        return waiting_put(watch, event->path, NULL, error);
    return item_add(watch, event->path, event->change == FOLDER_WRITTEN, false, error);
}

/* Waits for something to do, then takes what there is, up to a batch. */
static bool gather(struct watch *watch, bool *any, struct error *error)
{
    double seconds = watch->request->once ? 0 : PAUSE;
    bool more = true;
    *any = false;
    while (more && watch->item_count < BATCH) {
        struct folder_event event;
        if (!folder_watch_next(watch->folder, *any ? 0 : seconds, &event, &more, error) ||
            (more && !take_event(watch, &event, error)))
            return false;
        *any |= more;
    }
    return watch->request->once || add_due(watch, false, error);
}

/* --- files --- */

/* What is wrong does not end it, and nothing is waited for. */
static bool judges_all(const struct watch *watch)
{
    return watch->request->once || watch->last;
}

static bool wrong_add(struct watch *watch, const char *path, const struct landing_verdict *verdict, struct error *error)
{
    watch->end = judges_all(watch) ? watch->end : END_WRONG;
    watch->wrong_count++;
    if (watch->wrong_counts[watch_check_index(verdict->check)]++ >= PLACES_MAX)
        return true;
    tell(watch, WATCH_WRONG, "%s", verdict->message ? verdict->message : verdict->check);
    struct finding *place = findings_place(&watch->wrong, verdict->check, VERDICT_FAIL);
    char *file = path_join(watch->request->folder, path);
    bool good = place && file;
    if (good) {
        place->where.layer = verdict->layer;
        place->where.expert = verdict->expert;
        where_set(&place->where.file, file);
        if (verdict->tensor)
            where_set(&place->where.tensor, verdict->tensor);
        finding_message(place, "%s", verdict->message ? verdict->message : "");
    }
    free(file);
    return good || error_memory(error, path);
}

/* Is it certain that nobody is about to make it right? */
static bool is_final(struct watch *watch, const struct watch_item *item, const struct landing_verdict *verdict)
{
    if (judges_all(watch))
        return true;
    if (verdict->state == LANDING_WRONG && item->sure)
        return true;
    const struct watch_waiting *waiting = item->due ? waiting_find(watch, item->path) : NULL;
    return waiting && waiting->message && !file_state_change(&waiting->seen, &verdict->file);
}

static bool take_verdict(struct watch *watch, const struct watch_item *item, const struct landing_verdict *verdict,
                         struct error *error)
{
    bool wrong = verdict->state == LANDING_SHORT || verdict->state == LANDING_WRONG;
    if (wrong && is_final(watch, item, verdict)) {
        waiting_remove(watch, item->path);
        return wrong_add(watch, item->path, verdict, error);
    }
    if (wrong || verdict->state == LANDING_CHANGING)
        return waiting_put(watch, item->path, verdict, error);
    waiting_remove(watch, item->path);
    return true;
}

static bool look(struct watch *watch, struct error *error)
{
    size_t count = watch->item_count;
    const char **paths = calloc(count + 1, sizeof *paths);
    struct landing_verdict *verdicts = calloc(count + 1, sizeof *verdicts);
    bool good = (paths && verdicts) || error_memory(error, watch->request->folder);
    for (size_t i = 0; good && i < count; i++)
        paths[i] = watch->items[i].path;
    if (good) {
        good = landing_look(watch->landing, paths, count, verdicts, error);
        for (size_t i = 0; i < count; i++) {
            good = good && take_verdict(watch, &watch->items[i], &verdicts[i], error);
            landing_verdict_free(&verdicts[i]);
        }
    }
    free(paths);
    free(verdicts);
    items_clear(watch);
    return good;
}

/* --- blocks --- */

static bool block_compare(struct watch *watch, int block, struct isolated_result *result, struct error *error)
{
    *result = (struct isolated_result){0};
    if (!watch->isolated)
        return true;
    struct store *store = landing_block_store(watch->landing, block, error);
    bool good = store && isolated_run(watch->isolated, store, block, result, error);
    store_free(store);
    return good;
}

/* The first thing that is wrong with the block. */
static bool tell_bad(struct watch *watch, int block, struct error *error)
{
    char name[32];
    struct findings findings = {0};
    const char *message = NULL;
    int layer = block && block <= watch->request->config->layers ? block - 1 : -1;
    bool good = isolated_report(watch->isolated, &findings, error);
    for (size_t i = 0; good && i < findings.count && !message; i++)
        if (!findings.items[i].summary && findings.items[i].where.layer == layer)
            message = findings.items[i].message;
    if (good)
        tell(watch, WATCH_WRONG, "%s: %s", watch_block_name(watch->request->config, block, name),
             message ? message : "is not gold's.");
    findings_free(&findings);
    return good;
}

static bool block_tell(struct watch *watch, int block, const struct isolated_result *result, struct error *error)
{
    char name[32], gold[96] = "";
    if (result->bad) {
        watch->bad_block = true;
        watch->end = judges_all(watch) ? watch->end : END_WRONG;
        return tell_bad(watch, block, error);
    }
    if (result->compared)
        snprintf(gold, sizeof gold, ", %zu module%s as in gold", result->compared, result->compared > 1 ? "s" : "");
    else if (watch->isolated)
        snprintf(gold, sizeof gold, "; not compared, for gold does not hold its input and output");
    size_t tensors = landing_block_tensors(watch->landing, block);
    tell(watch, WATCH_EVENT, "%s: complete, %zu tensor%s right%s",
         watch_block_name(watch->request->config, block, name), tensors, tensors == 1 ? "" : "s", gold);
    return true;
}

/* A block that is complete. Files that change while it runs are no failure: they are judged again, and so is it. */
static bool block_judge(struct watch *watch, int block, size_t version, struct error *error)
{
    struct isolated_result result;
    struct error met = {0};
    if (!block_compare(watch, block, &result, &met)) {
        bool good = add_known(watch, error) && look(watch, error);
        bool same = landing_block(watch->landing, block) == version;
        if (good && same)
            good = error_take(error, &met);
        error_clear(&met);
        return good;
    }
    watch->done[block] = version;
    watch->compared[block] = result.compared > 0;
    return block_tell(watch, block, &result, error);
}

static bool blocks_judge(struct watch *watch, struct error *error)
{
    for (int block = 0; block < MODEL_BLOCKS(watch->request->config) && watch->end == END_NOT; block++) {
        size_t version = landing_block(watch->landing, block);
        char name[32];
        if (!version && watch->done[block])
            tell(watch, WATCH_EVENT, "%s: no longer complete", watch_block_name(watch->request->config, block, name));
        if (version == watch->done[block])
            continue;
        watch->done[block] = 0;
        if (version && !block_judge(watch, block, version, error))
            return false;
    }
    return true;
}

/* --- the whole --- */

static void show_progress(struct watch *watch)
{
    struct landing_counts counts = landing_count(watch->landing);
    struct buffer bytes = {0};
    size_text(&bytes, counts.bytes);
    snprintf(watch->title, sizeof watch->title, "%zu/%d layers, %zu/%zu files, %s", counts.layers,
             watch->request->config->layers, counts.files, counts.files_expected, bytes.data ? bytes.data : "");
    buffer_free(&bytes);
    watch->progress.total = counts.tensors_expected;
    progress_step(&watch->progress, counts.tensors);
}

static bool is_complete(const struct watch *watch)
{
    if (watch->waiting_count || watch->wrong_count || watch->bad_block)
        return false;
    for (int block = 0; block < MODEL_BLOCKS(watch->request->config); block++)
        if (!watch->done[block] || landing_block(watch->landing, block) != watch->done[block])
            return false;
    return true;
}

/* The extraction says that it is whole: its manifest came, and the mark of an unfinished one is not there. */
static bool is_finished(const struct watch *watch)
{
    if (!watch->finished || watch->waiting_count || clock_seconds() - watch->changed < watch->request->settle)
        return false;
    char *mark = path_join(watch->request->folder, EXTRACTION_UNFINISHED);
    bool finished = mark && !file_exists(mark);
    free(mark);
    return finished;
}

static enum watch_end judge_end(const struct watch *watch, bool quiet)
{
    if (watch->end != END_NOT)
        return watch->end;
    if (quiet && is_complete(watch))
        return END_COMPLETE;
    if (watch->request->once)
        return quiet ? END_ONCE : END_NOT;
    if (quiet && is_finished(watch))
        return END_FINISHED;
    bool late = watch->request->timeout > 0 && clock_seconds() - watch->changed > watch->request->timeout;
    return late ? END_TIMEOUT : END_NOT;
}

/* What was waited for is judged as it is. */
static bool give_up(struct watch *watch, struct error *error)
{
    watch->last = true;
    watch->end = END_NOT;
    if (!add_due(watch, true, error) || !look(watch, error) || !blocks_judge(watch, error))
        return false;
    watch->end = is_complete(watch) ? END_COMPLETE : END_TIMEOUT;
    return true;
}

static bool follow(struct watch *watch, struct error *error)
{
    while (watch->end == END_NOT) {
        bool any;
        if (!gather(watch, &any, error))
            return false;
        if (!folder_watch_there(watch->folder) && watch->request->once)
            return error_set(error, "%s: no such folder", watch->request->folder);
        if (!folder_watch_there(watch->folder) && !watch->absence_told)
            tell(watch, WATCH_TALK, "%s: not there yet; waiting for it", watch->request->folder);
        watch->absence_told = !folder_watch_there(watch->folder);
        any |= watch->item_count > 0;
        if (!look(watch, error) || !blocks_judge(watch, error))
            return false;
        show_progress(watch);
        watch->end = judge_end(watch, !any);
    }
    return watch->end != END_TIMEOUT || give_up(watch, error);
}

static bool watch_begin(struct watch *watch, struct pool *pool, struct error *error)
{
    const struct watch_request *request = watch->request;
    size_t blocks = (size_t)MODEL_BLOCKS(request->config);
    char *manifest = path_join(request->folder, EXTRACTION_MANIFEST);
    watch->stale = manifest && file_exists(manifest);
    free(manifest);
    watch->done = calloc(blocks, sizeof *watch->done);
    watch->compared = calloc(blocks, sizeof *watch->compared);
    watch->changed = clock_seconds();
    watch->progress = progress_begin(watch->title, "tensors", 1);
    return ((watch->done && watch->compared) || error_memory(error, request->folder)) &&
           (watch->landing = landing_new(request->folder, request->config, request->source, pool, error)) &&
           (!request->golden_count ||
            (watch->isolated = isolated_new(request->goldens, request->golden_count, request->config, request->limits,
                                            request->threads, error))) &&
           (watch->folder = folder_watch_new(request->folder, error));
}

static void watch_free(struct watch *watch)
{
    items_clear(watch);
    while (watch->waiting_count)
        waiting_remove(watch, watch->waiting[0].path);
    free(watch->items);
    free(watch->waiting);
    free(watch->done);
    free(watch->compared);
    findings_free(&watch->wrong);
    landing_free(watch->landing);
    isolated_free(watch->isolated);
    folder_watch_free(watch->folder);
}

bool watch_run(const struct watch_request *request, struct findings *findings, struct landing_counts *counts,
               struct error *error)
{
    struct watch watch = {.request = request};
    struct pool *pool = pool_new(request->threads, error);
    bool good = pool && watch_begin(&watch, pool, error) && follow(&watch, error);
    progress_end(&watch.progress);
    good = good && watch_report(&watch, findings, error);
    if (good)
        *counts = landing_count(watch.landing);
    watch_free(&watch);
    pool_free(pool);
    return good;
}
