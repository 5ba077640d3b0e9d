# Perplexity of a text: numbers that agree with each other, windows, misuse.
text=suites/data/text/english.txt
perplexity='(.findings[] | select(.check == "perplexity" and .summary))'
near='def near($a; $b): (($a - $b) | fabs) <= 1e-9 * ([($a | fabs), ($b | fabs), 1] | max);'

for model in llama thinker; do
    test_that "the numbers of $model agree with each other"
    run 0 perplexity "$nano/$model" --text $text --context 64 --stride 32 --json -q
    silent err
    json '.command == "perplexity" and .verdict == "pass"'
    json "$near $perplexity | .nll as \$nll | (.tokens - 1) as \$scored | near(.perplexity; \$nll | exp) and
        near(.measured; .perplexity) and
        near(.word_perplexity; \$nll * \$scored / .words | exp) and near(.byte_perplexity; \$nll * \$scored / .bytes | exp) and
        near(.bits_per_byte; \$nll * \$scored / .bytes / (2 | log)) and near(.byte_perplexity; .bits_per_byte * (2 | log) | exp)"
    json "$perplexity | .standard_error > 0 and .standard_error < .perplexity"
    json "$perplexity | .context == 64 and .stride == 32 and (.window_rule | test(\"64.*32\"))"
    equal "$perplexity.corpus_sha256" "$(sha256sum $text | cut -d ' ' -f 1)"
    equal "$perplexity.bytes" "$(wc -c <$text)"
    equal "$perplexity.words" "$(wc -w <$text)"
    "$assay" tokenize "$nano/$model" --file $text >"$T/ids"
    equal "$perplexity.tokens" "$(wc -w <"$T/ids")"
done

test_that 'as text'
run 0 perplexity "$nano/llama" --text $text
says out 'bits for each byte'
says out '+-'
says out 'for each word'
says out 'for each byte'
says out 'windows of 512 tokens, 256 apart'
says out "SHA-256 $(sha256sum $text | cut -c 1-12)"
run 0 perplexity "$nano/llama" --text $text -o "$T/ppl"
same "$(ls "$T/ppl" | wc -l)" 6

test_that 'without gold the measurement says so'
run 0 perplexity "$nano/llama" --text $text --json -q
json "$perplexity.message | test(\"not compared\")"

test_that 'windows'
run 0 perplexity "$nano/llama" --text $text --context 512 --json -q
equal "$perplexity.stride" 256
one=$(jq "$perplexity.perplexity" "$T/out")
run 0 perplexity "$nano/llama" --text $text --json -q
same "$(jq "$perplexity.perplexity" "$T/out")" "$one"
head -c 120 $text >"$T/short"
run 0 perplexity "$nano/llama" --text "$T/short" --json -q
short=$(jq "$perplexity.perplexity" "$T/out")
run 0 perplexity "$nano/llama" --text "$T/short" --context 4096 --json -q
json "$near $perplexity | near(.perplexity; $short)"
run 0 perplexity "$nano/llama" --text "$T/short" --context 4096 --stride 4096 --json -q
json "$near $perplexity | near(.perplexity; $short)"
run 0 perplexity "$nano/llama" --text "$T/short" --context 2 --stride 1 --json -q
json "$perplexity | .scored == .tokens - 1"
run 0 perplexity "$nano/llama" --text "$T/short" --context 2 --stride 2 --json -q
json "$perplexity | .scored == (.tokens / 2 | floor) and (.perplexity | type) == \"number\" and (.window_rule | test(\"nor\"))"
run 0 perplexity "$nano/llama" --text "$T/short" --stride 9 --json -q
equal "$perplexity.stride" 9

test_that 'check measures it too, and gives the same'
# with exact sums, that is: others depend a little on how many rows BLAS is given at once
run 0 perplexity "$nano/llama" --text $text --json -q --sums double
one=$(jq "$perplexity.perplexity" "$T/out")
run 0 check "$nano/llama" --suite "$proof" --golden "$(gold llama)" --text $text --json -q
same "$(jq "$(summary perplexity.text).perplexity" "$T/out")" "$one"
json "[.findings[] | select(.summary) | .check] | . == unique_by(.) or (group_by(.) | all(length == 1))"

test_that 'gold that records the text judges it'
run 0 perplexity "$nano/llama" --text $text --context 64 --stride 32 --json -q --sums double
mine=$(jq "$perplexity.perplexity" "$T/out") tokens=$(jq "$perplexity.tokens" "$T/out")
record() { printf '{"sha256": "%s", "context": 64, "stride": 32, "tokens": %s, "perplexity": %s}' \
    "$(sha256sum $text | cut -d ' ' -f 1)" "$tokens" "$1"; }
hurt_gold llama meta perplexity_text "$(record "$mine")"
run 0 perplexity "$nano/llama" --text $text --context 64 --stride 32 --golden "$T/gold.safetensors" --json -q
json "$perplexity | .golden_perplexity == $mine and .limit == 1e-5"
run 0 perplexity "$nano/llama" --text $text --context 64 --stride 16 --golden "$T/gold.safetensors" --json -q
json "$perplexity | .verdict == \"warn\" and (.message | test(\"another text or other windows\"))"
test_that 'a text that can be read only once, as from a pipe, is the same text'
run 0 perplexity "$nano/llama" --text <(cat $text) --golden "$T/gold.safetensors" --json -q
equal "$perplexity.corpus_sha256" "$(sha256sum $text | cut -d ' ' -f 1)"
json "$perplexity | .golden_perplexity == $mine and .verdict == \"pass\""
test_that 'the windows of gold are the default, and the one of several golds that records the text judges it'
run 0 perplexity "$nano/llama" --text $text --golden "$T/gold.safetensors" --json -q
json "$perplexity | .golden_perplexity == $mine and .context == 64 and .stride == 32"
cp "$T/gold.safetensors" "$T/right.safetensors"
hurt_gold llama meta perplexity_text "$(record "$mine" | sed 's/"sha256": "../"sha256": "zz/')"
run 0 check "$nano/llama" --suite "$proof" --text $text --golden "$T/gold.safetensors" --golden "$T/right.safetensors" --json -q
json "$(summary perplexity.text) | .golden_perplexity == $mine and .gold == \"$T/right.safetensors\""
run 0 check "$nano/llama" --suite "$proof" --golden "$T/right.safetensors" --json -q
json "$(summary perplexity.text) | .verdict == \"skip\" and (.message | test(\"--text\"))"
hurt_gold llama meta perplexity_text "$(record "$(jq -n "$mine * 1.001")")"
run 1 perplexity "$nano/llama" --text $text --context 64 --stride 32 --golden "$T/gold.safetensors" --json -q
equal .verdict fail

test_that 'too short, or no text at all'
printf 'a' >"$T/one"
run 3 perplexity "$nano/llama" --text "$T/one"
says err "$T/one"
says err 'two'
: >"$T/empty"
run 3 perplexity "$nano/llama" --text "$T/empty"
says err "$T/empty"
printf 'ab ' >"$T/two"
run 0 perplexity "$nano/llama" --text "$T/two" --json -q
run 3 perplexity "$nano/thinker-extraction" --config "$nano/thinker/config.json" --text $text
says err --tokenizer

test_that 'a damaged model does not pass by being finite only'
hurt llama nan layers.2.mlp.down_proj.weight 0 0
run 1 perplexity "$T/hurt" --text "$T/short" --json -q
json "$perplexity | .verdict == \"fail\" and .measured == \"nan\""
hurt llama drop layers.2.mlp.down_proj.weight
run 3 perplexity "$T/hurt" --text "$T/short"
says err 'mlp.down_proj.weight of layer 2'
