# Generation: what is drawn depends on the seed and the prompt's place, and on nothing else.
model=$nano/thinker
generated() { jq -c '[.[].ids]' "$T/out"; }

test_that 'greedy is what the original writes'
for name in thinker qwen3 qwen2_window; do
    run 0 check "$nano/$name" --suite "$proof" --golden "$(gold $name)" --json -q
    prompt="The house stands at the end, I don't"
    run 0 generate "$nano/$name" --prompt "$prompt" --temperature 0 -n 20 --json -q
    mine=$(jq -c '.[0].ids' "$T/out")
    same "$mine" "$(head -c 200000 "$(gold $name)" | tail -c +9 | grep -ao '{"__metadata__":.*' | grep -ao '\\"id\\": \\"prompt-0\\".*' |
        grep -ao '\\"greedy\\": \[[0-9, ]*\]' | head -n 1 | sed 's/.*: //; s/ //g')"
done

test_that 'the same seed, the same text: whatever the threads, the memory and the other prompts'
run 0 generate "$model" --prompt 'one' --prompt 'two three' -n 30 --seed 5 --json -q
first=$(generated)
json 'all(.[]; (.ids | length) as $n | (.log_probability | length == $n and all(. <= 0)) and (.entropy | length == $n and all(. >= 0)))'
json 'length == 2 and all(.[]; (.ids | length) <= 30 and (.text | type) == "string" and .prompt)'
for options in '--threads 1' '--threads 3' '--memory 1K' '--memory 8G' '--cache-experts 1' '--cache-experts 17 --threads 3'; do
    # shellcheck disable=SC2086
    run 0 generate "$model" --prompt 'one' --prompt 'two three' -n 30 --seed 5 --json -q $options
    same "$(generated)" "$first"
done
run 0 generate "$model" --prompt 'one' --prompt 'something else' --prompt 'and more' -n 30 --seed 5 --json -q
same "$(jq -c '.[0].ids' "$T/out")" "$(jq -c '.[0]' <<<"$first")"
test_that 'how experts were come by is told on stderr, and in JSON'
run 0 generate "$model" --prompt 'one' --prompt 'two three' -n 30 --seed 5
pattern='experts: [0-9]+ hits, [0-9]+ misses \([0-9.]+ %\), 0 evicted, [0-9.]+ MB read, [0-9]+ of 60 kept'
grep -qxE "$pattern" "$T/err" && passed || failed "stderr has no line '$pattern'"
says_not out experts
run 0 generate "$model" --prompt 'one' --prompt 'two three' -n 30 --seed 5 --json
grep -qxE "$pattern" "$T/err" && passed || failed "stderr has no line '$pattern'"
json 'all(.[].experts; .experts == 60 and .evicted == 0 and .misses == .kept and .bytes_read == .kept * 2880 and .hits > .misses)'
uses=$(jq '.[0].experts | .hits + .misses' "$T/out")
run 0 generate "$model" --prompt 'one' --prompt 'two three' -n 30 --seed 5 --json -q --cache-experts 17 --threads 3
silent err
json ".[0].experts | .kept == 17 and .evicted > 0 and .hits > 0 and .hits + .misses == $uses and .bytes_read == .misses * 2880"
json '.[0].experts == .[1].experts'
counts=$(jq -c '.[0].experts' "$T/out")
run 0 generate "$model" --prompt 'one' --prompt 'two three' -n 30 --seed 5 --json -q --cache-experts 17 --threads 1
same "$(jq -c '.[0].experts' "$T/out")" "$counts"
test_that 'the tighter of two bounds holds'
run 0 generate "$model" --prompt 'one' -n 30 --seed 5 --json -q --cache-experts 17 --memory 1K
json '.[0].experts | .kept == 0 and .bytes_kept == 0 and .hits == 0 and .evicted == 0'
run 0 generate "$model" --prompt 'one' -n 30 --seed 5 --json -q --cache-experts 3 --memory 8G
json '.[0].experts.kept == 3'
test_that 'a model without experts says nothing of them'
run 0 generate "$nano/llama" --prompt 'one' -n 3
silent err
run 0 generate "$nano/llama" --prompt 'one' -n 3 --json -q
json '.[0] | has("experts") | not'
test_that 'bench tells experts too, layer by layer in JSON'
run 0 bench "$nano/qwen3_moe" --prefill 20 --decode 5 --repeats 2 -q --cache-experts 5
says out ' evicted, '
says out ' kept'
run 0 bench "$nano/qwen3_moe" --prefill 20 --decode 5 --repeats 2 --json -q --cache-experts 5
json '.experts as $all | $all.kept == 5 and ($all.layers | length) == 5 and
    all("experts", "hits", "misses", "evicted", "bytes_read", "kept", "bytes_kept"; . as $key | ([$all.layers[][$key]] | add) == $all[$key])'
json '.experts.layers | map(.experts) | any(. == 0) and any(. > 0)'
run 0 bench "$nano/llama" --prefill 20 --decode 5 --repeats 1 --json -q
json 'has("experts") | not'
test_that 'another seed, another text'
run 0 generate "$model" --prompt 'one' -n 30 --seed 6 --json -q
[ "$(jq -c '.[0].ids' "$T/out")" != "$(jq -c '.[0]' <<<"$first")" ] && passed || failed 'the same text'
test_that 'top-k 1 is greedy'
run 0 generate "$model" --prompt 'one' -n 20 --temperature 0 --json -q
greedy=$(generated)
for options in '--top-k 1' '--top-p 0.000001' '--min-p 1' '--temperature 1e-40' '--temperature 1e-300'; do
    # shellcheck disable=SC2086
    run 0 generate "$model" --prompt 'one' -n 20 $options --seed 9 --json -q
    same "$(generated)" "$greedy"
done

test_that 'it ends where the model says so'
cp -r "$model" "$T/ends"
third=$(jq '.[0][2]' <<<"$greedy")
printf '{"eos_token_id": [999, %s]}' "$third" >"$T/ends/generation_config.json"
run 0 generate "$T/ends" --prompt 'one' -n 20 --temperature 0 --json -q
json ".[0].ended and .[0].ids == $(jq -c ".[0][:$(jq ".[0] | index($third)" <<<"$greedy")]" <<<"$greedy")"
printf '{"eos_token_id": %s' "$third" >"$T/ends/generation_config.json"
run 3 generate "$T/ends" --prompt 'one'
says err generation_config.json

test_that 'as text'
run 0 generate "$model" --prompt 'one' -n 5 --temperature 0 --json -q
text=$(jq -r '.[0].text' "$T/out")
run 0 generate "$model" --prompt 'one' -n 5 --temperature 0 -q
same "$(cat "$T/out")" "$text"
run 0 generate "$model" --prompt 'one' --prompt 'two' -n 5 --temperature 0 -q
says out "one ->"

test_that 'logits that are not finite are an error, not a text'
run 3 generate "$model" --prompt 'one' --fault nan:model.norm.weight -q
says err 'not finite'
says err 'prompt "one"'
silent out
test_that 'a broken model writes something else'
run 0 generate "$model" --prompt 'one' -n 20 --temperature 0 --json -q --fault swap-layers:1,2
[ "$(generated)" != "$greedy" ] && passed || failed 'the same text'
run 3 generate "$model" --prompt 'one' --fault missing-norms:1
says err 'input_layernorm.weight of layer 1'
run 0 generate "$model" --prompt 'one' --fault missing-norms:1 --missing default -q
run 3 generate "$model" --prompt 'one' --repetition-penalty 1e-300 -q
says err 'repetition penalty'
test_that 'misuse'
run 2 generate "$model"
for options in '--temperature -1' '--temperature x' '--top-p 0' '--top-p 1.5' '--min-p 2' '--repetition-penalty 0' '--top-k 1.5' '--top-k -1' \
    '-n 0' '--seed -1' '--temperature nan'; do
    # shellcheck disable=SC2086
    run 2 generate "$model" --prompt one $options
done
run 3 generate "$nano/thinker-extraction" --config "$model/config.json" --prompt one
says err --tokenizer
run 3 generate "$model" --prompt ''
says err 'no tokens'
run 2 generate "$model" --prompt $'a\xffb' --json
run 0 generate "$model" --prompt $'a\xffb' -n 3 -q
test_that 'a tokenizer that cannot be read is told by inspect'
rm -rf "$T/odd"
cp -r "$nano/qwen3" "$T/odd"
sed -i 's/"type": *"BPE"/"type": "Unigram"/' "$T/odd/tokenizer.json"
run 0 inspect "$T/odd" --json -q
json "$(summary tokens.reader) | .verdict == \"warn\" and (.message | test(\"cannot be read\"))"
