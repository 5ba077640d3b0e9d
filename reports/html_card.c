/* A card: a check that failed or warned. */
#include <math.h>

#include "reports/html_page.h"
#include "reports/marked.h"
#include "reports/text.h"

#define PLACES_OPEN 5
#define PLACES_LISTED 500
#define REASONS_SHOWN 2

void page_check_name(struct page *page, const struct outline_check *check)
{
    const char *title = check_words(check->head->check)->title;
    if (title) {
        page_text(page, title);
        page_raw(page, " ");
    }
    page_raw(page, "<span class=\"id\">");
    text_append_short(page->out, TEXT_MARKUP, check->name, 120);
    page_raw(page, "</span>");
}

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

/* Each whole, on lines of its own, to be copied; those of the first screen are not said again. */
static void commands(struct page *page, const struct finding *finding)
{
    for (size_t i = 0; i < finding->fact_count; i++) {
        const char *does = fact_command(&finding->facts[i]);
        if (!does || answer_tells(page->answer, finding->facts[i].text))
            continue;
        page_raw(page, "<p class=\"numbers\">To ");
        page_text(page, does);
        page_raw(page, ":</p>\n");
        page_command(page, finding->facts[i].text);
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

/* One of the places has what the column would show. */
static bool any_place(const struct outline_check *check, bool limit)
{
    for (size_t i = 0; i < check->place_count; i++)
        if (limit ? check->places[i]->has_limit : check->places[i]->has_measured)
            return true;
    return false;
}

static void place_row(struct page *page, const struct finding *place, bool measured, bool limit)
{
    page_raw(page, "<tr>");
    place_cell(page, place);
    page_raw(page, measured ? "<td class=\"n\">" : "");
    if (place->has_measured)
        measured_append(page->out, TEXT_MARKUP, place);
    page_raw(page, measured ? "</td>" : "");
    page_raw(page, limit ? "<td class=\"n\">" : "");
    if (place->has_limit)
        limit_append(page->out, place);
    page_raw(page, limit ? "</td>" : "");
    page_raw(page, "<td class=\"say\">");
    text_append_short(page->out, TEXT_MARKUP, place->message, 500);
    page_raw(page, "</td></tr>\n");
}

static void place_rows(struct page *page, const struct outline_check *check, size_t first, size_t end)
{
    bool measured = any_place(check, false), limit = any_place(check, true);
    page_raw(page, "<div class=\"wide\"><table><thead><tr><th scope=\"col\">Where</th>");
    page_raw(page, measured ? "<th scope=\"col\" class=\"n\">Measured</th>" : "");
    page_raw(page, limit ? "<th scope=\"col\" class=\"n\">Limit</th>" : "");
    page_raw(page, "<th scope=\"col\">What</th></tr></thead><tbody>\n");
    for (size_t i = first; i < end; i++)
        place_row(page, check->places[i], measured, limit);
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

/* A place that is graded is a sentence of its own, and has what shows it. */
static void graded_rows(struct page *page, const struct outline_check *check, size_t first, size_t end)
{
    page_raw(page, "<ol class=\"graded\">\n");
    for (size_t i = first; i < end; i++) {
        const struct finding *place = check->places[i];
        const char *grade = finding_fact_named(place, "grade");
        page_raw(page, "<li><b>");
        page_sentence(page, grade ? grade : "");
        page_raw(page, grade ? ":</b> " : "</b>");
        page_text(page, place->message);
        page_raw(page, "\n<details><summary>Its numbers and commands</summary>\n");
        facts(page, place);
        commands(page, place);
        page_raw(page, "</details></li>\n");
    }
    page_raw(page, "</ol>\n");
}

static void places(struct page *page, const struct outline_check *check)
{
    size_t count = check->place_count < PLACES_LISTED ? check->place_count : PLACES_LISTED;
    size_t open = count <= PLACES_OPEN + 2 ? count : PLACES_OPEN;
    if (!count)
        return;
    void (*rows)(struct page *, const struct outline_check *, size_t, size_t) =
        finding_fact_named(check->places[0], "grade") ? graded_rows
        : place_is_text(check->places[0])             ? text_rows
                                                      : place_rows;
    rows(page, check, 0, open);
    if (open < count) {
        buffer_format(page->out, "<details><summary>%zu more places</summary>\n", check->place_count - open);
        rows(page, check, open, count);
        if (count < check->place_count)
            buffer_format(page->out, "<p class=\"note\">The last %zu places are listed in report.json only.</p>\n",
                          check->place_count - count);
        page_raw(page, "</details>\n");
    }
}

static void paragraph(struct page *page, const char *name, const char *text)
{
    if (!text)
        return;
    buffer_format(page->out, "<p class=\"numbers\">%s: ", name);
    page_text(page, text);
    page_raw(page, "</p>\n");
}

/* What it means, why the limit is what it is, and all that was noted. */
static void details(struct page *page, const struct finding *head)
{
    const struct check_words *words = check_words(head->check);
    page_raw(page, "<details><summary>What this means, and what to do</summary>\n");
    paragraph(page, "What it measures", words->means);
    paragraph(page, "What to do", words->remedy);
    paragraph(page, "Why this limit", head->cause);
    where_line(page, head);
    facts(page, head);
    page_raw(page, "</details>\n");
}

void page_card(struct page *page, const struct outline_check *check)
{
    const struct finding *head = check->head;
    buffer_format(page->out, "<article class=\"card v-%s\" id=\"check-%zu\">\n<h3><span class=\"tag\">%s</span> <span>",
                  verdict_name(check->verdict), (size_t)(check - page->outline->checks), verdict_name(check->verdict));
    page_check_name(page, check);
    page_raw(page, "</span></h3>\n");
    if (head->message && head != page->answer->leads) {
        page_raw(page, "<p class=\"message\">");
        page_text(page, head->message);
        page_raw(page, "</p>\n");
    }
    numbers(page, head);
    places(page, check);
    commands(page, head);
    details(page, head);
    page_raw(page, "</article>\n");
}
