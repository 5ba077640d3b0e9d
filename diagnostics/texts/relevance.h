/* Does a text follow from its prompt? A judge, any model that the engine reads, says how likely the text is after its
 * own prompt, after other prompts, and after none.
 *
 * The judge reads: what the tokenizer's template puts before a text (BOS), the prompt, a line break unless the text
 * begins or the prompt ends with white space, the text. The text is encoded apart, so that its ids are the same after
 * every prompt.
 *
 * Measured with SmolLM2-135M-Instruct as the judge and 8 other prompts, texts of 8 tokens or more:
 *
 *                                              texts   comparisons won   evidence, bits     relevance_lost
 *   answers and continuations by hand             42            100 %     2 ..  24 ..  64      1
 *   its own, temperature 0.7                      40            100 %    25 ..  45 ..  80      0
 *   the same 82 after the prompt of another       82             46 %   -70 .. -11 ..  12     79
 *   its own, a little damaged (neighbours of       98           99.9 %    6 ..  32 ..  75      1
 *     layers swapped, attention of 1 or 4 random,
 *     one q_proj lost, final norm scaled)
 *   its own, words and turns, but no sense        40             74 %   -23 ..   2 ..  32     25
 *   noise, its own or of a lost extraction       103             52 %   -48 ..  -7 .. 150     97
 *
 * (least .. median .. most). A suite as a whole says more than one text: of the comparisons of 20 texts 99 % and more
 * are won where relation is left, 70 and 78 % where the sense is gone, 41 to 59 % of noise and of texts after wrong
 * prompts. The evidence alone is fooled by noise that any context makes likelier (150 bits), the others alone by luck:
 * both count.
 *
 * The line break: of six ways to put answers after prompts this one won most, 99.6 % of the comparisons of 28 answers
 * in eleven languages, one-word answers among them, as did a space in its place and the chat template; nothing between
 * won 98.2 %, an empty line 97.8 %; on what a model wrote itself the chat template halves the evidence. Keeping keys
 * and values of prompts would save a sixth of the rows at most, for a copy of a cache with each text; it is not done.
 *
 * What the numbers do not say. Under RELEVANCE_TOKENS_LEAST tokens ("4", "Yes") there are few bits to tell by. Noise
 * comes out ahead by luck, once in nine texts with 8 others, which is why one text is weak evidence and a suite is not.
 * Prompts of a suite that ask the same win from each other. Bits per token are weak: what is well has 0.8 .. 2.3
 * .. 6.9, noise 0.9 .. 11.6 .. 17, loops almost none after the first RELEVANCE_LATE tokens.
 */
#ifndef ASSAY_TEXTS_RELEVANCE_H
#define ASSAY_TEXTS_RELEVANCE_H

#include "run/subject.h"

#define RELEVANCE_OTHERS 8       /* other prompts for each text */
#define RELEVANCE_TOKENS 256     /* of a text that are judged: its beginning */
#define RELEVANCE_LATE 20        /* tokens before bits_per_token_late */
#define RELEVANCE_TOKENS_LEAST 8 /* of a text for which relevance_lost has an opinion */
#define RELEVANCE_BITS_LEAST 3.0 /* of evidence and contrast: under it they may be chance */

struct relevance_pair {
    const char *prompt; /* NULL or "": there is none, and no relation to it */
    const char *text;   /* NULL or "": nothing was written */
};

struct relevance_options {
    size_t others;  /* 0: RELEVANCE_OTHERS */
    size_t tokens;  /* 0: RELEVANCE_TOKENS */
    bool continues; /* the texts were generated right after the prompts: never a line break between */
};

/* All bits are log2 of a probability (<= 0) or differences of such. What was not measured is NaN: all for a text of no
 * tokens, the relation without a prompt. */
struct relevance {
    double bits_own;   /* log2 P(text | own prompt) */
    double bits_alone; /* log2 P(text) after BOS and a line break */
    double evidence;   /* bits_own - bits_alone: pointwise mutual information of prompt and text */
    double contrast;   /* bits_own - log2 of the mean of P(text | other prompt) over the others */
    double margin;     /* bits_own - that of the other prompt that explains the text best */
    double share;      /* of the other prompts that explain the text worse: 0 .. 1 */
    size_t rank;       /* of the own prompt, 1: best; ties count against it; 0: no relation measured */
    size_t others;     /* other prompts that the text was held against; 0: no relation measured */
    size_t tokens;     /* of the text that were judged */
    size_t bytes;      /* of those */
    bool cut;          /* the text goes on after them */
    /* After the own prompt, or alone without one, >= 0: low for a loop, high for noise. */
    double bits_per_byte;
    double bits_per_token;
    double bits_per_token_late; /* of tokens after the first RELEVANCE_LATE; NaN: there are none */
};

/* Fills `out` [count]. The other prompts of a text are chosen from those of the pairs by a hash of both, so that
 * neither order nor place matters, and filled up with relevance_distractors where the pairs have too few; a prompt that
 * reads the same is no other. No (prompt, text) is run twice. Sequences go together as RUN_BYTES allows; shows
 * progress. `judge` is loaded here if it is not yet. Errors: a judge without a tokenizer, whose vocabulary lacks an id
 * of the texts, or whose probabilities are not finite. */
bool relevance_measure(struct subject *judge, const struct relevance_pair *pairs, size_t count,
                       const struct relevance_options *options, struct relevance *out, struct error *error);

/* The text says nothing of its prompt: of RELEVANCE_TOKENS_LEAST tokens or more, and evidence or contrast is under
 * RELEVANCE_BITS_LEAST. False where no relation was measured. */
bool relevance_lost(const struct relevance *relevance);

/* Of a suite, over the texts for which relevance_lost has an opinion. */
struct relevance_total {
    size_t texts;
    size_t first; /* of rank 1 */
    size_t lost;
    double share;    /* mean; NaN: no texts */
    double evidence; /* mean bits; NaN: no texts */
};

struct relevance_total relevance_total(const struct relevance *relevances, size_t count);

/* Prompts of many topics, kinds and languages, for texts that have too few others. */
const char *const *relevance_distractors(size_t *count);

#endif
