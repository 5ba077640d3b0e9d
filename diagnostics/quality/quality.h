/* Is a text language, or gibberish? Judges form; whether it is true or has to do with its prompt, only as far as a
 * pattern says what is expected (and diagnostics/relevance.h, with a model). */
#ifndef ASSAY_QUALITY_QUALITY_H
#define ASSAY_QUALITY_QUALITY_H

#include "quality/expects.h"
#include "quality/marks.h"
#include "quality/metric.h"
#include "quality/surprise.h"

enum quality_verdict { QUALITY_GIBBERISH, QUALITY_NO_FAULT, QUALITY_TOO_SHORT };
/* "gibberish", "no fault found", "too short to tell". */
const char *quality_verdict_name(enum quality_verdict verdict);

/* A rule that holds, in the whole text or in a window; or more evidence than right texts have. */
struct hit {
    const char *rule;    /* "repetition.loop", borrowed from the judge */
    const char *because; /* for people, borrowed */
    enum quality_diagnostic diagnostic;
    size_t from, to; /* bytes of the window; 0 .. size: the whole text */
    size_t onset;    /* byte where it goes wrong: the first mark of the diagnostic in the window, else its beginning */
    char *numbers;   /* the metrics that the rule looked at: "repetition.loop_share 0.93 >= 0.4, ..."; owned */
};

struct judgement {
    enum quality_verdict verdict;
    struct hit
        *hits; /* the reason first: in the order of the rules, the whole text before windows; one for each rule */
    size_t hit_count, hit_capacity;
    struct marks marks;           /* of the diagnostics that have a hit */
    double metrics[METRIC_COUNT]; /* of the whole text; NaN: not measured */
    char language[8];             /* CLD2's best; "un": unknown */
    size_t windows;
    double bits;   /* evidence for broken; NaN: none was weighed (too short, or one JSON value) */
    double limit;  /* bits that condemn */
    size_t judged; /* bytes of the text; fewer than it has: the rest was not looked at */
};

/* Dictionaries, rules, parsers. One thread at a time. */
struct quality;

/* `rules`: a file like suites/quality.json; NULL: that one, which is built in. */
struct quality *quality_open(const char *rules, struct error *error);
/* How often the evidence errs, by kind, language and length, as tables of Markdown: suites/data/quality/evidence.md. */
const char *quality_error_rates(void);
void quality_free(struct quality *quality);

/* Dictionaries that are installed, "en de fr ...": for a report. Valid until quality_free. */
const char *quality_dictionaries(struct quality *quality);

/* A text to be judged: at most its first 1 MiB is. */
struct quality_text {
    const char *text; /* [size]; any bytes */
    size_t size;
    const char *prompt;              /* NULL: unknown */
    const struct expects *expects;   /* NULL: nothing */
    const struct surprise *surprise; /* of a judge model (diagnostics/texts/witness.h); NULL: there is none */
};
bool quality_judge(struct quality *quality, const struct quality_text *text, struct judgement *out,
                   struct error *error);
void judgement_free(struct judgement *judgement);

/* What is measured of the text ("whole"), then of each of its windows: what scripts/calibrate_quality.py counts in. */
struct measured {
    const char *kind;      /* "whole", "prose", "list", "table", "code" */
    size_t from, to;       /* bytes */
    const double *metrics; /* [METRIC_COUNT] */
};
typedef void window_visit(void *context, const struct measured *measured);
bool quality_each_window(struct quality *quality, const struct quality_text *text, window_visit *visit, void *context,
                         struct error *error);

/* Adds a hit over the whole text. `rule` and `because` are borrowed, `numbers` is copied. Whatever is not merely other
 * than expected is gibberish. False: out of memory. */
bool judgement_add(struct judgement *judgement, enum quality_diagnostic diagnostic, const char *rule, size_t onset,
                   size_t size, const char *because, const char *numbers);

/* The first hit of the diagnostic, or NULL. */
const struct hit *judgement_hit(const struct judgement *judgement, enum quality_diagnostic diagnostic);

#endif
