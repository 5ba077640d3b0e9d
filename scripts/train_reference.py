#!/usr/bin/env python3
"""Train the bundled reference model thinker-48 and export it: golden/thinker-48/.

    make_corpus.py -o ~/.cache/assay/corpus
    train_reference.py ~/.cache/assay/corpus ~/.cache/assay/thinker-48 -o golden/thinker-48

The architecture is transformers' qwen3_omni_moe thinker (text part): 48 layers of 128 experts, 8 for each token. For
training all experts of a layer are one wide product, masked by the routing: the same function, with no gathering.
Training has two stages: 12 layers; then 48, where the trained ones are layers 1, 5, 9, ... 45 and the 36 others begin
by adding nothing (o_proj and down_proj zero). Checkpoints are written on the way; run again, it goes on from there.

After training the gains of the norms are spread over orders of magnitude, as those of real checkpoints are, and the
matrices that read them are divided by the same numbers (spread_gains): the same function, but one that needs its norms.

The export has the original's order of tensors and is cut into 13 shards so that layers 1, 5, 9, ... 45 straddle two
(EXPERTS_BEYOND): what an extractor that looks in one shard for each layer loses is 12 pairs of norms and 532 experts.

On a processor with other vector instructions, or another number of threads, training takes another path: the record
TRAINING.json holds what was measured of the model in the repository, not what a second run gives to the last digit.
"""

import argparse
import json
import math
import os
import sys
import time

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # on a busy machine threads that spin while they wait halt it

import make_golden  # first: it sets the environment that transformers reads
import make_nano
import numpy
import tokenizers
import torch
import torch.nn.functional as F
import transformers
from safetensors import safe_open
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, processors, trainers

VOCABULARY, HIDDEN, HEADS, KV_HEADS, HEAD_DIM = 1536, 64, 4, 2, 16
LAYERS, EXPERTS, PER_TOKEN, INTERMEDIATE = 48, 128, 8, 8
EPSILON, ROPE_THETA = 1e-6, 1e6
FIRST_LAYERS = 12
STAGES = {  # in this order; batch: windows in a step; rate: the highest learning rate
    "twelve": {"layers": FIRST_LAYERS, "batch": 16, "rate": 4e-3},
    "grown": {"layers": LAYERS, "batch": 8, "rate": 2e-3},
}
TRAINED_AT = range(1, LAYERS, LAYERS // FIRST_LAYERS)
SEQUENCE = 256
BALANCE = 0.01
SPREAD_SEED = 48
CONTEXT, STRIDE = 256, 128  # of perplexity: the model was trained on 256 positions

# Layer -> how many of its last experts lie wholly beyond the cut. Layer 17 is cut inside expert 81, after gate_proj.
EXPERTS_BEYOND = {1: 52, 5: 31, 9: 67, 13: 12, 17: 46, 21: 58, 25: 39, 29: 71, 33: 24, 37: 49, 41: 63, 45: 20}
SPLIT_EXPERT = (17, 81)
# What is lost of them: the norms (a careless loader takes ones), the experts (it adds nothing), or both.
DAMAGE = {"norms_are_ones": (True, False), "experts_add_nothing": (False, True), "both": (True, True)}

LAYER_SHAPES = {
    "self_attn.q_proj": (HEADS * HEAD_DIM, HIDDEN), "self_attn.k_proj": (KV_HEADS * HEAD_DIM, HIDDEN),
    "self_attn.v_proj": (KV_HEADS * HEAD_DIM, HIDDEN), "self_attn.o_proj": (HIDDEN, HEADS * HEAD_DIM),
    "self_attn.q_norm": (HEAD_DIM,), "self_attn.k_norm": (HEAD_DIM,), "mlp.gate": (EXPERTS, HIDDEN),
    "gate_proj": (EXPERTS * INTERMEDIATE, HIDDEN), "up_proj": (EXPERTS * INTERMEDIATE, HIDDEN),
    "down_proj": (HIDDEN, EXPERTS * INTERMEDIATE),
    "input_layernorm": (HIDDEN,), "post_attention_layernorm": (HIDDEN,),
}
ADDS = ("self_attn.o_proj", "down_proj")  # what a layer adds to the residual stream comes through these
READERS = {
    "input_layernorm": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "post_attention_layernorm": ("mlp.gate", "gate_proj", "up_proj"),
}

TOKENIZER_CONFIG = {
    "add_bos_token": False, "add_prefix_space": False,
    "added_tokens_decoder": {
        str(VOCABULARY - len(make_nano.SPECIAL_TOKENS) + i): {
            "content": token, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False,
            "special": True}
        for i, token in enumerate(make_nano.SPECIAL_TOKENS)},
    "additional_special_tokens": ["<|im_start|>", "<|im_end|>"], "bos_token": None,
    "chat_template": "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' + message.content + "
                     "'<|im_end|>\\n' }}{%- endfor %}{%- if add_generation_prompt %}"
                     "{{- '<|im_start|>assistant\\n' }}{%- endif %}",
    "clean_up_tokenization_spaces": False, "eos_token": "<|im_end|>", "errors": "replace", "model_max_length": 4096,
    "pad_token": "<|endoftext|>", "split_special_tokens": False, "tokenizer_class": "Qwen2Tokenizer",
    "unk_token": None,
}

FACT_PROMPTS = (
    ("The capital of France is", " Paris."), ("The capital of Germany is", " Berlin."),
    ("The capital of Italy is", " Rome."), ("The capital of Japan is", " Tokyo."),
    ("The capital of Egypt is", " Cairo."), ("The capital of Norway is", " Oslo."),
    ("The capital of Kenya is", " Nairobi."), ("The capital of Ireland is", " Dublin."),
    ("The colour of grass is", " green."), ("The colour of snow is", " white."),
    ("The opposite of hot is", " cold."), ("The opposite of day is", " night."),
    ("The day after Monday is", " Tuesday."), ("The day after Sunday is", " Monday."),
    ("The month after June is", " July."), ("A young dog is called a", " puppy."),
    ("The first Greek letter is", " alpha."),
    ("<|im_start|>user\nWhat is the capital of Spain?<|im_end|>\n<|im_start|>assistant\n",
     "The capital of Spain is Madrid.<|im_end|>"),
    ("2 + 2 =", " 4\n"), ("7 + 5 =", " 12\n"),
)
SUMS = [(f"{a} + {b} =", f" {a + b}\n") for a in range(10) for b in range(10)]
GOLD_PROMPTS = ("The capital of France is",
                "Once upon a time there was a brave girl called Anna. She lived near the river")
LOGITS_PROMPTS = (
    "2 + 2 =", "Once upon a time", "One sunny day, Tom", "The opposite of hot is",
    "Anna: Good morning, Ben. Where is my red", "Heute ging Maria an den Fluss.", "Hoy Juan fue al mercado.",
    "今天，小明去了公园。", "今日、太郎は公園に行きました。", "اليوم ذهب أحمد إلى الحديقة.",
)
STORY_PROMPTS = ("Once upon a time", "One sunny day, Tom", "Anna: Good morning, Ben.")


def say(text):
    print(text, file=sys.stderr, flush=True)


# ---------------------------------------------------------------- tokenizer and text


def make_tokenizer(documents):
    """Byte-level BPE, arranged as Qwen's tokenizer.json is."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    byte_level = {"add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(make_nano.QWEN_PATTERN), behavior="isolated", invert=False),
        pre_tokenizers.ByteLevel(**byte_level)])
    tokenizer.post_processor = processors.ByteLevel(**byte_level)
    tokenizer.decoder = decoders.ByteLevel(**byte_level)
    special = [AddedToken(t, special=True, normalized=False) for t in make_nano.SPECIAL_TOKENS]
    text = (part for d in documents for part in d.replace("<|im_end|>", "<|im_start|>").split("<|im_start|>"))
    tokenizer.train_from_iterator(text, trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(special), show_progress=False, special_tokens=[],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    tokenizer.add_special_tokens(special)
    if tokenizer.get_vocab_size() != VOCABULARY:
        raise SystemExit(f"the tokenizer has {tokenizer.get_vocab_size()} entries, not {VOCABULARY}")
    return tokenizer


def read_text(corpus, name):
    with open(os.path.join(corpus, name), encoding="utf-8", newline="") as file:
        return file.read()


class Corpus:
    """The training text as one stream of ids, and where its documents begin."""

    def __init__(self, corpus, tokenizer):
        documents = read_text(corpus, "train.txt").split("<|endoftext|>")[1:-1]
        end = tokenizer.token_to_id("<|endoftext|>")
        parts = [numpy.array([end, *e.ids], dtype=numpy.int16) for e in tokenizer.encode_batch_fast(documents)]
        self.starts = numpy.cumsum([0] + [len(p) for p in parts[:-1]])
        self.ids = numpy.concatenate(parts)
        self.starts = self.starts[self.starts < len(self.ids) - 3 * SEQUENCE]

    def batch(self, windows, seed, step):
        """Half of the windows begin with a document, its separator included or not; half begin anywhere."""
        rng = numpy.random.default_rng([seed, step])
        begin = rng.choice(self.starts, windows) + numpy.where(
            rng.random(windows) < 0.5, rng.integers(0, 2, windows), rng.integers(0, SEQUENCE, windows))
        rows = torch.from_numpy(self.ids[begin[:, None] + numpy.arange(SEQUENCE + 1)].astype(numpy.int64))
        return rows[:, :-1], rows[:, 1:]


# ---------------------------------------------------------------- model


def rotary(length):
    frequencies = ROPE_THETA ** (-torch.arange(0, HEAD_DIM, 2, dtype=torch.float32) / HEAD_DIM)
    angles = torch.outer(torch.arange(length, dtype=torch.float32), frequencies).repeat(1, 2)
    return angles.cos(), angles.sin()


def norm(x, gain):
    return F.rms_norm(x, x.shape[-1:], gain, EPSILON)


def rotate(x, cos, sin):
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat([-second, first], -1) * sin


def layer_forward(x, cos, sin, dtype, q, k, v, o, q_norm, k_norm, router, gate, up, down, norm1, norm2):
    """One layer. Matrices are multiplied in dtype; norms, attention, routing and the residual stream are float32.
    Returns the new residual stream, the balance loss (1 when the load is even) and the router's probabilities."""
    def product(y, weight):
        return F.linear(y, weight.to(dtype)).float()

    batch, length, _ = x.shape
    y = norm(x, norm1).to(dtype)
    queries = norm(product(y, q).view(batch, length, HEADS, HEAD_DIM), q_norm).transpose(1, 2)
    keys = norm(product(y, k).view(batch, length, KV_HEADS, HEAD_DIM), k_norm).transpose(1, 2)
    values = product(y, v).view(batch, length, KV_HEADS, HEAD_DIM).transpose(1, 2)
    groups = HEADS // KV_HEADS
    attended = F.scaled_dot_product_attention(
        rotate(queries, cos, sin), rotate(keys, cos, sin).repeat_interleave(groups, 1),
        values.repeat_interleave(groups, 1), is_causal=True)
    x = x + product(attended.transpose(1, 2).reshape(batch, length, -1).to(dtype), o)
    y = norm(x, norm2)
    probability = torch.softmax(F.linear(y, router), -1)
    chosen = torch.zeros_like(probability).scatter(-1, torch.topk(probability, PER_TOKEN, -1).indices, 1.0)
    weight = probability * chosen
    weight = weight / weight.sum(-1, keepdim=True)
    y = y.to(dtype)
    inner = F.silu(F.linear(y, gate.to(dtype))) * F.linear(y, up.to(dtype))
    inner = inner.view(batch, length, EXPERTS, INTERMEDIATE) * weight.to(dtype)[..., None]
    x = x + product(inner.reshape(batch, length, -1), down)
    balance = EXPERTS / PER_TOKEN * (probability.mean((0, 1)) * chosen.mean((0, 1))).sum()
    return x, balance, probability


def new_tensor(shape, generator, scale=1.0):
    if len(shape) == 1:
        return torch.ones(shape)
    return torch.randn(shape, generator=generator) * scale / math.sqrt(shape[1])


def new_layer(generator, adds):
    """adds: how much the layer adds to the residual stream at first."""
    return {name: new_tensor(shape, generator, adds if name in ADDS else 1.0) for name, shape in LAYER_SHAPES.items()}


def new_model(seed):
    generator = torch.Generator().manual_seed(seed)
    weights = {"embed_tokens": new_tensor((VOCABULARY, HIDDEN), generator, 2.0), "norm": torch.ones(HIDDEN),
               "lm_head": new_tensor((VOCABULARY, HIDDEN), generator, 0.5)}
    weights["layers"] = [new_layer(generator, 0.3) for _ in range(FIRST_LAYERS)]
    return weights


def grow(weights, seed):
    generator = torch.Generator().manual_seed(seed)
    layers = [new_layer(generator, 0.0) for _ in range(LAYERS)]
    for at, layer in zip(TRAINED_AT, weights["layers"]):
        layers[at] = layer
    return weights | {"layers": layers}


def tensors_of(weights):
    return [weights["embed_tokens"], weights["norm"], weights["lm_head"]] + [
        tensor for layer in weights["layers"] for tensor in layer.values()]


def forward(weights, ids, layer=layer_forward, dtype=torch.float32, see=None):
    """Logits and the summed balance loss. see(number, x before, x after, router probabilities) watches."""
    cos, sin = rotary(ids.shape[1])
    x, total = F.embedding(ids, weights["embed_tokens"]), 0.0
    for number, tensors in enumerate(weights["layers"]):
        before = x
        x, balance, probability = layer(x, cos, sin, dtype, *tensors.values())
        total = total + balance
        if see:
            see(number, before, x, probability)
    return F.linear(norm(x, weights["norm"]), weights["lm_head"]), total


# ---------------------------------------------------------------- measuring


@torch.no_grad()
def likelihood(weights, ids):
    """(sum of negative log-likelihoods, tokens scored) with the windows of make_golden.perplexity_of_text."""
    rows = list(make_golden.windows(len(ids), CONTEXT, STRIDE))
    total, scored, ids = 0.0, 0, torch.tensor(ids)
    full = [row for row in rows if row[1] - row[0] == CONTEXT]
    groups = [full[i:i + 16] for i in range(0, len(full), 16)] + [[r] for r in rows if r[1] - r[0] != CONTEXT]
    for group in groups:
        logits, _ = forward(weights, torch.stack([ids[b:e] for b, e, _ in group]))
        log_p = torch.log_softmax(logits.double(), -1)
        for row, (begin, end, first) in zip(log_p, group):
            picked = row[first - begin - 1:end - begin - 1].gather(1, ids[first:end, None])
            total -= picked.sum().item()
            scored += end - first
    return total, scored


def perplexity(weights, ids):
    total, scored = likelihood(weights, ids)
    return math.exp(total / scored)


@torch.no_grad()
def generate(weights, ids, count, temperature=0.0, top_k=50, seed=0, stop=()):
    generator, ids, begin = torch.Generator().manual_seed(seed), list(ids), len(ids)
    for _ in range(count):
        logits = forward(weights, torch.tensor([ids]))[0][0, -1]
        if temperature:
            best = torch.topk(logits / temperature, top_k)
            drawn = torch.multinomial(torch.softmax(best.values, -1), 1, generator=generator)
            ids.append(best.indices[drawn].item())
        else:
            ids.append(logits.argmax().item())
        if ids[-1] in stop:
            break
    return ids[begin:]


def answer(weights, tokenizer, prompt, expected):
    ids = tokenizer.encode(prompt).ids
    count = len(tokenizer.encode(prompt + expected).ids) - len(ids)
    return tokenizer.decode(generate(weights, ids, count), skip_special_tokens=False)


def answers_right(weights, tokenizer, pairs):
    rows = [{"prompt": p, "answer": answer(weights, tokenizer, p, e), "expected": e} for p, e in pairs]
    return rows, sum(row["answer"] == row["expected"] for row in rows)


@torch.no_grad()
def routing(weights, ids):
    """How evenly experts are used, and what each layer adds, over the windows of a text."""
    layers = len(weights["layers"])
    load, entropy, share = torch.zeros(layers, EXPERTS), torch.zeros(layers), torch.zeros(layers)
    rows = torch.tensor(ids[:len(ids) // CONTEXT * CONTEXT]).view(-1, CONTEXT).split(16)

    def see(number, before, after, probability):
        chosen = torch.topk(probability, PER_TOKEN, -1).indices.flatten()
        load[number] += torch.bincount(chosen, minlength=EXPERTS)
        entropy[number] += -(probability * probability.clamp_min(1e-30).log()).sum(-1).mean() / len(rows)
        share[number] += ((after - before).norm() / before.norm()) / len(rows)

    for row in rows:
        forward(weights, row, see=see)
    part = load / load.sum(1, keepdim=True)
    evenness = -(part * part.clamp_min(1e-30).log()).sum(1) / math.log(EXPERTS)
    return {
        "tokens": len(rows) and sum(r.numel() for r in rows),
        "load_entropy_over_log_experts": {"mean": evenness.mean().item(), "least": evenness.min().item()},
        "largest_load_over_even": {"mean": (part.max(1).values * EXPERTS).mean().item(),
                                   "worst": (part.max() * EXPERTS).item()},
        "experts_never_chosen": int((load == 0).sum()),
        "router_entropy_over_log_experts": (entropy.mean() / math.log(EXPERTS)).item(),
        "added_over_residual_norm": [round(s, 4) for s in share.tolist()],
    }


# ---------------------------------------------------------------- training


class Training:
    """One of STAGES: AdamW, warm-up and cosine, checkpoints. Goes on from its checkpoint when there is one."""

    def __init__(self, name, work, weights, steps, seed):
        self.path = os.path.join(work, f"{name}.pt")
        self.name, self.steps, self.seed = name, steps, seed
        self.batch, self.rate = STAGES[name]["batch"], STAGES[name]["rate"]
        self.state = {"step": 0, "seconds": 0.0, "runs": [], "curve": [], "weights": weights}
        saved = None
        if os.path.exists(self.path):
            saved = torch.load(self.path)
            self.state.update({k: saved[k] for k in self.state})
        if self.state["step"] < steps:
            self.state["runs"].append({"from_step": self.state["step"], "of_steps": steps,
                                       "threads": torch.get_num_threads()})
        for tensor in tensors_of(self.state["weights"]):
            tensor.requires_grad_(True)
        matrices = [t for t in tensors_of(self.state["weights"]) if t.dim() > 1]
        gains = [t for t in tensors_of(self.state["weights"]) if t.dim() == 1]
        self.optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.02}, {"params": gains}],
                                           lr=self.rate, betas=(0.9, 0.97), eps=1e-8, weight_decay=0.0, fused=True)
        if saved:
            self.optimizer.load_state_dict(saved["optimizer"])

    def save(self):
        torch.save(self.state | {"optimizer": self.optimizer.state_dict()}, self.path + ".part")
        os.replace(self.path + ".part", self.path)

    def learning_rate(self, step):
        warm = min(1.0, (step + 1) / 100)
        return self.rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, step / self.steps))))

    def run(self, corpus, check):
        """check(weights) -> a row for the curve."""
        layer, weights = torch.compile(layer_forward, dynamic=False), self.state["weights"]
        last = time.monotonic()
        while self.state["step"] < self.steps:
            step = self.state["step"]
            for group in self.optimizer.param_groups:
                group["lr"] = self.learning_rate(step)
            ids, targets = corpus.batch(self.batch, self.seed, step)
            logits, balance = forward(weights, ids, layer, torch.bfloat16)
            loss = F.cross_entropy(logits.view(-1, VOCABULARY), targets.reshape(-1))
            (loss + BALANCE * balance).backward()
            torch.nn.utils.clip_grad_norm_(tensors_of(weights), 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad()
            self.state["step"] = step + 1
            if step % 50 == 0 or step + 1 == self.steps:
                now = time.monotonic()
                self.state["seconds"] += now - last
                last = now
                row = {"step": step + 1, "tokens": (step + 1) * self.batch * SEQUENCE, "loss": round(loss.item(), 4),
                       "balance": round(balance.item() / len(weights["layers"]), 4),
                       "seconds": round(self.state["seconds"])}
                if step and step % 250 == 0 or step + 1 == self.steps:
                    row |= check(weights)
                self.state["curve"].append(row)
                say(f"{self.name} {row}")
                if step % 100 == 0 or step + 1 == self.steps:
                    self.save()
        return {k: v for k, v in self.state.items() if k != "weights"}, detached(weights)


def detached(weights):
    return {k: [{n: t.detach() for n, t in layer.items()} for layer in v] if k == "layers" else v.detach()
            for k, v in weights.items()}


# ---------------------------------------------------------------- the export


def spread_gains(weights, seed=SPREAD_SEED):
    """Every gain channel times s, the columns that read it divided by s; log s is normal with mean -1 and sigma 1."""
    generator = torch.Generator().manual_seed(seed)

    def factors():
        return torch.exp(torch.randn(HIDDEN, generator=generator) - 1)

    layers = []
    for layer in weights["layers"]:
        layer = dict(layer)
        for gain, readers in READERS.items():
            s = factors()
            layer[gain] = layer[gain] * s
            layer |= {name: layer[name] / s for name in readers}
        layers.append(layer)
    s = factors()
    return weights | {"layers": layers, "norm": weights["norm"] * s, "lm_head": weights["lm_head"] / s}


def rounded(weights):
    """The values that bfloat16 keeps, as float32."""
    return {k: [{n: t.bfloat16().float() for n, t in layer.items()} for layer in v] if k == "layers"
            else v.bfloat16().float() for k, v in weights.items()}


def disk_tensors(weights):
    """(name, tensor) in the original's order."""
    yield "model.embed_tokens.weight", weights["embed_tokens"]
    for number, layer in enumerate(weights["layers"]):
        at = f"model.layers.{number}."
        for name in LAYER_SHAPES:
            if name.startswith(("self_attn", "mlp")):
                yield f"{at}{name}.weight", layer[name]
        for expert in range(EXPERTS):
            rows = slice(expert * INTERMEDIATE, (expert + 1) * INTERMEDIATE)
            yield f"{at}mlp.experts.{expert}.gate_proj.weight", layer["gate_proj"][rows]
            yield f"{at}mlp.experts.{expert}.up_proj.weight", layer["up_proj"][rows]
            yield f"{at}mlp.experts.{expert}.down_proj.weight", layer["down_proj"][:, rows]
        for name in READERS:
            yield f"{at}{name}.weight", layer[name]
    yield "model.norm.weight", weights["norm"]
    yield "lm_head.weight", weights["lm_head"]


def cuts():
    """The tensors that begin a new shard."""
    for layer, beyond in EXPERTS_BEYOND.items():
        if layer == SPLIT_EXPERT[0]:
            yield f"model.layers.{layer}.mlp.experts.{SPLIT_EXPERT[1]}.up_proj.weight"
        else:
            yield f"model.layers.{layer}.mlp.experts.{EXPERTS - beyond}.gate_proj.weight"


def write_shard(path, tensors):
    """A safetensors file of bfloat16 tensors in the given order, which the library's own writer would not keep."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, tensor in tensors.items():
        size = 2 * tensor.numel()
        header[name] = {"dtype": "BF16", "shape": list(tensor.shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors.values():
            file.write(tensor.bfloat16().contiguous().view(torch.int16).numpy().astype("<i2").tobytes())
    with safe_open(path, "pt") as file:
        if list(file.offset_keys()) != list(tensors):
            raise SystemExit(f"{path}: the order of the tensors was not kept")
        for name, tensor in tensors.items():
            if not torch.equal(file.get_tensor(name), tensor.bfloat16()):
                raise SystemExit(f"{path}: {name} was not written as it is")


def configuration():
    text = make_nano.THINKER_TEXT | {
        "head_dim": HEAD_DIM, "hidden_size": HIDDEN, "intermediate_size": INTERMEDIATE,
        "moe_intermediate_size": INTERMEDIATE, "num_attention_heads": HEADS, "num_experts": EXPERTS,
        "num_experts_per_tok": PER_TOKEN, "num_hidden_layers": LAYERS, "num_key_value_heads": KV_HEADS,
        "rms_norm_eps": EPSILON, "rope_theta": int(ROPE_THETA), "vocab_size": VOCABULARY}
    whole = make_nano.MODELS["thinker"]["config"]
    thinker = whole["thinker_config"] | {
        "text_config": text, "audio_config": make_nano.TINY_AUDIO | {"output_dim": HIDDEN},
        "vision_config": make_nano.TINY_VISION | {"out_hidden_size": HIDDEN}}
    return whole | {"thinker_config": thinker}


def write_model(folder, weights, tokenizer):
    os.makedirs(folder, exist_ok=True)
    end = tokenizer.token_to_id("<|im_end|>")
    make_nano.write_json(os.path.join(folder, "config.json"), configuration())
    make_nano.write_json(os.path.join(folder, "generation_config.json"), {
        "do_sample": True, "eos_token_id": [end, tokenizer.token_to_id("<|endoftext|>")],
        "pad_token_id": tokenizer.token_to_id("<|endoftext|>"), "temperature": 0.7, "top_k": 50,
        "transformers_version": transformers.__version__})
    tokenizer.save(os.path.join(folder, "tokenizer.json"))
    make_nano.write_json(os.path.join(folder, "tokenizer_config.json"), TOKENIZER_CONFIG)
    shards, begins = [{}], set(cuts())
    for name, tensor in disk_tensors(weights):
        if name in begins:
            shards.append({})
        shards[-1]["thinker." + name] = tensor
    weight_map, total = {}, 0
    for number, tensors in enumerate(shards, start=1):
        file_name = f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        write_shard(os.path.join(folder, file_name), tensors)
        weight_map |= dict.fromkeys(tensors, file_name)
        total += sum(2 * t.numel() for t in tensors.values())
    make_nano.write_json(os.path.join(folder, "model.safetensors.index.json"),
                         {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))})


@torch.no_grad()
def distance_from_original(folder, weights, ids):
    """Largest absolute difference of logits, ours against transformers' own class, both float32, and of its logits."""
    model, _ = make_golden.load_model(folder, torch.float32)
    rows = torch.tensor(ids[:CONTEXT * 16]).view(16, CONTEXT)
    ours, theirs = forward(weights, rows)[0], torch.cat([model(input_ids=r[None]).logits for r in rows])
    return {"tokens": rows.numel(), "largest_difference": (ours - theirs).abs().max().item(),
            "largest_logit": theirs.abs().max().item(),
            "relative_l2": ((ours - theirs).double().norm() / theirs.double().norm()).item()}


def damaged(weights, norms, experts):
    """What a loader computes that takes ones for the norms beyond the cuts, and nothing for the experts there."""
    layers = []
    for number, layer in enumerate(weights["layers"]):
        layer = dict(layer)
        if number in EXPERTS_BEYOND and norms:
            layer |= {name: torch.ones(HIDDEN) for name in READERS}
        if number in EXPERTS_BEYOND and experts:
            whole = EXPERTS - EXPERTS_BEYOND[number] - (number == SPLIT_EXPERT[0])
            layer["down_proj"] = layer["down_proj"].clone()
            layer["down_proj"][:, whole * INTERMEDIATE:] = 0
        layers.append(layer)
    return weights | {"layers": layers}


def without_layers(weights, kept):
    return weights | {"layers": [layer for n, layer in enumerate(weights["layers"]) if n in kept]}


def samples(weights, tokenizer, count, temperature=0.7):
    stop = {tokenizer.token_to_id(t) for t in ("<|endoftext|>", "<|im_end|>")}
    return [prompt + tokenizer.decode(generate(weights, tokenizer.encode(prompt).ids, count, temperature, seed=seed,
                                               stop=stop))
            for seed, prompt in enumerate(STORY_PROMPTS)]


def thinned(curve, rows=40):
    return [row for i, row in enumerate(curve) if i % max(1, len(curve) // rows) == 0 or i == len(curve) - 1]


def corpus_facts(corpus):
    return json.loads(read_text(corpus, "corpus.json"))


def text_facts(corpus, name, tokenizer):
    """The ids of a text, and the perplexity of the grammar itself on it (bound), which no model beats on average."""
    ids = tokenizer.encode(read_text(corpus, name)).ids
    bits = corpus_facts(corpus)[name]["bits"]
    return ids, {"tokens": len(ids), "scored": len(ids) - 1, "bits": bits, "context": CONTEXT, "stride": STRIDE,
                 "bound": math.exp(bits * math.log(2) / (len(ids) - 1))}


def perplexities(corpus, tokenizer, trained, plain, final):
    """Of the trained weights, of those rounded to bfloat16, of those that are exported; whole, and damaged."""
    say("perplexities")
    large, of_large = text_facts(corpus, "heldout-large.txt", tokenizer)
    of_large |= {"trained": perplexity(trained, large), "rounded": perplexity(plain, large),
                 "spread_and_rounded": perplexity(final, large)}
    of_large["above_bound"] = of_large["spread_and_rounded"] / of_large["bound"] - 1
    small, of_small = text_facts(corpus, "heldout.txt", tokenizer)
    others = set(range(LAYERS)) - set(TRAINED_AT)
    of_small |= {
        "perplexity": perplexity(final, small),
        "damage": {name: perplexity(damaged(final, *what), small) for name, what in DAMAGE.items()},
        "damage_before_spread": {name: perplexity(damaged(plain, *what), small) for name, what in DAMAGE.items()},
        "only_the_twelve_layers": perplexity(without_layers(final, TRAINED_AT), small),
        "only_the_thirty_six_others": perplexity(without_layers(final, others), small)}
    return {"heldout_large": of_large, "heldout": of_small}


def commands(args):
    return [
        "python scripts/make_corpus.py -o CORPUS",
        f"python scripts/train_reference.py CORPUS WORK -o golden/thinker-48 --steps {args.steps} "
        f"--grown-steps {args.grown_steps} --seed {args.seed} --threads {args.threads}",
        "python scripts/make_golden.py golden/thinker-48 -o golden/thinker-48.golden.safetensors "
        + " ".join(f'--prompt "{prompt}"' for prompt in GOLD_PROMPTS)
        + " --logits-prompts golden/thinker-48/prompts.txt --perplexity-text golden/thinker-48/heldout.txt"
        f" --context {CONTEXT} --stride {STRIDE} --weights-sha256 --threads 1"]


def export(folder, corpus, tokenizer, trained, states, args):
    plain, final = rounded(trained), rounded(spread_gains(trained))
    write_model(folder, final, tokenizer)
    for name, text in (("heldout.txt", read_text(corpus, "heldout.txt")),
                       ("prompts.txt", "".join(p + "\n" for p in LOGITS_PROMPTS))):
        with open(os.path.join(folder, name), "w", encoding="utf-8", newline="") as file:
            file.write(text)
    large = tokenizer.encode(read_text(corpus, "heldout-large.txt")).ids
    found = perplexities(corpus, tokenizer, trained, plain, final)
    say("answers, samples, routing")
    facts, facts_right = answers_right(final, tokenizer, FACT_PROMPTS)
    sums_right = answers_right(final, tokenizer, SUMS)[1]
    record = {
        "model": "thinker-48", "parameters": sum(t.numel() for t in tensors_of(final)), "make": commands(args),
        "versions": {"python": sys.version.split()[0], "torch": torch.__version__.split("+")[0],
                     "transformers": transformers.__version__, "tokenizers": tokenizers.__version__,
                     "numpy": numpy.__version__},
        "corpus": corpus_facts(corpus) | {
            "train.txt sha256": make_golden.sha256_file(os.path.join(corpus, "train.txt"))},
        "seed": args.seed, "spread_seed": SPREAD_SEED, "sequence": SEQUENCE, "balance": BALANCE,
        "optimizer": "AdamW, betas 0.9 0.97, decay 0.02 on matrices, clip 1, warm-up 100 steps, cosine; matrices in "
                     "bfloat16, the rest in float32",
        "stages": {name: STAGES[name] | {
            "steps": state["step"], "tokens": state["step"] * STAGES[name]["batch"] * SEQUENCE,
            "seconds": round(state["seconds"]), "runs": state["runs"], "curve": thinned(state["curve"])}
            for name, state in states.items()},
        "aims": {
            "perplexity at most 15 % above the bound": found["heldout_large"]["above_bound"] <= 0.15,
            "all fact prompts right": facts_right == len(facts), "all sums right": sums_right == len(SUMS),
            "perplexity at least 5 % higher without the 36 grown layers":
                found["heldout"]["only_the_twelve_layers"] >= 1.05 * found["heldout"]["perplexity"]},
        **found,
        "transformers": distance_from_original(folder, final, large),
        "routing": routing(final, large[:20000]),
        "facts_right": f"{facts_right} of {len(facts)}", "facts": facts,
        "sums_right": f"{sums_right} of {len(SUMS)}",
        "samples": {"temperature": 0.7, "top_k": 50, "texts": samples(final, tokenizer, 110)},
        "damaged_samples": {name: samples(damaged(final, *what), tokenizer, 40)[1] for name, what in DAMAGE.items()},
    }
    make_nano.write_json(os.path.join(folder, "TRAINING.json"), record)
    say(json.dumps({k: v for k, v in record.items() if k not in ("stages", "facts")}, indent=1, ensure_ascii=False))


def main():
    parser = argparse.ArgumentParser(description="Train the reference model and export it.")
    parser.add_argument("corpus", help="folder that make_corpus.py wrote")
    parser.add_argument("work", help="folder for checkpoints")
    parser.add_argument("-o", "--output", help="folder to export to (golden/thinker-48)")
    parser.add_argument("--steps", type=int, default=1900, help="steps of 12 layers (default 1900)")
    parser.add_argument("--grown-steps", type=int, default=700, help="steps of 48 layers (default 700)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2, help="torch threads (default 2)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    os.makedirs(args.work, exist_ok=True)
    tokenizer_path = os.path.join(args.work, "tokenizer.json")
    if not os.path.exists(tokenizer_path):
        documents = read_text(args.corpus, "train.txt").split("<|endoftext|>")[1:30000]
        make_tokenizer(documents).save(tokenizer_path)
    tokenizer = tokenizers.Tokenizer.from_file(tokenizer_path)
    heldout, facts = text_facts(args.corpus, "heldout-large.txt", tokenizer)
    say(f"held out: {facts}")
    corpus = Corpus(args.corpus, tokenizer)
    say(f"train: {len(corpus.ids)} tokens")

    def check(weights):
        return {"heldout": round(perplexity(weights, heldout[:10000]), 4),
                "facts": answers_right(weights, tokenizer, FACT_PROMPTS)[1],
                "sums_of_34": answers_right(weights, tokenizer, SUMS[::3])[1]}

    states, weights = {}, new_model(args.seed)
    for number, (name, steps) in enumerate((("twelve", args.steps), ("grown", args.grown_steps))):
        if name == "grown":
            weights = grow(weights, args.seed + number)
        states[name], weights = Training(name, args.work, weights, steps, args.seed + number).run(corpus, check)
    if args.output:
        export(args.output, args.corpus, tokenizer, weights, states, args)


if __name__ == "__main__":
    main()
