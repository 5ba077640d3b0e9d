/* Reports built by hand, hostile ones among them, and what each format makes of them. */
#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/progress.h"
#include "report_fixtures.h"
#include "reports/process.h"

/* ---- what the tests build ---- */

static struct report report_new(void)
{
    struct report report = {0};
    report_set(&report.command, "check");
    report_set(&report.version, "0.1.0");
    report_set(&report.started, "2031-02-03T04:05:06Z");
    report.duration_s = 83.4;
    report_set(&report.subject.path, "models/thinker-extracted");
    report_set(&report.subject.format, "extraction");
    report_set(&report.subject.model_type, "qwen3_omni_moe");
    report_set(&report.subject.summary,
               "48 layers, hidden 2048, 32 heads in 4 groups, 128 experts top-8, vocabulary 152064");
    report.subject.tensors = 18867;
    report.subject.bytes = 61.1e9;
    struct report_gold *gold = report_add_gold(&report);
    report_set(&gold->path, "golden/thinker.safetensors");
    report_set(&gold->producer, "transformers 5.23.0, torch 2.15.0");
    report_set(&gold->dtype, "float64");
    gold->cases = 4;
    report_set(&report.machine.processor, "Example CPU, 2 cores");
    report_set(&report.machine.blas, "OpenBLAS 0.3.21");
    report.machine.threads = 2;
    report.machine.peak_memory_bytes = 3.4e9;
    return report;
}

static struct finding *add_check(struct report *report, const char *check, double measured, double limit,
                                 const char *unit, const char *cause, const char *message)
{
    struct finding *finding = findings_add(&report->findings, check);
    finding_measured(finding, measured, unit);
    finding_limit(finding, limit, cause);
    finding_message(finding, "%s", message);
    finding_judge(finding);
    return finding;
}

static const char *const modules[] = {"input_layernorm", "self_attn", "post_attention_layernorm",
                                      "mlp.gate",        "mlp",       "layer"};
enum { LAYERS = 48, MODULES = sizeof modules / sizeof *modules };

static double wobble(int layer, int module)
{
    return 1 + 0.45 * sin(layer * 1.7 + module * 2.3);
}

static double propagated(int layer, int module)
{
    if (layer < 3 || (layer == 3 && module < 1))
        return 4e-7 * (1 + layer * 0.2) * wobble(layer, module);
    return fmin(1.3, 0.12 * pow(1.12, layer)) * (0.8 + 0.2 * wobble(layer, module));
}

static double isolated(int layer, int module)
{
    bool broken = (layer == 3 && module == 1) || (layer == 17 && module == 4);
    return broken ? (layer == 3 ? 0.31 : 0.052) : 6e-7 * wobble(layer, module);
}

static void add_error_series(struct finding *finding, const char *title, double (*error)(int layer, int module))
{
    struct series *series = finding_series(finding, "error-per-layer", title, "layer", "relative L2 error", LAYERS);
    series->log_y = true;
    for (int module = 0; module < (int)MODULES; module++) {
        double *values = series_curve(series, modules[module]);
        for (int layer = 0; layer < LAYERS; layer++)
            values[layer] = module == 3 && layer == 0 ? NAN : error(layer, module);
    }
    double *noise = series_curve(series, "noise");
    for (int layer = 0; layer < LAYERS; layer++)
        noise[layer] = 5e-7 * (1 + layer * 0.05);
}

static void add_place(struct report *report, const char *check, int layer, const char *module, double measured,
                      const char *message)
{
    struct finding *finding = findings_add(&report->findings, check);
    finding->summary = false;
    finding->where.layer = layer;
    if (module) {
        char path[200];
        snprintf(path, sizeof path, "model.layers.%d.%s", layer, module);
        where_set(&finding->where.module, path);
    }
    finding_measured(finding, measured, "relative L2");
    finding_limit(finding, 6e-6, "10 times the noise of float32 there");
    finding_message(finding, "%s", message);
    finding_judge(finding);
}

/* Places with names, as on the axis of modules. */
static void add_modules(struct finding *finding)
{
    struct series *series = finding_series(finding, "error-per-module", "Largest error of each kind of module",
                                           "module", "relative L2 error", MODULES);
    double *values = series_curve(series, "isolated");
    for (size_t i = 0; i < MODULES; i++) {
        values[i] = 0.02 * (double)(i + 1);
        series_label(series, i, modules[i]);
    }
}

static void add_layers(struct report *report)
{
    struct finding *finding =
        add_check(report, "layers.propagated", 1.3, 6.2e-6, "relative L2", "10 times the noise of float32 there",
                  "The output leaves gold at layer 3, in self_attn, and is worthless from layer 20 on.");
    finding->where.layer = 47;
    where_set(&finding->where.module, "model.layers.47.mlp");
    finding_fact(finding, "first_bad_layer", 3);
    finding_fact(finding, "noise", 6.2e-7);
    add_error_series(finding, "Error per layer, end to end", propagated);
    for (int layer = 3; layer < LAYERS; layer++)
        add_place(report, "layers.propagated", layer, "mlp", propagated(layer, 4), "The output of this module is off.");
    finding = add_check(report, "layers.isolated", 0.31, 6e-6, "relative L2", "10 times the noise of float32 there",
                        "Fed with gold, 2 modules of 336 are wrong: layer 3 self_attn and layer 17 mlp.");
    finding->where.layer = 3;
    where_set(&finding->where.module, "model.layers.3.self_attn");
    finding_fact(finding, "noise", 6e-7);
    finding_fact(finding, "modules", 336);
    add_error_series(finding, "Error per layer, every module fed with gold", isolated);
    add_modules(finding);
    add_place(report, "layers.isolated", 3, "self_attn", 0.31, "Its input was good and its output is not.");
    add_place(report, "layers.isolated", 17, "mlp", 0.052, "Its input was good and its output is not.");
}

static void add_logits(struct report *report)
{
    struct finding *finding =
        add_check(report, "logits.kl", 3.71, 1e-9, "nats", "two runs of the original differ by 2e-11",
                  "The next-token distribution has nothing to do with gold's: 3.71 nats on average.");
    struct series *series = finding_series(finding, "kl-per-position", "KL divergence per position", "position",
                                           "KL(gold, subject), nats", 64);
    series->log_y = true;
    static const char *const cases[] = {"capital", "arithmetic", "code"};
    for (int i = 0; i < 3; i++) {
        double *values = series_curve(series, cases[i]);
        for (int k = 0; k < 64 - 13 * i; k++)
            values[k] = k == 0 ? 0 : 3 * exp(0.9 * sin(k * 0.8 + i) + 0.4 * sin(k * 2.9)) / (1 + 5.0 / k);
        values[20] = NAN;
    }
    struct series *map = finding_series(finding, "expert-load", "Tokens per expert and layer", "expert", "layer", 32);
    map->kind = SERIES_HEATMAP;
    for (int row = 0; row < 12; row++) {
        char name[20];
        snprintf(name, sizeof name, "layer %d", row);
        double *values = series_curve(map, name);
        for (int k = 0; k < 32; k++)
            values[k] = row == 4 && k > 20 ? NAN : fabs(40 * sin(row * 3.1 + k * 0.9));
    }
}

static struct report sample_report(void)
{
    struct report report = report_new();
    add_check(&report, "inventory.absent", 544, 0, "tensors",
              "every tensor that the configuration calls for must be there",
              "544 tensors are absent: 12 norms (layers 1, 5, 9 ... 45) and 532 experts in the same layers.");
    add_check(&report, "inventory.shape", 0, 0, "tensors", "a shape is right or wrong",
              "Every shape is as configured.");
    add_check(&report, "inventory.dtype", 0, 0, "tensors", "one dtype was written", "Every tensor is BF16.");
    add_layers(&report);
    add_logits(&report);
    struct finding *finding = add_check(&report, "logits.top1", 0.94, 0.001, "share that differs",
                                        "near-ties are told apart", "94 % of the most likely tokens differ.");
    where_set(&finding->where.case_id, "capital");
    finding->where.token = 3;
    finding = findings_add(&report.findings, "greedy.margin");
    finding->verdict = VERDICT_WARN;
    finding_message(finding, "Two tokens of case \"code\" are nearly equally likely, so their order proves nothing.");
    finding = findings_add(&report.findings, "perplexity");
    finding->verdict = VERDICT_SKIP;
    finding_message(finding, "No text was given.");
    report_conclude(&report);
    return report;
}

static const char hostile[] =
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>]]>&amp;`|\n\r\t\x01\x1b[31m\x7f"
    "\xff\xc0\xaf\xed\xa0\x80\xe2\x80\xae\xc2\x85 {{x}} --> $(x) '; system \"x\"; \\";

static struct report hostile_report(void)
{
    struct report report = {0};
    char **const texts[] = {&report.command,         &report.version,        &report.started,
                            &report.subject.path,    &report.subject.format, &report.subject.model_type,
                            &report.subject.summary, &report.machine.blas,   &report.machine.processor};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        report_set(texts[i], "%s", hostile);
    struct report_gold *gold = report_add_gold(&report);
    report_set(&gold->path, "%s", hostile);
    report_set(&gold->producer, "%s", hostile);
    report_set(&gold->dtype, "%s", hostile);
    report.duration_s = NAN;
    for (int i = 0; i < 6; i++) {
        struct finding *finding = findings_add(&report.findings, i < 4 ? hostile : "b");
        finding->verdict = (enum verdict)(i % 4);
        finding->summary = i < 4;
        finding_measured(finding, i % 2 ? NAN : INFINITY, hostile);
        finding_limit(finding, i == 3 ? -INFINITY : 1, hostile);
        finding_message(finding, "%s", hostile);
        char **const places[] = {&finding->where.case_id, &finding->where.module, &finding->where.tensor,
                                 &finding->where.file};
        for (size_t k = 0; k < sizeof places / sizeof *places; k++)
            where_set(places[k], hostile);
        finding_fact(finding, hostile, NAN);
        finding_fact_text(finding, "measured", "%s", hostile);
        struct series *series = finding_series(finding, hostile, hostile, hostile, hostile, 3);
        series->kind = (enum series_kind)(i % 3);
        series->log_y = i > 2;
        double *values = series_curve(series, hostile);
        values[0] = 1;
        values[1] = -INFINITY;
        values[2] = -1;
        for (size_t k = 0; k < 3; k++)
            series_label(series, k, hostile);
    }
    report_conclude(&report);
    return report;
}

Test(reports, the_checker_of_markup_sees_faults)
{
    static const char *const bad[] = {
        "<a>",        "<a></b>",       "<a b=\"<\"></a>",      "<a>&x</a>", "<a b=c></a>", "<a>\x01</a>",
        "<a>]]></a>", "<a b=\"1></a>", "<a onload=\"x\"></a>", "</a>",      "<a>x < y</a>"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect(markup_fault(bad[i], false), "%s", bad[i]);
    cr_expect_null(markup_fault("<?xml version=\"1.0\"?><a b=\"1\" c='2'>x &lt; y<d/></a>\n", false));
}

/* ---- the tests ---- */

Test(reports, a_realistic_report_says_what_is_wrong_first)
{
    struct report report = sample_report();
    struct rendered rendered = render(&report);
    const char *html = rendered.files[HTML];
    assert_harmless(html);
    const char *order[] = {"class=\"word\">Broken</span>",
                           "class=\"reason\">544 tensors are absent",
                           "<dt>Distance from gold (KL), right is 0</dt><dd>3.71 nats a token</dd>",
                           "The model at a glance",
                           "<title>layer 3, self_attn: error 0.31, limit 6e-6</title>",
                           "<section id=\"disk\"",
                           "<section id=\"computation\"",
                           "<svg role=\"img\"",
                           "leaves gold at layer 3",
                           "first bad layer: <b>3</b>",
                           "<section id=\"provenance\""};
    const char *at = html;
    for (size_t i = 0; i < sizeof order / sizeof *order && at; i++) {
        const char *found = strstr(at, order[i]);
        cr_expect(found, "%s is absent or out of order", order[i]);
        at = found;
    }
    cr_expect(strstr(html, "40 more places"), "long lists are folded");
    char *keep = getenv("ASSAY_TEST_SAMPLE");
    struct error error = {0};
    if (keep)
        cr_assert(report_render(&report, keep, &error), "%s", error_text(&error));
    rendered_free(&rendered);
    report_free(&report);
}

static bool gnuplot_present(void)
{
    return system("gnuplot --version >/dev/null 2>&1") == 0;
}

Test(reports, plots_are_inline_with_own_ids_and_tooltips)
{
    if (!gnuplot_present())
        cr_skip("gnuplot is not installed");
    struct report report = sample_report();
    struct rendered rendered = render(&report);
    const char *html = rendered.files[HTML];
    cr_expect_eq(count_of(html, "<svg role=\"img\""), 5);
    cr_expect_eq(count_of(html, "id='plot0-gpDot'"), 1);
    cr_expect_eq(count_of(html, "id='plot4-gpDot'"), 1);
    cr_expect_eq(count_of(html, "id=\"gnuplot"), 0);
    cr_expect_eq(count_of(html, "id='gp"), 0);
    cr_expect_eq(count_of(html, "<?xml"), 0);
    cr_expect(strstr(html, "<title>self_attn, layer 3: 0."), "points say what they are");
    cr_expect(strstr(html, "<text>layer 11</text>"), "rows of a heatmap have names");
    cr_expect(strstr(html, "<text>post_attention_layernorm</text>"), "places of an axis have names");
    cr_expect(strstr(html, "leave gaps"), "gaps are told");
    cr_expect(strstr(html, "drawn at the lower edge"), "zeros on a log axis are told");
    rendered_free(&rendered);
    report_free(&report);
}

Test(reports, hostile_text_stays_text)
{
    struct report report = hostile_report();
    struct rendered rendered = render(&report);
    assert_harmless(rendered.files[HTML]);
    cr_expect(strstr(rendered.files[HTML], "&lt;script&gt;alert(1)&lt;/script&gt;"));
    cr_expect(strstr(rendered.files[HTML], "\xe2\x9f\xa8U+202E\xe2\x9f\xa9"), "reordering characters are made visible");
    const char *fault = markup_fault(rendered.files[JUNIT], false);
    cr_expect_null(fault, "junit.xml: %s", fault);
    static const char *const banned[] = {"<script", "<img", "\x1b", "\x01"};
    for (size_t i = 0; i < sizeof banned / sizeof *banned; i++)
        cr_expect(!strstr(rendered.files[MARKDOWN], banned[i]) && !strstr(rendered.files[JUNIT], banned[i]), "%s",
                  banned[i]);
    rendered_free(&rendered);
    report_free(&report);
}

Test(reports, a_curve_cannot_talk_to_gnuplot)
{
    char *folder = folder_new();
    char path[200], name[600];
    snprintf(path, sizeof path, "%s/touched", folder);
    static const char *const attacks[] = {"x'; system \"touch %s\"; plot '",
                                          "x\nEOD\nsystem \"touch %s\"\n",
                                          "`touch %s`",
                                          "x\"; system(\"touch %s\"); \"",
                                          "@{system('touch %s')}",
                                          "< touch %s",
                                          "| touch %s"};
    struct report report = report_new();
    for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(name, sizeof name, attacks[i], path);
#pragma GCC diagnostic pop
        for (int kind = 0; kind < 3; kind++) {
            struct finding *finding = findings_add(&report.findings, name);
            struct series *series = finding_series(finding, name, name, name, name, 4);
            series->kind = (enum series_kind)kind;
            double *values = series_curve(series, name);
            for (size_t k = 0; k < 4; k++) {
                values[k] = (double)k;
                series_label(series, k, name);
            }
        }
    }
    report_conclude(&report);
    struct rendered rendered = render(&report);
    cr_expect_not(file_exists(path), "a name was run as a command");
    assert_harmless(rendered.files[HTML]);
    if (gnuplot_present())
        cr_expect_eq(count_of(rendered.files[HTML], "<svg role=\"img\""), 14, "and yet everything was drawn");
    rmdir(folder);
    free(folder);
    rendered_free(&rendered);
    report_free(&report);
}

/* A program in place of gnuplot; the report must be whole whatever it does. */
static void assert_without_plots(const char *script, const char *because)
{
    char *folder = folder_new();
    char *program = path_join(folder, "plotter");
    struct error error = {0};
    if (script) {
        cr_assert(file_write(program, script, strlen(script), &error));
        cr_assert_eq(access(program, F_OK), 0);
        char command[200];
        snprintf(command, sizeof command, "chmod +x %s", program);
        cr_assert_eq(system(command), 0);
    }
    setenv("ASSAY_GNUPLOT", script ? program : "/nonexistent", 1);
    struct report report = sample_report();
    struct rendered rendered = render(&report);
    assert_harmless(rendered.files[HTML]);
    cr_expect_eq(count_of(rendered.files[HTML], "<svg role=\"img\""), 0);
    cr_expect_eq(count_of(rendered.files[HTML], "<details open>"), 5, "the values are shown");
    cr_expect(strstr(rendered.files[HTML], because), "the reason is not given: %s", because);
    rendered_free(&rendered);
    report_free(&report);
    unlink(program);
    rmdir(folder);
    free(program);
    free(folder);
}

Test(reports, without_gnuplot_there_are_tables)
{
    assert_without_plots(NULL, "There is no plot: /nonexistent could not be started");
}

Test(reports, a_gnuplot_that_fails_or_lies_is_survived)
{
    assert_without_plots("#!/bin/sh\necho 'no \"fonts\" <here>' >&2\nexit 3\n",
                         "status 3: no &quot;fonts&quot; &lt;here&gt;");
    assert_without_plots("#!/bin/sh\nexec <&-\necho hello\n", "wrote no SVG");
    assert_without_plots("#!/bin/sh\ncat >/dev/null\necho '<svg viewBox=\"0 0 1 1\"><script>x</script></svg>'\n",
                         "wrote no SVG");
    assert_without_plots("#!/bin/sh\nkill -9 $$\n", "was ended by signal 9");
    assert_without_plots("#!/bin/sh\nyes\n", "wrote too much");
}

static bool run_shell(const char *script, const struct buffer *input, double seconds, struct buffer *output,
                      struct error *error)
{
    const char *const arguments[] = {"sh", "-c", script, NULL};
    return process_run(arguments, input->data, input->size, seconds, output, error);
}

Test(process, a_program_that_hangs_is_killed_with_its_children)
{
    struct buffer input = {0}, output = {0};
    struct error error = {0};
    cr_assert_not(run_shell("sleep 1000 & echo $!; sleep 1000", &input, 0.3, &output, &error));
    cr_expect(strstr(error_text(&error), "sh did not end in time"), "%s", error_text(&error));
    pid_t child = (pid_t)atoi(output.data);
    cr_assert_gt(child, 1);
    for (int i = 0; i < 500 && kill(child, 0) == 0; i++) /* until init has reaped it, where there is one that does */
        usleep(1000);
    char path[64], state = 'X';
    snprintf(path, sizeof path, "/proc/%d/stat", (int)child);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%*d %*s %c", &state) != 1)
        state = 'X';
    if (file)
        fclose(file);
    cr_expect(state == 'X' || state == 'Z', "the child still runs: %c", state);
    error_clear(&error);
    buffer_free(&output);
}

Test(process, large_input_and_output_do_not_block_each_other)
{
    struct buffer input = {0}, output = {0};
    struct error error = {0};
    for (int i = 0; i < 400000; i++)
        buffer_text(&input, "0123456789abcde\n");
    cr_assert(run_shell("echo talk >&2; cat", &input, 20, &output, &error), "%s", error_text(&error));
    cr_expect(output.size == input.size && memcmp(output.data, input.data, input.size) == 0);
    buffer_free(&output);
    cr_expect(run_shell("exec 0<&-; sleep 0.1; echo done", &input, 20, &output, &error), "%s", error_text(&error));
    cr_expect_str_eq(output.data, "done\n", "a program that does not read its input does not kill this one");
    buffer_free(&output);
    buffer_free(&input);
}

/* Values that upset a plotting program: each alone in a series, on both axes. */
Test(reports, any_values_can_be_plotted)
{
    static const double shapes[][4] = {
        {0, 0, 0, 0}, {-1, -2, -3, -4}, {1e300, -1e300, 1, 0},       {1e-320, 1e-300, 0, 1},
        {5, 5, 5, 5}, {NAN, 3, NAN, 4}, {INFINITY, 1, -INFINITY, 2}, {1e308, 1e308, 1e308, 1e308}};
    struct report report = report_new();
    size_t shape_count = sizeof shapes / sizeof *shapes;
    for (size_t i = 0; i < 4 * shape_count; i++) {
        struct finding *finding = findings_add(&report.findings, "a.b");
        struct series *series = finding_series(finding, "s", "s", "x", "y", 4);
        series->log_y = i % 2;
        series->kind = i / 2 % 2 ? SERIES_HEATMAP : SERIES_LINE;
        memcpy(series_curve(series, "c"), shapes[i / 4], sizeof shapes[0]);
    }
    struct finding *finding = findings_add(&report.findings, "a.b");
    finding_series(finding, "none", "none", "x", "y", 0);
    finding_series(finding, "bare", "bare", "x", "y", 5);
    series_curve(finding_series(finding, "gaps", "gaps", "x", "y", 5), "all gaps");
    series_curve(finding_series(finding, "one", "one", "x", "y", 1), "one")[0] = 3;
    struct rendered rendered = render(&report);
    assert_harmless(rendered.files[HTML]);
    if (gnuplot_present()) {
        cr_expect_null(strstr(rendered.files[HTML], "There is no plot"), "%.200s",
                       strstr(rendered.files[HTML], "There is no plot"));
        cr_expect_eq(count_of(rendered.files[HTML], "<svg role=\"img\""), 4 * shape_count + 1);
    }
    cr_expect(strstr(rendered.files[HTML], "There is no finite value to draw."));
    rendered_free(&rendered);
    report_free(&report);
}

static const cJSON *json_finding(const cJSON *document, const char *check)
{
    const cJSON *finding;
    cJSON_ArrayForEach(
        finding, json_member(document, "findings")) if (strcmp(cJSON_GetStringValue(json_member(finding, "check")),
                                                               check) == 0) return finding;
    return NULL;
}

Test(reports, json_is_the_document_of_the_contract)
{
    struct report report = sample_report();
    struct rendered rendered = render(&report);
    struct error error = {0};
    cJSON *document = json_parse("report.json", rendered.files[JSON], strlen(rendered.files[JSON]), &error);
    cr_assert(document, "%s", error_text(&error));
    static const char *const members[] = {"assay_report", "command", "verdict",    "reason",  "subject",
                                          "gold",         "machine", "duration_s", "findings"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        cr_expect(json_member(document, members[i]), "%s", members[i]);
    cr_expect_eq(json_member(document, "assay_report")->valueint, 1);
    cr_expect_str_eq(cJSON_GetStringValue(json_member(document, "verdict")), "fail");
    const cJSON *layers = json_finding(document, "layers.propagated");
    cr_assert(layers);
    cr_expect(cJSON_IsTrue(json_member(layers, "summary")));
    cr_expect_eq(json_member(layers, "first_bad_layer")->valueint, 3);
    cr_expect_float_eq(json_member(layers, "noise")->valuedouble, 6.2e-7, 1e-20);
    const cJSON *where = json_member(layers, "where");
    cr_expect_eq(json_member(where, "layer")->valueint, 47);
    cr_expect_str_eq(cJSON_GetStringValue(json_member(where, "module")), "model.layers.47.mlp");
    cr_expect_null(json_member(where, "expert"));
    const cJSON *curves = json_member(cJSON_GetArrayItem(json_member(layers, "series"), 0), "curves");
    cr_expect_eq(cJSON_GetArraySize(curves), MODULES + 1);
    cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetArrayItem(json_member(cJSON_GetArrayItem(curves, 3), "values"), 0)),
                     "nan");
    cJSON_Delete(document);
    rendered_free(&rendered);
    report_free(&report);
}

Test(reports, json_keeps_what_is_not_finite_and_every_name_once)
{
    struct report report = hostile_report();
    struct error error = {0};
    cJSON *document = report_json(&report, &error);
    cr_assert(document, "%s", error_text(&error));
    cr_expect_str_eq(cJSON_GetStringValue(json_member(document, "duration_s")), "nan");
    const cJSON *first = cJSON_GetArrayItem(json_member(document, "findings"), 0);
    cr_expect_str_eq(cJSON_GetStringValue(json_member(first, "measured")), "inf");
    cr_expect(cJSON_IsString(json_member(first, "fact_measured")), "a fact does not overwrite a member");
    size_t measured = 0;
    const cJSON *member;
    cJSON_ArrayForEach(member, first) measured += strcmp(member->string, "measured") == 0;
    cr_expect_eq(measured, 1);
    cJSON_Delete(document);
    report_free(&report);
}

Test(reports, junit_counts_and_one_case_a_check)
{
    struct report report = sample_report();
    struct rendered rendered = render(&report);
    const char *xml = rendered.files[JUNIT];
    const char *fault = markup_fault(xml, false);
    cr_expect_null(fault, "%s", fault);
    cr_expect_eq(count_of(xml, "<testcase "), 9);
    cr_expect_eq(count_of(xml, " tests=\"9\" failures=\"5\" errors=\"0\" "), 2, "%s", xml);
    cr_expect_eq(count_of(xml, "<failure "), 5);
    cr_expect_eq(count_of(xml, "<skipped message=\"No text was given.\"/>"), 1);
    cr_expect_eq(count_of(xml, "classname=\"assay.layers\""), 2);
    cr_expect_eq(count_of(xml, "name=\"perplexity\" classname=\"assay.perplexity\""), 1);
    cr_expect(strstr(xml, "fail: layer 3, model.layers.3.self_attn: 0.31"), "places are in the failure");
    rendered_free(&rendered);
    report_free(&report);
}

Test(reports, summary_is_short_and_says_it)
{
    struct report report = sample_report();
    struct rendered rendered = render(&report);
    const char *text = rendered.files[MARKDOWN];
    cr_expect(strstr(text, "assay check: fail"));
    cr_expect(strstr(text, "**544 tensors are absent"));
    cr_expect(strstr(text, "| **fail** | Each module alone <code>layers.isolated</code> | 0.31 relative L2 | 6e-6 |"));
    cr_expect(strstr(text, "- layer 3, model.layers.3.self\\_attn: 0.31 relative L2."));
    cr_expect(strstr(text, "- and 40 more\n"));
    cr_expect_lt(strlen(text), 6000);
    rendered_free(&rendered);
    report_free(&report);
}

Test(reports, terminal_gives_the_verdict_first_in_100_columns)
{
    struct report report = sample_report();
    char *text = terminal_text(&report, false);
    cr_expect_eq(strncmp(text, "FAIL  544 tensors are absent", 28), 0, "%s", text);
    cr_expect(strstr(text, "and 40 more\n"));
    cr_expect(strstr(text, "layer 3, model.layers.3.self_attn: 0.31 relative L2 (limit 6e-6)"));
    cr_expect_null(strchr(text, '\x1b'));
    assert_narrow(text);
    if (getenv("ASSAY_TEST_SAMPLE"))
        puts(text);
    char *coloured = terminal_text(&report, true);
    cr_expect(strstr(coloured, "\x1b[31m"));
    free(coloured);
    free(text);
    report_free(&report);
    report = hostile_report();
    text = terminal_text(&report, false);
    for (const char *at = text; *at; at++)
        cr_assert(*at == '\n' || ((unsigned char)*at >= 0x20 && *at != 0x7F),
                  "a control character reached the terminal");
    assert_narrow(text);
    free(text);
    report_free(&report);
}

Test(reports, an_empty_report_is_whole_and_fails)
{
    struct report report = {0};
    report_conclude(&report);
    struct rendered rendered = render(&report);
    assert_harmless(rendered.files[HTML]);
    cr_expect(strstr(rendered.files[HTML], "Nothing was judged"));
    cr_expect_null(markup_fault(rendered.files[JUNIT], false));
    cr_expect(strstr(rendered.files[JUNIT], "tests=\"1\" failures=\"1\""), "what proves nothing is no pass");
    char *text = terminal_text(&report, true);
    cr_expect(strstr(text, "no checks"));
    free(text);
    rendered_free(&rendered);
    report_free(&report);
}

Test(reports, thousands_of_places_and_endless_names)
{
    struct report report = report_new();
    add_check(&report, "layers.isolated", 9, 1, NULL, "c", "Much is wrong.");
    for (int i = 0; i < 3000; i++)
        add_place(&report, "layers.isolated", i, NULL, i, "This place.");
    char *endless = malloc(2000001);
    memset(endless, 'W', 2000000);
    endless[2000000] = '\0';
    struct finding *finding = findings_add(&report.findings, endless);
    finding->verdict = VERDICT_FAIL;
    finding_message(finding, "%s", endless);
    where_set(&finding->where.tensor, endless);
    free(endless);
    report_conclude(&report);
    struct rendered rendered = render(&report);
    assert_harmless(rendered.files[HTML]);
    cr_expect(strstr(rendered.files[HTML], "2995 more places"));
    cr_expect_lt(strlen(rendered.files[HTML]), 1000000);
    cr_expect_lt(strlen(rendered.files[MARKDOWN]), 20000);
    cr_expect(strstr(rendered.files[JUNIT], "and 2950 more"));
    char *text = terminal_text(&report, false);
    cr_expect(strstr(text, "- layer 2999: 2999 relative L2"), "worst first");
    cr_expect_lt(strlen(text), 8000);
    assert_narrow(text);
    free(text);
    rendered_free(&rendered);
    report_free(&report);
}

Test(reports, a_folder_that_cannot_be_made_is_an_error_that_names_it)
{
    struct report report = report_new();
    struct error error = {0};
    cr_assert_not(report_render(&report, "/dev/null/reports", &error));
    cr_expect(strstr(error_text(&error), "/dev/null"), "%s", error_text(&error));
    error_clear(&error);
    char folder[] = "/tmp/assay-reports-XXXXXX", place[64];
    cr_assert(mkdtemp(folder));
    snprintf(place, sizeof place, "%s/report.html", folder);
    cr_assert_eq(mkdir(place, 0700), 0);
    cr_expect_not(report_render(&report, folder, &error));
    cr_expect(strstr(error_text(&error), place), "%s", error_text(&error));
    error_clear(&error);
    cr_expect_eq(rmdir(place), 0);
    cr_expect_eq(rmdir(folder), 0, "a report that is not written whole leaves nothing");
    FILE *full = fopen("/dev/full", "w");
    cr_assert_not(report_write_json(&report, full, &error));
    fclose(full);
    error_clear(&error);
    report_free(&report);
}
