#!/usr/bin/env python3
"""Make gold for what readers of a checkpoint get wrong: suites/data/readers/.

    make_reader_cases.py -o suites/data/readers --nano golden/nano [--only NAME]

Each case is a nano model with a few members of its config.json changed ("text." before a member: in the text model's
configuration) and a few tensors made zeros, as transformers computes it; the test changes the same. MANIFEST.json holds
them all:

    both-*          "is_causal" false, or null: attention in both directions, with and without a window
    partial-*       "partial_rotary_factor" with the default rotary type, which has none
    biases-*        biases that some layers have and others do not, which llama.cpp computes without
    linear-*        linear scaling, as llama.cpp reads a GGUF file that has a factor and no type
"""

import argparse
import glob
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

import tokenizers
import torch
import transformers
from safetensors.torch import load_file, save_file

IDS = "101,7,42,300,256,12,9,77,250,31,5"
HERE = os.path.dirname(os.path.abspath(__file__))

LINEAR = {"rope_type": "linear", "rope_theta": 1000000.0, "factor": 4.0}
CASES = {
    "both-llama": {"model": "llama", "config": {"is_causal": False}},
    "both-qwen2_window": {"model": "qwen2_window", "config": {"is_causal": False}},
    "both-thinker": {"model": "thinker", "config": {"text.is_causal": None}},
    "partial-qwen3": {"model": "qwen3", "config": {"partial_rotary_factor": 0.5}},
    "linear-qwen3_moe": {"model": "qwen3_moe", "config": {"rope_parameters": LINEAR}},
    "biases-qwen2_moe": {"model": "qwen2_moe", "zero": ["model.layers.0.self_attn.q_proj.bias"]},
}


def text_config(config):
    return config.get("thinker_config", config).get("text_config", config)


def change_config(folder, members):
    path = os.path.join(folder, "config.json")
    with open(path, encoding="utf-8") as file:
        config = json.load(file)
    for member, value in members.items():
        inner, _, name = member.rpartition(".")
        (text_config(config) if inner else config)[name] = value
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file, indent=2)


def make_zeros(folder, names):
    for path in glob.glob(os.path.join(folder, "*.safetensors")):
        tensors = load_file(path)
        found = [name for name in names if name in tensors]
        for name in found:
            tensors[name] = torch.zeros_like(tensors[name])
        if found:
            save_file(tensors, path, metadata={"format": "pt"})


def make_case(nano, name, output):
    case = CASES[name]
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "model")
        shutil.copytree(os.path.join(nano, case["model"]), copy)
        change_config(copy, case.get("config", {}))
        make_zeros(copy, case.get("zero", []))
        subprocess.run([sys.executable, os.path.join(HERE, "make_golden.py"), copy, "-o", output, "--ids", IDS,
                        "--greedy", "0", "--threads", "1"], check=True)
    with open(output, "rb") as file:
        return {**case, "sha256": hashlib.sha256(file.read()).hexdigest()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True, help="folder to write")
    parser.add_argument("--nano", required=True, help="golden/nano")
    parser.add_argument("--only", nargs="+", help="these cases, the others as they are")
    args = parser.parse_args()
    os.makedirs(args.output, exist_ok=True)
    path = os.path.join(args.output, "MANIFEST.json")
    manifest = {"cases": {}}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            manifest = json.load(file)
    for name in args.only or CASES:
        manifest["cases"][name] = make_case(args.nano, name, os.path.join(args.output, f"{name}.golden.safetensors"))
    manifest["versions"] = {"torch": torch.__version__, "transformers": transformers.__version__,
                            "tokenizers": tokenizers.__version__}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=2, sort_keys=True)
        file.write("\n")


if __name__ == "__main__":
    main()
