#include "history/history_page.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "reports/html_page.h"
#include "reports/text.h"

#define SUBJECTS_SHOWN 12 /* that have figures: those with the newest runs */
#define RUNS_DRAWN 400    /* of each */
#define RUNS_LISTED 1000

static void head(struct page *page, const struct history *history)
{
    page_open(page);
    page_raw(page, "assay history ");
    page_text(page, history->path);
    page_raw(page, "</title>\n");
    page_style(page);
    page_raw(page, "<main>\n<h1>Runs of ");
    page_text(page, history->path);
    if (history->check) {
        page_raw(page, ": ");
        page_text(page, history->check);
    }
    buffer_format(page->out, "</h1>\n<p>%zu run%s %s recorded.</p>\n", history->count, text_plural(history->count),
                  history->count == 1 ? "is" : "are");
}

static void turns_section(struct page *page, const struct history *history, const struct turns *turns)
{
    page_raw(page, "<section aria-labelledby=\"h-turns\">\n<h2 id=\"h-turns\">Where runs turned bad</h2>\n");
    if (!turns->count)
        page_raw(page, "<p>No run failed after one of the same command on the same subject had passed.</p>\n");
    for (size_t i = 0; i < turns->count; i++) {
        struct buffer text = {0};
        turn_text(history, &turns->items[i], &text);
        page_raw(page, "<p>");
        page_text(page, text.data);
        page_raw(page, "</p>\n");
        buffer_free(&text);
    }
    if (turns->more)
        buffer_format(page->out, "<p>%zu more, earlier.</p>\n", turns->more);
    page_raw(page, "</section>\n");
}

/* Runs of one command on one subject, the newest last. */
struct line {
    const struct history_run *runs[RUNS_DRAWN];
    size_t count;
};

static void line_collect(const struct history *history, size_t newest, struct line *line)
{
    line->count = 0;
    for (size_t i = newest + 1; i-- && line->count < RUNS_DRAWN;)
        if (runs_alike(&history->runs[i], &history->runs[newest]))
            line->runs[line->count++] = &history->runs[i];
    for (size_t i = 0; i < line->count / 2; i++) {
        const struct history_run *run = line->runs[i];
        line->runs[i] = line->runs[line->count - 1 - i];
        line->runs[line->count - 1 - i] = run;
    }
}

static double nats_of(const struct history_run *run)
{
    return run->nats;
}
static double perplexity_of(const struct history_run *run)
{
    return run->perplexity;
}
static double failed_of(const struct history_run *run)
{
    return run->failed;
}
static double measured_of(const struct history_run *run)
{
    return run->has_measured ? run->measured : NAN;
}
static double limit_of(const struct history_run *run)
{
    return run->has_limit ? run->limit : NAN;
}

/* A figure: what is drawn over the runs, and beside it a limit. */
struct trend {
    const char *title, *unit, *says;
    double (*value)(const struct history_run *run);
    double (*limit)(const struct history_run *run);
    bool log_y;
};

static const struct trend trends[] = {
    {"Divergence from gold", "nats", "Lower is better; 0 is gold.", nats_of, NULL, true},
    {"Perplexity over gold's", "ratio", "1 is gold's.", perplexity_of, NULL, false},
    {"Failures", "checks", "0 is a pass.", failed_of, NULL, false},
};

static bool series_fill(struct finding *finding, const struct line *line, const struct trend *trend,
                        struct series **out)
{
    struct series *series = finding_series(finding, "trend", trend->title, "run", trend->unit, line->count);
    double *values = series ? series_curve(series, "measured") : NULL;
    double *limits = values && trend->limit ? series_curve(series, "limit") : NULL;
    bool good = values && (limits || !trend->limit);
    for (size_t i = 0; i < line->count && good; i++) {
        struct buffer label = {0};
        const char *started = line->runs[i]->started ? line->runs[i]->started : "";
        bool dated = strlen(started) > 10; /* 2031-02-03T...: what is shown is 02-03 */
        buffer_format(&label, "%lld (%.5s)", line->runs[i]->id, dated ? started + 5 : "?");
        values[i] = trend->value(line->runs[i]);
        if (limits)
            limits[i] = trend->limit(line->runs[i]);
        good = !label.failed && series_label(series, i, label.data);
        buffer_free(&label);
    }
    if (good)
        series->log_y = trend->log_y;
    *out = series;
    return good;
}

static bool any_value(const struct line *line, const struct trend *trend)
{
    for (size_t i = 0; i < line->count; i++)
        if (isfinite(trend->value(line->runs[i])))
            return true;
    return false;
}

static bool trend_figure(struct page *page, const struct line *line, const struct trend *trend)
{
    struct findings findings = {0};
    struct finding *finding = findings_add(&findings, "trend");
    struct series *series = NULL;
    struct buffer svg = {0}, notes = {0};
    bool good = finding && series_fill(finding, line, trend, &series);
    if (good) {
        bool drawn = plot_svg(&page->plotter, series, page->figures++, &svg, &notes);
        page_raw(page, "<figure>\n<figcaption>");
        page_text(page, trend->title);
        page_raw(page, ", ");
        page_text(page, trend->unit);
        page_raw(page, ". ");
        page_raw(page, trend->says);
        page_raw(page, "</figcaption>\n");
        if (drawn) {
            page_raw(page, "<div class=\"plot\">");
            buffer_append(page->out, svg.data, svg.size);
            page_raw(page, "</div>\n<p class=\"axis x\">run, and its month and day</p>\n");
        }
        page_note(page, notes.data);
        page_raw(page, "</figure>\n");
    }
    buffer_free(&svg);
    buffer_free(&notes);
    findings_free(&findings);
    return good;
}

static bool line_section(struct page *page, const struct history *history, const struct line *line)
{
    const struct history_run *newest = line->runs[line->count - 1];
    const struct trend check = {history->check,
                                newest->unit ? newest->unit : "measured",
                                "The dashed line is the limit; lower is better.",
                                measured_of,
                                limit_of,
                                newest->limit > 0 && newest->measured > 0};
    page_raw(page, "<section>\n<h2>assay ");
    page_text(page, newest->command);
    page_raw(page, " of ");
    page_text(page, newest->subject);
    page_raw(page, "</h2>\n");
    bool good = true, drawn = false;
    for (size_t i = 0; good && i < (history->check ? 1 : sizeof trends / sizeof *trends); i++) {
        const struct trend *trend = history->check ? &check : &trends[i];
        if (!any_value(line, trend))
            continue;
        drawn = true;
        good = trend_figure(page, line, trend);
    }
    if (!drawn)
        page_raw(page, "<p>Nothing was measured.</p>\n");
    page_raw(page, "</section>\n");
    return good;
}

/* The subjects with the newest runs first. */
static bool lines_section(struct page *page, const struct history *history)
{
    struct line *line = calloc(1, sizeof *line);
    size_t shown[SUBJECTS_SHOWN], count = 0;
    bool good = line;
    for (size_t i = history->count; i-- && count < SUBJECTS_SHOWN && good;) {
        bool again = false;
        for (size_t k = 0; k < count && !again; k++)
            again = runs_alike(&history->runs[shown[k]], &history->runs[i]);
        if (again)
            continue;
        shown[count++] = i;
        line_collect(history, i, line);
        good = line_section(page, history, line);
    }
    free(line);
    return good;
}

static void cell_number(struct page *page, double value, bool there)
{
    page_raw(page, "<td class=\"n\">");
    if (there)
        number_append(page->out, value);
    page_raw(page, "</td>");
}

static void run_row(struct page *page, const struct history *history, const struct history_run *run)
{
    enum verdict verdict = history->check ? run->check_verdict : run->verdict;
    bool judged = !history->check || run->has_check;
    buffer_format(page->out, "<tr class=\"v-%s\"><td class=\"n\">%lld</td><td><span class=\"tag\">%s</span></td><td>",
                  judged ? verdict_name(verdict) : "skip", run->id, judged ? verdict_name(verdict) : "-");
    page_text(page, run->started);
    page_raw(page, "</td><td>");
    page_text(page, run->command);
    page_raw(page, "</td><td>");
    page_text(page, run->subject);
    page_raw(page, "</td>");
    if (history->check) {
        cell_number(page, run->measured, run->has_measured);
        cell_number(page, run->limit, run->has_limit);
    } else {
        page_raw(page, "<td>");
        page_text(page, run->severity);
        page_raw(page, "</td>");
        cell_number(page, run->nats, !isnan(run->nats));
        cell_number(page, run->perplexity, !isnan(run->perplexity));
        cell_number(page, run->failed, true);
    }
    page_raw(page, "</tr>\n");
}

static void runs_section(struct page *page, const struct history *history)
{
    static const char *const all[] = {"Run",     "Verdict",  "Started",          "Command",
                                      "Subject", "Severity", "Divergence, nats", "Perplexity over gold's",
                                      "Failed",  NULL};
    static const char *const one[] = {"Run", "Check", "Started", "Command", "Subject", "Measured", "Limit", NULL};
    page_raw(page, "<section aria-labelledby=\"h-runs\">\n<h2 id=\"h-runs\">All runs, the newest first</h2>\n"
                   "<div class=\"panel wide\"><table><thead><tr>");
    for (const char *const *name = history->check ? one : all; *name; name++) {
        page_raw(page, "<th scope=\"col\">");
        page_raw(page, *name);
        page_raw(page, "</th>");
    }
    page_raw(page, "</tr></thead><tbody>\n");
    size_t listed = 0;
    for (size_t i = history->count; i-- && listed < RUNS_LISTED; listed++)
        run_row(page, history, &history->runs[i]);
    page_raw(page, "</tbody></table></div>\n");
    if (listed < history->count)
        buffer_format(page->out, "<p class=\"note\">%zu more, earlier: assay history --json has them.</p>\n",
                      history->count - listed);
    page_raw(page, "</section>\n");
}

bool history_page(const struct history *history, const struct turns *turns, struct buffer *out, struct error *error)
{
    struct page page = {.out = out, .plotter = plotter_new()};
    head(&page, history);
    turns_section(&page, history, turns);
    bool good = lines_section(&page, history);
    runs_section(&page, history);
    page_raw(&page, "</main>\n</body>\n</html>\n");
    plotter_free(&page.plotter);
    return (good && !out->failed) || error_memory(error, history->path);
}
