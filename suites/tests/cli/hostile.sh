# Names that would break a report, and when progress is shown.
odd="$T/a b'\"<script>alert(1)<\$HOME>&amp;;
second line\\%s%n"
mkdir "$odd"
cp "$nano"/qwen3/* "$odd"
cp "$(gold qwen3)" "$odd/gold <b>.safetensors"

test_that 'a hostile path'
"$damage" "$nano/qwen3" "$odd/hurt" drop layers.1.self_attn.k_norm.weight rename layers.2.self_attn.k_norm.weight $'<script>alert(2)</script>\e[31m"\n'
for model in "$odd" "$odd/hurt"; do
    rm -rf "$odd/report"
    run '0|1' check "$model" --suite "$proof" --golden "$odd/gold <b>.safetensors" --json -q -o "$odd/report"
    same "$(jq -r .subject.path "$T/out")" "$model"
    json '.findings | length > 0'
    json '.findings | length > 0' "$odd/report/report.json"
    same "$(grep -c '<script' "$odd/report/report.html")" 0
    same "$(grep -c '<b>.safetensors' "$odd/report/report.html")" 0
    same "$(grep -c '<script' "$odd/report/junit.xml")" 0
    same "$(grep -c '^<script\|[^\\]<script' "$odd/report/summary.md")" 0
    if command -v xmllint >/dev/null; then
        xmllint --noout "$odd/report/junit.xml" >"$T/out" 2>"$T/err"
        same $? 0
    else
        echo 'skipped: no xmllint to judge junit.xml'
    fi
    run '0|1' check "$model" --suite "$proof" --golden "$odd/gold <b>.safetensors"
    same "$(grep -c $'\e' "$T/out")" 0
done
says out '(limit'
test_that 'hostile names in errors'
run 3 check "$odd/nowhere"
says err nowhere
run 3 tokenize "$odd/nowhere" text
run 3 inspect "$odd/hurt" --config "$odd/%s%n%s"
says err '%s%n%s'
cp -r "$nano/thinker-extraction" "$T/planned"
echo x >"$T/planned/norms/a"$'\e[31m\nset aside norms.safetensors'
run 0 repair "$T/planned" --source "$nano/thinker" --dry-run
says out 'set aside norms/a␛[31m␊set aside norms.safetensors: cannot be read'
for output in out err; do same "$(grep -c $'\e\|^set aside norms.safe' "$T/$output")" 0; done
test_that 'hostile ids of cases'
"$damage" "$(gold qwen3)" "$T/id.safetensors" drop prompt-0/lm_head submeta cases '"id": "prompt-1"' '"id": "<script>x"'
run '1|3' check "$nano/qwen3" --golden "$T/id.safetensors"
says err prompt-1/

test_that 'a tokenizer that has no end is not read'
cp -r "$nano/qwen3" "$T/endless"
ln -sf /dev/zero "$T/endless/tokenizer.json"
run 0 inspect "$T/endless" --json -q
json '[.findings[] | select(.check == "tokens.reader") | .message] | any(contains("is a device"))'
run 3 extract "$T/endless" "$T/endless.out" -q
says err "$T/endless/tokenizer.json: "
absent "$T/endless.out/extraction_manifest.json"

test_that 'no file gets the number of a standard stream that is closed'
mkfifo "$T/pipe"
"$assay" perplexity "$nano/qwen3" --text "$T/pipe" <&- >&- 2>&- &
exec 9>"$T/pipe" # opened when assay has
for number in 0 1 2; do same "$(readlink /proc/$!/fd/$number)" /; done
head -c 60 suites/data/text/english.txt >&9
exec 9>&-
wait $!
same $? 3 # for the result went nowhere

# terminal STATUS ARGUMENT...: with both outputs on a terminal; everything lands in $T/out.
terminal() {
    local expected=$1 status
    shift
    command_line=$(printf '%q ' "$@")
    script -qec "$(printf '%q ' "$assay" "$@")" /dev/null >"$T/out" 2>&1 </dev/null
    status=$?
    if [ "$status" -eq "$expected" ]; then passed; else failed "exit status $status, not $expected"; fi
}
long=(perplexity "$nano/thinker" --text "$T/text" --context 512 --stride 1 --threads 1)
test_that 'no progress without a terminal, unless the work is really long'
for bytes in 600 800 1000 1300 2000 4000; do # as much as this build needs three seconds for
    head -c $bytes suites/data/text/english.txt >"$T/text"
    begun=$(date +%s%N)
    run 0 "${long[@]}"
    took=$((($(date +%s%N) - begun) / 1000000))
    if [ $took -lt 10000 ]; then silent err; fi
    [ $took -lt 3000 ] || break
done
if command -v script >/dev/null; then
    test_that 'progress on a terminal'
    terminal 0 "${long[@]}"
    if [ $took -gt 2500 ]; then
        says out 's left'
        says out '/s'
        says out $'\r'
    else
        echo "skipped: the long work took $took ms, too short to show progress"
    fi
    terminal 0 "${long[@]}" -q
    says_not out 's left'
    terminal 0 inspect "$nano/thinker"
    says_not out 's left'
    says out $'\e[32m'
    export NO_COLOR=1
    terminal 0 inspect "$nano/thinker"
    says_not out $'\e['
    unset NO_COLOR
else
    echo 'skipped: no script(1) to make a terminal with'
fi
