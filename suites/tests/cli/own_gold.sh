# Gold that somebody saved from a few lines of Python: names, shapes and last layers as they come, understood and told. The arrays
# are those of transformers in suites/data/foreign/npy: [1, 6, ...] of the thinker's 5 layers.
arrays=suites/data/foreign/npy/short
read="$(summary gold.read)"

# own [FROM=TO]...: $T/own with the token ids, and these arrays under these names. FROM: embed_tokens, layers.N, norm, lm_head
own() {
    rm -rf "$T/own"
    mkdir "$T/own"
    cp "$arrays/input_ids.npy" "$T/own"
    local pair from
    for pair in "$@"; do
        from=$arrays/model.language_model.${pair%%=*}.npy
        [ "${pair%%=*}" != lm_head ] || from=$arrays/lm_head.npy
        cp "$from" "$T/own/${pair#*=}.npy"
    done
}
# numbered STEM FIRST LAST [FROM=TO]...: the same, layers 0 to 3 under numbers that begin with FIRST; behind them LAST
numbered() {
    local stem=$1 first=$2 last=$3 layer names=()
    shift 3
    for layer in 0 1 2 3; do names+=("layers.$layer=$stem$((layer + first))"); done
    own "${names[@]}" "$last=$stem$((4 + first))" "$@"
}
# own_check STATUS [ARGUMENT...]
own_check() {
    local status=$1
    shift
    run "$status" check "$nano/thinker" --suite "$proof" --golden "$T/own" --json -q "$@"
}
# understood COUNT: all tensors were compared, so many places
understood() {
    json "$(summary gold.compared) | .measured == 0"
    json "$(summary layers.propagated) | .verdict == \"pass\" and .compared == $1"
    json "$(summary layers.isolated).verdict == \"pass\""
}
told() { json "$read | .verdict == \"pass\" and (.message | test(\"$1\"))"; }
untold() { json "[$read | .message | test(\"$1\")] | any | not"; }

for stem in hidden_states. hidden_state_ $(some 1 layer_ h layers. model.layers. Hidden-States- blocks.); do
    test_that "transformers' hidden states as $stem""0 to $stem""5: the last comes after the final norm"
    numbered $stem 1 norm embed_tokens=${stem}0 lm_head=logits
    own_check 0
    understood 7
    told 'logits is lm_head; batch axes of 1 are dropped'
    told '0 being the embedding'
    told 'model.layers.4 comes after the final norm.*root mean square of 1.*so it is compared with model.norm'
done
test_that 'the same as text'
run 0 check "$nano/thinker" --suite "$proof" --golden "$T/own"
says out 'so it is compared with model.norm'

test_that 'layers counted from 1, and from 0'
numbered layer_ 1 norm lm_head=output_logits
own_check 0
understood 6
told 'layer_N is the output of layer N - 1;'
numbered layer_ 0 layers.4 embed_tokens=embeddings norm=final_norm lm_head=lm_head
own_check 0
understood 8
told 'layer_N is the output of layer N, counted from 0'
untold 'after the final norm'
numbered hidden. 0 norm
own_check 0
understood 5
told 'hidden_states.N is the output of layer N, counted from 0; model.layers.4 comes after the final norm'
numbered model.layers. 1 layers.4
own_check 0
understood 5
told 'model.layers.N is the output of layer N - 1'
own layers.1=layer_1 layers.3=layer_3
own_check 3
says err 'layer_1 to layer_3 may be counted from 0 or from 1, and the 5 layers of the model do not tell which'
own layers.1=model.layers.1 layers.3=layers.3.output
own_check 0
understood 2

test_that 'what is there twice'
numbered hidden_states. 1 norm layers.4=model.layers.4 layers.2=model.layers.2 norm=last_hidden_state lm_head=logits
own_check 0
understood 7
told "after the final norm.*gold's model.norm is the same"
told 'model.layers.2 is there twice, with the same values'
told 'model.norm is there twice, with the same values'
own layers.1=model.layers.2 layers.2=hidden_states.3
own_check 3
says err "two arrays that differ are both read as 'case/model.layers.2'"

test_that 'the last layer by its name, and behind the final norm all the same'
numbered model.layers. 0 norm lm_head=logits
own_check 0
understood 6
numbered model.layers. 0 norm norm=model.norm lm_head=logits
own_check 0
told "gold's model.norm is the same"

test_that 'no broken last layer is excused by it'
numbered model.layers. 0 layers.4 norm=norm lm_head=logits
own_check 1 --fault scale:model.layers.4.mlp.experts.3.down_proj.weight,3
untold 'after the final norm'
equal "$(summary layers.propagated).first_bad_module" model.layers.4
numbered hidden_states. 1 norm lm_head=logits
own_check 1 --fault scale:model.layers.4.self_attn.o_proj.weight,1.5
told 'after the final norm'
equal "$(summary layers.propagated).first_bad_module" model.norm
own_check 1 --fault initialise:model.norm.weight
told 'lm_head gives gold.s logits for it'
blames model.norm
numbered model.layers. 0 layers.4 lm_head=logits
own_check 1 --fault initialise:model.norm.weight
untold 'after the final norm'

test_that 'a dump beside a dump'
numbered hidden_states. 1 norm embed_tokens=hidden_states.0 lm_head=logits
mkdir "$T/pair"
cp -r "$T/own" "$T/pair/short"
run 0 compare suites/data/foreign/npy "$T/pair" --json -q
json "$(summary layers.propagated) | .verdict == \"pass\" and .compared == 7"
json "$read | .message | test(\"How the subject's were read: .*after the final norm.*model.norm of the other dump is the same\")"
run 0 compare "$T/pair" suites/data/foreign/npy --json -q
json "$(summary layers.propagated) | .verdict == \"pass\" and .compared == 7"
cp "$arrays/model.language_model.layers.3.npy" "$T/pair/short/hidden_states.5.npy"
run 1 compare suites/data/foreign/npy "$T/pair" --json -q
equal "$(summary layers.propagated).first_bad_module" model.layers.4

# pack FILE NAME=NPY...: a safetensors file of these arrays
pack() {
    local out=$1 pair size at=0 header='{}' parts=()
    shift
    for pair in "$@"; do
        local file=${pair#*=} dtype=F32
        parts+=("$file")
        size=$(($(stat -c %s "$file") - 128))
        ! head -c 128 "$file" | grep -q "'<i8'" || dtype=I64
        header=$(jq -c --arg name "${pair%%=*}" --arg dtype $dtype --argjson from $at --argjson to $((at + size)) \
            --argjson shape "[$(head -c 128 "$file" | tr -d '\0' | LC_ALL=C sed -n "s/.*'shape': (\([0-9, ]*[0-9]\),*).*/\1/p")]" \
            '.[$name] = {$dtype, $shape, data_offsets: [$from, $to]}' <<<"$header")
        at=$((at + size))
    done
    {
        printf "\\x$(printf %02x $((${#header} & 255)))\\x$(printf %02x $((${#header} >> 8)))\0\0\0\0\0\0%s" "$header"
        for file in "${parts[@]}"; do tail -c +129 "$file"; done
    } >"$out"
}
the() { printf '%s/model.language_model.%s.npy' "$arrays" "$1"; }
states=(hidden_states.{0,1,2,3,4,5})
of=("$(the embed_tokens)" "$(the layers.0)" "$(the layers.1)" "$(the layers.2)" "$(the layers.3)" "$(the norm)")
members=(input_ids="$arrays/input_ids.npy" logits="$arrays/lm_head.npy")
for i in "${!states[@]}"; do members+=("${states[i]}=${of[i]}"); done

test_that 'one safetensors file'
rm -rf "$T/own"
mkdir "$T/own"
pack "$T/one.safetensors" "${members[@]}"
run 0 check "$nano/thinker" --suite "$proof" --golden "$T/one.safetensors" --json -q
understood 7
told 'logits is lm_head'
told 'after the final norm'
run 0 compare "$T/one.safetensors" "$nano/thinker" -q
run 1 check "$nano/thinker" --suite "$proof" --golden "$T/one.safetensors" --json -q --fault scale:model.layers.2.self_attn.o_proj.weight,1.5
equal "$(summary layers.propagated).first_bad_module" model.layers.2

test_that 'a file for each case, and cases by name in one file'
cp "$T/one.safetensors" "$T/own/a.safetensors"
cp "$T/one.safetensors" "$T/own/b.safetensors"
own_check 0
understood 7
json '.gold[0].cases == 2'
pack "$T/two.safetensors" "${members[@]/#/a/}" "${members[@]/#/b/}"
run 0 check "$nano/thinker" --suite "$proof" --golden "$T/two.safetensors" --json -q
understood 7
json '.gold[0].cases == 2'

test_that 'token ids in one file and arrays in others'
rm "$T/own"/*
cp "$arrays/input_ids.npy" "$T/own"
pack "$T/own/logits.safetensors" logits="$arrays/lm_head.npy"
pack "$T/own/states.safetensors" layer_1="$(the layers.0)" layer_5="$(the layers.4)" loss="$arrays/lm_head.npy" \
    model.norm.weight="$(the norm)" past_key_values="$(the layers.0.self_attn.k_norm)"
own_check 0
json "$(summary layers.propagated) | .verdict == \"pass\" and .compared == 3"
told 'model.norm.weight .1, 6, 40.: left out, without a row for each token'
run 0 compare "$T/own" "$nano/thinker" -q

test_that 'bfloat16 arrays'
"$damage" "$T/one.safetensors" "$T/few.safetensors" cast hidden_states.1 BF16 cast hidden_states.2 BF16 cast hidden_states.3 BF16 \
    cast hidden_states.4 BF16 cast hidden_states.5 BF16 cast logits BF16
run 0 check "$nano/thinker" --suite "$proof" --golden "$T/few.safetensors" --json -q
understood 7
json "$(summary gold.precision).dtype == \"bfloat16\""
told 'after the final norm'

test_that 'what is no gold'
pack "$T/no.safetensors" logits="$arrays/lm_head.npy"
run 3 check "$nano/thinker" --golden "$T/no.safetensors" -q
says err "$T/no.safetensors: the token ids are absent: add an array named ids or input_ids"
pack "$T/no.safetensors" model.norm.weight="$(the norm)"
run 3 check "$nano/thinker" --golden "$T/no.safetensors" -q
says err 'not a golden dump'
run 3 compare "$nano/llama" "$T/one.safetensors" -q

test_that 'a file of torch.save: a dictionary for each case, hidden states as a tuple'
for path in "$T/saved.pt" "$T/saved"; do
    [ "$path" = "$T/saved.pt" ] || { mkdir "$path" && mv "$T/saved.pt" "$path/all.pth"; }
    [ -e "$path/all.pth" ] || cp suites/data/torch/gold.pt "$path"
    run 0 check "$nano/llama" --suite "$proof" --golden "$path" --json -q
    json "$(summary gold.compared) | .measured == 0"
    json "$(summary layers.propagated) | .verdict == \"pass\" and .compared == 7"
    json "$(summary logits.kl) | .verdict == \"pass\" and .positions == 8"
    run 1 check "$nano/llama" --suite "$proof" --golden "$path" --fault scale:model.layers.2.mlp.down_proj.weight,1.1 --json -q
    equal "$first_bad" 2
done
test_that 'the same in a list'
run 0 check "$nano/llama" --suite "$proof" --golden suites/data/torch/gold-list.pt --json -q
json "$(summary logits.kl) | .verdict == \"pass\" and .positions == 3"
test_that 'weights of torch.save are no gold, and what keeps a file from being read is told'
run 3 check "$nano/llama" --golden suites/data/torch/trainer.pt -q
says err 'trainer.pt: is a PyTorch file'
run 3 check "$nano/llama" --golden suites/data/torch/object.pt -q
says err 'object.pt: calls for argparse.Namespace'
run 3 check "$nano/llama" --golden suites/data/torch/legacy.pt -q
says err 'legacy.pt: is a PyTorch file of the kind before version 1.6'
