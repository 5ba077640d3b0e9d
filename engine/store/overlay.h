/* An overlay is a store over a store: it replaces, drops or rewrites named tensors of the store below, which stays as
 * it is. Fault injection, repair and counterfactual experiments are overlays. */
#ifndef ASSAY_STORE_OVERLAY_H
#define ASSAY_STORE_OVERLAY_H

#include "store/store.h"

/* `base` is borrowed and must outlive the overlay. Free with store_free. */
struct store *overlay_new(const struct store *base, struct error *error);
/* From now on the base is freed with the overlay. */
void overlay_take_base(struct store *overlay);
/* `memory` is freed, with free(), with the overlay: what its rewritings look at. At once when there is no memory to
 * remember it. */
bool overlay_keep(struct store *overlay, void *memory, struct error *error);

/* Does one of the overlays from `overlay` down to `below`, which is one of its bases, change, add or drop the tensor?
 */
bool overlay_touches(const struct store *overlay, const struct store *below, const char *name);

/* Each names a tensor by its canonical name; one that the store does not have is an error, except for overlay_replace,
 * which then adds it. */
bool overlay_drop(struct store *overlay, const char *name, struct error *error);
/* Distinct names, all of them or, on error, none; in time linear in tensors and names. */
bool overlay_drop_all(struct store *overlay, const char *const *names, size_t count, struct error *error);

/* `data` is copied: the values, packed, in `dtype`. */
bool overlay_replace(struct store *overlay, const char *name, enum dtype dtype, int rank, const uint64_t *shape,
                     const void *data, struct error *error);

/* Reads the tensor `from` of the store below in its place, which must have the same shape and dtype. */
bool overlay_alias(struct store *overlay, const char *name, const char *from, struct error *error);

/* Reads the tensor of another store in the place of that of the same name or, where there is none, adds it. The lender
 * is borrowed and must outlive the overlay. */
bool overlay_lend(struct store *overlay, const struct store *lender, const char *name, struct error *error);

/* Changes values as they are read, those of the store below or those that overlay_replace or overlay_alias gave; the
 * last call for a tensor counts, and a later overlay_replace ends it. `rows` rows of `tensor` from `first` on, packed
 * in the stored dtype. May be called from several threads, and for any cut of the rows. */
typedef void overlay_rewrite_rows(void *context, const struct tensor *tensor, uint64_t first, uint64_t rows,
                                  void *values);
bool overlay_rewrite(struct store *overlay, const char *name, overlay_rewrite_rows *rewrite, void *context,
                     struct error *error);

/* The values of tensor `name`, of a type that dtype_computes, as F32. Only a tensor that is not changed otherwise; a
 * rewriting may follow, and sees F32. */
bool overlay_widen(struct store *overlay, const char *name, struct error *error);

#endif
