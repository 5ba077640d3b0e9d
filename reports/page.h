/* A page of HTML under construction. */
#ifndef ASSAY_REPORTS_PAGE_H
#define ASSAY_REPORTS_PAGE_H

#include "base/buffer.h"
#include "reports/answer.h"
#include "reports/outline.h"
#include "reports/plot.h"

/* A page under construction. */
struct page {
    const struct outline *outline;
    const struct answer *answer;
    struct buffer *out;
    struct plotter plotter;
    size_t figures; /* made so far: the number in their ids */
};

/* Escaped text; NULL writes nothing. */
void page_text(struct page *page, const char *text);
/* The same with a capital at its beginning. */
void page_sentence(struct page *page, const char *text);
/* A sentence in small beside a figure; NULL writes nothing. */
void page_note(struct page *page, const char *text);
/* Markup of our own. */
void page_raw(struct page *page, const char *markup);

#endif
