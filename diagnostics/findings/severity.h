/* How bad it is: by what the difference does to the model's answers, which a verdict does not say. */
#ifndef ASSAY_FINDINGS_SEVERITY_H
#define ASSAY_FINDINGS_SEVERITY_H

#include "base/buffer.h"
#include "findings/finding.h"
#include "limits/limits.h"

enum severity {
    SEVERITY_IDENTICAL, /* within gold's noise, everywhere */
    SEVERITY_HARMLESS,  /* measurable, and no decision is another one */
    SEVERITY_DEGRADED,  /* answers change */
    SEVERITY_BROKEN,    /* answers are no longer the model's */
    SEVERITY_UNKNOWN    /* nothing measured what it does to answers */
};

/* "identical", "harmless", ... */
const char *severity_name(enum severity severity);
/* False: no such name. */
bool severity_parse(const char *name, enum severity *severity);

/* The numbers that decide, in the order in which they do. */
enum severity_number {
    SEVERITY_NATS,
    SEVERITY_TOP1,
    SEVERITY_PERPLEXITY,
    SEVERITY_CONTINUATIONS,
    SEVERITY_TEXTS,
    SEVERITY_NUMBERS
};

/* From where on, of the number itself; NaN: it decides no such thing. */
struct severity_bounds {
    double harmless; /* up to this; of a ratio also down to 1 / this */
    double broken;   /* beyond this; of texts from this on */
};

struct severity_limits {
    bool given; /* false: the built-in ones */
    struct severity_bounds of[SEVERITY_NUMBERS];
};

/* Those of a suite; NULL: the built-in ones. */
struct severity_limits severity_limits_of(const struct limits *limits);

/* The numbers that decide; NaN: not measured. */
struct severity_facts {
    enum severity level;
    double nats;                   /* mean Kullback-Leibler divergence from gold */
    double top1;                   /* share of positions with another most likely token, near-ties not counted */
    double perplexity;             /* over gold's, of all cases together */
    double continuations;          /* share of gold's greedy continuations that differ beyond near-ties */
    double texts;                  /* share of texts at fault that were judged */
    const char *why;               /* what decided, a few words; borrowed: static, or of the report that was read */
    const char *rule;              /* name of the number that decided, static; NULL: none did */
    struct severity_bounds bounds; /* of that number */
};

/* Where a number lies in the facts, and its name: "nats", "perplexity_ratio". */
struct severity_place {
    const char *name;
    double *number;
};
void severity_places(struct severity_facts *facts, struct severity_place places[SEVERITY_NUMBERS]);

/* "broken: the distribution of the next token is another one (10.1 nats from gold, ...)" */
void severity_text(const struct severity_facts *facts, struct buffer *out);

/* Something compared its answers with gold's. */
bool severity_compared(const struct severity_facts *facts);

/* What is not unknown, or is no pass. */
bool severity_tells(const struct severity_facts *facts, enum verdict verdict);

struct severity_facts severity_of(const struct findings *findings, const struct severity_limits *limits);

#endif
