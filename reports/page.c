#include "reports/page.h"

#include <ctype.h>

#include "reports/text.h"

#define MESSAGE_SHOWN 4000

void page_raw(struct page *page, const char *markup)
{
    buffer_text(page->out, markup);
}

void page_sentence(struct page *page, const char *text)
{
    char first[2] = {0};
    if (text && islower((unsigned char)*text)) {
        *first = (char)toupper((unsigned char)*text);
        page_text(page, first);
        text++;
    }
    page_text(page, text);
}

void page_note(struct page *page, const char *text)
{
    if (!text)
        return;
    page_raw(page, "<p class=\"note\">");
    page_text(page, text);
    page_raw(page, "</p>\n");
}

void page_text(struct page *page, const char *text)
{
    text_append_short(page->out, TEXT_MARKUP, text, MESSAGE_SHOWN);
}
