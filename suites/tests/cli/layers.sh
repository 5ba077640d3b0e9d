# Which module is blamed, and from which layer on the subject leaves gold.
L=model.layers
extraction() {
    rm -rf "$T/hurt"
    cp -r "$nano/thinker-extraction" "$T/hurt"
    (cd "$T/hurt" && rm "$@")
}
check_extraction() { check "$1" thinker --source "$nano/thinker"; }
absent_tensors='[.findings[] | select(.check == "inventory.absent" and (.summary | not)) | .where.tensor] | sort | join(" ")'

for norm in input_layernorm post_attention_layernorm; do
    for layer in $(some 0 0 2) 4; do
        test_that "$norm of layer $layer is absent"
        hurt thinker drop layers.$layer.$norm.weight
        check 1 thinker
        equal "$absent_tensors" $L.$layer.$norm.weight
        json "$(summary inventory.absent) | .verdict == \"fail\" and .measured == 1 and (.message | test(\"$norm.weight of layer $layer\"))"
        json ".reason | test(\"$norm.weight of layer $layer\")"
        equal "$first_bad" $layer
        equal "$(summary layers.propagated).first_bad_module" $L.$layer.$norm
        blames $L.$layer.$norm
        json '[.findings[] | select(.check == "layers.propagated" and (.summary | not)) | .where.layer // 99] | min == '$layer
    done
done
test_that 'the same in the text report'
run 1 check "$T/hurt" --suite "$proof" --golden "$(gold thinker)"
says out FAIL
says out $L.4.post_attention_layernorm.weight
says out "The computation differs from gold from $L.4.post_attention_layernorm on"
run 1 check "$T/hurt" --suite "$proof" --golden "$(gold thinker)" -o "$T/report" -q
for file in report.html junit.xml report.json; do
    cp "$T/report/$file" "$T/out"
    says out $L.4.post_attention_layernorm.weight
done
tr -d '\\' <"$T/report/summary.md" >"$T/out"
says out 'post_attention_layernorm.weight of layer 4'
says out "differs from gold from $L.4.post_attention_layernorm on"

test_that 'a file of norms of the extraction is absent'
extraction norms/thinker_norms_layer_03.safetensors
check_extraction 1
equal "$absent_tensors" "$L.3.input_layernorm.weight $L.3.post_attention_layernorm.weight"
equal "$first_bad" 3
blames $L.3.input_layernorm $L.3.post_attention_layernorm
test_that 'a router, an expert, the final norm and the head of the extraction are absent'
extraction routers/thinker_router_layer_02.safetensors
check_extraction 1
equal "$absent_tensors" $L.2.mlp.gate.weight
blames $L.2.mlp.gate
extraction experts/thinker_expert_005_layer_01.safetensors
check_extraction 1
equal "$absent_tensors" "$(sorted $L.1.mlp.experts.5.{gate,up,down}_proj.weight)"
blames $L.1.mlp
json '[.findings[] | select(.check == "layers.isolated" and (.summary | not)) | .where.expert] == [5]'
json '[.findings[] | select(.check == "inventory.absent" and (.summary | not)) | .where.expert] | unique == [5]'
extraction final_norm/thinker_final_norm.safetensors
check_extraction 1
blames model.norm
json "$(summary layers.propagated) | has(\"first_bad_layer\") | not"
extraction lm_head/thinker_lm_head.safetensors
check_extraction 1
blames lm_head
extraction embeddings/thinker_embeddings.safetensors
check_extraction 1
blames model.embed_tokens

test_that 'three layers, three modules'
hurt thinker scale layers.1.input_layernorm.weight 1.5 scale layers.2.self_attn.o_proj.weight 0.5 \
    scale layers.3.mlp.experts.7.down_proj.weight 3
check 1 thinker
blames $L.1.input_layernorm $L.2.self_attn $L.3.mlp
equal "$first_bad" 1
json '[.findings[] | select(.check == "layers.isolated") | select(.where.module == "model.layers.3.mlp" and (.summary | not)) | .where.expert] == [7]'
hurt thinker swaprows layers.0.mlp.gate.weight 2 9 drop layers.2.self_attn.k_norm.weight scale layers.4.post_attention_layernorm.weight 1.1
check 1 thinker
blames $L.0.mlp.gate $L.2.self_attn.k_norm $L.4.post_attention_layernorm
equal "$first_bad" 0
hurt thinker zero layers.1.self_attn.v_proj.weight scale layers.3.self_attn.q_proj.weight -1 nan layers.4.mlp.experts.2.up_proj.weight 3 4
check 1 thinker
blames $L.1.self_attn $L.3.self_attn.q_norm $L.4.mlp
equal "$first_bad" 1
hurt qwen3_moe scale layers.0.self_attn.q_norm.weight 2 scale layers.2.mlp.up_proj.weight 1.01 drop layers.4.mlp.experts.0.gate_proj.weight
check 1 qwen3_moe
blames $L.0.self_attn.q_norm $L.2.mlp $L.4.mlp
hurt llama row layers.0.self_attn.q_proj.weight 3 2 zero layers.2.mlp.gate_proj.weight swap layers.3.input_layernorm.weight layers.3.post_attention_layernorm.weight
check 1 llama
blames $L.0.self_attn $L.2.mlp $L.3.input_layernorm $L.3.post_attention_layernorm
hurt qwen2 zero layers.1.self_attn.k_proj.bias scale layers.3.mlp.down_proj.weight 1.01 scale layers.4.input_layernorm.weight 0
check 1 qwen2
blames $L.1.self_attn $L.3.mlp $L.4.input_layernorm
hurt qwen2_moe zero layers.1.mlp.shared_expert_gate.weight scale layers.3.mlp.shared_expert.up_proj.weight 2 scale layers.4.self_attn.o_proj.weight 1.01
check 1 qwen2_moe
blames $L.1.mlp $L.3.mlp $L.4.self_attn
hurt mixtral scale layers.1.block_sparse_moe.experts.3.w2.weight 2 swaprows layers.3.block_sparse_moe.gate.weight 0 1
check 1 mixtral
blames $L.1.mlp $L.3.mlp.gate

test_that 'every layer damaged'
edits=()
for layer in 0 1 2 3 4; do edits+=(drop layers.$layer.input_layernorm.weight); done
hurt thinker "${edits[@]}"
check 1 thinker
blames $L.{0..4}.input_layernorm
equal "$first_bad" 0
edits=()
for layer in 0 1 2 3 4; do edits+=(scale layers.$layer.self_attn.o_proj.weight 1.01); done
hurt thinker "${edits[@]}"
check 1 thinker
blames $L.{0..4}.self_attn

for layer in 0 1 2 3 4; do
    test_that "damage in layer $layer leaves what comes before it good"
    hurt thinker scale layers.$layer.self_attn.v_proj.weight 1.01
    check 1 thinker
    equal "$first_bad" $layer
    json '[.findings[] | select(.check == "layers.propagated" and (.summary | not)) | .where.layer // 99] | min == '$layer
    equal "$(summary layers.propagated).first_bad_module" $L.$layer.self_attn
done

test_that 'only the head'
hurt thinker row lm_head.weight 5 1.01
check 1 thinker
blames lm_head
json '[.findings[] | select(.check == "layers.propagated" and (.summary | not)) | .where.module] == ["lm_head"]'
json "$(summary logits.kl).verdict == \"fail\""
test_that 'only the embedding'
hurt thinker scale model.embed_tokens.weight 1.01
check 1 thinker
blames model.embed_tokens
equal "$first_bad" 0
test_that 'a tied head: one tensor, two modules'
hurt qwen3 scale model.embed_tokens.weight 1.01
check 1 qwen3
blames model.embed_tokens lm_head

test_that 'router rows swapped'
hurt thinker swaprows layers.2.mlp.gate.weight 0 5
check 1 thinker
blames $L.2.mlp.gate
# The layers before choose as gold does; that one, and those behind it by what comes in, do not.
overlap='.series[] | select(.name == "routing-overlap") | .x == [0, 1, 2, 3, 4] and (.curves[0].values | .[0:2] == [1, 1] and .[2] < 0.99 and .[2] > 0.5 and .[3] < 1)'
json "$(summary layers.propagated) | $overlap"
test_that 'two experts swapped: both are named'
named=0
for pair in '0 1' '2 7' '4 11'; do
    thorough || [ "$pair" == '4 11' ] || continue
    a=${pair% *} b=${pair#* } edits=()
    for part in gate up down; do
        edits+=(swap layers.3.mlp.experts.$a.${part}_proj.weight layers.3.mlp.experts.$b.${part}_proj.weight)
    done
    hurt thinker "${edits[@]}"
    check 1 thinker
    blames $L.3.mlp
    json ".findings[] | select(.check == \"layers.isolated\" and (.summary | not)) | .message | test(\"experts ($a, $b|$b, $a)\")"
done
test_that 'one expert is named, whichever it is'
for expert in $(some 3 0 5 11 1 2 3 4 6 7 8 9 10); do
    hurt thinker scale layers.1.mlp.experts.$expert.up_proj.weight 1.5
    check 1 thinker
    blames $L.1.mlp
    json "[.findings[] | select(.check == \"layers.isolated\" and (.summary | not)) | .where.expert] == [$expert]"
done
test_that 'k_norm dropped'
hurt qwen3 drop layers.1.self_attn.k_norm.weight
check 1 qwen3
blames $L.1.self_attn.k_norm
equal "$absent_tensors" $L.1.self_attn.k_norm.weight

test_that 'one row off by a thousandth'
for tensor in $(some 4 self_attn.q_proj mlp.gate mlp.experts.6.down_proj input_layernorm self_attn.k_proj self_attn.v_proj self_attn.o_proj \
    mlp.experts.6.gate_proj mlp.experts.6.up_proj post_attention_layernorm self_attn.q_norm self_attn.k_norm); do
    hurt thinker row layers.2.$tensor.weight 1 1.001
    check 1 thinker
    json "[.findings[] | select(.check == \"layers.isolated\" and (.summary | not))] | length == 1 and .[0].where.layer == 2"
done

test_that 'a renamed tensor is absent and extra'
hurt thinker rename layers.2.mlp.gate.weight thinker.model.layers.2.mlp.routing.weight
check 1 thinker
equal "$absent_tensors" $L.2.mlp.gate.weight
json "$(summary inventory.extra) | .verdict == \"warn\" and .measured == 1"
json '.findings[] | select(.check == "inventory.extra" and (.summary | not)) | .where.tensor == "model.layers.2.mlp.routing.weight"'
test_that 'an extra tensor alone is a warning, and passes'
hurt thinker rename thinker.audio_tower.ln_post.weight thinker.model.layers.2.mlp.bias
check 0 thinker
equal .verdict warn
equal "$(summary inventory.extra).verdict" warn

test_that 'absent tensors and --missing'
hurt thinker drop layers.1.input_layernorm.weight drop layers.2.mlp.experts.3.up_proj.weight
for missing in default zero; do
    check 1 thinker --missing $missing
    blames $L.1.input_layernorm $L.2.mlp
done
run 3 check "$T/hurt" --golden "$(gold thinker)" --missing fail
says err 'input_layernorm.weight of layer 1'
says err 'up_proj'

test_that 'an expert is named also where gold holds the router logits of some cases only'
for expert in 1 7; do
    hurt thinker scale layers.1.mlp.experts.$expert.up_proj.weight 1.5
    hurt_gold thinker drop prompt-0/model.layers.1.mlp.gate drop ids-3/model.layers.1.mlp.gate
    run 1 check "$T/hurt" --suite "$proof" --golden "$T/gold.safetensors" --json -q
    blames $L.1.mlp
    json "[.findings[] | select(.check == \"layers.isolated\" and (.summary | not)) | .where.expert // $expert] == [$expert]"
done
test_that 'an expert that no compared token goes through is not proved, and the report says which'
run 0 trace "$nano/thinker" --ids 7 -o "$T/gold.safetensors" -q
run 0 check "$nano/thinker" --suite "$proof" --golden "$T/gold.safetensors" --json -q
json "$(summary layers.experts) | .verdict == \"warn\" and .measured == 5 * 9 and .experts == 60"
json '[.findings[] | select(.check == "layers.experts" and (.summary | not)) | .where.layer] | sort == [0, 1, 2, 3, 4]'
json '.verdict == "warn" and (.reason | test("15 of 60 experts"))'
unused=$(jq -r '[.findings[] | select(.check == "layers.experts" and .where.layer == 2) | .message][0]' "$T/out" | grep -o '[0-9]*,' | head -n 1 | tr -d ,)
hurt thinker scale layers.2.mlp.experts.$unused.up_proj.weight 1.5 # too little to be seen from the weights alone
run 0 check "$T/hurt" --suite "$proof" --golden "$T/gold.safetensors" --json -q
json "[.findings[] | select(.check == \"layers.experts\" and .where.layer == 2) | .message | test(\"experts.* $unused,.* of layer 2\")] == [true]"
test_that 'gold that goes through all of them says so'
run 0 check "$nano/thinker" --suite "$proof" --golden "$(gold thinker)" --json -q
json "$(summary layers.experts) | .verdict == \"pass\" and .measured == 0"
json "$(summary layers.experts).series[0] | .kind == \"heatmap\" and (.curves | length) == 5 and ([.curves[].values | length] | unique == [12])"
test_that 'one case whose logits are not finite: perplexity fails, wherever the case stands'
for token in 285 38; do
    hurt thinker nan model.embed_tokens.weight $token 3
    check 1 thinker
    json "$(summary perplexity) | .verdict == \"fail\" and .measured == \"nan\""
done
