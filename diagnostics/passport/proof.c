#include "passport/proof.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "model/headless.h"
#include "passport/verify.h"

void proof_free(struct proof *proof)
{
    passport_free(&proof->passport);
    passport_free(&proof->found);
    passport_free(&proof->taken);
    original_free(&proof->own);
    original_free(&proof->beside);
    subject_free(&proof->subject);
    subject_free(&proof->original);
    free(proof->config);
    error_clear(&proof->malformed);
    error_clear(&proof->unread);
    pool_free(proof->pool);
}

static bool in_order(const struct store *store, struct error *error)
{
    return !store_problem_count(store) ||
           error_set(error, "%s: its files are not in order: %s", store_path(store), store_problem(store, 0));
}

/* The passport of what the subject is the original of. */
static bool take(const struct original *original, struct pool *pool, struct passport *passport, struct error *error)
{
    return passport_take(original->store, original->companions, original->companion_count, pool, passport, error);
}

static bool open_original(struct proof *proof, struct error *error)
{
    const struct subject_options options = {.model = proof->source};
    if (!proof->source)
        return true;
    return (subject_open(&options, &proof->original, error) && in_order(proof->original.store, error) &&
            original_is_whole(&proof->original, error) && original_of(&proof->original, &proof->beside, error) &&
            take(&proof->beside, proof->pool, &proof->taken, error)) ||
           error_context(error, "--source");
}

/* A companion that lies elsewhere, in --source, is none of the folder's own. */
static bool keep_own(struct original *original, const char *model, struct error *error)
{
    char *folder = file_is_folder(model) ? strdup(model) : path_folder(model);
    bool good = folder != NULL;
    for (size_t i = 0; good && i < original->companion_count; i++) {
        struct companion *companion = &original->companions[i];
        char *path = path_join(folder, companion->name);
        good = path != NULL;
        if (good && companion->path && strcmp(companion->path, path) != 0) {
            free(companion->path);
            companion->path = NULL;
        }
        free(path);
    }
    free(folder);
    return good || error_memory(error, model);
}

/* What lies there without a passport. */
static bool open_found(struct proof *proof, struct error *error)
{
    const struct subject_options options = {.model = proof->folder, .source = proof->source};
    return subject_open(&options, &proof->subject, error) && original_of(&proof->subject, &proof->own, error) &&
           keep_own(&proof->own, proof->folder, error) && take(&proof->own, proof->pool, &proof->found, error);
}

static void read_config(struct proof *proof)
{
    char *path = path_join(proof->folder, "config.json");
    if (path && file_exists(path))
        proof->config = config_read(path, &proof->unread);
    else
        error_set(&proof->unread, "no config.json is there, and no --source is named");
    if (proof->config)
        headless_settle(proof->config, NULL);
    free(path);
}

bool proof_open(struct proof *proof, struct error *error)
{
    if (!file_exists(proof->folder))
        return error_set(error, "%s: no such file or folder", proof->folder);
    proof->state = passport_read(proof->folder, &proof->passport, &proof->malformed);
    if (proof->state == PASSPORT_NONE && !proof->source)
        return error_set(error,
                         "%s, so there is no passport to verify; name the original with --source, or print what the "
                         "root is with --root",
                         error_text(&proof->malformed));
    if (!(proof->pool = pool_new(proof->threads, error)) || !open_original(proof, error))
        return false;
    if (proof->state == PASSPORT_NONE)
        return open_found(proof, error);
    read_config(proof);
    return true;
}

bool proof_take(struct proof *proof, struct error *error)
{
    const struct subject_options options = {.model = proof->folder, .source = proof->source};
    return (proof->pool = pool_new(proof->threads, error)) && subject_open(&options, &proof->subject, error) &&
           in_order(proof->subject.store, error) && original_of(&proof->subject, &proof->own, error) &&
           take(&proof->own, proof->pool, &proof->found, error);
}

const struct passport *proof_passport(const struct proof *proof)
{
    return proof->state == PASSPORT_NONE ? &proof->found : &proof->passport;
}

bool proof_verify(const struct proof *proof, struct findings *findings, struct error *error)
{
    bool none = proof->state == PASSPORT_NONE;
    struct verify_request request = {.folder = proof->folder,
                                     .passport = proof->state == PASSPORT_READ ? &proof->passport : NULL,
                                     .malformed =
                                         proof->state == PASSPORT_MALFORMED ? error_text(&proof->malformed) : NULL,
                                     .found = none ? &proof->found : NULL,
                                     .store = none ? proof->subject.base : NULL,
                                     .original = proof->source ? &proof->taken : NULL,
                                     .original_name = proof->source,
                                     .config = proof->config           ? proof->config
                                               : proof->subject.config ? proof->subject.config
                                                                       : proof->original.config,
                                     .config_problem = error_text(&proof->unread),
                                     .pool = proof->pool};
    return verify_run(&request, findings, error);
}
