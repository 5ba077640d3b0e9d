#!/usr/bin/env python3
"""Is a right model ever condemned? Random intact models of all families, with gold of the original.

    try_intact.py [--count 500] [--seed 1] [--assay build/release/assay] [--keep DIR]

Each has sizes, dtype, switches, rope and shards of its own, and gold that transformers computed of it in float64,
float32, bfloat16 or float16, with and without continuations; the subject is the checkpoint or a GGUF file of it, and
gold the dump, or its arrays as other tools write them: in a folder of .npy files, or as torch.save keeps them.
`assay check` must pass (exit status 0) and call the configuration gold's. Says each that does not, with the number that --seed N --count 1 makes it again
from, and ends with a table; exit status 1 when there was one. Needs scripts/requirements.txt, and gguf.
"""

import argparse
import collections
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

import make_golden  # first: it sets the environment that transformers reads
import make_gguf_cases
import make_nano
import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFWriter
from safetensors import safe_open

NANO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "nano")
GGUF_NAMES = {"llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "qwen2_moe": "qwen2moe", "qwen3_moe": "qwen3moe",
              "ministral3": "mistral3", "mistral3": "mistral3", "seed_oss": "seed_oss", "qwen2_vl": "qwen2vl", "qwen2_5_vl": "qwen2vl",
              "qwen3_vl": "qwen3vl", "qwen3_vl_moe": "qwen3vlmoe", "gemma": "gemma", "gemma2": "gemma2", "gemma3_text": "gemma3",
              "gemma3": "gemma3", "granite": "granite", "olmo2": "olmo2", "olmo3": "olmo2", "smollm3": "smollm3", "exaone4": "exaone4",
              "glm": "chatglm", "glm4": "glm4", "cohere": "command-r", "cohere2": "cohere2", "phi3": "phi3", "ernie4_5": "ernie4_5",
              "arcee": "arcee", "gpt_oss": "gpt-oss"}
NEWER = ("gemma", "gemma2", "gemma3", "granite", "olmo2", "smollm3", "exaone4", "chatglm", "glm4", "command-r", "cohere2", "phi3",
         "ernie4_5", "arcee", "gpt-oss")  # architectures of which a file leaves much unsaid
CLASSES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM",
           "mixtral": "MixtralForCausalLM", "qwen2_moe": "Qwen2MoeForCausalLM", "qwen3_moe": "Qwen3MoeForCausalLM",
           "mistral": "MistralForCausalLM", "ministral": "MinistralForCausalLM", "ministral3": "Ministral3ForCausalLM",
           "seed_oss": "SeedOssForCausalLM", "gemma": "GemmaForCausalLM", "gemma2": "Gemma2ForCausalLM",
           "gemma3_text": "Gemma3ForCausalLM", "granite": "GraniteForCausalLM", "olmo2": "Olmo2ForCausalLM",
           "olmo3": "Olmo3ForCausalLM", "smollm3": "SmolLM3ForCausalLM", "exaone4": "Exaone4ForCausalLM",
           "glm": "GlmForCausalLM", "glm4": "Glm4ForCausalLM", "cohere": "CohereForCausalLM", "cohere2": "Cohere2ForCausalLM",
           "phi3": "Phi3ForCausalLM", "ernie4_5": "Ernie4_5ForCausalLM", "helium": "HeliumForCausalLM", "arcee": "ArceeForCausalLM",
           "olmoe": "OlmoeForCausalLM", "granitemoe": "GraniteMoeForCausalLM", "hunyuan_v1_dense": "HunYuanDenseV1ForCausalLM",
           "glm4_moe": "Glm4MoeForCausalLM", "minimax_m2": "MiniMaxM2ForCausalLM", "gpt_oss": "GptOssForCausalLM",
           "deepseek_v2": "DeepseekV2ForCausalLM", "deepseek_v3": "DeepseekV3ForCausalLM",
           "glm4_moe_lite": "Glm4MoeLiteForCausalLM", "qwen3_next": "Qwen3NextForCausalLM",
           "starcoder2": "Starcoder2ForCausalLM", "gpt_neox": "GPTNeoXForCausalLM", "falcon": "FalconForCausalLM",
           "gpt2": "GPT2LMHeadModel"}
ACTIVATIONS = ("silu", "gelu", "gelu_pytorch_tanh", "gelu_new", "gelu_fast", "quick_gelu", "relu", "relu2", "sigmoid", "tanh", "mish")
TOWER = {"depth": 1, "hidden_size": 8, "intermediate_size": 8, "num_heads": 2, "patch_size": 2, "spatial_merge_size": 1,
         "temporal_patch_size": 1}
DEEP = {"num_position_embeddings": 4, "deepstack_visual_indexes": [0]}
# Wholes: the type of the text model in them, the vision tower, and what of that has the text model's width.
WHOLES = {
    "qwen2_vl": ("qwen2_vl_text", {"depth": 1, "embed_dim": 8, "num_heads": 2, "patch_size": 2}, "hidden_size"),
    "qwen2_5_vl": ("qwen2_5_vl_text", TOWER | {"fullatt_block_indexes": [0], "window_size": 4}, "out_hidden_size"),
    "qwen3_vl": ("qwen3_vl_text", TOWER | DEEP, "out_hidden_size"),
    "qwen3_vl_moe": ("qwen3_vl_moe_text", TOWER | DEEP, "out_hidden_size"),
    "mistral3": ("mistral", {"model_type": "pixtral", "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1,
                             "num_attention_heads": 2, "patch_size": 2, "image_size": 8, "head_dim": 4}, None),
    "gemma3": ("gemma3_text", {"model_type": "siglip_vision_model", "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1,
                               "num_attention_heads": 2, "patch_size": 2, "image_size": 8, "vision_use_head": False}, None),
    "qwen2_5_omni": ("qwen2_5_omni_text", TOWER | {"fullatt_block_indexes": [0], "window_size": 4}, "out_hidden_size"),
}
LATENT = ("deepseek_v2", "deepseek_v3", "glm4_moe_lite")  # keys and values are made of latents
DIVIDED = ("gemma", "gemma2", "gemma3_text", "gemma3", "arcee")  # hidden_size is a multiple of the number of heads
NO_HEAD_DIM = ("starcoder2", "gpt_neox", "falcon", "gpt2", "olmoe", "granitemoe", "smollm3", "exaone4", "olmo2", "olmo3", "granite", "cohere", "cohere2", "phi3", "helium", "qwen2", "qwen2_moe", "qwen2_vl", "qwen2_5_vl", "qwen2_5_omni")
FAMILIES = (*CLASSES, *WHOLES, "thinker")


def rope(draw, family, head_dim):
    kinds = ("default", "default", "default", "linear", "llama3", "yarn", "dynamic", "longrope")
    kind = "yarn" if family == "ministral3" else draw.choice(kinds) if head_dim > 2 else "default"
    found = {"rope_type": kind, "rope_theta": draw.choice((10000.0, 500000.0, 1000000.0))}
    if kind in ("linear", "llama3", "yarn", "dynamic"):
        found["factor"] = draw.choice((2.0, 4.0, 8.0))
    if kind == "llama3":
        found |= {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 128}
    if kind in ("yarn", "longrope"):
        found["original_max_position_embeddings"] = draw.choice((8, 20, 128))
    if kind == "yarn":
        options = {"beta_fast": draw.choice((32, 8.0, 2)), "beta_slow": draw.choice((1, 0.5)), "truncate": draw.random() < 0.5,
                   "attention_factor": draw.choice((1.0, 1.25)), "mscale": draw.choice((0.8, 1.0)), "mscale_all_dim": 1.1}
        found |= {key: value for key, value in options.items() if draw.random() < 0.4}
    if kind == "longrope":
        for key, most in (("short_factor", 2), ("long_factor", 16)):
            found[key] = sorted(round(draw.uniform(1, most), 3) for _ in range(head_dim // 2))
        found |= {"factor": draw.choice((2.0, 16.0))} if draw.random() < 0.5 else {}
        found |= {"attention_factor": 1.125} if draw.random() < 0.3 else {}
    if family == "ministral3":
        found["llama_4_scaling_beta"] = draw.choice((0.1, 0.3))
    return found


def own_keys(draw, family, config):
    """What the families beside Llama's and Qwen's have."""
    layers, found = config["num_hidden_layers"], {}
    if family in CLASSES and draw.random() < 0.3 and family != "arcee":
        found["hidden_activation" if family in ("gemma2", "gemma3_text") else "hidden_act"] = draw.choice(ACTIVATIONS)
    if family in ("gemma", "gemma2", "gemma3_text", "gemma3", "granite", "olmo2", "olmo3", "smollm3", "glm", "glm4", "cohere",
                  "olmoe", "granitemoe", "hunyuan_v1_dense", "glm4_moe", "cohere2", "helium", "arcee", "gpt_oss", "qwen3_next", *LATENT):
        found["attention_bias"] = draw.random() < 0.3
    if family in ("granite", "smollm3", "helium", "arcee"):
        found["mlp_bias"] = draw.random() < 0.3
    if family in ("ernie4_5", "starcoder2"):
        found["use_bias"] = draw.random() < 0.5
    if family == "gemma":
        found.setdefault("hidden_act", "gelu_pytorch_tanh")
    if family == "arcee":
        found["hidden_act"] = draw.choice(("relu2", "silu"))
    if family in ("gemma2", "gemma3_text", "gemma3"):
        found |= {"query_pre_attn_scalar": draw.choice((4, 16, 24)), "final_logit_softcapping": draw.choice((None, 3.0, 30.0))}
    if family == "gemma2":
        found["attn_logit_softcapping"] = draw.choice((None, 2.0, 50.0))
    if family in ("smollm3", "glm", "glm4", "glm4_moe", "minimax_m2", "phi3", "hunyuan_v1_dense"):
        found["pad_token_id"] = None  # beyond this vocabulary by default
    if family == "helium":
        found["head_dim"] = config["hidden_size"] // config["num_attention_heads"]
    if family == "olmoe":
        found |= {"num_experts": draw.randint(3, 12), "num_experts_per_tok": draw.randint(1, 3), "norm_topk_prob": draw.random() < 0.5}
    if family == "qwen3_next":
        keys = draw.randint(1, 3)
        found |= {"linear_num_key_heads": keys, "linear_num_value_heads": keys * draw.randint(1, 3), "linear_key_head_dim": draw.choice((4, 6, 8)),
                  "linear_value_head_dim": draw.choice((4, 6, 10)), "linear_conv_kernel_dim": draw.choice((2, 3, 4)),
                  "layer_types": [draw.choice(("full_attention", "linear_attention", "linear_attention")) for _ in range(layers)],
                  "shared_expert_intermediate_size": draw.randrange(4, 24, 2), "pad_token_id": None}  # fmt: skip
    if family in LATENT:
        found |= {"q_lora_rank": draw.choice((None, 6, 12)), "kv_lora_rank": draw.choice((6, 10, 16)),
                  "qk_rope_head_dim": draw.choice((4, 8)), "qk_nope_head_dim": draw.choice((6, 8, 10)),
                  "v_head_dim": draw.choice((4, 6, 10)), "pad_token_id": None}  # fmt: skip
    if family in ("deepseek_v3", "glm4_moe_lite"):
        found["rope_interleave"] = draw.random() < 0.7
    if family == "deepseek_v2":
        found["topk_method"] = draw.choice(("greedy", "group_limited_greedy"))
    if family == "glm4_moe_lite":
        found["mlp_layer_types"] = [draw.choice(("dense", "sparse")) for _ in range(layers)] if draw.random() < 0.6 else None
    if family == "glm4_moe" or family in LATENT:
        groups = draw.choice((1, 1, 2, 3))
        taken, each = draw.randint(1, groups), draw.randint(2, 4)
        found |= {"n_routed_experts": groups * each, "n_group": groups, "topk_group": taken, "use_qk_norm": draw.random() < 0.5,
                  "num_experts_per_tok": draw.randint(1, taken * each), "norm_topk_prob": draw.random() < 0.7,
                  "routed_scaling_factor": draw.choice((1.0, 2.5)), "first_k_dense_replace": draw.randint(0, 2),
                  "n_shared_experts": draw.randint(1, 2), "moe_intermediate_size": draw.randrange(4, 24, 2)}  # fmt: skip
    if family == "minimax_m2":
        found |= {"num_local_experts": draw.randint(3, 12), "num_experts_per_tok": draw.randint(1, 3)}
    if family == "gpt_oss":
        found |= {"num_local_experts": draw.randint(3, 12), "num_experts_per_tok": draw.randint(1, 3),
                  **draw.choice(({"swiglu_limit": 7.0, "swiglu_alpha": 1.702}, {"swiglu_limit": 0.5, "swiglu_alpha": 1.0}))}
    if family == "granitemoe":
        found |= {"num_local_experts": draw.randint(3, 12), "num_experts_per_tok": draw.randint(1, 3)}
    if family in ("granite", "granitemoe"):
        found |= {"embedding_multiplier": draw.choice((1.0, 6.0, 12.0)), "residual_multiplier": draw.choice((1.0, 0.22)),
                  "attention_multiplier": draw.choice((1.0, 0.25)), "logits_scaling": draw.choice((1.0, 8.0, 13.0))}  # fmt: skip
    if family in ("cohere", "cohere2"):
        found |= {"logit_scale": draw.choice((0.0625, 0.25, 1.0)), "layer_norm_eps": config["rms_norm_eps"]}
    if family in ("gemma2", "gemma3_text", "gemma3", "olmo3", "exaone4", "cohere2", "gpt_oss"):
        found["sliding_window"] = draw.choice((1, 2, 5, 9, 64))
        if draw.random() < 0.5:
            found["layer_types"] = [draw.choice(("full_attention", "sliding_attention")) for _ in range(layers)]
        elif family in ("gemma3_text", "exaone4", "cohere2"):
            found["sliding_window_pattern"] = draw.randint(1, 3)
    if family == "exaone4" and draw.random() < 0.3:
        found |= {"sliding_window": None, "layer_types": ["full_attention"] * layers}
    if family == "starcoder2":
        found["norm_epsilon"] = config["rms_norm_eps"]
    if family == "gpt_neox":
        found |= {"layer_norm_eps": config["rms_norm_eps"], "attention_bias": draw.random() < 0.7,
                  "use_parallel_residual": draw.random() < 0.6}  # fmt: skip
    if family == "falcon":
        newer = draw.random() < 0.5
        found |= {"layer_norm_epsilon": config["rms_norm_eps"], "bias": draw.random() < 0.3, "new_decoder_architecture": newer,
                  "ffn_hidden_size": config["intermediate_size"]}  # fmt: skip
        found |= {"num_kv_heads": config["num_key_value_heads"], "num_ln_in_parallel_attn": draw.choice((None, 1, 2))} if newer else {
            "multi_query": draw.random() < 0.5, "parallel_attn": draw.random() < 0.6}
        if "hidden_act" in found:
            found["activation"] = found.pop("hidden_act")
    if family == "gpt2":
        found |= {"layer_norm_epsilon": config["rms_norm_eps"], "n_inner": config["intermediate_size"], "max_position_embeddings": 256,
                  "activation_function": found.pop("hidden_act", "gelu_new"), "head_dim": None}  # fmt: skip
    if family in ("phi3", "starcoder2"):
        found["sliding_window"] = draw.choice((None, 2, 9))
    if family == "smollm3":
        found["no_rope_layer_interval"] = draw.randint(1, 3)
        if draw.random() < 0.5:
            found["no_rope_layers"] = [draw.randint(0, 1) for _ in range(layers)]
        if draw.random() < 0.3:
            found |= {"use_sliding_window": True, "sliding_window": draw.randint(2, 9)}
    return found


def own_rope(draw, family, config, found):
    """The rope of those that have it in a shape of their own, some in the spelling of older files."""
    if family in ("glm", "glm4", "glm4_moe", "minimax_m2", "phi3", "qwen3_next", "gpt_neox"):
        whole = config.get("head_dim", config["hidden_size"] // config["num_attention_heads"])
        share = draw.choice([part for part in (0.25, 0.5, 0.75, 1.0) if whole * part >= 4 and int(whole * part) % 2 == 0] or [1.0])
        config["partial_rotary_factor"] = share
        found["partial_rotary_factor"] = share
        if found["rope_type"] == "longrope":
            for key in ("short_factor", "long_factor"):
                found[key] = found[key][: int(whole * share) // 2]
    if family == "gpt_neox" and draw.random() < 0.5:  # as older files have it
        config |= {"rotary_pct": found.pop("partial_rotary_factor"), "rotary_emb_base": found.pop("rope_theta")}
    if family == "phi3" and found["rope_type"] not in ("default", "longrope"):
        found = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": found["partial_rotary_factor"]}
    if family == "phi3" and found["rope_type"] == "longrope":
        config["original_max_position_embeddings"] = found["original_max_position_embeddings"]
    if family == "hunyuan_v1_dense" and found["rope_type"] == "dynamic" and draw.random() < 0.7:
        found["alpha"] = draw.choice((1000.0, 2.5))
    if family in ("gemma3_text", "gemma3", "olmo3"):
        local = {"rope_type": "default", "rope_theta": draw.choice((1000.0, 10000.0))}
        found = {"full_attention": found, "sliding_attention": local}
    return found


def text_config(draw, family):
    kv, head_dim, layers = draw.randint(1, 3), draw.choice((4, 8, 12, 16, 24)), draw.randint(1, 4)
    heads, experts = kv * draw.randint(1, 3), draw.randint(3, 12)
    hidden = heads * head_dim if family in NO_HEAD_DIM else draw.randrange(12, 48, 4)
    if family == "llama" or family in DIVIDED:  # its configuration refuses others
        hidden = heads * draw.choice((4, 6, 8))
    config = {
        "model_type": family, "hidden_act": "silu", "hidden_size": hidden, "intermediate_size": draw.randrange(8, 64, 2),
        "max_position_embeddings": draw.choice((16, 256)), "num_attention_heads": heads, "num_hidden_layers": layers,
        "num_key_value_heads": kv, "rms_norm_eps": draw.choice((1e-5, 1e-6)), "rope_parameters": {},
        "tie_word_embeddings": draw.random() < 0.4, "vocab_size": make_nano.PADDED_VOCABULARY,
    }  # fmt: skip
    if family not in NO_HEAD_DIM and family not in LATENT:
        config["head_dim"] = head_dim
    head_dim = config.get("head_dim", hidden // heads)
    if family in LATENT:
        config["num_key_value_heads"], config["hidden_size"], head_dim = heads, heads * draw.choice((4, 6, 8)), 4
    config["rope_parameters"] = own_rope(draw, family, config, rope(draw, family, head_dim))
    config |= own_keys(draw, family, config)
    if family == "gpt2":
        names = {"hidden_size": "n_embd", "num_hidden_layers": "n_layer", "num_attention_heads": "n_head",
                 "max_position_embeddings": "n_positions"} if draw.random() < 0.7 else {}  # fmt: skip
        return {names.get(key, key): value for key, value in config.items() if key not in ("rope_parameters", "head_dim")}
    if family == "llama":
        config |= {"attention_bias": draw.random() < 0.3, "mlp_bias": draw.random() < 0.3}
    if family == "seed_oss":
        config |= {key: draw.random() < 0.5 for key in ("attention_bias", "attention_out_bias", "mlp_bias")}
    if family in ("mistral", "ministral", "ministral3", "mistral3"):
        config["sliding_window"] = draw.choice((1, 2, 5, 9, 64) if family == "ministral" else (None, 1, 2, 5, 9, 64))
    if family == "ministral" and draw.random() < 0.7:
        config["layer_types"] = [draw.choice(("full_attention", "sliding_attention")) for _ in range(layers)]
    if family in ("qwen2", "qwen3", "qwen2_vl", "qwen2_5_vl", "qwen2_5_omni") and draw.random() < 0.3:
        config |= {"use_sliding_window": True, "sliding_window": draw.randint(2, 9), "max_window_layers": draw.randint(0, layers)}
    if family == "mixtral":
        config |= {"num_local_experts": experts, "num_experts_per_tok": draw.randint(1, experts)}
    elif family in ("qwen2_moe", "qwen3_moe", "qwen3_vl_moe", "qwen3_next"):
        config |= {
            "num_experts": experts, "num_experts_per_tok": draw.randint(1, experts), "decoder_sparse_step": draw.choice((1, 1, 2)),
            "moe_intermediate_size": draw.randrange(4, 24, 2), "norm_topk_prob": draw.random() < 0.5, "mlp_only_layers": [],
        }  # fmt: skip
    if family == "qwen2_moe":
        config["shared_expert_intermediate_size"] = draw.randrange(4, 24, 2)
    return config


def specification(draw, family):
    dtype = draw.choice(tuple(make_nano.DTYPES))
    spec = {"dtype": dtype, "shards": draw.randint(1, 3)}
    if family in CLASSES:
        spec["config"] = text_config(draw, family) | {"architectures": [CLASSES[family]], "dtype": dtype}
        return spec
    if family in WHOLES:
        return spec | whole(draw, family, dtype)
    text = text_config(draw, "qwen3_moe") | {"model_type": "qwen3_omni_moe_text", "decoder_sparse_step": 1, "tie_word_embeddings": False}
    text["rope_scaling"] = {"rope_type": "default", "type": "default", "mrope_interleaved": True, "interleaved": True,
                            "mrope_section": [text["head_dim"] // 2 - 2 * (text["head_dim"] // 8)] + 2 * [text["head_dim"] // 8]}  # fmt: skip
    text["rope_theta"] = text.pop("rope_parameters")["rope_theta"]
    config = json.loads(json.dumps(make_nano.MODELS["thinker"]["config"])) | {"dtype": dtype}
    config["thinker_config"] |= {"text_config": text, "dtype": dtype}
    config["thinker_config"]["audio_config"]["output_dim"] = text["hidden_size"]
    config["thinker_config"]["vision_config"]["out_hidden_size"] = text["hidden_size"]
    return spec | {"prefix": "thinker.", "config": config}


def whole(draw, family, dtype):
    type_of_text, tower, width = WHOLES[family]
    text = text_config(draw, family) | {"model_type": type_of_text}
    tied = text.pop("tie_word_embeddings")
    if family not in ("mistral3", "gemma3"):
        sixth = text_half(text) // 4
        text["rope_parameters"]["mrope_section"] = [text_half(text) - 2 * sixth, sixth, sixth]
    tower = tower | ({width: text["hidden_size"]} if width else {})
    config = {"architectures": [make_golden.WHOLES[family]], "model_type": family, "dtype": dtype, "text_config": text,
              "vision_config": tower, "tie_word_embeddings": tied}
    if family == "qwen2_5_omni":
        audio = {"d_model": 8, "encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 8, "num_mel_bins": 8,
                 "output_dim": text["hidden_size"], "max_source_positions": 16, "n_window": 4}
        return {"prefix": "thinker.", "config": {
            "architectures": ["Qwen2_5OmniModel"], "model_type": family, "dtype": dtype, "enable_audio_output": False,
            "thinker_config": config | {"model_type": "qwen2_5_omni_thinker", "audio_config": audio}}}
    inner = text.get("moe_intermediate_size", 0)  # the original tells the two orientations apart by their shapes
    return {"config": config, "transposed": draw.random() < 0.5 and text["hidden_size"] not in (inner, 2 * inner)}


def text_half(text):
    return text.get("head_dim", text["hidden_size"] // text["num_attention_heads"]) // 2


def make_checkpoint(folder, spec, seed):
    os.makedirs(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(os.path.join(NANO, "qwen3", name), folder)
    with tempfile.TemporaryDirectory() as scratch:
        shapes = make_nano.disk_layout(spec, scratch)
    make_nano.write_json(os.path.join(folder, "config.json"), spec["config"])
    make_nano.write_checkpoint(folder, make_nano.make_weights(spec, shapes, seed), spec)


def make_gguf(folder, whole, path):
    architecture, config = GGUF_NAMES[whole["model_type"]], make_gguf_cases.text_of(whole)
    writer = GGUFWriter(path, architecture)
    make_gguf_cases.add_config(writer, config, architecture)
    make_gguf_cases.add_vocabulary(writer, folder, "qwen2", config["vocab_size"])
    head_dim = config.get("head_dim", config["hidden_size"] // config["num_attention_heads"])
    make_gguf_cases.add_rope(writer, config["rope_parameters"], architecture, head_dim, config["max_position_embeddings"])
    if "mrope_section" in config["rope_parameters"]:
        writer.add_rope_dimension_sections([*config["rope_parameters"]["mrope_section"], 0])
    tensors = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".safetensors"):
            with safe_open(os.path.join(folder, name), "pt") as file:
                tensors |= {key: file.get_tensor(key).float().numpy() for key in file.keys()}
    make_gguf_cases.add_tensors(writer, tensors, config, architecture)
    make_gguf_cases.finish(writer)


def is_as_taken(config, architecture, whole):
    """Is what the file cannot say as llama.cpp takes it?"""
    gemma, head_dim, layers = architecture.startswith("gemma"), make_gguf_cases.head_size(config), config["num_hidden_layers"]
    usual = "gelu_pytorch_tanh" if gemma else "relu2" if architecture == "arcee" else "silu"
    activation = config.get("hidden_activation", usual) if architecture in ("gemma2", "gemma3") else config["hidden_act"]
    rotated = config.get("no_rope_layers") or [(layer + 1) % config.get("no_rope_layer_interval", 4) != 0 for layer in range(layers)]
    rope, biases = config["rope_parameters"], [key for key in ("attention_bias", "mlp_bias", "use_bias") if config.get(key)]
    return (
        activation in ((usual, "gelu") if architecture == "gemma" else (usual,))
        and (not biases or architecture in ("granite", "chatglm", "glm4", "gpt-oss"))
        and (architecture not in ("gemma2", "gemma3") or config["query_pre_attn_scalar"] == head_dim)
        and (architecture != "gemma2" or (config["attn_logit_softcapping"] and config["final_logit_softcapping"]))
        and (whole["model_type"] != "gemma3" or not config["final_logit_softcapping"])  # which the whole's class does not read
        and (architecture not in ("gemma", "gemma2", "command-r", "cohere2") or whole["tie_word_embeddings"])
        and (architecture != "olmo2" or not whole["tie_word_embeddings"])
        and (architecture not in ("phi3", "exaone4") or not config["sliding_window"])
        and (whole["model_type"] != "olmo3" or config["rope_local_base_freq"] == rope["rope_theta"])
        and (architecture != "smollm3" or [bool(layer) for layer in rotated] == [(layer + 1) % 4 != 0 for layer in range(layers)])
        and (architecture not in ("command-r", "cohere2") or rope["rope_type"] == "default")
        and (architecture != "gemma3" or rope["rope_type"] in ("default", "linear"))
        and (architecture != "gpt-oss" or (config["swiglu_limit"], config["swiglu_alpha"]) == (7.0, 1.702))
        and (architecture != "phi3" or "attention_factor" not in rope)
    )  # fmt: skip


def can_be_gguf(whole):
    """What a GGUF file of these architectures can say, and llama.cpp reads of it."""
    if whole["model_type"] not in GGUF_NAMES:
        return False
    config = make_gguf_cases.text_of(whole)
    rope, architecture = config["rope_parameters"], GGUF_NAMES[whole["model_type"]]
    kind, all_keys, llama = rope["rope_type"], architecture == "mistral3", architecture in ("llama", "mistral3")
    if architecture in NEWER and not is_as_taken(config, architecture, whole):
        return False
    if (config.get("use_sliding_window") or (llama and config.get("sliding_window")) or config.get("decoder_sparse_step", 1) != 1
            or (architecture == "seed_oss" and config["mlp_bias"])):
        return False
    if kind == "yarn":
        scaled = "mscale_all_dim" in rope
        usual = rope.get("truncate", True) == (architecture != "gpt-oss") and "attention_factor" not in rope and (not scaled or rope.get("mscale") == 1)
        return usual and (all_keys or not (scaled or rope.get("beta_fast", 32) != 32 or rope.get("beta_slow", 1) != 1))
    return (kind in ("default", "linear") or (kind == "llama3" and (llama or architecture in ("granite", "exaone4", "arcee")))
            or (kind == "longrope" and (llama or architecture in ("granite", "phi3"))))


def make_npy(golden, folder):
    """The dump's arrays as folders of .npy files, one for each case, and its ids."""
    with safe_open(golden, "np") as file:
        for case in json.loads(file.metadata()["cases"]):
            os.makedirs(os.path.join(folder, case["id"]))
            np.save(os.path.join(folder, case["id"], "ids.npy"), np.array(case["ids"]))
        for key in file.keys():
            np.save(os.path.join(folder, f"{key}.npy"), file.get_tensor(key))


def make_pt(golden, path):
    """The same as torch.save keeps it: a dictionary for each case."""
    with safe_open(golden, "pt") as file:
        cases = {case["id"]: {"input_ids": torch.tensor([case["ids"]])} for case in json.loads(file.metadata()["cases"])}
        for key in file.keys():
            case, name = key.split("/", 1)
            cases[case][name] = file.get_tensor(key)
    torch.save(cases, path)


def is_finite(golden):
    with safe_open(golden, "pt") as file:
        return all(torch.isfinite(file.get_tensor(key)).all() for key in file.keys())


def try_model(assay, seed, folder, families, suite):
    """What it was, and what assay says that is wrong; None: gold itself is not finite."""
    draw = random.Random(seed)
    family = draw.choice(families)
    spec = specification(draw, family)
    model, golden = os.path.join(folder, "model"), os.path.join(folder, "gold.safetensors")
    make_checkpoint(model, spec, seed)
    dtype, greedy = draw.choice(("float64", "float32", "bfloat16", "float16")), draw.choice((0, 0, 8, 20))
    ids = [[draw.randrange(make_nano.TOKENIZER_VOCABULARY) for _ in range(draw.choice((1, 2, 9, 33)))]]
    prompts = make_nano.PROMPTS[: draw.randint(0, 2)]
    make_golden.make_golden(model, golden, prompts, ids, greedy, dtype=getattr(torch, dtype))
    subject, form, gold_form = model, "safetensors", "dump"
    if draw.random() < 0.4 and can_be_gguf(spec["config"]):
        subject, form = os.path.join(folder, "model.gguf"), "GGUF"
        make_gguf(model, spec["config"], subject)
    form_of_gold = draw.random()
    if form_of_gold < 0.25:
        make_npy(golden, os.path.join(folder, "npy"))
        golden, gold_form = os.path.join(folder, "npy"), "npy"
    elif form_of_gold < 0.4:
        make_pt(golden, os.path.join(folder, "gold.pt"))
        golden, gold_form = os.path.join(folder, "gold.pt"), "pt"
    what = (family, spec["dtype"], form, f"gold {dtype}", gold_form, f"greedy {greedy}")
    if not is_finite(os.path.join(folder, "gold.safetensors")):
        return what, None
    run = subprocess.run([assay, "check", subject, "--golden", golden, "--json", "-q", *(["--suite", suite] if suite else [])], capture_output=True, text=True)
    if run.returncode == 3:
        return what, [run.stderr.strip()]
    report = json.loads(run.stdout)
    wrong = [f"{f['check']}: {f['message']}" for f in report["findings"] if f["summary"] and f["verdict"] == "fail"]
    wrong += [f"{f['check']}: {f['message']}" for f in report["findings"] if f["check"] == "config.gold" and f["verdict"] == "warn"]
    return what, wrong + ([f"exit status {run.returncode}"] if run.returncode and not wrong else [])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--assay", default="build/release/assay")
    parser.add_argument("--keep", help="folder that gets the models that were condemned")
    parser.add_argument("--family", action="append", choices=FAMILIES, help="only this one; may be repeated")
    parser.add_argument("--suite", help="of assay check")
    arguments = parser.parse_args()
    families = arguments.family or FAMILIES
    torch.set_num_threads(1)
    make_golden.say = lambda text: None
    counts, condemned, unusable = collections.Counter(), 0, 0
    for seed in range(arguments.seed, arguments.seed + arguments.count):
        with tempfile.TemporaryDirectory() as folder:
            what, wrong = try_model(arguments.assay, seed, folder, families, arguments.suite)
            unusable += wrong is None
            counts.update(what if wrong is not None else ())
            if wrong:
                condemned += 1
                print(f"{seed}: {', '.join(what)}", *wrong, sep="\n    ", flush=True)
                if arguments.keep:
                    shutil.copytree(folder, os.path.join(arguments.keep, str(seed)), dirs_exist_ok=True)
    for what, count in sorted(counts.items()):
        print(f"{count:6} {what}")
    print(f"{condemned} of {arguments.count - unusable} intact models were condemned; "
          f"{unusable} more have gold that is not finite")
    return condemned > 0


if __name__ == "__main__":
    sys.exit(main())
