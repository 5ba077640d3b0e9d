/* What would the model say if it ended behind this layer? The logit lens: final norm and head of the subject over the
 * residual stream of a case's last token behind every layer, and over gold's where that is recorded. */
#ifndef ASSAY_ACTIVATIONS_LENS_H
#define ASSAY_ACTIVATIONS_LENS_H

#include "findings/finding.h"
#include "golden/golden.h"
#include "limits/limits.h"
#include "run/run.h"
#include "text/tokenizer.h"

#define LENS_CASES_MAX 16 /* of a dump, or prompts, that check looks at */
#define LENS_TOP_MAX 20

struct lens_token {
    int id;
    double probability;
};

/* Behind one layer. */
struct lens_point {
    bool seen;
    bool finite; /* the logits are, else nothing of what follows is known */
    double rank; /* of the answer: 1 is the most likely, of equals the one with the smaller id; NaN: unknown */
    double log_probability;              /* of the answer, in nats */
    struct lens_token top[LENS_TOP_MAX]; /* the most likely first */
};

enum lens_answer { ANSWER_GREEDY, ANSWER_GOLD, ANSWER_OWN };

struct lens_case {
    const char *id;
    size_t count;                /* tokens; the last of them is looked at */
    const struct golden *golden; /* NULL: none */
    size_t case_index;           /* in it */
    int answer;                  /* -1: the logits at the end are not finite */
    enum lens_answer answer_of;  /* what gold appends; what gold's logits rank first; what the subject itself does */
    struct lens_point *points;   /* [layers] */
    struct lens_point *gold;     /* [layers]; `seen` where gold holds the residual stream */
    size_t compared;             /* layers where both were seen */
    size_t differ;               /* with another most likely token, and gold can tell the two apart */
    size_t near_ties;            /* with another one, but gold cannot */
    int first_different;         /* layer; -1: none */
    float *residuals;            /* [layers, hidden], until lens_compute */
};

struct lens;

/* `top` tokens are kept behind each layer, 1 to LENS_TOP_MAX. `config` is borrowed. */
struct lens *lens_new(const struct model_config *config, size_t top, struct error *error);
void lens_free(struct lens *lens);

/* Adds the next case. With `golden` (else NULL) it is that dump's `case_index`, whose answer and residual stream are
 * gold's. All borrowed. */
bool lens_add(struct lens *lens, const char *id, size_t count, const struct golden *golden, size_t case_index,
              struct error *error);

/* Takes the last token of case `which`, in the order of lens_add, behind every layer; ignores all else. */
void lens_see(struct lens *lens, size_t which, const struct part *part);

/* After the run: one call of model_lens for all cases and layers. `limits` says what gold can tell apart: as
 * logits.top1 does, by the most noise that gold records of the residual stream up to there, or of its logits. */
bool lens_compute(struct lens *lens, struct model *model, const struct limits *limits, struct error *error);

size_t lens_count(const struct lens *lens);
size_t lens_layers(const struct lens *lens);
size_t lens_top(const struct lens *lens);
const struct lens_case *lens_at(const struct lens *lens, size_t index);

/* The first layer from which on the answer is the most likely token until the end, and the first where it is that at
 * all; -1: none. `points` are of one case, `layers` of them. */
int lens_first_layer(const struct lens_point *points, size_t layers);
int lens_first_top(const struct lens_point *points, size_t layers);

/* Appends the text of one token; "<token 7>" for one that has none, or without a tokenizer (NULL). Returns its script
 * (text/script.h), NULL: out of memory. */
const char *lens_token_text(struct tokenizer *tokenizer, int id, struct buffer *out);

/* Adds the finding `lens` over the cases of this dump (NULL: of none), with each case as a place: the rank of the
 * answer behind every layer, and for those that are furthest from gold also its log-probability and a table. Measured:
 * at how many layers of the worst case the most likely token is not gold's although gold can tell; more than the limit
 * lens.top1 is a warning. Without gold's residual stream nothing is measured. `all` cases there were. */
bool lens_report(const struct lens *lens, const struct golden *golden, size_t all, struct tokenizer *tokenizer,
                 const struct limits *limits, struct findings *findings, struct error *error);

#endif
