/* What an inventory charges a file, a tensor or a block with: whether it is wrong, the check that says so, its verdict
 * and its sentence. The same for whoever finds it: in the whole, in a file that has just landed, or where nothing but
 * the original proves an extraction. */
#ifndef ASSAY_INVENTORY_CHARGE_H
#define ASSAY_INVENTORY_CHARGE_H

#include "findings/finding.h"
#include "model/expected_set.h"

struct charge {
    const char *check; /* static; NULL: nothing is wrong */
    enum verdict verdict;
    char *text; /* a sentence, owned; NULL: none, or out of memory */
};
void charge_free(struct charge *charge);

/* inventory.files: what cannot be read, as the store put it. */
struct charge charge_unread(const char *problem);
/* inventory.files: what lies unread beside the files. */
struct charge charge_beside(const char *note);
/* inventory.shape or .dtype, unless it is what is called for. */
struct charge charge_form(const struct expected *expected, const struct tensor *tensor);
/* inventory.extra: a tensor that the configuration does not call for. It changes no result: a warning. Of a file that
 * lands it is the writer's fault, and a watch fails for it. */
struct charge charge_extra(const struct tensor *tensor);
/* inventory.misplaced, of an extraction: in the folder of another block, or in a file whose name says another layer or
 * expert. What a file holds counts; but a reader by names takes it for what its name says. */
struct charge charge_misplaced(const struct tensor *tensor);
/* inventory.duplicates: `used` is the one of that name that is found by it. */
struct charge charge_twice(const struct tensor *used, const struct tensor *tensor);
/* inventory.absent */
struct charge charge_absent(const struct expected *expected);
/* inventory.incomplete: `items` are the file's tensors, `there` [set->list.count] says which of all are; unless all of
 * the file are, or none. */
struct charge charge_part(const struct expected_set *set, size_t file, const size_t *items, size_t count,
                          const bool *there);

#endif
