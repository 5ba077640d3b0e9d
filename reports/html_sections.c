/* A section for each question: what its checks say in a sentence, its figure, what failed, and the rest folded. */
#include "base/wording.h"
#include "reports/html_page.h"
#include "reports/text.h"

static const struct {
    const char *id;
    bool figure; /* its first figure stands open */
    bool all;    /* its checks are all listed, whatever their verdict */
} question_rows[QUESTION_COUNT] = {
    [QUESTION_CAUSE] = {"cause", true, true},
    [QUESTION_DISK] = {"disk", false, false}, /* what it would show is on the first screen */
    [QUESTION_COMPUTATION] = {"computation", true, false},
    [QUESTION_TEXT] = {"text", true, false},
    [QUESTION_COVERAGE] = {"coverage", false, true},
};

static enum question question_of(const struct outline_check *check)
{
    return check_words(check->head->check)->question;
}

struct tally {
    size_t counts[4]; /* by verdict */
    size_t all;
    enum verdict worst;
};

static struct tally tally_of(const struct page *page, enum question question)
{
    static const enum verdict order[] = {VERDICT_SKIP, VERDICT_PASS, VERDICT_WARN, VERDICT_FAIL};
    struct tally tally = {.worst = VERDICT_SKIP};
    for (size_t i = 0; i < page->outline->count; i++)
        if (question_of(&page->outline->checks[i]) == question) {
            tally.counts[page->outline->checks[i].verdict]++;
            tally.all++;
        }
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (tally.counts[order[i]])
            tally.worst = order[i];
    return tally;
}

/* It has more to show than a row of the table has room for. */
static bool is_card(const struct outline_check *check)
{
    bool wrong = check->verdict == VERDICT_FAIL || check->verdict == VERDICT_WARN;
    return wrong && (check->head->has_measured || check->place_count);
}

/* How sure the answer to a question is; NULL: no check grades it. */
static const char *certainty_of(const struct page *page, enum question question)
{
    for (size_t i = 0; i < page->outline->count; i++) {
        const struct finding *head = page->outline->checks[i].head;
        const char *certainty = head->summary ? finding_fact_named(head, "certainty") : NULL;
        if (certainty && question_of(&page->outline->checks[i]) == question)
            return certainty;
    }
    return NULL;
}

/* What is sure is neither good nor bad, and has no colour of a verdict. */
static void tag(struct page *page, enum question question, const struct tally *tally)
{
    const char *certainty = certainty_of(page, question);
    page_raw(page, certainty ? "<span class=\"tag certainty\">" : "<span class=\"tag\">");
    text_append_short(page->out, TEXT_MARKUP, certainty ? certainty : verdict_name(tally->worst), 30);
    page_raw(page, "</span>");
}

/* The next check of the question with the verdict, behind `check`. */
static const struct outline_check *next_of(const struct page *page, enum question question, enum verdict verdict,
                                           const struct outline_check *check)
{
    while ((check = outline_next(page->outline, verdict, check)))
        if (question_of(check) == question)
            return check;
    return NULL;
}

static void named(struct page *page, enum question question, enum verdict verdict)
{
    const struct outline_check *check = NULL;
    for (size_t i = 0; (check = next_of(page, question, verdict, check)); i++) {
        const char *title = check_words(check->head->check)->title;
        page_raw(page, i ? "; " : ": ");
        if (i == 6) {
            page_raw(page, "and more");
            break;
        }
        text_append_short(page->out, TEXT_MARKUP, title ? title : check->name, 80);
    }
}

/* "3 of 24 checks fail: Tensors that are absent; ... 20 pass, 1 was skipped." */
static void lead(struct page *page, enum question question, const struct tally *tally)
{
    size_t fails = tally->counts[VERDICT_FAIL], warns = tally->counts[VERDICT_WARN],
           passes = tally->counts[VERDICT_PASS], skips = tally->counts[VERDICT_SKIP];
    page_raw(page, "<p class=\"lead\">");
    if (fails) {
        buffer_format(page->out, "%zu of %zu checks fail%s", fails, tally->all, fails == 1 ? "s" : "");
        named(page, question, VERDICT_FAIL);
        page_raw(page, ". ");
    }
    if (warns) {
        buffer_format(page->out, "%zu warn%s", warns, warns == 1 ? "s" : "");
        named(page, question, VERDICT_WARN);
        page_raw(page, ". ");
    }
    if (passes == tally->all)
        buffer_format(page->out, passes == 1 ? "The check passes." : "All %zu checks pass.", passes);
    else if (passes)
        buffer_format(page->out, "%zu pass%s", passes, passes == 1 ? "es" : "");
    if (skips)
        buffer_format(page->out, "%s%zu %s skipped.", passes ? ", " : "", skips, skips == 1 ? "was" : "were");
    else if (passes && passes < tally->all)
        page_raw(page, ".");
    page_raw(page, "</p>\n");
}

static void check_row(struct page *page, const struct outline_check *check)
{
    const struct finding *head = check->head;
    buffer_format(page->out, "<tr class=\"v-%s\"><td><span class=\"tag\">%s</span></td><td class=\"name\">",
                  verdict_name(check->verdict), verdict_name(check->verdict));
    page_check_name(page, check);
    page_raw(page, "</td><td class=\"n\" data-label=\"measured\">");
    if (head->has_measured)
        measured_append(page->out, TEXT_MARKUP, head);
    page_raw(page, "</td><td class=\"n\" data-label=\"limit\">");
    if (head->has_limit)
        limit_append(page->out, head);
    page_raw(page, "</td><td class=\"say\">");
    page_text(page, head->message);
    if (head->cause) {
        page_raw(page, " <span class=\"soft\">Why this limit: ");
        page_text(page, head->cause);
        page_raw(page, "</span>");
    }
    page_raw(page, "</td></tr>\n");
}

/* A check of the question that has no card, and that is wrong, or right, or skipped. */
static bool in_table(const struct outline_check *check, enum question question, bool wrong)
{
    bool bad = check->verdict == VERDICT_FAIL || check->verdict == VERDICT_WARN;
    return question_of(check) == question && !is_card(check) && bad == wrong;
}

static size_t table_count(const struct page *page, enum question question, bool wrong)
{
    size_t count = 0;
    for (size_t i = 0; i < page->outline->count; i++)
        count += in_table(&page->outline->checks[i], question, wrong);
    return count;
}

static void check_table(struct page *page, enum question question, bool wrong, bool right)
{
    page_raw(page, "<div class=\"panel wide\"><table class=\"checks\"><thead><tr><th scope=\"col\">Verdict</th>"
                   "<th scope=\"col\">Check</th><th scope=\"col\" class=\"n\">Measured</th><th scope=\"col\" "
                   "class=\"n\">Limit</th><th scope=\"col\">What was found</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < page->outline->count; i++) {
        const struct outline_check *check = &page->outline->checks[i];
        if ((wrong && in_table(check, question, true)) || (right && in_table(check, question, false)))
            check_row(page, check);
    }
    page_raw(page, "</tbody></table></div>\n");
}

/* What is wrong stands open; what is right is folded, but where all checks are listed. */
static void rest(struct page *page, enum question question)
{
    size_t wrong = table_count(page, question, true), right = table_count(page, question, false);
    bool all = question_rows[question].all;
    if (wrong || (all && right))
        check_table(page, question, true, all);
    if (all || !right)
        return;
    buffer_format(page->out, "<details><summary>The other %zu check%s</summary>\n", right, text_plural(right));
    check_table(page, question, false, true);
    page_raw(page, "</details>\n");
}

static void section(struct page *page, enum question question)
{
    static const enum verdict wrong[] = {VERDICT_FAIL, VERDICT_WARN};
    struct tally tally = tally_of(page, question);
    if (!tally.all)
        return;
    const char *id = question_rows[question].id, *verdict = verdict_name(tally.worst);
    buffer_format(page->out, "<section id=\"%s\" class=\"v-%s\" aria-labelledby=\"h-%s\">\n<h2 id=\"h-%s\">%s ", id,
                  verdict, id, id, question_heading(question));
    tag(page, question, &tally);
    page_raw(page, "</h2>\n");
    lead(page, question, &tally);
    page_figures(page, question, question_rows[question].figure);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        for (const struct outline_check *check = NULL; (check = next_of(page, question, wrong[i], check));)
            if (is_card(check))
                page_card(page, check);
    if (question == QUESTION_TEXT)
        page_texts(page);
    rest(page, question);
    page_raw(page, "</section>\n");
}

void page_links(struct page *page)
{
    page_raw(page, "<nav aria-label=\"Sections\">\n");
    for (int question = 0; question < QUESTION_COUNT; question++) {
        struct tally tally = tally_of(page, (enum question)question);
        if (!tally.all)
            continue;
        buffer_format(page->out, "<a class=\"v-%s\" href=\"#%s\">%s ", verdict_name(tally.worst),
                      question_rows[question].id, question_heading((enum question)question));
        tag(page, (enum question)question, &tally);
        page_raw(page, "</a>\n");
    }
    page_raw(page, "<a href=\"#provenance\">Provenance</a>\n</nav>\n");
}

void page_sections(struct page *page)
{
    if (!page->outline->count)
        page_raw(page, "<p>No check was run.</p>\n");
    for (int question = 0; question < QUESTION_COUNT; question++)
        section(page, (enum question)question);
}
