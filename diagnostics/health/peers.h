/* What is usual among a tensor's peers: the same weight in other layers, of an expert the same weight of the other
 * experts of its layer. */
#ifndef ASSAY_HEALTH_PEERS_H
#define ASSAY_HEALTH_PEERS_H

#include "health/scan.h"

/* What is known of a tensor as one number. Those of structure have a value that chance alone gives ("nothing was
 * learned here"), and training moves them away from it. */
enum feature {
    FEATURE_MAGNITUDE,  /* log2 of the root mean square */
    FEATURE_EFFECTIVE,  /* the same of the values times the gain of the norm that they are read through */
    FEATURE_BYTES,      /* mean log2 |value| of the sample */
    FEATURE_ROWS,       /* log of how much more rows differ in norm than chance makes them */
    FEATURE_COLUMNS,    /* the same of columns */
    FEATURE_NEIGHBOURS, /* log of mean cos^2 of neighbouring rows times columns */
    FEATURE_GAIN,       /* correlation of log column norms and the log gain of the norm that is read through */
    FEATURE_PAIRS,      /* log of how neurons fit those of the partner: struct pairing */
    FEATURE_PAIRS_LEAST,
    FEATURE_COUNT
};

/* The peers of a tensor in one feature. */
struct peers {
    size_t count;    /* the tensor itself among them */
    double location; /* median; of a tensor without experts in FEATURE_MAGNITUDE: of the nearest layers */
    double spread;   /* 1.4826 times the median distance from it */
};

/* The same of a whole group. */
struct group_facts {
    size_t count;
    double location, spread;
    size_t inner;   /* members that are no edge ... */
    size_t without; /* ... and those of them without structure */
};

/* Everything that is judged from: features of every tensor, and who its peers are. */
struct ranks {
    const struct scan *scan;
    double (*features)[FEATURE_COUNT]; /* [tensors]; NaN: not known */
    size_t *order;                     /* [tensors]: groups of peers side by side, in each by layer and expert */
    size_t *group;                     /* [tensors]: where its group begins in `order` */
    size_t *size;                      /* [tensors]: of its group; 0: it has none */
    size_t *place;                     /* [tensors]: behind the group's begin */
    struct group_facts (*facts)[FEATURE_COUNT]; /* [tensors]: of the group that begins there */
};

bool ranks_new(const struct scan *scan, struct ranks *ranks, struct error *error);
void ranks_free(struct ranks *ranks);

struct peers peers_of(const struct ranks *ranks, size_t tensor, enum feature feature);
/* Steps of the spread between the value and the peers' location, the spread being at least `least`. NaN: not known. */
double peers_distance(const struct ranks *ranks, size_t tensor, enum feature feature, double value, double least);

/* The first and last two layers often are unlike all others. */
bool tensor_is_edge(const struct scan *scan, size_t tensor);

/* Standard deviations between the value and what chance alone gives. */
double feature_chance(const struct scan *scan, size_t tensor, enum feature feature, double value);
/* All its peers (of many, all but a tenth) have structure in this feature, far from chance: so one that has none is
 * no accident of training. */
bool feature_claims(const struct ranks *ranks, size_t tensor, enum feature feature);
/* The tensor has no more of it than chance gives. */
bool feature_lost(const struct ranks *ranks, size_t tensor, enum feature feature);

#endif
