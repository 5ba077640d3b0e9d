#include "target.h"

#include <string.h>

const struct fuzz_target fuzz_targets[] = {
    {"safetensors", fuzz_safetensors},
    {"index", fuzz_index},
    {"gguf", fuzz_gguf},
    {"torch", fuzz_torch},
    {"pickle", fuzz_pickle},
    {"manifest", fuzz_manifest},
    {"golden", fuzz_golden},
    {"npy", fuzz_npy},
    {"npy_ids", fuzz_npy_ids},
    {"debug_tree", fuzz_debug_tree},
    {"logits_base", fuzz_logits_base},
    {"llama_tokens", fuzz_llama_tokens},
    {"llama_prompt", fuzz_llama_prompt},
    {"tokenizer", fuzz_tokenizer},
    {"merges", fuzz_merges},
    {"pieces", fuzz_pieces},
    {"template", fuzz_template},
    {"json", fuzz_json},
    {"config", fuzz_config},
    {"chat", fuzz_chat},
    {"suite", fuzz_suite},
    {"rules", fuzz_rules},
    {"expects", fuzz_expects},
    {"text", fuzz_text},
    {0},
};

const struct fuzz_target *fuzz_target_find(const char *name)
{
    for (const struct fuzz_target *target = fuzz_targets; target->name; target++)
        if (strcmp(target->name, name) == 0)
            return target;
    return NULL;
}
