#include "arrival/landing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arrival/landing_internal.h"
#include "model/model.h"
#include "store/layout.h"

static int block_of(const struct landing *landing, const struct expected *expected)
{
    if (expected->layer >= 0)
        return expected->layer + 1;
    return expected->weight == WEIGHT_EMBEDDING ? 0 : landing->config->layers + 1;
}

/* Everything that the configuration calls for, and where it belongs. */
static bool expect(struct landing *landing)
{
    size_t blocks = (size_t)MODEL_BLOCKS(landing->config);
    if (!expected_set_take(landing->config, &landing->expected))
        return false;
    size_t count = landing->expected.list.count;
    landing->owners = malloc((count + 1) * sizeof *landing->owners);
    landing->holders = malloc((count + 1) * sizeof *landing->holders);
    landing->block_first = calloc(blocks + 1, sizeof *landing->block_first);
    landing->versions = calloc(blocks, sizeof *landing->versions);
    if (!landing->owners || !landing->holders || !landing->block_first || !landing->versions)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct expected *expected = &landing->expected.list.items[i];
        landing->owners[i] = landing->holders[i] = NO_FILE;
        landing->block_first[block_of(landing, expected) + 1] = i + 1;
    }
    for (size_t i = 0; i < blocks; i++)
        landing->versions[i] = 1;
    return true;
}

struct landing *landing_new(const char *folder, const struct model_config *config, const struct store *source,
                            struct pool *pool, struct error *error)
{
    struct landing *landing = calloc(1, sizeof *landing);
    if (landing) {
        landing->folder = folder;
        landing->config = config;
        landing->source = source;
        landing->pool = pool;
    }
    if (landing && expect(landing))
        return landing;
    error_memory(error, folder);
    landing_free(landing);
    return NULL;
}

void landing_free(struct landing *landing)
{
    if (!landing)
        return;
    for (size_t i = 0; i < landing->file_count; i++)
        free(landing->files[i].path);
    free(landing->files);
    free(landing->owners);
    free(landing->holders);
    free(landing->block_first);
    free(landing->versions);
    map_free(&landing->by_path);
    expected_set_free(&landing->expected);
    free(landing);
}

/* Is the tensor there, or not needed, or stood in for? */
static bool has_landed(const struct landing *landing, size_t index)
{
    const struct expected *expected = &landing->expected.list.items[index];
    if (landing->owners[index] != NO_FILE || expected->optional)
        return true;
    if (!expected->substitute)
        return false;
    size_t other = map_find(&landing->expected.by_name, expected->substitute, strlen(expected->substitute));
    return other != MAP_ABSENT && landing->owners[other] != NO_FILE;
}

static void own(struct landing *landing, size_t index, uint32_t file)
{
    const struct expected *expected = &landing->expected.list.items[index];
    landing->owners[index] = file;
    landing->versions[block_of(landing, expected)]++;
    /* the embedding of a tied model and its head stand in for each other */
    if (landing->config->tied && expected->layer < 0) {
        landing->versions[0]++;
        landing->versions[landing->config->layers + 1]++;
    }
}

/* The record of the file; NO_FILE: out of memory. */
static uint32_t file_take(struct landing *landing, const char *path)
{
    size_t found = map_find(&landing->by_path, path, strlen(path));
    if (found != MAP_ABSENT)
        return (uint32_t)found;
    char *copy = strdup(path);
    if (!copy || !array_grow(landing->files, landing->file_count, landing->file_capacity)) {
        free(copy);
        return NO_FILE;
    }
    if (!map_add(&landing->by_path, copy, strlen(copy), landing->file_count, NULL)) {
        free(copy);
        return NO_FILE;
    }
    landing->files[landing->file_count] = (struct landing_known){.path = copy};
    return (uint32_t)landing->file_count++;
}

/* What the file held is absent again. */
static void file_release(struct landing *landing, const char *path)
{
    size_t found = map_find(&landing->by_path, path, strlen(path));
    if (found == MAP_ABSENT || !landing->files[found].held)
        return;
    landing->files[found].right = landing->files[found].held = false;
    for (size_t i = 0; i < landing->expected.list.count; i++) {
        if (landing->owners[i] == found)
            own(landing, i, NO_FILE);
        if (landing->holders[i] == found)
            landing->holders[i] = NO_FILE;
    }
}

/* The tensor in this file and in another, unless that cannot be read any more. */
static bool judge_twice(const struct landing *landing, const struct expected *expected, const char *other,
                        const char *path, struct landing_verdict *verdict)
{
    bool before = strcmp(other, path) < 0;
    const char *files[2] = {before ? other : path, before ? path : other};
    struct error unread = {0};
    struct store *both = store_open_files(landing->folder, files, 2, &unread);
    const struct tensor *used = both ? store_find(both, expected->name) : NULL;
    bool alone = true;
    for (size_t i = 0; used && i < store_text_count(both); i++) {
        const struct tensor *tensor = store_at(both, i);
        if (tensor == used || strcmp(tensor->name, used->name) != 0)
            continue;
        struct charge charge = charge_twice(used, tensor);
        alone = landing_charge(verdict, LANDING_WRONG, tensor, &charge);
    }
    store_free(both);
    error_clear(&unread);
    return alone;
}

/* Another file that is still there and holds a tensor of this one. */
static bool judge_alone(const struct landing *landing, const char *path, struct landing_file *file)
{
    for (size_t i = 0; i < file->count; i++) {
        uint32_t owner = landing->owners[file->tensors[i]];
        const struct expected *expected = &landing->expected.list.items[file->tensors[i]];
        if (owner == NO_FILE)
            continue;
        if (!judge_twice(landing, expected, landing->files[owner].path, path, &file->verdict))
            return false;
    }
    return true;
}

/* What is in it counts if it is right. */
static bool file_land(struct landing *landing, const char *path, struct landing_file *file, struct error *error)
{
    bool right = file->verdict.state == LANDING_RIGHT && judge_alone(landing, path, file);
    uint32_t index = file->count || right ? file_take(landing, path) : 0;
    if (index == NO_FILE)
        return error_memory(error, path);
    if (!file->count && !right)
        return true;
    landing->files[index] = (struct landing_known){.path = landing->files[index].path,
                                                   .state = file->verdict.file,
                                                   .bytes = file->bytes,
                                                   .right = right,
                                                   .held = true};
    for (size_t i = 0; i < file->count; i++) {
        if (right)
            own(landing, file->tensors[i], index);
        else
            landing->holders[file->tensors[i]] = index;
    }
    return true;
}

struct looking {
    const struct landing *landing;
    const char *const *paths;
    struct landing_file *files;
};

static void look_task(void *context, size_t task, int thread)
{
    struct looking *looking = context;
    (void)thread;
    landing_file_judge(looking->landing, looking->paths[task], &looking->files[task]);
}

bool landing_look(struct landing *landing, const char *const *paths, size_t count, struct landing_verdict *verdicts,
                  struct error *error)
{
    struct landing_file *files = calloc(count + 1, sizeof *files);
    struct looking looking = {.landing = landing, .paths = paths, .files = files};
    bool good = files || error_memory(error, landing->folder);
    if (good)
        pool_run(landing->pool, count, look_task, &looking);
    for (size_t i = 0; good && i < count; i++)
        if (files[i].error.text)
            good = error_take(error, &files[i].error);
    /* those that went come first: what they held may be in another now */
    for (size_t i = 0; good && i < count; i++)
        if (files[i].verdict.state != LANDING_KNOWN)
            file_release(landing, paths[i]);
    for (size_t i = 0; good && i < count; i++)
        if (files[i].verdict.state != LANDING_KNOWN)
            good = file_land(landing, paths[i], &files[i], error);
    for (size_t i = 0; files && i < count; i++) {
        verdicts[i] = files[i].verdict;
        files[i].verdict = (struct landing_verdict){.layer = -1, .expert = -1};
        landing_file_free(&files[i]);
    }
    free(files);
    return good;
}

size_t landing_block(const struct landing *landing, int block)
{
    for (size_t i = landing->block_first[block]; i < landing->block_first[block + 1]; i++)
        if (!has_landed(landing, i))
            return 0;
    return landing->versions[block];
}

size_t landing_block_tensors(const struct landing *landing, int block)
{
    size_t count = 0;
    for (size_t i = landing->block_first[block]; i < landing->block_first[block + 1]; i++)
        count += landing->owners[i] != NO_FILE;
    return count;
}

struct landing_counts landing_count(const struct landing *landing)
{
    struct landing_counts counts = {.files_expected = landing->expected.file_count};
    for (size_t i = 0; i < landing->expected.list.count; i++) {
        counts.tensors_expected += !landing->expected.list.items[i].optional;
        counts.tensors += !landing->expected.list.items[i].optional && has_landed(landing, i);
    }
    for (size_t i = 0; i < landing->expected.file_count; i++)
        counts.files_expected -= !landing->expected.files[i].required;
    for (size_t i = 0; i < landing->file_count; i++) {
        counts.files += landing->files[i].right && landing->files[i].bytes;
        counts.bytes += landing->files[i].right ? landing->files[i].bytes : 0;
    }
    for (int block = 0; block < MODEL_BLOCKS(landing->config); block++) {
        bool complete = landing_block(landing, block) > 0;
        counts.blocks += complete;
        counts.layers += complete && block > 0 && block <= landing->config->layers;
    }
    return counts;
}

struct store *landing_block_store(const struct landing *landing, int block, struct error *error)
{
    bool *wanted = calloc(landing->file_count + 1, sizeof *wanted);
    const char **files = malloc((landing->file_count + 1) * sizeof *files);
    struct store *store = NULL;
    size_t count = 0;
    bool ends = landing->config->tied && (block == 0 || block == landing->config->layers + 1);
    for (size_t i = 0; wanted && i < landing->expected.list.count; i++) {
        int of = block_of(landing, &landing->expected.list.items[i]);
        bool stands_in = ends && (of == 0 || of == landing->config->layers + 1);
        if (landing->owners[i] != NO_FILE && (of == block || stands_in))
            wanted[landing->owners[i]] = true;
    }
    for (size_t i = 0; wanted && files && i < landing->file_count; i++)
        if (wanted[i])
            files[count++] = landing->files[i].path;
    if (wanted && files)
        store = store_open_files(landing->folder, files, count, error);
    else
        error_memory(error, landing->folder);
    free(wanted);
    free(files);
    return store;
}

bool landing_absent(const struct landing *landing, struct expected_list *absent)
{
    for (size_t i = 0; i < landing->expected.list.count; i++)
        if (!has_landed(landing, i) && landing->holders[i] == NO_FILE &&
            !expected_list_add(absent, &landing->expected.list.items[i]))
            return false;
    return true;
}

size_t landing_file_count(const struct landing *landing)
{
    return landing->file_count;
}

const char *landing_file(const struct landing *landing, size_t index)
{
    return landing->files[index].right ? landing->files[index].path : NULL;
}
