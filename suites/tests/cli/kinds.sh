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

test_that 'a link into a cache whose blob is gone'
fresh qwen3
ln -sf ../../blobs/01ab "$T/m/model-00002-of-00003.safetensors"
run 1 inspect "$T/m" -q
says out "shard model-00002-of-00003.safetensors is a link to '../../blobs/01ab', where nothing is"

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
