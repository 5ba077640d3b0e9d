# Root causes by experiment: with gold, with the original as well, and of what another implementation computed.
causes='[.findings[] | select(.check == "cause" and (.summary | not)) | .hypothesis // .grade] | join(" ")'

# cause_of STATUS MODEL EXPECTED OPTION...: the hypotheses of all causes, the costliest first.
cause_of() {
    local status=$1 model=$2 expected=$3
    shift 3
    run "$status" diagnose "$nano/$model" --golden "$(gold "$model")" --json -q "$@"
    equal "$causes" "$expected"
}

expert=model.layers.2.mlp.experts.3.down_proj.weight
test_that 'an intact model has no cause'
for model in $(some 1 thinker llama qwen2 qwen2_moe qwen2_window qwen3 qwen3_moe mixtral); do
    cause_of 0 "$model" ''
    json "$(summary cause) | .verdict == \"pass\" and .measured == 0 and .tried == 0"
    cause_of 0 "$model" '' --source "$nano/$model"
done

test_that 'damage that is its own inverse is named by gold alone, and undone'
for fault in $(some 1 swap-layers:1,3 swap-router-rows:2,3,5 swap-experts:3,1,7 byte-swap:model.layers.3.self_attn.v_proj.weight \
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
equal "$causes" 'swap-layers:1,3 rope_theta=1000000'
# placed HYPOTHESIS: the places of the cause, by layer.
placed() { printf '[.findings[] | select(.hypothesis == "%s").series[]? | select(.name == "cause").labels[]]' "$1"; }
json "$(placed swap-layers:1,3) | length == 20 and index(\"model.layers.3.mlp.experts.0-11\") and index(\"model.layers.1.self_attn.q_proj.weight\")"
json "$(placed rope_theta=1000000) == []"
command=$(jq -r '.findings[] | select(.check == "cause" and .summary).commands.repeat' "$T/out")
same "$(eval "${command/assay/\"\$assay\"} -q --json" >"$T/again"; echo $?)" 0
json '[.findings[] | select(.summary) | .verdict] | index("fail") == null' "$T/again"
json '[.findings[] | select(.check == "cause" and .grade == "proved").share] | add | . > 0.999 and . < 1.001'

test_that 'a wrong configuration'
cause_of 1 thinker rope_theta=1000000 --set rope_theta=1e4
thorough && cause_of 1 qwen3_moe norm_topk_prob=false --set norm_topk_prob=true
thorough && cause_of 1 llama rms_norm_eps=1e-05 --set rms_norm_eps=1e-2

test_that 'what gold alone cannot undo is said to be unexplained, and the original undoes it'
cause_of 1 thinker unexplained --fault adapter:layers.2.mlp.experts.3.down_proj.weight,0.5
json "$(summary cause) | .tried > 50"
cause_of 1 thinker "restore:$expert" --source "$nano/thinker" --fault "adapter:$expert,0.5"
json "$(placed "restore:$expert") == [\"$expert\"]"
json '.findings[] | select(.grade == "proved").where | .expert == 3 and .layer == 2 and .module == "model.layers.2.mlp"'
says out "$expert is not the original"

test_that 'one tensor of two layers is put back, and that a norm behind it shows the error blames no norm'
cause_of 1 thinker swap-tensors:model.layers.1.self_attn.q_proj.weight,model.layers.3.self_attn.q_proj.weight \
    --fault swap-tensors:model.layers.1.self_attn.q_proj.weight,model.layers.3.self_attn.q_proj.weight
json '[.findings[] | select(.check == "hypothesis.norms" or .check == "hypothesis.weights").verdict] == ["pass", "fail"]'
cause_of 1 thinker unexplained --fault adapter:layers.2.self_attn.q_proj.weight,0.5
json '.findings[] | select(.check == "hypothesis.norms") | .verdict == "skip" and (.message | contains("it may be either"))'

test_that 'two damages of one module that only together explain it are both named'
cause_of 1 thinker 'byte-swap:model.layers.1.self_attn.o_proj.weight byte-swap:model.layers.1.self_attn.v_proj.weight' \
    --fault byte-swap:model.layers.1.self_attn.o_proj.weight --fault byte-swap:model.layers.1.self_attn.v_proj.weight
says out 'With that undone, and the other cause with it, 1 module that was wrong equals gold'
json "$(summary cause) | .commands.repeat | [scan(\"--undo\")] | length == 2"

test_that 'a matrix that is not square is turned back, also of one expert'
cause_of 1 thinker "transpose-back:$expert" --fault "transpose:$expert"
cause_of 1 thinker "byte-swap:$expert" --fault "byte-swap:$expert"
cause_of 1 thinker shift-rows:lm_head.weight,-1 --fault shift-rows:lm_head.weight,1
cause_of 1 thinker "shift-rows:model.layers.2.self_attn.v_proj.weight,-2" --fault shift-rows:model.layers.2.self_attn.v_proj.weight,2

test_that 'a tensor that was multiplied is found with its factor, or nearly where rounding leaves no proof'
cause_of 1 llama scale:model.layers.2.mlp.gate_proj.weight,2 --fault scale:model.layers.2.mlp.gate_proj.weight,0.5
json "$(summary cause) | .nats_left < 1e-9"
cause_of 1 thinker "scale:$expert,0.667" --fault "scale:$expert,1.5"
json '[.findings[] | select(.check == "cause" and (.summary | not))] | .[0] | .grade == "likely" and .error_left < 0.02 and (.where.file | endswith(".safetensors"))'
says out 'nothing that was good is bad with it; nearly as near: --undo scale:model.layers.2.mlp.experts.3.up_proj.weight,0.667'

test_that 'what is absent, or does not look sound, just where a module is bad is likely the cause'
cause_of 1 thinker missing:model.layers.2.mlp.experts.4.gate_proj.weight --fault missing-experts:2/4-7
says out '12 tensors are absent where 1 module is bad: mlp.experts of layer 2: experts 4-7. Likely'
json '[.findings[] | select(.check == "cause" and (.summary | not))] | .[0] | .grade == "likely" and .kind == "absent" and .tensors == 12 and .bits > 4'
confirm=$(jq -r '[.findings[] | select(.check == "cause" and (.summary | not))][0].commands.confirm' "$T/out")
same "${confirm/ORIGINAL/$nano/thinker}" "assay diagnose $nano/thinker --golden $(gold thinker) --fault missing-experts:2/4-7 --source $nano/thinker"
v=model.layers.2.self_attn.v_proj.weight
for fault in $(some 1 "zeros:$v" "initialise:$v" "copy:$v,model.layers.2.self_attn.k_proj.weight"); do
    cause_of 1 thinker "$fault" --fault "$fault"
    json '[.findings[] | select(.check == "cause" and (.summary | not))] | .[0] | .grade == "likely" and .kind == "weights" and .bits >= 3'
done
run 1 diagnose "$nano/thinker" --golden "$(gold thinker)" --json -q --fault foreign-experts:1,3
says out '36 tensors are not sound (the very values of another tensor) where 1 module is bad'
json '.findings[] | select(.check == "hypothesis.weights") | .verdict == "fail" and (.message | startswith("Likely: copy:model.layers.1.mlp.experts.0."))'

test_that 'with the original what was damaged is undone'
cause_of 1 thinker 'restore:*.input_layernorm.weight restore:*.post_attention_layernorm.weight' --fault missing-norms:1,3 --source "$nano/thinker"
says out '2 tensors *.input_layernorm.weight are absent (layers 1, 3) (5'
cause_of 1 thinker "transpose-back:$expert" --source "$nano/thinker" --fault "transpose:$expert"
says out "it is the original's transposed"
if thorough; then
    cause_of 1 thinker 'restore:model.layers.2.mlp.experts.*' --source "$nano/thinker" --fault missing-experts:2/4-7
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
    grep -vE '^(bfloat16-positions|stale-cache-position|no-window|no-sinks|plain-gate|unbounded-gate|normed-topk|raw-topk)')
# shellcheck disable=SC2086
for variant in $(some 1 $variants); do departs thinker "$variant"; done
departs thinker no-final-norm
thorough && departs thinker raw-topk norm_topk_prob=false
departs qwen3_moe normed-topk norm_topk_prob=true
departs qwen2_window no-window
for variant in $(some 1 no-sinks plain-gate unbounded-gate); do departs gpt_oss "$variant"; done
if thorough; then
    for variant in interleaved-rotation tiled-kv-heads gelu layer-norm mask-ahead; do departs llama "$variant"; done
    for variant in interleaved-rotation pooled-routing sigmoid-router; do departs qwen2_moe "$variant"; done
fi

test_that 'of logits alone: whole runs'
for variant in interleaved-rotation $(thorough && echo pooled-routing masked-experts:0-7 gelu no-qk-norm); do
    run 0 trace "$nano/thinker" --golden "$(gold thinker)" --points logits -o "$T/theirs.safetensors" -q --variant "$variant"
    run 1 diagnose --model "$nano/thinker" --dump "$T/theirs.safetensors" --golden "$(gold thinker)" --json -q
    equal "$causes" "$variant"
done
run 0 trace "$nano/qwen2" --golden "$(gold qwen2)" --points logits -o "$T/theirs.safetensors" -q
run 1 diagnose "$nano/qwen2" --golden "$T/theirs.safetensors" --set rope_theta=1e5 --json -q
equal "$causes" rope_theta=1e4
run 0 diagnose "$nano/qwen2" --golden "$T/theirs.safetensors" --json -q
equal "$causes" ''

test_that 'an implementation that computes what it should has no cause'
run 0 trace "$nano/thinker" --golden "$(gold thinker)" -o "$T/theirs.safetensors" -q
run 0 diagnose --model "$nano/thinker" --dump "$T/theirs.safetensors" --golden "$(gold thinker)" --json -q

test_that 'a bound on time, misuse'
run 1 diagnose "$nano/thinker" --golden "$(gold thinker)" --fault missing-norms:1,3 -q --budget 1000 --json
json "$(summary cause) | .untried == 0"
run 2 diagnose --model "$nano/thinker" --dump "$(gold thinker)"
says err '--dump is compared with --golden FILE'
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
equal "$causes" scale:model.layers.2.self_attn.v_proj.weight,0.95
says_not out ' % of the damage'

# hypotheses EXPECTED: norms, weights, architecture, experts, tokenizer, each supported (fail), refuted (pass) or untested (skip).
hypotheses() { equal '[.findings[] | select(.check | startswith("hypothesis.")) | .verdict] | join(" ")' "$1"; }
test_that 'which experts texts of several kinds go through'
run 1 diagnose "$nano/thinker" --golden "$(gold thinker)" --json -q --fault missing-experts:2/0-5
json '.findings[] | select(.check == "experts.domains") | .verdict == "warn" and .measured > 0.05 and .measured < 0.2 and .experts == 60 and .masked_ratio > 0'
json '.findings[] | select(.check == "experts.domains").series[0] | (.labels | join(",")) == "English,other languages,code,sums" and (.curves[0].values | all(. > 0 and . <= 12)) and .curves[1].values[0] == 1'
run 1 diagnose "$nano/thinker" --golden "$(gold thinker)" --json -q --fault swap-layers:1,3
json '.findings[] | select(.check == "experts.domains") | .verdict == "pass" and .measured == 0'
run 1 diagnose "$nano/llama" --golden "$(gold llama)" --json -q --fault swap-layers:1,3
json '[.findings[] | select(.check == "experts.domains")] == []'

test_that 'what people guess is held against the experiments'
run 1 diagnose "$nano/thinker" --golden "$(gold thinker)" --json -q --fault swap-layers:1,3
hypotheses 'pass fail pass pass pass'
run 1 diagnose "$nano/thinker" --golden "$(gold thinker)" --json -q --fault missing-norms:1 --set rope_theta=1e4
hypotheses 'fail pass fail pass pass'
json '[.findings[] | select(.check == "cause" and .grade == "proved").share] | .[0] > 0.01 and .[0] < 0.9'
if thorough; then
    run 1 diagnose "$nano/thinker" --golden "$(gold thinker)" --json -q --fault swap-router-rows:2,3,5
    hypotheses 'pass pass pass fail pass'
fi
run 1 diagnose "$nano/qwen3_moe" --golden "$(gold qwen3_moe)" --json -q --set norm_topk_prob=true
hypotheses 'pass pass pass fail pass'

test_that 'what undoes a damage is laid after it, and is told apart from it'
swapped="$nano/thinker --golden $(gold thinker) --only layers,logits --json -q --fault swap-layers:1,3"
run 0 check $swapped --undo swap-layers:1,3
json '.departures == "--fault swap-layers:1,3 --undo swap-layers:1,3"'
run 1 check $swapped
run 2 check $swapped --undo nothing

test_that 'the repair that a cause prints repairs'
run 0 break "$nano/thinker" "$T/broken" --fault swap-layers:1,3
run 1 diagnose "$T/broken" --golden "$(gold thinker)" --json -q
command=$(jq -r '.findings[] | select(.check == "cause" and .summary).commands.repair' "$T/out")
same "$command" "assay extract $T/broken $T/broken-repaired --undo swap-layers:1,3"
recheck=$(jq -r '.findings[] | select(.check == "cause" and .summary).commands.recheck' "$T/out")
same "$recheck" "assay check $T/broken-repaired --golden $(gold thinker)"
eval "${command/assay/\"\$assay\"}" >/dev/null
same "$(eval "${recheck/assay/\"\$assay\"} --only layers,logits --json -q" >"$T/again"; echo $?)" 0
run 1 diagnose "$T/broken" --golden "$(gold thinker)" --json -q --source "$nano/thinker"
json "$(summary cause) | .commands.repair == \"assay repair $T/broken --source $nano/thinker\""
run 1 diagnose "$nano/thinker" --golden "$(gold thinker)" --json -q --set rope_theta=1e4
json "$(summary cause) | (.commands | has(\"repair\") or has(\"recheck\") | not) and .now.rope_theta == \"10000\" and .should_be.rope_theta == \"1000000\""

test_that 'gains, routers and heads are solved from gold'
cause_of 1 thinker 'solve:*.input_layernorm.weight solve:*.post_attention_layernorm.weight' --fault missing-norms:1,3
says out '2 tensors *.input_layernorm.weight are absent. With the values that gold determines, 2 modules'
json "$(summary cause) | .nats > 1 and .nats_left < 1e-8"
for weight in $(some 1 layers.2.self_attn.k_norm.weight norm.weight layers.2.mlp.gate.weight lm_head.weight); do
    name=model.$weight
    [ "$weight" != lm_head.weight ] || name=$weight
    cause_of 1 thinker "solve:$name" --fault "shuffle:$name"
done
command=$(jq -r '.findings[] | select(.check == "cause" and .summary).commands.repeat' "$T/out")
eval "${command/assay/\"\$assay\"} -q --json" >"$T/again"
json '[.findings[] | select(.summary) | .verdict] | index("fail") == null' "$T/again"
run 3 check "$nano/thinker" -q --fault solve:model.norm.weight
says err '--golden FILE is needed'
run 3 check "$nano/thinker" --golden "$(gold thinker)" -q --fault 'solve:*.q_proj.weight'
says err 'changes nothing'
run 3 check "$nano/thinker" --golden "$(gold thinker)" -q --fault solve:model.norm.weight
says err 'changes nothing'

test_that 'what gold does not determine is not written'
"$assay" break "$nano/thinker" "$T/lost" -q --fault missing-norms:1,3 --fault missing-experts:2/4 >/dev/null
"$assay" extract "$nano/thinker" "$T/right" -q >/dev/null
cp -r "$T/lost" "$T/restored"
run 1 repair "$T/restored" --golden "$(gold thinker)" --json -q
json '[.findings[] | select(.check == "restored" and (.summary | not) and .verdict == "pass")] | length == 4'
json "$(summary restored) | .solved == 4 and .undetermined == 0 and .beyond_gold == 3 and (.message | contains(\"of layer 2: expert 4\"))"
for layer in 1 3; do
    same "$(sha256sum <"$T/restored/norms/thinker_norms_layer_0$layer.safetensors")" "$(sha256sum <"$T/right/norms/thinker_norms_layer_0$layer.safetensors")"
done
json '[.tensors[] | select(.solved)] | length == 4 and all(.solved == "thinker.golden.safetensors" and (has("source") | not))' "$T/restored/extraction_manifest.json"
json '[.tensors[] | select(.source)] | length > 100 and all(.source.file | startswith("model-0000"))' "$T/restored/extraction_manifest.json"
json '.complete | not' "$T/restored/extraction_manifest.json"
run 0 repair "$T/restored" --golden "$(gold thinker)" --json -q
json "$(summary restored) | .solved == 0"
run 1 diagnose "$T/restored" --golden "$(gold thinker)" --json -q
equal "$causes" missing:model.layers.2.mlp.experts.4.gate_proj.weight
run 2 repair "$T/restored" -q
run 2 repair "$T/restored" --golden "$(gold thinker)" --source "$nano/thinker" -q
run 0 repair "$T/restored" --source "$nano/thinker" -q
run 0 repair "$T/lost" --golden "$(gold thinker)" --dry-run -q
says out 'model.layers.3.input_layernorm.weight: absent, solved for'

test_that 'a check that misses gold looks for the cause by itself, and says it first'
diagnoses=yes
run 1 check "$nano/thinker" --golden "$(gold thinker)" --suite "$proof" --json -q --fault swap-layers:1,3
json '.findings[0] | .check == "cause" and .summary'
json '.reason | contains("Layers 1 and 3 are exchanged")'
equal "$causes" swap-layers:1,3
run 0 check "$nano/thinker" --golden "$(gold thinker)" --suite "$proof" --json -q
json '[.findings[] | select(.check == "cause")] == []'
run 1 check "$nano/thinker" --golden "$(gold thinker)" --suite "$proof" --json -q --fault swap-layers:1,3 --no-diagnose
json '[.findings[] | select(.check == "cause")] == []'
run 1 check "$nano/thinker" --golden "$(gold thinker)" --suite "$proof" -q --fault missing-norms:1,3 --budget 1000
says out 'What is wrong, and where fail cause:'
diagnoses=

test_that 'without gold, the original is gold enough'
export TMPDIR=$T
cause_of_source() {
    run 1 diagnose "$nano/$1" --source "$nano/$1" --json -q --fault "$2"
    equal "$causes" "$3"
}
cause_of_source thinker swap-layers:1,3 swap-layers:1,3
cause_of_source thinker transpose:model.layers.2.self_attn.o_proj.weight transpose-back:model.layers.2.self_attn.o_proj.weight
says out "it is the original's transposed. With"
command=$(jq -r '.findings[] | select(.check == "cause" and .summary).commands.repeat' "$T/out")
eval "${command/assay/\"\$assay\"} -q --json" >"$T/again"
json '[.findings[] | select(.summary) | .verdict] | index("fail") == null' "$T/again"
cause_of_source qwen2 missing-norms:1 'restore:model.layers.1.post_attention_layernorm.weight restore:model.layers.1.input_layernorm.weight'
if thorough; then
    cause_of_source thinker scale:model.layers.2.mlp.experts.3.up_proj.weight,2 restore:model.layers.2.mlp.experts.3.up_proj.weight
    says out 'it is 2 times the original'
fi
run 0 diagnose "$nano/thinker" --source "$nano/thinker" --json -q -o "$T/of-source"
there "$T/of-source/source.golden.safetensors"
run 1 diagnose "$nano/thinker" --source "$nano/llama" --json -q
json '(.findings[] | select(.check == "config.gold" and .summary)).verdict == "fail"'
unset TMPDIR

test_that 'with neither, a model that cannot read is not judged by how it reads'
run 0 diagnose "$nano/qwen2" --budget 5 --json -q
json '.verdict == "warn" and (.reason | contains("no better than the frequencies"))'
run 3 diagnose "$nano/qwen2" --text "$T/nowhere" -q
printf 'short' >"$T/short"
run 3 diagnose "$nano/qwen2" --text "$T/short" -q
says err 'more than 512 are needed'

if thorough; then
    test_that 'with neither, what makes a text be read better is likely the cause'
    heldout=golden/thinker-48/heldout.txt
    run 1 diagnose golden/thinker-48 --text $heldout --set rope_theta=1e4 --budget 8 --json -q
    equal "$causes" 'rope_theta=1e6'
    json '[.findings[] | select(.check == "cause" and (.summary | not))] | .[0] | .grade == "likely" and .bits > 1000'
    hypotheses 'skip skip fail skip skip'
    stated=$(jq '.findings[] | select(.check == "cause" and .summary).perplexity' "$T/out")
    command=$(jq -r '.findings[] | select(.check == "cause" and .summary).commands.repeat' "$T/out")
    eval "${command/assay/\"\$assay\"} -q --json" >"$T/again"
    json "(.findings[0].perplexity / $stated - 1) | fabs < 1e-3" "$T/again"
    run 0 diagnose golden/thinker-48 --text $heldout --budget 8 --json -q
    json "$(summary cause) | .verdict == \"pass\" and .tried > 3"
    equal "$causes" ''
fi
