/* Variants: deliberate departures from the reference architecture, each as somebody's implementation really had it. A
 * row turns switches of the one forward pass (switches.h) or sets a number of the configuration, and nothing else; so
 * an experiment is a command line, --variant NAME[:ARGS]. */
#ifndef ASSAY_MODEL_VARIANT_H
#define ASSAY_MODEL_VARIANT_H

#include "model/config.h"

struct variant_row {
    const char *name;
    const char *arguments; /* "", "N": a whole number above 0, or "A-B": two, A <= B */
    const char *does;      /* what is computed */
    const char *symptom;   /* what it looks like */
    const char *mistake;   /* how it usually comes about */
    unsigned points;       /* OF(point) of those whose own values it changes, their inputs being right */
};

/* The rows of the table; NULL behind the last. */
const struct variant_row *variant_at(size_t index);

/* Of NAME[:ARGS]; NULL: there is none of that name. */
const struct variant_row *variant_of(const char *spec);

/* What is wrong with NAME[:ARGS] as far as can be told without a model, in a buffer that the next call writes over;
 * NULL: nothing. */
const char *variant_judge(const char *spec);

/* Can the row change what this model computes? Of a model without experts no departure of the router does. */
bool variant_applies(const struct variant_row *row, const struct model_config *config);

/* It departs in how experts are chosen or mixed. */
bool variant_routes(const char *spec);

/* Tokens see what they are to predict with it, so that likelihoods mean nothing. */
bool variant_leaks(const char *spec);

/* Turns the switches of all of them. One that could change nothing of this model is an error, as are two that set the
 * same. */
bool variants_set(const char *const *specs, size_t count, struct model_config *config, struct error *error);

#endif
