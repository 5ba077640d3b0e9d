# Checkpoints whose matrices are quantised in a form that is not computed with: that is said, and nothing is called absent for it.

# packed PARTS: a jq edit that puts those parts, an object by endings behind the name of a matrix made of its shape in $s, in the
# place of each matrix of a layer.
packed() {
    printf 'with_entries(if (.key | test("layers[.].*_proj[.]weight$")) then (.key | stem) as $n | .value.shape as $s |
        (%s | to_entries[] | .key = $n + .key) else . end)' "$1"
}
# is_quantised MATRICES TEXT: inspect warns of that one thing, and says TEXT; it fails for it where the configuration does not say it.
is_quantised() {
    local status=0 verdict=warn
    [[ $2 != *'(by names'* ]] || status=1 verdict=fail
    run $status inspect "$T/remade" --json
    equal '[.findings[] | select(.verdict != "pass") | .check] | join(" ")' inventory.computable
    json "$(summary inventory.computable) | .verdict == \"$verdict\" and .measured == $1"
    says out "$2"
    json "$(summary inventory.absent) | .verdict == \"pass\" and (.message | contains(\"$1 of them quantised\"))"
}

hqq='{".W_q": {dtype: "U8", shape: [($s[0] / 2), $s[1]]}, ".meta": {dtype: "F32", shape: [4]}}'
test_that 'the configuration names the method, bits and groups'
remade qwen3 "$(packed "$hqq")" '.quantization_config = {"quant_method": "hqq", "nbits": 4, "group_size": 128}'
is_quantised 35 'The model is quantised by hqq, 4 bits, groups of 128 (config.json): 35 matrices are there as W_q, meta, which assay does not compute with: dequantise it, or check the original.'
json "$(summary inventory.computable) | .quantised_by == \"hqq\" and .bits == 4 and .group_size == 128"
for command in "generate $T/remade --prompt Hello" "trace $T/remade --ids 1,2,3 -o $T/trace.safetensors"; do
    # shellcheck disable=SC2086
    run 3 $command -q
    says err 'the model is quantised by hqq, 4 bits, groups of 128 (config.json): 35 matrices'
done
test_that 'the comparison with gold cannot be run, and says why; what was lost all the same fails'
hurt_gold qwen3 meta weights_sha256 0000000000000000000000000000000000000000000000000000000000000000
run 3 check "$T/remade" --golden "$T/gold.safetensors" --only inventory,layers,logits -o "$T/report" -q
says err 'the model is quantised by hqq, 4 bits, groups of 128 (config.json): 35 matrices'
says err 'nothing could be compared with gold'
json '.verdict == "error" and ([.findings[] | select(.verdict == "fail")] == []) and
    (.findings[] | select(.check == "gold.weights")).verdict == "warn"' "$T/report/report.json"
remade qwen3 "$(packed "$hqq") | del(.[\"model.norm.weight\"])" '.quantization_config = {"quant_method": "hqq", "nbits": 4}'
run 1 check "$T/remade" --golden "$(gold qwen3)" --only inventory,layers,logits -q
says out 'model.norm.weight'
remade qwen3 "$(packed "$hqq")" '.quantization_config = {"quant_method": "hqq", "nbits": 4, "group_size": 128}'

test_that 'extracted and proved like any other'
run 0 extract "$T/remade" "$T/x" -q
run 0 verify "$T/x" --source "$T/remade" -q
rm "$T"/x/mlp/*_01.safetensors
run 1 verify "$T/x" --source "$T/remade" -q

test_that 'where no configuration says it, names, types and sizes do'
remade qwen3 "$(packed "$hqq")"
is_quantised 35 'quantised as by hqq, 4 bits (by names, types and sizes; the configuration does not say): 35 matrices are there as W_q'
test_that 'a file that the quantiser wrote beside it'
remade qwen3 "$(packed "$hqq")"
printf '{"bits": 4, "group_size": 32, "desc_act": true}' >"$T/remade/quantize_config.json"
is_quantised 35 'quantised by gptq, 4 bits, groups of 32 (quantize_config.json)'

test_that 'what is absent all the same is told, and what is there is judged'
remade qwen3 "$(packed "$hqq") | del(.[\"model.layers.3.self_attn.q_norm.weight\", \"model.layers.2.mlp.up_proj.W_q\"]) |
    .[\"model.layers.1.input_layernorm.weight\"].shape = [7]"
run 1 inspect "$T/remade" --json
json "$(summary inventory.computable).measured == 34"
equal '[.findings[] | select(.check == "inventory.absent" and (.summary | not)) | .where.tensor] | sort | join(" ")' \
    'model.layers.2.mlp.up_proj.weight model.layers.3.self_attn.q_norm.weight'
equal '[.findings[] | select(.check == "inventory.shape" and (.summary | not)) | .where.tensor] | join(" ")' \
    'model.layers.1.input_layernorm.weight'

test_that 'each method by its own spelling'
while IFS='@' read -r config parts text; do
    remade qwen3 "$(packed "$parts")" "$config"
    is_quantised 35 "$text"
    remade qwen3 "$(packed "$parts")"
    is_quantised 35 "(by names, types and sizes; the configuration does not say): 35 matrices are there as "
done <<'END'
.quantization_config = {"quant_method": "exl3", "bits": 4}@{".trellis": {dtype: "I16", shape: [($s[0] / 16), ($s[1] / 16), 64]}, ".suh": {dtype: "F16", shape: [$s[1]]}, ".svh": {dtype: "F16", shape: [$s[0]]}}@quantised by exl3, 4 bits (config.json): 35 matrices are there as trellis, suh, svh
END
remade qwen3 "$(packed "$hqq")"
printf '{"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "NVFP4", "group_size": 16}}' >"$T/remade/hf_quant_config.json"
is_quantised 35 'quantised by modelopt (NVFP4), 4 bits, groups of 16 (hf_quant_config.json)'
test_that 'packed matrices beside which nothing tells: most of them are so'
remade qwen3 "$(packed '{".weight": {dtype: "U32", shape: [$s[0], ($s[1] / 8)]}}')"
is_quantised 35 'quantised, 4 bits (by names, types and sizes; the configuration does not say): 35 matrices are there as weight of U32'
test_that 'one alone of another type is a fault of that one'
hurt qwen3 dtype layers.1.mlp.up_proj.weight I8
run 1 inspect "$T/hurt" --json
equal '[.findings[] | select(.verdict != "pass" and .summary) | .check] | join(" ")' inventory.dtype

# stacked PARTS: the same of experts, with the stacks of a layer in their place: $i and $h are their sizes.
stacked() {
    printf '(. as $all | ([keys[] | capture("(?<l>.*[.]layers[.][0-9]+[.]mlp)[.]experts[.]").l] | unique) as $layers |
        with_entries(select(.key | test("[.]experts[.]") | not)) + ([$layers[] | . as $l | $all[$l + ".experts.0.gate_proj.weight"].shape as [$i, $h] |
        ([$all | keys[] | select(startswith($l + ".experts.") and endswith("up_proj.weight"))] | length) as $e |
        %s | with_entries(.key = $l + .key)] | add))' "$1"
}
test_that 'stacks of experts, packed'
remade qwen3_moe "$(stacked '{".experts.gate_up_proj_packed": {dtype: "I32", shape: [$e, (2 * $i), ($h / 8)]}, ".experts.gate_up_proj_scale": {dtype: "BF16", shape: [$e, (2 * $i), 1]},
    ".experts.down_proj_packed": {dtype: "I32", shape: [$e, $h, ($i / 8)]}, ".experts.down_proj_scale": {dtype: "BF16", shape: [$e, $h, 1]}}')" \
    '.quantization_config = {"quant_method": "compressed-tensors"}'
is_quantised 144 'quantised by compressed-tensors (config.json): 144 matrices are there as packed, scale'
test_that 'stacks as MLX names them are read'
remade qwen3_moe "$(stacked '{".switch_mlp.gate_proj.weight": {dtype: "BF16", shape: [$e, $i, $h]}, ".switch_mlp.up_proj.weight": {dtype: "BF16", shape: [$e, $i, $h]},
    ".switch_mlp.down_proj.weight": {dtype: "BF16", shape: [$e, $h, $i]}}')"
run 0 inspect "$T/remade" --json
equal '.verdict' pass

test_that 'a configuration that says so of matrices that are not: a warning'
remade qwen3 . '.quantization_config = {"quant_method": "bitsandbytes", "load_in_4bit": true, "bnb_4bit_quant_type": "nf4"}'
run 0 inspect "$T/remade" --json
json "$(summary inventory.computable).verdict == \"warn\""
says out 'The configuration says that the model is quantised by bitsandbytes (nf4), 4 bits (config.json), but no matrix is stored so'
run 0 trace "$T/remade" --ids 1,2,3 -o "$T/trace.safetensors" -q
test_that 'a configuration that says nothing of sense'
remade qwen3 . '.quantization_config = {"bits": "x", "group_size": -1, "config_groups": 7, "weight_block_size": [1], "quant_method": 3} | .quantization = 4'
run 0 inspect "$T/remade" --json
remade qwen3 . '.quantization_config = null | .compression_config = [] | .quantization = {}'
run 0 inspect "$T/remade" --json
equal '.verdict' pass

test_that 'scales that were left beside widened matrices are extra'
remade qwen3 "$(packed '{".weight": {dtype: "BF16", shape: $s}, ".weight_scale_inv": {dtype: "F32", shape: [1, 1]}}')"
run 0 inspect "$T/remade" --json
json "$(summary inventory.extra) | .verdict == \"warn\" and .measured == 35"

test_that 'of a family that is not known: a warning, beside what the layers tell of each other'
remade qwen3 "$(packed "$hqq")" '.model_type = "made_up_9" | .quantization_config = {"quant_method": "hqq", "nbits": 4, "group_size": 128}'
run 0 inspect "$T/remade" --json
json "$(summary inventory.computable).verdict == \"warn\""
says out 'made_up_9 is not a family that assay computes'
says out 'The model is quantised by hqq, 4 bits, groups of 128 (config.json): 35 matrices are there as W_q'
