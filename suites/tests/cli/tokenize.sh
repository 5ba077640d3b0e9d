# Text to ids and back.
model=$nano/thinker
tokens=suites/data/tokens

# tokenize STATUS ARGUMENT... with standard input.
tokenize() {
    local expected=$1 status
    shift
    command_line=$(printf '%q ' tokenize "$@")
    "$assay" tokenize "$@" >"$T/out" 2>"$T/err"
    status=$?
    if [ "$status" -eq "$expected" ]; then passed; else failed "exit status $status, not $expected"; fi
}

test_that 'TEXT, --file and stdin agree'
tokenize 0 "$model" 'Hello world'
same "$(cat "$T/out")" '39 68 347 78 272 316 75 67'
silent err
printf 'Hello world' >"$T/text"
tokenize 0 "$model" --file "$T/text"
same "$(cat "$T/out")" '39 68 347 78 272 316 75 67'
printf 'Hello world' | tokenize 0 "$model"
same "$(cat "$T/out")" '39 68 347 78 272 316 75 67'
tokenize 0 "$model" --json 'Hello world'
json '. == [39,68,347,78,272,316,75,67]'
tokenize 0 "$model/tokenizer.json" 'Hello world' --json
json '. == [39,68,347,78,272,316,75,67]'
tokenize 0 "$nano/thinker-extraction" --source "$model" 'Hello world' --json
json '. == [39,68,347,78,272,316,75,67]'

test_that 'decoding'
tokenize 0 "$model" --decode '39 68 347 78 272 316 75 67'
same "$(cat "$T/out")" 'Hello world'
tokenize 0 "$model" --decode '[39, 68,347,78 272 316 75,67]'
same "$(cat "$T/out")" 'Hello world'
tokenize 0 "$model" --decode '39 68' --json
json '. == "He"'
tokenize 0 "$model" --decode ''
same "$(cat "$T/out")" ''
tokenize 0 "$model" --decode '' --json
json '. == ""'

test_that 'every byte survives a round trip'
printf 'a"b\\c\n\td\001e\177 Größe: дом x房 🏠' >"$T/text"
tokenize 0 "$model" --file "$T/text"
ids=$(cat "$T/out")
tokenize 0 "$model" --decode "$ids"
same "$(cat "$T/out")" "$(cat "$T/text")"
tokenize 0 "$model" --decode "$ids" --json
same "$(jq -r . "$T/out")" "$(cat "$T/text")"

test_that '--jsonl: a line in, a line out'
tokenize 0 "$model" --jsonl --file $tokens/strings.jsonl
same "$(wc -l <"$T/out")" "$(wc -l <$tokens/strings.jsonl)"
same "$(jq -c . "$T/out" | cmp - <(jq -c . $tokens/ids-nano.jsonl))" ''
cp "$T/out" "$T/ids"
tokenize 0 "$model" --jsonl <$tokens/strings.jsonl
same "$(cmp "$T/out" "$T/ids")" ''
printf '"a"\r\n"b"' | tokenize 0 "$model" --jsonl
same "$(wc -l <"$T/out")" 2
printf '""\n' | tokenize 0 "$model" --jsonl
same "$(cat "$T/out")" '[]'

test_that 'what is no JSON string is refused with its line'
for bad in '"open' '{"a": 1}' '5' 'text' '"a" "b"' '"\uD800' $'"\xff"'; do
    printf '"one"\n"two"\n%s\n' "$bad" >"$T/bad.jsonl"
    tokenize 3 "$model" --jsonl --file "$T/bad.jsonl"
    says err 'line 3'
    says err "$T/bad.jsonl"
done
printf 'x\n' | tokenize 3 "$model" --jsonl
says err 'line 1'

test_that 'empty input'
tokenize 0 "$model" ''
same "$(cat "$T/out")" ''
tokenize 0 "$model" </dev/null
same "$(cat "$T/out")" ''
tokenize 0 "$model" --json </dev/null
json '. == []'
tokenize 0 "$model" --jsonl </dev/null
silent out

test_that 'bytes that are no UTF-8 become U+FFFD'
printf 'a\xffb' >"$T/text"
tokenize 0 "$model" --file "$T/text"
ids=$(cat "$T/out")
tokenize 0 "$model" --decode "$ids"
same "$(cat "$T/out")" $'a\xef\xbf\xbdb'

test_that 'ids out of range are refused'
for id in 408 100000 2147483647; do
    tokenize 3 "$model" --decode "1 $id"
    says err $id
    silent out
done
tokenize 2 "$model" --decode '1 -1'
says err "'-1'"
tokenize 2 "$model" --decode '2147483648'

test_that 'a folder without a tokenizer is named'
tokenize 3 "$nano/thinker-extraction" text
says err thinker-extraction
mkdir "$T/bad-tokenizer"
printf '{"model": ' >"$T/bad-tokenizer/tokenizer.json"
tokenize 3 "$T/bad-tokenizer" text
says err "$T/bad-tokenizer/tokenizer.json"
printf '[]' >"$T/bad-tokenizer/tokenizer.json"
tokenize 3 "$T/bad-tokenizer" text
says err "$T/bad-tokenizer/tokenizer.json"
printf '{"model": {"type": "Other", "vocab": []}}' >"$T/bad-tokenizer/tokenizer.json"
tokenize 3 "$T/bad-tokenizer" text
says err Other
: >"$T/bad-tokenizer/tokenizer.json"
tokenize 3 "$T/bad-tokenizer" text
says err "$T/bad-tokenizer/tokenizer.json"

test_that 'two tokenizers at hand are held against each other on a fixed set of strings'
cp -r "$nano/qwen3" "$T/other"
jq -c . "$nano/qwen3/tokenizer.json" >"$T/other/tokenizer.json"
run 0 inspect "$T/other" --source "$nano/qwen3" --json -q
json "$(summary tokens.source) | .verdict == \"pass\" and .measured == 0"
jq -c '.model.vocab |= with_entries(if .value == 285 then .value = 293 elif .value == 293 then .value = 285 else . end)' \
    "$nano/qwen3/tokenizer.json" >"$T/other/tokenizer.json"
run 1 inspect "$T/other" --source "$nano/qwen3" --json -q
json "$(summary tokens.source) | .verdict == \"fail\" and .measured > 0 and .measured < 500"
json '[.findings[] | select(.check == "tokens.source" and (.summary | not)).message] | length > 0 and length <= 8 and all(test("here and .* there"))'
run 1 check "$T/other" --tokenizer "$nano/qwen3" --only tokens --json -q
json "$(summary tokens.source).verdict == \"fail\""
run 0 inspect "$nano/qwen3" --tokenizer "$nano/qwen3" --json -q
json '[.findings[] | select(.check == "tokens.source")] == []'
test_that 'what lies beside a tokenizer and is no JSON is an error, as it is to the original'
printf '{"eos_token": ' >"$T/other/tokenizer_config.json"
tokenize 3 "$T/other" text
says err "$T/other/tokenizer_config.json"
