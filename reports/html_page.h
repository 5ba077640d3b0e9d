/* Inside reports/: the parts of report.html. */
#ifndef ASSAY_REPORTS_HTML_PAGE_H
#define ASSAY_REPORTS_HTML_PAGE_H

#include "reports/page.h"

/* The beginning of every page, up to within <title>; nothing runs in it, and nothing is fetched. */
void page_open(struct page *page);
/* The style sheet, and the end of the head. */
void page_style(struct page *page);

/* The first screen: what is wrong, how bad it is, where, what to do. */
void page_answer(struct page *page);

/* A section for each question that some check answers, and the links to them. */
void page_links(struct page *page);
void page_sections(struct page *page);

/* A check that failed or warned: what was measured and where, the worst first. */
void page_card(struct page *page, const struct outline_check *check);
/* A command to be copied: where there is no room it breaks at its spaces alone. */
void page_command(struct page *page, const char *command);
/* The name of a check, and its id small beside it. */
void page_check_name(struct page *page, const struct outline_check *check);

/* The plots and tables of the checks of a question, folded but for the first where `open`; nothing where there are
 * none. */
void page_figures(struct page *page, enum question question, bool open);

/* The texts that were judged: at most TEXT_CARDS cards; nothing when there are none. */
#define TEXT_CARDS 200
void page_texts(struct page *page);

/* What was judged, by what, on what. */
void page_circumstances(struct page *page);

#endif
