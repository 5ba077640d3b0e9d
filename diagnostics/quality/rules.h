/* The rules as a table: suites/quality.json. Private to diagnostics/quality. */
#ifndef ASSAY_QUALITY_RULES_H
#define ASSAY_QUALITY_RULES_H

#include "quality/text_measure.h"

enum comparison { AT_LEAST, AT_MOST, ABOVE, BELOW };

struct condition {
    enum metric metric;
    enum comparison comparison;
    double value;
};

#define CONDITIONS_MOST 10

struct rule {
    char *name;
    enum quality_diagnostic diagnostic;
    char *because;
    struct condition conditions[CONDITIONS_MOST]; /* all must hold */
    size_t count;
    bool unless[EXPECT_FLAG_COUNT]; /* where the prompt asks for that */
    bool structured;                /* applies to a text that is one JSON value too */
    bool whole;                     /* looked at for the whole text only, not for windows */
    double bits;                    /* of evidence that there must be too, in that view; -INFINITY: none */
};

struct rules {
    char *where;
    struct rule *items;
    size_t count;
    size_t window_words, window_characters; /* the length of a window: whichever comes first */
    /* A text of which all of these are below is too short to tell. */
    struct condition *least;
    size_t least_count;
    struct leak_list leaks;
    struct asking asking; /* what prompts ask for */
    char *evidence;       /* file of the table of evidence, beside that of the rules; NULL: the one that is built in */
    double alarms;        /* share of right texts that evidence may condemn; 0: it is not weighed */
};

/* Unknown members, metrics and diagnostics are errors. Free it either way. */
bool rules_parse(const char *where, const cJSON *json, struct rules *rules, struct error *error);
void rules_free(struct rules *rules);

bool condition_holds(const struct condition *condition, const double *metrics);
bool rule_holds(const struct rule *rule, const double *metrics, const struct expects *expects, bool structured);
/* "repetition.loop_share 0.93 >= 0.4, ..."; NULL: out of memory. */
char *rule_numbers(const struct rule *rule, const double *metrics);

#endif
