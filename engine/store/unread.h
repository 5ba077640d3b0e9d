/* What lies in a folder beside what a store reads of it: for messages. */
#ifndef ASSAY_STORE_UNREAD_H
#define ASSAY_STORE_UNREAD_H

#include "store/store_internal.h"

/* The .safetensors files that the store does not read, in its folder, and in the folders below it (three deep, without
 * hidden ones); named below the folder. At most 10,000. */
struct unread {
    struct names own, below;
};

bool unread_find(const struct store *store, struct unread *unread, struct error *error);
void unread_free(struct unread *unread);

/* Lets store_unread know what they hold. Those that cannot be read hold nothing. */
bool unread_keep(struct store *store, const struct unread *unread, struct error *error);

/* How many of the tensors in `wanted`, by their names on disk, they hold. Those that cannot be read hold none. */
size_t unread_holds(const struct store *store, const struct unread *unread, const struct map *wanted);

/* These append sentences, with "; " before each where there is text already, and nothing where there is nothing to say:
 * "3 .safetensors files lie unread in the folder ('a.safetensors' the first)". */
void unread_say(const struct unread *unread, struct buffer *out);
/* What the files of a folder are that nothing here reads: "pytorch_model.bin is ...". */
void unread_foreign(const char *folder, struct buffer *out);
/* That a download into the folder has not ended. */
void unread_download(const char *folder, struct buffer *out);

#endif
