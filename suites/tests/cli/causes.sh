# inspect: a cause is named only after what else is there was looked at: another value in the configuration that would fit, tensors
# that hold the absent ones, routers.

# told KEY VALUE EXPLAINS TEXT: a stale key of the configuration is named, with the value that the tensors tell.
told() {
    json "[.findings[] | select(.check == \"inventory.configuration\" and (.summary | not))] |
        any(.key == \"$1\" and .told == $2 and .explains == $3)"
    says out "$4"
}

test_that 'pruned, and num_experts left as it was: every router says so'
# pruned EXPERTS: a jq edit that keeps so many experts of each layer, and rows of its router.
pruned() {
    printf 'with_entries(select((.key | capture("[.]experts[.](?<e>[0-9]+)[.]")? // {e: 0} | .e | tonumber) < %d) |
        if .key | test("(mlp|moe)[.]gate[.]weight$") then .value.shape[0] = %d else . end)' "$1" "$1"
}
remade qwen3_moe "$(pruned 9)"
run 1 inspect "$T/remade" --json
json "$(summary inventory.configuration).verdict == \"fail\""
told num_experts 9 40 'Every router has 9 rows, the configuration says 12 experts: the configuration is stale, num_experts is 9; num_experts 9 explains all 36 absent tensors and 4 shapes.'
json "$(summary inventory.pattern) | .pattern == \"configuration\" and .unexplained == 0"
for wrong in 'only the first ones' 'the run ended' 'These experts are no optional part' 'never looked for'; do says_not out "$wrong"; done
remade mixtral "$(pruned 2)"
run 1 inspect "$T/remade" --json
says out 'num_local_experts is 2'
test_that 'one tensor more is absent: that is told beside it'
remade qwen3_moe "$(pruned 9) | del(.[\"model.layers.1.self_attn.q_norm.weight\"])"
run 1 inspect "$T/remade" --json
says out 'num_experts 9 explains 36 absent tensors and 4 shapes, of 41 that are wrong'
json "$(summary inventory.pattern).unexplained == 1"
test_that 'experts that are absent where routers have rows for them were lost'
run 1 inspect "$nano/qwen3_moe" --fault missing-experts:0-4/9-11 --json
json "[.findings[] | select(.check == \"inventory.configuration\")] == []"
says out 'These experts are no optional part: the configuration declares 12 experts in each of 4 layers.'
test_that 'and so where the original has them'
remade qwen3_moe "$(pruned 9)"
run 1 inspect "$T/remade" --source "$nano/qwen3_moe" --json
json "[.findings[] | select(.check == \"inventory.configuration\")] == []"
test_that 'pruned in some layers; and not numbered anew'
remade qwen3_moe "with_entries(select(.key | test(\"layers[.][01][.]mlp[.]experts[.](9|10|11)[.]\") | not) |
    if .key | test(\"layers[.][01][.]mlp[.]gate[.]\") then .value.shape[0] = 9 else . end)"
run 1 inspect "$T/remade" --json
says out 'the routers of layers 0, 1 have 9 rows, and 9 experts are there in each: they were pruned, and the configuration was not made so'
says_not out 'only the first ones'
remade qwen3_moe "with_entries(select(.key | test(\"mlp[.]experts[.](3|6|9)[.]\") | not) |
    if .key | endswith(\"mlp.gate.weight\") then .value.shape[0] = 9 else . end)" '.num_experts = 9'
run 1 inspect "$T/remade" --json
says out 'have 9 rows, and 9 experts are there in each: they were pruned, and not numbered anew'

test_that 'fewer layers than the configuration says, and more'
remade qwen3 . '.num_hidden_layers = 8 | del(.layer_types)'
run 1 inspect "$T/remade" --json
told num_hidden_layers 5 33 'The weights hold 5 layers; num_hidden_layers says 8; num_hidden_layers 5 explains all 33 absent tensors.'
remade qwen3 . '.num_hidden_layers = 3 | del(.layer_types)'
run 0 inspect "$T/remade" --json
equal .verdict warn
told num_hidden_layers 5 22 'Layers 3 and 4 are there whole; num_hidden_layers says 3; num_hidden_layers 5 explains all 22 extra tensors.'
remade qwen3_moe . '.num_hidden_layers = 4 | del(.layer_types)'
run 0 inspect "$T/remade" --json
says out 'Layer 4 is there whole; num_hidden_layers says 4'
test_that 'a layer that was cut short is no layer less, nor one with something of its own a layer more'
remade qwen3 'del(.["model.layers.4.mlp.up_proj.weight"])' '.num_hidden_layers = 8 | del(.layer_types)'
run 1 inspect "$T/remade" --json
json "[.findings[] | select(.check == \"inventory.configuration\")] == []"
remade qwen3 '.["model.layers.4.eh_proj.weight"] = {dtype: "F32", shape: [32, 64]}' '.num_hidden_layers = 4 | del(.layer_types)'
run 0 inspect "$T/remade" --json
json "[.findings[] | select(.check == \"inventory.configuration\")] == []"

test_that 'a size that was forgotten, or is of another model'
# stale MODEL EDIT KEY VALUE EXPLAINS TEXT
stale() {
    remade "$1" . "$2"
    run 1 inspect "$T/remade" --json
    told "$3" "$4" "$5" "$6"
}
stale qwen3 'del(.head_dim)' head_dim 24 30 'The shapes of the tensors say head_dim 24, the configuration 128; head_dim 24 explains all 30 shapes.'
stale llama 'del(.head_dim)' head_dim 12 35 'The shapes of the tensors say head_dim 12, the configuration 4; head_dim 12 explains all 35 shapes.'
stale qwen3 '.num_key_value_heads = 3' num_key_value_heads 2 10 'num_key_value_heads 2 explains all 10 shapes'
stale qwen3 '.intermediate_size = 56' intermediate_size "$(jq .intermediate_size "$nano/qwen3/config.json")" 15 'explains all 15 shapes'
stale qwen3_moe '.moe_intermediate_size = 16' moe_intermediate_size "$(jq .moe_intermediate_size "$nano/qwen3_moe/config.json")" 144 'explains all 144 shapes'
stale llama '.vocab_size = 512' vocab_size 408 2 'vocab_size 408 explains all 2 shapes'
stale qwen3 '.head_dim = 5' head_dim 24 30 'head_dim 24 explains all 30 shapes'
json "$(summary inventory.computable).message | startswith(\"head_dim 5 is odd\")"
run 3 generate "$T/remade" --prompt Hello -q
says err 'head_dim 5 is odd'
test_that 'two of them'
stale qwen3 '.intermediate_size = 56 | .num_key_value_heads = 3' intermediate_size "$(jq .intermediate_size "$nano/qwen3/config.json")" 15 'explains 15 shapes, of 25 that are wrong'
told num_key_value_heads 2 10 'num_key_value_heads 2 explains 10 shapes, of 25 that are wrong'
test_that 'one tensor of another shape is a fault of that one'
hurt qwen3 shape layers.2.mlp.up_proj.weight 40,32
run 1 inspect "$T/hurt" --json
json "[.findings[] | select(.check == \"inventory.configuration\")] == []"
test_that 'a bundled model says nothing of the kind'
for model in llama mixtral qwen2 qwen2_moe qwen3 qwen3_moe thinker; do
    run 0 inspect "$nano/$model" --json
    json '[.findings[] | select(.check == "inventory.configuration" or .verdict != "pass")] == []'
done

test_that 'joined projections'
# joins ABSENT TEXT: they explain all that is absent.
joins() {
    run 1 inspect "$T/remade" --json
    json "$(summary inventory.pattern) | .pattern == \"joined\" and .measured == $1 and .unexplained == 0"
    json "$(summary inventory.misnamed).measured == 0"
    says out "$2"
    says_not out 'would also be'
    says_not out 'never looked for'
}
remade llama '. as $all | with_entries(select(.key | test("[.](q|k|v|gate|up)_proj[.]weight$") | not)) +
    ([$all | keys[] | select(endswith("q_proj.weight"))] | map({key: sub("q_proj"; "qkv"), value: {dtype: "F32",
        shape: [$all[.].shape[0] + 2 * $all[sub("q_proj"; "k_proj")].shape[0], $all[.].shape[1]]}}) | from_entries) +
    ([$all | keys[] | select(endswith("up_proj.weight"))] | map({key: sub("up_proj"; "gate_up"), value: {dtype: "F32",
        shape: [2 * $all[.].shape[0], $all[.].shape[1]]}}) | from_entries)'
joins 25 "10 tensors of other names hold them, joined or stacked: 'model.layers.0.self_attn.qkv.weight' [180, 36] for q_proj, k_proj and v_proj, and so in 5 layers; 'model.layers.0.mlp.gate_up.weight'"
test_that 'stacked experts of other names'
# stacks EXPRESSION: with the experts of a layer in one, of $e experts, $i and $h their sizes, below its name.
stacks() {
    printf '. as $all | with_entries(select(.key | test("[.]experts[.]") | not)) + ([$all | keys[] | select(endswith("experts.0.up_proj.weight")) |
        . as $n | $all[$n].shape as [$i, $h] | 12 as $e | (%s) | with_entries(.key = ($n | sub("experts[.]0.*"; "")) + .key | .value = {dtype: "F32", shape: .value})] | add)' "$1"
}
remade qwen3_moe "$(stacks '{"experts_bank.w1": [$e, $i, $h], "experts_bank.w2": [$e, $h, $i], "experts_bank.w3": [$e, $i, $h]}')"
joins 144 "12 tensors of other names hold them, joined or stacked: 'model.layers.0.mlp.experts_bank.w1' [12, 12, 40] for gate_proj of all 12 experts, and so in 4 layers"
says out 'for up_proj of all 12 experts'
says_not out 'These experts are no optional part'
remade qwen3_moe "$(stacks '{"in_linear.weight": [$e, (2 * $i), $h], "out_linear.weight": [$e, $h, $i]}')"
joins 144 "'model.layers.0.mlp.in_linear.weight' [12, 24, 40] for gate_proj and up_proj of all 12 experts"
remade qwen3_moe "$(stacks '{"bank.w1": [($e * $i), $h], "bank.v1": [($e * $i), $h], "bank.w2": [($e * $i), $h]}')"
joins 144 "'model.layers.0.mlp.bank.w1' [144, 40] for gate_proj of all 12 experts"
test_that 'stacked layers'
remade qwen3 'with_entries(select(.key | endswith("mlp.down_proj.weight") | not)) + {"model.scanned.mlp.wo.kernel": {dtype: "F32", shape: [32, 5, 44]}}'
joins 5 "'model.scanned.mlp.wo.kernel' [32, 5, 44] for mlp.down_proj.weight of all 5 layers"
test_that 'a stack of another number of experts holds none of them'
remade qwen3_moe "$(stacks '{"experts_bank.w1": [($e - 1), $i, $h], "experts_bank.w2": [($e - 1), $h, $i], "experts_bank.w3": [($e - 1), $i, $h]}')"
run 1 inspect "$T/remade" --json
json "$(summary inventory.pattern).pattern != \"joined\""
says out 'never looked for'

test_that 'several kinds that every layer lost are a pattern, whichever they are'
biases='. + ([keys[] | select(test("layers.*_proj[.]weight$"))] as $n | . as $all | $n | map({key: sub("weight$"; "bias"), value: {dtype: "F32", shape: [$all[.].shape[0]]}}) | from_entries)'
with='.attention_bias = true | .mlp_bias = true'
remade llama "$biases" "$with"
run 0 inspect "$T/remade" --json
equal .verdict pass
remade llama "$biases | with_entries(select(.key | test(\"(q|o|gate|down)_proj[.]bias\") | not))" "$with"
run 1 inspect "$T/remade" --json
json "$(summary inventory.pattern) | .pattern == \"layers\" and .measured == 20 and .unexplained == 0"
says out 'self_attn.q_proj.bias, self_attn.o_proj.bias, mlp.gate_proj.bias and mlp.down_proj.bias of all 5 layers: never looked for'
remade llama "$biases | with_entries(select(.key | test(\"layers[.][234].*(q|up|down)_proj[.]bias\") | not))" "$with"
run 1 inspect "$T/remade" --json
says out 'self_attn.q_proj.bias, mlp.up_proj.bias and mlp.down_proj.bias of the last 3 layers (2-4)'

test_that 'tensors without values, as a parallel run saves what it did not gather'
remade qwen3 'map_values(.shape = [0])'
run 1 inspect "$T/remade" --json
json "$(summary inventory.shape) | .verdict == \"fail\" and .measured == 57"
says out "holds no values, as DeepSpeed's ZeRO-3 saves what it did not gather"

test_that 'another component beside the text model is none of its tensors under other names'
# towers FROM TO: a jq edit that adds every tensor of a layer again, below another name, twice as large.
towers() {
    printf '. as $all | . + ([$all | to_entries[] | select(.key | startswith("model.layers.")) | .key |= sub("%s"; "%s") | .value.shape |= map(. * 2)] | from_entries)' "$1" "$2"
}
lost='with_entries(select(.key | startswith("model.layers.2.") | not))'
for tower in '^model vision_encoder' '^model.layers model.sound_tower.blocks'; do
    # shellcheck disable=SC2086
    remade qwen3 "$(towers $tower)"
    run 0 inspect "$T/remade" --json
    json "$(summary inventory.extra) | .verdict == \"warn\" and .measured == 55"
    name=${tower#* }
    says out "55 of them below '${name%.blocks}', as those of another component are"
    # shellcheck disable=SC2086
    remade qwen3 "$(towers $tower) | $lost"
    run 1 inspect "$T/remade" --json
    json "$(summary inventory.misnamed).measured == 0"
    says_not out 'under other names'
done
test_that 'and where all of it lies below another name, it is renamed'
remade qwen3 'with_entries(.key |= sub("^model[.]layers"; "vision_encoder.layers"))'
run 1 inspect "$T/remade" --json
json "$(summary inventory.pattern) | .pattern == \"renamed\" or (.message | contains(\"under other names: 'vision_encoder' for 'model'\"))"
