#!/usr/bin/env python3
"""Make the nano models, their tokenizer and their golden dumps: golden/nano/.

    make_nano.py -o golden/nano [--only thinker] [--seeds 40]

Nano models have random weights and real architecture classes of transformers. Their sizes are odd on purpose, so
that a mix-up shows: hidden != heads x head_dim, three query heads per key/value head, five layers, twelve experts of
which three are chosen, norms far from one and some of them negative, biases that are not zero. A seed is accepted
when greedy decoding is decided clearly, when no routing decision is nearly a tie, and when the text varies.

Set-up, outside the checkout:

    python3 -m venv ~/.cache/assay/venv
    ~/.cache/assay/venv/bin/pip install -r scripts/requirements.txt
    ~/.cache/assay/venv/bin/python scripts/make_nano.py -o golden/nano

Everything is deterministic: weights come from NumPy's PCG64, one stream per tensor name. On a processor with other
vector instructions the float32 runs, and so `noise`, may differ in the last digits; weights and values do not.
"""

import argparse
import collections
import hashlib
import json
import os
import shutil
import sys
import tempfile

import make_golden  # first: it sets the environment that transformers reads
import numpy
import tokenizers
import torch
import transformers
from safetensors import safe_open
from safetensors.torch import save_file
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, trainers

QWEN_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# What the tokenizer is trained on: plain prose, code and a little of several scripts.
CORPUS = """
The house stands at the end of the lane, and the lane ends at the river. In the morning the water is grey; in the
evening it is the colour of tea. There is a boat, and there is a man who mends the boat. He says that it will be
ready in the spring, and every spring he says that it will be ready in the summer. Nobody has asked him why.
When the rain comes, the children run to the bridge and count the drops that fall on the rail. They don't agree.
They'll count again, and I've heard them say that they're sure. It's not easy: "one, two, three", then the wind.
A model is a function from tokens to logits. Its weights are tensors, its layers are sums, and its mistakes are ours.
for (int layer = 0; layer < layers; layer++) {
    float *row = hidden + (size_t)layer * width;
    if (row == NULL) return -1;
    printf("%d: %.3f\\n", layer, row[0]);
}
def mean(values):
    return sum(values) / len(values) if values else 0.0
The year 2018 had 365 days; 1024 is 2 to the tenth, and 3.14159 is near to pi. 10, 20, 30, 40, 50.
Das Haus steht am Ende der Straße. Über dem Fluss fährt kein Zug. Größe ist nicht alles.
La maison est au bout du chemin, près de la rivière. Où est l'été ? Ça ira.
Дом стоит в конце улицы, и улица кончается у реки.
房子在路的尽头。河水是灰色的。今天天气很好。
家は道の終わりにあります。川の水は灰色です。
"""
SPECIAL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
PLAIN_ADDED_TOKENS = ("<tool_call>",)
TOKENIZER_VOCABULARY = 396
PADDED_VOCABULARY = 408

PROMPTS = ("The house stands at the end, I don't", "Größe: дом\n x房")
ID_CASE = [7]

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}

THINKER_TEXT = {
    "attention_bias": False, "attention_dropout": 0.0, "decoder_sparse_step": 1, "head_dim": 16,
    "hidden_act": "silu", "hidden_size": 40, "initializer_range": 0.02, "intermediate_size": 12,
    "max_position_embeddings": 4096, "mlp_only_layers": [], "model_type": "qwen3_omni_moe_text",
    "moe_intermediate_size": 12, "norm_topk_prob": True, "num_attention_heads": 6, "num_experts": 12,
    "num_experts_per_tok": 3, "num_hidden_layers": 5, "num_key_value_heads": 2, "output_router_logits": False,
    "rms_norm_eps": 1e-06,
    "rope_scaling": {"interleaved": True, "mrope_interleaved": True, "mrope_section": [4, 2, 2],
                     "rope_type": "default", "type": "default"},
    "rope_theta": 1000000, "router_aux_loss_coef": 0.001, "shared_expert_intermediate_size": 0,
    "sliding_window": None, "tie_word_embeddings": False, "use_cache": True, "use_qk_norm": True,
    "use_sliding_window": False, "vocab_size": PADDED_VOCABULARY,
}
TINY_AUDIO = {
    "model_type": "qwen3_omni_moe_audio_encoder", "num_mel_bins": 8, "encoder_layers": 1,
    "encoder_attention_heads": 2, "encoder_ffn_dim": 8, "d_model": 8, "downsample_hidden_size": 4, "output_dim": 40,
    "max_source_positions": 16, "n_window": 4, "n_window_infer": 8, "conv_chunksize": 8,
}
TINY_VISION = {
    "model_type": "qwen3_omni_moe_vision_encoder", "depth": 1, "hidden_size": 8, "intermediate_size": 8,
    "num_heads": 2, "patch_size": 2, "spatial_merge_size": 1, "temporal_patch_size": 1, "out_hidden_size": 40,
    "num_position_embeddings": 4, "deepstack_visual_indexes": [],
}

# One row per model. `config` is config.json as it is written; a key set to None is written as null.
# `cuts` are the tensors that begin a new shard; without cuts the file is split evenly into `shards`.
MODELS = {
    "thinker": {
        "dtype": "bfloat16", "prefix": "thinker.",
        "cuts": ["model.layers.0.mlp.experts.9.gate_proj.weight", "model.layers.1.mlp.experts.7.up_proj.weight",
                 "model.layers.2.post_attention_layernorm.weight", "model.layers.4.self_attn.k_proj.weight"],
        "config": {
            "architectures": ["Qwen3OmniMoeForConditionalGeneration"], "model_type": "qwen3_omni_moe",
            "dtype": "bfloat16", "enable_audio_output": False,
            "thinker_config": {
                "model_type": "qwen3_omni_moe_thinker", "dtype": "bfloat16", "audio_token_id": 151675,
                "image_token_id": 151655, "video_token_id": 151656, "tie_word_embeddings": False,
                "text_config": THINKER_TEXT, "audio_config": TINY_AUDIO, "vision_config": TINY_VISION,
            },
        },
    },
    "qwen3_moe": {
        "dtype": "float16", "shards": 3,
        "config": {
            "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "dtype": "float16",
            "attention_bias": False, "decoder_sparse_step": 1, "head_dim": 24, "hidden_act": "silu",
            "hidden_size": 40, "intermediate_size": 52, "max_position_embeddings": 4096, "max_window_layers": 5,
            "mlp_only_layers": [2], "moe_intermediate_size": 12, "norm_topk_prob": False,
            "num_attention_heads": 6, "num_experts": 12, "num_experts_per_tok": 3, "num_hidden_layers": 5,
            "num_key_value_heads": 2, "rms_norm_eps": 1e-06,
            "rope_parameters": {"rope_theta": 1000000.0, "rope_type": "default"}, "sliding_window": None,
            "tie_word_embeddings": False, "use_sliding_window": False, "vocab_size": PADDED_VOCABULARY,
        },
    },
    "qwen3": {
        "dtype": "float32", "shards": 3,
        "config": {
            "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "torch_dtype": "float32",
            "attention_bias": False, "head_dim": 24, "hidden_act": "silu", "hidden_size": 32,
            "intermediate_size": 44, "max_position_embeddings": 4096, "max_window_layers": 5,
            "num_attention_heads": 6, "num_hidden_layers": 5, "num_key_value_heads": 2, "rms_norm_eps": 1e-06,
            "rope_scaling": None, "rope_theta": 1000000, "sliding_window": None, "tie_word_embeddings": True,
            "use_sliding_window": False, "vocab_size": PADDED_VOCABULARY,
        },
    },
    "llama": {
        "dtype": "float32", "shards": 2,
        "config": {
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "float32",
            "attention_bias": True, "head_dim": 12, "hidden_act": "silu", "hidden_size": 36,
            "intermediate_size": 32, "max_position_embeddings": 256, "mlp_bias": True, "num_attention_heads": 9,
            "num_hidden_layers": 5, "num_key_value_heads": 3, "rms_norm_eps": 1e-05,
            "rope_parameters": {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0,
                                "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                                "original_max_position_embeddings": 128},
            "tie_word_embeddings": False, "vocab_size": PADDED_VOCABULARY,
        },
    },
    "qwen2": {
        "dtype": "float32", "shards": 1,
        "config": {
            "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "torch_dtype": "float32",
            "hidden_act": "silu", "hidden_size": 36, "intermediate_size": 44, "max_position_embeddings": 4096,
            "max_window_layers": 5, "num_attention_heads": 6, "num_hidden_layers": 5, "num_key_value_heads": 2,
            "rms_norm_eps": 1e-06, "rope_theta": 10000.0, "sliding_window": 64, "tie_word_embeddings": False,
            "use_sliding_window": False, "vocab_size": PADDED_VOCABULARY,
        },
    },
    "qwen2_window": {
        "dtype": "bfloat16", "shards": 1,
        "config": {
            "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "torch_dtype": "bfloat16",
            "hidden_act": "silu", "hidden_size": 28, "intermediate_size": 38, "max_position_embeddings": 4096,
            "max_window_layers": 2, "num_attention_heads": 7, "num_hidden_layers": 4, "num_key_value_heads": 1,
            "rms_norm_eps": 1e-06, "rope_scaling": {"type": "linear", "factor": 2.5}, "rope_theta": 10000.0,
            "sliding_window": 5, "tie_word_embeddings": True, "use_sliding_window": True,
            "vocab_size": PADDED_VOCABULARY,
        },
    },
    "qwen2_moe": {
        "dtype": "bfloat16", "shards": 3,
        "config": {
            "architectures": ["Qwen2MoeForCausalLM"], "model_type": "qwen2_moe", "dtype": "bfloat16",
            "decoder_sparse_step": 2, "hidden_act": "silu", "hidden_size": 36, "intermediate_size": 44,
            "max_position_embeddings": 4096, "max_window_layers": 5, "mlp_only_layers": [],
            "moe_intermediate_size": 14, "norm_topk_prob": False, "num_attention_heads": 6, "num_experts": 12,
            "num_experts_per_tok": 3, "num_hidden_layers": 5, "num_key_value_heads": 2, "rms_norm_eps": 1e-06,
            "rope_parameters": {"rope_theta": 1000000.0, "rope_type": "default"},
            "shared_expert_intermediate_size": 20, "sliding_window": None, "tie_word_embeddings": False,
            "use_sliding_window": False, "vocab_size": PADDED_VOCABULARY,
        },
    },
    "mixtral": {
        "dtype": "float32", "shards": 3,
        "config": {
            "architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "torch_dtype": "float32",
            "head_dim": 8, "hidden_act": "silu", "hidden_size": 28, "intermediate_size": 10,
            "max_position_embeddings": 4096, "num_attention_heads": 6, "num_experts_per_tok": 3,
            "num_hidden_layers": 5, "num_key_value_heads": 2, "num_local_experts": 12, "rms_norm_eps": 1e-05,
            "rope_theta": 1000000.0, "sliding_window": None, "tie_word_embeddings": False,
            "vocab_size": PADDED_VOCABULARY,
        },
    },
}

# Small ones, without a tokenizer: for each kind of arithmetic that those above do not have. `tokens` are the lengths of
# the cases; the rest is as above.
SMALL = {"vocab_size": 80, "hidden_act": "silu", "num_hidden_layers": 3, "tie_word_embeddings": False}
MODELS |= {
    "mistral": {
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 29),
        "config": SMALL | {
            "architectures": ["MistralForCausalLM"], "model_type": "mistral", "torch_dtype": "bfloat16",
            "head_dim": 6, "hidden_size": 20, "intermediate_size": 26, "max_position_embeddings": 4096,
            "num_attention_heads": 6, "num_key_value_heads": 2, "rms_norm_eps": 1e-05, "rope_theta": 10000.0,
            "sliding_window": 6,
        },
    },
    "seed_oss": {
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 19),
        "config": SMALL | {
            "architectures": ["SeedOssForCausalLM"], "model_type": "seed_oss", "dtype": "bfloat16",
            "attention_bias": True, "attention_out_bias": True, "mlp_bias": False, "head_dim": 6, "hidden_size": 20,
            "intermediate_size": 26, "max_position_embeddings": 4096, "num_attention_heads": 6,
            "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_theta": 10000000.0,
        },
    },
    "ministral3": {  # yarn, and the temperature of queries, beyond the original context
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 27),
        "config": SMALL | {
            "architectures": ["Ministral3ForCausalLM"], "model_type": "ministral3", "dtype": "bfloat16", "head_dim": 16,
            "hidden_size": 20, "intermediate_size": 26, "max_position_embeddings": 96, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-05, "sliding_window": None,
            "rope_parameters": {
                "rope_type": "yarn", "rope_theta": 100.0, "factor": 8.0, "original_max_position_embeddings": 12,
                "beta_fast": 1.0, "beta_slow": 0.1, "mscale": 1.0, "mscale_all_dim": 0.6, "llama_4_scaling_beta": 0.1,
            },
        },
    },
    "longrope": {  # within the original context and beyond it, and continued across its end
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 9, 25),
        "config": SMALL | {
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "bfloat16", "head_dim": 8,
            "hidden_size": 24, "intermediate_size": 26, "max_position_embeddings": 64, "num_attention_heads": 4,
            "num_hidden_layers": 2, "num_key_value_heads": 2, "original_max_position_embeddings": 16,
            "rms_norm_eps": 1e-05, "rope_theta": 10000.0,
            "rope_scaling": {"rope_type": "longrope", "short_factor": [1.0, 1.125, 1.5, 2.0],
                             "long_factor": [1.25, 2.5, 4.0, 8.0]},
        },
    },
    "dynamic": {  # the same of the context
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 9, 25),
        "config": SMALL | {
            "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "dtype": "bfloat16", "attention_bias": False,
            "head_dim": 8, "hidden_size": 20, "intermediate_size": 26, "max_position_embeddings": 16,
            "num_attention_heads": 4, "num_hidden_layers": 2, "num_key_value_heads": 2, "rms_norm_eps": 1e-06,
            "rope_parameters": {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 4.0},
        },
    },
    "gemma2": {  # norms around both blocks, gains beside 1, caps, windows in every other layer
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 23),
        "config": SMALL | {
            "architectures": ["Gemma2ForCausalLM"], "model_type": "gemma2", "dtype": "bfloat16",
            "hidden_activation": "gelu_pytorch_tanh", "head_dim": 6, "hidden_size": 20, "intermediate_size": 26,
            "max_position_embeddings": 4096, "num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-06,
            "rope_theta": 10000.0, "query_pre_attn_scalar": 9, "sliding_window": 5, "attn_logit_softcapping": 4.0,
            "final_logit_softcapping": 9.0,
        },
    },
    "gemma3": {  # the same with norms of queries and keys, and a rope of its own in layers with a window; the text of a whole
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 23),
        "config": {
            "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "dtype": "bfloat16",
            "tie_word_embeddings": False,
            "text_config": SMALL | {
                "model_type": "gemma3_text", "hidden_activation": "gelu_pytorch_tanh", "head_dim": 6,
                "hidden_size": 20, "intermediate_size": 26, "max_position_embeddings": 4096, "num_attention_heads": 4,
                "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "query_pre_attn_scalar": 9, "sliding_window": 5,
                "sliding_window_pattern": 3, "rope_theta": 1000000.0, "rope_local_base_freq": 1000.0,
                "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
            },
            "vision_config": {
                "model_type": "siglip_vision_model", "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1,
                "num_attention_heads": 2, "patch_size": 2, "image_size": 8, "vision_use_head": False,
            },
        },
    },
    "granite": {  # multipliers
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 23),
        "config": SMALL | {
            "architectures": ["GraniteForCausalLM"], "model_type": "granite", "dtype": "bfloat16", "attention_bias": False,
            "mlp_bias": True, "hidden_size": 24, "intermediate_size": 26, "max_position_embeddings": 4096,
            "num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-05, "rope_theta": 10000.0,
            "embedding_multiplier": 6.0, "residual_multiplier": 0.35, "attention_multiplier": 0.25, "logits_scaling": 3.0,
        },
    },
    "olmo3": {  # norms behind the blocks alone, those of queries and keys over all heads
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 23),
        "config": SMALL | {
            "architectures": ["Olmo3ForCausalLM"], "model_type": "olmo3", "dtype": "bfloat16", "attention_bias": False,
            "hidden_size": 24, "intermediate_size": 26, "max_position_embeddings": 64, "num_attention_heads": 4,
            "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "sliding_window": 5,
            "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
            "rope_parameters": {
                "full_attention": {"rope_type": "yarn", "rope_theta": 500000.0, "factor": 4.0, "beta_fast": 4.0,
                                   "beta_slow": 0.5, "original_max_position_embeddings": 16, "attention_factor": 1.2},
                "sliding_attention": {"rope_type": "default", "rope_theta": 5000.0},
            },
        },
    },
    "smollm3": {  # layers that are not rotated
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 23),
        "config": SMALL | {
            "architectures": ["SmolLM3ForCausalLM"], "model_type": "smollm3", "dtype": "bfloat16", "attention_bias": False,
            "mlp_bias": False, "hidden_size": 24, "intermediate_size": 26, "max_position_embeddings": 4096,
            "num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_theta": 2000000.0,
            "no_rope_layer_interval": 2, "no_rope_layers": [1, 0, 1], "pad_token_id": None,
        },
    },
    "exaone4": {  # rotated in layers with a window only; norms of each head, and behind the blocks
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 23),
        "config": SMALL | {
            "architectures": ["Exaone4ForCausalLM"], "model_type": "exaone4", "dtype": "bfloat16", "hidden_size": 24,
            "intermediate_size": 26, "max_position_embeddings": 4096, "num_attention_heads": 4, "num_key_value_heads": 2,
            "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "sliding_window": 5, "sliding_window_pattern": 3,
        },
    },
    "glm4": {  # gate and up in one matrix, half of each head rotated in neighbouring pairs, four norms
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 23),
        "config": SMALL | {
            "architectures": ["Glm4ForCausalLM"], "model_type": "glm4", "dtype": "bfloat16", "attention_bias": True,
            "head_dim": 8, "hidden_size": 20, "intermediate_size": 26, "max_position_embeddings": 4096,
            "num_attention_heads": 4, "num_key_value_heads": 2, "partial_rotary_factor": 0.5, "rms_norm_eps": 1.5625e-07,
            "rope_theta": 10000.0, "pad_token_id": None,
        },
    },
    "cohere2": {  # LayerNorm, both blocks side by side, a multiplier of the logits
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 23),
        "config": SMALL | {
            "architectures": ["Cohere2ForCausalLM"], "model_type": "cohere2", "dtype": "bfloat16", "attention_bias": False,
            "hidden_size": 24, "intermediate_size": 26, "layer_norm_eps": 1e-05, "logit_scale": 0.25,
            "max_position_embeddings": 4096, "num_attention_heads": 4, "num_key_value_heads": 2, "rope_theta": 50000.0,
            "sliding_window": 5, "sliding_window_pattern": 3, "tie_word_embeddings": True,
        },
    },
    "phi3": {  # queries, keys and values in one matrix; three quarters of each head rotated, as phi4-mini does
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 23),
        "config": SMALL | {
            "architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "dtype": "bfloat16", "hidden_size": 32,
            "intermediate_size": 26, "max_position_embeddings": 64, "num_attention_heads": 4, "num_key_value_heads": 2,
            "original_max_position_embeddings": 16, "partial_rotary_factor": 0.75, "rms_norm_eps": 1e-05,
            "rope_theta": 10000.0, "rope_scaling": {"type": "longrope", "short_factor": [1.0, 1.125, 1.5],
                                                   "long_factor": [1.25, 2.5, 6.0]},
            "sliding_window": None, "pad_token_id": None,
        },
    },
    "granitemoe": {  # a mixture in its own spelling, and multipliers
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 23),
        "config": SMALL | {
            "architectures": ["GraniteMoeForCausalLM"], "model_type": "granitemoe", "dtype": "bfloat16", "attention_bias": False,
            "hidden_size": 24, "intermediate_size": 14, "max_position_embeddings": 4096, "num_attention_heads": 4,
            "num_key_value_heads": 2, "num_local_experts": 7, "num_experts_per_tok": 3, "rms_norm_eps": 1e-06,
            "rope_theta": 10000.0, "embedding_multiplier": 6.0, "residual_multiplier": 0.35, "attention_multiplier": 0.25,
            "logits_scaling": 3.0,
        },
    },
    "olmoe": {  # norms of queries and keys over all heads, and a mixture
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 23),
        "config": SMALL | {
            "architectures": ["OlmoeForCausalLM"], "model_type": "olmoe", "dtype": "bfloat16", "attention_bias": False,
            "clip_qkv": None, "hidden_size": 24, "intermediate_size": 14, "max_position_embeddings": 4096,
            "norm_topk_prob": False, "num_attention_heads": 4, "num_key_value_heads": 2, "num_experts": 7,
            "num_experts_per_tok": 3, "rms_norm_eps": 1e-05, "rope_theta": 10000.0,
        },
    },
    "hunyuan_v1_dense": {  # norms of queries and keys behind the rotation, whose theta alpha makes larger
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 23),
        "config": SMALL | {
            "architectures": ["HunYuanDenseV1ForCausalLM"], "model_type": "hunyuan_v1_dense", "dtype": "bfloat16",
            "attention_bias": False, "head_dim": 8, "hidden_size": 24, "intermediate_size": 26, "max_position_embeddings": 4096,
            "num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-05, "pad_token_id": None,
            "rope_parameters": {"rope_type": "dynamic", "rope_theta": 100.0, "alpha": 50.0, "factor": 1.0},
        },
    },
    "glm4_moe": {  # sigmoid scores, a bias of the choice, groups, a scale, shared experts without a switch, a dense layer first
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 33),
        "config": SMALL | {
            "architectures": ["Glm4MoeForCausalLM"], "model_type": "glm4_moe", "dtype": "bfloat16", "attention_bias": True,
            "first_k_dense_replace": 1, "head_dim": 8, "hidden_size": 24, "intermediate_size": 26,
            "max_position_embeddings": 4096, "moe_intermediate_size": 10, "n_group": 4, "n_routed_experts": 8,
            "n_shared_experts": 2, "norm_topk_prob": True, "num_attention_heads": 4, "num_experts_per_tok": 3,
            "num_key_value_heads": 2, "pad_token_id": None, "partial_rotary_factor": 0.5, "rms_norm_eps": 1e-05,
            "rope_theta": 10000.0, "routed_scaling_factor": 2.5, "topk_group": 2, "use_qk_norm": True,
        },
    },
    "minimax_m2": {  # the same choice without groups, and norms of queries and keys over all heads
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 23),
        "config": SMALL | {
            "architectures": ["MiniMaxM2ForCausalLM"], "model_type": "minimax_m2", "dtype": "bfloat16", "head_dim": 8,
            "hidden_size": 24, "intermediate_size": 14, "max_position_embeddings": 4096, "num_attention_heads": 4,
            "num_experts_per_tok": 3, "num_key_value_heads": 2, "num_local_experts": 7, "pad_token_id": None,
            "rms_norm_eps": 1e-06, "rope_theta": 10000.0, "rotary_dim": 4,
        },
    },
    "qwen3_next": {  # linear attention with a state, gated heads, gains beside 1, a shared expert with a switch
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 33),
        "config": SMALL | {
            "architectures": ["Qwen3NextForCausalLM"], "model_type": "qwen3_next", "dtype": "bfloat16", "attention_bias": False,
            "decoder_sparse_step": 1, "full_attention_interval": 2, "head_dim": 8, "hidden_size": 24, "intermediate_size": 26,
            "linear_conv_kernel_dim": 3, "linear_key_head_dim": 6, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
            "linear_value_head_dim": 5, "max_position_embeddings": 4096, "mlp_only_layers": [], "moe_intermediate_size": 10,
            "norm_topk_prob": True, "num_attention_heads": 4, "num_experts": 7, "num_experts_per_tok": 3,
            "num_key_value_heads": 2, "pad_token_id": None, "partial_rotary_factor": 0.5, "rms_norm_eps": 1e-06,
            "rope_theta": 10000, "shared_expert_intermediate_size": 12,
        },
    },
    "deepseek_v2": {  # latents of keys and values alone, groups chosen by their best expert, a scale of the chosen
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 23),
        "config": SMALL | {
            "architectures": ["DeepseekV2ForCausalLM"], "model_type": "deepseek_v2", "dtype": "bfloat16", "attention_bias": False,
            "first_k_dense_replace": 1, "hidden_size": 24, "intermediate_size": 26, "kv_lora_rank": 10,
            "max_position_embeddings": 4096, "mlp_bias": False, "moe_intermediate_size": 10, "n_group": 4, "n_routed_experts": 8,
            "n_shared_experts": 2, "norm_topk_prob": False, "num_attention_heads": 4, "num_experts_per_tok": 3,
            "num_key_value_heads": 4, "q_lora_rank": None, "qk_nope_head_dim": 6, "qk_rope_head_dim": 4, "rms_norm_eps": 1e-06,
            "rope_scaling": {"type": "yarn", "factor": 40, "beta_fast": 32, "beta_slow": 1, "mscale": 0.707,
                             "mscale_all_dim": 0.707, "original_max_position_embeddings": 64},
            "rope_theta": 10000, "routed_scaling_factor": 1.5, "topk_group": 2, "topk_method": "group_limited_greedy",
            "v_head_dim": 8,
        },
    },
    "deepseek_v3": {  # latents of queries too, with biases
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 33),
        "config": SMALL | {
            "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "dtype": "bfloat16", "attention_bias": True,
            "first_k_dense_replace": 1, "hidden_size": 24, "intermediate_size": 26, "kv_lora_rank": 10,
            "max_position_embeddings": 4096, "moe_intermediate_size": 10, "n_group": 4, "n_routed_experts": 8,
            "n_shared_experts": 1, "norm_topk_prob": True, "num_attention_heads": 4, "num_experts_per_tok": 3,
            "num_key_value_heads": 4, "num_nextn_predict_layers": 0, "pad_token_id": None, "q_lora_rank": 14,
            "qk_nope_head_dim": 6, "qk_rope_head_dim": 4, "rms_norm_eps": 1e-05, "rope_theta": 10000,
            "rope_scaling": {"type": "yarn", "factor": 40, "beta_fast": 32, "beta_slow": 1, "mscale": 1.0,
                             "mscale_all_dim": 1.0, "original_max_position_embeddings": 64},
            "routed_scaling_factor": 2.5, "scoring_func": "sigmoid", "topk_group": 2, "topk_method": "noaux_tc", "v_head_dim": 8,
        },
    },
    "gpt_oss": {  # sinks, biases of router and experts, bounded branches whose rows lie in turn, windows in every other layer
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 23),
        "config": SMALL | {
            "architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss", "dtype": "bfloat16", "attention_bias": True,
            "head_dim": 8, "hidden_size": 24, "intermediate_size": 14, "max_position_embeddings": 4096, "num_attention_heads": 6,
            "num_experts_per_tok": 3, "num_key_value_heads": 2, "num_local_experts": 7, "rms_norm_eps": 1e-05,
            "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "beta_fast": 32.0, "beta_slow": 1.0, "truncate": False,
                             "original_max_position_embeddings": 64},
            "rope_theta": 150000.0, "sliding_window": 8, "swiglu_limit": 1.0,
        },
    },
    "arcee": {  # a feed-forward block without a gate
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 23),
        "config": SMALL | {
            "architectures": ["ArceeForCausalLM"], "model_type": "arcee", "dtype": "bfloat16", "hidden_act": "relu2",
            "attention_bias": False, "mlp_bias": False, "head_dim": 6, "hidden_size": 24, "intermediate_size": 26,
            "max_position_embeddings": 4096, "num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-05,
            "rope_theta": 10000.0,
        },
    },
    "starcoder2": {  # LayerNorm with biases, biases everywhere, a window
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 23),
        "config": SMALL | {
            "architectures": ["Starcoder2ForCausalLM"], "model_type": "starcoder2", "dtype": "bfloat16",
            "hidden_act": "gelu_pytorch_tanh", "hidden_size": 24, "intermediate_size": 26, "max_position_embeddings": 4096,
            "norm_epsilon": 1e-05, "num_attention_heads": 4, "num_key_value_heads": 2, "rope_theta": 10000.0,
            "sliding_window": 6, "use_bias": True,
        },
    },
    "gpt_neox": {  # queries, keys and values in one matrix head by head, a quarter of each head rotated, blocks side by side
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 23),
        "config": SMALL | {
            "architectures": ["GPTNeoXForCausalLM"], "model_type": "gpt_neox", "dtype": "bfloat16", "hidden_act": "gelu",
            "hidden_size": 32, "intermediate_size": 26, "layer_norm_eps": 1e-05, "max_position_embeddings": 4096,
            "num_attention_heads": 4, "rotary_emb_base": 10000, "rotary_pct": 0.25, "use_parallel_residual": True,
        },
    },
    "falcon": {  # groups of heads in one matrix, blocks side by side with a norm each, as the 40B has them
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 23),
        "config": SMALL | {
            "architectures": ["FalconForCausalLM"], "model_type": "falcon", "dtype": "bfloat16", "alibi": False, "bias": False,
            "ffn_hidden_size": 26, "hidden_size": 24, "layer_norm_epsilon": 1e-05, "max_position_embeddings": 4096,
            "multi_query": True, "new_decoder_architecture": True, "num_attention_heads": 4, "num_kv_heads": 2,
            "parallel_attn": True, "rope_theta": 10000.0,
        },
    },
    "gpt2": {  # positions that are embedded, nothing rotated, matrices that lie the other way around, no others than biased ones
        "dtype": "bfloat16", "shards": 1, "tokens": (1, 23),
        "config": {
            "activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "dtype": "bfloat16", "layer_norm_epsilon": 1e-05,
            "model_type": "gpt2", "n_embd": 24, "n_head": 4, "n_inner": 26, "n_layer": 3, "n_positions": 160,
            "tie_word_embeddings": False, "vocab_size": 80,
        },
    },
    "qwen3_vl_moe": {
        "dtype": "bfloat16", "shards": 2, "tokens": (1, 30), "transposed": True,
        "config": {
            "architectures": ["Qwen3VLMoeForConditionalGeneration"], "model_type": "qwen3_vl_moe", "dtype": "bfloat16",
            "image_token_id": 70, "video_token_id": 71, "vision_start_token_id": 72, "vision_end_token_id": 73,
            "tie_word_embeddings": False,
            "text_config": SMALL | {
                "model_type": "qwen3_vl_moe_text", "dtype": "bfloat16", "attention_bias": False,
                "decoder_sparse_step": 1, "head_dim": 10, "num_hidden_layers": 2, "hidden_size": 20, "intermediate_size": 24,
                "max_position_embeddings": 4096, "mlp_only_layers": [], "moe_intermediate_size": 14,
                "num_attention_heads": 4, "num_experts": 7, "num_experts_per_tok": 3, "num_key_value_heads": 2,
                "rms_norm_eps": 1e-06, "rope_theta": 5000000.0,
                "rope_scaling": {"mrope_interleaved": True, "mrope_section": [3, 1, 1], "rope_type": "default"},
            },
            "vision_config": {
                "model_type": "qwen3_vl_moe", "depth": 1, "hidden_size": 8, "intermediate_size": 8, "num_heads": 2,
                "patch_size": 2, "spatial_merge_size": 1, "temporal_patch_size": 1, "out_hidden_size": 20,
                "num_position_embeddings": 4, "deepstack_visual_indexes": [0],
            },
        },
    },
}

# What a seed must show: distances are in units of the logits' (or router logits') standard deviation.
SMALLEST_GREEDY_MARGIN = 5e-3
SMALLEST_ROUTER_GAP = 5e-4
FEWEST_DIFFERENT_TOKENS = 10


def say(text):
    print(text, file=sys.stderr, flush=True)


# ---------------------------------------------------------------- tokenizer


def make_tokenizer():
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(QWEN_PATTERN), behavior="isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=TOKENIZER_VOCABULARY, show_progress=False, special_tokens=[],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(CORPUS.splitlines(keepends=True), trainer)
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in SPECIAL_TOKENS])
    tokenizer.add_tokens([AddedToken(t, special=False, normalized=False) for t in PLAIN_ADDED_TOKENS])
    return tokenizer


TOKENIZER_CONFIG = {
    "add_prefix_space": False, "clean_up_tokenization_spaces": False, "eos_token": "<|im_end|>",
    "pad_token": "<|endoftext|>", "model_max_length": 4096, "tokenizer_class": "PreTrainedTokenizerFast",
}


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2, ensure_ascii=False)
        file.write("\n")


# ---------------------------------------------------------------- weights


def tensor_stream(seed, name):
    key = hashlib.sha256(name.encode()).digest()
    return numpy.random.Generator(numpy.random.PCG64([seed, int.from_bytes(key[:8], "little")]))


def random_tensor(seed, name, shape):
    """Scales that keep activations lively: attention that is not uniform, spread routing, spread logits."""
    rng = tensor_stream(seed, name)
    values = rng.standard_normal(shape)
    if name.endswith("e_score_correction_bias"):  # no expert shall be out of reach
        return 0.1 * values
    if name.endswith(("bias", "self_attn.sinks")):
        return 0.3 * values
    if name.endswith("A_log"):  # states that last some tokens
        return 0.7 * values - 0.5
    if len(shape) == 1:
        sign = numpy.where(rng.random(shape) < 0.12, -1.0, 1.0)
        return sign * numpy.exp(0.15 + 0.45 * values)
    if name.endswith(("embed_tokens.weight", "embed_in.weight", "word_embeddings.weight", "wte.weight", "wpe.weight")):
        return 0.6 * values
    fan_in = shape[1] if len(shape) == 3 else numpy.prod(shape[1:])  # published fused experts lie [experts, in, out]
    gain = 1.0
    if name.endswith(("q_proj.weight", "k_proj.weight")):
        gain = 1.2
    elif name.endswith("gate.weight"):
        gain = 1.6
    elif name.endswith(("down_proj.weight", "w2.weight", "experts.down_proj", "dense_4h_to_h.weight")):
        gain = 2.0
    elif name.endswith(("lm_head.weight", "embed_out.weight")):
        gain = 2.0
    return gain * values / numpy.sqrt(fan_in)


def disk_layout(spec, folder):
    """Names and shapes on disk, as transformers itself writes this architecture (in the model's own order)."""
    write_json(os.path.join(folder, "config.json"), spec["config"])
    cls, config = make_golden.model_class_and_config(folder)
    model = cls(config) if cls is not transformers.AutoModelForCausalLM else cls.from_config(config)
    saved = os.path.join(folder, "saved")
    model.save_pretrained(saved)
    with safe_open(os.path.join(saved, "model.safetensors"), "pt") as file:
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}
    if spec.get("transposed"):  # as it was published, and as transformers still reads it
        shapes = {name: [s[0], s[2], s[1]] if len(s) == 3 and ".experts." in name else s for name, s in shapes.items()}
    shutil.rmtree(saved)
    return {name: shapes[name] for name in sorted(shapes, key=disk_order)}


def disk_order(name):
    """Order of a real checkpoint: embedding, layer by layer (norms, attention, experts), norm, head, the rest."""
    name = make_golden.canonical_path(name)
    parts = [int(p) if p.isdigit() else p for p in name.split(".")]
    if "embed_tokens" in name or "embed_positions" in name:
        rank = 0
    elif name.startswith("model.layers."):
        rank = 1
    elif name == "model.norm.weight":
        rank = 2
    elif name.startswith("lm_head"):
        rank = 3
    else:
        rank = 4
    inner = 0
    if rank == 1:
        inner = [i for i, word in enumerate(("input_layernorm", "self_attn", "linear_attn", "mlp", "block_sparse_moe",
                                             "post_attention_layernorm", "post_self_attn_layernorm", "pre_feedforward_layernorm",
                                             "post_feedforward_layernorm", "post_mlp_layernorm")) if f".{word}." in name][0]
    return rank, parts[2] if rank == 1 else 0, inner, [(isinstance(p, str), p) for p in parts]


def make_weights(spec, shapes, seed):
    dtype = DTYPES[spec["dtype"]]
    prefix = spec.get("prefix", "")
    weights = collections.OrderedDict()
    for name, shape in shapes.items():
        weights[prefix + name] = torch.from_numpy(random_tensor(seed, name, shape)).to(dtype).contiguous()
    if prefix:
        for name, shape in (("talker.model.norm.weight", (8,)), ("talker.codec_head.weight", (6, 8)),
                            ("code2wav.pre_transformer.norm.weight", (8,))):
            weights[name] = torch.from_numpy(random_tensor(seed, name, shape)).to(dtype).contiguous()
    return weights


def split_into_shards(weights, spec):
    names = list(weights)
    if "cuts" in spec:
        begins = [0] + [names.index(spec["prefix"] + cut) for cut in spec["cuts"]]
    else:
        total = sum(w.nbytes for w in weights.values())
        begins, size = [0], 0
        for i, name in enumerate(names):
            if size >= total * len(begins) / spec["shards"]:
                begins.append(i)
            size += weights[name].nbytes
    ends = begins[1:] + [len(names)]
    return [names[b:e] for b, e in zip(begins, ends)]


def write_checkpoint(folder, weights, spec):
    shards = split_into_shards(weights, spec)
    if len(shards) == 1:
        save_file(dict(weights), os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
        return
    weight_map = {}
    for number, names in enumerate(shards, start=1):
        file_name = f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        save_file({n: weights[n] for n in names}, os.path.join(folder, file_name), metadata={"format": "pt"})
        weight_map.update({n: file_name for n in names})
    total = sum(w.nbytes for w in weights.values())
    write_json(os.path.join(folder, "model.safetensors.index.json"),
               {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))})


# ---------------------------------------------------------------- choosing a seed


def cases_of(name, spec, encode):
    rng = tensor_stream(1, f"ids of {name}")
    if "tokens" in spec:
        vocabulary = spec["config"].get("text_config", spec["config"])["vocab_size"]
        return make_golden.make_cases(None, (), [[int(i) for i in rng.integers(0, vocabulary, n)] for n in spec["tokens"]])
    long_case = [int(i) for i in rng.integers(0, TOKENIZER_VOCABULARY, 33)]
    return make_golden.make_cases(encode, PROMPTS, [ID_CASE, long_case])


def measure(folder, cases):
    """Greedy margins, router gaps and variety of the float64 run, all relative to the spread of the logits."""
    model, config = make_golden.load_model(folder, torch.float64)
    top = getattr(config, "num_experts_per_tok", 0)
    gap, variety, margin = float("inf"), 10**9, float("inf")
    for case in cases:
        recorder = make_golden.Recorder(model, "all")
        values = make_golden.run_case(model, recorder, case["ids"])
        recorder.remove()
        for path, logits in values.items():
            if path.endswith(".mlp.gate"):
                ranked = logits.sort(dim=-1, descending=True).values / logits.std()
                gap = min(gap, (ranked[:, top - 1] - ranked[:, top]).min().item())
        ids, smallest = make_golden.greedy_continuation(model, case["ids"], 20)
        margin = min(margin, smallest / values["lm_head"].std().item())
        variety = min(variety, len(set(ids)))
    return {"greedy_margin": margin, "router_gap": None if gap == float("inf") else gap, "different_tokens": variety}


def acceptable(found):
    return (found["greedy_margin"] >= SMALLEST_GREEDY_MARGIN
            and (found["router_gap"] is None or found["router_gap"] >= SMALLEST_ROUTER_GAP)
            and found["different_tokens"] >= FEWEST_DIFFERENT_TOKENS)


def choose_seed(name, spec, shapes, folder, cases, seeds):
    for seed in range(1, seeds + 1):
        for file_name in os.listdir(folder):
            if file_name.startswith("model"):
                os.remove(os.path.join(folder, file_name))
        weights = make_weights(spec, shapes, seed)
        write_checkpoint(folder, weights, spec)
        found = measure(folder, cases)
        if acceptable(found):
            say(f"{name}: seed {seed}: {found}")
            return seed, found, weights
    raise SystemExit(f"{name}: none of {seeds} seeds is good enough; the last one: {found}")


# ---------------------------------------------------------------- the extraction layout


def write_extraction(folder, weights, layers, experts):
    """The thinker as an extractor would write it: one file per block, no configuration, no tokenizer."""
    for part in ("experts", "routers", "attention", "norms", "embeddings", "lm_head", "final_norm"):
        os.makedirs(os.path.join(folder, part))

    def save(path, names, rename=None):
        tensors = {rename or n: weights[n] for n in names}
        save_file(tensors, os.path.join(folder, path), metadata={"format": "pt"})
        return path

    expert_rows, router_rows = [], []
    for layer in range(layers):
        at = f"thinker.model.layers.{layer}"
        for expert in range(experts):
            path = save(f"experts/thinker_expert_{expert:03d}_layer_{layer:02d}.safetensors",
                        [f"{at}.mlp.experts.{expert}.{p}_proj.weight" for p in ("gate", "up", "down")])
            expert_rows.append({"layer": layer, "expert": expert, "file": path})
        path = save(f"routers/thinker_router_layer_{layer:02d}.safetensors", [f"{at}.mlp.gate.weight"])
        router_rows.append({"layer": layer, "file": path})
        save(f"attention/thinker_attention_layer_{layer:02d}.safetensors",
             [f"{at}.self_attn.{p}.weight" for p in ("q_proj", "k_proj", "v_proj", "o_proj", "q_norm", "k_norm")])
        save(f"norms/thinker_norms_layer_{layer:02d}.safetensors",
             [f"{at}.input_layernorm.weight", f"{at}.post_attention_layernorm.weight"])
    save("embeddings/thinker_embeddings.safetensors", ["thinker.model.embed_tokens.weight"], "embed_tokens.weight")
    save("lm_head/thinker_lm_head.safetensors", ["thinker.lm_head.weight"], "lm_head.weight")
    save("final_norm/thinker_final_norm.safetensors", ["thinker.model.norm.weight"])
    write_json(os.path.join(folder, "extraction_manifest.json"), {
        "model": "nano thinker", "date": "2025-01-01",
        "thinker": {"layers": layers, "experts_per_layer": experts, "hidden_size": 40, "total_experts": layers * experts},
        "experts": expert_rows, "routers": router_rows})
    with open(os.path.join(folder, "expert_availability_map.json"), "w", encoding="utf-8") as file:
        rows = [f'  "{layer}": {json.dumps(list(range(experts)))}' for layer in range(layers)]
        file.write("{\n" + ",\n".join(rows) + "\n}\n")


# ---------------------------------------------------------------- all of it


def make_model(name, spec, out, tokenizer, seeds):
    folder = os.path.join(out, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    write_json(os.path.join(folder, "config.json"), spec["config"])
    if "tokens" not in spec:
        tokenizer.save(os.path.join(folder, "tokenizer.json"))
        write_json(os.path.join(folder, "tokenizer_config.json"), TOKENIZER_CONFIG)
    with tempfile.TemporaryDirectory() as scratch:
        shapes = disk_layout(spec, scratch)
    cases = cases_of(name, spec, lambda text: tokenizer.encode(text).ids)
    seed, found, weights = choose_seed(name, spec, shapes, folder, cases, seeds)
    golden = os.path.join(out, f"{name}.golden.safetensors")
    made, noise = make_golden.make_golden(folder, golden, [c["prompt"] for c in cases if "prompt" in c],
                                         [c["ids"] for c in cases if "prompt" not in c], 20)
    if name == "thinker":
        extraction = os.path.join(out, "thinker-extraction")
        shutil.rmtree(extraction, ignore_errors=True)
        write_extraction(extraction, weights, THINKER_TEXT["num_hidden_layers"], THINKER_TEXT["num_experts"])
    worst = max(noise, key=noise.get)
    return {
        "seed": seed, "dtype": spec["dtype"], "weights": "PCG64 streams of (seed, tensor name); see random_tensor()",
        "smallest_greedy_margin_over_logit_std": found["greedy_margin"],
        "smallest_router_gap_over_logit_std": found["router_gap"],
        "cases": {c["id"]: {"tokens": len(c["ids"]), "greedy_margin": c["greedy_margin"]} for c in made},
        "worst_noise": {"tensor": worst, "relative_l2": float(f"{noise[worst]:.4g}")},
    }


def file_hashes(out):
    rows = {}
    for folder, _, names in sorted(os.walk(out)):
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), out)
            if path != "MANIFEST.json":
                rows[path.replace(os.sep, "/")] = make_golden.sha256_file(os.path.join(out, path))
    return rows


def main():
    parser = argparse.ArgumentParser(description="Make the nano models and their gold.")
    parser.add_argument("-o", "--output", required=True, help="folder to write (golden/nano)")
    parser.add_argument("--only", action="append", choices=sorted(MODELS), help="make only this model; repeatable")
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds to try at most (default 200)")
    args = parser.parse_args()
    torch.set_num_threads(1)  # the order of summation, and with it `noise`, then does not depend on the machine's cores
    os.makedirs(args.output, exist_ok=True)
    tokenizer = make_tokenizer()
    manifest_path = os.path.join(args.output, "MANIFEST.json")
    rows = {}
    if args.only and os.path.exists(manifest_path):
        with open(manifest_path, encoding="utf-8") as file:
            rows = json.load(file)["models"]
    for name, spec in MODELS.items():
        if not args.only or name in args.only:
            rows[name] = make_model(name, spec, args.output, tokenizer, args.seeds)
    write_json(manifest_path, {
        "command": "python3 scripts/make_nano.py -o golden/nano",
        "versions": {"python": sys.version.split()[0], "torch": torch.__version__.split("+")[0],
                     "transformers": transformers.__version__, "tokenizers": tokenizers.__version__,
                     "numpy": numpy.__version__},
        "tokenizer": {"vocabulary": tokenizer.get_vocab_size(), "padded_vocabulary": PADDED_VOCABULARY},
        "models": {name: rows[name] for name in MODELS if name in rows},
        "sha256": file_hashes(args.output),
    })


if __name__ == "__main__":
    main()
