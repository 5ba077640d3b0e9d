#include "cli/opening.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activations/precision.h"
#include "faults/fault.h"
#include "library/account.h"

bool goldens_open(const struct arguments *arguments, struct goldens *goldens, struct error *error)
{
    goldens->items = calloc(arguments->goldens.count + 1, sizeof *goldens->items);
    if (!goldens->items)
        return error_memory(error, "gold");
    for (; goldens->count < arguments->goldens.count; goldens->count++)
        if (!(goldens->items[goldens->count] = golden_open(arguments->goldens.items[goldens->count], error)))
            return false;
    return goldens_choose(arguments, goldens, error);
}

/* What a dump without a chosen case is called to have. */
static bool no_case(const struct arguments *arguments, struct error *error)
{
    struct buffer globs = {0};
    for (size_t i = 0; i < arguments->cases.count; i++)
        buffer_format(&globs, "%s%s", i ? " and " : "", arguments->cases.items[i]);
    error_set(error,
              arguments->goldens.count || arguments->positional_count > 1
                  ? "--cases %s: no case of gold has such an id"
                  : "--cases %s: no gold was given whose cases it could choose (--golden)",
              globs.data ? globs.data : "");
    buffer_free(&globs);
    return false;
}

bool goldens_choose(const struct arguments *arguments, struct goldens *goldens, struct error *error)
{
    size_t kept = 0;
    if (!arguments->cases.count)
        return true;
    for (size_t i = 0; i < goldens->count; i++) {
        size_t before = golden_case_count(goldens->items[i]);
        if (!golden_choose(goldens->items[i], arguments->cases.items, arguments->cases.count, error))
            return false;
        goldens->cases += before;
        goldens->left_out += before - golden_case_count(goldens->items[i]);
    }
    for (size_t i = 0; i < goldens->count; i++) {
        if (golden_case_count(goldens->items[i]))
            goldens->items[kept++] = goldens->items[i];
        else
            golden_free(goldens->items[i]);
    }
    goldens->count = kept;
    return kept || no_case(arguments, error);
}

bool goldens_tell_left_out(const struct goldens *goldens, struct findings *findings, struct error *error)
{
    char message[120];
    snprintf(message, sizeof message, "Of gold's %zu cases %zu %s left out by --cases.", goldens->cases,
             goldens->left_out, goldens->left_out == 1 ? "was" : "were");
    return !goldens->left_out || findings_leave_out(findings, "cases", "--cases", message, error);
}

void goldens_close(struct goldens *goldens)
{
    for (size_t i = 0; i < goldens->count; i++)
        golden_free(goldens->items[i]);
    free(goldens->items);
}

/* Faults that solve for weights look at gold while they are laid, and at no other time. */
static bool lay_faults(const struct arguments *arguments, struct subject *subject, struct error *error)
{
    const struct texts *faults = &arguments->faults;
    struct goldens goldens = {0};
    bool solves = false;
    for (size_t i = 0; i < faults->count; i++)
        solves = solves || fault_solves(faults->items[i]);
    bool good = !solves || goldens_open(arguments, &goldens, error);
    good = good && precision_fit(goldens.items, goldens.count, subject, error) &&
           faults_lay(subject, goldens.items, goldens.count, faults->items, faults->count, error);
    goldens_close(&goldens);
    return good;
}

bool arguments_open(const struct arguments *arguments, const char *path, enum missing missing, bool exact,
                    struct subject *subject, struct error *error)
{
    const struct subject_options options = {
        .model = path,
        .config = arguments->config,
        .tokenizer = arguments->tokenizer,
        .source = arguments->source,
        .text_variants = {arguments->text_variants.items, arguments->text_variants.count},
        .departures = {.settings = arguments->settings.items,
                       .variants = arguments->variants.items,
                       .setting_count = arguments->settings.count,
                       .variant_count = arguments->variants.count},
        .engine = {.threads = (int)arguments->threads,
                   .memory = subject_memory(arguments->memory),
                   .cache_experts = arguments->cache_experts,
                   .missing = arguments->missing ? (enum missing)(arguments->missing - 1) : missing,
                   .exact = arguments->sums ? arguments->sums == 1 : exact}};
    return subject_open(&options, subject, error) && lay_faults(arguments, subject, error);
}

bool judge_open(const struct arguments *arguments, struct subject *judge, struct error *error)
{
    const struct subject_options options = {
        .model = arguments->judge,
        .engine = {.threads = (int)arguments->threads, .memory = arguments->memory, .missing = MISSING_FAIL}};
    return (subject_open(&options, judge, error) && subject_needs_tokenizer(judge, error) &&
            config_writes(judge->config, error)) ||
           error_context(error, "--judge");
}

bool suite_chosen(const struct arguments *arguments, struct suite *suite, struct report *report, struct error *error)
{
    if (!suite_open(arguments->suite, suite, error))
        return false;
    report_suite(report, suite, arguments->suite);
    return (!arguments->only || suite_only(suite, arguments->only, error)) &&
           (!arguments->skip || suite_skip(suite, arguments->skip, error)) &&
           (!arguments->tags.count || suite_tagged(suite, arguments->tags.items, arguments->tags.count, error));
}

const char *suite_judge(const struct arguments *arguments)
{
    static char message[400];
    const struct {
        const char *option, *list;
    } lists[] = {{"only", arguments->only}, {"skip", arguments->skip}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct buffer unknown = {0};
        bool known = !lists[i].list || choice_is_known(lists[i].list, &unknown);
        if (!known)
            snprintf(message, sizeof message, "--%s: %s", lists[i].option, unknown.data ? unknown.data : "");
        buffer_free(&unknown);
        if (!known)
            return message;
    }
    return NULL;
}
