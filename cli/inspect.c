#include "cli/command.h"
#include "diagnostics/inventory.h"
#include "diagnostics/tokens.h"
#include "diagnostics/weights.h"

static bool work(const struct arguments *arguments, struct report *report, struct error *error)
{
    struct subject_options options = arguments_subject(arguments, arguments->positional[0], MISSING_DEFAULT, false);
    struct subject subject = {0};
    struct pool *pool = NULL;
    bool good = subject_open(&options, &subject, error) &&
                inventory_check(subject.store, subject.config, &report->findings, error) &&
                tokens_check_reader(&subject, &report->findings, error);
    if (good && arguments->values)
        good = (pool = pool_new((int)arguments->threads, error)) &&
               weights_check_health(&subject, pool, &report->findings, error) &&
               (!subject_source(&subject) ||
                weights_check_source(subject.store, subject_source(&subject), pool, &report->findings, error));
    if (good)
        report_subject(report, &subject);
    pool_free(pool);
    subject_free(&subject);
    return good;
}

int command_inspect(struct arguments *arguments)
{
    return command_judge("inspect", arguments, work);
}
