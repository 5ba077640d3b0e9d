#include "passport/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/wording.h"
#include "inventory/inventory.h"
#include "passport/verify_internal.h"
#include "passport/verify_place.h"
#include "run/subject.h"

/* --- passport.root --- */

static bool is_unfinished(const struct verify_request *request)
{
    char *mark = path_join(request->folder, EXTRACTION_UNFINISHED);
    bool there = mark && file_exists(mark);
    free(mark);
    return there;
}

static bool check_root(const struct verify_request *request, struct findings *findings)
{
    const struct passport *passport = request->passport;
    struct finding *finding = findings_add(findings, "passport.root");
    if (!finding)
        return false;
    finding->verdict = VERDICT_FAIL;
    if (request->malformed)
        finding_message(finding, "The passport cannot be read: %s.", request->malformed);
    else if (!passport->follows)
        finding_message(finding,
                        "The root that is written in the passport is not that of its rows, which is %s: it was edited.",
                        passport->root);
    else if (passport->faults.count)
        finding_message(finding, "The passport says itself that faults were planted: %s%s.", passport->faults.items[0],
                        passport->faults.count > 1 ? " and more" : "");
    else if (is_unfinished(request))
        finding_message(finding, "%s/%s says that the extraction is not finished.", request->folder,
                        EXTRACTION_UNFINISHED);
    else if (!passport->complete)
        finding_message(finding, "The passport vouches for a part of the model only, and says so.");
    else {
        finding->verdict = VERDICT_PASS;
        finding_message(finding, "The root follows from the rows of %zu tensors and %zu files beside them.",
                        passport->tensor_count, passport->companion_count);
    }
    if (passport) {
        finding_fact_text(finding, "model", "%s", passport->model);
        finding_fact_text(finding, "root", "%s", passport->root);
    }
    return true;
}

/* --- passport.files --- */

static bool add_file_place(const struct verify_request *request, const struct passport_reading *reading, size_t index,
                           struct findings *findings)
{
    const struct passport_file *file = &request->passport->files[index];
    struct finding *place = verify_place(request, "passport.files", file->path, NULL, findings);
    if (!place)
        return false;
    const char *text = reading->texts[index] ? reading->texts[index] : "";
    switch (reading->files[index]) {
    case PASSPORT_ABSENT:
        finding_message(place, "%s is absent, with %zu tensor%s.", file->path, file->count,
                        file->count == 1 ? "" : "s");
        break;
    case PASSPORT_SIZE:
        finding_message(place, "%s has %llu bytes and should have %llu.", file->path,
                        (unsigned long long)reading->sizes[index], (unsigned long long)file->size);
        break;
    case PASSPORT_HEADER:
        finding_fact_text(place, "expected", "%s", file->sha256);
        finding_fact_text(place, "found", "%s", reading->headers[index]);
        finding_message(place, "%s: the header, its first %llu bytes, is not that of the passport.", file->path,
                        (unsigned long long)file->header);
        break;
    default:
        finding_message(place, "%s: %s.", file->path, text);
    }
    return true;
}

/* What lies among the files of an extraction and is none of the passport's: one that a reader would take for weights
 * fails. */
struct extras {
    const struct verify_request *request;
    struct map known;
    size_t weights, others;
    char first[512]; /* of others */
};

static bool add_extra(struct extras *extras, const char *path, const char *name, struct findings *findings)
{
    if (!text_ends_with(name, ".safetensors")) {
        if (!extras->others++)
            snprintf(extras->first, sizeof extras->first, "%s", path);
        return true;
    }
    if (extras->weights++ >= PLACES_MAX)
        return true;
    struct finding *place = verify_place(extras->request, "passport.files", path, NULL, findings);
    if (place)
        finding_message(place, "%s is not in the passport.", path);
    return place;
}

static bool find_extras(struct extras *extras, const char *block, struct findings *findings, struct error *error)
{
    struct names names = {0};
    char *folder = path_join(extras->request->folder, block);
    bool good = folder || error_memory(error, block);
    good = good && (!file_is_folder(folder) || folder_list(folder, &names, error));
    for (size_t i = 0; good && i < names.count; i++) {
        bool hidden = names.items[i][0] == '.' && !text_ends_with(names.items[i], ".safetensors");
        char *path = hidden ? NULL : path_join(block, names.items[i]);
        if (path && map_find(&extras->known, path, strlen(path)) == MAP_ABSENT)
            good = add_extra(extras, path, names.items[i], findings) || error_memory(error, path);
        free(path);
    }
    names_free(&names);
    free(folder);
    return good;
}

/* Weights beside the folders: a reader takes them for a checkpoint, or for nothing. */
static bool find_loose(struct extras *extras, struct findings *findings, struct error *error)
{
    static const char *const endings[] = {".safetensors", ".safetensors.index.json"};
    struct names names = {0};
    bool good = folder_list(extras->request->folder, &names, error);
    for (size_t i = 0; good && i < names.count; i++)
        for (size_t k = 0; good && k < sizeof endings / sizeof *endings; k++) {
            if (!text_ends_with(names.items[i], endings[k]))
                continue;
            extras->weights++;
            struct finding *place = verify_place(extras->request, "passport.files", names.items[i], NULL, findings);
            good = place || error_memory(error, names.items[i]);
            if (good)
                finding_message(place, "%s is not in the passport.", names.items[i]);
        }
    names_free(&names);
    return good;
}

static bool find_all_extras(struct extras *extras, struct findings *findings, struct error *error)
{
    const struct passport *passport = extras->request->passport;
    bool good = true;
    for (size_t i = 0; good && i < passport->file_count; i++)
        good = map_add(&extras->known, passport->files[i].path, strlen(passport->files[i].path), i, NULL) ||
               error_memory(error, "passport");
    for (int block = 0; good && block < BLOCK_COUNT; block++)
        good = find_extras(extras, block_name((enum block)block), findings, error);
    map_free(&extras->known);
    return good && find_loose(extras, findings, error);
}

static void files_message(const struct findings *findings, size_t at, const struct passport *passport, size_t bad,
                          const struct extras *extras)
{
    struct finding *finding = &findings->items[at];
    finding_measured(finding, (double)(bad + extras->weights), "files");
    finding_limit(finding, 0, "every file is as it was, and there is no other");
    finding_judge(finding);
    if (bad + extras->weights) {
        finding_message(finding,
                        "%zu of %zu files %s not as the passport says, and %zu more %s not in it; the first: %s", bad,
                        passport->file_count, bad == 1 ? "is" : "are", extras->weights,
                        extras->weights == 1 ? "is" : "are", verify_first(findings, at));
    } else if (extras->others) {
        finding->verdict = VERDICT_WARN;
        finding_message(finding,
                        "All %zu files are as the passport says; %zu more lie among them, of which no reader takes "
                        "weights; the first: %s.",
                        passport->file_count, extras->others, extras->first);
    } else {
        finding_message(finding, "All %zu files are there, as long as they were, with their headers.",
                        passport->file_count);
    }
}

static bool check_files(const struct verify_request *request, const struct passport_reading *reading,
                        struct findings *findings, struct error *error)
{
    size_t bad = 0, at = findings->count;
    struct extras extras = {.request = request};
    if (!findings_add(findings, "passport.files"))
        return error_memory(error, "passport.files");
    for (size_t i = 0; i < request->passport->file_count; i++)
        if (reading->files[i] != PASSPORT_GOOD && bad++ < PLACES_MAX && !add_file_place(request, reading, i, findings))
            return error_memory(error, "passport.files");
    if (!find_all_extras(&extras, findings, error))
        return false;
    files_message(findings, at, request->passport, bad, &extras);
    return true;
}

/* --- passport.tensors --- */

static bool add_tensor_place(const struct verify_request *request, const struct passport_tensor *tensor,
                             const char *found, struct findings *findings)
{
    const char *file = request->passport->files[tensor->file].path;
    struct finding *place = verify_place(request, "passport.tensors", file, tensor->name, findings);
    if (!place)
        return false;
    finding_fact_text(place, "expected", "%s", tensor->sha256);
    if (*found) {
        finding_fact_text(place, "found", "%s", found);
        finding_message(place, "'%s' in %s: the SHA-256 of its bytes is %.16s... and should be %.16s...", tensor->name,
                        file, found, tensor->sha256);
    } else {
        finding_message(place, "'%s': its bytes %llu to %llu are not there in %s.", tensor->name,
                        (unsigned long long)tensor->begin, (unsigned long long)(tensor->begin + tensor->bytes), file);
    }
    return true;
}

static bool check_tensors(const struct verify_request *request, const struct passport_reading *reading,
                          struct findings *findings)
{
    const struct passport *passport = request->passport;
    size_t bad = 0, absent = 0, at = findings->count;
    if (!findings_add(findings, "passport.tensors"))
        return false;
    for (size_t i = 0; i < passport->tensor_count; i++) {
        const struct passport_tensor *tensor = &passport->tensors[i];
        if (strcmp(reading->tensors[i], tensor->sha256) == 0)
            continue;
        if (reading->files[tensor->file] == PASSPORT_ABSENT)
            absent++;
        else if (bad++ < PLACES_MAX && !add_tensor_place(request, tensor, reading->tensors[i], findings))
            return false;
    }
    struct finding *finding = &findings->items[at];
    finding_measured(finding, (double)(bad + absent), "tensors");
    finding_limit(finding, 0, "every byte of every tensor is what it was");
    finding_judge(finding);
    finding_fact(finding, "bytes", (double)reading->bytes);
    if (bad + absent)
        finding_message(finding, "%zu of %zu tensors %s other bytes than the passport says, and %zu more %s absent%s%s",
                        bad, passport->tensor_count, bad == 1 ? "has" : "have", absent, absent == 1 ? "is" : "are",
                        bad ? "; the first: " : ".", verify_first(findings, at));
    else
        finding_message(finding, "All %zu tensors are those of the passport, byte for byte.", passport->tensor_count);
    return true;
}

/* --- passport.companions --- */

static bool companion_is(const struct verify_request *request, const struct passport_companion *companion,
                         char found[SHA256_TEXT], struct error *unread)
{
    char *path = path_join(request->folder, companion->name);
    uint64_t size = 0;
    bool same = path && file_size(path, &size, unread) && sha256_file(path, found, unread) && size == companion->size &&
                strcmp(found, companion->sha256) == 0;
    free(path);
    return same;
}

static bool add_companion_place(const struct verify_request *request, const struct passport_companion *companion,
                                const char *found, const struct error *unread, struct findings *findings)
{
    struct finding *place = verify_place(request, "passport.companions", companion->name, NULL, findings);
    if (!place)
        return false;
    finding_fact_text(place, "expected", "%s", companion->sha256);
    if (unread->text)
        finding_message(place, "%s cannot be read: %s.", companion->name, error_text(unread));
    else
        finding_message(place, "%s: its SHA-256 is %.16s... and should be %.16s...", companion->name, found,
                        companion->sha256);
    return true;
}

static const char *const companion_names[] = {
    "config.json",   "generation_config.json",  "tokenizer.json",    "tokenizer_config.json", "vocab.json",
    "merges.txt",    "special_tokens_map.json", "added_tokens.json", "chat_template.jinja",   "chat_template.json",
    TOKENIZER_ORIGIN};

/* One that a reader would take, and of which the passport knows nothing. */
static bool find_extra_companions(const struct verify_request *request, size_t *extra, struct findings *findings)
{
    for (size_t i = 0; i < sizeof companion_names / sizeof *companion_names; i++) {
        const char *name = companion_names[i];
        bool known = false;
        for (size_t k = 0; k < request->passport->companion_count; k++)
            known = known || strcmp(request->passport->companions[k].name, name) == 0;
        char *path = known ? NULL : path_join(request->folder, name);
        bool there = path && file_exists(path);
        free(path);
        if (!there)
            continue;
        struct finding *place = verify_place(request, "passport.companions", name, NULL, findings);
        if (!place)
            return false;
        finding_message(place, "%s is not in the passport.", name);
        (*extra)++;
    }
    return true;
}

static bool check_companions(const struct verify_request *request, struct findings *findings)
{
    const struct passport *passport = request->passport;
    size_t bad = 0, extra = 0, at = findings->count;
    if (!findings_add(findings, "passport.companions"))
        return false;
    for (size_t i = 0; i < passport->companion_count; i++) {
        char found[SHA256_TEXT] = "";
        struct error unread = {0};
        bool good = companion_is(request, &passport->companions[i], found, &unread) ||
                    (++bad && add_companion_place(request, &passport->companions[i], found, &unread, findings));
        error_clear(&unread);
        if (!good)
            return false;
    }
    if (!find_extra_companions(request, &extra, findings))
        return false;
    struct finding *finding = &findings->items[at];
    finding_measured(finding, (double)(bad + extra), "files");
    finding_limit(finding, 0, "configuration and tokenizer are part of the model");
    finding_judge(finding);
    if (bad + extra)
        finding_message(
            finding,
            "%zu of %zu files beside the tensors %s not as the passport says, and %zu more %s not in it; the first: %s",
            bad, passport->companion_count, bad == 1 ? "is" : "are", extra, extra == 1 ? "is" : "are",
            verify_first(findings, at));
    else
        finding_message(finding, "All %zu files beside the tensors are those of the passport.",
                        passport->companion_count);
    return true;
}

/* --- without a passport --- */

static bool check_store(const struct verify_request *request, struct findings *findings)
{
    struct finding *finding = findings_add(findings, "passport.files");
    if (!finding)
        return false;
    finding->verdict = VERDICT_PASS;
    finding_message(finding, "There is no passport; the tensors are compared with the original.");
    return inventory_files(request->store, NULL, findings);
}

static bool check_passport(const struct verify_request *request, struct findings *findings, struct error *error)
{
    struct passport_reading reading = {0};
    bool good = passport_hold(request->folder, request->passport, request->pool, &reading, error) &&
                check_files(request, &reading, findings, error) &&
                ((check_tensors(request, &reading, findings) && check_companions(request, findings)) ||
                 error_memory(error, "passport"));
    passport_reading_free(request->passport, &reading);
    return good;
}

bool verify_run(const struct verify_request *request, struct findings *findings, struct error *error)
{
    const struct passport *passport = request->passport ? request->passport : request->found;
    bool good = true;
    if (request->passport || request->malformed)
        good = check_root(request, findings) || error_memory(error, "passport.root");
    if (good && request->store)
        good = check_store(request, findings) || error_memory(error, "passport.files");
    if (good && request->passport)
        good = check_passport(request, findings, error);
    if (good && passport)
        good = (verify_expected(request, passport, findings) &&
                (!request->original || verify_source(request, passport, findings))) ||
               error_memory(error, "passport");
    return good;
}
