/* How many tokens meet what is absent? */
#ifndef ASSAY_INVENTORY_BLAST_H
#define ASSAY_INVENTORY_BLAST_H

#include "findings/finding.h"
#include "golden/golden.h"
#include "inventory/census.h"

/* Adds inventory.blast: measured is the share of tokens that meet something absent in some layer; with uniform
 * routing; it passes with 0.
 *
 * Uniform routing: a token takes k of the E experts of each layer, each choice as likely as any other. Of a layer with
 * m experts of which something is absent it meets one with probability 1 - C(E - m, k) / C(E, k), independently in each
 * layer. An absent tensor of anything but an expert is met by every token. Facts `uniform_tokens`,
 * `uniform_layers_per_token` (layers in which a token meets an absent expert), `uniform_calls` (share of the calls of
 * experts). With router logits in gold (NULL or more dumps) also what just those tokens met: `measured_tokens`,
 * `measured_layers_per_token`, `measured_calls`, and `tokens`, of how many. A series of layers for both. */
bool blast_check(const struct census *census, struct golden *const *goldens, size_t golden_count,
                 struct findings *findings, struct error *error);

#endif
