/* What a command works on: the weights, their configuration, their tokenizer. */
#ifndef ASSAY_RUN_SUBJECT_H
#define ASSAY_RUN_SUBJECT_H

#include "model/model.h"
#include "model/setting.h"
#include "store/origin.h"
#include "text/tokenizer.h"

/* Beside a tokenizer.json that was made from the metadata of a GGUF file: no original has its hash. */
#define TOKENIZER_ORIGIN "tokenizer.json.origin"

struct subject_options {
    const char *model;     /* anything a store opens */
    const char *config;    /* config.json; NULL: in the weights' file, beside the weights, else in `source` */
    const char *tokenizer; /* folder; NULL: in the weights' file, beside the weights, else in `source` */
    struct text_variants text_variants; /* of the tokenizer, for experiments */
    const char *source;                 /* the original checkpoint's folder, or its index file alone; NULL: none */
    struct departures departures;       /* of the configuration, for experiments */
    struct model_options engine;
};

struct subject {
    struct store *store; /* the top overlay, or `base` */
    struct store *base;  /* as the files hold it */
    struct model_config *config;
    const char *source_path; /* borrowed; NULL: none was named */
    struct store *source;    /* see subject_source */
    char *config_path;       /* NULL: it is a document of the store */
    float *choice_biases;    /* that the configuration lends; NULL: none */
    char *config_text;
    bool quantised;              /* matrices are stored in a form that the engine does not widen */
    char *tokenizer_folder;      /* NULL: none found, or it is a document of the store */
    bool tokenizer_document;     /* it is */
    bool tokenizer_named;        /* by the options */
    struct tokenizer *tokenizer; /* NULL: none found, or it cannot be read: then why is in tokenizer_problem */
    char tokenizer_sha256[65];   /* of the tokenizer.json that was found, readable or not; "": none, or a document */
    char *tokenizer_problem;
    struct model *model; /* NULL until subject_load */
    struct model_options engine;
};

/* The bound on weights in memory (model_options.memory) where one was asked for, or none, 0: a container may have less
 * than the machine, of which the engine knows. */
uint64_t subject_memory(uint64_t asked);

/* Opens weights, configuration and tokenizer. `*subject` is filled as far as it got and must be freed either way. A
 * tokenizer that was asked for by name and cannot be read is an error; one that was only found is a problem. */
bool subject_open(const struct subject_options *options, struct subject *subject, struct error *error);

/* Lays an overlay over the subject's weights: `top` is directly over subject->store, which it does not own, and is
 * freed with the subject. Before subject_load. */
void subject_cover(struct subject *subject, struct store *top);

/* A tokenizer alone: of a folder, a tokenizer.json, or a file of weights that has one in it. NULL on failure. */
struct tokenizer *subject_tokenizer(const char *path, const struct text_variants *variants, struct error *error);

/* The subject's own tokenizer once more, with departures. NULL on failure. */
struct tokenizer *subject_tokenizer_as(const struct subject *subject, const struct text_variants *variants,
                                       struct error *error);

/* A tokenizer beside the one that is used: where that was named (--tokenizer), the model's own; else the original's,
 * where the model has its own. Owned, as is `*path`, where it lies. NULL: there is none that can be read. */
struct tokenizer *subject_second_tokenizer(const struct subject *subject, char **path, struct error *error);

/* The original's weights, opened at the first call; NULL: none were named, or the source gives only configuration,
 * tokenizer and index. */
const struct store *subject_source(struct subject *subject);

/* Where the original's tensors lie: of the source, or, where none was named and the subject has an index of its own, of
 * that. `*origin` is owned by the caller, and NULL where neither is known. A source that is not there, or an index that
 * is none, is an error. */
bool subject_origin(struct subject *subject, struct origin **origin, struct error *error);

/* Prepares the engine; refuses what `missing` refuses. */
bool subject_load(struct subject *subject, struct error *error);

/* An error that says why, unless there is a tokenizer. */
bool subject_needs_tokenizer(const struct subject *subject, struct error *error);

void subject_free(struct subject *subject);

#endif
