#!/usr/bin/env python3
"""Make PyTorch files for the tests of their reader: suites/data/torch/.

    make_torch_cases.py -o suites/data/torch --nano golden/nano

    pytorch_model*          golden/nano/qwen2_window in two shards with an index: the first as state_dict() gives it, the second with
                            parameters, and matrices that lie in columns
    trainer.pt              tensors of every plain type, one under two names, one in the middle of a storage, beside what a
                            trainer keeps; trainer-4.pt is the same in protocol 4, trainer.safetensors the same tensors
    gold.pt                 what transformers computes of golden/nano/llama, two cases, as people keep it: a dictionary for each;
                            gold-list.pt has the logits of one in a list
    object.pt, script.pt, legacy.pt, view.pt, list.pt
                            what is refused: another class, TorchScript, the format before version 1.6, a view with gaps, no dictionary
"""

import argparse
import json
import os
from collections import OrderedDict

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

TYPES = [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int32, torch.int16, torch.int8,
         torch.uint8, torch.bool]


def shards(nano, output):
    source = os.path.join(nano, "qwen2_window")
    tensors = {}
    for name in sorted(os.listdir(source)):
        if name.endswith(".safetensors"):
            tensors.update(load_file(os.path.join(source, name)))
    names = list(tensors)
    halves = names[: len(names) // 2], names[len(names) // 2:]
    first = OrderedDict((name, tensors[name]) for name in halves[0])
    first._metadata = OrderedDict({"": {"version": 1}})
    second = {}
    for name in halves[1]:
        value = tensors[name]
        value = value.t().contiguous().t() if value.dim() == 2 else value
        second[name] = torch.nn.Parameter(value, requires_grad=False)
    weight_map = {}
    for number, half in enumerate((first, second), 1):
        file = f"pytorch_model-{number:05d}-of-00002.bin"
        torch.save(half, os.path.join(output, file))
        weight_map.update({name: file for name in half})
    with open(os.path.join(output, "pytorch_model.bin.index.json"), "w", encoding="utf-8") as file:
        json.dump({"metadata": {"total_size": 0}, "weight_map": weight_map}, file, indent=1)


def trainer(output):
    torch.manual_seed(1)
    tensors = OrderedDict()
    for dtype in TYPES:
        tensors[str(dtype)] = (torch.randn(2, 3, 4) * 50).to(dtype)
    base = torch.arange(24.0)
    tensors.update({"vector": base[5:12], "columns": torch.randn(5, 3).t(), "one": torch.tensor(7.0), "none": torch.zeros(0, 4),
                    "thin": torch.randn(4, 1)[:, :1], "again": tensors["torch.float32"],
                    "inner": {"weight": torch.ones(2)}, "list": [torch.ones(1), "a", torch.zeros(2)]})
    whole = {"epoch": 3, "loss": 0.5, "big": 1 << 40, "minus": -70000, "best": None, "done": True, "betas": (0.9, 0.999),
             "model_state_dict": tensors,
             "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 0.1, "params": [0, 1]}]}}
    torch.save(whole, os.path.join(output, "trainer.pt"))
    torch.save(whole, os.path.join(output, "trainer-4.pt"), pickle_protocol=4)
    tensors.pop("inner")
    tensors.pop("list")
    flat = {name: value.contiguous().clone() for name, value in tensors.items()}
    save_file({**flat, "inner.weight": torch.ones(2), "list.0": torch.ones(1), "list.2": torch.zeros(2)},
              os.path.join(output, "trainer.safetensors"))


def gold(nano, output):
    model = AutoModelForCausalLM.from_pretrained(os.path.join(nano, "llama"), dtype=torch.float32, attn_implementation="eager")
    cases = {}
    for name, ids in (("short", [5, 6, 7]), ("longer", [8, 200, 10, 11, 301])):
        ids = torch.tensor([ids])
        with torch.no_grad():
            result = model(ids, output_hidden_states=True)
        cases[name] = {"input_ids": ids, "logits": result.logits, "hidden_states": result.hidden_states}
    torch.save(cases, os.path.join(output, "gold.pt"))
    torch.save([{"input_ids": cases["short"]["input_ids"], "logits": cases["short"]["logits"]}], os.path.join(output, "gold-list.pt"))


def refused(output):
    weights = {"weight": torch.ones(2, 3)}
    torch.save({"state_dict": weights, "args": argparse.Namespace(lr=1)}, os.path.join(output, "object.pt"))
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 3)), os.path.join(output, "script.pt"))
    torch.save(weights, os.path.join(output, "legacy.pt"), _use_new_zipfile_serialization=False)
    torch.save({"weight": torch.ones(4, 6)[:, ::2]}, os.path.join(output, "view.pt"))
    torch.save([1, 2, 3], os.path.join(output, "list.pt"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--nano", required=True)
    arguments = parser.parse_args()
    os.makedirs(arguments.output, exist_ok=True)
    shards(arguments.nano, arguments.output)
    trainer(arguments.output)
    gold(arguments.nano, arguments.output)
    refused(arguments.output)


if __name__ == "__main__":
    main()
