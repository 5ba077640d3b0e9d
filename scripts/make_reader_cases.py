#!/usr/bin/env python3
"""Make gold for what readers of a checkpoint get wrong: suites/data/readers/.

    make_reader_cases.py -o suites/data/readers --nano golden/nano [--only NAME]

Each case is a nano model with a few members of its config.json changed ("text." before a member: in the text model's
configuration), as transformers computes it; the test changes the same members. MANIFEST.json holds them all:

    both-*          "is_causal" false, or null: attention in both directions, with and without a window
"""

import argparse
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

IDS = "101,7,42,300,256,12,9,77,250,31,5"
HERE = os.path.dirname(os.path.abspath(__file__))

CASES = {
    "both-llama": ("llama", {"is_causal": False}),
    "both-qwen2_window": ("qwen2_window", {"is_causal": False}),
    "both-thinker": ("thinker", {"text.is_causal": None}),
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


def make_case(nano, name, output):
    model, members = CASES[name]
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "model")
        shutil.copytree(os.path.join(nano, model), copy)
        change_config(copy, members)
        subprocess.run([sys.executable, os.path.join(HERE, "make_golden.py"), copy, "-o", output, "--ids", IDS,
                        "--greedy", "0", "--threads", "1"], check=True)
    with open(output, "rb") as file:
        return {"model": model, "config": members, "sha256": hashlib.sha256(file.read()).hexdigest()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True, help="folder to write")
    parser.add_argument("--nano", required=True, help="golden/nano")
    parser.add_argument("--only", help="one case, the others as they are")
    args = parser.parse_args()
    os.makedirs(args.output, exist_ok=True)
    path = os.path.join(args.output, "MANIFEST.json")
    manifest = {"cases": {}}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            manifest = json.load(file)
    for name in [args.only] if args.only else CASES:
        manifest["cases"][name] = make_case(args.nano, name, os.path.join(args.output, f"{name}.golden.safetensors"))
    manifest["versions"] = {"torch": torch.__version__, "transformers": transformers.__version__,
                            "tokenizers": tokenizers.__version__}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=2, sort_keys=True)
        file.write("\n")


if __name__ == "__main__":
    main()
