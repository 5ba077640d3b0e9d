/* Are these texts language, and what was asked for? Texts from anywhere become findings. */
#ifndef ASSAY_TEXTS_TEXTS_H
#define ASSAY_TEXTS_TEXTS_H

#include "findings/finding.h"
#include "limits/limits.h"
#include "quality/quality.h"
#include "run/generate.h"
#include "texts/relevance.h"
#include "texts/witness.h"

struct text_case {
    const char *id;     /* "line 3", "prompt 2, greedy"; borrowed, as is all that the caller sets */
    const char *prompt; /* NULL: unknown */
    const char *text;   /* UTF-8 */
    size_t size;
    const struct expects *expects; /* NULL: nothing */
    /* Of a text that a model wrote here; NULL and 0 of others. */
    size_t *token_ends;                  /* [tokens]: bytes of the text up to the end of each token */
    const struct generation_step *steps; /* [tokens] */
    size_t tokens;
    bool broken; /* the logits behind the last token are not finite */
    /* Filled here. */
    struct surprise surprise; /* a judge model's; count 0: there is none */
    struct judgement judgement;
    struct relevance relevance;
    bool related; /* `relevance` was measured */
};

struct quality_text text_of(const struct text_case *text);

/* What surprises a judge model in them, for texts_judge to weigh; `*knows` as for witness_surprise. */
bool texts_surprise(struct subject *judge, struct text_case *cases, size_t count, double *knows, struct error *error);

/* Judges all of them; progress is shown. */
bool texts_judge(struct quality *quality, struct text_case *cases, size_t count, struct error *error);

/* Has a model read them, before texts_judge: what surprises it (texts_surprise), and whether they follow from their
 * prompts (diagnostics/relevance.h). `continues`: they were written right behind them. */
bool texts_hear(struct subject *judge, struct text_case *cases, size_t count, bool continues, double *knows,
                struct error *error);
void texts_free(struct text_case *cases, size_t count);

/* "gibberish", "not what was asked for", "no fault found", "too short to tell". */
const char *text_verdict(const struct text_case *text);

struct texts_control {
    const struct limits *limits;
    size_t vocabulary;    /* of the model that wrote them; 0: unknown */
    const char *original; /* why gibberish is told and not judged: the original writes it too; NULL: it does not */
    double judge_bits;    /* bits per byte that plain English costs the judge (witness_surprise); 0: there is none */
};

/* Adds to the judgements what the steps of the model show; then to the findings text.verdict (one place for each text,
 * with its prompt, the text with its faults marked, and the reasons); for each diagnostic ("text.repetition" ...) how
 * many texts it fails, with those as places; text.control where patterns are expected (the same patterns must not be
 * found in the answers to other prompts); text.self_consistency where the steps are known; text.relevance where
 * texts_hear was asked. */
bool texts_report(struct quality *quality, struct text_case *cases, size_t count, const struct texts_control *control,
                  struct findings *findings, struct error *error);

#endif
