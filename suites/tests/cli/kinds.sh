# What is no model, no gold and no tokenizer is called what it is, with what to do about it.
pointer() { printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize %d\n' 1 "$1"; }
fresh() {
    rm -rf "$T/m"
    cp -r "$nano/$1" "$T/m"
}

test_that 'shards that are Git LFS pointers, all or one of them'
fresh qwen3
for shard in "$T"/m/*.safetensors; do pointer 4976698672 >"$shard"; done
for command in inspect 'check --golden '"$(gold qwen3)"; do
    # shellcheck disable=SC2086
    run 3 $command "$T/m" -q
    says err 'model-00001-of-00003.safetensors: is a Git LFS pointer to 4976698672 bytes, not the file itself: fetch that (git lfs pull)'
done
fresh qwen3
pointer 12345 >"$T/m/model-00002-of-00003.safetensors"
run 1 inspect "$T/m" -q
says out 'model-00002-of-00003.safetensors: is a Git LFS pointer to 12345 bytes'

test_that 'documents that are pointers, and a page in their place'
fresh qwen3
pointer 7031673 >"$T/m/tokenizer.json"
run 3 tokenize "$T/m" Hello -q
says err 'tokenizer.json: is a Git LFS pointer to 7031673 bytes'
run 3 generate "$T/m" --prompt Hello -q
says err 'tokenizer.json: is a Git LFS pointer to 7031673 bytes'
printf '<!DOCTYPE html><title>Sign in</title>' >"$T/m/config.json"
run 3 inspect "$T/m" -q
says err 'config.json: is an HTML page'
fresh qwen3
pointer 999 >"$T/m/model.safetensors.index.json"
run 3 inspect "$T/m" -q
says err 'model.safetensors.index.json: is a Git LFS pointer to 999 bytes'

test_that 'a document that was cut short'
fresh qwen3
truncate -s -50 "$T/m/tokenizer.json"
run 3 tokenize "$T/m" Hello -q
says err 'and it does not end (truncated? get it again)'

test_that 'a link into a cache whose blob is gone'
fresh qwen3
ln -sf ../../blobs/01ab "$T/m/model-00002-of-00003.safetensors"
run 1 inspect "$T/m" -q
says out "shard model-00002-of-00003.safetensors is a link to '../../blobs/01ab', which does not exist"

test_that 'files of other kinds in the place of a model'
printf '<html><title>Redirecting</title>' >"$T/model.gguf"
run 3 inspect "$T/model.gguf" -q
says err 'model.gguf: is an HTML page'
printf 'Entry not found' >"$T/model.safetensors"
run 3 inspect "$T/model.safetensors" -q
says err 'is text, which begins "Entry not found"'
run 3 inspect "$nano/qwen3/config.json" -q
says err 'is JSON, no weights: name the folder that it lies in'
head -c 3000 suites/data/gguf/llama-f32.gguf >"$T/m.gguf.part1of2"
tail -c +3001 suites/data/gguf/llama-f32.gguf >"$T/m.gguf.part2of2"
for piece in 1 2; do
    run 3 inspect "$T/m.gguf.part${piece}of2" -q
    says err "is piece $piece of 2 of a file that was cut: join them all: cat \$(ls -v m.gguf.part*) > m.gguf"
done
(cd "$T" && cat $(ls -v m.gguf.part*) >m.gguf)
run 0 inspect "$T/m.gguf" -q
cp "$T/m.gguf" "$T/whole.gguf.incomplete"
run 0 inspect "$T/whole.gguf.incomplete" -q
cp "$T/m.gguf.part1of2" "$T/half.gguf.incomplete"
run 3 inspect "$T/half.gguf.incomplete" -q
says err 'is a download that has not ended (.incomplete)'

test_that 'files of other kinds in the place of gold'
pointer 555 >"$T/gold.safetensors"
run 3 check "$nano/qwen3" --golden "$T/gold.safetensors" -q
says err 'gold.safetensors: is a Git LFS pointer to 555 bytes'
printf '\x93NUMPY\x01\x00v\x00' >"$T/logits.npy"
run 3 compare "$T/logits.npy" "$nano/qwen3" -q
says err 'logits.npy: is a numpy array, no model; a dump of arrays is a folder of MODULE.npy beside ids.npy'

test_that 'a folder with one GGUF file is that model, and so is one with its parts'
G=suites/data/gguf
mkdir "$T/one" "$T/parts"
cp $G/llama-f32.gguf "$T/one/model.Q.gguf"
run 0 check "$T/one" --suite "$proof" --golden "$(gold llama)" --json -q
equal .subject.format gguf
run 0 tokenize "$T/one" Hello -q
run 0 extract "$T/one" "$T/one-extraction" -q
run 0 check "$T/one-extraction" --suite "$proof" --golden "$(gold llama)" -q
cp $G/qwen2moe-bf16-0000?-of-00003.gguf "$T/parts"
run 0 check "$T/parts" --suite "$proof" --golden "$(gold qwen2_moe)" -q
rm "$T/parts/qwen2moe-bf16-00002-of-00003.gguf"
run 1 inspect "$T/parts" -q
says out 'is absent; it is part 2 of 3'
test_that 'a folder with several is a list of them, without what is beside a model'
cp $G/llama-f32.gguf "$T/one/model.K.gguf"
run 3 inspect "$T/one" -q
says err 'one: holds 2 models: model.K.gguf, model.Q.gguf: name one of them'
sed 's/general.architecture\x08\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00llama/general.architecture\x08\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00clip/' \
    $G/llama-f32.gguf >"$T/one/model.K.gguf"
run 0 inspect "$T/one" -q
run 3 inspect "$T/one/model.K.gguf" -q
says err "is the projector of a model's images or sounds"

test_that 'an adapter is no model, and names its base'
mkdir "$T/adapter"
cp "$nano/llama/model-00001-of-00002.safetensors" "$T/adapter/adapter_model.safetensors"
printf '{"base_model_name_or_path": "meta-llama/Llama-3.1-8B", "peft_type": "LORA"}' >"$T/adapter/adapter_config.json"
for path in "$T/adapter" "$T/adapter/adapter_model.safetensors"; do
    run 3 inspect "$path" -q
    says err "is an adapter (LORA) to 'meta-llama/Llama-3.1-8B', no model: merge it into its base"
done
mv "$T/adapter/adapter_model.safetensors" "$T/adapter/adapter_model.bin"
run 3 inspect "$T/adapter" -q
says err "is an adapter (LORA) to 'meta-llama/Llama-3.1-8B'"
fresh qwen3
cp "$T/adapter/adapter_config.json" "$T/m"
run 0 inspect "$T/m" -q

test_that 'an index of another saving, beside files that are complete'
fresh qwen3
sed -i 's/-of-00003/-of-00030/' "$T/m/model.safetensors.index.json"
tensors=$(jq '.weight_map | length' "$T/m/model.safetensors.index.json")
run 3 inspect "$T/m" -q
says err 'model.safetensors.index.json: none of its 3 shards can be read'
says err "3 .safetensors files lie unread in the folder ('model-00001-of-00003.safetensors' the first), with $tensors of the $tensors tensors that the index places in shards that are absent: the index is that of a copy of the model in other files"
mv "$T/m/model.safetensors.index.json" "$T/index"
run 0 check "$T/m" --suite "$proof" --golden "$(gold qwen3)" -q
test_that 'shards in a folder below, and files that hold nothing of what is absent'
mv "$T/index" "$T/m/model.safetensors.index.json"
mkdir "$T/m/weights" && mv "$T"/m/model-*.safetensors "$T/m/weights"
run 3 inspect "$T/m" -q
says err "3 .safetensors files lie unread in folders below it ('weights/model-00001-of-00003.safetensors' the first), with $tensors of the $tensors tensors"
fresh qwen3
rm "$T/m/model-00002-of-00003.safetensors"
printf '\2\0\0\0\0\0\0\0{}' >"$T/m/consolidated.safetensors"
run 1 inspect "$T/m" -q
says out "1 .safetensors file lies unread in the folder ('consolidated.safetensors'), with 0 of the"
fresh qwen3
printf '\2\0\0\0\0\0\0\0{}' >"$T/m/consolidated.safetensors"
run 0 inspect "$T/m" --json -q
json '.findings[] | select(.check == "inventory.files") | .verdict == "pass"'

test_that 'a model.safetensors beside an index and its shards is read, and that is a warning'
fresh qwen3
"$damage" "$nano/qwen3" "$T/single"
cp "$T/single/model.safetensors" "$T/m"
run 0 check "$T/m" --suite "$proof" --golden "$(gold qwen3)" --json -q
json '.findings[] | select(.check == "inventory.files" and .summary) | .verdict == "warn" and
    (.message | test("model.safetensors is read, as transformers reads it; model.safetensors.index.json and 3 of its shards lie beside it and are not read"))'
rm "$T"/m/model-*.safetensors
run 0 inspect "$T/m" --json -q
json '.findings[] | select(.check == "inventory.files" and .summary) | .verdict == "pass"'

test_that 'one shard, given as if it were the model'
run 1 inspect "$nano/qwen3/model-00002-of-00003.safetensors" -q
says out 'model-00002-of-00003.safetensors is one of 3 shards, by its name: the folder is the model'

test_that 'weights in folders below'
mkdir -p "$T/loose/layers/0" "$T/loose/.cache"
cp "$nano"/qwen3/model-*.safetensors "$T/loose/layers/0"
cp "$nano"/qwen3/model-*.safetensors "$T/loose/.cache"
run 3 inspect "$T/loose" -q
says err "no model here: 3 .safetensors files lie unread in folders below it ('layers/0/model-00001-of-00003.safetensors' the first): name the folder that is meant"
cp "$nano/qwen3/config.json" "$nano"/qwen3/model-00001* "$T/loose"
run 1 inspect "$T/loose" -q
says out "3 .safetensors files lie unread in folders below it ('layers/0/model-00001-of-00003.safetensors' the first): only a folder's own files are read"

says out "One mistake would explain all: the tensors are in files that lie there unread, 'layers/0/model-00002-of-00003.safetensors' the first"
run 1 check "$T/loose" --suite "$proof" --golden "$(gold qwen3)" -q
says out 'the tensors are in files that lie there unread'
fresh qwen3
sed -i 's/-00003-of-00003/-00003-of-00030/' "$T/m/model.safetensors.index.json"
run 1 inspect "$T/m" -q
says out "One mistake would explain all: the tensors are in files that lie there unread, 'model-00003-of-00003.safetensors' the first"

test_that 'a folder without a model says what it holds'
mkdir "$T/other"
run 3 inspect "$T/other" -q
says err 'no model here: neither model.safetensors nor pytorch_model.bin, nor'
printf 'A model.' >"$T/other/README.md"
printf '{}' >"$T/other/config.json"
printf '\x08\x07\x12\x07pytorch' >"$T/other/model.onnx"
cp "$T"/m.gguf.part?of2 "$T/other"
run 3 inspect "$T/other" -q
says err 'no model here: m.gguf.part1of2 is piece 1 of 2'
says err 'model.onnx is an ONNX graph'
says_not err README
mkdir -p "$T/other/.cache/huggingface/download"
touch "$T/other/.cache/huggingface/download/ab.cd.incomplete"
run 3 inspect "$T/other" -q
says err '1 download into it has not ended (.cache/huggingface/download/*.incomplete)'

test_that 'a tokenizer in a form that is not read'
fresh qwen3
rm "$T/m/tokenizer.json"
for file in sentencepiece.bpe.model tokenizer.model.v3 qwen.tiktoken; do
    printf '\n\x0e\n\x05<unk>' >"$T/m/$file"
    run 3 tokenize "$T/m" Hello -q
    says err "$file there is"
    run 3 generate "$T/m" --prompt Hello -q
    says err "no tokenizer beside the weights ($file there is"
    rm "$T/m/$file"
done

test_that 'PyTorch checkpoints are read: the same numbers as of the same weights in safetensors'
run 0 check "$nano/qwen2_window" --suite "$proof" --golden "$(gold qwen2_window)" --json -q
numbers='[.findings[] | [.check, .verdict, .measured, .where.module]]'
jq -c "$numbers" "$T/out" >"$T/numbers"
mkdir "$T/torch"
cp "$nano"/qwen2_window/{config,tokenizer,tokenizer_config}.json suites/data/torch/pytorch_model* "$T/torch"
run 0 check "$T/torch" --suite "$proof" --golden "$(gold qwen2_window)" --json -q
same "$(jq -c "$numbers" "$T/out")" "$(cat "$T/numbers")"
equal .subject.format checkpoint
run 0 extract "$T/torch" "$T/torch-extraction" -q
run 0 verify "$T/torch-extraction" --source "$T/torch" -q
run 0 check "$T/torch-extraction" --suite "$proof" --source "$nano/qwen2_window" --golden "$(gold qwen2_window)" -q
truncate -s -100 "$T/torch/pytorch_model-00002-of-00002.bin"
run 1 inspect "$T/torch" -q
says out 'pytorch_model-00002-of-00002.bin: the record at its end is absent'
pointer 1234 >"$T/torch/pytorch_model-00002-of-00002.bin"
run 1 inspect "$T/torch" -q
says out 'pytorch_model-00002-of-00002.bin: is a Git LFS pointer to 1234 bytes'
rm "$T"/torch/pytorch_model*
test_that 'the only PyTorch file of a folder is its model, whatever it is called'
cp suites/data/torch/trainer.pt "$T/torch/last.pt"
cp suites/data/torch/trainer-4.pt "$T/torch/optimizer.pt"
printf '{"model_type": "made_up_9"}' >"$T/torch/config.json"
run 0 verify "$T/torch" --root -q
cp "$T/out" "$T/root"
run 0 verify "$T/torch/last.pt" --root -q
same "$(cut -d ' ' -f 1 "$T/root")" "$(cut -d ' ' -f 1 "$T/out")"
run '0|1' inspect "$T/torch" --json
equal .subject.format torch
cp suites/data/torch/trainer-4.pt "$T/torch/best.pt"
run 3 inspect "$T/torch" -q
says err 'torch: holds 2 PyTorch files, and no pytorch_model.bin.index.json that says which are one model: best.pt, last.pt: name one of them'
rm "$T"/torch/{best,last}.pt
run 3 inspect "$T/torch" -q
says err 'no model here: optimizer.pt is a PyTorch file'
cp suites/data/torch/legacy.pt "$T/torch/model.pt"
run 3 inspect "$T/torch" -q
says err 'model.pt is a PyTorch file of the kind before version 1.6'
for refused in object:argparse.Namespace legacy:'before version 1.6' view:'a view of a larger tensor'; do
    run 3 inspect "suites/data/torch/${refused%%:*}.pt" -q
    says err "${refused#*:}"
done
