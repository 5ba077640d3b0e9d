/* The inventory of a model that cannot be computed; of one whose family is not known by names alone. */
#ifndef ASSAY_INVENTORY_INVENTORY_UNKNOWN_H
#define ASSAY_INVENTORY_INVENTORY_UNKNOWN_H

#include "inventory/inventory.h"

/* inventory.computable, a warning: why the model cannot be computed, or that the configuration calls its matrices
 * quantised where they are not. A failure where they are, and the configuration does not say so. Nothing else is said
 * of a model that can be computed. False: out of memory. */
bool inventory_computable(const struct inventory_request *request, struct findings *findings);

/* What inventory_inspect adds for a family that is not known: inventory.absent, .shape and .dtype by what the other
 * layers and experts hold (alike.h); and, with `causes`, a skip for each check that needs the family. */
bool inventory_by_names(const struct inventory_request *request, struct findings *findings, struct error *error);

#endif
