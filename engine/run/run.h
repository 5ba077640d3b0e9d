/* One pass for everything: diagnostics put their sequences on it, and each sees its own rows of every activation. */
#ifndef ASSAY_RUN_RUN_H
#define ASSAY_RUN_RUN_H

#include "model/model.h"

/* The rows of one activation that belong to one sequence: tokens `first` .. `first + rows - 1` of it. */
struct part {
    enum point point;
    int layer;
    const char *path;
    float *values; /* [rows, width]; changes go on into the pass */
    size_t first;
    size_t rows;
    size_t width;
    bool log_probabilities; /* of a dump that holds those in place of logits */
};

/* The rows of `part` that are tokens first .. first + rows - 1 of the sequence; false: none. */
bool part_within(const struct part *part, size_t first, size_t rows, struct part *out);

/* Who looks at a sequence. */
struct rider {
    bool (*see)(void *context, size_t which, const struct part *part, struct error *error);
    void *context;
    size_t which; /* handed back to `see`, to tell the sequences of one rider apart */
};

struct run;

struct run *run_new(struct model *model, struct error *error);
/* `ids` are borrowed until the run is freed. The rider sees logits of tokens from `logits_from` on. */
bool run_add(struct run *run, const int *ids, size_t count, size_t logits_from, struct rider rider,
             struct error *error);

/* The same with a relative error of `rounding` in every step (sequence.rounding), by a chance of each `rider.which`. */
bool run_add_rounded(struct run *run, const int *ids, size_t count, size_t logits_from, double rounding,
                     struct rider rider, struct error *error);

/* The same, always in the same pass as the next that is added, and in front of it. */
bool run_add_twin(struct run *run, const int *ids, size_t count, size_t logits_from, double rounding,
                  struct rider rider, struct error *error);

/* Sequences go together while what they hold stays below this: whoever runs sequences by itself groups them so too. */
#define RUN_BYTES ((uint64_t)384 << 20)

/* Bytes that `rows` rows hold at the busiest point of a pass, and `cached` tokens in caches of keys and values. */
uint64_t run_bytes(const struct model_config *config, size_t rows, size_t cached);

/* Runs all sequences, as many together as RUN_BYTES allows (one pass, and one read of the weights, unless there are
 * thousands of tokens). `chunk` > 0 feeds every sequence in pieces of that many tokens through a cache of
 * keys and values: the decode path. Shows progress. */
bool run_execute(struct run *run, const char *title, size_t chunk, struct error *error);
/* Sequences that were put on it. */
size_t run_count(const struct run *run);
void run_free(struct run *run);

#endif
