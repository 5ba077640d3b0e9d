/* The first screen. */
#include <stdlib.h>
#include <string.h>

#include "reports/html_page.h"
#include "reports/model_map.h"
#include "reports/text.h"

static void verdict_line(struct page *page)
{
    const struct report *report = page->outline->report;
    const char *verdict = verdict_name(report->verdict);
    page_raw(page, "<p class=\"of\">assay ");
    page_text(page, report->command);
    page_raw(page, " \xC2\xB7 <b>");
    page_text(page, report->subject.path);
    page_raw(page, "</b>");
    for (size_t i = 0; i < report->gold_count; i++) {
        page_raw(page, i ? ", " : " \xC2\xB7 held against the original's gold: ");
        /* The whole path stands under provenance, and in the commands. */
        const char *path = report->golds[i].path, *slash = strrchr(path, '/');
        page_text(page, slash && slash[1] ? slash + 1 : path);
    }
    page_raw(page, "</p>\n");
    if (report->departures) {
        page_raw(page, "<p class=\"experiment\">This is an experiment: the model was opened with <code>");
        page_text(page, report->departures);
        page_raw(page, "</code>, and what follows is true of that, not of its files, which are as they were.</p>\n");
    }
    page_raw(page, "<h1><span class=\"word\">");
    page_sentence(page, page->answer->word);
    page_raw(page, "</span> ");
    if (strcmp(page->answer->word, verdict) != 0)
        buffer_format(page->out, "<span class=\"tag v-%s\">%s</span> ", verdict, verdict);
    page_raw(page, "<span class=\"counts\">");
    counts_append(page->out, page->outline->counts);
    page_raw(page, "</span></h1>\n");
}

static void says(struct page *page)
{
    const struct answer *answer = page->answer;
    page_raw(page, "<p class=\"reason\">");
    page_text(page, answer->headline.data);
    page_raw(page, "</p>\n");
    if (answer->rest.size) {
        page_raw(page, "<p class=\"rest\">");
        page_text(page, answer->rest.data);
        page_raw(page, "</p>\n");
    }
    if (answer->tensor) {
        page_raw(page, "<p class=\"rest\">File: <code>");
        page_text(page, answer->file.data);
        page_raw(page, "</code> holds <code>");
        page_text(page, answer->tensor);
        page_raw(page, "</code>.</p>\n");
    }
    if (answer->severity.size) {
        page_raw(page, "<p class=\"rest\">Severity: ");
        page_text(page, answer->severity.data);
        page_raw(page, ".");
        if (answer->use)
            buffer_format(page->out, " <b>%s</b>", answer->use);
        page_raw(page, "</p>\n");
    }
}

static void tiles(struct page *page)
{
    if (!page->answer->number_count)
        return;
    page_raw(page, "<dl class=\"tiles\">\n");
    for (size_t i = 0; i < page->answer->number_count; i++) {
        page_raw(page, page->answer->numbers[i].decided ? "<div class=\"decided\"><dt>" : "<div><dt>");
        page_text(page, page->answer->numbers[i].name);
        if (page->answer->numbers[i].right)
            buffer_format(page->out, ", right is %s", page->answer->numbers[i].right);
        page_raw(page, "</dt><dd>");
        page_text(page, page->answer->numbers[i].value.data);
        page_raw(page, "</dd></div>\n");
    }
    page_raw(page, "</dl>\n");
}

static void settings(struct page *page)
{
    if (!page->answer->setting_count)
        return;
    page_raw(page, "<table><thead><tr><th scope=\"col\">Key</th><th scope=\"col\">Now</th><th scope=\"col\">Should "
                   "be</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < page->answer->setting_count; i++) {
        const struct answer_setting *setting = &page->answer->settings[i];
        const char *const cells[] = {setting->key, setting->now, setting->should_be};
        page_raw(page, "<tr>");
        for (size_t k = 0; k < 3; k++) {
            page_raw(page, k ? "<td>" : "<th scope=\"row\">");
            text_append_short(page->out, TEXT_MARKUP, cells[k], 80);
            page_raw(page, k ? "</td>" : "</th>");
        }
        page_raw(page, "</tr>\n");
    }
    page_raw(page, "</tbody></table>\n");
}

void page_command(struct page *page, const char *command)
{
    page_raw(page, "<pre class=\"command\" tabindex=\"0\">");
    /* Lines end between words, or behind a folder of a path: a part is the text up to and with either. */
    while (*command) {
        size_t length = strcspn(command, " /");
        length += command[length] == '/';
        if (length) {
            char *part = strndup(command, length);
            page_raw(page, "<span>");
            text_append(page->out, TEXT_MARKUP, part ? part : "");
            page_raw(page, "</span>");
            free(part);
        }
        for (command += length; *command == ' '; command++)
            page_raw(page, " ");
    }
    page_raw(page, "</pre>\n");
}

static void steps(struct page *page)
{
    if (!page->answer->step_count && !page->answer->setting_count)
        return;
    page_raw(page, "<div class=\"next\">\n<h2>What to do next</h2>\n");
    settings(page);
    for (size_t i = 0; i < page->answer->step_count; i++) {
        page_raw(page, "<p>");
        page_text(page, page->answer->steps[i].does);
        if (page->answer->steps[i].command) {
            page_raw(page, ":</p>\n");
            page_command(page, page->answer->steps[i].command);
        } else {
            page_raw(page, "</p>\n");
        }
    }
    page_raw(page, "</div>\n");
}

static void picture(struct page *page)
{
    struct model_map map;
    if (!model_map_build(page->outline, &map))
        return;
    page_raw(page,
             "<figure class=\"whole\">\n<figcaption>The model at a glance <span class=\"how\">Layers from left to "
             "right");
    page_raw(page, map.before + map.behind ? ", between what comes before and after them; " : "; ");
    page_raw(page, map.rows ? "a row for each kind of module" : "");
    if (map.experts)
        page_raw(page, map.rows ? ", beneath them the experts" : "the experts of each layer from top to bottom");
    if (!map.rows && !map.experts)
        page_raw(page, "what is wrong lies in none");
    if (map.cut)
        page_raw(page, "; not all layers are shown");
    page_raw(page, !map.measured  ? ". No module was compared with gold."
                   : map.compared ? ". Each was fed gold's own input: red is wrong by itself, whatever it is part of."
                                  : ". Errors are end to end.");
    page_raw(page, "</span></figcaption>\n<div class=\"plot\">");
    model_map_svg(&map, page->out);
    page_raw(page, "</div>\n");
    model_map_legend(&map, page->out);
    page_raw(page, "</figure>\n");
    model_map_free(&map);
}

void page_answer(struct page *page)
{
    const struct report *report = page->outline->report;
    bool mild = report->severity.level == SEVERITY_DEGRADED || report->severity.level == SEVERITY_HARMLESS;
    buffer_format(page->out, "<header class=\"v-%s\"><div class=\"in\">\n",
                  verdict_name(mild && report->verdict == VERDICT_FAIL ? VERDICT_WARN : report->verdict));
    verdict_line(page);
    says(page);
    tiles(page);
    page_raw(page, "<div class=\"glance\">\n");
    picture(page);
    steps(page);
    page_raw(page, "</div>\n</div></header>\n");
}
