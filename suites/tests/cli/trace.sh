# Dumps of our own engine, and what compare says of them.
test_that 'a dump of the cases of gold is the same as gold'
for model in thinker llama; do
    run 0 trace "$nano/$model" --golden "$(gold $model)" -o "$T/dump.safetensors"
    silent out
    says err "$T/dump.safetensors"
    run 0 compare "$(gold $model)" "$T/dump.safetensors" --json -q
    silent err
    json '.subject.format == "dump" and .verdict == "pass"'
    equal "$(summary layers.isolated).verdict" skip
    json "$(summary layers.propagated).not_compared == 0"
    run 0 compare "$T/dump.safetensors" "$T/dump.safetensors" -q
    run 0 compare "$T/dump.safetensors" "$(gold $model)" -q
    run 0 check "$nano/$model" --suite "$proof" --golden "$T/dump.safetensors" -q
    run 0 trace "$nano/$model" --golden "$(gold $model)" -o "$T/chunk.safetensors" --chunk 1 -q
    silent err
    run 0 compare "$(gold $model)" "$T/chunk.safetensors" -q
    run 0 compare "$T/dump.safetensors" "$T/chunk.safetensors" -q
    run 0 trace "$nano/$model" --golden "$(gold $model)" -o "$T/again.safetensors" -q --threads 1
    run 0 trace "$nano/$model" --golden "$(gold $model)" -o "$T/dump.safetensors" -q --threads 2
    same "$(cmp "$T/dump.safetensors" "$T/again.safetensors")" ''
done

test_that '--prompt and --ids, several of each'
run 0 trace "$nano/thinker" --prompt 'Hello world' --prompt 'дом' --ids 39,68,347 --ids '1 2' -o "$T/own.safetensors" -q
run 0 compare "$T/own.safetensors" "$nano/thinker" --json -q
equal '.gold[0].cases' 4
run 0 trace "$nano/thinker" --ids "$("$assay" tokenize "$nano/thinker" 'Hello world')" -o "$T/ids.safetensors" -q
run 0 trace "$nano/thinker-extraction" --source "$nano/thinker" --prompt 'Hello world' -o "$T/prompt.safetensors" -q
"$damage" "$T/ids.safetensors" "$T/ids2.safetensors" submeta cases ids-0 x meta other 1 2>/dev/null
same "$(tail -c 1000 "$T/ids.safetensors" | cksum)" "$(tail -c 1000 "$T/prompt.safetensors" | cksum)"
run 3 trace "$nano/thinker" --prompt '' -o "$T/nothing.safetensors"
absent "$T/nothing.safetensors"
run 3 trace "$nano/thinker" --ids 408 -o "$T/nothing.safetensors"
says err 408
absent "$T/nothing.safetensors"
run 3 trace "$nano/thinker-extraction" --config "$nano/thinker/config.json" --prompt a -o "$T/nothing.safetensors"
says err --tokenizer
run 0 trace "$nano/thinker-extraction" --config "$nano/thinker/config.json" --ids 1 -o "$T/some.safetensors" -q
"$damage" "$(gold thinker)" "$T/wild.safetensors" submeta cases '"ids": [285' '"ids": [500000000'
run 3 trace "$nano/thinker" --golden "$T/wild.safetensors" -o "$T/nothing.safetensors"
says err 'outside the vocabulary'

test_that '--points'
run 0 trace "$nano/qwen3" --golden "$(gold qwen3)" -o "$T/logits.safetensors" --points logits -q
run 0 compare "$(gold qwen3)" "$T/logits.safetensors" --json -q
json "$(summary layers.propagated) | .compared == 1 and .not_compared > 100"
run 0 trace "$nano/qwen3" --golden "$(gold qwen3)" -o "$T/layers.safetensors" --points layers -q
run 0 compare "$(gold qwen3)" "$T/layers.safetensors" --json -q
json "$(summary layers.propagated) | .compared == 5"
equal "$(summary logits.kl).verdict" skip

test_that 'what a dump lacks is told in words'
run 0 trace "$nano/qwen3" --ids 1,2,3 -o "$T/dump.safetensors" -q
run 3 compare "$(gold qwen3)" "$T/dump.safetensors"
says err 'in common'
run 0 compare "$(gold qwen3)" "$T/logits.safetensors" --json -q
json "$(summary layers.propagated).message | test(\"[0-9]+ tensors of gold not compared\")"

test_that 'arguments in the wrong order are told as such'
run 3 compare "$nano/qwen3" "$(gold qwen3)"
says err 'the dump comes first'
run 3 compare "$nano/qwen2/model.safetensors" "$(gold qwen2)"
says err 'the dump comes first'
run 3 compare "$nano/qwen3" "$nano/qwen3"
says_not err 'the dump comes first'
head -c 9999 "$(gold qwen3)" >"$T/cut.safetensors"
run 3 compare "$T/cut.safetensors" "$(gold qwen3)"
says_not err 'the dump comes first'

test_that 'the dump of a damaged model fails, with the first bad layer'
hurt thinker scale layers.2.self_attn.o_proj.weight 1.01
run 0 trace "$T/hurt" --golden "$(gold thinker)" -o "$T/dump.safetensors" -q
run 1 compare "$(gold thinker)" "$T/dump.safetensors" --json -q
equal "$first_bad" 2
equal "$(summary layers.propagated).first_bad_module" model.layers.2.self_attn
json "$(summary logits.kl).verdict == \"fail\""
run 1 compare "$(gold thinker)" "$T/hurt" --json -q
equal "$first_bad" 2
blames model.layers.2.self_attn
test_that 'NaN in a dump'
run 0 trace "$nano/thinker" --golden "$(gold thinker)" -o "$T/dump.safetensors" -q
"$damage" "$T/dump.safetensors" "$T/nan.safetensors" nan ids-3/model.layers.3.mlp 5 6
run 1 compare "$(gold thinker)" "$T/nan.safetensors" --json -q
equal "$first_bad" 3
json '.findings[] | select(.check == "layers.propagated" and (.summary | not)) | .where.token == 5 and .where.case == "ids-3"'
"$damage" "$T/dump.safetensors" "$T/nan.safetensors" nan ids-3/lm_head 5 6
run 1 compare "$(gold thinker)" "$T/nan.safetensors" --json -q
json "$(summary logits.kl).measured == \"inf\""
test_that 'a dump of another width'
"$damage" "$T/dump.safetensors" "$T/wide.safetensors" shape ids-3/model.layers.3.mlp 33,41
run '1|3' compare "$(gold thinker)" "$T/wide.safetensors"
says err model.layers.3.mlp
test_that 'a damaged dump is called a damaged dump'
cp "$T/dump.safetensors" "$T/cut.safetensors"
truncate -s -9 "$T/cut.safetensors"
run 3 compare "$(gold thinker)" "$T/cut.safetensors"
says err "$T/cut.safetensors"
"$damage" "$T/dump.safetensors" "$T/cut.safetensors" unmeta cases
run 3 compare "$(gold thinker)" "$T/cut.safetensors"
says err "$T/cut.safetensors"
says err cases

test_that 'absent tensors: refused, all of them listed, unless asked'
hurt thinker drop layers.1.input_layernorm.weight drop layers.3.input_layernorm.weight drop layers.2.mlp.experts.4.gate_proj.weight \
    drop layers.2.mlp.experts.5.gate_proj.weight drop lm_head.weight
run 3 trace "$T/hurt" --ids 1,2 -o "$T/absent.safetensors"
says err 'input_layernorm.weight of layers 1, 3'
says err 'gate_proj.weight of layer 2'
says err 'experts 4, 5'
says err lm_head.weight
absent "$T/absent.safetensors"
for missing in default zero; do
    run 0 trace "$T/hurt" --ids 1,2 -o "$T/absent.safetensors" --missing $missing -q
    there "$T/absent.safetensors"
done

test_that 'a place that cannot be written'
: >"$T/file"
run 3 trace "$nano/qwen3" --ids 1 -o "$T/file/dump.safetensors"
says err "$T/file"
run 3 trace "$nano/qwen3" --ids 1 -o "$T/no/such/folder/dump.safetensors"
says err "$T/no/such/folder"
absent "$T/no"
run 3 trace "$nano/qwen3" --ids 1 -o /proc/dump.safetensors
mkdir "$T/space"
cp "$T/file" "$T/space/old.safetensors"
(ulimit -f 8; "$assay" trace "$nano/qwen3" --golden "$(gold qwen3)" -o "$T/space/old.safetensors" >"$T/out" 2>"$T/err")
same $? 3
says err "$T/space/old.safetensors"
same "$(ls -A "$T/space")" old.safetensors
same "$(wc -c <"$T/space/old.safetensors")" 0

test_that 'killed in the middle: nothing under the final name'
ids=$(seq -s , 1 400)
arguments=()
for _ in {1..60}; do arguments+=(--ids "$ids"); done
"$assay" trace "$nano/thinker" "${arguments[@]}" -o "$T/killed.safetensors" -q --threads 1 &
process=$!
for _ in {1..200}; do
    compgen -G "$T/*killed.safetensors*" >/dev/null || compgen -G "$T/.*killed.safetensors*" >/dev/null && break
    sleep 0.01
done
kill -KILL $process
wait $process 2>/dev/null
same $? 137
absent "$T/killed.safetensors"
test_that 'ended by a signal: nothing at all is left'
mkdir "$T/ended"
for signal in TERM HUP INT; do
    env --default-signal=$signal "$assay" trace "$nano/thinker" "${arguments[@]}" -o "$T/ended/dump.safetensors" -q --threads 1 &
    process=$!
    for _ in {1..400}; do
        compgen -G "$T/ended/*" >/dev/null && break
        sleep 0.01
    done
    same "$(ls "$T/ended")" "dump.safetensors.tmp.$process"
    kill -$signal $process
    wait $process 2>/dev/null
    same $? $((128 + $(kill -l $signal)))
    same "$(ls -A "$T/ended")" ''
done
test_that 'a device is not replaced by a file'
mkfifo "$T/fifo"
run 3 trace "$nano/qwen3" --ids 1 -o "$T/fifo" -q
says err "$T/fifo"
if [ -p "$T/fifo" ]; then passed; else failed 'the pipe was replaced'; fi
test_that 'dumps whose ids or widths do not fit their logits are refused'
run 0 trace "$nano/qwen3_moe" --ids 1,2 -o "$T/one.safetensors" -q
"$damage" "$T/one.safetensors" "$T/wild.safetensors" unmeta config submeta cases '[1,2]' '[1,500000000]'
run 3 compare "$T/wild.safetensors" "$T/wild.safetensors"
says err 'token id 500000000, outside the vocabulary'
"$damage" "$T/one.safetensors" "$T/wild.safetensors" unmeta config rename ids-0/model.layers.1.mlp.gate ids-0/spare \
    && "$damage" "$T/wild.safetensors" "$T/wide.safetensors" rename ids-0/lm_head ids-0/model.layers.1.mlp.gate
run 3 compare "$T/wide.safetensors" "$T/wide.safetensors"
says err 'values for each token, but the configuration calls for'
run 0 compare "$T/one.safetensors" "$T/one.safetensors"
