#!/usr/bin/env python3
"""What the original's configuration classes take for keys that a file does not have: suites/data/config_defaults.json.

    make_config_defaults.py -o suites/data/config_defaults.json

A row for each model type: its configuration with all defaults spelled out. assay must read `{"model_type": ...}` alone as
it reads that.
"""

import argparse
import json

import make_golden  # noqa: F401  first: it sets the environment that transformers reads
import transformers

TYPES = (
    "llama", "mistral", "ministral3", "mixtral", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "seed_oss", "gemma", "gemma2",
    "gemma3_text", "granite", "olmo2", "olmo3", "smollm3", "exaone4", "glm", "glm4", "cohere", "cohere2", "phi3", "ernie4_5",
    "helium", "arcee", "olmoe", "granitemoe", "hunyuan_v1_dense", "glm4_moe",
    "minimax_m2", "gpt_oss", "deepseek_v2", "deepseek_v3", "glm4_moe_lite", "qwen3_next", "starcoder2", "gpt_neox", "falcon", "gpt2",
)  # fmt: skip
LEFT_OUT = ("transformers_version", "_name_or_path", "architectures", "id2label", "label2id", "dtype", "problem_type")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True)
    arguments = parser.parse_args()
    rows = []
    for model_type in TYPES:
        config = transformers.CONFIG_MAPPING[model_type]().to_dict()
        rows.append({key: value for key, value in sorted(config.items()) if key not in LEFT_OUT and not key.startswith("_")})
    with open(arguments.output, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


if __name__ == "__main__":
    main()
