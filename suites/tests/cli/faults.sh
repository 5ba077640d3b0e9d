# The catalogue of faults: as files, and as if the files held them.
L=model.layers
test_that 'the catalogue'
run 0 faults
silent err
says out 'one-shard-per-layer'
run 0 faults --json
json '.[0].name == "one-shard-per-layer" and all(.[]; .does != "")'
for name in $(jq -r '.[] | .name' "$T/out"); do
    run 0 faults
    says out "$name"
done

# with_fault STATUS FAULT...: checks the thinker with the faults, virtually.
with_fault() {
    local status=$1 fault options=()
    shift
    for fault in "$@"; do options+=(--fault "$fault"); done
    run "$status" check "$nano/thinker" --suite "$proof" --golden "$(gold thinker)" --json -q "${options[@]}"
}
# tensor_dtype FILE TENSOR: as its header says.
tensor_dtype() { tail -c +9 "$1" | head -c "$(od -An -tu8 -N8 "$1" | tr -d ' ')" | jq -r ".[\"$2\"].dtype"; }
absent_tensors='[.findings[] | select(.check == "inventory.absent" and (.summary | not)) | .where.tensor] | sort | join(" ")'

test_that 'losses'
with_fault 1 missing-norms:1,3
blames $L.{1,3}.{input,post_attention}_layernorm
equal "$absent_tensors" "$(sorted $L.{1,3}.{input,post_attention}_layernorm.weight)"
with_fault 1 missing-norms:0-4
blames $L.{0..4}.{input,post_attention}_layernorm
with_fault 1 missing-experts:2/4-7
equal "$absent_tensors" "$(sorted $L.2.mlp.experts.{4..7}.{gate,up,down}_proj.weight)"
blames $L.2.mlp
with_fault 1 incomplete-expert:3,7
equal "$absent_tensors" "$(sorted $L.3.mlp.experts.7.{up,down}_proj.weight)"
json '[.findings[] | select(.check == "layers.isolated" and (.summary | not)) | .where | .module == "model.layers.3.mlp" and .expert == 7] == [true]'
with_fault 1 missing:layers.2.mlp.gate.weight
equal "$absent_tensors" $L.2.mlp.gate.weight
test_that 'values'
with_fault 1 random-attention:2
blames $L.2.self_attn $L.2.self_attn.{q,k}_norm
first=$(jq '.findings[] | select(.check == "layers.isolated" and .summary) | .measured' "$T/out")
with_fault 1 random-attention:2
equal '.findings[] | select(.check == "layers.isolated" and .summary) | .measured' "$first"
with_fault 1 nan:layers.4.mlp.experts.2.up_proj.weight,3,4
blames $L.4.mlp
json '[.findings[] | select(.check == "weights.finite" and (.summary | not)) | .where.tensor] == ["model.layers.4.mlp.experts.2.up_proj.weight"]'
with_fault 1 nan:$L.1.input_layernorm.weight
json "$(summary layers.propagated).first_bad_module == \"$L.1.input_layernorm\""
with_fault 1 zero-page:layers.1.self_attn.o_proj.weight
blames $L.1.self_attn
with_fault 1 zero-page:layers.1.self_attn.o_proj.weight,1
blames $L.1.self_attn
with_fault 1 scale:layers.3.self_attn.v_proj.weight,1.01
blames $L.3.self_attn
test_that 'exchanges'
with_fault 1 swap-experts:3,4,11
blames $L.3.mlp
json '.findings[] | select(.check == "layers.isolated" and (.summary | not)) | .message | test("experts (4, 11|11, 4)")'
with_fault 1 swap-layers:1,2
json "$(summary layers.propagated).first_bad_layer == 1"
json '[.findings[] | select(.check == "layers.isolated" and (.summary | not)) | .where.layer] | unique == [1, 2]'
test_that 'twice exchanged is intact; several faults lie over each other'
with_fault 0 swap-layers:1,2 swap-layers:1,2
with_fault 0 swap-experts:3,4,11 swap-experts:3,11,4
with_fault 0 scale:layers.3.self_attn.v_proj.weight,2 scale:layers.3.self_attn.v_proj.weight,0.5
with_fault 1 swap-experts:3,4,11 scale:layers.3.mlp.experts.4.up_proj.weight,2 swap-experts:3,4,11
json '[.findings[] | select(.check == "layers.isolated" and (.summary | not)) | .where.expert] == [11]'

test_that 'one shard for each layer: what lies in a later shard than the layer begins in is lost'
jq -r '.weight_map | to_entries | map(select(.key | test("^thinker.model.layers"))) | group_by(.key | split(".")[3]) | .[] |
    (map(.value) | min) as $first | .[] | select(.value != $first) | .key | ltrimstr("thinker.")' \
    "$nano/thinker/model.safetensors.index.json" | sort | paste -sd ' ' >"$T/lost"
with_fault 1 one-shard-per-layer
equal "$absent_tensors" "$(cat "$T/lost")"
test_that 'an extraction has no shards, its source has'
run 1 check "$nano/thinker-extraction" --suite "$proof" --source "$nano/thinker" --golden "$(gold thinker)" --json -q --fault one-shard-per-layer
equal "$absent_tensors" "$(cat "$T/lost")"
run 3 check "$nano/thinker-extraction" --config "$nano/thinker/config.json" --golden "$(gold thinker)" --fault one-shard-per-layer
says err --source

test_that 'break writes what --fault shows'
for fault in $(some 2 one-shard-per-layer swap-layers:1,2 incomplete-expert:3,7 scale:layers.3.self_attn.v_proj.weight,1.01 \
    nan:layers.4.mlp.experts.2.up_proj.weight,3,4 random-attention:0); do
    rm -rf "$T/b"
    run 0 break "$nano/thinker" "$T/b" -q --fault "$fault"
    with_fault 1 "$fault"
    jq '[.findings[] | select(.check | test("^(inventory.absent|weights|layers|logits|greedy|perplexity)")) | [.check, .verdict, .measured, .where.tensor]]' "$T/out" >"$T/virtual"
    run 1 check "$T/b" --suite "$proof" --golden "$(gold thinker)" --json -q
    jq '[.findings[] | select(.check | test("^(inventory.absent|weights|layers|logits|greedy|perplexity)")) | [.check, .verdict, .measured, .where.tensor]]' "$T/out" >"$T/written"
    cmp -s "$T/virtual" "$T/written" && passed || failed "$fault: the written model and the virtual one differ"
done
test_that 'break writes what a scan of weights shall find; the model that is read back is the virtual one'
# written_is_virtual FAULT...: all of them at once; those whose values are wild by themselves, or they would hide the others.
written_is_virtual() {
    local fault options=()
    for fault in "$@"; do options+=(--fault "$fault"); done
    rm -rf "$T/b"
    run 0 break "$nano/thinker" "$T/b" -q "${options[@]}"
    run 0 trace "$nano/thinker" --ids 1,2,3 -o "$T/virtual.safetensors" -q "${options[@]}"
    run 0 trace "$T/b" --ids 1,2,3 -o "$T/written.safetensors" -q
    cmp -s "$T/virtual.safetensors" "$T/written.safetensors" && passed || failed "$*: the written model and the virtual one differ"
}
written_is_virtual zeros:layers.0.self_attn.q_proj.weight,0.5 constant:layers.1.input_layernorm.weight,1 initialise:layers.0.self_attn.k_proj.weight \
    copy:layers.2.self_attn.q_proj.weight,layers.3.self_attn.q_proj.weight swap-tensors:layers.2.self_attn.k_proj.weight,layers.3.self_attn.k_proj.weight \
    scale:layers.1.self_attn.v_proj.weight,4,0.25 transpose:layers.2.self_attn.o_proj.weight shuffle:layers.3.self_attn.v_proj.weight,0.5 \
    permute-rows:layers.4.self_attn.q_proj.weight shift-rows:model.embed_tokens.weight,1 \
    exchange-rows:layers.0.self_attn.o_proj.weight,layers.1.self_attn.o_proj.weight,0.5 swap-router-rows:2,3,4
written_is_virtual inf:layers.2.self_attn.q_proj.weight,1,2
written_is_virtual byte-swap:layers.1.input_layernorm.weight
written_is_virtual misread:layers.2.self_attn.q_proj.weight
attention=$T/b/attention/thinker_attention_layer_02.safetensors
same "$(tensor_dtype "$attention" thinker.model.layers.2.self_attn.q_proj.weight)" F16
same "$(tensor_dtype "$attention" thinker.model.layers.2.self_attn.k_proj.weight)" BF16
test_that 'the availability map agrees with the loss'
rm -rf "$T/b"
run 0 break "$nano/thinker" "$T/b" -q --fault missing-experts:2/4-7 --fault missing-norms:1
json '.["2"] == [0, 1, 2, 3, 8, 9, 10, 11] and (.["1"] | length) == 12' "$T/b/expert_availability_map.json"
same "$(ls "$T/b/experts" | wc -l)" 56
same "$(ls "$T/b/norms" | wc -l)" 4

test_that 'every command that opens a model takes faults'
fault=scale:layers.3.self_attn.v_proj.weight,1.5
run 1 compare "$(gold thinker)" "$nano/thinker" --fault $fault -q
run 0 trace "$nano/thinker" --ids 1,2,3 -o "$T/t.safetensors" -q --fault $fault
run 1 compare "$T/t.safetensors" "$nano/thinker" -q
test_that 'a dump of a broken model holds none of what gold says of the right one'
run 0 trace "$nano/thinker" --golden "$(gold thinker)" -o "$T/neg.safetensors" -q --fault scale:lm_head.weight,-1
run 1 compare "$(gold thinker)" "$T/neg.safetensors" --json -q
json "$(summary greedy) | .verdict == \"fail\" and .measured == 4"
run 0 check "$nano/thinker" --suite "$proof" --golden "$T/neg.safetensors" --json -q --fault scale:lm_head.weight,-1
run 0 compare "$T/t.safetensors" "$nano/thinker" -q --fault $fault
run 1 inspect "$nano/thinker" --fault missing-norms:1 -q
run 3 perplexity "$nano/thinker" --text suites/data/text/english.txt -q --fault missing-norms:1
says err 'input_layernorm.weight of layer 1'
run 0 bench "$nano/thinker" --prefill 4 --decode 1 --repeats 1 --fault $fault -q

test_that 'misuse, and what a model does not have'
for fault in nonsense missing-norms one-shard-per-layer:3 ''; do
    run 2 check "$nano/thinker" --fault "$fault"
    says err fault
done
run 2 break "$nano/thinker" "$T/none"
absent "$T/none"
for fault in missing-norms:5 missing-norms:x missing-norms:1, missing-norms:3-1 missing-norms: missing-norms:1/2 missing-experts:1 missing-experts:1/12 \
    missing-experts:1/ incomplete-expert:1 incomplete-expert:1,12 incomplete-expert:-1,2 incomplete-expert:1,2,3 missing:nothing missing:o_proj.weight \
    random-attention:9 swap-experts:1,2 swap-experts:1,2,2 swap-experts:1,2,12 swap-layers:1,1 swap-layers:1,5 nan:nothing nan:lm_head.weight,1 \
    nan:lm_head.weight,408,0 nan:lm_head.weight,0,40 nan:lm_head.weight,x,y zero-page:lm_head.weight,8 zero-page:lm_head.weight,1,2 scale:lm_head.weight \
    scale:lm_head.weight,x scale:lm_head.weight,inf scale:,2 scale:model.norm.weight,1.001 scale:model.norm.weight,1 \
    scale:lm_head.weight,2,0 zeros:lm_head.weight,2 inf:lm_head.weight,1 constant:lm_head.weight copy:lm_head.weight,model.norm.weight \
    swap-tensors:lm_head.weight,lm_head.weight byte-swap:lm_head.weight,nan initialise:nothing misread:lm_head.weight,1 \
    transpose:model.norm.weight shuffle:lm_head.weight,0 permute-rows:lm_head.weight,1.5 shift-rows:lm_head.weight,408 \
    exchange-rows:lm_head.weight,model.norm.weight swap-router-rows:1,2,2 swap-router-rows:1,2,12 swap-router-rows:5,1,2; do
    run 3 inspect "$nano/thinker" --fault "$fault"
    says err "fault $fault"
done
hurt qwen3
run 3 inspect "$T/hurt" --fault one-shard-per-layer
says err 'changes nothing'
run 3 inspect "$nano/qwen3" --fault swap-experts:1,0,1
