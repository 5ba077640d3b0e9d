# Root causes by experiment: with gold, with the original as well, and of what another implementation computed.
causes='[.findings[] | select(.check == "cause" and (.summary | not)) | .hypothesis // .grade] | join(" ")'

# cause_of STATUS MODEL EXPECTED OPTION...: the hypotheses of all causes, the costliest first.
cause_of() {
    local status=$1 model=$2 expected=$3
    shift 3
    run "$status" diagnose "$nano/$model" --golden "$(gold "$model")" --json -q "$@"
    equal "$causes" "$expected"
}

test_that 'an intact model has no cause'
for model in $(some 2 thinker llama qwen2 qwen2_moe qwen2_window qwen3 qwen3_moe mixtral); do
    cause_of 0 "$model" ''
    json "$(summary cause) | .verdict == \"pass\" and .measured == 0 and .tried == 0"
    cause_of 0 "$model" '' --source "$nano/$model"
done

test_that 'damage that is its own inverse is named by gold alone, and undone'
for fault in $(some 2 swap-layers:1,3 swap-router-rows:2,3,5 swap-experts:3,1,7 byte-swap:model.layers.3.self_attn.v_proj.weight \
    swap-tensors:model.layers.2.self_attn.k_proj.weight,model.layers.2.self_attn.v_proj.weight); do
    cause_of 1 thinker "$fault" --fault "$fault"
    json "$(summary cause) | .nats > 1e-4 and .nats_left < 1e-8"
    json '[.findings[] | select(.check == "cause" and .grade == "proved") | .share > 0.999 and .share < 1.001] == [true]'
done
every='swap-tensors:*.gate_proj.weight,*.up_proj.weight'
cause_of 1 qwen3 "swap-tensors:*.mlp.gate_proj.weight,*.mlp.up_proj.weight" --fault "$every"
says out 'activation-on-up'

test_that 'the command that a cause prints gives what it states'
run 1 diagnose "$nano/thinker" --golden "$(gold thinker)" --json -q --fault swap-layers:1,3 --set rope_theta=1e4
equal "$causes" 'swap-layers:1,3 rope_theta=1e+06'
command=$(jq -r '.findings[] | select(.check == "cause" and .summary).command_repeat' "$T/out")
same "$(eval "${command/assay/\"\$assay\"} -q --json" >"$T/again"; echo $?)" 0
json '[.findings[] | select(.summary) | .verdict] | index("fail") == null' "$T/again"
json '[.findings[] | select(.check == "cause" and .grade == "proved").share] | add | . > 0.999 and . < 1.001'

test_that 'a wrong configuration'
cause_of 1 thinker rope_theta=1e+06 --set rope_theta=1e4
cause_of 1 qwen3_moe norm_topk_prob=false --set norm_topk_prob=true
thorough && cause_of 1 llama rms_norm_eps=1e-05 --set rms_norm_eps=1e-2

test_that 'what gold alone cannot undo is said to be unexplained, and the original undoes it'
cause_of 1 thinker unexplained --fault missing-norms:1,3
json "$(summary cause) | .tried > 50"
cause_of 1 thinker 'restore:*.input_layernorm.weight restore:*.post_attention_layernorm.weight' --fault missing-norms:1,3 --source "$nano/thinker"
says out '2 tensors *.input_layernorm.weight are absent (layers 1, 3) (5'
cause_of 1 thinker 'restore:model.layers.2.mlp.experts.3.down_proj.weight' --source "$nano/thinker" \
    --fault transpose:layers.2.mlp.experts.3.down_proj.weight
says out 'model.layers.2.mlp.experts.3.down_proj.weight is not the original'
if thorough; then
    cause_of 1 thinker 'restore:*.mlp.experts.*' --source "$nano/thinker" --fault missing-experts:2/4-7
    cause_of 1 qwen2_moe 'restore:model.norm.weight' --source "$nano/qwen2_moe" --fault scale:model.norm.weight,2
    cause_of 1 thinker 'restore:*.self_attn.*' --source "$nano/thinker" --fault random-attention:2-3
fi

# departs MODEL VARIANT [EXPECTED]: an implementation that computes so leaves a dump from which it is named.
departs() {
    run 0 trace "$nano/$1" --golden "$(gold "$1")" -o "$T/theirs.safetensors" -q --variant "$2"
    run 1 diagnose --model "$nano/$1" --dump "$T/theirs.safetensors" --golden "$(gold "$1")" --json -q
    equal "$causes" "${3:-$2}"
}
test_that 'how an implementation departs'
variants=$("$assay" faults --json | jq -r '.[] | select(.option == "--variant") | .name + (if .arguments == "" then "" elif .arguments == "A-B" then ":0-7" else ":2" end)' |
    grep -vE '^(bfloat16-positions|stale-cache-position|no-window|normed-topk|raw-topk)')
# shellcheck disable=SC2086
for variant in $(some 3 $variants); do departs thinker "$variant"; done
departs thinker no-final-norm
departs thinker raw-topk norm_topk_prob=false
departs qwen3_moe normed-topk norm_topk_prob=true
departs qwen2_window no-window
if thorough; then
    for variant in interleaved-rotation tiled-kv-heads gelu layer-norm mask-ahead; do departs llama "$variant"; done
    for variant in interleaved-rotation pooled-routing sigmoid-router; do departs qwen2_moe "$variant"; done
fi

test_that 'an implementation that computes what it should has no cause'
run 0 trace "$nano/thinker" --golden "$(gold thinker)" -o "$T/theirs.safetensors" -q
run 0 diagnose --model "$nano/thinker" --dump "$T/theirs.safetensors" --golden "$(gold thinker)" --json -q

test_that 'a bound on time, misuse'
run 1 diagnose "$nano/thinker" --golden "$(gold thinker)" --fault missing-norms:1,3 -q --budget 1000 --json
json "$(summary cause) | .untried == 0"
run 2 diagnose "$nano/thinker"
says err '--golden FILE or --dump FILE is needed'
run 2 diagnose --golden "$(gold thinker)"
run 2 diagnose "$nano/thinker" --model "$nano/thinker" --golden "$(gold thinker)"
run 3 diagnose "$nano/thinker" --golden /nowhere -q
run 3 check "$nano/thinker" --golden "$(gold thinker)" -q --fault restore:model.norm.weight
says err '--source DIR is needed'
run 3 check "$nano/thinker" --golden "$(gold thinker)" -q --fault restore:nothing --source "$nano/thinker"
says err "has no tensor 'nothing'"

test_that 'gold of few bits: what it cannot tell is no cause, and what it can is'
few=suites/data/precision/thinker.bfloat16.golden.safetensors
run 0 diagnose "$nano/thinker" --golden $few --json -q
equal "$causes" ''
run 1 diagnose "$nano/thinker" --golden $few --json -q --fault swap-layers:1,3
equal "$causes" swap-layers:1,3
run 1 diagnose "$nano/thinker" --golden $few --json -q --fault scale:layers.2.self_attn.v_proj.weight,1.05
equal "$causes" unexplained
