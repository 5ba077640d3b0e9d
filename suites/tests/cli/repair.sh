# Repair: what is absent or wrong comes from the source, what is right is not touched, whatever happens on the way.
R=$T/r
right=$R.right
"$assay" extract "$nano/thinker" "$right" -q >/dev/null 2>&1
root=$(jq -r .root "$right/extraction_manifest.json")
anew() { rm -rf "$R" && cp -r --preserve=timestamps "${1:-$right}" "$R"; }
stamps() { (cd "$R" && find . -path ./set_aside -prune -o -type f -printf '%p %s %i %T@\n' | sort); }
# trees: the right extraction, apart from what was set aside.
trees() {
    if diff -r -x set_aside "$right" "$R" >"$T/diff" 2>&1; then passed; else failed "$R is not the right extraction: $(head -n 3 "$T/diff")"; fi
}
repair() {
    local status=$1
    shift
    run "$status" repair "$R" --source "$nano/thinker" -q "$@"
}
plan() { repair 0 --dry-run --json; }
files='[.files[].file] | join(" ")'
expert() { printf 'experts/thinker_expert_%03d_layer_%02d.safetensors' "$1" "$2"; }
norms() { printf 'norms/thinker_norms_layer_%02d.safetensors' "$1"; }

test_that 'nothing to do: nothing is written'
anew
stamps >"$T/before"
repair 0
says out "$R: nothing to do"
repair 0 --dry-run
says out "$R: nothing to do"
says out '78 files with 228 tensors are right'
plan
json '.nothing_to_do and .bytes == 0 and .right_files == 78 and .right_tensors == 228'
repair 0 --json
json '.command == "repair" and .verdict == "pass"'
same "$(stamps)" "$(cat "$T/before")"

test_that 'files that are absent, cut, longer, empty, garbage: written as they were, and nothing else is touched'
shorter() { truncate -s -1 "$1"; }
longer() { printf x >>"$1"; }
empty() { : >"$1"; }
garbage() { head -c 3000 /dev/urandom >"$1"; }
no_tensor() { printf '\x02\0\0\0\0\0\0\0{}' >"$1"; }
one_bit() { printf '\x55' | dd of="$1" bs=1 seek=$(($(stat -c %s "$1") - 7)) conv=notrunc status=none; }
link_to_nothing() { ln -sf /nonexistent/file "$1"; }
for way in rm shorter longer empty garbage no_tensor one_bit link_to_nothing; do
    for file in $(some 1 "$(norms 1)" "$(expert 3 2)" attention/thinker_attention_layer_04.safetensors lm_head/thinker_lm_head.safetensors); do
        anew
        stamps >"$T/before"
        $way "$R/$file"
        plan
        equal "$files" "$file"
        json "[.files[0].tensors[] | .kept or (.source.file | startswith(\"model-0000\"))] | all"
        repair 0
        says out "$R is model $root, the model in $nano/thinker"
        says out 'Files written: 1; right, and not touched: 77'
        trees
        same "$(stamps | grep -vE "$file|extraction_manifest.json")" "$(grep -vE "$file|extraction_manifest.json" "$T/before")"
        absent "$R/set_aside"
    done
done

test_that 'the plan says what is wrong, and where it comes from; it writes nothing'
anew
rm "$R/$(norms 1)" "$R/$(expert 0 0)" "$R/routers/thinker_router_layer_03.safetensors" "$R/embeddings/thinker_embeddings.safetensors" "$R/attention/thinker_attention_layer_00.safetensors" "$R/lm_head/thinker_lm_head.safetensors"
one_bit "$R/$(norms 4)"
stamps >"$T/before"
plan
same "$(stamps)" "$(cat "$T/before")"
equal "$files" "$(norms 1) $(norms 4) routers/thinker_router_layer_03.safetensors attention/thinker_attention_layer_00.safetensors $(expert 0 0) lm_head/thinker_lm_head.safetensors embeddings/thinker_embeddings.safetensors"
json '[.files[].effect_per_byte] | . == (sort | reverse)'
json '.bytes == ([.files[].bytes] | add)'
json '.files[1] | (.tensors | map([.why, .kept])) == [["right", true], ["other values", false]] and .bytes == 80 and (.why | contains("1 of 2 tensors"))'
while IFS=$'\t' read -r file begin end name; do
    found=$(tail -c +$((begin + 1)) "$nano/thinker/$file" | head -c $((end - begin)) | sha256sum | cut -d ' ' -f 1)
    same "$found" "$(jq -r --arg name "$name" '.tensors[] | select(.name == $name).sha256' "$right/extraction_manifest.json")"
done < <(jq -r '.files[].tensors[] | select(.source) | [.source.file, .source.begin, .source.end, .tensor] | @tsv' "$T/out")
repair 0 --dry-run
says out "write $(norms 1): absent"
says out 'model.layers.1.input_layernorm.weight: absent, 80 bytes from model-0000'
says out "model.layers.4.post_attention_layernorm.weight: other values, 80 bytes from"
repair 0
trees

test_that 'a half expert, and a tensor of another shape or dtype'
# broken EDIT...: the right extraction, with these edits in the files that they change only.
broken() {
    "$damage" --layout "$right" "$R.edited" "$@" || failed damage
    anew
    (cd "$R.edited" && find . -name '*.safetensors') | while read -r file; do
        cmp -s <(tail -c +9 "$R.edited/$file" | tr -d ' ') <(tail -c +9 "$right/$file" | tr -d ' ') || cp "$R.edited/$file" "$R/$file"
    done
    rm -rf "$R.edited"
}
broken drop layers.2.mlp.experts.3.up_proj.weight drop layers.2.mlp.experts.3.down_proj.weight
plan
equal "$files" "$(expert 3 2)"
equal '[.files[0].tensors[] | [.tensor, .why] | join(" ")] | join(", ")' 'model.layers.2.mlp.experts.3.down_proj.weight absent, model.layers.2.mlp.experts.3.gate_proj.weight right, model.layers.2.mlp.experts.3.up_proj.weight absent'
equal '.files[0].why' '2 of 3 tensors are absent'
repair 0
trees
broken shape layers.1.input_layernorm.weight 20
repair 0
trees
broken nan layers.1.input_layernorm.weight 0 3
repair 0
trees
broken dtype layers.1.input_layernorm.weight I16
repair 0
trees
broken swap layers.1.input_layernorm.weight layers.3.input_layernorm.weight
plan
equal "$files" "$(norms 1) $(norms 3)"
repair 0
trees

test_that 'a conversion on purpose is right, a change of values is not'
broken cast layers.1.input_layernorm.weight F32 cast layers.2.mlp.experts.3.up_proj.weight F32
stamps >"$T/before"
repair 0
says out 'stored as another dtype'
says out "the model in $nano/thinker but for the dtype of 2 tensors"
same "$(stamps | grep -v '\.json')" "$(grep -v '\.json' "$T/before")"
stamps >"$T/before"
repair 0
says out 'nothing to do'
same "$(stamps)" "$(cat "$T/before")"
run 0 verify "$R" -q
run 1 verify "$R" --source "$nano/thinker" -q
says out 'not equal'
rm "$R/$(norms 2)"
repair 0
run 0 inspect "$R" --source "$nano/thinker" --values -q
same "$(jq -c '[.tensors[] | select(.source.dtype) | [.name, .dtype, .source.dtype]] | sort' "$R/extraction_manifest.json")" \
    '[["model.layers.1.input_layernorm.weight","F32","BF16"],["model.layers.2.mlp.experts.3.up_proj.weight","F32","BF16"]]'
broken scale layers.1.input_layernorm.weight 1.001
plan
equal "$files" "$(norms 1)"
repair 0
trees
# one that shares its file with a wrong tensor keeps its dtype
broken cast layers.1.input_layernorm.weight F32 swap layers.1.post_attention_layernorm.weight layers.3.post_attention_layernorm.weight
repair 0
same "$(jq -r '.tensors[] | select(.name == "model.layers.1.input_layernorm.weight").dtype' "$R/extraction_manifest.json")" F32
run 0 inspect "$R" --source "$nano/thinker" --values -q

test_that 'files of another layer, copies, strays: replaced or set aside, never deleted'
anew
cp "$R/$(norms 2)" "$R/$(norms 1)"
repair 0
trees
anew
mv "$R/$(norms 2)" "$T/norms" && mv "$R/$(norms 1)" "$R/$(norms 2)" && mv "$T/norms" "$R/$(norms 1)"
plan
equal "$files" "$(norms 1) $(norms 2)"
repair 0
trees
anew
cp "$R/$(norms 1)" "$R/$(norms 7)"
cp "$R/$(norms 1)" "$R/norms/again.safetensors"
cp "$R/$(norms 1)" "$R/norms/thinker_norms_layer_01.safetensors.bak"
garbage "$R/experts/garbage.safetensors"
cp "$R/$(norms 1)" "$R/loose.safetensors"
touch "$R/$(norms 1).tmp.4711" "$R/extraction_manifest.json.tmp.4711" "$R/norms/notes.txt"
before=$(sha256sum "$R/experts/garbage.safetensors" | cut -d ' ' -f 1)
repair 0
trees_and() { # the right extraction, and these
    same "$(diff -r -x set_aside "$right" "$R" | sort)" "$1"
}
trees_and "Only in $R/norms: notes.txt"
same "$(cd "$R/set_aside" && find . -type f | sort | tr '\n' ' ')" './experts/garbage.safetensors ./loose.safetensors ./norms/again.safetensors ./norms/thinker_norms_layer_01.safetensors.bak ./norms/thinker_norms_layer_07.safetensors '
same "$(sha256sum "$R/set_aside/experts/garbage.safetensors" | cut -d ' ' -f 1)" "$before"
repair 0
says out 'nothing to do'
cp "$R/$(norms 1)" "$R/norms/again.safetensors"
repair 0
there "$R/set_aside/norms/again.safetensors.1"
run 0 check "$R" --suite "$proof" --golden "$(gold thinker)" --json -q
anew
rm "$R/$(norms 1)" && mkdir "$R/$(norms 1)" && touch "$R/$(norms 1)/inside"
repair 0
trees
there "$R/set_aside/$(norms 1)/inside"
# a tensor that the source has none of is kept aside with its file
anew
"$damage" "$R/$(norms 1)" "$R/$(norms 1)" rename layers.1.input_layernorm.weight model.unknown || failed damage
repair 0
trees
there "$R/set_aside/$(norms 1)"

test_that 'extractions that assay did not write'
foreign() { rm -rf "$R" && cp -r "$nano/thinker-extraction" "$R"; }
foreign
repair 0
trees
for way in 'cast model.norm.weight F32' 'meta who somebody' 'unmeta format'; do
    foreign
    # shellcheck disable=SC2086
    "$damage" --layout "$nano/thinker-extraction" "$R.edited" $way || failed damage
    rm -rf "$R" && mv "$R.edited" "$R"
    stamps >"$T/before"
    rm "$R/$(norms 1)"
    cp "$R/$(expert 1 1)" "$R/$(expert 2 2)"
    repair 0
    same "$(stamps | grep safetensors | grep -vE "$(norms 1)|$(expert 2 2)")" "$(grep safetensors "$T/before" | grep -vE "$(norms 1)|$(expert 2 2)")"
    same "$(stamps | grep -c safetensors)" 78
    run 0 inspect "$R" --source "$nano/thinker" --values -q
    run 0 verify "$R" -q
done
foreign
echo '{"model": "thinker", "date": "2025-01-01", "experts": [], "routers": []}' >"$R/extraction_manifest.json"
echo '{"0": [0]}' >"$R/expert_availability_map.json"
echo '{}' >"$R/config.json"
cp "$nano/qwen2/tokenizer.json" "$R/tokenizer.json" && echo >>"$R/tokenizer.json"
touch "$R/README.md"
repair 0
trees_and "Only in $R: README.md"
same "$(cd "$R/set_aside" && find . -type f | sort | tr '\n' ' ')" './config.json ./extraction_manifest.json ./tokenizer.json '
same "$(cat "$R/set_aside/config.json")" '{}'
# a file that the source has none of: the passport knows it, or does not, or there is no passport
echo hello >"$R/chat_template.jinja"
repair 0
trees_and "Only in $R: README.md"
there "$R/set_aside/chat_template.jinja"
rm "$R/extraction_manifest.json"
echo hello >"$R/chat_template.jinja"
repair 0
says out 'files beside them of which the original has none: 1'
there "$R/chat_template.jinja"
run 0 verify "$R" -q
repair 0
says out 'nothing to do'
there "$R/chat_template.jinja"
echo >>"$R/chat_template.jinja"
run 1 verify "$R" -q
repair 0
run 0 verify "$R" -q
foreign
jq . "$right/expert_availability_map.json" >"$R/expert_availability_map.json"
stamps >"$T/before"
repair 0
same "$(stamps | grep -E 'safetensors|availability')" "$(grep -E 'safetensors|availability' "$T/before")"
run 0 verify "$R" -q
repair 0
says out 'nothing to do'
foreign
rm -r "$R/norms" "$R/experts"
repair 0
trees
foreign
for file in "$R"/*/*.safetensors; do garbage "$file"; done
repair 0
trees

test_that 'whatever the catalogue breaks'
v=layers.3.self_attn.v_proj.weight q=layers.3.self_attn.q_proj.weight
for fault in $(some 4 one-shard-per-layer incomplete-expert:3,7 swap-layers:1,2 nan:$v missing-norms:1,3 missing-experts:2/4-7 missing:$v random-attention:2 swap-experts:3,4,11 \
    inf:$v zero-page:layers.1.self_attn.o_proj.weight zeros:$v constant:$v,1 initialise:$v scale:$v,1.0078125 byte-swap:$v shuffle:$v permute-rows:$q \
    shift-rows:$q,1 swap-router-rows:2,3,4 copy:layers.1.input_layernorm.weight,layers.2.input_layernorm.weight); do
    rm -rf "$R"
    "$assay" break "$nano/thinker" "$R" --fault "$fault" -q >/dev/null 2>"$T/err" || failed "break $fault"
    run 1 verify "$R" --source "$nano/thinker" --json -q
    equal "$(summary passport.root).verdict" fail
    equal "$(summary passport.source).verdict" fail
    repair 0
    trees
done

test_that 'every family'
for model in $(some 2 mixtral qwen3 llama qwen2 qwen2_moe qwen2_window qwen3_moe); do
    rm -rf "$R" "$R.m"
    "$assay" extract "$nano/$model" "$R" -q >/dev/null 2>&1
    cp -r "$R" "$R.m"
    rm "$R/$(norms 0)" "$R/extraction_manifest.json"
    one_bit "$R/attention/thinker_attention_layer_01.safetensors"
    [ ! -d "$R/mlp" ] || empty "$R/mlp/$(ls "$R/mlp" | head -n 1)"
    [ ! -d "$R/experts" ] || mv "$R/$(expert 1 1)" "$R/$(expert 2 1)" 2>/dev/null
    run 0 repair "$R" --source "$nano/$model" -q
    diff -r "$R" "$R.m" >"$T/diff" 2>&1 && passed || failed "$model: $(head -n 3 "$T/diff")"
done
test_that 'from a source whose experts are fused, and from an extraction'
for way in plain transposed; do
    edits=()
    for layer in 0 1 2 3 4; do edits+=(fuse $layer $way); done
    hurt thinker "${edits[@]}"
    anew
    rm "$R/$(expert 3 2)" "$R/$(norms 1)"
    run 0 repair "$R" --source "$T/hurt" -q
    diff -r -x extraction_manifest.json "$R" "$right" >/dev/null && passed || failed "fused $way"
done
anew
rm "$R/$(expert 3 2)"
run 0 repair "$R" --source "$right" -q
diff -r -x extraction_manifest.json "$R" "$right" >/dev/null && passed || failed 'from an extraction'

test_that 'killed at any moment, and run again'
for delay in $(some 3 0 10 20 2 4 6 8 12 15 30); do
    anew
    rm -r "$R"/norms/*_01* "$R"/experts/*_layer_0[123]*
    for file in "$R"/attention/*; do one_bit "$file"; done
    cp "$R/$(norms 2)" "$R/norms/again.safetensors"
    echo '{}' >"$R/config.json"
    for _ in 1 2 3; do
        "$assay" repair "$R" --source "$nano/thinker" -q >/dev/null 2>&1 &
        killed=$!
        sleep "0.0$(printf %02d "$delay")"
        kill -KILL "$killed" 2>/dev/null
        wait "$killed" 2>/dev/null
        # each file is as it was, or right
        for file in "$R"/norms/*.safetensors "$R"/experts/*.safetensors; do
            cmp -s "$file" "$right/${file#"$R"/}" || [ "$file" == "$R/norms/again.safetensors" ] || failed "after $delay ms: $file is there and wrong"
        done
    done
    [ -e "$R/extraction_manifest.json" ] || there "$R/extraction_unfinished"
    repair 0
    trees
    same "$(find "$R" -name '*.tmp.*' | wc -l)" 0
    same "$(cat "$R/set_aside/config.json")" '{}'
    there "$R/set_aside/norms/again.safetensors"
    absent "$R/set_aside/config.json.1"
done
for delay in 0.003 0.007 0.015; do
    anew
    rm -r "$R"/experts/*_layer_0[123]*
    timeout -s TERM "$delay" "$assay" repair "$R" --source "$nano/thinker" -q >/dev/null 2>&1
    same "$(find "$R" -name '*.tmp.*' | wc -l)" 0
    repair 0
    trees
done

test_that 'a disk that is full'
anew
rm "$R/$(norms 1)" "$R/lm_head/thinker_lm_head.safetensors"
(ulimit -f 4; "$assay" repair "$R" --source "$nano/thinker" -q >"$T/out" 2>"$T/err"; same "$?" 3)
command_line='repair under ulimit -f 4'
says err 'cannot write'
same "$(find "$R" -name '*.tmp.*' | wc -l)" 0
there "$R/extraction_unfinished"
repair 0
trees

test_that 'what is not repaired'
anew
run 2 repair "$R" -q
says err '--source'
run 2 repair
run 2 repair "$R" --source "$nano/thinker" --dry-run -o "$T/no"
run 3 repair "$T/nothing" --source "$nano/thinker" -q
says err 'no such folder'
absent "$T/nothing"
cp -r "$nano/thinker" "$R.c"
run 3 repair "$R.c" --source "$nano/thinker" -q
says err 'a checkpoint'
run 3 repair "$R.c/model-00001-of-00005.safetensors" --source "$nano/thinker" -q
says err 'not the folder of an extraction'
mkdir "$R.empty"
run 3 repair "$R.empty" --source "$nano/thinker" -q
says err 'no extraction'
run 3 repair "$R" --source "$R" -q
says err 'same folder'
rm "$R/$(norms 1)"
stamps >"$T/before"
hurt thinker drop layers.1.input_layernorm.weight
run 3 repair "$R" --source "$T/hurt" -q
says err 'input_layernorm.weight of layer 1'
hurt_layout thinker
rm "$T/hurt/model-00002-of-00005.safetensors"
run 3 repair "$R" --source "$T/hurt" -q
says err model-00002-of-00005.safetensors
run 3 repair "$R" --source "$T/nothing" -q
flock "$R" "$assay" repair "$R" --source "$nano/thinker" -q 2>"$T/err"
same "$?" 3
says err 'another assay is writing'
same "$(stamps)" "$(cat "$T/before")"
test_that 'nothing is written through a link, or where a file is in a folder'"'"'s place'
cp -r "$R" "$R.links" && mv "$R.links/norms" "$T/elsewhere" && ln -s "$T/elsewhere" "$R.links/norms"
elsewhere=$(cat "$T/elsewhere"/* | sha256sum)
for option in --dry-run -q; do
    run 3 repair "$R.links" --source "$nano/thinker" $option
    says err 'norms: is a link, where an extraction has a folder; nothing was changed'
done
same "$(cat "$T/elsewhere"/* | sha256sum)" "$elsewhere"
rm "$R.links/norms" && echo x >"$R.links/norms"
run 3 repair "$R.links" --source "$nano/thinker" -q
says err 'norms: is no folder, where an extraction has a folder'
absent "$R.links/extraction_unfinished"
there "$R.links/extraction_manifest.json"

test_that 'an extraction of another model is not written over'
for model in qwen3_moe mixtral; do
    run 3 repair "$R" --source "$nano/$model" -q
    says err 'an extraction of another model'
done
same "$(stamps)" "$(cat "$T/before")"
