# What readers of a checkpoint understand otherwise than the original: its own gold is the judge (suites/data/readers).
R=$PWD/suites/data/readers

# reader_case NAME: the nano model of the case in $T/case, its configuration changed as the case says.
reader_case() {
    rm -rf "$T/case"
    cp -r "$nano/$(jq -r --arg name "$1" '.cases[$name].model' "$R/MANIFEST.json")" "$T/case"
    jq --arg name "$1" --slurpfile manifest "$R/MANIFEST.json" '
        ((.thinker_config.text_config // .) == .) as $flat |
        reduce ($manifest[0].cases[$name].config | to_entries[]) as $to (.;
            if ($to.key | startswith("text.")) and ($flat | not)
            then .thinker_config.text_config[$to.key | ltrimstr("text.")] = $to.value
            else .[$to.key | ltrimstr("text.")] = $to.value end)' "$T/case/config.json" >"$T/config.json"
    mv "$T/config.json" "$T/case/config.json"
}

# Metadata of a GGUF file in bytes: kv KEY (bool | u32 | f32 | text | texts) VALUE; f32 by its bits, texts by their number.
little() {
    local i
    for ((i = 0; i < $1; i++)); do printf '%b' "\\x$(printf %02x $(($2 >> 8 * i & 255)))"; done
}
kv() {
    little 8 ${#1} && printf %s "$1"
    case $2 in
        u32) little 4 4 && little 4 "$3" ;;
        f32) little 4 6 && little 4 "$3" ;;
        bool) little 4 7 && little 1 "$3" ;;
        text) little 4 8 && little 8 ${#3} && printf %s "$3" ;;
        texts) little 4 9 && little 4 8 && little 8 "$3" && seq -f '\x04\x00\x00\x00\x00\x00\x00\x00t%03g' "$3" | while read -r one; do printf '%b' "$one"; done ;;
    esac
}
# gguf_with IN OUT [KEY TYPE VALUE]...: a copy with more metadata, which a last text fills up to whole multiples of the alignment.
gguf_with() {
    local in=$1 out=$2 count=1 size
    shift 2
    : >"$T/kv"
    while [ $# -gt 0 ]; do
        kv "$1" "$2" "$3" >>"$T/kv"
        count=$((count + 1))
        shift 3
    done
    size=$(stat -c %s "$T/kv")
    kv general.note text "$(printf '%*s' $(((32 - (size + 32) % 32) % 32)) '')" >>"$T/kv"
    { head -c 16 "$in" && little 8 $(($(od -An -tu8 -j16 -N8 "$in") + count)) && cat "$T/kv" && tail -c +25 "$in"; } >"$out"
}

for case in both-llama both-qwen2_window both-thinker; do
    test_that "attention in both directions is the original's: $case"
    reader_case "$case"
    run 0 check "$T/case" --golden "$R/$case.golden.safetensors" --json -q
    json "$(summary layers.propagated) | .verdict == \"pass\""
    json "$(summary layers.isolated) | .verdict == \"pass\""
    json '[.findings[] | select(.check == "greedy" or .check == "text.verdict") | .verdict] | unique == ["skip"]'
    json "$(summary text.verdict).message | test(\"attends in both directions\")"
    run "1|3" check "$nano/$(jq -r --arg name "$case" '.cases[$name].model' "$R/MANIFEST.json")" --golden "$R/$case.golden.safetensors" --suite "$proof" -q
    run 0 inspect "$T/case" -q
    says out 'attention in both directions'
done
test_that 'a model that attends in both directions writes nothing, and says why'
for how in 'generate --prompt one' 'perplexity --text suites/data/text/english.txt' 'bench -q' 'trace --ids 5,6,7,8 --chunk 2 -o '"$T/trace.safetensors"; do
    # shellcheck disable=SC2086
    run 3 ${how%% *} "$T/case" ${how#* } -q
    says err 'attends in both directions'
done

test_that 'the same of a GGUF file, against gold of the same model'
gguf_with suites/data/gguf/llama-f32.gguf "$T/both.gguf" llama.attention.causal bool 0
run 0 check "$T/both.gguf" --golden "$R/both-llama.golden.safetensors" --json -q
json "$(summary layers.propagated).verdict == \"pass\" and $(summary greedy).verdict == \"skip\""
run 3 generate "$T/both.gguf" --prompt one -q
says err 'attends in both directions'
gguf_with suites/data/gguf/llama-f32.gguf "$T/causal.gguf" llama.attention.causal bool 1
run 0 check "$T/causal.gguf" --suite "$proof" --golden "$(gold llama)" -q

test_that 'the default rotary type has no partial_rotary_factor'
reader_case partial-qwen3
run 0 check "$T/case" --suite "$proof" --golden "$R/partial-qwen3.golden.safetensors" -q

test_that 'a GGUF file with a factor of the rotation and no type is scaled linearly'
gguf_with suites/data/gguf/qwen3moe-f16.gguf "$T/scaled.gguf" qwen3moe.rope.scaling.factor f32 0x40800000
run 0 check "$T/scaled.gguf" --suite "$proof" --golden "$R/linear-qwen3_moe.golden.safetensors" -q
gguf_with suites/data/gguf/qwen3moe-f16.gguf "$T/none.gguf" qwen3moe.rope.scaling.factor f32 0x40800000 qwen3moe.rope.scaling.type text none
run 0 check "$T/none.gguf" --suite "$proof" --golden "$(gold qwen3_moe)" -q
gguf_with suites/data/gguf/qwen3moe-f16.gguf "$T/strong.gguf" qwen3moe.rope.scaling.attn_factor f32 0x3fc00000
run 3 generate "$T/strong.gguf" --prompt one -q
says err "'qwen3moe.rope.scaling.attn_factor', which is 1.5"

test_that 'a bias that the GGUF file has in some layers only is none in the others, as in llama.cpp, and told'
for part in 1 2 3; do
    sed 's/blk\.0\.attn_q\.bias/blk.0.attn_q.gone/' "suites/data/gguf/qwen2moe-bf16-0000$part-of-00003.gguf" >"$T/biases-0000$part-of-00003.gguf"
done
run 0 check "$T/biases-00001-of-00003.gguf" --suite "$proof" --golden "$R/biases-qwen2_moe.golden.safetensors" --json -q
json "$(summary inventory.biases) | .verdict == \"warn\" and (.message | test(\"q_proj.bias is there in layers 1-[0-9]+ and not in 0\"))"
json "$(summary layers.isolated).verdict == \"pass\""
run 0 inspect suites/data/gguf/qwen2moe-bf16-00001-of-00003.gguf --json -q
json '[.findings[] | select(.check == "inventory.biases")] == []'

test_that 'a list of tokens that is shorter or longer than the embedding: llama.cpp loads no such file'
for length in 407 409; do
    LC_ALL=C sed 's/tokenizer\.ggml\.tokens/tokenizer.ggml.others/; s/tokenizer\.ggml\.token_type/tokenizer.ggml.other_type/' suites/data/gguf/llama-f32.gguf >"$T/others.gguf"
    gguf_with "$T/others.gguf" "$T/listed.gguf" tokenizer.ggml.tokens texts $length
    for how in inspect "check --suite $proof --golden $(gold llama)"; do
        # shellcheck disable=SC2086
        run 1 $how "$T/listed.gguf" --json -q
        json "$(summary inventory.files) | .verdict == \"fail\" and (.message | test(\"lists $length tokens, but tensor 'token_embd.weight' has 408 rows, and llama.cpp does not load\"))"
    done
done

# rename_tensors FILE FROM TO: the prefix of all tensors that begin with it, whatever its length.
rename_tensors() {
    local size
    size=$(od -An -tu8 -N8 "$1" | tr -d ' ')
    head -c $((8 + size)) "$1" | tail -c +9 | jq -c --arg from "$2" --arg to "$3" \
        'with_entries(if .key | startswith($from) then .key = $to + (.key | ltrimstr($from)) else . end)' >"$T/header"
    { little 8 "$(stat -c %s "$T/header")" && cat "$T/header" && tail -c +$((9 + size)) "$1"; } >"$T/renamed"
    mv "$T/renamed" "$1"
}

# index_places MODEL FILE TENSOR: the model in $T/placed, with an index that places the tensor in that file.
index_places() {
    rm -rf "$T/placed"
    cp -r "$nano/$1" "$T/placed"
    jq --arg file "$2" --arg tensor "$3" '.weight_map[$tensor] = $file' "$nano/$1/model.safetensors.index.json" >"$T/placed/model.safetensors.index.json"
}

test_that 'of two copies of a tensor the last in the order of files is computed with, as the original does, and both are told'
"$damage" "$nano/qwen3" "$T/stale.safetensors" scale layers.1.self_attn.o_proj.weight 3
index_places qwen3 model-00000-of-00003.safetensors model.norm.weight
cp "$T/stale.safetensors" "$T/placed/model-00000-of-00003.safetensors"
run 1 check "$T/placed" --suite "$proof" --golden "$(gold qwen3)" --json -q
json "$(summary inventory.duplicates).verdict == \"fail\" and $(summary layers.isolated).verdict == \"pass\""
index_places qwen3 model-00009-of-00003.safetensors model.norm.weight
cp "$T/stale.safetensors" "$T/placed/model-00009-of-00003.safetensors"
run 1 check "$T/placed" --suite "$proof" --golden "$(gold qwen3)" --json -q
json "$(summary inventory.duplicates).verdict == \"fail\""
says out 'which is used (transformers takes the last in the order of files), and in'
blames model.layers.1.self_attn

test_that 'a tensor that an index names, no file holds and nothing calls for is a warning'
index_places qwen3 model-00003-of-00003.safetensors model.layers.5.embed_tokens.weight
run 0 check "$T/placed" --suite "$proof" --golden "$(gold qwen3)" --json -q
json "$(summary inventory.files) | .verdict == \"warn\" and (.message | test(\"model.layers.5.embed_tokens.weight\"))"
run 0 extract "$T/placed" "$T/placed-extraction" -q
index_places qwen3 model-00003-of-00003.safetensors model.layers.4.self_attn.q_norm.gone
jq '.model_type = "nobodys"' "$T/placed/config.json" >"$T/config.json"
mv "$T/config.json" "$T/placed/config.json"
run 1 inspect "$T/placed" --json -q
json "$(summary inventory.files).verdict == \"fail\""

# index_changes MODEL EDIT: the model in $T/placed, its index as jq edits it.
index_changes() {
    rm -rf "$T/placed"
    cp -r "$nano/$1" "$T/placed"
    jq "$2" "$nano/$1/model.safetensors.index.json" >"$T/placed/model.safetensors.index.json"
}

test_that 'an absent shard that would hold layers behind the last one only is a warning'
behind='.weight_map["model.layers.5.eh_proj.weight"] = "mtp.safetensors" | .weight_map["model.layers.6.mlp.up_proj.weight"] = "mtp.safetensors"'
index_changes qwen3 "$behind"
run 0 check "$T/placed" --suite "$proof" --golden "$(gold qwen3)" --json -q
json "$(summary inventory.files) | .verdict == \"warn\" and (.message | test(\"All that the configuration calls for can be read .*shard mtp.safetensors is absent\"))"
run 0 extract "$T/placed" "$T/behind" -q
for within in model.layers.3.mlp.gate_proj.gone model.layers.2.mlp.experts.gate_up_proj model.gone lm_head.weight; do
    index_changes qwen3 "$behind | .weight_map[\"$within\"] = \"mtp.safetensors\""
    run 1 inspect "$T/placed" --json -q
    json "$(summary inventory.files) | .verdict == \"fail\" and (.message | test(\"shard mtp.safetensors is absent\"))"
    run 3 extract "$T/placed" "$T/within" -q
    says err 'shard mtp.safetensors is absent'
done

test_that 'an absent shard of other components alone, or with layers behind the last one, is a warning'
for edit in '.weight_map["talker.model.layers.0.mlp.up_proj.weight"] = "talker.safetensors" | .weight_map["visual.gone"] = "talker.safetensors"' \
    ".weight_map[\"visual.blocks.0.weight\"] = \"mtp.safetensors\" | $behind"; do
    index_changes qwen3 "$edit"
    run 0 check "$T/placed" --suite "$proof" --golden "$(gold qwen3)" --json -q
    json "$(summary inventory.files) | .verdict == \"warn\" and (.message | test(\"shard [a-z]*.safetensors is absent\"))"
    rm -rf "$T/behind"
    run 0 extract "$T/placed" "$T/behind" -q
done

test_that 'names as SmolVLM and Idefics3 have them'
hurt llama meta format pt
rename_tensors "$T/hurt/model.safetensors" model. model.text_model.
check 0 llama

# saved_as MODEL CLASS EDIT...: a damaged copy in $T/hurt whose configuration names another class of the original.
saved_as() {
    local class=$2
    hurt "$1" "${@:3}"
    jq --arg class "$class" '.architectures = [$class]' "$nano/$1/config.json" >"$T/hurt/config.json"
}
"$damage" "$(gold llama)" "$T/llama.safetensors" unmeta weights_sha256
ends_with_norm() {
    json "$(summary layers.propagated).verdict == \"pass\" and $(summary layers.isolated).verdict == \"pass\""
    json '[.findings[] | select(.check | test("^(logits|greedy|text|lens)")) | .verdict] | unique == ["skip"]'
    json "$(summary logits.kl).message | test(\"no head over the vocabulary\")"
}

test_that 'a model that classifies or rewards is whole without lm_head, and its layers are compared'
saved_as llama LlamaForSequenceClassification rename lm_head.weight score.weight
run 0 check "$T/hurt" --suite "$proof" --golden "$T/llama.safetensors" --json -q
ends_with_norm
json "$(summary inventory.head) | .verdict == \"pass\" and (.message | test(\"This is a LlamaForSequenceClassification.*Its own head is 'score.weight' \\\\[408, [0-9]+\\\\]\"))"
json "$(summary inventory.absent).verdict == \"pass\" and $(summary inventory.extra).verdict == \"pass\""
json "$(summary gold.compared) | .verdict == \"warn\" and (.message | test(\"lm_head\"))"
run 0 check "$T/hurt" --suite "$proof" --golden "$T/llama.safetensors" --chunk 2 -q
run 0 inspect "$T/hurt" -q
says out 'no head over it'
for how in 'generate --prompt one' 'perplexity --text suites/data/text/english.txt' 'trace --ids 5,6 --lens' "trace --ids 5,6 --points logits -o $T/t.safetensors"; do
    # shellcheck disable=SC2086
    run 3 ${how%% *} "$T/hurt" ${how#* } -q
    says err '"architectures" names LlamaForSequenceClassification'
done
run 0 trace "$T/hurt" --ids 101,7,42 -o "$T/own.safetensors" -q
run 0 check "$T/hurt" --suite "$proof" --golden "$T/own.safetensors" --json -q
json "$(summary gold.compared).verdict == \"pass\""
rm -rf "$T/x"
run 0 extract "$T/hurt" "$T/x" -q
run 0 check "$T/x" --suite "$proof" --golden "$T/llama.safetensors" -q

test_that 'a model that answers questions names its layers otherwise'
saved_as llama LlamaForQuestionAnswering rename lm_head.weight qa_outputs.weight
rename_tensors "$T/hurt/model.safetensors" model. transformer.
run 0 check "$T/hurt" --suite "$proof" --golden "$T/llama.safetensors" --json -q
ends_with_norm
json "$(summary inventory.head) | .verdict == \"pass\" and (.message | test(\"Its own head is 'qa_outputs.weight'\"))"

test_that 'a base model without a head, whose class says so'
saved_as llama LlamaModel drop lm_head.weight
rename_tensors "$T/hurt/model.safetensors" model. ''
run 0 check "$T/hurt" --suite "$proof" --golden "$T/llama.safetensors" --json -q
ends_with_norm
json "$(summary inventory.head) | .verdict == \"pass\" and (.message | test(\"This is a LlamaModel\"))"

test_that 'a base model without a head, whose names say so, is a warning'
saved_as llama LlamaForCausalLM drop lm_head.weight
rename_tensors "$T/hurt/model.safetensors" model. ''
run 0 check "$T/hurt" --suite "$proof" --golden "$T/llama.safetensors" --json -q
ends_with_norm
json "$(summary inventory.head) | .verdict == \"warn\" and (.message | test(\"saved without its head\"))"
run 3 generate "$T/hurt" --prompt one -q
says err 'was saved without its head'

test_that 'a head that is lost is absent'
saved_as llama LlamaForCausalLM drop lm_head.weight
run 1 inspect "$T/hurt" --json -q
json "$(summary inventory.absent) | .verdict == \"fail\" and (.message | test(\"lm_head.weight\"))"

test_that 'a base model computes logits where it is tied, or a head is stored all the same'
saved_as qwen3 Qwen3Model meta format pt
rename_tensors "$T/hurt/model.safetensors" model. ''
run 0 check "$T/hurt" --suite "$proof" --golden "$(gold qwen3)" --json -q
json "$(summary logits.kl).verdict == \"pass\" and $(summary inventory.head).verdict == \"pass\""
says out 'the embedding serves as one'
saved_as llama LlamaModel meta format pt
run 0 check "$T/hurt" --suite "$proof" --golden "$(gold llama)" --json -q
json "$(summary logits.kl).verdict == \"pass\" and ([.findings[] | select(.check == \"inventory.head\")] == [])"

# token_case NAME: the folder of the case in $T/words: the nano tokenizer, whole, split into its older files or with its own rules, or one
# over characters, and what lies beside it.
token_case() {
    rm -rf "$T/words"
    mkdir "$T/words"
    if [[ $1 == bpe* || $1 == unigram* ]]; then
        cp "suites/data/tokens/pieces/${1%%_*}.model" "$T/words/tokenizer.model"
    elif [[ $1 == t5* ]]; then
        cp suites/data/tokens/pieces/unigram.model "$T/words/spiece.model"
    elif [[ $1 == tiktoken* ]]; then
        cp suites/data/tokens/pieces/ranks.tiktoken "$T/words/tiktoken.model"
    elif [[ $1 == llama3* ]]; then
        cp suites/data/tokens/pieces/ranks.tiktoken "$T/words/tokenizer.model"
    elif [[ $1 == words* ]]; then
        cp suites/data/tokens/pieces/vocab.txt "$T/words/"
    elif [[ $1 == tekken* ]]; then
        cp suites/data/tokens/pieces/tekken.json "$T/words/"
    elif [[ $1 == split* ]]; then
        jq .model.vocab "$nano/qwen3/tokenizer.json" >"$T/words/vocab.json"
        jq -r '.model.merges[] | if type == "array" then join(" ") else . end' "$nano/qwen3/tokenizer.json" >"$T/words/merges.txt"
    elif [[ $1 == own* ]]; then
        jq --slurpfile all "$R/tokens.json" '. + $all[0].own' "$nano/qwen3/tokenizer.json" >"$T/words/tokenizer.json"
    elif [[ $1 == characters* ]]; then
        cp suites/data/tokens/variants/llama2/tokenizer.json "$T/words/"
    else
        cp "$nano/qwen3/tokenizer.json" "$T/words/"
    fi
    for file in $(jq -r --arg case "$1" '.cases[$case].files | keys[]' "$R/tokens.json"); do
        jq --arg case "$1" --arg file "$file" '.cases[$case].files[$file]' "$R/tokens.json" >"$T/words/$file"
    done
}
jq -c '.texts[]' "$R/tokens.json" >"$T/texts.jsonl"
for case in $(jq -r '.cases | keys[]' "$R/tokens.json"); do
    test_that "what lies beside a tokenizer is applied as AutoTokenizer applies it: $case"
    token_case "$case"
    run 0 tokenize "$T/words" --jsonl --file "$T/texts.jsonl"
    same "$(cat "$T/out")" "$(jq -c --arg case "$case" '.cases[$case].ids[]' "$R/tokens.json")"
done
test_that 'a list of added tokens that is none'
for list in '{"x": {"content": "a"}}' '[{"content": "a"}]' '{"3": null}'; do
    token_case listed
    jq --argjson list "$list" '.added_tokens_decoder = $list' "$T/words/tokenizer_config.json" >"$T/config.json"
    mv "$T/config.json" "$T/words/tokenizer_config.json"
    run 3 tokenize "$T/words" text
    says err 'tokenizer_config.json: should map added tokens and their ids'
done
test_that 'the tokenizer class of another family is not guessed: AutoTokenizer opens none of these'
for family in qwen3_5 llama mixtral nobodys; do
    token_case split
    jq --arg family "$family" '.model_type = $family' "$T/words/config.json" >"$T/config.json"
    mv "$T/config.json" "$T/words/config.json"
    run 3 tokenize "$T/words" text
    says err "names no \"tokenizer_class\", and that of \"$family\" is not supported without a tokenizer.json"
done

test_that 'rules of a class that stand over those of tokenizer.json are told'
for class in Qwen2Tokenizer PreTrainedTokenizerFast; do
    hurt qwen3 meta format pt
    jq --slurpfile all "$R/tokens.json" '. + $all[0].own' "$nano/qwen3/tokenizer.json" >"$T/hurt/tokenizer.json"
    jq --arg class "$class" '.tokenizer_class = $class' "$nano/qwen3/tokenizer_config.json" >"$T/hurt/tokenizer_config.json"
    run 0 inspect "$T/hurt" --json -q
    json "[.findings[] | select(.check == \"tokens.reader\" and .verdict == \"warn\" and (.message | test(\"the class Qwen2Tokenizer\")))] | length == $([ $class = Qwen2Tokenizer ] && echo 1 || echo 0)"
done
for model in "$nano"/qwen2 "$nano"/llama golden/thinker-48; do
    run 0 inspect "$model" --json -q
    json '[.findings[] | select(.check == "tokens.reader")] == []'
done

test_that 'a GGUF file that does not say how its tokenizer splits words is warned of'
run 0 check suites/data/gguf/llama-f32.gguf --suite "$proof" --golden "$(gold llama)" --json -q
json "$(summary inventory.files).verdict == \"pass\""
LC_ALL=C sed 's/tokenizer\.ggml\.pre/tokenizer.ggml.prx/' suites/data/gguf/llama-f32.gguf >"$T/guess.gguf"
run 0 inspect "$T/guess.gguf" --json -q
json "$(summary inventory.files) | .verdict == \"warn\" and (.message | test(\"tokenizer.ggml.pre. is absent\"))"
