/* What the parts of an inventory share: findings of it, and what is judged by files and names alone. */
#ifndef ASSAY_INVENTORY_INVENTORY_INTERNAL_H
#define ASSAY_INVENTORY_INVENTORY_INTERNAL_H

#include "inventory/census.h"
#include "inventory/charge.h"
#include "inventory/inventory.h"

/* A place that fails the check, of that layer and expert (-1: none), and of the tensor (NULL: of none) and its file.
 * NULL: out of memory. */
struct finding *inventory_place(struct findings *findings, const char *check, const struct tensor *tensor, int layer,
                                int expert);
/* A place that the charge makes, at the tensor where one is named; frees the charge. */
struct finding *inventory_charge(struct findings *findings, struct charge *charge, const struct tensor *tensor);
/* The check as a whole: `count` tensors are wrong, and none may be. */
struct finding *inventory_summary(struct findings *findings, const char *check, size_t count, const char *cause);

/* inventory.biases, where there is something to tell. False: out of memory. */
bool inventory_biases(const struct census *census, struct findings *findings);

/* inventory.duplicates. False: out of memory. */
bool inventory_duplicates(const struct store *store, struct findings *findings);

/* inventory.head: what a model is whose class has no head over the vocabulary, or a warning where the configuration
 * ties the head to the embedding, and one is stored that differs from it in one of the rows that are compared, 64 at
 * most. Nothing is said otherwise. False: out of memory. */
bool inventory_head(const struct census *census, struct findings *findings);

#endif
