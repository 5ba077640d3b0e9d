/* The ways to keep a matrix as several tensors that are computed with, in the order in which they are tried. Adding one
 * is a line here, and its row (storage.h) in a file of the same folder. */
#ifndef ASSAY_STORE_STORAGES_H
#define ASSAY_STORE_STORAGES_H

#define STORAGES(X)                                                                                                    \
    X(storage_fp8)                                                                                                     \
    X(storage_nvfp4)                                                                                                   \
    X(storage_scaled)                                                                                                  \
    X(storage_gptq)                                                                                                    \
    X(storage_awq)                                                                                                     \
    X(storage_mxfp4)                                                                                                   \
    X(storage_packed)                                                                                                  \
    X(storage_nvfp4_packed)                                                                                            \
    X(storage_mxfp4_packed)                                                                                            \
    X(storage_nf4)                                                                                                     \
    X(storage_fp4)                                                                                                     \
    X(storage_llm_int8)                                                                                                \
    X(storage_mlx)                                                                                                     \
    X(storage_mlx_mxfp4)                                                                                               \
    X(storage_mlx_nvfp4)

#endif
