#!/usr/bin/env python3
"""Make suites/data/sampler/cases.json: what the logits processors of transformers leave of random logits.

    make_sampler_cases.py -o suites/data/sampler/cases.json

Each case: logits, history and options, and the scores after the processors in the order of `generate` (null: removed).
Needs scripts/requirements.txt.
"""

import argparse
import json
import math
import random

import torch
import transformers
from transformers.generation import logits_process as processors


def process(logits, history, options):
    chain = []
    if options["repetition_penalty"] != 1:
        chain.append(processors.RepetitionPenaltyLogitsProcessor(options["repetition_penalty"]))
    if options["temperature"] not in (0, 1):
        chain.append(processors.TemperatureLogitsWarper(options["temperature"]))
    if options["temperature"]:
        if options["top_k"]:
            chain.append(processors.TopKLogitsWarper(options["top_k"]))
        if options["top_p"] < 1:
            chain.append(processors.TopPLogitsWarper(options["top_p"]))
        if options["min_p"]:
            chain.append(processors.MinPLogitsWarper(options["min_p"]))
    scores = torch.tensor([logits], dtype=torch.float32)
    for processor in chain:
        scores = processor(torch.tensor([history]), scores)
    return [None if math.isinf(s) else s for s in scores[0].tolist()]


def make_case(rng):
    width = rng.choice((1, 2, 17, 60))
    spread = rng.choice((0.1, 1, 4, 20))
    # Multiples of 1/64, all different but for some cases of top-k, whose ties all stay.
    logits = [round(rng.gauss(0, spread) * 64) / 64 for _ in range(width)]
    options = {
        "temperature": rng.choice((0, 0.3, 0.7, 1, 1.5)),
        "top_k": rng.choice((0, 1, 5, 50)),
        "top_p": rng.choice((1, 0.95, 0.9, 0.5, 0.1)),
        "min_p": rng.choice((0, 0, 0.05, 0.3)),
        "repetition_penalty": rng.choice((1, 1.1, 1.3, 0.8)),
    }
    if options["top_p"] < 1:  # of equal logits the sort decides which go, and no two sorts agree
        seen = set()
        logits = [x for x in logits if not (x in seen or seen.add(x))]
        options["repetition_penalty"] = 1
    history = [rng.randrange(len(logits)) for _ in range(rng.choice((1, 3, 9)))]
    return {"logits": logits, "history": history, "options": options, "scores": process(logits, history, options)}


def main():
    parser = argparse.ArgumentParser(description="Make vectors of logits processors.")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--cases", type=int, default=120)
    args = parser.parse_args()
    rng = random.Random(20)
    cases = [make_case(rng) for _ in range(args.cases)]
    with open(args.output, "w", encoding="utf-8") as file:
        file.write(json.dumps({"producer": f"transformers {transformers.__version__}, torch {torch.__version__}"})[:-1])
        file.write(', "cases": [\n' + ",\n".join(json.dumps(case) for case in cases) + "\n]}\n")


if __name__ == "__main__":
    main()
