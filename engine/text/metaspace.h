/* Metaspace, which writes a character for a space: what its pre-tokenizer and its decoder have in common. Private to
 * engine/text. */
#ifndef ASSAY_TEXT_METASPACE_H
#define ASSAY_TEXT_METASPACE_H

#include "base/json.h"

enum prepend_scheme { PREPEND_ALWAYS, PREPEND_FIRST, PREPEND_NEVER };

struct metaspace {
    char space[5];              /* what is written for a space */
    enum prepend_scheme scheme; /* which words get one in front */
    bool split;                 /* a word begins with each */
};

/* `of`: what it is, for messages. */
bool metaspace_load(struct metaspace *metaspace, const char *where, const char *of, const cJSON *json,
                    struct error *error);

#endif
