#!/usr/bin/env python3
"""Make suites/data/variants/*.safetensors: what transformers computes when its own code is changed as each variant says.

    make_variant_cases.py -o suites/data/variants

One dump for each of a few nano models; a case is a variant as it is written on the command line, and holds the
final norm's output. Every change is made to the original's modelling code while it runs, in the way people
really get it wrong, so that the engine's switches are held against somebody else's arithmetic. Float64, with what float32
costs as noise. Needs scripts/requirements.txt.
"""

import argparse
import contextlib
import importlib
import json
import math
import os
import sys
from unittest import mock

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import make_golden  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
IDS = [39, 68, 347, 78, 272, 316, 75, 67, 7, 301, 22, 140]
LONG = [(7 * i * i + 13 * i + 5) % 400 for i in range(272)]


class Code:
    """The modelling module of a model, with the names of its classes without the family's prefix."""

    def __init__(self, module, prefix):
        self.module, self.prefix = module, prefix

    def __getattr__(self, name):
        return getattr(self.module, self.prefix + name)

    def function(self, name, new):
        return mock.patch.object(self.module, name, new)

    def method(self, cls, new, name="forward"):
        return mock.patch.object(getattr(self, cls), name, new)


# ---------------------------------------------------------------- norms


def norm(plus=0.0, summed=False, centred=False):
    def forward(self, x):
        dtype = x.dtype
        x = x.to(torch.float32)
        x = x - x.mean(-1, keepdim=True) if centred else x
        squares = x.pow(2).sum(-1, keepdim=True) if summed else x.pow(2).mean(-1, keepdim=True)
        return (self.weight + plus) * (x * torch.rsqrt(squares + self.variance_epsilon)).to(dtype)

    return lambda code, model: code.method("RMSNorm", forward)


def whole_head_norm(code, model):
    def forward(self, x):
        if self.weight.shape[0] == x.shape[-1] and x.dim() == 4:  # q or k, by heads
            flat = x.flatten(-2).to(torch.float32)
            flat = flat * torch.rsqrt(flat.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)
            return self.weight * flat.view(x.shape).to(x.dtype)
        return plain(self, x)

    plain = code.RMSNorm.forward
    return code.method("RMSNorm", forward)


def no_head_norm(code, model):
    plain = code.RMSNorm.forward
    return code.method("RMSNorm", lambda self, x: x if x.dim() == 4 else plain(self, x))


@contextlib.contextmanager
def late_head_norm(code, model):
    rotate, plain = code.module.apply_rotary_pos_emb, code.RMSNorm.forward
    layers = iter([layer.self_attn for _ in range(2) for layer in text_of(model).layers])

    def late(q, k, cos, sin, **kwargs):
        q, k = rotate(q, k, cos, sin, **kwargs)
        attention = next(layers)
        return plain(attention.q_norm, q), plain(attention.k_norm, k)

    with code.method("RMSNorm", lambda self, x: x if x.dim() == 4 else plain(self, x)):
        with code.function("apply_rotary_pos_emb", late):
            yield


# ---------------------------------------------------------------- positions


def text_of(model):
    return getattr(model.model, "language_model", model.model)


def interleaved(code, model):
    def rotate(q, k, cos, sin, unsqueeze_dim=1, **kwargs):
        half = cos.shape[-1] // 2
        cos, sin = cos[..., :half].unsqueeze(unsqueeze_dim), sin[..., :half].unsqueeze(unsqueeze_dim)

        def turn(x):
            even, odd = x[..., 0::2], x[..., 1::2]
            return torch.stack((even * cos - odd * sin, odd * cos + even * sin), -1).flatten(-2)

        return turn(q), turn(k)

    return code.function("apply_rotary_pos_emb", rotate)


def unrotated(code, model):
    return code.function("apply_rotary_pos_emb", lambda q, k, cos, sin, **kwargs: (q, k))


@contextlib.contextmanager
def query_ahead(code, model):
    rotate = code.module.apply_rotary_pos_emb
    frequencies = text_of(model).rotary_emb.inv_freq

    def ahead(q, k, cos, sin, **kwargs):
        angle = 2 * torch.cat((frequencies, frequencies)).to(torch.float64)
        moved = (cos * angle.cos() - sin * angle.sin(), sin * angle.cos() + cos * angle.sin())
        return rotate(q, q, *(part.to(q.dtype) for part in moved), **kwargs)[0], rotate(k, k, cos, sin, **kwargs)[0]

    with code.function("apply_rotary_pos_emb", ahead):
        yield


@contextlib.contextmanager
def sections_restart(code, model):
    rotary = text_of(model).rotary_emb
    keep, at, parts = rotary.inv_freq.clone(), 0, []
    for size in rotary.mrope_section:
        parts.append(keep[: min(size, len(keep) - at)])
        at += size
    rotary.inv_freq.copy_(torch.cat(parts))
    yield
    rotary.inv_freq.copy_(keep)


def positions(of):
    @contextlib.contextmanager
    def change(code, model):
        forward = code.module.__dict__[code.rotary].forward

        def moved(self, x, position_ids):
            return forward(self, x, of(position_ids))

        with mock.patch.object(code.module.__dict__[code.rotary], "forward", moved):
            yield

    return change


# ---------------------------------------------------------------- attention


def masked(sees):
    """sees(query, key): may it?"""

    def change(code, model):
        plain = code.module.eager_attention_forward

        def attention(module, query, key, value, attention_mask, scaling, **kwargs):
            count = query.shape[2]
            rows, columns = torch.arange(count)[:, None], torch.arange(count)[None, :]
            mask = torch.zeros(count, count, dtype=query.dtype).masked_fill(~sees(rows, columns), -math.inf)
            return plain(module, query, key, value, mask[None, None], scaling, **kwargs)

        return code.function("eager_attention_forward", attention)

    return change


def tiled(code, model):
    return code.function("repeat_kv", lambda x, n: x.repeat(1, n, 1, 1))


def scaled(scale):
    @contextlib.contextmanager
    def change(code, model):
        attentions = [layer.self_attn for layer in text_of(model).layers]
        keep = attentions[0].scaling
        for attention in attentions:
            attention.scaling = scale(attention)
        yield
        for attention in attentions:
            attention.scaling = keep

    return change


# ---------------------------------------------------------------- layers


def layer(attention_residual=True, mlp_residual=True, post=False):
    def forward(self, hidden_states, **kwargs):
        x = hidden_states
        out, _ = self.self_attn(hidden_states=x if post else self.input_layernorm(x), **kwargs)
        x = x + out if attention_residual else out
        x = self.input_layernorm(x) if post else x
        out = self.mlp(x if post else self.post_attention_layernorm(x))
        x = x + out if mlp_residual else out
        return self.post_attention_layernorm(x) if post else x

    return lambda code, model: code.method("DecoderLayer", forward)


@contextlib.contextmanager
def no_final_norm(code, model):
    with mock.patch.object(text_of(model).norm, "forward", lambda x: x):
        yield


# ---------------------------------------------------------------- experts


def router(scores=None, normed=None, k=None, pooled=False, among=None):
    def forward(self, x):
        x = x.reshape(-1, self.hidden_dim)
        logits = torch.nn.functional.linear(x.mean(0, keepdim=True).expand_as(x) if pooled else x, self.weight)
        chosen = logits
        if among:
            outside = torch.ones(self.num_experts, dtype=torch.bool)
            outside[among[0] : among[1] + 1] = False
            chosen = logits.masked_fill(outside, -math.inf)
        probabilities = scores(chosen) if scores else torch.softmax(chosen, -1, dtype=torch.float)
        values, indices = torch.topk(probabilities, k or self.top_k, dim=-1)
        if self.norm_topk_prob if normed is None else normed:
            values = values / values.sum(-1, keepdim=True)
        return logits, values.to(logits.dtype), indices

    return lambda code, model: code.method(code.router, forward)


def experts(activation=None, scalar=False, other=False):
    """Of the experts, and of dense blocks, which have the same activation."""

    def dense(self, x):
        act = activation or torch.nn.functional.silu
        gate, up = self.gate_proj(x), self.up_proj(x)
        return self.down_proj(gate * act(up) if other else act(gate) * up)

    def forward(self, x, index, weights):
        out = torch.zeros_like(x)
        for expert in range(self.num_experts):
            token, place = torch.where(index == expert)
            gate, up = torch.nn.functional.linear(x[token], self.gate_up_proj[expert]).chunk(2, dim=-1)
            act = activation or torch.nn.functional.silu
            inner = gate * act(up) if other else act(gate) * up
            part = torch.nn.functional.linear(inner, self.down_proj[expert])
            part = part.mean(-1, keepdim=True).expand_as(part) if scalar else part
            out.index_add_(0, token, part * weights[token, place, None])
        return out

    @contextlib.contextmanager
    def change(code, model):
        blocks = [layer.mlp for layer in text_of(model).layers]
        with contextlib.ExitStack() as stack:
            for block in blocks:
                inner, new = (block.experts, forward) if hasattr(block, "experts") else (block, dense)
                stack.enter_context(mock.patch.object(inner, "forward", new.__get__(inner)))
            yield

    return change


def gelu(x):
    return x * 0.5 * torch.erfc(-x / math.sqrt(2))


@contextlib.contextmanager
def no_sinks(code, model):
    sinks = [layer.self_attn.sinks for layer in text_of(model).layers]
    keep = [values.data.clone() for values in sinks]
    for values in sinks:
        values.data.fill_(-math.inf)
    yield
    for values, kept in zip(sinks, keep):
        values.data.copy_(kept)


def gate(offset=1.0, bounded=True):
    def apply(self, gate_up):
        gate, up = gate_up[..., ::2], gate_up[..., 1::2]
        if bounded:
            gate, up = gate.clamp(max=self.limit), up.clamp(min=-self.limit, max=self.limit)
        return (up + offset) * gate * torch.sigmoid(gate * self.alpha)

    return lambda code, model: code.method("Experts", apply, "_apply_gate")


MOE = [
    ("gain-plus-one", norm(plus=1.0)),
    ("sum-norm", norm(summed=True)),
    ("layer-norm", norm(centred=True)),
    ("post-norm", layer(post=True)),
    ("no-qk-norm", no_head_norm),
    ("qk-norm-after-rotation", late_head_norm),
    ("qk-norm-whole", whole_head_norm),
    ("interleaved-rotation", interleaved),
    ("no-rotation", unrotated),
    ("frozen-positions:5", positions(lambda p: p.clamp(max=4))),
    ("query-ahead:2", query_ahead),
    ("bfloat16-positions", positions(lambda p: p.to(torch.bfloat16).to(p.dtype))),
    ("stale-cache-position", positions(lambda p: torch.where(p < 7, p, p - 1))),
    ("no-causal-mask", masked(lambda q, k: q >= 0 * k)),
    ("mask-ahead", masked(lambda q, k: k <= q + 1)),
    ("mask-behind", masked(lambda q, k: (k < q) | ((q == 0) & (k == 0)))),
    ("window-everywhere:3", masked(lambda q, k: (k <= q) & (k > q - 3))),
    ("tiled-kv-heads", tiled),
    ("no-attention-scale", scaled(lambda a: 1.0)),
    ("double-attention-scale", scaled(lambda a: 1 / a.head_dim)),
    ("hidden-attention-scale", scaled(lambda a: a.config.hidden_size**-0.5)),
    ("no-attention-residual", layer(attention_residual=False)),
    ("pooled-routing", router(pooled=True)),
    ("masked-experts:2-6", router(among=(2, 6))),
    ("sigmoid-router", router(scores=torch.sigmoid)),
    ("experts-per-token:5", router(k=5)),
    ("normed-topk", router(normed=True)),
    ("scalar-experts", experts(scalar=True)),
    ("gelu", experts(activation=gelu)),
    ("relu", experts(activation=torch.relu)),
    ("activation-on-up", experts(other=True)),
    ("no-mlp-residual", layer(mlp_residual=False)),
    ("no-final-norm", no_final_norm),
]
MODELS = {
    "qwen3_moe": ("qwen3_moe", "Qwen3Moe", "Qwen3MoeRotaryEmbedding", "TopKRouter", MOE),
    "thinker": ("qwen3_omni_moe", "Qwen3OmniMoeThinkerText", "Qwen3OmniMoeThinkerTextRotaryEmbedding", "TopKRouter",
                [("sections-restart", sections_restart), ("raw-topk", router(normed=False))]),
    "qwen2_window": ("qwen2", "Qwen2", "Qwen2RotaryEmbedding", "", [("no-window", masked(lambda q, k: k <= q))]),
    "gpt_oss": ("gpt_oss", "GptOss", "GptOssRotaryEmbedding", "TopKRouter",
                [("no-sinks", no_sinks), ("plain-gate", gate(offset=0.0)), ("unbounded-gate", gate(bounded=False))]),
}  # fmt: skip


@torch.no_grad()
def compute(model, code, change, ids):
    kept = []
    handle = text_of(model).norm.register_forward_hook(lambda module, args, out: kept.append(out[0].clone()))
    with change(code, model):
        model(input_ids=torch.tensor([ids]), use_cache=False)
    handle.remove()
    return kept[-1]


def main():
    parser = argparse.ArgumentParser(description="Make gold of variants.")
    parser.add_argument("-o", "--output", required=True)
    output = parser.parse_args().output
    os.makedirs(output, exist_ok=True)
    for name, (family, prefix, rotary, gate, variants) in MODELS.items():
        folder = os.path.join(ROOT, "golden", "nano", name)
        code = Code(importlib.import_module(f"transformers.models.{family}.modeling_{family}"), prefix)
        code.rotary, code.router = rotary, gate
        exact, single = (make_golden.load_model(folder, dtype)[0] for dtype in (torch.float64, torch.float32))
        tensors, noise, cases = {}, {}, []
        for spec, change in variants:
            ids = [i % text_of(exact).config.vocab_size for i in (LONG if spec == "bfloat16-positions" else IDS)]
            values, other = (compute(model, code, change, ids) for model in (exact, single))
            plain = compute(exact, code, lambda code, model: contextlib.nullcontext(), ids)
            distance = make_golden.relative_l2(plain, values)
            if not distance > 1e-3:
                raise SystemExit(f"{name}: {spec} changes nothing: {distance}")
            path = f"{spec}/model.norm"
            tensors[path], noise[path] = values.to(torch.float32).contiguous(), make_golden.relative_l2(other, values)
            cases.append({"id": spec, "ids": ids})
            print(f"{name}: {spec}: {distance:.3g} from the reference, float32 costs {noise[path]:.2g}")
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
            config = file.read()
        metadata = {"assay.golden": "1", "dtype": "float64", "config": config, "cases": json.dumps(cases),
                    "noise": json.dumps({key: float(f"{value:.4g}") for key, value in noise.items()}),
                    "producer": f"transformers {transformers.__version__}, changed as the case's name says"}
        make_golden.write_dump(os.path.join(output, f"{name}.safetensors"), tensors, metadata)


if __name__ == "__main__":
    main()
