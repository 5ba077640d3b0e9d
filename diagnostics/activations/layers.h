/* Where does the subject leave gold? Every probe point of every layer, compared in two ways:
 * - propagated: the subject runs end to end, its error accumulates;
 * - isolated: every module is fed its golden input, its error does not accumulate, and a module is blamed when its
 * input was good and its output is not. The isolated run is an ordinary pass whose activations are replaced by gold's
 * as soon as they were compared. */
#ifndef ASSAY_ACTIVATIONS_LAYERS_H
#define ASSAY_ACTIVATIONS_LAYERS_H

#include "findings/finding.h"
#include "golden/golden.h"
#include "limits/limits.h"
#include "run/run.h"

enum mode { MODE_PROPAGATED, MODE_ISOLATED, MODE_COUNT };

struct layers;

/* All borrowed until layers_free. */
struct layers *layers_new(const struct golden *golden, const struct model_config *config, const struct limits *limits,
                          struct error *error);
void layers_free(struct layers *layers);

/* Compares a part of case `case_index` with gold. MODE_ISOLATED then replaces it by gold. MODE_PROPAGATED replaces
 * router logits of a token whose chosen experts differ from gold's only by a tie: two experts that float32
 * cannot tell apart, whatever error a suite allows. */
bool layers_see(struct layers *layers, enum mode mode, size_t case_index, const struct part *part, struct error *error);

/* One block of the pass alone (model_options.first_block), isolated. Does gold hold, for every token of the case, what
 * the block goes on from? */
bool layers_can_feed(const struct layers *layers, size_t case_index, int block);
/* As layers_see in MODE_ISOLATED, for a pass over that block, which layers_can_feed: gives it gold's input. */
bool layers_see_block(struct layers *layers, size_t case_index, int block, const struct part *part,
                      struct error *error);
/* Called, in isolation, with what was computed at a place of which gold holds values, before gold's, `values`, go on in
 * their place; not with rows of experts of which gold's routing is unsure. NULL: nobody. */
typedef void layers_watcher(void *context, size_t gold, size_t case_index, const struct part *part,
                            const float *values);
void layers_watch(struct layers *layers, layers_watcher *watcher, void *context, size_t gold);
/* Forgets what was compared of the block, for another pass over it. */
void layers_forget(struct layers *layers, int block);

/* Of one block in isolation, over all dumps. */
struct isolated_result {
    size_t compared; /* places (module of one dump); 0: gold holds nothing to judge the block by */
    size_t bad;
    unsigned compared_points;   /* bits of enum point: compared with some dump */
    unsigned bad_points;        /* the same: bad by some */
    double ratios[POINT_COUNT]; /* the largest error of each over its limit; 0: not compared */
    double errors2[POINT_COUNT],
        golds2[POINT_COUNT]; /* over all cases that feed it: squared error, and gold's square */
};

/* Adds to it what this dump says. */
void layers_count(const struct layers *layers, int block, struct isolated_result *result);

/* The last layer of which gold of the case compares what came out of its feed-forward block, there or anywhere behind
 * it; -1: of none. */
int layers_reach(const struct layers *layers, size_t case_index);

/* Marks the tensors of the dump of which every row was compared: `marks` holds one for each of golden_tensor_count. */
void layers_compared(const struct layers *layers, bool *marks);

/* Adds the findings layers.propagated, layers.isolated, and, where routers were compared, layers.ties: how many choices
 * were gold's by force. `not_isolated`: why that mode was not run; NULL: it was. */
bool layers_report(const struct layers *layers, struct findings *findings, const char *not_isolated,
                   struct error *error);
/* Adds layers.isolated alone. */
bool layers_report_isolated(const struct layers *layers, struct findings *findings, struct error *error);

#endif
