# How texts that were judged are shown.
cat >"$T/texts.jsonl" <<'END'
{"prompt": "Where is the sun?", "text": "The sun is a star, and it is in the middle of all the planets that we know."}
{"prompt": "Go on: <b>once</b>", "text": "Once there were cats</mark><script> and cats and cats and cats and cats and cats and cats and cats and cats and cats and cats and cats and cats."}
END

test_that 'the terminal names the file, the text at fault and where it goes wrong, and no other text'
run 1 quality "$T/texts.jsonl" -o "$T/report"
says out "quality $T/texts.jsonl"
says out '- line 2: "Go on: <b>once</b>" repetition: '
says out '>>>'
says_not out 'Where is the sun'

test_that 'a page shows both, and no text is markup'
same "$(grep -c 'id="text-' "$T/report/report.html")" 2
same "$(grep -c '<script' "$T/report/report.html")" 0
if grep -q 'title="repetition">' "$T/report/report.html"; then passed; else failed 'nothing is marked'; fi

test_that 'report.json: what lies between the offsets was marked'
json '[.findings[] | select(.text) | .where.case] | sort == ["line 1", "line 2"]' "$T/report/report.json"
json '[.findings[] | .text // empty | .text as $text | .marks[] | $text[.from:.to]] | length > 0 and all(test("cats"))' \
    "$T/report/report.json"
json '[.findings[] | select(.where.case == "line 2" and .text)][0].text.reasons[0].what == "repetition"' "$T/report/report.json"
json '.subject.path | endswith("texts.jsonl")' "$T/report/report.json"

test_that 'junit.xml and summary.md tell of the text at fault'
same "$(grep -c '^fail: line 2: .*&quot;$' "$T/report/junit.xml")" 1
same "$(grep -c 'line 1: ' "$T/report/junit.xml")" 0
same "$(grep -c '^| line 2: ' "$T/report/summary.md")" 1
same "$(grep -c '^| line 1: ' "$T/report/summary.md")" 0

# What a model writes: the reference model, which was trained on stories, facts and sums (golden/thinker-48).
reference=golden/thinker-48
# writes STATUS MEMBERS [ARGUMENT...]: checks only the texts of the reference model, the suite having these members too.
writes() {
    local status=$1
    printf '{"diagnostics": ["texts"], %s}' "$2" >"$T/suite.json"
    shift 2
    run "$status" check "$reference" --suite "$T/suite.json" --json -q "$@"
}
# Of the last --json output: texts by case; those of one way of writing; places at which a check fails.
written='[.findings[] | select(.text) | [.where.case, .prompt, .text.text]] | sort'
fails() { printf '[.findings[] | select(.check == "%s" and (.summary | not) and .verdict == "fail") | .where.case] | sort' "$1"; }
facts='{"prompt": "The capital of France is", "expects": {"matches": ["^ Paris\\b"]}},
    {"prompt": "The capital of Italy is", "expects": {"matches": ["^ Rome\\b", "[.]"], "forbids": ["Athens", "Paris"], "language": "en"}},
    {"prompt": "2 + 2 =", "expects": {"matches": ["^ 4\\b"], "list": true}}, {"prompt": "3 + 4 =", "expects": {"matches": ["^ 7\\b"]}},
    {"prompt": "The opposite of hot is", "expects": {"matches": ["^ cold"]}}'
broken=(--fault one-shard-per-layer)

test_that 'facts and sums: what is expected is met, and proves something'
writes 0 "\"prompts\": [$facts], \"new_tokens\": 16"
equal .verdict pass
json "$written | length == 10"
equal '[.findings[] | select(.summary and .measured == 0) | .check] | sort | join(" ")' 'text.characters text.control text.expected text.grammar text.language text.leakage text.repetition text.verdict text.wordness'
json "$(summary text.control) | .verdict == \"pass\" and (.message | test(\"Of the expectations of 10 texts, 0 are met\"))"
json "$(summary text.self_consistency) | .measured < 0.15 and .measured < .limit and (.series[0].curves | length) == 10"
cp "$T/out" "$T/facts.json"

test_that 'the same seed gives the same texts, whatever the threads and the memory; another seed others'
same_texts() {
    writes 0 "\"prompts\": [$facts], \"new_tokens\": 16" "$@"
    equal "$written" "$(jq -c "$written" "$T/facts.json")"
    equal "$(summary text.self_consistency).entropy" "$(jq "$(summary text.self_consistency).entropy" "$T/facts.json")"
}
if thorough; then # the topic generate writes with each of these under sanitizers too
    same_texts --threads 1
    same_texts --threads 2 --memory 1M
    same_texts --cache-experts 64
    writes 0 "\"prompts\": [$facts], \"new_tokens\": 16, \"sampling\": {\"seed\": 1}"
    json "($written | map(select(.[0] | test(\"greedy\")))) == $(jq -c "$written | map(select(.[0] | test(\"greedy\")))" "$T/facts.json")"
    json "($written | map(select(.[0] | test(\"sampled\")))) != $(jq -c "$written | map(select(.[0] | test(\"sampled\")))" "$T/facts.json")"
fi

test_that 'how it is sampled'
story='"prompts": ["Once upon a time"], "new_tokens": 24'
writes 0 "$story, \"sampling\": {\"temperature\": 0}"
json "$written | .[0][2] == .[1][2]"
for sampling in '"top_k": 1' '"top_p": 1e-9' '"min_p": 1'; do
    thorough || [ "$sampling" == '"top_p": 1e-9' ] || continue
    writes 0 "$story, \"sampling\": {\"temperature\": 1.5, $sampling}"
    json "$written | .[0][2] == .[1][2]"
done
thorough && writes '0|1' "$story, \"sampling\": {\"temperature\": 1.5, \"top_k\": 0}" && json "$written | .[0][2] != .[1][2]"
writes '0|1' "$story, \"sampling\": {\"temperature\": 0, \"repetition_penalty\": 3}"
json "$written | .[0][2] == .[1][2] and (.[0][2] | test(\"Felix\") | not)"

test_that 'what is expected and not met fails, with the reason'
writes 1 '"prompts": [{"prompt": "The capital of France is", "expects": {"matches": ["^ Rome\\b"]}}, "Once upon a time"], "new_tokens": 24'
equal "$(fails text.expected)" '["prompt 1, greedy","prompt 1, sampled"]'
equal "$(fails text.verdict)" '["prompt 1, greedy","prompt 1, sampled"]'
json '[.findings[] | select(.summary and .verdict == "fail") | .check] == ["text.verdict", "text.expected"]'
json '[.findings[] | select(.check == "text.expected" and (.summary | not)) | .message | test("a pattern that is expected does not occur.*Rome")] | all'
writes 1 '"prompts": [{"prompt": "The capital of France is", "expects": {"forbids": ["Paris"]}}], "new_tokens": 12'
equal "$(fails text.expected)" '["prompt 1, greedy","prompt 1, sampled"]'
json '[.findings[] | select(.text) | .text.text[.onset:.onset + 5]] == ["Paris", "Paris"]'
for expects in '"language": "ru"' '"language": ["zh", "ja"]'; do
    thorough || [ "$expects" == '"language": "ru"' ] || continue
    writes 1 "\"prompts\": [{\"prompt\": \"Once upon a time\", \"expects\": {$expects}}]"
    equal "$(fails text.language)" '["prompt 1, greedy","prompt 1, sampled"]'
done
if thorough; then
    writes 0 '"prompts": [{"prompt": "Once upon a time", "expects": {"language": ["ru", "en"]}},
        {"prompt": "Heute ging Maria an den Fluss.", "expects": {"language": "de"}}, {"prompt": "Hoy Juan fue al mercado.", "expects": {"language": "es"}},
        {"prompt": "今天，小明去了公园。", "expects": {"language": "zh"}}, {"prompt": "اليوم ذهب أحمد إلى الحديقة.", "expects": {"language": "ar"}}], "new_tokens": 40'
fi
writes 1 '"prompts": [{"prompt": "Once upon a time", "expects": {"json": true}}], "new_tokens": 24'
equal "$(fails text.expected)" '["prompt 1, greedy","prompt 1, sampled"]'

test_that 'what a prompt asks for is no fault: code, JSON, lists, repetition'
cat >"$T/asked.jsonl" <<'END'
{"prompt": "Add two numbers in C.", "text": "int add(int a, int b) {\n    int sum = a + b;\n    return sum;\n}\nint main(void) { return add(1, 2) == 3 && add(a_b, c_d) != 4; }", "expects": {"code": true}}
{"prompt": "An object, please.", "text": "{\"name\": \"xkqzw\", \"tags\": [\"qqq\", \"wwq\", \"zzx\"], \"size\": [1, 2, 3]}", "expects": {"json": true}}
{"prompt": "Say it often.", "text": "The old clock says tick tock and the old clock says tick tock and the old clock says tick tock and the old clock says tick tock and the old clock says tick tock.", "expects": {"may_repeat": true}}
{"prompt": "Name cities.", "text": "Paris, Rome, Athens, Cairo, Havana, Madrid, Berlin, London, Lisbon, Vienna, Warsaw, Prague, Oslo, Bern", "expects": {"list": true}}
END
run 0 quality "$T/asked.jsonl" --json -q
jq -c 'del(.expects)' "$T/asked.jsonl" >"$T/unasked.jsonl"
run 1 quality "$T/unasked.jsonl" --json -q
json '[.findings[] | select(.check == "text.verdict" and .verdict == "fail" and (.summary | not)) | .where.case] | index("line 3") != null'

test_that 'patterns that other texts meet as well prove nothing'
for pattern in . '\\w' '[a-z]{2}'; do
    thorough || [ "$pattern" == '\\w' ] || continue
    writes 1 "\"prompts\": [{\"prompt\": \"The capital of France is\", \"expects\": {\"matches\": [\"$pattern\"]}}, \"Once upon a time\", \"The opposite of hot is\"], \"new_tokens\": 12"
    json "$(summary text.control) | .verdict == \"fail\" and .measured == 2"
    equal "$(fails text.control)" '["prompt 1, greedy","prompt 1, sampled"]'
    json "$(summary text.verdict).verdict == \"pass\""
done

test_that 'questions, as the chat template puts them'
questions='"prompts": [{"prompt": "What is the capital of France?", "expects": {"matches": ["^The capital of France is Paris[.]$"]}},
    {"prompt": "What is the capital of Italy?", "expects": {"matches": ["Rome"]}}]'
writes 0 "$questions, \"chat\": true"
json "$written | map(.[2]) | .[0] == \"The capital of France is Paris.\""
if thorough; then
    writes 0 "$questions" --chat
    writes 1 "$questions"
fi
run 3 check "$nano/thinker" --suite "$T/suite.json" --chat -q
says err 'no chat template'

test_that 'nothing written is a fault, and no crash'
writes 1 '"prompts": ["今日、太郎は公園に行きました。"]'
json '[.findings[] | select(.text) | .text.text] == ["", ""]'
json '[.findings[] | select(.text) | .reason] == ["characters", "characters"]'

test_that 'weights that are not finite: the text ends there, and the token is told'
writes 1 '"prompts": ["The capital of France is", "The capital of Italy is"], "new_tokens": 12' --fault nan:model.embed_tokens.weight,763,0
equal '[.findings[] | select(.check == "text.verdict" and .verdict == "fail" and (.summary | not)) | [.where.case, .where.token, .text.text]] | sort' \
    '[["prompt 1, greedy",1," P"],["prompt 1, sampled",1," P"]]'
json '[.findings[] | select(.check == "text.verdict" and .where.token == 1) | .message | test("the logits behind it are not finite from character 2 on")] == [true, true]'
writes 1 '"prompts": ["The capital of France is"], "new_tokens": 12' --fault nan:layers.20.self_attn.o_proj.weight,3,4
equal '[.findings[] | select(.text) | [.where.token, .text.text]]' '[[0,""],[0,""]]'
json "$(summary text.verdict) | .verdict == \"fail\" and .measured == 2"
json '[.findings[] | select(.text) | .text.reasons | map(.because) | index("the logits behind it are not finite") != null] == [true, true]'
hurt thinker nan layers.3.self_attn.o_proj.weight 0 0
run 1 check "$T/hurt" --golden "$(gold thinker)" --json -q
json "$(summary text.verdict) | .verdict == \"fail\" and (.message | test(\"Most continuations that gold holds are gibberish too\"))"

test_that 'rules of a file'
jq '.evidence.alarms = 0 | .rules = [{"rule": "characters.few", "because": "fewer than a thousand letters", "when": {"characters.letters": "< 1000"}}]' suites/quality.json >"$T/rules.json"
writes 1 "$story" --rules "$T/rules.json"
json '[.findings[] | select(.text) | .text.reasons | map(.because)] == [["fewer than a thousand letters"], ["fewer than a thousand letters"]]'
jq '.evidence.alarms = 0 | .rules |= map(select(.rule == "repetition.loop"))' suites/quality.json >"$T/rules.json"
writes 1 "$story" "${broken[@]}"
json "$(summary text.verdict) | .verdict == \"fail\" and .measured == 2"
writes '0|1' "$story" "${broken[@]}" --rules "$T/rules.json"
json "$(summary text.verdict).verdict == \"pass\""
jq '.rules[0].when = {"characters.lettres": "< 5"}' suites/quality.json >"$T/rules.json"
writes 3 "$story" --rules "$T/rules.json"
says err "$T/rules.json"
says err characters.lettres
writes 3 "$story" --rules "$T/nowhere"
says err "$T/nowhere"

test_that 'a judge model: its own texts follow from their prompts'
writes 0 "\"prompts\": [$facts, \"Once upon a time\"], \"new_tokens\": 16" --judge "$reference"
json "$(summary text.relevance) | .verdict == \"pass\" and .measured == 0 and .texts == 12 and .comparisons_won > 0.9 and .evidence > 10"
jq -c '.findings[] | select(.text) | {prompt, text: .text.text}' "$T/out" >"$T/own.jsonl"
if thorough; then # texts that do not follow are judged below in any case
    writes 1 "\"prompts\": [$facts, \"Once upon a time\"], \"new_tokens\": 16" --judge "$reference" "${broken[@]}"
    json "$(summary text.relevance) | .verdict == \"fail\" and .measured > 0.5 and .comparisons_won < 0.8"
    json '[.findings[] | select(.check == "text.relevance" and (.summary | not)) | .prompt and .measured < 3 or .contrast < 3] | length > 5 and all'
fi
test_that 'assay quality with a judge: the same texts, and with the prompts exchanged'
if thorough; then # as check judged them above
    run 0 quality "$T/own.jsonl" --judge "$reference" --json -q
    json "$(summary text.relevance) | .verdict == \"pass\" and .texts == 12"
fi
jq -sc 'map(.prompt) as $prompts | to_entries[] | {prompt: $prompts[(.key + 5) % 12], text: .value.text}' "$T/own.jsonl" >"$T/exchanged.jsonl"
run 1 quality "$T/exchanged.jsonl" --judge "$reference" --json -q
json "$(summary text.relevance) | .verdict == \"fail\" and .measured > 0.5"
json "$(summary text.verdict).verdict == \"pass\""
run 0 quality "$T/exchanged.jsonl" --json -q
json '[.findings[] | select(.check == "text.relevance")] == []'
test_that 'a judge that cannot judge'
cp -r "$nano/qwen2" "$T/mute"
rm "$T/mute/tokenizer.json"
for command in "quality $T/own.jsonl" "check $reference --suite $T/suite.json"; do
    # shellcheck disable=SC2086
    run 3 $command --judge "$T/nowhere" -q
    says err '--judge'
    says err "$T/nowhere"
    silent out
    # shellcheck disable=SC2086
    run 3 $command --judge "$T/mute" -q
    says err tokenizer
    silent out
done

test_that 'a page shows what was written, with its prompt'
writes 1 "$story" "${broken[@]}" -o "$T/report"
same "$(grep -c 'Prompt: <bdi dir="auto">Once upon a time</bdi>' "$T/report/report.html")" 2
json '[.findings[] | select(.text) | .prompt == "Once upon a time" and (.text.text | length > 0) and (.text.marks | length > 0) and (.text.reasons[0].because | length > 0)] ==
    [true, true]' "$T/report/report.json"
