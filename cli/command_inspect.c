#include <stdlib.h>

#include "activations/tokens.h"
#include "cli/command.h"
#include "cli/opening.h"
#include "cli/output.h"
#include "health/weights_health.h"
#include "health/weights_source.h"
#include "inventory/inventory.h"

/* The index alone, or a folder without weights, proves no value. */
static bool check_values(const struct arguments *arguments, struct subject *subject, struct findings *findings,
                         struct error *error)
{
    const struct store *source = subject_source(subject);
    struct pool *pool = pool_new((int)arguments->threads, error);
    bool good = pool && weights_check_health(subject, pool, findings, error) &&
                (!source || weights_check_source(subject->store, source, subject->config->head_dim,
                                                 subject->config->gains_whole, pool, findings, error));
    if (good && arguments->source && !source)
        good = finding_skip(findings_add(findings, "weights.source"), "%s has no weights that could be read.",
                            arguments->source) ||
               error_memory(error, "weights.source");
    pool_free(pool);
    return good;
}

static bool work(const struct arguments *arguments, struct report *report, struct error *error)
{
    struct subject subject = {0};
    struct origin *origin = NULL;
    struct goldens goldens = {0};
    bool good = arguments_open(arguments, arguments->positional[0], MISSING_DEFAULT, false, &subject, error) &&
                subject_origin(&subject, &origin, error) && goldens_open(arguments, &goldens, error) &&
                goldens_fit(&goldens, &subject, report, error);
    const struct inventory_request request = {.store = subject.store,
                                              .source = subject.source_path,
                                              .departs = subject.store != subject.base,
                                              .config = subject.config,
                                              .origin = origin,
                                              .goldens = goldens.items,
                                              .golden_count = goldens.count,
                                              .causes = true};
    good = good && inventory_inspect(&request, &report->findings, error) &&
           tokens_check_reader(&subject, &report->findings, error) &&
           tokens_check_source(&subject, &report->findings, error) &&
           (!arguments->values || check_values(arguments, &subject, &report->findings, error));
    if (good)
        report_subject(report, &subject);
    goldens_close(&goldens);
    origin_free(origin);
    subject_free(&subject);
    return good;
}

static int run(struct arguments *arguments)
{
    return command_judge("inspect", arguments, work);
}

static const struct option_row options[] = {
    {"golden", 'g', "FILE", "Golden dump whose router logits tell how many tokens meet an absent expert (repeatable)",
     GROUP_WORK, KIND_TEXTS, AT(goldens), 0, 0},
    {"values", 'v', NULL,
     "Read every value too, and name the tensors with damaged values; with --source, those that differ from the "
     "original's",
     GROUP_WORK, KIND_FLAG, AT(values), 0, 0},
    {0},
};

const struct command command_inspect = {
    .name = "inspect",
    .does = "everything that can be known without running the model",
    .args = "MODEL",
    .doc = "Compares the tensors of MODEL with what its configuration calls for: absent, in part, misnamed, twice, "
           "extra, wrong shape, wrong dtype, bad files; and says what the gaps have in common (with --source, shards "
           "too) and how many tokens meet them. Reads headers only, unless --values.",
    .least = 1,
    .most = 1,
    .sets = OPTIONS_MODEL | OPTIONS_REPORT,
    .options = options,
    .run = run,
};
