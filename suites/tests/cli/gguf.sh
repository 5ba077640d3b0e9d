# GGUF files from outside: the same verdicts as for the models that they were made of.
G=$PWD/suites/data/gguf

test_that 'a file that loses nothing passes against gold of the original'
for pair in llama-f32:llama qwen3moe-f16:qwen3_moe qwen2moe-bf16-00002-of-00003:qwen2_moe; do
    run 0 check "$G/${pair%:*}.gguf" --suite "$proof" --golden "$(gold "${pair#*:}")" --json -q
    equal .verdict pass
    equal .subject.format gguf
done

test_that 'architectures with rows, names and ropes of their own, without a tokenizer'
for pair in mistral3:ministral3 seed_oss:seed_oss longrope:longrope qwen3vlmoe:qwen3_vl_moe glm4:glm4 cohere2:cohere2 phi3:phi3 gemma3:; do
    gold=$G/${pair%:*}.golden.safetensors
    [ -e "$gold" ] || gold=$(gold "${pair#*:}")
    run 0 check "$G/${pair%:*}.gguf" --suite "$proof" --golden "$gold" --json -q
    json "[$(summary layers.isolated), $(summary layers.propagated), $(summary greedy), $(summary config.gold)] | all(.verdict == \"pass\")"
    json '[.findings[] | select(.verdict == "fail")] == []'
done

test_that 'every block type is computed with, against gold that transformers made of the same file'
run 0 check "$G/quantised.gguf" --suite "$proof" --golden "$G/quantised.golden.safetensors" --json -q
equal .verdict pass
equal '[.findings[] | select(.check == "layers.propagated" and .summary) | .verdict] | unique | join(",")' pass

test_that 'an extraction stands for itself: widened, with the documents that the file implies'
run 0 extract "$G/quantised.gguf" "$T/x" -q
there "$T/x/config.json"
there "$T/x/tokenizer.json"
json '[.tensors[].dtype] | unique == ["F32"]' "$T/x/extraction_manifest.json"
json '[.tensors[] | select(.source.name == "blk.0.ffn_up.weight") | .source.end - .source.begin] == [21504]' "$T/x/extraction_manifest.json"
run 0 check "$T/x" --suite "$proof" --golden "$G/quantised.golden.safetensors" -q
run 0 extract "$G/quantised.gguf" "$T/x" -q
says out '0 written'
run 0 extract "$G/qwen3moe-f16.gguf" "$T/moe" -q
run 0 check "$T/moe" --suite "$proof" --golden "$(gold qwen3_moe)" --tokenizer "$nano/qwen3_moe" -q

test_that 'so does one whose gains hold the 1 that the original adds to them'
run 0 extract "$G/gemma3.gguf" "$T/gains" -q
run 0 check "$T/gains" --suite "$proof" --golden "$G/gemma3.golden.safetensors" --json -q
json "$(summary config.gold).verdict == \"pass\""
run 0 inspect "$G/gemma3.gguf" --values --source "$nano/gemma3" --json -q
json "$(summary weights.source) | .verdict == \"pass\" and .exact == 42"
run 1 inspect "$G/gemma3.gguf" --values --source "$nano/gemma3" --fault scale:model.norm.weight,1.01 --json -q
json "$(summary weights.source) | .exact == 41 and .worst_tensor == \"model.norm.weight\""

test_that 'the tokenizer in the file is used'
run 0 tokenize "$G/llama-f32.gguf" 'Hello world'
ids=$(cat "$T/out")
run 0 tokenize "$nano/llama" 'Hello world'
same "$(cat "$T/out")" "$ids"
run 0 tokenize "$G/llama-f32.gguf" --decode "$ids"
says out 'Hello world'

test_that 'a kind of pre-tokenizer that is not known is a warning, with its name'
sed 's/qwen2\x15/qwen9\x15/' "$G/llama-f32.gguf" >"$T/unknown.gguf"
run 0 check "$T/unknown.gguf" --suite "$proof" --golden "$(gold llama)" --json -q
equal '[.findings[] | select(.check == "tokens.ids") | .verdict] | join(",")' warn
says out qwen9
run 3 perplexity "$T/unknown.gguf" --text suites/data/text/english.txt -q
says err qwen9

test_that 'what is broken is no model, with a reason'
for size in 4 20 3000 5000 300000; do
    head -c "$size" "$G/llama-f32.gguf" >"$T/cut.gguf"
    run 3 inspect "$T/cut.gguf" -q
    says err truncated
done
run 3 check "$T/cut.gguf" --golden "$(gold llama)" -q
cp "$G/qwen2moe-bf16-00001-of-00003.gguf" "$G/qwen2moe-bf16-00003-of-00003.gguf" "$T/"
run 1 inspect "$T/qwen2moe-bf16-00001-of-00003.gguf" -q
says out 'part 2 of 3'

test_that 'faults are laid over quantised tensors'
for fault in scale:model.layers.0.mlp.up_proj.weight,2 nan:model.layers.0.self_attn.q_proj.weight,3,7 \
    zero-page:model.layers.0.mlp.down_proj.weight,1 random-attention:0; do
    run 1 check "$G/quantised.gguf" --suite "$proof" --golden "$G/quantised.golden.safetensors" --fault "$fault" -q
    says out 'The computation differs from gold from model.layers.0'
done
run 0 break "$G/quantised.gguf" "$T/broken" --fault scale:model.layers.0.mlp.up_proj.weight,2 -q
run 1 check "$T/broken" --suite "$proof" --golden "$G/quantised.golden.safetensors" -q

test_that 'it writes what the same model as safetensors writes'
run 0 generate "$nano/llama" --prompt 'one two' -n 12 --temperature 0 --json -q
expected=$(jq -c '.[0].ids' "$T/out")
run 0 generate suites/data/gguf/llama-f32.gguf --prompt 'one two' -n 12 --temperature 0 --json -q
same "$(jq -c '.[0].ids' "$T/out")" "$expected"

test_that 'what is extracted from the file is judged as the file is'
rm -rf "$T/x" "$T/xx"
run 0 extract suites/data/gguf/llama-f32.gguf "$T/x" -q
run 0 check "$T/x" --suite "$proof" --golden "$(gold llama)" --json -q
json "$(summary tokens.ids).verdict == \"pass\""
run 0 extract "$T/x" "$T/xx" -q
run 0 check "$T/xx" --suite "$proof" --golden "$(gold llama)" --json -q

test_that 'a tokenizer without merges is said to have none'
LC_ALL=C sed 's/tokenizer\.ggml\.merges/tokenizer.ggml.mergez/' "$G/llama-f32.gguf" >"$T/unmerged.gguf"
run 1 check "$T/unmerged.gguf" --suite "$proof" --golden "$(gold llama)" --json -q
json "$(summary inventory.files) | .verdict == \"fail\" and (.message | test(\"tokenizer.ggml.merges. is absent.*llama.cpp does not load such a file\"))"
json "$(summary tokens.ids).verdict == \"fail\" and $(summary layers.propagated).verdict == \"pass\""
