/* Fuzz targets: one for each reader of a file that nobody vouches for. A target lays the input down where its reader
 * looks for it, and goes through everything the reader then offers. It judges nothing: what it is for is that no input
 * crashes, hangs, leaks or takes memory out of proportion. */
#ifndef ASSAY_FUZZ_TARGET_H
#define ASSAY_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

struct fuzz_target {
    const char *name; /* and the folder of its inputs below suites/fuzz/corpora */
    void (*run)(const uint8_t *data, size_t size);
};

/* All targets; the last row has no name. */
extern const struct fuzz_target fuzz_targets[];
/* NULL: there is none of that name. */
const struct fuzz_target *fuzz_target_find(const char *name);

/* weights.c */
void fuzz_safetensors(const uint8_t *data, size_t size);
void fuzz_index(const uint8_t *data, size_t size);
void fuzz_gguf(const uint8_t *data, size_t size);
void fuzz_torch(const uint8_t *data, size_t size);
void fuzz_pickle(const uint8_t *data, size_t size);
void fuzz_manifest(const uint8_t *data, size_t size);

/* gold.c */
void fuzz_golden(const uint8_t *data, size_t size);
void fuzz_npy(const uint8_t *data, size_t size);
void fuzz_npy_ids(const uint8_t *data, size_t size);
void fuzz_debug_tree(const uint8_t *data, size_t size);
void fuzz_logits_base(const uint8_t *data, size_t size);
void fuzz_llama_tokens(const uint8_t *data, size_t size);
void fuzz_llama_prompt(const uint8_t *data, size_t size);

/* words.c */
void fuzz_tokenizer(const uint8_t *data, size_t size);
void fuzz_merges(const uint8_t *data, size_t size);
void fuzz_pieces(const uint8_t *data, size_t size);
void fuzz_template(const uint8_t *data, size_t size);
void fuzz_json(const uint8_t *data, size_t size);

/* settings.c */
void fuzz_config(const uint8_t *data, size_t size);
void fuzz_chat(const uint8_t *data, size_t size);
void fuzz_suite(const uint8_t *data, size_t size);
void fuzz_rules(const uint8_t *data, size_t size);
void fuzz_expects(const uint8_t *data, size_t size);
void fuzz_text(const uint8_t *data, size_t size);

#endif
