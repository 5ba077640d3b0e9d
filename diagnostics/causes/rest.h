/* What no experiment explains, and what is likely all the same: tensors that are absent, or not sound by their values,
 * just in the modules that stay bad. */
#ifndef ASSAY_CAUSES_REST_H
#define ASSAY_CAUSES_REST_H

#include "causes/causes.h"

/* The check of all findings of causes. */
#define CAUSE_CHECK "cause"

/* A tensor that may be why its module is bad. */
struct suspect {
    struct expected expected;
    const char *fault; /* as --fault takes it, borrowed from the symptoms; NULL: the tensor is absent */
    const char *what;  /* is wrong with its values */
    int block;
    unsigned point; /* hunt_point */
};

/* Suspects of one sort; or what brings a block far nearer to gold, and does not cure it. */
struct likely {
    const struct near *near;     /* NULL: suspects */
    int block;                   /* the first that it brings nearer */
    double fell;                 /* the farthest, over what it was */
    const struct suspect *first; /* in a module that is bad */
    size_t tensors, modules;     /* how many of each, that are bad */
    double bits;                 /* against the chance that the modules of all suspects of the sort are just these */
    char hypothesis[HYPOTHESIS_TEXT];
};

#define LIKELY_MOST 16

struct rest {
    const struct hunt *hunt; /* NULL: nothing tells which modules are bad */
    struct suspect *suspects;
    size_t count, capacity;
    unsigned *explained; /* [blocks]: bits of bad points that a suspect may explain */
    size_t modules;      /* of them */
    struct likely likely[LIKELY_MOST];
    size_t likely_count;
};

/* Fills `rest`, which is to be freed by rest_free either way; `hunt` stays borrowed. Without it every tensor that is
 * absent, or not sound, is a suspect. False: out of memory. */
bool rest_find(const struct causes_request *request, const struct hunt *hunt, struct rest *rest);
void rest_free(struct rest *rest);

/* Worth being called likely: not merely possible. */
bool likely_is_strong(const struct rest *rest, const struct likely *likely);

/* "12 tensors are absent where 12 modules are bad: likely the cause." */
void rest_text(const struct rest *rest, const char *what, struct buffer *out);

/* Adds a cause for each sort of suspects, likely, not proved, and one for what stays unexplained; nothing where all is
 * explained. False: out of memory. */
bool rest_report(const struct causes_request *request, const struct rest *rest, struct findings *findings);

#endif
