/* report.html: one file, no script, no network; the verdict first. */
#include <math.h>

#include "base/numbers.h"
#include "reports/html_page.h"
#include "reports/report_render.h"
#include "reports/text.h"

static void head(struct page *page)
{
    const struct report *report = page->outline->report;
    page_raw(page,
             "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
             "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
             "img-src data:\">\n<title>");
    page_raw(page, verdict_name(report->verdict));
    page_raw(page, ": assay ");
    page_text(page, report->command);
    page_raw(page, " ");
    page_text(page, report->subject.path);
    page_raw(page, "</title>\n<style>\n");
    for (size_t i = 0; html_style[i]; i++) {
        page_raw(page, html_style[i]);
        page_raw(page, "\n");
    }
    page_raw(page, "</style>\n</head>\n<body>\n");
}

static void banner(struct page *page)
{
    const struct report *report = page->outline->report;
    buffer_format(page->out, "<header class=\"v-%s\"><div class=\"in\">\n<h1><span class=\"word\">%s</span> assay ",
                  verdict_name(report->verdict), verdict_name(report->verdict));
    page_text(page, report->command);
    page_raw(page, "</h1>\n<p class=\"reason\">");
    page_text(page, report->reason);
    if (severity_tells(&report->severity, report->verdict)) {
        struct buffer severity = {0};
        severity_text(&report->severity, &severity);
        page_raw(page, "</p>\n<p class=\"severity\">Severity: ");
        page_text(page, severity.data);
        page_raw(page, ".");
        buffer_free(&severity);
    }
    page_raw(page, "</p>\n<p class=\"facts\"><b>");
    page_text(page, report->subject.path);
    page_raw(page, "</b></p>\n<p class=\"facts\">");
    page_text(page, report->subject.summary);
    page_raw(page, "</p>\n<p class=\"facts\">Checks: ");
    counts_append(page->out, page->outline->counts);
    page_raw(page, "</p>\n</div></header>\n<main>\n");
}

static void check_row(struct page *page, size_t index)
{
    const struct outline_check *check = &page->outline->checks[index];
    const struct finding *head_finding = check->head;
    bool linked = check->verdict == VERDICT_FAIL || check->verdict == VERDICT_WARN;
    buffer_format(page->out, "<tr class=\"v-%s\"><td><span class=\"tag\">%s</span></td><td class=\"id\">",
                  verdict_name(check->verdict), verdict_name(check->verdict));
    if (linked)
        buffer_format(page->out, "<a href=\"#check-%zu\">", index);
    text_append_short(page->out, TEXT_MARKUP, check->name, 120);
    page_raw(page, linked ? "</a></td><td class=\"n\" data-label=\"measured\">"
                          : "</td><td class=\"n\" data-label=\"measured\">");
    if (head_finding->has_measured)
        measured_append(page->out, TEXT_MARKUP, head_finding);
    page_raw(page, "</td><td class=\"n\" data-label=\"limit\">");
    if (head_finding->has_limit)
        limit_append(page->out, head_finding);
    page_raw(page, "</td><td class=\"say\">");
    page_text(page, head_finding->message);
    page_raw(page, "</td><td class=\"soft\" data-label=\"why this limit\">");
    page_text(page, head_finding->cause);
    page_raw(page, "</td></tr>\n");
}

static void check_table(struct page *page)
{
    page_raw(page, "<section aria-labelledby=\"h-checks\">\n<h2 id=\"h-checks\">All checks</h2>\n");
    if (!page->outline->count) {
        page_raw(page, "<p>No check was run.</p>\n</section>\n");
        return;
    }
    page_raw(
        page,
        "<div class=\"panel wide\"><table class=\"checks\"><thead><tr><th scope=\"col\">Verdict</th>"
        "<th scope=\"col\">Check</th><th scope=\"col\" class=\"n\">Measured</th><th scope=\"col\" class=\"n\">Limit"
        "</th><th scope=\"col\">What was found</th><th scope=\"col\">Why this limit</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < page->outline->count; i++)
        check_row(page, i);
    page_raw(page, "</tbody></table></div>\n</section>\n");
}

static void term(struct page *page, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    buffer_format(page->out, "<dt>%s</dt><dd>", name);
    page_text(page, text);
    page_raw(page, "</dd>\n");
}

static void term_number(struct page *page, const char *name, double value)
{
    if (!(value > 0))
        return;
    buffer_format(page->out, "<dt>%s</dt><dd>", name);
    number_append(page->out, value);
    page_raw(page, "</dd>\n");
}

static void term_bytes(struct page *page, const char *name, double bytes)
{
    if (!(bytes > 0 && bytes < 1e18))
        return;
    buffer_format(page->out, "<dt>%s</dt><dd>", name);
    size_text(page->out, (uint64_t)bytes);
    page_raw(page, "</dd>\n");
}

static void panel(struct page *page, const char *title)
{
    buffer_format(page->out, "<div class=\"panel\"><h3>%s</h3><dl>\n", title);
}

static void circumstances(struct page *page)
{
    const struct report *report = page->outline->report;
    page_raw(page, "<section aria-labelledby=\"h-what\">\n<h2 id=\"h-what\">What was judged, by what, on what</h2>\n"
                   "<div class=\"grid\">\n");
    panel(page, "Subject");
    term(page, "Path", report->subject.path);
    term(page, "Format", report->subject.format);
    term(page, "Model", report->subject.model_type);
    term(page, "Shape", report->subject.summary);
    term_number(page, "Tensors", report->subject.tensors);
    term_bytes(page, "Size", report->subject.bytes);
    page_raw(page, "</dl></div>\n");
    for (size_t i = 0; i < report->gold_count; i++) {
        panel(page, "Gold");
        term(page, "Path", report->golds[i].path);
        term(page, "Made by", report->golds[i].producer);
        term(page, "Arithmetic", report->golds[i].dtype);
        term_number(page, "Cases", report->golds[i].cases);
        page_raw(page, "</dl></div>\n");
    }
    panel(page, "Machine");
    term(page, "Processor", report->machine.processor);
    term_number(page, "Threads", report->machine.threads);
    term(page, "BLAS", report->machine.blas);
    term_bytes(page, "Peak memory", report->machine.peak_memory_bytes);
    if (isfinite(report->duration_s) && report->duration_s > 0)
        buffer_format(page->out, "<dt>Duration</dt><dd>%.1f s</dd>\n", report->duration_s);
    term(page, "Started", report->started);
    page_raw(page, "</dl></div>\n</div>\n</section>\n");
}

bool html_build(const struct outline *outline, struct buffer *out, struct error *error)
{
    struct page page = {.outline = outline, .out = out, .plotter = plotter_new()};
    head(&page);
    banner(&page);
    page_wrong(&page);
    page_texts(&page);
    page_figures(&page);
    check_table(&page);
    circumstances(&page);
    page_raw(&page, "</main>\n<footer>Made by assay ");
    page_text(&page, outline->report->version);
    page_raw(&page, ". The same findings for programs: report.json, junit.xml.</footer>\n</body>\n</html>\n");
    plotter_free(&page.plotter);
    return !out->failed || error_memory(error, "report.html");
}
