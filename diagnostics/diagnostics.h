/* The table of diagnostics. */
#ifndef ASSAY_DIAGNOSTICS_DIAGNOSTICS_H
#define ASSAY_DIAGNOSTICS_DIAGNOSTICS_H

#include "base/buffer.h"
#include "findings/diagnostic.h"

/* In the order in which they report. ROW(NAME, name, checks): DIAGNOSTIC_NAME is the place of the row
 * `diagnostic_name`, which reports the checks whose ids fit one of these patterns (fnmatch). */
#define DIAGNOSTICS(ROW)                                                                                               \
    ROW(INVENTORY, inventory, "inventory.*")                                                                           \
    ROW(WEIGHTS, weights, "weights.*")                                                                                 \
    ROW(TOKENS, tokens, "tokens.*")                                                                                    \
    ROW(LAYERS, layers, "layers.*")                                                                                    \
    ROW(LOGITS, logits, "logits.*,perplexity")                                                                         \
    ROW(LENS, lens, "lens,lens.*")                                                                                     \
    ROW(GREEDY, greedy, "greedy")                                                                                      \
    ROW(PERPLEXITY, perplexity, "perplexity,perplexity.*")                                                             \
    ROW(TEXTS, texts, "text.*")

#define DIAGNOSTIC_PLACE(NAME, name, checks) DIAGNOSTIC_##NAME,
enum diagnostic_place { DIAGNOSTICS(DIAGNOSTIC_PLACE) DIAGNOSTIC_COUNT };
#undef DIAGNOSTIC_PLACE

#define DIAGNOSTIC_ROW(NAME, name, checks) extern const struct diagnostic diagnostic_##name;
DIAGNOSTICS(DIAGNOSTIC_ROW)
#undef DIAGNOSTIC_ROW

extern const struct diagnostic *const diagnostic_rows[DIAGNOSTIC_COUNT];
extern const char *const diagnostic_checks[DIAGNOSTIC_COUNT]; /* the patterns, with commas between them */

/* Its place; DIAGNOSTIC_COUNT when there is none of that name. */
enum diagnostic_place diagnostic_parse(const char *name);
/* Appends "inventory, weights ... and texts". */
void diagnostic_names(struct buffer *out);
/* Appends a line for each, or (`comparing`) for those that take part in assay compare: its name, and what it asks. */
void diagnostic_questions(bool comparing, struct buffer *out);
/* Takes out of the marks those that do not. False: none is left. */
bool diagnostics_compare(bool marks[DIAGNOSTIC_COUNT]);

#endif
