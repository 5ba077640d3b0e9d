#include "cli/opening.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activations/precision.h"
#include "base/memory.h"
#include "faults/fault.h"

/* 0: as the engine chooses, by what the machine has. A container may have less. */
static uint64_t memory_bound(const struct arguments *arguments)
{
    uint64_t limit = memory_limit("");
    bool less = limit && limit < memory_machine() && limit / 3 < MODEL_MEMORY_DEFAULT;
    return arguments->memory || !less ? arguments->memory : limit / 3;
}

bool goldens_open(const struct arguments *arguments, struct goldens *goldens, struct error *error)
{
    goldens->items = calloc(arguments->goldens.count + 1, sizeof *goldens->items);
    if (!goldens->items)
        return error_memory(error, "gold");
    for (; goldens->count < arguments->goldens.count; goldens->count++)
        if (!(goldens->items[goldens->count] = golden_open(arguments->goldens.items[goldens->count], error)))
            return false;
    return true;
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
                   .memory = memory_bound(arguments),
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
    report_set(&report->suite.name, "%s", suite->name ? suite->name : "default");
    if (arguments->suite)
        report_set(&report->suite.path, "%s", arguments->suite);
    memcpy(report->suite.sha256, suite->sha256, sizeof suite->sha256);
    return !arguments->only || suite_only(suite, arguments->only, error);
}

const char *only_judge(const struct arguments *arguments)
{
    static char message[256];
    bool marks[DIAGNOSTIC_COUNT];
    if (!arguments->only || diagnostics_parse(arguments->only, marks))
        return NULL;
    struct buffer names = {0};
    diagnostic_names(&names);
    snprintf(message, sizeof message, "--only takes %s, several with commas", names.data ? names.data : "");
    buffer_free(&names);
    return message;
}
