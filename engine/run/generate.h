/* What does the subject write? Sampled or greedy continuations of prompts, all together. */
#ifndef ASSAY_RUN_GENERATE_H
#define ASSAY_RUN_GENERATE_H

#include "run/subject.h"
#include "text/sampler.h"

struct generation_request {
    char *const *prompts;
    size_t count;
    size_t most; /* tokens for each */
    struct sampler_options sampler;
    uint64_t seed;
    bool chat;          /* prompts are questions, put as the chat template puts them (run/chat.h) */
    const char *system; /* what the system says before each; NULL: nothing */
};

/* How sure the model was of one token, by its own logits, before any processor of the sampler. In nats. */
struct generation_step {
    double log_probability; /* of the token that was written */
    double entropy;         /* of the distribution it was drawn from */
};

struct generation {
    struct ids prompt;
    char *chat;                    /* the text of `prompt` where a template made it, else NULL; owned */
    struct ids ids;                /* what was written, without the token that ended it */
    char *text;                    /* of them, special tokens left out; owned */
    bool ended;                    /* by an end-of-text token */
    bool broken;                   /* the logits behind `ids` are not all finite: nothing more was written */
    struct generation_step *steps; /* [ids.count]; owned */
    size_t step_capacity;
};

/* Fills `generations` [count], which the caller has zeroed and frees either way. The subject must be loaded and have a
 * tokenizer. A prompt's text depends on the seed and on its place among the prompts, not on the other prompts, threads
 * or memory. Ends at the ids of "eos_token_id" in generation_config.json beside the configuration, else in that. Logits
 * that are not finite end a text as `broken`. */
bool generate(struct subject *subject, const struct generation_request *request, struct generation *generations,
              struct error *error);
void generations_free(struct generation *generations, size_t count);

#endif
