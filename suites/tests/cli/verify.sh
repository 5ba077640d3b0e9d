# The passport: every byte is held against it, and one root says which model it is.
V=$T/v
"$assay" extract "$nano/thinker" "$V" -q >/dev/null 2>&1
cp -r "$V" "$V.right"
# anew: the right extraction again, in $V.
anew() { rm -rf "$V" && cp -r "$V.right" "$V"; }
flip() { # flip FILE BYTE: its lowest bit
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
    printf "\\x$(printf %x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
failing="[.findings[] | select(.summary and .verdict == \"fail\") | .check] | sort | join(\" \")"
places() { printf '[.findings[] | select(.check == "%s" and (.summary | not))]' "$1"; }

test_that 'a right extraction is its model'
root=$(jq -r .root "$V/extraction_manifest.json")
run 0 verify "$V" -q
says out "$V is model $root"
says out 'All 5 checks passed'
run 0 verify "$V" --json -q
json '.command == "verify" and .verdict == "pass" and .subject.format == "extraction" and .subject.tensors == 228'
json "$(summary passport.root).root == \"$root\""
equal "$failing" ''
run 0 verify "$V" --source "$nano/thinker" -q
says out "$V is model $root, the model in $nano/thinker"
run 0 verify "$V" -q -o "$T/verified" --threads 1
there "$T/verified/report.html"

test_that 'the root is that of the original, whatever the files are'
for model in $(some 2 mixtral thinker llama qwen2 qwen2_moe qwen2_window qwen3 qwen3_moe); do
    rm -rf "$V.m"
    "$assay" extract "$nano/$model" "$V.m" -q >/dev/null 2>&1
    run 0 verify "$nano/$model" --root
    same "$(cut -d ' ' -f 1 "$T/out")" "$(jq -r .root "$V.m/extraction_manifest.json")"
    run 0 verify "$V.m" --root --threads 1 --json
    equal .root "$(jq -r .root "$V.m/extraction_manifest.json")"
    run 0 verify "$V.m" --source "$nano/$model" --json -q
    equal "$(summary passport.source).message" "All $(jq '.tensors | length' "$V.m/extraction_manifest.json") tensors and the files beside them are those of $nano/$model, byte for byte; its root is the same."
done
for way in plain transposed; do
    edits=()
    for layer in 0 1 2 3 4; do edits+=(fuse $layer $way); done
    hurt thinker "${edits[@]}"
    run 0 verify "$T/hurt" --root
    same "$(cut -d ' ' -f 1 "$T/out")" "$root"
    run 0 verify "$V" --source "$T/hurt" -q
    says out "$V is model $root, the model in"
done

# The definition (engine/store/passport.h), by other means.
hash() { sha256sum | cut -d ' ' -f 1; }
bytes() { sed 's/../\\x&/g' <<<"$1"; }
tree() { # the root of the leaves $@
    local half=1
    [ $# -gt 1 ] || { printf '%s' "$1"; return; }
    while [ $((half * 2)) -lt $# ]; do half=$((half * 2)); done
    local left right
    left=$(tree "${@:1:half}") right=$(tree "${@:half+1}")
    printf "\x01$(bytes "$left")$(bytes "$right")" | hash
}
test_that 'the root is what it says it is'
"$assay" extract "$nano/qwen3" "$V.q" -q >/dev/null 2>&1
leaves=()
while IFS=$'\t' read -r kind name dtype shape sha; do
    if [ "$kind" == file ]; then
        leaves+=("$({ printf '\0file\0%s\0' "$name"; printf %s "$sha"; } | hash)")
    else
        leaves+=("$({ printf '\0tensor\0%s\0%s\0%s\0' "$name" "$dtype" "$shape"; printf %s "$sha"; } | hash)")
    fi
done < <(jq -r '((.companions | sort_by(.file))[] | ["file", .file, "-", "-", .sha256]), ((.tensors | sort_by(.name))[] |
    ["tensor", .name, .dtype, (.shape | map(tostring) | join(",")), .sha256]) | @tsv' "$V.q/extraction_manifest.json")
same "$(tree "${leaves[@]}")" "$(jq -r .root "$V.q/extraction_manifest.json")"
same "$(jq -r '.companions[] | select(.file == "config.json").sha256' "$V.q/extraction_manifest.json")" "$(hash <"$nano/qwen3/config.json")"

test_that 'a flipped bit in any file is named'
while read -r file size; do
    name=${file#"$V"/} header=$(($(od -An -tu8 -N8 "$file" | tr -d ' ') + 8))
    for at in 9 $((header - 1)) "$header" $((header + (size - header) / 3)) $((size - 1)); do
        flip "$file" "$at"
        run 1 verify "$V" --json -q
        if [ "$at" -lt "$header" ]; then
            equal "$(places passport.files) | map(.where.file) | join(\" \")" "$V/$name"
            equal "$failing" passport.files
        else
            tensor=$(jq -r --arg file "$name" --argjson at "$at" '[.tensors[] | select(.file == $file and .begin <= $at)] | max_by(.begin).name' "$V/extraction_manifest.json")
            equal "$(places passport.tensors) | map([.where.tensor, .where.file] | join(\" \")) | join(\" \")" "$tensor $V/$name"
            equal "$failing" passport.tensors
        fi
        flip "$file" "$at"
    done
done < <(find "$V" -name '*.safetensors' -printf '%p %s\n' | sort | awk -v every="$(thorough && echo 9 || echo 39)" 'NR % every == 1')
run 0 verify "$V" -q
expert=$V/experts/thinker_expert_003_layer_02.safetensors
flip "$expert" $(($(stat -c %s "$expert") - 1))
run 1 verify "$V" --json -q
json "$(places passport.tensors)[0] | .where.layer == 2 and .where.expert == 3 and (.expected | length) == 64 and (.found | length) == 64 and .expected != .found"
run 1 verify "$V" -q
says out "'model.layers.2.mlp.experts.3.up_proj.weight' in experts/thinker_expert_003_layer_02.safetensors"
run 1 verify "$V" --source "$nano/thinker" -q
anew

test_that 'files that are absent, cut, longer, empty, garbage, or too many'
norms=$V/norms/thinker_norms_layer_01.safetensors
# wrong WHICH WORDS COMMAND...: after the command, these checks fail and the report says the words.
wrong() {
    local which=$1 words=$2
    shift 2
    "$@" || failed "$*"
    run 1 verify "$V" --json -q
    equal "$failing" "$which"
    json "[.findings[].message] | any(contains(\"$words\"))"
    anew
}
wrong 'passport.files passport.tensors' 'norms/thinker_norms_layer_01.safetensors is absent, with 2 tensors' rm "$norms"
wrong 'passport.files passport.tensors' 'and should have' truncate -s -1 "$norms"
wrong passport.files 'and should have' truncate -s +1 "$norms"
wrong 'passport.files passport.tensors' 'has 0 bytes' truncate -s 0 "$norms"
wrong 'passport.files passport.tensors' 'the header' dd if=/dev/urandom of="$norms" bs="$(stat -c %s "$norms")" count=1 status=none
wrong 'passport.files passport.tensors' 'not a regular file' sh -c "rm '$norms' && mkdir '$norms'"
wrong 'passport.files' 'norms/more.safetensors is not in the passport' cp "$norms" "$V/norms/more.safetensors"
wrong 'passport.files' 'model-1.safetensors is not in the passport' cp "$norms" "$V/model-1.safetensors"
wrong 'passport.files passport.tensors' "'model.layers.1.input_layernorm.weight'" cp "$V/norms/thinker_norms_layer_02.safetensors" "$norms"
wrong passport.companions 'config.json: its SHA-256' sh -c "echo >>'$V/config.json'"
wrong passport.companions 'tokenizer.json cannot be read' rm "$V/tokenizer.json"
wrong passport.companions 'chat_template.jinja is not in the passport' touch "$V/chat_template.jinja"
wrong passport.companions 'expert_availability_map.json' sh -c "echo '{}' >'$V/expert_availability_map.json'"
wrong passport.root 'not finished' touch "$V/extraction_unfinished"
touch "$V/norms/notes.txt"
run 0 verify "$V" --json -q
equal "$(summary passport.files).verdict" warn
mkfifo "$V/norms/pipe.safetensors"
run 1 verify "$V" -q
rm "$norms" && mkfifo "$norms"
run 1 verify "$V" -q
anew

test_that 'a manifest that was edited, or that half a model has'
edit() { # edit FILTER: the manifest
    jq "$1" "$V.right/extraction_manifest.json" >"$V/extraction_manifest.json"
}
row='.tensors[3]'
wrong 'passport.root passport.tensors' 'it was edited' edit "$row.sha256 = .tensors[4].sha256"
wrong passport.root 'it was edited' edit '.root = (.root | explode | reverse | implode)'
wrong 'passport.companions passport.root' 'it was edited' edit '.companions[0].sha256 = .tensors[0].sha256'
wrong 'passport.companions passport.root' 'it was edited' edit 'del(.companions[0])'
wrong 'passport.root' 'faults were planted: scale' edit '.faults = ["scale:x"]'
wrong 'passport.root' 'a part of the model only' edit '.complete = false'
# and what cannot be one
malformed() {
    edit "$2"
    run 1 verify "$V" --json -q
    equal "$failing" passport.root
    json "$(summary passport.root).message | contains(\"$1\")"
}
malformed 'occurs twice' ".tensors += [$row]"
malformed 'occurs twice' '.files += [.files[0]]'
malformed 'occurs twice' '.companions += [.companions[0]]'
malformed 'cannot be the path of a file' '.files[0].file = "../x/y"'
malformed 'cannot be the path of a file' '.files[0].file = "/etc/passwd"'
malformed 'cannot be the path of a file' '.files[0].file = "norms//x"'
malformed 'cannot be the name of a file' '.companions[0].file = "../config.json"'
malformed 'is not among' "$row.file = \"norms/none\""
malformed 'where it would overlap another' "$row.begin = 7"
malformed 'where it would overlap another' "$row.shape = [4294967296, 2097152]"
malformed 'overflows' "$row.shape = [4294967296, 4294967296, 4294967296]"
malformed 'a row of its lists has no' "$row.begin = -1"
malformed 'a row of its lists has no' "del($row.sha256)"
malformed 'is no SHA-256' "$row.sha256 = \"x\""
malformed 'is no SHA-256' '.root = "x"'
malformed 'which assay does not know' "$row.dtype = \"F33\""
malformed 'should be a list of at most 8 whole numbers' "$row.shape = [1,1,1,1,1,1,1,1,1]"
malformed 'belong to no tensor' '.files[0].size += 1'
malformed 'where it would overlap another' 'del(.tensors[1])'
malformed 'no list' 'del(.files)'
malformed 'no list' '.tensors = {}'
malformed 'should be a string' "$row.name = 3"
malformed 'should be a list of strings' '.faults = [1]'
head -c 3000 "$V.right/extraction_manifest.json" >"$V/extraction_manifest.json"
run 1 verify "$V" -q
says out 'malformed JSON'
: >"$V/extraction_manifest.json"
run 1 verify "$V" -q
edit 'del(.root)'
run 3 verify "$V" -q
says err 'not a passport'
anew
rm -rf "$V.p"
"$assay" extract "$nano/thinker" "$V.p" --only norms,routers -q >/dev/null 2>&1
run 1 verify "$V.p" --json -q
equal "$failing" 'passport.expected passport.root'
sed -i 's/"complete": false/"complete": true/' "$V.p/extraction_manifest.json"
rm "$V.p/extraction_unfinished"
run 1 verify "$V.p" --json -q
equal "$failing" passport.expected
json "$(summary passport.expected).message | contains(\"mlp.experts of layer 0: experts 0-11\")"
test_that 'two tensors of one shape that changed places, with a passport that agrees, are named'
"$damage" --layout "$V" "$V.swapped" rename layers.1.input_layernorm.weight x rename layers.1.post_attention_layernorm.weight thinker.model.layers.1.input_layernorm.weight \
    rename x thinker.model.layers.1.post_attention_layernorm.weight || failed damage
file=norms/thinker_norms_layer_01.safetensors
header=$(($(od -An -tu8 -N8 "$V.swapped/$file" | tr -d ' ') + 8))
if [ "$header" == "$(jq '[.tensors[] | select(.file == "'$file'") | .begin] | min' "$V/extraction_manifest.json")" ]; then
    cp "$V.swapped/$file" "$V/$file"
    edit "(.files[] | select(.file == \"$file\")).header_sha256 = \"$(head -c "$header" "$V/$file" | hash)\""
    run 1 verify "$V" --json -q
    equal "$failing" passport.files
    json "$(places passport.files)[0].message | contains(\"its header gives tensor\")"
else
    failed 'the header has another length'
fi
anew

test_that 'a broken copy proves nothing, and against the original less'
"$assay" break "$nano/thinker" "$V.b" --fault scale:layers.1.input_layernorm.weight,2 -q >/dev/null 2>&1
run 1 verify "$V.b" --json -q
equal "$failing" passport.root
run 1 verify "$V.b" --source "$nano/thinker" --json -q
equal "$failing" 'passport.root passport.source'
equal "$(places passport.source) | map(.where.tensor) | join(\" \")" model.layers.1.input_layernorm.weight

test_that 'against the original, without a passport'
run 3 verify "$nano/thinker-extraction" -q
says err 'there is no passport to verify; name the original with --source'
run 0 verify "$nano/thinker-extraction" --source "$nano/thinker" -q
says out "has the tensors of model $root, the model in $nano/thinker"
run 3 verify "$nano/thinker" -q
run 0 verify "$nano/thinker" --source "$nano/thinker" -q
says out "$nano/thinker is model $root, the model in"
run 1 verify "$nano/qwen2" --source "$nano/qwen2_window" -q
# differs WHICH WORDS EDIT...: the damaged copy, one file a layout or not, against the original.
differs() {
    local which=$1 words=$2
    shift 2
    hurt thinker "$@"
    run 1 verify "$T/hurt" --source "$nano/thinker" --json -q
    equal "$failing" "$which"
    json "[.findings[].message] | any(contains(\"$words\"))"
}
differs passport.source "has other bytes than the original's" swap layers.1.input_layernorm.weight layers.2.input_layernorm.weight
differs passport.source "is F32 [40] here and BF16 [40] in the original: not equal" cast layers.1.input_layernorm.weight F32
differs 'passport.expected passport.source' "'model.layers.1.input_layernorm.weight' is absent" drop layers.1.input_layernorm.weight
differs 'passport.expected passport.source' "of another shape than the configuration calls for: 1" shape layers.1.input_layernorm.weight 20
differs passport.source 'and the original has none' rename thinker.audio_tower.conv2d1.bias model.more
rm -rf "$V.f" && cp -r "$nano/thinker-extraction" "$V.f"
mv "$V.f/norms/thinker_norms_layer_01.safetensors" "$V.f/norms/thinker_norms_layer_07.safetensors"
run 1 verify "$V.f" --source "$nano/thinker" --json -q
equal "$failing" inventory.misplaced
json "$(places inventory.misplaced)[0].message | contains(\"which belongs into norms/thinker_norms_layer_01.safetensors\")"
cp "$V.f/norms/thinker_norms_layer_07.safetensors" "$V.f/norms/thinker_norms_layer_01.safetensors"
run 1 verify "$V.f" --source "$nano/thinker" -q
says out 'occurs twice'
rm -rf "$V.f" && cp -r "$nano/thinker-extraction" "$V.f"
cp "$nano/qwen3/tokenizer.json" "$V.f/"
echo >>"$V.f/tokenizer.json"
run 1 verify "$V.f" --source "$nano/thinker" --json -q
json "$(places passport.source) | any(.message == \"tokenizer.json is not the original's.\")"

test_that 'what cannot be an original'
hurt thinker drop layers.1.input_layernorm.weight
run 3 verify "$V" --source "$T/hurt" -q
says err 'input_layernorm.weight of layer 1'
hurt_layout thinker
rm "$T/hurt/model-00002-of-00005.safetensors"
run 3 verify "$V" --source "$T/hurt" -q
says err model-00002-of-00005.safetensors
run 3 verify "$V" --source "$T/nothing" -q
run 3 verify "$T/nothing" -q
says err 'no such file'
run 3 verify "$T/hurt" --root -q
run 2 verify
run 2 verify "$V" "$V"
run 2 verify "$V" --root -o "$T/no"
run 2 verify "$V" --dry-run

test_that 'a pipe in place of the passport keeps nobody waiting for ever'
cp -r "$V" "$V.pipe" && rm "$V.pipe/extraction_manifest.json" && mkfifo "$V.pipe/extraction_manifest.json"
run 1 verify "$V.pipe" --json -q
json "$(summary passport.root).message | test(\"is a pipe, and nothing was written to it\")"
