/* Which token comes next, given logits: greedy, or drawn at random after the processors of transformers' `generate`, in
 * its order: repetition penalty, temperature, top-k, top-p, min-p (generation/utils.py, _get_logits_processor;
 * generation/logits_process.py). */
#ifndef ASSAY_TEXT_SAMPLER_H
#define ASSAY_TEXT_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct sampler_options {
    double temperature;        /* 0: greedy, after the repetition penalty only */
    size_t top_k;              /* 0: all */
    double top_p;              /* 1: all */
    double min_p;              /* 0: all */
    double repetition_penalty; /* 1: none */
};

/* xoshiro256** (Blackman, Vigna: Scrambled linear pseudorandom number generators, 2021), its state filled by splitmix64
 * from the seed. The same stream on every machine. */
struct sampler_stream {
    uint64_t state[4];
};

/* Stream `which` of the seed: each sequence has its own, so that its text does not depend on the others. */
void sampler_seed(struct sampler_stream *stream, uint64_t seed, uint64_t which);
uint64_t sampler_random(struct sampler_stream *stream);
/* From 0 to below 1, a multiple of 2^-53. */
double sampler_uniform(struct sampler_stream *stream);

/* Options and scratch memory: one thread at a time. */
struct sampler;
struct sampler *sampler_new(const struct sampler_options *options, struct error *error);
void sampler_free(struct sampler *sampler);

/* Applies the processors to logits [width] in place: what must not be drawn becomes -infinity. `history` are all ids of
 * the sequence so far. */
bool sampler_process(struct sampler *sampler, const int *history, size_t count, float *logits, size_t width,
                     struct error *error);

/* Processes, then draws: one uniform value for each token, against the probabilities summed in the order of the ids.
 * Logits that are not finite are an error. */
bool sampler_next(struct sampler *sampler, struct sampler_stream *stream, const int *history, size_t count,
                  float *logits, size_t width, int *next, struct error *error);

#endif
