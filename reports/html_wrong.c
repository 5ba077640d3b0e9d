/* "What is wrong, and where": a card for each check that failed or warned. */
#include <math.h>

#include "reports/html_page.h"
#include "reports/marked.h"
#include "reports/text.h"

#define PLACES_OPEN 8
#define PLACES_LISTED 5000
#define REASONS_SHOWN 2

static void numbers(struct page *page, const struct finding *finding)
{
    if (!finding->has_measured)
        return;
    page_raw(page, "<p class=\"numbers\">Measured <b>");
    measured_append(page->out, TEXT_MARKUP, finding);
    page_raw(page, "</b>");
    if (finding->has_limit) {
        page_raw(page, ", limit <b>");
        limit_append(page->out, finding);
        page_raw(page, "</b>");
        struct buffer excess = {0};
        excess_append(&excess, finding);
        if (excess.size)
            buffer_format(page->out, ": <span class=\"over\">%s</span>", excess.data);
        buffer_free(&excess);
    }
    if (finding->cause) {
        page_raw(page, ". Why this limit: ");
        page_text(page, finding->cause);
    }
    page_raw(page, "</p>\n");
}

static void where_line(struct page *page, const struct finding *finding)
{
    struct buffer where = {0};
    where_append(&where, TEXT_MARKUP, &finding->where);
    if (where.size)
        buffer_format(page->out, "<p class=\"numbers\">Where: <b>%s</b></p>\n", where.data);
    buffer_free(&where);
}

/* "first_bad_layer" is shown as "first bad layer". */
static void facts(struct page *page, const struct finding *finding)
{
    size_t shown = 0;
    for (size_t i = 0; i < finding->fact_count; i++) {
        struct buffer name = {0};
        if (fact_command(&finding->facts[i]))
            continue;
        text_append_short(&name, TEXT_MARKUP, finding->facts[i].name, 60);
        for (size_t k = 0; k < name.size; k++)
            if (name.data[k] == '_')
                name.data[k] = ' ';
        buffer_format(page->out, "%s%s: <b>", shown++ ? "; " : "<p class=\"numbers\">", name.data ? name.data : "");
        if (finding->facts[i].text)
            text_append_short(page->out, TEXT_MARKUP, finding->facts[i].text, 500);
        else
            number_append(page->out, finding->facts[i].number);
        page_raw(page, "</b>");
        buffer_free(&name);
    }
    if (shown)
        page_raw(page, "</p>\n");
}

/* Each whole, on lines of its own, to be copied. */
static void commands(struct page *page, const struct finding *finding)
{
    for (size_t i = 0; i < finding->fact_count; i++) {
        const char *does = fact_command(&finding->facts[i]);
        if (!does)
            continue;
        page_raw(page, "<p class=\"numbers\">To ");
        page_text(page, does);
        page_raw(page, ":</p>\n<pre class=\"command\">");
        page_text(page, finding->facts[i].text);
        page_raw(page, "</pre>\n");
    }
}

/* A link to the card of the text that the place is about, where there is one; ids are those of html_texts.c. */
static void place_cell(struct page *page, const struct finding *place)
{
    size_t card = outline_text(page->outline, place);
    page_raw(page, "<td class=\"place\">");
    if (card < TEXT_CARDS)
        buffer_format(page->out, "<a href=\"#text-%zu\">", card);
    page_raw(page, "<bdi>");
    place_append(page->out, TEXT_MARKUP, place);
    page_raw(page, card < TEXT_CARDS ? "</bdi></a></td>" : "</bdi></td>");
}

static void place_rows(struct page *page, const struct outline_check *check, size_t first, size_t end)
{
    page_raw(page,
             "<div class=\"wide\"><table><thead><tr><th scope=\"col\">Where</th><th scope=\"col\" class=\"n\">Measured"
             "</th><th scope=\"col\" class=\"n\">Limit</th><th scope=\"col\">What</th></tr></thead><tbody>\n");
    for (size_t i = first; i < end; i++) {
        const struct finding *place = check->places[i];
        page_raw(page, "<tr>");
        place_cell(page, place);
        page_raw(page, "<td class=\"n\">");
        if (place->has_measured)
            measured_append(page->out, TEXT_MARKUP, place);
        page_raw(page, "</td><td class=\"n\">");
        if (place->has_limit)
            limit_append(page->out, place);
        page_raw(page, "</td><td class=\"say\">");
        text_append_short(page->out, TEXT_MARKUP, place->message, 500);
        page_raw(page, "</td></tr>\n");
    }
    page_raw(page, "</tbody></table></div>\n");
}

/* Places in texts: nothing was measured there, so what counts is which text and why. */
static void text_rows(struct page *page, const struct outline_check *check, size_t first, size_t end)
{
    page_raw(page, "<div class=\"wide\"><table><thead><tr><th scope=\"col\">Text</th><th scope=\"col\">Why"
                   "</th></tr></thead><tbody>\n");
    for (size_t i = first; i < end; i++) {
        page_raw(page, "<tr>");
        place_cell(page, check->places[i]);
        page_raw(page, "<td class=\"say\">");
        reasons_append(page->out, TEXT_MARKUP, page->outline, check->places[i], REASONS_SHOWN);
        page_raw(page, "</td></tr>\n");
    }
    page_raw(page, "</tbody></table></div>\n");
}

static void places(struct page *page, const struct outline_check *check)
{
    size_t count = check->place_count < PLACES_LISTED ? check->place_count : PLACES_LISTED;
    size_t open = count <= PLACES_OPEN + 2 ? count : PLACES_OPEN;
    if (!count)
        return;
    void (*rows)(struct page *, const struct outline_check *, size_t, size_t) =
        place_is_text(check->places[0]) ? text_rows : place_rows;
    rows(page, check, 0, open);
    if (open < count) {
        buffer_format(page->out, "<details><summary>%zu more places</summary>\n", check->place_count - open);
        rows(page, check, open, count);
        page_raw(page, "</details>\n");
    }
    if (count < check->place_count)
        buffer_format(page->out, "<p class=\"note\">The last %zu places are listed in report.json only.</p>\n",
                      check->place_count - count);
}

static void card(struct page *page, const struct outline_check *check)
{
    const struct finding *head = check->head;
    buffer_format(page->out,
                  "<article class=\"card v-%s\" id=\"check-%zu\">\n<h3><span class=\"tag\">%s</span>"
                  "<span class=\"id\">",
                  verdict_name(check->verdict), (size_t)(check - page->outline->checks), verdict_name(check->verdict));
    text_append_short(page->out, TEXT_MARKUP, check->name, 200);
    page_raw(page, "</span></h3>\n");
    if (head->message) {
        page_raw(page, "<p class=\"message\">");
        page_text(page, head->message);
        page_raw(page, "</p>\n");
    }
    numbers(page, head);
    where_line(page, head);
    facts(page, head);
    commands(page, head);
    places(page, check);
    page_raw(page, "</article>\n");
}

void page_wrong(struct page *page)
{
    static const enum verdict order[] = {VERDICT_FAIL, VERDICT_WARN};
    const size_t *counts = page->outline->counts;
    page_raw(page, "<section aria-labelledby=\"h-wrong\">\n<h2 id=\"h-wrong\">What is wrong, and where</h2>\n");
    if (!counts[VERDICT_FAIL] && !counts[VERDICT_WARN])
        page_raw(page,
                 counts[VERDICT_PASS] ? "<p>Nothing: no check failed.</p>\n" : "<p>No check gave a verdict.</p>\n");
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        for (const struct outline_check *check = NULL; (check = outline_next(page->outline, order[i], check));)
            card(page, check);
    page_raw(page, "</section>\n");
}
