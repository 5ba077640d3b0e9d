/* Writing what passes through the engine, as a dump of one of three forms. */
#ifndef ASSAY_GOLDEN_GOLDEN_WRITER_H
#define ASSAY_GOLDEN_GOLDEN_WRITER_H

#include "golden/dump.h"
#include "run/run.h"

enum golden_form {
    GOLDEN_FORM_OWN,    /* dump.h */
    GOLDEN_FORM_NPY,    /* npy.h: a folder */
    GOLDEN_FORM_LOGITS, /* logits_base.h: the cases must be of one length */
};

struct golden_writer_request {
    const char *path;
    const struct model_config *config;
    const struct golden_case *cases;
    size_t count;
    const int *windows; /* the cases are windows of this text, one behind the other; NULL: they are not */
    const struct dump_options *options;
};

struct golden_writer;

/* What is behind the request's pointers is borrowed until the writer ends. */
struct golden_writer *golden_writer_new(enum golden_form form, const struct golden_writer_request *request,
                                        struct error *error);

/* The first token of a case of `count` whose logits are wanted. */
size_t golden_writer_logits_from(const struct golden_writer *writer, size_t count);

/* Rows of case `case_index`, as a rider sees them (run.h). */
bool golden_writer_see(struct golden_writer *writer, size_t case_index, const struct part *part, struct error *error);

/* Both end the writer. What was asked for appears, whole, at the commit only. */
bool golden_writer_commit(struct golden_writer *writer, struct error *error);
void golden_writer_discard(struct golden_writer *writer);

#endif
