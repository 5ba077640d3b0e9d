/* Names what is wrong with a tensor: a table of anomalies, the first that fits. */
#ifndef ASSAY_HEALTH_JUDGE_H
#define ASSAY_HEALTH_JUDGE_H

#include "health/health_rows.h"
#include "health/peers.h"

struct judging;

enum health_check {
#define CHECK_OF(id, ...) CHECK_##id,
    CHECK_ROWS(CHECK_OF)
#undef CHECK_OF
        CHECK_COUNT
};

enum anomaly_kind {
#define ANOMALY_OF(id, ...) ANOMALY_##id,
    ANOMALY_ROWS(ANOMALY_OF)
#undef ANOMALY_OF
        ANOMALY_COUNT
};

struct anomaly {
    const struct anomaly_row *row; /* NULL: nothing is wrong */
    double number;                 /* what was measured: a factor, a value; by kind */
    size_t other;                  /* another tensor that it is about; PAIR_NONE */
    uint64_t from, count;          /* values, or neurons, where it is */
    bool alone;                    /* judged without peers */
    bool unsure;                   /* may be no fault: a person must look */
    bool by_gain;                  /* told by how it stands to the gain of its norm only */
};

struct anomaly_row {
    enum health_check check;
    const char *fault; /* that damages so; "": none */
    enum { TAKES_NOTHING, TAKES_OTHER, TAKES_NUMBER } takes;
    const char *what;
    bool anywhere; /* it proves a fault whatever the architecture */
    /* NULL: follows from what is wrong with others */
    bool (*judge)(const struct judging *judging, size_t tensor, struct anomaly *anomaly);
    /* What is behind the tensor's name, up to the full stop. */
    void (*say)(struct buffer *out, const struct judging *judging, size_t tensor, const struct anomaly *anomaly);
};
extern const struct anomaly_row anomaly_rows[ANOMALY_COUNT];

struct judging {
    const struct ranks *ranks;
    size_t *twins;       /* [tensors]: another with the same values; PAIR_NONE */
    size_t copies;       /* tensors that have a twin as most of their peers have, and are excused */
    bool *transposed;    /* [tensors] */
    bool constant_gains; /* most gains of norms are constant: never trained, or none was loaded */
    double *tails;       /* median kurtosis of each group, at its begin in ranks->order */
};

/* Free either way. Reads a few suspects a second time. */
bool judging_new(const struct ranks *ranks, struct judging *judging, struct error *error);
void judging_free(struct judging *judging);

/* What is wrong with each tensor, [tensors]; a fault that shows in several is laid to the one that explains the others.
 */
bool judge_all(const struct judging *judging, struct anomaly *anomalies, struct error *error);

/* The factor (as log2) that the root mean square may be away from its peers; NaN: there are too few. */
double magnitude_limit(const struct ranks *ranks, size_t tensor, enum feature feature);
/* Kinds of structure that all peers have, and those of them that the tensor has lost. */
size_t structure_claims(const struct ranks *ranks, size_t tensor, size_t *lost);

#endif
