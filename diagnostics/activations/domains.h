/* Which experts do texts of different kinds go through, and what changes without those that a kind does not use? */
#ifndef ASSAY_ACTIVATIONS_DOMAINS_H
#define ASSAY_ACTIVATIONS_DOMAINS_H

#include "findings/finding.h"
#include "run/subject.h"

/* Adds "experts.domains": of a model with experts and a tokenizer, how English, other languages, code and sums are
 * routed (built-in texts, the first DOMAIN_TOKENS tokens of each): experts at work, how alike two kinds are, experts
 * that meet no token and those that meet many, what part of the routers' probability lies on experts that are absent,
 * and the perplexity of each text's second half with and without the experts that its first half does not use. It says
 * what is so, and judges only what is absent. Nothing of a model without experts. The model is opened for it. Where the
 * first text alone takes a quarter of so many seconds (0: no bound) it is skipped. */
#define DOMAIN_TOKENS 192
bool domains_report(const struct subject *subject, double seconds, struct findings *findings, struct error *error);

#endif
