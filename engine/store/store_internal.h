/* The inside of a store, for the readers in this folder. */
#ifndef ASSAY_STORE_INTERNAL_H
#define ASSAY_STORE_INTERNAL_H

#include <pthread.h>

#include "base/file.h"
#include "base/map.h"
#include "store/overlay.h"
#include "store/store.h"

/* How an overlay changes a tensor; absent for plain tensors. */
struct overlay_change {
    char *name;
    void *values;               /* owned; NULL: read below */
    const char *from;           /* there, the tensor of this name; NULL: the one of the same name */
    const struct store *lender; /* read in this one instead; NULL: below */
    bool widened;               /* read below as another dtype, and given as F32 */
    /* NULL: as they are */
    void (*rewrite)(void *context, const struct tensor *tensor, uint64_t first, uint64_t rows, void *values);
    void *context;
};

/* files.c: the files that hold the values, in the state in which their headers were read. Some stay open: an extraction
 * has thousands, and every tile of rows is read on its own. */
#define WEIGHT_FILES_OPEN 64

struct weight_files {
    struct weight_file **items;
    size_t count;
    size_t capacity;
    struct weight_file *open[WEIGHT_FILES_OPEN]; /* the first `open_most` are used; NULL where free */
    size_t open_most;
    uint64_t clock; /* counts uses */
    pthread_mutex_t lock;
};

void weight_files_init(struct weight_files *files);
void weight_files_free(struct weight_files *files);
/* NULL: out of memory. */
struct weight_file *weight_files_add(struct weight_files *files, const char *path, const struct file_state *state);
const char *weight_file_path(const struct weight_file *file);
/* As it was when its header was read. */
const struct file_state *weight_file_state(const struct weight_file *file);

/* A descriptor for positioned reads, to be given back; -1 with the reason. What is read with it counts only if
 * weight_file_same says so afterwards. Safe from several threads. */
int weight_file_take(struct weight_file *file, struct error *error);
void weight_file_give(struct weight_file *file, int descriptor);
/* False, with the reason, when the file is no longer as it was when its header was read. Once after every read, for a
 * file that is kept open may be written to, and during the read as well. */
bool weight_file_same(const struct weight_file *file, int descriptor, struct error *error);

#define STORE_DOCUMENTS 4

struct store {
    char *path;
    enum store_kind kind;
    struct tensor *tensors;
    size_t count;
    size_t capacity;
    bool whole;           /* all files of the model are there: what is a part of a matrix is put together */
    size_t text_count;    /* tensors of the text model, after store_finish */
    struct map by_name;   /* text tensors, after store_finish */
    struct names strings; /* owns names */
    struct weight_files files;
    struct names problems;
    struct names announced; /* of each problem: what it is about, if that is only announced; "" */
    struct names notes;
    struct names unread_files, unread_names; /* files that lie unread, below the folder; tensors in them, canonical */
    struct map unread_of;                    /* by such a name its file */
    struct document {
        const char *name; /* static */
        char *text;
    } documents[STORE_DOCUMENTS];
    size_t document_count;
    const struct store *base; /* overlay only */
    struct store *own_base;   /* the same, freed with this; NULL: borrowed */
    void **kept;              /* freed with this */
    size_t kept_count, kept_capacity;
    struct overlay_change *changes;
    size_t change_count;
    size_t change_capacity;
    struct map change_of; /* by name */
    char sha256[65];      /* "": not computed */
};

struct store *store_new(const char *path, enum store_kind kind, struct error *error);

/* A copy that lives as long as the store; NULL: out of memory. */
const char *store_string(struct store *store, const char *text);
/* Takes the text, also on failure. */
bool store_add_document(struct store *store, const char *name, char *text);
bool store_add_problem(struct store *store, const char *format, ...) ASSAY_PRINTF(2, 3);
/* The same of what is only announced, as store_problem_announced has it; "" where that has NULL. */
bool store_add_announced(struct store *store, const char *name, const char *format, ...) ASSAY_PRINTF(3, 4);
bool store_add_note(struct store *store, const char *format, ...) ASSAY_PRINTF(2, 3);

/* Appends a tensor whose name, file and so on are owned by the store already; works out rows, columns and stride. */
bool store_add(struct store *store, const struct tensor *tensor, struct error *error);

/* store_finish.c: after the last tensor: canonical names (where the reader has not given them), fused experts cut
 * apart, other components last, duplicates found. */
bool store_finish(struct store *store, struct error *error);

/* assembly.c: the view, a copy of a tensor with rows of its own, begins that many rows further on. Of a tensor that is
 * put together from several its place in the file follows. */
void view_move(struct tensor *view, uint64_t rows);

#define TENSOR_NAME_MAX 512

/* names.c: the canonical spelling of a name on disk, in `out` (of `size` bytes). Sets `*other` for tensors of another
 * component. False: longer than `size`. */
bool name_canonical(const char *disk_name, char *out, size_t size, bool *other);

/* short_names.c: the canonical name of a tensor whose name on disk is that below a module, and leaves the module's
 * place to the name of its file: "gate_proj.weight" in thinker_expert_081_layer_17.safetensors. False: it is no such
 * name. */
bool name_by_file(const char *disk_name, const char *file, char *out, size_t size);

/* names.c: is it that of experts that lie in one tensor? */
bool name_is_fused(const char *name);

/* names.c: replaces fused expert tensors by one view for each expert and projection. */
bool names_cut_fused(struct store *store, struct error *error);
/* turned.c: gives matrices that lie [columns, rows] the shape that linear layers have. */
bool names_turn(struct store *store, struct error *error);
/* joined_rows.c: the same of matrices that lie joined. */
bool names_cut_joined(struct store *store, struct error *error);

/* safetensors.c: adds all tensors of one file. */
bool safetensors_read_header(struct store *store, const char *path, struct error *error);

/* torch.c: the same of a PyTorch checkpoint. */
bool torch_read(struct store *store, const char *path, struct error *error);

/* extraction.c: adds one file of a folder whose other files stand for themselves; a malformed one becomes a problem,
 * one that is no .safetensors file is passed over. */
bool store_add_file(struct store *store, const char *folder, const char *name, struct error *error);

#endif
