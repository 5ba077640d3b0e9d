# Damaged files: exit 1 or 3, and the message names the file and the tensor.
L=model.layers
copy() {
    rm -rf "$T/hurt"
    cp -r "$nano/$1" "$T/hurt"
}
# says_all TEXT...: stdout and stderr together name them all.
says_all() {
    local text
    cat "$T/err" >>"$T/out"
    for text in "$@"; do says out "$text"; done
}
# both STATUS MODEL TEXT...: check (against gold) and inspect both tell it.
both() {
    local status=$1 model=$2
    shift 2
    run "$status" check "$T/hurt" --suite "$proof" --golden "$(gold "$model")" --json -q
    says_all "$@"
    run "$status" inspect "$T/hurt" --json -q
    says_all "$@"
}

test_that 'NaN and infinity in a weight'
for special in nan inf; do
    hurt_layout thinker $special layers.3.mlp.experts.7.down_proj.weight 2 5
    file=$(grep -l 'layers.3.mlp.experts.7.down_proj' "$T"/hurt/*.safetensors)
    check 1 thinker
    json "$(summary weights.finite) | .verdict == \"fail\" and .measured == 1"
    json ".findings[] | select(.check == \"weights.finite\" and (.summary | not)) | .where.tensor == \"$L.3.mlp.experts.7.down_proj.weight\" and
        .where.file == \"$file\" and (.message | test(\"row 2, column 5\"))"
    blames $L.3.mlp
    json "[.findings[] | select(.check == \"layers.isolated\" and (.summary | not)) | .where.expert] == [7]"
    equal "$first_bad" 3
    run 1 inspect "$T/hurt" --values
    says_all $L.3.mlp.experts.7.down_proj.weight "$(basename "$file")"
    run 0 inspect "$T/hurt"
done
test_that 'NaN in one expert of a fused tensor'
for kind in plain transposed; do
    hurt thinker nan layers.3.mlp.experts.7.up_proj.weight 2 5 fuse 3 $kind
    run 1 inspect "$T/hurt" --values --json -q
    json '.findings[] | select(.check == "weights.finite" and (.summary | not)) | .where.layer == 3 and .where.expert == 7 and
        (.message | test("experts.gate_up_proj. \\(experts.7.up_proj.weight\\) holds 1 value .* row 2, column 5"))'
done
hurt thinker nan layers.3.input_layernorm.weight 0 0
run 1 inspect "$T/hurt" --values --json -q
json '.findings[] | select(.check == "weights.finite" and (.summary | not)) | .where.layer == 3 and (.where | has("expert") | not)'
test_that 'NaN everywhere it matters'
for tensor in $(some 3 model.embed_tokens $L.2.self_attn.q_proj $L.4.mlp.gate lm_head model.norm $L.0.input_layernorm $L.2.self_attn.k_norm); do
    hurt thinker nan $tensor.weight 0 0
    check 1 thinker
    json ".findings[] | select(.check == \"weights.finite\" and (.summary | not)) | .where.tensor == \"$tensor.weight\""
done
test_that 'NaN in an expert that no prompt takes'
run 0 trace "$nano/thinker" --ids 5 -o "$T/one.safetensors" -q
untaken=0
for expert in $(some 3 0 1 2 3 4 5 6 7 8 9 10 11); do
    hurt thinker nan layers.2.mlp.experts.$expert.gate_proj.weight 1 1
    run 1 check "$T/hurt" --suite "$proof" --golden "$T/one.safetensors" --json -q
    json ".findings[] | select(.check == \"weights.finite\" and (.summary | not)) | .where.tensor == \"$L.2.mlp.experts.$expert.gate_proj.weight\""
    json ".reason | test(\"experts.$expert.gate_proj\")"
    [ "$(jq -r "$(summary layers.propagated).verdict" "$T/out")" != pass ] || untaken=$((untaken + 1))
done
same $untaken $(thorough && echo 9 || echo 2)

test_that 'truncated files'
hurt qwen3
truncate -s -1000 "$T/hurt/model.safetensors"
both 3 qwen3 "$T/hurt/model.safetensors"
truncate -s 4 "$T/hurt/model.safetensors"
both 3 qwen3 "$T/hurt/model.safetensors"
truncate -s 0 "$T/hurt/model.safetensors"
both 3 qwen3 "$T/hurt/model.safetensors"
test_that 'a truncated shard'
copy qwen3
truncate -s -100 "$T/hurt/model-00002-of-00003.safetensors"
tensor=$(jq -r '.weight_map | to_entries | map(select(.value | test("00002"))) | .[0].key' "$T/hurt/model.safetensors.index.json")
both '1|3' qwen3 model-00002-of-00003.safetensors "$tensor"
test_that 'a truncated file of an extraction'
copy thinker-extraction
truncate -s -10 "$T/hurt/norms/thinker_norms_layer_02.safetensors"
run '1|3' check "$T/hurt" --source "$nano/thinker" --golden "$(gold thinker)" --json -q
says_all thinker_norms_layer_02.safetensors $L.2.input_layernorm.weight $L.2.post_attention_layernorm.weight
truncate -s 0 "$T/hurt/norms/thinker_norms_layer_02.safetensors"
run '1|3' check "$T/hurt" --source "$nano/thinker" --golden "$(gold thinker)" --json -q
says_all thinker_norms_layer_02.safetensors $L.2.input_layernorm.weight
rm "$T/hurt/norms/thinker_norms_layer_02.safetensors" && mkdir "$T/hurt/norms/thinker_norms_layer_02.safetensors"
run '1|3' check "$T/hurt" --source "$nano/thinker" --golden "$(gold thinker)" --json -q
says_all $L.2.input_layernorm.weight
test_that 'files of an extraction that hold what another should'
copy thinker-extraction
experts=$T/hurt/experts/thinker_expert
mv "${experts}_003_layer_01.safetensors" "$T/swap" && mv "${experts}_003_layer_02.safetensors" "${experts}_003_layer_01.safetensors"
mv "$T/swap" "${experts}_003_layer_02.safetensors"
mv "${experts}_004_layer_03.safetensors" "$T/swap" && mv "${experts}_005_layer_03.safetensors" "${experts}_004_layer_03.safetensors"
mv "$T/swap" "${experts}_005_layer_03.safetensors"
cp "$nano/thinker-extraction/routers/thinker_router_layer_02.safetensors" "$T/hurt/final_norm/thinker_router_layer_02.safetensors"
run 1 check "$T/hurt" --suite "$proof" --source "$nano/thinker" --golden "$(gold thinker)" --json -q
json "$(summary inventory.misplaced) | .measured == 5 and .unit == \"files\""
equal '[.findings[] | select(.check == "inventory.misplaced" and (.summary | not)) | .where.file | split("/")[-1]] | join(" ")' \
    "$(for place in expert_003_layer_01 expert_003_layer_02 expert_004_layer_03 expert_005_layer_03 router_layer_02; do printf '%s ' thinker_$place.safetensors; done | sed 's/ $//')"
equal '[.findings[] | select(.check == "inventory.misplaced" and (.summary | not)) | .where | [.layer, .expert]]' '[[2,3],[1,3],[3,5],[3,4],[2,null]]'
equal "$(summary layers.isolated).verdict" pass
test_that 'a shard that is a folder'
copy qwen3
rm "$T/hurt/model-00002-of-00003.safetensors" && mkdir "$T/hurt/model-00002-of-00003.safetensors"
both '1|3' qwen3 model-00002-of-00003.safetensors "$tensor"
test_that 'garbage in a header'
copy qwen3
printf 'x' | dd of="$T/hurt/model-00002-of-00003.safetensors" bs=1 seek=8 conv=notrunc status=none
both '1|3' qwen3 model-00002-of-00003.safetensors "$tensor"
copy qwen3
printf '\377\377\377\377\377\377\377\377' | dd of="$T/hurt/model-00002-of-00003.safetensors" bs=1 conv=notrunc status=none
both '1|3' qwen3 model-00002-of-00003.safetensors "$tensor"
test_that 'bytes after the end'
hurt qwen3
printf 'x' >>"$T/hurt/model.safetensors"
both 3 qwen3 "$T/hurt/model.safetensors"

test_that 'a wrong shape'
hurt thinker shape layers.2.self_attn.o_proj.weight 40,95
both 1\|3 thinker $L.2.self_attn.o_proj.weight '[40, 95]' '[40, 96]' model.safetensors
hurt thinker shape layers.2.input_layernorm.weight 41
both 1\|3 thinker $L.2.input_layernorm.weight '[41]' '[40]'
hurt thinker shape layers.2.self_attn.o_proj.weight 96,40
both 1\|3 thinker $L.2.self_attn.o_proj.weight '[96, 40]'
hurt thinker shape layers.2.input_layernorm.weight 40,1
both 1\|3 thinker $L.2.input_layernorm.weight
hurt thinker shape layers.2.mlp.experts.3.up_proj.weight 0,40
both 1\|3 thinker $L.2.mlp.experts.3.up_proj.weight
hurt thinker shape layers.2.mlp.gate.weight 40
both 1\|3 thinker $L.2.mlp.gate.weight
test_that 'a wrong dtype'
for dtype in I8 U32 I16 BOOL; do
    hurt thinker dtype layers.1.mlp.experts.4.down_proj.weight $dtype
    both 1\|3 thinker $L.1.mlp.experts.4.down_proj.weight $dtype model.safetensors
done
test_that 'a wrong dtype in another component does not matter'
hurt thinker dtype thinker.audio_tower.ln_post.weight I8
check 0 thinker

test_that 'an index that names a shard that is not there'
copy qwen3
rm "$T/hurt/model-00002-of-00003.safetensors"
both '1|3' qwen3 model-00002-of-00003.safetensors "$tensor"
test_that 'an index that places a tensor elsewhere, or names one that is not there'
copy qwen3
jq '.weight_map["model.layers.0.mlp.up_proj.weight"] = "model-00003-of-00003.safetensors"' \
    "$nano/qwen3/model.safetensors.index.json" >"$T/hurt/model.safetensors.index.json"
both '1|3' qwen3 model.layers.0.mlp.up_proj.weight model-00003-of-00003.safetensors
test_that 'an index that leaves the folder'
cp "$nano/qwen3/model-00002-of-00003.safetensors" "$T/outside.safetensors"
copy qwen3
for place in ../outside.safetensors "$T/outside.safetensors" ./../outside.safetensors x/../../outside.safetensors; do
    jq --arg place "$place" '.weight_map |= map_values(if test("00002") then $place else . end)' \
        "$nano/qwen3/model.safetensors.index.json" >"$T/hurt/model.safetensors.index.json"
    both '1|3' qwen3 outside.safetensors
done
copy qwen3
rm "$T/hurt/model-00002-of-00003.safetensors"
ln -s "$T/outside.safetensors" "$T/hurt/model-00002-of-00003.safetensors"
both '1|3' qwen3 model-00002-of-00003.safetensors
test_that 'a malformed index'
copy qwen3
for text in '' '{' '[]' '{"weight_map": 1}' '{"weight_map": {"a": 1}}' '{}' '{"weight_map": {}}'; do
    printf '%s' "$text" >"$T/hurt/model.safetensors.index.json"
    both '1|3' qwen3 model.safetensors.index.json
done

test_that 'no weights in the folder'
copy qwen3
rm "$T"/hurt/*.safetensors "$T/hurt/model.safetensors.index.json"
both 3 qwen3 "$T/hurt"

test_that 'config.json'
copy qwen3
rm "$T/hurt/config.json"
both 3 qwen3 config.json "$T/hurt"
for text in '' '{' '[]' '{}' 'null' '{"model_type": 5}'; do
    printf '%s' "$text" >"$T/hurt/config.json"
    both 3 qwen3 "$T/hurt/config.json"
done
jq '.model_type = "frobnicator"' "$nano/qwen3/config.json" >"$T/hurt/config.json"
run 0 inspect "$T/hurt" -q
says out 'frobnicator is not a family that assay computes'
run 3 check "$T/hurt" --suite "$proof" --golden "$(gold qwen3)" -q
says err 'frobnicator is not a family that assay computes'
for field in hidden_size num_hidden_layers num_attention_heads vocab_size; do
    jq "del(.$field)" "$nano/qwen3/config.json" >"$T/hurt/config.json"
    both '1|3' qwen3 # the family's own default applies, as in transformers; it does not fit these weights
    for value in 0 -1 1.5 '"x"' 1e30; do
        jq ".$field = $value" "$nano/qwen3/config.json" >"$T/hurt/config.json"
        both 3 qwen3 "$T/hurt/config.json" $field
    done
done
test_that 'a key that occurs twice: which of the two counts is a matter of taste'
copy qwen3
sed '0,/{/s//{"hidden_size": 48,/' "$nano/qwen3/config.json" >"$T/hurt/config.json"
both 3 qwen3 "$T/hurt/config.json" '"hidden_size" occurs twice'
copy qwen3
sed '0,/"weight_map": *{/s//&"model.norm.weight": "x",/' "$nano/qwen3/model.safetensors.index.json" >"$T/hurt/model.safetensors.index.json"
both 3 qwen3 model.safetensors.index.json 'occurs twice'
copy qwen3
sed '0,/{/s//{"model": null,/' "$nano/qwen3/tokenizer.json" >"$T/hurt/tokenizer.json"
run 3 tokenize "$T/hurt" text
says err '"model" occurs twice'
test_that 'a configuration that calls for more than there is'
jq '.num_hidden_layers = 6 | del(.layer_types)' "$nano/qwen3/config.json" >"$T/hurt/config.json"
run 1 inspect "$T/hurt" --json -q
says out 'input_layernorm.weight of layer 5'
jq '.num_hidden_layers = 4 | del(.layer_types)' "$nano/qwen3/config.json" >"$T/hurt/config.json"
run 0 inspect "$T/hurt" --json -q
equal .verdict warn

test_that 'the tokenizer is damaged: nothing shows that it is the one of the gold'
copy qwen3
printf '{' >"$T/hurt/tokenizer.json"
check 0 qwen3
json "$(summary tokens.reader).verdict == \"warn\" and $(summary tokens.ids).verdict == \"warn\""

test_that 'every tensor against the original'
run 0 inspect "$nano/thinker-extraction" --source "$nano/thinker" -v --json -q
json "$(summary weights.source) | .verdict == \"pass\" and .measured == 0 and .exact == 228 and .compared == 228"
run 1 inspect "$nano/thinker" --source "$nano/thinker" -v --json -q --fault swap-experts:1,2,3 --fault scale:model.norm.weight,1.01
json "$(summary weights.source) | .verdict == \"fail\" and .measured == 7 and .exact == 221"
json '[.findings[] | select(.check == "weights.source" and (.summary | not)) | .where.expert] | unique == [null, 2, 3]'
test_that 'rounded to another dtype: as much as that costs, and no more'
hurt thinker cast all F32 scale layers.1.self_attn.q_proj.weight 1.001
run 0 inspect "$nano/thinker" --source "$T/hurt" -v --json -q
json "$(summary weights.source) | .verdict == \"pass\" and .exact == 227 and (.worst_relative_l2 - 0.001 | fabs) < 1e-5"
hurt thinker cast all F32 scale layers.1.self_attn.q_proj.weight 1.01
run 1 inspect "$nano/thinker" --source "$T/hurt" -v --json -q
json '[.findings[] | select(.check == "weights.source" and (.summary | not)) | [.where.tensor, .limit]] == [["model.layers.1.self_attn.q_proj.weight", 0.004]]'
test_that 'a tensor without a counterpart was not compared, and is told'
hurt thinker rename model.norm.weight thinker.model.another.weight
run 0 inspect "$nano/thinker" --source "$T/hurt" -v --json -q
json "$(summary weights.source) | .verdict == \"warn\" and (.message | test(\"1 has no counterpart.*model.norm.weight\"))"
test_that 'a tensor without values is the original'"'"'s when its shape is'
for shape in 0 0,4 4,0; do
    hurt thinker rename thinker.audio_tower.ln_post.weight thinker.model.layers.2.mlp.bias shape layers.2.mlp.bias $shape
    rm -rf "$T/source"
    cp -r "$T/hurt" "$T/source"
    run 0 inspect "$T/hurt" --source "$T/source" -v --json -q
    json "$(summary weights.source) | .verdict == \"pass\" and .measured == 0 and .exact == 229 and (.message | startswith(\"All 229 tensors\"))"
    json '[.findings[] | select(.check == "weights.source" and (.summary | not))] == []'
done
hurt thinker rename thinker.audio_tower.ln_post.weight thinker.model.layers.2.mlp.bias shape layers.2.mlp.bias 0,5
run 1 inspect "$T/hurt" --source "$T/source" -v --json -q
json '[.findings[] | select(.check == "weights.source" and (.summary | not)) | .where.tensor] == ["model.layers.2.mlp.bias"]'
