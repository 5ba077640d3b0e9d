/* Reads and memory under watch, and models with some room for experts: what the tests of experts in memory share. */
#ifndef ASSAY_TESTS_EXPERT_CACHE_FIXTURE_H
#define ASSAY_TESTS_EXPERT_CACHE_FIXTURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/model.h"

/* Reads of files, watched and made to fail. */
enum mishap { MISHAP_NONE, MISHAP_ERROR, MISHAP_END, MISHAP_CHANGE };

extern enum mishap mishap;
extern atomic_long mishap_in; /* reads until it happens */
extern atomic_ullong bytes_read;

/* Allocations of the size of an expert: how many there are, and were at most. */
#define LIVE_MOST 4096
extern size_t live_size; /* 0: not watched */
extern size_t live_count, live_peak;

struct subject {
    const char *name;
    struct store *store;
    struct model_config *config;
    const struct store *weights; /* the store, or an overlay of the test */
};

struct subject subject_at(const char *path, const char *config);

#define GOLDEN(path) ASSAY_SOURCE_DIR "/golden/" path

void subject_close(struct subject *subject);
struct model *model_with(const struct subject *subject, const struct model_options *options);

#define PROMPTS 3

/* What a story has given so far: the output of every layer and the logits, in order. */
struct record {
    const struct subject *subject;
    struct model *model;
    float *values;
    size_t count, capacity;
    int best[PROMPTS];
    size_t pass;
    struct use *uses; /* NULL: not wanted */
    size_t use_count;
    size_t experts_most; /* never more of them */
    uint64_t bytes_most;
};

/* An expert at work, in the order in which a layer's experts come. */
struct use {
    size_t pass;
    int layer, expert;
};

bool record_see(void *context, const struct activation *activation, struct error *error);
int id_of(const struct subject *subject, size_t round, size_t prompt, size_t token);
struct record record_of(const struct subject *subject, struct model *model);
bool same_bits(const struct record *a, const struct record *b);

#endif
