# Experiments: an implementation that departs (--variant), a configuration that says otherwise (--set).
data=suites/data/variants

test_that 'the catalogue lists both'
run 0 faults
says out '--variant NAME[:ARGS]'
says out 'masked-experts:A-B'
says out 'The usual mistake: repeat in the place of repeat_interleave'
run 0 faults --json
json '[.[] | select(.option == "--variant")] | length > 30 and all(.[]; .does != "" and .symptom != "" and .mistake != "")'
json '[.[] | select(.option == "--fault")] | length > 20'

test_that 'gold of an implementation that departs fails the reference, and passes the variant'
for variant in $(some 3 interleaved-rotation tiled-kv-heads normed-topk post-norm scalar-experts no-final-norm); do
    run 1 check "$nano/qwen3_moe" --golden "$data/qwen3_moe.safetensors" --only layers --json -q --variant "$variant"
    json "[.findings[] | select(.check == \"layers.propagated\" and (.summary | not)) | .where.case] | index(\"$variant\") == null and length > 0"
done

test_that 'a key of the configuration'
run 1 check "$nano/thinker" --suite "$proof" --golden "$(gold thinker)" --json -q --set rope_theta=1e4
json '[.findings[] | select(.check == "config.gold" and .verdict == "fail")] | length > 0'
json "$(summary layers.isolated) | .verdict == \"fail\""
run 0 check "$nano/thinker" --suite "$proof" --golden "$(gold thinker)" --json -q --set rope_theta=1e4 --set rope_theta=1e6
for setting in rope_theta=1e6 rope_teta=5 torch_dtype=float16; do
    run 3 check "$nano/thinker" --golden "$(gold thinker)" -q --set $setting
    says err "--set $setting changes nothing that is computed"
done
run 3 check "$nano/thinker" --golden "$(gold thinker)" -q --set num_hidden_layers=many
says err 'num_hidden_layers'

test_that 'every command that opens a model takes departures'
run 0 trace "$nano/thinker" --ids 1,2,3 -o "$T/t.safetensors" -q --variant gelu --set rms_norm_eps=1e-3
run 1 compare "$T/t.safetensors" "$nano/thinker" -q
run 1 compare "$T/t.safetensors" "$nano/thinker" -q --variant gelu
run 1 compare "$T/t.safetensors" "$nano/thinker" -q --set rms_norm_eps=1e-3
run 0 compare "$T/t.safetensors" "$nano/thinker" -q --set rms_norm_eps=1e-3 --variant gelu
run 0 generate "$nano/thinker" --prompt hi --max-new-tokens 2 --temperature 0 -q --variant stale-cache-position
run 0 bench "$nano/thinker" --prefill 4 --decode 1 --repeats 1 -q --variant no-rotation
run 0 inspect "$nano/thinker" -q --set rope_theta=5
run 1 inspect "$nano/thinker" -q --set num_experts=11 --json

test_that 'misuse, and what a model does not have'
for variant in nonsense gelu:1 masked-experts frozen-positions:0 ''; do
    run 2 check "$nano/thinker" --variant "$variant"
    says err variant
done
for setting in nonsense =1 ''; do
    run 2 check "$nano/thinker" --set "$setting"
    says err KEY=VALUE
done
run 3 check "$nano/llama" --golden "$(gold llama)" -q --variant pooled-routing
says err 'the variant pooled-routing changes nothing of this model: it has no experts'
run 3 check "$nano/thinker" --golden "$(gold thinker)" -q --variant gelu --variant relu
says err 'the variants gelu and relu exclude each other'

test_that 'departures of the tokenizer: each gives some text other ids, and what changes nothing is refused'
# the last merge becomes one of two digits, so that it matters where they are cut
mkdir "$T/digits"
jq '(.model.merges[-1] | if type == "string" then . / " " else . end | add) as $last | .model.merges[-1] = ["1", "2"] |
    .model.vocab |= with_entries(if .key == $last then .key = "12" else . end)' "$nano/thinker/tokenizer.json" >"$T/digits/tokenizer.json"
text="$(head -c 1500 suites/data/text/english.txt) Once upon 1212 tea-cups, <|im_start|> she said: caf"$'e\u0301'
run 0 tokenize "$T/digits" "$text"
own=$(cat "$T/out")
for variant in $("$assay" faults --json | jq -r '.[] | select(.option == "--text-variant").name'); do
    case $variant in
        no-bos | single-digits) continue ;; # its template adds none, and its digits are single already
    esac
    run 0 tokenize "$T/digits" "$text" --text-variant "$variant"
    if [ "$(cat "$T/out")" == "$own" ]; then failed "--text-variant $variant gives the same ids"; else passed; fi
done
run 0 tokenize "$T/digits" "$text" --text-variant add-bos
same "$(cut -d ' ' -f 2- "$T/out")" "$own"
run 3 tokenize "$nano/thinker" "$text" --text-variant no-bos
says err 'changes nothing of this tokenizer'
run 3 tokenize "$nano/thinker" "$text" --text-variant nothing
says err "there is no text variant 'nothing'"
run 3 check "$nano/thinker" --golden "$(gold thinker)" --text-variant no-bos -q
run 1 check "$nano/thinker" --golden "$(gold thinker)" --text-variant prefix-space --only tokens --json -q
json "$(summary tokens.ids).measured == 2"

test_that 'how gold read its prompts otherwise is named'
for variant in prefix-space add-bos $(thorough && echo reversed-merges ids-off-by-one); do
    run 0 trace "$nano/thinker" --prompt 'Once upon a time there were 12 cats.' -o "$T/read.safetensors" -q --text-variant "$variant"
    run 1 diagnose "$nano/thinker" --golden "$T/read.safetensors" --json -q
    equal '[.findings[] | select(.check == "cause" and .hypothesis) | .kind + " " + .hypothesis + " " + .grade] | join(" ")' "text $variant proved"
    json '(.findings[] | select(.check == "hypothesis.tokenizer")).verdict == "fail"'
    command=$(jq -r '.findings[] | select(.check == "cause" and .hypothesis).commands.repeat' "$T/out")
    same "$(eval "${command/assay/\"\$assay\"} -q --json" >"$T/again"; echo $?)" 0
done
