# Intact models pass, and the report is what the contract says.
structure='
    .assay_report == 1 and (.command | type) == "string" and (.verdict | IN("pass", "warn", "fail", "skip")) and
    (.reason | type == "string" and length > 0) and (.subject.path | type) == "string" and (.gold | type) == "array" and
    (.machine | type) == "object" and (.duration_s | type == "number" and . >= 0) and
    (.findings | type == "array" and length > 0) and
    all(.findings[]; (.check | test("^[a-z]+([.][a-z0-9_]+)*$")) and (.verdict | IN("pass", "warn", "fail", "skip")) and
        (.message | type == "string" and length > 0) and (.where | type) == "object" and
        ((.where | keys) - ["case", "layer", "expert", "module", "tensor", "file", "token"] == []) and
        all((.measured?, .limit?) | select(. != null); type == "number" or IN("nan", "inf", "-inf"))) and
    ([.findings[] | select(.summary) | [.check, .gold]] | length == (unique | length))'

texts='text.characters text.expected text.grammar text.language text.leakage text.repetition text.self_consistency text.verdict text.wordness'
# Models of random weights write gibberish. So do the continuations that gold holds, so it is told, and fails nothing.
for model in $(some 2 thinker qwen2 llama mixtral qwen2_moe qwen3 qwen3_moe); do
    test_that "intact $model"
    run 0 check "$nano/$model" --golden "$(gold $model)" --json -q
    silent err
    json "$structure"
    equal '.verdict' pass
    experts=
    weights="weights.bytes weights.constant weights.embedding_rows weights.finite weights.identical weights.initialised weights.magnitude weights.pairs weights.structure weights.vocabulary"
    [[ $model == *moe || $model == mixtral || $model == thinker ]] && experts="layers.experts layers.ties weights.router"
    json 'all(.findings[]; .verdict == "pass" or (.verdict == "skip" and (.check | startswith("text.") or . == "weights.router" or . == "lens.prompts")))'
    json "$(summary text.verdict) | .measured > 0 and .texts == 8 and (.message | test(\"Most continuations that gold holds are gibberish too: the original writes so itself\"))"
    equal '[.findings[] | select(.summary) | .check] | sort | join(" ")' "$(sorted config.gold gold.compared greedy $experts inventory.{absent,blast,dtype,duplicates} \
        inventory.{extra,files,incomplete,misnamed,pattern,shape} layers.isolated layers.propagated lens lens.prompts logits.kl logits.nmse logits.top1 \
        perplexity $texts tokens.ids $weights)"
    json "$(summary layers.propagated) | has(\"first_bad_layer\") | not"
    json "$(summary layers.isolated) | .not_compared == 0 and (.where.module | length > 0) and (.noise | type == \"number\")"
done

# set of the configuration, and what config.gold then says first
kinds='mistral sliding_window=7 sliding_window
seed_oss attention_out_bias=false bias
ministral3 rope_parameters.beta_fast=0.5 beta_fast
ministral3 rope_parameters.mscale=2 attention_factor
ministral3 rope_parameters.truncate=false truncate
ministral3 rope_parameters.llama_4_scaling_beta=0.2 llama_4_scaling_beta
ministral3 rope_parameters.original_max_position_embeddings=9 original_max_position_embeddings
longrope original_max_position_embeddings=20 original_max_position_embeddings
longrope rope_scaling.long_factor=[1.25,2.5,4,9] long_factor
dynamic rope_parameters.factor=3 factor
dynamic max_position_embeddings=20 max_position_embeddings
gemma2 attn_logit_softcapping=6 scores
gemma2 query_pre_attn_scalar=4 scores
gemma3 rope_local_base_freq=900 window
granite residual_multiplier=0.5 residual_multiplier
olmo3 rope_parameters.sliding_attention.rope_theta=900 window
smollm3 no_rope_layers=[1,1,0] rotation
glm4 partial_rotary_factor=1 rotated
cohere2 logit_scale=0.5 logits
phi3 original_max_position_embeddings=20 original_max
hunyuan_v1_dense rope_parameters.alpha=60 rope_theta
glm4_moe topk_group=3 topk_group
glm4_moe routed_scaling_factor=2 routed_scaling_factor
minimax_m2 rotary_dim=8 rotated
gpt_oss swiglu_limit=7 swiglu_limit
deepseek_v2 topk_method=greedy n_group
deepseek_v2 rope_scaling.mscale_all_dim=1 scores
deepseek_v3 rope_interleave=false pairs
qwen3_next partial_rotary_factor=1 rotated
gpt_oss swiglu_alpha=1 swiglu_alpha
arcee hidden_act=relu hidden_act
starcoder2 norm_epsilon=0.001 eps
gpt_neox use_parallel_residual=false side
falcon activation=gelu_new hidden_act
gpt2 activation_function=gelu hidden_act'
for model in mistral seed_oss qwen3_vl_moe ministral3 longrope dynamic $(some 2 gemma2 glm4 gemma3 granite olmo3 smollm3 exaone4 cohere2 phi3 arcee granitemoe olmoe hunyuan_v1_dense glm4_moe minimax_m2 gpt_oss deepseek_v2 deepseek_v3 qwen3_next starcoder2 gpt_neox falcon gpt2); do
    test_that "a kind of arithmetic of its own: $model"
    run 0 check "$nano/$model" --golden "$(gold $model)" --json -q
    equal '.verdict' pass
    json "[$(summary greedy), $(summary layers.isolated), $(summary config.gold)] | all(.verdict == \"pass\")"
done
while read -r model setting key; do
    test_that "$model with $setting is another model"
    run 1 check "$nano/$model" --golden "$(gold "$model")" --set "$setting" --no-diagnose --json -q
    json "$(summary config.gold) | .verdict == \"fail\" and (.message | contains(\"$key\"))"
    json "$(summary layers.isolated).verdict == \"fail\""
done <<<"$kinds"

test_that 'the same where gold holds no continuations, and proves that the weights are the original'"'"'s'
mute=()
for _ in 1 2 3 4; do mute+=(submeta cases '"greedy"' '"gready"'); done
for model in $(some 1 mixtral thinker); do
    hurt_gold $model "${mute[@]}" meta weights_sha256 "$(weights_sha256 $model)"
    run 0 check "$nano/$model" --golden "$T/gold.safetensors" --json -q
    equal "$(summary gold.weights).verdict" pass
    json "$(summary text.verdict) | .verdict == \"skip\" and (.message | test(\"The weights are the original's, byte for byte: it writes so itself\"))"
done
test_that 'the same where nothing but the logits shows that it is the original'
for model in $(some 1 mixtral thinker); do
    hurt_gold $model "${mute[@]}"
    run 0 check "$nano/$model" --golden "$T/gold.safetensors" --json -q
    json "$structure"
    json "$(summary text.verdict) | .verdict == \"skip\" and (.message | test(\"The logits are gold's wherever gold holds some: the original writes so itself\"))"
    json '[.findings[] | select(.check == "text.self_consistency" and .summary)] | all(.verdict == "skip" and .measured > .limit)'
    run 1 check "$nano/$model" --golden "$T/gold.safetensors" --json -q --fault swap-layers:1,2
    json "$(summary text.verdict).verdict == \"fail\""
done
test_that 'the same where gold holds continuations in which no fault was found: what it computes is what counts'
continued() { # MODEL TEXT: gold of a model of the same tokenizer, whose cases go on with the text
    run 0 tokenize "$nano/$1" "$2" -q
    head -c $((8 + $(od -An -tu8 -N8 "$(gold "$1")" | tr -d ' '))) "$(gold "$1")" | tail -c +9 |
        jq -r '.__metadata__.cases' | jq -c --arg ids "$(cat "$T/out")" 'map(.greedy = ($ids | split(" ") | map(tonumber)))'
}
language='They went to the old library near the river, and she read a long story about a cat to her brother.'
hurt_gold qwen3 meta cases "$(continued qwen3 "$language")"
run 0 check "$nano/qwen3" --golden "$T/gold.safetensors" --only layers,logits,texts --json -q
json "$(summary text.verdict) | .verdict == \"skip\" and (.message | test(\"The logits are gold's wherever gold holds some\"))"
test_that 'but where gold reaches no further than some experts, and its continuations are language'
run 0 trace "$nano/thinker" --ids 5 -o "$T/one.safetensors" -q
"$damage" "$T/one.safetensors" "$T/gold.safetensors" meta cases \
    "$(continued thinker "$language" | jq -c '[.[0] | .id = "ids-0" | .ids = [5] | del(.prompt, .perplexity)]')"
run 1 check "$nano/thinker" --golden "$T/gold.safetensors" --only layers,logits,texts --json -q
json "$(summary layers.experts).verdict == \"warn\" and $(summary logits.kl).verdict == \"pass\" and $(summary text.verdict).verdict == \"fail\""
test_that 'without any of these gibberish fails, and nothing else does'
for model in $(some 1 mixtral thinker); do
    run 1 check "$nano/$model" --json -q
    json "$structure"
    json '[.findings[] | select(.verdict == "fail") | .check] | length > 8 and all(startswith("text."))'
    json '.reason | test("8 of 8 texts are gibberish")'
done

test_that 'the extraction'
run 0 check "$nano/thinker-extraction" --suite "$proof" --source "$nano/thinker" --golden "$(gold thinker)" --json -q
equal '.subject.format' extraction
json "$(summary inventory.misplaced) | .verdict == \"pass\" and .measured == 0"
json "$structure"
run 0 check "$nano/thinker-extraction" --suite "$proof" --config "$nano/thinker/config.json" --tokenizer "$nano/thinker" \
    --golden "$(gold thinker)" --json -q
test_that 'the extraction without a configuration says what to give'
run 3 check "$nano/thinker-extraction" --golden "$(gold thinker)"
says err thinker-extraction
says err config.json
says err --source
silent out
test_that 'the extraction without a tokenizer is compared by ids, and its loss is no pass'
run 0 check "$nano/thinker-extraction" --suite "$proof" --config "$nano/thinker/config.json" --golden "$(gold thinker)" --json -q
equal "$(summary tokens.ids).verdict" warn
equal .verdict warn

test_that 'one file alone'
run 0 check "$nano/qwen2/model.safetensors" --suite "$proof" --golden "$(gold qwen2)" --json -q
equal .subject.format safetensors

test_that 'all files with -o'
run 0 check "$nano/qwen3" --suite "$proof" --golden "$(gold qwen3)" -o "$T/deep/report"
same "$(ls "$T/deep/report" | paste -sd ' ')" 'junit.xml report.html report.json report.sarif report.tap summary.md'
json "$structure" "$T/deep/report/report.json"
says err report.html
says out PASS
run 0 check "$nano/qwen3" --suite "$proof" --golden "$(gold qwen3)" -o "$T/deep/report" -q
silent err
run 0 check "$nano/qwen3" --suite "$proof" --golden "$(gold qwen3)" -o "$T/deep/report" --json
json '.verdict == "pass"'
same "$(jq -S 'del(.duration_s, .started, .machine, .command_line, .times)' "$T/out")" "$(jq -S 'del(.duration_s, .started, .machine, .command_line, .times)' "$T/deep/report/report.json")"
same "$(grep -c '<script\|https\?://[^w]' "$T/deep/report/report.html")" 0
head -c 15 "$T/deep/report/report.html" >"$T/out"
says out '<!DOCTYPE html>'

test_that 'two golds'
run 0 check "$nano/qwen3" --suite "$proof" --golden "$(gold qwen3)" --golden "$(gold qwen3)" --json -q
json '.gold | length == 2'

test_that 'results on stdout only'
run 0 check "$nano/qwen3" --suite "$proof" --golden "$(gold qwen3)"
silent err
says out 'layers.isolated'
run 0 inspect "$nano/qwen3" --json
json "$structure"
silent err
run 0 inspect "$nano/qwen3" --values --json
json "$(summary weights.finite).verdict == \"pass\""

test_that 'a full disk is an error, not a pass'
for line in "check $nano/qwen3 --json" "check $nano/qwen3" "inspect $nano/qwen3" "tokenize $nano/qwen3 hello" \
    "bench $nano/qwen3 --prefill 4 --decode 1 --repeats 1"; do
    command_line="$line >/dev/full"
    # shellcheck disable=SC2086
    "$assay" $line -q >/dev/full 2>"$T/err"
    same $? 3
done
: >"$T/out"

test_that 'bf16 and f16 models stored as f32 are exactly equal'
for model in $(some 1 thinker qwen3_moe); do
    run 0 check "$nano/$model" --suite "$proof" --golden "$(gold $model)" --json -q
    jq -S 'del(.duration_s, .started, .machine, .subject, .command_line, .times) | del(.findings[].dtypes?)' "$T/out" >"$T/first"
    hurt $model cast all F32
    check 0 $model
    same "$(jq -S 'del(.duration_s, .started, .machine, .subject, .command_line, .times) | del(.findings[].dtypes?)' "$T/out" | sed 's/(safetensors)/(checkpoint)/' | diff - "$T/first" | head -n 5)" ''
done

test_that 'fused experts of either orientation'
for kind in plain transposed; do
    hurt thinker fuse 0 $kind fuse 1 $kind fuse 2 $kind fuse 3 $kind fuse 4 $kind
    check 0 thinker
    equal .verdict pass
    hurt qwen3_moe fuse 1 $kind fuse 3 $kind
    check 0 qwen3_moe
done

test_that 'the results do not depend on threads'
for model in $(some 1 thinker llama); do
    for threads in 1 2 7; do
        run 0 check "$nano/$model" --suite "$proof" --golden "$(gold $model)" --text suites/data/text/english.txt --context 64 --json -q --threads $threads
        equal .machine.threads $threads
        jq -S 'del(.duration_s, .started, .machine, .command_line, .times)' "$T/out" >"$T/threads.$threads"
    done
    same "$(cmp "$T/threads.1" "$T/threads.2")$(cmp "$T/threads.1" "$T/threads.7")" ''
done

test_that 'prefill, chunks and float sums agree'
for model in $(some 1 thinker qwen2_moe); do
    run 0 check "$nano/$model" --suite "$proof" --golden "$(gold $model)" --chunk 1 --json -q
    run 0 check "$nano/$model" --suite "$proof" --golden "$(gold $model)" --chunk 5 --json -q
    run 0 check "$nano/$model" --suite "$proof" --golden "$(gold $model)" --sums float --json -q
    run 0 check "$nano/$model" --suite "$proof" --golden "$(gold $model)" --memory 1K --json -q
done

test_that 'the reports are there although nobody reads stdout to its end'
"$assay" check "$nano/thinker" --golden "$(gold thinker)" -o "$T/unread" -q | head -n 1 >/dev/null
there "$T/unread/report.html"
