# The families that are computed, as they are listed, and a model of another name that is one of them.

test_that 'every family is listed, with its gold'
run 0 families
silent err
fits() { awk 'length > 100' "$T/out" | head -n 1; }
same "$(fits)" ''
for word in qwen3_omni_moe 'gemma3 *text *gemma3 *gemma3_text gemma3' 'glm *random models' BF16 'set model_type=FAMILY'; do
    if grep -q "$word" "$T/out"; then passed; else failed "it does not list $word"; fi
done
run 0 families --json
json '.families | length >= 30 and all(.name and (.model_types | length > 0) and (.experts | type) == "boolean")'
json '[.families[].name] | length == (unique | length)'
json '(.dtypes | contains("BF16")) and (.storages | index("gptq") != null and index("fp8") != null and length >= 10)'
jq -r '.families[] | select(.gold) | [.gold, (.model_types | join(" "))] | @tsv' "$T/out" >"$T/golds"

test_that 'the gold that proves a family is of that family'
same "$(($(wc -l <"$T/golds") >= 20))" 1
while IFS=$'\t' read -r gold types; do
    run 0 inspect "$nano/$gold" --json
    there "$nano/$gold.golden.safetensors"
    json ".subject.model_type as \$type | \"$types\" | split(\" \") | index(\$type) != null"
done <"$T/golds"

test_that 'a model of another name whose tensors are those of a family is computed as one'
# NANO TYPE: its tensors are told to be those of TYPE, and computed as such they make gold.
other() {
    rm -rf "$T/other"
    mkdir "$T/other"
    cp "$nano/$1"/* "$T/other"
    jq '(.. | objects | select(has("hidden_size") and has("num_attention_heads") and has("vocab_size")) | .model_type) = "made_up_9"' \
        "$nano/$1/config.json" >"$T/other/config.json"
    run 0 inspect "$T/other" --json
    json "$(summary inventory.computable).message | contains(\"its tensors are those of $2, and --set model_type=$3 computes it\")"
    run 0 check "$T/other" --golden "$(gold "$1")" --set "model_type=$3" --json -q
    json "$(summary layers.isolated).verdict == \"pass\""
}
other llama llama llama
other qwen3_moe qwen3_moe qwen3_moe
thorough && other glm4 glm4 glm4
test_that 'layers that predict further tokens are no surprise where the configuration tells of them'
run 0 inspect "$nano/glm4_moe" --set num_hidden_layers=2 --json
json "$(summary inventory.extra) | .verdict == \"pass\""
run 0 inspect "$nano/glm4_moe" --set num_hidden_layers=1 --json
json "$(summary inventory.extra) | .verdict == \"warn\""
run 0 inspect "$nano/qwen3" --set num_hidden_layers=4 --json
json "$(summary inventory.extra) | .verdict == \"warn\""

test_that 'an extraction holds apart what lies joined in the original'
for model in phi3 falcon gpt2 gpt_neox; do
    rm -rf "$T/apart"
    run 0 extract "$nano/$model" "$T/apart" -q
    run 0 verify "$T/apart" --source "$nano/$model" -q
    run 0 check "$T/apart" --golden "$(gold $model)" --json -q
    json "$(summary layers.isolated).verdict == \"pass\""
done
# of 4 heads, each with 8 rows of 32 values for its query, key and value: where the queries lie in the original
json '.tensors[] | select(.name == "model.layers.1.self_attn.q_proj.weight").source | .band == 512 and .band_stride == 1536 and .end - .begin == 3 * 1536 + 512' \
    "$T/apart/extraction_manifest.json"

test_that 'hidden state 0 is what the first layer reads, where that is not what the embedding puts out'
# states MODEL FIRST: $T/states.safetensors, as somebody saves the hidden states of transformers for the second case; the first of
# them from that module.
states() {
    local file size all name header at=0 ids begin end
    file=$(gold "$1")
    size=$(od -An -tu8 -N8 "$file" | tr -d ' ')
    all=$(head -c $((8 + size)) "$file" | tail -c +9)
    ids=($(jq -r '.__metadata__.cases | fromjson[1].ids[]' <<<"$all"))
    : >"$T/data"
    header="{\"input_ids\":{\"dtype\":\"I32\",\"shape\":[${#ids[@]}],\"data_offsets\":[0,$((at = 4 * ${#ids[@]}))]}"
    for name in "${ids[@]}"; do printf "\\x$(printf %02x "$name")\0\0\0" >>"$T/data"; done
    for name in "hidden_states.0=$2" hidden_states.1=model.layers.0 hidden_states.2=model.layers.1 hidden_states.3=model.norm logits=lm_head; do
        read -r begin end < <(jq -r --arg name "ids-1/${name#*=}" '.[$name].data_offsets | @tsv' <<<"$all")
        header+=$(jq -c --arg name "ids-1/${name#*=}" --arg to "${name%%=*}" --argjson at $at \
            '.[$name] | .data_offsets as $o | {($to): (. + {data_offsets: [$at, $at + $o[1] - $o[0]]})}' <<<"$all" | sed 's/^{/,/; s/}$//')
        tail -c +$((9 + size + begin)) "$file" | head -c $((end - begin)) >>"$T/data"
        at=$((at + end - begin))
    done
    header+='}'
    { printf "\\x$(printf %02x $((${#header} & 255)))\\x$(printf %02x $((${#header} >> 8)))\0\0\0\0\0\0%s" "$header"; cat "$T/data"; } >"$T/states.safetensors"
}
for model in gpt2 granite; do
    states $model model.input
    run 0 check "$nano/$model" --golden "$T/states.safetensors" --json -q
    json "$(summary layers.isolated).verdict == \"pass\" and ($(summary gold.compared) | .measured == 0)"
    states $model model.embed_tokens
    run 1 check "$nano/$model" --golden "$T/states.safetensors" --json -q
    json "$(summary layers.propagated) | .first_bad_module == \"model.input\""
done

test_that 'and one whose tensors are those of none is not'
rm -rf "$T/none"
"$damage" "$T/other" "$T/none" drop layers.1.self_attn.v_proj.weight || failed 'damage failed'
run 1 inspect "$T/none" --json
json "$(summary inventory.computable).message | contains(\"its tensors are those\") | not"
