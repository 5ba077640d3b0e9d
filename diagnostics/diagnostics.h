/* The table of diagnostics. */
#ifndef ASSAY_DIAGNOSTICS_DIAGNOSTICS_H
#define ASSAY_DIAGNOSTICS_DIAGNOSTICS_H

#include "base/buffer.h"
#include "findings/diagnostic.h"

/* In the order in which they report. ROW(NAME, name): DIAGNOSTIC_NAME is the place of the row `diagnostic_name`. */
#define DIAGNOSTICS(ROW)                                                                                               \
    ROW(INVENTORY, inventory)                                                                                          \
    ROW(WEIGHTS, weights)                                                                                              \
    ROW(TOKENS, tokens)                                                                                                \
    ROW(LAYERS, layers)                                                                                                \
    ROW(LOGITS, logits)                                                                                                \
    ROW(LENS, lens)                                                                                                    \
    ROW(GREEDY, greedy)                                                                                                \
    ROW(PERPLEXITY, perplexity)                                                                                        \
    ROW(TEXTS, texts)

#define DIAGNOSTIC_PLACE(NAME, name) DIAGNOSTIC_##NAME,
enum diagnostic_place { DIAGNOSTICS(DIAGNOSTIC_PLACE) DIAGNOSTIC_COUNT };
#undef DIAGNOSTIC_PLACE

#define DIAGNOSTIC_ROW(NAME, name) extern const struct diagnostic diagnostic_##name;
DIAGNOSTICS(DIAGNOSTIC_ROW)
#undef DIAGNOSTIC_ROW

extern const struct diagnostic *const diagnostic_rows[DIAGNOSTIC_COUNT];

/* Its place; DIAGNOSTIC_COUNT when there is none of that name. */
enum diagnostic_place diagnostic_parse(const char *name);
/* Marks those of a list "layers,logits". False: a name in it is none. */
bool diagnostics_parse(const char *list, bool marks[DIAGNOSTIC_COUNT]);
/* Appends "inventory, weights ... and texts". */
void diagnostic_names(struct buffer *out);
/* Appends a line for each, or (`comparing`) for those that take part in assay compare: its name, and what it asks. */
void diagnostic_questions(bool comparing, struct buffer *out);
/* Takes out of the marks those that do not. False: none is left. */
bool diagnostics_compare(bool marks[DIAGNOSTIC_COUNT]);

#endif
