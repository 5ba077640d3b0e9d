/* The extraction layout: which file a tensor of the text model lies in, and how it is called there. */
#ifndef ASSAY_STORE_LAYOUT_H
#define ASSAY_STORE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

/* Kinds of files, each a folder of its own. */
enum block {
    BLOCK_EMBEDDINGS,
    BLOCK_ATTENTION,
    BLOCK_ROUTERS,
    BLOCK_EXPERTS,
    BLOCK_MLP, /* of a dense layer, shared experts, and what of a layer fits nowhere else */
    BLOCK_NORMS,
    BLOCK_FINAL_NORM,
    BLOCK_LM_HEAD,
    BLOCK_COUNT
};

/* The folder's name: "experts". */
const char *block_name(enum block block);
/* BLOCK_COUNT when there is none of that name. */
enum block block_parse(const char *name);
/* Marks the blocks of "experts,norms"; false: a name that is none. */
bool blocks_parse(const char *names, bool marks[BLOCK_COUNT]);

/* Has the folder a manifest, or a block's folder? */
bool extraction_is(const char *folder);

#define EXTRACTION_MANIFEST "extraction_manifest.json"

/* There while an extraction is not finished. */
#define EXTRACTION_UNFINISHED "extraction_unfinished"

#define LAYOUT_PATH 128
#define LAYOUT_NAME 640

struct layout_place {
    enum block block;
    int layer, expert;      /* -1: of none */
    char path[LAYOUT_PATH]; /* below the extraction's folder */
    char name[LAYOUT_NAME]; /* inside the file */
};

/* Where the tensor of that canonical name belongs. False: the name is too long. */
bool layout_place(const char *canonical, struct layout_place *place);

#endif
