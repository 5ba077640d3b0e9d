#!/usr/bin/env python3
"""Make the gold that other tools write, for the tests of its readers: suites/data/foreign/.

    make_foreign.py -o suites/data/foreign --nano golden/nano

    base.kld        a base file of llama-perplexity, made by make_logits_base.py from transformers' logits of llama
    npy/short/      a folder of .npy files named by module path, batch axis and all, from forward hooks on thinker
    tree/           what transformers' own model_addition_debugger_context writes of qwen3, values in .safetensors;
                    layers between the first and the last are pruned, as it does by default, and their files removed
    repr/           the same of qwen2_window with its default, use_repr=True: numbers as text, only statistics in full
    llamacpp-llama.bin, -tokens.bin, -prompt.txt
                    the files of llama-debug --save-logits, in that layout, from transformers' logits of llama
    MANIFEST.json   versions, hashes, and what make_logits_base.py measured

All in float32, but for the base file, whose logits are computed in float64.
"""

import argparse
import json
import os
import shutil

import make_golden  # first: it sets the environment that transformers reads
import make_logits_base
import numpy as np
import torch
import transformers

IDS = [101, 7, 42, 300, 256, 12]
SCALED = "model.layers.2.self_attn.o_proj.weight=0.875"


def make_npy(model_dir, folder):
    os.makedirs(folder)
    model, _ = make_golden.load_model(model_dir, torch.float32)

    def keep(path):
        def hook(_module, _inputs, output):
            value = output[0] if isinstance(output, (tuple, list)) else output
            np.save(os.path.join(folder, f"{path}.npy"), value.detach().numpy())

        return hook

    for name, module in model.named_modules():
        if not make_golden.OTHER_COMPONENTS.match(name) and make_golden.wanted(make_golden.canonical_path(name), "all"):
            module.register_forward_hook(keep(name))
    with torch.no_grad():
        model(input_ids=torch.tensor([IDS]), use_cache=False)
    np.save(os.path.join(folder, "input_ids.npy"), np.array([IDS]))


def make_tree(model_dir, folder, use_repr):
    model, _ = make_golden.load_model(model_dir, torch.float32)
    with transformers.model_addition_debugger_context(model, debug_path=folder, use_repr=use_repr):
        model.forward(input_ids=torch.tensor([IDS]), use_cache=False)
    with open(os.path.join(folder, f"{type(model).__name__}_debug_tree_FULL_TENSORS.json"), encoding="utf-8") as file:
        tree = file.read()
    for name in os.listdir(folder):
        if name.endswith(".safetensors") and f'"./{name}"' not in tree:
            os.remove(os.path.join(folder, name))


def make_llama_debug(model_dir, stem):
    model, _ = make_golden.load_model(model_dir, torch.float32)
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([IDS]), use_cache=False).logits[0, -1]
    logits.numpy().astype("<f4").tofile(f"{stem}.bin")
    np.array(IDS, "<i4").tofile(f"{stem}-tokens.bin")
    with open(f"{stem}-prompt.txt", "w", encoding="utf-8") as file:
        file.write(f"prompt: {IDS}\nn_tokens: {len(IDS)}\ntoken ids: {', '.join(map(str, IDS))}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--nano", default="golden/nano")
    parser.add_argument("--text", default="suites/data/text/english.txt")
    arguments = parser.parse_args()
    out, nano = arguments.output, arguments.nano
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    base = make_logits_base.make_base(f"{nano}/llama", f"{out}/base.kld", arguments.text, 32, 3, SCALED)
    make_npy(f"{nano}/thinker", f"{out}/npy/short")
    make_tree(f"{nano}/qwen3", f"{out}/tree", use_repr=False)
    make_tree(f"{nano}/qwen2_window", f"{out}/repr", use_repr=True)
    make_llama_debug(f"{nano}/llama", f"{out}/llamacpp-llama")
    paths = sorted(os.path.join(folder, name) for folder, _, names in os.walk(out) for name in names)
    manifest = {
        "command": "python3 scripts/make_foreign.py -o suites/data/foreign --nano golden/nano",
        "versions": {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__,
                     "numpy": np.__version__},
        "base.kld": {"model": "llama", "text": os.path.basename(arguments.text), **base},
        "sha256": {os.path.relpath(path, out): make_golden.sha256_file(path) for path in paths},
    }
    with open(f"{out}/MANIFEST.json", "w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
