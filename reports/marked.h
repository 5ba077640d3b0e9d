/* Inside reports/: a text with marks, cut into pieces, and in short. */
#ifndef ASSAY_REPORTS_MARKED_H
#define ASSAY_REPORTS_MARKED_H

#include "reports/outline.h"
#include "reports/text.h"

/* What the marks of some texts say, each with a number for its colour and class. Names are borrowed. */
#define MARK_KINDS 8
struct mark_kinds {
    const char *names[MARK_KINDS];
    size_t count;
};

/* The number of the name, which is added when new; those for which there is no room share the last, "other faults". */
size_t mark_kind(struct mark_kinds *kinds, const char *name);
void mark_kinds_add(struct mark_kinds *kinds, const struct marked_text *marked);

/* Bytes from .. to - 1, all marked alike: bit k of `kinds` for the kind k. */
struct piece {
    size_t from, to;
    unsigned kinds;
};
struct pieces {
    struct piece *items; /* owned; in order, without gaps, none empty */
    size_t count;
};

/* Cuts bytes from .. to - 1 where a mark begins or ends, and at the onset. All kinds must have been added. False: out
 * of memory; else the caller frees the items. */
bool pieces_cut(const struct marked_text *marked, struct mark_kinds *kinds, size_t from, size_t to,
                struct pieces *pieces);

/* The byte where the text goes wrong: the onset of the first reason, else the first mark; its size when it does not. */
size_t marked_onset(const struct marked_text *marked);

/* The text around its onset on one line: "... before >>>at fault<<< behind ...", the fault up to where its mark ends.
 * Of a text without reasons and marks, its beginning. */
void excerpt_append(struct buffer *out, enum text_form form, const struct marked_text *marked);

/* "one piece over and over, from character 12 on" */
void reason_append(struct buffer *out, enum text_form form, const struct marked_text *marked,
                   const struct text_reason *reason);
/* Why the place fails: the first `maximum` reasons of its text, and how many more there are. A place without a text of
 * its own is about one fault of a text that has a place of its own (fact "reason"), and only those reasons are given.
 * The place's message where no reason is known. */
void reasons_append(struct buffer *out, enum text_form form, const struct outline *outline, const struct finding *place,
                    size_t maximum);

/* What the fact says that a reader may run does, "repeat" of "commands.repeat"; NULL: it is nothing to run. */
const char *fact_command(const struct fact *fact);
/* The place is a text, or says which reason a text fails by; nothing was measured there. */
bool place_is_text(const struct finding *place);
/* Where it is; of a text: line 3: "The key to ...". */
void place_append(struct buffer *out, enum text_form form, const struct finding *finding);

#endif
