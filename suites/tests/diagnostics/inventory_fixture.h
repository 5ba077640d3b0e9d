/* What the tests of the inventory share. */
#ifndef ASSAY_TESTS_INVENTORY_FIXTURE_H
#define ASSAY_TESTS_INVENTORY_FIXTURE_H

#include "findings/finding.h"
#include "model/config.h"

#define MODEL ASSAY_SOURCE_DIR "/golden/thinker-48"
#define NANO ASSAY_SOURCE_DIR "/golden/nano/"

extern struct store *model;
extern struct model_config *config;
extern struct origin *origin;

void open_model(void);
void close_model(void);
double fact(const struct finding *finding, const char *name);
const char *fact_text(const struct finding *finding, const char *name);
const struct finding *head_of(const struct findings *findings, const char *check);

#endif
