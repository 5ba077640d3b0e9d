#!/usr/bin/env python3
"""Make matrices that are stored quantised, and what the original packages dequantise them to: suites/data/storage/.

    make_storage_cases.py -o suites/data/storage [--only fp8_block] [--gptq FILE] [--awq FILE]

    models/NAME/               a llama of one layer whose matrices are stored so, with random values; expected.json holds dtype, shape
                               and SHA-256 of each matrix as the original dequantises it
    edges/NAME/                matrices of no model: every code, scales that are zero, subnormal, largest, NaN; sizes that no group
                               divides where the storage allows it; expected.safetensors holds what they come to

What dequantises is the original's own code, imported: transformers for fp8 and mxfp4, compressed-tensors, bitsandbytes, MLX, and
of AutoGPTQ 0.7.1 and AutoAWQ 0.2.9, whose packages no longer load beside a new transformers, the one file that does it: --gptq
auto_gptq/nn_modules/qlinear/qlinear_cuda.py, --awq awq/utils/packing_utils.py. Where a storage has no package that runs on a CPU
its specification is written out here, with the source.

    pip install torch transformers safetensors compressed-tensors bitsandbytes 'mlx[cpu]'
"""

import argparse
import hashlib
import importlib.util
import json
import os

import torch
from safetensors.torch import save_file

HIDDEN, HEADS, KV_HEADS, HEAD_DIM, VOCABULARY = 64, 2, 1, 32, 32
ARGUMENTS = None


def module_of(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def generator_of(text):
    return torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "little"))


def uniform(generator, shape, low, high):
    return torch.rand(shape, generator=generator) * (high - low) + low


def words(generator, shape):
    """Every bit at random."""
    return torch.randint(-(2**31), 2**31, shape, generator=generator, dtype=torch.int64).to(torch.int32)


NAMES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}

# Scales at the edges of their types.
EDGES = {
    torch.float32: [0.0, -0.0, 1e-45, 1.1754944e-38, 3.4028235e38, -1.5, float("inf"), float("nan")],
    torch.float16: [0.0, -0.0, 6e-8, 6.1035e-05, 65504.0, -1.5, float("inf"), float("nan")],
    torch.bfloat16: [0.0, -0.0, 1e-40, 1.1754944e-38, 3.38e38, -1.5, float("inf"), float("nan")],
}


def scales_of(generator, shape, dtype, edge, size=0.02):
    scales = uniform(generator, shape, size / 4, size).to(dtype)
    if edge:
        flat = scales.reshape(-1)
        few = torch.tensor(EDGES[dtype], dtype=torch.float64).to(dtype)
        count = min(len(flat) - 1, len(few))
        flat[:count] = few[:count]
        scales = flat.reshape(shape)
    return scales


class Storage:
    """One way to store a matrix [out, in]."""

    intermediate = 40
    behind = ".weight"
    key = "quantization_config"
    experts = 0  # in a stack
    sizes = [(8, 64), (24, 72)]  # of the matrices at the edges

    def parts(self, generator, out, width, edge):
        """By endings."""
        raise NotImplementedError

    def dequantise(self, parts):
        raise NotImplementedError

    def stacks(self, intermediate):
        return [("mlp.experts.gate_up_proj", ["gate_proj", "up_proj"], 2 * intermediate, HIDDEN),
                ("mlp.experts.down_proj", ["down_proj"], HIDDEN, intermediate)]

    def beside(self):
        """Files beside config.json."""
        return {}


class Fp8(Storage):
    """transformers, Fp8Dequantize; where its scales do not divide the matrix it refuses, and a block is what the configuration
    says, as its kernels and DeepSeek's inference/kernel.py weight_dequant have it."""

    def __init__(self, dtype, scale, block):
        self.dtype, self.scale, self.block = dtype, scale, block
        self.config = {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
                       "weight_block_size": list(block) if block else None}

    def parts(self, generator, out, width, edge):
        codes = torch.randint(0, 256, (out, width), generator=generator, dtype=torch.int64).to(torch.uint8)
        if not edge:
            codes = torch.where((codes & 0x78) > 0x40, codes & 0xBF, codes)  # of moderate size, no NaN
        rows, columns = self.block or (out, width)
        scales = scales_of(generator, (-(-out // rows), -(-width // columns)), self.scale, edge)
        return {".weight": codes.view(self.dtype), ".weight_scale_inv": scales}

    def dequantise(self, parts):
        from transformers.integrations.finegrained_fp8 import Fp8Dequantize
        values, scales = parts[".weight"], parts[".weight_scale_inv"]
        rows, columns = self.block or values.shape
        if values.shape[0] % rows == 0 and values.shape[1] % columns == 0:
            return Fp8Dequantize(None)._dequantize_one(values, scales, torch.float32)
        wide = scales.float().repeat_interleave(rows, 0)[: values.shape[0]].repeat_interleave(columns, 1)
        return values.float() * wide[:, : values.shape[1]]


class Scaled(Storage):
    """compressed-tensors: float-quantized and int-quantized."""

    def __init__(self, kind, strategy, scale, symmetric=True, group=None):
        self.kind, self.strategy, self.scale, self.symmetric, self.group = kind, strategy, scale, symmetric, group
        self.intermediate = 40 if not group else 96
        self.sizes = [(8, 64), (24, 96)]
        weights = {"num_bits": 8, "type": kind, "strategy": strategy, "symmetric": symmetric, "group_size": group}
        self.config = {"quant_method": "compressed-tensors", "format": kind + "-quantized", "quantization_status": "compressed",
                       "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}}, "ignore": ["lm_head"]}

    def parts(self, generator, out, width, edge):
        codes = torch.randint(0, 256, (out, width), generator=generator, dtype=torch.int64).to(torch.uint8)
        if self.kind == "float" and not edge:
            codes = torch.where((codes & 0x78) > 0x40, codes & 0xBF, codes)
        shape = {"tensor": (1,), "channel": (out, 1), "group": (out, width // (self.group or width))}[self.strategy]
        scales = scales_of(generator, shape, self.scale, edge, 0.001 if self.kind == "int" else 0.02)
        made = {".weight": codes.view(torch.int8 if self.kind == "int" else torch.float8_e4m3fn), ".weight_scale": scales}
        if not self.symmetric:
            made[".weight_zero_point"] = torch.randint(-128, 128, shape, generator=generator, dtype=torch.int64).to(torch.int8)
        return made

    def dequantise(self, parts):
        from compressed_tensors.compressors import BaseCompressor
        from compressed_tensors.quantization import QuantizationScheme
        scheme = QuantizationScheme(targets=["Linear"], weights=self.config["config_groups"]["group_0"]["weights"])
        state = {ending[1:]: value for ending, value in parts.items()}
        return BaseCompressor.get_value_from_registry(self.config["format"]).decompress(state, scheme)["weight"]


def gptq_module():
    return module_of(ARGUMENTS.gptq, "qlinear_cuda")


class Gptq(Storage):
    """AutoGPTQ, QuantLinear without its CUDA kernels, whose matrix is caught on the way to the product. Of gptq_v2 (GPTQModel),
    where zeros are stored as they are, the zeros are shifted first, as GPTQModel's loader does the other way round."""

    def __init__(self, bits, group, ordered=False, v2=False, scale=torch.float16):
        self.bits, self.group, self.ordered, self.v2, self.scale = bits, group, ordered, v2, scale
        self.intermediate = 64 if bits < 4 else 40
        self.sizes = [(32, 64), (64, 96)] if bits < 4 else [(16, 64), (48, 72)]
        self.config = {"quant_method": "gptq", "bits": bits, "group_size": group, "desc_act": ordered, "sym": False,
                       "checkpoint_format": "gptq_v2" if v2 else "gptq"}

    def parts(self, generator, out, width, edge):
        groups = -(-width // self.group)
        made = {".qweight": words(generator, (width * self.bits // 32, out)),
                ".qzeros": words(generator, (groups, out * self.bits // 32)),
                ".scales": scales_of(generator, (groups, out), self.scale, edge, 0.04 / 2**self.bits)}
        if self.v2 and self.bits == 4:  # zeros that can be shifted without a carry
            made[".qzeros"] |= 0x11111111
        if self.ordered:
            made[".g_idx"] = (torch.randperm(width, generator=generator) // self.group).to(torch.int32)
        return made

    def dequantise(self, parts):
        if self.ordered:
            groups = parts[".g_idx"]
        else:
            groups = torch.arange(parts[".qweight"].shape[0] * 32 // self.bits, dtype=torch.int32) // self.group
        out, width = parts[".scales"].shape[1], len(groups)
        layer = gptq_module().QuantLinear(self.bits, self.group, width, out, False)
        for name in "qweight", "qzeros", "scales":
            setattr(layer, name, parts["." + name] - (0x11111111 if name == "qzeros" and self.v2 else 0))
        layer.g_idx = groups
        caught = []
        product = torch.matmul
        torch.matmul = lambda x, weight: caught.append(weight) or product(x.float(), weight.float())
        try:
            layer(torch.zeros(1, width))
        finally:
            torch.matmul = product
        return caught[0].t()


class Awq(Storage):
    """AutoAWQ, dequantize_gemm."""

    intermediate = 96
    sizes = [(16, 64), (48, 96)]

    def __init__(self, group, scale=torch.float16):
        self.group, self.scale = group, scale
        self.config = {"quant_method": "awq", "version": "gemm", "bits": 4, "group_size": group, "zero_point": True}

    def parts(self, generator, out, width, edge):
        groups = width // self.group
        return {".qweight": words(generator, (width, out // 8)), ".qzeros": words(generator, (groups, out // 8)),
                ".scales": scales_of(generator, (groups, out), self.scale, edge, 0.003)}

    def dequantise(self, parts):
        original = module_of(ARGUMENTS.awq, "packing_utils").dequantize_gemm
        return original(parts[".qweight"], parts[".qzeros"], parts[".scales"], 4, self.group).t()


class Mxfp4(Storage):
    """transformers, convert_moe_packed_tensors: stacks of experts, as gpt_oss stores them."""

    experts = 3
    behind = ""
    intermediate = 32
    sizes = [(8, 64), (16, 96)]
    config = {"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn"]}

    def parts(self, generator, out, width, edge):
        codes = torch.randint(0, 256, (self.experts, out, width // 32, 16), generator=generator, dtype=torch.int64)
        scales = torch.randint(118, 124, (self.experts, out, width // 32), generator=generator, dtype=torch.int64)
        if edge:
            scales = torch.arange(scales.numel()).reshape(scales.shape) * 97 % 256
        return {"_blocks": codes.to(torch.uint8), "_scales": scales.to(torch.uint8)}

    def dequantise(self, parts):
        from transformers.integrations.mxfp4 import _convert_moe_packed_tensors
        return _convert_moe_packed_tensors(parts["_blocks"], parts["_scales"]).transpose(1, 2)  # back to [experts, out, in]


class Nvfp4(Storage):
    """ModelOpt, NVFP4QTensor.dequantize."""

    intermediate = 48
    sizes = [(8, 64), (24, 80)]
    config = {"quant_method": "modelopt", "quant_algo": "NVFP4", "group_size": 16}

    def parts(self, generator, out, width, edge):
        scales = torch.randint(0, 256, (out, width // 16), generator=generator, dtype=torch.int64).to(torch.uint8)
        if not edge:
            scales = torch.where((scales & 0x78) > 0x40, scales & 0x3F, scales & 0x7F)
        codes = torch.randint(0, 256, (out, width // 2), generator=generator, dtype=torch.int64).to(torch.uint8)
        return {".weight": codes, ".weight_scale": scales.view(torch.float8_e4m3fn),
                ".weight_scale_2": uniform(generator, (), 0.01, 0.03), ".input_scale": uniform(generator, (), 0.01, 0.03)}

    def dequantise(self, parts):
        from modelopt.torch.quantization.qtensor.nvfp4_tensor import NVFP4QTensor
        codes = parts[".weight"]
        matrix = NVFP4QTensor((codes.shape[0], 2 * codes.shape[1]), torch.float32, codes)
        return matrix.dequantize(torch.float32, scale=parts[".weight_scale"], double_scale=parts[".weight_scale_2"],
                                 block_sizes={-1: 16})


class Nvfp4Packed(Nvfp4):
    """compressed-tensors: nvfp4-pack-quantized."""

    weights = {"num_bits": 4, "type": "float", "strategy": "tensor_group", "symmetric": True, "group_size": 16}
    config = {"quant_method": "compressed-tensors", "format": "nvfp4-pack-quantized", "quantization_status": "compressed",
              "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}}, "ignore": ["lm_head"]}

    def parts(self, generator, out, width, edge):
        parts = super().parts(generator, out, width, edge)
        return {".weight_packed": parts[".weight"], ".weight_scale": parts[".weight_scale"],
                ".weight_global_scale": uniform(generator, (1,), 40, 100)}

    def dequantise(self, parts):
        from compressed_tensors.compressors import BaseCompressor
        from compressed_tensors.quantization import QuantizationScheme
        scheme = QuantizationScheme(targets=["Linear"], weights=self.weights)
        state = {ending[1:]: value for ending, value in parts.items()}
        return BaseCompressor.get_value_from_registry(self.config["format"]).decompress(state, scheme)["weight"]


class Mxfp4Packed(Nvfp4Packed):
    """compressed-tensors: mxfp4-pack-quantized."""

    intermediate = 64
    sizes = [(8, 64), (24, 96)]
    weights = {"num_bits": 4, "type": "float", "strategy": "group", "symmetric": True, "group_size": 32, "scale_dtype": "torch.uint8"}
    config = {"quant_method": "compressed-tensors", "format": "mxfp4-pack-quantized", "quantization_status": "compressed",
              "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}}, "ignore": ["lm_head"]}

    def parts(self, generator, out, width, edge):
        codes = torch.randint(0, 256, (out, width // 2), generator=generator, dtype=torch.int64).to(torch.uint8)
        scales = torch.randint(118, 124, (out, width // 32), generator=generator, dtype=torch.int64)
        if edge:
            scales = torch.arange(scales.numel()).reshape(scales.shape) * 97 % 256
        return {".weight_packed": codes, ".weight_scale": scales.to(torch.uint8)}


class Packed(Storage):
    """compressed-tensors: pack-quantized."""

    def __init__(self, bits, group, scale, symmetric=True):
        self.bits, self.group, self.scale, self.symmetric = bits, group, scale, symmetric
        self.intermediate = 64 if group else 40
        self.sizes = [(16, 64), (24, 96)] if group else [(8, 64), (20, 75)]
        weights = {"num_bits": bits, "type": "int", "strategy": "group" if group else "channel", "symmetric": symmetric,
                   "group_size": group}
        self.config = {"quant_method": "compressed-tensors", "format": "pack-quantized", "quantization_status": "compressed",
                       "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}}, "ignore": ["lm_head"]}

    def parts(self, generator, out, width, edge):
        groups = width // self.group if self.group else 1
        made = {".weight_packed": words(generator, (out, -(-width * self.bits // 32))),
                ".weight_scale": scales_of(generator, (out, groups), self.scale, edge, 0.1 / 2**self.bits),
                ".weight_shape": torch.tensor([out, width])}
        if not self.symmetric:
            down = -(-out * self.bits // 32)
            made[".weight_zero_point"] = words(generator, (down, groups))
        return made

    def dequantise(self, parts):
        from compressed_tensors.compressors import BaseCompressor
        from compressed_tensors.quantization import QuantizationScheme
        scheme = QuantizationScheme(targets=["Linear"], weights=self.config["config_groups"]["group_0"]["weights"])
        state = {ending[1:]: value for ending, value in parts.items()}
        return BaseCompressor.get_value_from_registry(self.config["format"]).decompress(state, scheme)["weight"]


class Bnb4(Storage):
    """bitsandbytes, dequantize_4bit as its backend for every device has it: that for CPUs makes subnormal results zero, and takes
    another block where one is longer than a row. Its own quantiser makes the parts, whose bits are then replaced."""

    intermediate = 40
    sizes = [(8, 64), (24, 75)]

    def __init__(self, kind, dtype, nested, blocksize=64):
        self.kind, self.dtype, self.nested, self.blocksize = kind, dtype, nested, blocksize
        self.config = {"quant_method": "bitsandbytes", "load_in_4bit": True, "load_in_8bit": False, "bnb_4bit_quant_type": kind,
                       "bnb_4bit_use_double_quant": nested, "bnb_4bit_compute_dtype": str(dtype)[6:]}

    def parts(self, generator, out, width, edge):
        import bitsandbytes
        weight = (torch.randn((out, width), generator=generator) * 0.05).to(self.dtype)
        codes, state = bitsandbytes.functional.quantize_4bit(weight, quant_type=self.kind, compress_statistics=self.nested,
                                                             blocksize=self.blocksize)
        made = {".weight." + name: value for name, value in state.as_dict(packed=True).items()}
        if edge and not self.nested:
            made[".weight.absmax"] = scales_of(generator, made[".weight.absmax"].shape, torch.float32, True)
        if edge:
            codes = torch.randint(0, 256, codes.shape, generator=generator, dtype=torch.int64).to(torch.uint8)
        return {".weight": codes, **made}

    def dequantise(self, parts):
        import bitsandbytes
        from bitsandbytes.backends.default.ops import _dequantize_4bit_compute
        state = {ending[len(".weight."):]: value for ending, value in parts.items() if ending != ".weight"}
        state = bitsandbytes.functional.QuantState.from_dict(state, torch.device("cpu"))
        largest = state.absmax
        if state.nested:
            largest = bitsandbytes.functional.dequantize_blockwise(state.absmax, state.state2) + state.offset
        return _dequantize_4bit_compute(parts[".weight"].reshape(-1), largest.float(), state.code, state.blocksize, state.shape,
                                        state.dtype)


class LlmInt8(Storage):
    """bitsandbytes, int8_vectorwise_dequant."""

    intermediate = 40
    config = {"quant_method": "bitsandbytes", "load_in_8bit": True, "load_in_4bit": False}

    def parts(self, generator, out, width, edge):
        codes = torch.randint(0, 256, (out, width), generator=generator, dtype=torch.int64).to(torch.uint8)
        return {".weight": codes.view(torch.int8), ".SCB": scales_of(generator, (out,), torch.float32, edge, 0.2),
                ".weight_format": torch.tensor(0, dtype=torch.uint8)}

    def dequantise(self, parts):
        import bitsandbytes
        return bitsandbytes.functional.int8_vectorwise_dequant(parts[".weight"], parts[".SCB"])


class Mlx(Storage):
    """MLX, mx.dequantize."""

    key = "quantization"

    def __init__(self, bits, group, scale, experts=0):
        self.bits, self.group, self.scale, self.experts = bits, group, scale, experts
        self.intermediate = 64
        self.sizes = [(8, 64), (24, 128)]
        self.config = {"group_size": group, "bits": bits, "mode": "affine"}

    def stacks(self, intermediate):
        return [("mlp.switch_mlp.gate_proj", ["gate_proj"], intermediate, HIDDEN),
                ("mlp.switch_mlp.up_proj", ["up_proj"], intermediate, HIDDEN),
                ("mlp.switch_mlp.down_proj", ["down_proj"], HIDDEN, intermediate)]

    def parts(self, generator, out, width, edge):
        stack = (self.experts,) if self.experts else ()
        groups = stack + (out, width // self.group)
        return {".weight": words(generator, stack + (out, width * self.bits // 32)).view(torch.uint32),
                ".scales": scales_of(generator, groups, self.scale, edge, 0.2 / 2**self.bits),
                ".biases": uniform(generator, groups, -0.1, 0).to(self.scale)}

    def dequantise(self, parts):
        import mlx.core as mx
        import numpy
        types = {torch.float16: mx.float16, torch.bfloat16: mx.bfloat16, torch.float32: mx.float32}
        scales, biases = (mx.array(parts[part].float().numpy()).astype(types[self.scale]) for part in (".scales", ".biases"))
        wide = mx.dequantize(mx.array(parts[".weight"].numpy()), scales, biases, group_size=self.group, bits=self.bits)
        return torch.from_numpy(numpy.array(wide.astype(mx.float32))).to(self.scale)


class MlxFp4(Mlx):
    """MLX, its modes mxfp4 and nvfp4."""

    def __init__(self, mode, group):
        super().__init__(4, group, torch.bfloat16)
        self.config = {"group_size": group, "bits": 4, "mode": mode}

    def parts(self, generator, out, width, edge):
        scales = torch.randint(118, 124, (out, width // self.group), generator=generator, dtype=torch.int64)
        if edge:
            scales = torch.arange(scales.numel()).reshape(scales.shape) * 97 % 256
        return {".weight": words(generator, (out, width // 8)).view(torch.uint32), ".scales": scales.to(torch.uint8)}

    def dequantise(self, parts):
        import mlx.core as mx
        import numpy
        wide = mx.dequantize(mx.array(parts[".weight"].numpy()), mx.array(parts[".scales"].numpy()), group_size=self.group, bits=4,
                             mode=self.config["mode"])
        return torch.from_numpy(numpy.array(wide.astype(mx.float32))).to(torch.bfloat16)


# Those of which there is a model too.
MODELS = {"fp8_block", "fp8_channel", "int8_channel", "gptq_3", "gptq_4", "awq", "mxfp4", "nvfp4", "packed_4", "nvfp4_packed", "nf4",
          "nf4_nested", "llm_int8", "mlx_4", "mlx_stack"}

STORAGES = {
    "fp8_block": Fp8(torch.float8_e4m3fn, torch.float32, (32, 32)),
    "fp8_block_bf16": Fp8(torch.float8_e4m3fn, torch.bfloat16, (128, 128)),
    "fp8_e5m2": Fp8(torch.float8_e5m2, torch.float32, None),
    "fp8_tensor": Scaled("float", "tensor", torch.float32),
    "fp8_channel": Scaled("float", "channel", torch.bfloat16),
    "int8_channel": Scaled("int", "channel", torch.float32, symmetric=False),
    "int8_group": Scaled("int", "group", torch.float16, group=32),
    "gptq_2": Gptq(2, 32),
    "gptq_3": Gptq(3, 32),
    "gptq_4": Gptq(4, 32, ordered=True),
    "gptq_4_v2": Gptq(4, 8, v2=True),
    "gptq_8": Gptq(8, 64, scale=torch.float32),
    "awq": Awq(32),
    "mxfp4": Mxfp4(),
    "nvfp4": Nvfp4(),
    "packed_2": Packed(2, 32, torch.float32),
    "packed_3": Packed(3, None, torch.bfloat16, symmetric=False),
    "packed_4": Packed(4, 32, torch.bfloat16, symmetric=False),
    "packed_8": Packed(8, None, torch.float16),
    "nvfp4_packed": Nvfp4Packed(),
    "mxfp4_packed": Mxfp4Packed(),
    "nf4": Bnb4("nf4", torch.bfloat16, False),
    "nf4_nested": Bnb4("nf4", torch.float16, True),
    "fp4": Bnb4("fp4", torch.float32, True, 128),
    "llm_int8": LlmInt8(),
    "mlx_2": Mlx(2, 32, torch.float32),
    "mlx_3": Mlx(3, 64, torch.float16),
    "mlx_4": Mlx(4, 64, torch.bfloat16),
    "mlx_5": Mlx(5, 32, torch.bfloat16),
    "mlx_6": Mlx(6, 32, torch.float16),
    "mlx_8": Mlx(8, 64, torch.bfloat16),
    "mlx_mxfp4": MlxFp4("mxfp4", 32),
    "mlx_nvfp4": MlxFp4("nvfp4", 16),
    "mlx_stack": Mlx(4, 32, torch.bfloat16, experts=3),
}


def model(storage, name):
    """Tensors of the model, and its matrices dequantised: a llama, or where the storage is one of stacks of experts a qwen3_moe
    whose other matrices are not quantised."""
    generator = generator_of(name)
    tensors, expected = {}, {}
    layer = "model.layers.0."
    attention = {"self_attn.q_proj": (HEADS * HEAD_DIM, HIDDEN), "self_attn.k_proj": (KV_HEADS * HEAD_DIM, HIDDEN),
                 "self_attn.v_proj": (KV_HEADS * HEAD_DIM, HIDDEN), "self_attn.o_proj": (HIDDEN, HEADS * HEAD_DIM)}
    dense = {"mlp.gate_proj": (storage.intermediate, HIDDEN), "mlp.up_proj": (storage.intermediate, HIDDEN),
             "mlp.down_proj": (HIDDEN, storage.intermediate)}
    norms = {layer + "input_layernorm": HIDDEN, layer + "post_attention_layernorm": HIDDEN, "model.norm": HIDDEN}
    for module, (out, width) in {} if storage.experts else {**attention, **dense}.items():
        parts = storage.parts(generator, out, width, False)
        tensors.update({layer + module + ending: value for ending, value in parts.items()})
        expected[layer + module + storage.behind] = storage.dequantise(parts)
    if storage.experts:
        norms.update({layer + "self_attn.q_norm": HEAD_DIM, layer + "self_attn.k_norm": HEAD_DIM})
        for module, shape in {**attention, "mlp.gate": (storage.experts, HIDDEN)}.items():
            tensors[layer + module + ".weight"] = uniform(generator, shape, -0.2, 0.2).to(torch.float16)
        for stack, halves, out, width in storage.stacks(storage.intermediate):
            parts = storage.parts(generator, out, width, False)
            tensors.update({layer + stack + ending: value for ending, value in parts.items()})
            whole = storage.dequantise(parts)
            for expert in range(storage.experts):
                for half, rows in zip(halves, whole[expert].chunk(len(halves))):
                    expected[f"{layer}mlp.experts.{expert}.{half}.weight"] = rows
    for norm, size in norms.items():
        tensors[norm + ".weight"] = uniform(generator, (size,), 0.5, 1.5).to(torch.float16)
    tensors["model.embed_tokens.weight"] = uniform(generator, (VOCABULARY, HIDDEN), -1, 1).to(torch.float16)
    return tensors, expected


def configuration(storage):
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "float16", "hidden_size": HIDDEN,
              "intermediate_size": storage.intermediate, "num_hidden_layers": 1, "num_attention_heads": HEADS,
              "num_key_value_heads": KV_HEADS, "head_dim": HEAD_DIM, "hidden_act": "silu", "max_position_embeddings": 128,
              "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": True, "vocab_size": VOCABULARY,
              storage.key: storage.config}
    if storage.experts:
        config.update({"architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "num_experts": storage.experts,
                       "num_experts_per_tok": 2, "moe_intermediate_size": storage.intermediate, "norm_topk_prob": True})
    return config


def edges(storage, name):
    tensors, expected = {}, {}
    for index, (out, width) in enumerate(storage.sizes):
        for edge in (True, False)[: 1 + index]:
            stem = f"model.{'edge' if edge else 'plain'}{index}"
            parts = storage.parts(generator_of(name + stem), out, width, edge)
            tensors.update({stem + ending: value for ending, value in parts.items()})
            expected[stem + storage.behind] = storage.dequantise(parts)
    return tensors, expected


def digest(tensor):
    raw = tensor.contiguous().view(torch.uint8 if tensor.dim() else tensor.dtype).numpy().tobytes()
    return {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "sha256": hashlib.sha256(raw).hexdigest()}


def write(folder, tensors, config, beside):
    os.makedirs(folder, exist_ok=True)
    save_file({name: value.contiguous() for name, value in tensors.items()}, os.path.join(folder, "model.safetensors"),
              metadata={"format": "pt"})
    for name, value in {"config.json": config, **beside}.items():
        with open(os.path.join(folder, name), "w") as file:
            json.dump(value, file, indent=1)
            file.write("\n")


def main():
    global ARGUMENTS
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--only")
    parser.add_argument("--gptq")
    parser.add_argument("--awq")
    ARGUMENTS = parser.parse_args()
    for name, storage in STORAGES.items():
        if ARGUMENTS.only and ARGUMENTS.only not in name:
            continue
        if name in MODELS:
            folder = os.path.join(ARGUMENTS.output, "models", name)
            tensors, expected = model(storage, name)
            write(folder, tensors, configuration(storage), storage.beside())
            with open(os.path.join(folder, "expected.json"), "w") as file:
                json.dump({name: digest(value) for name, value in expected.items()}, file, indent=1)
                file.write("\n")
        tensors, expected = edges(storage, name)
        folder = os.path.join(ARGUMENTS.output, "edges", name)
        write(folder, tensors, configuration(storage), storage.beside())
        save_file({name: value.contiguous() for name, value in expected.items()},
                  os.path.join(folder, "expected.safetensors"))
        print(name)


main()
