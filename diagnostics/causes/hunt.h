/* The search for causes: each candidate is tried on the blocks that it could explain, every module fed gold's input,
 * and counts as proved where all that it touches then equals gold and nothing that was good is bad. */
#ifndef ASSAY_CAUSES_HUNT_H
#define ASSAY_CAUSES_HUNT_H

#include "causes/candidates.h"
#include "causes/differing.h"
#include "causes/hypothesis.h"
#include "findings/finding.h"
#include "health/relation.h"
#include "limits/limits.h"
#include "model/probe.h"
#include "model/weights.h"

/* All borrowed. */
struct hunt_request {
    struct ground ground;
    const struct model_config *config; /* of the ground */
    struct golden *const *goldens;     /* fit for it (gold_fit) */
    size_t golden_count;
    const struct limits *limits;
    int threads;
    double budget;                   /* seconds; 0: no bound */
    bool weights_right;              /* gold is what another implementation computed with these weights */
    const struct findings *symptoms; /* what a check of the same model said; NULL: none */
};

#define TWINS_MAX 4 /* other hypotheses that do the same */

/* A cause that an experiment proved. */
struct proof {
    struct hypothesis hypothesis;
    struct hypothesis twins[TWINS_MAX]; /* others that cure the very same, so that nothing tells them apart */
    size_t twin_count;
    size_t cured;       /* places (point of a block) that are as gold's with it */
    bool together;      /* with the proof beside it, and not alone */
    int first, last;    /* blocks in which they lie */
    unsigned points;    /* bits of enum point: which */
    struct world world; /* of this and all before it */
};

#define PROOFS_MAX 8

/* What brings a block far nearer to gold, and does not cure it: values that were rounded after they were damaged are
 * not what they were when the damage is undone. */
struct near {
    struct hypothesis hypothesis;
    double fell;                        /* the error of its worst module, over what it was; 0: nothing does */
    struct hypothesis twins[TWINS_MAX]; /* others that bring it nearly as near */
    size_t twin_count;
};

struct hunt {
    int blocks;
    unsigned *before; /* [blocks]: bits of enum point that are bad alone */
    unsigned *after;  /* [blocks]: still bad with all proofs */
    unsigned *seen;   /* [blocks]: bits of enum point that were compared */
    unsigned *whole;  /* [blocks]: those of `after` that lack no tensor: what is done to others may cure them */
    size_t compared;  /* places */
    struct proof proofs[PROOFS_MAX];
    size_t proof_count;
    struct near *near;           /* [blocks] */
    struct blamed *blamed;       /* [blocks]: experts, as the model came */
    struct expected_list absent; /* weights of blocks that are bad */
    struct relations *relations; /* to the original's tensors; NULL: there is none */
    struct differing differing;  /* from the original, as far as something bad could come of it */
    size_t tried;                /* experiments */
    size_t tried_of[DEPARTURE_COUNT];
    size_t untried; /* for want of time */
    double begun;   /* clock_seconds */
};

/* Fills `hunt`, which is to be freed by hunt_free either way. */
bool hunt_run(const struct hunt_request *request, struct hunt *hunt, struct error *error);
void hunt_free(struct hunt *hunt);

/* The budget is spent, of a search that began then (clock_seconds). */
bool hunt_is_late(const struct hunt_request *request, double begun);

/* The block that the weight is of. */
int hunt_block(const struct hunt *hunt, const struct expected *expected);
/* The layer of a block; -1: it is none. */
int hunt_layer(const struct hunt *hunt, int block);
/* "model.layers.3.self_attn": the first of these bits of enum point in the block. */
const char *hunt_module(const struct hunt *hunt, int block, unsigned points, char path[POINT_PATH]);

/* The first module whose output it changes, of those that were compared, as a bit of enum point; 0: none was. */
unsigned hunt_point(const struct hunt *hunt, const struct expected *expected);
/* A proved cause put it there, or took it over. */
bool hunt_has_put(const struct hunt *hunt, const struct expected *expected);

/* Places of all blocks. */
size_t hunt_bad(const struct hunt *hunt, const unsigned *bad);

#endif
