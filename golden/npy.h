/* The .npy format, versions 1 to 3: one array. numpy/lib/format.py describes it. */
#ifndef ASSAY_GOLDEN_NPY_H
#define ASSAY_GOLDEN_NPY_H

#include "base/error.h"
#include "golden/golden.h"
#include "values/dtype.h"

#define NPY_RANK_MAX 8

struct npy {
    enum dtype dtype; /* F16, F32, F64, I32 or I64 */
    int rank;
    uint64_t shape[NPY_RANK_MAX];
    uint64_t values; /* the product of the shape, at least 1 */
    uint64_t offset; /* of the values, little-endian, in C order, up to the end of the file */
};

/* Reads the header, and holds the file's size against it. */
bool npy_open(const char *path, struct npy *npy, struct error *error);
/* The same of one that is `size` bytes of a file, from byte `from` on; they lie within the file. */
bool npy_open_within(const char *path, uint64_t from, uint64_t size, struct npy *npy, struct error *error);

/* Writes all cases of a dump as a folder that golden_open reads: FOLDER/CASE/MODULE_PATH.npy and FOLDER/CASE/ids.npy,
 * float32. `folder` is there. */
bool npy_write(const struct golden *golden, const char *folder, struct error *error);

#endif
