/* libassay: what a program in C needs of assay. A model is opened and run to logits; a model is checked against gold,
 * and the report comes back as JSON.
 *
 *     cc example.c $(pkg-config --static --cflags --libs assay)
 *
 * Strings are UTF-8. What comes out through a pointer is the caller's, who frees it with assay_free. A function that
 * can fail returns NULL or false and sets `*error`, a sentence for people that names the file, what was expected and
 * what was found; NULL where no memory was left for it. `error` itself may be NULL. Where a function succeeds, `*error`
 * is NULL. Nothing is printed, no signal is taken, and nothing ends the program.
 *
 * One call at a time in a process; each uses the threads that its options say. An OpenBLAS that is older than the
 * processor chooses slow kernels: OPENBLAS_CORETYPE in the environment, set before the program starts, names others. */
#ifndef ASSAY_H
#define ASSAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The same options as of the commands; all zero or NULL: as the commands do without them. */
struct assay_options {
    const char *config;    /* config.json; NULL: in or beside the weights, else of `source` */
    const char *tokenizer; /* folder; NULL: the same */
    const char *source;    /* the original checkpoint's folder, or its index file; NULL: none is known */
    int threads;           /* 0: one for each processor */
    uint64_t memory;       /* bytes of weights that may stay in memory; 0: as much as the machine has to spare */
};

/* "0.1.0". Borrowed. */
const char *assay_version(void);

/* Frees what came out of a function of this library; NULL is nothing. */
void assay_free(void *memory);

/* -- A model that computes -- */

struct assay_model;

/* `path`: a checkpoint's folder, a file of safetensors, a GGUF file, an extraction. A tensor that the configuration
 * calls for and that is not there is an error. `options` may be NULL. NULL on failure. */
struct assay_model *assay_open(const char *path, const struct assay_options *options, char **error);
void assay_close(struct assay_model *model);

/* How many logits there are: ids are 0 .. vocabulary - 1. */
size_t assay_vocabulary(const struct assay_model *model);

/* The ids of a text, with what the tokenizer adds to every text (BOS). `*ids` is [*count], NULL for none. */
bool assay_tokenize(struct assay_model *model, const char *text, int **ids, size_t *count, char **error);
/* The text of ids, special tokens included. NULL on failure. */
char *assay_text(struct assay_model *model, const int *ids, size_t count, char **error);

/* One pass over ids [count], count >= 1; `logits` [vocabulary] are those behind the last of them: of the token that
 * follows. The same as assay trace writes: float32, sums in double, whatever the number of threads. */
bool assay_logits(struct assay_model *model, const int *ids, size_t count, float *logits, char **error);

/* -- A check -- */

struct assay_check {
    const char *model;          /* as of assay_open, but what is not there is a finding */
    const char *const *goldens; /* [golden_count] dumps */
    size_t golden_count;        /* 0: what needs gold is skipped */
    const char *suite;          /* name of a built-in suite, or a file; NULL: "default" */
    struct assay_options options;
};

enum assay_verdict {
    ASSAY_PASS,
    ASSAY_WARN, /* passed, with something that should be looked at */
    ASSAY_FAIL,
    ASSAY_ERROR /* could not be run; `*error` says why */
};

/* What assay check does, but that it looks for no causes (--no-diagnose). `*report`, when it is not NULL, is the
 * document that report.schema.json describes; NULL inside only with ASSAY_ERROR, where the check could not begin or
 * end. The verdict is also the document's own. */
enum assay_verdict assay_check(const struct assay_check *check, char **report, char **error);

#ifdef __cplusplus
}
#endif

#endif
