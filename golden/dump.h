/* Writing a golden-format dump: a probe that puts every activation where it belongs in the file, in bounded memory. */
#ifndef ASSAY_GOLDEN_DUMP_H
#define ASSAY_GOLDEN_DUMP_H

#include "golden/golden.h"
#include "model/model.h"

struct dump_options {
    const char *producer;
    const char *dtype;            /* of the arithmetic */
    const char *config;           /* text of config.json; NULL: not recorded */
    const char *tokenizer_sha256; /* NULL or "": not recorded */
    bool points[POINT_COUNT];     /* which activations */
};

struct dump;

/* `cases` are borrowed until the dump ends. The file appears, whole, at dump_commit only. */
struct dump *dump_create(const char *path, const struct model_config *config, const struct golden_case *cases,
                         size_t count, const struct dump_options *options, struct error *error);

/* The probe for passes over all cases, sequence i being case i. The passes may cut the cases into chunks of tokens:
 * dump_advance after each pass tells how many tokens of case i have passed. */
struct probe dump_probe(struct dump *dump);
void dump_advance(struct dump *dump, size_t case_index, size_t tokens);

/* Both end the dump. An activation that never came is an error. */
bool dump_commit(struct dump *dump, struct error *error);
void dump_discard(struct dump *dump);

#endif
