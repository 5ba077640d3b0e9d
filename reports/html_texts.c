/* "Texts": a card for each text that was judged, with what is wrong in it marked. */
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "reports/html_page.h"
#include "reports/marked.h"

#define LONG_TEXT 4000 /* characters; a longer text is folded, and a part of it shown */
#define PART_BEFORE 500
#define PART_SHOWN 2000
#define WHOLE_SHOWN 20000
#define PROMPT_SHOWN 600
#define NUMBERS_SHOWN 500
#define REASONS_SHOWN 20
#define TEXTS_OPEN 2

static void swatch(struct page *page, struct mark_kinds *kinds, const char *what)
{
    buffer_format(page->out, "<mark class=\"k%zu\">", mark_kind(kinds, what));
    text_append_short(page->out, TEXT_MARKUP, what, 60);
    page_raw(page, "</mark>");
}

static void legend(struct page *page, struct mark_kinds *kinds)
{
    if (!kinds->count)
        return;
    page_raw(page, "<p class=\"marks\">Marked in the texts: ");
    for (size_t i = 0; i < kinds->count; i++) {
        page_raw(page, i ? ", " : "");
        swatch(page, kinds, kinds->names[i]);
    }
    page_raw(page,
             ". <bdi class=\"onset\">\xE2\x96\xBC goes wrong here</bdi> stands where the first of the reasons begins. "
             "Signs like <code>\xE2\x9F\xA8U+200B\xE2\x9F\xA9</code> stand for characters that "
             "cannot be seen.</p>\n");
}

static void names_title(struct page *page, const struct mark_kinds *kinds, unsigned set)
{
    const char *comma = "";
    for (size_t k = 0; k < kinds->count; k++) {
        if (!(set >> k & 1))
            continue;
        page_raw(page, comma);
        text_append_short(page->out, TEXT_MARKUP, kinds->names[k], 60);
        comma = ", ";
    }
}

/* One <mark> in another for each kind: their underlines and backgrounds add up. */
static void piece(struct page *page, const struct marked_text *marked, const struct mark_kinds *kinds,
                  const struct piece *piece)
{
    size_t depth = 0;
    for (size_t k = 0; k < MARK_KINDS; k++) {
        if (!(piece->kinds >> k & 1))
            continue;
        buffer_format(page->out, "<mark class=\"k%zu\"", k);
        if (!depth++) {
            page_raw(page, " title=\"");
            names_title(page, kinds, piece->kinds);
            page_raw(page, "\"");
        }
        page_raw(page, ">");
    }
    text_append_part(page->out, TEXT_PASSAGE, marked->text + piece->from, piece->to - piece->from, SIZE_MAX);
    while (depth--)
        page_raw(page, "</mark>");
}

static void onset_sign(struct page *page)
{
    page_raw(page, "<bdi class=\"onset\">\xE2\x96\xBC goes wrong here</bdi>");
}

/* Bytes from .. to - 1 of the text. */
static void passage(struct page *page, const struct finding *finding, struct mark_kinds *kinds, size_t from, size_t to)
{
    const struct marked_text *marked = finding->marked;
    struct pieces pieces;
    size_t onset = marked_onset(marked);
    bool wrong = marked->reason_count || marked->count;
    if (!pieces_cut(marked, kinds, from, to, &pieces)) {
        page->out->failed = true;
        return;
    }
    /* A line feed right behind <pre> would be swallowed: there is a <bdi> before it. */
    page_raw(page, "<pre class=\"passage\" dir=\"auto\"><bdi></bdi>");
    page_raw(page, from ? "\xE2\x80\xA6" : "");
    for (size_t i = 0; i < pieces.count; i++) {
        if (wrong && pieces.items[i].from == onset)
            onset_sign(page);
        piece(page, marked, kinds, &pieces.items[i]);
    }
    if (wrong && onset == marked->size && to == marked->size)
        onset_sign(page);
    page_raw(page, to < marked->size ? "\xE2\x80\xA6</pre>\n" : "</pre>\n");
    free(pieces.items);
}

static void long_text(struct page *page, const struct finding *finding, struct mark_kinds *kinds, size_t characters)
{
    const struct marked_text *marked = finding->marked;
    const char *text = marked->text;
    size_t onset = marked_onset(marked), whole = text_prefix(text, marked->size, WHOLE_SHOWN);
    onset = onset == marked->size && !marked->reason_count ? 0 : onset; /* nothing is wrong: its beginning */
    size_t before = text_characters(text, onset);
    size_t from = text_prefix(text, onset, before > PART_BEFORE ? before - PART_BEFORE : 0);
    passage(page, finding, kinds, from, from + text_prefix(text + from, marked->size - from, PART_SHOWN));
    buffer_format(page->out, "<details><summary>The whole text: %zu characters", characters);
    if (whole < marked->size)
        buffer_format(page->out, ", of which the first %d are shown; report.json has them all", WHOLE_SHOWN);
    page_raw(page, "</summary>\n");
    passage(page, finding, kinds, 0, whole);
    page_raw(page, "</details>\n");
}

static void text_body(struct page *page, const struct finding *finding, struct mark_kinds *kinds)
{
    const struct marked_text *marked = finding->marked;
    size_t characters = text_characters(marked->text, marked->size);
    if (!marked->size)
        page_raw(page, "<p class=\"numbers\">The text is empty.</p>\n");
    else if (characters > LONG_TEXT)
        long_text(page, finding, kinds, characters);
    else
        passage(page, finding, kinds, 0, marked->size);
}

static void reasons(struct page *page, const struct finding *finding, struct mark_kinds *kinds)
{
    const struct marked_text *marked = finding->marked;
    size_t shown = marked->reason_count < REASONS_SHOWN ? marked->reason_count : REASONS_SHOWN;
    if (!shown)
        return;
    page_raw(page, "<ul class=\"reasons\">\n");
    for (size_t i = 0; i < shown; i++) {
        const struct text_reason *reason = &marked->reasons[i];
        page_raw(page, "<li>");
        swatch(page, kinds, reason->what);
        page_raw(page, " ");
        reason_append(page->out, TEXT_MARKUP, marked, reason);
        if (reason->numbers && *reason->numbers) {
            page_raw(page, " <span class=\"numbers\">");
            text_append_short(page->out, TEXT_MARKUP, reason->numbers, NUMBERS_SHOWN);
            page_raw(page, "</span>");
        }
        page_raw(page, "</li>\n");
    }
    if (marked->reason_count > shown)
        buffer_format(page->out, "<li>and %zu more</li>\n", marked->reason_count - shown);
    page_raw(page, "</ul>\n");
}

/* "fail  line 3  gibberish: repetition" */
static void card_heading(struct page *page, const struct finding *finding, size_t index)
{
    const char *verdict = finding_fact_named(finding, "verdict"), *reason = finding_fact_named(finding, "reason");
    const char *name = verdict_name(finding->verdict);
    buffer_format(page->out, "<article class=\"card v-%s\" id=\"text-%zu\">\n<h3><span class=\"tag\">%s</span>", name,
                  index, name);
    page_raw(page, "<span class=\"id\">");
    text_append_short(page->out, TEXT_MARKUP, finding->where.case_id ? finding->where.case_id : "text", 200);
    page_raw(page, "</span><span class=\"said\">");
    text_append_short(page->out, TEXT_MARKUP, verdict, 200);
    page_raw(page, verdict && reason ? ": " : "");
    text_append_short(page->out, TEXT_MARKUP, reason, 200);
    page_raw(page, "</span></h3>\n");
}

static void card(struct page *page, size_t index, struct mark_kinds *kinds)
{
    const struct finding *finding = page->outline->texts[index];
    const char *prompt = finding_fact_named(finding, "prompt");
    card_heading(page, finding, index);
    if (prompt) {
        page_raw(page, "<p class=\"prompt\">Prompt: <bdi dir=\"auto\">");
        text_append_short(page->out, TEXT_PASSAGE, prompt, PROMPT_SHOWN);
        page_raw(page, "</bdi></p>\n");
    }
    text_body(page, finding, kinds);
    reasons(page, finding, kinds);
    if (!finding->marked->reason_count && finding->verdict != VERDICT_PASS) {
        page_raw(page, "<p class=\"message\">");
        page_text(page, finding->message);
        page_raw(page, "</p>\n");
    }
    page_raw(page, "</article>\n");
}

static void left_out(struct page *page, size_t shown)
{
    const struct outline *outline = page->outline;
    size_t counts[4] = {0};
    for (size_t i = shown; i < outline->text_count; i++)
        counts[outline->texts[i]->verdict]++;
    if (shown == outline->text_count)
        return;
    buffer_format(page->out, "<p class=\"note\">%zu more texts are in report.json only: ", outline->text_count - shown);
    counts_append(page->out, counts);
    page_raw(page, ".</p>\n");
}

static void summary(struct page *page)
{
    const size_t *counts = page->outline->text_counts;
    buffer_format(page->out, "<p>Of %zu text%s, ", page->outline->text_count, text_plural(page->outline->text_count));
    counts_append(page->out, counts);
    page_raw(page, ".</p>\n");
}

/* Those from `first` to `end` - 1, folded where `folded` says as what: "3 more texts at fault". */
static void cards(struct page *page, struct mark_kinds *kinds, size_t first, size_t end, const char *more,
                  const char *folded)
{
    if (first >= end)
        return;
    if (folded) {
        buffer_format(page->out, "<details><summary>%zu %stext%s %s</summary>\n", end - first, more,
                      text_plural(end - first), folded);
    }
    for (size_t i = first; i < end; i++)
        card(page, i, kinds);
    page_raw(page, folded ? "</details>\n" : "");
}

/* Texts at fault stand open; the others are folded where there are any. */
void page_texts(struct page *page)
{
    const struct outline *outline = page->outline;
    struct mark_kinds kinds = {0};
    size_t shown = outline->text_count < TEXT_CARDS ? outline->text_count : TEXT_CARDS;
    size_t wrong = outline->text_counts[VERDICT_FAIL] + outline->text_counts[VERDICT_WARN];
    if (!shown)
        return;
    for (size_t i = 0; i < shown; i++)
        mark_kinds_add(&kinds, outline->texts[i]->marked);
    page_raw(page, "<h3 id=\"texts\">Texts, the worst first</h3>\n");
    summary(page);
    legend(page, &kinds);
    size_t open = wrong < TEXTS_OPEN + 2 ? wrong : TEXTS_OPEN;
    cards(page, &kinds, 0, open < shown ? open : shown, "", NULL);
    cards(page, &kinds, open, wrong < shown ? wrong : shown, "more ", "at fault");
    cards(page, &kinds, wrong, shown, "", "that did not fail");
    left_out(page, shown);
}
