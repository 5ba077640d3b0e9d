/* What may be wrong, as an experiment: one departure, as anybody can type it. */
#ifndef ASSAY_CAUSES_HYPOTHESIS_H
#define ASSAY_CAUSES_HYPOTHESIS_H

#include "golden/golden.h"
#include "model/config.h"
#include "store/store.h"

/* By the option that lays it: what was done to weights, a key of the configuration, how an implementation computes. */
enum departure { DEPARTURE_FAULT, DEPARTURE_SETTING, DEPARTURE_VARIANT, DEPARTURE_COUNT };

/* Begins a fault that takes the original's tensors; what it takes follows. */
#define RESTORE "restore:"

#define HYPOTHESIS_TEXT 192
struct hypothesis {
    enum departure departure;
    char text[HYPOTHESIS_TEXT]; /* "swap-layers:3,4", "rope_theta=1e6", "tiled-kv-heads" */
    unsigned points;            /* bits of enum point: the first values that it changes in a block */
    int block;                  /* the only one that it changes, or one of a few; -1: any */
    bool wide;                  /* restores what a narrower one may restore as well */
};

struct hypotheses {
    struct hypothesis *items;
    size_t count, capacity;
};

/* What it takes of the original: the names behind RESTORE; NULL: it is something else. */
const char *hypothesis_restores(const struct hypothesis *hypothesis);

/* Start with {0}. False: out of memory. */
bool hypotheses_add(struct hypotheses *list, enum departure departure, unsigned points, int block, const char *format,
                    ...) ASSAY_PRINTF(5, 6);
void hypotheses_free(struct hypotheses *list);

/* "--fault", "--set", "--variant" */
const char *departure_option(enum departure departure);
/* "weights", "configuration", "architecture" */
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
    const char *source;           /* path of the original; NULL: none */
    const struct store *original; /* its weights; NULL: none */
};

/* The ground with `count` departures in their order; ended by world_close either way. False with the reason where one
 * cannot be laid, or changes nothing. */
bool world_open(const struct ground *ground, const struct hypothesis *hypotheses, size_t count, struct world *world,
                struct error *error);
void world_close(struct world *world);

#endif
