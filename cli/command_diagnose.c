/* What broke, how that is known, and what it costs. */
#include "activations/corpus.h"
#include "cli/causes_find.h"
#include "cli/command.h"
#include "cli/opening.h"
#include "cli/output.h"
#include "cli/source_gold.h"
#include "diagnostics/check.h"

#define READING_BUDGET 150.0 /* seconds: without gold hundreds of readings are worth a try */

/* What a check says of it, which also measures what few bits cost, where gold or subject have few. Weights are looked
 * at for themselves where nothing else tells which are right. */
static bool check(struct subject *subject, struct golden *const *goldens, size_t count, const struct suite *suite,
                  bool weights, struct findings *findings, struct error *error)
{
    const struct check_request request = {.subject = subject,
                                          .goldens = goldens,
                                          .golden_count = count,
                                          .limits = &suite->limits,
                                          .wanted = {[DIAGNOSTIC_WEIGHTS] = weights,
                                                     [DIAGNOSTIC_TOKENS] = count > 0,
                                                     [DIAGNOSTIC_LAYERS] = count > 0,
                                                     [DIAGNOSTIC_LOGITS] = count > 0}};
    return check_run(&request, findings, error);
}

/* What another implementation computed: where it leaves gold, and how it departs from these weights' own computation.
 */
static bool find_of_dump(const struct arguments *arguments, struct subject *subject, const struct goldens *goldens,
                         const struct suite *suite, struct report *report, struct error *error)
{
    /* what its names mean is settled by gold in one of them, by the weights in the other */
    struct golden *compared = golden_open(arguments->dump, error);
    struct golden *dump = compared ? golden_open(arguments->dump, error) : NULL;
    bool wanted[DIAGNOSTIC_COUNT] = {[DIAGNOSTIC_LAYERS] = true, [DIAGNOSTIC_LOGITS] = true};
    struct findings symptoms = {0}, own = {0};
    bool good = dump;
    for (size_t i = 0; good && i < goldens->count; i++) {
        report_gold(report, goldens->items[i]);
        good = check_dump(goldens->items[i], compared, &suite->limits, wanted, &symptoms, error);
    }
    good = good && check(subject, &dump, 1, suite, false, &own, error) &&
           diagnosis_find(arguments, subject,
                          &(struct diagnosis){.goldens = &dump,
                                              .golden_count = 1,
                                              .limits = &suite->limits,
                                              .budget = (double)arguments->budget,
                                              .implementation = true},
                          &report->findings, error);
    findings_free(&own);
    golden_free(compared);
    golden_free(dump);
    return (findings_take(&report->findings, &symptoms) || error_memory(error, "diagnose")) && good;
}

static bool find_of_model(const struct arguments *arguments, struct subject *subject, const struct goldens *goldens,
                          const struct suite *suite, struct report *report, struct error *error)
{
    struct findings symptoms = {0};
    for (size_t i = 0; i < goldens->count; i++)
        report_gold(report, goldens->items[i]);
    bool good = config_computes(subject->config, store_path(subject->base), error) &&
                check(subject, goldens->items, goldens->count, suite, !subject_source(subject), &symptoms, error) &&
                diagnosis_find(arguments, subject,
                               &(struct diagnosis){.goldens = goldens->items,
                                                   .golden_count = goldens->count,
                                                   .limits = &suite->limits,
                                                   .budget = (double)arguments->budget,
                                                   .symptoms = &symptoms},
                               &report->findings, error);
    return (findings_take(&report->findings, &symptoms) || error_memory(error, "diagnose")) && good;
}

/* The original is gold enough: this engine computes gold with it. */
static bool find_of_source(const struct arguments *arguments, struct subject *subject, const struct goldens *none,
                           const struct suite *suite, struct report *report, struct error *error)
{
    struct golden *golden = source_gold(arguments, error);
    const struct goldens goldens = {.items = &golden, .count = golden ? 1 : 0};
    (void)none;
    bool good = golden && find_of_model(arguments, subject, &goldens, suite, report, error);
    golden_free(golden);
    return good;
}

/* Neither gold nor the original: how well the model reads a text. */
static bool find_of_text(const struct arguments *arguments, struct subject *subject, const struct goldens *none,
                         const struct suite *suite, struct report *report, struct error *error)
{
    struct findings symptoms = {0};
    (void)none;
    bool good =
        check(subject, NULL, 0, suite, true, &symptoms, error) &&
        diagnosis_find(arguments, subject,
                       &(struct diagnosis){.text = arguments->text ? arguments->text : CORPUS_ENGLISH,
                                           .limits = &suite->limits,
                                           .budget = arguments->budget ? (double)arguments->budget : READING_BUDGET,
                                           .symptoms = &symptoms},
                       &report->findings, error);
    return (findings_take(&report->findings, &symptoms) || error_memory(error, "diagnose")) && good;
}

static bool work(const struct arguments *arguments, struct report *report, struct error *error)
{
    struct subject subject = {0};
    struct goldens goldens = {0};
    struct suite suite = {0};
    const char *model = arguments->model ? arguments->model : arguments->positional[0];
    bool good = suite_open(NULL, &suite, error) && goldens_open(arguments, &goldens, error) &&
                arguments_open(arguments, model, MISSING_DEFAULT, true, &subject, error);
    if (good)
        good = (arguments->dump            ? find_of_dump
                : goldens.count            ? find_of_model
                : subject_source(&subject) ? find_of_source
                                           : find_of_text)(arguments, &subject, &goldens, &suite, report, error);
    if (good)
        report_subject(report, &subject);
    goldens_close(&goldens);
    suite_free(&suite);
    subject_free(&subject);
    return good;
}

static const char *judge(const struct arguments *arguments)
{
    if (!arguments->model == !arguments->positional_count)
        return arguments->model ? "MODEL and --model are the same: give one of them"
                                : "MODEL is needed; with --dump FILE, --model WEIGHTS";
    return arguments->dump && !arguments->goldens.count ? "--dump is compared with --golden FILE" : NULL;
}

static int run(struct arguments *arguments)
{
    return command_judge("diagnose", arguments, work);
}

static const struct option_row options[] = {
    {"dump", 0, "FILE",
     "A dump of what another implementation computed with these weights; finds what that implementation does "
     "differently",
     GROUP_WORK, KIND_TEXT, AT(dump), 0, 0},
    {"model", 0, "WEIGHTS", "The same as MODEL", GROUP_WORK, KIND_TEXT, AT(model), 0, 0},
    {"text", 't', "FILE",
     "The text (UTF-8) that judges hypotheses, by how well the model predicts it, when there is neither gold nor "
     "--source (default: :english, one that is built in)",
     GROUP_WORK, KIND_TEXT, AT(text), 0, 0},
    {"budget", 0, "SECONDS",
     "Longest time for experiments; the report says how many were not tried (default: no limit; without gold and "
     "--source 150)",
     GROUP_WORK, KIND_COUNT, AT(budget), 1, 0},
    {0},
};

const struct command command_diagnose = {
    .name = "diagnose",
    .does = "what broke, proved by experiment, and what it costs",
    .args = "MODEL",
    .doc = "Finds what broke: each module whose output is wrong even when it is fed gold's input is computed again "
           "under one change after the other (assay faults lists them), until its output equals gold's. A cause counts "
           "as proved when everything that it touches then equals gold and nothing gets worse. Without --golden, gold "
           "is made from the original "
           "(--source); without that too, hypotheses are judged by how well the model predicts a text, and none is "
           "proved. "
           "With --dump, gold is what another implementation computed with the same weights.",
    .least = 0,
    .most = 1,
    .sets = OPTIONS_MODEL | OPTIONS_GOLD | OPTIONS_REPORT,
    .options = options,
    .judge = judge,
    .run = run,
};
