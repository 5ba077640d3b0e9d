/* Which experiments are worth a try: by what is bad, and what usually goes wrong there. */
#ifndef ASSAY_CAUSES_CANDIDATES_H
#define ASSAY_CAUSES_CANDIDATES_H

#include "causes/differing.h"
#include "causes/hypothesis.h"
#include "findings/finding.h"

/* Experts of a block that explain all its bad tokens. */
#define BLAMED_MOST 8
struct blamed {
    int experts[BLAMED_MOST];
    size_t count; /* 0: not known, unless */
    bool absent;  /* there are some that are absent, at least in part: they are not listed */
};

/* What is known before the experiments. */
struct evidence {
    const struct model_config *config;
    const struct model_config *gold; /* the configuration that gold records; NULL: none */
    const unsigned *bad;             /* [blocks] of bits of enum point: bad alone; block L + 1 is layer L */
    const unsigned *whole;           /* [blocks]: those whose tensors are all there; NULL: all */
    int blocks;
    const struct blamed *blamed;       /* [blocks]; NULL: not known */
    const struct findings *symptoms;   /* what a check said of the same model; NULL: none */
    const struct differing *differing; /* from the original, in layers that are bad; NULL: there is no original */
    bool reads;                        /* they are judged by how well the model reads a text */
    bool sizes_right;                  /* values are of the size that they should have: no bytes are turned around */
    bool weights_right; /* the weights are known to be right: only how they are computed with is in question */
};

/* Appends what could explain some of it: the simplest and likeliest first. False: out of memory. */
bool candidates_take(const struct evidence *evidence, struct hypotheses *out);

/* Tensors of the block, one of which may be too large or too small by a factor: those of the model's matrices whose
 * modules are bad, of its experts only the blamed. Each as "scale:NAME,". */
bool candidates_of_factor(const struct evidence *evidence, int block, struct hypotheses *out);

/* Vectors that show only in what their module makes, where that is bad: each as "solve:NAME", for gold to determine;
 * then all biases of a layer, and of all layers. */
bool candidates_of_sought(const struct evidence *evidence, struct hypotheses *out);

/* The same without gold, where nothing tells which block is bad: `bad` is all ones, `gold` and `differing` NULL. What
 * is wrong in all layers alike, or at the ends; what is wrong in one layer (block >= 1); two layers in each other's
 * place.
 */
bool candidates_everywhere(const struct evidence *evidence, struct hypotheses *out);
bool candidates_of_block(const struct evidence *evidence, int block, struct hypotheses *out);
bool candidates_of_pair(const struct evidence *evidence, int first, int second, struct hypotheses *out);

#endif
