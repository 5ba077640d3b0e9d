/* A history as one HTML page: no script, no network. */
#ifndef ASSAY_HISTORY_HISTORY_PAGE_H
#define ASSAY_HISTORY_HISTORY_PAGE_H

#include "base/buffer.h"
#include "history/turns.h"

bool history_page(const struct history *history, const struct turns *turns, struct buffer *out, struct error *error);

#endif
