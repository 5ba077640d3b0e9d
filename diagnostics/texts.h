/* Are these texts language, and what was asked for? Texts from anywhere become findings. */
#ifndef ASSAY_DIAGNOSTICS_TEXTS_H
#define ASSAY_DIAGNOSTICS_TEXTS_H

#include "findings/finding.h"
#include "quality/quality.h"

struct text_case {
    const char *id;     /* "line 3", "prompt 2, greedy"; borrowed, as is all of the next three */
    const char *prompt; /* NULL: unknown */
    const char *text;
    const struct expects *expects; /* NULL: nothing */
    size_t size;                   /* of the text, which may hold any bytes */
    struct judgement judgement;    /* filled by texts_judge */
};

/* Judges all of them; progress is shown. */
bool texts_judge(struct quality *quality, struct text_case *cases, size_t count, struct error *error);
void texts_free(struct text_case *cases, size_t count);

/* Adds text.verdict (one place for each text, with its prompt, the text with its faults marked, and the reasons), and
 * for each diagnostic ("text.repetition" ...) how many texts it fails, with those as places. */
bool texts_report(struct quality *quality, const struct text_case *cases, size_t count, struct findings *findings,
                  struct error *error);

#endif
