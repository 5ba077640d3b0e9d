/* What the tests of the engine share: the nano models with their gold, passes over all cases of it, and every
 * activation of a pass kept to be judged. Failures end the test. */
#ifndef ASSAY_TESTS_ENGINE_FIXTURE_H
#define ASSAY_TESTS_ENGINE_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "golden/golden.h"
#include "model/model.h"
#include "store/store.h"

struct nano {
    const char *weights;
    const char *model; /* whose config.json and gold */
};
enum { NANOS = 38 };
extern const struct nano nanos[NANOS];

struct bench {
    const char *name;
    struct store *store;
    const struct store *weights; /* what the model reads: the store, or an overlay of the test */
    struct model_config *config;
    struct golden *golden;
    struct model *model;
    struct model_options options;
    size_t cases;
    size_t *first; /* row of each case's first token; cases + 1 of them */
    size_t places;
    struct trace *gold;
};

/* Every activation of all cases: `values[place]` is [rows, width], NULL where the configuration has no such place. Rows
 * that never came are NaN. */
struct trace {
    float **values;
    size_t places;
};

/* Where a trace keeps that point of that layer; layer -1 for the points that stand outside of the layers. */
size_t place_of(enum point point, int layer);

/* The inverse of place_of. */
enum point place_point(size_t place);
int place_layer(size_t place);

bool place_exists(const struct bench *bench, size_t place);

void trace_free(struct trace *trace);

/* Prepares the engine for the bench's weights and options, anew. */
void bench_load(struct bench *bench);

/* Weights `weights`, configuration and gold of `model`, in golden/nano; the model computes exact sums on two threads.
 */
struct bench bench_open(const char *weights, const char *model);

void bench_close(struct bench *bench);

/* Runs `body` with a local `struct bench bench` for every nano model. */
#define FOR_EACH_NANO(bench)                                                                                           \
    for (size_t nano_ = 0; nano_ < NANOS; nano_++)                                                                     \
        for (struct bench bench = bench_open(nanos[nano_].weights, nanos[nano_].model); bench.name;                    \
             bench_close(&bench), bench.name = NULL)

/* How far golden values take the place of the engine's once these were kept. */
enum splice {
    SPLICE_NONE,   /* error accumulates from end to end */
    SPLICE_LAYERS, /* every layer begins with gold */
    SPLICE_POINTS  /* every module begins with gold */
};

/* How the cases are fed. */
struct feed {
    enum splice splice;
    size_t chunk;  /* tokens at a time through a cache of keys and values; 0: all, without one */
    bool alone;    /* one case after the other, not all in one batch */
    bool reversed; /* the last case first */
    bool cached;   /* a cache also where a case is fed whole */
};

/* What a pass over all cases shows; freed by trace_free. */
struct trace *bench_run(const struct bench *bench, struct feed feed);

/* Relative L2 distance of two traces at a place of a case. */
double trace_distance(const struct bench *bench, const struct trace *subject, const struct trace *gold, size_t place,
                      size_t which);

bool trace_same_bits(const struct bench *bench, const struct trace *a, const struct trace *b);

/* The same values, where -0 and 0 count as one. */
bool trace_equal(const struct bench *bench, const struct trace *a, const struct trace *b);

#endif
