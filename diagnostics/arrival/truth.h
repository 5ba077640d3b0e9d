/* What an extraction is judged by before it is whole: the original, or configuration and tokenizer alone. */
#ifndef ASSAY_ARRIVAL_TRUTH_H
#define ASSAY_ARRIVAL_TRUTH_H

#include "run/subject.h"

/* `options->model` is the folder of the extraction, which need hold nothing yet but a configuration where neither that
 * nor a source is named. A source with weights is opened whole, and must be in order: then truth->store is it. Else the
 * configuration is that of --config, the source or the folder, and truth->tokenizer NULL where none was found. `*truth`
 * must be freed either way. */
bool truth_open(const struct subject_options *options, struct subject *truth, struct error *error);

#endif
