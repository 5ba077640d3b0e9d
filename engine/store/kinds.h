/* What a path may be recognised as, in the order in which it is tried, those that fit anything last: its name, and how
 * it is read (formats.h). Adding a format is a line here, and a file that reads it with its row. */
#ifndef ASSAY_STORE_KINDS_H
#define ASSAY_STORE_KINDS_H

#define STORE_KINDS(X)                                                                                                 \
    X(STORE_CHECKPOINT, "checkpoint", format_checkpoint)                                                               \
    X(STORE_EXTRACTION, "extraction", format_extraction)                                                               \
    X(STORE_GGUF, "gguf", format_gguf)                                                                                 \
    X(STORE_ADAPTER, "adapter", format_adapter)                                                                        \
    X(STORE_TORCH, "torch", format_torch)                                                                              \
    X(STORE_SAFETENSORS, "safetensors", format_safetensors)                                                            \
    X(STORE_FOLDER, "folder", format_folder)

enum store_kind {
#define STORE_KIND(kind, name, format) kind,
    STORE_KINDS(STORE_KIND)
#undef STORE_KIND
};

#endif
