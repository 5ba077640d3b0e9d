/* report.html: one file, no script, no network; the verdict first. */
#include <math.h>

#include "base/numbers.h"
#include "reports/html_page.h"
#include "reports/report_render.h"
#include "reports/text.h"

/* What made the report, for whoever reads the file's first lines. */
static void meta(struct page *page, const char *name, const char *content)
{
    if (!content || !*content)
        return;
    buffer_format(page->out, "<meta name=\"assay-%s\" content=\"", name);
    page_text(page, content);
    page_raw(page, "\">\n");
}

static void head(struct page *page)
{
    const struct report *report = page->outline->report;
    page_open(page);
    page_raw(page, verdict_name(report->verdict));
    page_raw(page, ": assay ");
    page_text(page, report->command);
    page_raw(page, " ");
    page_text(page, report->subject.path);
    page_raw(page, "</title>\n");
    meta(page, "version", report->version);
    meta(page, "commit", report->commit);
    meta(page, "command-line", report->command_line);
    meta(page, "suite", report->suite.name);
    meta(page, "suite-sha256", report->suite.sha256);
    meta(page, "weights-sha256", report->subject.sha256);
    for (size_t i = 0; i < report->gold_count; i++)
        meta(page, "gold-sha256", report->golds[i].sha256);
    meta(page, "started", report->started);
    page_style(page);
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

void page_circumstances(struct page *page)
{
    const struct report *report = page->outline->report;
    page_raw(page,
             "<section id=\"provenance\" aria-labelledby=\"h-provenance\">\n<h2 id=\"h-provenance\">Provenance</h2>\n"
             "<p class=\"lead\">What was judged, by what, on what.</p>\n");
    if (report->command_line) {
        page_raw(page, "<pre class=\"command\" tabindex=\"0\">");
        page_text(page, report->command_line);
        page_raw(page, "</pre>\n");
    }
    page_raw(page, "<div class=\"grid\">\n");
    panel(page, "Subject");
    term(page, "Path", report->subject.path);
    term(page, "Format", report->subject.format);
    term(page, "Model", report->subject.model_type);
    term(page, "Shape", report->subject.summary);
    term_number(page, "Tensors", report->subject.tensors);
    term_bytes(page, "Size", report->subject.bytes);
    term(page, "SHA-256 of weights", report->subject.sha256);
    page_raw(page, "</dl></div>\n");
    for (size_t i = 0; i < report->gold_count; i++) {
        panel(page, "Gold");
        term(page, "Path", report->golds[i].path);
        term(page, "Made by", report->golds[i].producer);
        term(page, "Arithmetic", report->golds[i].dtype);
        term_number(page, "Cases", report->golds[i].cases);
        term(page, "SHA-256", report->golds[i].sha256);
        page_raw(page, "</dl></div>\n");
    }
    panel(page, "Suite and program");
    term(page, "Suite", report->suite.name);
    term(page, "From", report->suite.name && !report->suite.path ? "built in" : report->suite.path);
    term(page, "SHA-256", report->suite.sha256);
    term(page, "assay", report->version);
    term(page, "Commit", report->commit);
    page_raw(page, "</dl></div>\n");
    panel(page, "Machine");
    term(page, "Processor", report->machine.processor);
    term_number(page, "Threads", report->machine.threads);
    term(page, "BLAS", report->machine.blas);
    term_bytes(page, "Peak memory", report->machine.peak_memory_bytes);
    if (isfinite(report->duration_s) && report->duration_s > 0)
        buffer_format(page->out, "<dt>Duration</dt><dd>%.1f s</dd>\n", report->duration_s);
    for (size_t i = 0; i < report->times.count; i++)
        if (report->times.rows[i].seconds >= 0.05) {
            page_raw(page, "<dt>of it, ");
            page_text(page, report->times.rows[i].name);
            buffer_format(page->out, "</dt><dd>%.1f s</dd>\n", report->times.rows[i].seconds);
        }
    term(page, "Started", report->started);
    page_raw(page, "</dl></div>\n</div>\n</section>\n");
}

bool html_build(const struct outline *outline, struct buffer *out, struct error *error)
{
    struct answer answer;
    answer_build(outline, &answer);
    struct page page = {.outline = outline, .answer = &answer, .out = out, .plotter = plotter_new()};
    head(&page);
    page_answer(&page);
    page_raw(&page, "<main>\n");
    page_links(&page);
    page_sections(&page);
    page_circumstances(&page);
    page_raw(&page, "</main>\n<footer>Made by assay ");
    page_text(&page, outline->report->version);
    page_raw(&page, ". The same findings for programs: report.json, junit.xml.</footer>\n</body>\n</html>\n");
    plotter_free(&page.plotter);
    answer_free(&answer);
    return !out->failed || error_memory(error, "report.html");
}
