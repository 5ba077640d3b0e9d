/* The library's verbs, over what the commands are made of. */
#include "library/assay.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "library/account.h"
#include "reports/reports.h"

const char *assay_version(void)
{
    return ASSAY_VERSION;
}

void assay_free(void *memory)
{
    free(memory);
}

/* Hands over what went wrong, or that nothing did. */
static void tell(struct error *error, char **out)
{
    if (out)
        *out = error->text ? strdup(error->text) : NULL;
    error_clear(error);
}

static struct subject_options options_of(const char *path, const struct assay_options *options, enum missing missing)
{
    static const struct assay_options none;
    const struct assay_options *given = options ? options : &none;
    return (struct subject_options){
        .model = path,
        .config = given->config,
        .tokenizer = given->tokenizer,
        .source = given->source,
        .engine = {
            .threads = given->threads, .memory = subject_memory(given->memory), .missing = missing, .exact = true}};
}

struct assay_model {
    struct subject subject;
};

static bool can_ask(const char *path, const struct assay_options *options, struct error *error)
{
    if (!path)
        return error_set(error, "no path of a model was given");
    return !options || options->threads >= 0 || error_set(error, "%d threads: there are at least 0", options->threads);
}

struct assay_model *assay_open(const char *path, const struct assay_options *options, char **error)
{
    struct error met = {0};
    struct assay_model *model = calloc(1, sizeof *model);
    const struct subject_options how = options_of(path, options, MISSING_FAIL);
    bool good = (model || error_memory(&met, "a model")) && can_ask(path, options, &met) &&
                subject_open(&how, &model->subject, &met) && config_predicts(model->subject.config, &met) &&
                subject_load(&model->subject, &met);
    if (good)
        model_keep_weights(model->subject.model, true);
    tell(&met, error);
    if (good)
        return model;
    assay_close(model);
    return NULL;
}

void assay_close(struct assay_model *model)
{
    if (model)
        subject_free(&model->subject);
    free(model);
}

size_t assay_vocabulary(const struct assay_model *model)
{
    return (size_t)model->subject.config->vocabulary;
}

bool assay_tokenize(struct assay_model *model, const char *text, int **ids, size_t *count, char **error)
{
    struct error met = {0};
    struct ids made = {0};
    bool good = subject_needs_tokenizer(&model->subject, &met) &&
                tokenizer_encode(model->subject.tokenizer, text, strlen(text), true, &made, &met);
    *ids = made.data;
    *count = made.count;
    if (!good) {
        ids_free(&made);
        *ids = NULL;
        *count = 0;
    }
    tell(&met, error);
    return good;
}

char *assay_text(struct assay_model *model, const int *ids, size_t count, char **error)
{
    struct error met = {0};
    struct buffer made = {0};
    char *text = NULL;
    if (subject_needs_tokenizer(&model->subject, &met) &&
        tokenizer_decode(model->subject.tokenizer, ids, count, false, &made, &met) && !(text = buffer_take(&made)))
        error_memory(&met, "a text");
    buffer_free(&made);
    tell(&met, error);
    return text;
}

static bool take_logits(void *context, const struct activation *activation, struct error *error)
{
    (void)error;
    if (activation->point == POINT_HEAD)
        memcpy(context, activation->values, activation->width * sizeof *activation->values);
    return true;
}

bool assay_logits(struct assay_model *model, const int *ids, size_t count, float *logits, char **error)
{
    struct error met = {0};
    const struct sequence sequence = {.ids = ids, .count = count, .logits_from = count - 1};
    const struct probe probe = {.see = take_logits, .context = logits};
    bool good = (count || error_set(&met, "no ids were given, and logits are those behind the last of them")) &&
                model_forward(model->subject.model, &sequence, 1, &probe, &met);
    tell(&met, error);
    return good;
}

/* What a check holds open. */
struct checked {
    struct subject subject;
    struct suite suite;
    struct golden **goldens;
    size_t golden_count;
    struct quality *quality;
};

static void checked_close(struct checked *checked)
{
    for (size_t i = 0; i < checked->golden_count; i++)
        golden_free(checked->goldens[i]);
    free(checked->goldens);
    quality_free(checked->quality);
    suite_free(&checked->suite);
    subject_free(&checked->subject);
}

static bool checked_open(const struct assay_check *check, struct checked *checked, struct report *report,
                         struct error *error)
{
    if (!can_ask(check->model, &check->options, error) || !suite_open(check->suite, &checked->suite, error))
        return false;
    report_suite(report, &checked->suite, check->suite);
    if (!(checked->goldens = calloc(check->golden_count + 1, sizeof *checked->goldens)))
        return error_memory(error, "gold");
    for (; checked->golden_count < check->golden_count; checked->golden_count++) {
        struct golden *golden = golden_open(check->goldens[checked->golden_count], error);
        if (!golden)
            return false;
        checked->goldens[checked->golden_count] = golden;
        report_gold(report, golden);
    }
    const struct subject_options how = options_of(check->model, &check->options, MISSING_DEFAULT);
    return (!checked->suite.wanted[DIAGNOSTIC_TEXTS] || (checked->quality = quality_open(NULL, error))) &&
           subject_open(&how, &checked->subject, error);
}

static bool checked_run(const struct assay_check *check, struct checked *checked, struct report *report,
                        struct error *error)
{
    struct check_request request = suite_request(&checked->suite);
    request.subject = &checked->subject;
    request.goldens = checked->goldens;
    request.golden_count = checked->golden_count;
    request.writing.quality = checked->quality;
    return report_check(report, &request, error) && report_checked(report, &request, check->model, error);
}

/* The document as text; NULL: out of memory. */
static char *report_print(const struct report *report, struct error *error)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    bool good = file && report_write_json(report, file, error);
    if (!file || fclose(file) != 0 || !good) {
        error_memory(error, "the JSON report");
        free(text);
        return NULL;
    }
    return text;
}

static enum assay_verdict check_run_here(const struct assay_check *check, char **report, char **error)
{
    static const enum assay_verdict verdicts[] = {
        [VERDICT_PASS] = ASSAY_PASS, [VERDICT_WARN] = ASSAY_WARN, [VERDICT_FAIL] = ASSAY_FAIL};
    struct error met = {0};
    struct checked checked = {0};
    struct report made;
    char *text = NULL;
    report_begin(&made, "check", NULL);
    bool good = checked_open(check, &checked, &made, &met) && checked_run(check, &checked, &made, &met);
    if (good) {
        report_end(&made);
        good = !report || (text = report_print(&made, &met));
    }
    if (good && made.verdict == VERDICT_ERROR)
        good = error_set(&met, "%s", made.unable);
    enum assay_verdict verdict = good ? verdicts[made.verdict] : ASSAY_ERROR;
    checked_close(&checked);
    report_free(&made);
    if (report)
        *report = text;
    tell(&met, error);
    return verdict;
}

/* Numbers are read and written with a point, whatever the program's language. */
enum assay_verdict assay_check(const struct assay_check *check, char **report, char **error)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0), before = (locale_t)0;
    if (plain)
        before = uselocale(plain);
    enum assay_verdict verdict = check_run_here(check, report, error);
    if (plain) {
        uselocale(before);
        freelocale(plain);
    }
    return verdict;
}
