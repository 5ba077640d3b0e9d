/* The faults in the order of the catalogue. Each is a row, struct fault_kind, behind the function that lays it: adding
 * one is both of these, and its line here. */
#ifndef ASSAY_FAULTS_FAULT_CATALOGUE_H
#define ASSAY_FAULTS_FAULT_CATALOGUE_H

#include "faults/fault_internal.h"

#define FAULTS(X)                                                                                                      \
    X(fault_one_shard_per_layer)                                                                                       \
    X(fault_missing_norms)                                                                                             \
    X(fault_missing_experts)                                                                                           \
    X(fault_incomplete_expert)                                                                                         \
    X(fault_missing_tensor)                                                                                            \
    X(fault_random_attention)                                                                                          \
    X(fault_swap_experts)                                                                                              \
    X(fault_swap_layers)                                                                                               \
    X(fault_swap_tensors)                                                                                              \
    X(fault_copy)                                                                                                      \
    X(fault_shift_experts)                                                                                             \
    X(fault_duplicate_layer)                                                                                           \
    X(fault_foreign_experts)                                                                                           \
    X(fault_foreign_router)                                                                                            \
    X(fault_tied_head)                                                                                                 \
    X(fault_nan)                                                                                                       \
    X(fault_inf)                                                                                                       \
    X(fault_zero_page)                                                                                                 \
    X(fault_zeros)                                                                                                     \
    X(fault_constant)                                                                                                  \
    X(fault_initialise)                                                                                                \
    X(fault_scale)                                                                                                     \
    X(fault_add)                                                                                                       \
    X(fault_lost_scales)                                                                                               \
    X(fault_zero_point)                                                                                                \
    X(fault_adapter)                                                                                                   \
    X(fault_byte_swap)                                                                                                 \
    X(fault_misread)                                                                                                   \
    X(fault_transpose)                                                                                                 \
    X(fault_transpose_back)                                                                                            \
    X(fault_pair_heads)                                                                                                \
    X(fault_halve_heads)                                                                                               \
    X(fault_cut_as_pairs)                                                                                              \
    X(fault_cut_as_stack)                                                                                              \
    X(fault_qkv_as_groups)                                                                                             \
    X(fault_qkv_as_stack)                                                                                              \
    X(fault_shuffle)                                                                                                   \
    X(fault_permute_rows)                                                                                              \
    X(fault_shift_rows)                                                                                                \
    X(fault_resize_rows)                                                                                               \
    X(fault_exchange_rows)                                                                                             \
    X(fault_swap_router_rows)                                                                                          \
    X(fault_restore)                                                                                                   \
    X(fault_solve)

#define FAULT_DECLARE(kind) extern const struct fault_kind kind;
FAULTS(FAULT_DECLARE)
#undef FAULT_DECLARE

#endif
