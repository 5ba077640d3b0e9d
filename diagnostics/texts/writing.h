/* What does the subject write, and is it language? Continuations of prompts, sampled and greedy, judged as texts. */
#ifndef ASSAY_TEXTS_WRITING_H
#define ASSAY_TEXTS_WRITING_H

#include "golden/golden.h"
#include "run/subject.h"
#include "text/sampler.h"
#include "texts/texts.h"

struct writing_request {
    char *const *prompts;
    const struct expects *expects; /* [count] */
    size_t count;
    bool chat;   /* prompts are questions, put as the subject's chat template puts them */
    size_t most; /* tokens for each */
    struct sampler_options sampler;
    uint64_t seed;
    const struct limits *limits;
    struct quality *quality; /* judges the texts */
    struct subject *judge;   /* a model that says whether texts follow from their prompts; NULL: none */
    /* Of the original: gibberish of the subject is told and not judged where the continuations that gold holds are
     * gibberish too, or where `same` says why the subject is as the original: but for what gold does not reach, of
     * which continuations of it that are language would tell. */
    struct golden *const *goldens;
    size_t golden_count;
    const char *same; /* a sentence; NULL: nothing shows that it is */
    bool whole;       /* that it is, is so of every expert */
};

/* The four prompts of the story (README.md), for suites that name none. */
#define WRITING_PROMPTS 4
extern const char *const writing_prompts[WRITING_PROMPTS];

/* Adds the findings of texts_report, a text's case being "prompt 2, greedy" or "prompt 2, sampled". Logits that are not
 * finite fail the text. The subject must have a tokenizer; it is loaded here if it is not yet. */
bool writing_check(struct subject *subject, const struct writing_request *request, struct findings *findings,
                   struct error *error);

#endif
