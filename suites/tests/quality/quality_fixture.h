/* What the tests of quality share. */
#ifndef ASSAY_TESTS_QUALITY_FIXTURE_H
#define ASSAY_TESTS_QUALITY_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "quality/quality.h"

#define RULES ASSAY_SOURCE_DIR "/suites/quality.json"
#define MIB ((size_t)1 << 20)

/* Dictionaries come from this folder, not from the installed ones: the linker sends quality.c here. */
extern const char *dictionary_folder;

struct quality *judge_open(const char *rules);
/* The rules of suites/quality.json and no evidence: those that want some hold without. */
struct quality *judge_open_rules(void);
struct judgement judge(struct quality *quality, const char *text, size_t size, const struct expects *expects);
bool hits(const struct judgement *judgement, const char *rule);

/* "rule rule ...", in one of a few static buffers. */
const char *all_hits(const struct judgement *judgement);

#define PROSE                                                                                                          \
    "The ferry had run for sixty years before anyone thought of counting the people who used it. It crossed the "      \
    "narrow sound in eleven minutes, or in nine when the tide was kind, and it carried whatever came to the slip. "    \
    "Nobody bought a ticket in advance. You stood on the stones and waved, and the man either saw you or he did not. "

#endif
