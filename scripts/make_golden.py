#!/usr/bin/env python3
"""Make a golden dump with the original implementation (Hugging Face transformers).

    make_golden.py MODEL_DIR -o OUT.safetensors --prompt "The capital of France is" --ids 1,2,3 --greedy 20
    make_golden.py --gguf MODEL.gguf -o OUT.safetensors ...

Runs the unmodified modelling code of transformers (eager attention, eager experts) with forward hooks, twice:
in float64 (the values, stored as float32) and in float32 (stored only as `noise`). The dump format is described
in the section "Gold" of the design: tensors are CASE/MODULE_PATH without the batch axis, facts are in the metadata.

Set-up, outside the checkout:

    python3 -m venv ~/.cache/assay/venv
    ~/.cache/assay/venv/bin/pip install -r scripts/requirements.txt
    ~/.cache/assay/venv/bin/python scripts/make_golden.py --help

Traps, each of which has bitten:
- model.to(dtype) also converts the rotary frequencies; from_pretrained(dtype=...) does not. Checked on every load.
- The default experts implementation ("grouped_mm") has no float64; experts_implementation="eager" is the plain loop.
- A GGUF file's tokenizer is converted by transformers without its kind of pre-tokenizer: some texts get other ids than
  the original's. The dump's producer says so; assay names the first prompt and token that differ.
- Frequencies of the dynamic rope are those of the longest sequence so far, whatever is computed next; each sequence is
  run as the first.
- Some steps of the original are float32 whatever the dtype: RMSNorm's statistics, both softmaxes, cos and sin.
  The float64 run keeps them, because it is the original that defines what is right.
"""

import argparse
import gc
import hashlib
import json
import math
import os
import re
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch  # noqa: E402
import tokenizers  # noqa: E402
import transformers  # noqa: E402
from safetensors import safe_open  # noqa: E402

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

LAYER_POINTS = (
    "input_layernorm",
    "self_attn.q_a_layernorm",
    "self_attn.kv_a_layernorm",
    "self_attn.norm",
    "self_attn.q_norm",
    "self_attn.k_norm",
    "self_attn",
    "post_self_attn_layernorm",
    "post_attention_layernorm",
    "pre_feedforward_layernorm",
    "mlp.gate",
    "mlp",
    "post_feedforward_layernorm",
    "post_mlp_layernorm",
    "",
)
# Classes that norm queries and keys when heads are in front of tokens already; gold has them behind.
HEADS_FIRST = ("gemma3", "gemma3_text", "exaone4", "hunyuan_v1_dense")
# Classes that rotate nothing.
UNROTATED = ("gpt2",)
# Modules that some classes call otherwise.
OTHER_PATHS = ((r"^transformer\.wte(?=\.|$)", "model.embed_tokens"), (r"^transformer\.wpe(?=\.|$)", "model.embed_positions"),
               (r"(\.h\.\d+)\.attn(?=\.|$)", r"\1.self_attn"), (r"(\.h\.\d+)\.ln_1(?=\.|$)", r"\1.input_layernorm"),
               (r"(\.h\.\d+)\.ln_2(?=\.|$)", r"\1.post_attention_layernorm"),
               (r"^transformer\.word_embeddings(?=\.|$)", "model.embed_tokens"), (r"^transformer\.ln_f(?=\.|$)", "model.norm"),
               (r"^transformer\.h\.", "model.layers."), (r"(\.\d+)\.self_attention(?=\.|$)", r"\1.self_attn"),
               (r"(\.\d+)\.ln_attn(?=\.|$)", r"\1.input_layernorm"), (r"(\.\d+)\.ln_mlp(?=\.|$)", r"\1.post_attention_layernorm"),
               (r"^gpt_neox\.embed_in(?=\.|$)", "model.embed_tokens"), (r"^gpt_neox\.final_layer_norm(?=\.|$)", "model.norm"),
               (r"^gpt_neox\.", "model."), (r"^embed_out(?=\.|$)", "lm_head"), (r"(\.\d+)\.attention(?=\.|$)", r"\1.self_attn"),
               (r"\.linear_attn(?=\.norm$|$)", ".self_attn"), (r"\.mlp\.router$", ".mlp.gate"), (r"\.block_sparse_moe\.router$", ".mlp.gate"), (r"\.block_sparse_moe(?=\.|$)", ".mlp"),
               (r"\.self_attn\.query_layernorm$", ".self_attn.q_norm"), (r"\.self_attn\.key_layernorm$", ".self_attn.k_norm"))
# ... and tensors.
OTHER_TENSORS = ((r"\.mlp\.router\.layer\.weight$", ".mlp.gate.weight"), (r"\.mlp\.router\.", ".mlp.gate."),
                 (r"\.mlp\.shared_experts\.", ".mlp.shared_expert."),
                 (r"\.mlp\.e_score_correction_bias$", ".mlp.gate.e_score_correction_bias"),
                 (r"\.mlp\.(dense_h_to_4h|c_fc)\.", ".mlp.up_proj."), (r"\.mlp\.(dense_4h_to_h|c_proj)\.", ".mlp.down_proj."),
                 (r"\.self_attn\.(dense|c_proj)\.", ".self_attn.o_proj."), (r"\.self_attn\.query_layernorm\.", ".self_attn.q_norm."), (r"\.self_attn\.key_layernorm\.", ".self_attn.k_norm."))
LAYER_PATH = re.compile(r"model\.layers\.\d+(?:\.(.+))?$")
OTHER_COMPONENTS = re.compile(
    r"^(thinker\.)?(model\.)?(audio_tower|visual|vision_tower|multi_modal_projector|talker|code2wav|token2wav)\.")
# Wholes with more than a text model: the class that computes the part that writes. The others are AutoModelForCausalLM's.
WHOLES = {
    "qwen3_omni_moe": "Qwen3OmniMoeThinkerForConditionalGeneration",
    "qwen3_omni_moe_thinker": "Qwen3OmniMoeThinkerForConditionalGeneration",
    "qwen2_5_omni": "Qwen2_5OmniThinkerForConditionalGeneration",
    "qwen2_5_omni_thinker": "Qwen2_5OmniThinkerForConditionalGeneration",
    "qwen2_vl": "Qwen2VLForConditionalGeneration",
    "qwen2_5_vl": "Qwen2_5_VLForConditionalGeneration",
    "qwen3_vl": "Qwen3VLForConditionalGeneration",
    "qwen3_vl_moe": "Qwen3VLMoeForConditionalGeneration",
    "mistral3": "Mistral3ForConditionalGeneration",
    "gemma3": "Gemma3ForConditionalGeneration",
}


def say(text):
    print(text, file=sys.stderr, flush=True)


# ---------------------------------------------------------------- loading the original


def is_gguf(model_dir):
    return os.path.isfile(model_dir)


def pretrained(model_dir):
    """What from_pretrained takes for a folder, or for a GGUF file."""
    if not is_gguf(model_dir):
        return model_dir, {}
    return os.path.dirname(os.path.abspath(model_dir)), {"gguf_file": os.path.basename(model_dir)}


def model_class_and_config(model_dir):
    """The class that computes the text model, and the configuration it takes."""
    folder, extra = pretrained(model_dir)
    config = transformers.AutoConfig.from_pretrained(folder, **extra)
    if config.model_type in WHOLES:
        return getattr(transformers, WHOLES[config.model_type]), getattr(config, "thinker_config", config)
    return transformers.AutoModelForCausalLM, config


def is_kept_single(model, name):
    """What some classes may leave in float32 whatever dtype is asked for: their own definition of the model."""
    kept = [*(getattr(model, "_keep_in_fp32_modules", None) or ()), *(getattr(model, "_keep_in_fp32_modules_strict", None) or ())]
    return any(re.search(rf"(^|\.){module}(\.|$)", name) for module in kept)


def load_model(model_dir, dtype):
    """The original in the given dtype. Every text weight must come from the checkpoint, in exactly that dtype."""
    cls, config = model_class_and_config(model_dir)
    folder, extra = pretrained(model_dir)
    model, info = cls.from_pretrained(
        folder,
        **extra,
        config=config,
        dtype=dtype,
        attn_implementation="eager",
        experts_implementation="eager",
        output_loading_info=True,
    )
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"):
        names = [n for n in info.get(kind) or [] if not OTHER_COMPONENTS.match(str(n))]
        if names:
            raise SystemExit(f"{model_dir}: {kind.replace('_', ' ')}: {sorted(map(str, names))[:20]}")
    for name, parameter in model.named_parameters():
        if parameter.dtype != dtype and not (parameter.dtype == torch.float32 and is_kept_single(model, name)):
            raise SystemExit(f"{model_dir}: parameter {name} is {parameter.dtype}, expected {dtype}")
    for name, module in model.named_modules():
        if OTHER_COMPONENTS.match(name):
            continue
        for kind, ending in (("_attn_implementation", "Attention"), ("_experts_implementation", "Experts")):
            if type(module).__name__.endswith(ending) and hasattr(module, "config"):
                implementation = getattr(module.config, kind)
                if implementation != "eager":
                    raise SystemExit(f"{model_dir}: {name} runs as {implementation}, not eager")
    return model.eval(), config.get_text_config()


def rotary_frequencies(model):
    return {
        name: buffer.clone()
        for name, buffer in model.named_buffers()
        if name.endswith("inv_freq") and not OTHER_COMPONENTS.match(name)
    }


def check_rotary_frequencies(exact, single, model_dir, rotated):
    """Both runs must rotate by the same float32 frequencies, else the noise would measure a conversion."""
    if bool(exact) != rotated or exact.keys() != single.keys():
        raise SystemExit(f"{model_dir}: rotary frequencies not found")
    for name, value in exact.items():
        if value.dtype != torch.float32 or not torch.equal(value, single[name]):
            raise SystemExit(f"{model_dir}: rotary frequencies {name} differ between the float64 and the float32 run")


# ---------------------------------------------------------------- hooks


def canonical_path(name):
    name = name.removeprefix("thinker.").replace("model.language_model.", "model.", 1)
    for theirs, ours in OTHER_PATHS:
        name = re.sub(theirs, ours, name)
    return name


def wanted(path, points):
    if path == "lm_head":
        return True
    if points == "logits":
        return False
    if path in ("model.embed_tokens", "model.embed_positions", "model.norm"):
        return True
    match = LAYER_PATH.match(path)
    return bool(match) and (match.group(1) or "") in LAYER_POINTS


class Recorder:
    """Forward hooks on the original modules; keeps what each returned, without the batch axis."""

    def __init__(self, model, points):
        self.values = {}
        self.paths = []
        self.handles = []
        self.linear_heads = getattr(model.config.get_text_config(), "linear_num_value_heads", 0)
        self.heads_first = model.config.model_type in HEADS_FIRST
        text = model.config.get_text_config()
        if points == "all" and (text.model_type in UNROTATED or getattr(text, "embedding_multiplier", 1) != 1):
            name, layer = next((n, m) for n, m in model.named_modules() if canonical_path(n) == "model.layers.0")
            self.handles.append(layer.register_forward_pre_hook(self.first_layer))
        for name, module in model.named_modules():
            path = canonical_path(name)
            if OTHER_COMPONENTS.match(name) or not wanted(path, points):
                continue
            self.paths.append(path)
            self.handles.append(module.register_forward_hook(self.hook(path)))

    def first_layer(self, _module, inputs):
        """What it reads, where that is not what the embedding of tokens puts out."""
        self.values["model.input"] = inputs[0].detach()[0].clone()

    def hook(self, path):
        gate, heads = path.endswith(".mlp.gate"), path.endswith(("_attn.q_norm", "_attn.k_norm"))

        def keep(_module, _inputs, output):
            value = output[0] if isinstance(output, (tuple, list)) else output
            # The router has flattened batch and sequence already.
            if path.endswith(".self_attn.norm"):  # of linear attention: each head of each token is a row
                value = value.reshape(1, -1, self.linear_heads * value.shape[-1])
            value = value.detach().clone() if gate else value.detach()[0].clone()
            self.values[path] = value.transpose(0, 1).contiguous() if heads and self.heads_first else value

        return keep

    def take(self):
        values, self.values = self.values, {}
        missing = [p for p in self.paths if p not in values]
        if missing:
            raise SystemExit(f"hooks never ran: {missing[:5]}")
        return values

    def remove(self):
        for handle in self.handles:
            handle.remove()


# ---------------------------------------------------------------- running


def logits_of(model, ids):
    """Of a sequence by itself: frequencies that depend on its length are not to be those of a longer one before it."""
    for module in model.modules():
        if hasattr(module, "max_seq_len_cached") and hasattr(module, "original_inv_freq"):
            module.max_seq_len_cached = module.original_max_seq_len
            module.inv_freq = module.original_inv_freq.clone()
    return model(input_ids=torch.tensor([ids]), use_cache=False).logits


@torch.no_grad()
def run_case(model, recorder, ids):
    """The logits are those that the model returns: some families multiply or cap what their head makes."""
    logits = logits_of(model, ids)[0]
    values = recorder.take()
    if "lm_head" in values:
        values["lm_head"] = logits.detach().clone()
    return values


@torch.no_grad()
def greedy_continuation(model, ids, count):
    """Plain argmax, never stopping. Returns the appended ids and the smallest distance of the two best logits.
    Every step runs the whole sequence: a cache that drops what has left a sliding window may contradict it."""
    appended, margin = [], math.inf
    for _ in range(count):
        logits = logits_of(model, [*ids, *appended])
        best = torch.topk(logits[0, -1].double(), 2)
        margin = min(margin, (best.values[0] - best.values[1]).item())
        appended.append(best.indices[0].item())
    return appended, margin


def perplexity_of(logits, ids):
    """exp of the mean negative log-likelihood of ids 1..n-1, each predicted from everything before it."""
    if len(ids) < 2:
        return None
    log_p = torch.log_softmax(logits[:-1].double(), dim=-1)
    nll = -log_p.gather(1, torch.tensor(ids[1:])[:, None]).squeeze(1)
    return math.exp(nll.mean().item())


def windows(token_count, context, stride):
    """(begin, end, first position scored) as in the Hugging Face perplexity guide; position 0 is never scored."""
    previous_end = 0
    for begin in range(0, token_count, stride):
        end = min(begin + context, token_count)
        yield begin, end, max(previous_end, begin + 1)
        previous_end = end
        if end == token_count:
            return


@torch.no_grad()
def perplexity_of_text(model, ids, context, stride):
    """Sliding window. Weighted by scored token: every scored token counts once, however long its window is."""
    total, scored = 0.0, 0
    for begin, end, first in windows(len(ids), context, stride):
        logits = logits_of(model, ids[begin:end])[0]
        log_p = torch.log_softmax(logits[first - begin - 1 : end - begin - 1].double(), dim=-1)
        total -= log_p.gather(1, torch.tensor(ids[first:end])[:, None]).sum().item()
        scored += end - first
        say(f"  perplexity: {end}/{len(ids)} tokens")
    return total, scored


def relative_l2(single, exact):
    exact = exact.double()
    norm = exact.norm().item()
    distance = (single.double() - exact).norm().item()
    return distance / norm if norm > 0 else distance


# ---------------------------------------------------------------- cases and facts


class TextEncoder:
    """Text to ids by the model's own tokenizer as transformers opens it (some classes have rules of their own, whatever
    tokenizer.json says), special tokens added as it does by default."""

    def __init__(self, model_dir):
        folder, extra = pretrained(model_dir)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **extra)
        self.encode = lambda text: tokenizer(text)["input_ids"]


def make_cases(encode, prompts, id_lists):
    """encode() is called only when there is a prompt: a model without a tokenizer takes ids."""
    cases = []
    for text in prompts:
        cases.append({"id": f"prompt-{len(cases)}", "prompt": text, "ids": encode(text)})
    for ids in id_lists:
        cases.append({"id": f"ids-{len(cases)}", "ids": list(ids)})
    for case in cases:
        if not case["ids"]:
            raise SystemExit(f"case {case['id']} has no tokens")
    return cases


def sha256_file(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def weight_files(model_dir):
    index = os.path.join(model_dir, "model.safetensors.index.json")
    if os.path.exists(index):
        with open(index, encoding="utf-8") as file:
            return sorted(set(json.load(file)["weight_map"].values()))
    return ["model.safetensors"]


def canonical_tensor(name):
    name = canonical_path(name)
    for theirs, ours in OTHER_TENSORS:
        name = re.sub(theirs, ours, name)
    for mixtral, ours in (("w1", "gate_proj"), ("w2", "down_proj"), ("w3", "up_proj")):
        name = re.sub(rf"(\.experts\.\d+)\.{mixtral}\.", rf"\1.{ours}.", name)
    return name


def joined_parts(name, shape, columns_of):
    """Rows of the matrices that lie joined in one, under their canonical names; one part where it is no such."""
    head, dot, tail = name.rpartition(".self_attn.qkv_proj.weight")
    if dot and not tail:
        queries = columns_of[f"{head}.self_attn.o_proj.weight"]
        others = (shape[0] - queries) // 2
        return [(f"{head}.self_attn.{part}_proj.weight", rows) for part, rows in (("q", queries), ("k", others), ("v", others))]
    head, dot, tail = name.rpartition(".mlp.gate_up_proj.weight")
    if dot and not tail:
        return [(f"{head}.mlp.{part}_proj.weight", shape[0] // 2) for part in ("gate", "up")]
    return [(name, shape[0] if shape else 1)]


def text_tensor_places(model_dir):
    """canonical name -> (file, byte offset, bytes, dtype and shape) of the text model's tensors."""
    entries, places = [], {}
    for name in weight_files(model_dir):
        path = os.path.join(model_dir, name)
        with open(path, "rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size))
        for key, entry in header.items():
            if key == "__metadata__" or OTHER_COMPONENTS.match(key):
                continue
            if re.search(r"\.experts\.(gate_up_proj|down_proj)$|\.block_sparse_moe\.(in|out)put_linear\.weight$", key):
                raise SystemExit(f"--weights-sha256: {key} is fused; the hash is defined over single experts")
            if re.search(r"\.(query_key_value|c_attn)\.", key):
                raise SystemExit(f"--weights-sha256: {key} is joined otherwise; the hash is defined over single matrices")
            entries.append((canonical_tensor(key), path, 8 + size + entry["data_offsets"][0], entry))
    columns_of = {name: entry["shape"][-1] for name, _, _, entry in entries if entry["shape"]}
    for name, path, begin, entry in entries:
        count, shape = entry["data_offsets"][1] - entry["data_offsets"][0], entry["shape"]
        parts = joined_parts(name, shape, columns_of)
        for part, rows in parts:
            held = count if len(parts) == 1 else count // shape[0] * rows
            cut = shape if len(parts) == 1 else [rows, *shape[1:]]
            places[part] = (path, begin, held, f"{entry['dtype']}\0{','.join(map(str, cut))}")
            begin += held
    return places


def weights_sha256(model_dir):
    """SHA-256 over name, dtype and shape, each with a NUL, and stored bytes of every text tensor, by canonical name."""
    digest = hashlib.sha256()
    for name, (path, offset, count, what) in sorted(text_tensor_places(model_dir).items()):
        with open(path, "rb") as file:
            file.seek(offset)
            digest.update(f"{name}\0{what}\0".encode() + file.read(count))
    return digest.hexdigest()


# ---------------------------------------------------------------- making


class SingleRun:
    """The same model in float32, for what that costs at each place."""

    def __init__(self, model_dir, points, frequencies):
        say(f"{model_dir}: float32")
        self.model, _ = load_model(model_dir, torch.float32)
        rotated = self.model.config.model_type not in UNROTATED
        check_rotary_frequencies(frequencies, rotary_frequencies(self.model), model_dir, rotated)
        self.recorder = Recorder(self.model, points)

    def noise(self, case, values):
        single = run_case(self.model, self.recorder, case["ids"])
        return {f"{case['id']}/{path}": relative_l2(single[path], value) for path, value in values.items()}


def make_golden(model_dir, out_path, prompts=(), id_lists=(), greedy=20, points="all", perplexity_text=None,
                context=512, stride=256, with_weights_sha256=False, logits_prompts=(), dtype=torch.float64):
    """Writes the dump and returns (cases, noise). Of logits_prompts, which come last, only the logits are kept. A run in
    another dtype than float64 is what people have who make gold on a GPU: it records no noise."""
    encode = TextEncoder(model_dir).encode if prompts or logits_prompts or perplexity_text else None
    cases = make_cases(encode, prompts, id_lists)
    whole = len(cases)
    for case in make_cases(encode, logits_prompts, ()):
        cases.append(case | {"id": f"logits-{len(cases)}"})
    metadata = {
        "assay.golden": "1",
        "producer": f"transformers {transformers.__version__}, torch {torch.__version__.split('+')[0]}, "
                    f"tokenizers {tokenizers.__version__}, eager attention, eager experts",
        "dtype": str(dtype).removeprefix("torch."),
    }

    say(f"{model_dir}: {metadata['dtype']}")
    model, _ = load_model(model_dir, dtype)
    frequencies = rotary_frequencies(model)
    recorder = Recorder(model, points)
    exact = []
    for number, case in enumerate(cases):
        values = run_case(model, recorder, case["ids"])
        exact.append(values if number < whole else {"lm_head": values["lm_head"]})
        say(f"  {case['id']}: {len(case['ids'])} tokens")
    recorder.remove()
    for case, values in zip(cases, exact):
        perplexity = perplexity_of(values["lm_head"], case["ids"])
        if perplexity is not None:
            case["perplexity"] = perplexity
        if greedy:
            case["greedy"], case["greedy_margin"] = greedy_continuation(model, case["ids"], greedy)
            say(f"  {case['id']}: greedy, smallest margin {case['greedy_margin']:.3g}")
    if perplexity_text:
        with open(perplexity_text, encoding="utf-8", newline="") as file:
            ids = encode(file.read())
        total, scored = perplexity_of_text(model, ids, context, stride)
        metadata["perplexity_text"] = json.dumps({
            "sha256": sha256_file(perplexity_text), "context": context, "stride": stride, "tokens": len(ids),
            "scored": scored, "nll_mean": total / scored, "perplexity": math.exp(total / scored)})
    del model
    gc.collect()

    tensors, noise = {}, {}
    single = SingleRun(model_dir, points, frequencies) if dtype == torch.float64 else None
    for case, values in zip(cases, exact):
        if single:
            noise |= single.noise(case, values)
        tensors |= {f"{case['id']}/{path}": value.to(torch.float32).contiguous() for path, value in values.items()}
        values.clear()
    del single
    gc.collect()

    if is_gguf(model_dir):
        metadata["config"] = model_class_and_config(model_dir)[1].to_json_string()
        metadata["producer"] += ", configuration and ids from its conversion of the GGUF file"
    else:
        with open(os.path.join(model_dir, "config.json"), encoding="utf-8") as file:
            metadata["config"] = file.read()
    tokenizer_path = os.path.join(model_dir, "tokenizer.json")
    if os.path.exists(tokenizer_path):
        metadata["tokenizer_sha256"] = sha256_file(tokenizer_path)
    if with_weights_sha256:
        metadata["weights_sha256"] = weights_sha256(model_dir)
    metadata["cases"] = json.dumps(cases, ensure_ascii=False)
    if noise:
        metadata["noise"] = json.dumps({name: float(f"{value:.4g}") for name, value in noise.items()})
    write_dump(out_path, tensors, metadata)
    say(f"{out_path}: {len(tensors)} tensors, worst noise {max(noise.values(), default=math.nan):.3g}")
    return cases, noise


def write_dump(path, tensors, metadata):
    """A safetensors file of float32 tensors. The library's own writer does not keep the order of the metadata, so the
    same gold would not have the same bytes twice; it is still what reads the file back here."""
    header, offset = {"__metadata__": dict(sorted(metadata.items()))}, 0
    for name, tensor in sorted(tensors.items()):
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, offset + tensor.nbytes]}
        offset += tensor.nbytes
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, tensor in sorted(tensors.items()):
            file.write(tensor.numpy().astype("<f4").tobytes())
    with safe_open(path, "pt") as file:
        for name, tensor in tensors.items():
            if not torch.equal(file.get_tensor(name), tensor):
                raise SystemExit(f"{path}: {name} was not written as it is")


def read_prompts(path):
    if not path:
        return []
    with open(path, encoding="utf-8") as file:
        return [line.rstrip("\n") for line in file if line.rstrip("\n")]


def main():
    parser = argparse.ArgumentParser(description="Make a golden dump with Hugging Face transformers.")
    parser.add_argument("model_dir", nargs="?", help="checkpoint folder with config.json and safetensors")
    parser.add_argument("--gguf", help="a GGUF file instead, read by transformers")
    parser.add_argument("-o", "--output", required=True, help="golden dump to write (.safetensors)")
    parser.add_argument("--prompt", action="append", default=[], help="a prompt; may be repeated")
    parser.add_argument("--prompts", help="file of prompts, one a line")
    parser.add_argument("--logits-prompts", help="file of prompts, one a line, of which only the logits are kept")
    parser.add_argument("--ids", action="append", default=[], help="token ids, 1,2,3; may be repeated")
    parser.add_argument("--greedy", type=int, default=20, help="tokens of greedy continuation (default 20)")
    parser.add_argument("--points", choices=("all", "logits"), default="all", help="what to keep (default all)")
    parser.add_argument("--perplexity-text", help="text for a sliding-window perplexity")
    parser.add_argument("--context", type=int, default=512, help="tokens of a perplexity window (default 512)")
    parser.add_argument("--stride", type=int, default=256, help="distance of the windows (default 256)")
    parser.add_argument("--weights-sha256", action="store_true", help="also record a hash of all text weights")
    parser.add_argument("--dtype", choices=("float64", "float32", "bfloat16", "float16"), default="float64",
                        help="of the arithmetic; another than float64 imitates a run on a GPU, without noise (default float64)")
    parser.add_argument("--threads", type=int, help="torch threads")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    if not 0 < args.stride <= args.context:
        parser.error("--stride must be between 1 and --context")
    if (args.model_dir is None) == (args.gguf is None):
        parser.error("either MODEL_DIR or --gguf FILE")
    if args.gguf and args.weights_sha256:
        parser.error("--weights-sha256 is defined over safetensors")
    prompts, logits_prompts = args.prompt + read_prompts(args.prompts), read_prompts(args.logits_prompts)
    id_lists = [[int(i) for i in text.split(",")] for text in args.ids]
    if not prompts and not logits_prompts and not id_lists and not args.perplexity_text:
        parser.error("nothing to do: give --prompt, --prompts, --logits-prompts, --ids or --perplexity-text")
    if not prompts and not logits_prompts and not id_lists:
        id_lists = [[0]]
    make_golden(args.gguf or args.model_dir, args.output, prompts, id_lists, args.greedy, args.points, args.perplexity_text,
                args.context, args.stride, args.weights_sha256, logits_prompts, getattr(torch, args.dtype))


if __name__ == "__main__":
    main()
