/* The tables of words, one or more for each question; each ends with a row without a check. */
#ifndef ASSAY_FINDINGS_CHECK_WORDS_INTERNAL_H
#define ASSAY_FINDINGS_CHECK_WORDS_INTERNAL_H

#include "findings/check_words.h"

extern const struct check_words words_of_causes[], words_of_inventory[], words_of_values[], words_of_provenance[],
    words_of_computation[], words_of_texts[], words_of_coverage[];

#endif
