#include <stdlib.h>

#include "activations/tokens.h"
#include "cli/command.h"
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
                (!source || weights_check_source(subject->store, source, pool, findings, error));
    struct finding *skipped = good && arguments->source && !source ? findings_add(findings, "weights.source") : NULL;
    if (skipped) {
        skipped->verdict = VERDICT_SKIP;
        finding_message(skipped, "%s has no weights that could be read.", arguments->source);
    }
    pool_free(pool);
    return good;
}

static bool open_goldens(const struct arguments *arguments, const struct subject *subject, struct golden **goldens,
                         struct report *report, struct error *error)
{
    for (size_t i = 0; i < arguments->goldens.count; i++) {
        if (!(goldens[i] = golden_open(arguments->goldens.items[i], error)) ||
            !golden_compatible(goldens[i], subject->config, subject->tokenizer_sha256, error))
            return false;
        report_gold(report, goldens[i]);
    }
    return true;
}

static bool work(const struct arguments *arguments, struct report *report, struct error *error)
{
    struct subject subject = {0};
    struct origin *origin = NULL;
    struct golden **goldens = calloc(arguments->goldens.count + 1, sizeof *goldens);
    bool good = (goldens || error_memory(error, "gold")) &&
                arguments_open(arguments, arguments->positional[0], MISSING_DEFAULT, false, &subject, error) &&
                subject_origin(&subject, &origin, error) && open_goldens(arguments, &subject, goldens, report, error);
    const struct inventory_request request = {.store = subject.store,
                                              .config = subject.config,
                                              .origin = origin,
                                              .goldens = goldens,
                                              .golden_count = arguments->goldens.count,
                                              .causes = true};
    good = good && inventory_inspect(&request, &report->findings, error) &&
           tokens_check_reader(&subject, &report->findings, error) &&
           (!arguments->values || check_values(arguments, &subject, &report->findings, error));
    if (good)
        report_subject(report, &subject);
    for (size_t i = 0; goldens && i < arguments->goldens.count; i++)
        golden_free(goldens[i]);
    free(goldens);
    origin_free(origin);
    subject_free(&subject);
    return good;
}

int command_inspect(struct arguments *arguments)
{
    return command_judge("inspect", arguments, work);
}
