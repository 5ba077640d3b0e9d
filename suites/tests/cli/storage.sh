# Matrices that are stored quantised, and computed with as the original dequantises them (scripts/make_storage_cases.py).
S=suites/data/storage/models
layers=model.layers.0

for folder in "$S"/*/; do
    case=$(basename "$folder")
    test_that "$case: one tensor for each matrix, and nothing is wrong with it"
    run 0 inspect "$folder" --values --json
    json "$(summary inventory.computable) | .verdict == \"pass\" and .measured >= 7"
    json "$(summary inventory.absent).verdict == \"pass\" and $(summary inventory.extra).verdict == \"pass\""
    test_that "$case: dequantised and stored plainly it computes the same bits"
    run 0 trace "$folder" --ids 1,5,9,2,30,17,8 -o "$T/packed.safetensors" -q
    rm -rf "$T/plain"
    run 0 extract "$folder" "$T/plain" -q
    run 0 verify "$T/plain" --source "$folder" -q
    run 0 inspect "$T/plain" --json
    equal .verdict pass
    run 0 trace "$T/plain" --ids 1,5,9,2,30,17,8 -o "$T/plain.safetensors" -q
    run 0 compare "$T/packed.safetensors" "$T/plain.safetensors" -q
    cmp -s <(tail -c 8192 "$T/packed.safetensors") <(tail -c 8192 "$T/plain.safetensors") && passed || failed 'the values differ'
done

# lose FOLDER TENSOR: a copy without it in $T/hurt.
lose() {
    rm -rf "$T/hurt"
    "$damage" "$S/$1" "$T/hurt" drop "$2" || failed 'damage failed'
}
test_that 'a part that is lost is named, and nothing is computed with what is left'
lose fp8_block $layers.mlp.up_proj.weight_scale_inv
run 1 inspect "$T/hurt" --json
json "$(summary inventory.absent).measured == 1 and ($(summary inventory.files).message | contains(\"'$layers.mlp.up_proj.weight' cannot be put together from its parts: of fp8, model.safetensors: weight is there, and weight_scale_inv is absent\"))"
run 3 trace "$T/hurt" --ids 1,2,3 -o "$T/trace.safetensors" -q
says err "weight_scale_inv is absent"
lose fp8_block $layers.mlp.up_proj.weight
run 1 inspect "$T/hurt" --json
json "$(summary inventory.files).message | contains(\"weight_scale_inv is there, and weight is absent\")"

test_that 'parts of two matrices that were exchanged: both matrices are named beside the original'
rm -rf "$T/hurt"
"$damage" "$S/gptq_4" "$T/hurt" swap $layers.mlp.up_proj.scales $layers.mlp.gate_proj.scales
run 1 inspect "$T/hurt" --source "$S/gptq_4" --values --json
equal '[.findings[] | select(.check == "weights.source" and (.summary | not)) | .where.tensor] | sort | join(" ")' \
    "$layers.mlp.gate_proj.weight $layers.mlp.up_proj.weight"

test_that 'doubles have room wherever they are read'
remade qwen3 'map_values(.dtype = "F64")'
run 0 trace "$T/remade" --ids 1,2,3,4,5,6,7,8 -o "$T/trace.safetensors" -q
run 0 trace "$T/remade" --ids 1,2 -o "$T/trace.safetensors" -q
run 1 inspect "$T/remade" --values -q

test_that 'so is one of GPTQ, and a part of another shape'
lose gptq_4 $layers.self_attn.q_proj.scales
run 1 inspect "$T/hurt" --json
json "$(summary inventory.files).message | contains(\"of gptq, model.safetensors: qweight, qzeros are there, and scales is absent\")"
lose gptq_4 $layers.self_attn.q_proj.g_idx
run 1 inspect "$T/hurt" --json
json "$(summary inventory.files).message | contains(\"g_idx is absent, which the other matrices have\")"
rm -rf "$T/hurt"
"$damage" "$S/awq" "$T/hurt" shape $layers.mlp.gate_proj.scales 2,90
run 1 inspect "$T/hurt" --json
json "$(summary inventory.files).message | contains(\"'$layers.mlp.gate_proj.weight' cannot be put together\")"

test_that 'nor is bitsandbytes read without its scales, or with a text that is none'
lose nf4_nested $layers.mlp.down_proj.weight.nested_absmax
run 1 inspect "$T/hurt" --json
json "$(summary inventory.files).message | contains(\"nested_absmax is absent\")"
lose nf4 $layers.mlp.down_proj.weight.absmax
run 1 inspect "$T/hurt" --json
json "$(summary inventory.files).message | contains(\"weight.absmax is absent\")"
rm -rf "$T/hurt"
"$damage" "$S/nf4" "$T/hurt" zero $layers.mlp.down_proj.weight.quant_state.bitsandbytes__nf4
run 1 inspect "$T/hurt" --json
json "$(summary inventory.files).message | contains(\"quant_state.bitsandbytes__nf4\")"

test_that 'faults and repairs take it for one tensor'
run 0 break "$S/gptq_4" "$T/broken" --fault scale:$layers.mlp.up_proj.weight,2 -q
run 0 extract "$S/gptq_4" "$T/right" -q
run 1 verify "$T/broken" --source "$S/gptq_4" -q
run 0 repair "$T/broken" --source "$S/gptq_4" -q
diff -r "$T/right" "$T/broken" >"$T/diff" && passed || failed "repaired is not extracted: $(head -n 3 "$T/diff")"
run 0 inspect "$S/gptq_4" --source "$S/gptq_4" --values -q
rm -rf "$T/broken" "$T/right" "$T/plain" "$T/hurt"
