#!/usr/bin/env python3
"""Make suites/data/gguf with the official `gguf` package: what the tests hold the GGUF reader against.

    make_gguf_cases.py [-o DIR]

- blocks.safetensors: for every block type TYPE.blocks (bytes) and TYPE.values (what gguf.quants.dequantize makes of them),
  random blocks and edge cases;
- mistral3.gguf, seed_oss.gguf, longrope.gguf, qwen3vlmoe.gguf, glm4.gguf, cohere2.gguf, phi3.gguf: small golden/nano models without a
  tokenizer, matrices in bfloat16; gemma3.gguf, gemma3.golden.safetensors: that of golden/nano with numbers that such a file can say;
- llama-f32.gguf, qwen3moe-f16.gguf, qwen2moe-bf16-0000N-of-00003.gguf: golden/nano models, in types that lose nothing;
- quantised.gguf: a llama of one layer, every matrix in another block type; quantised.json: SHA-256 of what each tensor
  holds; quantised.golden.safetensors: what transformers computes with the file;
- vocab-cuts.gguf, cuts.json: a vocabulary whose ids show where a text was cut; texts, and their ids by the `tokenizers`
  library with the patterns of each kind that llama.cpp knows;
- vocab-KIND.gguf: the nano vocabulary under each kind of pre-tokenizer; vocab.jsonl: texts, and their ids by the
  `tokenizers` library set up as the originals of that kind are.

Needs scripts/requirements.txt. The same bytes whenever it is run.
"""

import argparse
import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile

import gguf
import numpy as np
import tokenizers
from gguf import GGMLQuantizationType as Type
from safetensors import safe_open
from safetensors.numpy import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

OTHER_COMPONENTS = re.compile(r"(thinker\.)?(model\.)?(audio_tower|visual|vision_tower|multi_modal_projector|talker|code2wav|token2wav)\.")
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BLOCK_TYPES = ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K")
GRID_TYPES = ("IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ4_NL", "IQ4_XS", "TQ1_0", "TQ2_0", "MXFP4")
# Where the half-precision numbers of a block lie: the scale, then the offset or the scale of the minima.
HALVES = {
    "Q4_0": (0,), "Q4_1": (0, 2), "Q5_0": (0,), "Q5_1": (0, 2), "Q8_0": (0,),
    "Q2_K": (80, 82), "Q3_K": (108,), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,),
}  # fmt: skip


# ---------------------------------------------------------------- blocks


def half_bytes(value):
    return np.array([value], "<f2").view(np.uint8)


def make_blocks(name, random):
    """Random bytes under random scales, and every edge of the scales over random, zero and full quanta."""
    size = gguf.GGML_QUANT_SIZES[Type[name]][1]
    halves = HALVES[name]
    edges = [0.0, -0.0, 65504.0, -65504.0, 2.0**-24, 1023 * 2.0**-24, 2.0**-14, -1.0]
    rows = []
    for scale in edges:
        for second in (0.0, -65504.0, 1.5) if len(halves) > 1 else (None,):
            fills = [random.integers(0, 256, size, np.uint8)]
            if second in (None, 1.5):
                fills += [np.zeros(size, np.uint8), np.full(size, 255, np.uint8)]
            for block in fills:
                block[halves[0] : halves[0] + 2] = half_bytes(scale)
                if second is not None:
                    block[halves[1] : halves[1] + 2] = half_bytes(second)
                rows.append(block)
    for _ in range(6):
        block = random.integers(0, 256, size, np.uint8)
        for at in halves:
            block[at : at + 2] = half_bytes(random.normal() * 0.01)
        rows.append(block)
    return np.stack(rows)


def make_grid_blocks(name, random):
    """The same of types with one scale, which lies first or last, is one byte (MXFP4) or in four pieces (IQ1_M)."""
    size = gguf.GGML_QUANT_SIZES[Type[name]][1]
    rows = []
    for scale in [0.0, -0.0, 65504.0, -65504.0, 2.0**-24, 2.0**-14, *(random.normal(size=6) * 0.01)]:
        block, half = random.integers(0, 256, size, np.uint8), half_bytes(scale)
        if name == "IQ1_M":
            whole = int(half.view("<u2")[0])
            for piece in range(4):
                block[49 + 2 * piece] = (block[49 + 2 * piece] & 15) | (whole >> 4 * piece & 15) << 4
        elif name == "MXFP4":
            block[0] = (0, 1, 2, 3, 127, 252, 251, 128, 120, 64, 200, 30)[len(rows)]
        else:
            at = size - 2 if name.startswith("TQ") else 0
            block[at : at + 2] = half
        rows.append(block)
    return np.stack(rows)


def write_blocks(path):
    tensors = {}
    for index, name in enumerate(BLOCK_TYPES):
        blocks = make_blocks(name, np.random.default_rng(1000 + index))
        values = gguf.quants.dequantize(blocks, Type[name])
        assert values.dtype == np.float32 and np.isfinite(values).all()
        tensors[name + ".blocks"], tensors[name + ".values"] = blocks, values
    for index, name in enumerate(GRID_TYPES):
        blocks = make_grid_blocks(name, np.random.default_rng(2000 + index))
        values = gguf.quants.dequantize(blocks, Type[name]).astype(np.float32)
        assert np.isfinite(values).all()
        tensors[name + ".blocks"], tensors[name + ".values"] = blocks, values
    save_file(tensors, path)


# ---------------------------------------------------------------- models

NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "self_attn.sinks": "attn_sinks", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "mlp.gate": "ffn_gate_inp",
    "mlp.experts.gate_proj": "ffn_gate_exps", "mlp.experts.up_proj": "ffn_up_exps", "mlp.experts.down_proj": "ffn_down_exps",
    "mlp.shared_expert_gate": "ffn_gate_inp_shexp", "mlp.shared_expert.gate_proj": "ffn_gate_shexp",
    "mlp.shared_expert.up_proj": "ffn_up_shexp", "mlp.shared_expert.down_proj": "ffn_down_shexp",
    "self_attn.qkv_proj": "attn_qkv", "mlp.gate_up_proj": "ffn_up", "post_feedforward_layernorm": "post_ffw_norm",
    "pre_feedforward_layernorm": "ffn_norm", "post_self_attn_layernorm": "post_attention_norm", "post_mlp_layernorm": "post_ffw_norm",
}  # fmt: skip
BEHIND_ATTENTION = ("seed_oss", "gpt-oss", "gemma2", "gemma3", "olmo2", "exaone4")  # what they call so is no norm before the feed-forward block


def load_checkpoint(folder):
    """All tensors as bytes-exact arrays: bfloat16 as uint16."""
    with open(os.path.join(folder, "model.safetensors.index.json"), encoding="utf-8") as file:
        shards = sorted(set(json.load(file)["weight_map"].values()))
    tensors = {}
    for shard in shards:
        with safe_open(os.path.join(folder, shard), "pt") as file:
            for name in file.keys():
                tensor = file.get_tensor(name)
                if str(tensor.dtype) == "torch.bfloat16":
                    import torch

                    tensors[name] = tensor.view(torch.uint16).numpy()
                else:
                    tensors[name] = tensor.numpy()
    return tensors


def gguf_name(name, architecture=""):
    stem, ending = (name, "weight") if name.endswith(".sinks") else name.rsplit(".", 1)
    if not stem.startswith("model.layers."):
        return f"{NAMES[stem]}.{ending}"
    layer, rest = stem.removeprefix("model.layers.").split(".", 1)
    if rest == "post_attention_layernorm" and architecture in BEHIND_ATTENTION:
        return f"blk.{layer}.post_attention_norm.{ending}"
    return f"blk.{layer}.{NAMES[rest]}.{ending}"


def permute(rows, heads):
    """As the llama converter lays out q and k: the halves of each head in turn."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def stack_experts(tensors):
    out, experts = {}, {}
    for name, value in tensors.items():
        before, mark, after = name.partition(".experts.")
        if mark:
            expert, part = after.split(".", 1)
            experts.setdefault(f"{before}.experts.{part}", {})[int(expert)] = value
        else:
            out[name] = value
    for name, parts in experts.items():
        out[name] = np.stack([parts[i] for i in range(len(parts))])
    return out


def llama3_divisors(rope, head_dim):
    low, high, factor = rope["low_freq_factor"], rope["high_freq_factor"], rope["factor"]
    context, divisors = rope["original_max_position_embeddings"], []
    for i in range(0, head_dim, 2):
        wave = 2 * math.pi * rope["rope_theta"] ** (i / head_dim)
        smooth = (context / wave - low) / (high - low)
        if wave < context / high:
            divisors.append(1.0)
        elif wave > context / low:
            divisors.append(factor)
        else:
            divisors.append(1 / ((1 - smooth) / factor + smooth))
    return np.array(divisors, np.float32)


def text_of(config):
    """The text model's configuration, with all of its rope in one place."""
    text = dict(config.get("thinker_config", config))
    text = dict(text.get("text_config", text))
    rope = text.get("rope_scaling") or text.get("rope_parameters") or {}
    if "sliding_attention" in rope:
        text["rope_local_base_freq"], rope = rope["sliding_attention"]["rope_theta"], rope["full_attention"]
    if text.get("model_type") == "gpt_oss":
        text |= {"num_experts": text["num_local_experts"], "moe_intermediate_size": text["intermediate_size"]}
    if "type" in rope:
        rope = {"rope_type": rope["type"], **rope}
    text["rope_parameters"] = {"rope_theta": text.get("rope_theta", 10000.0), "rope_type": "default", **rope}
    if "original_max_position_embeddings" in text:
        text["rope_parameters"]["original_max_position_embeddings"] = text["original_max_position_embeddings"]
    return text


def text_tensors(tensors):
    """By their canonical names, experts one tensor for each projection."""
    plain, fused = {}, {}
    for name, value in tensors.items():
        if OTHER_COMPONENTS.match(name):
            continue
        for spelled, canonical in (("thinker.", ""), ("language_model.model.", "model."), ("language_model.lm_head", "lm_head"),
                                   ("model.language_model.", "model.")):  # fmt: skip
            name = name.replace(spelled, canonical, 1) if name.startswith(spelled) else name
        name = name.replace(".mlp.router.", ".mlp.gate.")
        (fused if ".experts." in name and "_proj" in name and not name.endswith(".weight") else plain)[name] = value
    out = stack_experts(plain)
    for name in [name for name in fused if name.endswith(".gate_up_proj")]:
        stem = name.removesuffix(".gate_up_proj")
        gate_up, down = fused[name], fused[f"{stem}.down_proj"]
        if gate_up.shape[1] == down.shape[2] and gate_up.shape[2] == 2 * down.shape[1]:  # [experts, in, out]
            gate_up, down = gate_up.swapaxes(1, 2), down.swapaxes(1, 2)
        half = gate_up.shape[1] // 2
        biases = fused.get(f"{stem}.gate_up_proj_bias")
        if biases is not None:  # gpt_oss: the rows of the two lie in turn
            gate_up = np.concatenate((gate_up[:, ::2], gate_up[:, 1::2]), 1)
            out |= {f"{stem}.gate_proj.bias": biases[:, ::2], f"{stem}.up_proj.bias": biases[:, 1::2],
                    f"{stem}.down_proj.bias": fused[f"{stem}.down_proj_bias"]}
        out |= {f"{stem}.gate_proj.weight": gate_up[:, :half], f"{stem}.up_proj.weight": gate_up[:, half:], f"{stem}.down_proj.weight": down}
    return out


def add_rope(writer, rope, architecture, head_dim, context):
    """As llama.cpp's converter writes it (conversion/base.py and mistral3.py), and for longrope phi.py."""
    kind, original = rope["rope_type"], rope.get("original_max_position_embeddings", context)
    if kind == "llama3":
        writer.add_tensor("rope_freqs.weight", llama3_divisors(rope, head_dim))
    if kind in ("linear", "yarn", "longrope") and architecture != "phi3":  # of which the tensors are read without it
        writer.add_rope_scaling_type(gguf.RopeScalingType[kind.upper()])
    if kind in ("linear", "yarn"):
        writer.add_rope_scaling_factor(rope["factor"])
    if kind in ("yarn", "longrope"):
        writer.add_rope_scaling_orig_ctx_len(original)
    if kind == "yarn":
        for key, add in (("beta_fast", writer.add_rope_scaling_yarn_beta_fast), ("beta_slow", writer.add_rope_scaling_yarn_beta_slow)):
            if key in rope:
                add(rope[key])
    if kind == "longrope":
        factor = rope.get("factor", context / original)
        strength = 1.0 if factor <= 1 else math.sqrt(1 + math.log(factor) / math.log(original))
        writer.add_rope_scaling_attn_factors(rope.get("attention_factor", strength))
        writer.add_tensor("rope_factors_long.weight", np.array(rope["long_factor"], np.float32))
        writer.add_tensor("rope_factors_short.weight", np.array(rope["short_factor"], np.float32))
    if architecture == "mistral3" and "llama_4_scaling_beta" in rope:
        writer.add_rope_scaling_yarn_log_mul(rope.get("mscale_all_dim", 0.0))  # which takes mscale for 1
        writer.add_attn_temperature_scale(rope["llama_4_scaling_beta"])


PATTERNS = {"gpt-oss": 2, "gemma2": 2, "gemma3": 6, "olmo2": 4, "cohere2": 4}  # every so-many-th layer has no window where a file does not say


def head_size(config):
    return config.get("head_dim", config["hidden_size"] // config["num_attention_heads"])


def add_windows(writer, config, architecture):
    every = config.get("sliding_window_pattern", PATTERNS[architecture])
    usual = [(layer + 1) % PATTERNS[architecture] != 0 for layer in range(config["num_hidden_layers"])]
    types = config.get("layer_types") or ["sliding_attention" if (layer + 1) % every else "full_attention" for layer in range(len(usual))]
    windows = [kind == "sliding_attention" for kind in types]
    writer.add_sliding_window(config["sliding_window"])
    if windows != usual or architecture == "olmo2":
        writer.add_sliding_window_pattern(windows)


def add_own(writer, config, architecture):
    """What only some converters write (conversion/gemma.py, granite.py, command_r.py and others)."""
    own = {
        "granite": {"attention_multiplier": writer.add_attention_scale, "embedding_multiplier": writer.add_embedding_scale,
                    "residual_multiplier": writer.add_residual_scale, "logits_scaling": writer.add_logit_scale},
        "gemma2": {"attn_logit_softcapping": writer.add_attn_logit_softcapping, "final_logit_softcapping": writer.add_final_logit_softcapping},
        "gemma3": {"final_logit_softcapping": writer.add_final_logit_softcapping},
        "command-r": {"logit_scale": writer.add_logit_scale}, "cohere2": {"logit_scale": writer.add_logit_scale},
    }  # fmt: skip
    for key, add in own.get(architecture, {}).items():
        if config.get(key) is not None:
            add(config[key])
    if architecture in PATTERNS and config.get("sliding_window"):
        add_windows(writer, config, architecture)
    if architecture in ("gemma3", "olmo2") and "rope_local_base_freq" in config:
        writer.add_rope_freq_base_swa(config["rope_local_base_freq"])
    share = config.get("partial_rotary_factor", 1.0)
    if architecture in ("chatglm", "glm4", "phi3"):
        writer.add_rope_dimension_count(int(head_size(config) * share))
    elif "head_dim" in config:
        writer.add_rope_dimension_count(config["head_dim"])


def add_config(writer, config, architecture="llama"):
    if "vocab_size" in config:
        writer.add_vocab_size(config["vocab_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    if "layer_norm_eps" in config:
        writer.add_layer_norm_eps(config["layer_norm_eps"])
    else:
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    if "head_dim" in config:
        writer.add_key_length(config["head_dim"])
        writer.add_value_length(config["head_dim"])
    add_own(writer, config, architecture)
    if "num_experts" in config:
        writer.add_expert_count(config["num_experts"])
        writer.add_expert_used_count(config["num_experts_per_tok"])
        writer.add_expert_feed_forward_length(config["moe_intermediate_size"])
        writer.add_expert_weights_norm(config.get("norm_topk_prob", True))


def vocabulary(folder):
    """Tokens, types and merges of a tokenizer.json."""
    with open(os.path.join(folder, "tokenizer.json"), encoding="utf-8") as file:
        source = json.load(file)
    tokens = dict(source["model"]["vocab"])
    types = {}
    for added in source["added_tokens"]:
        tokens[added["content"]] = added["id"]
        types[added["id"]] = gguf.TokenType.CONTROL if added["special"] else gguf.TokenType.USER_DEFINED
    names = [name for name, _ in sorted(tokens.items(), key=lambda item: item[1])]
    merges = [" ".join(merge) if isinstance(merge, list) else merge for merge in source["model"]["merges"]]
    return names, [types.get(i, gguf.TokenType.NORMAL) for i in range(len(names))], merges


def add_vocabulary(writer, folder, pre, rows=0):
    """`rows`: of the embedding; a token for each, as convert_hf_to_gguf.py fills the list up."""
    tokens, types, merges = vocabulary(folder)
    for i in range(len(tokens), rows):
        tokens.append(f"[PAD{i}]")
        types.append(gguf.TokenType.UNUSED)
    writer.add_tokenizer_model("gpt2")
    if pre:
        writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_nano(path, model, architecture, raw_type, split=0):
    folder = os.path.join(ROOT, "golden", "nano", model)
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    writer = gguf.GGUFWriter(path, architecture, split_max_tensors=split)
    add_config(writer, config)
    add_vocabulary(writer, folder, "qwen2", config["vocab_size"])
    head_dim = config.get("head_dim", config["hidden_size"] // config["num_attention_heads"])
    for name, value in stack_experts(load_checkpoint(folder)).items():
        if architecture == "llama" and ".q_proj." in name:
            value = permute(value, config["num_attention_heads"])
        if architecture == "llama" and ".k_proj." in name:
            value = permute(value, config["num_key_value_heads"])
        if "shared_expert_gate" in name:
            value = value.reshape(-1)
        value = np.ascontiguousarray(value)
        if raw_type == Type.BF16:
            writer.add_tensor(gguf_name(name), value.view(np.uint8), raw_dtype=raw_type)
        else:
            writer.add_tensor(gguf_name(name), value, raw_dtype=raw_type)
    if config["rope_parameters"]["rope_type"] == "llama3":
        writer.add_tensor("rope_freqs.weight", llama3_divisors(config["rope_parameters"], head_dim))
    finish(writer)


PERMUTED = ("llama", "mistral3", "granite", "smollm3", "arcee")


def add_tensors(writer, tensors, config, architecture, raw_type=None):
    """Vectors in float32, as the converter has them; matrices in float32, or in another type that loses nothing."""
    for name, value in text_tensors(tensors).items():
        for part, heads in (("q_proj", config["num_attention_heads"]), ("k_proj", config["num_key_value_heads"])):
            if architecture in PERMUTED and f".{part}." in name:
                value = permute(value, heads)
        value = np.ascontiguousarray(value.reshape(-1) if "shared_expert_gate" in name else value, np.float32)
        if architecture.startswith("gemma") and name.endswith("norm.weight"):
            value = value + np.float32(1)
        name = gguf_name(name, architecture)
        if value.ndim > 1 and raw_type == Type.BF16:
            writer.add_tensor(name, np.ascontiguousarray((value.view(np.uint32) >> 16).astype(np.uint16)).view(np.uint8), raw_dtype=raw_type)
        else:
            writer.add_tensor(name, value, raw_dtype=Type.F32)


def write_small(path, model, architecture):
    folder = os.path.join(ROOT, "golden", "nano", model)
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        config = text_of(json.load(file))
    writer = gguf.GGUFWriter(path, architecture)
    add_config(writer, config, architecture)
    if "mrope_section" in config["rope_parameters"]:
        writer.add_rope_dimension_sections([*config["rope_parameters"]["mrope_section"], 0])
    add_rope(writer, config["rope_parameters"], architecture, head_size(config), config["max_position_embeddings"])
    writer.add_tokenizer_model("none")
    tensors = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".safetensors"):
            with safe_open(os.path.join(folder, name), "pt") as file:
                tensors |= {key: file.get_tensor(key).float().numpy() for key in file.keys()}
    add_tensors(writer, tensors, config, architecture, Type.BF16)
    finish(writer)


def write_gemma(folder):
    """A file has no key for what scores are divided by: here it is the size of a head, as llama.cpp takes it."""
    source, path = os.path.join(ROOT, "golden", "nano", "gemma3"), os.path.join(folder, "gemma3")
    with open(os.path.join(source, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    config["text_config"]["query_pre_attn_scalar"] = config["text_config"]["head_dim"]
    write_small(path + ".gguf", "gemma3", "gemma3")
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copy(os.path.join(source, "model.safetensors"), scratch)
        with open(os.path.join(scratch, "config.json"), "w", encoding="utf-8") as file:
            json.dump(config, file)
        subprocess.run(
            [sys.executable, os.path.join(ROOT, "scripts", "make_golden.py"), scratch, "--ids", "5,11,48,7,60,3,3,71,20,1", "--greedy", "4",
             "-o", path + ".golden.safetensors"], check=True)  # fmt: skip


# ---------------------------------------------------------------- a quantised model

QUANTISED = {
    "hidden_size": 256, "intermediate_size": 256, "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 2,
    "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "head_dim": 64, "vocab_size": 408, "rope_parameters": {"rope_theta": 10000.0},
}  # fmt: skip
MATRICES = (
    ("token_embd", 408, "Q8_0"), ("output", 408, "Q4_0"), ("blk.0.attn_q", 256, "Q4_K"), ("blk.0.attn_k", 128, "Q5_1"),
    ("blk.0.attn_v", 128, "Q5_0"), ("blk.0.attn_output", 256, "Q6_K"), ("blk.0.ffn_gate", 256, "Q3_K"),
    ("blk.0.ffn_up", 256, "Q2_K"), ("blk.0.ffn_down", 256, "Q5_K"),
)  # fmt: skip


def random_matrix(name, rows, columns, random):
    """Random quanta, under scales that give values of a size of about 0.05."""
    block, size = gguf.GGML_QUANT_SIZES[Type[name]]
    blocks = random.integers(0, 256, (rows * columns // block, size), np.uint8)
    for k, at in enumerate(HALVES[name]):
        blocks[:, at : at + 2] = (random.uniform(0.5, 1, (len(blocks), 1)) * 1e-3).astype("<f2").view(np.uint8)
        if k == 1 and name.endswith("_1"):
            blocks[:, at : at + 2] = np.full((len(blocks), 1), -8e-3, "<f2").view(np.uint8)
    values = gguf.quants.dequantize(blocks, Type[name])
    scale = np.float16(0.05 / values.std() * 1e-3)
    for k, at in enumerate(HALVES[name]):
        blocks[:, at : at + 2] = np.full((len(blocks), 1), scale * (-12 if k == 1 and name.endswith("_1") else 1), "<f2").view(np.uint8)
    return blocks.reshape(rows, -1)


def write_quantised(folder):
    path = os.path.join(folder, "quantised.gguf")
    random = np.random.default_rng(7)
    writer = gguf.GGUFWriter(path, "llama")
    add_config(writer, QUANTISED)
    add_vocabulary(writer, os.path.join(ROOT, "golden", "nano", "llama"), "qwen2", QUANTISED["vocab_size"])
    hashes = {}
    for name, rows, kind in MATRICES:
        raw = random_matrix(kind, rows, 256, random)
        values = gguf.quants.dequantize(raw, Type[kind])
        heads = {"blk.0.attn_q": 4, "blk.0.attn_k": 2}.get(name)
        if heads:  # the file holds them permuted; the hash is of the original order
            values = values.reshape(heads, rows // heads // 2, 2, 256).swapaxes(1, 2).reshape(rows, 256)
        hashes[name + ".weight"] = hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
        writer.add_tensor(name + ".weight", raw, raw_dtype=Type[kind])
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(name + ".weight", random.uniform(0.5, 1.5, 256).astype(np.float32))
    finish(writer)
    with open(os.path.join(folder, "quantised.json"), "w", encoding="utf-8") as file:
        json.dump(hashes, file, indent=2)
        file.write("\n")
    ids = ",".join(str(i * 37 % 408) for i in range(12))
    subprocess.run(
        [sys.executable, os.path.join(ROOT, "scripts", "make_golden.py"), "--gguf", path, "--ids", ids, "--greedy", "8",
         "-o", os.path.join(folder, "quantised.golden.safetensors")], check=True)  # fmt: skip


# ---------------------------------------------------------------- kinds of pre-tokenizers

WORDS_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
WORDS_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def splits(*patterns):
    parts = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]
    return pre_tokenizers.Sequence(parts + [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


KINDS = {
    "gpt-2": pre_tokenizers.ByteLevel(add_prefix_space=False),
    "smollm": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]),
    "llama-bpe": splits(WORDS_LLAMA3),
    "default": splits(r"[\p{P}\$\+<=>\^~\|]+", WORDS_GPT2, r"\p{N}+", r"[0-9][0-9][0-9]"),
}
TEXTS = (
    "", " ", "the", "The the  the", "B  9", "in 2018, 12345678 and 3.14", "x\u0661\u0662\u0663 \u0664", "a  \n\n b\t c", "it's WE'LL don'T",
    "$5+<=>^~|`a`", "...!?", "\u00e9te\u0301 \u4f60\u597d \U0001f600", "<|im_start|>the<|im_end|> the", "<tool_call>x</tool_call>",
    "def f(x):\n    return x  # two\n", "\r\n\r\n the \u00a0 \u3000x", "1\u00bd 2\u00b2 \u2167",
)  # fmt: skip


def write_kind(folder, kind, cases):
    source = os.path.join(ROOT, "golden", "nano", "llama")
    tokens, types, merges = vocabulary(source)
    bos, eos = tokens.index("<|im_start|>"), tokens.index("<|im_end|>")
    writer = gguf.GGUFWriter(os.path.join(folder, f"vocab-{kind}.gguf"), "llama")
    add_vocabulary(writer, source, None if kind == "default" else kind)
    writer.add_bos_token_id(bos)
    writer.add_eos_token_id(eos)
    if kind == "default":
        writer.add_add_eos_token(True)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    tokenizer = Tokenizer(models.BPE(
        {token: i for i, token in enumerate(tokens)}, [tuple(merge.split(" ")) for merge in merges],
        ignore_merges=kind == "llama-bpe"))  # fmt: skip
    for i, (token, type_) in enumerate(zip(tokens, types)):
        if type_ != gguf.TokenType.NORMAL:
            control = type_ == gguf.TokenType.CONTROL
            added = AddedToken(token, normalized=False, special=control)
            (tokenizer.add_special_tokens if control else tokenizer.add_tokens)([added])
            assert tokenizer.token_to_id(token) == i
    tokenizer.pre_tokenizer, tokenizer.decoder = KINDS[kind], decoders.ByteLevel()
    if kind == "llama-bpe":  # adds BOS where the file does not say
        tokenizer.post_processor = processors.TemplateProcessing(single="<|im_start|> $A", special_tokens=[("<|im_start|>", bos)])
    if kind == "default":
        tokenizer.post_processor = processors.TemplateProcessing(single="$A <|im_end|>", special_tokens=[("<|im_end|>", eos)])
    for text in TEXTS:
        cases.append({"kind": kind, "text": text, "ids": tokenizer.encode(text).ids})


# ---------------------------------------------------------------- all other kinds, by what their patterns cut

TWO_CASES = (
    "41-5a 61-7a b5 c0-d6 d8-f6 f8-1ba 1bc-1bf 1c4-293 295-2af 370-373 376 377 37b-37d 37f 386 388-38a 38c 38e-3a1 "
    "3a3-3f5 3f7-481 48a-52f 531-556 10a0-10c5 13a0-13f5 13f8-13fd 1c90-1cba 1cbd-1cbf 1d00-1d2b 1d6b-1d77 "
    "1d79-1d9a 1e00-1f15 1f18-1f1d 1f20-1f45 1f48-1f4d 1f50-1f57 1f59 1f5b 1f5d 1f5f-1f7d 1f80-1fb4 1fb6-1fbc 1fbe "
    "1fc2-1fc4 1fc6-1fcc 1fd0-1fd3 1fd6-1fdb 1fe0-1fec 1ff2-1ff4 1ff6-1ffc 2102 2107 210a-2113 2115 2119-211d 2124 "
    "2126 2128 212a-212d 212f-2134 2139 213c-213f 2145-2149 214e 2183 2184 2c00-2c7b 2c7e-2ce4 2ceb-2cee 2cf2 2cf3 "
    "a640-a66d a680-a69b a722-a76f a771-a787 a78b-a78e ab70-abbf fb00-fb06 fb13-fb17 ff21-ff3a ff41-ff5a "
    "10400-1044f 104b0-104d3 104d8-104fb 10c80-10cb2 10cc0-10cf2 118a0-118df 1e900-1e943 "
)
# The patterns of llama-vocab.cpp, or, where it only approximates them, those that it cites of the models' tokenizer.json.
CASES_OF = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
GPT2_KIND = (WORDS_GPT2,)
QWEN2_WORDS = CASES_OF + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+END"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*END"
    r"|DIGITS| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
GPT4O = O200K.replace("END", CASES_OF + "?").replace("DIGITS", r"\p{N}{1,3}")
DEEPSEEK3 = (
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
HAN_KANA = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"
HAN_HANGUL = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
BLOOM = " ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+"


def letters(ranges):
    return "".join("-".join(chr(int(end, 16)) for end in part.split("-")) for part in ranges.split())


CUTS = {
    "gpt-2": GPT2_KIND, "olmo": GPT2_KIND, "command-r": (r"\p{N}", WORDS_GPT2), "qwen2": (QWEN2_WORDS,),
    "stablelm2": (QWEN2_WORDS,), "megrez": (QWEN2_WORDS,), "llama-bpe": (WORDS_LLAMA3,), "smaug-bpe": (WORDS_LLAMA3,),
    "dbrx": (WORDS_LLAMA3,), "glm4": (WORDS_LLAMA3,), "tekken": (O200K.replace("END", "").replace("DIGITS", r"\p{N}"),),
    "gpt-4o": (GPT4O,), "tiny_aya": (r"\d{1,3}(?=(?:\d{3})*\b)", GPT4O),
    "qwen35": (QWEN2_WORDS.replace(r"?\p{L}+", r"?[\p{L}\p{M}]+").replace(r"[^\s\p{L}", r"[^\s\p{L}\p{M}"),),
    "minicpm5": (r"\p{N}{1,3}", QWEN2_WORDS.replace(r"|\p{N}|", r"|\p{N}+|")),
    "jais-2": (WORDS_LLAMA3.replace(r"\s+(?!\S)|\s+", "".join(
        rf"\s{{{n}}}(?!\S)|" for n in (512, 256, 128, 64, 32, 16, 8, 4)) + r"\s{1,2}(?!\S)|\s{1}"),),
    "laguna": (r"[^\n]+|[\n]+", QWEN2_WORDS), "ufakzeka": (QWEN2_WORDS.removeprefix(CASES_OF + "|"),),
    "seed-coder": (CASES_OF + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+",),
    "bailingmoe": (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",),
    "exaone-moe": (CASES_OF + r"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+",),
    "youtu": ("[\uac00-\ud7a3\u3131-\u318e]+|[\uff01\u2026\u201c\u201d\u2018\u2019\u2014\uff1a\uff1b\uff0c\u3001-\u303f"
              "\ufe30-\ufe4f]+|[\u3105-\u312f]+|" + HAN_KANA, O200K.replace("END", CASES_OF + "?").replace("DIGITS", r"\p{N}")),
    "deepseek-llm": ("[\r\n]", rf"\s?[{letters(TWO_CASES)}]+",
                     "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+", r"\s+$", HAN_HANGUL, r"\p{N}+"),
    "deepseek-coder": ("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", HAN_HANGUL, r"\p{N}"),
    "deepseek-v3": (r"\p{N}{1,3}", HAN_KANA, DEEPSEEK3),
    "spark2_5": (r"\p{N}{1,3}", HAN_KANA, DEEPSEEK3.replace(r"[\r\n]*|\s*[\r\n]+", r"|[\r\n]"), r"\p{N}"),
    "bloom": (BLOOM,), "viking": (BLOOM, r"\p{N}"),
    "falcon": (r"[\p{P}\$\+<=>\^~\|`]+", WORDS_GPT2, r"[0-9][0-9][0-9]"),
    "superbpe": (r"\p{N}+", r"(?=(\d{3})+(?!\d))"),
}  # fmt: skip
COMPOSED = ("qwen2", "qwen35")  # after NFC
CUT_TEXTS = (
    "aa  ab\n\n  ba\r\n\r\n ", "1234567 12 1,234.8", "it's it'S 'll DON'T we'd've", "ABba AbBA aBBa BA'S a's",
    "a.b !a !!a\n!a a!\n/ /\n", "  a   1    .     \t\t a", "a\n a\n\n\na \n", "\u4e2d\u56fd\u4e2d a\u4e2d\u56fd1 \u4e2d", "\u3072\u3089\u30ab\u4e2d",
    "\ud55c\uad6d \ud55c a\ud55c", "e\u0301a\u0301\u0301 \u0915\u094d\u0937", "\u0391\u03b1\u03b2 \u0410\u0411\u0430 \u05d0\u05d1", "\u300c\u4e2d\u300d\u3002\uff0c\uff01a\uff01 \u2026 \u2019s",
    "\u0964a\u060cb\u06d4", "a^2+b=3~a|`a` <a>", "\u0661\u0662\u0663\u0664 \u2167 \u00b2\u00b3 12\u00bd", "\u3105\u3106 \u3131\u3132",
    "_a_ (a) [b]{a} \"b\" #a @b", "\u00a0a \u3000\u3000b\u2003", "a" + " " * 21 + "b",
)  # fmt: skip
PROBED = "ab AB\n\r12.!'s,"


def probe_vocabulary():
    """All bytes, and a token for each pair of a few: any cut between two of them shows in the ids."""
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    codes = {byte: code for byte, code in zip(
        [*range(33, 127), *range(161, 173), *range(174, 256), *[b for b in range(256) if b < 33 or 127 <= b < 161 or b == 173]],
        [*map(chr, range(33, 127)), *map(chr, range(161, 173)), *map(chr, range(174, 256)), *map(chr, range(256, 324))])}  # fmt: skip
    assert sorted(codes.values()) == sorted(alphabet)
    probed = sorted({codes[byte] for byte in PROBED.encode()} | {codes[byte] for byte in "\u4e2d\u56fd\ud55c\u3072\u0301\u0410\u00b2".encode()})
    merges = [(a, b) for a in probed for b in probed]
    return sorted(alphabet) + [a + b for a, b in merges], merges


def write_cuts(folder):
    tokens, merges = probe_vocabulary()
    writer = gguf.GGUFWriter(os.path.join(folder, "vocab-cuts.gguf"), "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.NORMAL] * len(tokens))
    writer.add_token_merges([" ".join(merge) for merge in merges])
    writer.add_add_bos_token(False)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    ids = {}
    for kind, patterns in CUTS.items():
        tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
        tokenizer.pre_tokenizer = splits(*patterns)
        if kind in COMPOSED:
            tokenizer.normalizer = normalizers.NFC()
        ids[kind] = [tokenizer.encode(text).ids for text in CUT_TEXTS]
    with open(os.path.join(folder, "cuts.json"), "w", encoding="utf-8") as file:
        json.dump({"texts": CUT_TEXTS, "kinds": ids}, file, separators=(",", ":"))
        file.write("\n")


def main():
    parser = argparse.ArgumentParser(description="Make suites/data/gguf with the official gguf package.")
    parser.add_argument("-o", "--output", default=os.path.join(ROOT, "suites", "data", "gguf"))
    folder = parser.parse_args().output
    os.makedirs(folder, exist_ok=True)
    write_blocks(os.path.join(folder, "blocks.safetensors"))
    write_nano(os.path.join(folder, "llama-f32.gguf"), "llama", "llama", Type.F32)
    write_small(os.path.join(folder, "mistral3.gguf"), "ministral3", "mistral3")
    write_small(os.path.join(folder, "seed_oss.gguf"), "seed_oss", "seed_oss")
    write_small(os.path.join(folder, "longrope.gguf"), "longrope", "llama")
    write_small(os.path.join(folder, "qwen3vlmoe.gguf"), "qwen3_vl_moe", "qwen3vlmoe")
    for name in ("glm4", "cohere2", "phi3"):
        write_small(os.path.join(folder, f"{name}.gguf"), name, name)
    write_gemma(folder)
    write_nano(os.path.join(folder, "qwen3moe-f16.gguf"), "qwen3_moe", "qwen3moe", Type.F16)
    write_nano(os.path.join(folder, "qwen2moe-bf16.gguf"), "qwen2_moe", "qwen2moe", Type.BF16, split=28)
    write_quantised(folder)
    cases = []
    for kind in KINDS:
        write_kind(folder, kind, cases)
    with open(os.path.join(folder, "vocab.jsonl"), "w", encoding="utf-8") as file:
        for case in cases:
            file.write(json.dumps(case, ensure_ascii=True) + "\n")
    write_cuts(folder)
    versions = {"gguf": __import__("importlib.metadata", fromlist=["version"]).version("gguf"), "tokenizers": tokenizers.__version__}
    print(f"{folder}: made with {versions}")


if __name__ == "__main__":
    main()
