#!/usr/bin/env python3
"""Make a base file of llama-perplexity --kl-divergence-base with Hugging Face transformers, and measure against it.

    make_logits_base.py MODEL_DIR -o FILE --text FILE --context 64 [--windows 3] [--scale TENSOR=FACTOR]

The text is cut into windows of --context tokens, none overlapping; of each, the distributions of the second half are
kept in 16-bit steps, as tools/perplexity/perplexity.cpp of llama.cpp does it, in its float32 arithmetic. Prints one
JSON object: the mean Kullback-Leibler divergence (nats) from the file and the share of positions with another most
likely token, for the model itself and, with --scale, for the model with that tensor multiplied; the same from the
distributions before they were put in steps ("exact"); and half a step ("resolution", the largest and the mean).
"""

import argparse
import json
import sys

import make_golden  # first: it sets the environment that transformers reads
import numpy as np
import torch

STEPS = 65535
SPAN = 16
LEAST = -16.0  # log-probabilities up to this are left out of the divergence


def quantise(logits):
    """One row of float32 logits -> (scale, least log-probability, steps), in float32 as llama-perplexity has it."""
    logits = logits.astype(np.float32)
    most = logits.max()
    least = max(logits.min(), np.float32(most - np.float32(SPAN)))
    log_sum = np.float32(np.log(np.sum(np.exp(logits - most), dtype=np.float64)))
    scale = np.float32((most - least) / np.float32(STEPS))
    least_log = np.float32(np.float32(least - most) - log_sum)
    steps = np.where(logits > least, np.rint(np.float32(1 / scale) * (logits - least)), 0) if scale else 0 * logits
    return scale, least_log, steps.astype(np.uint16)


def base_bytes(windows, rows, vocabulary):
    """`rows`: for each window, logits [positions, vocabulary]."""
    out = [b"_logits_", np.array([len(windows[0]), vocabulary, len(windows)], "<i4").tobytes()]
    out.append(np.array(windows, "<i4").tobytes())
    for logits in rows:
        for row in logits:
            scale, least, steps = quantise(row)
            out.append(np.array([scale, least], "<f4").tobytes() + steps.astype("<u2").tobytes())
            if vocabulary % 2:
                out.append(b"\0\0")
    return b"".join(out)


def read_rows(data):
    """The log-probabilities of a base file, float32 as it is read, [rows, vocabulary]."""
    context, vocabulary, windows = np.frombuffer(data, "<i4", 3, 8)
    each = context - 1 - context // 2
    at, rows = 20 + 4 * context * windows, []
    for _ in range(each * windows):
        scale, least = np.frombuffer(data, "<f4", 2, at)
        steps = np.frombuffer(data, "<u2", vocabulary, at + 8)
        rows.append(scale * steps.astype(np.float32) + least)
        at += 8 + 2 * (vocabulary + vocabulary % 2)
    if at != len(data):
        raise SystemExit("the file has another length than it says")
    return np.array(rows)


@torch.no_grad()
def second_halves(model, windows):
    first = len(windows[0]) // 2
    out = []
    for ids in windows:
        logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
        out.append(logits[first:-1].double().numpy())
    return out


def log_softmax(logits):
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def measure(base, exact, logits):
    """Divergences of `logits` from the rows of the file, and from what they were before."""
    subject, base = log_softmax(np.concatenate(logits)), base.astype(np.float64)
    told = base > LEAST
    kl = np.where(told, np.exp(base) * (base - subject), 0).sum(axis=-1)
    before = (np.exp(exact) * (exact - subject)).sum(axis=-1)
    return {"kl": kl.mean(), "kl_exact": before.mean(),
            "top1": float((base.argmax(axis=-1) != subject.argmax(axis=-1)).mean())}


def make_base(model_dir, out_path, text_path, context, limit=None, scale=None):
    with open(text_path, encoding="utf-8") as file:
        encode = make_golden.TextEncoder(model_dir).encode
        ids, bos = encode(file.read()), encode("")[:1]
    windows = [ids[at:at + context] for at in range(0, len(ids) - context + 1, context)][:limit]
    # llama-perplexity computes every window with the BOS, where there is one, and keeps the text's token in the file
    computed = [bos + window[1:] for window in windows] if bos and bos == ids[:1] else windows
    model, _ = make_golden.load_model(model_dir, torch.float64)
    logits = second_halves(model, computed)
    data = base_bytes(windows, logits, logits[0].shape[-1])
    with open(out_path, "wb") as file:
        file.write(data)
    base, exact = read_rows(data), log_softmax(np.concatenate(logits))
    half = (base.max(axis=-1) - base.min(axis=-1)) / STEPS / 2
    result = {"context": context, "windows": len(windows), "positions": len(base),
              "resolution": {"largest": float(half.max()), "mean": float(half.mean())},
              "intact": measure(base, exact, logits)}
    if scale:
        name, factor = scale.rsplit("=", 1)
        with torch.no_grad():
            dict(model.named_parameters())[name].mul_(float(factor))
        result["scaled"] = {"tensor": name, "factor": float(factor), **measure(base, exact, second_halves(model, computed))}
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--text", required=True)
    parser.add_argument("--context", type=int, default=512)
    parser.add_argument("--windows", type=int, help="at most so many")
    parser.add_argument("--scale", metavar="TENSOR=FACTOR", help="measure a damaged model too")
    arguments = parser.parse_args()
    json.dump(make_base(arguments.model, arguments.output, arguments.text, arguments.context, arguments.windows,
                        arguments.scale), sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
