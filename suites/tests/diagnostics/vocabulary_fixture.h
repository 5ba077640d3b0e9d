/* Models with a vocabulary, real and made, and what is said of them: what the tests of the vocabulary share. */
#ifndef ASSAY_TESTS_VOCABULARY_FIXTURE_H
#define ASSAY_TESTS_VOCABULARY_FIXTURE_H

#include <stdint.h>

#include "findings/finding.h"
#include "health/scan.h"
#include "run/subject.h"

#define GOLDEN ASSAY_SOURCE_DIR "/golden/"
#define THINKER GOLDEN "thinker-48"
#define TOKENS 1536 /* of its tokenizer: 1533 of the vocabulary, 3 added */
#define WORDS 1533
#define SPARE 64 /* rows without a token */
#define ROWS (TOKENS + SPARE)

extern const struct tensor embed_tensor;
extern const struct tensor head_tensor;

struct subject open_subject(const struct subject_options *options);
struct subject open_thinker(void);
struct findings check(const struct subject *subject, const struct row_profile *embedding,
                      const struct row_profile *head);

/* The summary of a check. */
const struct finding *summary(const struct findings *findings, const char *name);

/* The first place of that verdict and check; its message has the words in it. */
const struct finding *expect_place(const struct findings *findings, const char *name, enum verdict verdict,
                                   const char *words);
double fact(const struct finding *finding, const char *name);
void expect_verdicts(const struct findings *findings, enum verdict ids, enum verdict rows, const char *what);
struct row_profile profile_of(const struct store *store, const char *name);

/* As real tables are: trained rows around 0.1, spread by a fifth, with tails; untrained ones around a tenth of that,
 * spread by a twentieth. */
struct made {
    float rms[ROWS];
    struct row_profile profile;
};

float trained_rms(uint64_t *state);
float spare_rms(uint64_t *state);
struct made *made_new(uint64_t seed);

#define ENDS "{\"eos_token\": \"<|im_end|>\"}"

void write_after(const char *path, const char *text, const char *place, const char *put);

#endif
