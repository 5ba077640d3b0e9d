#!/usr/bin/env python3
"""How fast transformers runs a model in float32, and assay beside it: prefill of 512 tokens, then decoding. Prints JSON.

    bench_smollm2.py MODEL_DIR [--assay build/release/assay] [--threads 2] [--prefill 512] [--decode 64] [--repeat 4]

The two are measured in turn, on the same cores. Speeds are tokens per second; the best of the repetitions counts, after
one that warms up. Memory is the peak of each process. Set-up: scripts/fetch_smollm2, or a Python with scripts/requirements.txt.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import make_golden  # first: it sets the environment that transformers reads
import torch
import transformers


def token_ids(vocabulary, count):
    """Fixed ids spread over the vocabulary; speed does not depend on which."""
    return [(i * 7919 + 11) % vocabulary for i in range(count)]


@torch.no_grad()
def time_prefill(model, ids):
    begin = time.perf_counter()
    out = model(input_ids=torch.tensor([ids]), use_cache=True, logits_to_keep=1)
    return time.perf_counter() - begin, out


@torch.no_grad()
def time_decode(model, out, count):
    begin = time.perf_counter()
    for _ in range(count):
        step = out.logits[:, -1].argmax(-1, keepdim=True)
        out = model(input_ids=step, past_key_values=out.past_key_values, use_cache=True)
    return time.perf_counter() - begin


def run_assay(program, model_dir, args):
    """One `assay bench` in a process of its own; the threads of torch are idle meanwhile."""
    command = [program, "bench", model_dir, "--json", "-q", "--threads", str(args.threads), "--prefill",
               str(args.prefill), "--decode", str(args.decode), "--repeats", "2"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description="Measure transformers float32 and assay in turn: prefill and decode.")
    parser.add_argument("model_dir")
    parser.add_argument("--assay", help="program to measure beside it, for instance build/release/assay")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prefill", type=int, default=512, help="tokens of the prompt (default 512)")
    parser.add_argument("--decode", type=int, default=64, help="tokens decoded after it (default 64)")
    parser.add_argument("--repeat", type=int, default=4)
    parser.add_argument("--attention", default="sdpa", choices=("sdpa", "eager"), help="default sdpa, as users get it")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    begin = time.perf_counter()
    model = transformers.AutoModelForCausalLM.from_pretrained(
        args.model_dir, dtype=torch.float32, attn_implementation=args.attention).eval()
    load = time.perf_counter() - begin
    ids = token_ids(model.config.vocab_size, args.prefill)
    prefill, decode, assay = [], [], []
    for turn in range(args.repeat + 1):
        seconds, out = time_prefill(model, ids)
        steps = time_decode(model, out, args.decode)
        if turn:
            prefill.append(args.prefill / seconds)
            decode.append(args.decode / steps)
            if args.assay:
                assay.append(run_assay(args.assay, args.model_dir, args))
        print(f"turn {turn}: prefill {args.prefill / seconds:.0f} tokens/s, decode {args.decode / steps:.1f} tokens/s"
              + (f"; assay {assay[-1]['prefill_tokens_per_s']:.0f} and {assay[-1]['decode_tokens_per_s']:.1f}"
                 if assay else ""), file=sys.stderr)
    result = {
        "program": f"transformers {transformers.__version__}, torch {torch.__version__.split('+')[0]}",
        "dtype": "float32", "attention": args.attention, "threads": args.threads, "load_seconds": round(load, 3),
        "prefill_tokens": args.prefill, "prefill_tokens_per_s": round(max(prefill), 1),
        "decode_tokens": args.decode, "decode_tokens_per_s": round(max(decode), 2),
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    if assay:
        best = {key: max(run[key] for run in assay) for key in ("prefill_tokens_per_s", "decode_tokens_per_s")}
        result["assay"] = best | {"peak_memory_bytes": assay[0]["peak_memory_bytes"], "blas": assay[0]["blas"]}
        result["assay_over_transformers"] = {key: round(best[key] / result[key], 3) for key in best}
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
