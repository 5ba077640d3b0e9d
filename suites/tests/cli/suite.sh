# What a suite file can and cannot do.
suite=$T/suite.json
inventory=$(printf 'inventory.%s ' files pattern absent blast incomplete misnamed duplicates shape dtype extra | sed 's/ $//')
checks_of='[.findings[] | select(.summary) | .check] | join(" ")'
with() {
    local status=$1
    printf '%s' "$2" >"$suite"
    shift 2
    run "$status" check "$nano/thinker" --suite "$suite" --json -q "$@"
}
refused() {
    with 3 "$1" --golden "$(gold thinker)"
    says err "$suite"
    says err "$2"
    silent out
}

test_that 'fewer diagnostics'
with 0 '{"diagnostics": ["inventory"]}'
equal "$checks_of" "$inventory"
with 0 '{"name": "n", "description": "d", "diagnostics": ["layers"]}' --golden "$(gold thinker)"
equal "$checks_of" 'config.gold layers.propagated layers.isolated layers.ties gold.compared layers.experts'
with 0 '{"diagnostics": ["greedy", "weights"]}' --golden "$(gold thinker)"
equal "$checks_of" 'config.gold weights.finite weights.constant weights.bytes weights.identical weights.initialised weights.magnitude weights.structure weights.pairs weights.router weights.vocabulary weights.embedding_rows greedy gold.compared'
with 0 '{"diagnostics": ["logits"]}' --golden "$(gold thinker)"
with 0 '{"diagnostics": ["tokens"]}' --golden "$(gold thinker)"
equal "$checks_of" tokens.ids

test_that 'nothing to judge does not pass, and says why'
for diagnostic in layers logits lens greedy tokens perplexity; do
    with 1 "{\"diagnostics\": [\"$diagnostic\"]}"
    equal .verdict fail
    json '[.findings[] | .verdict] | length > 0 and unique == ["skip"]'
    json '.reason | test("skipped")'
done
with 1 '{"diagnostics": ["perplexity"]}' --golden "$(gold thinker)"
json '.findings[0].verdict == "skip"'
run 0 check "$nano/thinker" --suite "$proof" --json -q
json '.reason | test("skipped")'
json "$(summary layers.propagated).verdict == \"skip\""

test_that 'of the diagnostics only some'
judged='[.findings[] | select(.summary and (has("left_out") | not)) | .check] | join(" ")'
left_out='[.findings[] | select(has("left_out")) | [(.check | ltrimstr("left_out.")), .verdict, .left_out]]'
run 0 check "$nano/thinker" --golden "$(gold thinker)" --only inventory --json -q
equal "$judged" "$inventory"
equal '[.verdict, .reason]' '["pass","All 10 checks passed; 8 were left out on purpose."]'
json "$left_out | map(.[0]) == [\"weights\", \"tokens\", \"layers\", \"logits\", \"lens\", \"greedy\", \"perplexity\", \"texts\"] and all(.[1:] == [\"skip\", \"--only\"])"
run 0 check "$nano/thinker" --golden "$(gold thinker)" --only layers,logits --json -q
json '[.findings[] | select(has("left_out") | not) | .check] | any(. == "layers.isolated") and any(. == "logits.kl") and all(test("^(layers|logits|gold|config.gold|perplexity)"))'
run 0 check "$nano/thinker" --golden "$(gold thinker)" --skip texts,lens --json -q
json "$left_out == [[\"lens\", \"skip\", \"--skip\"], [\"texts\", \"skip\", \"--skip\"]]"
json '[.findings[].check] | any(. == "layers.isolated") and all(test("^(text|lens)[.]") | not)'
run 0 check "$nano/thinker" --golden "$(gold thinker)" --only layers,logits,greedy --skip greedy --suite default
says out 'skip left_out.greedy Left out by --skip.'
says out 'skip left_out.texts Left out by --only.'
run 3 check "$nano/thinker" --only layers,logits --skip layers,logits -q
says err '--skip leaves nothing of the suite default to be checked'
run 2 check "$nano/thinker" --skip layers,nothing
says err '--skip: "nothing" is neither a diagnostic nor a check; diagnostics are inventory,'
test_that 'a check that is left out is not judged and does not count, and a check alone is'
run 0 check "$nano/thinker" --golden "$(gold thinker)" --only layers.isolated --json -q --fault scale:model.layers.1.mlp.gate.weight,2 --skip 'layers.iso*'
equal "$judged" 'config.gold gold.compared'
json '.verdict == "pass" and .severity.level == "unknown"'
run 1 check "$nano/thinker" --golden "$(gold thinker)" --only layers.isolated,inventory.absent --json -q --fault scale:model.layers.1.mlp.gate.weight,2
equal "$judged" 'config.gold inventory.absent layers.isolated gold.compared'
json "$left_out | index([[\"layers.propagated\", \"skip\", \"--only\"]]) and index([[\"weights\", \"skip\", \"--only\"]])"
run 2 check "$nano/thinker" --only layers.isolatd
says err 'did you mean "layers.isolated"?'
test_that 'what was left out on purpose is no skipped check for --fail-on skip, what could not be checked is one'
run 0 check "$nano/thinker" --golden "$(gold thinker)" --only inventory,layers --json -q --strict
run 0 check "$nano/thinker" --golden "$(gold thinker)" --skip weights,tokens,lens,perplexity,texts --json -q --fail-on skip
run 1 check "$nano/thinker" --golden "$(gold thinker)" --only inventory,perplexity --json -q --fail-on skip
test_that 'of the diagnostics only some, in other suites and commands'
with 3 '{"diagnostics": ["layers"]}' --golden "$(gold thinker)" --only logits
says err logits
run 2 check "$nano/thinker" --only layers,nothing
for diagnostic in inventory weights tokens layers logits lens greedy perplexity texts; do
    says err "$diagnostic"
done
run 0 check -h
for diagnostic in inventory weights tokens layers logits lens greedy perplexity texts; do
    says out " $diagnostic "
done

test_that 'compare takes the suite at its word'
printf '{"diagnostics": ["logits", "texts"]}' >"$suite"
run 0 compare "$(gold thinker)" "$nano/thinker" --suite "$suite" --json -q
json '[.findings[].check] | any(. == "logits.kl") and all(test("^(layers|inventory|greedy|text)") | not)'
run 0 trace "$nano/thinker" --golden "$(gold thinker)" -o "$T/dump.safetensors" -q
run 0 compare "$(gold thinker)" "$T/dump.safetensors" --suite "$suite" --json -q
json '[.findings[].check] | any(. == "logits.kl") and all(test("^(layers|inventory|greedy|text)") | not)'
run 0 compare "$(gold thinker)" "$T/dump.safetensors" --only layers --json -q
json '[.findings[] | select(has("left_out") | not) | .check] | any(. == "layers.propagated") and all(test("^(logits|greedy)") | not)'
json "$left_out | map(.[0]) == [\"inventory\", \"logits\", \"greedy\"]"
run 0 compare "$(gold thinker)" "$T/dump.safetensors" --skip layers --json -q
json "$left_out == [[\"layers\", \"skip\", \"--skip\"]]"
run 3 compare "$(gold thinker)" "$nano/thinker" --only texts
says err compares

test_that 'limits'
with 1 '{"diagnostics": ["layers"], "limits": {"layers.noise_multiple": {"value": 0, "cause": "a test"}}}' --golden "$(gold thinker)"
json "$(summary layers.isolated) | .limit == 0 and .cause == \"a test\""
json "$(summary layers.propagated) | .limit == 0 and .cause == \"a test\""
with 0 '{"diagnostics": ["layers"], "limits": {"layers.noise_multiple": {"value": 1000, "cause": "a test"}}}' --golden "$(gold thinker)"
printf '{"diagnostics": ["layers"], "limits": {"layers.noise_multiple": {"value": 0, "cause": "a test", "tags": ["strict"]}}}' >"$suite"
run 0 check "$nano/thinker" --golden "$(gold thinker)" --suite "$suite" --json -q
run 1 check "$nano/thinker" --golden "$(gold thinker)" --suite "$suite" --json -q --tag strict
json "$(summary layers.isolated) | .limit == 0 and .cause == \"a test\""
run 1 compare "$(gold thinker)" "$nano/thinker" --suite "$suite" --json -q --tag strict
hurt thinker row layers.2.self_attn.o_proj.weight 1 1.001
printf '{"diagnostics": ["layers"], "limits": {"layers.noise_multiple": {"value": 1e9, "cause": "anything goes"}}}' >"$suite"
check 0 thinker --suite "$suite"
run 0 compare "$(gold thinker)" "$T/hurt" --suite "$suite" --json -q
json "$(summary layers.isolated).verdict == \"pass\""

test_that 'refused: an error names line, column and key (test_suite has every kind of it)'
refused '' 'is empty'
refused '[]' ':1:1: a suite is a JSON object'
refused '{}' ':1:1: a suite without "diagnostics" checks nothing'
refused '{"diagnostics": ["layer"]}' ':1:18: diagnostics[0]: "layer" is no diagnostic; did you mean "layers"?'
refused $'{"diagnostics": ["layers"],\n "limit": {}}' ':2:2: limit: "limit" is no key that is known here; did you mean "limits"?'
refused $'{"diagnostics": ["layers"]\n "limits": {}}' ':2:2: malformed JSON'
refused '{"diagnostics": ["layers"], "diagnostics": ["logits"]}' ':1:29: "diagnostics" occurs twice'
refused '{"diagnostics": ["layers"], "limits": {"layers.noise": {"value": 1, "cause": "c"}}}' 'did you mean "layers.noise_multiple"?'
refused '{"diagnostics": ["texts"], "prompts": ["a", {"text": "b"}]}' 'prompts[1].text: "text" is no key that is known here; there are prompt, expects and tags'
refused '{"diagnostics": ["layers"], "chat\u001b[31m": 5}' 'did you mean "chat"?'
if grep -q $'\x1b' "$T/err"; then failed 'an escape sequence reached the terminal'; else passed; fi
refused '{"extends": "nowhere"}' 'extends: "nowhere" is no suite that is built in, and no file; there are default, quick,'
refused '{"extends": "suite.json"}' 'in a circle: '
run 3 check "$nano/thinker" --suite defualt -q
says err '"defualt" is no suite that is built in, and no file; did you mean "default"? There are default, quick,'

test_that 'suites that are built in: by name, from anywhere, listed and printed'
run 0 suites
bundled='default quick full extraction implementation quantised english'
for bundle in $bundled; do
    says out "$bundle $(jq -r .purpose "suites/$bundle.json")"
done
run 0 suites --json
equal '[.[].name] | join(" ")' "$bundled"
json 'all(.purpose | length > 20) and .[1].diagnostics == ["inventory", "weights", "tokens", "logits"]'
for bundle in $bundled; do
    run 0 suites "$bundle"
    json "has(\"extends\") | not"
    cp "$T/out" "$T/printed.json"
    run 0 suites "$T/printed.json"
    same "$(cmp "$T/out" "$T/printed.json")" ''
done
binary=$(realpath "$assay")
same "$(cd / && "$binary" suites quick | jq -r .name)" quick
mkdir -p "$T/far" && printf 'a text' >"$T/far/text.txt"
printf '{"extends": "quick", "diagnostics": {"add": ["perplexity"]}, "text": {"file": "text.txt"}}' >"$T/far/own.json"
same "$(cd "$T" && "$binary" suites far/own.json | jq -r .text.file)" "$(realpath "$T/far/text.txt")"
run 3 suites quik
says err 'did you mean "quick"?'
printf '{"extends": "quick", "limits": {"logits.kl": {"value": 1e9, "cause": "a test"}}, "diagnostics": {"remove": ["weights"]}}' >"$suite"
run 0 suites "$suite"
json '.name == "suite.json" and .diagnostics == ["inventory", "tokens", "logits"] and .limits["logits.kl"].value == 1e9 and .limits.greedy.value == 0'
run 0 check "$nano/thinker" --suite quick --golden "$(gold thinker)" --json -q
json '[.findings[].check] | any(. == "logits.kl") and any(. == "weights.finite") and all(test("^(layers.isolated|greedy|text)") | not)'
for fault in missing-norms:1 scale:model.norm.weight,1.01 swap-layers:1,3; do
    run 1 check "$nano/thinker" --suite quick --golden "$(gold thinker)" --json -q --fault "$fault"
done
run 0 compare "$(gold thinker)" "$T/dump.safetensors" --suite implementation --json -q
json '[.findings[].check] | any(. == "logits.kl") and any(. == "greedy") and any(. == "layers.propagated") and all(test("inventory") | not)'
run 1 check "$nano/thinker" --suite extraction --json -q
json "$(summary perplexity).verdict == \"pass\" and $(summary text.verdict).verdict == \"fail\" and $(summary lens.prompts)"
run 0 check "$nano/thinker" --suite extraction --skip texts --json -q

test_that 'prompts by tag, gold by the name of its cases'
printf '{"diagnostics": ["texts"], "new_tokens": 3, "prompts": ["a", {"prompt": "b", "tags": ["x", "y"]}, {"prompt": "c", "tags": ["x"]}]}' >"$suite"
chosen() { json "[.findings[] | select(.check == \"text.verdict\" and (.summary | not)).prompt] | unique == $1"; }
run 1 check "$nano/thinker" --suite "$suite" --tag x --json -q
chosen '["b", "c"]'
run 1 check "$nano/thinker" --suite "$suite" --tag y --tag y --json -q
chosen '["b"]'
run 3 check "$nano/thinker" --suite "$suite" --tag z -q
says err '--tag: in the suite suite.json "z" is no tag of a prompt or a limit; there are x and y'
run 3 check "$nano/thinker" --tag code -q
says err '--tag code: no prompt and no limit of the suite default has a tag'
run 3 check "$nano/thinker" --suite english --tag coed -q
says err 'did you mean "code"?'
cases() { jq -c '[.gold[].cases]' "$T/out"; }
run 0 check "$nano/thinker" --suite "$proof" --golden "$(gold thinker)" --cases 'prompt-*' --json -q
same "$(cases)" '[2]'
equal '.findings[] | select(.check == "left_out.cases") | [.verdict, .left_out, .message]' '["skip","--cases","Of gold'"'"'s 4 cases 2 were left out by --cases."]'
json '[.findings[] | select(.where.case).where.case] | all(test("^prompt-"))'
run 0 check "$nano/thinker" --suite "$proof" --golden "$(gold thinker)" --golden suites/data/foreign/npy/short --cases ids-2 --cases prompt-0 --json -q --only logits
same "$(cases)" '[2]'
run 0 compare "$(gold thinker)" "$T/dump.safetensors" --cases ids-3 --json -q
same "$(cases)" '[1]'
json '.findings[0].check == "left_out.cases"'
run 0 check "$nano/thinker" --only inventory,layers --golden "$(gold thinker)" --cases 'prompt-*' --json -q --fail-on skip
run 3 check "$nano/thinker" --golden "$(gold thinker)" --cases 'prompt' -q
says err '--cases prompt: no case of gold has such an id'
run 3 compare "$(gold thinker)" "$nano/thinker" --cases nothing --cases none -q
says err '--cases nothing and none: no case of gold has such an id'
run 3 check "$nano/thinker" --cases 'prompt*' -q
says err 'no gold was given whose cases it could choose'
hurt_gold thinker scale ids-3/lm_head 1.5
run 0 check "$nano/thinker" --suite "$proof" --golden "$T/gold.safetensors" --cases 'prompt-*' --json -q
run 1 check "$nano/thinker" --suite "$proof" --golden "$T/gold.safetensors" --cases 'ids-[3]' --json -q

test_that 'prompts: they are continued, sampled and greedily, in any case'
written='[.findings[] | select(.check == "text.verdict" and (.summary | not)) | [.where.case, .prompt, .text.text]] | sort'
with 1 '{"diagnostics": ["inventory"], "prompts": ["The house", {"prompt": "дом"}], "new_tokens": 5}'
json "$written | map(.[:2]) == [[\"prompt 1, greedy\", \"The house\"], [\"prompt 1, sampled\", \"The house\"], [\"prompt 2, greedy\", \"дом\"],
    [\"prompt 2, sampled\", \"дом\"]] and all(.[2] | length > 0)"
first=$(jq -c "$written" "$T/out")
with 1 '{"diagnostics": ["inventory"], "prompts": ["The house", "дом"], "new_tokens": 5}' --threads 1
equal "$written" "$first"
with 0 '{"diagnostics": ["inventory"], "sampling": {"seed": 3}, "chat": true}'
equal "$checks_of" "$inventory"
test_that 'a model without a tokenizer writes nothing, which is told and no error'
bare=(check "$nano/thinker-extraction" --config "$nano/thinker/config.json" --json -q)
run 0 "${bare[@]}" --suite "$suite"
printf '{"diagnostics": ["inventory"], "prompts": ["The house"]}' >"$suite"
run 0 "${bare[@]}" --suite "$suite"
json '.findings[] | select(.check == "text.verdict") | .verdict == "skip" and (.message | test("There is no tokenizer .* no text was written"))'
run 0 "${bare[@]}" --golden "$(gold thinker)"
equal "$(summary text.verdict).verdict" skip
json "$(summary lens).verdict == \"pass\""
printf '{"diagnostics": ["texts"]}' >"$suite"
run 1 "${bare[@]}" --suite "$suite"
equal .verdict fail

test_that 'a text beside the suite'
mkdir "$T/suites"
cp suites/data/text/english.txt "$T/suites/the text"
printf '{"diagnostics": ["perplexity"], "text": {"file": "the text", "context": 32, "stride": 16}}' >"$T/suites/s.json"
run 0 check "$nano/thinker" --suite "$T/suites/s.json" --json -q
json "$(summary perplexity) | .context == 32 and .stride == 16"
run 0 check "$nano/thinker" --suite "$T/suites/s.json" --json -q --context 64
json "$(summary perplexity) | .context == 64 and .stride == 16"

test_that 'the suite for quantised models: rounding passes, a lost or exchanged tensor does not'
quantised() { run "$1" check "$nano/thinker" --golden "$(gold thinker)" --suite suites/quantised.json --json -q --fault "$2"; }
quantised 0 scale:layers.3.self_attn.v_proj.weight,1.03
json "$(summary layers.isolated) | .verdict == \"pass\" and .measured > 0.01 and .limit == 1.3 and (.cause | test(\"SmolLM2\"))"
json "$(summary logits.kl) | .verdict == \"pass\" and .measured > 1e-5 and .perplexity_ratio_error > 0"
json "$(summary perplexity).verdict == \"pass\""
quantised 1 scale:lm_head.weight,-1
json "$(summary logits.kl).verdict == \"fail\" and $(summary logits.nmse).verdict == \"fail\""
quantised 1 missing-norms:2
run 1 check "$nano/thinker" --suite "$proof" --golden "$(gold thinker)" --json -q --fault scale:layers.3.self_attn.v_proj.weight,1.03

test_that 'what a suite allows heals no wrong routing: all that follows shows what it costs'
for row in 'mixtral 1 logits.kl 1.2' 'thinker 1 logits.kl 1.7' 'qwen3_moe 1 logits.nmse 0.12' 'qwen2_moe 0 logits.kl 0.15'; do
    read -r model status worst least <<<"$row"
    arguments=(check "$nano/$model" --golden "$(gold "$model")" --json -q)
    run 1 "${arguments[@]}" --suite "$proof" --fault swap-router-rows:1,0,1
    divergence=$(jq "$(summary logits.kl).measured" "$T/out")
    run "$status" "${arguments[@]}" --suite suites/quantised.json --fault swap-router-rows:1,0,1
    equal "$(summary logits.kl).measured" "$divergence"
    json "$(summary "$worst") | .measured > $least and .verdict == (if $status == 1 then \"fail\" else \"pass\" end)"
    equal "$(summary layers.propagated).routing_ties" 0
    run 0 "${arguments[@]}" --suite suites/quantised.json
    json "$(summary layers.ties) | .verdict == \"pass\" and .measured == 0 and .routings > 0"
done

test_that 'a subject whose logits are all alike writes nothing that could be a near-tie'
printf '{"diagnostics": ["greedy"]}' >"$suite"
for model in thinker mixtral; do
    hurt_gold "$model" drop prompt-0/lm_head drop prompt-1/lm_head drop ids-2/lm_head drop ids-3/lm_head
    for gold in "$(gold "$model")" "$T/gold.safetensors"; do
        for fault in zeros:lm_head.weight constant:lm_head.weight,0.5 scale:lm_head.weight,0; do
            run 1 check "$nano/$model" --suite "$suite" --golden "$gold" --json -q --fault "$fault"
            json "$(summary greedy) | .verdict == \"fail\" and .measured == 4 and .near_ties == 0"
        done
        run 0 check "$nano/$model" --suite "$suite" --golden "$gold" --json -q
    done
done
test_that 'what coarse gold cannot tell apart is a near-tie still, and what fine gold can is none'
hurt_gold thinker unmeta noise meta dtype bfloat16
fault=scale:layers.3.self_attn.v_proj.weight,1.02
run 0 check "$nano/thinker" --suite "$suite" --golden "$T/gold.safetensors" --json -q --fault "$fault"
json "$(summary greedy) | .verdict == \"pass\" and .measured == 0 and .near_ties == 2"
json '[.findings[] | select(.check == "greedy" and (.summary | not)) | .verdict] == ["warn", "warn"]'
run 1 check "$nano/thinker" --suite "$suite" --golden "$(gold thinker)" --json -q --fault "$fault"
json "$(summary greedy) | .measured == 2 and .near_ties == 0"

# severity_of LEVEL OPTION...: of a check of thinker against its gold.
severity_of() {
    local level=$1 status=$2
    shift 2
    run "$status" check "$nano/thinker" --suite "$proof" --golden "$(gold thinker)" --json -q "$@"
    json ".severity.level == \"$level\" and (.severity.nats | . >= 0)"
}
slightly=(--fault scale:model.layers.4.post_attention_layernorm.weight,1.004)
test_that 'every verdict says how bad it is, and what ends with status 1 can be chosen'
severity_of identical 0
severity_of broken 1 --fault swap-layers:1,3
severity_of broken 1 --fault swap-layers:1,3 --fail-on broken
severity_of degraded 1 --fault scale:model.norm.weight,1.01
severity_of degraded 1 --fault scale:model.norm.weight,1.01 --fail-on degraded
severity_of degraded 0 --fault scale:model.norm.weight,1.01 --fail-on broken
severity_of harmless 1 "${slightly[@]}"
severity_of harmless 0 "${slightly[@]}" --fail-on degraded
run 0 check "$nano/thinker" --golden "$(gold thinker)" --json -q --fail-on warn
run 1 check "$nano/thinker" --golden "$(gold thinker)" --json -q --fail-on skip
json '.verdict == "pass" and ([.findings[] | select(.verdict == "skip")] | length > 0)'
run 1 check "$nano/thinker" --golden "$(gold thinker)" --json -q --strict
run 0 inspect "$nano/thinker" --json -q
json '.severity.level == "unknown"'
run 2 check "$nano/thinker" --golden "$(gold thinker)" -q --fail-on worse
says err 'any|degraded|broken|warn|skip'
jq '.limits["severity.broken.nats"] = {"value": 1e-9, "cause": "for a test"} | .limits["severity.harmless.nats"] = {"value": 1e-10, "cause": "for a test"}' \
    "$proof" >"$T/severe.json"
run 1 check "$nano/thinker" --suite "$T/severe.json" --golden "$(gold thinker)" --json -q "${slightly[@]}"
json '.severity.level == "broken"'
run 1 check "$nano/thinker" --golden "$(gold thinker)" -q -o "$T/severe" --no-diagnose --fault swap-layers:1,3
says out "Severity: broken: divergence 4.33 nats a token, broken is above 1; the next-token distribution has little to do with gold's."
for file in report.html summary.md; do
    same "$(grep -c 'Severity: broken: divergence 4.33 nats a token, broken is above 1; the next-token distribution' "$T/severe/$file")" 1
done
