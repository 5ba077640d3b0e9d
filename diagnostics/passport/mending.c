#include "passport/mending.h"

#include <stdlib.h>

#include "activations/precision.h"
#include "base/file.h"
#include "passport/restoring.h"
#include "passport/verify.h"

#define MANIFEST_MAX ((size_t)1 << 30)

/* The original, which must be whole. */
static bool open_original(struct mending *mending, struct error *error)
{
    const struct subject_options options = {.model = mending->origin};
    return (subject_open(&options, &mending->source, error) && original_is_whole(&mending->source, error) &&
            original_of(&mending->source, &mending->original, error)) ||
           error_context(error, "--source");
}

/* The folder itself, with what gold determines over it. */
static bool open_restored(struct mending *mending, struct error *error)
{
    const struct subject_options options = {.model = mending->folder};
    struct subject *source = &mending->source;
    return subject_open(&options, source, error) && config_computes(source->config, mending->folder, error) &&
           precision_fit(mending->goldens, mending->golden_count, source, error) &&
           gold_restore(source, mending->goldens, mending->golden_count, mending->threads, &mending->restored, error) &&
           original_of(source, &mending->original, error);
}

/* What the manifest says of where tensors come from, and that it was broken on purpose, stays. */
static void keep_provenance(struct mending *mending, struct extract_request *extract)
{
    struct error none = {0};
    struct buffer text = {0};
    char *path = path_join(mending->folder, EXTRACTION_MANIFEST);
    extract->partial = !original_is_whole(&mending->source, &none);
    error_clear(&none);
    if (path && file_exists(path) && file_read(path, MANIFEST_MAX, &text, &none))
        mending->manifest = buffer_take(&text);
    error_clear(&none);
    buffer_free(&text);
    free(path);
    extract->itself = true;
    extract->provenance = mending->manifest;
    extract->solved = path_base(golden_path(mending->goldens[0]));
    if (passport_read(mending->folder, &mending->former, &none) == PASSPORT_READ) {
        extract->faults = (const char *const *)mending->former.faults.items;
        extract->fault_count = mending->former.faults.count;
    }
    error_clear(&none);
}

bool mending_open(struct mending *mending, struct error *error)
{
    if (!(mending->pool = pool_new(mending->threads, error)) ||
        !(mending->origin ? open_original : open_restored)(mending, error))
        return false;
    struct extract_request *extract = &mending->request.extract;
    *extract =
        (struct extract_request){.folder = mending->folder, .first_layer = -1, .last_layer = -1, .pool = mending->pool};
    original_request(&mending->source, &mending->original, extract);
    for (int i = 0; i < BLOCK_COUNT; i++)
        extract->blocks[i] = true;
    if (!mending->origin)
        keep_provenance(mending, extract);
    mending->request.experts_per_token = mending->source.config->experts_per_token;
    return (mending->repair = repair_new(&mending->request, error));
}

void mending_free(struct mending *mending)
{
    passport_free(&mending->passport);
    passport_free(&mending->whole);
    repair_free(mending->repair);
    original_free(&mending->original);
    subject_free(&mending->source);
    passport_free(&mending->former);
    findings_free(&mending->restored);
    free(mending->manifest);
    pool_free(mending->pool);
}

bool mending_report(struct mending *mending, struct findings *findings, struct error *error)
{
    const struct repair_plan *plan = repair_plan(mending->repair);
    struct finding *finding = findings_take(findings, &mending->restored) ? findings_add(findings, "repair") : NULL;
    if (!finding)
        return error_memory(error, "repair");
    finding_fact(finding, "files_written", (double)plan->file_count);
    finding_fact(finding, "bytes_fetched", (double)plan->bytes);
    finding_fact(finding, "files_right", (double)plan->right_files);
    finding_fact(finding, "tensors_right", (double)plan->right_tensors);
    finding_fact(finding, "tensors_converted", (double)plan->converted);
    finding_fact(finding, "written_beside", (double)plan->beside_count);
    finding_fact(finding, "set_aside", (double)plan->aside_count);
    if (plan->converted)
        finding->verdict = VERDICT_WARN;
    if (repair_idle(mending->repair))
        finding_message(finding, "Nothing to do: all %zu tensors in %zu files are right, and so is what lies beside.",
                        plan->right_tensors, plan->right_files);
    else
        finding_message(finding, "Files written: %zu; right, and not touched: %zu; set aside: %zu.", plan->file_count,
                        plan->right_files, plan->aside_count);
    return true;
}

bool mending_verify(struct mending *mending, struct findings *findings, struct error *error)
{
    struct error malformed = {0};
    mending->proved = passport_read(mending->folder, &mending->passport, &malformed) == PASSPORT_READ;
    const struct verify_request request = {.folder = mending->folder,
                                           .passport = mending->proved ? &mending->passport : NULL,
                                           .malformed = mending->proved ? NULL : error_text(&malformed),
                                           .original = &mending->whole,
                                           .original_name = mending->origin ? mending->origin : mending->folder,
                                           .config = mending->source.config,
                                           .converted = repair_plan(mending->repair)->converted,
                                           .pool = mending->pool};
    bool good = repair_original(mending->repair, &mending->whole, error) && verify_run(&request, findings, error);
    error_clear(&malformed);
    return good;
}
