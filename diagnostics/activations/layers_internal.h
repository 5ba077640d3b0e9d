/* What layers.c measures and layers_report.c tells. */
#ifndef ASSAY_ACTIVATIONS_LAYERS_INTERNAL_H
#define ASSAY_ACTIVATIONS_LAYERS_INTERNAL_H

#include "activations/layers.h"
#include "activations/patterns.h"
#include "limits/comparator.h"

/* One place (point of a layer) of one case in one mode. */
struct cell {
    struct comparison comparison;
    double noise;     /* that gold records there, or what few bits cost */
    double precision; /* what the arithmetic may differ by there: nothing that a suite allows changes it */
    double tolerance; /* what the error may be, as the suite allows it */
    const char *cause;
    size_t width;
    size_t first; /* token of the first row that gold holds */
    bool fed;     /* isolated: what follows went on from gold's values */
    struct row_tally rows;
};

/* ROW_UNSURE: gold of few bits does not tell which experts the original took (gold_routing_unsure). */
enum row_state { ROW_UNSEEN, ROW_UNSURE, ROW_ROUTED, ROW_GOOD, ROW_BAD };

/* The tokens of one case in the isolated run of one layer with experts. NULL: gold holds no router logits of it. */
struct routed {
    int *experts;          /* [tokens, experts_per_token]: gold's choice */
    unsigned char *states; /* [tokens] of enum row_state: whether the experts' sum is good */
};

/* One router, over all cases of the run end to end. */
struct ties {
    size_t rows;     /* tokens whose choice was compared */
    size_t forced;   /* of them, those that were given gold's choice */
    double expected; /* how many, were every logit off by all that gold's precision allows: from gold's margins */
    double shared;   /* sum over the tokens: share of gold's experts that were chosen, near-ties for equals */
};

struct layers {
    const struct golden *golden;
    const struct model_config *config;
    const struct limits *limits;
    size_t places;
    struct cell *cells;       /* [modes][cases][places] */
    struct head_tally *heads; /* [modes][places][heads]: of the points that have them; `heads`: config's, the most */
    size_t head_count;        /* 0: the configuration does not tell them apart */
    double *carried;          /* [cases][places]: the largest noise that gold records up to there; NaN: none */
    double *rounded; /* [cases]: the most that few bits cost end to end, up to the place that was last seen; NaN: none
                        measured */
    int *reach;      /* [cases]: see layers_reach */
    struct routed *routed; /* [cases][layers] */
    struct ties *ties;     /* [layers] */
    int *chosen;           /* scratch: 2 * experts_per_token + 1 */
    float *scores;         /* scratch: 2 * experts */
    layers_watcher *watcher;
    void *watching; /* its context */
    size_t which;   /* its number of this dump */
    float *gold;    /* scratch */
    size_t gold_count;
};

/* How the error of a place lies over tokens and heads, over the cases of which `fed` is true (place_fed_directly), or,
 * where it is false, all. False: there is no pattern. */
bool layers_pattern(const struct layers *layers, enum mode mode, enum point point, int layer, bool fed,
                    struct pattern *pattern);

size_t place_count(const struct model_config *config);
size_t place_of(const struct model_config *config, enum point point, int layer);
struct routed *layers_routed(const struct layers *layers, size_t case_index, int layer);
/* [head_count] */
struct head_tally *layers_heads(const struct layers *layers, enum mode mode, size_t place);
const struct cell *layers_cell(const struct layers *layers, enum mode mode, size_t case_index, size_t place);

/* Gives rows of router logits that differ from gold's only by a tie gold's values. `precision`: relative L2. */
void ties_force(struct layers *layers, const struct part *part, const float *gold, double precision);
size_t ties_forced(const struct layers *layers);
/* Adds layers.ties: are there more forced choices than gold's own near-ties explain? Nothing where no router was
 * compared. */
bool ties_report(const struct layers *layers, struct findings *findings, struct error *error);

/* Adds the series "routing-overlap": of each layer whose routing was compared, the mean of that share. Nothing where
 * none was. False: out of memory. */
bool ties_overlap(const struct layers *layers, struct finding *finding);

/* What a place of an isolated run was computed from. */
struct fed {
    bool directly;    /* gold was spliced in at all of its inputs: what is wrong is wrong in this module */
    bool from_start;  /* nothing was spliced in before it */
    enum point point; /* else the last place before it where gold was */
    int layer;
};
bool place_fed_directly(const struct layers *layers, size_t case_index, enum point point, int layer);
struct fed place_fed(const struct layers *layers, size_t case_index, enum point point, int layer);

/* The fewest experts that explain all bad rows of a layer: only experts without a single good row, the one that
 * explains most first. Returns how many were found in `out` (of `most`), 0 when some bad row stays unexplained. */
size_t blame_experts(const struct layers *layers, int layer, int *out, size_t most);

#endif
