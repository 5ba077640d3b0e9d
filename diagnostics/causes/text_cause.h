/* Why prompts have other ids than in gold. */
#ifndef ASSAY_CAUSES_TEXT_CAUSE_H
#define ASSAY_CAUSES_TEXT_CAUSE_H

#include "causes/causes.h"
#include "run/subject.h"

/* Where the subject's tokenizer gives gold's prompts other ids: reads them with each departure of text_variant.h. One
 * with which all have gold's ids is a proved "cause"; nothing is added where none is. */
bool text_cause_find(const struct causes_request *request, const struct subject *subject, struct findings *findings,
                     struct error *error);

#endif
