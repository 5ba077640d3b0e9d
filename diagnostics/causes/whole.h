/* Causes where gold holds logits only: nothing can be fed to a module, so each departure is a run from end to end. */
#ifndef ASSAY_CAUSES_WHOLE_H
#define ASSAY_CAUSES_WHOLE_H

#include "causes/hunt.h"

/* Where the hunt compared no module, and logits are not gold's: the departure with which they are, all but a thousandth
 * of the divergence, becomes a proof of the head. Departures of the configuration and the architecture and, unless the
 * weights are right, of weights in all layers alike. Adds to what was tried. */
bool whole_find(const struct hunt_request *request, struct hunt *hunt, struct error *error);

#endif
