#include "passport/mending.h"

#include "passport/verify.h"

bool mending_open(struct mending *mending, struct error *error)
{
    const struct subject_options options = {.model = mending->origin};
    if (!(mending->pool = pool_new(mending->threads, error)))
        return false;
    if (!subject_open(&options, &mending->source, error) || !original_is_whole(&mending->source, error) ||
        !original_of(&mending->source, &mending->original, error))
        return error_context(error, "--source");
    struct extract_request *extract = &mending->request.extract;
    *extract =
        (struct extract_request){.folder = mending->folder, .first_layer = -1, .last_layer = -1, .pool = mending->pool};
    original_request(&mending->source, &mending->original, extract);
    for (int i = 0; i < BLOCK_COUNT; i++)
        extract->blocks[i] = true;
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
    pool_free(mending->pool);
}

bool mending_report(const struct mending *mending, struct findings *findings, struct error *error)
{
    const struct repair_plan *plan = repair_plan(mending->repair);
    struct finding *finding = findings_add(findings, "repair");
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
                                           .original_name = mending->origin,
                                           .config = mending->source.config,
                                           .converted = repair_plan(mending->repair)->converted,
                                           .pool = mending->pool};
    bool good = repair_original(mending->repair, &mending->whole, error) && verify_run(&request, findings, error);
    error_clear(&malformed);
    return good;
}
