#include "activations/gold_use.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"

#define NAMED_MAX 4

bool gold_same_weights(const struct golden *golden, struct store *store, char hex[SHA256_TEXT], bool *same,
                       struct error *error)
{
    const char *recorded = golden_weights_sha256(golden);
    if (recorded && !store_sha256(store, hex, error))
        return false;
    *same = !recorded || strcmp(hex, recorded) == 0;
    return true;
}

static void add_notes(const struct golden *golden, const char *lead, struct buffer *out)
{
    for (size_t i = 0; i < golden_note_count(golden); i++)
        buffer_format(out, "%s%s", i ? "; " : lead, golden_note_at(golden, i));
    if (golden_note_count(golden))
        buffer_text(out, ".");
}

bool gold_report_reading(const struct golden *golden, const struct golden *dump, struct findings *findings,
                         struct error *error)
{
    struct buffer text = {0};
    add_notes(golden, "How gold's own names and shapes were read: ", &text);
    if (dump)
        add_notes(
            dump,
            text.size ? " How the subject's were read: " : "How the subject's own names and shapes were read: ", &text);
    struct finding *finding = text.size ? findings_add(findings, "gold.read") : NULL;
    bool good = !text.failed && (finding || !text.size);
    if (finding)
        finding_message(finding, "%s", text.data);
    buffer_free(&text);
    return good || error_memory(error, "gold.read");
}

bool gold_check_weights(const struct golden *golden, struct store *store, bool rounded, bool *same,
                        struct findings *findings, struct error *error)
{
    const char *wanted = golden_weights_sha256(golden);
    char hex[SHA256_TEXT];
    if (!wanted)
        return true;
    if (!gold_same_weights(golden, store, hex, same, error))
        return false;
    struct finding *finding = findings_add(findings, "gold.weights");
    if (!finding)
        return error_memory(error, "gold.weights");
    finding->verdict = *same ? VERDICT_PASS : rounded ? VERDICT_WARN : VERDICT_FAIL;
    if (*same)
        finding_message(finding, "The weights are those that gold was made from, byte for byte (SHA-256 %.16s...).",
                        hex);
    else
        finding_message(finding,
                        "The weights are not those that gold was made from: their SHA-256 is %.16s... here and "
                        "%.16s... there%s.",
                        hex, wanted, rounded ? "; they were rounded" : "");
    return true;
}

static bool tensor_wanted(const struct golden_tensor *tensor, const struct gold_use *use)
{
    return use->activations || (use->logits && strcmp(tensor->path, "lm_head") == 0);
}

static bool add_absent_case(const struct golden *golden, const struct gold_use *use, size_t index,
                            struct findings *findings)
{
    struct finding *place = findings_place(findings, "gold.compared", VERDICT_FAIL);
    if (!place)
        return false;
    const char *id = golden_case_at(golden, index)->id;
    where_set(&place->where.case_id, id);
    finding_message(place, "%s has no case '%s' with the same token ids.", use->subject, id);
    return true;
}

/* Of those that were compared, the ones of which gold holds no values. */
static size_t by_statistics(const struct golden *golden, const struct gold_use *use)
{
    size_t count = 0;
    for (size_t i = 0; i < golden_tensor_count(golden); i++)
        count += use->tensors[i] && golden_tensor_at(golden, i)->kind == GOLDEN_STATISTICS;
    return count;
}

static void use_message(struct finding *finding, size_t wanted, size_t compared, const struct gold_use *use,
                        size_t absent, size_t statistics, const struct buffer *names)
{
    char only[120] = "";
    if (statistics)
        snprintf(only, sizeof only, "; of %zu only mean, standard deviation, smallest and largest value were",
                 statistics);
    if (!compared && !use->others && !use->partly)
        finding_message(finding, "Nothing that this gold holds could be compared with the subject%s%s.",
                        names->size ? "; tensors that fit no place of the model: " : "",
                        names->size ? names->data : "");
    else if (absent)
        finding_message(finding, "%zu case%s of gold %s not in the subject; %zu of %zu tensors were compared.", absent,
                        absent > 1 ? "s" : "", absent > 1 ? "are" : "is", compared, wanted);
    else if (compared < wanted)
        finding_message(finding, "%zu of gold's %zu tensors %s not compared: %s%s.", wanted - compared, wanted,
                        wanted - compared > 1 ? "were" : "was", names->data ? names->data : "", only);
    else if (use->others < use->others_wanted)
        finding_message(finding, "Only %zu of gold's %zu continuations and perplexities were compared.", use->others,
                        use->others_wanted);
    else if (!use->outcome)
        finding_message(finding,
                        "All %zu tensors of gold were compared, but no logits, continuation or perplexity: "
                        "nothing after the last of them is proved.",
                        compared);
    else
        finding_message(finding, "All %zu tensors, continuations and perplexities of gold were compared%s.",
                        wanted + use->others, only);
}

bool gold_check_use(const struct golden *golden, const struct gold_use *use, struct findings *findings,
                    struct error *error)
{
    size_t at = findings->count, wanted = 0, compared = 0, absent = 0;
    struct buffer names = {0};
    if (!findings_add(findings, "gold.compared"))
        return error_memory(error, "gold.compared");
    for (size_t i = 0; i < golden_tensor_count(golden); i++) {
        const struct golden_tensor *tensor = golden_tensor_at(golden, i);
        if (!tensor_wanted(tensor, use))
            continue;
        wanted++;
        compared += use->tensors[i];
        if (!use->tensors[i] && wanted - compared <= NAMED_MAX)
            buffer_format(&names, "%s'%s/%s'", names.size ? ", " : "", golden_case_at(golden, tensor->case_index)->id,
                          tensor->path);
    }
    if (wanted - compared > NAMED_MAX)
        buffer_format(&names, " and %zu more", wanted - compared - NAMED_MAX);
    for (size_t i = 0; use->cases && i < golden_case_count(golden); i++) {
        absent += !use->cases[i];
        if (!use->cases[i] && !add_absent_case(golden, use, i, findings))
            return error_memory(error, "gold.compared");
    }
    struct finding *finding = &findings->items[at];
    bool nothing = !compared && !use->partly && (wanted || !use->others);
    size_t statistics = by_statistics(golden, use);
    bool less = compared < wanted || use->others < use->others_wanted || !use->outcome || statistics;
    finding->verdict = nothing || absent ? VERDICT_FAIL : less ? VERDICT_WARN : VERDICT_PASS;
    finding_measured(finding, (double)(wanted - compared), "tensors not compared");
    use_message(finding, wanted, compared, use, absent, statistics, &names);
    buffer_free(&names);
    return true;
}
