/* A finding is the only currency: every diagnostic returns findings, reports render them without knowing who made them.
 */
#ifndef ASSAY_FINDINGS_FINDING_H
#define ASSAY_FINDINGS_FINDING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* VERDICT_ERROR is of a whole report alone: what was asked for could not be run. */
enum verdict { VERDICT_PASS, VERDICT_WARN, VERDICT_FAIL, VERDICT_SKIP, VERDICT_ERROR };

/* "pass", "warn", "fail", "skip", "error". */
const char *verdict_name(enum verdict verdict);
bool verdict_parse(const char *name, enum verdict *verdict);

/* Where a finding applies. Strings are owned by the finding, NULL when they do not apply; numbers are -1 when not. */
struct where {
    char *case_id;
    char *module; /* module path: "model.layers.3.self_attn" */
    char *tensor; /* canonical tensor name */
    char *file;
    int layer;
    int expert;
    int token; /* index of the token in its case or text */
};

/* A curve for a plot: `count` values of y over x. Values may be NaN or infinite: "nothing to draw here". */
struct curve {
    char *name;
    double *values;
    size_t count;
};

/* How a series is drawn by default. */
enum series_kind {
    SERIES_LINE,    /* one curve or more over x */
    SERIES_HEATMAP, /* each curve is a row, x the columns */
    SERIES_STEPS,   /* two curves: a bar from the first to the second at each x */
    SERIES_TABLE    /* shown as a table: one column a curve, one row an x */
};

/* Numbers for a plot or a table: several curves over one x axis. All owned. */
struct series {
    char *name;  /* "error-per-layer": a file-name-like word, unique within the finding */
    char *title; /* for people */
    char *x_label;
    char *y_label;
    enum series_kind kind;
    bool log_y;
    double *x;     /* `points` of them */
    char **labels; /* NULL, or `points` strings: names of the x places (module paths, case ids) */
    size_t points;
    struct curve *curves;
    size_t curve_count, curve_capacity;
};

/* A text with places in it marked, for showing. All owned; offsets are bytes of `text` and lie between characters. */
struct marked_text {
    char *text; /* well-formed UTF-8 without NUL and noncharacters, so every report can hold it as it is */
    size_t size;
    struct text_mark {
        size_t from, to; /* from < to: bytes from .. to - 1 are `what` */
        char *what;      /* "repetition" */
    } * marks;           /* as they were added; they may overlap */
    size_t count;
    size_t capacity;
    struct text_reason {
        char *what;    /* "repetition" */
        char *because; /* "one piece over and over" */
        char *numbers; /* what was measured; NULL: nothing */
        size_t onset;  /* where it goes wrong */
    } * reasons;       /* the weightiest first: its onset is that of the text */
    size_t reason_count;
    size_t reason_capacity;
    struct text_move {
        size_t given, kept;
    } * moves; /* behind each character that had to be replaced: its end in the text as given, and in `text` */
    size_t move_count;
    size_t move_capacity;
};

struct finding {
    char *check; /* dotted, the noun first: "layers.isolated" */
    char *gold;  /* path of the dump that it was judged by; NULL: by none in particular */
    enum verdict verdict;
    double measured; /* NaN with `has_measured` false: nothing was measured */
    double limit;
    bool has_measured;
    bool has_limit;
    char *unit;  /* NULL: none */
    char *cause; /* why the limit is what it is; NULL: no limit */
    struct where where;
    char *message; /* one sentence that a person understands */
    bool summary;  /* the finding for a check as a whole; false: one place that fails it */
    struct series *series;
    size_t series_count, series_capacity;
    /* More named facts, in order: numbers or text ("noise", "first_bad_layer", "window"). */
    struct fact *facts;
    size_t fact_count, fact_capacity;
    struct marked_text *marked; /* the text that it is about; NULL: none */
};

struct fact {
    char *name;
    char *text; /* NULL: `number` holds the value */
    double number;
};

/* A growable list; start with {0}. The caller never touches `capacity`. */
struct findings {
    struct finding *items;
    size_t count;
    size_t capacity;
};

/* Appends an empty finding of the check (verdict pass, summary true, no place) and returns it, valid until the next
 * append. NULL: out of memory. */
struct finding *findings_add(struct findings *findings, const char *check);

/* The same of one place that fails the check, or that it has a word about: no summary. A check that can find many names
 * the first PLACES_MAX of them and counts them all. */
struct finding *findings_place(struct findings *findings, const char *check, enum verdict verdict);
#define PLACES_MAX 256

/* Appends a finding that the check was skipped, and why. */
bool findings_skip(struct findings *findings, const char *check, const char *why, struct error *error);
/* Makes a finding of a whole check that. False: `finding` is NULL, for it may come straight from findings_add. */
bool finding_skip(struct finding *finding, const char *format, ...) ASSAY_PRINTF(2, 3);

/* A skip of what the command line left out on purpose, "left_out.layers": the fact "left_out" is the option that did.
 * It is told, and is no check that could not be made. False: out of memory. */
#define LEFT_OUT "left_out."
bool findings_leave_out(struct findings *findings, const char *what, const char *option, const char *message,
                        struct error *error);
bool finding_is_left_out(const struct finding *finding);

/* The setters copy their text; running out of memory leaves the field NULL. */
void finding_message(struct finding *finding, const char *format, ...) ASSAY_PRINTF(2, 3);
void finding_measured(struct finding *finding, double measured, const char *unit);
void finding_limit(struct finding *finding, double limit, const char *cause);
void finding_fact(struct finding *finding, const char *name, double number);
void finding_fact_text(struct finding *finding, const char *name, const char *format, ...) ASSAY_PRINTF(3, 4);
/* The text of the fact; NULL: there is none of that name, or it is a number. */
const char *finding_fact_named(const struct finding *finding, const char *name);
/* The number of the fact; NaN: there is none of that name, or it is a text. */
double finding_fact_number(const struct finding *finding, const char *name);
void where_set(char **field, const char *text);
/* Says of all findings from `first` on which dump they were judged by. */
void findings_set_gold(struct findings *findings, size_t first, const char *path);
/* Both tell of the same check, judged by the same dump. */
bool finding_same_check(const struct finding *a, const struct finding *b);

/* Gives the finding a copy of the text [size], which may hold any bytes: those that are no UTF-8, NUL and noncharacters
 * become U+FFFD. NULL: out of memory. */
struct marked_text *finding_marked(struct finding *finding, const char *text, size_t size);
/* Offsets are bytes of the text as it was given. They are moved onto `marked->text`, and outwards to whole characters;
 * a mark of nothing is left out. False: out of memory. */
bool marked_text_add(struct marked_text *marked, size_t from, size_t to, const char *what);
bool marked_text_reason(struct marked_text *marked, const char *what, const char *because, const char *numbers,
                        size_t onset);
void marked_text_free(struct marked_text *marked);

/* The verdict of `measured` against `limit`: pass only if both are there and measured <= limit, so NaN fails. Sets
 * finding->verdict. */
void finding_judge(struct finding *finding);

/* Adds a series of `points` places (a line until changed); `x` is 0, 1, 2 ... until changed. Valid until the next
 * series is added to the finding. NULL: out of memory. */
struct series *finding_series(struct finding *finding, const char *name, const char *title, const char *x_label,
                              const char *y_label, size_t points);
/* Adds a curve of series->points values, all NaN, and returns them for filling; they stay where they are. A curve named
 * "limit", "noise" or "gold" is a reference: plots draw it thin and dashed. NULL: out of memory. */
double *series_curve(struct series *series, const char *name);
/* Names place `point`. */
bool series_label(struct series *series, size_t point, const char *label);

/* The order of reports: checks in the order in which they first occur, each dump's apart; within a check the summary
 * comes first, then the places: failures, warnings, skips, passes; the worst (not finite, else the largest measured /
 * limit) of each first; equals as they were added. An array of findings->count borrowed pointers, to be freed; NULL:
 * out of memory, or nothing there. */
const struct finding **findings_ranked(const struct findings *findings);

/* Puts the findings into that order. Out of memory leaves them as they are. */
void findings_sort(struct findings *findings);

/* fail if any fails, else warn if any warns, else pass. Skips do not count. */
enum verdict findings_verdict(const struct findings *findings);

/* Moves those of `from` behind those of `to`. False: out of memory; those that were not moved are freed. */
bool findings_take(struct findings *to, struct findings *from);

/* Frees and takes out those that are so. */
void findings_drop(struct findings *findings, bool (*is)(const void *context, const struct finding *finding),
                   const void *context);

void findings_free(struct findings *findings);

#endif
