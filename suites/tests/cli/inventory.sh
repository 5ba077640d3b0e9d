# inspect: everything that headers tell. Damaged models, and extractions that lost files.
L=model.layers
thinker=$nano/thinker extraction=$nano/thinker-extraction index=$nano/thinker/model.safetensors.index.json
# places CHECK: for jq, the findings of single places.
places() { printf '[.findings[] | select(.check == "%s" and (.summary | not))]' "$1"; }
copy_extraction() {
    rm -rf "$T/lossy"
    cp -r "$extraction" "$T/lossy"
}
expert() { printf '%s/experts/thinker_expert_%03d_layer_%02d.safetensors' "$T/lossy" "$1" "$2"; }

test_that 'intact models: every check passes'
for model in llama mixtral qwen2 qwen2_moe qwen3 qwen3_moe thinker; do
    run 0 inspect "$nano/$model" --json
    json 'all(.findings[]; .verdict == "pass")'
    json "$(summary inventory.absent) | .expected > 10 and .expected_bytes > 1000 and .absent_bytes == 0 and (has(\"series\") | not)"
    json "$(summary inventory.blast) | .measured == 0"
done
test_that 'the bytes that the configuration calls for are those that are there'
run 0 inspect "$extraction" --source "$thinker" --json
bytes=$(find "$extraction" -name '*.safetensors' -print0 | while IFS= read -r -d '' file; do
    echo $(($(stat -c %s "$file") - 8 - $(od -An -tu8 -N8 "$file" | tr -d ' ')))
done | paste -sd + | bc)
equal "$(summary inventory.absent).expected_bytes" "$bytes"

test_that 'half an expert, half an attention, half a pair of norms'
hurt thinker drop layers.3.mlp.experts.7.up_proj.weight drop layers.3.mlp.experts.7.down_proj.weight drop layers.1.self_attn.k_norm.weight \
    drop layers.2.post_attention_layernorm.weight
run 1 inspect "$T/hurt" --json
json "$(summary inventory.incomplete) | .verdict == \"fail\" and .measured == 3 and .unit == \"blocks\""
equal "$(places inventory.incomplete) | map([.where.layer, .where.expert])" '[[1,null],[2,null],[3,7]]'
says out 'Only a part of expert 7 of layer 3 is there: gate_proj.weight; absent: up_proj.weight, down_proj.weight.'
says out 'Only a part of the norms of layer 2 is there: input_layernorm.weight; absent: post_attention_layernorm.weight.'
json "$(summary inventory.absent).series[0] | .name == \"experts\" and .kind == \"heatmap\" and (.curves | length == 5) and
    .curves[3].name == \"3\" and .curves[3].values[7] == 0.5 and .curves[3].values[6] == 1"
run 1 inspect "$T/hurt"
says out 'layer 3, expert 7'
test_that 'the map: an absent expert is 0'
run 1 inspect "$thinker" --fault missing-experts:2/4-7 --json
json "$(summary inventory.absent).series[0].curves[2].values == [1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1]"
json "$(summary inventory.incomplete).verdict == \"pass\""

test_that 'the same on a terminal: only the layers with gaps'
run 1 inspect "$thinker" --fault missing-experts:2/4-7 --fault incomplete-expert:3,0
says out 'layers with gaps; # there, + in part, . absent 2 ####....#### 3 +########### -'
run 1 inspect "$thinker" --fault missing-experts:1-3/4-7
says out 'absent 1-3 ####....#### -'
run 1 inspect "$thinker" --fault missing-norms:2
says_not out 'layers with gaps;'

test_that 'a misnamed tensor: the file, the name and the nearest expected one'
hurt thinker rename layers.2.mlp.experts.3.gate_proj.weight thinker.model.layers.2.mlp.expert.3.gate.weight \
    rename layers.3.self_attn.q_proj.weight thinker.model.layers.3.self_attention.q_proj.weight
run 1 inspect "$T/hurt" --json
json "$(summary inventory.misnamed) | .verdict == \"fail\" and .measured == 2"
equal "$(places inventory.misnamed) | map(.expected) | join(\" \")" "$L.2.mlp.experts.3.gate_proj.weight $L.3.self_attn.q_proj.weight"
json "$(places inventory.misnamed) | all(.where.file | endswith(\"model.safetensors\"))"
says out "model.safetensors holds 'thinker.model.layers.2.mlp.expert.3.gate.weight'; the nearest name of an absent tensor is '$L.2.mlp.experts.3.gate_proj.weight'."
equal "$(summary inventory.extra).measured" 2
test_that 'an extra tensor that is near no absent one is not misnamed'
hurt thinker rename thinker.audio_tower.ln_post.weight thinker.model.layers.2.mlp.bias drop layers.4.mlp.gate.weight
run 1 inspect "$T/hurt" --json
json "$(summary inventory.misnamed) | .verdict == \"pass\" and .measured == 0"

test_that 'a tensor that is there twice: both files are named'
copy_extraction
cp "$(expert 3 1)" "$(expert 13 1)"
run 1 inspect "$T/lossy" --source "$thinker" --json
json "$(summary inventory.duplicates) | .verdict == \"fail\" and .measured == 3"
says out "thinker_expert_003_layer_01.safetensors, which is used, and in $T/lossy/experts/thinker_expert_013_layer_01.safetensors; type and size agree."
json "$(summary inventory.misplaced).measured == 1"
test_that 'twice in one file: both spellings are named'
remade qwen3_moe '. as $all | . + {"model.layers.0.mlp.experts.down_proj": ($all["model.layers.0.mlp.experts.0.down_proj.weight"] | .shape |= [12] + .)}'
run 1 inspect "$T/remade" --json
json "$(summary inventory.duplicates) | .verdict == \"fail\" and .measured == 12"
says out "is in $T/remade/model.safetensors twice: as 'model.layers.0.mlp.experts.0.down_proj.weight', which is used, and as 'model.layers.0.mlp.experts.down_proj'"
says_not out 'transformers takes the last'
test_that 'twice, and not the same size'
copy_extraction
hurt thinker shape layers.1.mlp.experts.3.up_proj.weight 2,40
"$damage" "$T/hurt/model.safetensors" "$T/other.safetensors" || failed damage
mkdir "$T/lossy/mlp" && mv "$T/other.safetensors" "$T/lossy/mlp/zz.safetensors"
run 1 inspect "$T/lossy" --source "$thinker" --json
says out 'their types or sizes differ'

test_that 'a dtype unlike that of its class and of the configuration is a warning'
hurt thinker cast layers.2.input_layernorm.weight F32
run 0 inspect "$T/hurt" --json
equal .verdict warn
json "$(summary inventory.dtype) | .verdict == \"warn\" and .odd == 1 and .measured == 0 and .configured == \"bfloat16\""
equal "$(places inventory.dtype) | map([.verdict, .where.tensor])" "[[\"warn\",\"$L.2.input_layernorm.weight\"]]"
says out 'has dtype F32, but most of its kind BF16'
test_that 'all of them converted is a fact and no fault'
hurt thinker cast all F32
run 0 inspect "$T/hurt" --json
equal .verdict pass
json "$(summary inventory.dtype) | (.dtypes | test(\"^[0-9]+ F32$\")) and .configured == \"bfloat16\""
test_that 'one that was left in the configured dtype is none either'
hurt thinker cast all F32
run 0 inspect "$T/hurt" --json

test_that 'the block types that a quantiser mixed are none'
run 0 inspect suites/data/gguf/quantised.gguf --json
json "$(summary inventory.dtype) | .verdict == \"pass\" and (.dtypes | split(\", \") | length > 3)"

test_that 'the index alone: causes, configuration and tokenizer'
run 1 inspect "$extraction" --source "$index" --fault missing-norms:1 --json
silent err
json "$(summary inventory.pattern) | .verdict == \"fail\" and (.message | test(\"shards are not known\") | not)"
mkdir -p "$T/alone"
cp "$thinker"/*.json "$T/alone/"
rm -rf "$T/lossy"
run 0 break "$thinker" "$T/lossy" --fault one-shard-per-layer -q
for source in "$T/alone/model.safetensors.index.json" "$T/alone" "$thinker"; do
    run 1 inspect "$T/lossy" --source "$source" --json
    equal "$(summary inventory.pattern).pattern" one-shard-per-layer
    equal "$(summary inventory.pattern).unexplained" 0
    says out 'straddle two shards'
    says out 'expert_availability_map.json and extraction_manifest.json name the same gaps, which does not show that they are intended'
    says out 'These experts are no optional part: the configuration declares 12 experts in each of 5 layers.'
done
run 1 inspect "$T/lossy" --json
says out "The original's shards are not known"
test_that 'values cannot be held against an index'
run 0 inspect "$extraction" --source "$T/alone/model.safetensors.index.json" --values --json
json "$(summary weights.source).verdict == \"skip\""
test_that 'a source that is none'
run 3 inspect "$extraction" --config "$thinker/config.json" --source "$T/nothing"
says err "$T/nothing"
printf '{"weight_map": {"lm_head.weight": 3}}' >"$T/alone/model.safetensors.index.json"
run 3 inspect "$T/lossy" --source "$T/alone/model.safetensors.index.json"
says err lm_head.weight

test_that 'a map that lists what is absent'
copy_extraction
rm "$(expert 3 1)" "$(expert 4 1)" "$(expert 5 1)"
run 1 inspect "$T/lossy" --source "$index" --json
says out 'expert_availability_map.json and extraction_manifest.json list experts that are absent'
test_that 'a map that cannot be read says nothing'
printf '{"1": [' >"$T/lossy/expert_availability_map.json"
printf '{"experts": [{"layer": 1e300, "expert": -4}, {"layer": "x"}, 7]}' >"$T/lossy/extraction_manifest.json"
run 1 inspect "$T/lossy" --source "$index" --json
says_not out 'expert_availability_map.json'
says_not out 'extraction_manifest.json'

test_that 'files that are there and cannot be read'
copy_extraction
for file in "$(expert 3 1)" "$(expert 8 2)" "$(expert 2 4)" "$(expert 11 0)"; do truncate -s 100 "$file"; done
run 1 inspect "$T/lossy" --source "$index" --json
equal "$(summary inventory.pattern).pattern" unreadable-files
says out '4 files that should hold the tensors are there, and cannot be read'

test_that 'a run that was killed: the times of the files bear it out'
copy_extraction
minute=0
for file in "$T"/lossy/{attention,embeddings,experts,final_norm,lm_head,norms,routers}/*.safetensors; do
    touch -d "2026-01-01 00:$((minute / 60)):$((minute % 60))" "$file"
    minute=$((minute + 1))
done
# embedding, attention, and experts up to 7 of layer 2, in the order of the names of files
for file in "$T"/lossy/experts/*.safetensors; do
    [[ $file < $(expert 7 3) ]] || rm "$file"
done
rm -r "$T"/lossy/{final_norm,lm_head,norms,routers}
run 1 inspect "$T/lossy" --source "$index" --json
equal "$(summary inventory.pattern).pattern" order-of-files
equal "$(summary inventory.pattern).unexplained" 0
says out 'the times of the files rise in this order, and the last was written at 2026-01-01 00:00:'
touch "$T/lossy/attention/thinker_attention_layer_00.safetensors"
run 1 inspect "$T/lossy" --source "$index" --json
equal "$(summary inventory.pattern).pattern" order-of-files
says_not out 'the times of the files'

test_that 'a shard of the model itself is absent: its own index tells'
rm -rf "$T/hurt" && cp -r "$thinker" "$T/hurt" && rm "$T/hurt/model-00002-of-00005.safetensors"
run 1 inspect "$T/hurt" --json
equal "$(summary inventory.pattern).pattern" shards
says out 'everything of shard 2, model-00002-of-00005.safetensors: it was not downloaded, or not read'
rm -rf "$T/hurt" && cp -r "$thinker" "$T/hurt" && rm "$T/hurt"/model-0000[345]-of-00005.safetensors
run 1 inspect "$T/hurt" --json
says out 'the last 3 shards (3-5): only the first shards were downloaded or read'

test_that 'what the original stores in another type'
rm -rf "$T/source"
hurt thinker cast layers.0.mlp.gate.weight F32 cast layers.1.mlp.gate.weight F32 cast layers.2.mlp.gate.weight F32 cast layers.3.mlp.gate.weight F32 \
    cast layers.4.mlp.gate.weight F32 cast layers.1.self_attn.q_norm.weight F32 cast layers.2.mlp.experts.3.up_proj.weight F32
mv "$T/hurt" "$T/source"
hurt thinker drop layers.0.mlp.gate.weight drop layers.1.mlp.gate.weight drop layers.2.mlp.gate.weight drop layers.3.mlp.gate.weight \
    drop layers.4.mlp.gate.weight drop layers.1.self_attn.q_norm.weight drop layers.2.mlp.experts.3.up_proj.weight
run 1 inspect "$T/hurt" --source "$T/source" --json
equal "$(summary inventory.pattern).pattern" dtype
says out 'every tensor that the original stores as F32'

test_that 'the blast radius: uniform routing, and that of gold'
run 1 inspect "$thinker" --fault missing-experts:2/4-7 --golden "$(gold thinker)" --json
json "$(summary inventory.blast) | .verdict == \"fail\" and .measured == .uniform_tokens and .measured > 0 and .measured < 1 and .tokens > 10 and
    .measured_tokens > 0 and .measured_tokens <= 1 and (.series[0].curves | length == 2)"
json '.gold | length == 1'
run 1 inspect "$thinker" --fault missing-experts:2/4-7 --json
json "$(summary inventory.blast) | (has(\"measured_tokens\") | not) and (.series[0].curves | length == 1)"
run 1 inspect "$thinker" --fault missing-norms:2 --json
json "$(summary inventory.blast) | .measured == 1 and (.message | test(\"Every token meets 1 block\"))"
run 1 inspect "$thinker" --golden "$(gold llama)" --json -q
json "$(summary config.gold) | .verdict == \"fail\" and (.differences | contains(\"hidden_size is 40 here and 36 there\"))"
run 3 inspect "$thinker" --golden "$T/nothing"

test_that 'the page has the map'
run 1 inspect "$thinker" --fault missing-experts:2/4-7 -o "$T/report" -q
there "$T/report/report.html"
grep -q 'Experts by layer: 1 there, 0.5 in part, 0 absent' "$T/report/report.html" && passed || failed 'no map'

test_that 'a flag that ties the head to the embedding, and another head'
mkdir -p "$T/tied"
cp "$nano/llama"/* "$T/tied"
jq '.tie_word_embeddings = true' "$nano/llama/config.json" >"$T/tied/config.json"
run 0 inspect "$T/tied" --json
json "$(summary inventory.head) | .verdict == \"warn\" and .where.tensor == \"lm_head.weight\""
says out "tie_word_embeddings is true, but 'lm_head.weight' is there and differs from the embedding (in row 0, for one): readers differ."
test_that 'the same head twice is no fault'
run 0 inspect "$T/tied" --fault copy:lm_head.weight,model.embed_tokens.weight --values --json
json "[.findings[] | select(.check == \"inventory.head\")] == [] and ($(summary weights.identical).verdict == \"pass\")"
test_that 'a head that is the embedding, though nothing ties them'
run 0 inspect "$nano/llama" --fault copy:lm_head.weight,model.embed_tokens.weight --values --json
json "$(summary weights.identical) | .verdict == \"warn\" and .measured == 1"
says out "holds the very values of 'model.embed_tokens.weight', and the configuration says that they are not tied"

# shorten EDIT: an extraction whose files hold the tensors of layers under names as jq edits them.
shorten() {
    local edits
    mapfile -t edits < <(jq -r ".weight_map | keys[] | select(startswith(\"thinker.model.layers.\")) | \"rename\", ., ($1)" "$index")
    rm -rf "$T/lossy"
    "$damage" --layout "$extraction" "$T/lossy" "${edits[@]}" || failed 'damage failed'
}
test_that 'names below a module are completed by the name of the file'
for edit in 'sub("^thinker[.]model[.]layers[.][0-9]+[.](mlp[.]experts[.][0-9]+[.]|self_attn[.]|mlp[.])?"; "")' \
    'sub("^thinker[.]model[.]layers[.][0-9]+[.](mlp[.]experts[.][0-9]+[.])?"; "")' 'sub("^thinker[.]model[.]layers[.][0-9]+[.]"; "")'; do
    shorten "$edit"
    run 0 inspect "$T/lossy" --source "$thinker" --values --json
    json '[.findings[] | select(.summary and .verdict == "fail")] == []'
    json "$(summary weights.source) | .verdict == \"pass\" and .exact == 228"
    run 0 check "$T/lossy" --suite "$proof" --config "$thinker/config.json" --tokenizer "$thinker" --golden "$(gold thinker)" -q
done
test_that 'and where the files are called otherwise'
for file in "$T"/lossy/experts/*; do
    name=$(basename "$file")
    mv "$file" "$T/lossy/experts/layers.$((10#${name:25:2})).mlp.experts.$((10#${name:15:3})).safetensors"
done
run 0 inspect "$T/lossy" --source "$thinker" --json
json "$(summary inventory.absent).verdict == \"pass\""
test_that 'a file that is called after another expert holds what is not its own, under any name'
shorten 'sub("^thinker[.]model[.]layers[.][0-9]+[.](mlp[.]experts[.][0-9]+[.])"; "")'
mv "$(expert 3 2)" "$T/swap" && mv "$(expert 4 2)" "$(expert 3 2)" && mv "$T/swap" "$(expert 4 2)"
run 1 check "$T/lossy" --suite "$proof" --config "$thinker/config.json" --tokenizer "$thinker" --golden "$(gold thinker)" --json -q
equal '[.findings[] | select(.check == "layers.isolated" and (.summary | not)) | .where.module] | join(" ")' model.layers.2.mlp
test_that 'where no file tells, a name is there twice, and is not taken for anything'
shorten 'sub("^thinker[.]model[.]layers[.][0-9]+[.](mlp[.]experts[.][0-9]+[.])"; "")'
for at in "0 1" "1 1"; do
    # shellcheck disable=SC2086
    mv "$(expert $at)" "$T/lossy/experts/part_${at% *}.safetensors"
done
run 3 inspect "$T/lossy" -q
says err 'no config.json beside the weights; say where it is with --config or --source'
run 1 inspect "$T/lossy" --source "$thinker" --json
json "$(summary inventory.absent) | .verdict == \"fail\" and .measured == 6"
json "$(summary inventory.duplicates) | .verdict == \"fail\" and .measured == 3"
