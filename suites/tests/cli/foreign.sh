# Gold that other tools wrote: compared like our own, and what it does not hold is told. suites/data/foreign/MANIFEST.json
# says how it was made.
foreign=$PWD/suites/data/foreign
manifest=$foreign/MANIFEST.json
english=$PWD/suites/data/text/english.txt

# foreign_check STATUS SUBJECT GOLD
foreign_check() { run "$1" check "$2" --suite "$proof" --golden "$3" --json -q; }

test_that 'a folder of .npy files named by module path'
foreign_check 0 "$nano/thinker" "$foreign/npy"
json "$(summary layers.propagated) | .verdict == \"pass\" and .compared == 43 and .fallback_limits == 43"
json "$(summary logits.kl).verdict == \"pass\""
json "$(summary gold.compared).verdict == \"pass\""
run 0 check "$nano/thinker" --suite "$proof" --golden "$foreign/npy/short" --json -q
hurt thinker scale layers.2.self_attn.o_proj.weight 1.05
foreign_check 1 "$T/hurt" "$foreign/npy"
blames model.layers.2.self_attn
equal "$first_bad" 2

test_that "what transformers' debugger writes, with values"
foreign_check 0 "$nano/qwen3" "$foreign/tree"
json "$(summary layers.isolated) | .verdict == \"pass\" and .compared == 17"
json "$(summary logits.top1).verdict == \"pass\""
json "$(summary gold.compared) | .verdict == \"warn\" and (.message | test(\"13 of gold's 30 tensors were not compared: .*rotary_emb\"))"
hurt qwen3 scale layers.4.mlp.down_proj.weight 1.05
foreign_check 1 "$T/hurt" "$foreign/tree"
blames model.layers.4.mlp
hurt qwen3 scale layers.0.self_attn.q_norm.weight 1.05
foreign_check 1 "$T/hurt" "$foreign/tree"
blames model.layers.0.self_attn.q_norm
run 0 check "$nano/qwen3" --suite "$proof" --golden "$foreign/tree/Qwen3ForCausalLM_debug_tree_FULL_TENSORS.json" --json -q

test_that 'of a summary only statistics are compared, and never as if they were values'
for gold in repr:qwen2_window:13 tree/Qwen3ForCausalLM_debug_tree_SUMMARY.json:qwen3:17; do
    IFS=: read -r path model places <<<"$gold"
    foreign_check 0 "$nano/$model" "$foreign/$path"
    json "$(summary layers.statistics) | .verdict == \"pass\" and .compared == $places and .measured < 1"
    json "[$(summary layers.propagated), $(summary layers.isolated), $(summary logits.kl)] | map(.verdict) == [\"skip\", \"skip\", \"skip\"]"
    json "$(summary gold.compared) | .verdict == \"warn\" and (.message | test(\"of $places only mean, standard deviation\"))"
done
run 0 check "$nano/qwen2_window" --golden "$foreign/repr" --json -q
json "$(summary text.verdict) | .verdict == \"skip\" and (.message | contains(\"Of every tensor that gold holds\"))"
hurt qwen2_window scale layers.3.mlp.down_proj.weight 1.05
foreign_check 1 "$T/hurt" "$foreign/repr"
equal "$(summary layers.statistics).first_bad_module" model.layers.3.mlp
json '[.findings[] | select(.check == "layers.statistics" and (.summary | not)) | .where.module] | index("model.layers.3.input_layernorm") == null'
hurt qwen2_window nan layers.0.self_attn.o_proj.weight 1 2
foreign_check 1 "$T/hurt" "$foreign/repr"
json "$(summary layers.statistics) | .verdict == \"fail\" and .measured == \"nan\""

# near EXPRESSION NUMBER: they differ by at most a thousandth of the file's half step
near() { json "($1) - ($2) | fabs <= 0.001 * $(jq '."base.kld".resolution.largest' "$manifest")"; }
test_that "a base file has the divergence that the script that made it computes"
foreign_check 0 "$nano/llama" "$foreign/base.kld"
near "$(summary logits.kl).measured" "$(jq '."base.kld".intact.kl' "$manifest")"
json "$(summary logits.kl) | .verdict == \"pass\" and .positions == 45 and (.cause | test(\"16-bit step\")) and .limit < 1.3e-4"
json "$(summary logits.nmse).verdict == \"skip\""
json "$(summary layers.propagated).verdict == \"skip\""
json "$(summary gold.compared).verdict == \"pass\""
hurt llama scale layers.2.self_attn.o_proj.weight 0.875
foreign_check 1 "$T/hurt" "$foreign/base.kld"
near "$(summary logits.kl).measured" "$(jq '."base.kld".scaled.kl' "$manifest")"
json "$(summary logits.top1).agreement - (1 - $(jq '."base.kld".scaled.top1' "$manifest")) | fabs < 1e-12"

test_that 'a suite may allow for what the arithmetic behind the gold costs'
printf '{"diagnostics": ["logits"], "limits": {"logits.kl": {"value": 0.007, "cause": "8-bit activations"},
    "logits.top1": {"value": 0.2, "cause": "8-bit activations"}}}' >"$T/suite.json"
run 1 check "$T/hurt" --golden "$foreign/base.kld" --suite "$T/suite.json" --json -q
json '[.findings[] | select(.verdict == "fail") | .check] == ["logits.kl"]'
sed -i 's/0.007/0.008/' "$T/suite.json"
run 0 check "$T/hurt" --golden "$foreign/base.kld" --suite "$T/suite.json" --json -q
json "$(summary logits.kl) | .limit > 0.008 and (.cause | test(\"plus 0.008, which the suite allows: 8-bit activations\"))"

test_that 'the logits of llama-debug'
foreign_check 0 "$nano/llama" "$foreign/llamacpp-llama.bin"
json "$(summary logits.kl) | .verdict == \"pass\" and .positions == 1"
foreign_check 1 "$T/hurt" "$foreign/llamacpp-llama.bin"
json '.findings[] | select(.check == "layers.propagated" and (.summary | not)) | .where.module == "lm_head" and .where.token == 5'

test_that 'a trace as .npy files is gold again'
run 0 trace "$nano/qwen3" --golden "$(gold qwen3)" --format npy -o "$T/npy" -q
silent err
same "$(ls "$T/npy" | paste -sd ' ')" 'ids-2 ids-3 prompt-0 prompt-1'
there "$T/npy/prompt-0/model.layers.4.self_attn.q_norm.npy"
foreign_check 0 "$nano/qwen3" "$T/npy"
json "$(summary layers.propagated) | .measured == 0"
run 0 compare "$(gold qwen3)" "$T/npy" --json -q
json "$(summary layers.propagated) | .verdict == \"pass\" and .not_compared == 0"
run 0 compare "$T/npy" "$nano/qwen3" -q
run 3 trace "$nano/qwen3" --ids 1,2 --format npy -o "$T/npy" -q
says err "$T/npy exists and is not empty"
: >"$T/plain"
run 3 trace "$nano/qwen3" --ids 1,2 --format npy -o "$T/plain" -q
says err "$T/plain exists and is no folder"
mkdir "$T/empty"
run 0 trace "$nano/qwen3" --ids 1,2 --format npy --points logits -o "$T/empty/" -q
same "$(ls "$T/empty/ids-0" | paste -sd ' ')" 'ids.npy lm_head.npy'
run 3 trace "$nano/qwen3" --ids 1,2 --format npy -o "$T/no/such/folder" -q
absent "$T/no"
same "$(ls -d "$T"/*.tmp.* 2>/dev/null)" ''

test_that 'a trace as a base file has no divergence but that of its steps'
run 0 trace "$nano/llama" --text "$english" --context 32 --format logits -o "$T/ours.kld" -q
foreign_check 0 "$nano/llama" "$T/ours.kld"
json "$(summary logits.kl) | (.measured | fabs) < 1e-5 and .verdict == \"pass\""
run 0 trace "$nano/llama" --golden "$foreign/base.kld" --format logits -o "$T/same.kld" -q
same "$(head -c 404 "$T/same.kld" | sha256sum)" "$(head -c 404 "$foreign/base.kld" | sha256sum)"
same "$(wc -c <"$T/same.kld")" "$(wc -c <"$foreign/base.kld")"
foreign_check 0 "$nano/llama" "$T/same.kld"
json "$(summary logits.kl) | (.measured - $(jq '."base.kld".intact.kl' "$manifest") | fabs) < 1.3e-4"
run 0 compare "$foreign/base.kld" "$T/same.kld" --json -q
json "$(summary logits.kl) | (.measured | fabs) < 1e-5 and .verdict == \"pass\""
run 0 compare "$foreign/base.kld" "$nano/llama" -q
run 1 compare "$T/same.kld" "$T/hurt" --json -q
json "$(summary logits.kl) | (.measured - $(jq '."base.kld".scaled.kl' "$manifest") | fabs) < 1.3e-4"
run 0 trace "$nano/llama" --ids 1,2,3,4 --ids 5,6,7,8 --format logits -o "$T/two.kld" -q
same "$(wc -c <"$T/two.kld")" $((20 + 32 + 2 * (8 + 2 * 408)))
run 3 trace "$nano/llama" --ids 1,2,3,4 --ids 5,6,7 --format logits -o "$T/odd.kld" -q
says err "'ids-0' has 4 tokens, 'ids-1' 3"
run 3 trace "$nano/llama" --ids 1,2 --format logits -o "$T/odd.kld" -q
says err 'at least 3'
run 3 trace "$nano/llama" --text "$english" --context 999999 --format logits -o "$T/odd.kld" -q
says err 'less than one window'
absent "$T/odd.kld"

test_that 'windows begin with BOS where the tokenizer adds one, and the file keeps the text'
cp -r "$nano/llama" "$T/bos"
jq '.post_processor = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}},
    {"Sequence": {"id": "A", "type_id": 0}}], "pair": [{"Sequence": {"id": "A", "type_id": 0}},
    {"Sequence": {"id": "B", "type_id": 1}}], "special_tokens": {"<|endoftext|>": {"id": "<|endoftext|>",
    "ids": [.added_tokens[0].id], "tokens": ["<|endoftext|>"]}}}' "$nano/llama/tokenizer.json" >"$T/bos/tokenizer.json"
run 0 trace "$T/bos" --text "$english" --context 16 --format logits -o "$T/bos.kld" -q
run 0 check "$T/bos" --suite "$proof" --golden "$T/bos.kld" --json -q
json "$(summary logits.kl) | (.measured | fabs) < 1e-5"
run 1 check "$T/bos" --suite "$proof" --tokenizer "$nano/llama" --golden "$T/bos.kld" --json -q
json "$(summary logits.kl).measured > 0.01"

test_that 'ended by a signal: nothing is left of either'
many=$(seq -s , 1 400)
arguments=()
for _ in {1..60}; do arguments+=(--ids "$many"); done
for format in npy logits; do
    mkdir "$T/ended"
    env --default-signal=TERM "$assay" trace "$nano/thinker" "${arguments[@]}" --format $format -o "$T/ended/out" -q --threads 1 &
    process=$!
    for _ in {1..400}; do
        compgen -G "$T/ended/*" >/dev/null && break
        sleep 0.01
    done
    kill -TERM $process
    wait $process 2>/dev/null
    same $? 143
    same "$(ls -A "$T/ended")" ''
    rmdir "$T/ended"
done

test_that 'what is cut, belied or absent is refused with its name'
head -c 20000 "$foreign/base.kld" >"$T/cut.kld"
foreign_check 3 "$nano/llama" "$T/cut.kld"
says err "$T/cut.kld"
says err 'take 37484 bytes, but the file has 20000'
head -c 15 "$foreign/base.kld" >"$T/cut.kld"
foreign_check 3 "$nano/llama" "$T/cut.kld"
says err "$T/cut.kld"
printf '_logits_\4\0\0\0\2\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\0\0\200\67\0\0\200\277\0\0\377\377' >"$T/small.kld"
foreign_check 1 "$nano/llama" "$T/small.kld"
json "$(summary config.gold) | .verdict == \"warn\" and (.message | contains(\"'lm_head' has 2 values for each token in gold, 408 here\"))"
json "$(summary gold.compared).verdict == \"fail\""
printf '_logitz_\4\0\0\0' >"$T/magic.kld"
foreign_check 3 "$nano/llama" "$T/magic.kld"
says err "$T/magic.kld"
cp -r "$foreign/npy" "$T/cut"
truncate -s -1 "$T/cut/short/lm_head.npy"
foreign_check 3 "$nano/thinker" "$T/cut"
says err "$T/cut/short/lm_head.npy: the header promises"
rm "$T/cut/short/lm_head.npy" "$T/cut/short/input_ids.npy"
foreign_check 3 "$nano/thinker" "$T/cut"
says err 'add an array named ids or input_ids'
cp -r "$foreign/tree" "$T/leaf"
rm "$T/leaf/Qwen3ForCausalLM.lm_head_outputs.safetensors"
foreign_check 3 "$nano/qwen3" "$T/leaf"
says err Qwen3ForCausalLM.lm_head_outputs.safetensors
rm "$T/leaf/Qwen3ForCausalLM_debug_tree_FULL_TENSORS.json"
foreign_check 3 "$nano/qwen3" "$T/leaf"
says err 'the token ids are absent: *_debug_tree_FULL_TENSORS.json beside it'
cp "$foreign/llamacpp-llama.bin" "$T"
foreign_check 3 "$nano/llama" "$T/llamacpp-llama.bin"
says err 'put llamacpp-llama-tokens.bin or llamacpp-llama-prompt.txt'
test_that 'gold of another width than the model has nothing that could be compared'
foreign_check 1 "$nano/qwen3" "$foreign/npy"
json "$(summary config.gold) | .verdict == \"fail\" and (.message | contains(\"'model.embed_tokens' has 40 values for each token in gold, 32 here\"))"

test_that 'misuse'
run 2 trace "$nano/llama" --ids 1,2,3 --format gguf -o "$T/x"
run 2 trace "$nano/llama" --ids 1,2,3 --context 5 -o "$T/x"
says err '--context needs --text'
run 2 trace "$nano/llama" -o "$T/x"
says err '--text is needed'

test_that 'rows of a base file that are no log-probabilities'
size=$(stat -c %s suites/data/foreign/base.kld)
head -c "$((size - 824))" suites/data/foreign/base.kld >"$T/none.kld"
head -c 824 /dev/zero >>"$T/none.kld"
run 3 check "$nano/llama" --golden "$T/none.kld" -q
says err 'make the file again'

test_that 'logits of others against our own dump of the same cases, either way round'
for gold in llamacpp-llama.bin base.kld; do
    run 0 trace "$nano/llama" --golden "suites/data/foreign/$gold" -o "$T/ours.safetensors" -q
    run 0 compare "suites/data/foreign/$gold" "$T/ours.safetensors" --json -q
    json "$(summary logits.kl).verdict == \"pass\""
    run 0 compare "$T/ours.safetensors" "suites/data/foreign/$gold" --json -q
    json "$(summary gold.compared) | .verdict == \"warn\" and (.message | test(\"not compared\"))"
    run 0 trace "$nano/llama" --golden "suites/data/foreign/$gold" -o "$T/ours.safetensors" -q --fault scale:lm_head.weight,1.2
    run 1 compare "suites/data/foreign/$gold" "$T/ours.safetensors" --json -q
done
