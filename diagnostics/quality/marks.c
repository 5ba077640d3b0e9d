#include "quality/marks.h"

#include <stdlib.h>

#include "base/buffer.h"

bool marks_add(struct marks *marks, size_t from, size_t to, enum quality_diagnostic diagnostic)
{
    return array_push(marks->items, marks->count, marks->capacity, (struct mark){from, to, diagnostic});
}

static int mark_compare(const void *a, const void *b)
{
    const struct mark *x = a, *y = b;
    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    return x->to != y->to ? (x->to > y->to ? -1 : 1) : (int)x->diagnostic - (int)y->diagnostic;
}

void marks_settle(struct marks *marks)
{
    size_t kept = 0;
    if (marks->count)
        qsort(marks->items, marks->count, sizeof *marks->items, mark_compare);
    for (size_t i = 0; i < marks->count; i++) {
        struct mark mark = marks->items[i], *same = NULL;
        for (size_t k = kept; k-- > 0 && kept - k <= DIAGNOSE_COUNT && !same;)
            if (marks->items[k].diagnostic == mark.diagnostic && marks->items[k].to >= mark.from)
                same = &marks->items[k];
        if (same)
            same->to = mark.to > same->to ? mark.to : same->to;
        else
            marks->items[kept++] = mark;
    }
    marks->count = kept;
}
