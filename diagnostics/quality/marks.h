/* The faulty places of a text. */
#ifndef ASSAY_QUALITY_MARKS_H
#define ASSAY_QUALITY_MARKS_H

#include <stdbool.h>
#include <stddef.h>

#include "quality/diagnosis.h"

/* A faulty place: bytes from .. to - 1 of the text. */
struct mark {
    size_t from, to;
    enum quality_diagnostic diagnostic;
};
struct marks {
    struct mark *items; /* by `from` */
    size_t count, capacity;
};

/* Faults found in the text, for showing them and for the onset: bytes from .. to - 1. */
bool marks_add(struct marks *marks, size_t from, size_t to, enum quality_diagnostic diagnostic);

/* Sorts them, and makes one of those of a diagnostic that touch. */
void marks_settle(struct marks *marks);

#endif
