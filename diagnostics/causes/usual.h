/* What people guess when a model writes gibberish: each guess held against what the experiments showed. */
#ifndef ASSAY_CAUSES_USUAL_H
#define ASSAY_CAUSES_USUAL_H

#include "causes/damage.h"
#include "causes/rest.h"
#include "findings/finding.h"

/* Adds a finding for each: "hypothesis.norms", "hypothesis.weights", "hypothesis.architecture", "hypothesis.experts",
 * "hypothesis.tokenizer". Fail: supported, or likely; pass: refuted; skip: nothing tested it. */
bool usual_report(const struct causes_request *request, const struct hunt *hunt, const struct rest *rest,
                  const struct damage *damage, struct findings *findings, struct error *error);

/* The same where only readings of a text were compared: each departure bears out its guess, and nothing refutes one. */
bool usual_report_likely(const struct hypothesis *likely, size_t count, struct findings *findings, struct error *error);

#endif
