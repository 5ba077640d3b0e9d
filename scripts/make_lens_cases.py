#!/usr/bin/env python3
"""Make suites/data/lens/cases.json: the logit lens of two nano models, and how sure they are of what they write greedily,
as transformers computes both.

    make_lens_cases.py -o suites/data/lens/cases.json

Float64, with the original's own norm and head. For the last token of each case and every layer: the three most likely
tokens, and rank and log-probability of the answer, the most likely token at the end. For the greedy continuation: the
log-probability of each token and the entropy of its distribution, in nats. Needs scripts/requirements.txt.
"""

import argparse
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import make_golden  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
MODELS = ("thinker", "qwen3")  # experts and a head of its own; dense and tied
CASES = ([39, 68, 347, 78, 272, 316, 75, 67], [5], [7, 301, 22, 22, 140, 9])
TOP = 3
WRITTEN = 8


def parts(model):
    """The text model and the head, wherever the class keeps them."""
    inner = model.model
    return getattr(inner, "language_model", inner), model.lm_head


@torch.no_grad()
def lens(model, ids):
    text, head = parts(model)
    output = model(input_ids=torch.tensor([ids]), use_cache=False, output_hidden_states=True)
    states = [state[0, -1] for state in output.hidden_states[1:]]
    # The last of them has been through the final norm already.
    rows = [head(text.norm(state)) for state in states[:-1]] + [head(states[-1])]
    if not torch.allclose(rows[-1], output.logits[0, -1], rtol=0, atol=1e-9):
        raise SystemExit("the last hidden state is not what the head was given")
    answer = rows[-1].argmax().item()
    layers = []
    for row in rows:
        scores = torch.log_softmax(row.double(), dim=-1)
        best = torch.topk(scores, TOP)
        layers.append(
            {
                "top": best.indices.tolist(),
                "top_log_probability": best.values.tolist(),
                "rank": 1 + (scores > scores[answer]).sum().item(),
                "log_probability": scores[answer].item(),
            }
        )
    return {"ids": ids, "answer": answer, "layers": layers}


@torch.no_grad()
def written(model, ids):
    appended, log_probability, entropy = [], [], []
    for _ in range(WRITTEN):
        logits = model(input_ids=torch.tensor([[*ids, *appended]]), use_cache=False).logits[0, -1]
        scores = torch.log_softmax(logits.double(), dim=-1)
        appended.append(scores.argmax().item())
        log_probability.append(scores.max().item())
        entropy.append(-(scores.exp() * scores).sum().item())
    return {"greedy": appended, "greedy_log_probability": log_probability, "greedy_entropy": entropy}


def main():
    parser = argparse.ArgumentParser(description="Make vectors of the logit lens.")
    parser.add_argument("-o", "--output", required=True)
    arguments = parser.parse_args()
    document = {"producer": f"transformers {transformers.__version__}, torch {torch.__version__}, float64", "models": []}
    for name in MODELS:
        model, _ = make_golden.load_model(os.path.join(ROOT, "golden", "nano", name), torch.float64)
        document["models"].append(
            {"model": name, "cases": [{**lens(model, ids), **written(model, ids)} for ids in CASES]}
        )
    with open(arguments.output, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
