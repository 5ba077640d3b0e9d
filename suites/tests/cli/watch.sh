# Following an extraction: what is right passes, the first thing that is wrong ends it, whoever writes and however slowly.
X=$T/watched
source=$nano/thinker
file=experts/thinker_expert_003_layer_02.safetensors
run 0 extract "$source" "$T/whole" -q
# watched FILE...: a copy of the whole without these.
watched() {
    rm -rf "$X"
    cp -r "$T/whole" "$X"
    rm -f "$X/extraction_manifest.json"
    local absent
    for absent in "$@"; do rm "$X/$absent"; done
}
# begin ARGUMENT...: watches $X beside the test; stdout in $T/out, stderr in $T/err.
begin() {
    command_line=$(printf '%q ' watch "$X" "$@")
    : >"$T/out"
    : >"$T/err" # the shell that runs it opens them later
    "$assay" watch "$X" "$@" >>"$T/out" 2>>"$T/err" </dev/null &
    watching=$!
}
# until_says FILE TEXT: waits until it does, a minute at most.
until_says() {
    local tries=0
    while ! grep -qF -e "$2" "$T/$1"; do
        if [ $((tries += 1)) -gt 1200 ] || ! kill -0 "$watching" 2>/dev/null; then
            failed "$1 does not come to say '$2'"
            return
        fi
        sleep 0.05
    done
    passed
}
# ends STATUS: waits for the end, a minute at most.
ends() {
    local tries=0 status
    while kill -0 "$watching" 2>/dev/null && [ $((tries += 1)) -le 1200 ]; do sleep 0.05; done
    kill -KILL "$watching" 2>/dev/null && failed 'it goes on'
    wait "$watching" 2>/dev/null
    status=$?
    if [ "$status" == "$1" ]; then passed; else failed "exit status $status, not $1"; fi
}
# wrong STATUS CHECK [ARGUMENT...]: a single pass over $T/hurt, in which CHECK fails, as JSON.
wrong() {
    local status=$1 check=$2
    shift 2
    run "$status" watch "$T/hurt" --once --json -q "$@"
    equal ".verdict" fail
    json "[.findings[] | select(.check == \"$check\" and .summary) | .verdict] == [\"fail\"]"
}
# damaged EDIT...: a damaged copy of the whole, every file in its place.
damaged() {
    rm -rf "$T/hurt"
    "$damage" --layout "$T/whole" "$T/hurt" "$@" || { command_line="damage $*"; failed 'damage failed'; }
}
place() { json "[.findings[] | select(.summary | not) | .where | $1] | any"; }

test_that 'a single pass over what is whole and right'
for model in $(some 1 mixtral llama qwen2 qwen2_moe qwen2_window qwen3 qwen3_moe) thinker; do
    rm -rf "$X"
    run 0 extract "$nano/$model" "$X" -q
    run 0 watch "$X" --once --source "$nano/$model" --golden "$(gold $model)" --json -q
    json '.command == "watch" and .subject.format == "extraction" and .verdict == "pass"'
    json '[.findings[] | select(.verdict != "pass")] == []'
    json '.findings[] | select(.check == "watch.blocks") | .complete == .blocks and .compared == .blocks'
done
test_that 'modules alone measure what they measure in a check of the whole'
isolated='[.findings[] | select(.check == "layers.isolated" and .summary) | .measured, .where.module, .compared]'
jq -c "$isolated" "$T/out" >"$T/alone"
run 0 check "$X" --golden "$(gold thinker)" --suite "$proof" --json -q
same "$(jq -c "$isolated" "$T/out")" "$(cat "$T/alone")"
test_that 'without gold and without an original that is said'
run 0 watch "$X" --once --json -q
json '[.findings[] | select(.verdict == "skip") | .check] | sort == ["watch.blocks", "weights.source"]'
run 0 watch "$X" --once
says out 'layer 4: complete, 45 tensors right'
says out 'no gold was given'
run 0 watch "$X" --once --golden "$(gold thinker)" -q
silent err
says out 'layer 4: complete, 45 tensors right, 8 modules as in gold'

test_that 'an extraction that runs'
rm -rf "$X"
begin --source "$source" --golden "$(gold thinker)" -o "$T/report"
until_says err 'not there yet'
"$assay" extract "$source" "$X" -q >/dev/null
ends 0
says out 'layer 0: complete'
says out 'final norm and head: complete, 2 tensors right, 2 modules as in gold'
says out PASS
json '.verdict == "pass"' "$T/report/report.json"
there "$T/report/report.html"

test_that 'a slow writer, and one that renames'
watched "$file" norms/thinker_norms_layer_01.safetensors
begin --source "$source" --settle 5
until_says out 'layer 0: complete'
size=$(stat -c %s "$T/whole/$file")
for at in 0 1 2 3 4; do
    tail -c +$((at * size / 5 + 1)) "$T/whole/$file" | head -c $(((at + 1) * size / 5 - at * size / 5)) >>"$X/$file"
    sleep 0.05
done
until_says out 'layer 2: complete'
head -c 100 "$T/whole/norms/thinker_norms_layer_01.safetensors" >"$X/norms/thinker_norms_layer_01.safetensors.tmp.77"
sleep 0.1
cp "$T/whole/norms/thinker_norms_layer_01.safetensors" "$X/norms/thinker_norms_layer_01.safetensors.tmp.77"
mv "$X/norms/thinker_norms_layer_01.safetensors.tmp.77" "$X/norms/thinker_norms_layer_01.safetensors"
ends 0
says_not out WRONG
test_that 'a writer that stops half-way'
watched "$file"
begin --settle 0.3
until_says out 'layer 0: complete'
head -c 500 "$T/whole/$file" >"$X/$file"
ends 1
says out 'WRONG'
says out "$file"
says out 'truncated'
watched
truncate -s -1 "$X/$file"
run 1 watch "$X" --once
says out "$file"
test_that 'a file that is rewritten shorter'
watched norms/thinker_norms_layer_01.safetensors
begin --settle 0.3
until_says out 'layer 2: complete'
truncate -s -1 "$X/$file"
until_says out 'layer 2: no longer complete'
ends 1
says out "$file"

test_that 'the first wrong file ends it, at once when it is renamed or closed'
for way in mv cp; do
    damaged nan layers.2.mlp.experts.3.up_proj.weight 1 2
    watched "$file"
    begin --settle 1000
    until_says out 'layer 0: complete'
    cp "$T/hurt/$file" "$X/$file.tmp.1"
    $way "$X/$file.tmp.1" "$X/$file"
    ends 1
    says out "tensor 'thinker.model.layers.2.mlp.experts.3.up_proj.weight' holds nan at row 1, column 2"
    says out FAIL
done
test_that 'files that go again, and come again'
watched norms/thinker_norms_layer_01.safetensors
begin --source "$source" --golden "$(gold thinker)" --settle 1000
until_says out 'layer 2: complete'
mv "$X/$file" "$T/aside"
until_says out 'layer 2: no longer complete'
: >"$T/out"
mv "$T/aside" "$X/$file"
until_says out 'layer 2: complete'
mv "$X/experts" "$T/aside"
until_says out 'layer 4: no longer complete'
: >"$T/out"
mkdir "$X/experts"
mv "$T/aside"/* "$X/experts"
rmdir "$T/aside"
until_says out 'layer 4: complete'
mv "$X" "$T/aside"
until_says err 'not there yet'
: >"$T/out"
mv "$T/aside" "$X"
until_says out 'layer 4: complete'
mv "$X/$file" "$X/experts/thinker_expert_3_layer_2.safetensors"
cp "$T/whole/norms/thinker_norms_layer_01.safetensors" "$X/norms"
ends 0
says_not out WRONG

test_that 'what is wrong with a file, one after the other'
damaged nan layers.3.mlp.gate.weight 0 1
wrong 1 weights.finite
place '.tensor == "model.layers.3.mlp.gate.weight" and .layer == 3'
damaged inf layers.1.self_attn.q_proj.weight 3 4
wrong 1 weights.finite
damaged zero layers.1.self_attn.k_norm.weight
wrong 1 weights.constant
damaged shape layers.2.self_attn.q_norm.weight 4,2
wrong 1 inventory.shape
damaged dtype layers.2.self_attn.q_norm.weight I16
wrong 1 inventory.dtype
json '.findings[] | select(.check == "inventory.absent") | .verdict == "pass"'
damaged rename layers.2.self_attn.q_norm.weight thinker.model.layers.2.self_attn.z_norm.weight
wrong 1 inventory.extra
says out z_norm
damaged drop layers.2.mlp.experts.3.up_proj.weight
wrong 1 inventory.absent
place '.layer == 2 and .expert == 3'
json '.findings[] | select(.check == "inventory.absent" and .summary) | .measured == 1'
damaged
mv "$T/hurt/experts/thinker_expert_004_layer_02.safetensors" "$T/hurt/$file"
wrong 1 inventory.misplaced
damaged
mv "$T/hurt/norms/thinker_norms_layer_02.safetensors" "$T/hurt/routers/thinker_norms_layer_02.safetensors"
wrong 1 inventory.misplaced
damaged
cp "$T/hurt/$file" "$T/hurt/experts/thinker_expert_3_layer_2.safetensors"
wrong 1 inventory.duplicates
says out 'which is used, and in'
damaged
printf garbage >"$T/hurt/$file"
wrong 1 inventory.files
rm "$T/hurt/$file"
mkfifo "$T/hurt/$file"
wrong 1 inventory.files
says out 'not a regular file'

# alike CHECK COMMAND...: the places of CHECK in $T/hurt, and what is said of them, are some, and a watch tells the very same as COMMAND.
alike() {
    local check=$1 told
    shift
    told="[.findings[] | select(.check == \"$check\" and (.summary | not)) | [.where.tensor, .where.layer, .where.expert, .message]] | sort"
    run 1 watch "$T/hurt" --once --json -q
    json "$told | length > 0"
    local watched
    watched=$(jq -c "$told" "$T/out")
    run '0|1' "$@" --json -q
    equal "$told" "$watched"
}
test_that 'a watch tells the same of the same damage as those that look at the whole'
# damage CHECK: what is done to a copy, and the check that both fail
while read -r check edit; do
    # shellcheck disable=SC2086
    damaged $edit
    alike "$check" inspect "$T/hurt"
done <<'END'
inventory.shape shape layers.2.self_attn.q_norm.weight 4,2
inventory.dtype dtype layers.2.self_attn.q_norm.weight I16
inventory.extra rename layers.2.self_attn.q_norm.weight thinker.model.layers.2.self_attn.z_norm.weight
inventory.incomplete drop layers.2.mlp.experts.3.up_proj.weight
inventory.absent drop layers.2.mlp.experts.3.up_proj.weight
inventory.incomplete drop layers.1.input_layernorm.weight
END
damaged
rm "$T/hurt/routers/thinker_router_layer_03.safetensors"
alike inventory.absent inspect "$T/hurt"
damaged zero layers.1.self_attn.k_proj.weight
alike weights.constant check "$T/hurt" --only weights
damaged
truncate -s -10 "$T/hurt/$file"
alike inventory.files inspect "$T/hurt"
damaged
printf garbage >"$T/hurt/$file"
alike inventory.files inspect "$T/hurt"
damaged
mv "$T/hurt/experts/thinker_expert_004_layer_02.safetensors" "$T/hurt/$file"
alike inventory.misplaced inspect "$T/hurt"
rm "$T/hurt/extraction_manifest.json"
alike inventory.misplaced verify "$T/hurt" --source "$source"
damaged
mv "$T/hurt/norms/thinker_norms_layer_02.safetensors" "$T/hurt/routers/thinker_norms_layer_02.safetensors"
alike inventory.misplaced inspect "$T/hurt"
rm "$T/hurt/extraction_manifest.json"
alike inventory.misplaced verify "$T/hurt" --source "$source"
damaged
cp "$T/hurt/routers/thinker_router_layer_02.safetensors" "$T/hurt/routers/thinker_router_layer_2.safetensors"
alike inventory.duplicates inspect "$T/hurt"

test_that 'weights that are not the original'\''s'
damaged scale layers.1.mlp.experts.2.up_proj.weight 1.01
wrong 1 weights.source --source "$source"
place '.tensor == "model.layers.1.mlp.experts.2.up_proj.weight"'
run 0 break "$source" "$T/broken" --fault swap-layers:1,2 -q
rm -rf "$T/hurt"
mv "$T/broken" "$T/hurt"
wrong 1 weights.source --source "$source"
says out "is not the original's"
hurt thinker scale layers.0.input_layernorm.weight 1.5
run 1 watch "$T/whole" --once --source "$T/hurt"
says out thinker_norms_layer_00.safetensors
hurt thinker drop layers.0.input_layernorm.weight
run 1 watch "$T/whole" --once --source "$T/hurt" -q
says out 'not in the original'
test_that 'more wrong files than are listed are counted'
run 0 break golden/thinker-48 "$T/broken" --fault swap-layers:1,2 -q
run 1 watch "$T/broken" --once --source golden/thinker-48 --json -q
json '.findings[] | select(.check == "weights.source" and .summary) | .measured == 262'
json '[.findings[] | select(.check == "weights.source" and (.summary | not))] | length == 256'
rm -rf "$T/broken"

test_that 'another dtype is not an error, what rounding to it costs neither, and more than that is'
damaged cast all F32
run 0 watch "$T/hurt" --once --source "$source" --json -q
json '.findings[] | select(.check == "weights.source") | .verdict == "pass"'
hurt thinker scale layers.1.mlp.experts.2.up_proj.weight 1.001
run 0 watch "$T/whole" --once --source "$T/hurt" --json -q
json '.findings[] | select(.check == "weights.source") | .verdict == "pass"'
hurt thinker scale layers.1.mlp.experts.2.up_proj.weight 1.01
run 1 watch "$T/whole" --once --source "$T/hurt" --json -q
json '.findings[] | select(.check == "weights.source" and .summary) | .verdict == "fail"'
place '.tensor == "model.layers.1.mlp.experts.2.up_proj.weight" and .layer == 1 and .expert == 2'

test_that 'a layer that is not gold'\''s'
damaged scale layers.2.self_attn.o_proj.weight 1.01
wrong 1 layers.isolated --golden "$(gold thinker)"
equal "$blamed" model.layers.2.self_attn
run 1 watch "$T/hurt" --golden "$(gold thinker)" --timeout 60
says out 'WRONG layer 2: model.layers.2.self_attn is fed with golden input'
damaged scale layers.1.mlp.experts.2.up_proj.weight 1.5
wrong 1 layers.isolated --golden "$(gold thinker)"
equal "$blamed" model.layers.1.mlp
place '.expert == 2'
for module in model.embed_tokens model.norm lm_head; do
    tensor=$module.weight
    [ $module != model.embed_tokens ] || tensor=embed_tokens.weight
    damaged scale $tensor 1.01
    wrong 1 layers.isolated --golden "$(gold thinker)"
    equal "$blamed" $module
done
run 0 break "$source" "$T/broken" --fault swap-layers:1,2 -q
rm -rf "$X"
mv "$T/broken" "$X"
begin --golden "$(gold thinker)"
ends 1
says out 'WRONG layer 1: model.layers.1.input_layernorm'
test_that 'gold that lacks what goes into a layer is said to'
drops=()
for case in $(jq -r 'keys[] | select(endswith("/model.layers.2")) | split("/")[0]' <(head -c $((8 + $(od -An -tu8 -N8 "$(gold thinker)" | tr -d ' '))) "$(gold thinker)" | tail -c +9)); do
    drops+=(drop "$case/model.layers.2")
done
hurt_gold thinker "${drops[@]}"
run 0 watch "$T/whole" --once --golden "$T/gold.safetensors"
says out 'layer 3: complete, 45 tensors right; not compared'
says out 'layer 2: complete, 45 tensors right, 7 modules as in gold'
run 0 watch "$T/whole" --once --golden "$T/gold.safetensors" --json -q
equal .verdict warn

test_that 'it gives up, and says what is absent'
watched "$file" norms/thinker_norms_layer_01.safetensors
begin --timeout 0.5
ends 1
says out 'No file arrived or changed for 0.5 seconds'
says out 'input_layernorm.weight of layer 1'
says out 'mlp.experts of layer 2: expert 3'
run 1 watch "$X" --once --json -q
json '.findings[] | select(.check == "inventory.absent" and .summary) | .measured == 5 and .verdict == "fail"'
watched "$file"
head -c 500 "$T/whole/$file" >"$X/$file"
run 1 watch "$X" --timeout 0.5 --settle 1000
says out 'truncated'
says out 'No file arrived or changed for 0.5 seconds'
watched "$file"
begin --timeout 1 --settle 1000
until_says out 'layer 4: complete'
ln "$T/whole/$file" "$X/$file" # nobody closes it
ends 0
says out 'layer 2: complete'
test_that 'an extraction that says it is finished'
watched "$file"
begin --settle 0.3
until_says out 'layer 0: complete'
cp "$T/whole/extraction_manifest.json" "$X"
ends 1
says out 'says that it is finished'
says out 'mlp.experts of layer 2: expert 3'

watched "$file"
cp "$T/whole/extraction_manifest.json" "$X"
begin --settle 0.2 --timeout 1
ends 1
says out 'No file arrived' # a manifest that was there before says nothing
test_that 'names are printed without what would command the terminal'
damaged rename layers.2.self_attn.q_norm.weight $'thinker.model.\033[31m.weight'
run 1 watch "$T/hurt" --once
says out 'thinker.model.'
if grep -q $'\033' "$T/out"; then failed 'an escape sequence'; else passed; fi

test_that 'ended by hand'
watched "$file"
begin
until_says out 'layer 0: complete'
kill -TERM "$watching"
ends 143
says_not err Sanitizer

test_that 'what cannot be watched'
run 3 watch "$T/none" --once --source "$source"
says err "$T/none"
run 3 watch "$T/none"
says err 'no config.json'
run 3 watch "$T/proof.json" --source "$source"
says err 'proof.json'
run 1 watch "$T/whole" --once --golden "$(gold llama)" --json -q
json "$(summary config.gold).verdict == \"fail\""
cp -r "$source" "$T/torn"
truncate -s -1 "$(ls "$T/torn"/*.safetensors | head -n 1)"
run 3 watch "$T/whole" --once --source "$T/torn"
says err 'nothing can be compared with it'
rm -rf "$T/torn"
