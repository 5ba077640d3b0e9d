/* What a configuration says of how the weights were quantised. */
#ifndef ASSAY_STORE_QUANTISATION_H
#define ASSAY_STORE_QUANTISATION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/json.h"

struct quantisation {
    const char *document; /* "config.json", static; NULL: nothing is said of it */
    char method[48];      /* "gptq"; "": not said */
    char kind[48];        /* within the method: "nf4"; "": not said */
    int bits;             /* 0: not said */
    int group;            /* values that share a scale; 0: not said, or whole rows */
    int block[2];         /* ... or a block of them; 0, 0: no blocks */
    const cJSON *modules; /* what is said of modules by their names; borrowed, and NULL where the text is not kept */
};

/* Takes what the JSON of that document says, beyond what is known already: config.json, a level of it, or a file that a
 * quantiser writes beside it (quantisation_file). Anything else that the JSON holds is passed over. */
void quantisation_take(const char *document, const cJSON *json, struct quantisation *quantisation);

/* The `nth` file beside config.json that may say it; NULL: there are no more. */
const char *quantisation_file(size_t nth);

/* Appends "quantised by gptq, 4 bits, groups of 128 (config.json)". */
void quantisation_text(const struct quantisation *quantisation, struct buffer *out);

#endif
