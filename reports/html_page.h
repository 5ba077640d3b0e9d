/* Inside reports/: the parts of report.html. */
#ifndef ASSAY_REPORTS_HTML_PAGE_H
#define ASSAY_REPORTS_HTML_PAGE_H

#include "reports/page.h"

/* The style sheet, rule by rule; a null pointer ends it. */
extern const char *const html_style[];

/* The section of all plots and tables of series; nothing when there are none. */
void page_figures(struct page *page);

/* The section of the texts that were judged: at most TEXT_CARDS cards; nothing when there are none. */
#define TEXT_CARDS 200
void page_texts(struct page *page);

/* The section of what is wrong; a sentence when nothing is. */
void page_wrong(struct page *page);

#endif
