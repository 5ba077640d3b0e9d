#include "cli/causes_find.h"

#include <string.h>

#include "activations/domains.h"
#include "base/wording.h"
#include "causes/likelihood.h"
#include "causes/text_cause.h"

/* The options with which the model was opened, for a command that does it again. */
static void options_text(const struct arguments *arguments, struct buffer *out)
{
    const struct {
        const char *option, *value;
    } singles[] = {
        {"--config", arguments->config}, {"--tokenizer", arguments->tokenizer}, {"--source", arguments->source}};
    for (size_t i = 0; i < sizeof singles / sizeof *singles; i++) {
        if (!singles[i].value)
            continue;
        buffer_format(out, " %s ", singles[i].option);
        shell_word(out, singles[i].value);
    }
    departures_append(arguments, out);
}

static struct causes_request request_of(const struct arguments *arguments, struct subject *subject,
                                        const struct diagnosis *diagnosis, const char *options)
{
    const char *gold = diagnosis->golden_count ? golden_path(diagnosis->goldens[0]) : NULL;
    return (struct causes_request){
        .hunt = {.ground = {.store = subject->store,
                            .config_text = subject->config_text,
                            .variants = arguments->variants.items,
                            .variant_count = arguments->variants.count,
                            .means = {.source = subject->source_path,
                                      .original = subject_source(subject),
                                      .goldens = diagnosis->goldens,
                                      .golden_count = diagnosis->golden_count}},
                 .config = subject->config,
                 .goldens = diagnosis->goldens,
                 .golden_count = diagnosis->golden_count,
                 .limits = diagnosis->limits,
                 .threads = (int)arguments->threads,
                 .budget = diagnosis->budget,
                 .weights_right = diagnosis->implementation,
                 .symptoms = diagnosis->symptoms},
        .subject = store_path(subject->base),
        .gold = gold,
        .text = diagnosis->text,
        .options = options,
        .text_variants = {arguments->text_variants.items, arguments->text_variants.count},
        .implementation = diagnosis->implementation,
        .extraction = store_kind(subject->base) == STORE_EXTRACTION && !arguments->faults.count,
        .departs = arguments->faults.count + arguments->settings.count + arguments->variants.count > 0};
}

/* Told beside the causes, which stand without it. */
static bool add_domains(const struct subject *subject, double seconds, struct findings *findings, struct error *error)
{
    struct error problem = {0};
    bool good = domains_report(subject, seconds, findings, &problem) ||
                findings_skip(findings, "experts.domains", error_text(&problem), error);
    error_clear(&problem);
    return good;
}

bool diagnosis_find(const struct arguments *arguments, struct subject *subject, const struct diagnosis *diagnosis,
                    struct findings *findings, struct error *error)
{
    struct buffer options = {0};
    options_text(arguments, &options);
    const struct causes_request request = request_of(arguments, subject, diagnosis, options.data ? options.data : "");
    const struct likelihood_request likelihood = {.causes = request, .tokenizer = subject->tokenizer};
    bool good = (!options.failed || error_memory(error, "diagnose")) &&
                config_computes(subject->config, store_path(subject->base), error);
    if (good && diagnosis->golden_count)
        good = causes_find(&request, findings, error) &&
               (diagnosis->implementation || text_cause_find(&request, subject, findings, error));
    else if (good)
        good = subject_needs_tokenizer(subject, error) && config_predicts(subject->config, error) &&
               likelihood_find(&likelihood, findings, error);
    if (good && !diagnosis->implementation)
        good = add_domains(subject, diagnosis->budget, findings, error);
    buffer_free(&options);
    return good;
}

/* Something that was compared with gold is not gold's. */
static bool gold_fails(const struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].verdict == VERDICT_FAIL && findings->items[i].gold &&
            strncmp(findings->items[i].check, "config.", strlen("config.")) != 0)
            return true;
    return false;
}

bool diagnosis_of_failed(const struct arguments *arguments, struct subject *subject,
                         const struct check_request *request, struct findings *findings, struct error *error)
{
    const struct diagnosis diagnosis = {.goldens = request->goldens,
                                        .golden_count = request->golden_count,
                                        .limits = request->limits,
                                        .symptoms = findings,
                                        .budget = arguments->budget ? (double)arguments->budget : BUDGET_DEFAULT};
    struct findings causes = {0};
    struct error problem = {0};
    if (!gold_fails(findings) || *subject->config->unsupported)
        return true;
    bool found = diagnosis_find(arguments, subject, &diagnosis, &causes, &problem);
    if (!found) { /* what the check found stands all the same */
        findings_free(&causes);
        found = finding_skip(findings_add(&causes, "cause"), "No cause was looked for: %s.", error_text(&problem));
    }
    error_clear(&problem);
    bool good = found && findings_take(&causes, findings);
    *findings = causes; /* those come first */
    return good || error_memory(error, "causes");
}
