# The logit lens: printed by trace, reported by check.
model=$nano/thinker
test_that 'trace prints it for every case, and writes nothing else'
run 0 trace "$model" --prompt 'Hello world' --ids 5 --lens -q
says out "prompt-0, 8 tokens: 'J' (Latin) is the most likely token from layer 0 on layer most likely token script probability rank log-probability"
says out "ids-1, 1 token:"
same "$(grep -c '^ *[0-4]  ' "$T/out")" 10
silent err
run 0 trace "$model" --ids 5 --lens --lens-top 4 -q
says out 'log-probability next'
run 0 trace "$model" --ids 5 --lens -o "$T/dump.safetensors"
says out 'ids-0, 1 token'
says err "$T/dump.safetensors"
run 0 trace "$model" --ids 5 -o "$T/alone.safetensors" -q
silent out
same "$(cmp "$T/dump.safetensors" "$T/alone.safetensors")" ''

test_that 'as JSON it is what transformers computes'
for name in thinker qwen3; do
    ids=() count=0
    while read -r list; do ids+=(--ids "$list"); done < <(jq -c ".models[] | select(.model == \"$name\") | .cases[].ids" suites/data/lens/cases.json)
    run 0 trace "$nano/$name" "${ids[@]}" --lens --lens-top 3 --json -q
    jq ".models[] | select(.model == \"$name\") | .cases" suites/data/lens/cases.json >"$T/expected"
    for ((case = 0; case < ${#ids[@]} / 2; case++)); do
        same "$(jq -c "[.cases[$case] | .answer.id, (.layers[] | .rank, [.top[].id])]" "$T/out")" \
            "$(jq -c "[.[$case] | .answer, (.layers[] | .rank, .top)]" "$T/expected")"
        json "[[.cases[$case].layers[].log_probability], $(jq -c "[.[$case].layers[].log_probability]" "$T/expected")] | transpose | all(.[]; (.[0] - .[1]) | fabs < 1e-4)"
    done
done
json 'all(.cases[]; .first_layer >= .first_top and .tokens > 0 and (.layers | length == 5) and (.layers[-1].rank == 1))'
test_that 'a chunk at a time it is the same'
for chunk in 1 3; do
    run 0 trace "$model" --golden "$(gold thinker)" --lens --json -q --chunk $chunk
    jq -c '[.cases[].layers[] | .rank, .top[0].id]' "$T/out" >"$T/chunk.$chunk"
done
run 0 trace "$model" --golden "$(gold thinker)" --lens --json -q
same "$(jq -c '[.cases[].layers[] | .rank, .top[0].id]' "$T/out" | cat - "$T/chunk.1" "$T/chunk.3" | sort -u | wc -l)" 1
json '.cases[0] | .case == "prompt-0" and (.prompt | type == "string")'
test_that 'windows of a text'
run 0 trace "$model" --text suites/data/text/english.txt --context 512 --lens --json -q
json '.cases | length > 1 and all(.tokens == 512)'
test_that 'a model that makes NaN is told'
run 0 trace "$model" --ids 5 --lens -q --fault nan:model.norm.weight
says out 'the logits at the end are not finite'
run 0 trace "$model" --ids 5 --lens --json -q --fault nan:model.norm.weight
json '.cases[0] | (.answer | not) and .first_layer == -1 and all(.layers[]; .rank == "nan" and .top == [])'
test_that 'without a tokenizer tokens are told by their ids'
run 0 trace "$nano/thinker-extraction" --config "$model/config.json" --ids 5 --lens -q
says out "'<token 216>' (none)"
test_that 'misuse'
run 2 trace "$model" --ids 5
run 2 trace "$model" --ids 5 --json -o "$T/x.safetensors"
run 2 trace "$model" --ids 5 --lens-top 3 -o "$T/x.safetensors"
run 2 trace "$model" --ids 5 --lens --lens-top 21
run 2 trace "$model" --ids 5 --lens --points logits
run 2 trace "$model" --prompt $'a\xffb' --lens --json
run 0 trace "$model" --prompt $'a\xffb' --lens -q
absent "$T/x.safetensors"

# check with only this suite
suite=$T/suite.json
with() { printf '%s' "$2" >"$suite"; run "$1" check "$model" --suite "$suite" --json -q "${@:3}"; }
places='[.findings[] | select((.check == "lens" or .check == "lens.prompts") and (.summary | not))]'
test_that 'check reports every case, with a rank curve for each and tables for the first'
with 0 '{"diagnostics": ["lens"]}' --golden "$(gold thinker)"
equal .verdict pass
json "$places | length == 4 and all(.[]; .first_layer == .gold_first_layer and .answer_of == \"gold's continuation\")"
json "$places | [.[].series | length] == [3, 3, 3, 1]"
json "$places | all(.[].series[0]; .log_y and ([.curves[].name] == [\"rank of the answer\", \"gold\"]) and .curves[0] .values == .curves[1].values)"
json "$places[0].series[2] | .kind == \"table\" and (.labels[0] | test(\"^0: '.*' [(].*[)]\$\"))"
test_that 'a break warns, with the layer and the tokens, and fails nothing'
with 0 '{"diagnostics": ["lens"]}' --golden "$(gold thinker)" --fault swap-layers:1,2
equal .verdict warn
json "$(summary lens) | .verdict == \"warn\" and .measured > 0 and .limit == 0 and .where.layer == 1 and (.message | test(\"differs from gold's from layer 1 on: '.*' becomes '.*'\"))"
json "$places | .[0].first_different_layer == 1"
with 0 '{"diagnostics": ["lens"], "limits": {"lens.top1": {"value": 5, "cause": "a test"}}}' --golden "$(gold thinker)" --fault swap-layers:1,2
equal .verdict pass
json "$(summary lens) | .measured > 0 and .cause == \"a test\""
test_that 'gold without the residual stream gives the answer and judges nothing'
run 0 trace "$model" --golden "$(gold thinker)" --points logits -o "$T/logits.safetensors" -q
with 0 '{"diagnostics": ["lens"]}' --golden "$T/logits.safetensors" --fault swap-layers:1,2
equal .verdict pass
json "$(summary lens) | has(\"measured\") | not"
run 0 trace "$model" --prompt 'Hello world' --ids 5 --points logits -o "$T/own.safetensors" -q
with 0 '{"diagnostics": ["lens"]}' --golden "$T/own.safetensors"
json "$places | all(.[]; .answer_of == \"gold's logits\" and .first_layer >= 0 and (.series[0].curves | length == 1))"
test_that 'the prompts of a suite, with and without gold; what it writes is random, and fails where gold does not write so too'
with 1 '{"diagnostics": ["lens"], "prompts": ["Hello world", "The house"], "new_tokens": 1}'
json "[.findings[] | select(.check == \"lens.prompts\" and .summary) | .verdict] == [\"skip\"]"
json "$places | length == 2 and .[0].where.case == \"Hello world\" and all(.[]; .answer_of == \"the subject\" and .first_layer >= 0)"
with 0 '{"diagnostics": ["lens"], "prompts": ["Hello world"], "new_tokens": 1}' --golden "$(gold thinker)"
json "[.findings[] | select((.check == \"lens\" or .check == \"lens.prompts\") and .summary) | .verdict] == [\"pass\", \"skip\"]"
json "$places | length == 5"
long=$(printf 'дом%.0s' {1..60})
with 1 "{\"diagnostics\": [\"lens\"], \"prompts\": [\"a$long\"], \"new_tokens\": 1}"
json "$places[0].where.case | length == 43 and startswith(\"aдом\") and endswith(\"...\")"
test_that 'many cases: some of them, and that is said'
arguments=()
for id in {1..20}; do arguments+=(--ids "$id"); done
run 0 trace "$model" "${arguments[@]}" -o "$T/many.safetensors" -q
with 0 '{"diagnostics": ["lens"]}' --golden "$T/many.safetensors"
json "$places | length == 16"
json "$(summary lens).message | test(\"16 cases [(]the first of 20[)]\")"
test_that 'reports: the curve of gold is a reference, and the page says what was found'
run 0 check "$model" --suite "$proof" --golden "$(gold thinker)" -o "$T/report" -q
there "$T/report/report.html"
if grep -q 'Rank of &#39;.*after every layer: prompt-0' "$T/report/report.html"; then passed; else failed 'no rank curve'; fi
