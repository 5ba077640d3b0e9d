# Gold that is damaged, or was made for something else, is refused with the reason.
refused() {
    local model=$1 text
    shift
    run 3 check "$nano/$model" --golden "$T/gold.safetensors"
    silent out
    says err "$T/gold.safetensors"
    for text in "$@"; do says err "$text"; done
    run 3 compare "$T/gold.safetensors" "$nano/$model"
    says err "$T/gold.safetensors"
}
G=$T/gold.safetensors

# differs MODEL TEXT...: a difference of configuration fails, names what differs, and the rest is compared all the same.
differs() {
    local model=$1 text
    shift
    run 1 check "$nano/$model" --suite "$proof" --golden "$G" --json -q
    json "$(summary config.gold) | .verdict == \"fail\" and .gold != null"
    for text in "$@"; do json "$(summary config.gold).message | contains(\"$text\")"; done
    json "$(summary gold.compared) | .verdict"
    run 1 compare "$G" "$nano/$model" --json -q
    json "$(summary config.gold).verdict == \"fail\""
}
test_that 'gold of another model'
for other in $(some 2 llama qwen3_moe mixtral qwen2 qwen2_moe thinker); do
    cp "$(gold $other)" "$G"
    differs qwen3 'another configuration' 'hidden_size is 32 here'
done
test_that 'gold of another configuration'
hurt_gold qwen3 submeta config '"rms_norm_eps": 1e-06' '"rms_norm_eps": 1e-05'
differs qwen3 'rms_norm_eps is 1e-6 here and 1e-5 there'
json '[.findings[] | select(.summary and .verdict == "fail").check] == ["config.gold"]'
json "$(summary layers.isolated).verdict == \"pass\""
hurt_gold qwen3 submeta config '"num_key_value_heads": 2' '"num_key_value_heads": 3'
refused qwen3 'k_norm'
test_that 'a difference that no computation sees is none'
hurt_gold qwen3 submeta config '"max_position_embeddings"' '"something_else"'
run 0 check "$nano/qwen3" --suite "$proof" --golden "$G" --json -q
json "$(summary config.gold) | .verdict == \"pass\" and (.message | contains(\"the one that gold was made for\"))"
test_that 'a tokenizer is judged by what it does, not by the bytes of its file'
rm -rf "$T/hurt"
cp -r "$nano/qwen3" "$T/hurt"
jq -c . "$nano/qwen3/tokenizer.json" >"$T/hurt/tokenizer.json"
run 0 check "$T/hurt" --suite "$proof" --golden "$(gold qwen3)" --json -q
json "$(summary tokens.ids) | .verdict == \"pass\" and (.message | contains(\"another file\"))"
jq -c '.model.vocab |= with_entries(if .value == 285 then .value = 293 elif .value == 293 then .value = 285 else . end)' \
    "$nano/qwen3/tokenizer.json" >"$T/hurt/tokenizer.json"
run 1 check "$T/hurt" --suite "$proof" --golden "$(gold qwen3)" --only tokens --json -q
json "$(summary tokens.ids) | .verdict == \"fail\" and .measured > 0"
test_that 'a dump that records no configuration differs in none'
run 0 trace "$nano/qwen3" --golden "$(gold qwen3)" -o "$T/npy" --format npy -q
run 0 compare "$(gold qwen3)" "$T/npy" --json -q
json '[.findings[] | select(.check == "config.gold")] == []'
test_that 'another model type that computes the same is a note'
rm -rf "$T/hurt"
mkdir "$T/hurt"
"$damage" "$nano/thinker" "$T/hurt" meta format pt
jq '.thinker_config.text_config | .model_type = "qwen3_moe" | del(.rope_scaling)' "$nano/thinker/config.json" >"$T/hurt/config.json"
run 0 check "$T/hurt" --suite "$proof" --golden "$(gold thinker)" --json -q
json "$(summary config.gold) | .verdict == \"pass\" and (.message | contains(\"model_type is qwen3_moe here\"))"
json "$(summary layers.isolated).verdict == \"pass\""
test_that 'a head equal to the embedding is a tied one'
hurt_gold qwen3 submeta config '"tie_word_embeddings": true' '"tie_word_embeddings": false'
run 0 check "$nano/qwen3" --suite "$proof" --golden "$G" --json -q
json "$(summary config.gold) | .verdict == \"warn\" and (.message | contains(\"tie_word_embeddings is true here and false there\"))"
test_that 'rows and layers that one of the two has not: what both have is compared'
hurt qwen3 shape model.embed_tokens.weight 400,32
jq '.vocab_size = 400' "$nano/qwen3/config.json" >"$T/hurt/config.json"
run 0 check "$T/hurt" --suite "$proof" --golden "$(gold qwen3)" --json -q
json "$(summary config.gold) | .verdict == \"warn\" and (.message | contains(\"vocab_size is 400 here and 408 there\") and contains(\"logits of token ids from 400 to 407\"))"
json "$(summary layers.propagated).verdict == \"pass\""
json "$(summary logits.kl).verdict == \"pass\""
test_that 'of fewer layers each is compared, and what lies behind them is blamed for none that is absent'
rm -rf "$T/hurt"
cp -r "$nano/qwen3" "$T/hurt"
jq '.num_hidden_layers = 3 | del(.layer_types)' "$nano/qwen3/config.json" >"$T/hurt/config.json"
check 1 qwen3
json "$(summary config.gold) | .verdict == \"warn\" and (.message | contains(\"num_hidden_layers is 3 here and 5 there\") and contains(\"gold's layers 3 to 4\"))"
json "$(summary layers.propagated) | .verdict == \"fail\" and (.message | contains(\"differs from gold from model.norm on, after layers of gold's that the subject does not have\"))"
json "$(summary layers.isolated).verdict == \"pass\""
check 1 qwen3 --fault scale:model.layers.1.mlp.down_proj.weight,1.1
blames model.layers.1.mlp
test_that 'gold of other weights fails, whatever else agrees'
hurt_gold qwen3 meta weights_sha256 0000000000000000000000000000000000000000000000000000000000000000
run 1 check "$nano/qwen3" --suite "$proof" --golden "$G" --json -q
json '[.findings[] | select(.verdict == "fail") | .check] == ["gold.weights"]'
json '.reason | test("not those that gold was made from: their SHA-256 is [0-9a-f]{16}... here and 0000000000000000... there")'
test_that 'a golden tensor of the wrong width'
hurt_gold qwen3 unmeta config shape prompt-0/model.layers.1.mlp 17,31
refused qwen3 prompt-0/model.layers.1.mlp 31 32
hurt_gold qwen3 shape prompt-0/model.layers.1.mlp 16,32
refused qwen3 prompt-0/model.layers.1.mlp '[16, 32]' 17
hurt_gold qwen3 dtype prompt-0/model.layers.1.mlp I32
refused qwen3 prompt-0/model.layers.1.mlp I32
test_that 'a tensor of no case'
hurt_gold qwen3 rename prompt-0/model.layers.1.mlp nowhere/model.layers.1.mlp
refused qwen3 nowhere/model.layers.1.mlp

test_that 'metadata'
for key in assay.golden cases producer dtype; do
    hurt_gold qwen3 unmeta $key
    refused qwen3 $key
done
hurt_gold qwen3 meta assay.golden 2
refused qwen3 '"2"'
for cases in '' '{' '[]' '{}' '[1]' '[{"id": "a"}]' '[{"id": "a", "ids": []}]' '[{"ids": [1]}]' '[{"id": "a/b", "ids": [1]}]' \
    '[{"id": "a", "ids": [1.5]}]' '[{"id": "a", "ids": [-1]}]' '[{"id": "a", "ids": ["1"]}]' '[{"id": "a", "ids": [99999999999]}]' \
    '[{"id": "a", "ids": [1], "greedy": 5}]'; do
    hurt_gold qwen3 meta cases "$cases"
    refused qwen3
done
hurt_gold qwen3 submeta cases '"id": "prompt-1"' '"id": ".."'
refused qwen3
hurt_gold qwen3 submeta cases '"id": "prompt-1"' '"id": "prompt-0"'
refused qwen3 prompt-0
hurt_gold qwen3 meta noise '{'
refused qwen3 noise
hurt_gold qwen3 meta config '{"model_type": "frobnicator"}'
run 0 check "$nano/qwen3" --suite "$proof" --golden "$G" --json -q
json "$(summary config.gold) | .verdict == \"warn\" and (.message | contains(\"model_type is qwen3 here and frobnicator there\"))"
hurt_gold qwen3 meta config '{"model_type": '
refused qwen3 config
hurt_gold qwen3 meta perplexity_text '{"sha256": "x"}'
refused qwen3 perplexity_text
test_that 'an id outside the vocabulary'
hurt_gold qwen3 submeta cases '"ids": [28' '"ids": [408'
refused qwen3 408
test_that 'a negative noise is no licence'
hurt_gold qwen3 meta noise '{"prompt-0/model.layers.1.mlp": -1}'
run 3 check "$nano/qwen3" --golden "$G" -q
test_that 'noise without bounds is none either: one percent is the most that it may allow'
noise=$(printf '{%s}' "$(for p in mlp self_attn; do for l in 0 1 2 3 4; do printf '"prompt-0/model.layers.%s.%s": 0.2,' $l $p; done; done)" | sed 's/,}$/}/')
"$damage" "$(gold qwen3)" "$G" meta noise "$noise"
hurt qwen3 scale layers.1.mlp.down_proj.weight 1.05 scale layers.3.self_attn.o_proj.weight 0.9
run 1 check "$T/hurt" --suite "$proof" --golden "$G" --json -q
json '[.findings[] | select(.check == "layers.isolated" and (.summary | not) and .where.case == "prompt-0") | select(.limit == 0.01 and (.cause | test("ceiling")))] | length > 0'
test_that 'noise of a tensor that is not there'
hurt_gold qwen3 submeta noise 'prompt-0/model.layers.1.mlp' 'prompt-0/model.layers.1.mpl'
refused qwen3 prompt-0/model.layers.1.mpl
test_that 'an arithmetic that nobody knows'
hurt_gold qwen3 meta dtype int3
refused qwen3 int3 float64

test_that 'truncated gold'
cp "$(gold qwen3)" "$G"
truncate -s -100 "$G"
refused qwen3
truncate -s 20 "$G"
refused qwen3
: >"$G"
refused qwen3
cp "$nano/qwen3/config.json" "$G"
refused qwen3
test_that 'a model where gold should be'
cp "$nano/qwen2/model.safetensors" "$G"
refused qwen3 'not a golden dump'

test_that 'another token: the prompt is encoded differently, and the activations differ'
hurt_gold qwen3 submeta cases '"ids": [28' '"ids": [29'
run 1 check "$nano/qwen3" --suite "$proof" --golden "$G" --json -q
equal "$(summary tokens.ids).verdict" fail
json '.findings[] | select(.check == "tokens.ids" and (.summary | not)) | .where.case == "prompt-0" and .where.token == 0'
json "$(summary layers.propagated).verdict == \"fail\""
test_that 'a golden activation changed: only that place'
hurt_gold qwen3 row prompt-1/model.layers.2.mlp 3 1.01
run 1 check "$nano/qwen3" --suite "$proof" --golden "$G" --json -q
json '.findings[] | select(.check == "layers.propagated" and (.summary | not)) | .where.module == "model.layers.2.mlp" and .where.case == "prompt-1" and .where.token == 3'
test_that 'NaN in gold is no fault of the model'
hurt_gold qwen3 nan prompt-1/model.layers.2.mlp 3 4
run 3 check "$nano/qwen3" --golden "$G" --json -q
says err "'prompt-1/model.layers.2.mlp' holds a value that is not finite, at token 3"
test_that 'another greedy continuation, another perplexity'
hurt_gold qwen3 submeta cases '"greedy": [' '"greedy": [1, '
run 1 check "$nano/qwen3" --suite "$proof" --golden "$G" --json -q
json "$(summary greedy) | .verdict == \"fail\" and .measured == 1"
json '.findings[] | select(.check == "greedy" and (.summary | not)) | .where.case == "prompt-0" and .where.token == 0'
json '[.findings[] | select(.summary and .verdict == "fail") | .check] == ["greedy"]'
test_that 'NaN among the logits fails the continuations, also where the right tokens are chosen'
hurt qwen3_moe nan lm_head.weight 400 3
run 1 check "$T/hurt" --suite "$proof" --source "$nano/qwen3_moe" --golden "$(gold qwen3_moe)" --json -q
json "$(summary greedy) | .verdict == \"fail\" and .measured == 4"
json '[.findings[] | select(.check == "greedy" and (.summary | not)) | .where.token] == [0, 0, 0, 0]'
says out 'logits that are not finite from token 0 on'

test_that 'two golds: the second one fails'
run 1 check "$nano/qwen3" --suite "$proof" --golden "$(gold qwen3)" --golden "$G" --json -q
json '[.findings[] | select(.summary and .verdict == "fail") | .check] | index("greedy") != null'
json "[.findings[] | select(.check == \"greedy\" and (.summary | not)) | .gold] == [\"$G\"]"
json "[.findings[] | select(.check == \"greedy\") | [.gold, .summary, .verdict]] == [[\"$(gold qwen3)\", true, \"pass\"], [\"$G\", true, \"fail\"], [\"$G\", false, \"fail\"]]"
run 1 check "$nano/qwen3" --suite "$proof" --golden "$(gold qwen3)" --golden "$G" -o "$T/two" -q
for name in 'greedy (qwen3)' 'greedy (gold)'; do
    same "$(grep -c "<testcase name=\"$name\"" "$T/two/junit.xml")" 1
    grep -qF "$name" "$T/two/report.html" && passed || failed "no $name in report.html"
done
run 1 check "$nano/qwen3" --suite "$proof" --golden "$(gold qwen3)" --golden "$G"
says out 'prompt-0'
run 1 check "$nano/qwen3" --suite "$proof" --golden "$G" --golden "$(gold qwen3)"
says out 'prompt-0'

test_that 'gold without noise falls back to a limit by dtype, and says so'
hurt_gold qwen3 unmeta noise
run 0 check "$nano/qwen3" --suite "$proof" --golden "$G" --json -q
json "$(summary layers.propagated) | .limit == 1e-4 and (.cause | test(\"fallback\")) and .fallback_limits == .compared and (.message | test(\"fallback limit\"))"
hurt_gold qwen3 unmeta noise meta dtype bfloat16
run 0 check "$nano/qwen3" --suite "$proof" --golden "$G" --json -q
json "$(summary layers.propagated) | .fallback_limits == 0 and (.cause | test(\"measured\"))"
run 0 compare "$(gold qwen3)" "$G" --json -q
json "$(summary layers.propagated) | .limit == 0.08 and (.cause | test(\"fallback\"))"

test_that 'gold that holds less is compared where it can be, and what it lacks is told'
hurt_gold qwen3 drop prompt-0/lm_head drop prompt-1/lm_head drop ids-2/lm_head drop ids-3/lm_head
run 0 check "$nano/qwen3" --suite "$proof" --golden "$G" --json -q
json "$(summary logits.kl).verdict == \"skip\""
hurt_gold qwen3 rename prompt-0/model.layers.1.mlp prompt-0/model.layers.1.mlp.up_proj \
    submeta noise '"prompt-0/model.layers.1.mlp"' '"prompt-0/model.layers.1.mlp.up_proj"'
run 0 check "$nano/qwen3" --suite "$proof" --golden "$G" --json -q
json "$(summary layers.propagated) | .not_compared == 1"
json "$(summary gold.compared) | .verdict == \"warn\" and .measured == 1 and (.message | test(\"prompt-0/model.layers.1.mlp.up_proj\"))"
equal .verdict warn
test_that 'gold that holds nothing'
printf '{"diagnostics": ["layers", "logits"]}' >"$T/layers.json"
run 0 trace "$nano/qwen3" --ids 1,2 --points logits -o "$T/logits.safetensors" -q
"$damage" "$T/logits.safetensors" "$G" rename ids-0/lm_head ids-0/unknown
run 3 compare "$G" "$T/logits.safetensors"
says err 'in common'
run 1 check "$nano/qwen3" --golden "$G" --suite "$T/layers.json" --json -q
json "$(summary gold.compared).verdict == \"fail\""
json '.reason | test("Nothing that this gold holds could be compared.*ids-0/unknown")'
test_that 'gold under names that no place answers to proves nothing'
edits=()
for point in input_layernorm self_attn mlp; do edits+=(rename ids-0/model.layers.0.$point ids-0/model.language_model.layers.0.$point); done
run 0 trace "$nano/qwen3" --ids 1,2 --points all -o "$T/all.safetensors" -q
"$damage" "$T/all.safetensors" "$G" "${edits[@]}"
run 0 check "$nano/qwen3" --suite "$proof" --golden "$G" --json -q
json "$(summary gold.compared) | .verdict == \"warn\" and .measured == 3"
test_that 'a dump that lacks a case of gold fails, however good the others are'
run 0 trace "$nano/qwen3" --ids 1,2 --ids 3,4,5 -o "$G" -q
run 0 trace "$nano/qwen3" --ids 1,2 -o "$T/ours.safetensors" -q
run 1 compare "$G" "$T/ours.safetensors" --json -q
json '[.findings[] | select(.check == "gold.compared" and (.summary | not)) | .where.case] == ["ids-1"]'
json "$(summary layers.propagated).verdict == \"pass\""
run 1 compare "$G" "$T/ours.safetensors"
says out "1 case of gold is not in the subject"
test_that 'continuations of two dumps'
run 0 compare "$(gold qwen3)" "$(gold qwen3)" --json -q
json "$(summary greedy) | .verdict == \"pass\" and .measured == 0"
hurt_gold qwen3 submeta cases '"greedy": [' '"greedy": [1, '
run 1 compare "$(gold qwen3)" "$G" --json -q
json '[.findings[] | select(.check == "greedy" and (.summary | not)) | .where | .case == "prompt-0" and .token == 0] == [true]'
run 0 compare "$T/ours.safetensors" "$T/ours.safetensors" --json -q
json "$(summary greedy).verdict == \"skip\""
test_that 'gold with gaps blames no module that it cannot tell from its neighbours'
run 0 trace "$nano/thinker" --golden "$(gold thinker)" --points layers -o "$T/layers.safetensors" -q
run 0 trace "$nano/thinker" --golden "$(gold thinker)" --points logits -o "$T/logits.safetensors" -q
hurt thinker scale layers.2.self_attn.o_proj.weight 1.5
run 1 check "$T/hurt" --suite "$proof" --golden "$T/layers.safetensors" --json -q
blames model.layers.2
json "$(summary layers.isolated) | .message | test(\"model.layers.2 .or anything since model.layers.1.\")"
json '[.findings[] | select(.check == "layers.isolated" and (.summary | not)) | .message | test("holds nothing in between")] == [true]'
run 1 check "$T/hurt" --suite "$proof" --golden "$T/logits.safetensors" --json -q
json "$(summary layers.isolated) | .message | test(\"lm_head .or anything since the token ids.\")"
check 1 thinker
json "$(summary layers.isolated) | .message | test(\"since\") | not"

test_that 'end to end a place may be off by what was lost before it, alone only by its own noise'
hurt_gold thinker submeta noise '"prompt-0/model.layers.3.mlp": ' '"prompt-0/model.layers.3.mlp": 1e-12, "prompt-0/none": '
run 1 check "$nano/thinker" --suite "$proof" --golden "$G" --json -q
json "$(summary layers.propagated).verdict == \"pass\""
blames model.layers.3.mlp

test_that 'gold that ends before the outcome proves nothing behind its end'
run 0 trace "$nano/thinker" --golden "$(gold thinker)" -o "$T/all.safetensors" -q
keep='model.embed_tokens|model.layers.0(\.|$)'
edits=()
for _ in 1 2 3 4; do edits+=(submeta cases '"greedy"' '"gready"'); done
while read -r name; do [[ ${name#*/} =~ ^($keep) ]] || edits+=(drop "$name"); done < <(head -c 60000 "$T/all.safetensors" | tail -c +9 | grep -ao '"[a-z]*-[0-9]/[a-zA-Z_.0-9]*"' | tr -d '"' | sort -u)
"$damage" "$T/all.safetensors" "$G" "${edits[@]}"
run 0 check "$nano/thinker" --suite "$proof" --golden "$G" --json -q --fault scale:layers.4.self_attn.o_proj.weight,1.5
json "$(summary gold.compared) | .verdict == \"warn\" and (.message | test(\"nothing after\"))"
json "$(summary layers.experts) | .verdict == \"warn\" and .measured == 48"
test_that 'a tensor under another dtype is another tensor'
sha() { run 1 check "$1" --suite "$proof" --golden "$G" --json -q; jq -r "$(summary gold.weights).message" "$T/out" | grep -o 'SHA-256 is [0-9a-f]*'; }
hurt_gold qwen3_moe meta weights_sha256 0000000000000000000000000000000000000000000000000000000000000000
hurt qwen3_moe
intact=$(sha "$T/hurt")
hurt qwen3_moe dtype layers.3.mlp.experts.0.down_proj.weight BF16
[ "$intact" != "$(sha "$T/hurt")" ] && passed || failed 'the same hash'
test_that 'fewer continuations than gold are told'
hurt_gold qwen3 submeta cases '"greedy": [' '"gready": ['
run 0 compare "$(gold qwen3)" "$G" --json -q
json "$(summary gold.compared) | .verdict == \"warn\" and (.message | test(\"Only 3 of gold's 4\"))"

test_that 'how much more the subject is surprised than gold, with its error'
run 0 check "$nano/thinker" --suite "$proof" --golden "$(gold thinker)" --json -q
json "$(summary logits.kl) | (.perplexity_ratio - 1 | fabs) < 1e-5 and .perplexity_ratio_error < 1e-5 and .standard_error < 1e-9"
run 1 check "$nano/thinker" --suite "$proof" --golden "$(gold thinker)" --json -q --fault scale:lm_head.weight,1.05
mine=$(jq "[.findings[] | select(.check == \"perplexity\" and (.summary | not))] | length" "$T/out")
same "$mine" 3
json "$(summary logits.kl) | .perplexity_ratio > 1 and .perplexity_ratio_error > 0 and .standard_error > 0 and (.message | test(\"times gold\"))"

test_that 'the cause beside a limit is that of the case that the limit comes from, wherever it stands'
causes='[.findings[] | select(.summary and (.check == "logits.kl" or .check == "logits.nmse" or .check == "perplexity")) | .cause | test("ceiling: float32 costs")]'
for case in prompt-0 ids-3; do
    hurt_gold thinker submeta noise "\"$case/lm_head\": " "\"$case/lm_head\": 9999"
    run 0 check "$nano/thinker" --suite "$proof" --golden "$T/gold.safetensors" --json -q
    equal "$causes | .[:2]" '[true,true]'
    json "$(summary logits.nmse) | (.limit - 1e-4 | fabs) < 1e-15 and (.cause | startswith(\"the square of ceiling\"))"
    json "$(summary perplexity) | .cause | startswith(\"the error that the logits may have: \")"
done
run 0 check "$nano/thinker" --suite "$proof" --golden "$(gold thinker)" --json -q
equal "$causes" '[false,false,false]'
run 0 check "$nano/thinker" --suite suites/quantised.json --golden "$(gold thinker)" --json -q
for check in logits.kl logits.nmse perplexity; do
    json "$(summary $check).cause | test(\"ten times the error\") and test(\"SmolLM2 in Q8_0\")"
done
