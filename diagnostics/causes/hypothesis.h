/* What may be wrong, as an experiment: one departure, as anybody can type it. */
#ifndef ASSAY_CAUSES_HYPOTHESIS_H
#define ASSAY_CAUSES_HYPOTHESIS_H

#include "base/buffer.h"
#include "faults/fault.h"
#include "findings/finding.h"
#include "model/config.h"
#include "store/store.h"

/* By the option that lays it: what was done to weights, a key of the configuration, how an implementation computes, how
 * it reads a text. */
enum departure { DEPARTURE_FAULT, DEPARTURE_SETTING, DEPARTURE_VARIANT, DEPARTURE_TEXT, DEPARTURE_COUNT };

/* Begin faults that take the original's tensors, and what gold determines; which follows. */
#define RESTORE "restore:"
#define SOLVE "solve:"

#define HYPOTHESIS_TEXT 192
struct hypothesis {
    enum departure departure;
    char text[HYPOTHESIS_TEXT]; /* "swap-layers:3,4", "rope_theta=1e6", "tiled-kv-heads" */
    unsigned points;            /* bits of enum point: the first values that it changes in a block */
    int block;                  /* the only one that it changes, or one of a few; -1: any */
    int wide;                   /* 1: takes over a module, 2: a layer, or whatever fits gold; 0: what it names alone */
    bool settled;               /* its fault lies over the ground already */
    const struct store *solved; /* where what it solves for was solved once; borrowed. NULL: not yet */
};

struct hypotheses {
    struct hypothesis *items;
    size_t count, capacity;
};

/* What it takes of the original, and of what gold determines: the names behind RESTORE, SOLVE; NULL: it is something
 * else. */
const char *hypothesis_restores(const struct hypothesis *hypothesis);
const char *hypothesis_solves(const struct hypothesis *hypothesis);

/* Start with {0}. False: out of memory. */
bool hypotheses_add(struct hypotheses *list, enum departure departure, unsigned points, int block, const char *format,
                    ...) ASSAY_PRINTF(5, 6);
void hypotheses_free(struct hypotheses *list);

/* "--undo scale:x,2, --variant no-rotation"; nothing of none. */
void hypotheses_text(const struct hypothesis *hypotheses, size_t count, struct buffer *out);

/* Adds what every finding of a cause says of its hypothesis: "hypothesis", "option", "kind" (departure_kind, or
 * "absent"), "grade". */
void hypothesis_facts(const struct hypothesis *hypothesis, const char *kind, const char *grade,
                      struct finding *finding);

/* "--undo", "--set", "--variant", "--text-variant" */
const char *departure_option(enum departure departure);
/* "weights", "configuration", "architecture", "text" */
const char *departure_kind(enum departure departure);

/* A model with departures. */
struct world {
    const struct store *store;
    struct store *laid;          /* overlays that are the world's own; NULL: none */
    struct model_config *config; /* its own */
};

/* What experiments begin with; borrowed. */
struct ground {
    const struct store *store;
    const char *config_text;     /* config.json */
    const char *const *variants; /* that the model is computed with to begin with */
    size_t variant_count;
    struct fault_means means;
};

/* The ground with `count` departures in their order; ended by world_close either way. False with the reason where one
 * cannot be laid, or changes nothing. */
bool world_open(const struct ground *ground, const struct hypothesis *hypotheses, size_t count, struct world *world,
                struct error *error);
void world_close(struct world *world);

#endif
