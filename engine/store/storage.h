/* Matrices that are kept as several tensors: packed values, and beside them scales, zero points and the like.
 *
 * A storage is a row that says how its tensors are called and how their rows become float32; assembly.c finds the
 * tensors and puts one in their place, under the name and in the shape that the model knows, whose rows are widened as
 * they are read. */
#ifndef ASSAY_STORE_STORAGE_H
#define ASSAY_STORE_STORAGE_H

#include "store/quantisation.h"
#include "store/storages.h"
#include "store/store_internal.h"

#define STORAGE_PARTS 8

enum part_need {
    PART_NEEDED,
    PART_ALIKE, /* all matrices whose values are of one type have it, or none */
    PART_IDLE,  /* of no account for the values: what activations are rounded to, and the like */
};

struct assembly;

struct storage {
    const char *name;
    const char *methods;      /* what configurations call it, between blanks */
    const char *behind;       /* in the matrix's name, behind that which its parts have in common */
    const enum dtype *values; /* types that the first part may have, which holds the values; DTYPE_COUNT ends them */
    double rounding;          /* as dtype_rounding has it; 0: by the bits */
    struct storage_part {
        const char *ending; /* NULL: no more */
        enum part_need need;
        const enum dtype *types; /* of another type a tensor is not this part; NULL: any, and the plan judges */
    } parts[STORAGE_PARTS];
    /* Works out the matrix (rows, columns, experts, dtype) from the parts, which become matrices themselves, and
     * whether they belong together. */
    bool (*plan)(struct assembly *assembly, const struct quantisation *said, struct error *error);
    /* out[count, columns] = rows first .. first + count - 1, each value one of the matrix's dtype. Safe from several
     * threads. */
    bool (*widen)(const struct assembly *assembly, uint64_t first, uint64_t count, float *out, struct error *error);
};

/* A matrix of several parts. */
struct assembly {
    const struct storage *storage;
    const struct store *store;
    /* Rows of a view of it, narrowed to the view's dtype. */
    bool (*read)(const struct tensor *view, uint64_t first, uint64_t count, void *out, struct error *error);
    struct tensor *parts[STORAGE_PARTS]; /* in the order of the storage's; NULL: not there */
    uint64_t rows, columns;              /* ... of the experts that are stacked in it, one below the other */
    uint64_t experts;                    /* 0: no stack */
    enum dtype dtype;                    /* that of the original's dequantised matrix */
    uint64_t group[2];                   /* rows and columns that share a scale */
    uint64_t grid[2];                    /* scales of one expert's matrix, down and across */
    unsigned bits;                       /* of a packed value; 0: what tells it by itself */
    bool offset;                         /* these are the storage's own */
    double factor;
    struct tensor held[];
};

/* assembly.c: puts a tensor in the place of those that are its parts. Parts of which one is absent, or that do not
 * belong together, are a problem of the store, and no tensors. After the canonical names are known. */
bool assemblies_make(struct store *store, struct error *error);

/* --- for the rows of the table (assembly_part.c) --- */

/* An error that names file and tensor of the part: "has shape [2, 3], where [4, 3] ..." */
bool part_refuse(const struct assembly *assembly, size_t part, struct error *error, const char *format, ...)
    ASSAY_PRINTF(4, 5);
/* The part's type is one of `dtypes`. */
bool part_typed(const struct assembly *assembly, size_t part, const enum dtype *dtypes, struct error *error);
/* The part becomes a matrix [all other axes, the last `axes`]; what has no more than these a row. */
bool part_fold(struct assembly *assembly, size_t part, int axes, struct error *error);
/* The rows of the assembly are those of the part, of `columns` columns each, and where it has an axis before those that
 * are folded, experts. */
bool part_rows(struct assembly *assembly, size_t part, int axes, uint64_t columns, struct error *error);
/* The part, whatever its rank, becomes a matrix [rows, columns]: when it has that shape, or as many values in a row or
 * a column. */
bool part_shaped(struct assembly *assembly, size_t part, uint64_t rows, uint64_t columns, struct error *error);
/* The matrix is read as its transpose from now on. */
void part_turn(struct assembly *assembly, size_t part);

/* Rows of a part as they are stored, [count, part->columns]. */
bool part_read(const struct assembly *assembly, size_t part, uint64_t first, uint64_t count, void *out,
               struct error *error);
/* The same, malloc'd; NULL on failure. */
void *part_take(const struct assembly *assembly, size_t part, uint64_t first, uint64_t count, struct error *error);
/* The same widened. */
float *part_floats(const struct assembly *assembly, size_t part, uint64_t first, uint64_t count, struct error *error);

extern const enum dtype storage_floats[]; /* F32, F16 and BF16 */

#define STORAGE_ROW(row) extern const struct storage row;
STORAGES(STORAGE_ROW)
#undef STORAGE_ROW

#endif
