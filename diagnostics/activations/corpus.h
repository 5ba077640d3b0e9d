/* Texts to be read by a model: files, and some that are built in. */
#ifndef ASSAY_ACTIVATIONS_CORPUS_H
#define ASSAY_ACTIVATIONS_CORPUS_H

#include "base/buffer.h"
#include "base/error.h"

/* Nine thousand characters of plain English that no model was trained on. */
#define CORPUS_ENGLISH ":english"
/* One or two thousand characters of other kinds. */
#define CORPUS_LANGUAGES ":languages"
#define CORPUS_CODE ":code"
#define CORPUS_SUMS ":sums"

/* `text->data` is never NULL on success. */
bool corpus_read(const char *name, struct buffer *text, struct error *error);

#endif
