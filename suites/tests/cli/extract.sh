# Extraction: the right bytes, whatever happens on the way.
X=$T/x
extract() {
    local status=$1
    shift
    run "$status" extract "$@" -q
}
# trees A B: the same files with the same bytes.
trees() {
    if diff -r "$1" "$2" >"$T/diff" 2>&1; then passed; else failed "$1 and $2 differ: $(head -n 3 "$T/diff")"; fi
}
no_leftovers() { same "$(find "$1" -name '*.tmp.*' | wc -l)" 0; }

test_that 'the bytes are those of an extraction that the official library wrote'
extract 0 "$nano/thinker" "$X"
says out '78 of 78 files'
says out '78 written, 0 there already'
says out '53 tensors of other components'
(cd "$nano/thinker-extraction" && find . -name '*.safetensors' | sort) >"$T/files"
while read -r file; do
    cmp -s "$X/$file" "$nano/thinker-extraction/$file" && passed || failed "$file differs"
done <"$T/files"
same "$(cd "$X" && find . -name '*.safetensors' | sort)" "$(cat "$T/files")"
json "[.[] | length] == [12, 12, 12, 12, 12]" "$X/expert_availability_map.json"
for file in config.json tokenizer.json tokenizer_config.json; do
    cmp -s "$X/$file" "$nano/thinker/$file" && passed || failed "$file differs"
done
test_that 'it stands for itself'
run 0 check "$X" --suite "$proof" --golden "$(gold thinker)" --json -q
equal .verdict pass
equal .subject.format extraction

test_that 'the manifest says what everything is and where it came from'
manifest=$X/extraction_manifest.json
json '.complete and .thinker == {"layers": 5, "experts_per_layer": 12, "total_experts": 60}' "$manifest"
json '(.experts | length) == 60 and (.routers | length) == 5 and (.tensors | length) == 228' "$manifest"
for at in 0 100 227; do
    row=$(jq -c ".tensors[$at]" "$manifest")
    begin=$(jq .source.begin <<<"$row") end=$(jq .source.end <<<"$row")
    same "$(tail -c +$((begin + 1)) "$nano/thinker/$(jq -r .source.file <<<"$row")" | head -c $((end - begin)) | sha256sum | cut -d ' ' -f 1)" \
        "$(jq -r .sha256 <<<"$row")"
    there "$X/$(jq -r .file <<<"$row")"
done

test_that 'again: the same, and nothing is written'
extract 0 "$nano/thinker" "$X.2"
trees "$X" "$X.2"
stat -c '%Y %i %n' "$X".2/*/* "$X".2/*.json >"$T/before"
extract 0 "$nano/thinker" "$X.2"
says out '0 written, 78 there already'
same "$(stat -c '%Y %i %n' "$X".2/*/* "$X".2/*.json)" "$(cat "$T/before")"
run 0 extract "$nano/thinker" "$X.2" --json -q
json '.files == 78 and .written == 0 and .kept == 78 and .absent == 0'

test_that 'what a link in the model leads to, and a tokenizer that is there and cannot be reached'
mkdir -p "$T/linked/snapshots/a1" "$T/linked/blobs" "$T/others"
cp "$nano"/qwen3/* "$T/linked/snapshots/a1"
linked=$T/linked/snapshots/a1
mv "$linked/tokenizer.json" "$T/linked/blobs/01ab" && ln -s ../../blobs/01ab "$linked/tokenizer.json"
mv "$linked/tokenizer_config.json" "$T/others" && ln -s "$T/others/tokenizer_config.json" "$linked/tokenizer_config.json"
extract 0 "$linked" "$X.linked"
cmp -s "$X.linked/tokenizer.json" "$nano/qwen3/tokenizer.json" && passed || failed 'tokenizer.json differs'
there "$X.linked/tokenizer_config.json"
echo '{"secret": 1}' >"$T/others/secret"
for target in "$T/others/secret" "$linked/added_tokens.json" /nowhere; do
    ln -sf "$target" "$linked/added_tokens.json"
    rm -rf "$X.linked"
    extract 3 "$linked" "$X.linked"
    says err "$linked/added_tokens.json: "
    absent "$X.linked/extraction_manifest.json"
done
rm "$linked/added_tokens.json"
ln -sf tokenizer.json "$linked/tokenizer.json"
rm -rf "$X.linked"
extract 3 "$linked" "$X.linked"
says err "$linked/tokenizer.json: Too many levels of symbolic links"

test_that 'nothing is written through a link'
for command in extract 'break --fault scale:model.norm.weight,2'; do
    rm -rf "$X.linked" && mkdir -p "$X.linked" "$T/empty" && ln -s "$T/empty" "$X.linked/norms"
    # shellcheck disable=SC2086
    run 3 $command "$nano/thinker" "$X.linked" -q
    says err 'norms: is a link, where an extraction has a folder; nothing was changed'
    same "$(ls "$T/empty")" ''
done

test_that 'killed at any moment, and run again'
for delay in $(some 4 3 10 20 40 1 2 4 5 6 8 12 14 17 25 30); do
    rm -rf "$X.k"
    for _ in 1 2; do
        "$assay" extract "$nano/thinker" "$X.k" -q >/dev/null 2>&1 &
        killed=$!
        sleep "0.0$(printf %02d "$delay")"
        kill -KILL "$killed" 2>/dev/null
        wait "$killed" 2>/dev/null
    done
    while read -r file; do
        [ ! -e "$X.k/$file" ] || cmp -s "$X.k/$file" "$X/$file" || failed "after $delay ms: $file is there and wrong"
    done <"$T/files"
    if [ -e "$X.k/extraction_unfinished" ]; then
        run '1|3' inspect "$X.k" -q
    elif [ -e "$X.k/extraction_manifest.json" ]; then
        trees "$X" "$X.k"
    fi
    extract 0 "$nano/thinker" "$X.k"
    trees "$X" "$X.k"
    no_leftovers "$X.k"
done

test_that 'a file that is damaged is written again; until then no manifest vouches for it'
for damage_it in 'truncate -s -1' 'truncate -s 0' 'dd of=/dev/stdout if=/dev/null status=none' rm; do
    cp -r "$X" "$X.d"
    file=$X.d/experts/thinker_expert_003_layer_02.safetensors
    if [[ $damage_it == dd* ]]; then printf x | dd of="$file" bs=1 seek=500 conv=notrunc status=none; else $damage_it "$file"; fi
    touch "$X.d/norms/thinker_norms_layer_01.safetensors.tmp.12345"
    extract 0 "$nano/thinker" "$X.d"
    says out '1 written, 77 there already'
    trees "$X" "$X.d"
    rm -rf "$X.d"
done
cp -r "$X" "$X.d"
rm "$X.d/norms/thinker_norms_layer_01.safetensors"
printf x | dd of="$X.d/experts/thinker_expert_003_layer_02.safetensors" bs=1 seek=500 conv=notrunc status=none
chmod -w "$X.d/experts" 2>/dev/null
[ "$(id -u)" -eq 0 ] || { extract 3 "$nano/thinker" "$X.d"; absent "$X.d/extraction_manifest.json"; }
chmod +w "$X.d/experts"
rm -rf "$X.d"

test_that 'a disk that is full'
(ulimit -f 4; "$assay" extract "$nano/thinker" "$X.f" -q >"$T/out" 2>"$T/err"; same "$?" 3)
command_line='extract under ulimit -f 4'
says err 'cannot write'
absent "$X.f/extraction_manifest.json"
run 3 inspect "$X.f" -q
no_leftovers "$X.f"
extract 0 "$nano/thinker" "$X.f"
trees "$X" "$X.f"

test_that 'an extraction of one model over that of another, killed or in part, does not pass for whole'
rm -rf "$X.b" "$X.m"
run 0 break "$nano/thinker" "$X.b" -q --fault scale:model.norm.weight,2 --fault scale:layers.1.input_layernorm.weight,2
json '.faults == ["scale:model.norm.weight,2", "scale:layers.1.input_layernorm.weight,2"] and .complete' "$X.b/extraction_manifest.json"
json '[.tensors[] | select(.altered) | [.name, has("source")]] == [["model.norm.weight", false], ["model.layers.1.input_layernorm.weight", false]]' "$X.b/extraction_manifest.json"
cp -r "$X" "$X.m"
extract 0 "$X.b" "$X.m" --only norms
absent "$X.m/norms/none"
run 1 inspect "$X.m" -q
says out 'not finished'
extract 0 "$X.b" "$X.m"
run 0 inspect "$X.m" -q
extract 3 "$nano/mixtral" "$X.m"
says err config.json
extract 3 "$nano/thinker-extraction" "$X.m" --config "$nano/thinker/config.json"
says err 'tokenizer.json: exists already, and the model that is extracted has no such file'
extract 3 "$nano/thinker" "$X.none" --layers 100-200
says err '--only and --layers leave no tensor'
extract 3 "$nano/llama" "$X.none" --only experts
absent "$X.none"
test_that 'a signal leaves nothing half written'
for delay in 5 10 15; do
    rm -rf "$X.t"
    "$assay" extract "$nano/thinker" "$X.t" -q >/dev/null 2>&1 &
    killed=$!
    sleep "0.0$(printf %02d $delay)"
    kill -TERM "$killed" 2>/dev/null
    wait "$killed" 2>/dev/null
    [ ! -d "$X.t" ] || no_leftovers "$X.t"
done

test_that 'a part, and then the rest'
extract 0 "$nano/thinker" "$X.p" --only norms,routers --layers 1-3
same "$(cd "$X.p" && find . -name '*.safetensors' | sort | tr '\n' ' ')" "$(printf './norms/thinker_norms_layer_0%d.safetensors ' 1 2 3)$(printf './routers/thinker_router_layer_0%d.safetensors ' 1 2 3)"
json '.complete == false and (.tensors | length) == 9' "$X.p/extraction_manifest.json"
extract 0 "$nano/thinker" "$X.p" --layers 2
json '.complete == false' "$X.p/extraction_manifest.json"
extract 0 "$nano/thinker" "$X.p"
trees "$X" "$X.p"
run 2 extract "$nano/thinker" "$X.q" --only nonsense
run 2 extract "$nano/thinker" "$X.q" --layers 3-1
run 2 extract "$nano/thinker" "$X.q" --layers x
run 2 extract "$nano/thinker"
absent "$X.q"

test_that 'every family'
for model in $(some 2 mixtral qwen3 llama qwen2 qwen2_moe qwen2_window qwen3_moe); do
    extract 0 "$nano/$model" "$X.$model"
    run 0 check "$X.$model" --suite "$proof" --golden "$(gold $model)" --json -q
    json '.verdict == "pass" and .subject.format == "extraction"'
done
test_that 'an extraction of an extraction is the same'
extract 0 "$X" "$X.e"
diff -r -x extraction_manifest.json "$X" "$X.e" >/dev/null && passed || failed 'they differ'
test_that 'experts that were fused'
for way in plain transposed; do
    edits=()
    for layer in 0 1 2 3 4; do edits+=(fuse $layer $way); done
    hurt thinker "${edits[@]}"
    rm -rf "$X.u"
    extract 0 "$T/hurt" "$X.u"
    diff -r -x extraction_manifest.json "$X" "$X.u" >/dev/null && passed || failed "fused $way differs"
    same "$(jq -c '[.tensors[] | [.name, .sha256]]' "$X.u/extraction_manifest.json")" "$(jq -c '[.tensors[] | [.name, .sha256]]' "$manifest")"
done

test_that 'what is not extracted'
hurt thinker drop layers.2.mlp.experts.3.up_proj.weight drop layers.1.input_layernorm.weight
extract 3 "$T/hurt" "$X.n"
says err 'input_layernorm.weight of layer 1'
absent "$X.n"
hurt_layout thinker
rm "$T/hurt/model-00002-of-00005.safetensors"
extract 3 "$T/hurt" "$X.n"
says err model-00002-of-00005.safetensors
extract 3 "$X" "$X"
says err 'same folder'
cp -r "$X" "$X.s"
cp "$X/norms/thinker_norms_layer_01.safetensors" "$X.s/norms/thinker_norms_layer_07.safetensors"
extract 3 "$nano/thinker" "$X.s"
says err thinker_norms_layer_07.safetensors
extract 3 "$nano/thinker" "$nano/qwen2"
says err "$nano/qwen2"
touch "$T/file"
extract 3 "$nano/thinker" "$T/file"
says err "$T/file"
flock "$X.e" "$assay" extract "$X" "$X.e" -q 2>"$T/err"
same "$?" 3
says err 'another assay is writing'
test_that 'a configuration that can be read only once, as from a pipe, is written as it was'
extract 0 "$nano/qwen3" "$X.pipe" --config <(cat "$nano/qwen3/config.json")
cmp -s "$nano/qwen3/config.json" "$X.pipe/config.json" && passed || failed 'another configuration was written'
run 0 verify "$X.pipe" -q
