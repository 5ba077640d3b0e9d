# How an error lies over tokens and heads is said of the module that is to blame, where it is a pattern.
L=model.layers

# departs MODEL EDIT...: the dump of MODEL with its configuration edited by jq, against gold
departs() {
    local model=$1
    shift
    jq "$@" "$nano/$model/config.json" >"$T/config.json"
    hurt_gold "$model" unmeta config
    run 0 trace "$nano/$model" --config "$T/config.json" --golden "$T/gold.safetensors" -o "$T/dump.safetensors" -q
    run 1 compare "$(gold "$model")" "$T/dump.safetensors" --json -q
}
# pattern MODULE KIND TEXT: of the first bad module, in its own finding and in the summary; of no other
pattern() {
    equal "$(summary layers.propagated).first_bad_module" "$1"
    json "$(summary layers.propagated) | .pattern == \"$2\" and (.message | test(\"$3\"))"
    json "[.findings[] | select(.check == \"layers.propagated\" and (.summary | not) and .pattern) | [.where.module, .pattern]] == [[\"$1\", \"$2\"]]"
}
# blamed_pattern MODULE KIND NUMBER TEXT: module by module too
blamed_pattern() {
    blames "$1"
    json "[.findings[] | select(.check == \"layers.isolated\") | .pattern == \"$2\" and (.pattern_number - $3 | fabs) < 1e-3 and (.message | test(\"$4\"))] == [true, true]"
}
no_pattern() { json '[.findings[] | select(.pattern)] == []'; }

test_that 'a window in layers that have none, and none in layers that have one'
departs qwen2_window '.use_sliding_window = false'
pattern $L.2.self_attn onset 'Right up to token 4 and wrong from 5 on, in every case: that is what a sliding window does'
json "$(summary layers.propagated).pattern_number == 5"
departs qwen2_window '.sliding_window = 3'
pattern $L.2.self_attn onset 'Right up to token 2 and wrong from 3 on'

test_that 'weights of experts that are not made to sum to one, and such that are'
departs qwen3_moe '.norm_topk_prob = true'
pattern $L.0.mlp factors 'a factor of its own, 1.01 to 1.63, .*are made to sum to one, and gold.s are not .norm_topk_prob'
departs thinker '.thinker_config.text_config.norm_topk_prob = false | .text_config.norm_topk_prob = false | .norm_topk_prob = false'
pattern $L.0.mlp factors '0.529 to 0.998, .*are not made to sum to one .norm_topk_prob'

test_that 'rotation: only whom a token looks at'
departs llama '.rope_theta = 1000 | .rope_parameters.rope_theta = 1000'
pattern $L.0.self_attn onset 'Only the first token, which sees nothing but itself, is right'

test_that 'one factor'
run 1 check "$nano/qwen3" --suite "$proof" --golden "$(gold qwen3)" --json -q --fault scale:$L.1.self_attn.o_proj.weight,0.83
blamed_pattern $L.1.self_attn factor 0.83 'Every token is 0.83 times gold.s'
run 1 check "$nano/thinker" --suite "$proof" --golden "$(gold thinker)" --json -q --fault scale:$L.2.input_layernorm.weight,1.5
blamed_pattern $L.2.input_layernorm factor 1.5 'Every token is 1.5 times gold.s'
run 1 check "$nano/thinker" --suite "$proof" --golden "$(gold thinker)" --json -q --fault zeros:$L.1.self_attn.o_proj.weight
blamed_pattern $L.1.self_attn zeros 0 'Every value is 0'

test_that 'some heads'
run 1 check "$nano/qwen3" --suite "$proof" --golden "$(gold qwen3)" --json -q --fault permute-rows:$L.1.self_attn.q_proj.weight,0.2
blamed_pattern $L.1.self_attn.q_norm heads 2 'Only heads 3, 4 of 6 are wrong'

test_that 'whom a token looks at, not what it reads there'
run 1 check "$nano/llama" --suite "$proof" --golden "$(gold llama)" --json -q --fault shuffle:$L.1.self_attn.q_proj.weight
blamed_pattern $L.1.self_attn onset 1 'Only the first token'

test_that 'what has no pattern has none said of it'
for fault in shuffle:$L.1.self_attn.v_proj.weight missing:$L.1.input_layernorm.weight $(some 0 shuffle:$L.3.mlp.down_proj.weight); do
    run 1 check "$nano/llama" --suite "$proof" --golden "$(gold llama)" --json -q --fault "$fault"
    no_pattern
done
run 1 check "$nano/thinker" --suite "$proof" --golden "$(gold thinker)" --json -q --fault scale:$L.1.mlp.experts.5.up_proj.weight,1.5
no_pattern
run 0 check "$nano/thinker" --suite "$proof" --golden "$(gold thinker)" --json -q
no_pattern
