/* Weight health: what can be told of weights from their numbers alone, all of them read once. */
#ifndef ASSAY_HEALTH_HEALTH_H
#define ASSAY_HEALTH_HEALTH_H

#include "findings/finding.h"
#include "health/scan.h"

/* Adds, from a finished scan, one summary each and a place for every tensor at fault:
 *  weights.finite       values that are NaN or infinite
 *  weights.constant     all zero, all one value (a norm that is ones), or a run of one value such as a hole in a file
 *  weights.bytes        bytes in reverse order; one 16-bit type read as the other
 *  weights.identical    the very values of another tensor
 *  weights.initialised  values as a framework initialises them, never loaded
 *  weights.magnitude    a lost scale; one value out of all proportion
 *  weights.structure    shuffled, transposed; a norm's gain that does not fit what reads through it
 *  weights.pairs        rows in another order than those of the matrices that work on the same neurons
 *  weights.router       experts at rows of the router that are others' (models with experts)
 * The last five are told from peers - the same weight in other layers, or of the other experts of the layer - and only
 * where all peers have what one tensor lacks: a series of each says of which weights that can be told, and from what
 * size of the fault on. */
bool health_report(const struct scan *scan, struct findings *findings, struct error *error);

#endif
